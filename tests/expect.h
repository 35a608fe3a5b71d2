/* What suites say of failures, leaks and values. */
#ifndef REEL_TESTS_EXPECT_H
#define REEL_TESTS_EXPECT_H

#include "tensor/ops.h"
#include "tests/test_device.h"

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

/* Before each test and after it: no failure that nobody looked at, those of kernels that are under
 * way included, and no tensor that nobody let go, but for what a test that failed in this very
 * process (CK_FORK=no) has left behind. */
static size_t left_behind;

static inline void begin_clean(void) {
    reel_clear_error();
    left_behind = reel_tensors_alive();
}

static inline void expect_clean(void) {
    reel_synchronize(test_device());
    expect_fine();
    if (reel_tensors_alive() != left_behind) reel_leak_report(stderr);
    ck_assert_uint_eq(reel_tensors_alive(), left_behind);
}

static inline reel_tensor *f64(reel_shape shape, const double *values) {
    return to_device(reel_from(values, shape, REEL_F64));
}

/* Element i of t in row-major order. */
static inline double element(reel_tensor *t, int64_t i) {
    double value = NAN;
    REEL_SCOPE;
    value = reel_item(reel_select(reel_reshape(t, reel_shape(-1)), 0, i));
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
    tcase_add_checked_fixture(c, begin_clean, expect_clean);
    suite_add_tcase(s, c);
    return c;
}

/* The same for what is about the CPU alone: its threads, its memory. Left out, with a line that
 * says so, where another device is tested. */
static inline TCase *add_cpu_case(Suite *s, const char *name) {
    if (test_device().type == REEL_CPU) return add_case(s, name);
    printf("skipped: %s: on the CPU only\n", name);
    return tcase_create(name);
}

/* What main returns. CUDA does not outlive a fork, so there tests share this process. */
static inline int run_suite(Suite *s) {
    const reel_device device = test_device();
    if (reel_failed() || reel_device_check(device) != REEL_OK) return reel_report(stderr);
    if (device.type != REEL_CPU) setenv("CK_FORK", "no", 1);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}

#endif
