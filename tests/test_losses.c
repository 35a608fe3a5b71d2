/* Losses against their formulas in plain loops, at corners and far out, and their gradients. */
#include "nn/nn.h"

#include "tests/expect.h"

/* ---- each loss under one signature: in[0] y, in[1] target, in[2] and in[3] what else there is
 * ---- */

typedef struct {
    const char *name;
    reel_tensor *(*loss)(reel_tensor **in, reel_reduction r);
    double (*formula)(double y, double t);
    const double *targets;
    bool target_has_gradient;
} elementwise;

#define LOSS(name, call)                                                                           \
    static reel_tensor *name(reel_tensor **in, reel_reduction r) {                                 \
        return call;                                                                               \
    }
LOSS(l1, reel_l1_loss_with(in[0], in[1], r))
LOSS(huber, reel_huber_loss_with(in[0], in[1], .delta = 0.7, .reduction = r))
LOSS(huber_default, reel_huber_loss_with(in[0], in[1], .reduction = r))
LOSS(smooth_l1, reel_smooth_l1_loss_with(in[0], in[1], .beta = 0.4, .reduction = r))
LOSS(smooth_l1_zero, reel_smooth_l1_loss_with(in[0], in[1], .beta = REEL_ZERO, .reduction = r))
LOSS(hinge, reel_hinge_loss_with(in[0], in[1], .reduction = r))
LOSS(wide_hinge, reel_hinge_loss_with(in[0], in[1], .margin = 2.5, .reduction = r))
LOSS(hinge_zero, reel_hinge_loss_with(in[0], in[1], .margin = REEL_ZERO, .reduction = r))
LOSS(logits, reel_bce_with_logits_loss_with(in[0], in[1], .reduction = r))
LOSS(kl, reel_kl_div_loss_with(in[0], in[1], .reduction = r))
LOSS(kl_log, reel_kl_div_loss_with(in[0], in[1], .reduction = r, .log_target = true))

static double l1_formula(double y, double t) {
    return fabs(y - t);
}
static double huber_formula(double y, double t) {
    const double d = fabs(y - t);
    return d < 0.7 ? 0.5 * d * d : 0.7 * (d - 0.35);
}
static double huber_default_formula(double y, double t) {
    const double d = fabs(y - t);
    return d < 1 ? 0.5 * d * d : d - 0.5;
}
static double smooth_l1_formula(double y, double t) {
    const double d = fabs(y - t);
    return d < 0.4 ? 0.5 * d * d / 0.4 : d - 0.2;
}
static double hinge_formula(double y, double t) {
    return fmax(0, 1 - t * y);
}
static double wide_hinge_formula(double y, double t) {
    return fmax(0, 2.5 - t * y);
}
static double hinge_zero_formula(double y, double t) {
    return fmax(0, -t * y);
}
static double logits_formula(double y, double t) {
    return -(t * log(1 / (1 + exp(-y))) + (1 - t) * log(1 / (1 + exp(y))));
}
static double kl_formula(double y, double t) {
    return t > 0 ? t * (log(t) - y) : 0;
}
static double kl_log_formula(double y, double t) {
    return exp(t) * (t - y);
}

enum { N = 6 };
static const double values[N] = {-2.5, -0.3, 0.25, 0.9, 1.75, 3.0};
static const double any[N] = {-1.0, 0.1, 0.2, 1.8, 1.5, -3.0};
static const double signs[N] = {1, -1, -1, 1, 1, -1};
static const double shares[N] = {0.2, 0.9, 1.0, 0.0, 0.5, 0.7};
static const double positive[N] = {0.2, 0.9, 1.0, 0.1, 0.5, 0.7};
static const double distribution[N] = {0.2, 0.0, 0.3, 0.1, 0.0, 0.4};

