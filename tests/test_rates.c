/* Every schedule step by step beside PyTorch's way of computing it: each rate from the one before,
 * where the library has a formula of the step. */
#include "optim/optim.h"

#include "tests/expect.h"

static reel_optim *optim_new(double lr) {
    reel_state *list = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(list, "p", reel_track(reel_ones(reel_shape(1), REEL_F32, test_device())));
    }
    reel_optim *o = reel_sgd_new(list, (reel_sgd_options){.lr = lr});
    reel_state_free(list);
    expect_fine();
    return o;
}

static void expect_rate(double got, double expected) {
    ck_assert_double_eq_tol(got, expected, 1e-13 * fmax(fabs(expected), 1e-3));
}

/* The schedule makes rates[0..n-1], stepped to and asked for; then both are freed. */
static void expect_rates(reel_optim *o, reel_schedule *s, const double *rates, int n) {
    expect_fine();
    for (int i = 0; i < n; i++) {
        expect_rate(reel_schedule_lr(s, i), rates[i]);
        ck_assert_double_eq(reel_optim_lr(o), reel_schedule_lr(s, i));
        ck_assert_int_eq(reel_schedule_step(s), REEL_OK);
    }
    reel_schedule_free(s);
    reel_optim_free(o);
}

enum { N = 40 };

/* ---- from the rate before ---- */

START_TEST(multi_step_multiplies_at_each_milestone) {
    const int64_t milestones[] = {9, 3, 9, 0, 20}; /* in any order; one counts twice */
    double lr[N] = {0.8 * 0.5};
    for (int i = 1; i < N; i++) lr[i] = lr[i - 1] * (i == 3 || i == 20 ? 0.5 : i == 9 ? 0.25 : 1.0);
    reel_optim *o = optim_new(0.8);
    const reel_multi_step_options five = {.milestones = milestones, .count = 5, .gamma = 0.5};
    expect_rates(o, reel_multi_step_schedule_new(o, five), lr, N);

    o = optim_new(0.8);
    reel_schedule *s = reel_multi_step_schedule_new(
        o, (reel_multi_step_options){.milestones = milestones + 1, .count = 1});
    expect_rates(o, s, (double[]){0.8, 0.8, 0.8, 0.08, 0.08}, 5);
    o = optim_new(0.8);
    expect_rates(o, reel_multi_step_schedule_new(o, (reel_multi_step_options){0}),
                 (double[]){0.8, 0.8}, 2);
}
END_TEST

START_TEST(exponential_multiplies_at_each_step) {
    double lr[N] = {0.3};
    for (int i = 1; i < N; i++) lr[i] = lr[i - 1] * 0.9;
    reel_optim *o = optim_new(0.3);
    expect_rates(o, reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.9}), lr,
                 N);
}
END_TEST

START_TEST(constant_multiplies_and_takes_it_back) {
    double lr[N] = {0.6 * 0.25}, third[N] = {0.2}, none[N] = {0};
    for (int i = 1; i < N; i++) {
        lr[i] = i == 7 ? lr[i - 1] * (1.0 / 0.25) : lr[i - 1];
        third[i] = i == 1 ? third[i - 1] * 3.0 : third[i - 1];
        none[i] = i < 7 ? 0.0 : 0.6;
    }
    reel_optim *o = optim_new(0.6);
    expect_rates(o,
                 reel_constant_schedule_new(o, (reel_constant_options){.steps = 7, .factor = 0.25}),
                 lr, N);
    o = optim_new(0.6);
    expect_rates(o, reel_constant_schedule_new(o, (reel_constant_options){.steps = 1}), third, N);
    o = optim_new(0.6);
    expect_rates(
        o, reel_constant_schedule_new(o, (reel_constant_options){.steps = 7, .factor = REEL_ZERO}),
        none, N);
}
END_TEST

/* LinearLR's get_lr: a factor upon the last rate. */
static void linear_by_factors(double *lr, double base, double start, double end, int total) {
    lr[0] = base * start;
    for (int i = 1; i < N; i++)
        lr[i] = i > total
                    ? lr[i - 1]
                    : lr[i - 1] * (1.0 + (end - start) / (total * start + (i - 1) * (end - start)));
}

START_TEST(linear_adds_a_share_at_each_step) {
    double lr[N];
    linear_by_factors(lr, 0.9, 0.1, 1.5, 11);
    reel_optim *o = optim_new(0.9);
    expect_rates(
        o,
        reel_linear_schedule_new(
            o, (reel_linear_schedule_options){.steps = 11, .start_factor = 0.1, .end_factor = 1.5}),
        lr, N);
    linear_by_factors(lr, 0.9, 1.0 / 3.0, 1.0, 4);
    o = optim_new(0.9);
    expect_rates(o, reel_linear_schedule_new(o, (reel_linear_schedule_options){.steps = 4}), lr, N);
    linear_by_factors(lr, 0.9, 1.0, 0.0, 8);
    o = optim_new(0.9);
    expect_rates(
        o,
        reel_linear_schedule_new(o, (reel_linear_schedule_options){.steps = 8,
                                                                   .start_factor = 1.0,
                                                                   .end_factor = REEL_ZERO}),
        lr, 8);
    o = optim_new(0.9);
    reel_schedule *from_nothing = reel_linear_schedule_new(
        o, (reel_linear_schedule_options){.steps = 3, .start_factor = REEL_ZERO});
    expect_rates(o, from_nothing, (double[]){0, 0.3, 0.6, 0.9, 0.9}, 5);
}
END_TEST

