/* standardize_grad: of h = (x - mean) r, r = 1 / sqrt(var + eps), and p = g w,
 *     dx = r (p - mean of p - h mean of p h),  dw = sum of g h,  db = sum of g
 * Rows whose weights lie along them are a warp's or a block's; dw and db are sums of columns, which
 * the warps take along where they have registers for them. Else the sums of g and g (x - mean) over
 * a channel's elements give all there is. */
#include "cuda/kernels/norm_internal.cuh"

template <class T> static __device__ __forceinline__ T weight_at(const norm_work &n, int64_t c) {
    return n.w ? ((const T *)n.w)[c] : (T)1;
}
template <class T> static __device__ __forceinline__ T mean_at(const norm_work &n, int64_t s) {
    return ((const T *)n.mean)[s];
}
template <class T> static __device__ __forceinline__ T root_at(const norm_work &n, int64_t s) {
    return inverse_root(((const T *)n.var)[s] + (T)n.eps);
}

/* ---- rows with weights along them ---- */

template <class T, int ITEMS>
static __global__ void __launch_bounds__(ROW_THREADS) back_warp(const norm_work n) {
    begin();
    const int count = (int)n.channels, lane = threadIdx.x % 32;
    const int64_t step = gridDim.x * (int64_t)(ROW_THREADS / 32);
    for (int64_t row = blockIdx.x * (int64_t)(ROW_THREADS / 32) + threadIdx.x / 32; row < n.outer;
         row += step) {
        const T *x = (const T *)n.x + row * count, *g = (const T *)n.g + row * count;
        T *dx = (T *)n.y + row * count;
        const T mean = mean_at<T>(n, row), r = root_at<T>(n, row);
        T d[ITEMS], p[ITEMS], sum = 0, product = 0;
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            const int at = i * 32 + lane;
            d[i] = at < count ? x[at] - mean : (T)0;
            p[i] = at < count ? g[at] * weight_at<T>(n, at) : (T)0;
        }
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            sum += p[i];
            product += p[i] * d[i];
        }
        const T shift = n.uncentred ? (T)0 : sum_warp(sum) / (T)count * r,
                slope = sum_warp(product) / (T)count * r * r * r;
#pragma unroll
        for (int i = 0; i < ITEMS; i++)
            if (i * 32 + lane < count) dx[i * 32 + lane] = p[i] * r - shift - d[i] * slope;
    }
}

template <class T>
static __global__ void __launch_bounds__(LONG_THREADS) back_block(const norm_work n) {
    begin();
    __shared__ double all[LONG_THREADS / 32];
    const int64_t count = n.channels;
    for (int64_t row = blockIdx.x; row < n.outer; row += gridDim.x) {
        const T *x = (const T *)n.x + row * count, *g = (const T *)n.g + row * count;
        T *dx = (T *)n.y + row * count;
        const T mean = mean_at<T>(n, row), r = root_at<T>(n, row);
        double sum = 0, product = 0;
#pragma unroll 4
        for (int64_t i = threadIdx.x; i < count; i += LONG_THREADS) {
            const T p = g[i] * weight_at<T>(n, i);
            sum += (double)p;
            product += (double)(p * (x[i] - mean));
        }
        sum = sum_block<LONG_THREADS>(sum, all);
        product = sum_block<LONG_THREADS>(product, all);
        const T shift = n.uncentred ? (T)0 : (T)(sum / (double)count) * r,
                slope = (T)(product / (double)count) * r * r * r;
#pragma unroll 4
        for (int64_t i = threadIdx.x; i < count; i += LONG_THREADS)
            dx[i] = g[i] * weight_at<T>(n, i) * r - shift - (x[i] - mean) * slope;
    }
}

/* Rows of a warp and sums of columns in one pass: a block has the rows of a part. */
#define PARTNERS 8 /* warps of it */

/* Wider rows leave no registers for the sums; of narrower ones a warp, with the next row to come
 * after this one, has too few elements on the way. */
static bool sums_along(const norm_work &n) {
    return n.channels > 128 && n.channels <= 512;
}
/* Blocks of a processor whose registers are enough, if a lane has so many bytes of a row. */
static constexpr int blocks_beside(int bytes) {
    return bytes <= 32 ? 3 : 2;
}
static int64_t most_parts(const norm_work &n) {
    return blocks_beside((int)n.channels / 32 * (int)sizeof(float)) * (ENOUGH / 4);
}

/* In the first warp: the sums over all warps, whose upper half gives them to the lower half, and so
 * on. */
