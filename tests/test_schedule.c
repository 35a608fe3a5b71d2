/* Schedules against their formulas. */
#include "optim/optim.h"

#include "tests/expect.h"

#include <stdio.h>

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

/* The rate is expected[s] at step s, both asked for and stepped to; then frees both. */
static void expect_rates(reel_optim *o, reel_schedule *s, const double *expected, int count) {
    expect_fine();
    for (int i = 0; i < count; i++) {
        ck_assert_double_eq_tol(reel_schedule_lr(s, i), expected[i], 1e-15);
        ck_assert_double_eq(reel_optim_lr(o), reel_schedule_lr(s, i));
        ck_assert_int_eq(reel_schedule_step(s), REEL_OK);
    }
    reel_schedule_free(s);
    reel_optim_free(o);
}

START_TEST(cosine_follows_its_formula) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 4, .floor = 0.1});
    const double h = 0.4 * M_SQRT1_2 / 2; /* 0.1 + 0.4 (1 + cos(pi / 4)) / 2 = 0.3 + h */
    expect_rates(o, s, (double[]){0.5, 0.3 + h, 0.3, 0.3 - h, 0.1, 0.1, 0.1}, 7);
}
END_TEST

START_TEST(cosine_ends_at_zero) {
    reel_optim *o = optim_new(1.0);
    reel_schedule *s = reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 1});
    expect_rates(o, s, (double[]){1.0, 0.0, 0.0}, 3);
}
END_TEST

START_TEST(step_follows_its_formula) {
    reel_optim *o = optim_new(0.8);
    reel_schedule *s = reel_step_schedule_new(o, (reel_step_options){.every = 2, .gamma = 0.5});
    expect_rates(o, s, (double[]){0.8, 0.8, 0.4, 0.4, 0.2, 0.2, 0.1}, 7);
    o = optim_new(1.0);
    s = reel_step_schedule_new(o, (reel_step_options){.every = 1});
    expect_rates(o, s, (double[]){1.0, 0.1, 0.01}, 3);
}
END_TEST

START_TEST(warmup_follows_its_formula) {
    reel_optim *o = optim_new(0.4);
    expect_rates(o, reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 4}),
                 (double[]){0.1, 0.2, 0.3, 0.4, 0.4, 0.4}, 6);
    o = optim_new(0.4);
    reel_schedule *after = reel_step_schedule_new(o, (reel_step_options){.every = 2, .gamma = 0.5});
    expect_rates(o, reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 2, .after = after}),
                 (double[]){0.2, 0.4, 0.4, 0.4, 0.2, 0.2, 0.1}, 7);
    o = optim_new(0.4); /* a warm-up that sets the rate first does not change the base */
    after = reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 2});
    expect_rates(o, reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 1, .after = after}),
                 (double[]){0.4, 0.2, 0.4, 0.4}, 4);
}
END_TEST

START_TEST(rates_outside_are_bounded) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 10});
    ck_assert_double_eq(reel_schedule_lr(s, -3), 0.5);
    ck_assert_double_eq(reel_schedule_lr(s, INT64_MAX), 0.0);
    ck_assert_double_eq(reel_optim_lr(o), 0.5); /* asking is not stepping */
    ck_assert(isnan(reel_schedule_lr(NULL, 0)));
    reel_schedule_free(s);
    reel_schedule_free(NULL);
    reel_optim_free(o);
}
END_TEST

static reel_schedule *warmup_and_cosine(reel_optim *o) {
    reel_schedule *after =
        reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 9, .floor = 0.01});
    return reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 3, .after = after});
}

