/* Parameter groups: each as an optimizer of its own would step it; their rates, schedules and
 * checkpoints; and parameters that are frozen. */
#include "nn/nn.h"
#include "optim/optim.h"

#include "tests/expect.h"

/* ---- lists of one or two parameters ---- */

enum { N = 5, STEPS = 6 };

static reel_tensor *param(double start, reel_dtype dtype) {
    double values[N];
    for (int i = 0; i < N; i++) values[i] = start + 0.3 * i;
    reel_tensor *p = NULL;
    {
        REEL_SCOPE;
        p = reel_retain(reel_track(reel_cast(f64(reel_shape(N), values), dtype)));
    }
    expect_fine();
    return p;
}

/* Of as many parameters as are not NULL, which it takes over. */
static reel_state *list_of(const char *a, reel_tensor *p, const char *b, reel_tensor *q) {
    reel_state *list = reel_state_new();
    reel_state_put(list, a, p);
    if (q) reel_state_put(list, b, q);
    reel_release(p);
    reel_release(q);
    expect_fine();
    return list;
}

static void give_gradient(reel_tensor *p, int t) {
    double values[N];
    for (int i = 0; i < N; i++) values[i] = sin(1.0 + i + 3.0 * t);
    {
        REEL_SCOPE;
        reel_tensor *g = reel_cast(f64(reel_shape(N), values), reel_dtype_of(p));
        reel_backward(reel_sum(reel_mul(p, g)));
    }
    expect_fine();
}

static void give_gradients(const reel_state *list, int t) {
    for (int i = 0; i < reel_state_count(list); i++) give_gradient(reel_state_at(list, i), t + i);
}

static void expect_same_bits(const reel_state *a, const reel_state *b) {
    ck_assert_int_eq(reel_state_count(a), reel_state_count(b));
    for (int i = 0; i < reel_state_count(a); i++) {
        reel_tensor *p = reel_state_at(a, i), *q = reel_state_get(b, reel_state_name(a, i));
        ck_assert_ptr_nonnull(q);
        for (int k = 0; k < reel_numel(p); k++) ck_assert_double_eq(element(p, k), element(q, k));
    }
}

typedef struct {
    double lr, weight_decay;
} choice;

static reel_optim *any_optim(int kind, const reel_state *list, choice c) {
    switch (kind) {
    case 0:
        return reel_sgd_new(
            list, (reel_sgd_options){.lr = c.lr, .momentum = 0.9, .weight_decay = c.weight_decay});
    case 1:
        return reel_adam_new(list, (reel_adam_options){.lr = c.lr, .weight_decay = c.weight_decay});
    default:
        return reel_adamw_new(list,
                              (reel_adam_options){.lr = c.lr, .weight_decay = c.weight_decay});
    }
}
enum { KINDS = 3 };

typedef struct {
    reel_state *first, *second;
    reel_optim *o;
} grouped;

static const choice choices[2] = {{0.1, 0.2}, {0.03, 0.05}};

/* Group 0: a (f32) and b (f64); group 1: c (f32). */
static grouped grouped_new(int kind) {
    grouped g = {.first = list_of("a", param(0.5, REEL_F32), "b", param(-1, REEL_F64)),
                 .second = list_of("c", param(2, REEL_F32), NULL, NULL)};
    g.o = any_optim(kind, g.first, choices[0]);
    ck_assert_int_eq(
        reel_optim_add_group(g.o, g.second,
                             (reel_group_options){choices[1].lr, choices[1].weight_decay}),
        REEL_OK);
    expect_fine();
    return g;
}

static void grouped_free(grouped *g) {
    reel_optim_free(g->o);
    reel_state_free(g->first);
    reel_state_free(g->second);
}

static void take_step(const grouped *g, int t) {
    give_gradients(g->first, t);
    give_gradients(g->second, t + 5);
    ck_assert_int_eq(reel_optim_step(g->o), REEL_OK);
}

