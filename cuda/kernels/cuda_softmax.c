/* softmax and log_softmax. */
#include "cuda/cuda_internal.h"

/* With memory for the parts, if there are any. */
static reel_status launch_softmax(const reel__call *c, reel__cuda_softmax_work *s,
                                  reel_dtype dtype) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    s->parts = reel__cuda_softmax_parts(s->outer, s->n, s->inner);
    const size_t bytes = (size_t)(s->outer * s->inner * s->parts) * 2 * reel_dtype_size(dtype);
    if (s->parts > 1) {
        s->tallies = reel__cuda_scratch(c, bytes);
        if (!s->tallies) return reel_error_status();
    }
    const reel_status status =
        reel__cuda_launched(c, reel__cuda_launch_softmax(s, dtype, d->queue));
    if (s->tallies) reel__cuda_free(d->index, s->tallies, bytes);
    return status;
}

static reel_status softmax(const reel__call *c, bool log) {
    const int axis = c->with.axis;
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    reel__cuda_softmax_work s = {
        .y = reel__data(c->out[0]), .x = reel__data(x), .n = x->layout.shape.dim[axis], .log = log};
    reel__around_axis(x->layout.shape, axis, &s.outer, &s.inner);
    return launch_softmax(c, &s, x->layout.dtype);
}

reel_status reel__cuda_softmax(const reel__call *c) {
    return softmax(c, false);
}

reel_status reel__cuda_log_softmax(const reel__call *c) {
    return softmax(c, true);
}
