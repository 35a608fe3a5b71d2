/* Initialisers on the host, gains, and dropout: what is drawn, and what is kept of it. */
#include "nn/nn.h"

#include "tests/expect.h"

#include <stdlib.h>

/* All elements as f64; free them. */
static double *elements(reel_tensor *t) {
    expect_fine();
    double *v = malloc((size_t)reel_numel(t) * sizeof *v + 1);
    ck_assert_ptr_nonnull(v);
    {
        REEL_NO_GRAD;
        REEL_SCOPE;
        reel_read(reel_cast(t, REEL_F64), v, (size_t)reel_numel(t) * sizeof *v);
    }
    expect_fine();
    return v;
}

/* ---- orthogonal ---- */

static const struct {
    int64_t rows, columns;
} matrices[] = {{5, 5}, {7, 3}, {3, 7}, {1, 6}, {6, 1}, {1, 1}, {60, 41}, {41, 60}, {150, 150}};
enum { MATRICES = sizeof matrices / sizeof *matrices };

/* Q Q^T or Q^T Q is gain^2 I, whichever is the smaller. */
static void expect_orthogonal(const double *q, int64_t rows, int64_t columns, double gain,
                              double tolerance) {
    const bool wide = rows <= columns;
    const int64_t count = wide ? rows : columns, length = wide ? columns : rows;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < count; j++) {
            double sum = 0;
            for (int64_t k = 0; k < length; k++)
                sum += wide ? q[i * columns + k] * q[j * columns + k]
                            : q[k * columns + i] * q[k * columns + j];
            ck_assert_double_eq_tol(sum, i == j ? gain * gain : 0, tolerance);
        }
}

START_TEST(orthogonal_is) {
    const int64_t rows = matrices[_i].rows, columns = matrices[_i].columns;
    reel_generator *g = reel_generator_new(11, test_device());
    for (int wide = 0; wide < 2; wide++) {
        REEL_SCOPE;
        reel_tensor *t = reel_track(
            reel_zeros(reel_shape(rows, columns), wide ? REEL_F64 : REEL_F32, test_device()));
        ck_assert_ptr_eq(reel_orthogonal_(t, g, 1.5), t);
        double *q = elements(t);
        expect_orthogonal(q, rows, columns, 1.5, wide ? 1e-14 : 2e-6);
        free(q);
        ck_assert(reel_is_tracked(t));
    }
    reel_generator_free(g);
}
END_TEST

/* The same matrix by Householder's reflections, with R's diagonal made positive. */
static void householder(double *a, int64_t m, int64_t n, double *q) {
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < m; j++) q[i * m + j] = i == j;
    for (int64_t k = 0; k < n; k++) {
        double v[16] = {0}, square = 0, norm = 0;
        for (int64_t i = k; i < m; i++) norm += a[i * n + k] * a[i * n + k];
        norm = sqrt(norm);
        for (int64_t i = k; i < m; i++) v[i] = a[i * n + k];
        v[k] += v[k] > 0 ? norm : -norm;
        for (int64_t i = k; i < m; i++) square += v[i] * v[i];
        for (int64_t j = 0; j < n; j++) {
            double d = 0;
            for (int64_t i = k; i < m; i++) d += v[i] * a[i * n + j];
            for (int64_t i = k; i < m; i++) a[i * n + j] -= 2 * d / square * v[i];
        }
        for (int64_t r = 0; r < m; r++) {
            double d = 0;
            for (int64_t i = k; i < m; i++) d += q[r * m + i] * v[i];
            for (int64_t i = k; i < m; i++) q[r * m + i] -= 2 * d / square * v[i];
        }
    }
}