static const elementwise losses[] = {
    {"l1", l1, l1_formula, any, true},
    {"huber", huber, huber_formula, any, true},
    {"huber_default", huber_default, huber_default_formula, any, true},
    {"smooth_l1", smooth_l1, smooth_l1_formula, any, true},
    {"smooth_l1 of 0", smooth_l1_zero, l1_formula, any, true},
    {"hinge", hinge, hinge_formula, signs, true},
    {"wide_hinge", wide_hinge, wide_hinge_formula, signs, true},
    {"hinge of 0", hinge_zero, hinge_zero_formula, signs, true},
    {"logits", logits, logits_formula, shares, true},
    {"kl", kl, kl_formula, positive, true},
    {"kl with zeros", kl, kl_formula, distribution, false},
    {"kl_log", kl_log, kl_log_formula, any, true},
};
enum { LOSSES = sizeof losses / sizeof *losses };

START_TEST(losses_follow_their_formulas) {
    const elementwise *e = &losses[_i];
    double each[N], sum = 0;
    for (int i = 0; i < N; i++) {
        each[i] = e->formula(values[i], e->targets[i]);
        sum += each[i];
    }
    REEL_SCOPE;
    reel_tensor *in[] = {f64(reel_shape(2, 3), values), f64(reel_shape(2, 3), e->targets)};
    reel_tensor *none = e->loss(in, REEL_NONE);
    expect_values(none, each, N);
    ck_assert(reel_shape_equal(reel_shape_of(none), reel_shape(2, 3)));
    expect_values(e->loss(in, REEL_SUM), &sum, 1);
    sum /= (double)N;
    expect_values(e->loss(in, REEL_MEAN), &sum, 1);
    ck_assert_int_eq(reel_ndim(e->loss(in, REEL_MEAN)), 0);
    reel_tensor *narrow[] = {reel_cast(in[0], REEL_F32), reel_cast(in[1], REEL_F32)};
    reel_tensor *f32 = e->loss(narrow, REEL_NONE);
    ck_assert_int_eq(reel_dtype_of(f32), REEL_F32);
    for (int i = 0; i < N; i++)
        ck_assert_double_eq_tol(element(f32, i), each[i], 1e-6 * fmax(1, fabs(each[i])));
    reel_tensor *turned[] = {reel_t(in[0]), reel_t(in[1])}; /* strides of any kind */
    ck_assert_double_eq_tol(element(e->loss(turned, REEL_NONE), 1), each[3], 1e-12);
}
END_TEST

typedef struct {
    reel_tensor *(*loss)(reel_tensor **in, reel_reduction r);
    reel_reduction r;
} reduced;

static reel_tensor *loss_of(reel_tensor **in, void *user) {
    const reduced *l = user;
    return l->loss(in, l->r);
}

static void expect_gradients(reel_tensor *(*loss)(reel_tensor **, reel_reduction),
                             reel_tensor **inputs, int count) {
    for (int r = REEL_MEAN; r <= REEL_NONE; r++) {
        reduced l = {loss, (reel_reduction)r};
        reel_gradcheck(loss_of, &l, inputs, count, (reel_gradcheck_options){0});
        expect_fine();
    }
}

START_TEST(losses_have_their_gradients) {
    const elementwise *e = &losses[_i];
    REEL_SCOPE;
    reel_tensor *t = f64(reel_shape(2, 3), e->targets);
    reel_tensor *inputs[] = {reel_track(f64(reel_shape(2, 3), values)),
                             e->target_has_gradient ? reel_track(t) : t};
    expect_gradients(e->loss, inputs, 2);
}
END_TEST

/* d loss / dy of the sum, at y[n] and t[n]. */
static reel_tensor *slope(reel_tensor *(*loss)(reel_tensor **, reel_reduction), int64_t n,
                          const double *y, const double *t) {
    reel_tensor *in[] = {reel_track(f64(reel_shape(n), y)), f64(reel_shape(n), t)};
    reel_backward(loss(in, REEL_SUM));
    return reel_grad(in[0]);
}

