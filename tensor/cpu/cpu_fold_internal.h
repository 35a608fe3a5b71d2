/* Reductions and softmaxes, between their drivers (cpu_reduce.c, cpu_softmax.c) and the vector code
 * (cpu_folds.c). */
#ifndef REEL_TENSOR_CPU_CPU_FOLD_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_FOLD_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"

/* Results that are worked on together: rows of 4 KB are read at the pace of memory, rows of 1 KB at
 * half of it. */
#define REEL__FOLD_CHUNK 1024

/* What a part of the input leaves behind, a cell or two for each result:
 *   sum, mean, prod, max, min, any, all   a: the value
 *   argmax, argmin                        a: the value      b: its position
 *   var, std                              a: the mean       b: the sum of squares about it
 *   norm                                  a: the sum of squares over b^2, b: a power of two
 *   logsumexp                             a: the greatest   b: the sum of e^(x - a)
 * The values of floats are `real`; those of integers, truth values and positions are `whole`. */
typedef union {
    double real;
    int64_t whole;
} reel__cell;
typedef union {
    double *real;
    int64_t *whole;
} reel__cells;
typedef struct {
    reel__cells a, b;
} reel__tally;

/* A part of the input: rows of contiguous columns, a result for each column. */
typedef struct {
    const void *x;
    int64_t rows, columns, stride; /* rows, columns >= 1; from row to row, in elements */
    int64_t first;                 /* the number of its first row */
} reel__slab;

/* How an op reduces one dtype. The order in which elements come together depends on rows and
 * columns alone, not on the instruction set. */
typedef struct {
    /* Of one column, whose rows are contiguous; and of up to REEL__FOLD_CHUNK columns. */
    void (*run)(reel__tally to, const reel__slab *s);
    void (*columns)(reel__tally to, const reel__slab *s);
    /* What s->rows parts left behind, together: their cells a are s->x, and cells b lie the same
     * way; `each` rows of `all` went into a part, into the last one the rest. NULL: cells a are
     * reduced as any numbers are. */
    void (*join)(reel__tally to, const reel__slab *s, reel__cells b, double each, double all);
    /* out[i], i < n, of the result's dtype. */
    void (*end)(void *out, reel__tally t, int64_t n, double divisor);
} reel__fold;

/* Of `count` rows of n elements, one after the other; or of as many columns side by side, up to
 * REEL__FOLD_CHUNK, from row to row `stride` elements. */
typedef void (*reel__softmax_loop)(void *out, const void *x, int64_t n, int64_t count,
                                   int64_t stride);

/* By op and dtype; a softmax of rows, and of columns. */
typedef struct {
    reel__fold fold[REEL_OP_COUNT][4];
    reel__softmax_loop softmax[2][2], log_softmax[2][2];
} reel__folds;

/* Rows of up to REEL__SHORT elements are worked on REEL__TURNED at a time, as columns. */
#define REEL__SHORT 64
#define REEL__TURNED 64

extern const reel__folds reel__folds_plain, reel__folds_avx2, reel__folds_avx512;
const reel__folds *reel__cpu_folds(void); /* the best that this machine runs */

#endif
