/* standardize: short rows stay in a warp's registers, longer ones are read by a block; what is
 * scattered, or of few long rows, has its statistics taken in parts first. */
#include "cuda/kernels/norm_internal.cuh"

template <class T> static __device__ __forceinline__ T weight_at(const norm_work &n, int64_t c) {
    return n.w ? ((const T *)n.w)[c] : (T)1;
}
template <class T> static __device__ __forceinline__ T bias_at(const norm_work &n, int64_t c) {
    return n.b ? ((const T *)n.b)[c] : (T)0;
}

template <class T> static __device__ __forceinline__ T normal(T x, T mean, T r, T w, T b) {
    return (x - mean) * r * w + b;
}

/* Channel of element i of a row, from that of its first one on. */
static __device__ __forceinline__ int64_t channel_along(const norm_work &n, int64_t first,
                                                        int64_t i) {
    return first + (n.inner == 1 ? i : over(i, n.inner));
}
static __device__ __forceinline__ int64_t first_channel(const norm_work &n, int64_t row) {
    return n.groups == 1 ? 0 : (row - over(row, n.groups) * n.groups) * n.channels;
}

/* ---- rows of up to 32 ITEMS elements ---- */

template <class T, int ITEMS>
static __global__ void __launch_bounds__(ROW_THREADS) norm_warp(const norm_work n) {
    begin();
    const int count = (int)(n.channels * n.inner), lane = threadIdx.x % 32;
    const int64_t rows = n.outer * n.groups, step = gridDim.x * (int64_t)(ROW_THREADS / 32);
    for (int64_t row = blockIdx.x * (int64_t)(ROW_THREADS / 32) + threadIdx.x / 32; row < rows;
         row += step) {
        const T *x = (const T *)n.x + row * count;
        T *y = (T *)n.y + row * count;
        T v[ITEMS], mean = 0, square = 0;
#pragma unroll
        for (int i = 0; i < ITEMS; i++) v[i] = i * 32 + lane < count ? x[i * 32 + lane] : (T)0;
        if (!n.uncentred) {
#pragma unroll
            for (int i = 0; i < ITEMS; i++) mean += v[i];
            mean = sum_warp(mean) / (T)count;
        }
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            const T d = i * 32 + lane < count ? v[i] - mean : (T)0;
            square += d * d;
        }
        const T var = sum_warp(square) / (T)count, r = inverse_root(var + (T)n.eps);
        const int64_t first = first_channel(n, row);
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            if (i * 32 + lane >= count) continue;
            const int64_t c = channel_along(n, first, i * 32 + lane);
            y[i * 32 + lane] = normal(v[i], mean, r, weight_at<T>(n, c), bias_at<T>(n, c));
        }
        if (lane == 0) {
            ((T *)n.mean)[row] = mean;
            ((T *)n.var)[row] = var;
        }
    }
}

/* ---- longer ones: a block each, which reads them again from the cache ---- */

template <class T>
static __global__ void __launch_bounds__(LONG_THREADS) norm_block(const norm_work n) {
    begin();
    __shared__ double all[LONG_THREADS / 32];
    const int64_t count = n.channels * n.inner, rows = n.outer * n.groups;
    for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const T *x = (const T *)n.x + row * count;
        T *y = (T *)n.y + row * count;
        double sum = 0, square = 0;
#pragma unroll 8
        for (int64_t i = threadIdx.x; i < count; i += LONG_THREADS) sum += (double)x[i];
        const T mean = n.uncentred ? (T)0 : (T)(sum_block<LONG_THREADS>(sum, all) / (double)count);
#pragma unroll 8
        for (int64_t i = threadIdx.x; i < count; i += LONG_THREADS) {
            const T d = x[i] - mean;
            square += (double)(d * d);
        }
        const T var = (T)(sum_block<LONG_THREADS>(square, all) / (double)count);
        const T r = inverse_root(var + (T)n.eps);
        const int64_t first = first_channel(n, row);
#pragma unroll 4
        for (int64_t i = threadIdx.x; i < count; i += LONG_THREADS) {
            const int64_t c = channel_along(n, first, i);
            y[i] = normal(x[i], mean, r, weight_at<T>(n, c), bias_at<T>(n, c));
        }
        if (threadIdx.x == 0) {
            ((T *)n.mean)[row] = mean;
            ((T *)n.var)[row] = var;
        }
    }
}

/* ---- in parts: a mean and a sum of squares of each, by a block that has it in registers ---- */

#define ITEMS 8

template <class T>
static __global__ void __launch_bounds__(LONG_THREADS) moment_parts(const norm_work n) {
    begin();
    __shared__ double all[LONG_THREADS / 32];
    const int64_t set = blockIdx.x / n.parts, part = blockIdx.x % n.parts, count = count_of(n),
                  stop = count * (part + 1) / n.parts;
    double mean = 0, squares = 0, seen = 0;
    for (int64_t from = count * part / n.parts; from < stop; from += ITEMS * LONG_THREADS) {
        T v[ITEMS];
        double sum = 0, square = 0;
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            const int64_t e = from + i * LONG_THREADS + threadIdx.x;
            const int64_t at = n.across ? across_at(n, set, e) : set * count + e;
            v[i] = e < stop ? ((const T *)n.x)[at] : (T)0;
        }
#pragma unroll
        for (int i = 0; i < ITEMS; i++) sum += (double)v[i];
        const int64_t left = stop - from;
        const double here = (double)(left < ITEMS * LONG_THREADS ? left : ITEMS * LONG_THREADS);
        const double middle = sum_block<LONG_THREADS>(sum, all) / here;
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            const double d = (double)v[i] - middle;
            if (from + i * LONG_THREADS + threadIdx.x < stop) square += d * d;
        }
        square = sum_block<LONG_THREADS>(square, all);
        const double d = middle - mean, together = seen + here;
        mean += d * here / together;
        squares += square + d * d * (seen * here / together);
        seen = together;
    }
    if (threadIdx.x == 0) {
        n.sums[blockIdx.x * (int64_t)2] = mean;
        n.sums[blockIdx.x * (int64_t)2 + 1] = squares;
    }
}

