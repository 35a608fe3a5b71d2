/* Dropout as an op: see ops_internal.h. */
#include "tensor/ops/call_internal.h"

reel_tensor *reel__dropout(const char *at, reel_tensor *x, reel_tensor *state, double p) {
    return reel__run_two(
        (reel__call){
            .op = REEL_OP_dropout, .at = at, .nin = 2, .in = {x, state}, .with.dropout.p = p},
        NULL);
}

reel_tensor *reel__dropout_again(const char *at, reel_tensor *x, reel_tensor *used, double p) {
    return reel__run_call((reel__call){
        .op = REEL_OP_dropout_again, .at = at, .nin = 2, .in = {x, used}, .with.dropout.p = p});
}