START_TEST(orthogonal_is_the_q_of_the_normal_draw) {
    enum { M = 6, K = 4 };
    reel_generator *g = reel_generator_new(5, test_device());
    reel_generator *same = reel_generator_new(5, test_device());
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(M, K), REEL_F64, test_device());
        reel_orthogonal_(t, g, 1.0);
        double *got = elements(t), *z = elements(reel_randn(reel_shape(M * K), REEL_F64, same));
        double a[M * K], q[M * M];
        for (int i = 0; i < M; i++) /* a tall matrix's columns are drawn one after the other */
            for (int j = 0; j < K; j++) a[i * K + j] = z[j * M + i];
        householder(a, M, K, q);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < K; j++)
                ck_assert_double_eq_tol(got[i * K + j], q[i * M + j] * (a[j * K + j] < 0 ? -1 : 1),
                                        1e-13);
        free(got);
        free(z);
    }
    reel_generator_free(g);
    reel_generator_free(same);
}
END_TEST

START_TEST(orthogonal_takes_more_axes_and_views) {
    reel_generator *g = reel_generator_new(11, test_device());
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(4, 3, 2), REEL_F64, test_device());
        reel_orthogonal_(t, g, 1.0);
        double *q = elements(t);
        expect_orthogonal(q, 4, 6, 1.0, 1e-13);
        free(q);
        reel_tensor *turned = reel_t(reel_zeros(reel_shape(3, 5), REEL_F64, test_device()));
        reel_orthogonal_(turned, g, 1.0);
        q = elements(turned);
        expect_orthogonal(q, 5, 3, 1.0, 1e-13);
        free(q);
        reel_tensor *none = reel_zeros(reel_shape(0, 4), REEL_F32, test_device());
        ck_assert_ptr_eq(reel_orthogonal_(none, g, 1.0), none);
    }
    reel_generator_free(g);
}
END_TEST

/* ---- truncated normal ---- */

static double phi(double z) { /* the normal distribution function */
    return 0.5 * erfc(-z / sqrt(2));
}

static const struct {
    double mean, std, low, high;
} cuts[] = {
    {0, 1, -2, 2},         {1, 0.5, 0, 1.25}, {0, 1, 1, 3},        {0, 1, -3, -1},
    {0, 1, 6, 7},          {0, 1, -40, -12},  {2, 3, -1000, 1000}, {0, 1, 0, INFINITY},
    {0, 1, -INFINITY, -1}, {5, 1, -1, 1},
};
enum { CUTS = sizeof cuts / sizeof *cuts, DRAWN = 20000 };

static int ascending(const void *x, const void *y) {
    const double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Kolmogorov and Smirnov: the largest distance of the distribution functions, against its 1e-4
 * quantile, 2.2 / sqrt(n). */
START_TEST(truncated_normal_has_its_distribution) {
    const double mean = cuts[_i].mean, std = cuts[_i].std, low = cuts[_i].low, high = cuts[_i].high;
    const double a = (low - mean) / std, b = (high - mean) / std;
    const bool turn = a > 0; /* phi keeps its digits below 0 */
    const double from = turn ? phi(-b) : phi(a), to = turn ? phi(-a) : phi(b);
    reel_generator *g = reel_generator_new(17, test_device());
    {
        REEL_SCOPE;
        reel_tensor *t = reel_track(reel_zeros(reel_shape(DRAWN / 4, 4), REEL_F64, test_device()));
        ck_assert_ptr_eq(reel_trunc_normal_(t, g, mean, std, low, high), t);
        double *v = elements(t), worst = 0;
        for (int i = 0; i < DRAWN; i++) {
            ck_assert(v[i] >= low && v[i] <= high);
            if (turn) v[i] = 2 * mean - v[i];
        }
        qsort(v, DRAWN, sizeof *v, ascending);
        for (int i = 0; i < DRAWN; i++) {
            const double f = (phi((v[i] - mean) / std) - from) / (to - from);
            const double over = f - i / (double)DRAWN, under = (i + 1) / (double)DRAWN - f;
            if (over > worst) worst = over;
            if (under > worst) worst = under;
        }
        ck_assert_double_lt(worst, 2.2 / sqrt(DRAWN));
        free(v);
    }
    reel_generator_free(g);
}
END_TEST

/* The inverse is exact: phi of what is drawn is the uniform number that it was drawn from. */
START_TEST(truncated_normal_inverts_the_distribution) {
    reel_generator *g = reel_generator_new(19, test_device());
    reel_generator *same = reel_generator_new(19, test_device());
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(2000), REEL_F64, test_device());
        double *v = elements(reel_trunc_normal_(t, g, 0, 1, -INFINITY, INFINITY));
        double *u = elements(reel_rand(reel_shape(2000), REEL_F64, same));
        for (int i = 0; i < 2000; i++)
            ck_assert_double_eq_tol(phi(-v[i]), u[i], 4e-16 + 1e-14 * u[i]);
        free(u);
        free(v);
    }
    reel_generator_free(g);
    reel_generator_free(same);
}
END_TEST

