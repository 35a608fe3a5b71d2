/* dropout, dropout_again. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_random_internal.h"
#include "tensor/formulas/philox_internal.h"

/* state NULL: by what was used before. */
static reel_status drop(const reel__call *c, int64_t *state, int64_t *used) {
    reel_tensor *out = c->out[0];
    REEL_SCOPE;
    reel_tensor *y = out, *x = reel_contiguous_at(c->at, c->in[0]);
    if (!reel_is_contiguous(out)) y = reel_empty_like_at(c->at, out);
    reel__cuda_device *d = x && y ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    const double p = c->with.dropout.p;
    reel_status status = reel__cuda_launched(
        c, reel__cuda_launch_dropout(reel__data(y), reel__data(x), reel_numel(x), x->layout.dtype,
                                     reel__least_kept(p), 1 / (1 - p), state, used, d->tickets,
                                     d->queue));
    if (status == REEL_OK && y != out) status = reel__cuda_copy_into(c, out, y);
    return status;
}

reel_status reel__cuda_dropout(const reel__call *c) {
    int64_t *state = reel__data(c->in[1]), *used = reel__data(c->out[1]);
    if (reel_numel(c->out[0]) > 0) return drop(c, state, used);
    REEL_SCOPE;
    return reel_copy_at_(c->at, c->out[1], c->in[1]) ? REEL_OK : reel_error_status();
}

reel_status reel__cuda_dropout_again(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    return drop(c, NULL, reel__data(c->in[1]));
}
