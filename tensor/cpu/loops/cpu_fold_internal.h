/* Reductions and softmaxes, between their drivers (cpu_reduce.c, cpu_softmax.c) and the vector code
 * (cpu_folds.c, cpu_exponentials.c). */
#ifndef REEL_TENSOR_CPU_LOOPS_CPU_FOLD_INTERNAL_H
#define REEL_TENSOR_CPU_LOOPS_CPU_FOLD_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"

/* Results that are worked on together: rows of 4 KB are read at the pace of memory, rows of 1 KB at
 * half of it. */
#define REEL__FOLD_CHUNK 1024

/* What a part of the input leaves behind, a cell or two for each result: reel__fold_name says what.
 * The values of floats are `real`; those of integers and truth values are `whole`. A first
 * greatest's or least's cell a is its value, cell b its position. */
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

/* Whether f32 had room for a sum, and for what was added up: below some size, what vanished may be
 * lacking. */
static inline bool reel__is_within(double sum) {
    return (__builtin_fabs(sum) >= 1e-25) & (__builtin_fabs(sum) < __builtin_inf());
}

/* A part of the input: rows of contiguous columns, a result for each column. */
typedef struct {
    const void *x, *y;             /* y: what else is mapped */
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
} reel__fold;

/* out[i] of what a row maps, of n elements x[i], y[i]; y is x where there is one input. */
typedef void (*reel__map_loop)(void *out, const void *x, const void *y, int64_t n, double p);
/* The sum of them; what f32 has no room for is added up in f64. */
typedef double (*reel__sum_loop)(const void *x, const void *y, int64_t n, double p);
/* out[i], f32 or f64, of what was left behind; a and b of `left` are those of t. */
typedef void (*reel__end_loop)(void *out, reel__tally t, int64_t n, reel__left left);

/* By fold or op, and dtype. */
typedef struct {
    reel__fold fold[REEL__FOLDS][4];
    reel__map_loop map[REEL_OP_COUNT][2]; /* NULL where the row maps by `same` */
    reel__map_loop apart[REEL_OP_COUNT];  /* of f32, to f64 */
    reel__sum_loop sum[REEL_OP_COUNT][2];
    reel__end_loop end[REEL_OP_COUNT][2];
} reel__folds;

/* Of `count` rows of n elements, one after the other; or of as many columns side by side, up to
 * REEL__FOLD_CHUNK, from row to row `stride` elements. */
typedef void (*reel__softmax_loop)(void *out, const void *x, int64_t n, int64_t count,
                                   int64_t stride);

/* By dtype; a softmax of rows, and of columns. */
typedef struct {
    reel__fold fold[2];
    reel__softmax_loop softmax[2][2], log_softmax[2][2];
} reel__exponentials;

/* Rows of up to REEL__SHORT elements are worked on REEL__TURNED at a time, as columns. */
#define REEL__SHORT 64
#define REEL__TURNED 64

/* The best that this machine runs. */
const reel__folds *reel__cpu_folds(void);
const reel__exponentials *reel__cpu_exponentials(void);
/* By dtype. */
static inline const reel__fold *reel__cpu_fold(const reel__folds *f, reel__fold_name name) {
    return name == REEL__FOLD_exponentials ? reel__cpu_exponentials()->fold : f->fold[name];
}

extern const reel__folds reel__folds_plain, reel__folds_avx2, reel__folds_avx512;
extern const reel__exponentials reel__exponentials_plain, reel__exponentials_avx2,
    reel__exponentials_avx512;

#endif