template <int N> static __device__ __forceinline__ void join_warps(double sums[2][N]) {
    __shared__ double given[PARTNERS / 2][2][N][32];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
    for (int half = PARTNERS / 2; half > 0; half /= 2) {
#pragma unroll
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 2; k++)
                if (warp >= half && warp < 2 * half) given[warp - half][k][i][lane] = sums[k][i];
        __syncthreads();
#pragma unroll
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 2; k++)
                if (warp < half) sums[k][i] += given[warp][k][i][lane];
        __syncthreads();
    }
}

template <class T, int ITEMS>
static __global__ void __launch_bounds__(32 * PARTNERS, blocks_beside(ITEMS *(int)sizeof(T)))
    back_part(const norm_work n) {
    begin();
    const int count = (int)n.channels, lane = threadIdx.x % 32;
    const int64_t part = blockIdx.x, stop = n.outer * (part + 1) / n.parts;
    double sums[2][ITEMS] = {};
    for (int64_t row = n.outer * part / n.parts + threadIdx.x / 32; row < stop; row += PARTNERS) {
        const T *x = (const T *)n.x + row * count, *g = (const T *)n.g + row * count;
        T *dx = (T *)n.y + row * count;
        const T mean = mean_at<T>(n, row), r = root_at<T>(n, row);
        T h[ITEMS], p[ITEMS], sum = 0, product = 0;
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            const int at = i * 32 + lane;
            h[i] = at < count ? (x[at] - mean) * r : (T)0;
            p[i] = at < count ? g[at] : (T)0;
        }
#pragma unroll
        for (int i = 0; i < ITEMS; i++) {
            const int at = i * 32 + lane;
            sums[0][i] += (double)(p[i] * h[i]);
            sums[1][i] += (double)p[i];
            p[i] *= at < count ? weight_at<T>(n, at) : (T)0;
            sum += p[i];
            product += p[i] * h[i];
        }
        const T shift = n.uncentred ? (T)0 : sum_warp(sum) / (T)count,
                slope = sum_warp(product) / (T)count;
#pragma unroll
        for (int i = 0; i < ITEMS; i++)
            if (i * 32 + lane < count) dx[i * 32 + lane] = (p[i] - shift - h[i] * slope) * r;
    }
    join_warps<ITEMS>(sums);
    if (threadIdx.x >= 32) return;
#pragma unroll
    for (int i = 0; i < ITEMS; i++)
        for (int k = 0; k < 2; k++)
            if (i * 32 + lane < count) n.sums[(part * 2 + k) * count + i * 32 + lane] = sums[k][i];
}

/* Of 32 columns, the rows of a part: 8 at a time. */
#define TALL 8

template <class T>
static __global__ void __launch_bounds__(32 * TALL) column_parts(const norm_work n, int64_t tiles) {
    begin();
    __shared__ double all[2][TALL][32];
    const int64_t part = blockIdx.x / tiles, column = blockIdx.x % tiles * 32 + threadIdx.x;
    const int64_t stop = n.outer * (part + 1) / n.parts;
    double dw = 0, db = 0;
    if (column < n.channels)
#pragma unroll 4
        for (int64_t row = n.outer * part / n.parts + threadIdx.y; row < stop; row += TALL) {
            const T g = ((const T *)n.g)[row * n.channels + column],
                    x = ((const T *)n.x)[row * n.channels + column];
            dw += (double)(g * ((x - mean_at<T>(n, row)) * root_at<T>(n, row)));
            db += (double)g;
        }
    all[0][threadIdx.y][threadIdx.x] = dw;
    all[1][threadIdx.y][threadIdx.x] = db;
    __syncthreads();
    if (threadIdx.y > 1 || column >= n.channels) return;
    double sum = 0;
    for (int i = 0; i < TALL; i++) sum += all[threadIdx.y][i][threadIdx.x];
    n.sums[(part * 2 + threadIdx.y) * n.channels + column] = sum;
}

/* Of 32 columns of dw or db, the parts: a thread every so many-th of them. */
#define JOINERS 32

template <class T>
static __global__ void __launch_bounds__(32 * JOINERS) join_columns(const norm_work n) {
    begin();
    __shared__ double all[JOINERS][32];
    const int64_t which = blockIdx.x % 2, i = blockIdx.x / 2 * (int64_t)32 + threadIdx.x;
    T *to = (T *)(which ? n.db : n.dw);
    double sum = 0;
    if (to && i < n.channels)
#pragma unroll 4
        for (int64_t part = threadIdx.y; part < n.parts; part += JOINERS)
            sum += n.sums[(part * 2 + which) * n.channels + i];
    all[threadIdx.y][threadIdx.x] = sum;
    for (int half = JOINERS / 2; half > 0; half /= 2) {
        __syncthreads();
        if (threadIdx.y < half)
            all[threadIdx.y][threadIdx.x] += all[threadIdx.y + half][threadIdx.x];
    }
    if (to && threadIdx.y == 0 && i < n.channels) to[i] = (T)all[0][threadIdx.x];
}

