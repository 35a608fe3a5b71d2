/* Reductions and softmaxes where the cases of the op table don't come: special values, ties, every
 * length around those at which the code takes another way, results' dtypes, messages, threads. */
#include "autograd/autograd.h"
#include "tensor/ops/ops_internal.h"
#include "tests/leaves.h"

#include <stdlib.h>

static const double inf = INFINITY;

typedef reel_tensor *(*over)(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);

static reel_tensor *var0(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reel_var_at(at, x, axes, keepdim, 0);
}

/* ---- every length ---- */

static double at_best(const double *v, int64_t n, double sign) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (sign * v[i] > sign * v[best]) best = i;
    return (double)best;
}
static double sum_of(const double *v, int64_t n) {
    double y = 0;
    for (int64_t i = 0; i < n; i++) y += v[i];
    return y;
}
static double prod_of(const double *v, int64_t n) {
    double y = 1;
    for (int64_t i = 0; i < n; i++) y *= v[i];
    return y;
}
static double argmax_of(const double *v, int64_t n) {
    return at_best(v, n, 1);
}
static double argmin_of(const double *v, int64_t n) {
    return at_best(v, n, -1);
}
static double max_of(const double *v, int64_t n) {
    return v[(int64_t)at_best(v, n, 1)];
}
static double min_of(const double *v, int64_t n) {
    return v[(int64_t)at_best(v, n, -1)];
}
static double var_of(const double *v, int64_t n) {
    const double mean = sum_of(v, n) / (double)n;
    double y = 0;
    for (int64_t i = 0; i < n; i++) y += (v[i] - mean) * (v[i] - mean);
    return y / (double)n;
}
static double logsumexp_of(const double *v, int64_t n) {
    double y = 0;
    for (int64_t i = 0; i < n; i++) y += exp(v[i]);
    return log(y);
}
static double any_of(const double *v, int64_t n) {
    return max_of(v, n) != 0 || min_of(v, n) != 0;
}
static double all_of(const double *v, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (v[i] == 0) return 0;
    return 1;
}

static const struct {
    const char *name;
    over f;
    double (*naive)(const double *v, int64_t n);
    bool floats; /* alone */
} reductions[] = {
    {"sum", reel_sum_at, sum_of, false},
    {"prod", reel_prod_at, prod_of, false},
    {"max", reel_max_at, max_of, false},
    {"min", reel_min_at, min_of, false},
    {"argmax", reel_argmax_at, argmax_of, false},
    {"argmin", reel_argmin_at, argmin_of, false},
    {"any", reel_any_at, any_of, false},
    {"all", reel_all_at, all_of, false},
    {"var", var0, var_of, true},
    {"logsumexp", reel_logsumexp_at, logsumexp_of, true},
};
enum { REDUCTIONS = sizeof reductions / sizeof *reductions };

/* Values that repeat, so that there are ties; of a product, few that make it grow. */
static double value_of(int64_t i, reel_dtype dtype, bool of_product) {
    const uint64_t h = ((uint64_t)i * 6364136223846793005u + 1442695040888963407u) >> 33;
    if (of_product && dtype == REEL_U8) return h % 997 == 0 ? 2 : 1;
    if (of_product) return h % 997 == 0 ? 2 : h % 2 ? -1 : 1;
    if (dtype == REEL_U8) return (double)(h % 251);
    if (dtype == REEL_I64) return (double)(int64_t)(h % 2001) - 1000;
    return (double)(int64_t)(h % 1024) / 128 - 4;
}

