/* Updates over lists (update.cu): launchers, of which kernels_internal.h says what they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_UPDATE_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_UPDATE_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In one launch, whose arguments have room for no more: */
#define REEL__CUDA_LIST 64         /* tensors of a list, */
#define REEL__CUDA_LIST_TOTAL 320  /* of all lists together, */
#define REEL__CUDA_LIST_BLOCK 1024 /* elements of a tensor that a block takes */

/* `width` lists side by side: data[i * width + k] is list k's tensor i, of n[i] elements. */
typedef struct {
    int count;
    uint32_t first_block[REEL__CUDA_LIST + 1];
    int64_t n[REEL__CUDA_LIST];
    void *data[REEL__CUDA_LIST_TOTAL];
} reel__cuda_lists;

/* An optimizer's step over p, g, the moments whose bits are set in `has`, what an op carries, if
 * it does, and the steps taken. */
typedef struct {
    reel__rule rule;
    const double *lr;
    int64_t *step; /* increased if `last` */
    bool last;
    unsigned *ticket;
} reel__cuda_update_work;
cudaError_t reel__cuda_launch_update(reel__op op, unsigned has, const reel__cuda_lists *l,
                                     const reel__cuda_update_work *u, reel_dtype dtype,
                                     reel__cuda_queue *queue);
/* Of one list, x. squares[block] = sum of squares of a block's elements, each times scales[block],
 * which is written too; NULL, and 1, where x is f32. */
cudaError_t reel__cuda_launch_list_squares(const reel__cuda_lists *l, double *squares,
                                           double *scales, reel_dtype dtype,
                                           reel__cuda_queue *queue);
/* *norm = sqrt of the sum of squares[0..n-1] / scales^2, also as f64 behind the squares. */
cudaError_t reel__cuda_launch_norm(void *norm, double *squares, const double *scales, int64_t n,
                                   reel_dtype dtype, reel__cuda_queue *queue);
/* x *= min(1, most / (*norm + 1e-6)) */
cudaError_t reel__cuda_launch_list_scale(const reel__cuda_lists *l, const double *norm, double most,
                                         reel_dtype dtype, reel__cuda_queue *queue);
/* x clamped to -limit..limit; NaN stays NaN. */
cudaError_t reel__cuda_launch_list_clamp(const reel__cuda_lists *l, double limit, reel_dtype dtype,
                                         reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
