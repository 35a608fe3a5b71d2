/* randint, bernoulli, bernoulli_fill: whole numbers, and yes or no. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <string.h>

#define GRAIN 4096 /* blocks of words */

/* Blocks of words are drawn from the generator, `per_block` elements of each. */
typedef struct {
    void *out;
    int64_t n, per_block;
    uint64_t seed, offset;
    int64_t low;
    uint64_t count;
    double p;
    const void *each;    /* a p of its own for each element; NULL: p */
    uint64_t one;        /* the bits of 1 in out's dtype */
    atomic_bool refused; /* a p that can't be */
} draw;

static draw draw_of(const reel__call *c, int64_t n, int64_t per_block) {
    const int64_t *state = reel__data(c->in[c->nin - 1]);
    return (draw){
        .n = n, .per_block = per_block, .seed = (uint64_t)state[0], .offset = (uint64_t)state[1]};
}

/* All blocks, and moves the generator on, unless what was drawn is refused. */
static void draw_blocks(const reel__call *c, draw *d, reel__work work) {
    const int64_t blocks = (d->n + d->per_block - 1) / d->per_block;
    reel__cpu_parallel(blocks, GRAIN, work, d);
    if (!d->refused) ((int64_t *)reel__data(c->in[c->nin - 1]))[1] += blocks;
}

/* ---- randint ---- */

/* Number k, 0 or 1, of a block's. */
INLINE int64_t whole_number(const draw *d, const uint32_t w[4], int k) {
    return (int64_t)((uint64_t)d->low +
                     reel__below(reel__word64(w[2 * k], w[2 * k + 1]), d->count));
}

static void whole_numbers(void *context, int64_t begin, int64_t end) {
    const draw *d = context;
    int64_t *out = d->out;
    uint32_t w[4];
    for (int64_t b = begin; b < end; b++) {
        reel__philox_block(d->seed, d->offset + (uint64_t)b, w);
        out[2 * b] = whole_number(d, w, 0);
        if (2 * b + 1 < d->n) out[2 * b + 1] = whole_number(d, w, 1);
    }
}

reel_status reel__cpu_randint(const reel__call *c) {
    draw d = draw_of(c, reel_numel(c->out[0]), 2);
    d.out = reel__data(c->out[0]);
    d.low = c->with.randint.low;
    d.count = c->with.randint.count;
    draw_blocks(c, &d, whole_numbers);
    return REEL_OK;
}

/* ---- bernoulli ---- */

INLINE double each_probability(const draw *d, int64_t i, reel_dtype given) {
    return given == REEL_F32 ? (double)((const float *)d->each)[i] : ((const double *)d->each)[i];
}

INLINE bool is_probability(double p) {
    return p >= 0 && p <= 1;
}

/* p of the `given` dtype, or one for all. */
INLINE double probability(draw *d, int64_t i, reel_dtype given) {
    if (!d->each) return d->p;
    const double p = each_probability(d, i, given);
    if (!is_probability(p)) atomic_store_explicit(&d->refused, true, memory_order_relaxed);
    return p;
}

INLINE void put(void *out, int64_t i, size_t size, uint64_t x) {
    if (size == 1)
        ((uint8_t *)out)[i] = (uint8_t)x;
    else if (size == 2)
        ((uint16_t *)out)[i] = (uint16_t)x;
    else if (size == 4)
        ((uint32_t *)out)[i] = (uint32_t)x;
    else
        ((uint64_t *)out)[i] = x;
}

/* With size and dtype known where it is put in. */
INLINE void yes_or_no(draw *d, int64_t begin, int64_t end, size_t size, reel_dtype given) {
    uint32_t w[4];
    for (int64_t b = begin; b < end; b++) {
        const int64_t count = d->n - 4 * b < 4 ? d->n - 4 * b : 4;
        reel__philox_block(d->seed, d->offset + (uint64_t)b, w);
        for (int64_t i = 4 * b, k = 0; k < count; i++, k++)
            put(d->out, i, size, reel__says_yes(w[k], probability(d, i, given)) ? d->one : 0);
    }
}

static void fill_1(void *context, int64_t begin, int64_t end) {
    yes_or_no(context, begin, end, 1, REEL_F64);
}
static void fill_2(void *context, int64_t begin, int64_t end) {
    yes_or_no(context, begin, end, 2, REEL_F64);
}
static void fill_4(void *context, int64_t begin, int64_t end) {
    yes_or_no(context, begin, end, 4, REEL_F64);
}
static void fill_8(void *context, int64_t begin, int64_t end) {
    yes_or_no(context, begin, end, 8, REEL_F64);
}
static void each_f32(void *context, int64_t begin, int64_t end) {
    yes_or_no(context, begin, end, 4, REEL_F32);
}
static void each_f64(void *context, int64_t begin, int64_t end) {
    yes_or_no(context, begin, end, 8, REEL_F64);
}

/* Into t, contiguous. */
static reel_status draw_yes(const reel__call *c, draw *d, reel_tensor *t, reel__work work) {
    const reel_tensor *one = reel_full_at(c->at, REEL_SCALAR, 1, t->layout.dtype, c->device);
    if (!one) return reel_error_status();
    d->out = reel__data(t);
    memcpy(&d->one, reel__data(one), reel_dtype_size(t->layout.dtype));
    draw_blocks(c, d, work);
    return REEL_OK;
}

static reel_status check_probabilities(const reel__call *c, const draw *d, reel_dtype given) {
    if (!d->refused) return REEL_OK;
    for (int64_t i = 0; i < d->n; i++) {
        const double p = each_probability(d, i, given);
        if (!is_probability(p))
            return reel__fail_call(REEL_ERR_ARGUMENT, c,
                                   "probability %g at position %lld is not in 0..1", p,
                                   (long long)i);
    }
    return REEL_OK;
}

reel_status reel__cpu_bernoulli(const reel__call *c) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    draw d = draw_of(c, reel_numel(c->out[0]), 4);
    reel_status status = REEL_OK;
    REEL_SCOPE;
    const reel_tensor *p = reel_contiguous_at(c->at, c->in[0]);
    if (!p) return reel_error_status();
    d.each = reel__data(p);
    status = draw_yes(c, &d, c->out[0], dtype == REEL_F32 ? each_f32 : each_f64);
    if (status == REEL_OK) status = check_probabilities(c, &d, dtype);
    return status;
}

reel_status reel__cpu_bernoulli_fill(const reel__call *c) {
    static const reel__work by_size[] = {[1] = fill_1, [2] = fill_2, [4] = fill_4, [8] = fill_8};
    reel_tensor *out = c->out[0];
    const reel__work work = by_size[reel_dtype_size(out->layout.dtype)];
    draw d = draw_of(c, reel_numel(out), 4);
    reel_status status = REEL_OK;
    d.p = c->with.bernoulli.p;
    REEL_SCOPE;
    reel_tensor *t = reel_is_contiguous(out) ? out : reel_empty_like_at(c->at, out);
    status = t ? draw_yes(c, &d, t, work) : reel_error_status();
    if (status == REEL_OK && t != out && !reel_copy_at_(c->at, out, t))
        status = reel_error_status();
    return status;
}
