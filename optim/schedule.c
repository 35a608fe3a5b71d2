/* Schedules: the rate as a function of the step, set on the optimizer at each. */
#include "optim/optim_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* One formula in each: lr at step s. */
typedef double (*rate)(const reel_schedule *schedule, int64_t s);

struct reel_schedule {
    reel_optim *optim;
    rate rate;
    int64_t step;
    double base;
    int64_t steps;        /* cosine's and warmup's length, step's `every` */
    double floor;         /* cosine */
    double gamma;         /* step */
    reel_schedule *after; /* warmup; NULL: base */
};

static double cosine(const reel_schedule *c, int64_t s) {
    double done = (double)(s < c->steps ? s : c->steps) / (double)c->steps;
    return c->floor + (c->base - c->floor) * (1.0 + cos(M_PI * done)) / 2.0;
}

static double step(const reel_schedule *c, int64_t s) {
    return c->base * pow(c->gamma, (double)(s / c->steps));
}

static double warmup(const reel_schedule *c, int64_t s) {
    if (s < c->steps) return c->base * (double)(s + 1) / (double)c->steps;
    return c->after ? c->after->rate(c->after, s - c->steps) : c->base;
}

/* ---- making ---- */

/* Takes the struct as it is filled in but for the optimizer, and sets lr(0). */
static reel_schedule *make(const char *what, reel_optim *o, reel_schedule filled) {
    if (!o) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no optimizer", what);
        return NULL;
    }
    if (filled.steps < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a length below 1: %" PRId64, what, filled.steps);
        return NULL;
    }
    reel_schedule *s = malloc(sizeof *s);
    if (!s) {
        reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
        return NULL;
    }
    *s = filled;
    s->optim = o;
    s->base =
        filled.after ? filled.after->base : reel_optim_lr(o); /* `after` may have set lr already */
    if (reel_optim_set_lr(o, s->rate(s, 0)) == REEL_OK) return s;
    free(s);
    return NULL;
}

reel_schedule *reel_cosine_schedule_new(reel_optim *o, reel_cosine_options options) {
    if (reel__optim_check("cosine_schedule_new", "floor", options.floor) != REEL_OK) return NULL;
    return make("cosine_schedule_new", o,
                (reel_schedule){.rate = cosine, .steps = options.steps, .floor = options.floor});
}

reel_schedule *reel_step_schedule_new(reel_optim *o, reel_step_options options) {
    if (reel__optim_check("step_schedule_new", "gamma", options.gamma) != REEL_OK) return NULL;
    double gamma = options.gamma != 0.0 ? options.gamma : 0.1;
    return make("step_schedule_new", o,
                (reel_schedule){.rate = step, .steps = options.every, .gamma = gamma});
}

reel_schedule *reel_warmup_schedule_new(reel_optim *o, reel_warmup_options options) {
    reel_schedule *s = NULL, *after = options.after;
    if (after && after->optim != o)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "warmup_schedule_new: `after` drives another optimizer");
    else if (!reel_failed()) /* `after` may be NULL because it could not be made */
        s = make("warmup_schedule_new", o,
                 (reel_schedule){.rate = warmup, .steps = options.steps, .after = after});
    if (!s) reel_schedule_free(after);
    return s;
}

void reel_schedule_free(reel_schedule *s) {
    if (!s) return;
    reel_schedule_free(s->after);
    free(s);
}

/* ---- use ---- */

double reel_schedule_lr(const reel_schedule *s, int64_t at) {
    return s ? s->rate(s, at > 0 ? at : 0) : NAN;
}

reel_status reel_schedule_step(reel_schedule *s) {
    if (reel_failed()) return reel_error_status();
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_step: no schedule");
    REEL_TRY(reel_optim_set_lr(s->optim, s->rate(s, s->step + 1)));
    s->step++;
    return REEL_OK;
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

reel_status reel_schedule_save(const reel_schedule *s, reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_save: no schedule");
    char *step_key = join(prefix, "step"), *base_key = join(prefix, "base");
    reel_status status = step_key && base_key ? REEL_OK : reel_error_status();
    if (status == REEL_OK) status = reel_state_put_int(state, step_key, s->step);
    if (status == REEL_OK) status = reel_state_put_double(state, base_key, s->base);
    free(step_key);
    free(base_key);
    return status;
}

reel_status reel_schedule_load(reel_schedule *s, const reel_state *state, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!s || !state)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "schedule_load: no %s", s ? "state" : "schedule");
    int64_t at = -1;
    double base = NAN;
    char *step_key = join(prefix, "step"), *base_key = join(prefix, "base");
    if (step_key) reel_state_int(state, step_key, &at);
    if (base_key) reel_state_double(state, base_key, &base);
    free(step_key);
    free(base_key);
    if (reel_failed()) return reel_error_status();
    if (at < 0 || !(base >= 0.0) || isinf(base))
        return reel_fail(REEL_ERR_FORMAT, NULL, "schedule_load: no step and base in the state: %s",
                         prefix ? prefix : "");
    for (reel_schedule *part = s; part; part = part->after) part->base = base;
    s->step = at;
    return reel_optim_set_lr(s->optim, s->rate(s, at));
}
