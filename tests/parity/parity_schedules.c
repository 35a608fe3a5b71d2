#include "tests/parity/parity_schedules.h"

#include "optim/optim.h"
#include "tests/parity/parity_inputs.h"

#include <string.h>

enum { STEPS = 120 };

/* A number of 0 is 0, not the default. */
static double number(record *r, const char *name, double value) {
    record_number(r, name, value);
    return value == 0 ? REEL_ZERO : value;
}
static int64_t integer(record *r, const char *name, int64_t value) {
    record_integer(r, name, value);
    return value == 0 ? REEL_ZERO : value;
}
static bool flag(record *r, const char *name, bool value) {
    record_integer(r, name, value);
    return value;
}
static double or_zero(dice *d, double value) {
    return dice_one_in(d, 6) ? 0 : value;
}

/* ---- each draws its options and records them ---- */

static reel_schedule *cosine(record *r, dice *d, reel_optim *o) {
    return reel_cosine_schedule_new(
        o, (reel_cosine_options){.steps = integer(r, "steps", dice_int(d, 1, 150)),
                                 .floor = number(r, "floor", or_zero(d, dice_real(d, 0, 0.01)))});
}
static reel_schedule *cosine_restarts(record *r, dice *d, reel_optim *o) {
    return reel_cosine_restarts_schedule_new(
        o, (reel_cosine_restarts_options){
               .steps = integer(r, "steps", dice_int(d, 1, 40)),
               .multiply = integer(r, "multiply", dice_int(d, 1, 3)),
               .floor = number(r, "floor", or_zero(d, dice_real(d, 0, 0.01)))});
}
static reel_schedule *step(record *r, dice *d, reel_optim *o) {
    return reel_step_schedule_new(
        o, (reel_step_options){.every = integer(r, "every", dice_int(d, 1, 50)),
                               .gamma = number(r, "gamma", or_zero(d, dice_real(d, 0.1, 1.2)))});
}
static reel_schedule *multi_step(record *r, dice *d, reel_optim *o) {
    int64_t milestones[5];
    const int count = (int)dice_int(d, 0, 5);
    for (int i = 0; i < count; i++) milestones[i] = dice_int(d, 1, STEPS);
    record_integers(r, "milestones", milestones, count);
    return reel_multi_step_schedule_new(
        o,
        (reel_multi_step_options){.milestones = milestones,
                                  .count = count,
                                  .gamma = number(r, "gamma", or_zero(d, dice_real(d, 0.1, 1.2)))});
}
static reel_schedule *exponential(record *r, dice *d, reel_optim *o) {
    return reel_exponential_schedule_new(
        o, (reel_exponential_options){.gamma =
                                          number(r, "gamma", or_zero(d, dice_real(d, 0.9, 1.01)))});
}
static reel_schedule *constant(record *r, dice *d, reel_optim *o) {
    return reel_constant_schedule_new(
        o, (reel_constant_options){.steps = integer(r, "steps", dice_int(d, 1, 150)),
                                   .factor = number(r, "factor", dice_real(d, 0.1, 1))});
}
static reel_schedule *linear(record *r, dice *d, reel_optim *o) {
    return reel_linear_schedule_new(
        o, (reel_linear_schedule_options){
               .steps = integer(r, "linear_steps", dice_int(d, 1, 60)),
               .start_factor = number(r, "start_factor", dice_real(d, 0.1, 1)),
               .end_factor = number(r, "end_factor", or_zero(d, dice_real(d, 0.1, 1)))});
}
static reel_schedule *polynomial(record *r, dice *d, reel_optim *o) {
    return reel_polynomial_schedule_new(
        o,
        (reel_polynomial_options){.steps = integer(r, "steps", dice_int(d, 1, 150)),
                                  .power = number(r, "power", or_zero(d, dice_real(d, 0.5, 3)))});
}

static double falling(int64_t s, void *user) {
    (void)user;
    return 1 / (1 + 0.1 * (double)s);
}
static reel_schedule *lambda(record *r, dice *d, reel_optim *o) {
    (void)r, (void)d;
    return reel_lambda_schedule_new(o, (reel_lambda_options){.factor = falling});
}

static double some_peak(record *r, dice *d) {
    const double peak = dice_one_in(d, 2) ? 0 : dice_real(d, 0.01, 1);
    record_number(r, "max_lr", peak);
    return peak; /* of 0: the base */
}

static reel_schedule *one_cycle(record *r, dice *d, reel_optim *o) {
    return reel_one_cycle_schedule_new(
        o, (reel_one_cycle_options){
               .steps = integer(r, "steps", dice_int(d, 10, 150)),
               .max_lr = some_peak(r, d),
               .pct_start = number(r, "pct_start", or_zero(d, dice_real(d, 0.15, 0.45))),
               .div_factor = number(r, "div_factor", dice_real(d, 2, 50)),
               .final_div_factor = number(r, "final_div_factor", dice_real(d, 2, 1e4)),
               .linear = flag(r, "linear", dice_one_in(d, 2)),
               .three_phase = flag(r, "three_phase", dice_one_in(d, 2))});
}

