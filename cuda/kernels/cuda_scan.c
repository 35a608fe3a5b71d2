/* cumsum. */
#include "cuda/cuda_internal.h"

/* With memory for the parts' sums, if there are any. */
static reel_status launch_scan(const reel__call *c, reel__cuda_scan_work *s, reel_dtype dtype) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    const int64_t parts = reel__cuda_scan_parts(s->outer, s->n, s->inner);
    s->each = (s->n + parts - 1) / parts;
    s->parts = (int)((s->n + s->each - 1) / s->each); /* none is empty */
    const size_t bytes = (size_t)(s->outer * s->inner * s->parts) * 8;
    if (s->parts > 1) {
        s->sums = reel__cuda_scratch(c, bytes);
        if (!s->sums) return reel_error_status();
    }
    const reel_status status = reel__cuda_launched(c, reel__cuda_launch_scan(s, dtype, d->queue));
    if (s->sums) reel__cuda_free(d->index, s->sums, bytes);
    return status;
}

reel_status reel__cuda_cumsum(const reel__call *c) {
    const int axis = c->with.scan.axis;
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    reel__cuda_scan_work s = {.y = reel__data(c->out[0]),
                              .x = reel__data(x),
                              .n = x->layout.shape.dim[axis],
                              .reverse = c->with.scan.reverse};
    reel__around_axis(x->layout.shape, axis, &s.outer, &s.inner);
    return launch_scan(c, &s, x->layout.dtype);
}
