/* The matrix product. */
#include "tensor/ops/call_internal.h"

reel_tensor *reel_matmul_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return reel__binary(REEL_OP_matmul, at, x, y);
}

reel_status reel__matmul_into(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y,
                              bool accumulate) {
    reel__call c = {.op = REEL_OP_matmul,
                    .at = at,
                    .nin = 2,
                    .nout = 1,
                    .in = {x, y},
                    .out = {out},
                    .accumulate = accumulate};
    return reel__dispatch(&c);
}
