/* multinomial. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_random_internal.h"

#include "tensor/formulas/multinomial_internal.h"

static reel_status by_sums(const reel__call *c, reel__cuda_lots *l, reel_dtype dtype) {
    l->length = reel__chunk_length(l->n);
    l->chunks = (l->n + l->length - 1) / l->length;
    reel_tensor *sum = reel_empty_at(c->at, reel_shape(l->rows, l->n), REEL_F64, c->device),
                *base =
                    reel_empty_at(c->at, reel_shape(l->rows, l->chunks + 1), REEL_F64, c->device);
    reel__cuda_device *d = sum && base ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    l->sum = reel__data(sum);
    l->base = reel__data(base);
    l->errors = reel__cuda_error_slot_of(d, c);
    return reel__cuda_launched(
        c, reel__cuda_launch_lots(l, dtype, reel__data(c->in[1]), d->tickets, d->queue));
}

static reel_status by_race(const reel__call *c, reel__cuda_lots *l, reel_dtype dtype) {
    reel_tensor *best = NULL, *index = NULL,
                *time = reel_empty_at(c->at, reel_shape(l->rows, l->n), REEL_F64, c->device);
    reel__cuda_device *d = time ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    l->time = reel__data(time);
    l->errors = reel__cuda_error_slot_of(d, c);
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_race(l, dtype, reel__data(c->in[1]), d->tickets, d->queue)));
    best = reel_topk_at(c->at, time, l->draws, 1, false, &index);
    if (!best || !reel__cuda_enter(c)) return reel_error_status();
    return reel__cuda_launched(
        c, reel__cuda_launch_winners(l, reel__data(best), reel__data(index), d->queue));
}

reel_status reel__cuda_multinomial(const reel__call *c) {
    const reel_shape s = c->in[0]->layout.shape;
    const reel_dtype dtype = c->in[0]->layout.dtype;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *weights = reel_contiguous_at(c->at, c->in[0]);
    if (!weights) return reel_error_status();
    reel__cuda_lots l = {.weights = reel__data(weights),
                         .rows = s.ndim == 2 ? s.dim[0] : 1,
                         .n = s.dim[s.ndim - 1],
                         .draws = c->with.multinomial.draws,
                         .out = reel__data(c->out[0])};
    return l.draws > 1 && !c->with.multinomial.replacement ? by_race(c, &l, dtype)
                                                           : by_sums(c, &l, dtype);
}
