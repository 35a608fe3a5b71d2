/* sum, mean, mse and softmax. */
#include "cuda/cuda_internal.h"

/* Launches a sum, with memory for its parts if there are any. */
static reel_status launch_sum(const reel__call *c, reel__cuda_sum_work *s, reel_dtype dtype) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    s->parts = reel__cuda_sum_parts(s->outer, s->rows, s->columns);
    s->tickets = d->tickets;
    const size_t bytes = (size_t)(s->outer * s->columns * s->parts) * sizeof(double);
    if (s->parts > 1) {
        s->partial = reel__cuda_scratch(c, bytes);
        if (!s->partial) return reel_error_status();
    }
    const reel_status status = reel__cuda_launched(c, reel__cuda_launch_sum(s, dtype, d->queue));
    if (s->partial) reel__cuda_free(d->index, s->partial, bytes);
    return status;
}

static reel_status reduce(const reel__call *c, double divisor) {
    reel__reduction r;
    reel_status status = REEL_OK;
    REEL_SCOPE {
        status = reel__reduction_make(&r, c, c->attr.i[0]);
        if (status != REEL_OK) return status;
        reel__cuda_sum_work s = {.x = reel__data(r.x),
                                 .out = reel__data(c->out[0]),
                                 .outer = r.outer,
                                 .rows = r.rows,
                                 .columns = r.columns,
                                 .outer_stride = r.outer_stride,
                                 .row_stride = r.row_stride,
                                 .divisor = divisor};
        status = launch_sum(c, &s, c->in[0]->layout.dtype);
    }
    return status;
}

/* What is summed over nothing. */
static reel_status fill_empty(const reel__call *c, double value) {
    return reel_fill_at_(c->at, c->out[0], value) ? REEL_OK : reel_error_status();
}

reel_status reel__cuda_sum(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    if (reel_numel(c->in[0]) == 0) return fill_empty(c, 0);
    return reduce(c, 1);
}

reel_status reel__cuda_mean(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    if (reel_numel(c->in[0]) == 0) return fill_empty(c, __builtin_nan(""));
    return reduce(c, (double)reel_numel(c->in[0]) / (double)reel_numel(c->out[0]));
}

reel_status reel__cuda_mse(const reel__call *c) {
    const int64_t n = reel_numel(c->in[0]);
    reel_status status = REEL_OK;
    if (n == 0) return fill_empty(c, __builtin_nan(""));
    REEL_SCOPE {
        reel_tensor *y = reel_contiguous_at(c->at, c->in[0]),
                    *t = reel_contiguous_at(c->at, c->in[1]);
        if (!y || !t) return reel_error_status();
        reel__cuda_sum_work s = {.x = reel__data(y),
                                 .y = reel__data(t),
                                 .out = reel__data(c->out[0]),
                                 .outer = 1,
                                 .rows = n,
                                 .columns = 1,
                                 .outer_stride = 1,
                                 .row_stride = 1,
                                 .divisor = (double)n};
        status = launch_sum(c, &s, y->layout.dtype);
    }
    return status;
}

/* The same for a softmax. */
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

reel_status reel__cuda_softmax(const reel__call *c) {
    const int axis = (int)c->attr.i[0];
    reel_status status = REEL_OK;
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    REEL_SCOPE {
        reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
        if (!x) return reel_error_status();
        reel__cuda_softmax_work s = {
            .y = reel__data(c->out[0]), .x = reel__data(x), .n = x->layout.shape.dim[axis]};
        reel__around_axis(x->layout.shape, axis, &s.outer, &s.inner);
        status = launch_softmax(c, &s, x->layout.dtype);
    }
    return status;
}
