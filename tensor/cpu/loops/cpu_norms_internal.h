/* Runs of a normalization, between its drivers (cpu_norm.c, cpu_norm_grad.c) and the vector code
 * (cpu_norms.c). Sums are added in an order that lengths alone decide. */
#ifndef REEL_TENSOR_CPU_LOOPS_CPU_NORMS_INTERNAL_H
#define REEL_TENSOR_CPU_LOOPS_CPU_NORMS_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"

#define REEL__NORM_BLOCK                                                                           \
    4096 /* elements of which sums are taken at once, from the nearest cache                       \
          */

/* `runs` runs of `length` contiguous elements, `step` elements apart. */
typedef struct {
    int64_t runs, length, step;
} reel__norm_runs;

/* Their mean, and the sum of squares around it. */
typedef struct {
    double mean, squares;
} reel__norm_moments;

/* How a row of dx is made: dx = scale g w - shift - (x - mean) slope, w 1 in back */
typedef struct {
    double mean, scale, shift, slope;
} reel__norm_back;

/* By dtype. */
typedef struct {
    reel__norm_moments (*moments[2])(const void *x, const reel__norm_runs *r);
    /* y = (x - mean) scale + shift */
    void (*put[2])(void *y, const void *x, const reel__norm_runs *r, double mean, double scale,
                   double shift);
    /* The same of one run, with scale w[i] and b[i]; NULL: 1, 0. */
    void (*put_by[2])(void *y, const void *x, int64_t n, double mean, double scale, const void *w,
                      const void *b);
    /* sum[0] += g, sum[1] += g (x - mean) */
    void (*sums[2])(const void *g, const void *x, const reel__norm_runs *r, double mean,
                    double sum[2]);
    /* The same of g w[i]. And dw[i] += g (x - mean) scale, db[i] += g, unless NULL. */
    void (*sums_by[2])(const void *g, const void *x, const void *w, int64_t n, double mean,
                       double scale, double sum[2], void *dw, void *db);
    void (*back[2])(void *dx, const void *g, const void *x, const reel__norm_runs *r,
                    const reel__norm_back *b);
    void (*back_by[2])(void *dx, const void *g, const void *x, const void *w, int64_t n,
                       const reel__norm_back *b);
} reel__norms;

extern const reel__norms reel__norms_plain, reel__norms_avx2, reel__norms_avx512;
const reel__norms *reel__cpu_norms(void); /* the best that this machine runs */

#endif