/* With one thread and with three, in f32 as in f64. */
START_TEST(draws_do_not_depend_on_threads) {
    const int threads = reel_threads();
    for (int which = 0; which < 2; which++) {
        REEL_SCOPE;
        reel_tensor *drawn[3];
        for (int k = 0; k < 3; k++) {
            reel_generator *g = reel_generator_new(23, test_device());
            reel_set_threads(k == 1 ? 3 : 1);
            drawn[k] =
                reel_zeros(reel_shape(200, 150), k == 2 ? REEL_F32 : REEL_F64, test_device());
            if (which)
                reel_trunc_normal_(drawn[k], g, 0, 1, -2, 2);
            else
                reel_orthogonal_(drawn[k], g, 1);
            reel_generator_free(g);
        }
        double *a = elements(drawn[0]), *b = elements(drawn[1]), *c = elements(drawn[2]);
        ck_assert_mem_eq(a, b, 30000 * sizeof *a);
        for (int i = 0; i < 30000; i++) ck_assert_double_eq((double)(float)a[i], c[i]);
        free(a);
        free(b);
        free(c);
    }
    reel_set_threads(threads);
}
END_TEST

START_TEST(initialisers_refuse) {
    reel_generator *g = reel_generator_new(3, test_device());
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(2, 3), REEL_F32, test_device());
        reel_tensor *v = reel_zeros(reel_shape(3), REEL_F32, test_device());
        reel_tensor *i = reel_zeros(reel_shape(2, 2), REEL_I64, test_device());
        ck_assert_ptr_null(reel_orthogonal_(NULL, g, 1));
        expect_failure(REEL_ERR_ARGUMENT, "orthogonal_: no tensor");
        ck_assert_ptr_null(reel_orthogonal_(v, g, 1));
        expect_failure(REEL_ERR_SHAPE, "orthogonal_: needs 2 axes");
        ck_assert_ptr_null(reel_orthogonal_(i, g, 1));
        expect_failure(REEL_ERR_DTYPE, "orthogonal_: takes f32 or f64");
        ck_assert_ptr_null(reel_orthogonal_(t, NULL, 1));
        expect_failure(REEL_ERR_ARGUMENT, "generator");
        const double gains[] = {0.0, -1.0, NAN, INFINITY};
        for (size_t k = 0; k < sizeof gains / sizeof *gains; k++) {
            ck_assert_ptr_null(reel_orthogonal_(t, g, gains[k]));
            expect_failure(REEL_ERR_ARGUMENT, "orthogonal_: gain");
            ck_assert_ptr_null(reel_trunc_normal_(t, g, 0, gains[k], -1, 1));
            expect_failure(REEL_ERR_ARGUMENT, "trunc_normal_: mean must be finite, std positive");
        }
        ck_assert_ptr_null(reel_trunc_normal_(NULL, g, 0, 1, -2, 2));
        expect_failure(REEL_ERR_ARGUMENT, "trunc_normal_: no tensor");
        ck_assert_ptr_null(reel_trunc_normal_(i, g, 0, 1, -2, 2));
        expect_failure(REEL_ERR_DTYPE, "trunc_normal_: takes f32 or f64");
        ck_assert_ptr_null(reel_trunc_normal_(t, g, NAN, 1, -2, 2));
        expect_failure(REEL_ERR_ARGUMENT, "mean must be finite");
        ck_assert_ptr_null(reel_trunc_normal_(t, g, 0, 1, 2, 2));
        expect_failure(REEL_ERR_ARGUMENT, "trunc_normal_: not an interval: [2, 2]");
        ck_assert_ptr_null(reel_trunc_normal_(t, g, 0, 1, NAN, 2));
        expect_failure(REEL_ERR_ARGUMENT, "not an interval");
        for (int k = 0; k < 6; k++) ck_assert_double_eq(element(t, k), 0.0);
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(gains_are_pytorchs) {
    ck_assert_double_eq(reel_gain(REEL_GAIN_LINEAR, 0), 1);
    ck_assert_double_eq(reel_gain(REEL_GAIN_SIGMOID, 9), 1);
    ck_assert_double_eq_tol(reel_gain(REEL_GAIN_TANH, 0), 1.6666666666666667, 1e-16);
    ck_assert_double_eq_tol(reel_gain(REEL_GAIN_RELU, 0), 1.4142135623730951, 1e-16);
    ck_assert_double_eq_tol(reel_gain(REEL_GAIN_LEAKY_RELU, 0.01), 1.4141428569978354, 1e-15);
    ck_assert_double_eq_tol(reel_gain(REEL_GAIN_LEAKY_RELU, -1), 1, 1e-16);
    ck_assert_double_eq(reel_gain(REEL_GAIN_SELU, 0), 0.75);
    ck_assert(isnan(reel_gain((reel_nonlinearity)17, 0)));
    expect_failure(REEL_ERR_ARGUMENT, "gain: no such nonlinearity: 17");
}
END_TEST

