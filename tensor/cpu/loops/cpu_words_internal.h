/* Vector code for random words: many blocks of a generator at a time (cpu_words.c). */
#ifndef REEL_TENSOR_CPU_LOOPS_CPU_WORDS_INTERNAL_H
#define REEL_TENSOR_CPU_LOOPS_CPU_WORDS_INTERNAL_H

#include <stdint.h>

/* y[i] = word i is below `least` ? 0 : scale x[i], of n elements. Word i is word i mod 4 of block
 * first + i / 4 of a seed. */
typedef struct {
    uint64_t seed, first;
    uint32_t least;
    double scale;
    int64_t n;
    const void *x;
    void *y;
} reel__drop;

typedef struct reel__words {
    void (*drop[2])(const reel__drop *d); /* of REEL_F32, REEL_F64 */
} reel__words;

extern const reel__words reel__words_plain, reel__words_avx2, reel__words_avx512;
const reel__words *reel__cpu_words(void); /* the best that this machine runs */

#endif
