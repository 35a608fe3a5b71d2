/* Large products of f32 by tensor cores: as exact as f32. */
#include "tests/gpu_suite.h"

#include "tensor/ops/ops_internal.h"
#include "tensor/random.h"

/* Around tiles of 128 rows and 64, 104 and 128 columns, k cut into parts and not; whole tiles and
 * pieces, rows that lie at 16 bytes and that don't. The first LARGE are by tensor cores, where
 * there are Hopper's. */
static const int64_t SHAPES[][3] = {
    {4096, 100, 784},  {784, 100, 4096},  {4096, 784, 300},  {784, 300, 4096}, {12000, 64, 512},
    {1000, 1301, 777}, {1023, 1025, 927}, {2048, 2048, 333}, {4096, 10, 784},  {4096, 784, 10},
    {784, 10, 4096},   {4096, 50, 784},   {4096, 784, 50},   {784, 50, 4096},  {512, 512, 512},
    {1000, 301, 777},  {333, 222, 1555},  {1023, 1025, 127}, {129, 131, 4099}, {300, 1, 70001},
    {101, 65, 6003},
};
#define COUNT (int)(sizeof SHAPES / sizeof *SHAPES)
#define LARGE 8

/* [rows, columns] of f32, lying the other way if `turned`, as part of wider rows if `wide`. */
static reel_tensor *lay(reel_tensor *x, bool turned, bool wide) {
    const int64_t columns = reel_dim(x, turned ? 0 : 1), rows = reel_dim(x, turned ? 1 : 0);
    reel_tensor *in =
        reel_full(reel_shape(rows, columns + (wide ? 3 : 0)), NAN, REEL_F32, reel_device_of(x));
    reel_tensor *part = reel_slice(in, 1, 0, columns, 1);
    reel_copy_(part, turned ? reel_t(x) : x);
    return turned ? reel_t(part) : part;
}

/* x y in f64, from f32s */
static reel_tensor *exact(reel_tensor *x, reel_tensor *y) {
    return reel_matmul(reel_cast(x, REEL_F64), reel_cast(y, REEL_F64));
}

/* ---- values ---- */

/* Of whole numbers, so that the result is one number: all ways that operands can lie, and added to
 * what is there. */
START_TEST(whole_numbers_are_exact) {
    const int64_t *s = SHAPES[_i];
    reel_generator *g = reel_generator_new(3, test_device());
    for (int way = 0; way < 16; way++) {
        REEL_SCOPE;
        reel_tensor *x =
            reel_round(reel_affine(reel_randn(reel_shape(s[0], s[2]), REEL_F32, g), 3, 0));
        reel_tensor *y =
            reel_round(reel_affine(reel_randn(reel_shape(s[2], s[1]), REEL_F32, g), 3, 0));
        reel_tensor *z = reel_full(reel_shape(s[0], s[1]), 5, REEL_F32, test_device());
        reel_tensor *want = exact(x, y);
        if (way & 8) want = reel_affine(want, 1, 5);
        x = lay(x, way & 1, way & 4), y = lay(y, way & 2, way & 4);
        ck_assert_int_eq(reel__matmul_into(REEL_HERE, z, x, y, way & 8), REEL_OK);
        expect_fine();
        ck_assert_msg(same_bits(reel_cast(z, REEL_F64), want), "way %d of %d, %d, %d", way,
                      (int)s[0], (int)s[1], (int)s[2]);
    }
    reel_generator_free(g);
}
END_TEST

/* ---- errors ---- */

enum { NORMAL, POSITIVE, WIDE, KINDS };

/* Numbers around 0, above it, or of magnitudes 2^-30 to 2^30. */
static reel_tensor *numbers(int kind, int64_t rows, int64_t columns, reel_generator *g) {
    const reel_shape s = reel_shape(rows, columns);
    if (kind == POSITIVE) return reel_rand(s, REEL_F32, g);
    reel_tensor *x = reel_randn(s, REEL_F32, g);
    if (kind == NORMAL) return x;
    return reel_mul(x, reel_exp(reel_affine(reel_rand(s, REEL_F32, g), 60 * log(2), -30 * log(2))));
}

/* Some products are cuBLAS's, which has the bits of strict ones. */
static bool is_by_tensor_cores(reel_tensor *x, reel_tensor *y, reel_tensor *z) {
    reel_set_matmul_precision(REEL_MATMUL_F32_STRICT);
    const bool same = same_bits(reel_matmul(x, y), z);
    reel_set_matmul_precision(REEL_MATMUL_F32);
    return !same;
}

static bool has_them(void) {
    REEL_SCOPE;
    reel_tensor *x = reel_full(reel_shape(2048, 2048), 1.0 / 3, REEL_F32, test_device());
    return is_by_tensor_cores(x, x, reel_matmul(x, x));
}