/* ---- sums over a channel's elements: of all, or of one run ---- */

/* By teams of TEAM threads, a warp or a block: a part of a set each. */
template <class T, int TEAM>
static __global__ void __launch_bounds__(TEAM == 32 ? ROW_THREADS : TEAM)
    sum_parts(const norm_work n) {
    begin();
    constexpr int TEAMS = TEAM == 32 ? ROW_THREADS / 32 : 1;
    __shared__ double all[TEAM / 32];
    const int64_t many = n.sets * n.parts, count = n.across ? n.outer * n.inner : n.inner;
    for (int64_t k = blockIdx.x * (int64_t)TEAMS + threadIdx.x / TEAM; k < many;
         k += gridDim.x * (int64_t)TEAMS) {
        const int64_t set = over(k, n.parts), part = k - set * n.parts,
                      stop = count * (part + 1) / n.parts;
        const T mean = mean_at<T>(n, place_of(n, set).statistic);
        double sum = 0, product = 0;
#pragma unroll 4
        for (int64_t e = count * part / n.parts + threadIdx.x % TEAM; e < stop; e += TEAM) {
            const int64_t at = n.across ? across_at(n, set, e) : set * count + e;
            const T g = ((const T *)n.g)[at];
            sum += (double)g;
            product += (double)(g * (((const T *)n.x)[at] - mean));
        }
        if (TEAM == 32) {
            sum = sum_warp(sum);
            product = sum_warp(product);
        } else {
            sum = sum_block<TEAM>(sum, all);
            product = sum_block<TEAM>(product, all);
        }
        if (threadIdx.x % TEAM == 0) {
            n.sums[k * 2] = sum;
            n.sums[k * 2 + 1] = product;
        }
    }
}

static __device__ __forceinline__ void set_sums(const norm_work &n, int64_t set, double sum[2]) {
    sum[0] = sum[1] = 0;
    for (int64_t part = 0; part < n.parts; part++) {
        sum[0] += n.sums[(set * n.parts + part) * 2];
        sum[1] += n.sums[(set * n.parts + part) * 2 + 1];
    }
}

/* shift and slope of each statistic, from the sums of its channels. */
template <class T>
static __global__ void __launch_bounds__(THREADS) find_slopes(const norm_work n) {
    begin();
    const double count = (double)count_of(n);
    EACH(int64_t, s, statistics_of(n)) {
        const double r = inverse_root((double)((const T *)n.var)[s] + n.eps);
        const int64_t sets = n.across ? 1 : n.channels;
        double sum[2] = {0, 0}, more[2];
        for (int64_t k = 0; k < sets; k++) {
            const int64_t set = s * sets + k;
            const double w = (double)weight_at<T>(n, place_of(n, set).channel);
            set_sums(n, set, more);
            sum[0] += w * more[0];
            sum[1] += w * more[1];
        }
        n.slopes[2 * s] = n.uncentred ? 0 : r * sum[0] / count;
        n.slopes[2 * s + 1] = r * r * r * sum[1] / count;
    }
}

template <class T>
static __global__ void __launch_bounds__(THREADS) find_weights(const norm_work n) {
    begin();
    const int64_t channels = n.groups * n.channels, times = n.across ? 1 : n.outer;
    EACH(int64_t, c, channels) {
        double dw = 0, db = 0, more[2];
        for (int64_t o = 0; o < times; o++) {
            const int64_t set = o * channels + c;
            const double var = (double)((const T *)n.var)[place_of(n, set).statistic];
            set_sums(n, set, more);
            db += more[0];
            dw += more[1] * inverse_root(var + n.eps);
        }
        if (n.dw) ((T *)n.dw)[c] = (T)dw;
        if (n.db) ((T *)n.db)[c] = (T)db;
    }
}

template <class T, int V>
static __global__ void __launch_bounds__(THREADS) back_put(const norm_work n, int64_t units) {
    begin();
    EACH(int64_t, u, units) {
        const place p = place_of(n, over(u, n.inner / V));
        const T mean = mean_at<T>(n, p.statistic),
                scale = root_at<T>(n, p.statistic) * weight_at<T>(n, p.channel),
                shift = (T)n.slopes[2 * p.statistic], slope = (T)n.slopes[2 * p.statistic + 1];
        const unit<T, V> x = ((const unit<T, V> *)n.x)[u], g = ((const unit<T, V> *)n.g)[u];
        unit<T, V> dx;
#pragma unroll
        for (int i = 0; i < V; i++) dx.v[i] = g.v[i] * scale - shift - (x.v[i] - mean) * slope;
        ((unit<T, V> *)n.y)[u] = dx;
    }
}

