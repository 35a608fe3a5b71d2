/* What a schedule is made of: a formula, its options, and the parts of those that join others. */
#ifndef REEL_OPTIM_SCHEDULE_INTERNAL_H
#define REEL_OPTIM_SCHEDULE_INTERNAL_H

#include "optim/optim_internal.h"

/* lr at step s >= 0 from the rate `base`. Whoever joins schedules hands its parts their base. */
typedef double (*reel__rate)(const reel_schedule *schedule, double base, int64_t s);

#define REEL__SCHEDULE "a schedule"

struct reel_schedule {
    reel_optim *optim;
    reel__rate rate;
    int64_t step;
    double *base; /* of each group that there was when the schedule was made; owned */
    int groups;
    double *next_rate; /* of each group: room for what is applied; owned */
    struct {           /* rates of somebody else's that a step replaced: the last of such steps */
        double *rate;  /* of each group; owned */
        int64_t step;  /* -1: none */
    } replaced;
    union { /* as given, with defaults filled in */
        reel_cosine_options cosine;
        reel_cosine_restarts_options restarts;
        reel_step_options step;
        reel_multi_step_options multi_step; /* milestones: those below */
        reel_exponential_options exponential;
        reel_constant_options constant;
        reel_linear_schedule_options linear;
        reel_polynomial_options polynomial;
        reel_lambda_options lambda;
        reel_one_cycle_options one_cycle;
        reel_plateau_options plateau;
        reel_warmup_options warmup; /* after: the first part */
    } options;
    int64_t *milestones; /* owned */
    int milestone_count;
    reel_schedule *first, *next; /* the parts, owned; the next part of the one that owns this */
    bool owned;                  /* a part of another */
    bool takes_metric;           /* plateau */
    struct {
        double best;
        int64_t bad, cooling, reductions;
    } plateau;
};

/* Owned, with lr(0) set, from a struct that is filled in but for optimizer and base. What it owns
 * is taken over, also on failure. */
reel_schedule *reel__schedule_new(const char *what, reel_optim *o, reel_schedule filled);
/* lr(s->step) into the optimizer's groups, all or none; a failure is in the name of `what`. Needs
 * no memory. */
reel_status reel__schedule_apply(const char *what, const reel_schedule *s);
/* Lets go what s owns, and not s. */
void reel__schedule_discard(const reel_schedule *s);

/* Takes note of a metric: what a plateau's next rate depends on. */
void reel__plateau_see(reel_schedule *s, double metric);

/* Copies milestones into s. */
reel_status reel__schedule_milestones(const char *what, reel_schedule *s, const int64_t *milestones,
                                      int count);

/* An error unless length >= 1. */
reel_status reel__schedule_length(const char *what, int64_t length);
/* An error unless value is positive and finite. */
reel_status reel__schedule_positive(const char *what, const char *option, double value);

#endif
