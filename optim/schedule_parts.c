/* Schedules made of others: one after a warm-up, one after another, one upon another. */
#include "optim/schedule_internal.h"

#include <inttypes.h>

static const char *objection(const reel_schedule *part, const reel_optim *o) {
    if (!part) return "is missing";
    if (!reel__alive_is(part, REEL__SCHEDULE)) return "is not a schedule, or freed already";
    if (part->owned) return "is part of a schedule already";
    if (part->optim != o) return "drives another optimizer";
    return part->takes_metric ? "takes a metric" : NULL;
}

/* All parts become s's, also after a failure, but for those that are others' already. */
static reel_status adopt(const char *what, reel_schedule *s, const reel_optim *o,
                         reel_schedule *const *parts, int count) {
    reel_status status = REEL_OK;
    reel_schedule **end = &s->first;
    for (int i = 0; i < count; i++) {
        const char *why = objection(parts[i], o);
        const bool alive = reel__alive_is(parts[i], REEL__SCHEDULE);
        if (alive && !parts[i]->owned) {
            parts[i]->owned = true;
            *end = parts[i];
            end = &parts[i]->next;
        }
        if (why) status = reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: part %d %s", what, i, why);
    }
    return status;
}

/* ---- warm-up ---- */

static double warmup(const reel_schedule *c, double base, int64_t s) {
    const int64_t steps = c->options.warmup.steps;
    if (s < steps) return base * ((double)(s + 1) / (double)steps);
    return c->first ? c->first->rate(c->first, base, s - steps) : base;
}

reel_schedule *reel_warmup_schedule_new(reel_optim *o, reel_warmup_options options) {
    const char *what = "warmup_schedule_new";
    reel_schedule filled = {.rate = warmup, .options.warmup = options};
    reel_status status = adopt(what, &filled, o, &options.after, options.after != NULL);
    if (status == REEL_OK) status = reel__schedule_length(what, options.steps);
    if (reel_failed()) status = reel_error_status(); /* `after` may be NULL as it was refused */
    if (status == REEL_OK) return reel__schedule_new(what, o, filled);
    reel__schedule_discard(&filled);
    return NULL;
}

/* ---- sequential ---- */

static double sequential(const reel_schedule *c, double base, int64_t s) {
    const reel_schedule *part = c->first;
    int64_t begin = 0;
    for (int i = 0; i < c->milestone_count && c->milestones[i] <= s; i++) {
        begin = c->milestones[i];
        part = part->next;
    }
    return part->rate(part, base, s - begin);
}

static reel_status check_rising(const char *what, const reel_schedule *s) {
    int64_t before = 0;
    for (int i = 0; i < s->milestone_count; i++) {
        if (s->milestones[i] <= before)
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "%s: milestones must rise from 1: %" PRId64 " after %" PRId64, what,
                             s->milestones[i], before);
        before = s->milestones[i];
    }
    return REEL_OK;
}

reel_schedule *reel_sequential_schedule_new(reel_optim *o, reel_sequential_options options) {
    const char *what = "sequential_schedule_new";
    const int count = options.parts ? options.count : 0;
    reel_schedule filled = {.rate = sequential};
    reel_status status = adopt(what, &filled, o, options.parts, count);
    if (status == REEL_OK && count < 1)
        status = reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no parts", what);
    if (status == REEL_OK)
        status = reel__schedule_milestones(what, &filled, options.milestones, count - 1);
    if (status == REEL_OK) status = check_rising(what, &filled);
    if (status == REEL_OK) return reel__schedule_new(what, o, filled);
    reel__schedule_discard(&filled);
    return NULL;
}

/* ---- chained ---- */

static double chained(const reel_schedule *c, double base, int64_t s) {
    double lr = base;
    for (const reel_schedule *part = c->first; part; part = part->next)
        lr = part->rate(part, lr, s);
    return lr;
}

reel_schedule *reel_chained_schedule_new(reel_optim *o, reel_schedule *const *parts, int count) {
    const char *what = "chained_schedule_new";
    if (!parts) count = 0;
    reel_schedule filled = {.rate = chained};
    reel_status status = adopt(what, &filled, o, parts, count);
    if (status == REEL_OK && count < 1)
        status = reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no parts", what);
    if (status == REEL_OK) return reel__schedule_new(what, o, filled);
    reel__schedule_discard(&filled);
    return NULL;
}