START_TEST(resumed_schedule_has_the_same_rates) {
    reel_optim *o = optim_new(0.7), *p = optim_new(0.2); /* loading brings the base along */
    reel_schedule *s = warmup_and_cosine(o), *r = warmup_and_cosine(p);
    for (int i = 0; i < 5; i++) reel_schedule_step(s);
    reel_state *state = reel_state_new();
    ck_assert_int_eq(reel_schedule_save(s, state, "schedule"), REEL_OK);
    ck_assert_str_eq(reel_state_text(state, "schedule.step"), "5");
    ck_assert_int_eq(reel_schedule_load(r, state, "schedule"), REEL_OK);
    for (int i = 0; i < 10; i++) {
        ck_assert_double_eq(reel_optim_lr(p), reel_optim_lr(o));
        reel_schedule_step(s);
        reel_schedule_step(r);
    }
    reel_state_free(state);
    reel_schedule_free(s);
    reel_schedule_free(r);
    reel_optim_free(o);
    reel_optim_free(p);
}
END_TEST

START_TEST(load_is_checked) {
    static const struct {
        const char *step, *base;
    } bad[] = {{NULL, "1"},  {"1", NULL}, {"-1", "1"}, {"1.5", "1"},
               {"1", "nan"}, {"1", "-1"}, {"1", "inf"}};
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 10});
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        reel_state *state = reel_state_new();
        if (bad[i].step) reel_state_put_text(state, "s.step", bad[i].step);
        if (bad[i].base) reel_state_put_text(state, "s.base", bad[i].base);
        ck_assert_int_eq(reel_schedule_load(s, state, "s"), REEL_ERR_FORMAT);
        const bool step = i == 0 || i == 2 || i == 3; /* which of the two is bad */
        expect_failure(REEL_ERR_FORMAT, step ? "schedule_load: no step in the state: s"
                                             : "schedule_load: no base in the state: s");
        ck_assert_double_eq(reel_optim_lr(o), 0.5);
        reel_state_free(state);
    }
    ck_assert_int_ne(reel_schedule_load(s, NULL, "s"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    ck_assert_int_ne(reel_schedule_save(s, NULL, "s"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    ck_assert_int_ne(reel_schedule_save(NULL, NULL, "s"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no schedule");
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

static void expect_none(reel_schedule *s, const char *part) {
    ck_assert_ptr_null(s);
    expect_failure(REEL_ERR_ARGUMENT, part);
}

START_TEST(schedules_refuse) {
    reel_optim *o = optim_new(0.5), *other = optim_new(0.5);
    expect_none(reel_cosine_schedule_new(o, (reel_cosine_options){0}),
                "cosine_schedule_new: a length below 1: 0");
    expect_none(reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 5, .floor = -1}),
                "cosine_schedule_new: floor");
    expect_none(reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 5, .floor = NAN}),
                "cosine_schedule_new: floor");
    expect_none(reel_cosine_schedule_new(NULL, (reel_cosine_options){.steps = 5}), "no optimizer");
    expect_none(reel_step_schedule_new(o, (reel_step_options){.every = -1}),
                "step_schedule_new: a length below 1: -1");
    expect_none(reel_step_schedule_new(o, (reel_step_options){.every = 1, .gamma = NAN}),
                "step_schedule_new: gamma");
    expect_none(reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 0}),
                "warmup_schedule_new: a length below 1: 0");
    const reel_cosine_options five = {.steps = 5};
    reel_warmup_options w = {.steps = 0, .after = reel_cosine_schedule_new(o, five)};
    expect_none(reel_warmup_schedule_new(o, w), "warmup_schedule_new");
    w = (reel_warmup_options){.steps = 2, .after = reel_cosine_schedule_new(other, five)};
    expect_none(reel_warmup_schedule_new(o, w), "another");
    w.after = reel_cosine_schedule_new(o, (reel_cosine_options){0});
    expect_none(reel_warmup_schedule_new(o, w), "cosine_schedule_new");
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    ck_assert_int_ne(reel_schedule_step(NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no schedule");
    reel_optim_free(o);
    reel_optim_free(other);
}
END_TEST

START_TEST(schedule_does_nothing_after_a_failure) {
    reel_optim *o = optim_new(0.5);
    reel_schedule *s = reel_step_schedule_new(o, (reel_step_options){.every = 1});
    reel_state *state = reel_state_new();
    reel_fail(REEL_ERR_IO, NULL, "the first failure");
    ck_assert_int_eq(reel_schedule_step(s), REEL_ERR_IO);
    ck_assert_int_eq(reel_schedule_save(s, state, "s"), REEL_ERR_IO);
    ck_assert_int_eq(reel_schedule_load(s, state, "s"), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, "the first failure");
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    ck_assert_int_eq(reel_state_text_count(state), 0);
    ck_assert_int_eq(reel_schedule_step(s), REEL_OK);
    ck_assert_double_eq_tol(reel_optim_lr(o), 0.05, 1e-17);
    reel_state_free(state);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

/* What a formula is made of may be beyond f64 where its value is not. */
START_TEST(nothing_overflows_inside_a_formula) {
    const double large = 1.7e308;
    reel_optim *o = optim_new(large);
#define RATE(kind, step, rate, ...)                                                                \
    do {                                                                                           \
        reel_schedule *s = reel_##kind##_schedule_new(o, (reel_##kind##_options){__VA_ARGS__});    \
        expect_fine();                                                                             \
        ck_assert_double_eq_tol(reel_schedule_lr(s, step) / (rate), 1, 1e-12);                     \
        reel_schedule_free(s);                                                                     \
    } while (0)
    RATE(cosine, 0, large, .steps = 4);
    RATE(cosine, 2, large / 2, .steps = 4);
    RATE(cosine, 0, large, .steps = 4, .floor = large);
    RATE(cosine_restarts, 5, 0.5 * large * (1 + sqrt(0.5)), .steps = 4);
    RATE(warmup, 2, 0.75 * large, .steps = 4);
    RATE(one_cycle, 0, large / 25, .steps = 100);
    RATE(one_cycle, 30, large, .steps = 101, .pct_start = 31.0 / 101);
    RATE(exponential, 400, 1.7e-92, .gamma = 0.1);
    RATE(step, 800, 1.7e-92, .every = 2);
    ck_assert_int_eq(reel_optim_set_lr(o, 1e-300), REEL_OK);
    RATE(exponential, 400, 1e100, .gamma = 10);
    RATE(polynomial, 1, 5e-301, .steps = 2);
    RATE(constant, 0, 1.7e8, .steps = 2, .factor = large);
#undef RATE
    ck_assert_int_eq(reel_optim_set_lr(o, 0), REEL_OK);
    reel_schedule *none = reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 10});
    ck_assert_double_eq(reel_schedule_lr(none, 400), 0);
    reel_schedule_free(none);
    reel_optim_free(o);
}
END_TEST

static double count_calls(int64_t step, void *user) {
    (void)step;
    ++*(int *)user;
    return 1;
}

/* One call a step: the factor may note down what it is asked. */
START_TEST(a_factor_is_asked_once) {
    int calls = 0;
    reel_optim *o = optim_new(0.2);
    reel_schedule *s =
        reel_lambda_schedule_new(o, (reel_lambda_options){.factor = count_calls, .user = &calls});
    ck_assert_int_eq(calls, 1);
    reel_schedule_step(s);
    ck_assert_int_eq(calls, 2);
    reel_schedule_free(s);
    reel_optim_free(o);
}
END_TEST

int main(void) {
    Suite *s = suite_create("schedule");
    TCase *c = add_case(s, "schedules");
    tcase_add_test(c, cosine_follows_its_formula);
    tcase_add_test(c, cosine_ends_at_zero);
    tcase_add_test(c, step_follows_its_formula);
    tcase_add_test(c, warmup_follows_its_formula);
    tcase_add_test(c, rates_outside_are_bounded);
    tcase_add_test(c, nothing_overflows_inside_a_formula);
    tcase_add_test(c, resumed_schedule_has_the_same_rates);
    tcase_add_test(c, load_is_checked);
    tcase_add_test(c, schedules_refuse);
    tcase_add_test(c, schedule_does_nothing_after_a_failure);
    tcase_add_test(c, a_factor_is_asked_once);
    return run_suite(s);
}