static reel_schedule *plateau(record *r, dice *d, reel_optim *o) {
    return reel_plateau_schedule_new(
        o, (reel_plateau_options){.maximize = flag(r, "maximize", dice_one_in(d, 2)),
                                  .absolute = flag(r, "absolute", dice_one_in(d, 2)),
                                  .factor = number(r, "factor", dice_real(d, 0.1, 0.9)),
                                  .threshold =
                                      number(r, "threshold", or_zero(d, dice_real(d, 1e-4, 0.1))),
                                  .min_lr = number(r, "min_lr", or_zero(d, dice_real(d, 0, 0.01))),
                                  .patience = integer(r, "patience", dice_int(d, 0, 10)),
                                  .cooldown = integer(r, "cooldown", dice_int(d, 0, 5)),
                                  .eps = number(r, "eps", or_zero(d, 1e-8))});
}

static reel_schedule *warmup(record *r, dice *d, reel_optim *o) {
    const int64_t steps = integer(r, "warmup_steps", dice_int(d, 1, 60));
    const bool more = dice_one_in(d, 2);
    return reel_warmup_schedule_new(
        o, (reel_warmup_options){.steps = steps, .after = more ? cosine(r, d, o) : NULL});
}

static reel_schedule *sequential(record *r, dice *d, reel_optim *o) {
    const int64_t milestones[] = {dice_int(d, 1, 50), dice_int(d, 51, 110)};
    reel_schedule *parts[] = {linear(r, d, o), polynomial(r, d, o), exponential(r, d, o)};
    record_integers(r, "milestones", milestones, COUNT(milestones));
    return reel_sequential_schedule_new(
        o,
        (reel_sequential_options){.parts = parts, .milestones = milestones, .count = COUNT(parts)});
}

static reel_schedule *chained(record *r, dice *d, reel_optim *o) {
    reel_schedule *parts[] = {linear(r, d, o), step(r, d, o), constant(r, d, o)};
    return reel_chained_schedule_new(o, parts, COUNT(parts));
}

static const struct {
    const char *name;
    reel_schedule *(*make)(record *r, dice *d, reel_optim *o);
} schedules[] = {
    {"cosine", cosine},
    {"cosine_restarts", cosine_restarts},
    {"step", step},
    {"multi_step", multi_step},
    {"exponential", exponential},
    {"constant", constant},
    {"linear", linear},
    {"polynomial", polynomial},
    {"lambda", lambda},
    {"one_cycle", one_cycle},
    {"plateau", plateau},
    {"warmup", warmup},
    {"sequential", sequential},
    {"chained", chained},
};

/* ---- a case ---- */

static reel_optim *two_groups(record *r, dice *d) {
    reel_optim *o = NULL;
    reel_state *first = reel_state_new(), *second = reel_state_new();
    reel_state_put(first, "a", reel_track(reel_zeros(reel_shape(1), REEL_F64, test_device())));
    reel_state_put(second, "b", reel_track(reel_zeros(reel_shape(1), REEL_F64, test_device())));
    o = reel_sgd_new(first, (reel_sgd_options){.lr = number(r, "lr", dice_real(d, 0.01, 1))});
    reel_optim_add_group(o, second,
                         (reel_group_options){.lr = number(r, "lr1", dice_real(d, 0.01, 1))});
    reel_state_free(first);
    reel_state_free(second);
    return o;
}

/* One that gets better for a while, and wavers; above 0, as PyTorch has no margin below. */
static array some_metrics(dice *d) {
    array m = array_new(reel_shape(STEPS));
    const double slope = dice_real(d, -0.03, 0.1), noise = dice_real(d, 0, 0.5);
    for (int s = 0; s < STEPS; s++) m.v[s] = 5 + slope * s + noise * dice_real(d, -1, 1);
    return m;
}

static void schedule_case(record *r, int i, int64_t seed) {
    dice d = dice_of(schedules[i].name, seed);
    record_case(r, "schedule", schedules[i].name, seed);
    reel_optim *o = two_groups(r, &d);
    reel_schedule *s = schedules[i].make(r, &d, o);
    array rates = array_new(reel_shape(STEPS + 1, 2)), metrics = some_metrics(&d);
    for (int k = 0; k <= STEPS; k++) {
        for (int g = 0; g < 2; g++) rates.v[2 * k + g] = reel_optim_group_lr(o, g);
        if (k == STEPS) break;
        if (strcmp(schedules[i].name, "plateau") == 0)
            reel_schedule_step_metric(s, metrics.v[k]);
        else
            reel_schedule_step(s);
    }
    record_tensor(r, "rates", parity_tensor(rates, REEL_F64));
    record_tensor(r, "metrics", parity_tensor(metrics, REEL_F64));
    record_end(r);
    array_free(rates);
    array_free(metrics);
    reel_schedule_free(s);
    reel_optim_free(o);
}

void parity_schedules(record *r) {
    for (int i = 0; i < COUNT(schedules); i++)
        if (record_subject(r, "schedule", schedules[i].name))
            for (int64_t seed = r->first; seed < r->first + r->count; seed++) {
                REEL_SCOPE;
                schedule_case(r, i, seed);
            }
}
