/* softmax along an axis, y = e^(x - max) / sum of the same, or if LOG its logarithm. */
#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

/* The greatest so far, and the sum of e^(x - greatest); NaN is greater than all. */
template <class T> struct tally { T most, sum; };

template <class T> static __device__ __forceinline__ tally<T> nothing() {
    return {-(T)INFINITY, 0};
}

template <class T> static __device__ __forceinline__ T greater(T a, T b) {
    return b > a || b != b ? b : a;
}

template <class T> static __device__ __forceinline__ tally<T> join(tally<T> a, tally<T> b) {
    const T most = greater(a.most, b.most);
    const T of_a = a.most == most ? 1 : formula<T>::exp(a.most - most);
    const T of_b = b.most == most ? 1 : formula<T>::exp(b.most - most);
    return {most, a.sum * of_a + b.sum * of_b};
}

/* In every lane. */
template <class T> static __device__ __forceinline__ T max_warp(T most) {
    for (int d = 16; d > 0; d /= 2) most = greater(most, __shfl_xor_sync(0xffffffffu, most, d));
    return most;
}

template <class T> static __device__ __forceinline__ T add_warp(T sum) {
    for (int d = 16; d > 0; d /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, d);
    return sum;
}

/* What is done to each element of a line, and with what. */
template <class T, bool LOG> static __device__ __forceinline__ T factor_of(T sum) {
    return LOG ? formula<T>::log(sum) : 1 / sum;
}
template <class T, bool LOG> static __device__ __forceinline__ T part_of(T x, T most, T factor) {
    return LOG ? (x - most) - factor : formula<T>::exp(x - most) * factor;
}

#define AHEAD 8 /* loads of a thread that are on their way at once */

/* Elements i, i + step, ..., `stride` apart, so far as they are before n. */
template <class T>
static __device__ __forceinline__ void read_ahead(T (&v)[AHEAD], const T *x, int64_t i, int64_t n,
                                                  int step, int64_t stride) {
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
        if (i + k * step >= n) break;
        v[k] = x[(i + k * step) * stride];
    }
}

/* The result's elements i, i + step, ... before n, `stride` apart. */
template <class T, bool LOG>
static __device__ __forceinline__ void put(T *y, const T *x, int64_t i, int64_t n, int step,
                                           int64_t stride, tally<T> total) {
    const T factor = factor_of<T, LOG>(total.sum);
    for (; i < n; i += AHEAD * step) {
        T v[AHEAD];
        read_ahead(v, x, i, n, step, stride);
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * step >= n) break;
            y[(i + k * step) * stride] = part_of<T, LOG>(v[k], total.most, factor);
        }
    }
}

/* ---- rows of up to 32 ITEMS elements: a warp a row, which stays in registers ---- */

#define ROW_THREADS 128

template <class T, bool LOG, int ITEMS>
static __global__ void __launch_bounds__(ROW_THREADS)
    softmax_warp(T *y, const T *x, int64_t rows, int n) {
    begin();
    const int64_t row = blockIdx.x * (int64_t)(ROW_THREADS / 32) + threadIdx.x / 32;
    const int lane = threadIdx.x % 32;
    if (row >= rows) return; /* the whole warp */
    x += row * n;
    y += row * n;
    T v[ITEMS], most = -(T)INFINITY, sum = 0;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) v[i] = i * 32 + lane < n ? x[i * 32 + lane] : -(T)INFINITY;
#pragma unroll
    for (int i = 0; i < ITEMS; i++) most = greater(most, v[i]);
    most = max_warp(most);
#pragma unroll
    for (int i = 0; i < ITEMS; i++) {
        const T e = formula<T>::exp(v[i] - most);
        if (i * 32 + lane < n) sum += e;
        v[i] = LOG ? v[i] - most : e;
    }
    const T factor = factor_of<T, LOG>(add_warp(sum));
#pragma unroll
    for (int i = 0; i < ITEMS; i++)
        if (i * 32 + lane < n) y[i * 32 + lane] = LOG ? v[i] - factor : v[i] * factor;
}

/* ---- longer rows: a block a row ---- */

#define LONG_THREADS 512

