/* How ops over windows read their options. */
#ifndef REEL_TENSOR_OPS_AXES_OPTIONS_INTERNAL_H
#define REEL_TENSOR_OPS_AXES_OPTIONS_INTERNAL_H

#include "tensor/ops/call_internal.h"

#include <inttypes.h>

#define REEL__LONGEST ((int64_t)1 << 30) /* so that products of two lengths do not overflow */

/* One number for each axis: those given, one for all, or the default; in least..2^30. */
static inline reel_status reel__spread(int64_t *to, int axes, reel_shape given, int64_t otherwise,
                                       int64_t least, const char *what) {
    if (given.ndim < 0 || (given.ndim > 1 && given.ndim != axes))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "%s for %d axes, where there are %d", what,
                                    given.ndim, axes);
    for (int i = 0; i < axes; i++) {
        to[i] = given.ndim == 0 ? otherwise : given.dim[given.ndim == 1 ? 0 : i];
        if (to[i] < least || to[i] > REEL__LONGEST)
            return reel__fail_composite(REEL_ERR_ARGUMENT,
                                        to[i] < least ? "%s must be %" PRId64 " or more: %" PRId64
                                                      : "%s must lie in %" PRId64
                                                        "..2^30: %" PRId64,
                                        what, least, to[i]);
    }
    return REEL_OK;
}

/* The lengths of x's last axes, each 1 or more. */
static inline reel_status reel__read_lengths(reel__with *with, int axes, const reel_tensor *x) {
    const int first = reel_ndim(x) - axes;
    with->window.dims = axes;
    with->window.times = 1;
    for (int i = 0; i < axes; i++) {
        const int64_t n = reel_dim(x, first + i);
        if (n < 1 || n > REEL__LONGEST)
            return reel__fail_composite(REEL_ERR_SHAPE, "axis %d of length %" PRId64, first + i, n);
        with->window.axis[i].in = n;
    }
    return REEL_OK;
}

/* x[N,C,S...] or x[C,S...]. */
static inline reel_status reel__check_spatial(int axes, const reel_tensor *x) {
    const int n = reel_ndim(x);
    if (n == axes + 1 || n == axes + 2) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "takes an input of %d axes, or %d", axes + 2,
                                axes + 1);
}

#endif
