/* Failures to the letter, with the call site that they name. */
#ifndef REEL_TESTS_CALL_SITE_H
#define REEL_TESTS_CALL_SITE_H

#include "tests/expect.h"

#include <stdlib.h>

/* A file as messages name it. */
static inline const char *file_name(const char *file) {
    while (strncmp(file, "../", 3) == 0) file += 3;
    return file;
}

/* The kept failure is exactly `text` and a call site of that file (line 0: any line); it is
 * cleared. */
static inline void expect_text(reel_status code, const char *text, const char *file, int line) {
    char whole[1024];
    const char *site = strrchr(reel_error(), ':');
    int found = site ? atoi(site + 1) : 0;
    snprintf(whole, sizeof whole, "%s (%s:%d)", text, file_name(file), line ? line : found);
    ck_assert_str_eq(reel_error(), whole);
    ck_assert_int_eq(reel_error_status(), code);
    reel_clear_error();
}

/* `call` gives NULL and says `text`. */
#define FAILS(call, code, text)                                                                    \
    do {                                                                                           \
        const void *result = (call);                                                               \
        ck_assert_msg(result == NULL, "did not fail: %s", text);                                   \
        expect_text(code, text, __FILE__, 0);                                                      \
    } while (0)

/* 0, 1, 2, ... in f64 */
static inline reel_tensor *counting(reel_shape shape) {
    int64_t n = 1;
    for (int i = 0; i < shape.ndim; i++) n *= shape.dim[i];
    return reel_reshape(reel_arange(n, REEL_F64, test_device()), shape);
}

#endif