/* ---- stepping ---- */

START_TEST(groups_are_stepped_as_by_optimizers_of_their_own) {
    grouped g = grouped_new(_i), alone = grouped_new(_i);
    reel_optim *o = any_optim(_i, alone.first, choices[0]),
               *p = any_optim(_i, alone.second, choices[1]);
    for (int t = 1; t <= STEPS; t++) {
        take_step(&g, t);
        give_gradients(alone.first, t);
        give_gradients(alone.second, t + 5);
        reel_optim_step(o);
        reel_optim_step(p);
        expect_same_bits(g.first, alone.first);
        expect_same_bits(g.second, alone.second);
    }
    ck_assert_int_eq(reel_optim_steps(g.o), STEPS);
    ck_assert_int_eq(reel_optim_group_count(g.o), 2);
    reel_optim_free(o);
    reel_optim_free(p);
    grouped_free(&g);
    grouped_free(&alone);
}
END_TEST

/* What one SGD step without momentum takes off an element of value p and gradient 0: lr wd p. */
static double decay_of(reel_group_options options) {
    reel_state *first = list_of("a", param(1, REEL_F64), NULL, NULL),
               *second = list_of("b", param(1, REEL_F64), NULL, NULL);
    reel_optim *o = reel_sgd_new(first, (reel_sgd_options){.lr = 0.5, .weight_decay = 0.25});
    ck_assert_int_eq(reel_optim_add_group(o, second, options), REEL_OK);
    {
        REEL_SCOPE;
        reel_tensor *p = reel_state_at(second, 0);
        reel_backward(reel_sum(reel_scale(p, 0.0)));
    }
    reel_optim_step(o);
    const double taken = 1.0 - element(reel_state_at(second, 0), 0);
    reel_optim_free(o);
    reel_state_free(first);
    reel_state_free(second);
    expect_fine();
    return taken;
}

START_TEST(options_of_zero_are_group_0s) {
    ck_assert_double_eq_tol(decay_of((reel_group_options){0}), 0.5 * 0.25, 1e-15);
    ck_assert_double_eq_tol(decay_of((reel_group_options){.lr = 0.1}), 0.1 * 0.25, 1e-15);
    ck_assert_double_eq_tol(decay_of((reel_group_options){.weight_decay = 0.5}), 0.25, 1e-15);
    ck_assert_double_eq(decay_of((reel_group_options){.weight_decay = REEL_ZERO}), 0.0);
    ck_assert_double_eq(decay_of((reel_group_options){.lr = REEL_ZERO, .weight_decay = 0.5}), 0.0);
}
END_TEST

