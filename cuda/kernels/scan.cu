/* cumsum: running sums along an axis. What is added before what depends on the shape alone: n is
 * cut into parts, each begins with the sums of those before it, and within a block threads add up
 * in a fixed tree. Sums are f64, or i64. */
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

template <class T> struct adds { typedef double type; };
template <> struct adds<int64_t> { typedef int64_t type; };
template <> struct adds<uint8_t> { typedef int64_t type; };
template <class T> struct gives { typedef T type; };
template <> struct gives<uint8_t> { typedef int64_t type; };

/* ---- rows: a block has a part of a row, which it goes through by tiles ---- */

#define ROW_THREADS 256
#define ITEMS 8 /* neighbours that one thread adds up */
#define TILE (ROW_THREADS * ITEMS)
/* Where element i of a tile lies in shared memory: no two threads of a warp meet in a bank. */
#define PLACE(i) ((i) + (i) / ITEMS)

/* The sum of all threads' x, in every thread, and in *before that of the threads before this one.
 */
template <class A>
static __device__ __forceinline__ A scan_block(A x, A *before, A warps[ROW_THREADS / 32]) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    A sum = x;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
        const A other = __shfl_up_sync(0xffffffffu, sum, d);
        if (lane >= d) sum = other + sum;
    }
    A own = __shfl_up_sync(0xffffffffu, sum, 1);
    if (lane == 0) own = 0;
    if (lane == 31) warps[warp] = sum;
    __syncthreads();
    A total = 0, mine = 0;
#pragma unroll
    for (int k = 0; k < ROW_THREADS / 32; k++) {
        if (k == warp) mine = total;
        total += warps[k];
    }
    __syncthreads(); /* warps may be written again */
    *before = mine + own;
    return total;
}

/* A row's elements first..end, of n, in the order in which they are added. */
typedef struct {
    int64_t first, end, start, step; /* element i lies at start + i step */
    int64_t sums;
} stretch;

static __device__ __forceinline__ stretch stretch_of(const reel__cuda_scan_work &s) {
    const int64_t row = blockIdx.x / s.parts, part = blockIdx.x % s.parts;
    stretch p;
    p.first = part * s.each;
    p.end = p.first + s.each < s.n ? p.first + s.each : s.n;
    p.start = row * s.n + (s.reverse ? s.n - 1 : 0);
    p.step = s.reverse ? -1 : 1;
    p.sums = row * s.parts;
    return p;
}

/* The sum of each part. */
template <class T>
static __global__ void __launch_bounds__(ROW_THREADS) sum_rows(const reel__cuda_scan_work s) {
    begin();
    typedef typename adds<T>::type A;
    __shared__ A warps[ROW_THREADS / 32];
    const stretch p = stretch_of(s);
    const T *x = (const T *)s.x + p.start;
    A mine = 0, unused;
#pragma unroll 4
    for (int64_t i = p.first + threadIdx.x; i < p.end; i += ROW_THREADS) mine += (A)x[i * p.step];
    const A total = scan_block(mine, &unused, warps);
    if (threadIdx.x == 0) ((A *)s.sums)[blockIdx.x] = total;
}

template <class T>
static __global__ void __launch_bounds__(ROW_THREADS) scan_rows(const reel__cuda_scan_work s) {
    begin();
    typedef typename adds<T>::type A;
    typedef typename gives<T>::type R;
    __shared__ A warps[ROW_THREADS / 32];
    __shared__ A tile[PLACE(TILE)];
    const stretch p = stretch_of(s);
    const T *x = (const T *)s.x + p.start;
    R *y = (R *)s.y + p.start;
    A carry = 0, before;
    if (s.parts > 1) { /* what lies before this part */
        A mine = 0;
        for (int64_t i = threadIdx.x; i < (int64_t)(blockIdx.x % s.parts); i += ROW_THREADS)
            mine += ((const A *)s.sums)[p.sums + i];
        carry = scan_block(mine, &before, warps);
    }
    for (int64_t at = p.first; at < p.end; at += TILE) {
#pragma unroll
        for (int k = 0; k < ITEMS; k++) {
            const int i = k * ROW_THREADS + threadIdx.x;
            tile[PLACE(i)] = at + i < p.end ? (A)x[(at + i) * p.step] : 0;
        }
        __syncthreads();
        A v[ITEMS], sum = 0;
#pragma unroll
        for (int k = 0; k < ITEMS; k++) v[k] = sum += tile[PLACE(threadIdx.x * ITEMS + k)];
        const A total = scan_block(sum, &before, warps);
#pragma unroll
        for (int k = 0; k < ITEMS; k++)
            tile[PLACE(threadIdx.x * ITEMS + k)] = carry + before + v[k];
        __syncthreads();
#pragma unroll
        for (int k = 0; k < ITEMS; k++) {
            const int i = k * ROW_THREADS + threadIdx.x;
            if (at + i < p.end) y[(at + i) * p.step] = (R)tile[PLACE(i)];
        }
        carry += total;
        __syncthreads();
    }
}

