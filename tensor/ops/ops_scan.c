/* Running sums along an axis. */
#include "tensor/ops/call_internal.h"

reel_tensor *reel__cumsum(const char *at, reel_tensor *x, int axis, bool reverse) {
    if (reel__is_alive(x) && reel_ndim(x) == 0 && (axis == 0 || axis == -1)) {
        reel_tensor *y = reel__cumsum(at, reel_reshape_at(at, x, reel_shape(1)), 0, reverse);
        return reel_reshape_at(at, y, REEL_SCALAR);
    }
    return reel__run_call(
        (reel__call){.op = REEL_OP_cumsum,
                     .at = at,
                     .nin = 1,
                     .in = {x},
                     .with.scan = {.axis = reel__axis(axis, reel_ndim(x)), .reverse = reverse}});
}

reel_tensor *reel_cumsum_at(const char *at, reel_tensor *x, int axis) {
    return reel__cumsum(at, x, axis, false);
}