START_TEST(polynomial_decays_by_factors) {
    for (int k = 0; k < 3; k++) {
        const double power = k == 0 ? 1.0 : k == 1 ? 2.0 : 0.5;
        double lr[N] = {0.7};
        for (int i = 1; i < N; i++)
            lr[i] = i > 13 ? lr[i - 1]
                           : lr[i - 1] * pow((1.0 - i / 13.0) / (1.0 - (i - 1) / 13.0), power);
        reel_optim *o = optim_new(0.7);
        const reel_polynomial_options options = {.steps = 13, .power = k == 0 ? 0.0 : power};
        expect_rates(o, reel_polynomial_schedule_new(o, options), lr, N);
    }
}
END_TEST

/* CosineAnnealingWarmRestarts' step: T_cur and T_i move on by one. */
START_TEST(cosine_restarts_cycle_by_cycle) {
    for (int multiply = 0; multiply <= 3; multiply++) {
        double lr[N];
        int current = 0, length = 3;
        for (int i = 0; i < N; i++) {
            lr[i] = 0.01 + (0.5 - 0.01) * (1 + cos(M_PI * current / length)) / 2;
            if (++current >= length) {
                current -= length;
                length *= multiply ? multiply : 1;
            }
        }
        reel_optim *o = optim_new(0.5);
        const reel_cosine_restarts_options options = {
            .steps = 3, .multiply = multiply, .floor = 0.01};
        expect_rates(o, reel_cosine_restarts_schedule_new(o, options), lr, N);
    }
}
END_TEST

START_TEST(cosine_restarts_far_out) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = reel_cosine_restarts_schedule_new(
        o, (reel_cosine_restarts_options){.steps = 3, .multiply = INT64_MAX / 2});
    ck_assert_double_eq(reel_schedule_lr(s, 3), 0.5); /* the second cycle is as long as there is */
    ck_assert_double_lt(reel_schedule_lr(s, INT64_MAX), 1e-3);
    reel_schedule_free(s);
    s = reel_cosine_restarts_schedule_new(o, (reel_cosine_restarts_options){.steps = 3});
    ck_assert_double_eq(reel_schedule_lr(s, INT64_MAX / 3 * 3), 0.5);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

static double inverse_root(int64_t step, void *user) {
    return 1.0 / sqrt(1.0 + (double)step * *(const double *)user);
}

START_TEST(lambda_scales_the_base) {
    double lr[N], slope = 0.5;
    for (int i = 0; i < N; i++) lr[i] = 0.2 / sqrt(1.0 + 0.5 * i);
    reel_optim *o = optim_new(0.2);
    expect_rates(
        o,
        reel_lambda_schedule_new(o, (reel_lambda_options){.factor = inverse_root, .user = &slope}),
        lr, N);
}
END_TEST

static double below_zero(int64_t step, void *user) {
    (void)user;
    return step < 2 ? 1.0 : -1.0;
}