template <class T, bool LOG>
static __global__ void __launch_bounds__(LONG_THREADS) softmax_block(T *y, const T *x, int64_t n) {
    begin();
    __shared__ T warp[LONG_THREADS / 32];
    x += blockIdx.x * n;
    y += blockIdx.x * n;
    const int lane = threadIdx.x % 32;
    T most = -(T)INFINITY;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < n; i += LONG_THREADS) most = greater(most, x[i]);
    most = max_warp(most);
    if (lane == 0) warp[threadIdx.x / 32] = most;
    __syncthreads();
    most = max_warp(lane < LONG_THREADS / 32 ? warp[lane] : -(T)INFINITY);
    __syncthreads();
    T sum = 0;
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < n; i += LONG_THREADS) sum += formula<T>::exp(x[i] - most);
    sum = add_warp(sum);
    if (lane == 0) warp[threadIdx.x / 32] = sum;
    __syncthreads();
    sum = add_warp(lane < LONG_THREADS / 32 ? warp[lane] : 0);
    put<T, LOG>(y, x, threadIdx.x, n, LONG_THREADS, 1, tally<T>{most, sum});
}

template <class T, bool LOG>
static cudaError_t launch_rows(T *y, const T *x, int64_t rows, int64_t n, reel__cuda_queue *queue) {
    const int64_t blocks = blocks_for(rows, ROW_THREADS / 32);
    if (n > 1024) return launch(softmax_block<T, LOG>, rows, LONG_THREADS, queue, y, x, n);
    void (*const kernel)(T *, const T *, int64_t, int) = n <= 32    ? softmax_warp<T, LOG, 1>
                                                         : n <= 128 ? softmax_warp<T, LOG, 4>
                                                         : n <= 512 ? softmax_warp<T, LOG, 16>
                                                                    : softmax_warp<T, LOG, 32>;
    return launch(kernel, blocks, ROW_THREADS, queue, y, x, rows, (int)n);
}

/* ---- another axis, and very long rows: columns side by side, in blocks of any shape ---- */

#define BLOCK 256
#define RESIDENT(T) (16 / sizeof(T)) /* blocks that a processor has registers for */

/* x[outer, n, inner] in tiles of columns; n in parts of `each`. */
typedef struct {
    int64_t n, inner, each;
    unsigned tiles, parts;
} tiling;

/* What this thread's block has, by the block's number, which counts parts fastest. */
typedef struct {
    unsigned part;
    bool has;                           /* false: beside the last column */
    int64_t start, begin, end, tallies; /* where the column begins in x, and in the tallies */
} share;

static __device__ __forceinline__ share share_of(const tiling &t) {
    const unsigned part = blockIdx.x % t.parts, rest = blockIdx.x / t.parts;
    const int64_t o = rest / t.tiles;
    const int64_t column = (int64_t)(rest % t.tiles) * blockDim.x + threadIdx.x;
    share s;
    s.part = part;
    s.has = column < t.inner;
    s.start = o * t.n * t.inner + column;
    s.begin = part * t.each;
    s.end = s.begin + t.each < t.n ? s.begin + t.each : t.n;
    s.tallies = o * t.parts * t.inner + column;
    return s;
}

/* Of a column's elements i, i + step, ... before n. */
template <class T>
static __device__ __forceinline__ tally<T> take(const T *x, int64_t i, int64_t n, int step,
                                                int64_t stride) {
    tally<T> mine = nothing<T>();
    for (; i < n; i += AHEAD * step) {
        T v[AHEAD], most = mine.most;
        read_ahead(v, x, i, n, step, stride);
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * step >= n) break;
            most = greater(most, v[k]);
        }
        if (most == -(T)INFINITY) continue; /* its difference from itself is no number */
        mine.sum *= formula<T>::exp(mine.most - most);
        mine.most = most;
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k * step >= n) break;
            mine.sum += formula<T>::exp(v[k] - most);
        }
    }
    return mine;
}

/* In all threads of a column: what its threads have together. */
template <class T> static __device__ __forceinline__ tally<T> join_block(tally<T> mine) {
    __shared__ tally<T> all[BLOCK];
    const int at = threadIdx.y * blockDim.x + threadIdx.x;
    all[at] = mine;
    __syncthreads();
    for (int d = blockDim.y / 2; d > 0; d /= 2) {
        if (threadIdx.y < d) all[at] = join(all[at], all[at + d * blockDim.x]);
        __syncthreads();
    }
    return all[threadIdx.x];
}

