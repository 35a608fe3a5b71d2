/* Tensors made of nothing: the diagonal, what is like another, and numbers at one distance, to the
 * bit. */
#include "tests/expect.h"

#include "autograd/autograd.h"

#include <stdlib.h>

#define DEVICE test_device()

static double *elements(reel_tensor *t) {
    const size_t bytes = (size_t)reel_numel(t) * sizeof(double);
    double *v = malloc(bytes + 1);
    ck_assert(v && t);
    ck_assert_msg(reel_read(reel_cast(t, REEL_F64), v, bytes) == REEL_OK, "%s", reel_error());
    return v;
}

/* ---- eye ------------------------------------------------------------------------------------- */

START_TEST(eye_is_one_on_the_diagonal) {
    const int64_t sizes[][2] = {{1, 1}, {3, 3}, {2, 5}, {5, 2}, {0, 4}, {4, 0}, {70, 90}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++) {
            REEL_SCOPE;
            const int64_t n = sizes[k][0], m = sizes[k][1];
            reel_tensor *y = reel_eye(n, m, (reel_dtype)dtype, DEVICE);
            expect_fine();
            ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(n, m)));
            ck_assert_int_eq(reel_dtype_of(y), dtype);
            double *v = elements(y);
            for (int64_t i = 0; i < n * m; i++) ck_assert(v[i] == (i / m == i % m ? 1 : 0));
            free(v);
        }
}
END_TEST

/* ---- like another ---------------------------------------------------------------------------- */

START_TEST(like_takes_shape_and_dtype) {
    for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++) {
        REEL_SCOPE;
        reel_tensor *t =
            reel_t(reel_full(reel_shape(3, 4), 7, (reel_dtype)dtype, DEVICE)); /* strides */
        reel_tensor *made[] = {reel_empty_like(t), reel_full_like(t, 5), reel_zeros_like(t),
                               reel_ones_like(t)};
        expect_fine();
        for (int i = 0; i < 4; i++) {
            ck_assert(reel_shape_equal(reel_shape_of(made[i]), reel_shape(4, 3)));
            ck_assert_int_eq(reel_dtype_of(made[i]), dtype);
            ck_assert(reel_device_equal(reel_device_of(made[i]), DEVICE));
            ck_assert(reel_is_contiguous(made[i]));
        }
        for (int64_t i = 0; i < 12; i++) {
            ck_assert_double_eq(element(made[1], i), 5);
            ck_assert_double_eq(element(made[2], i), 0);
            ck_assert_double_eq(element(made[3], i), 1);
            ck_assert_double_eq(element(t, i), 7);
        }
    }
}
END_TEST

START_TEST(like_is_untracked) {
    REEL_SCOPE;
    reel_tensor *t = reel_track(reel_ones(reel_shape(2), REEL_F32, DEVICE));
    ck_assert(!reel_is_tracked(reel_zeros_like(t)) && !reel_is_tracked(reel_empty_like(t)));
    reel_untrack(t);
}
END_TEST

/* ---- numbers at one distance ----------------------------------------------------------------- */

/* The formula of the manual, in this file's own arithmetic. */
static double spaced(double start, double stop, int64_t n, int64_t i) {
    const volatile double step = (stop - start) / (double)(n - 1);
    const volatile double way = step * (double)(i < n / 2 ? i : n - 1 - i);
    return i < n / 2 ? start + way : stop - way;
}

START_TEST(linspace_is_symmetric_and_ends_where_it_should) {
    const double ends[][2] = {{-1, 1}, {0.1, 0.7}, {1e-3, 1e300}, {5, -3}, {-0.3, 0.3}};
    for (size_t k = 0; k < sizeof ends / sizeof *ends; k++)
        for (int64_t n = 2; n < 40; n++) {
            REEL_SCOPE;
            double *v = elements(reel_linspace(ends[k][0], ends[k][1], n, REEL_F64, DEVICE));
            ck_assert(v[0] == ends[k][0] && v[n - 1] == ends[k][1]);
            for (int64_t i = 0; i < n; i++)
                ck_assert_double_eq(v[i], spaced(ends[k][0], ends[k][1], n, i));
            if (ends[k][0] == -ends[k][1])
                for (int64_t i = 0; i < n / 2; i++) ck_assert_double_eq(v[i], -v[n - 1 - i]);
            float narrow[40];
            reel_tensor *y = reel_linspace(ends[k][0], ends[k][1], n, REEL_F32, DEVICE);
            ck_assert_int_eq(reel_read(y, narrow, (size_t)n * sizeof *narrow), REEL_OK);
            for (int64_t i = 0; i < n; i++) ck_assert_float_eq(narrow[i], (float)v[i]);
            free(v);
        }
}
END_TEST

START_TEST(linspace_of_one_is_the_start) {
    REEL_SCOPE;
    expect_values(reel_linspace(3, 4, 1, REEL_F64, DEVICE), (double[]){3}, 1);
    ck_assert_int_eq(reel_numel(reel_linspace(3, 4, 0, REEL_F32, DEVICE)), 0);
    expect_fine();
}
END_TEST