/* ---- dropout ---- */

static reel_module *dropout(double p, uint64_t seed) {
    reel_module *m = reel_dropout_new(p, seed);
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    return m;
}

START_TEST(dropout_keeps_a_share_and_scales_it) {
    enum { COUNT = 100000 };
    const double p = 0.1 + 0.4 * _i;
    reel_module *m = dropout(p, 1);
    for (int wide = 0; wide < 2; wide++) {
        REEL_SCOPE;
        reel_tensor *x =
            reel_full(reel_shape(COUNT / 10, 10), 3.0, wide ? REEL_F64 : REEL_F32, test_device());
        double *y = elements(reel_forward(m, x));
        int kept = 0;
        for (int i = 0; i < COUNT; i++) {
            if (y[i] == 0.0) continue;
            ck_assert_double_eq_tol(y[i], 3.0 / (1 - p), 1e-5);
            kept++;
        }
        ck_assert_double_eq_tol(kept, (double)COUNT * (1 - p),
                                4 * sqrt((double)COUNT * p * (1 - p)));
        free(y);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(dropout_is_the_identity_in_evaluation) {
    reel_module *m = dropout(0.5, 1), *none = dropout(0.0, 1);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(4, 3), REEL_F32, test_device());
        ck_assert_ptr_eq(reel_forward(none, x), x);
        reel_eval(m);
        ck_assert_ptr_eq(reel_forward(m, x), x);
        ck_assert_double_eq(element(reel_module_get(m, "generator"), 1), 0.0); /* nothing drawn */
        reel_train(m);
        ck_assert_ptr_ne(reel_forward(m, x), x);
        ck_assert_double_gt(element(reel_module_get(m, "generator"), 1), 0.0);
    }
    ck_assert_int_eq(reel_module_param_count(m), 0);
    reel_module_free(m);
    reel_module_free(none);
}
END_TEST

/* Draws of the generator alone decide: kept where u > p. */
START_TEST(dropout_draws_from_its_seed) {
    reel_module *m = dropout(0.3, 77);
    reel_generator *g = reel_generator_new(77, test_device());
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(1000), REEL_F32, test_device());
        for (int pass = 0; pass < 2; pass++) { /* each a mask of its own */
            double *y = elements(reel_forward(m, x));
            double *u = elements(reel_rand(reel_shape(1000), REEL_F32, g));
            for (int i = 0; i < 1000; i++) ck_assert_int_eq(y[i] != 0.0, u[i] > 0.3);
            free(y);
            free(u);
        }
    }
    reel_generator_free(g);
    reel_module_free(m);
}
END_TEST

