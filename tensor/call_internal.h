/* Into the funnel: how public ops make their calls. Results are borrowed, NULL on failure. */
#ifndef REEL_TENSOR_CALL_INTERNAL_H
#define REEL_TENSOR_CALL_INTERNAL_H

#include "tensor/ops_internal.h"

static inline reel_tensor *run(reel__call c) {
    if (c.nout == 0) c.nout = 1;
    return reel__dispatch(&c) == REEL_OK ? reel__scope_give(c.out[0]) : NULL;
}

static inline reel_tensor *unary(reel__op op, const char *at, reel_tensor *x) {
    return run((reel__call){.op = op, .at = at, .nin = 1, .in = &x});
}

static inline reel_tensor *binary(reel__op op, const char *at, reel_tensor *x, reel_tensor *y) {
    reel_tensor *in[] = {x, y};
    return run((reel__call){.op = op, .at = at, .nin = 2, .in = in});
}

#endif
