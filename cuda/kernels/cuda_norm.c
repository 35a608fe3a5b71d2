/* standardize and its gradient: operands contiguous, those of scattered channels turned first, and
 * memory for sums. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_norm_internal.h"
#include "tensor/ops/norm_internal.h"

static reel__cuda_norm_work work_of(const reel__call *c) {
    const reel__with with = reel__norm_is_thin(&c->with) ? reel__norm_turned_with(c) : c->with;
    return (reel__cuda_norm_work){.outer = with.norm.outer,
                                  .groups = with.norm.groups,
                                  .channels = with.norm.channels,
                                  .inner = with.norm.inner,
                                  .eps = with.norm.eps,
                                  .across = with.norm.across,
                                  .uncentred = with.norm.uncentred};
}

/* With `numbers` f64 of scratch, of which those from `slopes` on are the slopes. */
static reel_status launch_with(const reel__call *c, reel__cuda_norm_work *n, reel_dtype dtype,
                               int64_t numbers, int64_t slopes,
                               cudaError_t (*launch)(const reel__cuda_norm_work *n,
                                                     reel_dtype dtype, reel__cuda_queue *queue)) {
    reel__cuda_device *d = reel__cuda_enter(c);
    const size_t bytes = (size_t)numbers * sizeof(double);
    if (!d) return reel_error_status();
    if (numbers > 0) {
        n->sums = reel__cuda_scratch(c, bytes);
        if (!n->sums) return reel_error_status();
        n->slopes = n->sums + slopes;
    }
    const reel_status status = reel__cuda_launched(c, launch(n, dtype, d->queue));
    if (n->sums) reel__cuda_free(d->index, n->sums, bytes);
    return status;
}

reel_status reel__cuda_standardize(const reel__call *c) {
    reel_tensor *out = c->out[0], *y = out, *in[3] = {NULL};
    REEL_SCOPE;
    if (reel_numel(out) == 0) { /* of nothing: mean 0 and variance 1 */
        const bool done = reel_fill_at_(c->at, c->out[1], 0) && reel_fill_at_(c->at, c->out[2], 1);
        return done ? REEL_OK : reel_error_status();
    }
    const bool thin = reel__norm_is_thin(&c->with);
    for (int i = 0; i < c->nin; i++) {
        in[i] =
            i == 0 && thin ? reel__norm_turned(c, c->in[i]) : reel_contiguous_at(c->at, c->in[i]);
        if (!in[i]) return reel_error_status();
    }
    if (thin || !reel_is_contiguous(out)) y = reel_empty_like_at(c->at, in[0]);
    if (!y) return reel_error_status();
    reel__cuda_norm_work n = work_of(c);
    n.y = reel__data(y);
    n.x = reel__data(in[0]);
    n.w = in[1] ? reel__data(in[1]) : NULL;
    n.b = in[2] ? reel__data(in[2]) : NULL;
    n.mean = reel__data(c->out[1]);
    n.var = reel__data(c->out[2]);
    reel__cuda_norm_plan(&n);
    REEL_TRY(launch_with(c, &n, in[0]->layout.dtype, 2 * n.sets * n.parts, 0,
                         reel__cuda_launch_standardize));
    if (thin) return reel__norm_turn_back(c, out, y);
    if (y == out) return REEL_OK;
    return reel_copy_at_(c->at, out, y) ? REEL_OK : reel_error_status();
}

reel_status reel__cuda_standardize_grad(const reel__call *c) {
    reel_tensor *out = c->out[0], *dx = NULL, *in[5] = {NULL};
    const int64_t elements = reel_numel(c->in[1]), affine = c->with.norm.affine,
                  channels = c->with.norm.groups * c->with.norm.channels;
    REEL_SCOPE;
    if (elements == 0) return reel_fill_at_(c->at, out, 0) ? REEL_OK : reel_error_status();
    const bool thin = reel__norm_is_thin(&c->with);
    for (int i = 0; i < c->nin; i++) {
        in[i] =
            i < 2 && thin ? reel__norm_turned(c, c->in[i]) : reel_contiguous_at(c->at, c->in[i]);
        if (!in[i]) return reel_error_status();
    }
    if (thin && !(dx = reel_empty_like_at(c->at, in[1]))) return reel_error_status();
    const size_t size = reel_dtype_size(out->layout.dtype);
    char *to = reel__data(out), *behind = to + (size_t)elements * size;
    reel__cuda_norm_work n = work_of(c);
    n.y = thin ? reel__data(dx) : (void *)to;
    n.dw = affine > 0 ? behind : NULL;
    n.db = affine > 1 ? behind + (size_t)channels * size : NULL;
    n.g = reel__data(in[0]);
    n.x = reel__data(in[1]);
    n.mean = reel__data(in[2]);
    n.var = reel__data(in[3]);
    n.w = in[4] ? reel__data(in[4]) : NULL;
    reel__cuda_norm_grad_plan(&n);
    const int64_t sums = 2 * n.sets * n.parts;
    REEL_TRY(launch_with(c, &n, out->layout.dtype, sums + 2 * reel_numel(in[2]), sums,
                         reel__cuda_launch_standardize_grad));
    if (!thin) return REEL_OK;
    return reel__norm_turn_back(c, reel_slice_at(c->at, out, 0, 0, elements, 1), dx);
}

reel_status reel__cuda_track_statistics(const reel__call *c) {
    const reel__cuda_track_work t = {.running_mean = reel__data(c->in[0]),
                                     .running_var = reel__data(c->in[1]),
                                     .mean = reel__data(c->in[2]),
                                     .var = reel__data(c->in[3]),
                                     .count = reel__data(c->in[4]),
                                     .n = reel_numel(c->in[0]),
                                     .share = c->with.track.share,
                                     .factor = c->with.track.factor,
                                     .cumulative = c->with.track.cumulative};
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    return reel__cuda_launched(c, reel__cuda_launch_track(&t, c->in[0]->layout.dtype, d->queue));
}
