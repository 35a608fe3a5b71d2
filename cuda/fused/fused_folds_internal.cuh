/* What generated kernels that fold (fused_kernel.c) are made of, beside fused_device_internal.cuh.
 */
#ifndef REEL_CUDA_FUSED_FUSED_FOLDS_INTERNAL_CUH
#define REEL_CUDA_FUSED_FUSED_FOLDS_INTERNAL_CUH

#include "cuda/fused/fused_device_internal.cuh"
#include "cuda/kernels/fold_extremes_internal.cuh"
#include "cuda/kernels/fold_moments_internal.cuh"
#include "cuda/kernels/fold_sums_internal.cuh"

/* What a fold is told. */
struct told {
    double times;
    reel__left left;
    bool flip;
};

/* An element as a fold takes it, which may be its bits. */
template <class F, class T> static __device__ __forceinline__ typename F::in as_in(T x) {
    typename F::in y;
    static_assert(sizeof x == sizeof y, "the fold is of another type");
    memcpy(&y, &x, sizeof y);
    return y;
}

static __device__ __forceinline__ char *shared_room() {
    __shared__ __align__(16) char room[BLOCK * 32];
    return room;
}

/* ---- of all elements ---- */

template <class F>
static __device__ __forceinline__ void put_part(typename F::acc *parts, typename F::seen mine) {
    __syncthreads(); /* another fold of this type may be in the same shared memory */
    const typename F::acc a = join_block<F, BLOCK>(F::settle(mine));
    if (threadIdx.x == 0) parts[blockIdx.x] = a;
}

/* In thread 0, of the last block. */
template <class F>
static __device__ __forceinline__ typename F::acc take_parts(const typename F::acc *parts) {
    __syncthreads();
    return join_block<F, BLOCK>(join_parts<F>(parts, 1, gridDim.x, threadIdx.x, BLOCK));
}

/* ---- of columns ---- */

/* Shared memory of all folds, one behind the other: an `acc` for each thread. */
template <class A> static __device__ __forceinline__ A *meeting_place() {
    static_assert(sizeof(A) <= 32, "room for a thread");
    return (A *)shared_room();
}

/* In thread t < LANES N: what the block has of its column t. */
template <class F, int N, int LANES>
static __device__ __forceinline__ typename F::acc join_rows(typename F::seen (&a)[N]) {
    static_assert(WARPS * LANES * N <= BLOCK, "room for a tile");
    typename F::acc *all = meeting_place<typename F::acc>();
    __syncthreads();
    return join_tile<F, N>(all, a, LANES, threadIdx.x);
}

/* In thread t < WIDE: what all of the parts have of a column, the first of which is `partial`. */
template <class F, int WIDE>
static __device__ __forceinline__ typename F::acc
join_columns(const typename F::acc *partial, int64_t columns, int parts, bool has) {
    typename F::acc *all = meeting_place<typename F::acc>();
    const int t = threadIdx.x;
    __syncthreads();
    all[t] = has ? join_parts<F>(partial, columns, parts, t / WIDE, BLOCK / WIDE) : F::nothing();
    __syncthreads();
    for (int n = BLOCK / 2; n >= WIDE; n /= 2) {
        if (t < n) all[t] = F::join(all[t], all[t + n]);
        __syncthreads();
    }
    return all[t];
}

/* ---- of rows ---- */

template <class A> static __device__ __forceinline__ A from_first(A a, int width) {
    unsigned word[sizeof(A) / 4];
    memcpy(word, &a, sizeof a);
#pragma unroll
    for (int i = 0; i < (int)(sizeof(A) / 4); i++)
        word[i] = __shfl_sync(0xffffffffu, word[i], 0, width);
    memcpy(&a, word, sizeof a);
    return a;
}

/* In each of the LANES that have a row. */
template <class F, int LANES>
static __device__ __forceinline__ typename F::acc join_team(typename F::seen mine) {
    if constexpr (LANES <= 32) {
        return from_first(join_lanes<F>(F::settle(mine), LANES), LANES);
    } else {
        __shared__ typename F::acc one;
        __syncthreads();
        const typename F::acc a = join_block<F, LANES>(F::settle(mine));
        if (threadIdx.x == 0) one = a;
        __syncthreads();
        return one;
    }
}

#endif
