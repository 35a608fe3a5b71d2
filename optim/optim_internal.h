/* What the optimizers share: parameters with their moments, in groups that one launch can update.
 */
#ifndef REEL_OPTIM_OPTIM_INTERNAL_H
#define REEL_OPTIM_OPTIM_INTERNAL_H

#include "optim/optim.h"
#include "tensor/update_internal.h"

#define REEL__MAX_MOMENTS 2

/* A parameter; all borrowed from the optimizer's two states. */
typedef struct {
    const char *name;
    reel_tensor *p, *moment[REEL__MAX_MOMENTS];
    int group;
} reel__optim_slot;

/* One for each (device, dtype) that parameters have. lr f64 and step i64 (steps done) are 0-d, on
 * the device. */
typedef struct {
    reel_device device;
    reel_dtype dtype;
    reel_tensor *lr, *step;
} reel__optim_group;

/* The parameters of one group that have a gradient. */
typedef struct {
    int count;
    reel_tensor **p, **g, **moment[REEL__MAX_MOMENTS];
} reel__optim_lists;

typedef reel_status (*reel__optim_update)(const reel_optim *o, const reel__optim_group *group,
                                          const reel__optim_lists *lists);

typedef struct {
    const char *name; /* "adam_new": in messages */
    int moments;
    const char *moment_name[REEL__MAX_MOMENTS]; /* as saved, and as in the formulas */
    reel__optim_update update;
} reel__optim_kind;

struct reel_optim {
    const reel__optim_kind *kind;
    union {
        reel__sgd_rule sgd;
        reel__adam_rule adam;
    } rule;
    double lr;          /* what the groups' lr hold, so that asking for it does not wait */
    double base;        /* the rate without schedules, which start from it */
    reel_state *params; /* by name, each tensor once */
    reel_state *saved;  /* "lr" and "step" (the first group's), "<parameter>.<moment>": what a
                           checkpoint stores */
    reel__optim_slot *slots;
    int slot_count;
    reel__optim_group *groups;
    int group_count;
    reel__optim_lists lists; /* room for all slots, so that a step allocates nothing */
};

/* An optimizer without its rule, which the caller fills in. NULL on failure. */
reel_optim *reel__optim_new(const reel__optim_kind *kind, const reel_state *params, double lr);

/* Lists what a group has to update; valid until the next call. */
const reel__optim_lists *reel__optim_gather(reel_optim *o, int group);

/* Sets the rate alone: a schedule's own steps do not change what schedules start from. */
reel_status reel__optim_set_rate(reel_optim *o, double lr);

/* An error, "adam_new: eps must be ...", unless value is 0 or more and finite. */
reel_status reel__optim_check(const char *optim, const char *option, double value);

#endif