START_TEST(corners_are_pytorchs) {
    REEL_SCOPE;
    const double zero[2] = {0, 0}, one[2] = {1, -1};
    expect_values(slope(l1, 2, zero, zero), (double[]){0, 0}, 2);
    expect_values(slope(hinge, 2, one, one), (double[]){0, 0}, 2);
    expect_values(slope(huber_default, 2, zero, zero), (double[]){0, 0}, 2);
    expect_values(slope(huber_default, 2, one, zero), (double[]){1, -1}, 2);
    /* logits of 0, as a layer of zeros gives: s - t */
    expect_values(slope(logits, 2, zero, (double[]){1, 0.25}), (double[]){-0.5, 0.25}, 2);
}
END_TEST

START_TEST(huber_far_out) {
    REEL_SCOPE;
    const double y[6] = {1e200, -1e200, INFINITY, -INFINITY, -1, NAN}, t[6] = {0};
    const double value[5] = {1e200, 1e200, INFINITY, INFINITY, 0.5};
    const double slope[5] = {1, -1, 1, -1, -1};
    reel_tensor *in[] = {reel_track(f64(reel_shape(6), y)), f64(reel_shape(6), t)};
    reel_tensor *z = huber_default(in, REEL_NONE);
    reel_backward(reel_sum(z));
    for (int i = 0; i < 5; i++) {
        ck_assert_double_eq(element(z, i), value[i]);
        ck_assert_double_eq(element(reel_grad(in[0]), i), slope[i]);
    }
    ck_assert(isnan(element(z, 5)));
    ck_assert(isnan(element(reel_grad(in[0]), 5)));
    /* small differences keep their digits */
    reel_tensor *small = f64(REEL_SCALAR, (double[]){1e-150});
    reel_tensor *huber = reel_huber_loss(small, reel_scale(small, 0.0));
    ck_assert_double_eq_tol(element(huber, 0), 5e-301, 1e-313);
}
END_TEST

/* ---- logits ---- */

START_TEST(logits_far_out) {
    REEL_SCOPE;
    const double x[6] = {80, -80, 80, -80, 20, -20}, t[6] = {1, 0, 0, 1, 1, 0};
    const double z[6] = {exp(-80), exp(-80), 80, 80, log1p(exp(-20)), log1p(exp(-20))};
    const double g[6] = {-exp(-80), exp(-80), 1, -1, -1 / (1 + exp(20)), 1 / (1 + exp(20))};
    for (int wide = 0; wide < 2; wide++) {
        const reel_dtype dtype = wide ? REEL_F64 : REEL_F32;
        reel_tensor *y = reel_track(reel_cast(f64(reel_shape(6), x), dtype));
        reel_tensor *target = reel_cast(f64(reel_shape(6), t), dtype);
        reel_tensor *loss = reel_bce_with_logits_loss_with(y, target, .reduction = REEL_NONE);
        reel_backward(reel_sum(loss));
        const double relative = wide ? 1e-13 : 1e-6;
        for (int i = 0; i < 6; i++) {
            ck_assert_double_eq_tol(element(loss, i), z[i], relative * z[i]);
            ck_assert_double_eq_tol(element(reel_grad(y), i), g[i], relative * fabs(g[i]));
        }
    }
}
END_TEST

static reel_tensor *weighted_logits(reel_tensor **in, reel_reduction r) {
    return reel_bce_with_logits_loss_with(in[0], in[1], .weight = in[2], .pos_weight = in[3],
                                          .reduction = r);
}