START_TEST(rates_are_set_by_group) {
    grouped g = grouped_new(0);
    ck_assert_double_eq(reel_optim_lr(g.o), 0.1);
    ck_assert_double_eq(reel_optim_group_lr(g.o, 1), 0.03);
    ck_assert_int_eq(reel_optim_set_group_lr(g.o, 1, 0.0), REEL_OK);
    const double before = element(reel_state_at(g.second, 0), 0);
    take_step(&g, 1);
    ck_assert_double_eq(element(reel_state_at(g.second, 0), 0), before);
    ck_assert_double_ne(element(reel_state_at(g.first, 0), 0), 0.5);
    ck_assert_double_eq(reel_optim_lr(g.o), 0.1);
    ck_assert_int_eq(reel_optim_set_lr(g.o, 0.7), REEL_OK);
    ck_assert_double_eq(reel_optim_group_lr(g.o, 0), 0.7);
    ck_assert_double_eq(reel_optim_group_lr(g.o, 1), 0.7);
    ck_assert_int_ne(reel_optim_set_group_lr(g.o, 1, -1.0), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_set_group_lr: lr");
    for (int bad = -1; bad <= 2; bad += 3) {
        ck_assert(isnan(reel_optim_group_lr(g.o, bad)));
        ck_assert_int_ne(reel_optim_set_group_lr(g.o, bad, 1.0), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "optim_set_group_lr: no group");
    }
    ck_assert(isnan(reel_optim_group_lr(NULL, 0)));
    ck_assert_int_eq(reel_optim_group_count(NULL), 0);
    grouped_free(&g);
}
END_TEST

/* Added after step 3, a group has Adam's t = 1 at its first step, and is in the count of all. */
START_TEST(group_added_later_begins_at_its_first_step) {
    reel_state *first = list_of("a", param(1, REEL_F64), NULL, NULL),
               *second = list_of("b", param(1, REEL_F64), NULL, NULL);
    reel_optim *o = reel_adam_new(first, (reel_adam_options){.lr = 0.1});
    for (int t = 1; t <= 3; t++) {
        give_gradients(first, t);
        reel_optim_step(o);
    }
    ck_assert_int_eq(reel_optim_add_group(o, second, (reel_group_options){.lr = 0.2}), REEL_OK);
    ck_assert_int_eq(reel_optim_steps(o), 3);
    give_gradients(second, 0);
    reel_optim_step(o);
    ck_assert_int_eq(reel_optim_steps(o), 4);
    const double g = sin(1.0); /* m and v after one step, corrected, are g and g^2 */
    ck_assert_double_eq_tol(element(reel_state_at(second, 0), 0), 1 - 0.2 * g / (g + 1e-8), 1e-13);
    reel_optim_free(o);
    reel_state_free(first);
    reel_state_free(second);
}
END_TEST

START_TEST(clipping_reaches_all_groups) {
    grouped g = grouped_new(0);
    double square = 0;
    give_gradients(g.first, 1);
    give_gradients(g.second, 6);
    for (int i = 0; i < N; i++)
        square +=
            pow(sin(1.0 + i + 3.0), 2) + pow(sin(1.0 + i + 6.0), 2) + pow(sin(1.0 + i + 18.0), 2);
    {
        REEL_SCOPE;
        ck_assert_double_eq_tol(reel_item(reel_clip_grad_norm(g.o, 0.5)), sqrt(square), 1e-6);
        const double scale = 0.5 / (sqrt(square) + 1e-6);
        ck_assert_double_eq_tol(element(reel_grad(reel_state_at(g.second, 0)), 1),
                                scale * sin(2.0 + 18.0), 1e-6);
        ck_assert_int_eq(reel_clip_grad_value(g.o, 0.01), REEL_OK);
        for (int i = 0; i < N; i++) {
            ck_assert_double_le(fabs(element(reel_grad(reel_state_at(g.first, 0)), i)), 0.0100001);
            ck_assert_double_le(fabs(element(reel_grad(reel_state_at(g.second, 0)), i)), 0.0100001);
        }
    }
    grouped_free(&g);
}
END_TEST

/* Groups of one device and dtype are clipped by one launch, with the bits of one group. */
START_TEST(clipping_two_groups_is_clipping_one) {
    reel_state *whole = list_of("a", param(1, REEL_F32), "b", param(2, REEL_F32));
    reel_state *first = list_of("a", param(1, REEL_F32), NULL, NULL),
               *second = list_of("b", param(2, REEL_F32), NULL, NULL);
    reel_optim *o = reel_sgd_new(whole, (reel_sgd_options){.lr = 1});
    reel_optim *p = reel_sgd_new(first, (reel_sgd_options){.lr = 1});
    reel_optim_add_group(p, second, (reel_group_options){0});
    give_gradients(whole, 3);
    give_gradients(first, 3);
    give_gradients(second, 4);
    {
        REEL_SCOPE;
        const double norm = reel_item(reel_clip_grad_norm(o, 0.25));
        ck_assert_double_eq(reel_item(reel_clip_grad_norm(p, 0.25)), norm);
        for (int i = 0; i < N; i++)
            ck_assert_double_eq(element(reel_grad(reel_state_at(whole, 1)), i),
                                element(reel_grad(reel_state_at(second, 0)), i));
    }
    reel_optim_free(o);
    reel_optim_free(p);
    reel_state_free(whole);
    reel_state_free(first);
    reel_state_free(second);
}
END_TEST

/* ---- schedules ---- */

START_TEST(schedules_take_each_group_from_its_base) {
    grouped g = grouped_new(0);
    reel_schedule *s =
        reel_cosine_schedule_new(g.o, (reel_cosine_options){.steps = 4, .floor = 0.01});
    for (int i = 0; i <= 4; i++) {
        const double share = (1 + cos(M_PI * i / 4)) / 2;
        ck_assert_double_eq_tol(reel_optim_group_lr(g.o, 0), 0.01 + 0.09 * share, 1e-15);
        ck_assert_double_eq_tol(reel_optim_group_lr(g.o, 1), 0.01 + 0.02 * share, 1e-15);
        reel_schedule_step(s);
    }
    reel_schedule_free(s);
    s = reel_one_cycle_schedule_new(g.o, (reel_one_cycle_options){.steps = 10});
    for (int i = 0; i < 2; i++) reel_schedule_step(s); /* the peak: each group's base */
    ck_assert_double_eq_tol(reel_optim_group_lr(g.o, 0), 0.1, 1e-15);
    ck_assert_double_eq_tol(reel_optim_group_lr(g.o, 1), 0.03, 1e-15);
    reel_schedule_free(s);
    s = reel_plateau_schedule_new(
        g.o, (reel_plateau_options){.patience = REEL_ZERO, .factor = 0.5, .min_lr = 0.02});
    for (int i = 0; i < 3; i++) reel_schedule_step_metric(s, 1.0);
    ck_assert_double_eq_tol(reel_optim_group_lr(g.o, 0), 0.025, 1e-15);
    ck_assert_double_eq_tol(reel_optim_group_lr(g.o, 1), 0.02, 1e-15);
    reel_schedule_free(s);
    expect_fine();
    grouped_free(&g);
}
END_TEST

/* The rate reaches the launches: every one of them, f32 and f64, of both groups. */
START_TEST(scheduled_rates_are_what_is_stepped_by) {
    grouped g = grouped_new(0), by_hand = grouped_new(0);
    reel_schedule *s = reel_exponential_schedule_new(g.o, (reel_exponential_options){.gamma = 0.5});
    for (int t = 1; t <= 3; t++) {
        take_step(&g, t);
        take_step(&by_hand, t);
        reel_schedule_step(s);
        reel_optim_set_group_lr(by_hand.o, 0, 0.1 * pow(0.5, t));
        reel_optim_set_group_lr(by_hand.o, 1, 0.03 * pow(0.5, t));
    }
    expect_same_bits(g.first, by_hand.first);
    expect_same_bits(g.second, by_hand.second);
    reel_schedule_free(s);
    grouped_free(&g);
    grouped_free(&by_hand);
}
END_TEST

START_TEST(a_later_group_keeps_its_rate) {
    reel_state *first = list_of("a", param(1, REEL_F32), NULL, NULL),
               *second = list_of("b", param(1, REEL_F32), NULL, NULL);
    reel_optim *o = reel_sgd_new(first, (reel_sgd_options){.lr = 0.8});
    reel_schedule *s = reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.5});
    reel_schedule_step(s);
    ck_assert_int_eq(reel_optim_add_group(o, second, (reel_group_options){0}), REEL_OK);
    reel_schedule_step(s);
    ck_assert_double_eq(reel_optim_lr(o), 0.2);
    ck_assert_double_eq(reel_optim_group_lr(o, 1), 0.8); /* the base, not what was scheduled */
    reel_schedule_free(s);
    reel_optim_free(o);
    reel_state_free(first);
    reel_state_free(second);
}
END_TEST

