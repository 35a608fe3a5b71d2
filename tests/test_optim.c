/* Optimizers against the papers' formulas in plain loops, and their state. */
#include "nn/nn.h"
#include "tests/optim_params.h"
#include "tests/state_copy.h"

#include <stdlib.h>

/* ---- the formulas, one element at a time ---- */

typedef struct {
    double p, m, v;
} cell;

static void sgd_formula(cell *c, double g, int t, reel_sgd_options o) {
    g += o.weight_decay * c->p;
    if (o.momentum == 0.0) {
        c->p -= o.lr * g;
        return;
    }
    c->v = t == 1 ? g : o.momentum * c->v + (1.0 - o.dampening) * g;
    c->p -= o.lr * (o.nesterov ? g + o.momentum * c->v : c->v);
}

static void adam_formula(cell *c, double g, int t, reel_adam_options o, bool decoupled) {
    if (decoupled)
        c->p -= o.lr * o.weight_decay * c->p;
    else
        g += o.weight_decay * c->p;
    c->m = o.beta1 * c->m + (1.0 - o.beta1) * g;
    c->v = o.beta2 * c->v + (1.0 - o.beta2) * g * g;
    double m = c->m / (1.0 - pow(o.beta1, t)), v = c->v / (1.0 - pow(o.beta2, t));
    c->p -= o.lr * m / (sqrt(v) + o.eps);
}

/* Steps o and the formula side by side. Exactly one of sgd and adam is given. */
static void expect_formula(const params *made, reel_optim *o, const reel_sgd_options *sgd,
                           const reel_adam_options *adam, bool decoupled) {
    cell cells[2][N] = {{{0}}};
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i++) cells[k][i].p = start(k, i);
    for (int t = 1; t <= STEPS; t++) {
        take_step(made, o, t);
        for (int k = 0; k < 2; k++) {
            double expected[N];
            for (int i = 0; i < N; i++) {
                if (sgd)
                    sgd_formula(&cells[k][i], gradient(k, i, t), t, *sgd);
                else
                    adam_formula(&cells[k][i], gradient(k, i, t), t, *adam, decoupled);
                expected[i] = cells[k][i].p;
            }
            expect_parameter(made->p[k], expected);
        }
        ck_assert_int_eq(reel_optim_steps(o), t);
    }
}

/* ---- values ---- */

static const reel_sgd_options sgds[] = {
    {.lr = 0.1},
    {.lr = 0.1, .weight_decay = 0.2},
    {.lr = 0.05, .momentum = 0.9},
    {.lr = 0.05, .momentum = 0.9, .dampening = 0.3},
    {.lr = 0.05, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true},
    {.lr = 0.05, .momentum = 0.8, .dampening = 1.5, .weight_decay = 0.1},
};
enum { SGDS = sizeof sgds / sizeof *sgds };