START_TEST(logits_are_weighted) {
    const double weight[2] = {0.5, 2}, pos_weight[3] = {3, 1, 0.25};
    double each[N], sum = 0;
    for (int i = 0; i < N; i++) {
        const double s = 1 / (1 + exp(-values[i]));
        each[i] = -weight[i / 3] *
                  (pos_weight[i % 3] * shares[i] * log(s) + (1 - shares[i]) * log(1 - s));
        sum += each[i];
    }
    REEL_SCOPE;
    reel_tensor *in[] = {reel_track(f64(reel_shape(2, 3), values)),
                         reel_track(f64(reel_shape(2, 3), shares)), f64(reel_shape(2, 1), weight),
                         f64(reel_shape(3), pos_weight)};
    expect_values(weighted_logits(in, REEL_NONE), each, N);
    sum /= (double)N;
    expect_values(weighted_logits(in, REEL_MEAN), &sum, 1);
    expect_gradients(weighted_logits, in, 4);
    reel_tensor *big = reel_ones(reel_shape(4, 2, 3), REEL_F64, test_device());
    ck_assert_ptr_null(reel_bce_with_logits_loss_with(in[0], in[1], .weight = big));
    expect_failure(REEL_ERR_SHAPE, "bce_with_logits_loss: a weight does not broadcast");
    ck_assert_ptr_null(reel_bce_with_logits_loss_with(in[0], in[1], .pos_weight = big));
    expect_failure(REEL_ERR_SHAPE, "bce_with_logits_loss: a weight does not broadcast");
}
END_TEST

/* ---- negative log-likelihood ---- */

static reel_tensor *classes(int64_t n, const int64_t *list) {
    return to_device(reel_from(list, reel_shape(n), REEL_I64));
}

static reel_tensor *nll(reel_tensor **in, reel_reduction r) {
    return reel_nll_loss_with(in[0], in[1], .weight = in[2], .reduction = r);
}

START_TEST(nll_picks_its_class) {
    const double x[12] = {-1, -2, -3, -0.5, -1.5, -2.5, -4, -0.1, -0.7, -0.3, -0.9, -6};
    const int64_t target[4] = {2, 0, 0, 1};
    REEL_SCOPE;
    reel_tensor *in[] = {reel_track(f64(reel_shape(4, 3), x)), classes(4, target), NULL};
    expect_values(nll(in, REEL_NONE), (double[]){3, 0.5, 4, 0.9}, 4);
    expect_values(nll(in, REEL_SUM), (double[]){8.4}, 1);
    expect_values(reel_nll_loss(in[0], in[1]), (double[]){2.1}, 1);
    expect_gradients(nll, in, 2);
    in[2] = f64(reel_shape(3), (double[]){0.5, 2, 3});
    expect_values(nll(in, REEL_NONE), (double[]){9, 0.25, 2, 1.8}, 4);
    expect_values(nll(in, REEL_SUM), (double[]){13.05}, 1);
    expect_values(nll(in, REEL_MEAN), (double[]){13.05 / (3 + 0.5 + 0.5 + 2)}, 1);
    expect_gradients(nll, in, 3);
}
END_TEST

START_TEST(nll_refuses) {
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(2, 3), REEL_F64, test_device());
    reel_tensor *target = classes(2, (int64_t[]){0, 2});
    ck_assert_ptr_null(reel_nll_loss(NULL, target));
    expect_failure(REEL_ERR_ARGUMENT, "nll_loss: x is NULL");
    ck_assert_ptr_null(reel_nll_loss(x, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "nll_loss: target is NULL");
    ck_assert_ptr_null(reel_nll_loss(x, classes(3, (int64_t[]){0, 1, 2})));
    expect_failure(REEL_ERR_SHAPE,
                   "nll_loss: the target's shape is not the first's without axis 1");
    ck_assert_ptr_null(reel_nll_loss(reel_select(x, 0, 0), target));
    expect_failure(REEL_ERR_SHAPE, "x[3], target[2]");
    ck_assert_ptr_null(reel_nll_loss_with(x, target, .weight = reel_select(x, 1, 0)));
    expect_failure(REEL_ERR_SHAPE,
                   "nll_loss: weight needs one axis of 3 classes: x[2, 3], target[2], weight[2]");
    ck_assert_ptr_null(reel_nll_loss_with(x, target, .reduction = (reel_reduction)7));
    expect_failure(REEL_ERR_ARGUMENT, "nll_loss: no such reduction: 7");
    ck_assert_ptr_null(reel_nll_loss(x, reel_zeros(reel_shape(2), REEL_F64, test_device())));
    ck_assert_int_eq(reel_error_status(), REEL_ERR_DTYPE);
    reel_clear_error();
    if (test_device().type == REEL_CPU) { /* elsewhere it is known later */
        ck_assert_ptr_null(reel_nll_loss(x, classes(2, (int64_t[]){0, 3})));
        ck_assert(reel_failed());
        reel_clear_error();
    }
}
END_TEST

