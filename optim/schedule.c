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
    reel_status status = REEL_OK;
    double *rates = malloc((size_t)s->groups * sizeof *rates);
    if (!rates) return reel_fail(REEL_ERR_MEMORY, NULL, "schedule: out of memory");
    for (int i = 0; i < s->groups && status == REEL_OK; i++) {
        rates[i] = s->rate(s, s->base[i], s->step);
        status = reel__optim_check("optim_set_lr", "lr", rates[i]);
    }
    for (int i = 0; i < s->groups && status == REEL_OK; i++)
        status = reel__optim_set_rate(s->optim, i, rates[i]);
    free(rates);
    return status;
}

static reel_status finish(const char *what, reel_schedule *s, reel_optim *o) {
    REEL_TRY(reel__optim_alive(o, what));
    s->optim = o;
    s->groups = o->group_count;
    s->base = malloc((size_t)s->groups * sizeof *s->base);
    if (!s->base) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
    for (int i = 0; i < s->groups; i++) s->base[i] = o->groups[i].base;
    return reel__schedule_apply(s);
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
}

void reel_schedule_free(reel_schedule *s) {
    if (!s || reel__alive_check(s, REEL__SCHEDULE, "schedule_free", NULL) != REEL_OK) return;
    if (s->owned)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_free: part of another, which frees it");
    else
        free_one(s);
}

/* ---- use ---- */

static reel_status check_alive(const reel_schedule *s, const char *who) {
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no schedule", who);
    return reel__alive_check(s, REEL__SCHEDULE, who, NULL);
}

static reel_status check_optim(const reel_schedule *s, const char *who) {
    if (reel__alive_is(s->optim, REEL__OPTIM)) return REEL_OK;
    return reel_fail(REEL_ERR_STATE, NULL, "%s: its optimizer was freed", who);
}

double reel_schedule_lr(const reel_schedule *s, int64_t at) {
    if (!s || check_alive(s, "schedule_lr") != REEL_OK) return NAN;
    return s->rate(s, s->base[0], at > 0 ? at : 0);
}

static reel_status check_step(const reel_schedule *s, bool metric) {
    const char *who = metric ? "schedule_step_metric" : "schedule_step";
    REEL_TRY(check_alive(s, who));
    if (s->owned)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: part of another, which steps it", who);
    REEL_TRY(check_optim(s, who));
    if (s->takes_metric == metric) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL,
                     metric ? "schedule_step_metric: takes no metric: use reel_schedule_step"
                            : "schedule_step: a plateau's takes a metric: "
                              "use reel_schedule_step_metric");
}

/* On to `next`, unless its rate is refused. */
static reel_status advance(reel_schedule *s, reel_schedule next) {
    if (next.step == INT64_MAX)
        return reel_fail(REEL_ERR_STATE, NULL, "schedule_step: no step after %" PRId64, next.step);
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

/* To or from a state, the other one being NULL. */
typedef struct {
    reel_state *to;
    const reel_state *from;
    const char *prefix;
} place;

static bool is_rate(double v) {
    return v >= 0.0 && !isinf(v);
}

static bool get(const reel_state *s, const char *key, number n) {
    if (n.count) return reel_state_int(s, key, n.count) && *n.count >= 0;
    return reel_state_double(s, key, n.real) && (is_rate(*n.real) || (n.any && !isnan(*n.real)));
}

static reel_status move(const place *p, number n) {
    char *key = join(p->prefix, n.key);
    if (!key) return reel_error_status();
    reel_status status = REEL_OK;
    if (p->to)
        status = n.count ? reel_state_put_int(p->to, key, *n.count)
                         : reel_state_put_double(p->to, key, *n.real);
    else if (!get(p->from, key, n))
        status = reel_fail(REEL_ERR_FORMAT, NULL, "schedule_load: no %s in the state: %s", n.key,
                           p->prefix ? p->prefix : "");
    free(key);
    return status;
}

static reel_status move_all(const place *p, reel_schedule *s) {
    char key[REEL__KEY];
    REEL_TRY(move(p, (number){"step", .count = &s->step}));
    for (int i = 0; i < s->groups; i++)
        REEL_TRY(move(p, (number){reel__optim_key(key, "base", i), .real = &s->base[i]}));
    if (!s->takes_metric) return REEL_OK;
    REEL_TRY(move(p, (number){"best", .real = &s->plateau.best, .any = true}));
    REEL_TRY(move(p, (number){"bad", .count = &s->plateau.bad}));
    REEL_TRY(move(p, (number){"cooling", .count = &s->plateau.cooling}));
    return move(p, (number){"reductions", .count = &s->plateau.reductions});
}

reel_status reel_schedule_save(const reel_schedule *s, reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_alive(s, "schedule_save"));
    if (!state) return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_save: no state");
    reel_schedule copy = *s; /* what is moved may be written to */
    return move_all(&(place){.to = state, .prefix = prefix}, &copy);
}

/* Into `loaded`, whose bases are its own; its rate into the optimizer. */
static reel_status load(reel_schedule *loaded, const place *p) {
    char key[REEL__KEY];
    REEL_TRY(move_all(p, loaded));
    char *more = join(p->prefix, reel__optim_key(key, "base", loaded->groups));
    if (!more) return reel_error_status();
    reel_status status = REEL_OK;
    if (reel_state_text(p->from, more))
        status = reel_fail(REEL_ERR_FORMAT, NULL, "schedule_load: more than %d groups: %s",
                           loaded->groups, more);
    free(more);
    return status == REEL_OK ? reel__schedule_apply(loaded) : status;
}

reel_status reel_schedule_load(reel_schedule *s, const reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_alive(s, "schedule_load"));
    if (!state) return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_load: no state");
    REEL_TRY(check_optim(s, "schedule_load"));
    reel_schedule loaded = *s;
    loaded.base = malloc((size_t)s->groups * sizeof *s->base);
    if (!loaded.base) return reel_fail(REEL_ERR_MEMORY, NULL, "schedule_load: out of memory");
    reel_status status = load(&loaded, &(place){.from = state, .prefix = prefix});
    free(status == REEL_OK ? s->base : loaded.base);
    if (status == REEL_OK) *s = loaded;
    return status;
}
