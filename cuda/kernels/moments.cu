/* Moments, squares, exponentials. */
#include "cuda/kernels/fold_internal.cuh"
#include "cuda/kernels/fold_moments_internal.cuh"

cudaError_t reel__cuda_launch_moments(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue) {
    return launch_rows<moments_of>(w, dtype, queue);
}

cudaError_t reel__cuda_launch_squares(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue) {
    return launch_rows<squares_of>(w, dtype, queue);
}

cudaError_t reel__cuda_launch_exponentials(const reel__cuda_fold_work *w, reel_dtype dtype,
                                           reel__cuda_queue *queue) {
    return launch_rows<exponentials_of>(w, dtype, queue);
}