/* ---- cosine ---- */

static reel_tensor *cosine(reel_tensor **in, reel_reduction r) {
    return reel_cosine_embedding_loss_with(in[0], in[1], in[2], .margin = 0.25, .reduction = r);
}

START_TEST(cosine_compares_directions) {
    const double x[8] = {1, 2, -1, 0.5, 3, 1, 2, -2}, y[8] = {2, 1, 1, 3, 3, 1, 1, 1};
    const double target[4] = {1, -1, -1, 1};
    double each[4], sum = 0;
    for (int b = 0; b < 4; b++) {
        const double *p = x + 2 * b, *q = y + 2 * b;
        const double c = (p[0] * q[0] + p[1] * q[1]) / sqrt((p[0] * p[0] + p[1] * p[1] + 1e-12) *
                                                            (q[0] * q[0] + q[1] * q[1] + 1e-12));
        each[b] = target[b] > 0 ? 1 - c : fmax(0, c - 0.25);
        sum += each[b];
    }
    ck_assert_double_gt(each[2], 0.7); /* both branches of the maximum are there */
    ck_assert_double_eq(each[1], 0);
    REEL_SCOPE;
    reel_tensor *in[] = {reel_track(f64(reel_shape(4, 2), x)), reel_track(f64(reel_shape(4, 2), y)),
                         f64(reel_shape(4), target)};
    expect_values(cosine(in, REEL_NONE), each, 4);
    expect_values(cosine(in, REEL_SUM), &sum, 1);
    sum /= 4;
    expect_values(cosine(in, REEL_MEAN), &sum, 1);
    expect_gradients(cosine, in, 3);
    reel_tensor *none = reel_track(reel_zeros(reel_shape(4, 2), REEL_F32, test_device()));
    reel_backward(reel_cosine_embedding_loss(none, reel_cast(reel_detach(in[1]), REEL_F32),
                                             reel_cast(in[2], REEL_F32)));
    expect_fine();
    for (int i = 0; i < 8; i++) ck_assert(isfinite(element(reel_grad(none), i)));
}
END_TEST

START_TEST(probabilities_are_between_0_and_1) {
    static const struct {
        double p;
        const char *says; /* NULL: none */
    } row[] = {{5, "bce_loss: a probability is outside 0..1: 5: p[2], t[2]"},
               {-0.1, "bce_loss: a probability is outside 0..1: -0.1: p[2], t[2]"},
               {NAN, "bce_loss: a probability is outside 0..1: nan: p[2], t[2]"},
               {0, NULL},
               {1, NULL}};
    REEL_SCOPE;
    reel_tensor *t = reel_from(((double[]){0.3, 0.3}), reel_shape(2), REEL_F64);
    for (size_t k = 0; k < sizeof row / sizeof *row; k++)
        for (int r = REEL_MEAN; r <= REEL_NONE; r++) {
            reel_tensor *p = reel_from(((double[]){0.5, row[k].p}), reel_shape(2), REEL_F64);
            reel_tensor *loss = reel_bce_loss_with(p, t, (reel_reduction)r);
            ck_assert((loss == NULL) == (row[k].says != NULL));
            if (row[k].says) expect_failure(REEL_ERR_ARGUMENT, row[k].says);
        }
    reel_tensor *p = reel_from(((double[]){0.5, 0.5}), reel_shape(2), REEL_F64);
    reel_tensor *none = reel_from(((double[]){0.3, NAN}), reel_shape(2), REEL_F64);
    ck_assert(isnan(reel_item(reel_bce_loss(p, none)))); /* the target's own affair */
}
END_TEST