/* ---- checkpoints ---- */

static reel_state *copy_of(const reel_state *s) {
    reel_state *copy = reel_state_new();
    for (int i = 0; i < reel_state_count(s); i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_state_at(s, i),
                    *c = reel_empty(reel_shape_of(t), reel_dtype_of(t), reel_cpu());
        {
            REEL_NO_GRAD;
            reel_copy_(c, t);
        }
        reel_state_put(copy, reel_state_name(s, i), c);
    }
    for (int i = 0; i < reel_state_text_count(s); i++)
        reel_state_put_text(copy, reel_state_text_key(s, i), reel_state_text_value(s, i));
    expect_fine();
    return copy;
}

static reel_schedule *halving(reel_optim *o) {
    return reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.5});
}

START_TEST(resumed_groups_have_the_same_bits) {
    grouped whole = grouped_new(_i), first = grouped_new(_i), second = grouped_new(_i);
    reel_optim_set_group_lr(second.o, 1, 0.9); /* the checkpoint knows better */
    reel_schedule *s = halving(whole.o), *r = halving(first.o), *q = halving(second.o);
    for (int t = 1; t <= STEPS; t++) {
        take_step(&whole, t);
        reel_schedule_step(s);
    }
    for (int t = 1; t <= 3; t++) {
        take_step(&first, t);
        reel_schedule_step(r);
    }
    reel_state *state = reel_state_new();
    reel_optim_save(first.o, state, "optim");
    reel_schedule_save(r, state, "schedule");
    ck_assert_str_eq(reel_state_text(state, "schedule.base.1"), "0.029999999999999999");
    reel_state *file = copy_of(state);
    {
        REEL_NO_GRAD;
        for (int i = 0; i < 2; i++)
            reel_copy_(reel_state_at(second.first, i), reel_state_at(first.first, i));
        reel_copy_(reel_state_at(second.second, 0), reel_state_at(first.second, 0));
    }
    ck_assert_int_eq(reel_schedule_load(q, file, "schedule"), REEL_OK);
    ck_assert_int_eq(reel_optim_load(second.o, file, "optim"), REEL_OK);
    ck_assert_double_eq_tol(reel_optim_group_lr(second.o, 1), 0.03 / 8, 1e-16);
    for (int t = 4; t <= STEPS; t++) {
        take_step(&second, t);
        reel_schedule_step(q);
    }
    expect_same_bits(whole.first, second.first);
    expect_same_bits(whole.second, second.second);
    reel_state_free(state);
    reel_state_free(file);
    reel_schedule_free(s);
    reel_schedule_free(r);
    reel_schedule_free(q);
    grouped_free(&whole);
    grouped_free(&first);
    grouped_free(&second);
}
END_TEST

