/* Reductions of every kind. Each result has a fixed tree: lanes, then warps, then the parts of a
 * long one, always in the same order. What a fold is stands in joining_internal.cuh. */
#ifndef REEL_CUDA_KERNELS_FOLD_INTERNAL_CUH
#define REEL_CUDA_KERNELS_FOLD_INTERNAL_CUH

#include "cuda/kernels/joining_internal.cuh"
#include "cuda/kernels/kernels_fold_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <cooperative_groups.h>
#include <stdint.h>
#include <type_traits>

#define WIDE_BLOCK 1024

/* ---- results ---- */

/* By the end of w's row, which is one of the few that fold as F does. */
template <class F>
static __device__ __forceinline__ double end_of(const reel__cuda_fold_work &w, reel__left left) {
    switch (w.op) {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    case REEL_OP_##name:                                                                           \
        if constexpr (F::holds(REEL__FOLD_##fold) &&                                               \
                      std::is_same_v<map_tag<F::MAP>, map_tag<MAP_OF(map)>>)                       \
            return formula<double>::end_##end(left);                                               \
        break;
#include "tensor/ops/ops_reduce.def"
    default:
        break;
    }
    return left.a;
}

template <class F>
static __device__ __forceinline__ void write(const reel__cuda_fold_work &w, int64_t i,
                                             typename F::acc a) {
    using out = typename F::out;
    if constexpr (F::WHOLE)
        ((out *)w.out)[i] = (out)F::leave(a, w);
    else
        ((out *)w.out)[i] = (out)end_of<F>(w, F::leave(a, w));
}

/* ---- elements ---- */

/* A unit at once or, where it isn't aligned, by its elements: the order is the same. */
template <class T, int N, bool ALIGNED>
static __device__ __forceinline__ unit<T, N> fetch(const T *x) {
    if constexpr (ALIGNED) {
        return *(const unit<T, N> *)x;
    } else {
        unit<T, N> u;
#pragma unroll
        for (int i = 0; i < N; i++) u.v[i] = x[i];
        return u;
    }
}

/* Of n contiguous units, whose first element is number `first`, those that fall to lane `lane` of
 * `lanes`. */
template <class F, int N, bool ALIGNED>
static __device__ __forceinline__ void
take_units(typename F::seen &seen, const reel__cuda_fold_work &w, const typename F::in *x,
           const typename F::in *y, int64_t n, int64_t first, int lane, int lanes) {
    using T = typename F::in;
    /* as many as registers hold: bytes take one each */
    constexpr int LOADS = sizeof(T) == 1 || !ALIGNED ? AHEAD / 4 : F::PAIR ? AHEAD / 2 : AHEAD;
    for (int64_t i = lane; i < n; i += LOADS * lanes) {
        unit<T, N> a[LOADS], b[LOADS];
#pragma unroll
        for (int k = 0; k < LOADS; k++) {
            const int64_t at = i + k * lanes;
            if (at >= n) break;
            a[k] = fetch<T, N, ALIGNED>(x + at * N);
            b[k] = F::PAIR ? fetch<T, N, ALIGNED>(y + at * N) : a[k];
        }
#pragma unroll
        for (int k = 0; k < LOADS; k++) {
            const int64_t at = i + k * lanes;
            if (at >= n) break;
#pragma unroll
            for (int j = 0; j < N; j++) F::take(seen, w, a[k].v[j], b[k].v[j], first + at * N + j);
        }
    }
}

/* The same of n elements. */
template <class F>
static __device__ __forceinline__ typename F::acc
take_run(const reel__cuda_fold_work &w, const typename F::in *x, const typename F::in *y, int64_t n,
         int64_t first, int lane, int lanes) {
    constexpr int N = 16 / sizeof(typename F::in);
    const int64_t units = n / N, done = units * N;
    const bool aligned = (uintptr_t)x % 16 == 0 && (!F::PAIR || (uintptr_t)y % 16 == 0);
    typename F::seen seen = F::none();
    if (aligned)
        take_units<F, N, true>(seen, w, x, y, units, first, lane, lanes);
    else
        take_units<F, N, false>(seen, w, x, y, units, first, lane, lanes);
    take_units<F, 1, true>(seen, w, x + done, F::PAIR ? y + done : y, n - done, first + done, lane,
                           lanes);
    return F::settle(seen);
}

/* ---- contiguous rows: a few lanes a row ---- */

template <class F>
static __global__ void __launch_bounds__(BLOCK)
    fold_short(const __grid_constant__ reel__cuda_fold_work w, unsigned lanes) {
    begin();
    const int64_t row = (int64_t)blockIdx.x * (BLOCK / lanes) + threadIdx.x / lanes;
    typename F::acc a = F::nothing();
    if (row < w.outer)
        a = take_run<F>(w, (const typename F::in *)w.x + row * w.outer_stride,
                        F::PAIR ? (const typename F::in *)w.y + row * w.outer_stride : nullptr,
                        w.rows, 0, threadIdx.x % lanes, lanes);
    a = join_lanes<F>(a, lanes);
    if (row < w.outer && threadIdx.x % lanes == 0) write<F>(w, row, a);
}

/* ---- contiguous rows: a block for each part of a row, of `each` elements ---- */

/* In thread 0. */
template <class F, int SIZE>
static __device__ __forceinline__ typename F::acc
fold_part(const reel__cuda_fold_work &w, unsigned row, unsigned part, int64_t each) {
    const int64_t first = part * each, left = w.rows - first, n = left < each ? left : each;
    const int64_t at = row * w.outer_stride + first;
    const typename F::in *x = (const typename F::in *)w.x + at;
    const typename F::in *y = F::PAIR ? (const typename F::in *)w.y + at : nullptr;
    return join_block<F, SIZE>(n > 0 ? take_run<F>(w, x, y, n, first, threadIdx.x, SIZE)
                                     : F::nothing());
}

template <class F>
static __global__ void __launch_bounds__(BLOCK, F::RESIDENT)
    fold_long(const __grid_constant__ reel__cuda_fold_work w, int64_t each) {
    begin();
    using A = typename F::acc;
    static_assert(sizeof(A) <= REEL__CUDA_FOLD_BYTES, "a part's room");
    const unsigned row = blockIdx.x / w.parts, part = blockIdx.x % w.parts;
    A a = fold_part<F, BLOCK>(w, row, part, each);
    if (w.parts == 1) {
        if (threadIdx.x == 0) write<F>(w, row, a);
        return;
    }
    A *partial = (A *)w.partial + (int64_t)row * w.parts;
    if (threadIdx.x == 0) partial[part] = a;
    if (!is_last(w.tickets + row, w.parts)) return;
    if (w.parts > 32)
        a = join_block<F, BLOCK>(join_parts<F>(partial, 1, w.parts, threadIdx.x, BLOCK));
    else if (threadIdx.x < 32)
        a = join_lanes<F>(join_parts<F>(partial, 1, w.parts, threadIdx.x, 32), 32);
    if (threadIdx.x == 0) write<F>(w, row, a);
}

/* What is too long for one block, and too short for blocks to wait for each other through memory: a
 * cluster of them for each row, which meets in the first one's shared memory. */
#define CLUSTER 8

#if REEL_CUDA_SM90 /* GPUs that have the one have the other */
template <class F>
static __global__ void __launch_bounds__(WIDE_BLOCK)
    fold_cluster(const __grid_constant__ reel__cuda_fold_work w, int64_t each) {
    begin();
    using A = typename F::acc;
    __shared__ A all[CLUSTER];
    const auto cluster = cooperative_groups::this_cluster();
    cluster.barrier_arrive();
    const unsigned row = blockIdx.x / CLUSTER, part = blockIdx.x % CLUSTER;
    const A mine = fold_part<F, WIDE_BLOCK>(w, row, part, each);
    cluster.barrier_wait(); /* the first block is there */
    if (threadIdx.x == 0) *cluster.map_shared_rank(&all[part], 0) = mine;
    cluster.sync();
    if (part > 0 || threadIdx.x >= 32) return;
    const A a = join_lanes<F>(threadIdx.x < CLUSTER ? all[threadIdx.x] : F::nothing(), CLUSTER);
    if (threadIdx.x == 0) write<F>(w, row, a);
}
#endif

/* ---- columns: lanes side by side, N columns each, by as many rows as fill a block ---- */

/* A column unit's rows `from`, from + step, ... before n; row 0 is number `first`. */
template <class F, int N, bool ALIGNED>
static __device__ __forceinline__ void
take_rows(typename F::seen *seen, const reel__cuda_fold_work &w, const typename F::in *x,
          const typename F::in *y, int64_t n, int64_t first, unsigned from, unsigned step) {
    using T = typename F::in;
    constexpr int LOADS = F::PAIR ? AHEAD / 2 : AHEAD;
    x += from * w.row_stride;
    if (F::PAIR) y += from * w.row_stride;
    for (int64_t r = from; r < n; r += LOADS * step, x += LOADS * step * w.row_stride) {
        unit<T, N> a[LOADS], b[LOADS];
#pragma unroll
        for (int k = 0; k < LOADS; k++) {
            if (r + k * step >= n) break;
            a[k] = fetch<T, N, ALIGNED>(x + k * step * w.row_stride);
            b[k] = F::PAIR ? fetch<T, N, ALIGNED>(y + k * step * w.row_stride) : a[k];
        }
#pragma unroll
        for (int k = 0; k < LOADS; k++) {
            if (r + k * step >= n) break;
#pragma unroll
            for (int i = 0; i < N; i++)
                F::take(seen[i], w, a[k].v[i], b[k].v[i], first + r + k * step);
        }
        if (F::PAIR) y += LOADS * step * w.row_stride;
    }
}

/* Puts this block's part of its columns beside the others', and joins all of them if it is the
 * last; thread t has column t % wide, if there is one. */
template <class F>
static __device__ __forceinline__ void
join_tiles(const reel__cuda_fold_work &w, typename F::acc *all, typename F::acc total, int t,
           int wide, bool has, int64_t result, unsigned part, unsigned *ticket) {
    const int64_t results = w.outer * w.columns;
    typename F::acc *partial = (typename F::acc *)w.partial + result;
    if (has && t < wide) partial[part * results] = total;
    if (!is_last(ticket, w.parts)) return;
    all[t] = has ? join_parts<F>(partial, results, w.parts, t / wide, BLOCK / wide) : F::nothing();
    __syncthreads();
    for (int n = BLOCK / 2; n >= wide; n /= 2) {
        if (t < n) all[t] = F::join(all[t], all[t + n]);
        __syncthreads();
    }
    if (has && t < wide) write<F>(w, result, all[t]);
}

template <class F, int N, bool ALIGNED>
static __global__ void __launch_bounds__(BLOCK, F::RESIDENT)
    fold_columns(const __grid_constant__ reel__cuda_fold_work w, unsigned tiles, int64_t each) {
    begin();
    __shared__ typename F::acc all[WARPS * 32 * N];
    const int lanes = blockDim.x, wide = lanes * N, t = threadIdx.y * lanes + threadIdx.x;
    const unsigned part = blockIdx.x % w.parts, rest = blockIdx.x / w.parts;
    const int64_t o = rest / tiles, edge = (int64_t)(rest % tiles) * wide, first = part * each,
                  left = w.rows - first;
    typename F::seen seen[N];
#pragma unroll
    for (int k = 0; k < N; k++) seen[k] = F::none();
    if (edge + threadIdx.x * N < w.columns) {
        const int64_t at = o * w.outer_stride + first * w.row_stride + edge;
        const typename F::in *x = (const typename F::in *)w.x + at,
                             *y = F::PAIR ? (const typename F::in *)w.y + at : x;
        take_rows<F, N, ALIGNED>(seen, w, x + threadIdx.x * N, y + threadIdx.x * N,
                                 left < each ? left : each, first, threadIdx.y, blockDim.y);
    }
    const typename F::acc total = join_tile<F, N>(all, seen, lanes, t);
    const int64_t column = edge + t % wide, result = o * w.columns + column;
    const bool has = column < w.columns;
    if (w.parts > 1)
        join_tiles<F>(w, all, total, t, wide, has, result, part, w.tickets + rest);
    else if (has && t < wide)
        write<F>(w, result, total);
}

/* ---- few columns and few rows, many times: lanes that have the columns, and all rows ---- */

template <class F, int N, bool ALIGNED>
static __global__ void __launch_bounds__(BLOCK, F::RESIDENT)
    fold_narrow(const __grid_constant__ reel__cuda_fold_work w) {
    begin();
    const int64_t o = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, column = threadIdx.x * N;
    if (o >= w.outer || column >= w.columns) return;
    typename F::seen seen[N];
#pragma unroll
    for (int k = 0; k < N; k++) seen[k] = F::none();
    const int64_t at = o * w.outer_stride + column;
    take_rows<F, N, ALIGNED>(seen, w, (const typename F::in *)w.x + at,
                             F::PAIR ? (const typename F::in *)w.y + at : nullptr, w.rows, 0, 0, 1);
#pragma unroll
    for (int k = 0; k < N; k++) write<F>(w, o * w.columns + column + k, F::settle(seen[k]));
}

/* ---- which one ---- */

#define PART (BLOCK * AHEAD * 4) /* elements of a row that a block loads at once */
#define CLUSTER_ROWS 16          /* that clusters take, */
#define CLUSTER_PART (CLUSTER * WIDE_BLOCK * AHEAD * 4) /* and their elements */
#define MANY (1 << 16)                                  /* threads that keep any GPU busy */

static inline bool is_for_cluster(int64_t outer, int64_t rows) {
    return REEL_CUDA_SM90 && outer <= CLUSTER_ROWS && rows > PART && rows <= CLUSTER_PART;
}

/* Lanes that have n columns each, so that a warp wastes few. */
static inline int lanes_for(int64_t columns, int n) {
    int lanes = 1;
    while (lanes < 32 && lanes * n < columns) lanes *= 2;
    return lanes;
}

template <class F, int N, bool ALIGNED>
static cudaError_t launch_columns(const reel__cuda_fold_work *w, reel__cuda_queue *queue) {
    const int lanes = lanes_for(w->columns, N), high = BLOCK / lanes;
    const int64_t tiles = blocks_for(w->columns, lanes * N);
    const dim3 threads(lanes, high);
    if (w->parts == 1 && tiles == 1 && w->rows <= high && w->outer >= MANY / lanes)
        return launch(fold_narrow<F, N, ALIGNED>, blocks_for(w->outer, high), threads, queue, *w);
    return launch(fold_columns<F, N, ALIGNED>, w->outer * tiles * w->parts, threads, queue, *w,
                  tiles, blocks_for(w->rows, w->parts));
}

/* Elements of one of n parts of a row: whole units, and whole sectors of memory. */
static inline int64_t part_of(int64_t rows, int n) {
    return ((rows + n - 1) / n + 63) / 64 * 64;
}

template <class F>
static cudaError_t launch_long(const reel__cuda_fold_work *w, reel__cuda_queue *queue) {
#if REEL_CUDA_SM90
    if (is_for_cluster(w->outer, w->rows))
        return launch_cluster(fold_cluster<F>, w->outer * CLUSTER, WIDE_BLOCK, CLUSTER, 0, queue,
                              *w, part_of(w->rows, CLUSTER));
#endif
    return launch(fold_long<F>, w->outer * w->parts, BLOCK, queue, *w, part_of(w->rows, w->parts));
}

template <class F>
static cudaError_t launch_piece(const reel__cuda_fold_work *w, reel__cuda_queue *queue) {
    using T = typename F::in;
    constexpr int N = sizeof(T) == 8 ? 2 : 4;
    if (w->columns > 1 && w->columns % N == 0) {
        const uintptr_t bits = (uintptr_t)w->x | (F::PAIR ? (uintptr_t)w->y : 0);
        const bool aligned = bits % (N * sizeof(T)) == 0 && w->row_stride % N == 0 &&
                             (w->outer == 1 || w->outer_stride % N == 0);
        return aligned ? launch_columns<F, N, true>(w, queue)
                       : launch_columns<F, N, false>(w, queue);
    }
    if (w->columns > 1) return launch_columns<F, 1, true>(w, queue);
    if (w->rows > 2048 || w->parts > 1 || w->outer < WARPS) return launch_long<F>(w, queue);
    int lanes = 1;
    while (lanes < 32 && lanes * 8 < w->rows) lanes *= 2;
    return launch(fold_short<F>, blocks_for(w->outer, BLOCK / lanes), BLOCK, queue, *w, lanes);
}

/* Of what has several parts, there is one piece. */
template <class F>
static cudaError_t launch_fold(const reel__cuda_fold_work *w, reel__cuda_queue *queue) {
    const int64_t tiles = blocks_for(w->columns, lanes_for(w->columns, 1)); /* at most */
    return launch_pieces(w->outer, tiles * w->parts, [&](int64_t first, int64_t count) {
        reel__cuda_fold_work piece = *w;
        piece.outer = count;
        piece.x = (const typename F::in *)w->x + first * w->outer_stride;
        if (F::PAIR) piece.y = (const typename F::in *)w->y + first * w->outer_stride;
        piece.out = (typename F::out *)w->out + first * w->columns;
        return launch_piece<F>(&piece, queue);
    });
}

/* By the row's dtypes. */
template <template <class, auto, int> class OF, auto MAP, int INPUTS>
static cudaError_t launch_FLOAT(const reel__cuda_fold_work *w, reel_dtype dtype,
                                reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? launch_fold<OF<float, MAP, INPUTS>>(w, queue)
                             : launch_fold<OF<double, MAP, INPUTS>>(w, queue);
}

template <template <class, auto, int> class OF, auto MAP, int INPUTS>
static cudaError_t launch_NUMBER(const reel__cuda_fold_work *w, reel_dtype dtype,
                                 reel__cuda_queue *queue) {
    if (dtype == REEL_I64) return launch_fold<OF<int64_t, MAP, INPUTS>>(w, queue);
    if (dtype == REEL_U8) return launch_fold<OF<uint8_t, MAP, INPUTS>>(w, queue);
    return launch_FLOAT<OF, MAP, INPUTS>(w, dtype, queue);
}

/* Any row whose fold OF is. */
template <template <class, auto, int> class OF>
static cudaError_t launch_rows(const reel__cuda_fold_work *w, reel_dtype dtype,
                               reel__cuda_queue *queue) {
    switch (w->op) {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    case REEL_OP_##name:                                                                           \
        if constexpr (OF<float, NO_MAP, 1>::holds(REEL__FOLD_##fold))                              \
            return launch_##dtypes<OF, MAP_OF(map), inputs>(w, dtype, queue);                      \
        break;
#include "tensor/ops/ops_reduce.def"
    default:
        break;
    }
    return cudaErrorInvalidValue;
}

#endif
