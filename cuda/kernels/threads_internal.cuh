/* What threads of a kernel do together: how they begin, units of elements that one moves, structs
 * that they hand to each other, sums over a block, and which block is the last. Device code alone,
 * for kernels that are compiled as the program runs too.
 *
 * The next kernel's blocks may come to the processors while the last one's are ending, and wait
 * there, instead of being sent off when all is over.
 * Source: CUDA C++ Programming Guide, "Programmatic Dependent Launch". */
#ifndef REEL_CUDA_KERNELS_THREADS_INTERNAL_CUH
#define REEL_CUDA_KERNELS_THREADS_INTERNAL_CUH

#include "cuda/kernels/both_sides_internal.h"

#include <stdint.h>

/* The first thing that each kernel does, in all of its threads: what the kernels before it have
 * written is there afterwards, and the next one may come. A kernel of many blocks is launched the
 * plain way, and is spared what this costs each block. */
static __device__ __forceinline__ void begin() {
#if REEL_CUDA_SM90
    if (gridDim.x > REEL__CUDA_OVERLAPPED) return;
    asm volatile("griddepcontrol.wait;" ::: "memory");
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/* ---- units ---- */

/* N elements that move at once. */
template <class T, int N> struct alignas(N * sizeof(T) < 16 ? N * sizeof(T) : 16) unit { T v[N]; };

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