/* Along rows of n, and along columns of n, `others` of them. */
static void check_length(int k, int64_t n, int64_t others, reel_dtype dtype) {
    const bool of_product = reductions[k].f == reel_prod_at;
    double *v = malloc((size_t)(n * others) * sizeof *v), *line = malloc((size_t)n * sizeof *line);
    ck_assert(v && line);
    for (int64_t i = 0; i < n * others; i++) v[i] = value_of(i, dtype, of_product);
    {
        REEL_SCOPE;
        for (int axis = 0; axis < 2; axis++) {
            const reel_shape s = axis ? reel_shape(others, n) : reel_shape(n, others);
            reel_tensor *x = reel_cast(f64(s, v), dtype);
            reel_tensor *y = reductions[k].f(REEL_HERE, x, reel_axes(axis), false);
            double *got = malloc((size_t)others * sizeof *got);
            ck_assert(got && reel_read(reel_cast(y, REEL_F64), got, (size_t)others * 8) == REEL_OK);
            for (int64_t o = 0; o < others; o++) {
                for (int64_t i = 0; i < n; i++) line[i] = axis ? v[o * n + i] : v[i * others + o];
                const double want = reductions[k].naive(line, n),
                             relative = dtype == REEL_F32 ? 2e-6 : 1e-12;
                ck_assert_msg(fabs(got[o] - want) <= relative * (1 + fabs(want)),
                              "%s %s of %lld, axis %d, result %lld of %lld: %.17g, not %.17g",
                              reductions[k].name, reel_dtype_name(dtype), (long long)n, axis,
                              (long long)o, (long long)others, got[o], want);
            }
            free(got);
        }
    }
    free(v);
    free(line);
}

START_TEST(every_length) {
    static const int64_t lengths[] = {1,    2,    3,    7,    8,     15,    16,    17,   31,
                                      32,   33,   63,   64,   65,    127,   128,   129,  255,
                                      256,  257,  511,  512,  1023,  1025,  2047,  2049, 4095,
                                      4096, 4097, 8191, 8200, 16383, 16384, 16385, 50000};
    static const int64_t others[] = {1, 3, 65, 300};
    for (int k = 0; k < REDUCTIONS; k++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            for (int o = 0; o < 4; o++)
                for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++) {
                    if (reductions[k].floats && dtype >= REEL_I64) continue;
                    if (lengths[i] * others[o] > 200000) continue;
                    check_length(k, lengths[i], others[o], (reel_dtype)dtype);
                }
}
END_TEST

/* ---- where one element decides: at every place, of every form of input ---- */

/* x[rows, columns] of 1 and of `special` at one place; reduced along `axis`, the results are at
 * `place`, and elsewhere. */
static void expect_special(over f, int64_t rows, int64_t columns, int axis, int64_t special_at,
                           double special, double there, double elsewhere) {
    REEL_SCOPE;
    const int64_t n = rows * columns, result = axis ? special_at / columns : special_at % columns;
    double *v = malloc((size_t)n * sizeof *v);
    ck_assert_ptr_nonnull(v);
    for (int64_t i = 0; i < n; i++) v[i] = i == special_at ? special : 1;
    reel_tensor *x = f64(reel_shape(rows, columns), v);
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
        reel_tensor *y = f(REEL_HERE, reel_cast(x, (reel_dtype)dtype), reel_axes(axis), false);
        const double got = element(y, result);
        ck_assert_msg(got == there || (isnan(got) && isnan(there)), "%g, not %g", got, there);
        const int64_t other = (result + 1) % reel_numel(y);
        if (other != result) ck_assert_double_eq(element(y, other), elsewhere);
    }
    free(v);
}

START_TEST(one_element_decides) {
    static const int64_t shapes[][2] = {{1, 9},   {3, 40},    {70, 9},     {2, 700},
                                        {300, 3}, {2, 20000}, {20000, 30}, {3, 600}};
    for (int s = 0; s < 8; s++)
        for (int axis = 0; axis < 2; axis++) {
            const int64_t rows = shapes[s][0], columns = shapes[s][1], n = rows * columns;
            const int64_t places[] = {0, 1, n / 2, n - 2, n - 1};
            for (int p = 0; p < 5; p++) {
                const int64_t at = places[p];
                const double along = (double)(axis ? at % columns : at / columns);
                expect_special(reel_max_at, rows, columns, axis, at, NAN, NAN, 1);
                expect_special(reel_min_at, rows, columns, axis, at, NAN, NAN, 1);
                expect_special(reel_argmax_at, rows, columns, axis, at, NAN, along, 0);
                expect_special(reel_argmin_at, rows, columns, axis, at, NAN, along, 0);
                expect_special(reel_argmax_at, rows, columns, axis, at, 2, along, 0);
                expect_special(reel_argmin_at, rows, columns, axis, at, -inf, along, 0);
                expect_special(reel_max_at, rows, columns, axis, at, inf, inf, 1);
                expect_special(reel_all_at, rows, columns, axis, at, -0.0, 0, 1);
                expect_special(reel_prod_at, rows, columns, axis, at, -3, -3, 1);
                expect_special(reel_sum_at, rows, columns, axis, at, inf, inf,
                               (double)(axis ? columns : rows));
            }
        }
}
END_TEST

