/* uniform, normal, randint, randperm, bernoulli. The last input is the generator's state, which the
 * kernels move on. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_index_internal.h"
#include "cuda/kernels/kernels_random_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <string.h>

static int64_t *state_of(const reel__call *c) {
    return reel__data(c->in[c->nin - 1]);
}

/* Where a kernel can write that takes whole units: out, or what is copied to it afterwards. */
static reel_tensor *aligned_like(const reel__call *c, reel_tensor *out) {
    if (reel_is_contiguous(out) && (uintptr_t)reel__data(out) % REEL__CUDA_VECTOR == 0) return out;
    return reel_empty_like_at(c->at, out);
}

/* ---- floats ---- */

static reel_status fill(const reel__call *c, bool normal, double a, double b) {
    reel_tensor *out = c->out[0];
    reel_status status = REEL_OK;
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *t = aligned_like(c, out);
    reel__cuda_device *d = t ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    status = reel__cuda_launched(c, reel__cuda_launch_random(reel__data(t), reel_numel(t),
                                                             t->layout.dtype, normal, a, b,
                                                             state_of(c), d->tickets, d->queue));
    if (status == REEL_OK && t != out) status = reel__cuda_copy_into(c, out, t);
    return status;
}

reel_status reel__cuda_uniform(const reel__call *c) {
    return fill(c, false, c->with.uniform.low, c->with.uniform.high);
}

reel_status reel__cuda_normal(const reel__call *c) {
    return fill(c, true, c->with.normal.mean, c->with.normal.std);
}

/* ---- whole numbers ---- */

reel_status reel__cuda_randint(const reel__call *c) {
    reel_tensor *out = c->out[0];
    if (reel_numel(out) == 0) return REEL_OK;
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    return reel__cuda_launched(
        c, reel__cuda_launch_randint(reel__data(out), reel_numel(out), c->with.randint.low,
                                     c->with.randint.count, state_of(c), d->tickets, d->queue));
}

/* Words with their places, sorted into the result, where the places stay. */
static reel_status permute(const reel__call *c, reel__cuda_device *d, uint64_t *word,
                           void *temporary, size_t bytes) {
    const int64_t n = reel_numel(c->out[0]);
    const int bits = reel__place_bits(n);
    int64_t *out = reel__data(c->out[0]);
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_placed_words(word, n, bits, state_of(c), d->tickets, d->queue)));
    REEL_TRY(reel__cuda_launched(c, reel__cuda_sort_keys(temporary, &bytes, (uint64_t *)out, word,
                                                         n, bits, reel__cuda_stream(d->queue))));
    return reel__cuda_launched(c, reel__cuda_launch_places(out, n, bits, d->queue));
}

reel_status reel__cuda_randperm(const reel__call *c) {
    const int64_t n = reel_numel(c->out[0]);
    size_t sorting = 0;
    if (n == 0) return REEL_OK;
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_sort_keys(NULL, &sorting, NULL, NULL, n, reel__place_bits(n), d->stream)));
    const size_t list = ((size_t)n * 8 + 255) / 256 * 256;
    char *memory = reel__cuda_scratch(c, list + sorting);
    if (!memory) return reel_error_status();
    const reel_status status = permute(c, d, (uint64_t *)memory, memory + list, sorting);
    reel__cuda_free(d->index, memory, list + sorting);
    return status;
}

/* ---- yes or no ---- */

reel_status reel__cuda_bernoulli(const reel__call *c) {
    reel_tensor *out = c->out[0];
    reel_status status = REEL_OK;
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *p = reel_contiguous_at(c->at, c->in[0]);
    reel__cuda_device *d = p ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    const reel__cuda_error_slot errors = reel__cuda_error_slot_of(d, c);
    status =
        reel__cuda_launched(c, reel__cuda_launch_bernoulli(reel__data(out), reel__data(p),
                                                           reel_numel(p), p->layout.dtype, &errors,
                                                           state_of(c), d->tickets, d->queue));
    return status;
}

/* The bits of 1. */
static reel_status find_one(const reel__call *c, reel_dtype dtype, uint64_t *one) {
    const reel_tensor *t = reel_full_at(c->at, REEL_SCALAR, 1, dtype, reel_cpu());
    *one = 0;
    if (!t) return reel_error_status();
    memcpy(one, reel__data(t), reel_dtype_size(dtype));
    return REEL_OK;
}

reel_status reel__cuda_bernoulli_fill(const reel__call *c) {
    reel_tensor *out = c->out[0];
    const reel_dtype dtype = out->layout.dtype;
    reel_status status = REEL_OK;
    uint64_t one;
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    REEL_TRY(find_one(c, dtype, &one));
    reel_tensor *t = aligned_like(c, out);
    reel__cuda_device *d = t ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    status =
        reel__cuda_launched(c, reel__cuda_launch_bernoulli_fill(
                                   reel__data(t), reel_numel(t), (int)reel_dtype_size(dtype),
                                   c->with.bernoulli.p, one, state_of(c), d->tickets, d->queue));
    if (status == REEL_OK && t != out) status = reel__cuda_copy_into(c, out, t);
    return status;
}
