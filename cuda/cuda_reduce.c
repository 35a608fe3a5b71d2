/* Reductions: brought into the kernels' form (nest.c), with memory for what parts leave behind. */
#include "cuda/cuda_internal.h"

static reel_status launch(const reel__call *c, reel__cuda_fold_launcher launcher,
                          reel__cuda_fold_work *w) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    w->parts = reel__cuda_fold_parts(w->outer, w->rows, w->columns);
    w->tickets = d->tickets;
    const size_t bytes = (size_t)(w->outer * w->columns * w->parts) * REEL__CUDA_FOLD_BYTES;
    if (w->parts > 1) {
        w->partial = reel__cuda_scratch(c, bytes);
        if (!w->partial) return reel_error_status();
    }
    const reel_status status =
        reel__cuda_launched(c, launcher(w, c->in[0]->layout.dtype, d->queue));
    if (w->partial) reel__cuda_free(d->index, w->partial, bytes);
    return status;
}

static reel_status fill(const reel__call *c, double value) {
    return reel_fill_at_(c->at, c->out[0], value) ? REEL_OK : reel_error_status();
}

/* What `how` says apart from the operands; `none` is the result of nothing. */
static reel_status reduce(const reel__call *c, reel__cuda_fold_launcher launcher,
                          reel__cuda_fold_work how, double none) {
    reel__reduction r;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    if (reel_numel(c->in[0]) == 0) return fill(c, none);
    const int64_t expanded = reel__expanded_axes(c);
    if (expanded) return reel__reduce_narrow(c, expanded);
    how.times = reel__times(c);
    REEL_SCOPE;
    reel_status status = reel__reduction_make(&r, c, c->with.reduce.axes);
    if (status != REEL_OK) return status;
    how.x = reel__data(r.x);
    how.out = reel__data(c->out[0]);
    how.outer = r.outer;
    how.rows = r.rows;
    how.columns = r.columns;
    how.outer_stride = r.outer_stride;
    how.row_stride = r.row_stride;
    return launch(c, launcher, &how);
}

/* Elements of x that go into a result. */
static double count_of(const reel__call *c) {
    return (double)reel__count_over(c->in[0]->layout.shape, c->with.reduce.axes);
}

#define NOT_A_NUMBER __builtin_nan("")

reel_status reel__cuda_sum(const reel__call *c) {
    return reduce(c, reel__cuda_launch_sum, (reel__cuda_fold_work){.divisor = 1}, 0);
}

reel_status reel__cuda_mean(const reel__call *c) {
    return reduce(c, reel__cuda_launch_sum,
                  (reel__cuda_fold_work){.divisor = count_of(c) * reel__times(c)}, NOT_A_NUMBER);
}

reel_status reel__cuda_prod(const reel__call *c) {
    return reduce(c, reel__cuda_launch_prod, (reel__cuda_fold_work){0}, 1);
}

reel_status reel__cuda_max(const reel__call *c) {
    return reduce(c, reel__cuda_launch_extreme, (reel__cuda_fold_work){0}, 0);
}

reel_status reel__cuda_min(const reel__call *c) {
    return reduce(c, reel__cuda_launch_extreme, (reel__cuda_fold_work){.flip = true}, 0);
}

reel_status reel__cuda_argmax(const reel__call *c) {
    return reduce(c, reel__cuda_launch_position, (reel__cuda_fold_work){0}, 0);
}

reel_status reel__cuda_argmin(const reel__call *c) {
    return reduce(c, reel__cuda_launch_position, (reel__cuda_fold_work){.flip = true}, 0);
}

reel_status reel__cuda_any(const reel__call *c) {
    return reduce(c, reel__cuda_launch_truth, (reel__cuda_fold_work){0}, 0);
}

reel_status reel__cuda_all(const reel__call *c) {
    return reduce(c, reel__cuda_launch_truth, (reel__cuda_fold_work){.flip = true}, 1);
}

static reel_status variance(const reel__call *c, bool root) {
    const double divisor = count_of(c) * reel__times(c) - c->with.reduce.correction;
    return reduce(c, reel__cuda_launch_var,
                  (reel__cuda_fold_work){.divisor = divisor > 0 ? divisor : 0, .root = root},
                  NOT_A_NUMBER);
}

reel_status reel__cuda_var(const reel__call *c) {
    return variance(c, false);
}

reel_status reel__cuda_std(const reel__call *c) {
    return variance(c, true);
}

reel_status reel__cuda_norm(const reel__call *c) {
    return reduce(c, reel__cuda_launch_length, (reel__cuda_fold_work){0}, 0);
}

reel_status reel__cuda_logsumexp(const reel__call *c) {
    return reduce(c, reel__cuda_launch_logsumexp, (reel__cuda_fold_work){0}, -__builtin_inf());
}

/* ---- mse ---- */

reel_status reel__cuda_mse(const reel__call *c) {
    const int64_t n = reel_numel(c->in[0]);
    if (n == 0) return fill(c, NOT_A_NUMBER);
    REEL_SCOPE;
    reel_tensor *y = reel_contiguous_at(c->at, c->in[0]), *t = reel_contiguous_at(c->at, c->in[1]);
    if (!y || !t) return reel_error_status();
    reel__cuda_fold_work w = {.x = reel__data(y),
                              .y = reel__data(t),
                              .out = reel__data(c->out[0]),
                              .outer = 1,
                              .rows = n,
                              .columns = 1,
                              .outer_stride = 1,
                              .row_stride = 1,
                              .divisor = (double)n,
                              .times = 1};
    return launch(c, reel__cuda_launch_square_differences, &w);
}
