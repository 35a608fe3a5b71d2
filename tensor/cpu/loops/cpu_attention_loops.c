/* The vector code of attention's tiles. Compiled once for each instruction set, as cpu_loops.c is.
 */
#include "tensor/cpu/loops/cpu_attention_internal.h"

#include <string.h>

#include "tensor/cpu/loops/cpu_formulas_internal.h"

#define QUERIES REEL__TILE_QUERIES
#define LANES 16 /* sums of a row */

/* The words of four keys, by key and query: reel__attention_words for QUERIES rows at once, round
 * by round, so that each step is of vectors. */
static void draw_words(uint32_t word[4][QUERIES], const reel__attention_tile *t, uint64_t block) {
    uint32_t *restrict c0 = word[0], *restrict c1 = word[1], *restrict c2 = word[2],
                       *restrict c3 = word[3], k0 = t->seed[0], k1 = t->seed[1];
    block += t->block;
    for (int i = 0; i < QUERIES; i++) {
        const uint64_t row = t->row + (uint64_t)i;
        c0[i] = (uint32_t)block;
        c1[i] = (uint32_t)(block >> 32);
        c2[i] = (uint32_t)row;
        c3[i] = (uint32_t)(row >> 32);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
#pragma omp simd
        for (int i = 0; i < QUERIES; i++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
    }
}

#define REAL float
#define R(name) name##_f32
#include "tensor/cpu/loops/cpu_attention_of_internal.h"
#undef REAL
#undef R

#define REAL double
#define R(name) name##_f64
#include "tensor/cpu/loops/cpu_attention_of_internal.h"

#define NAME_(set) reel__attentions_##set
#define NAME(set) NAME_(set)

const reel__attentions NAME(REEL_SIMD) = {
    .soften = {soften_tile_f32, soften_tile_f64},
    .bend = {bend_tile_f32, bend_tile_f64},
    .scale_rows = {scale_rows_f32, scale_rows_f64},
    .finish = {finish_rows_f32, finish_rows_f64},
    .dot_rows = {dot_rows_f32, dot_rows_f64},
};
