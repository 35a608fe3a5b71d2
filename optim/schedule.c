/* Schedules in use: stepping, saving and loading. */
#include "optim/schedule_internal.h"
#include "tensor/ops/record_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- steps ---- */

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

static reel_status check_step(const char *who, const reel_schedule *s, bool metric) {
    REEL_TRY(check_alive(s, who));
    if (s->owned)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: part of another, which steps it", who);
    REEL_TRY(check_optim(s, who));
    if (s->takes_metric == metric) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL,
                     metric ? "%s: takes no metric: use reel_schedule_step"
                            : "%s: a plateau's takes a metric: use reel_schedule_step_metric",
                     who);
}

/* On to `next`, unless its rate is refused. */
static reel_status advance(const char *who, reel_schedule *s, reel_schedule next) {
    if (next.step == INT64_MAX)
        return reel_fail(REEL_ERR_STATE, NULL, "%s: no step after %" PRId64, who, next.step);
    next.step++;
    REEL_TRY(reel__schedule_apply(who, &next));
    *s = next;
    return REEL_OK;
}

static void step_again(void *of, double number) {
    (void)number;
    (reel_schedule_step)(of);
}

/* The rates that a step of s replaces, where somebody else set them. */
static void note_replaced(reel_schedule *s) {
    bool own = true;
    for (int i = 0; i < s->groups; i++) {
        const double lr = s->optim->groups[i].lr;
        own = own && lr == s->rate(s, s->base[i], s->step);
    }
    if (own && s->replaced.step == s->step) s->replaced.step = -1;
    if (own) return;
    for (int i = 0; i < s->groups; i++) s->replaced.rate[i] = s->optim->groups[i].lr;
    s->replaced.step = s->step;
}

static void step_back(const reel__section *section) {
    reel_schedule *s = section->of, before = *s;
    before.step--;
    if (reel__schedule_apply("schedule_step", &before) != REEL_OK) return;
    *s = before;
    if (s->replaced.step != s->step) return;
    reel__optim_set_rates(s->optim, s->groups, s->replaced.rate);
}

reel_status reel_schedule_step(reel_schedule *s) {
    if (reel_failed()) return reel_error_status();
    const char *who = "schedule_step";
    REEL_TRY(check_step(who, s, false));
    const reel__section section = {
        .again = step_again, .back = step_back, .of = s, .kind = REEL__SCHEDULE};
    REEL_TRY(reel__section_begin(&section));
    if (reel__self()->recorder) note_replaced(s);
    const reel_status status = advance(who, s, *s);
    reel__section_end(&section, status == REEL_OK);
    return status;
}

reel_status reel_schedule_step_metric(reel_schedule *s, double metric) {
    if (reel_failed()) return reel_error_status();
    const char *who = "schedule_step_metric";
    REEL_TRY(check_step(who, s, true));
    if (reel__self()->recorder)
        return reel_fail(REEL_ERR_STATE, NULL,
                         "%s: a captured step has no metric that the host knows: call it between "
                         "replays",
                         who);
    reel_schedule next = *s;
    reel__plateau_see(&next, metric);
    return advance(who, s, next);
}

/* ---- state ---- */

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
    const char *who; /* the function, in messages */
    reel_state *to;
    const reel_state *from;
    const char *prefix;
} place;

/* "prefix.key", or key alone without a prefix. The caller frees it. */
static char *join(const place *p, const char *key) {
    char *joined;
    bool alone = !p->prefix || !*p->prefix;
    if (asprintf(&joined, "%s%s%s", alone ? "" : p->prefix, alone ? "" : ".", key) >= 0)
        return joined;
    reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", p->who);
    return NULL;
}

static bool is_rate(double v) {
    return v >= 0.0 && !isinf(v);
}

static bool get(const reel_state *s, const char *key, number n) {
    if (n.count) return reel_state_int(s, key, n.count) && *n.count >= 0;
    return reel_state_double(s, key, n.real) && (is_rate(*n.real) || (n.any && !isnan(*n.real)));
}

static reel_status move(const place *p, number n) {
    char *key = join(p, n.key);
    if (!key) return reel_error_status();
    reel_status status = REEL_OK;
    if (p->to)
        status = n.count ? reel_state_put_int(p->to, key, *n.count)
                         : reel_state_put_double(p->to, key, *n.real);
    else if (!get(p->from, key, n))
        status = reel_fail(REEL_ERR_FORMAT, NULL, "%s: no %s in the state: %s", p->who, n.key,
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
    const char *who = "schedule_save";
    REEL_TRY(check_alive(s, who));
    if (!state) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no state", who);
    reel_schedule copy = *s; /* what is moved may be written to */
    return move_all(&(place){.who = who, .to = state, .prefix = prefix}, &copy);
}

/* Into `loaded`, whose bases are its own; its rate into the optimizer. */
static reel_status load(reel_schedule *loaded, const place *p) {
    char key[REEL__KEY];
    REEL_TRY(move_all(p, loaded));
    char *more = join(p, reel__optim_key(key, "base", loaded->groups));
    if (!more) return reel_error_status();
    reel_status status = REEL_OK;
    if (reel_state_text(p->from, more))
        status = reel_fail(REEL_ERR_FORMAT, NULL, "%s: more than %d groups: %s", p->who,
                           loaded->groups, more);
    free(more);
    return status == REEL_OK ? reel__schedule_apply(p->who, loaded) : status;
}

reel_status reel_schedule_load(reel_schedule *s, const reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    const char *who = "schedule_load";
    REEL_TRY(check_alive(s, who));
    REEL_TRY(reel__refuse_recorded(NULL, who));
    if (!state) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no state", who);
    REEL_TRY(check_optim(s, who));
    reel_schedule loaded = *s;
    loaded.base = malloc((size_t)s->groups * sizeof *s->base);
    if (!loaded.base) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", who);
    reel_status status = load(&loaded, &(place){.who = who, .from = state, .prefix = prefix});
    free(status == REEL_OK ? s->base : loaded.base);
    if (status == REEL_OK) *s = loaded;
    return status;
}
