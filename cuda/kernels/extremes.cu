/* The greatest and the least, and where they are. */
#include "cuda/kernels/fold_extremes_internal.cuh"
#include "cuda/kernels/fold_internal.cuh"

cudaError_t reel__cuda_launch_extreme(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue) {
    return launch_rows<extreme_of>(w, dtype, queue);
}

cudaError_t reel__cuda_launch_position(const reel__cuda_fold_work *w, reel_dtype dtype,
                                       reel__cuda_queue *queue) {
    return launch_rows<position_of>(w, dtype, queue);
}
