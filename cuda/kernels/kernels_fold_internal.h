/* Reductions (reduce.cu, extremes.cu, moments.cu): launchers, of which kernels_internal.h says what
 * they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_FOLD_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_FOLD_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* out[outer, columns] from x[outer, rows, columns], over rows, and y, of pairs. If parts > 1 each
 * result comes from as many, which meet in `partial` (REEL__CUDA_FOLD_BYTES for each part of each
 * result), and the last block to end joins them in their order; `tickets` are 0 before and after.
 */
typedef struct {
    const void *x, *y;
    void *out;
    int64_t outer, rows, columns, outer_stride, row_stride;
    double times;    /* each element counts so often */
    reel__left left; /* what the end is told */
    reel__op op;     /* its map and end */
    bool flip;       /* folds of the least, and of all instead of any */
    int parts;
    void *partial;
    unsigned *tickets;
} reel__cuda_fold_work;
#define REEL__CUDA_FOLD_BYTES 32
/* How many parts are worth while. */
int reel__cuda_fold_parts(int64_t outer, int64_t rows, int64_t columns);

/* dtype is x's; sums, products, variances and exponentials are f64 (integers i64) until the end. */
typedef cudaError_t (*reel__cuda_fold_launcher)(const reel__cuda_fold_work *w, reel_dtype dtype,
                                                reel__cuda_queue *queue);
/* One for each fold, and for its mirror image. */
cudaError_t reel__cuda_launch_sum(const reel__cuda_fold_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_product(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_truth(const reel__cuda_fold_work *w, reel_dtype dtype,
                                    reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_extreme(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_position(const reel__cuda_fold_work *w, reel_dtype dtype,
                                       reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_moments(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_squares(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_exponentials(const reel__cuda_fold_work *w, reel_dtype dtype,
                                           reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
