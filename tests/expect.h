/* What suites say of failures, leaks and values. */
#ifndef REEL_TESTS_EXPECT_H
#define REEL_TESTS_EXPECT_H

#include "tensor/ops.h"

#include <check.h>
#include <math.h>
#include <string.h>

/* The kept failure has this code and says this; it is cleared. */
static inline void expect_failure(reel_status code, const char *part) {
    ck_assert_msg(reel_error_status() == code, "status %d, message \"%s\"", reel_error_status(),
                  reel_error());
    ck_assert_msg(strstr(reel_error(), part), "\"%s\" not in \"%s\"", part, reel_error());
    reel_clear_error();
}

static inline void expect_fine(void) {
    ck_assert_msg(!reel_failed(), "%s", reel_error());
}

/* After each test: no failure that nobody looked at, no tensor that nobody let go. */
static inline void expect_clean(void) {
    expect_fine();
    if (reel_tensors_alive()) reel_leak_report(stderr);
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}

static inline reel_tensor *f64(reel_shape shape, const double *values) {
    return reel_from(values, shape, REEL_F64);
}

/* Element i of t in row-major order. */
static inline double element(reel_tensor *t, int64_t i) {
    double value = NAN;
    REEL_SCOPE {
        value = reel_item(reel_select(reel_reshape(t, reel_shape(-1)), 0, i));
    }
    return value;
}

static inline void expect_values(reel_tensor *t, const double *values, int64_t count) {
    expect_fine();
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(reel_numel(t), count);
    for (int64_t i = 0; i < count; i++) ck_assert_double_eq_tol(element(t, i), values[i], 1e-12);
}

/* A case whose tests must end clean. */
static inline TCase *add_case(Suite *s, const char *name) {
    TCase *c = tcase_create(name);
    tcase_add_checked_fixture(c, NULL, expect_clean);
    suite_add_tcase(s, c);
    return c;
}

/* What main returns. */
static inline int run_suite(Suite *s) {
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