/* Columns lie in chunks, of which the last may be of one column; each line is a run by itself. */
START_TEST(mapped_columns_of_any_number) {
    static const double within[] = {
        [REEL_F32] = 1e-6, [REEL_F64] = 1e-14, [REEL_F16] = 1e-2, [REEL_BF16] = 1e-2};
    const int64_t columns[] = {1, 2, 1023, 1024, 1025, 2049};
    for (int dtype = REEL_F32; dtype <= REEL_BF16; dtype++)
        for (size_t k = 0; k < sizeof columns / sizeof *columns && within[dtype] > 0; k++) {
            REEL_SCOPE;
            const int64_t n = columns[k], rows = 7, places[] = {0, n / 2, n - 1};
            reel_tensor *x = reel_sin(reel_arange(rows * n, REEL_F64, test_device()));
            x = reel_cast(reel_reshape(x, reel_shape(rows, n)), (reel_dtype)dtype);
            reel_tensor *y = reel_norm_over(x, 3, reel_axes(0), false);
            for (int p = 0; p < 3; p++) {
                double sum = 0;
                for (int64_t i = 0; i < rows; i++)
                    sum += pow(fabs(element(x, i * n + places[p])), 3);
                ck_assert_double_eq_tol(element(y, places[p]), cbrt(sum), within[dtype]);
            }
        }
}
END_TEST

/* ---- special values ---- */

static double of(over f, int64_t n, const double *v, reel_dtype dtype) {
    double y = NAN;
    {
        REEL_SCOPE;
        y = reel_item(f(REEL_HERE, reel_cast(f64(reel_shape(n), v), dtype), REEL_SCALAR, false));
    }
    expect_fine();
    return y;
}

static reel_tensor *var1(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reel_var_at(at, x, axes, keepdim, 1);
}
static reel_tensor *std1(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reel_std_at(at, x, axes, keepdim, 1);
}

#define EXPECT(f, want, ...)                                                                       \
    expect_of(f, want, (double[]){__VA_ARGS__}, sizeof((double[]){__VA_ARGS__}) / sizeof(double))

static void expect_of(over f, double want, const double *v, size_t n) {
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
        const double got = of(f, (int64_t)n, v, (reel_dtype)dtype);
        ck_assert_msg(got == want || (isnan(got) && isnan(want)) ||
                          fabs(got - want) <= 2e-7 * fabs(want),
                      "%s: %.9g, not %.9g", reel_dtype_name((reel_dtype)dtype), got, want);
    }
}

START_TEST(extremes_of_special_values) {
    EXPECT(reel_max_at, NAN, inf, NAN, 1);
    EXPECT(reel_min_at, NAN, -inf, 2, NAN);
    EXPECT(reel_max_at, -inf, -inf, -inf);
    EXPECT(reel_max_at, inf, -inf, inf, 5);
    EXPECT(reel_min_at, -inf, inf, -inf, 5);
    EXPECT(reel_argmax_at, 1, 1, NAN, inf, NAN);
    EXPECT(reel_argmin_at, 1, 1, NAN, -inf, NAN);
    EXPECT(reel_argmax_at, 0, -inf, -inf);
    EXPECT(reel_argmin_at, 0, inf, inf);
    EXPECT(reel_argmax_at, 2, 1, 2, 3, 3, 3);
    EXPECT(reel_argmin_at, 1, 1, -3, -3);
    EXPECT(reel_argmax_at, 0, -0.0, 0.0);
}
END_TEST

