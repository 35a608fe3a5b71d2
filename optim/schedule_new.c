/* What a schedule is made by: checks of its options, the rates that it sets at first, its end. */
#include "optim/schedule_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- options ---- */

reel_status reel__schedule_length(const char *what, int64_t length) {
    if (length >= 1) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a length below 1: %" PRId64, what, length);
}

reel_status reel__schedule_positive(const char *what, const char *option, double value) {
    if (value > 0.0 && !isinf(value)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must be positive and finite: %g", what,
                     option, value);
}

reel_status reel__schedule_milestones(const char *what, reel_schedule *s, const int64_t *milestones,
                                      int count) {
    if (count < 0 || (count > 0 && !milestones))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no milestones: %d of them", what, count);
    if (count == 0) return REEL_OK;
    const size_t bytes = (size_t)count * sizeof *milestones;
    s->milestones = malloc(bytes);
    if (!s->milestones) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
    memcpy(s->milestones, milestones, bytes);
    s->milestone_count = count;
    return REEL_OK;
}

/* ---- rates ---- */

reel_status reel__schedule_apply(const char *what, const reel_schedule *s) {
    double *rate = s->next_rate;
    for (int i = 0; i < s->groups; i++) {
        rate[i] = s->rate(s, s->base[i], s->step);
        REEL_TRY(reel__optim_check(what, "lr", rate[i]));
    }
    return reel__optim_set_rates(s->optim, s->groups, rate);
}

/* ---- making ---- */

static reel_status finish(const char *what, reel_schedule *s, reel_optim *o) {
    REEL_TRY(reel__optim_alive(o, what));
    s->optim = o;
    s->groups = o->group_count;
    s->base = malloc((size_t)s->groups * sizeof *s->base);
    s->next_rate = malloc((size_t)s->groups * sizeof *s->next_rate);
    s->replaced.rate = calloc((size_t)s->groups, sizeof *s->replaced.rate);
    s->replaced.step = -1;
    if (!s->base || !s->next_rate || !s->replaced.rate)
        return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
    for (int i = 0; i < s->groups; i++) s->base[i] = o->groups[i].base;
    return reel__schedule_apply(what, s);
}

reel_schedule *reel__schedule_new(const char *what, reel_optim *o, reel_schedule filled) {
    reel_schedule *s = calloc(1, sizeof *s);
    if (!s) reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
    if (s && reel__alive_add(s, REEL__SCHEDULE, what) == REEL_OK) {
        if (finish(what, &filled, o) == REEL_OK) {
            *s = filled;
            return s;
        }
        reel__alive_end(s, REEL__SCHEDULE, what, NULL);
    }
    free(s);
    reel__schedule_discard(&filled);
    return NULL;
}

/* ---- letting go ---- */

static void free_one(reel_schedule *s) {
    if (reel__alive_end(s, REEL__SCHEDULE, "schedule_free", NULL) != REEL_OK) return;
    reel__schedule_discard(s);
    free(s);
}

void reel__schedule_discard(const reel_schedule *s) {
    for (reel_schedule *part = s->first, *next; part; part = next) {
        next = part->next;
        free_one(part);
    }
    free(s->milestones);
    free(s->base);
    free(s->next_rate);
    free(s->replaced.rate);
}

void reel_schedule_free(reel_schedule *s) {
    if (!s || reel__alive_check(s, REEL__SCHEDULE, "schedule_free", NULL) != REEL_OK) return;
    if (s->owned)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_free: part of another, which frees it");
    else
        free_one(s);
}