START_TEST(a_rate_that_is_none_is_refused) {
    reel_optim *o = optim_new(0.2);
    reel_schedule *s = reel_lambda_schedule_new(o, (reel_lambda_options){.factor = below_zero});
    ck_assert_int_eq(reel_schedule_step(s), REEL_OK);
    ck_assert_int_eq(reel_schedule_step(s), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "schedule_step: lr must be 0 or more, and finite: -0.2");
    ck_assert_double_eq(reel_optim_lr(o), 0.2);
    reel_state *state = reel_state_new();
    reel_schedule_save(s, state, NULL);
    ck_assert_str_eq(reel_state_text(state, "step"), "1"); /* it did not go there */
    reel_state_free(state);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

/* ---- one cycle ---- */

/* OneCycleLR's get_lr, with its list of phases. */
static double torch_one_cycle(int step, int total, double max, double pct, double div,
                              double final_div, bool linear, bool three) {
    struct {
        double end, from, to;
    } phases[3] = {{pct * total - 1, max / div, max},
                   {three ? 2 * pct * total - 2 : total - 1, max, max / div},
                   {total - 1, max / div, max / div / final_div}};
    if (!three) phases[1].to = max / div / final_div;
    double start = 0;
    for (int i = 0; i < (three ? 3 : 2); i++) {
        if (step <= phases[i].end || i == (three ? 2 : 1)) {
            double x = (step - start) / (phases[i].end - start);
            if (linear) return (phases[i].to - phases[i].from) * x + phases[i].from;
            return phases[i].to + (phases[i].from - phases[i].to) / 2.0 * (1 + cos(M_PI * x));
        }
        start = phases[i].end;
    }
    return NAN;
}

static const reel_one_cycle_options cycles[] = {
    {.steps = 30, .max_lr = 0.4},
    {.steps = 30, .max_lr = 0.4, .linear = true},
    {.steps = 37, .max_lr = 0.4, .pct_start = 0.25, .div_factor = 10, .final_div_factor = 100},
    {.steps = 30, .max_lr = 0.4, .pct_start = 0.4, .three_phase = true},
    {.steps = 33, .max_lr = 0.4, .pct_start = 0.21, .three_phase = true, .linear = true},
    {.steps = 2, .max_lr = 0.4, .pct_start = 0.75},
    {.steps = 12, .pct_start = 1.0}, /* all the way up, to the base */
    {.steps = 12, .pct_start = 0.05},
};
enum { CYCLES = sizeof cycles / sizeof *cycles };

START_TEST(one_cycle_goes_up_and_down) {
    const reel_one_cycle_options c = cycles[_i];
    double lr[N];
    for (int i = 0; i < N; i++) /* after its end the rate stays */
        lr[i] = torch_one_cycle(
            i < c.steps ? i : (int)c.steps - 1, (int)c.steps, c.max_lr > 0 ? c.max_lr : 0.5,
            c.pct_start > 0 ? c.pct_start : 0.3, c.div_factor > 0 ? c.div_factor : 25,
            c.final_div_factor > 0 ? c.final_div_factor : 1e4, c.linear, c.three_phase);
    reel_optim *o = optim_new(0.5);
    expect_rates(o, reel_one_cycle_schedule_new(o, c), lr, N);
}
END_TEST

START_TEST(one_cycle_without_a_way_up) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s =
        reel_one_cycle_schedule_new(o, (reel_one_cycle_options){.steps = 5, .pct_start = 0.2});
    ck_assert_double_eq(reel_optim_lr(o), 0.5); /* the way up ends at step 0 */
    ck_assert_double_eq_tol(reel_schedule_lr(s, 4), 0.5 / 25 / 1e4, 1e-17);
    reel_schedule_free(s);
    s = reel_one_cycle_schedule_new(o, (reel_one_cycle_options){.steps = 1});
    ck_assert_double_eq_tol(reel_optim_lr(o), 0.5 / 25 / 1e4, 1e-17);
    reel_schedule_free(s);
    s = reel_one_cycle_schedule_new(
        o, (reel_one_cycle_options){.steps = 5, .pct_start = REEL_ZERO, .linear = true});
    /* down from before the first step, at -1, to 4 */
    ck_assert_double_eq_tol(reel_schedule_lr(s, 0), 0.5 + (0.5 / 25 / 1e4 - 0.5) / 5, 1e-15);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

/* ---- schedules of schedules ---- */

START_TEST(sequential_hands_over_at_milestones) {
    double lr[N];
    for (int i = 0; i < N; i++)
        lr[i] = i < 5    ? 0.4 * (0.1 + 0.9 * i / 5.0)
                : i < 12 ? 0.4 * pow(0.9, i - 5)
                         : 0.4 * (i < 15 ? 0.5 : 1.0);
    reel_optim *o = optim_new(0.4);
    reel_schedule *parts[] = {
        reel_linear_schedule_new(o,
                                 (reel_linear_schedule_options){.steps = 5, .start_factor = 0.1}),
        reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.9}),
        reel_constant_schedule_new(o, (reel_constant_options){.steps = 3, .factor = 0.5})};
    reel_schedule *s = reel_sequential_schedule_new(
        o, (reel_sequential_options){.parts = parts, .milestones = (int64_t[]){5, 12}, .count = 3});
    expect_rates(o, s, lr, N);
    o = optim_new(0.4); /* of one part: that one */
    parts[0] = reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.5});
    s = reel_sequential_schedule_new(o, (reel_sequential_options){.parts = parts, .count = 1});
    expect_rates(o, s, (double[]){0.4, 0.2, 0.1}, 3);
}
END_TEST

START_TEST(chained_is_the_product) {
    double lr[N] = {0.9 * 0.5};
    for (int i = 1; i < N; i++) { /* ChainedScheduler: each upon what the one before it left */
        lr[i] = lr[i - 1] * 0.95;
        if (i == 4) lr[i] *= 1.0 / 0.5;
    }
    reel_optim *o = optim_new(0.9);
    reel_schedule *s = reel_chained_schedule(
        o, reel_constant_schedule_new(o, (reel_constant_options){.steps = 4, .factor = 0.5}),
        reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.95}));
    expect_rates(o, s, lr, N);
}
END_TEST

static reel_schedule *exponential(reel_optim *o, double gamma) {
    return reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = gamma});
}