START_TEST(truth_of_special_values) {
    EXPECT(reel_any_at, 1, 0, NAN);
    EXPECT(reel_any_at, 0, 0, -0.0);
    EXPECT(reel_any_at, 1, 0, 0.25);
    EXPECT(reel_all_at, 1, NAN, -inf, 0.25);
    EXPECT(reel_all_at, 0, 1, -0.0);
    REEL_SCOPE; /* what kernels that compute flush to zero is not 0 */
    const float denormal[2] = {0, 1e-40f};
    reel_tensor *x = to_device(reel_from(denormal, reel_shape(2), REEL_F32));
    ck_assert_double_eq(reel_item(reel_any(x)), 1);
    ck_assert_double_eq(reel_item(reel_all(reel_slice(x, 0, 1, 2, 1))), 1);
}
END_TEST

START_TEST(products_and_sums_of_special_values) {
    EXPECT(reel_prod_at, NAN, 0, inf);
    EXPECT(reel_prod_at, -inf, -1, inf, 2);
    EXPECT(reel_prod_at, 0, -1, 0, 1e30);
    EXPECT(reel_prod_at, 1, 1e30, 1e30, 1e-30, 1e-30); /* in f64 on the way */
    EXPECT(reel_sum_at, NAN, inf, -inf);
    EXPECT(reel_mean_at, -inf, 3, -inf);
}
END_TEST

START_TEST(variances_of_special_values) {
    EXPECT(var1, NAN, 3);
    EXPECT(std1, NAN, 3);
    EXPECT(var0, 0, 3);
    EXPECT(var1, 0, 0.1, 0.1, 0.1);
    EXPECT(std1, 0, 0.7, 0.7, 0.7, 0.7, 0.7);
    EXPECT(var1, NAN, 1, inf, 2);
    EXPECT(var1, NAN, 1, NAN, 2);
    EXPECT(var1, 1, 1, 2, 3);
    EXPECT(std1, 1e-20, 1e-20, 2e-20, 3e-20);
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2), (double[]){1, 2});
    ck_assert_double_eq(reel_item(reel_var_with(x, REEL_SCALAR, false, 2)), inf);
    ck_assert_double_eq(reel_item(reel_var_with(x, REEL_SCALAR, false, 5)), inf);
    ck_assert_double_eq(reel_item(reel_var_with(x, REEL_SCALAR, false, -2)), 0.125);
    ck_assert(isnan(reel_item(reel_var(reel_slice(x, 0, 0, 0, 1)))));
    /* little that varies on much that does not */
    const double n = 100001, step = 0x1p-17;
    reel_tensor *small = reel_scale(reel_arange((int64_t)n, REEL_F64, test_device()), step);
    for (int axis = 0; axis < 2; axis++) {
        reel_tensor *far =
            reel_reshape(reel_shift(small, 1e9), axis ? reel_shape(1, -1) : reel_shape(-1, 1));
        const double var = reel_item(reel_var_over(far, reel_axes(axis), false));
        ck_assert_double_eq_tol(var, n * (n + 1) / 12 * step * step, 1e-12);
    }
    reel_tensor *huge = f64(reel_shape(4), (double[]){1e200, 1e200, 1e200, 1e200});
    ck_assert_double_eq(reel_item(reel_var(huge)), 0);
}
END_TEST

START_TEST(exponentials_of_special_values) {
    EXPECT(reel_logsumexp_at, -inf, -inf, -inf);
    EXPECT(reel_logsumexp_at, 1, -inf, 1);
    EXPECT(reel_logsumexp_at, inf, inf, 1);
    EXPECT(reel_logsumexp_at, inf, inf, -inf, inf);
    EXPECT(reel_logsumexp_at, NAN, NAN, inf);
    EXPECT(reel_logsumexp_at, 1000 + log(2), 1000, 1000);
    EXPECT(reel_logsumexp_at, -1000 + log(2), -1000, -1000);
    EXPECT(reel_logsumexp_at, 1e30, 1e30, -1e30);
}
END_TEST

