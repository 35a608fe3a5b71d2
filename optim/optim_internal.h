/* What the optimizers share: parameters with their moments, in the caller's groups, and within
 * those in lists that one launch can update. */
#ifndef REEL_OPTIM_OPTIM_INTERNAL_H
#define REEL_OPTIM_OPTIM_INTERNAL_H

#include "optim/optim.h"
#include "tensor/core/alive_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/ops/update_internal.h"

#define REEL__OPTIM "an optimizer"

/* A parameter, the i-th of `params`; all borrowed from the optimizer's two states. A moment that
 * the optimizer goes without is NULL, and so is carry. */
typedef struct {
    reel_tensor *p, *moment[REEL__MAX_MOMENTS], *carry, *taken;
    int launch;
} reel__optim_slot;

/* Parameters with options of their own. lr is what its launches' hold, so that asking for it does
 * not wait; base is the rate without schedules, which start from it. */
typedef struct {
    double lr, base, weight_decay;
    int first; /* of its launches */
} reel__optim_group;

/* One for each (group, device, dtype) that parameters have. What the clock counts is the same in
 * all. */
typedef struct {
    int group;
    reel_device device;
    reel_dtype dtype;
    reel__clock clock;
} reel__optim_launch;

/* What an optimizer keeps of a parameter: its row of ops_update.def. */
typedef struct {
    unsigned always;                       /* bits of the moments that there are in any case */
    const char *moment[REEL__MAX_MOMENTS]; /* as saved, and as in the formulas */
    const char *carry;                     /* the same, of a product of steps; NULL: none */
} reel__optim_kind;

/* What an optimizer is made with. */
typedef struct {
    double lr, moment_start;
    bool asked[REEL__MAX_MOMENTS]; /* for which of the moments that it may have */
    reel__rule rule;
} reel__optim_setup;

struct reel_optim {
    reel__op op;
    const reel__optim_kind *kind;
    reel__optim_setup setup; /* lr and weight_decay are the groups' from there on */
    reel_state *params;      /* by name, each tensor once */
    reel_state *saved;       /* "<parameter>.<moment>" and so its step and what it carries; "lr",
                                "step" (the first launch's), "lr.1" and so on (each group's first
                                launch's): what a checkpoint stores */
    reel__optim_slot *slots;
    int slot_count;
    reel__optim_launch *launches;
    int launch_count;
    reel__optim_group *groups;
    int group_count;
    reel__lists lists; /* room for all slots, so that a step allocates nothing */
};

/* An optimizer of one group; NULL on failure, in the name of `what`: "adam_new". Each option must
 * be in the range that REEL__RULE says, lr and moment_start 0 or more and finite. */
reel_optim *reel__optim_new(const char *what, reel__op op, const reel_state *params,
                            reel__optim_setup setup);

/* REEL_OK, or a failure in the name of `who`: NULL, none, or freed already. */
reel_status reel__optim_alive(const reel_optim *o, const char *who);

/* One more group: all of it, or the optimizer stays as it is. `what` names the caller. */
reel_status reel__optim_add(reel_optim *o, const char *what, const reel_state *params, double lr,
                            double weight_decay);

/* What a launch has to update: parameters that have a gradient. Valid until the next call of
 * either. */
const reel__lists *reel__optim_gather(reel_optim *o, int launch);
/* The same for all launches of its device and dtype; nothing, unless it is the first of them. */
const reel__lists *reel__optim_gather_alike(reel_optim *o, int launch);
/* Whether two launches have one device and dtype. */
bool reel__optim_alike(const reel_optim *o, int a, int b);

/* Sets a group's rate, which was checked, alone: a schedule's own steps do not change what
 * schedules start from. */
reel_status reel__optim_set_rate(reel_optim *o, int group, double lr);
/* Those of the first so many groups, all or none. */
reel_status reel__optim_set_rates(reel_optim *o, int count, const double *lr);

enum { REEL__KEY = 16 };
/* "lr", "lr.1", ...: a group's rate in a checkpoint; and so for other names. Returns key. */
const char *reel__optim_key(char key[REEL__KEY], const char *name, int group);

/* An error, "adam_new: eps must be ...", unless value is 0 or more and finite; or in [0, 1). */
reel_status reel__optim_check(const char *what, const char *option, double value);
reel_status reel__optim_check_below_one(const char *what, const char *option, double value);

#endif
