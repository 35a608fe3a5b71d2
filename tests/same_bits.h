/* What "the same bits" means: the sign and payload of a NaN are nobody's, and on a GPU some passes
 * of captured steps add up in another order. */
#ifndef REEL_TESTS_SAME_BITS_H
#define REEL_TESTS_SAME_BITS_H

#include "capture/capture.h"
#include "tests/test_device.h"

#include <math.h>
#include <string.h>

static inline bool is_nan_element(const void *at, reel_dtype dtype) {
    double wide = 0;
    float narrow = 0;
    if (dtype == REEL_F64) memcpy(&wide, at, sizeof wide);
    if (dtype == REEL_F32) memcpy(&narrow, at, sizeof narrow);
    return isnan(wide) || isnan(narrow);
}

static inline bool same_element(const void *a, const void *b, reel_dtype dtype) {
    return memcmp(a, b, reel_dtype_size(dtype)) == 0 ||
           (is_nan_element(a, dtype) && is_nan_element(b, dtype));
}

/* To be left out, of a plan on the device under test that is to keep eager's bits. */
static inline unsigned passes_of_other_bits(void) {
    return test_device().type == REEL_CPU ? 0 : REEL_PASS_FUSE | REEL_PASS_WHOLE;
}

#endif