START_TEST(state_names_groups) {
    grouped g = grouped_new(1);
    reel_state *s = reel_state_new();
    const char *const names[] = {"a.m", "a.v",  "b.m", "b.v", "a.step", "b.step",
                                 "lr",  "step", "c.m", "c.v", "c.step", "lr.1"};
    reel_optim_save(g.o, s, NULL);
    ck_assert_int_eq(reel_state_count(s), 12);
    for (int i = 0; i < 12; i++) ck_assert_str_eq(reel_state_name(s, i), names[i]);
    reel_state_free(s);
    grouped_free(&g);
}
END_TEST

START_TEST(checkpoints_of_other_groups_are_refused) {
    grouped g = grouped_new(1);
    reel_optim *one = any_optim(1, g.first, choices[0]);
    reel_schedule *two = halving(g.o), *of_one = halving(one);
    reel_state *s = reel_state_new(), *t = reel_state_new();
    reel_optim_save(g.o, s, "optim");
    reel_schedule_save(two, s, "schedule");
    reel_optim_save(one, t, "optim");
    reel_schedule_save(of_one, t, "schedule");
    ck_assert_int_ne(reel_optim_load(one, s, "optim"), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "in the state alone");
    ck_assert_int_ne(reel_schedule_load(of_one, s, "schedule"), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "schedule_load: more than 1 groups: schedule.base.1");
    ck_assert_int_ne(reel_optim_load(g.o, t, "optim"), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "not in the state: optim.c.m");
    ck_assert_int_ne(reel_schedule_load(two, t, "schedule"), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "schedule_load: no base.1 in the state");
    reel_schedule_step(two);
    reel_schedule_step(of_one);
    ck_assert_double_eq(reel_optim_group_lr(g.o, 1), 0.015);
    ck_assert_double_eq(reel_optim_lr(one), 0.05);
    reel_state *bad = copy_of(s);
    reel_fill_(reel_state_get(bad, "optim.lr.1"), NAN);
    ck_assert_int_ne(reel_optim_load(g.o, bad, "optim"), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "optim_load: not a rate and a count: lr nan");
    ck_assert_double_eq(reel_optim_group_lr(g.o, 1), 0.015);
    reel_state_free(bad);
    reel_state_free(s);
    reel_state_free(t);
    reel_schedule_free(two);
    reel_schedule_free(of_one);
    reel_optim_free(one);
    grouped_free(&g);
}
END_TEST

