/* Random words in vectors. Compiled once for each instruction set, as cpu_loops.c is. */
#include "tensor/cpu/loops/cpu_words_internal.h"

#include "tensor/formulas/philox_internal.h"

#define BLOCKS                                                                                     \
    64 /* at a time: words of one place in a block lie together, so that they are vectors */

/* Philox as philox_internal.h has it, of BLOCKS counters in a row. */
static void make_words(uint64_t seed, uint64_t first, uint32_t *restrict word) {
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS] = {0}, c3[BLOCKS] = {0};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int b = 0; b < BLOCKS; b++) {
        const uint64_t number = first + (uint64_t)b;
        c0[b] = (uint32_t)number;
        c1[b] = (uint32_t)(number >> 32);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        for (int b = 0; b < BLOCKS; b++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[b], p1 = (uint64_t)0xCD9E8D57u * c2[b];
            c0[b] = (uint32_t)(p1 >> 32) ^ c1[b] ^ k0;
            c2[b] = (uint32_t)(p0 >> 32) ^ c3[b] ^ k1;
            c1[b] = (uint32_t)p1;
            c3[b] = (uint32_t)p0;
        }
    }
    for (int b = 0; b < BLOCKS; b++) {
        word[4 * b] = c0[b];
        word[4 * b + 1] = c1[b];
        word[4 * b + 2] = c2[b];
        word[4 * b + 3] = c3[b];
    }
}

static inline int64_t at_most(int64_t n) {
    return n < 4 * BLOCKS ? n : 4 * BLOCKS;
}

static void drop_f32(const reel__drop *d) {
    uint32_t word[4 * BLOCKS];
    const float scale = (float)d->scale;
    const uint32_t least = d->least;
    for (int64_t i = 0; i < d->n; i += 4 * BLOCKS) {
        const float *restrict x = (const float *)d->x + i;
        float *restrict y = (float *)d->y + i;
        make_words(d->seed, d->first + (uint64_t)i / 4, word);
        for (int64_t k = 0, n = at_most(d->n - i); k < n; k++)
            y[k] = word[k] < least ? 0 : scale * x[k];
    }
}

static void drop_f64(const reel__drop *d) {
    uint32_t word[4 * BLOCKS];
    const double scale = d->scale;
    const uint32_t least = d->least;
    for (int64_t i = 0; i < d->n; i += 4 * BLOCKS) {
        const double *restrict x = (const double *)d->x + i;
        double *restrict y = (double *)d->y + i;
        make_words(d->seed, d->first + (uint64_t)i / 4, word);
        for (int64_t k = 0, n = at_most(d->n - i); k < n; k++)
            y[k] = word[k] < least ? 0 : scale * x[k];
    }
}

#define NAME_(set) reel__words_##set
#define NAME(set) NAME_(set)

const reel__words NAME(REEL_SIMD) = {.drop = {drop_f32, drop_f64}};
