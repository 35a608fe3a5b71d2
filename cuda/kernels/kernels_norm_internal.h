/* standardize (norm.cu), and its gradient (norm_grad.cu): launchers, of which kernels_internal.h
 * says what they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_NORM_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_NORM_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x as [outer, groups, channels, inner], contiguous; none of them 0. Statistics are those of a
 * group, or `across` of a channel over outer and inner. */
typedef struct {
    void *y;                   /* or dx */
    const void *x, *w, *b, *g; /* w, b: NULL without; g: backward alone */
    void *mean, *var;          /* one each of a statistic; backward they are read */
    void *dw, *db;             /* NULL: not wanted */
    int64_t outer, groups, channels, inner;
    double eps;
    bool across, uncentred;
    double *sums;        /* scratch: two numbers for each part of each set of elements */
    double *slopes;      /* scratch: two numbers a statistic */
    int64_t sets, parts; /* what sums are taken of, and in how many parts each */
} reel__cuda_norm_work;

/* In place, of n channels: see reel__track_statistics. */
typedef struct {
    void *running_mean, *running_var;
    const void *mean, *var;
    int64_t *count, n;
    double share, factor;
    bool cumulative;
} reel__cuda_track_work;
cudaError_t reel__cuda_launch_track(const reel__cuda_track_work *t, reel_dtype dtype,
                                    reel__cuda_queue *queue);

/* Fills in sets and parts, of which there are none where the kernels need no sums. */
void reel__cuda_norm_plan(reel__cuda_norm_work *n);
void reel__cuda_norm_grad_plan(reel__cuda_norm_work *n);
cudaError_t reel__cuda_launch_standardize(const reel__cuda_norm_work *n, reel_dtype dtype,
                                          reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_standardize_grad(const reel__cuda_norm_work *n, reel_dtype dtype,
                                               reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
