/* Losses that are one op, and their gradients. */
#include "tensor/ops/call_internal.h"

reel_tensor *reel_mse_at(const char *at, reel_tensor *y, reel_tensor *t) {
    return reel__run_call((reel__call){
        .op = REEL_OP_mse, .at = at, .nin = 2, .in = {y, t}, .with.reduce.axes = REEL__ALL_AXES});
}

reel_tensor *reel__bce_checked(const char *at, reel_tensor *p, reel_tensor *t) {
    return reel__run_call((reel__call){
        .op = REEL_OP_bce, .at = at, .nin = 2, .in = {p, t}, .with.map.checked = true});
}

/* ---- of a class: what is written at the call site is a loss's arguments, not theirs ---- */

static reel__call of_class(reel__op op, const char *at, reel_tensor *from, reel_tensor *weight,
                           reel_tensor *target, int64_t ignored) {
    return (reel__call){.op = op,
                        .at = at,
                        .first = REEL__NO_NAMES,
                        .nin = 3,
                        .in = {from, weight, target},
                        .with.nll.ignored = ignored};
}

reel_tensor *reel__nll(const char *at, reel_tensor *x, reel_tensor *weight, reel_tensor *target,
                       int64_t ignored, reel_tensor **weights) {
    return reel__run_two(of_class(REEL_OP_nll, at, x, weight, target, ignored), weights);
}

reel_tensor *reel__nll_grad(const char *at, reel_tensor *g, reel_tensor *weight,
                            reel_tensor *target, int64_t ignored) {
    return reel__run_call(of_class(REEL_OP_nll_grad, at, g, weight, target, ignored));
}
