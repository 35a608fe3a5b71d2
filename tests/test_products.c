/* Products of matrices of many sizes: of whole numbers, so that the results are exact. */
#include "tests/expect.h"

#include "tensor/ops/ops_internal.h"

#include <stdlib.h>

/* Whole numbers of -4..4, different from place to place. */
static double entry(int64_t i, int seed) {
    return (double)((i * 7919 + i / 11 * 104729 + seed * 31) % 9) - 4;
}

/* [rows, columns], lying the other way if `turned`; wide: between other columns. */
static reel_tensor *matrix(int64_t rows, int64_t columns, bool turned, bool wide, reel_dtype dtype,
                           int seed) {
    const int64_t lie_rows = turned ? columns : rows, lie_columns = turned ? rows : columns;
    const int64_t width = lie_columns + (wide ? 3 : 0);
    double *v = malloc((size_t)(lie_rows * width) * sizeof *v + 1);
    ck_assert_ptr_nonnull(v);
    for (int64_t i = 0; i < lie_rows * width; i++) v[i] = NAN;
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            v[turned ? c * width + r : r * width + c] = entry(r * columns + c, seed);
    reel_tensor *t = reel_cast(f64(reel_shape(lie_rows, width), v), dtype);
    free(v);
    t = reel_slice(t, 1, 0, lie_columns, 1);
    return turned ? reel_t(t) : t;
}

static void check(int64_t m, int64_t n, int64_t k, bool tx, bool ty, reel_dtype dtype) {
    REEL_SCOPE;
    reel_tensor *x = matrix(m, k, tx, m % 2, dtype, 1), *y = matrix(k, n, ty, k % 2, dtype, 2);
    reel_tensor *z = reel_full(reel_shape(m, n), 5, dtype, test_device());
    ck_assert_msg(reel__matmul_into(REEL_HERE, z, x, y, true) == REEL_OK, "%s", reel_error());
    double *v = malloc((size_t)(m * n) * sizeof *v);
    ck_assert(reel_read(reel_cast(z, REEL_F64), v, (size_t)(m * n) * sizeof *v) == REEL_OK);
    for (int64_t i = 0; i < m * n; i++) {
        double want = 5;
        for (int64_t p = 0; p < k; p++) want += entry(i / n * k + p, 1) * entry(p * n + i % n, 2);
        ck_assert_msg(v[i] == want, "[%d, %d] @ [%d, %d] %d %d %s, element %d: %g, not %g", (int)m,
                      (int)k, (int)k, (int)n, tx, ty, reel_dtype_name(dtype), (int)i, v[i], want);
    }
    free(v);
}

START_TEST(sizes_around_those_of_tiles) {
    const int m[] = {1, 3, 4, 5, 8, 9, 20, 100},
              n[] = {1, 3, 4, 7, 8, 9, 15, 16, 17, 29, 33, 48, 50, 99}, k[] = {1, 2, 8, 15, 17, 40};
    for (int a = 0; a < 8; a++)
        for (int b = 0; b < 14; b++)
            for (int c = 0; c < 6; c++)
                for (int turned = 0; turned < 4; turned++)
                    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++)
                        check(m[a], n[b], k[c], turned & 1, turned & 2, (reel_dtype)dtype);
}
END_TEST

/* Of more steps than a panel has room for, of operands that are left to BLAS, and of an x that is
 * copied by blocks. */
START_TEST(long_and_large) {
    for (int turned = 0; turned < 4; turned++)
        for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
            check(9, 21, 3000, turned & 1, turned & 2, (reel_dtype)dtype);
            check(130, 35, 1100, turned & 1, turned & 2, (reel_dtype)dtype);
            check(2, 40, 26300, turned & 1, turned & 2, (reel_dtype)dtype);
            check(521, 100, 1030, turned & 1, turned & 2, (reel_dtype)dtype);
            check(513, 100, 80, turned & 1, turned & 2, (reel_dtype)dtype);
            check(513, 1200, 18, turned & 1, turned & 2, (reel_dtype)dtype);
        }
}
END_TEST

START_TEST(threads_do_not_change_bits) {
    REEL_SCOPE;
    reel_tensor *x = reel_sigmoid(matrix(40, 784, false, false, REEL_F32, 1));
    reel_tensor *W = reel_sigmoid(matrix(784, 300, false, false, REEL_F32, 2));
    static float first[2][784 * 300], now[2][784 * 300];
    for (int threads = 1; threads <= 4; threads++) {
        float(*const to)[784 * 300] = threads == 1 ? first : now;
        ck_assert(reel_set_threads(threads) == REEL_OK);
        reel_tensor *h = reel_matmul(x, W);
        ck_assert(reel_read(reel_matmul(h, reel_t(W)), to[0], 40 * 784 * 4) == REEL_OK);
        ck_assert(reel_read(reel_matmul(reel_t(x), h), to[1], sizeof to[1]) == REEL_OK);
        ck_assert(threads == 1 || memcmp(first, now, sizeof now) == 0);
    }
}
END_TEST

START_TEST(nan_and_infinity_stay_where_they_belong) {
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(9, 17), REEL_F32, test_device());
    reel_tensor *y = reel_ones(reel_shape(17, 20), REEL_F32, test_device());
    reel_copy_(reel_slice(reel_select(x, 0, 4), 0, 16, 17, 1),
               reel_scalar(NAN, REEL_F32, test_device()));
    reel_tensor *z = reel_matmul(x, y);
    for (int i = 0; i < 9 * 20; i++) ck_assert(isnan(element(z, i)) == (i / 20 == 4));
}
END_TEST

int main(void) {
    Suite *s = suite_create("products");
    TCase *t = add_case(s, "values");
    tcase_set_timeout(t, 300);
    tcase_add_test(t, sizes_around_those_of_tiles);
    tcase_add_test(t, long_and_large);
    tcase_add_test(t, nan_and_infinity_stay_where_they_belong);
    t = add_cpu_case(s, "threads");
    tcase_add_test(t, threads_do_not_change_bits);
    return run_suite(s);
}
