/* Sums. Each has a fixed tree: lanes, then warps, then the parts of a long one, always in the same
 * order. */
#include "cuda/vector_internal.cuh"

#include <cooperative_groups.h>
#include <stdint.h>

#define BLOCK 256
#define WARPS (BLOCK / 32)
#define WIDE_BLOCK 1024
#define AHEAD 8 /* loads of a thread that are on their way at once */

/* What elements of T are added up in. */
template <class T> struct adds {
    using type = double;
    using out = T;
};
template <> struct adds<int64_t> {
    using type = int64_t;
    using out = int64_t;
};
template <> struct adds<uint8_t> {
    using type = int64_t;
    using out = int64_t;
};
template <class T> using sum_of = typename adds<T>::type;

template <class T>
static __device__ __forceinline__ void write(const reel__cuda_sum_work &s, int64_t i,
                                             sum_of<T> sum) {
    using out = typename adds<T>::out;
    if constexpr (sizeof(sum_of<T>) == sizeof(double) && (sum_of<T>)0.5 != 0)
        ((out *)s.out)[i] = (out)(sum / s.divisor);
    else
        ((out *)s.out)[i] = sum;
}

template <class T, bool PAIR> static __device__ __forceinline__ sum_of<T> term(T x, T y) {
    if constexpr (!PAIR) return (sum_of<T>)x;
    const T d = x - y;
    return (sum_of<T>)d * (sum_of<T>)d;
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

/* Of n parts' sums, `stride` apart, those that fall to lane `lane` of `lanes`. */
template <class A>
static __device__ __forceinline__ A add_parts(const A *partial, int64_t stride, int n, int lane,
                                              int lanes) {
    A sum = 0;
    for (int i = lane; i < n; i += AHEAD * lanes) {
        A a[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            const int at = i + k * lanes;
            a[k] = at < n ? __ldcg(partial + at * stride) : 0;
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) sum += a[k];
    }
    return sum;
}

/* A unit at once or, where it isn't aligned, by its elements: the order of adding is the same. */
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

/* Of n contiguous units, those that fall to lane `lane` of `lanes`. */
template <class T, bool PAIR, int N, bool ALIGNED>
static __device__ __forceinline__ sum_of<T> add_units(const T *x, const T *y, int64_t n, int lane,
                                                      int lanes) {
    /* as many as registers hold: bytes take one each */
    constexpr int LOADS = sizeof(T) == 1 || !ALIGNED ? AHEAD / 4 : PAIR ? AHEAD / 2 : AHEAD;
    sum_of<T> sum = 0;
    for (int64_t i = lane; i < n; i += LOADS * lanes) {
        unit<T, N> a[LOADS], b[LOADS];
#pragma unroll
        for (int k = 0; k < LOADS; k++) {
            const int64_t at = i + k * lanes;
            if (at >= n) break;
            a[k] = fetch<T, N, ALIGNED>(x + at * N);
            b[k] = PAIR ? fetch<T, N, ALIGNED>(y + at * N) : a[k];
        }
#pragma unroll
        for (int k = 0; k < LOADS; k++) {
            if (i + k * lanes >= n) break;
#pragma unroll
            for (int j = 0; j < N; j++) sum += term<T, PAIR>(a[k].v[j], b[k].v[j]);
        }
    }
    return sum;
}

/* The same of n elements. */
template <class T, bool PAIR>
static __device__ __forceinline__ sum_of<T> add_run(const T *x, const T *y, int64_t n, int lane,
                                                    int lanes) {
    constexpr int N = 16 / sizeof(T);
    const int64_t units = n / N, done = units * N;
    const bool aligned = (uintptr_t)x % 16 == 0 && (!PAIR || (uintptr_t)y % 16 == 0);
    const sum_of<T> sum = aligned ? add_units<T, PAIR, N, true>(x, y, units, lane, lanes)
                                  : add_units<T, PAIR, N, false>(x, y, units, lane, lanes);
    return sum + add_units<T, PAIR, 1, true>(x + done, PAIR ? y + done : y, n - done, lane, lanes);
}

/* ---- contiguous rows: a few lanes a row ---- */

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    sum_short(const __grid_constant__ reel__cuda_sum_work s, unsigned lanes) {
    begin();
    const int64_t row = (int64_t)blockIdx.x * (BLOCK / lanes) + threadIdx.x / lanes;
    sum_of<T> sum = 0;
    if (row < s.outer)
        sum = add_run<T, false>((const T *)s.x + row * s.outer_stride, nullptr, s.rows,
                                threadIdx.x % lanes, lanes);
    sum = add_lanes(sum, lanes);
    if (row < s.outer && threadIdx.x % lanes == 0) write<T>(s, row, sum);
}

/* ---- contiguous rows: a block for each part of a row, of `each` elements ---- */

/* In thread 0. */
template <class T, bool PAIR, int SIZE>
static __device__ __forceinline__ sum_of<T> add_part(const reel__cuda_sum_work &s, unsigned row,
                                                     unsigned part, int64_t each) {
    const int64_t first = part * each, left = s.rows - first, n = left < each ? left : each;
    const T *x = (const T *)s.x + row * s.outer_stride + first;
    const T *y = PAIR ? (const T *)s.y + first : nullptr;
    return add_block<SIZE>(n > 0 ? add_run<T, PAIR>(x, y, n, threadIdx.x, SIZE) : 0);
}

template <class T, bool PAIR>
static __global__ void __launch_bounds__(BLOCK, 4)
    sum_long(const __grid_constant__ reel__cuda_sum_work s, int64_t each) {
    begin();
    using A = sum_of<T>;
    const unsigned row = blockIdx.x / s.parts, part = blockIdx.x % s.parts;
    A sum = add_part<T, PAIR, BLOCK>(s, row, part, each);
    if (s.parts == 1) {
        if (threadIdx.x == 0) write<T>(s, row, sum);
        return;
    }
    A *partial = (A *)s.partial + (int64_t)row * s.parts;
    if (threadIdx.x == 0) partial[part] = sum;
    if (!is_last(s.tickets + row, s.parts)) return;
    if (s.parts > 32)
        sum = add_block<BLOCK>(add_parts(partial, 1, s.parts, threadIdx.x, BLOCK));
    else if (threadIdx.x < 32)
        sum = add_lanes(add_parts(partial, 1, s.parts, threadIdx.x, 32), 32);
    if (threadIdx.x == 0) write<T>(s, row, sum);
}

/* What is too long for one block, and too short for blocks to wait for each other through memory: a
 * cluster of them for each row, which meets in the first one's shared memory. */
#define CLUSTER 8

#if REEL_CUDA_SM90 /* GPUs that have the one have the other */
template <class T, bool PAIR>
static __global__ void __launch_bounds__(WIDE_BLOCK)
    sum_cluster(const __grid_constant__ reel__cuda_sum_work s, int64_t each) {
    begin();
    using A = sum_of<T>;
    __shared__ A all[CLUSTER];
    const auto cluster = cooperative_groups::this_cluster();
    cluster.barrier_arrive();
    const unsigned row = blockIdx.x / CLUSTER, part = blockIdx.x % CLUSTER;
    const A mine = add_part<T, PAIR, WIDE_BLOCK>(s, row, part, each);
    cluster.barrier_wait(); /* the first block is there */
    if (threadIdx.x == 0) *cluster.map_shared_rank(&all[part], 0) = mine;
    cluster.sync();
    if (part > 0 || threadIdx.x >= 32) return;
    const A sum = add_lanes(threadIdx.x < CLUSTER ? all[threadIdx.x] : 0, CLUSTER);
    if (threadIdx.x == 0) write<T>(s, row, sum);
}
#endif

/* ---- columns: lanes side by side, N columns each, by as many rows as fill a block ---- */

/* A column unit's rows `first`, first + step, ... before n. */
template <class T, int N, bool ALIGNED>
static __device__ __forceinline__ void add_rows(sum_of<T> *sum, const T *x, int64_t n,
                                                int64_t row_stride, unsigned first, unsigned step) {
    x += first * row_stride;
    for (int64_t r = first; r < n; r += AHEAD * step, x += AHEAD * step * row_stride) {
        unit<T, N> a[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (r + k * step >= n) break;
            a[k] = fetch<T, N, ALIGNED>(x + k * step * row_stride);
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (r + k * step >= n) break;
#pragma unroll
            for (int i = 0; i < N; i++) sum[i] += (sum_of<T>)a[k].v[i];
        }
    }
}

/* In thread t < lanes N: the sum over the block of its column t. */
template <int N, class A>
static __device__ __forceinline__ A add_tile(A *all, A *sum, int lanes, int t) {
    const int wide = lanes * N;
    for (int d = 16; d >= lanes; d /= 2) /* lanes of a warp that have the same columns */
#pragma unroll
        for (int k = 0; k < N; k++) sum[k] += __shfl_down_sync(0xffffffffu, sum[k], d);
    if (t % 32 < lanes)
#pragma unroll
        for (int k = 0; k < N; k++) all[t / 32 * wide + t % 32 * N + k] = sum[k];
    __syncthreads();
    A total = 0;
    if (t < wide)
        for (int i = 0; i < WARPS; i++) total += all[i * wide + t];
    return total;
}

/* Puts this block's part of its columns' sums beside the others', and adds up all of them if it is
 * the last; thread t has column t % wide, if there is one. */
template <class T>
static __device__ __forceinline__ void join_tiles(const reel__cuda_sum_work &s, sum_of<T> *all,
                                                  sum_of<T> total, int t, int wide, bool has,
                                                  int64_t result, unsigned part, unsigned *ticket) {
    const int64_t results = s.outer * s.columns;
    sum_of<T> *partial = (sum_of<T> *)s.partial + result;
    if (has && t < wide) partial[part * results] = total;
    if (!is_last(ticket, s.parts)) return;
    all[t] = has ? add_parts(partial, results, s.parts, t / wide, BLOCK / wide) : 0;
    __syncthreads();
    for (int n = BLOCK / 2; n >= wide; n /= 2) {
        if (t < n) all[t] += all[t + n];
        __syncthreads();
    }
    if (has && t < wide) write<T>(s, result, all[t]);
}

template <class T, int N, bool ALIGNED>
static __global__ void __launch_bounds__(BLOCK, 4)
    sum_columns(const __grid_constant__ reel__cuda_sum_work s, unsigned tiles, int64_t each) {
    begin();
    __shared__ sum_of<T> all[WARPS * 32 * N];
    const int lanes = blockDim.x, wide = lanes * N, t = threadIdx.y * lanes + threadIdx.x;
    const unsigned part = blockIdx.x % s.parts, rest = blockIdx.x / s.parts;
    const int64_t o = rest / tiles, edge = (int64_t)(rest % tiles) * wide, first = part * each,
                  left = s.rows - first;
    sum_of<T> sum[N] = {};
    if (edge + threadIdx.x * N < s.columns) {
        const T *x = (const T *)s.x + o * s.outer_stride + first * s.row_stride + edge;
        add_rows<T, N, ALIGNED>(sum, x + threadIdx.x * N, left < each ? left : each, s.row_stride,
                                threadIdx.y, blockDim.y);
    }
    const sum_of<T> total = add_tile<N>(all, sum, lanes, t);
    const int64_t column = edge + t % wide, result = o * s.columns + column;
    const bool has = column < s.columns;
    if (s.parts > 1)
        join_tiles<T>(s, all, total, t, wide, has, result, part, s.tickets + rest);
    else if (has && t < wide)
        write<T>(s, result, total);
}

/* ---- few columns and few rows, many times: lanes that have the columns, and all rows ---- */

template <class T, int N, bool ALIGNED>
static __global__ void __launch_bounds__(BLOCK, 4)
    sum_narrow(const __grid_constant__ reel__cuda_sum_work s) {
    begin();
    const int64_t o = (int64_t)blockIdx.x * blockDim.y + threadIdx.y, column = threadIdx.x * N;
    if (o >= s.outer || column >= s.columns) return;
    sum_of<T> sum[N] = {};
    add_rows<T, N, ALIGNED>(sum, (const T *)s.x + o * s.outer_stride + column, s.rows, s.row_stride,
                            0, 1);
#pragma unroll
    for (int k = 0; k < N; k++) write<T>(s, o * s.columns + column + k, sum[k]);
}

/* ---- which one ---- */

#define PART (BLOCK * AHEAD * 4) /* elements of a row that a block loads at once */
#define CLUSTER_ROWS 16          /* that clusters take, */
#define CLUSTER_PART (CLUSTER * WIDE_BLOCK * AHEAD * 4) /* and their elements */
#define MANY (1 << 16)                                  /* threads that keep any GPU busy */

static bool is_for_cluster(int64_t outer, int64_t rows) {
    return REEL_CUDA_SM90 && outer <= CLUSTER_ROWS && rows > PART && rows <= CLUSTER_PART;
}

/* Lanes that have n columns each, so that a warp wastes few. */
static int lanes_for(int64_t columns, int n) {
    int lanes = 1;
    while (lanes < 32 && lanes * n < columns) lanes *= 2;
    return lanes;
}

int reel__cuda_sum_parts(int64_t outer, int64_t rows, int64_t columns) {
    int64_t blocks = outer, worth = rows / PART;
    if (columns > 1) {
        const int n = columns % 4 == 0 ? 4 : 1, lanes = lanes_for(columns, n);
        blocks = outer * ((columns + lanes * n - 1) / (lanes * n));
        worth = rows / (BLOCK / lanes * AHEAD);
    } else if (is_for_cluster(outer, rows)) {
        return 1;
    }
    if (worth < 2 || 2 * blocks > ENOUGH) return 1;
    return (int)(worth < ENOUGH / blocks ? worth : ENOUGH / blocks);
}

template <class T, int N, bool ALIGNED>
static cudaError_t launch_columns(const reel__cuda_sum_work *s, reel__cuda_queue *queue) {
    const int lanes = lanes_for(s->columns, N), high = BLOCK / lanes;
    const int64_t tiles = blocks_for(s->columns, lanes * N);
    const dim3 threads(lanes, high);
    if (s->parts == 1 && tiles == 1 && s->rows <= high && s->outer >= MANY / lanes)
        return launch(sum_narrow<T, N, ALIGNED>, blocks_for(s->outer, high), threads, queue, *s);
    return launch(sum_columns<T, N, ALIGNED>, s->outer * tiles * s->parts, threads, queue, *s,
                  tiles, blocks_for(s->rows, s->parts));
}

/* Elements of one of n parts of a row: whole units, and whole sectors of memory. */
static int64_t part_of(int64_t rows, int n) {
    return ((rows + n - 1) / n + 63) / 64 * 64;
}

template <class T, bool PAIR>
static cudaError_t launch_long(const reel__cuda_sum_work *s, reel__cuda_queue *queue) {
#if REEL_CUDA_SM90
    if (is_for_cluster(s->outer, s->rows))
        return launch_cluster(sum_cluster<T, PAIR>, s->outer * CLUSTER, WIDE_BLOCK, CLUSTER, 0,
                              queue, *s, part_of(s->rows, CLUSTER));
#endif
    return launch(sum_long<T, PAIR>, s->outer * s->parts, BLOCK, queue, *s,
                  part_of(s->rows, s->parts));
}

template <class T>
static cudaError_t launch_piece(const reel__cuda_sum_work *s, reel__cuda_queue *queue) {
    constexpr int N = sizeof(T) == 8 ? 2 : 4;
    if (s->columns > 1 && s->columns % N == 0) {
        const bool aligned = (uintptr_t)s->x % (N * sizeof(T)) == 0 && s->row_stride % N == 0 &&
                             (s->outer == 1 || s->outer_stride % N == 0);
        return aligned ? launch_columns<T, N, true>(s, queue)
                       : launch_columns<T, N, false>(s, queue);
    }
    if (s->columns > 1) return launch_columns<T, 1, true>(s, queue);
    if (s->rows > 2048 || s->parts > 1 || s->outer < WARPS) return launch_long<T, false>(s, queue);
    int lanes = 1;
    while (lanes < 32 && lanes * 8 < s->rows) lanes *= 2;
    return launch(sum_short<T>, blocks_for(s->outer, BLOCK / lanes), BLOCK, queue, *s, lanes);
}

/* Of what has several parts, there is one piece. */
template <class T>
static cudaError_t launch_plain(const reel__cuda_sum_work *s, reel__cuda_queue *queue) {
    const int64_t tiles = blocks_for(s->columns, lanes_for(s->columns, 1)); /* at most */
    return launch_pieces(s->outer, tiles * s->parts, [&](int64_t first, int64_t count) {
        reel__cuda_sum_work piece = *s;
        piece.outer = count;
        piece.x = (const T *)s->x + first * s->outer_stride;
        piece.out = (typename adds<T>::out *)s->out + first * s->columns;
        return launch_piece<T>(&piece, queue);
    });
}

cudaError_t reel__cuda_launch_sum(const reel__cuda_sum_work *s, reel_dtype dtype,
                                  reel__cuda_queue *queue) {
    if (s->y)
        return dtype == REEL_F32 ? launch_long<float, true>(s, queue)
                                 : launch_long<double, true>(s, queue);
    if (dtype == REEL_F32) return launch_plain<float>(s, queue);
    if (dtype == REEL_F64) return launch_plain<double>(s, queue);
    if (dtype == REEL_I64) return launch_plain<int64_t>(s, queue);
    return launch_plain<uint8_t>(s, queue);
}