START_TEST(dropout_resumes) {
    reel_module *m = dropout(0.5, 3), *other = dropout(0.5, 4);
    reel_state *s = reel_state_new(), *copy = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(50), REEL_F32, test_device());
        reel_forward(m, x);
        ck_assert_int_eq(reel_module_save(m, s, "drop"), REEL_OK);
        ck_assert_int_eq(reel_state_count(s), 0); /* no weight */
        ck_assert_ptr_nonnull(reel_state_text(s, "drop.generator"));
        if (_i) { /* as older checkpoints have it */
            reel_tensor *state = reel_empty(reel_shape(2), REEL_I64, reel_cpu());
            reel_copy_(state, reel_module_get(m, "generator"));
            reel_state_put(copy, "drop.generator", state);
        } else
            reel_state_put_text(copy, "drop.generator", reel_state_text(s, "drop.generator"));
        double *first = elements(reel_forward(m, x));
        ck_assert_int_eq(reel_module_load(other, copy, "drop"), REEL_OK);
        double *again = elements(reel_forward(other, x)), *next = elements(reel_forward(m, x));
        ck_assert_mem_eq(first, again, 50 * sizeof *first);
        ck_assert_mem_ne(first, next, 50 * sizeof *first);
        free(first);
        free(again);
        free(next);
    }
    reel_state_free(s);
    reel_state_free(copy);
    reel_module_free(m);
    reel_module_free(other);
}
END_TEST

START_TEST(dropout_passes_gradients_where_it_keeps) {
    reel_module *m = dropout(0.5, 9);
    {
        REEL_SCOPE;
        double v[40];
        for (int i = 0; i < 40; i++) v[i] = i % 7 == 0 ? NAN : 0.1 * i; /* NaN is dropped too */
        reel_tensor *x = reel_track(f64(reel_shape(4, 10), v));
        reel_tensor *y = reel_forward(m, reel_t(x)); /* strides of any kind */
        reel_backward(reel_sum(y));
        expect_fine();
        for (int i = 0; i < 40; i++) {
            const double kept = element(reel_t(y), i), g = element(reel_grad(x), i);
            ck_assert(kept == 0.0 ? g == 0.0 || v[i] == 0.0 : g == 2.0);
        }
    }
    reel_module_free(m);
}
END_TEST

START_TEST(dropout_refuses) {
    const double bad[] = {-0.1, 1.5, NAN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ck_assert_ptr_null(reel_dropout_new(bad[i], 1));
        expect_failure(REEL_ERR_ARGUMENT, "dropout_new: p must lie in [0, 1]");
    }
    reel_module *m = dropout(0.5, 1);
    {
        REEL_SCOPE;
        ck_assert_ptr_null(reel_forward(m, reel_ones(reel_shape(3), REEL_I64, test_device())));
        expect_failure(REEL_ERR_DTYPE, "dropout: takes floats");
        reel_tensor *none = reel_forward(m, reel_ones(reel_shape(0, 3), REEL_F32, test_device()));
        ck_assert_int_eq(reel_dim(none, 1), 3);
    }
    reel_module_free(m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("init");
    TCase *c = add_case(s, "initialisers");
    tcase_add_loop_test(c, orthogonal_is, 0, MATRICES);
    tcase_add_test(c, orthogonal_is_the_q_of_the_normal_draw);
    tcase_add_test(c, orthogonal_takes_more_axes_and_views);
    tcase_add_loop_test(c, truncated_normal_has_its_distribution, 0, CUTS);
    tcase_add_test(c, truncated_normal_inverts_the_distribution);
    tcase_add_test(c, draws_do_not_depend_on_threads);
    tcase_add_test(c, initialisers_refuse);
    tcase_add_test(c, gains_are_pytorchs);

    c = add_case(s, "dropout");
    tcase_add_loop_test(c, dropout_keeps_a_share_and_scales_it, 0, 3);
    tcase_add_test(c, dropout_is_the_identity_in_evaluation);
    tcase_add_test(c, dropout_draws_from_its_seed);
    tcase_add_loop_test(c, dropout_resumes, 0, 2);
    tcase_add_test(c, dropout_passes_gradients_where_it_keeps);
    tcase_add_test(c, dropout_refuses);
    return run_suite(s);
}
