/* The vector code of attention's tiles. Compiled once for each instruction set, as cpu_loops.c is.
 */
#include "tensor/cpu/loops/cpu_attention_internal.h"

#include <string.h>

#include "tensor/cpu/loops/cpu_formulas_internal.h"
#include "tensor/formulas/philox_blocks_internal.h"

#define QUERIES REEL__TILE_QUERIES
#define LANES 16 /* sums of a row */

/* The words of four keys, by key and query: reel__attention_words for QUERIES rows at once, round
 * by round, so that each step is of vectors. */
static void draw_words(uint32_t word[4][QUERIES], const reel__attention_tile *t, uint64_t block) {
    block += t->block;
    for (int i = 0; i < QUERIES; i++) {
        const uint64_t row = t->row + (uint64_t)i;
        word[0][i] = (uint32_t)block;
        word[1][i] = (uint32_t)(block >> 32);
        word[2][i] = (uint32_t)row;
        word[3][i] = (uint32_t)(row >> 32);
    }
    reel__philox_rounds(t->seed[0] | (uint64_t)t->seed[1] << 32, QUERIES, word[0], word[1], word[2],
                        word[3]);
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
