/* Capture: a training step, written in plain ops, that is replayed without dispatch and allocation.
 *
 * The first replay rehearses the step: it runs it, records its calls, and undoes it. Once two
 * rehearsals in a row agree, they become a program: calls on memory that stays where it is, which
 * replays run without the function, the tape and the checks. A plan has a program for each shape of
 * batches that it met, 8 at most, and fewer where memory runs out: then the one used longest ago
 * goes, and its shape is rehearsed anew.
 *
 *     static bool step(void *user) {
 *         trainer *t = user;
 *         reel_batch b;
 *         if (!reel_loader_next(t->loader, &b)) return false;
 *         reel_tensor *loss = reel_mse_loss(reel_forward(t->model, b.x), b.x);
 *         reel_backward(loss);
 *         reel_optim_step(t->optim);
 *         reel_schedule_step(t->schedule);
 *         reel_meter_add(&t->loss, loss);
 *         return true;
 *     }
 *
 *     reel_plan *plan = reel_capture(step, &t, (reel_capture_options){0});
 *     while (epochs--) {
 *         reel_replay(plan, INT64_MAX);  // to the end of the loader's epoch
 *         ...
 *     }
 *     reel_plan_free(plan);
 *
 * What changes from step to step lies in tensors that were there before, and replays use what these
 * hold: inputs, parameters, an optimizer's state, rates, counts, generators, meters. Loaders,
 * schedules, meters, averages of weights, modules' modes (reel_train, reel_eval) and leaves that
 * are frozen and tracked (reel_module_freeze, reel_untrack, reel_track), as where two models train
 * against each other, do at each replay what the host has to do. All else that the function does on
 * the host is done when it is rehearsed, and not in a replay: counters of its own, branches, hooks
 * of gradients; whoever changes what they ask takes another plan. What the host alone does with
 * elements, rates and states in the function fails (reel_item, reel_read, reel_write, reel_data,
 * reel_to, reel_print; reel_optim_set_lr; files, states that are loaded): it is done between
 * replays.
 *
 * What rehearsals did to tensors, gradients, leaves, loaders, schedules, meters and modes is
 * undone, so that n replays are n steps. Batches of other shapes (an epoch's last) get a program of
 * their own, and so do gradients that are there already when a step begins: an optimizer may step
 * between replays that gather them. A tensor that the plan uses and the program lets go (a meter
 * that is reset, a parameter that is replaced, a loss that the step retained) is noticed, and the
 * step is rehearsed anew. So it is where a step begins with modules in other modes, or where the
 * thread that replays freezes leaves, tracks some or adds groups to an optimizer between calls of
 * reel_replay. What a step leaves behind, a loss that is retained or gradients that are not zeroed,
 * is written by each replay into the same memory. Each program keeps the memory of what its step
 * makes.
 *
 * A step that puts a new tensor in the place of one that it uses, as the state of a recurrent
 * network may be carried over, fails: keep one, and copy into it:
 *
 *     reel_tensor *h = step_of(t, x, t->h);
 *     ...
 *     REEL_NO_GRAD;
 *     reel_copy_(t->h, h);
 *
 * A step that fails names the op, and where the step called it; clear the failure, and the next
 * replay works. If it fails when it is rehearsed, or in what the host does of it (a loader's batch,
 * a schedule's rate), all of it is undone, and its batch is the next one again. If an op fails in a
 * replay, what came before it is done, as where the step is run as it is and ends there, but for
 * gradients of leaves: let these go (reel_optim_zero_grad). In anomaly mode steps run as they are.
 * A plan is one thread's at a time.
 *
 * On the CPU replays give the eager step's bits (a NaN's sign aside). On CUDA neighbouring ops
 * become one kernel (REEL_PASS_FUSE), and many steps of a small model of plain layers do
 * (REEL_PASS_WHOLE; on a Hopper GPU): these sum in another order, and round otherwise by a bit or
 * two. Any two replays of the same step have the same bits, whichever came before and however many
 * steps are asked for at once, so that a run that is stopped and resumed ends with those of one
 * that was not. Without both passes bits are the eager ones there too. */
#ifndef REEL_CAPTURE_H
#define REEL_CAPTURE_H

#include "../tensor/tensor.h"

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One step; false: nothing was done, there is no more data. It opens no scope that it needs: one is
 * open around it. It ends by returning, not by longjmp. */
typedef bool (*reel_step)(void *user);

/* Passes over a program, to be left out one by one when a fault is looked for. */
typedef enum {
    REEL_PASS_DEAD = 1,   /* calls whose results nobody reads are left out, but for those that may
                             fail on elements, as on an index out of range */
    REEL_PASS_COMMON = 2, /* a call that repeats another is left out */
    REEL_PASS_FUSE = 4,   /* neighbours become one kernel */
    REEL_PASS_MEMORY = 8, /* results whose times do not meet share memory */
    REEL_PASS_WHOLE = 16, /* a GPU does many steps in one kernel, if it can, which takes seconds to
                             compile, once. Its blocks wait for each other: they want the GPU to
                             themselves */
    /* No default: see `with`. */
    REEL_PASS_BESIDE = 32 /* these go in a stream beside the device's own, so that those of several
                             plans run at once; what comes to their memory comes after them. Nothing
                             without REEL_PASS_WHOLE */
} reel_pass;

typedef struct {
    unsigned without; /* passes, as bits */
    unsigned with;    /* REEL_PASS_BESIDE; `without` has the last word */
    bool eager;       /* replays run the function, and nothing is recorded */
} reel_capture_options;

typedef struct reel_plan reel_plan;

/* A plan of the step, owned; runs nothing yet. `user` is handed to each call of it. */
REEL_API reel_plan *reel_capture(reel_step step, void *user, reel_capture_options options);
/* Runs so many steps, and returns how many were done: fewer where the data end (the step said
 * false, or a loader has no more), or something fails. */
REEL_API int64_t reel_replay(reel_plan *plan, int64_t steps);
/* How many programs it has by now, 8 at most: 0 before the first replay, of NULL, and where replays
 * run the function (`eager`, anomaly mode). */
REEL_API int reel_plan_programs(const reel_plan *plan);
/* Writes what the program used last consists of, as text, or as a graph for Graphviz where path
 * ends in .dot: its calls, which of them became one kernel, and of each kernel
 * - the bytes that it reads and writes,
 * - its flops: of products, convolutions, attention (all scores, whatever is masked) and recurrent
 *   layers the multiplications and additions; else one an element, and none where elements are
 *   moved,
 * - the time of a run, on average, in the profile that was stopped last (profile.h), if it has run
 *   in that; on a GPU one with device_times. A kernel of many steps (REEL_PASS_WHOLE) does as many
 *   as it was asked for in a run.
 * Fails where there is none yet. */
REEL_API reel_status reel_plan_dump(const reel_plan *plan, const char *path);
/* Takes NULL. Not while it replays: a step can't free its own. */
REEL_API void reel_plan_free(reel_plan *plan);

#define reel_capture(...) REEL__CALL(reel_capture(__VA_ARGS__))
#define reel_replay(...) REEL__CALL(reel_replay(__VA_ARGS__))
#define reel_plan_dump(...) REEL__CALL(reel_plan_dump(__VA_ARGS__))

#ifdef __cplusplus
}
#endif

#endif
