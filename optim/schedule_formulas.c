/* The schedules that are one formula of the step each, and their options. */
#include "optim/schedule_internal.h"

#include <inttypes.h>
#include <math.h>

/* min(s, steps) / steps */
static double done(int64_t s, int64_t steps) {
    return (double)(s < steps ? s : steps) / (double)steps;
}

static double half_cosine(double floor, double base, double at) {
    return floor + (base - floor) * ((1.0 + cos(M_PI * at)) / 2.0);
}

/* base gamma^n, also where gamma^n alone is beyond f64 or too small for it. */
static double powered(double base, double gamma, double n) {
    const double power = pow(gamma, n);
    if (isfinite(power) && power > 0.0) return base * power;
    const double root = pow(gamma, n / 2.0);
    return base > 0.0 ? base * root * root : base;
}

/* ---- cosine ---- */

static double cosine(const reel_schedule *c, double base, int64_t s) {
    return half_cosine(c->options.cosine.floor, base, done(s, c->options.cosine.steps));
}

reel_schedule *reel_cosine_schedule_new(reel_optim *o, reel_cosine_options options) {
    const char *what = "cosine_schedule_new";
    options.floor = reel__option(options.floor, 0.0);
    if (reel__optim_check(what, "floor", options.floor) != REEL_OK ||
        reel__schedule_length(what, options.steps) != REEL_OK)
        return NULL;
    return reel__schedule_new(what, o, (reel_schedule){.rate = cosine, .options.cosine = options});
}

/* ---- cosine with restarts ---- */

/* Goes through the cycles that are over, each `multiply` times as long as the one before. */
static double restarts(const reel_schedule *c, double base, int64_t s) {
    const reel_cosine_restarts_options *o = &c->options.restarts;
    int64_t length = o->steps;
    if (o->multiply == 1) s %= length;
    while (s >= length) {
        s -= length;
        length = length > INT64_MAX / o->multiply ? INT64_MAX : length * o->multiply;
    }
    return half_cosine(o->floor, base, done(s, length));
}

reel_schedule *reel_cosine_restarts_schedule_new(reel_optim *o,
                                                 reel_cosine_restarts_options options) {
    const char *what = "cosine_restarts_schedule_new";
    options.floor = reel__option(options.floor, 0.0);
    options.multiply = reel__option_int(options.multiply, 1);
    if (reel__optim_check(what, "floor", options.floor) != REEL_OK ||
        reel__schedule_length(what, options.steps) != REEL_OK)
        return NULL;
    if (options.multiply < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: multiply must be 1 or more: %" PRId64, what,
                  options.multiply);
        return NULL;
    }
    return reel__schedule_new(what, o,
                              (reel_schedule){.rate = restarts, .options.restarts = options});
}

/* ---- powers of gamma ---- */

static double step(const reel_schedule *c, double base, int64_t s) {
    return powered(base, c->options.step.gamma, (double)(s / c->options.step.every));
}

reel_schedule *reel_step_schedule_new(reel_optim *o, reel_step_options options) {
    const char *what = "step_schedule_new";
    options.gamma = reel__option(options.gamma, 0.1);
    if (reel__optim_check(what, "gamma", options.gamma) != REEL_OK ||
        reel__schedule_length(what, options.every) != REEL_OK)
        return NULL;
    return reel__schedule_new(what, o, (reel_schedule){.rate = step, .options.step = options});
}

static double multi_step(const reel_schedule *c, double base, int64_t s) {
    int passed = 0;
    for (int i = 0; i < c->milestone_count; i++) passed += c->milestones[i] <= s;
    return powered(base, c->options.multi_step.gamma, passed);
}

static reel_status check_milestones(const char *what, const reel_schedule *s) {
    for (int i = 0; i < s->milestone_count; i++)
        if (s->milestones[i] < 0)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a milestone below 0: %" PRId64, what,
                             s->milestones[i]);
    return REEL_OK;
}

