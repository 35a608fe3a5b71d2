/* Products of f32 matrices of which one is thin, by plain multiplications: what counts is that the
 * other one, or the result, goes by once, in whole lines. */
#include "cuda/kernels/launch_internal.cuh"

#if !REEL_CUDA_SM90 /* there are no clusters: all products are cuBLAS's */
cudaError_t reel__cuda_launch_gemm_thin(const reel__cuda_product *, int, int, reel__cuda_queue *) {
    return cudaErrorNotSupported;
}
#else

#include <cooperative_groups.h>

namespace groups = cooperative_groups;

#define THREADS 256

/* y(k, n), 0 past the last k */
static __device__ __forceinline__ float y_at(const reel__cuda_product &p, int64_t k, int64_t n) {
    return k < p.k ? __ldg(p.y + (p.transpose_y ? n * p.ldy + k : k * p.ldy + n)) : 0;
}
static __device__ __forceinline__ void put(const reel__cuda_product &p, int64_t m, int64_t n,
                                           float sum) {
    float *z = p.z + m * p.n + n;
    *z = p.accumulate ? *z + sum : sum;
}

/* ---- x[M,K] y[K,N] of a narrow y: rows of x lie along k ---- */

#define DEPTH 512 /* of k at a time */
#define LENGTH (DEPTH + 4)

/* A warp has 8 rows: 8 lanes go along k, 4 elements each, and a lane has two of the rows. Of each
 * 64 of k the block's first four warps take the one half, the others, with the same rows, the other
 * half. */
template <int N> struct by_rows {
    static __device__ __forceinline__ void read(float4 x[8][2], const float *const row[2], int k,
                                                int64_t left) {
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int i = 0; i < 2; i++)
                x[j][i] = k + 64 * j < left ? __ldg((const float4 *)(row[i] + k + 64 * j))
                                            : float4{0, 0, 0, 0};
    }
    /* shared[n][k] = y(first + k, n) */
    static __device__ __forceinline__ void stage(float *shared, const reel__cuda_product &p,
                                                 int64_t first) {
        const int n = (int)p.n;
        for (int i = threadIdx.x; i < DEPTH * n; i += THREADS) {
            const int k = p.transpose_y ? i % DEPTH : i / n, c = p.transpose_y ? i / DEPTH : i % n;
            shared[c * LENGTH + k] = y_at(p, first + k, c);
        }
    }
    /* By itself at first, so that no sum has many terms. */
    static __device__ __forceinline__ void multiply(float sum[2][N], const float4 x[8][2],
                                                    const float *shared) {
        float part[2][N] = {};
#pragma unroll
        for (int j = 0; j < 8; j++)
#pragma unroll
            for (int n = 0; n < N; n++) {
                const float4 y = *(const float4 *)(shared + n * LENGTH + 64 * j);
#pragma unroll
                for (int i = 0; i < 2; i++) {
                    part[i][n] += x[j][i].x * y.x, part[i][n] += x[j][i].y * y.y;
                    part[i][n] += x[j][i].z * y.z, part[i][n] += x[j][i].w * y.w;
                }
            }
#pragma unroll
        for (int i = 0; i < 2; i++)
#pragma unroll
            for (int n = 0; n < N; n++) sum[i][n] += part[i][n];
    }
    /* all[n]: row lane % 2's sums, over the 8 lanes. */
    static __device__ __forceinline__ void add_lanes(float all[N], const float sum[2][N]) {
        const bool odd = threadIdx.x & 1;
#pragma unroll
        for (int n = 0; n < N; n++) {
            const float mine = odd ? sum[1][n] : sum[0][n], other = odd ? sum[0][n] : sum[1][n];
            float a = mine + __shfl_xor_sync(0xffffffffu, other, 1);
            a += __shfl_xor_sync(0xffffffffu, a, 2);
            all[n] = a + __shfl_xor_sync(0xffffffffu, a, 4);
        }
    }
};