/* x[3, 4] along axis 1, and its transpose along axis 0, whose rows are few or many. */
static void expect_lines(reel_tensor *(*f)(const char *, reel_tensor *, int), const double *x,
                         const double *want) {
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++)
        for (int axis = 0; axis < 2; axis++)
            for (int many = 0; many < 2; many++) {
                REEL_SCOPE;
                reel_tensor *in = reel_cast(f64(reel_shape(1, 3, 4), x), (reel_dtype)dtype);
                reel_tensor *rows = reel_expand(in, reel_shape(many ? 50 : 1, 3, 4));
                rows =
                    axis ? reel_reshape(rows, reel_shape(-1, 4))
                         : reel_reshape(reel_permute(rows, reel_axes(2, 0, 1)), reel_shape(4, -1));
                reel_tensor *y = f(REEL_HERE, rows, axis);
                y = axis ? y : reel_contiguous(reel_t(y));
                for (int i = 0; i < 12; i++) {
                    const double got = element(y, i), expect = want[i];
                    ck_assert_msg(got == expect || (isnan(got) && isnan(expect)) ||
                                      fabs(got - expect) <= 2e-7 * fabs(expect),
                                  "element %d, axis %d: %.9g, not %.9g", i, axis, got, expect);
                }
            }
}

START_TEST(softmaxes_of_special_values) {
    const double nothing[12] = {-inf, -inf, -inf, -inf, 0, 0, -inf, -inf, NAN, 0, 0, 0};
    expect_lines(reel_softmax_at, nothing,
                 (double[]){NAN, NAN, NAN, NAN, 0.5, 0.5, 0, 0, NAN, NAN, NAN, NAN});
    expect_lines(reel_log_softmax_at, nothing,
                 (double[]){NAN, NAN, NAN, NAN, -log(2), -log(2), -inf, -inf, NAN, NAN, NAN, NAN});
    const double far[12] = {inf, 0, 0, 0, 1e30, 1e30, -1e30, 0, -1000, -1000, -1000, -1000};
    expect_lines(reel_softmax_at, far,
                 (double[]){NAN, NAN, NAN, NAN, 0.5, 0.5, 0, 0, 0.25, 0.25, 0.25, 0.25});
    expect_lines(reel_log_softmax_at, (double[]){0, 90, 0, 0, 1, 1, 1, 1, -500, 0, 0, -500},
                 (double[]){-90, 0, -90, -90, -log(4), -log(4), -log(4), -log(4), -500 - log(2),
                            -log(2), -log(2), -500 - log(2)});
}
END_TEST

START_TEST(norms) {
    const double v[6] = {3, 4, 0, 0, -5, 12};
    REEL_SCOPE;
    reel_tensor *x = reel_track(f64(reel_shape(3, 2), v));
    reel_tensor *norm = reel_norm_over(x, 2, reel_axes(1), false);
    expect_values(norm, (double[]){5, 0, 13}, 3);
    reel_backward(reel_sum(norm));
    expect_values(reel_grad(x), (double[]){0.6, 0.8, 0, 0, -5.0 / 13, 12.0 / 13}, 6);
    expect_values(reel_norm(reel_detach(x), 2), (double[]){sqrt(194)}, 1);
    ck_assert_int_eq(reel_ndim(reel_norm_over(x, 2, reel_axes(-1), true)), 2);
    ck_assert_ptr_null(reel_norm(NULL, 2));
    reel_clear_error();
}
END_TEST

/* Of {3, -4}, {0, 0}, {0, -5}; what p asks for may be beyond f32 on the way. */
START_TEST(norms_by_power) {
    const double v[6] = {3, -4, 0, 0, 0, -5};
    const struct {
        double p, want[3], slope[6];
    } powers[] = {
        {0, {2, 0, 1}, {0}},
        {1, {7, 0, 5}, {1, -1, 0, 0, 0, -1}},
        {3, {cbrt(91), 0, 5}, {9 / cbrt(91 * 91), -16 / cbrt(91 * 91), 0, 0, 0, -1}},
        {-1, {12.0 / 7, 0, 0}, {16.0 / 49, -9.0 / 49, 0, 0, 0, 0}},
        {inf, {4, 0, 5}, {0, -1, 0, 0, 0, -1}},
        {-inf, {3, 0, 0}, {1, 0, 0, 0, 0, 0}},
    };
    for (int i = 0; i < 6; i++) {
        REEL_SCOPE;
        reel_tensor *x = reel_track(f64(reel_shape(3, 2), v));
        reel_tensor *y = reel_norm_over(x, powers[i].p, reel_axes(1), false);
        expect_values(y, powers[i].want, 3);
        reel_backward(reel_sum(y));
        expect_values(reel_grad(x), powers[i].slope, 6);
        const double most = powers[i].p == 0 ? 2 : 4e20;
        reel_tensor *far = reel_cast(f64(reel_shape(2), (double[]){4e20, 1}), REEL_F32);
        if (powers[i].p >= 0)
            ck_assert_double_le(fabs(element(reel_norm(far, powers[i].p), 0) / most - 1), 1e-6);
        reel_tensor *none = reel_zeros(reel_shape(2, 0), REEL_F32, test_device());
        y = reel_norm_over(none, powers[i].p, reel_axes(1), true);
        if (powers[i].p >= 0 && powers[i].p < inf)
            expect_values(y, (double[]){0, 0}, 2);
        else
            expect_failure(REEL_ERR_SHAPE, "norm: axis 1 is empty");
        reel_clear_error();
    }
}
END_TEST