START_TEST(cosine_refuses) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2, 3), REEL_F64, test_device());
    reel_tensor *t = reel_ones(reel_shape(2), REEL_F64, test_device());
    ck_assert_ptr_null(reel_cosine_embedding_loss(x, reel_t(x), t));
    expect_failure(REEL_ERR_SHAPE, "cosine_embedding_loss: shapes of the first two differ");
    ck_assert_ptr_null(reel_cosine_embedding_loss(x, x, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "cosine_embedding_loss: target is NULL");
    ck_assert_ptr_null(reel_cosine_embedding_loss(x, x, x));
    expect_failure(REEL_ERR_SHAPE,
                   "wants x[B, D], y[B, D] and target[B]: x[2, 3], x[2, 3], x[2, 3]");
    ck_assert_ptr_null(reel_cosine_embedding_loss(t, t, t));
    expect_failure(REEL_ERR_SHAPE, "wants x[B, D]");
    ck_assert_ptr_null(reel_cosine_embedding_loss_with(x, x, t, .margin = 1.5));
    expect_failure(REEL_ERR_ARGUMENT, "margin must lie in [-1, 1], not 1.5");
    ck_assert_ptr_null(reel_cosine_embedding_loss(x, x, reel_cast(t, REEL_F32)));
    expect_failure(REEL_ERR_DTYPE, "cosine_embedding_loss: dtypes differ");
}
END_TEST

/* ---- the rest ---- */

START_TEST(kl_takes_zeros_and_not_less) {
    REEL_SCOPE;
    const double x[3] = {-1, -2, -3}, t[3] = {0, 1, -0.5};
    reel_tensor *z =
        reel_kl_div_loss_with(f64(reel_shape(3), x), f64(reel_shape(3), t), .reduction = REEL_NONE);
    ck_assert_double_eq(element(z, 0), 0);
    ck_assert_double_eq(element(z, 1), 2);
    ck_assert(isnan(element(z, 2)));
    reel_tensor *zero = reel_track(f64(reel_shape(1), t));
    reel_backward(reel_kl_div_loss(f64(reel_shape(1), x), zero));
    ck_assert(element(reel_grad(zero), 0) == -INFINITY);
}
END_TEST

START_TEST(losses_refuse) {
    const elementwise *e = &losses[_i];
    REEL_SCOPE;
    reel_tensor *y = reel_zeros(reel_shape(2, 3), REEL_F32, test_device());
    reel_tensor *row = reel_zeros(reel_shape(1, 3), REEL_F32, test_device());
    reel_tensor *pixels = reel_zeros(reel_shape(2, 3), REEL_U8, test_device());
    ck_assert_ptr_null(e->loss((reel_tensor *[]){y, row}, REEL_MEAN));
    expect_failure(REEL_ERR_SHAPE, "_loss: shapes differ: ");
    ck_assert_ptr_null(e->loss((reel_tensor *[]){NULL, y}, REEL_MEAN));
    expect_failure(REEL_ERR_ARGUMENT, " is NULL: ");
    ck_assert_ptr_null(e->loss((reel_tensor *[]){y, NULL}, REEL_MEAN));
    expect_failure(REEL_ERR_ARGUMENT, "_loss: target is NULL: ");
    ck_assert_ptr_null(e->loss((reel_tensor *[]){y, y}, (reel_reduction)9));
    expect_failure(REEL_ERR_ARGUMENT, "no such reduction: 9");
    ck_assert_ptr_null(e->loss((reel_tensor *[]){y, pixels}, REEL_MEAN));
    expect_failure(REEL_ERR_DTYPE, "_loss: dtypes differ: ");
    ck_assert_ptr_null(e->loss((reel_tensor *[]){pixels, pixels}, REEL_MEAN));
    expect_failure(REEL_ERR_DTYPE, "_loss: takes f32 or f64: ");
    reel_tensor *none = reel_zeros(reel_shape(0, 3), REEL_F32, test_device());
    ck_assert(isnan(reel_item(e->loss((reel_tensor *[]){none, none}, REEL_MEAN))));
    ck_assert_double_eq(reel_item(e->loss((reel_tensor *[]){none, none}, REEL_SUM)), 0);
}
END_TEST

