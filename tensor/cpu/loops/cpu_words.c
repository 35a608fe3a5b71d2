/* Random words in vectors. Compiled once for each instruction set, as cpu_loops.c is. */
#include "tensor/cpu/loops/cpu_words_internal.h"

#include "tensor/formulas/philox_blocks_internal.h"

static inline int64_t at_most(int64_t n) {
    return n < REEL__PHILOX_WORDS ? n : REEL__PHILOX_WORDS;
}

static void drop_f32(const reel__drop *d) {
    uint32_t word[REEL__PHILOX_WORDS];
    const float scale = (float)d->scale;
    const uint32_t least = d->least;
    for (int64_t i = 0; i < d->n; i += REEL__PHILOX_WORDS) {
        const float *restrict x = (const float *)d->x + i;
        float *restrict y = (float *)d->y + i;
        reel__philox_blocks(d->seed, d->first + (uint64_t)i / 4, 0, word);
        for (int64_t k = 0, n = at_most(d->n - i); k < n; k++)
            y[k] = word[k] < least ? 0 : scale * x[k];
    }
}

static void drop_f64(const reel__drop *d) {
    uint32_t word[REEL__PHILOX_WORDS];
    const double scale = d->scale;
    const uint32_t least = d->least;
    for (int64_t i = 0; i < d->n; i += REEL__PHILOX_WORDS) {
        const double *restrict x = (const double *)d->x + i;
        double *restrict y = (double *)d->y + i;
        reel__philox_blocks(d->seed, d->first + (uint64_t)i / 4, 0, word);
        for (int64_t k = 0, n = at_most(d->n - i); k < n; k++)
            y[k] = word[k] < least ? 0 : scale * x[k];
    }
}

#define NAME_(set) reel__words_##set
#define NAME(set) NAME_(set)

const reel__words NAME(REEL_SIMD) = {.drop = {drop_f32, drop_f64}};