START_TEST(arange_from_stops_before_stop) {
    REEL_SCOPE;
    const reel_device d = DEVICE;
    expect_values(reel_arange_from(1, 2, 0.25, REEL_F64, d), (double[]){1, 1.25, 1.5, 1.75}, 4);
    expect_values(reel_arange_from(1, 2.01, 0.25, REEL_F64, d), (double[]){1, 1.25, 1.5, 1.75, 2},
                  5);
    expect_values(reel_arange_from(5, 0, -2, REEL_I64, d), (double[]){5, 3, 1}, 3);
    expect_values(reel_arange_from(-2, 3, 2.5, REEL_I64, d), (double[]){-2, 0}, 2);
    expect_values(reel_arange_from(254, 258, 1, REEL_U8, d), (double[]){254, 255, 0, 1}, 4);
    expect_values(reel_arange_from(0x1p53 - 2, 0x1p53, 1, REEL_I64, d),
                  (double[]){0x1p53 - 2, 0x1p53 - 1}, 2);
    ck_assert_int_eq(reel_numel(reel_arange_from(2, 1, 1, REEL_F32, d)), 0);
    ck_assert_int_eq(reel_numel(reel_arange_from(2, 2, 1, REEL_F32, d)), 0);
    expect_fine();
}
END_TEST

START_TEST(threads_make_no_difference) {
    enum { N = 100003 };
    double *one[2] = {NULL, NULL};
    for (int threads = 1; threads <= 5; threads++) {
        REEL_SCOPE;
        ck_assert_int_eq(reel_set_threads(threads), REEL_OK);
        double *v[] = {elements(reel_linspace(-1.7, 0.3, N, REEL_F64, DEVICE)),
                       elements(reel_arange_from(0.1, 1e4, 0.1, REEL_F32, DEVICE))};
        for (int i = 0; i < 2; i++) {
            if (one[i])
                ck_assert_mem_eq(one[i], v[i], 99999 * sizeof *v[i]);
            else
                one[i] = v[i], v[i] = NULL;
            free(v[i]);
        }
    }
    free(one[0]);
    free(one[1]);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------- */

START_TEST(refuses) {
    const reel_device d = DEVICE;
    REEL_SCOPE;
    const double bad[][3] = {{0, 1, 0},   {0, NAN, 1},      {NAN, 1, 1},
                             {0, 1, NAN}, {0, INFINITY, 1}, {0, 1e300, 1e-300}};
    for (int i = 0; i < 6; i++) {
        ck_assert_ptr_null(reel_arange_from(bad[i][0], bad[i][1], bad[i][2], REEL_F32, d));
        expect_failure(REEL_ERR_ARGUMENT, "arange: can't count in f32 from ");
    }
    ck_assert_ptr_null(reel_arange_from(0x1p54, 0x1p54 + 8, 4, REEL_I64, d));
    expect_failure(REEL_ERR_ARGUMENT, "arange: can't count in i64 from 1.80144e+16 to ");
    ck_assert_ptr_null(reel_linspace(0, 1, 5, REEL_I64, d));
    expect_failure(REEL_ERR_DTYPE, "linspace: gives f32 or f64, not i64 (");
    ck_assert_ptr_null(reel_linspace(0, 1, -1, REEL_F32, d));
    expect_failure(REEL_ERR_SHAPE, "[-1] is no shape");
    ck_assert_ptr_null(reel_eye(-1, 3, REEL_F32, d));
    expect_failure(REEL_ERR_SHAPE, "[-1, 3] is no shape");
    reel_tensor *none = NULL;
    ck_assert_ptr_null(reel_zeros_like(none));
    expect_failure(REEL_ERR_ARGUMENT, "zeros_like: the tensor to be like is NULL (");
    ck_assert_ptr_null(reel_empty_like(none));
    expect_failure(REEL_ERR_ARGUMENT, "empty_like: the tensor to be like is NULL (");
    ck_assert_ptr_null(reel_ones_like(reel_eye(-1, -1, REEL_F32, d))); /* the first is kept */
    expect_failure(REEL_ERR_SHAPE, "[-1, -1] is no shape");
}
END_TEST

int main(void) {
    Suite *s = suite_create("creation");
    TCase *c = add_case(s, "values");
    tcase_add_test(c, eye_is_one_on_the_diagonal);
    tcase_add_test(c, like_takes_shape_and_dtype);
    tcase_add_test(c, like_is_untracked);
    tcase_add_test(c, linspace_is_symmetric_and_ends_where_it_should);
    tcase_add_test(c, linspace_of_one_is_the_start);
    tcase_add_test(c, arange_from_stops_before_stop);
    c = add_cpu_case(s, "threads");
    tcase_add_test(c, threads_make_no_difference);
    c = add_case(s, "refusals");
    tcase_add_test(c, refuses);
    return run_suite(s);
}