START_TEST(parts_may_have_parts) {
    double lr[N];
    for (int i = 0; i < N; i++) {
        const double in = i < 3 ? 0.8 * (i + 1) / 3.0 : 0.8 * pow(0.5, i - 3 < 4 ? i - 3 : i - 7);
        lr[i] = in * pow(0.9, i);
    }
    reel_optim *o = optim_new(0.8);
    reel_schedule *halves[] = {exponential(o, 0.5), exponential(o, 0.5)};
    reel_schedule *after = reel_sequential_schedule_new(
        o, (reel_sequential_options){.parts = halves, .milestones = (int64_t[]){4}, .count = 2});
    reel_schedule *warm =
        reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 3, .after = after});
    expect_rates(o, reel_chained_schedule(o, warm, exponential(o, 0.9)), lr, N);
}
END_TEST

/* ---- plateau ---- */

/* ReduceLROnPlateau. */
typedef struct {
    double best, lr;
    int bad, cooldown;
} plateau;

static bool torch_is_better(const reel_plateau_options *o, double a, double best,
                            double threshold) {
    if (!o->maximize && !o->absolute) return a < best * (1. - threshold);
    if (!o->maximize) return a < best - threshold;
    return o->absolute ? a > best + threshold : a > best * (threshold + 1.);
}

static void torch_plateau(plateau *p, const reel_plateau_options *o, double metric) {
    const double threshold = o->threshold != 0 ? fmax(o->threshold, 0) : 1e-4;
    const double factor = o->factor != 0 ? o->factor : 0.1;
    const double eps = o->eps != 0 ? fmax(o->eps, 0) : 1e-8;
    const int64_t patience = o->patience == 0 ? 10 : o->patience < 0 ? 0 : o->patience;
    if (torch_is_better(o, metric, p->best, threshold)) {
        p->best = metric;
        p->bad = 0;
    } else {
        p->bad += 1;
    }
    if (p->cooldown > 0) {
        p->cooldown -= 1;
        p->bad = 0;
    }
    if (p->bad > patience) {
        const double lower = fmax(p->lr * factor, o->min_lr);
        if (p->lr - lower > eps) p->lr = lower;
        p->cooldown = (int)o->cooldown;
        p->bad = 0;
    }
}

static const reel_plateau_options plateaus[] = {
    {0},
    {.patience = 2, .factor = 0.5},
    {.patience = 2, .factor = 0.5, .cooldown = 3},
    {.patience = REEL_ZERO, .factor = 0.7, .min_lr = 0.02},
    {.patience = 3, .factor = 0.5, .maximize = true},
    {.patience = 1, .factor = 0.5, .absolute = true, .threshold = 0.05},
    {.patience = 1, .factor = 0.5, .absolute = true, .threshold = 0.05, .maximize = true},
    {.patience = 1, .factor = 0.5, .threshold = 0.1, .cooldown = 1},
    {.patience = REEL_ZERO, .factor = 0.1, .threshold = REEL_ZERO, .eps = 1e-3},
};
enum { PLATEAUS = sizeof plateaus / sizeof *plateaus, METRICS = 120 };

/* Falls, with bumps, levels off above 0, and is NaN at times. */
static double metric_of(int i) {
    return i % 37 == 36 ? NAN : 1.0 / (1.0 + 0.1 * fmin(i, 40)) + 0.03 * sin(1.7 * i);
}