reel_schedule *reel_multi_step_schedule_new(reel_optim *o, reel_multi_step_options options) {
    const char *what = "multi_step_schedule_new";
    const double gamma = reel__option(options.gamma, 0.1);
    reel_schedule filled = {.rate = multi_step, .options.multi_step.gamma = gamma};
    if (reel__optim_check(what, "gamma", gamma) != REEL_OK ||
        reel__schedule_milestones(what, &filled, options.milestones, options.count) != REEL_OK)
        return NULL;
    if (check_milestones(what, &filled) == REEL_OK) return reel__schedule_new(what, o, filled);
    reel__schedule_discard(&filled);
    return NULL;
}

static double exponential(const reel_schedule *c, double base, int64_t s) {
    return powered(base, c->options.exponential.gamma, (double)s);
}

reel_schedule *reel_exponential_schedule_new(reel_optim *o, reel_exponential_options options) {
    const char *what = "exponential_schedule_new";
    if (options.gamma == 0.0) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no gamma", what);
        return NULL;
    }
    options.gamma = reel__option(options.gamma, 0.0);
    if (reel__optim_check(what, "gamma", options.gamma) != REEL_OK) return NULL;
    return reel__schedule_new(what, o,
                              (reel_schedule){.rate = exponential, .options.exponential = options});
}

/* ---- constant, linear, polynomial ---- */

static double constant(const reel_schedule *c, double base, int64_t s) {
    return s < c->options.constant.steps ? base * c->options.constant.factor : base;
}

reel_schedule *reel_constant_schedule_new(reel_optim *o, reel_constant_options options) {
    const char *what = "constant_schedule_new";
    options.factor = reel__option(options.factor, 1.0 / 3.0);
    if (reel__optim_check(what, "factor", options.factor) != REEL_OK ||
        reel__schedule_length(what, options.steps) != REEL_OK)
        return NULL;
    return reel__schedule_new(what, o,
                              (reel_schedule){.rate = constant, .options.constant = options});
}

static double linear(const reel_schedule *c, double base, int64_t s) {
    const reel_linear_schedule_options *o = &c->options.linear;
    return base * (o->start_factor + (o->end_factor - o->start_factor) * done(s, o->steps));
}

reel_schedule *reel_linear_schedule_new(reel_optim *o, reel_linear_schedule_options options) {
    const char *what = "linear_schedule_new";
    options.start_factor = reel__option(options.start_factor, 1.0 / 3.0);
    options.end_factor = reel__option(options.end_factor, 1.0);
    if (reel__optim_check(what, "start_factor", options.start_factor) != REEL_OK ||
        reel__optim_check(what, "end_factor", options.end_factor) != REEL_OK ||
        reel__schedule_length(what, options.steps) != REEL_OK)
        return NULL;
    return reel__schedule_new(what, o, (reel_schedule){.rate = linear, .options.linear = options});
}

static double polynomial(const reel_schedule *c, double base, int64_t s) {
    return base * pow(1.0 - done(s, c->options.polynomial.steps), c->options.polynomial.power);
}

reel_schedule *reel_polynomial_schedule_new(reel_optim *o, reel_polynomial_options options) {
    const char *what = "polynomial_schedule_new";
    options.power = reel__option(options.power, 1.0);
    if (reel__optim_check(what, "power", options.power) != REEL_OK ||
        reel__schedule_length(what, options.steps) != REEL_OK)
        return NULL;
    return reel__schedule_new(what, o,
                              (reel_schedule){.rate = polynomial, .options.polynomial = options});
}

/* ---- a function of the caller's ---- */

static double lambda(const reel_schedule *c, double base, int64_t s) {
    return base * c->options.lambda.factor(s, c->options.lambda.user);
}

reel_schedule *reel_lambda_schedule_new(reel_optim *o, reel_lambda_options options) {
    const char *what = "lambda_schedule_new";
    if (!options.factor) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no function", what);
        return NULL;
    }
    return reel__schedule_new(what, o, (reel_schedule){.rate = lambda, .options.lambda = options});
}
