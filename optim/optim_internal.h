/* What the optimizers share: parameters with their moments, in the caller's groups, and within
 * those in lists that one launch can update. */
#ifndef REEL_OPTIM_OPTIM_INTERNAL_H
#define REEL_OPTIM_OPTIM_INTERNAL_H

#include "optim/optim.h"
#include "tensor/update_internal.h"

#define REEL__MAX_MOMENTS 2

/* A parameter, the i-th of `params`; all borrowed from the optimizer's two states. */
typedef struct {
    reel_tensor *p, *moment[REEL__MAX_MOMENTS];
    int launch;
} reel__optim_slot;

/* Parameters with options of their own. lr is what its launches' hold, so that asking for it does
 * not wait; base is the rate without schedules, which start from it. */
typedef struct {
    double lr, base, weight_decay;
    int first; /* of its launches */
} reel__optim_group;

/* One for each (group, device, dtype) that parameters have. lr f64 and step i64 (steps done) are
 * 0-d, on the device; step is the same in all. */
typedef struct {
    int group;
    reel_device device;
    reel_dtype dtype;
    reel_tensor *lr, *step;
} reel__optim_launch;

/* Parameters that have a gradient. */
typedef struct {
    int count;
    reel_tensor **p, **g, **moment[REEL__MAX_MOMENTS];
} reel__optim_lists;

typedef reel_status (*reel__optim_update)(const reel_optim *o, const reel__optim_launch *launch,
                                          const reel__optim_lists *lists);

typedef struct {
    const char *name; /* "adam_new": in messages */
    int moments;
    const char *moment_name[REEL__MAX_MOMENTS]; /* as saved, and as in the formulas */
    reel__optim_update update;
} reel__optim_kind;

struct reel_optim {
    const reel__optim_kind *kind;
    union { /* but for weight_decay, which is the groups' */
        reel__sgd_rule sgd;
        reel__adam_rule adam;
    } rule;
    reel_state *params; /* by name, each tensor once */
    reel_state *saved;  /* "<parameter>.<moment>", "lr" and "step" (the first launch's), "lr.1" and
                           so  on (each group's first launch's): what a checkpoint stores */
    reel__optim_slot *slots;
    int slot_count;
    reel__optim_launch *launches;
    int launch_count;
    reel__optim_group *groups;
    int group_count;
    reel__optim_lists lists; /* room for all slots, so that a step allocates nothing */
};

/* An optimizer of one group without its rule, which the caller fills in. NULL on failure. */
reel_optim *reel__optim_new(const reel__optim_kind *kind, const reel_state *params, double lr,
                            double weight_decay);

/* One more group: all of it, or the optimizer stays as it is. `what` names the caller. */
reel_status reel__optim_add(reel_optim *o, const char *what, const reel_state *params, double lr,
                            double weight_decay);

/* What a launch has to update; valid until the next call of either. */
const reel__optim_lists *reel__optim_gather(reel_optim *o, int launch);
/* The same for all launches of its device and dtype; nothing, unless it is the first of them. */
const reel__optim_lists *reel__optim_gather_alike(reel_optim *o, int launch);
/* Whether two launches have one device and dtype. */
bool reel__optim_alike(const reel_optim *o, int a, int b);

/* Sets a group's rate alone: a schedule's own steps do not change what schedules start from. */
reel_status reel__optim_set_rate(reel_optim *o, int group, double lr);

enum { REEL__KEY = 16 };
/* "lr", "lr.1", ...: a group's rate in a checkpoint; and so for other names. Returns key. */
const char *reel__optim_key(char key[REEL__KEY], const char *name, int group);

/* An error, "adam_new: eps must be ...", unless value is 0 or more and finite. */
reel_status reel__optim_check(const char *optim, const char *option, double value);

#endif