START_TEST(sgd_follows_its_formula) {
    const reel_sgd_options options = sgds[_i / DTYPES];
    params made = params_new(dtypes[_i % DTYPES].a, dtypes[_i % DTYPES].b);
    reel_optim *o = reel_sgd_new(made.list, options);
    expect_formula(&made, o, &options, NULL, false);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

static const reel_adam_options adams[] = {
    {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
    {.lr = 0.05, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3},
    {.lr = 0.05, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8, .weight_decay = 0.3},
};
enum { ADAMS = sizeof adams / sizeof *adams };

START_TEST(adam_follows_its_formula) {
    const reel_adam_options options = adams[_i / DTYPES];
    params made = params_new(dtypes[_i % DTYPES].a, dtypes[_i % DTYPES].b);
    reel_optim *o = reel_adam_new(made.list, options);
    expect_formula(&made, o, NULL, &options, false);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

START_TEST(adamw_follows_its_formula) {
    const reel_adam_options options = adams[2];
    params made = params_new(dtypes[_i].a, dtypes[_i].b);
    reel_optim *o = reel_adamw_new(made.list, options);
    expect_formula(&made, o, NULL, &options, true);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

START_TEST(defaults_are_those_of_the_papers) {
    const reel_adam_options adam = {.lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    reel_adam_options adamw = adam;
    adamw.weight_decay = 1e-2;
    params a = params_new(REEL_F64, REEL_F64), b = params_new(REEL_F64, REEL_F64),
           c = params_new(REEL_F64, REEL_F64);
    reel_optim *o = reel_adam_new(a.list, (reel_adam_options){0});
    reel_optim *w = reel_adamw_new(b.list, (reel_adam_options){0});
    reel_optim *none = reel_adamw_new(c.list, (reel_adam_options){.weight_decay = REEL_ZERO});
    ck_assert_double_eq(reel_optim_lr(o), 1e-3);
    expect_formula(&a, o, NULL, &adam, false);
    expect_formula(&b, w, NULL, &adamw, true);
    expect_formula(&c, none, NULL, &adam, true);
    reel_optim_free(o);
    reel_optim_free(w);
    reel_optim_free(none);
    params_free(&a);
    params_free(&b);
    params_free(&c);
}
END_TEST

/* By hand, from p = 1, g = 2: a formula that is wrong in the same way in both places would not hide
 * here. */
START_TEST(first_steps_by_hand) {
    for (int k = 0; k < 2; k++) {
        reel_state *list = reel_state_new();
        reel_tensor *p;
        {
            REEL_SCOPE;
            p = reel_track(reel_ones(reel_shape(1), REEL_F64, test_device()));
            reel_state_put(list, "p", p);
        }
        reel_optim *o = k ? reel_adam_new(list, (reel_adam_options){.lr = 0.1})
                          : reel_sgd_new(list, (reel_sgd_options){.lr = 0.1, .momentum = 0.5});
        /* SGD: v = 2, 3: p = 0.8, 0.5. Adam: m^ / sqrt v^ = 2 / 2 at each step while g stays 2. */
        const double expected[] = {0.8, 0.5, 1 - 0.2 / (2 + 1e-8), 1 - 0.4 / (2 + 1e-8)};
        for (int t = 0; t < 2; t++) {
            give_gradient(p, (double[]){2});
            reel_optim_step(o);
            ck_assert_double_eq_tol(element(p, 0), expected[2 * k + t], 1e-14);
        }
        reel_optim_free(o);
        reel_state_free(list);
    }
}
END_TEST

/* ---- which parameters a step takes: of two dtypes, each is a group of its own ---- */

START_TEST(step_skips_what_has_no_gradient) {
    params made = params_new(dtypes[_i].a, dtypes[_i].b);
    reel_optim *o = reel_adam_new(made.list, (reel_adam_options){.lr = 0.1});
    double a[N], b[N];
    for (int i = 0; i < N; i++) a[i] = start(0, i), b[i] = start(1, i);
    ck_assert_int_eq(reel_optim_step(o), REEL_OK); /* no gradient anywhere: not a step */
    ck_assert_int_eq(reel_optim_steps(o), 0);
    give_gradient_of_step(&made, 1, 1);
    ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    ck_assert_int_eq(reel_optim_steps(o), 1);
    expect_parameter(made.p[0], a);
    ck_assert_double_ne(element(made.p[1], 0), b[0]);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

START_TEST(late_gradients_are_the_first) {
    params made = params_new(dtypes[_i].a, dtypes[_i].b);
    reel_optim *o =
        reel_sgd_new(made.list, (reel_sgd_options){.lr = 0.1, .momentum = 0.9, .dampening = 0.5});
    give_gradient_of_step(&made, 0, 1);
    reel_optim_step(o);
    give_gradient_of_step(&made, 1, 2); /* b for the first time: v = g, not dampened */
    reel_optim_step(o);
    double expected[N];
    for (int i = 0; i < N; i++) expected[i] = start(1, i) - 0.1 * gradient(1, i, 2);
    expect_parameter(made.p[1], expected);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

START_TEST(step_lets_gradients_go) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 0.1});
    take_step(&made, o, 1);
    ck_assert_ptr_null(reel_grad(made.p[0]));
    ck_assert_ptr_null(reel_grad(made.p[1]));
    give_gradient_of_step(&made, 0, 2);
    ck_assert_ptr_nonnull(reel_grad(made.p[0]));
    reel_optim_zero_grad(o);
    ck_assert_ptr_null(reel_grad(made.p[0]));
    reel_optim_zero_grad(NULL);
    reel_optim_free(o);
    reel_optim_free(NULL);
    params_free(&made);
}
END_TEST

/* The update counts the step in place, which whoever saved the count must notice. */
START_TEST(counting_a_step_is_a_change_in_place) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_state *s = reel_state_new();
    for (int kind = 0; kind < 2; kind++) {
        REEL_SCOPE;
        reel_optim *o = kind ? reel_adam_new(made.list, (reel_adam_options){0})
                             : reel_sgd_new(made.list, (reel_sgd_options){.lr = 0.1});
        ck_assert_int_eq(reel_optim_save(o, s, kind ? "adam" : "sgd"), REEL_OK);
        reel_tensor *step = reel_state_get(s, kind ? "adam.step" : "sgd.step");
        reel_tensor *x = reel_track(f64(reel_shape(2), (double[]){3, 4}));
        reel_tensor *y = reel_index_select(x, 0, reel_reshape(step, reel_shape(1)));
        take_step(&made, o, 1);
        ck_assert_int_eq(reel_backward(y), REEL_ERR_STATE);
        expect_failure(REEL_ERR_STATE, "input 1 was changed in place after it was saved");
        reel_optim_free(o);
    }
    reel_state_free(s);
    params_free(&made);
}
END_TEST

START_TEST(step_makes_no_tensors) {
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = reel_adam_new(made.list, (reel_adam_options){0});
    take_step(&made, o, 1);
    for (int k = 0; k < 2; k++) give_gradient_of_step(&made, k, 2);
    size_t before = reel_tensors_alive();
    ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    ck_assert_uint_eq(reel_tensors_alive(), before - 2); /* the gradients */
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

START_TEST(tied_parameter_is_stepped_once) {
    reel_module m;
    reel_module_init(&m, "tied", NULL);
    reel_tensor *W;
    {
        REEL_SCOPE;
        W = reel_module_param(&m, "W", reel_ones(reel_shape(2), REEL_F64, test_device()));
        reel_module_param(&m, "again", W);
    }
    reel_state *once = reel_module_params(&m), *twice = reel_state_new();
    reel_state_put(twice, "first", W);
    reel_state_put(twice, "second", W);
    const reel_state *const lists[] = {once, twice};
    for (int k = 0; k < 2; k++) {
        reel_optim *o = reel_sgd_new(lists[k], (reel_sgd_options){.lr = 0.25, .momentum = 0.5});
        reel_state *saved = reel_state_new();
        give_gradient(W, (double[]){1, 2});
        reel_optim_step(o);
        reel_optim_save(o, saved, NULL);
        ck_assert_ptr_nonnull(reel_state_get(saved, k ? "first.v" : "W.v"));
        ck_assert_int_eq(reel_state_count(saved), 4); /* v, its step, lr, step */
        reel_state_free(saved);
        reel_optim_free(o);
    }
    expect_values(W, (double[]){0.5, 0}, 2);
    reel_state_free(once);
    reel_state_free(twice);
    reel_module_free(&m);
}
END_TEST

START_TEST(optimizer_outlives_list_and_owner) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 0.1});
    params_free(&made);
    give_gradient_of_step(&made, 0, 1);
    ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    ck_assert_double_eq_tol(element(made.p[0], 0), start(0, 0) - 0.1 * gradient(0, 0, 1), 1e-15);
    reel_optim_free(o);
}
END_TEST

START_TEST(step_does_nothing_after_a_failure) {
    params made = params_new(REEL_F64, REEL_F64);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 0.1});
    reel_state *s = reel_state_new();
    give_gradient_of_step(&made, 0, 1);
    reel_fail(REEL_ERR_IO, NULL, "the first failure");
    ck_assert_int_eq(reel_optim_step(o), REEL_ERR_IO);
    ck_assert_ptr_null(reel_clip_grad_norm(o, 1.0));
    ck_assert_int_eq(reel_clip_grad_value(o, 1e-3), REEL_ERR_IO);
    ck_assert_int_eq(reel_optim_save(o, s, "optim"), REEL_ERR_IO);
    ck_assert_int_eq(reel_optim_load(o, s, "optim"), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, "the first failure");
    ck_assert_int_eq(reel_state_count(s), 0);
    ck_assert_double_eq(element(made.p[0], 0), start(0, 0));
    ck_assert_double_eq_tol(element(reel_grad(made.p[0]), 0), gradient(0, 0, 1), 1e-15);
    ck_assert_int_eq(reel_optim_steps(o), 0);
    reel_state_free(s);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* ---- what is refused ---- */