START_TEST(widths_are_checked) {
    REEL_SCOPE;
    reel_tensor *y = reel_zeros(reel_shape(2), REEL_F32, test_device());
    const double bad[] = {-1, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(reel_huber_loss_with(y, y, .delta = bad[i]));
        expect_failure(REEL_ERR_ARGUMENT, "huber_loss: delta must be positive and finite");
        ck_assert_ptr_null(reel_smooth_l1_loss_with(y, y, .beta = bad[i]));
        expect_failure(REEL_ERR_ARGUMENT, "smooth_l1_loss: beta");
        ck_assert_ptr_null(reel_hinge_loss_with(y, y, .margin = bad[i]));
        expect_failure(REEL_ERR_ARGUMENT, "hinge_loss: margin");
    }
    ck_assert_ptr_null(reel_huber_loss_with(y, y, .delta = REEL_ZERO));
    expect_failure(REEL_ERR_ARGUMENT, "huber_loss: delta must be positive and finite, not 0");
}
END_TEST

/* Where 0 is the default, and by its name. */
START_TEST(zero_by_name) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(3, 2), values);
    const int64_t classes_of[3] = {0, 1, 1};
    reel_tensor *t = to_device(reel_from(classes_of, reel_shape(3), REEL_I64));
    reel_tensor *sign = f64(reel_shape(3), signs);
    ck_assert_double_eq(
        reel_item(reel_cosine_embedding_loss(x, x, sign)),
        reel_item(reel_cosine_embedding_loss_with(x, x, sign, .margin = REEL_ZERO)));
    ck_assert_double_eq(
        reel_item(reel_cross_entropy_loss(x, t)),
        reel_item(reel_cross_entropy_loss_with(x, t, .label_smoothing = REEL_ZERO)));
    expect_fine();
}
END_TEST

START_TEST(losses_leave_their_result_alone) {
    const elementwise *e = &losses[_i];
    REEL_SCOPE;
    reel_tensor *in[] = {f64(reel_shape(2, 3), values), f64(reel_shape(2, 3), e->targets)};
    for (int r = REEL_MEAN; r <= REEL_NONE; r++) {
        const size_t before = reel_tensors_alive();
        ck_assert_ptr_nonnull(e->loss(in, (reel_reduction)r));
        ck_assert_uint_le(reel_tensors_alive(), before + 1);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("losses");
    TCase *c = add_case(s, "element by element");
    tcase_add_loop_test(c, losses_follow_their_formulas, 0, LOSSES);
    tcase_add_loop_test(c, losses_have_their_gradients, 0, LOSSES);
    tcase_add_loop_test(c, losses_refuse, 0, LOSSES);
    tcase_add_loop_test(c, losses_leave_their_result_alone, 0, LOSSES);
    tcase_add_test(c, corners_are_pytorchs);
    tcase_add_test(c, huber_far_out);
    tcase_add_test(c, widths_are_checked);
    tcase_add_test(c, zero_by_name);
    tcase_add_test(c, kl_takes_zeros_and_not_less);

    c = add_case(s, "of classes and pairs");
    tcase_add_test(c, logits_far_out);
    tcase_add_test(c, logits_are_weighted);
    tcase_add_test(c, nll_picks_its_class);
    tcase_add_test(c, nll_refuses);
    tcase_add_test(c, cosine_compares_directions);
    tcase_add_test(c, cosine_refuses);
    tcase_add_test(c, probabilities_are_between_0_and_1);
    return run_suite(s);
}