template <int N>
static __global__ void __launch_bounds__(THREADS)
    multiply_rows(const __grid_constant__ reel__cuda_product p) {
    __shared__ float4 aligned[N * LENGTH / 4];
    float *shared = (float *)aligned;
    begin();
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, half = warp / 4;
    const int k = half * 32 + lane % 8 * 4, line = warp % 4 * 8 + lane / 8;
    const int64_t m = (int64_t)blockIdx.x * 32 + line;
    const float *row[2] = {p.x + min(m, p.m - 1) * p.ldx, p.x + min(m + 4, p.m - 1) * p.ldx};
    float sum[2][N] = {}, all[N];
    for (int64_t first = 0; first < p.k; first += DEPTH) {
        float4 x[8][2];
        by_rows<N>::read(x, row, k, p.k - first);
        __syncthreads(); /* y of before is done with */
        by_rows<N>::stage(shared, p, first);
        __syncthreads();
        by_rows<N>::multiply(sum, x, shared + k);
        row[0] += DEPTH, row[1] += DEPTH;
    }
    by_rows<N>::add_lanes(all, sum);
    __syncthreads();
    float *there = shared + (line + lane % 2 * 4) * N;
    if (half && lane % 8 < 2)
#pragma unroll
        for (int n = 0; n < N; n++) there[n] = all[n];
    __syncthreads();
    const int64_t mine = m + lane % 2 * 4;
    if (half || mine >= p.m) return;
#pragma unroll
    for (int n = 0; n < N; n++)
        if (n < p.n && n % 4 == lane % 8 / 2) put(p, mine, n, all[n] + there[n]);
}

/* ---- the same of an x whose rows lie across k: x^T y ---- */

#define PART 128 /* of k at a time */

/* A block has 128 rows, a lane 4 of them, and its warps every eighth of k. */
template <int N> struct by_columns {
    static __device__ __forceinline__ void stage(float *shared, const reel__cuda_product &p,
                                                 int64_t first) {
        const int n = (int)p.n;
        for (int i = threadIdx.x; i < PART * n; i += THREADS) {
            const int k = p.transpose_y ? i % PART : i / n, c = p.transpose_y ? i / PART : i % n;
            shared[k * N + c] = y_at(p, first + k, c);
        }
    }
    static __device__ __forceinline__ void multiply(float sum[4][N], const float4 &x,
                                                    const float *y) {
#pragma unroll
        for (int n = 0; n < N; n += 4) {
            const float4 q = *(const float4 *)(y + n);
            const float a[4] = {x.x, x.y, x.z, x.w}, b[4] = {q.x, q.y, q.z, q.w};
#pragma unroll
            for (int i = 0; i < 4; i++)
#pragma unroll
                for (int j = 0; j < 4; j++) sum[i][n + j] += a[i] * b[j];
        }
    }
    /* The warps' sums of [row][n], in the first 128 * N of shared memory. */
    static __device__ __forceinline__ void add_warps(float *shared, float sum[4][N]) {
        const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
        for (int others = 4; others > 0; others /= 2) {
            float *there = shared + (warp % others * 32 + lane) * 4;
            const int step = others * 128; /* from one n to the next */
            __syncthreads();
            if (warp >= others && warp < 2 * others)
#pragma unroll
                for (int n = 0; n < N; n++)
                    *(float4 *)(there + n * step) =
                        float4{sum[0][n], sum[1][n], sum[2][n], sum[3][n]};
            __syncthreads();
            if (warp >= others) continue;
#pragma unroll
            for (int n = 0; n < N; n++) {
                const float4 v = *(const float4 *)(there + n * step);
                sum[0][n] += v.x, sum[1][n] += v.y, sum[2][n] += v.z, sum[3][n] += v.w;
            }
        }
        __syncthreads();
        if (warp > 0) return;
#pragma unroll
        for (int n = 0; n < N; n++)
            *(float4 *)(shared + (n * 32 + lane) * 4) =
                float4{sum[0][n], sum[1][n], sum[2][n], sum[3][n]};
    }
};

