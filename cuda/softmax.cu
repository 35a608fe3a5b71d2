/* softmax along an axis: y = e^(x - max) / sum of the same. */
#include "cuda/formula_internal.cuh"
#include "cuda/vector_internal.cuh"

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

/* ---- rows of up to 32 ITEMS elements: a warp a row, which stays in registers ---- */

#define ROW_THREADS 128

template <class T, int ITEMS>
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
        v[i] = formula<T>::exp(v[i] - most);
        if (i * 32 + lane < n) sum += v[i];
    }
    const T scale = 1 / add_warp(sum);
#pragma unroll
    for (int i = 0; i < ITEMS; i++)
        if (i * 32 + lane < n) y[i * 32 + lane] = v[i] * scale;
}

/* ---- longer rows: a block a row ---- */

#define LONG_THREADS 512

template <class T>
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
    const T scale = 1 / add_warp(lane < LONG_THREADS / 32 ? warp[lane] : 0);
#pragma unroll 4
    for (int64_t i = threadIdx.x; i < n; i += LONG_THREADS)
        y[i] = formula<T>::exp(x[i] - most) * scale;
}

template <class T>
static cudaError_t softmax_rows(T *y, const T *x, int64_t rows, int64_t n, cudaStream_t stream) {
    const unsigned blocks = blocks_for(rows, ROW_THREADS / 32);
    if (n <= 32)
        launch(softmax_warp<T, 1>, blocks, ROW_THREADS, stream, y, x, rows, (int)n);
    else if (n <= 128)
        launch(softmax_warp<T, 4>, blocks, ROW_THREADS, stream, y, x, rows, (int)n);
    else if (n <= 512)
        launch(softmax_warp<T, 16>, blocks, ROW_THREADS, stream, y, x, rows, (int)n);
    else if (n <= 1024)
        launch(softmax_warp<T, 32>, blocks, ROW_THREADS, stream, y, x, rows, (int)n);
    else
        launch(softmax_block<T>, (unsigned)rows, LONG_THREADS, stream, y, x, n);
    return cudaGetLastError();
}

/* ---- another axis: 32 columns side by side, WARPS elements of the axis at a time ---- */

#define WARPS 16

template <class T>
static __global__ void __launch_bounds__(32 * WARPS)
    softmax_columns(T *y, const T *x, int64_t n, int64_t inner, unsigned tiles) {
    begin();
    __shared__ tally<T> all[WARPS][32];
    const int64_t o = blockIdx.x / tiles, column = (int64_t)(blockIdx.x % tiles) * 32 + threadIdx.x;
    const bool has = column < inner;
    x += o * n * inner + column;
    y += o * n * inner + column;
    tally<T> mine = nothing<T>();
    if (has) {
#pragma unroll 4
        for (int64_t i = threadIdx.y; i < n; i += WARPS) {
            const T v = x[i * inner];
            if (greater(mine.most, v) != mine.most) { /* true for NaN too, which then stays */
                mine.sum *= formula<T>::exp(mine.most - v);
                mine.most = v;
            }
            mine.sum += formula<T>::exp(v - mine.most);
        }
    }
    all[threadIdx.y][threadIdx.x] = mine;
    __syncthreads();
    tally<T> total = all[0][threadIdx.x];
    for (int i = 1; i < WARPS; i++) total = join(total, all[i][threadIdx.x]);
    const T scale = 1 / total.sum;
    if (!has) return;
#pragma unroll 4
    for (int64_t i = threadIdx.y; i < n; i += WARPS)
        y[i * inner] = formula<T>::exp(x[i * inner] - total.most) * scale;
}

template <class T>
static cudaError_t softmax(T *y, const T *x, int64_t outer, int64_t n, int64_t inner,
                           cudaStream_t stream) {
    if (inner == 1) return softmax_rows(y, x, outer, n, stream);
    const unsigned tiles = blocks_for(inner, 32);
    launch(softmax_columns<T>, (unsigned)(outer * tiles), dim3(32, WARPS), stream, y, x, n, inner,
           tiles);
    return cudaGetLastError();
}

cudaError_t reel__cuda_launch_softmax(void *y, const void *x, int64_t outer, int64_t n,
                                      int64_t inner, reel_dtype dtype, cudaStream_t stream) {
    if (dtype == REEL_F32) return softmax((float *)y, (const float *)x, outer, n, inner, stream);
    return softmax((double *)y, (const double *)x, outer, n, inner, stream);
}
