/* What kernels that go by an index share. */
#ifndef REEL_CUDA_KERNELS_INDEX_INTERNAL_CUH
#define REEL_CUDA_KERNELS_INDEX_INTERNAL_CUH

#include "cuda/kernels/errors_internal.cuh"
#include "cuda/kernels/kernels_index_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

/* Of an index out of range. */
static __device__ __forceinline__ void report_index(const reel__cuda_error_slot &w, int64_t index,
                                                    int64_t position, int64_t size) {
    report_error(w, REEL__CUDA_WRONG_INDEX, 0, index, position, size);
}

static __device__ __forceinline__ bool is_in_range(int64_t index, int64_t n) {
    return (uint64_t)index < (uint64_t)n;
}

/* index[k] if it is in 0..n-1, else -1. */
static __device__ __forceinline__ int64_t checked(const reel__cuda_move &m, int64_t k, int64_t n) {
    const int64_t index = m.index[k];
    if (is_in_range(index, n)) return index;
    report_index(m.errors, index, k, n);
    return -1;
}

#define LARGE (1 << 19) /* more units than the GPU holds threads for */

#endif