/* In units of 2^-24 of the sum of |x| |y|, to which a result's error is in proportion. */
START_TEST(errors_are_f32s) {
    const int64_t *s = SHAPES[_i / KINDS];
    const int kind = _i % KINDS;
    reel_generator *g = reel_generator_new(4, test_device());
    {
        REEL_SCOPE;
        reel_tensor *x = numbers(kind, s[0], s[2], g), *y = numbers(kind, s[2], s[1], g);
        reel_tensor *z = reel_matmul(x, y), *off = reel_sub(reel_cast(z, REEL_F64), exact(x, y));
        const bool by_tensor_cores = is_by_tensor_cores(x, y, z);
        const double bound = by_tensor_cores ? 1 : 8;
        reel_tensor *e = reel_affine(reel_div(off, exact(reel_abs(x), reel_abs(y))), 0x1p24, 0);
        const double most = reel_item(reel_max(reel_abs(e))),
                     rms = sqrt(reel_item(reel_mean(reel_square(e))));
        expect_fine();
        ck_assert_msg(most < 24 * bound && rms < 3 * bound,
                      "[%d, %d] @ [%d, %d] of kind %d: %.2f, rms %.2f", (int)s[0], (int)s[2],
                      (int)s[2], (int)s[1], kind, most, rms);
        ck_assert(by_tensor_cores || _i / KINDS >= LARGE || !has_them());
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(bits_are_the_same_however_operands_lie) {
    const int64_t *s = SHAPES[_i];
    reel_generator *g = reel_generator_new(5, test_device());
    {
        REEL_SCOPE;
        reel_tensor *x = reel_randn(reel_shape(s[0], s[2]), REEL_F32, g);
        reel_tensor *y = reel_randn(reel_shape(s[2], s[1]), REEL_F32, g);
        reel_tensor *z = reel_matmul(x, y);
        const int ways = is_by_tensor_cores(x, y, z) ? 8 : 0;
        for (int way = 0; way < ways; way++)
            ck_assert(
                same_bits(reel_matmul(lay(x, way & 1, way & 4), lay(y, way & 2, way & 4)), z));
        expect_fine();
    }
    reel_generator_free(g);
}
END_TEST

/* ---- what is not finite, or nearly not ---- */

static void put(reel_tensor *x, int64_t row, int64_t column, double value) {
    reel_fill_(reel_select(reel_select(x, 0, row), 0, column), value);
}

/* What f32 makes of a row that has `value` at one place, and other finite numbers. */
static void expect_row(reel_tensor *z, reel_tensor *y, int64_t row, int64_t k, double value) {
    const int64_t n = reel_dim(z, 1);
    float *got = malloc((size_t)n * sizeof *got), *factor = malloc((size_t)n * sizeof *factor);
    ck_assert(got && factor);
    reel_read(reel_contiguous(reel_select(z, 0, row)), got, (size_t)n * sizeof *got);
    reel_read(reel_contiguous(reel_select(y, 0, k)), factor, (size_t)n * sizeof *factor);
    expect_fine();
    for (int64_t i = 0; i < n; i++) {
        const double want = value * (double)factor[i];
        const bool same = isnan(want)   ? isnan(got[i])
                          : isinf(want) ? (double)got[i] == want
                                        : fabs((double)got[i] - want) <= fabs(want) * 1e-6 + 1e-3;
        ck_assert_msg(same, "%g times %g is %g", value, (double)factor[i], (double)got[i]);
    }
    free(got);
    free(factor);
}

static bool has_only_finite(reel_tensor *z) {
    return isfinite(reel_item(reel_sum(reel_affine(z, 0, 0))));
}

/* Infinities, NaN, and the largest numbers, which bf16 rounds to infinity: each stays in its row.
 */
START_TEST(what_is_not_finite_stays_in_its_row) {
    const double values[] = {INFINITY, -INFINITY, NAN, 0x1.fffffep127, -0x1.ffp127};
    const int64_t *s = SHAPES[_i];
    const int64_t rows[] = {0, 130, s[0] - 1}, k = s[2] - 1;
    reel_generator *g = reel_generator_new(6, test_device());
    for (int v = 0; v < 5; v++) {
        REEL_SCOPE;
        reel_tensor *x = reel_rand(reel_shape(s[0], s[2]), REEL_F32, g);
        reel_tensor *y = reel_affine(reel_rand(reel_shape(s[2], s[1]), REEL_F32, g), 0.9, 0.05);
        for (int i = 0; i < 3; i++) put(x, rows[i], k, values[v]);
        reel_tensor *z = reel_matmul(v % 2 ? lay(x, true, true) : x, y);
        for (int i = 0; i < 3; i++) expect_row(z, y, rows[i], k, values[v]);
        ck_assert(has_only_finite(reel_slice(z, 0, 1, 129, 1)));
        ck_assert(has_only_finite(reel_slice(z, 0, 131, s[0] - 1, 1)));
    }
    reel_generator_free(g);
}
END_TEST

/* 2^100 times 2^100, less the same: infinite, or NaN, but never a number. */
START_TEST(what_overflows_is_infinite) {
    REEL_SCOPE;
    reel_tensor *x = reel_full(reel_shape(512, 512), 0x1p100, REEL_F32, test_device());
    reel_tensor *z = reel_matmul(x, x), *less = reel_neg(x);
    ck_assert(reel_item(reel_min(z)) == INFINITY);
    ck_assert(reel_item(reel_max(reel_matmul(x, less))) == -INFINITY);
    /* and what comes near does not */
    reel_tensor *y = reel_full(reel_shape(512, 512), 0x1.fffffep18, REEL_F32, test_device());
    ck_assert(reel_item(reel_max(reel_matmul(x, y))) == 0x1.fffffep127);
    ck_assert(reel_item(reel_min(reel_matmul(x, y))) == 0x1.fffffep127);
    expect_fine();
}
END_TEST

void add_product_cases(Suite *s) {
    TCase *c = add_case(s, "products");
    tcase_add_loop_test(c, whole_numbers_are_exact, 0, COUNT);
    tcase_add_loop_test(c, errors_are_f32s, 0, COUNT * KINDS);
    tcase_add_loop_test(c, bits_are_the_same_however_operands_lie, 0, COUNT);
    tcase_add_loop_test(c, what_is_not_finite_stays_in_its_row, 0, 8);
    tcase_add_test(c, what_overflows_is_infinite);
}
