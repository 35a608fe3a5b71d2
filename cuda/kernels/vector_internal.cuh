/* What kernels share: where units of elements lie, and threads that walk over them. */
#ifndef REEL_CUDA_KERNELS_VECTOR_INTERNAL_CUH
#define REEL_CUDA_KERNELS_VECTOR_INTERNAL_CUH

#include "cuda/kernels/launch_internal.cuh"

#define THREADS 128

/* Units along one axis that are as many as the GPU holds threads for: several a thread. */
#define LONG (1 << 18)
/* Blocks that keep any GPU busy: a constant, so that bits are the same on all. */
#define ENOUGH 528

/* ---- units ---- */

static __device__ __forceinline__ uint32_t divide(uint32_t n, reel__cuda_divisor by) {
    return (uint32_t)(((uint64_t)__umulhi(n, by.magic) + n) >> by.shift);
}

/* Where unit `u` of each of K operands begins, in elements. */
template <int K>
static __device__ __forceinline__ void locate(const reel__cuda_map &m, uint32_t u, int64_t at[K]) {
#pragma unroll
    for (int k = 0; k < K; k++) at[k] = 0;
    for (int i = 0; i < m.ndim - 1; i++) {
        const uint32_t rest = divide(u, m.dim[i]), along = u - rest * m.dim[i].d;
#pragma unroll
        for (int k = 0; k < K; k++) at[k] += along * m.stride[k][i];
        u = rest;
    }
#pragma unroll
    for (int k = 0; k < K; k++) at[k] += u * m.stride[k][m.ndim - 1];
}

/* One element for all of a unit if its stride along axis 0 is 0. */
template <class T, int N>
static __device__ __forceinline__ unit<T, N> load(const reel__cuda_map &m, int k, int64_t at) {
    const T *x = (const T *)m.data[k] + at;
    unit<T, N> u;
    if (N > 1 && m.stride[k][0] != 0) {
        u = *(const unit<T, N> *)x;
    } else {
        const T one = *x;
#pragma unroll
        for (int i = 0; i < N; i++) u.v[i] = one;
    }
    return u;
}

template <class T, int N>
static __device__ __forceinline__ void store(const reel__cuda_map &m, int64_t at,
                                             const unit<T, N> &u) {
    *(unit<T, N> *)((T *)m.data[0] + at) = u;
}

/* ---- threads that walk over 0..n-1, in a grid of their own size or a large one ---- */

/* COUNT counts to n: 32 bits where they are enough. */
#define EACH(COUNT, i, n)                                                                          \
    for (COUNT i = blockIdx.x * (COUNT)THREADS + threadIdx.x; i < (COUNT)(n);                      \
         i += gridDim.x * (COUNT)THREADS)

static inline int64_t grid(int64_t n) {
    const int64_t blocks = blocks_for(n, THREADS);
    return blocks < 1 << 20 ? blocks : 1 << 20;
}

static inline bool is_short(int64_t n) {
    return n < (int64_t)1 << 31;
}

#endif