/* Source: Chan, Golub and LeVeque (1979). */
template <class T>
static __global__ void __launch_bounds__(THREADS) join_moments(const norm_work n) {
    begin();
    const int64_t count = count_of(n);
    EACH(int64_t, set, n.sets) {
        double mean = 0, squares = 0, seen = 0;
        for (int64_t part = 0; part < n.parts; part++) {
            const double here = (double)(count * (part + 1) / n.parts - count * part / n.parts);
            const double *more = n.sums + (set * n.parts + part) * 2;
            const double d = more[0] - mean, together = seen + here;
            mean += d * here / together;
            squares += more[1] + d * d * (seen * here / together);
            seen = together;
        }
        if (n.uncentred) {
            squares += mean * mean * (double)count;
            mean = 0;
        }
        ((T *)n.mean)[set] = (T)mean;
        ((T *)n.var)[set] = (T)(squares / (double)count);
    }
}

template <class T, int V>
static __global__ void __launch_bounds__(THREADS) norm_put(const norm_work n, int64_t units) {
    begin();
    EACH(int64_t, u, units) {
        const place p = place_of(n, over(u, n.inner / V));
        const T mean = ((const T *)n.mean)[p.statistic],
                r = inverse_root(((const T *)n.var)[p.statistic] + (T)n.eps),
                w = weight_at<T>(n, p.channel), b = bias_at<T>(n, p.channel);
        unit<T, V> v = ((const unit<T, V> *)n.x)[u];
#pragma unroll
        for (int i = 0; i < V; i++) v.v[i] = normal(v.v[i], mean, r, w, b);
        ((unit<T, V> *)n.y)[u] = v;
    }
}

/* ---- which one ---- */

/* A few long rows are parts as well, where a block each would leave the GPU idle. */
void reel__cuda_norm_plan(reel__cuda_norm_work *n) {
    const int64_t sets = statistics_of(*n), count = count_of(*n);
    n->sets = n->across || (2 * sets < ENOUGH && count >= 4 * PART) ? sets : 0;
    n->parts = n->sets ? parts_for(sets, count) : 0;
}

template <class T> static cudaError_t launch_parts(const norm_work &n, reel__cuda_queue *queue) {
    cudaError_t e = launch(moment_parts<T>, n.sets * n.parts, LONG_THREADS, queue, n);
    if (e != cudaSuccess) return e;
    e = launch(join_moments<T>, grid(n.sets), THREADS, queue, n);
    if (e != cudaSuccess) return e;
    const int64_t all = elements_of(n);
    if (in_units<T>(n)) return launch(norm_put<T, 4>, grid(all / 4), THREADS, queue, n, all / 4);
    return launch(norm_put<T, 1>, grid(all), THREADS, queue, n, all);
}

template <class T> static cudaError_t norm(const norm_work &n, reel__cuda_queue *queue) {
    const int64_t rows = n.outer * n.groups, count = n.channels * n.inner;
    if (n.sets) return launch_parts<T>(n, queue);
    if (count > SHORT_ROW) return launch(norm_block<T>, rows_grid(rows, 1), LONG_THREADS, queue, n);
    void (*const kernel)(const norm_work) = count <= 32    ? norm_warp<T, 1>
                                            : count <= 128 ? norm_warp<T, 4>
                                            : count <= 256 ? norm_warp<T, 8>
                                            : count <= 384 ? norm_warp<T, 12>
                                            : count <= 512 ? norm_warp<T, 16>
                                                           : norm_warp<T, 32>;
    return launch(kernel, rows_grid(rows, ROW_THREADS / 32), ROW_THREADS, queue, n);
}

cudaError_t reel__cuda_launch_standardize(const reel__cuda_norm_work *n, reel_dtype dtype,
                                          reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? norm<float>(*n, queue) : norm<double>(*n, queue);
}

/* ---- what went by: one block, of as many numbers as channels ---- */

template <class T>
static __device__ __forceinline__ void move(void *running, const void *value, int64_t i,
                                            double factor, double share) {
    const double before = (double)((const T *)running)[i],
                 step = (double)((const T *)value)[i] * factor - before;
    ((T *)running)[i] = (T)(before + share * step);
}

template <class T>
static __global__ void __launch_bounds__(LONG_THREADS) track(const reel__cuda_track_work t) {
    begin();
    const int64_t count = *t.count + 1;
    const double share = t.cumulative ? 1 / (double)count : t.share;
    for (int64_t i = threadIdx.x; i < t.n; i += LONG_THREADS) {
        move<T>(t.running_mean, t.mean, i, 1, share);
        move<T>(t.running_var, t.var, i, t.factor, share);
    }
    __syncthreads();
    if (threadIdx.x == 0) *t.count = count;
}

cudaError_t reel__cuda_launch_track(const reel__cuda_track_work *t, reel_dtype dtype,
                                    reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return launch(track<float>, 1, LONG_THREADS, queue, *t);
    return launch(track<double>, 1, LONG_THREADS, queue, *t);
}