template <int N>
static __global__ void __launch_bounds__(THREADS)
    multiply_columns(const __grid_constant__ reel__cuda_product p) {
    __shared__ float4 aligned[4 * 32 * N];
    float *shared = (float *)aligned;
    static_assert(PART * N <= 4 * 32 * N * 4, "y's part lies there first");
    begin();
    groups::cluster_group cluster = groups::this_cluster();
    const int parts = (int)cluster.num_blocks(), part = (int)cluster.block_rank();
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t tile = (int64_t)(blockIdx.x / parts) * 128, m = tile + lane * 4;
    const int64_t each = (p.k + (int64_t)parts * PART - 1) / ((int64_t)parts * PART) * PART;
    const int64_t end = min((part + 1) * each, p.k);
    const float *x = p.x + min(m, p.m - 4);
    float sum[4][N] = {};
    for (int64_t first = part * each; first < end; first += PART) {
        float4 v[PART / 8];
#pragma unroll
        for (int j = 0; j < PART / 8; j++) {
            const int64_t k = first + warp + 8 * j;
            v[j] = k < end ? __ldg((const float4 *)(x + k * p.ldx)) : float4{0, 0, 0, 0};
        }
        __syncthreads();
        by_columns<N>::stage(shared, p, first);
        __syncthreads();
#pragma unroll
        for (int j = 0; j < PART / 8; j++)
            by_columns<N>::multiply(sum, v[j], shared + (warp + 8 * j) * N);
    }
    by_columns<N>::add_warps(shared, sum);
    cluster.sync();
    const int n = (int)p.n;
    for (int i = part * THREADS + threadIdx.x; i < 128 * n; i += parts * THREADS) {
        const int row = i / n, c = i % n;
        float total = 0;
        for (int b = 0; b < parts; b++) total += cluster.map_shared_rank(shared, b)[c * 128 + row];
        if (tile + row < p.m) put(p, tile + row, c, total);
    }
    cluster.sync(); /* nobody leaves while another reads */
}

/* ---- x[M,K] y[K,N] of few k ---- */

#define LINES 16 /* rows of a thread, which has 4 columns of y */

template <int K>
static __global__ void __launch_bounds__(THREADS)
    multiply_outer(const __grid_constant__ reel__cuda_product p) {
    begin();
    const int64_t quads = p.n / 4, thread = (int64_t)blockIdx.x * THREADS + threadIdx.x;
    const int64_t n = thread % quads * 4, first = thread / quads * LINES;
    if (first >= p.m) return;
    float y[K][4];
#pragma unroll
    for (int k = 0; k < K; k++)
#pragma unroll
        for (int j = 0; j < 4; j++) y[k][j] = y_at(p, k, n + j);
    const int64_t end = min(first + LINES, p.m), line = p.transpose_x ? 1 : p.ldx,
                  step = p.transpose_x ? p.ldx : 1;
#pragma unroll 2
    for (int64_t m = first; m < end; m++) {
        float sum[4] = {};
#pragma unroll
        for (int k = 0; k < K; k++) {
            const float x = k < p.k ? __ldg(p.x + m * line + k * step) : 0;
#pragma unroll
            for (int j = 0; j < 4; j++) sum[j] += x * y[k][j];
        }
        float4 *z = (float4 *)(p.z + m * p.n + n), v = {sum[0], sum[1], sum[2], sum[3]};
        if (p.accumulate) v.x += z->x, v.y += z->y, v.z += z->z, v.w += z->w;
        *z = v;
    }
}

/* ---- which one ---- */

template <int N>
static cudaError_t launch_narrow(const reel__cuda_product &p, int parts, reel__cuda_queue *queue) {
    if (!p.transpose_x) return launch(multiply_rows<N>, blocks_for(p.m, 32), THREADS, queue, p);
    const cudaError_t e = cudaFuncSetAttribute((const void *)multiply_columns<N>,
                                               cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
    if (e != cudaSuccess) return e;
    return launch_cluster(multiply_columns<N>, blocks_for(p.m, 128) * parts, THREADS, parts, 0,
                          queue, p);
}
template <int K>
static cudaError_t launch_outer(const reel__cuda_product &p, reel__cuda_queue *queue) {
    return launch(multiply_outer<K>, blocks_for(p.n / 4 * blocks_for(p.m, LINES), THREADS), THREADS,
                  queue, p);
}

cudaError_t reel__cuda_launch_gemm_thin(const reel__cuda_product *p, int thin, int parts,
                                        reel__cuda_queue *queue) {
    if (thin == REEL__CUDA_THIN_K)
        return p->k <= 12 ? launch_outer<12>(*p, queue) : launch_outer<16>(*p, queue);
    return p->n <= 12 ? launch_narrow<12>(*p, parts, queue) : launch_narrow<16>(*p, parts, queue);
}

#endif
