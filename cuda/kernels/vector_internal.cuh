/* What kernels share: units of elements, and where they lie; threads that walk; sums over a block,
 * and which block is the last. */
#ifndef REEL_CUDA_KERNELS_VECTOR_INTERNAL_CUH
#define REEL_CUDA_KERNELS_VECTOR_INTERNAL_CUH

#include "cuda/kernels/launch_internal.cuh"

#define THREADS 128

/* Units along one axis that are as many as the GPU holds threads for: several a thread. */
#define LONG (1 << 18)
/* Blocks that keep any GPU busy: a constant, so that bits are the same on all. */
#define ENOUGH 528

/* ---- units ---- */

/* N elements that move at once. */
template <class T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) unit { T v[N]; };

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

/* ---- plain structs between threads ---- */

template <class A> static __device__ __forceinline__ A shuffle_down(A a, int d, int width) {
    static_assert(sizeof(A) % 4 == 0, "shuffles move 4 bytes at a time");
    unsigned word[sizeof(A) / 4];
    memcpy(word, &a, sizeof a);
#pragma unroll
    for (int i = 0; i < (int)(sizeof(A) / 4); i++)
        word[i] = __shfl_down_sync(0xffffffffu, word[i], d, width);
    memcpy(&a, word, sizeof a);
    return a;
}

/* From memory that another block wrote. */
template <class W, class A> static __device__ __forceinline__ A load_words(const A *from) {
    W word[sizeof(A) / sizeof(W)];
    A a;
#pragma unroll
    for (int i = 0; i < (int)(sizeof(A) / sizeof(W)); i++) word[i] = __ldcg((const W *)from + i);
    memcpy(&a, word, sizeof a);
    return a;
}
template <class A> static __device__ __forceinline__ A load_written(const A *from) {
    if constexpr (sizeof(A) % 8 == 0)
        return load_words<unsigned long long>(from);
    else
        return load_words<unsigned>(from);
}

/* ---- sums ---- */

/* In the first of `lanes`: their sum. */
template <class A> static __device__ __forceinline__ A add_lanes(A a, int lanes) {
    for (int d = lanes / 2; d > 0; d /= 2) a += __shfl_down_sync(0xffffffffu, a, d, lanes);
    return a;
}

/* In thread 0: the sum over a block of SIZE threads. */
template <int SIZE, class A> static __device__ __forceinline__ A add_block(A a) {
    __shared__ A warp[SIZE / 32];
    a = add_lanes(a, 32);
    if (threadIdx.x % 32 == 0) warp[threadIdx.x / 32] = a;
    __syncthreads();
    if (threadIdx.x < 32) a = add_lanes(threadIdx.x < SIZE / 32 ? warp[threadIdx.x] : 0, SIZE / 32);
    return a;
}

/* ---- the last block ---- */

/* For one thread of each block, after a barrier: whether its block is the last of `blocks` to come
 * here with this ticket. Then what the others did before is done: what they wrote is there, and
 * what they read may be written. */
static __device__ __forceinline__ bool comes_last(unsigned *ticket, unsigned blocks) {
    __threadfence(); /* for all of the block, by the barrier */
    if (atomicAdd(ticket, 1) != blocks - 1) return false;
    *ticket = 0;
    __threadfence();
    return true;
}

/* True in all threads of the last block that comes here with this ticket, out of `blocks`: then
 * what the others wrote before is there to be read. */
static __device__ __forceinline__ bool is_last(unsigned *ticket, unsigned blocks) {
    __shared__ bool last;
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) last = comes_last(ticket, blocks);
    __syncthreads();
    return last;
}

#endif
