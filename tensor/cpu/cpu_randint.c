/* randint, bernoulli, bernoulli_fill: whole numbers, and yes or no. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/philox_internal.h"

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
    const reel_tensor *probability;
    uint64_t one; /* the bits of 1 in out's dtype */
    size_t size;
} draw;

static draw draw_of(const reel__call *c, int64_t n, int64_t per_block) {
    const int64_t *state = reel__data(c->in[c->nin - 1]);
    return (draw){
        .n = n, .per_block = per_block, .seed = (uint64_t)state[0], .offset = (uint64_t)state[1]};
}

/* All blocks, and moves the generator on. */
static void run(const reel__call *c, draw *d, reel__work work) {
    const int64_t blocks = (d->n + d->per_block - 1) / d->per_block;
    reel__cpu_parallel(blocks, GRAIN, work, d);
    ((int64_t *)reel__data(c->in[c->nin - 1]))[1] += blocks;
}

/* ---- randint ---- */

static void whole_numbers(void *context, int64_t begin, int64_t end) {
    const draw *d = context;
    int64_t *out = d->out;
    for (int64_t b = begin; b < end; b++) {
        uint32_t w[4];
        reel__philox_block(d->seed, d->offset + (uint64_t)b, w);
        for (int64_t i = 2 * b, k = 0; k < 4 && i < d->n; i++, k += 2)
            out[i] =
                (int64_t)((uint64_t)d->low + reel__below(reel__word64(w[k], w[k + 1]), d->count));
    }
}

/* i: low, how many numbers there are. */
reel_status reel__cpu_randint(const reel__call *c) {
    draw d = draw_of(c, reel_numel(c->out[0]), 2);
    d.out = reel__data(c->out[0]);
    d.low = c->attr.i[0];
    d.count = (uint64_t)c->attr.i[1];
    run(c, &d, whole_numbers);
    return REEL_OK;
}

/* ---- bernoulli ---- */

static void put(const draw *d, int64_t i, bool yes) {
    const uint64_t x = yes ? d->one : 0;
    switch (d->size) {
    case 1:
        ((uint8_t *)d->out)[i] = (uint8_t)x;
        break;
    case 2:
        ((uint16_t *)d->out)[i] = (uint16_t)x;
        break;
    case 4:
        ((uint32_t *)d->out)[i] = (uint32_t)x;
        break;
    default:
        ((uint64_t *)d->out)[i] = x;
    }
}

static double probability(const draw *d, int64_t i) {
    const reel_tensor *p = d->probability;
    if (!p) return d->p;
    return p->layout.dtype == REEL_F32 ? (double)((const float *)reel__data(p))[i]
                                       : ((const double *)reel__data(p))[i];
}

static void yes_or_no(void *context, int64_t begin, int64_t end) {
    const draw *d = context;
    for (int64_t b = begin; b < end; b++) {
        uint32_t w[4];
        reel__philox_block(d->seed, d->offset + (uint64_t)b, w);
        for (int64_t i = 4 * b, k = 0; k < 4 && i < d->n; i++, k++)
            put(d, i, reel__says_yes(w[k], probability(d, i)));
    }
}

/* Into t, contiguous. */
static reel_status draw_yes(const reel__call *c, draw *d, reel_tensor *t) {
    reel_tensor *one = reel_full_at(c->at, REEL_SCALAR, 1, t->layout.dtype, c->device);
    if (!one) return reel_error_status();
    d->out = reel__data(t);
    d->size = reel_dtype_size(t->layout.dtype);
    memcpy(&d->one, reel__data(one), d->size);
    run(c, d, yes_or_no);
    return REEL_OK;
}

static reel_status check_probabilities(const reel__call *c, const draw *d) {
    for (int64_t i = 0; i < d->n; i++) {
        const double p = probability(d, i);
        if (!(p >= 0 && p <= 1))
            return reel__fail_call(REEL_ERR_ARGUMENT, c,
                                   "probability %g at position %lld is not in 0..1", p,
                                   (long long)i);
    }
    return REEL_OK;
}

reel_status reel__cpu_bernoulli(const reel__call *c) {
    draw d = draw_of(c, reel_numel(c->out[0]), 4);
    reel_status status = REEL_OK;
    REEL_SCOPE {
        d.probability = reel_contiguous_at(c->at, c->in[0]);
        status = d.probability ? check_probabilities(c, &d) : reel_error_status();
        if (status == REEL_OK) status = draw_yes(c, &d, c->out[0]);
    }
    return status;
}

/* f[0]: the probability. */
reel_status reel__cpu_bernoulli_fill(const reel__call *c) {
    reel_tensor *out = c->out[0];
    draw d = draw_of(c, reel_numel(out), 4);
    reel_status status = REEL_OK;
    d.p = c->attr.f[0];
    REEL_SCOPE {
        reel_tensor *t = out;
        if (!reel_is_contiguous(out)) t = reel_empty_like_at(c->at, out);
        status = t ? draw_yes(c, &d, t) : reel_error_status();
        if (status == REEL_OK && t != out && !reel_copy_at_(c->at, out, t))
            status = reel_error_status();
    }
    return status;
}
