/* Every optimizer: against PyTorch's loops in f64, and against numbers that PyTorch gave; its
 * options, its checkpoints, its groups. What all do alike (skipping, tied parameters, failures) is
 * in test_optim. */
#include "tests/expect.h"
#include "tests/optimizer_table.h"
#include "tests/state_copy.h"

#include <stddef.h>

/* ---- two parameters, and gradients that are known ---- */

enum { N = 6 };

typedef struct {
    reel_tensor *p[2]; /* a[6], b[2, 3] */
    reel_state *list;
} params;

static double start(int which, int i) {
    return 0.5 * i - which - 1.0;
}

static double gradient(int which, int i, int t) {
    return (1.0 + 0.3 * which) * sin(1.0 + i + 7.0 * t);
}

/* Owned by the list. */
static reel_tensor *add_param(reel_state *list, const char *name, int which, reel_dtype dtype) {
    reel_tensor *p = NULL;
    {
        REEL_SCOPE;
        double values[N];
        for (int i = 0; i < N; i++) values[i] = start(which, i);
        p = reel_track(reel_cast(f64(which ? reel_shape(2, 3) : reel_shape(N), values), dtype));
        reel_state_put(list, name, p);
    }
    expect_fine();
    return p;
}

static params params_new(reel_dtype a, reel_dtype b) {
    params made = {.list = reel_state_new()};
    made.p[0] = add_param(made.list, "a", 0, a);
    made.p[1] = add_param(made.list, "b", 1, b);
    return made;
}

static void params_free(params *made) {
    reel_state_free(made->list);
}

/* Gives p a gradient of `values`: that of sum(p * values). */
static void give_gradient(reel_tensor *p, const double *values) {
    {
        REEL_SCOPE;
        reel_tensor *g = reel_cast(f64(reel_shape_of(p), values), reel_dtype_of(p));
        reel_backward(reel_sum(reel_mul(p, g)));
    }
    expect_fine();
}

static void give_gradient_of_step(reel_tensor *p, int which, int t) {
    double values[N];
    for (int i = 0; i < N; i++) values[i] = gradient(which, i, t);
    give_gradient(p, values);
}

static void take_step(const params *made, reel_optim *o, int t) {
    for (int k = 0; k < 2; k++) give_gradient_of_step(made->p[k], k, t);
    ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    expect_fine();
}

/* ---- values ---- */

static const struct {
    reel_dtype a, b;
} dtypes[] = {{REEL_F64, REEL_F64}, {REEL_F32, REEL_F32}, {REEL_F32, REEL_F64}};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

static void expect_close(const char *what, reel_tensor *t, int i, double expected) {
    const double got = element(t, i);
    const double tolerance = reel_dtype_of(t) == REEL_F64 ? 1e-12 : 4e-6;
    ck_assert_msg(fabs(got - expected) <= tolerance * fmax(1.0, fabs(expected)),
                  "%s: element %d is %.17g, not %.17g", what, i, got, expected);
}

/* A parameter and its moments as they should be, in an optimizer's state. */
static void expect_cells(const family *f, unsigned has, reel_state *saved, const char *name,
                         reel_tensor *p, const reference_cell *cells) {
    for (int i = 0; i < N; i++) expect_close(f->name, p, i, cells[i].p);
    for (int k = 0; k < REEL__MAX_MOMENTS; k++) {
        if (!(has >> k & 1)) continue;
        reel_tensor *m = reel_state_get_in(saved, name, f->moment[k]);
        ck_assert_msg(m != NULL, "%s: no %s.%s", f->name, name, f->moment[k]);
        for (int i = 0; i < N; i++) expect_close(f->moment[k], m, i, cells[i].moment[k]);
    }
}

static void start_cells(reference_cell *cells, int which, double moment) {
    for (int i = 0; i < N; i++)
        cells[i] = (reference_cell){start(which, i), {moment, moment, moment}};
}