/* Of columns side by side, over several blocks, some sums are within f32, others far beyond or far
 * below it, or nothing; and of the same as runs. */
START_TEST(norms_of_unlike_columns) {
    enum { ROWS = 70, COLUMNS = 300 };
    const double scale[5] = {1, 1e-18, 1e-15, 0, 1e15}, powers[4] = {1, 3, inf, -inf};
    float *v = malloc(sizeof *v * ROWS * COLUMNS);
    REEL_SCOPE;
    for (int i = 0; i < ROWS * COLUMNS; i++)
        v[i] = (float)(scale[i % COLUMNS % 5] * (1 + (i / COLUMNS + i) % 7) * (i % 2 ? -1 : 1));
    reel_tensor *x = to_device(reel_from(v, reel_shape(ROWS, COLUMNS), REEL_F32));
    reel_tensor *runs = reel_contiguous(reel_t(x));
    for (int k = 0; k < 4; k++) {
        reel_tensor *y = reel_norm_over(x, powers[k], reel_axes(0), false);
        reel_tensor *of_runs = reel_norm_over(runs, powers[k], reel_axes(1), false);
        for (int j = 0; j < COLUMNS; j++) {
            double sum = 0, most = 0, least = inf;
            for (int i = 0; i < ROWS; i++) {
                const double size = fabs((double)v[i * COLUMNS + j]);
                sum += pow(size, powers[k]);
                most = fmax(most, size);
                least = fmin(least, size);
            }
            const double want = powers[k] == inf    ? most
                                : powers[k] == -inf ? least
                                                    : pow(sum, 1 / powers[k]);
            ck_assert_double_le(fabs(element(y, j) - want), 1e-6 * want);
            ck_assert_double_le(fabs(element(of_runs, j) - want), 1e-6 * want);
        }
    }
    free(v);
}
END_TEST

/* ---- nothing ---- */

START_TEST(of_nothing) {
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(2, 0), REEL_F32, test_device());
    const reel_shape axes = reel_axes(1);
    expect_values(reel_sum_over(x, axes, false), (double[]){0, 0}, 2);
    expect_values(reel_prod_over(x, axes, false), (double[]){1, 1}, 2);
    expect_values(reel_any_over(x, axes, false), (double[]){0, 0}, 2);
    expect_values(reel_all_over(x, axes, false), (double[]){1, 1}, 2);
    ck_assert_double_eq(element(reel_logsumexp_over(x, axes, false), 1), -inf);
    ck_assert(isnan(element(reel_mean_over(x, axes, false), 1)));
    ck_assert(isnan(element(reel_std_over(x, axes, true), 1)));
    ck_assert_int_eq(reel_numel(reel_max_over(x, reel_axes(0), false)), 0);
    ck_assert_ptr_null(reel_max_over(x, axes, false));
    expect_failure(REEL_ERR_SHAPE, "max: axis 1 is empty: x[2, 0] (tests/test_reductions.c:");
    ck_assert_ptr_null(reel_argmin(x));
    expect_failure(REEL_ERR_SHAPE, "argmin: axis 1 is empty: x[2, 0]");
    ck_assert_ptr_null(reel_argmax_over(reel_zeros(reel_shape(2, 3, 4), REEL_F32, test_device()),
                                        reel_axes(0, 2), false));
    expect_failure(REEL_ERR_SHAPE, "argmax: is of one axis or of all, not of 2");
    ck_assert_ptr_null(reel_var(reel_zeros(reel_shape(2), REEL_I64, test_device())));
    expect_failure(REEL_ERR_DTYPE, "var: takes floats");
}
END_TEST

