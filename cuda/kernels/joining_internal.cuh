/* Folds: how elements come together, and how threads join what they have of a result. Device code
 * alone, for kernels that are compiled as the program runs too.
 *
 * A fold F is a template of the elements' type, the map (NO_MAP: none) and the number of inputs, so
 * that rows of ops_reduce.def that have these alike share their kernels; `holds` says which folds
 * of the table it is. It says what comes together, and how: elements of type `in` to results of
 * type `out`. A thread gathers elements in a `seen`, which begins as none(); take(seen, work, x, y,
 * at) adds x, and y where there are PAIRs; `at` is its number among the elements of the result.
 * What threads hand to each other is an `acc`, plain, of 4 bytes or a multiple of 8: settle(seen)
 * makes one, nothing() is that of no elements, and join(a, b) makes one of two, a being the first.
 * leave(acc, work) is what the row's end makes the result of or, of a fold that is WHOLE, the
 * result. RESIDENT: blocks that a processor has registers for. `work` has what the call says:
 * times, left, flip. */
#ifndef REEL_CUDA_KERNELS_JOINING_INTERNAL_CUH
#define REEL_CUDA_KERNELS_JOINING_INTERNAL_CUH

#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/threads_internal.cuh"

#include <stdint.h>
#include <type_traits>

#define BLOCK 256
#define WARPS (BLOCK / 32)
#define AHEAD 8 /* loads of a thread that are on their way at once */

/* ---- rows: a map is one of formula<double>'s, whatever the elements are ---- */

#define NO_MAP nullptr
#define MAP_1(map) NO_MAP
#define MAP_0(map) formula<double>::map_##map
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define MAP_OF(map) JOIN(MAP_, REEL__IS_SAME(map))(map)

template <auto MAP> struct map_tag {};
template <auto MAP>
static constexpr bool IS_MAPPED = !std::is_same_v<map_tag<MAP>, map_tag<NO_MAP>>;

/* An element, or a pair, as it is folded. */
template <class A, auto MAP, class W, class T>
static __device__ __forceinline__ A mapped(const W &w, T x, T y) {
    if constexpr (IS_MAPPED<MAP>)
        return (A)MAP((double)x, (double)y, w.left.p);
    else
        return (A)x;
}

/* What leave() leaves: a and b for the row's end or, of a whole fold, a itself. */
template <bool WHOLE, class W, class A>
static __device__ __forceinline__ auto left_of(const W &w, A a, double b) {
    if constexpr (WHOLE) {
        return a;
    } else {
        reel__left left = w.left;
        left.a = (double)a;
        left.b = b;
        return left;
    }
}

/* ---- threads that hand things to each other ---- */

/* In the first of `lanes`. */
template <class F>
static __device__ __forceinline__ typename F::acc join_lanes(typename F::acc a, int lanes) {
    for (int d = lanes / 2; d > 0; d /= 2) a = F::join(a, shuffle_down(a, d, lanes));
    return a;
}

/* In thread 0. */
template <class F, int SIZE>
static __device__ __forceinline__ typename F::acc join_block(typename F::acc a) {
    __shared__ typename F::acc warp[SIZE / 32];
    a = join_lanes<F>(a, 32);
    if (threadIdx.x % 32 == 0) warp[threadIdx.x / 32] = a;
    __syncthreads();
    if (threadIdx.x < 32)
        a = join_lanes<F>(threadIdx.x < SIZE / 32 ? warp[threadIdx.x] : F::nothing(), SIZE / 32);
    return a;
}

/* Of n parts, `stride` apart, those that fall to lane `lane` of `lanes`. */
template <class F>
static __device__ __forceinline__ typename F::acc
join_parts(const typename F::acc *partial, int64_t stride, int n, int lane, int lanes) {
    typename F::acc total = F::nothing();
    for (int i = lane; i < n; i += AHEAD * lanes) {
        typename F::acc a[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            const int at = i + k * lanes;
            a[k] = at < n ? load_written(partial + at * stride) : F::nothing();
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) total = F::join(total, a[k]);
    }
    return total;
}

/* ---- columns ---- */

/* In thread t < lanes N: what the block has of its column t. */
template <class F, int N>
static __device__ __forceinline__ typename F::acc
join_tile(typename F::acc *all, const typename F::seen *seen, int lanes, int t) {
    typename F::acc a[N];
    const int wide = lanes * N;
#pragma unroll
    for (int k = 0; k < N; k++) a[k] = F::settle(seen[k]);
    for (int d = 16; d >= lanes; d /= 2) /* lanes of a warp that have the same columns */
#pragma unroll
        for (int k = 0; k < N; k++) a[k] = F::join(a[k], shuffle_down(a[k], d, 32));
    if (t % 32 < lanes)
#pragma unroll
        for (int k = 0; k < N; k++) all[t / 32 * wide + t % 32 * N + k] = a[k];
    __syncthreads();
    typename F::acc total = F::nothing();
    if (t < wide)
        for (int i = 0; i < WARPS; i++) total = F::join(total, all[i * wide + t]);
    return total;
}

#endif