/* Steps o and the reference side by side. */
static void expect_reference(const params *made, reel_optim *o, const family *f, const config *c) {
    reference_cell cells[2][N];
    reel_state *saved = reel_state_new();
    ck_assert_msg(reel_optim_save(o, saved, NULL) == REEL_OK, "%s", reel_error());
    for (int k = 0; k < 2; k++) start_cells(cells[k], k, c->start);
    for (int t = 1; t <= STEPS; t++) {
        take_step(made, o, t);
        for (int k = 0; k < 2; k++) {
            for (int i = 0; i < N; i++) f->step(&cells[k][i], gradient(k, i, t), t, &c->o);
            expect_cells(f, c->o.has, saved, k ? "b" : "a", made->p[k], cells[k]);
        }
    }
    ck_assert_int_eq(reel_optim_steps(o), STEPS);
    reel_state_free(saved);
}

START_TEST(steps_follow_the_reference) {
    const family *f = rows[_i / DTYPES].f;
    const config *c = &rows[_i / DTYPES].c;
    params made = params_new(dtypes[_i % DTYPES].a, dtypes[_i % DTYPES].b);
    reel_optim *o = f->make(made.list, c);
    expect_reference(&made, o, f, c);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* ---- parameters that sit steps out ---- */

/* a skips steps 2, 5 and 8; b joins at step 3, and then skips every second one. */
static bool takes_part(int which, int t) {
    return which ? t >= 3 && t % 2 : t % 3 != 2;
}

static void take_step_apart(const params *made, reel_optim *o, int t) {
    for (int k = 0; k < 2; k++)
        if (takes_part(k, t)) give_gradient_of_step(made->p[k], k, t);
    ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    expect_fine();
}

/* Each parameter's t counts the steps that it took; moments and p stay in the others. */
START_TEST(each_parameter_counts_its_own_steps) {
    const family *f = rows[_i / DTYPES].f;
    const config *c = &rows[_i / DTYPES].c;
    params made = params_new(dtypes[_i % DTYPES].a, dtypes[_i % DTYPES].b);
    reel_optim *o = f->make(made.list, c);
    reference_cell cells[2][N];
    int taken[2] = {0, 0};
    reel_state *saved = reel_state_new();
    reel_optim_save(o, saved, NULL);
    for (int k = 0; k < 2; k++) start_cells(cells[k], k, c->start);
    for (int t = 1; t <= STEPS; t++) {
        take_step_apart(&made, o, t);
        for (int k = 0; k < 2; k++) {
            if (takes_part(k, t)) {
                taken[k]++;
                for (int i = 0; i < N; i++)
                    f->step(&cells[k][i], gradient(k, i, t), taken[k], &c->o);
            }
            expect_cells(f, c->o.has, saved, k ? "b" : "a", made.p[k], cells[k]);
            const double count = reel_item(reel_state_get(saved, k ? "b.step" : "a.step"));
            ck_assert_double_eq(count, taken[k]);
        }
    }
    ck_assert_int_eq(reel_optim_steps(o), STEPS - 2); /* in steps 2 and 8 nobody took part */
    reel_state_free(saved);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* A formula that is wrong in the same way in both places would not hide here. */
START_TEST(steps_end_where_pytorch_does) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_optim *o = rows[_i].f->make(made.list, &rows[_i].c);
    for (int t = 1; t <= STEPS; t++) take_step(&made, o, t);
    expect_close(rows[_i].f->name, made.p[0], 0, rows[_i].torch[0]);
    expect_close(rows[_i].f->name, made.p[1], 5, rows[_i].torch[1]);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

#define ADAMS .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8
static const struct {
    const family *f;
    config c;
} defaults[] = {
    {&nadam, {.o = {.lr = 2e-3, .has = 3, .rule = {ADAMS, .momentum_decay = 4e-3}}}},
    {&radam, {.o = {.lr = 1e-3, .has = 3, .rule = {ADAMS}}}},
    {&adamax, {.o = {.lr = 2e-3, .has = 3, .rule = {ADAMS}}}},
    {&rmsprop, {.o = {.lr = 1e-2, .has = 1, .rule = {.alpha = 0.99, .eps = 1e-8}}}},
    {&adagrad, {.o = {.lr = 1e-2, .has = 1, .rule = {.eps = 1e-10}}}},
    {&adadelta, {.o = {.lr = 1, .has = 3, .rule = {.rho = 0.9, .eps = 1e-6}}}},
    {&lion,
     {.o = {.lr = 1e-4, .has = 1, .rule = {.beta1 = 0.9, .beta2 = 0.99, .decoupled = true}}}},
    {&asgd, {.o = {.lr = 1e-2, .has = 1, .rule = {.lambd = 1e-4, .alpha = 0.75, .t0 = 1e6}}}},
};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

START_TEST(defaults_are_those_of_pytorch) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_optim *o = defaults[_i].f->make(made.list, &(config){0});
    ck_assert_double_eq(reel_optim_lr(o), defaults[_i].c.o.lr);
    expect_reference(&made, o, defaults[_i].f, &defaults[_i].c);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* None of whose options is 0. */
static const struct {
    const family *f;
    config c;
} bases[] = {
    {&sgd,
     {.o = {.lr = 0.1,
            .has = 1,
            .rule = {.momentum = 0.8, .dampening = 0.3, .weight_decay = 0.1}}}},
    {&adam, {.o = {.lr = 0.1, .has = 3, .rule = {ADAMS, .weight_decay = 0.1}}}},
    {&adam, {.o = {.lr = 0.1, .has = 7, .rule = {ADAMS, .weight_decay = 0.1, .decoupled = true}}}},
    {&nadam,
     {.o = {.lr = 0.1, .has = 3, .rule = {ADAMS, .weight_decay = 0.1, .momentum_decay = 0.1}}}},
    {&radam, {.o = {.lr = 0.1, .has = 3, .rule = {ADAMS, .weight_decay = 0.1}}}},
    {&adamax, {.o = {.lr = 0.1, .has = 3, .rule = {ADAMS, .weight_decay = 0.1}}}},
    {&rmsprop,
     {.o = {.lr = 0.1,
            .has = 5,
            .rule = {.alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.8}}}},
    {&adagrad,
     {.start = 0.5,
      .o = {.lr = 0.1, .has = 1, .rule = {.lr_decay = 0.2, .weight_decay = 0.1, .eps = 1e-3}}}},
    {&adadelta,
     {.o = {.lr = 0.5, .has = 3, .rule = {.rho = 0.7, .eps = 1e-3, .weight_decay = 0.1}}}},
    {&lion,
     {.o = {.lr = 0.1,
            .has = 1,
            .rule = {.beta1 = 0.9, .beta2 = 0.99, .weight_decay = 0.1, .decoupled = true}}}},
    {&asgd,
     {.o = {.lr = 0.1,
            .has = 1,
            .rule = {.lambd = 0.3, .alpha = 0.5, .t0 = 3, .weight_decay = 0.1}}}},
};
enum { BASES = sizeof bases / sizeof *bases };

/* Each option in turn, and then all of them but the rate. */
START_TEST(zero_can_be_asked_for) {
    const size_t places[] = {
        offsetof(config, o.lr),
        offsetof(config, start),
        offsetof(config, o.rule.momentum),
        offsetof(config, o.rule.dampening),
        offsetof(config, o.rule.beta1),
        offsetof(config, o.rule.beta2),
        offsetof(config, o.rule.rho),
        offsetof(config, o.rule.alpha),
        offsetof(config, o.rule.eps),
        offsetof(config, o.rule.weight_decay),
        offsetof(config, o.rule.momentum_decay),
        offsetof(config, o.rule.lr_decay),
        offsetof(config, o.rule.lambd),
        offsetof(config, o.rule.t0),
    };
    enum { PLACES = sizeof places / sizeof *places };
    for (int i = 0; i <= PLACES; i++) {
        config c = bases[_i].c;
        c.zeros = true;
        if (i < PLACES)
            *(double *)((char *)&c + places[i]) = 0;
        else
            c.o.rule = (reel__rule){.decoupled = c.o.rule.decoupled};
        if (c.o.rule.momentum == 0 && bases[_i].f == &sgd) c.o.has = 0;
        if (c.o.rule.momentum == 0 && bases[_i].f == &rmsprop) c.o.has = 1;
        params made = params_new(REEL_F64, REEL_F64);
        reel_optim *o = bases[_i].f->make(made.list, &c);
        expect_fine();
        expect_reference(&made, o, bases[_i].f, &c);
        reel_optim_free(o);
        params_free(&made);
    }
}
END_TEST

/* Nothing hides a NaN, and no moment forgets it: neither the larger of two, nor a choice. */
START_TEST(nan_gradients_show) {
    const family *f = rows[_i].f;
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = f->make(made.list, &rows[_i].c);
    reel_state *saved = reel_state_new();
    take_step(&made, o, 1);
    double values[N] = {1, NAN, 1, 1, 1, 1};
    for (int k = 0; k < 2; k++) give_gradient(made.p[k], values);
    reel_optim_step(o);
    take_step(&made, o, 3);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i++) ck_assert_int_eq(isnan(element(made.p[k], i)), i == 1);
    reel_optim_save(o, saved, NULL);
    for (int k = 0; k < REEL__MAX_MOMENTS; k++)
        if (rows[_i].c.o.has >> k & 1)
            ck_assert(isnan(element(reel_state_get_in(saved, "b", f->moment[k]), 1)));
    reel_state_free(saved);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* All but ASGD's mean, which begins anew at each step up to t0. */
START_TEST(nan_moments_stay) {
    const family *f = rows[_i].f;
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = f->make(made.list, &rows[_i].c);
    reel_state *saved = reel_state_new();
    take_step(&made, o, 1);
    reel_optim_save(o, saved, NULL);
    for (int k = 0; k < REEL__MAX_MOMENTS && f != &asgd; k++) {
        if (!(rows[_i].c.o.has >> k & 1)) continue;
        reel_tensor *m = reel_state_get_in(saved, "a", f->moment[k]);
        reel_fill_(m, NAN);
        take_step(&made, o, 2);
        ck_assert_msg(isnan(element(m, 0)), "%s: %s", f->name, f->moment[k]);
        REEL_NO_GRAD;
        REEL_SCOPE;
        for (int j = 0; j < REEL__MAX_MOMENTS; j++) /* a NaN parameter spoils them all */
            if (rows[_i].c.o.has >> j & 1)
                reel_fill_(reel_state_get_in(saved, "a", f->moment[j]), 1);
        reel_fill_(made.p[0], 1);
    }
    expect_fine();
    reel_state_free(saved);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* To the bit, until the mean is one of several. */
START_TEST(mean_is_the_parameter_up_to_t0) {
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = reel_asgd_new(made.list, (reel_asgd_options){.lr = 0.3, .t0 = 2});
    reel_state *saved = reel_state_new();
    reel_optim_save(o, saved, NULL);
    for (int t = 1; t <= 5; t++) {
        take_step(&made, o, t);
        for (int k = 0; k < 2; k++)
            for (int i = 0; i < N; i++)
                ck_assert_int_eq(element(made.p[k], i) ==
                                     element(reel_state_get_in(saved, k ? "b" : "a", "mean"), i),
                                 t <= 4);
    }
    reel_state_free(saved);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* ---- many parameters ---- */

/* More than one launch takes, of several blocks, one or none. */
enum { MANY = 150 };
static int64_t length_of(int i) {
    return i % 7 == 3 ? 0 : i % 50 == 9 ? 2500 : 1 + i % 5;
}

static reel_state *many_params(int from, int to) {
    reel_state *list = reel_state_new();
    for (int i = from; i < to; i++) {
        REEL_SCOPE;
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        reel_tensor *p = reel_full(reel_shape(length_of(i)), 0.1 * i - 3, REEL_F32, test_device());
        reel_state_put(list, name, reel_track(p));
    }
    expect_fine();
    return list;
}

static void give_gradients(const reel_state *list, int first, int t) {
    for (int i = 0; i < reel_state_count(list); i++) {
        REEL_SCOPE;
        const double slope = cos(first + i + t);
        reel_backward(reel_sum(reel_scale(reel_state_at(list, i), slope)));
    }
}

static void expect_same_bits(reel_tensor *x, reel_tensor *y) {
    static float a[2500], b[2500];
    const size_t bytes = (size_t)reel_numel(x) * sizeof *a;
    ck_assert_int_eq(reel_read(x, a, bytes), REEL_OK);
    ck_assert_int_eq(reel_read(y, b, bytes), REEL_OK);
    ck_assert_mem_eq(a, b, bytes);
}

/* Each is stepped as by an optimizer of its own. */
START_TEST(many_parameters_are_stepped_alike) {
    const family *f = rows[_i].f;
    reel_state *all = many_params(0, MANY);
    reel_optim *o = f->make(all, &rows[_i].c);
    for (int t = 1; t <= 2; t++) {
        give_gradients(all, 0, t);
        ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    }
    for (int i = 0; i < MANY; i++) {
        reel_state *one = many_params(i, i + 1);
        reel_optim *p = f->make(one, &rows[_i].c);
        for (int t = 1; t <= 2; t++) {
            give_gradients(one, i, t);
            reel_optim_step(p);
        }
        expect_same_bits(reel_state_at(all, i), reel_state_at(one, 0));
        reel_optim_free(p);
        reel_state_free(one);
    }
    expect_fine();
    reel_optim_free(o);
    reel_state_free(all);
}
END_TEST

/* ---- options that are refused ---- */

static void expect_refused(reel_optim *o, const char *message) {
    ck_assert_ptr_null(o);
    expect_failure(REEL_ERR_ARGUMENT, message);
}

#define REFUSED(name, message, ...)                                                                \
    expect_refused(reel_##name##_new(made.list, (reel_##name##_options){__VA_ARGS__}),             \
                   #name "_new: " message)

START_TEST(bad_options_are_refused) {
    params made = params_new(REEL_F32, REEL_F64);
    REFUSED(nadam, "lr must be 0 or more, and finite: -1", .lr = -1);
    REFUSED(nadam, "beta1 must lie in [0, 1): 1", .beta1 = 1);
    REFUSED(nadam, "beta2 must lie in [0, 1): -0.5", .beta2 = -0.5);
    REFUSED(nadam, "eps must be 0 or more, and finite: -1e-08", .eps = -1e-8);
    REFUSED(nadam, "weight_decay must be 0 or more, and finite: inf", .weight_decay = INFINITY);
    REFUSED(nadam, "momentum_decay must be 0 or more, and finite: nan", .momentum_decay = NAN);
    REFUSED(radam, "lr must be 0 or more, and finite: nan", .lr = NAN);
    REFUSED(radam, "beta1 must lie in [0, 1): nan", .beta1 = NAN);
    REFUSED(radam, "beta2 must lie in [0, 1): 1", .beta2 = 1);
    REFUSED(radam, "weight_decay must be 0 or more, and finite: -1", .weight_decay = -1);
    REFUSED(adamax, "lr must be 0 or more, and finite: inf", .lr = INFINITY);
    REFUSED(adamax, "beta2 must lie in [0, 1): 2", .beta2 = 2);
    REFUSED(adamax, "eps must be 0 or more, and finite: nan", .eps = NAN);
    REFUSED(rmsprop, "lr must be 0 or more, and finite: -1", .lr = -1);
    REFUSED(rmsprop, "alpha must lie in [0, 1): 1", .alpha = 1);
    REFUSED(rmsprop, "alpha must lie in [0, 1): -0.5", .alpha = -0.5);
    REFUSED(rmsprop, "momentum must be 0 or more, and finite: -0.5", .momentum = -0.5);
    REFUSED(rmsprop, "momentum must be 0 or more, and finite: nan", .momentum = NAN);
    REFUSED(adagrad, "lr_decay must be 0 or more, and finite: -1", .lr_decay = -1);
    REFUSED(adagrad, "initial_accumulator_value must be 0 or more, and finite: -1",
            .initial_accumulator_value = -1);
    REFUSED(adagrad, "eps must be 0 or more, and finite: inf", .eps = INFINITY);
    REFUSED(adadelta, "rho must lie in [0, 1): 1.5", .rho = 1.5);
    REFUSED(adadelta, "rho must lie in [0, 1): nan", .rho = NAN);
    REFUSED(adadelta, "weight_decay must be 0 or more, and finite: -1", .weight_decay = -1);
    REFUSED(lion, "beta2 must lie in [0, 1): 1", .beta2 = 1);
    REFUSED(asgd, "lambd must be 0 or more, and finite: nan", .lambd = NAN);
    REFUSED(asgd, "lambd must be 0 or more, and finite: -1", .lambd = -1);
    REFUSED(asgd, "alpha must be 0 or more, and finite: -1", .alpha = -1);
    REFUSED(asgd, "t0 must be 0 or more, and finite: -1", .t0 = -1);
    REFUSED(nadam, "momentum_decay must be 0 or more, and finite: -1", .momentum_decay = -1);
    REFUSED(asgd, "alpha must be 0 or more, and finite: inf", .alpha = INFINITY);
    REFUSED(asgd, "t0 must be 0 or more, and finite: nan", .t0 = NAN);
    expect_refused(reel_adagrad_new(NULL, (reel_adagrad_options){0}), "adagrad_new: no parameters");
    params_free(&made);
}
END_TEST

/* ---- checkpoints ---- */

static void run_some(const params *made, reel_optim *o, int from, int to, bool apart) {
    for (int t = from; t <= to; t++) {
        if (t == 3) reel_optim_set_lr(o, 0.03);
        if (apart)
            take_step_apart(made, o, t);
        else
            take_step(made, o, t);
    }
}

static void run(const params *made, reel_optim *o, int from, int to) {
    run_some(made, o, from, to, false);
}

/* The names of before each parameter counted its own: all had taken as many. */
static reel_state *with_one_count(const reel_state *s) {
    reel_state *old = reel_state_new();
    for (int i = 0; i < reel_state_count(s); i++) {
        const char *name = reel_state_name(s, i), *end = strrchr(name, '.');
        const bool counts = strcmp(name, "optim.step") != 0 && strcmp(end, ".step") == 0;
        const bool carried = strcmp(end, ".mu_product") == 0;
        if (strcmp(name, "optim.a.mu_product") == 0)
            reel_state_put(old, "optim.mu_product", reel_state_at(s, i));
        if (!counts && !carried) reel_state_put(old, name, reel_state_at(s, i));
    }
    return old;
}

START_TEST(checkpoint_of_one_count_is_each_ones) {
    params made[2] = {params_new(REEL_F32, REEL_F64), params_new(REEL_F32, REEL_F64)};
    reel_optim *o[2];
    for (int j = 0; j < 2; j++) o[j] = rows[_i].f->make(made[j].list, &rows[_i].c);
    run(&made[0], o[0], 1, 3);
    reel_state *saved = reel_state_new();
    reel_optim_save(o[0], saved, "optim");
    reel_state *old = with_one_count(saved);
    for (int k = 0; k < 2; k++) {
        REEL_NO_GRAD;
        reel_copy_(made[1].p[k], made[0].p[k]);
    }
    ck_assert_msg(reel_optim_load(o[1], old, "optim") == REEL_OK, "%s", reel_error());
    ck_assert_int_eq(reel_optim_steps(o[1]), 3);
    for (int j = 0; j < 2; j++) run(&made[j], o[j], 4, STEPS);
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i++)
            ck_assert_double_eq(element(made[0].p[k], i), element(made[1].p[k], i));
    reel_state_free(old);
    reel_state_free(saved);
    for (int j = 0; j < 2; j++) {
        reel_optim_free(o[j]);
        params_free(&made[j]);
    }
}
END_TEST

/* All steps at once, and 1 to 3, a checkpoint, and the rest with new objects: the same bits; and so
 * where parameters sit steps out. */
START_TEST(resumed_run_has_the_same_bits) {
    const bool apart = _i >= ROWS;
    _i %= ROWS;
    params whole = params_new(REEL_F32, REEL_F64), first = params_new(REEL_F32, REEL_F64),
           second = params_new(REEL_F32, REEL_F64);
    reel_optim *o = rows[_i].f->make(whole.list, &rows[_i].c),
               *p = rows[_i].f->make(first.list, &rows[_i].c),
               *q = rows[_i].f->make(second.list, &rows[_i].c);
    reel_state *saved = reel_state_new();
    run_some(&whole, o, 1, STEPS, apart);
    run_some(&first, p, 1, 3, apart);
    reel_optim_save(p, saved, "optim");
    for (int k = 0; k < 2; k++) reel_state_put_in(saved, "model", k ? "b" : "a", first.p[k]);
    reel_state *file = state_copy(saved);
    take_step(&first, p, 9); /* comes after the checkpoint, so it is not in it */
    {
        REEL_NO_GRAD;
        for (int k = 0; k < 2; k++)
            reel_copy_(second.p[k], reel_state_get_in(file, "model", k ? "b" : "a"));
    }
    ck_assert_msg(reel_optim_load(q, file, "optim") == REEL_OK, "%s", reel_error());
    run_some(&second, q, 4, STEPS, apart);
    for (int k = 0; k < 2; k++) {
        const size_t bytes = N * reel_dtype_size(reel_dtype_of(whole.p[k]));
        double at_once[N], resumed[N];
        reel_read(whole.p[k], at_once, bytes);
        reel_read(second.p[k], resumed, bytes);
        expect_fine();
        ck_assert_mem_eq(resumed, at_once, bytes);
    }
    reel_state_free(saved);
    reel_state_free(file);
    reel_optim_free(o);
    reel_optim_free(p);
    reel_optim_free(q);
    params_free(&whole);
    params_free(&first);
    params_free(&second);
}
END_TEST

START_TEST(state_has_what_is_carried) {
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = reel_nadam_new(made.list, (reel_nadam_options){0});
    reel_state *s = reel_state_new();
    const char *const names[] = {"a.m",          "a.v",    "b.m",          "b.v", "a.step",
                                 "a.mu_product", "b.step", "b.mu_product", "lr",  "step"};
    ck_assert_int_eq(reel_optim_save(o, s, NULL), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 10);
    for (int i = 0; i < 10; i++) ck_assert_str_eq(reel_state_name(s, i), names[i]);
    reel_tensor *product = reel_state_get(s, "b.mu_product");
    ck_assert_double_eq(reel_item(product), 1);
    take_step(&made, o, 1);
    ck_assert_double_eq_tol(reel_item(product), 0.9 * (1 - 0.5 * pow(0.96, 4e-3)), 1e-15);

    const double bad[] = {-0.1, 1.5, NAN, INFINITY};
    reel_state *file = state_copy(s);
    for (int i = 0; i < 4; i++) {
        reel_fill_(reel_state_get(file, "b.mu_product"), bad[i]);
        ck_assert_int_ne(reel_optim_load(o, file, NULL), REEL_OK);
        expect_failure(REEL_ERR_FORMAT, "optim_load: b.mu_product must lie in [0, 1]: ");
    }
    reel_fill_(reel_state_get(file, "b.mu_product"), 1);
    reel_fill_(reel_state_get(file, "a.step"), -1);
    ck_assert_int_ne(reel_optim_load(o, file, NULL), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "optim_load: a.step must lie in [0, 2^53): -1");
    ck_assert_int_eq(reel_optim_steps(o), 1);
    reel_state_free(file);
    reel_state_free(s);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* What is carried is changed in place by a step, which whoever saved it must notice. */
START_TEST(carrying_is_a_change_in_place) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_optim *o = reel_nadam_new(made.list, (reel_nadam_options){0});
    reel_state *s = reel_state_new();
    reel_optim_save(o, s, NULL);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_track(f64(reel_shape(2), (double[]){3, 4}));
        reel_tensor *y = reel_sum(reel_mul(x, reel_state_get(s, "a.mu_product")));
        take_step(&made, o, 1);
        ck_assert_int_eq(reel_backward(y), REEL_ERR_STATE);
        expect_failure(REEL_ERR_STATE, "input 1 was changed in place after it was saved");
    }
    reel_state_free(s);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* ---- groups ---- */

/* A group that joins after three steps, with a rate and a decay of its own, counts from its first.
 */
START_TEST(later_group_counts_from_its_first_step) {
    const family *f = rows[_i].f;
    const config *c = &rows[_i].c;
    config other = *c;
    other.o.lr = 0.02;
    other.o.rule.weight_decay = 0.25;
    reel_state *first = reel_state_new(), *second = reel_state_new(), *saved = reel_state_new();
    reel_tensor *a = add_param(first, "a", 0, REEL_F64), *b = add_param(second, "b", 1, REEL_F64);
    reel_optim *o = f->make(first, c);
    reference_cell cells[2][N];
    for (int k = 0; k < 2; k++) start_cells(cells[k], k, c->start);
    for (int t = 1; t <= STEPS; t++) {
        if (t == 4)
            reel_optim_add_group(o, second, (reel_group_options){.lr = 0.02, .weight_decay = 0.25});
        give_gradient_of_step(a, 0, t);
        if (t >= 4) give_gradient_of_step(b, 1, t);
        ck_assert_msg(reel_optim_step(o) == REEL_OK, "%s", reel_error());
        for (int i = 0; i < N; i++) {
            f->step(&cells[0][i], gradient(0, i, t), t, &c->o);
            if (t >= 4) f->step(&cells[1][i], gradient(1, i, t), t - 3, &other.o);
        }
    }
    reel_optim_save(o, saved, NULL);
    expect_cells(f, c->o.has, saved, "a", a, cells[0]);
    expect_cells(f, c->o.has, saved, "b", b, cells[1]);
    reel_optim_free(o);
    reel_state_free(saved);
    reel_state_free(first);
    reel_state_free(second);
}
END_TEST

int main(void) {
    Suite *s = suite_create("optimizers");
    TCase *c = add_case(s, "values");
    tcase_add_loop_test(c, steps_follow_the_reference, 0, ROWS * DTYPES);
    tcase_add_loop_test(c, each_parameter_counts_its_own_steps, 0, ROWS * DTYPES);
    tcase_add_loop_test(c, steps_end_where_pytorch_does, 0, ROWS);
    tcase_add_loop_test(c, defaults_are_those_of_pytorch, 0, DEFAULTS);
    tcase_add_loop_test(c, zero_can_be_asked_for, 0, BASES);
    tcase_add_loop_test(c, nan_gradients_show, 0, ROWS);
    tcase_add_loop_test(c, nan_moments_stay, 0, ROWS);
    tcase_add_test(c, mean_is_the_parameter_up_to_t0);
    tcase_add_loop_test(c, many_parameters_are_stepped_alike, 0, ROWS);
    tcase_add_test(c, bad_options_are_refused);

    c = add_case(s, "state");
    tcase_add_loop_test(c, resumed_run_has_the_same_bits, 0, 2 * ROWS);
    tcase_add_loop_test(c, checkpoint_of_one_count_is_each_ones, 0, ROWS);
    tcase_add_test(c, state_has_what_is_carried);
    tcase_add_test(c, carrying_is_a_change_in_place);
    tcase_add_loop_test(c, later_group_counts_from_its_first_step, 0, ROWS);
    return run_suite(s);
}