START_TEST(plateau_lowers_the_rate) {
    const reel_plateau_options options = plateaus[_i];
    plateau expected = {.best = options.maximize ? -INFINITY : INFINITY, .lr = 0.5};
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = reel_plateau_schedule_new(o, options);
    expect_fine();
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    for (int i = 0; i < METRICS; i++) {
        torch_plateau(&expected, &options, metric_of(i));
        ck_assert_int_eq(reel_schedule_step_metric(s, metric_of(i)), REEL_OK);
        ck_assert_double_eq(reel_optim_lr(o), expected.lr);
        ck_assert_double_eq(reel_schedule_lr(s, 0), expected.lr);
    }
    ck_assert_double_lt(expected.lr, 0.5); /* or nothing was tested */
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

/* A metric that stays as it is gets no better, whatever its sign; one that leaves by more than the
 * threshold does. */
START_TEST(plateau_goes_by_the_size_of_the_best) {
    static const struct {
        double metric, better, worse;
    } cases[] = {
        {-1, -1.3, -1.2},   {-1e300, -1.3e300, -1e300},  {1, 0.7, 0.8},           {0, -1e-300, 0},
        {-0.0, -1e-300, 0}, {-INFINITY, NAN, -INFINITY}, {INFINITY, 1, INFINITY}, {NAN, 5, NAN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int maximize = 0; maximize < 2; maximize++) {
            const double sign = maximize ? -1 : 1;
            reel_optim *o = optim_new(0.5);
            reel_schedule *s = reel_plateau_schedule_new(
                o, (reel_plateau_options){
                       .patience = 2, .factor = 0.5, .threshold = 0.25, .maximize = maximize});
            reel_schedule_step_metric(s, sign * cases[i].metric);
            reel_schedule_step_metric(s, sign * cases[i].worse);
            if (!isnan(cases[i].better)) reel_schedule_step_metric(s, sign * cases[i].better);
            for (int k = 0; k < 2; k++) reel_schedule_step_metric(s, sign * cases[i].worse);
            if (!isnan(cases[i].better)) ck_assert_double_eq(reel_optim_lr(o), 0.5);
            reel_schedule_step_metric(s, sign * cases[i].worse);
            ck_assert_double_eq(reel_optim_lr(o), 0.25);
            expect_fine();
            reel_schedule_free(s);
            reel_optim_free(o);
        }
}
END_TEST

START_TEST(zero_can_be_asked_for) {
    static const double zero[] = {0.5, 0, 0, 0}, base[] = {0.5, 0.5, 0.5};
    const int64_t milestones[] = {1};
    reel_optim *o = optim_new(0.5);
#define RATES(kind, rates, ...)                                                                    \
    expect_rates(o, reel_##kind##_schedule_new(o, (reel_##kind##_options){__VA_ARGS__}), rates,    \
                 3);                                                                               \
    o = optim_new(0.5)
    RATES(step, zero, .every = 1, .gamma = REEL_ZERO);
    RATES(multi_step, zero, .milestones = milestones, .count = 1, .gamma = REEL_ZERO);
    RATES(exponential, zero, .gamma = REEL_ZERO);
    RATES(polynomial, base, .steps = 1, .power = REEL_ZERO);
    RATES(cosine, zero, .steps = 1, .floor = REEL_ZERO);
    RATES(cosine_restarts, base, .steps = 1, .floor = REEL_ZERO);
    RATES(one_cycle, zero + 1, .steps = 2, .max_lr = REEL_ZERO);
#undef RATES
    reel_schedule *s = reel_plateau_schedule_new(
        o,
        (reel_plateau_options){.patience = REEL_ZERO, .factor = REEL_ZERO, .cooldown = REEL_ZERO});
    for (int k = 0; k < 2; k++) reel_schedule_step_metric(s, 1);
    ck_assert_double_eq(reel_optim_lr(o), 0);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

/* Freed, a part of another, or one whose optimizer was freed. */
START_TEST(what_is_no_schedule_is_refused) {
    const char *const said = ": not a schedule, or freed already";
    reel_optim *o = optim_new(0.5);
    reel_state *state = reel_state_new();
    reel_schedule *freed = exponential(o, 0.5), *part = exponential(o, 0.5);
    reel_schedule_free(freed);
    ck_assert_int_ne(reel_schedule_step(freed), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, said);
    ck_assert_int_ne(reel_schedule_step_metric(freed, 1), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, said);
    ck_assert(isnan(reel_schedule_lr(freed, 0)));
    expect_failure(REEL_ERR_ARGUMENT, said);
    ck_assert_int_ne(reel_schedule_save(freed, state, NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, said);
    ck_assert_int_ne(reel_schedule_load(freed, state, NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, said);
    reel_schedule_free(freed);
    expect_failure(REEL_ERR_ARGUMENT, said);
    ck_assert_ptr_null(reel_chained_schedule(o, freed));
    expect_failure(REEL_ERR_ARGUMENT, "part 0 is not a schedule, or freed already");
    reel_schedule *whole = reel_chained_schedule(o, part);
    ck_assert_int_ne(reel_schedule_step(part), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "schedule_step: part of another, which steps it");
    reel_schedule_free(part);
    expect_failure(REEL_ERR_ARGUMENT, "schedule_free: part of another, which frees it");
    ck_assert_int_eq(reel_schedule_step(whole), REEL_OK);
    ck_assert_int_eq(reel_schedule_save(whole, state, NULL), REEL_OK);
    reel_optim_free(o);
    ck_assert_int_ne(reel_schedule_step(whole), REEL_OK);
    expect_failure(REEL_ERR_STATE, "schedule_step: its optimizer was freed");
    ck_assert_int_ne(reel_schedule_load(whole, state, NULL), REEL_OK);
    expect_failure(REEL_ERR_STATE, "schedule_load: its optimizer was freed");
    reel_schedule_free(whole); /* later than its optimizer, but to no harm */
    reel_state_free(state);
}
END_TEST

/* As far as a count goes, and no further. */
START_TEST(steps_end_where_counts_do) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s[] = {exponential(o, 0.5),
                          reel_plateau_schedule_new(o, (reel_plateau_options){0})};
    for (int i = 0; i < 2; i++) {
        reel_state *state = reel_state_new();
        reel_schedule_save(s[i], state, NULL);
        reel_state_put_int(state, "step", INT64_MAX);
        if (i) reel_state_put_int(state, "bad", INT64_MAX);
        ck_assert_int_eq(reel_schedule_load(s[i], state, NULL), REEL_OK);
        ck_assert_int_ne(i ? reel_schedule_step_metric(s[i], 1) : reel_schedule_step(s[i]),
                         REEL_OK);
        expect_failure(REEL_ERR_STATE, i ? "schedule_step_metric: no step after 9223372036854775807"
                                         : "schedule_step: no step after 9223372036854775807");
        reel_state_free(state);
        reel_schedule_free(s[i]);
    }
    reel_optim_free(o);
}
END_TEST

START_TEST(metrics_go_to_plateaus_alone) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *p = reel_plateau_schedule_new(o, (reel_plateau_options){0});
    reel_schedule *e = exponential(o, 0.5);
    ck_assert_int_ne(reel_schedule_step(p), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "takes a metric");
    ck_assert_int_ne(reel_schedule_step_metric(e, 1.0), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "takes no metric");
    ck_assert_int_ne(reel_schedule_step_metric(NULL, 1.0), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no schedule");
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    reel_schedule_free(p);
    reel_schedule_free(e);
    reel_optim_free(o);
}
END_TEST

/* ---- resuming ---- */

static const int64_t milestones[] = {4, 11};

static reel_schedule *any_schedule(int kind, reel_optim *o) {
    reel_schedule *parts[] = {kind == 8 ? exponential(o, 0.9) : NULL,
                              kind == 8 ? exponential(o, 0.8) : NULL,
                              kind == 8 ? exponential(o, 0.7) : NULL};
    static double slope = 0.3;
    switch (kind) {
    case 0:
        return reel_multi_step_schedule_new(
            o, (reel_multi_step_options){.milestones = milestones, .count = 2});
    case 1:
        return exponential(o, 0.9);
    case 2:
        return reel_constant_schedule_new(o, (reel_constant_options){.steps = 6});
    case 3:
        return reel_linear_schedule_new(o, (reel_linear_schedule_options){.steps = 9});
    case 4:
        return reel_polynomial_schedule_new(o, (reel_polynomial_options){.steps = 15});
    case 5:
        return reel_cosine_restarts_schedule_new(
            o, (reel_cosine_restarts_options){.steps = 3, .multiply = 2});
    case 6:
        return reel_lambda_schedule_new(
            o, (reel_lambda_options){.factor = inverse_root, .user = &slope});
    case 7:
        return reel_one_cycle_schedule_new(o, (reel_one_cycle_options){.steps = 18});
    case 8:
        return reel_sequential_schedule_new(
            o, (reel_sequential_options){.parts = parts, .milestones = milestones, .count = 3});
    case 9:
        return reel_chained_schedule(o, exponential(o, 0.9), exponential(o, 1.05));
    default:
        return reel_plateau_schedule_new(
            o, (reel_plateau_options){.patience = 1, .factor = 0.7, .cooldown = 1});
    }
}
enum { KINDS = 11, PLATEAU = 10, LENGTH = 20 };

static void go_on(int kind, reel_schedule *s, int i) {
    ck_assert_int_eq(kind == PLATEAU ? reel_schedule_step_metric(s, metric_of(i + 45))
                                     : reel_schedule_step(s),
                     REEL_OK);
}

/* Stopped after k steps, for every k, and resumed with new objects: the same rates, to the bit. */
START_TEST(resumed_at_every_step) {
    for (int k = 0; k <= LENGTH; k++) {
        reel_optim *o = optim_new(0.7), *p = optim_new(0.2);
        reel_schedule *s = any_schedule(_i, o), *r = any_schedule(_i, p);
        for (int i = 0; i < k; i++) go_on(_i, s, i);
        reel_state *state = reel_state_new();
        ck_assert_int_eq(reel_schedule_save(s, state, "schedule"), REEL_OK);
        ck_assert_int_eq(reel_schedule_load(r, state, "schedule"), REEL_OK);
        for (int i = k; i < LENGTH; i++) {
            ck_assert_double_eq(reel_optim_lr(p), reel_optim_lr(o));
            go_on(_i, s, i);
            go_on(_i, r, i);
        }
        ck_assert_double_eq(reel_optim_lr(p), reel_optim_lr(o));
        reel_state_free(state);
        reel_schedule_free(s);
        reel_schedule_free(r);
        reel_optim_free(o);
        reel_optim_free(p);
    }
}
END_TEST

START_TEST(plateau_load_is_all_or_nothing) {
    static const char *const bad[][2] = {
        {"best", "nan"}, {"best", ""}, {"bad", "-1"}, {"cooling", "1.5"}, {"reductions", "x"}};
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = any_schedule(PLATEAU, o);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reel_state *state = reel_state_new();
        reel_schedule_save(s, state, NULL);
        reel_state_put_text(state, "base", "0.25");
        reel_state_put_text(state, bad[i][0], bad[i][1]);
        ck_assert_int_eq(reel_schedule_load(s, state, NULL), REEL_ERR_FORMAT);
        expect_failure(REEL_ERR_FORMAT, bad[i][0]);
        ck_assert_double_eq(reel_optim_lr(o), 0.5);
        ck_assert_double_eq(reel_schedule_lr(s, 0), 0.5);
        reel_state_free(state);
    }
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

/* ---- what is refused ---- */

static void expect_none(reel_schedule *s, const char *part) {
    ck_assert_ptr_null(s);
    expect_failure(REEL_ERR_ARGUMENT, part);
}

START_TEST(options_are_checked) {
    reel_optim *o = optim_new(0.5);
    const int64_t negative[] = {3, -1};
#define NONE(kind, part, ...)                                                                      \
    expect_none(reel_##kind##_schedule_new(o, (reel_##kind##_options){__VA_ARGS__}),               \
                #kind "_schedule_new: " part)
    NONE(multi_step, "a milestone below 0: -1", .milestones = negative, .count = 2);
    NONE(multi_step, "no milestones", .count = 2);
    NONE(multi_step, "no milestones", .milestones = negative, .count = -1);
    NONE(multi_step, "gamma", .gamma = -0.1);
    NONE(exponential, "no gamma", .gamma = 0);
    NONE(exponential, "gamma must be 0 or more, and finite: -0.5", .gamma = -0.5);
    NONE(exponential, "gamma", .gamma = NAN);
    NONE(constant, "a length below 1: 0", .factor = 0.5);
    NONE(constant, "factor", .steps = 3, .factor = INFINITY);
    NONE(polynomial, "a length below 1: -2", .steps = -2);
    NONE(polynomial, "power", .steps = 2, .power = -1);
    NONE(cosine_restarts, "a length below 1: 0", .floor = 0.1);
    NONE(cosine_restarts, "floor", .steps = 2, .floor = -0.1);
    NONE(cosine_restarts, "multiply must be 1 or more: -1", .steps = 2, .multiply = -1);
    NONE(lambda, "no function", .user = o);
    NONE(one_cycle, "a length below 1: 0", .max_lr = 1);
    NONE(one_cycle, "max_lr", .steps = 3, .max_lr = -1);
    NONE(one_cycle, "pct_start must lie in [0, 1]: 1.1", .steps = 3, .pct_start = 1.1);
    NONE(one_cycle, "pct_start", .steps = 3, .pct_start = NAN);
    NONE(one_cycle, "div_factor", .steps = 3, .div_factor = -1);
    NONE(one_cycle, "final_div_factor", .steps = 3, .final_div_factor = INFINITY);
    NONE(plateau, "factor must lie in [0, 1): 1", .factor = 1);
    NONE(plateau, "factor", .factor = -0.5);
    NONE(plateau, "a relative threshold must be below 1: 1", .threshold = 1);
    NONE(plateau, "threshold", .threshold = NAN);
    NONE(plateau, "min_lr", .min_lr = -1);
    NONE(plateau, "eps", .eps = INFINITY);
    NONE(plateau, "cooldown must be 0 or more: -1", .cooldown = -1);
    NONE(plateau, "patience must be 0 or more: -1", .patience = -1);
    NONE(plateau, "threshold must be 0 or more, and finite: -1", .threshold = -1);
    NONE(plateau, "eps must be 0 or more, and finite: -1", .eps = -1);
    NONE(constant, "factor must be 0 or more, and finite: -1", .steps = 3, .factor = -1);
    NONE(one_cycle, "pct_start must lie in [0, 1]: -1", .steps = 3, .pct_start = -1);
    NONE(one_cycle, "div_factor must be positive", .steps = 3, .div_factor = REEL_ZERO);
    NONE(cosine_restarts, "multiply must be 1 or more: 0", .steps = 2, .multiply = REEL_ZERO);
    NONE(cosine, "a length below 1", .steps = REEL_ZERO);
#undef NONE
    expect_none(reel_linear_schedule_new(o, (reel_linear_schedule_options){0}),
                "linear_schedule_new: a length below 1: 0");
    expect_none(reel_linear_schedule_new(
                    o, (reel_linear_schedule_options){.steps = 2, .start_factor = NAN}),
                "linear_schedule_new: start_factor");
    expect_none(reel_exponential_schedule_new(NULL, (reel_exponential_options){.gamma = 1}),
                "exponential_schedule_new: no optimizer");
    expect_none(reel_multi_step_schedule_new(
                    NULL, (reel_multi_step_options){.milestones = milestones, .count = 2}),
                "no optimizer");
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    reel_optim_free(o);
}
END_TEST

static reel_schedule *sequence(reel_optim *o, reel_schedule *a, reel_schedule *b, int64_t at) {
    reel_schedule *parts[] = {a, b};
    return reel_sequential_schedule_new(
        o, (reel_sequential_options){.parts = parts, .milestones = &at, .count = 2});
}

/* What is refused is let go, once: the sanitizers say if not. */
START_TEST(parts_are_checked) {
    reel_optim *o = optim_new(0.5), *other = optim_new(0.5);
    expect_none(sequence(o, exponential(o, 0.5), exponential(o, 0.5), 0),
                "sequential_schedule_new: milestones must rise from 1: 0 after 0");
    expect_none(sequence(o, exponential(o, 0.5), NULL, 3), "part 1 is missing");
    expect_none(sequence(o, exponential(other, 0.5), exponential(o, 0.5), 3),
                "part 0 drives another optimizer");
    reel_schedule *twice = exponential(o, 0.5);
    expect_none(sequence(o, twice, twice, 3), "part 1 is part of a schedule already");
    reel_schedule *three[] = {exponential(o, 0.5), exponential(o, 0.5), exponential(o, 0.5)};
    expect_none(
        reel_sequential_schedule_new(
            o,
            (reel_sequential_options){.parts = three, .milestones = (int64_t[]){4, 4}, .count = 3}),
        "milestones must rise from 1: 4 after 4");
    reel_schedule *two[] = {exponential(o, 0.5), exponential(o, 0.5)};
    expect_none(
        reel_sequential_schedule_new(o, (reel_sequential_options){.parts = two, .count = 2}),
        "sequential_schedule_new: no milestones");
    expect_none(reel_sequential_schedule_new(o, (reel_sequential_options){.count = 2}),
                "sequential_schedule_new: no parts");
    reel_schedule *metric = reel_plateau_schedule_new(o, (reel_plateau_options){0});
    expect_none(reel_chained_schedule(o, exponential(o, 0.5), metric),
                "chained_schedule_new: part 1 takes a metric");
    expect_none(reel_chained_schedule_new(o, NULL, 2), "chained_schedule_new: no parts");
    reel_schedule *part = exponential(o, 0.5);
    reel_schedule *whole = reel_chained_schedule(o, part);
    expect_none(reel_chained_schedule(o, part), "part 0 is part of a schedule already");
    ck_assert_double_eq(reel_schedule_lr(whole, 1), 0.25); /* and stays there */
    reel_schedule_free(whole);
    expect_none(
        reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 2,
                                                          .after = reel_plateau_schedule_new(
                                                              o, (reel_plateau_options){0})}),
        "warmup_schedule_new: part 0 takes a metric");
    reel_optim_free(o);
    reel_optim_free(other);
}
END_TEST

START_TEST(base_is_not_what_a_schedule_has_set) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = exponential(o, 0.5);
    reel_schedule_step(s);
    ck_assert_double_eq(reel_optim_lr(o), 0.25);
    reel_schedule_free(s);
    s = exponential(o, 0.5);
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    ck_assert_int_eq(reel_optim_set_lr(o, 0.125), REEL_OK);
    ck_assert_double_eq(reel_schedule_lr(s, 0), 0.5); /* what it was made with stays */
    reel_schedule_free(s);
    s = exponential(o, 0.5);
    ck_assert_double_eq(reel_schedule_lr(s, 1), 0.0625);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

int main(void) {
    Suite *s = suite_create("rates");
    TCase *c = add_case(s, "formulas");
    tcase_add_test(c, multi_step_multiplies_at_each_milestone);
    tcase_add_test(c, exponential_multiplies_at_each_step);
    tcase_add_test(c, constant_multiplies_and_takes_it_back);
    tcase_add_test(c, linear_adds_a_share_at_each_step);
    tcase_add_test(c, polynomial_decays_by_factors);
    tcase_add_test(c, cosine_restarts_cycle_by_cycle);
    tcase_add_test(c, cosine_restarts_far_out);
    tcase_add_test(c, lambda_scales_the_base);
    tcase_add_test(c, a_rate_that_is_none_is_refused);
    tcase_add_loop_test(c, one_cycle_goes_up_and_down, 0, CYCLES);
    tcase_add_test(c, one_cycle_without_a_way_up);

    c = add_case(s, "parts");
    tcase_add_test(c, sequential_hands_over_at_milestones);
    tcase_add_test(c, chained_is_the_product);
    tcase_add_test(c, parts_may_have_parts);
    tcase_add_test(c, parts_are_checked);

    c = add_case(s, "plateau");
    tcase_add_loop_test(c, plateau_lowers_the_rate, 0, PLATEAUS);
    tcase_add_test(c, plateau_goes_by_the_size_of_the_best);
    tcase_add_test(c, zero_can_be_asked_for);
    tcase_add_test(c, what_is_no_schedule_is_refused);
    tcase_add_test(c, steps_end_where_counts_do);
    tcase_add_test(c, metrics_go_to_plateaus_alone);
    tcase_add_test(c, plateau_load_is_all_or_nothing);

    c = add_case(s, "state and options");
    tcase_add_loop_test(c, resumed_at_every_step, 0, KINDS);
    tcase_add_test(c, options_are_checked);
    tcase_add_test(c, base_is_not_what_a_schedule_has_set);
    return run_suite(s);
}