static void expect_no_optim(reel_optim *o, reel_status code, const char *part) {
    ck_assert_ptr_null(o);
    expect_failure(code, part);
}

START_TEST(sgd_refuses) {
    params made = params_new(REEL_F64, REEL_F64);
    static const struct {
        reel_sgd_options o;
        const char *part;
    } bad[] = {
        {{.lr = 0}, "sgd_new: no lr"},
        {{.lr = -1}, "sgd_new: lr"},
        {{.lr = NAN}, "sgd_new: lr"},
        {{.lr = INFINITY}, "sgd_new: lr"},
        {{.lr = 1, .momentum = -0.1}, "momentum"},
        {{.lr = 1, .momentum = NAN}, "momentum"},
        {{.lr = 1, .weight_decay = -1}, "weight_decay"},
        {{.lr = 1, .momentum = 0.5, .dampening = NAN}, "dampening"},
        {{.lr = 1, .momentum = 0.5, .dampening = -3}, "sgd_new: dampening"},
        {{.lr = 1, .momentum = 0.5, .dampening = INFINITY}, "dampening"},
        {{.lr = 1, .nesterov = true}, "nesterov"},
        {{.lr = 1, .momentum = REEL_ZERO, .nesterov = true}, "momentum 0, dampening 0"},
        {{.lr = 1, .momentum = 0.5, .dampening = 0.1, .nesterov = true}, "nesterov"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_no_optim(reel_sgd_new(made.list, bad[i].o), REEL_ERR_ARGUMENT, bad[i].part);
    params_free(&made);
}
END_TEST

START_TEST(adam_refuses) {
    params made = params_new(REEL_F64, REEL_F64);
    static const struct {
        reel_adam_options o;
        const char *part;
    } bad[] = {
        {{.lr = -1}, ": lr"},
        {{.lr = NAN}, ": lr"},
        {{.lr = INFINITY}, ": lr"},
        {{.beta1 = 1}, "beta1 must lie in [0, 1): 1"},
        {{.beta1 = -0.1}, "beta1"},
        {{.beta2 = 1.5}, "beta2"},
        {{.beta2 = NAN}, "beta2"},
        {{.eps = -1e-8}, "eps"},
        {{.eps = INFINITY}, "eps"},
        {{.weight_decay = NAN}, "weight_decay"},
        {{.weight_decay = -1}, "weight_decay must be 0 or more, and finite: -1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        expect_no_optim(reel_adam_new(made.list, bad[i].o), REEL_ERR_ARGUMENT, bad[i].part);
        expect_no_optim(reel_adamw_new(made.list, bad[i].o), REEL_ERR_ARGUMENT, bad[i].part);
    }
    params_free(&made);
}
END_TEST

/* Freed, or never one: nothing is read through the pointer. */
START_TEST(what_is_no_optimizer_is_refused) {
    params made = params_new(REEL_F64, REEL_F64);
    static double numbers[8];
    reel_state *s = reel_state_new();
    reel_optim *freed = reel_adam_new(made.list, (reel_adam_options){0});
    reel_optim_free(freed);
    reel_optim *const none[] = {freed, (reel_optim *)numbers, (reel_optim *)(uintptr_t)8};
    const char *const said = ": not an optimizer, or freed already";
    for (int i = 0; i < 3; i++) {
        REEL_SCOPE;
        reel_optim *o = none[i];
#define REFUSES(call)                                                                              \
    do {                                                                                           \
        (void)(call);                                                                              \
        expect_failure(REEL_ERR_ARGUMENT, said);                                                   \
    } while (0)
        REFUSES(reel_optim_step(o));
        REFUSES(reel_optim_lr(o));
        REFUSES(reel_optim_steps(o));
        REFUSES(reel_optim_group_count(o));
        REFUSES(reel_optim_set_lr(o, 1));
        REFUSES(reel_optim_set_group_lr(o, 0, 1));
        REFUSES(reel_optim_add_group(o, made.list, (reel_group_options){0}));
        REFUSES(reel_optim_save(o, s, NULL));
        REFUSES(reel_optim_load(o, s, NULL));
        REFUSES(reel_clip_grad_norm(o, 1));
        REFUSES(reel_clip_grad_value(o, 1));
        REFUSES(reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 3}));
#undef REFUSES
        reel_optim_zero_grad(o);
        expect_failure(REEL_ERR_ARGUMENT, "optim_zero_grad: not an optimizer");
        reel_optim_free(o);
        expect_failure(REEL_ERR_ARGUMENT, "optim_free: not an optimizer");
    }
    reel_state_free(s);
    params_free(&made);
}
END_TEST

START_TEST(lists_are_checked) {
    const reel_adam_options defaults = {0};
    reel_state *list = reel_state_new();
    expect_no_optim(reel_adam_new(NULL, defaults), REEL_ERR_ARGUMENT, "adam_new: no parameters");
    expect_no_optim(reel_adam_new(list, defaults), REEL_ERR_ARGUMENT, "adam_new: no parameters");
    {
        REEL_SCOPE;
        reel_state_put(list, "W", reel_t(reel_zeros(reel_shape(2, 3), REEL_F32, test_device())));
        expect_no_optim(reel_adamw_new(list, defaults), REEL_ERR_ARGUMENT, "contiguous: W");
    }
    reel_state_free(list);
    list = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(list, "x", reel_zeros(reel_shape(2), REEL_F32, test_device()));
        reel_state_put(list, "i", reel_zeros(reel_shape(2), REEL_I64, test_device()));
        expect_no_optim(reel_sgd_new(list, (reel_sgd_options){.lr = 1}), REEL_ERR_DTYPE, "i i64");
    }
    reel_state_free(list);
    ck_assert_int_ne(reel_optim_step(NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no optimizer");
}
END_TEST

START_TEST(rate_is_set_and_checked) {
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 0.1});
    ck_assert_int_eq(reel_optim_set_lr(o, 0.5), REEL_OK);
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    const double bad[] = {-1.0, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_int_ne(reel_optim_set_lr(o, bad[i]), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "optim_set_lr: lr");
    }
    ck_assert_double_eq(reel_optim_lr(o), 0.5);
    take_step(&made, o, 1);
    ck_assert_double_eq_tol(element(made.p[0], 0), start(0, 0) - 0.5 * gradient(0, 0, 1), 1e-6);
    ck_assert_double_eq_tol(element(made.p[1], 0), start(1, 0) - 0.5 * gradient(1, 0, 1), 1e-14);
    ck_assert_int_eq(reel_optim_set_lr(o, 0.0), REEL_OK);
    ck_assert(isnan(reel_optim_lr(NULL)));
    ck_assert_int_eq(reel_optim_steps(NULL), 0);
    ck_assert_int_ne(reel_optim_set_lr(NULL, 1.0), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no optimizer");
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* ---- state ---- */

static reel_optim *any_optim(int kind, const reel_state *list) {
    if (kind == 0)
        return reel_sgd_new(list, (reel_sgd_options){.lr = 0.1, .momentum = 0.9, .dampening = 0.1});
    if (kind == 1) return reel_adam_new(list, (reel_adam_options){.lr = 0.1, .weight_decay = 0.01});
    return reel_adamw_new(list, (reel_adam_options){.lr = 0.1});
}

static void run(const params *made, reel_optim *o, int from, int to) {
    for (int t = from; t <= to; t++) {
        if (t == 3) reel_optim_set_lr(o, 0.03);
        take_step(made, o, t);
    }
}

/* Steps 1 to 7 at once, and 1 to 3, a checkpoint, and 4 to 7 with new objects: the same bits. */
START_TEST(resumed_run_has_the_same_bits) {
    params whole = params_new(REEL_F32, REEL_F64), first = params_new(REEL_F32, REEL_F64),
           second = params_new(REEL_F32, REEL_F64);
    reel_optim *o = any_optim(_i, whole.list), *p = any_optim(_i, first.list),
               *q = any_optim(_i, second.list);
    run(&whole, o, 1, STEPS);
    run(&first, p, 1, 3);
    reel_state *s = reel_state_new();
    ck_assert_int_eq(reel_optim_save(p, s, "optim"), REEL_OK);
    for (int k = 0; k < 2; k++) reel_state_put_in(s, "model", k ? "b" : "a", first.p[k]);
    reel_state *file = state_copy(s);
    take_step(&first, p, 9); /* comes after the checkpoint, so it is not in it */

    {
        REEL_NO_GRAD;
        for (int k = 0; k < 2; k++)
            reel_copy_(second.p[k], reel_state_get_in(file, "model", k ? "b" : "a"));
    }
    ck_assert_int_eq(reel_optim_load(q, file, "optim"), REEL_OK);
    ck_assert_double_eq(reel_optim_lr(q), 0.03);
    ck_assert_int_eq(reel_optim_steps(q), 3);
    run(&second, q, 4, STEPS);
    for (int k = 0; k < 2; k++) {
        size_t bytes = N * reel_dtype_size(reel_dtype_of(whole.p[k]));
        double at_once[N], resumed[N], other[N];
        reel_read(whole.p[k], at_once, bytes);
        reel_read(second.p[k], resumed, bytes);
        reel_read(first.p[k], other, bytes);
        expect_fine();
        ck_assert_mem_eq(resumed, at_once, bytes);
        ck_assert_mem_ne(other, at_once, bytes);
    }
    reel_state_free(s);
    reel_state_free(file);
    reel_optim_free(o);
    reel_optim_free(p);
    reel_optim_free(q);
    params_free(&whole);
    params_free(&first);
    params_free(&second);
}
END_TEST

START_TEST(state_has_names) {
    params made = params_new(REEL_F32, REEL_F64);
    reel_optim *o = reel_adam_new(made.list, (reel_adam_options){0});
    reel_state *s = reel_state_new();
    const char *const names[] = {"optim.a.m",    "optim.a.v",    "optim.b.m", "optim.b.v",
                                 "optim.a.step", "optim.b.step", "optim.lr",  "optim.step"};
    ck_assert_int_eq(reel_optim_save(o, s, "optim"), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 8);
    for (int i = 0; i < 8; i++) ck_assert_str_eq(reel_state_name(s, i), names[i]);
    ck_assert_int_eq(reel_dtype_of(reel_state_get(s, "optim.lr")), REEL_F64);
    ck_assert_int_eq(reel_dtype_of(reel_state_get(s, "optim.step")), REEL_I64);
    ck_assert(reel_shape_equal(reel_shape_of(reel_state_get(s, "optim.b.v")), reel_shape(2, 3)));
    ck_assert_int_ne(reel_optim_save(o, s, "optim"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "there already: optim.a.m");
    ck_assert_int_ne(reel_optim_save(o, NULL, "optim"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    ck_assert_int_ne(reel_optim_save(NULL, s, "optim"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no optimizer");
    reel_state_free(s);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

/* The state without `left_out`, and with `instead` under its name unless that is NULL. */
static reel_state *spoiled(const reel_state *s, const char *left_out, reel_tensor *instead) {
    reel_state *made = reel_state_new();
    for (int i = 0; i < reel_state_count(s); i++)
        if (strcmp(reel_state_name(s, i), left_out) != 0)
            reel_state_put(made, reel_state_name(s, i), reel_state_at(s, i));
    if (instead) reel_state_put(made, left_out, instead);
    return made;
}

static void expect_no_load(reel_optim *o, const reel_state *s, const char *left_out,
                           reel_tensor *instead, reel_status code, const char *part) {
    reel_state *file = spoiled(s, left_out, instead);
    ck_assert_int_eq(reel_optim_load(o, file, "optim"), code);
    expect_failure(code, part);
    ck_assert_double_eq(reel_optim_lr(o), 1e-3);
    ck_assert_int_eq(reel_optim_steps(o), 0);
    reel_state_free(file);
}

START_TEST(load_is_all_or_nothing) {
    params made = params_new(REEL_F32, REEL_F64), trained = params_new(REEL_F32, REEL_F64);
    reel_optim *o = reel_adam_new(made.list, (reel_adam_options){0});
    reel_optim *from = reel_adam_new(trained.list, (reel_adam_options){.lr = 0.1});
    take_step(&trained, from, 1);
    reel_state *s = reel_state_new();
    reel_optim_save(from, s, "optim");
    {
        REEL_SCOPE;
        reel_tensor *vector = reel_zeros(reel_shape(N), REEL_F64, reel_cpu());
        expect_no_load(o, s, "optim.b.v", NULL, REEL_ERR_FORMAT,
                       "optim_load: not in the state: optim.b.v");
        expect_no_load(o, s, "optim.step", NULL, REEL_ERR_FORMAT, "optim.step");
        expect_no_load(o, s, "optim.b.step", NULL, REEL_ERR_FORMAT,
                       "optim_load: not in the state: optim.b.step");
        expect_no_load(o, s, "optim.b.v", vector, REEL_ERR_SHAPE,
                       "optim.b.v is [2, 3], in the state [6]");
        expect_no_load(o, s, "optim.a.m", vector, REEL_ERR_DTYPE,
                       "optim.a.m is f32, in the state f64");
        expect_no_load(o, s, "optim.c.m", vector, REEL_ERR_FORMAT, "in the state alone: optim.c.m");
        expect_no_load(o, s, "optim.lr", reel_scalar(NAN, REEL_F64, reel_cpu()), REEL_ERR_FORMAT,
                       "lr nan");
        expect_no_load(o, s, "optim.lr", reel_scalar(-1, REEL_F64, reel_cpu()), REEL_ERR_FORMAT,
                       "lr -1");
        expect_no_load(o, s, "optim.step", reel_scalar(-2, REEL_I64, reel_cpu()), REEL_ERR_FORMAT,
                       "step -2");
    }
    reel_state *mine = reel_state_new();
    reel_optim_save(o, mine, NULL);
    for (int i = 0; i < N; i++) ck_assert_double_eq(element(reel_state_get(mine, "a.m"), i), 0.0);
    ck_assert_int_ne(reel_optim_load(o, NULL, "optim"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    reel_optim *sgd = reel_sgd_new(made.list, (reel_sgd_options){.lr = 1});
    ck_assert_int_ne(reel_optim_load(sgd, s, "optim"), REEL_OK); /* Adam's moments are not SGD's */
    expect_failure(REEL_ERR_FORMAT, "in the state alone");
    reel_optim_free(sgd);
    reel_state_free(mine);
    reel_state_free(s);
    reel_optim_free(o);
    reel_optim_free(from);
    params_free(&made);
    params_free(&trained);
}
END_TEST

/* ---- all together ---- */

int main(void) {
    Suite *s = suite_create("optim");
    TCase *c = add_case(s, "values");
    tcase_add_loop_test(c, sgd_follows_its_formula, 0, SGDS * DTYPES);
    tcase_add_loop_test(c, adam_follows_its_formula, 0, ADAMS * DTYPES);
    tcase_add_loop_test(c, adamw_follows_its_formula, 0, DTYPES);
    tcase_add_test(c, defaults_are_those_of_the_papers);
    tcase_add_test(c, first_steps_by_hand);

    c = add_case(s, "steps");
    tcase_add_loop_test(c, step_skips_what_has_no_gradient, 0, DTYPES);
    tcase_add_loop_test(c, late_gradients_are_the_first, 0, DTYPES);
    tcase_add_test(c, counting_a_step_is_a_change_in_place);
    tcase_add_test(c, step_lets_gradients_go);
    tcase_add_test(c, step_makes_no_tensors);
    tcase_add_test(c, tied_parameter_is_stepped_once);
    tcase_add_test(c, optimizer_outlives_list_and_owner);
    tcase_add_test(c, step_does_nothing_after_a_failure);
    tcase_add_test(c, sgd_refuses);
    tcase_add_test(c, adam_refuses);
    tcase_add_test(c, what_is_no_optimizer_is_refused);
    tcase_add_test(c, lists_are_checked);
    tcase_add_test(c, rate_is_set_and_checked);

    c = add_case(s, "state");
    tcase_add_loop_test(c, resumed_run_has_the_same_bits, 0, 3);
    tcase_add_test(c, state_has_names);
    tcase_add_test(c, load_is_all_or_nothing);
    return run_suite(s);
}