START_TEST(dtypes_of_results) {
    for (int d = REEL_F32; d <= REEL_U8; d++) {
        REEL_SCOPE;
        const reel_dtype dtype = (reel_dtype)d;
        const reel_dtype wide = d >= REEL_I64 ? REEL_I64 : dtype;
        reel_tensor *x = reel_ones(reel_shape(3), dtype, test_device());
        ck_assert_int_eq(reel_dtype_of(reel_sum(x)), wide);
        ck_assert_int_eq(reel_dtype_of(reel_prod(x)), wide);
        ck_assert_int_eq(reel_dtype_of(reel_max(x)), dtype);
        ck_assert_int_eq(reel_dtype_of(reel_min(x)), dtype);
        ck_assert_int_eq(reel_dtype_of(reel_argmax(x)), REEL_I64);
        ck_assert_int_eq(reel_dtype_of(reel_argmin(x)), REEL_I64);
        ck_assert_int_eq(reel_dtype_of(reel_any(x)), REEL_U8);
        ck_assert_int_eq(reel_dtype_of(reel_all(x)), REEL_U8);
    }
}
END_TEST

START_TEST(integers_keep_their_bits) {
    const int64_t v[4] = {INT64_MAX - 1, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    REEL_SCOPE;
    reel_tensor *x = to_device(reel_from(v, reel_shape(4), REEL_I64));
    int64_t got[6];
    reel_tensor *y[6] = {reel_max(x),    reel_min(x), reel_argmax(x),
                         reel_argmin(x), reel_sum(x), reel_prod(reel_slice(x, 0, 0, 2, 1))};
    for (int i = 0; i < 6; i++) ck_assert(reel_read(y[i], &got[i], 8) == REEL_OK);
    ck_assert_int_eq(got[0], INT64_MAX);
    ck_assert_int_eq(got[1], INT64_MIN);
    ck_assert_int_eq(got[2], 1);
    ck_assert_int_eq(got[3], 2);
    ck_assert_int_eq(got[4], -2); /* they wrap */
    ck_assert_int_eq(got[5], INT64_MIN + 2);
}
END_TEST

/* ---- gradients ---- */

START_TEST(equals_share_the_gradient) {
    REEL_SCOPE;
    reel_tensor *x = leaf(reel_shape(2, 4), (double[]){1, 3, 3, 3, -1, NAN, 5, NAN});
    reel_backward(reel_sum(reel_scale(reel_max_over(x, reel_axes(1), false), 3)));
    expect_values(reel_grad(x), (double[]){0, 1, 1, 1, 0, 1.5, 0, 1.5}, 8);
    reel_tensor *z = leaf(reel_shape(3), (double[]){-inf, 2, -inf});
    reel_backward(reel_min(z));
    expect_values(reel_grad(z), (double[]){0.5, 0, 0.5}, 3);
}
END_TEST

static reel_tensor *prod_rows(reel_tensor **in, void *user) {
    (void)user;
    return reel_prod_over(in[0], reel_axes(1), false);
}

/* None, one, two and three zeros in a row: also of the gradient's gradient. */
START_TEST(products_with_zeros) {
    const double v[20] = {1, 2, 3, 4, 5, 1, 0, 3, 4, 5, 0, 2, 3, 0, 5, 0, 2, 0, 4, 0};
    REEL_SCOPE;
    reel_tensor *x = leaf(reel_shape(4, 5), v);
    reel_backward(reel_sum(prod_rows(&x, NULL)));
    expect_values(reel_grad(x),
                  (double[]){120, 60, 40, 30, 24, 0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
                  20);
    reel_zero_grad(x);
    reel_gradcheck(prod_rows, NULL, &x, 1, (reel_gradcheck_options){0});
    reel_gradgradcheck(prod_rows, NULL, &x, 1, (reel_gradcheck_options){0});
    expect_fine();
}
END_TEST

START_TEST(std_has_a_gradient_at_0) {
    REEL_SCOPE;
    reel_tensor *x = leaf(reel_shape(2, 2), (double[]){0.7, 0.7, 1, 3});
    reel_backward(reel_sum(reel_std_over(x, reel_axes(1), false)));
    expect_values(reel_grad(x), (double[]){0, 0, -sqrt(0.5), sqrt(0.5)}, 4);
}
END_TEST

START_TEST(positions_and_truths_are_constant) {
    REEL_SCOPE;
    reel_tensor *x = leaf(reel_shape(2), (double[]){1, 2});
    ck_assert(!reel_is_tracked(reel_argmax(x)) && !reel_is_tracked(reel_any(x)));
    ck_assert(reel_is_tracked(reel_max(x)));
    expect_fine();
}
END_TEST

/* ---- more than caches hold ---- */

START_TEST(many_long_rows) {
    enum { ROWS = 7000, COLUMNS = 1000 };
    REEL_SCOPE;
    reel_tensor *row = reel_arange(COLUMNS, REEL_F32, test_device());
    reel_tensor *column = reel_reshape(reel_arange(ROWS, REEL_F32, test_device()),
                                       reel_shape(ROWS, 1)); /* sums below are exact */
    reel_tensor *y =
        reel_max_over(reel_add(reel_add(column, reel_zeros_like(row)), row), reel_axes(1), false);
    reel_tensor *wrong =
        reel_ne(y, reel_reshape(reel_shift(column, (double)(COLUMNS - 1)), reel_shape(ROWS)));
    ck_assert(reel_item(reel_any(wrong)) == 0);
    expect_fine();
}
END_TEST

/* ---- threads ---- */

START_TEST(threads_do_not_change_bits) {
    static const int64_t shapes[][2] = {
        {1, 300001}, {300, 1000}, {40000, 7}, {100000, 40}, {200, 2500}};
    REEL_SCOPE;
    for (int s = 0; s < 5; s++) {
        const int64_t rows = shapes[s][0], columns = shapes[s][1];
        reel_tensor *x = reel_arange(rows * columns, REEL_F32, reel_cpu());
        x = reel_sigmoid(reel_affine(x, 14.0 / (double)(rows * columns), -7));
        x = reel_reshape(reel_affine(x, 0.02, 0.99), reel_shape(rows, columns));
        for (int k = 0; k < REDUCTIONS; k++)
            for (int axis = 0; axis < 2; axis++) {
                double sums[3];
                for (int threads = 1; threads <= 3; threads++) {
                    ck_assert(reel_set_threads(threads) == REEL_OK);
                    reel_tensor *y = reductions[k].f(REEL_HERE, x, reel_axes(axis), false);
                    reel_set_threads(1);
                    sums[threads - 1] = reel_item(reel_sum(reel_cast(y, REEL_F64)));
                }
                ck_assert_msg(sums[0] == sums[1] && sums[0] == sums[2], "%s, shapes %d, axis %d",
                              reductions[k].name, s, axis);
            }
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("reductions");
    TCase *c = add_case(s, "values");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, mapped_columns_of_any_number);
    tcase_add_test(c, every_length);
    tcase_add_test(c, one_element_decides);
    tcase_add_test(c, extremes_of_special_values);
    tcase_add_test(c, truth_of_special_values);
    tcase_add_test(c, products_and_sums_of_special_values);
    tcase_add_test(c, variances_of_special_values);
    tcase_add_test(c, exponentials_of_special_values);
    tcase_add_test(c, softmaxes_of_special_values);
    tcase_add_test(c, norms);
    tcase_add_test(c, norms_by_power);
    tcase_add_test(c, norms_of_unlike_columns);
    tcase_add_test(c, of_nothing);
    tcase_add_test(c, dtypes_of_results);
    tcase_add_test(c, integers_keep_their_bits);

    c = add_case(s, "gradients");
    tcase_add_test(c, equals_share_the_gradient);
    tcase_add_test(c, products_with_zeros);
    tcase_add_test(c, std_has_a_gradient_at_0);
    tcase_add_test(c, positions_and_truths_are_constant);

    c = add_cpu_case(s, "threads");
    tcase_add_test(c, threads_do_not_change_bits);
    tcase_add_test(c, many_long_rows);
    return run_suite(s);
}
