/* concat, stack, flip, tril, triu. */
#include "cuda/cuda_internal.h"

/* ---- concat, stack: a launch for as many inputs as its arguments hold ---- */

static reel_status launch_join(const reel__call *c, const reel__cuda_device *d,
                               reel__cuda_join *j) {
    if (j->count == 0) return REEL_OK;
    const reel_status status = reel__cuda_launched(c, reel__cuda_launch_join(j, d->queue));
    j->count = 0;
    return status;
}

/* Inputs with gaps are copied to their part of the result, one by one; the others are listed. */
static reel_status join(const reel__call *c) {
    const reel_tensor *out = c->out[0];
    const int64_t size = (int64_t)reel_dtype_size(out->layout.dtype);
    int64_t inner, before = 0;
    if (reel_numel(out) == 0) return REEL_OK;
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    reel__cuda_join j = {.out = reel__data(out)};
    reel__around_axis(out->layout.shape, c->with.axis, &j.outer, &inner);
    j.row = (int64_t)reel__layout_bytes(&out->layout) / j.outer;
    for (int i = 0; i < c->nin; i++) {
        const int64_t entries = reel__joined_entries(c, i);
        if (entries > 0 && reel_is_contiguous(c->list[i])) {
            j.x[j.count] = reel__data(c->list[i]);
            j.before[j.count] = before * inner * size;
            j.width[j.count++] = entries * inner * size;
        } else if (entries > 0) {
            reel_tensor part = reel__joined_part(c, i, before);
            REEL_TRY(reel__cuda_copy_into(c, &part, c->list[i]));
        }
        before += entries;
        if (j.count == REEL__CUDA_JOINED) REEL_TRY(launch_join(c, d, &j));
    }
    return launch_join(c, d, &j);
}

reel_status reel__cuda_concat(const reel__call *c) {
    return join(c);
}

reel_status reel__cuda_stack(const reel__call *c) {
    return join(c);
}

/* ---- flip ---- */

reel_status reel__cuda_flip(const reel__call *c) {
    reel_tensor from = reel__flipped(c->in[0], c->with.axis);
    return reel__cuda_copy_into(c, c->out[0], &from);
}

/* ---- tril, triu ---- */

static reel_status keep_triangle(const reel__call *c, bool lower) {
    const reel_shape s = c->out[0]->layout.shape;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    const reel__cuda_device *d = x ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    const reel__cuda_triangle t = {.out = reel__data(c->out[0]),
                                   .x = reel__data(x),
                                   .n = reel_numel(x),
                                   .rows = s.dim[s.ndim - 2],
                                   .columns = s.dim[s.ndim - 1],
                                   .diagonal = c->with.triangle.diagonal,
                                   .lower = lower};
    return reel__cuda_launched(
        c, reel__cuda_launch_triangle(&t, (int)reel_dtype_size(x->layout.dtype), d->queue));
}

reel_status reel__cuda_tril(const reel__call *c) {
    return keep_triangle(c, true);
}

reel_status reel__cuda_triu(const reel__call *c) {
    return keep_triangle(c, false);
}
