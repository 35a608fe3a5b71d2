/* Binary cross-entropy of what must be probabilities: the elementwise kernels, and a look at p. */
#include "cuda/kernels/errors_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

template <class T, int N>
static __device__ __forceinline__ void watch(const reel__cuda_error_slot &w, const unit<T, N> &p) {
#pragma unroll
    for (int i = 0; i < N; i++)
        if (!(p.v[i] >= 0 && p.v[i] <= 1)) /* NaN too */
            report_error(w, REEL__CUDA_NO_PROBABILITY, p.v[i], 0, 0, 0);
}

#include "cuda/kernels/map_internal.cuh"

cudaError_t reel__cuda_launch_bce_checked(const reel__cuda_map *m, const reel__cuda_error_slot *w,
                                          reel_dtype dtype, int vector, reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return launch_map_with<REEL_OP_bce, float, 2>(m, vector, queue, *w);
    return launch_map_with<REEL_OP_bce, double, 2>(m, vector, queue, *w);
}