/* ---- another axis: a thread has a part of a column ---- */

#define COLUMN_THREADS 128

/* Column j of x[outer, n, inner], its part, and where that begins in the sums. */
typedef struct {
    int64_t start, step, first, end, sums;
    int part;
    bool has;
} column;

static __device__ __forceinline__ column column_of(const reel__cuda_scan_work &s) {
    const int64_t k = blockIdx.x * (int64_t)COLUMN_THREADS + threadIdx.x;
    const int64_t rest = k / s.inner, o = rest / s.parts;
    column c;
    c.has = o < s.outer;
    c.part = (int)(rest % s.parts);
    c.first = c.part * s.each;
    c.end = c.first + s.each < s.n ? c.first + s.each : s.n;
    c.start = o * s.n * s.inner + k % s.inner + (s.reverse ? (s.n - 1) * s.inner : 0);
    c.step = s.reverse ? -s.inner : s.inner;
    c.sums = o * s.parts * s.inner + k % s.inner;
    return c;
}

template <class T>
static __global__ void __launch_bounds__(COLUMN_THREADS) sum_columns(const reel__cuda_scan_work s) {
    begin();
    typedef typename adds<T>::type A;
    const column c = column_of(s);
    if (!c.has) return;
    const T *x = (const T *)s.x + c.start;
    A sum = 0;
#pragma unroll 8
    for (int64_t i = c.first; i < c.end; i++) sum += (A)x[i * c.step];
    ((A *)s.sums)[c.sums + c.part * s.inner] = sum;
}

template <class T>
static __global__ void __launch_bounds__(COLUMN_THREADS)
    scan_columns(const reel__cuda_scan_work s) {
    begin();
    typedef typename adds<T>::type A;
    typedef typename gives<T>::type R;
    const column c = column_of(s);
    if (!c.has) return;
    const T *x = (const T *)s.x + c.start;
    R *y = (R *)s.y + c.start;
    A sum = 0;
    if (s.parts > 1)
        for (int k = 0; k < c.part; k++) sum += ((const A *)s.sums)[c.sums + k * s.inner];
#pragma unroll 8
    for (int64_t i = c.first; i < c.end; i++) {
        sum += (A)x[i * c.step];
        y[i * c.step] = (R)sum;
    }
}

/* ---- which one ---- */

int reel__cuda_scan_parts(int64_t outer, int64_t n, int64_t inner) {
    const int64_t whole = inner > 1 ? blocks_for(outer * inner, COLUMN_THREADS) : outer;
    const int64_t worth = inner > 1 ? n / 32 : n / (4 * TILE);
    if (worth < 2 || whole > ENOUGH) return 1;
    const int64_t wanted = 2 * ENOUGH / whole;
    return (int)(worth < wanted ? worth : wanted);
}

template <class T> static cudaError_t scan(const reel__cuda_scan_work *s, reel__cuda_queue *queue) {
    const bool rows = s->inner == 1;
    const int64_t blocks = rows ? s->parts : blocks_for(s->inner * s->parts, COLUMN_THREADS);
    return launch_pieces(s->outer, blocks, [&](int64_t first, int64_t count) {
        reel__cuda_scan_work w = *s;
        const int64_t before = first * s->n * s->inner;
        w.outer = count;
        w.x = (const T *)s->x + before;
        w.y = (typename gives<T>::type *)s->y + before;
        const int64_t all =
            rows ? count * s->parts : blocks_for(count * s->parts * s->inner, COLUMN_THREADS);
        if (s->parts > 1) {
            const cudaError_t e = rows ? launch(sum_rows<T>, all, ROW_THREADS, queue, w)
                                       : launch(sum_columns<T>, all, COLUMN_THREADS, queue, w);
            if (e != cudaSuccess) return e;
        }
        return rows ? launch(scan_rows<T>, all, ROW_THREADS, queue, w)
                    : launch(scan_columns<T>, all, COLUMN_THREADS, queue, w);
    });
}

cudaError_t reel__cuda_launch_scan(const reel__cuda_scan_work *s, reel_dtype dtype,
                                   reel__cuda_queue *queue) {
    switch (dtype) {
    case REEL_F32:
        return scan<float>(s, queue);
    case REEL_F64:
        return scan<double>(s, queue);
    case REEL_I64:
        return scan<int64_t>(s, queue);
    default:
        return scan<uint8_t>(s, queue);
    }
}