/* A checkpoint from before there were groups, by its names. */
START_TEST(checkpoint_of_one_list_loads) {
    reel_state *list = list_of("a", param(1, REEL_F64), NULL, NULL), *file = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(file, "optim.a.m", reel_full(reel_shape(N), 0.5, REEL_F64, reel_cpu()));
        reel_state_put(file, "optim.a.v", reel_full(reel_shape(N), 0.25, REEL_F64, reel_cpu()));
        reel_state_put(file, "optim.lr", reel_scalar(0.125, REEL_F64, reel_cpu()));
        reel_state_put(file, "optim.step", reel_scalar(9, REEL_I64, reel_cpu()));
    }
    reel_state_put_text(file, "schedule.step", "2");
    reel_state_put_text(file, "schedule.base", "0.5");
    reel_optim *o = any_optim(1, list, choices[0]);
    reel_schedule *s = halving(o);
    ck_assert_int_eq(reel_schedule_load(s, file, "schedule"), REEL_OK);
    ck_assert_int_eq(reel_optim_load(o, file, "optim"), REEL_OK);
    ck_assert_double_eq(reel_optim_lr(o), 0.125);
    ck_assert_int_eq(reel_optim_steps(o), 9);
    reel_schedule_step(s);
    ck_assert_double_eq(reel_optim_lr(o), 0.0625);
    reel_schedule_free(s);
    reel_optim_free(o);
    reel_state_free(list);
    reel_state_free(file);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(groups_are_checked) {
    grouped g = grouped_new(1);
    reel_state *none = reel_state_new(), *ints = reel_state_new(), *fine = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *p = reel_track(reel_zeros(reel_shape(3), REEL_F64, test_device()));
        reel_state_put(fine, "d", p);
        reel_state_put(ints, "d", p); /* the first one is good */
        reel_state_put(ints, "i", reel_zeros(reel_shape(2), REEL_I64, test_device()));
    }
    const reel_group_options any = {0};
    ck_assert_int_ne(reel_optim_add_group(g.o, g.second, any), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_add_group: in another group already: c");
    reel_state *again = list_of("z", reel_retain(reel_state_at(g.first, 0)), NULL, NULL);
    ck_assert_int_ne(reel_optim_add_group(g.o, again, any), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "in another group already: z"); /* by another name */
    reel_state *name = list_of("a", param(1, REEL_F32), NULL, NULL);
    ck_assert_int_ne(reel_optim_add_group(g.o, name, any), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "in another group already: a");
    ck_assert_int_ne(reel_optim_add_group(g.o, none, any), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_add_group: no parameters");
    ck_assert_int_ne(reel_optim_add_group(g.o, ints, any), REEL_OK);
    expect_failure(REEL_ERR_DTYPE, "optim_add_group: a parameter must be f32 or f64: i i64");
    ck_assert_int_ne(reel_optim_add_group(g.o, fine, (reel_group_options){.lr = -1}), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_add_group: lr");
    ck_assert_int_ne(reel_optim_add_group(g.o, fine, (reel_group_options){.weight_decay = NAN}),
                     REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_add_group: weight_decay");
    ck_assert_int_ne(reel_optim_add_group(NULL, fine, any), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_add_group: no optimizer");
    ck_assert_int_ne(reel_optim_add_group(g.o, NULL, any), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_add_group: no parameters");
    reel_fail(REEL_ERR_IO, NULL, "the first failure");
    ck_assert_int_eq(reel_optim_add_group(g.o, fine, any), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, "the first failure");

    reel_state *s = reel_state_new(); /* it is as it was */
    reel_optim_save(g.o, s, NULL);
    ck_assert_int_eq(reel_state_count(s), 12);
    ck_assert_int_eq(reel_optim_group_count(g.o), 2);
    take_step(&g, 1);
    ck_assert_int_eq(reel_optim_add_group(g.o, fine, any), REEL_OK);
    take_step(&g, 2);
    reel_state *const lists[] = {none, ints, fine, again, name, s};
    for (int i = 0; i < 6; i++) reel_state_free(lists[i]);
    grouped_free(&g);
}
END_TEST

/* ---- frozen parameters ---- */

START_TEST(frozen_parameters_stay) {
    grouped g = grouped_new(_i);
    reel_tensor *a = reel_state_at(g.first, 0), *b = reel_state_at(g.first, 1);
    take_step(&g, 1);
    reel_state *state = reel_state_new();
    reel_optim_save(g.o, state, NULL);
    reel_state *before = copy_of(state);
    const double frozen = element(a, 2), moving = element(b, 2);
    reel_untrack(a);
    give_gradient(b, 2);
    ck_assert_int_eq(reel_optim_step(g.o), REEL_OK);
    ck_assert_double_eq(element(a, 2), frozen); /* no decay either */
    ck_assert_double_ne(element(b, 2), moving);
    const char *moment = _i == 0 ? "a.v" : "a.m";
    ck_assert_double_eq(element(reel_state_get(state, moment), 2),
                        element(reel_state_get(before, moment), 2));
    reel_track(a);
    take_step(&g, 3);
    ck_assert_double_ne(element(a, 2), frozen);
    reel_state_free(state);
    reel_state_free(before);
    grouped_free(&g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("groups");
    TCase *c = add_case(s, "steps");
    tcase_add_loop_test(c, groups_are_stepped_as_by_optimizers_of_their_own, 0, KINDS);
    tcase_add_test(c, options_of_zero_are_group_0s);
    tcase_add_test(c, rates_are_set_by_group);
    tcase_add_test(c, group_added_later_begins_at_its_first_step);
    tcase_add_test(c, clipping_reaches_all_groups);
    tcase_add_test(c, clipping_two_groups_is_clipping_one);
    tcase_add_loop_test(c, frozen_parameters_stay, 0, KINDS);
    tcase_add_test(c, groups_are_checked);

    c = add_case(s, "schedules and checkpoints");
    tcase_add_test(c, schedules_take_each_group_from_its_base);
    tcase_add_test(c, scheduled_rates_are_what_is_stepped_by);
    tcase_add_test(c, a_later_group_keeps_its_rate);
    tcase_add_loop_test(c, resumed_groups_have_the_same_bits, 0, KINDS);
    tcase_add_test(c, state_names_groups);
    tcase_add_test(c, checkpoints_of_other_groups_are_refused);
    tcase_add_test(c, checkpoint_of_one_list_loads);
    return run_suite(s);
}