/* All in one, where n has one part. */
template <class T, bool LOG>
static __global__ void __launch_bounds__(BLOCK, RESIDENT(T))
    softmax_columns(T *y, const T *x, const tiling t) {
    begin();
    const share s = share_of(t);
    const tally<T> mine =
        s.has ? take(x + s.start, threadIdx.y, t.n, blockDim.y, t.inner) : nothing<T>();
    const tally<T> total = join_block(mine);
    if (s.has) put<T, LOG>(y + s.start, x + s.start, threadIdx.y, t.n, blockDim.y, t.inner, total);
}

template <class T>
static __global__ void __launch_bounds__(BLOCK, RESIDENT(T))
    tally_parts(tally<T> *tallies, const T *x, const tiling t) {
    begin();
    const share s = share_of(t);
    const tally<T> mine =
        s.has ? take(x + s.start, s.begin + threadIdx.y, s.end, blockDim.y, t.inner) : nothing<T>();
    const tally<T> total = join_block(mine);
    if (s.has && threadIdx.y == 0) tallies[s.tallies + s.part * t.inner] = total;
}

template <class T, bool LOG>
static __global__ void __launch_bounds__(BLOCK, RESIDENT(T))
    softmax_parts(T *y, const T *x, const tally<T> *tallies, const tiling t) {
    begin();
    const share s = share_of(t);
    tally<T> mine = nothing<T>();
    if (s.has)
        for (unsigned i = threadIdx.y; i < t.parts; i += blockDim.y)
            mine = join(mine, tallies[s.tallies + i * t.inner]);
    const tally<T> total = join_block(mine);
    if (s.has)
        put<T, LOG>(y + s.start, x + s.start, s.begin + threadIdx.y, s.end, blockDim.y, t.inner,
                    total);
}

/* ---- which one ---- */

static dim3 shape_of(int64_t n, int64_t inner) {
    dim3 threads(1, 1);
    while (threads.x < 32 && threads.x < inner) threads.x *= 2;
    while (threads.x * threads.y < BLOCK && threads.y < n) threads.y *= 2;
    return threads;
}

int reel__cuda_softmax_parts(int64_t outer, int64_t n, int64_t inner) {
    const dim3 threads = shape_of(n, inner);
    const int64_t blocks = outer * ((inner + threads.x - 1) / threads.x),
                  worth = n / (threads.y * AHEAD * 2);
    if (worth < 4 || 2 * blocks > ENOUGH) return 1;
    return (int)(worth < ENOUGH / blocks ? worth : ENOUGH / blocks);
}

template <class T, bool LOG>
static cudaError_t launch_columns(const reel__cuda_softmax_work *s, T *y, const T *x, int64_t outer,
                                  reel__cuda_queue *queue) {
    const dim3 threads = shape_of(s->n, s->inner);
    const tiling t = {s->n, s->inner, (s->n + s->parts - 1) / s->parts,
                      (unsigned)blocks_for(s->inner, threads.x), (unsigned)s->parts};
    const int64_t blocks = outer * t.tiles * t.parts;
    if (s->parts == 1) return launch(softmax_columns<T, LOG>, blocks, threads, queue, y, x, t);
    tally<T> *tallies = (tally<T> *)s->tallies;
    const cudaError_t e = launch(tally_parts<T>, blocks, threads, queue, tallies, x, t);
    if (e != cudaSuccess) return e;
    return launch(softmax_parts<T, LOG>, blocks, threads, queue, y, x, tallies, t);
}

/* Of what has several parts, there is one piece. */
template <class T, bool LOG>
static cudaError_t softmax(const reel__cuda_softmax_work *s, reel__cuda_queue *queue) {
    const bool rows = s->inner == 1 && s->parts == 1;
    const int64_t tiles = rows ? 1 : blocks_for(s->inner, shape_of(s->n, s->inner).x);
    return launch_pieces(s->outer, tiles * s->parts, [&](int64_t first, int64_t count) {
        T *y = (T *)s->y + first * s->n * s->inner;
        const T *x = (const T *)s->x + first * s->n * s->inner;
        return rows ? launch_rows<T, LOG>(y, x, count, s->n, queue)
                    : launch_columns<T, LOG>(s, y, x, count, queue);
    });
}

cudaError_t reel__cuda_launch_softmax(const reel__cuda_softmax_work *s, reel_dtype dtype,
                                      reel__cuda_queue *queue) {
    if (s->log)
        return dtype == REEL_F32 ? softmax<float, true>(s, queue) : softmax<double, true>(s, queue);
    return dtype == REEL_F32 ? softmax<float, false>(s, queue) : softmax<double, false>(s, queue);
}