/* ---- which one ---- */

static bool by_rows(const norm_work &n) {
    return !n.across && n.inner == 1 && n.groups == 1;
}

void reel__cuda_norm_grad_plan(reel__cuda_norm_work *n) {
    if (by_rows(*n)) {
        const bool along = sums_along(*n);
        const int64_t tiles = (n->channels + 31) / 32,
                      wanted = along ? most_parts(*n) : (2 * ENOUGH + tiles - 1) / tiles,
                      worth = n->outer / (along ? PARTNERS : 4 * TALL);
        n->sets = n->dw || n->db ? n->channels : 0;
        n->parts = worth < wanted ? worth : wanted;
        n->parts = n->parts < 1 ? 1 : n->parts;
        if (!along && n->parts > MOST_PARTS) n->parts = MOST_PARTS;
        return;
    }
    n->sets = n->across ? n->channels : n->outer * n->groups * n->channels;
    n->parts = parts_for(n->sets, n->across ? n->outer * n->inner : n->inner);
}

template <class T> static cudaError_t rows_back(const norm_work &n, reel__cuda_queue *queue) {
    const int64_t count = n.channels;
    if (count > SHORT_ROW)
        return launch(back_block<T>, rows_grid(n.outer, 1), LONG_THREADS, queue, n);
    void (*const kernel)(const norm_work) = count <= 32    ? back_warp<T, 1>
                                            : count <= 128 ? back_warp<T, 4>
                                            : count <= 256 ? back_warp<T, 8>
                                            : count <= 384 ? back_warp<T, 12>
                                            : count <= 512 ? back_warp<T, 16>
                                                           : back_warp<T, 32>;
    return launch(kernel, rows_grid(n.outer, ROW_THREADS / 32), ROW_THREADS, queue, n);
}

/* And dw and db. */
template <class T>
static cudaError_t rows_and_columns_back(const norm_work &n, reel__cuda_queue *queue) {
    const int64_t count = n.channels, tiles = blocks_for(count, 32);
    cudaError_t e;
    if (sums_along(n)) {
        void (*const kernel)(const norm_work) = count <= 256   ? back_part<T, 8>
                                                : count <= 384 ? back_part<T, 12>
                                                               : back_part<T, 16>;
        e = launch(kernel, n.parts, 32 * PARTNERS, queue, n);
    } else {
        e = rows_back<T>(n, queue);
        if (e != cudaSuccess) return e;
        e = launch(column_parts<T>, tiles * n.parts, dim3(32, TALL), queue, n, tiles);
    }
    if (e != cudaSuccess) return e;
    return launch(join_columns<T>, 2 * tiles, dim3(32, JOINERS), queue, n);
}

template <class T> static cudaError_t channels_back(const norm_work &n, reel__cuda_queue *queue) {
    const int64_t many = n.sets * n.parts, count = n.across ? n.outer * n.inner : n.inner,
                  all = elements_of(n);
    cudaError_t e =
        count > SHORT_ROW
            ? launch(sum_parts<T, LONG_THREADS>, rows_grid(many, 1), LONG_THREADS, queue, n)
            : launch(sum_parts<T, 32>, rows_grid(many, ROW_THREADS / 32), ROW_THREADS, queue, n);
    if (e != cudaSuccess) return e;
    e = launch(find_slopes<T>, grid(statistics_of(n)), THREADS, queue, n);
    if (e != cudaSuccess) return e;
    if (n.dw || n.db) {
        e = launch(find_weights<T>, grid(n.groups * n.channels), THREADS, queue, n);
        if (e != cudaSuccess) return e;
    }
    if (in_units<T>(n)) return launch(back_put<T, 4>, grid(all / 4), THREADS, queue, n, all / 4);
    return launch(back_put<T, 1>, grid(all), THREADS, queue, n, all);
}

cudaError_t reel__cuda_launch_standardize_grad(const reel__cuda_norm_work *n, reel_dtype dtype,
                                               reel__cuda_queue *queue) {
    if (by_rows(*n) && n->sets > 0)
        return dtype == REEL_F32 ? rows_and_columns_back<float>(*n, queue)
                                 : rows_and_columns_back<double>(*n, queue);
    if (by_rows(*n))
        return dtype == REEL_F32 ? rows_back<float>(*n, queue) : rows_back<double>(*n, queue);
    return dtype == REEL_F32 ? channels_back<float>(*n, queue) : channels_back<double>(*n, queue);
}
