/* Schedules as such: making, stepping, saving and loading. What they compute is in the files beside
 * this one. */
#include "optim/schedule_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- making ---- */

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

reel_status reel__schedule_apply(const reel_schedule *s) {
    return reel__optim_set_rate(s->optim, s->rate(s, s->base, s->step));
}

static reel_schedule *allocate(const char *what, reel_optim *o) {
    reel_schedule *s = o ? malloc(sizeof *s) : NULL;
    if (!s)
        reel_fail(o ? REEL_ERR_MEMORY : REEL_ERR_ARGUMENT, NULL, "%s: %s", what,
                  o ? "out of memory" : "no optimizer");
    return s;
}

reel_schedule *reel__schedule_new(const char *what, reel_optim *o, reel_schedule filled) {
    reel_schedule *s = allocate(what, o);
    if (s) {
        *s = filled;
        s->optim = o;
        s->base = o->base;
        if (reel__schedule_apply(s) == REEL_OK) return s;
    }
    free(s);
    reel__schedule_discard(&filled);
    return NULL;
}

void reel__schedule_discard(const reel_schedule *s) {
    for (reel_schedule *part = s->first, *next; part; part = next) {
        next = part->next;
        reel_schedule_free(part);
    }
    free(s->milestones);
}

void reel_schedule_free(reel_schedule *s) {
    if (!s) return;
    reel__schedule_discard(s);
    free(s);
}

/* ---- use ---- */

double reel_schedule_lr(const reel_schedule *s, int64_t at) {
    return s ? s->rate(s, s->base, at > 0 ? at : 0) : NAN;
}

static reel_status check_step(const reel_schedule *s, bool metric) {
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_step: no schedule");
    if (s->takes_metric == metric) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL,
                     metric ? "schedule_step_metric: takes no metric: use reel_schedule_step"
                            : "schedule_step: a plateau's takes a metric: "
                              "use reel_schedule_step_metric");
}

/* On to `next`, unless its rate is refused. */
static reel_status advance(reel_schedule *s, reel_schedule next) {
    next.step++;
    REEL_TRY(reel__schedule_apply(&next));
    *s = next;
    return REEL_OK;
}

reel_status reel_schedule_step(reel_schedule *s) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_step(s, false));
    return advance(s, *s);
}

reel_status reel_schedule_step_metric(reel_schedule *s, double metric) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_step(s, true));
    reel_schedule next = *s;
    reel__plateau_see(&next, metric);
    return advance(s, next);
}

/* ---- state ---- */

/* "prefix.key", or key alone without a prefix. The caller frees it. */
static char *join(const char *prefix, const char *key) {
    char *joined;
    bool alone = !prefix || !*prefix;
    if (asprintf(&joined, "%s%s%s", alone ? "" : prefix, alone ? "" : ".", key) >= 0) return joined;
    reel_fail(REEL_ERR_MEMORY, NULL, "schedule: out of memory");
    return NULL;
}

/* Where a number of the state lies in the schedule: a count, or a real number, which is finite and
 * not negative either unless it may be any. */
typedef struct {
    const char *key;
    int64_t *count;
    double *real;
    bool any;
} number;

enum { MOST_NUMBERS = 6 };

static int list_numbers(reel_schedule *s, number list[MOST_NUMBERS]) {
    const number all[MOST_NUMBERS] = {
        {.key = "step", .count = &s->step},
        {.key = "base", .real = &s->base},
        {.key = "best", .real = &s->plateau.best, .any = true},
        {.key = "bad", .count = &s->plateau.bad},
        {.key = "cooling", .count = &s->plateau.cooling},
        {.key = "reductions", .count = &s->plateau.reductions},
    };
    memcpy(list, all, sizeof all);
    return s->takes_metric ? MOST_NUMBERS : 2;
}

static reel_status put(const number *n, reel_state *state, const char *prefix) {
    char *key = join(prefix, n->key);
    if (!key) return reel_error_status();
    reel_status status = n->count ? reel_state_put_int(state, key, *n->count)
                                  : reel_state_put_double(state, key, *n->real);
    free(key);
    return status;
}

static reel_status get(const number *n, const reel_state *state, const char *prefix) {
    char *key = join(prefix, n->key);
    if (!key) return reel_error_status();
    bool found = n->count ? reel_state_int(state, key, n->count) && *n->count >= 0
                          : reel_state_double(state, key, n->real) && !isnan(*n->real) &&
                                (n->any || (*n->real >= 0.0 && !isinf(*n->real)));
    free(key);
    if (found) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL, "schedule_load: no %s in the state: %s", n->key,
                     prefix ? prefix : "");
}

reel_status reel_schedule_save(const reel_schedule *s, reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_save: no schedule");
    reel_schedule copy = *s; /* the list is of what may be written to */
    number list[MOST_NUMBERS];
    int count = list_numbers(&copy, list);
    for (int i = 0; i < count; i++) REEL_TRY(put(&list[i], state, prefix));
    return REEL_OK;
}

reel_status reel_schedule_load(reel_schedule *s, const reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!s || !state)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_load: no %s", s ? "state" : "schedule");
    reel_schedule loaded = *s;
    number list[MOST_NUMBERS];
    int count = list_numbers(&loaded, list);
    for (int i = 0; i < count; i++) REEL_TRY(get(&list[i], state, prefix));
    REEL_TRY(reel__schedule_apply(&loaded));
    *s = loaded;
    return REEL_OK;
}
