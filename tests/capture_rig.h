/* A step run as it is beside the same step captured: bits. */
#ifndef REEL_TESTS_CAPTURE_RIG_H
#define REEL_TESTS_CAPTURE_RIG_H

#include "reel.h"
#include "tests/expect.h"
#include "tests/same_bits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* What two are called in messages. */
static inline void expect_same_bits(reel_tensor *a, reel_tensor *b, const char *format, ...)
    REEL__PRINTF(3, 4);
static inline void expect_same_bits(reel_tensor *a, reel_tensor *b, const char *format, ...) {
    char what[200];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    ck_assert_msg(!reel_failed(), "%s: %s", what, reel_error());
    ck_assert_msg((a != NULL) == (b != NULL), "%s: eager %s, captured %s", what,
                  a ? "there" : "none", b ? "there" : "none");
    if (!a) return;
    ck_assert_msg(reel_shape_equal(reel_shape_of(a), reel_shape_of(b)), "%s: shapes", what);
    ck_assert_msg(reel_dtype_of(a) == reel_dtype_of(b), "%s: dtypes", what);
    const size_t size = reel_dtype_size(reel_dtype_of(a)), bytes = (size_t)reel_numel(a) * size;
    char *x = malloc(bytes + 1), *y = malloc(bytes + 1);
    ck_assert(x && y);
    ck_assert_msg(reel_read(a, x, bytes) == REEL_OK && reel_read(b, y, bytes) == REEL_OK, "%s: %s",
                  what, reel_error());
    for (size_t i = 0; i < bytes; i += size)
        if (memcmp(x + i, y + i, size) != 0) {
            const double e = element(a, (int64_t)(i / size)), c = element(b, (int64_t)(i / size));
            ck_abort_msg("%s: element %zu is %.17g, captured %.17g", what, i / size, e, c);
        }
    free(x);
    free(y);
}

static inline void expect_same_states(const reel_state *a, const reel_state *b, const char *what) {
    ck_assert_int_eq(reel_state_count(a), reel_state_count(b));
    for (int i = 0; i < reel_state_count(a); i++)
        expect_same_bits(reel_state_at(a, i), reel_state_at(b, i), "%s: %s", what,
                         reel_state_name(a, i));
    for (int i = 0; i < reel_state_text_count(a); i++) {
        const char *key = reel_state_text_key(a, i), *other = reel_state_text(b, key);
        ck_assert_msg(other && strcmp(reel_state_text_value(a, i), other) == 0,
                      "%s: %s is %s, captured %s", what, key, reel_state_text_value(a, i),
                      other ? other : "none");
    }
}

/* The same steps of both, which make as many. */
static inline void replay_both(reel_plan *eager, reel_plan *plan, int64_t steps) {
    const int64_t n = reel_replay(eager, steps);
    expect_fine();
    const int64_t m = reel_replay(plan, steps);
    expect_fine();
    ck_assert_int_eq(n, m);
}

/* A plan that keeps eager's bits: on a GPU the passes that add up in another order are left out. */
static inline reel_plan *plan_with_bits(reel_step step, void *user, unsigned without) {
    const unsigned all = without | passes_of_other_bits();
    return reel_capture(step, user, (reel_capture_options){.without = all});
}

static inline reel_plan *eager_plan(reel_step step, void *user) {
    return reel_capture(step, user, (reel_capture_options){.eager = true});
}

#endif
