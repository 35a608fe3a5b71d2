/* Reductions: brought into the kernels' form (nest.c), with memory for what parts leave behind. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_fold_internal.h"

static const reel__cuda_fold_launcher launchers[REEL__FOLDS] = {
    [REEL__FOLD_sum] = reel__cuda_launch_sum,
    [REEL__FOLD_product] = reel__cuda_launch_product,
    [REEL__FOLD_greatest] = reel__cuda_launch_extreme,
    [REEL__FOLD_least] = reel__cuda_launch_extreme,
    [REEL__FOLD_first_greatest] = reel__cuda_launch_position,
    [REEL__FOLD_first_least] = reel__cuda_launch_position,
    [REEL__FOLD_any] = reel__cuda_launch_truth,
    [REEL__FOLD_all] = reel__cuda_launch_truth,
    [REEL__FOLD_moments] = reel__cuda_launch_moments,
    [REEL__FOLD_squares] = reel__cuda_launch_squares,
    [REEL__FOLD_exponentials] = reel__cuda_launch_exponentials,
};

static bool is_flipped(reel__fold_name f) {
    return f == REEL__FOLD_least || f == REEL__FOLD_first_least || f == REEL__FOLD_all;
}

static reel_status launch(const reel__call *c, reel__cuda_fold_work *w) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    w->parts = reel__cuda_fold_parts(w->outer, w->rows, w->columns);
    w->tickets = d->tickets;
    const size_t bytes = (size_t)(w->outer * w->columns * w->parts) * REEL__CUDA_FOLD_BYTES;
    if (w->parts > 1) {
        w->partial = reel__cuda_scratch(c, bytes);
        if (!w->partial) return reel_error_status();
    }
    const reel_status status = reel__cuda_launched(
        c, launchers[reel__fold_of[c->op]](w, c->in[0]->layout.dtype, d->queue));
    if (w->partial) reel__cuda_free(d->index, w->partial, bytes);
    return status;
}

/* Where x lies, and y if there are pairs; of nothing no rows. */
static reel_status take_inputs(const reel__call *c, reel__cuda_fold_work *w) {
    reel__reduction r = {.outer = reel_numel(c->out[0]), .columns = 1};
    const reel_tensor *second = NULL;
    if (reel_numel(c->in[0]) > 0) {
        const int64_t axes = c->with.reduce.axes;
        REEL_TRY(c->nin > 1 ? reel__reduction_make_both(&r, &second, c, axes)
                            : reel__reduction_make(&r, c, axes));
        w->x = reel__data(r.x);
        w->y = second ? reel__data(second) : NULL;
    }
    w->outer = r.outer;
    w->rows = r.rows;
    w->columns = r.columns;
    w->outer_stride = r.outer_stride;
    w->row_stride = r.row_stride;
    return REEL_OK;
}

reel_status reel__cuda_reduce(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    const bool is_one = c->nin == 1 && reel_numel(c->in[0]) > 0;
    const int64_t expanded = is_one ? reel__expanded_axes(c) : 0;
    if (expanded) return reel__reduce_narrow(c, expanded);
    REEL_SCOPE;
    reel__cuda_fold_work w = {.out = reel__data(c->out[0]),
                              .times = reel__times(c),
                              .left = reel__left_of(c),
                              .op = c->op,
                              .flip = is_flipped(reel__fold_of[c->op])};
    REEL_TRY(take_inputs(c, &w));
    return launch(c, &w);
}
