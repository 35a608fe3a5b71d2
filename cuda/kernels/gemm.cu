/* Products of small f32 matrices, for which the cost of a call and the wait for memory count, not
 * arithmetic: one launch, the products along k cut into parts, each a block of a cluster, whose
 * sums meet in shared memory in the order of the parts.
 *
 * A block works out a tile of z[M,N]: tiles of x and y come in through a ring of buffers, several
 * on their way at a time, as [k][m] and [k][n], so that a thread reads its rows and columns side by
 * side. */
#include "cuda/kernels/vector_internal.cuh"

#if !REEL_CUDA_SM90 /* there are no clusters: all products are cuBLAS's */
cudaError_t reel__cuda_launch_gemm(const reel__cuda_product *, int, int, reel__cuda_queue *) {
    return cudaErrorNotSupported;
}
#else

#include <cooperative_groups.h>

namespace groups = cooperative_groups;

#define RING 4 /* buffers */

/* A tile of BM x BN, BK deep; a thread has TM x TN elements of it. */
template <int BM_, int BN_, int BK_, int TM_, int TN_> struct tiling {
    static constexpr int BM = BM_, BN = BN_, BK = BK_, TM = TM_, TN = TN_;
    static constexpr int WIDE = BM / TM * (BN / TN);
    static constexpr int LX = BM + 4, LY = BN + 4; /* rows of the buffers */
    static constexpr int BUFFER = BK * (LX + LY);
    static constexpr int SHARED = RING * BUFFER > BM *BN ? RING *BUFFER : BM *BN;
};

/* Four bytes on their way to shared memory; zero if not there. */
static __device__ __forceinline__ void fetch(float *to, const float *from, bool there) {
    const unsigned at = (unsigned)__cvta_generic_to_shared(to);
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(at), "l"(from),
                 "r"(there ? 4 : 0));
}

static __device__ __forceinline__ void close_group() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

template <int PENDING> static __device__ __forceinline__ void await_groups() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

/* buffer[k][i] = a(first + i, k) for a tile of LENGTH x BK; a lies along i or along k. */
template <class T, int LENGTH, int STEP, bool ALONG_I>
static __device__ __forceinline__ void fetch_tile(float *buffer, const float *a, int64_t ld,
                                                  int64_t first, int64_t end, int64_t k,
                                                  int64_t k_end) {
    constexpr int ALL = LENGTH * T::BK;
#pragma unroll
    for (int j = 0; j < ALL; j += T::WIDE) {
        const int at = j + threadIdx.x;
        if (ALL % T::WIDE != 0 && at >= ALL) break;
        const int i = ALONG_I ? at % LENGTH : at / T::BK,
                  depth = ALONG_I ? at / LENGTH : at % T::BK;
        const int64_t row = first + i, column = k + depth;
        const bool there = row < end && column < k_end;
        const float *from = there ? a + (ALONG_I ? column * ld + row : row * ld + column) : a;
        fetch(buffer + depth * STEP + i, from, there);
    }
}

template <class T, bool TX, bool TY>
static __device__ __forceinline__ void fetch_step(float *buffer, const reel__cuda_product &p,
                                                  int64_t m, int64_t n, int64_t k, int64_t k_end) {
    fetch_tile<T, T::BM, T::LX, TX>(buffer, p.x, p.ldx, m, p.m, k, k_end);
    fetch_tile<T, T::BN, T::LY, !TY>(buffer + T::BK * T::LX, p.y, p.ldy, n, p.n, k, k_end);
}

template <class T>
static __device__ __forceinline__ void multiply(float sum[T::TM][T::TN], const float *x,
                                                const float *y) {
#pragma unroll
    for (int k = 0; k < T::BK; k++) {
        const unit<float, T::TM> a = *(const unit<float, T::TM> *)(x + k * T::LX);
        const unit<float, T::TN> b = *(const unit<float, T::TN> *)(y + k * T::LY);
#pragma unroll
        for (int i = 0; i < T::TM; i++)
#pragma unroll
            for (int j = 0; j < T::TN; j++) sum[i][j] += a.v[i] * b.v[j];
    }
}

/* sum += the products of k..k_end-1, which come in through the ring. */
template <class T, bool TX, bool TY>
static __device__ __forceinline__ void
multiply_steps(float sum[T::TM][T::TN], float *shared, const reel__cuda_product &p, int row,
               int column, int64_t m, int64_t n, int64_t k, int64_t k_end) {
    const int steps = k_end > k ? (int)((k_end - k + T::BK - 1) / T::BK) : 0;
#pragma unroll
    for (int s = 0; s < RING - 1; s++) {
        if (s < steps) fetch_step<T, TX, TY>(shared + s * T::BUFFER, p, m, n, k + s * T::BK, k_end);
        close_group();
    }
    for (int s = 0; s < steps; s++) {
        await_groups<RING - 2>();
        __syncthreads(); /* step s is there, and step s - 1 is done with */
        const int next = s + RING - 1;
        if (next < steps)
            fetch_step<T, TX, TY>(shared + next % RING * T::BUFFER, p, m, n, k + next * T::BK,
                                  k_end);
        close_group();
        const float *buffer = shared + s % RING * T::BUFFER;
        multiply<T>(sum, buffer + row, buffer + T::BK * T::LX + column);
    }
}

static __device__ __forceinline__ void put(const reel__cuda_product &p, int64_t m, int64_t n,
                                           float sum) {
    if (m >= p.m || n >= p.n) return;
    float *z = p.z + m * p.n + n;
    *z = p.accumulate ? *z + sum : sum;
}

/* The parts' sums, left in each block's shared memory, added in their order; each block does a
 * share of the tile. */
template <class T>
static __device__ __forceinline__ void join_parts(const reel__cuda_product &p, float *shared,
                                                  float sum[T::TM][T::TN], int row, int column,
                                                  int64_t m, int64_t n) {
    groups::cluster_group cluster = groups::this_cluster();
    const int parts = (int)cluster.num_blocks(), part = (int)cluster.block_rank();
#pragma unroll
    for (int i = 0; i < T::TM; i++)
#pragma unroll
        for (int j = 0; j < T::TN; j++) shared[(row + i) * T::BN + column + j] = sum[i][j];
    cluster.sync();
    for (int at = part * T::WIDE + threadIdx.x; at < T::BM * T::BN; at += parts * T::WIDE) {
        float total = 0;
        for (int i = 0; i < parts; i++) total += cluster.map_shared_rank(shared, i)[at];
        put(p, m + at / T::BN, n + at % T::BN, total);
    }
    cluster.sync(); /* nobody leaves while another reads */
}

template <class T, bool TX, bool TY>
static __global__ void __launch_bounds__(T::WIDE)
    gemm(const __grid_constant__ reel__cuda_product p, int parts, unsigned tiles_n) {
    extern __shared__ float4 aligned[];
    float *shared = (float *)aligned;
    begin();
    const unsigned tile = blockIdx.x / parts, part = blockIdx.x % parts;
    const int64_t m = (int64_t)(tile / tiles_n) * T::BM, n = (int64_t)(tile % tiles_n) * T::BN;
    const int64_t each = (p.k + (int64_t)parts * T::BK - 1) / ((int64_t)parts * T::BK) * T::BK;
    const int64_t k = part * each, k_end = k + each < p.k ? k + each : p.k;
    const int row = threadIdx.x / (T::BN / T::TN) * T::TM,
              column = threadIdx.x % (T::BN / T::TN) * T::TN;
    float sum[T::TM][T::TN] = {};
    multiply_steps<T, TX, TY>(sum, shared, p, row, column, m, n, k, k_end);
    if (parts > 1) {
        __syncthreads(); /* the buffers are used again */
        join_parts<T>(p, shared, sum, row, column, m, n);
        return;
    }
#pragma unroll
    for (int i = 0; i < T::TM; i++)
#pragma unroll
        for (int j = 0; j < T::TN; j++) put(p, m + row + i, n + column + j, sum[i][j]);
}

/* ---- which one ---- */

template <class T, bool TX, bool TY>
static cudaError_t launch_tiles(const reel__cuda_product &p, int parts, reel__cuda_queue *queue) {
    static_assert(T::SHARED * sizeof(float) <= 48 << 10, "more would have to be asked for");
    const int64_t tiles_m = blocks_for(p.m, T::BM), tiles_n = blocks_for(p.n, T::BN);
    return launch_cluster(gemm<T, TX, TY>, tiles_m * tiles_n * parts, T::WIDE, parts,
                          T::SHARED * (unsigned)sizeof(float), queue, p, parts, tiles_n);
}

template <class T>
static cudaError_t launch_as(const reel__cuda_product &p, int parts, reel__cuda_queue *queue) {
    if (p.transpose_x)
        return p.transpose_y ? launch_tiles<T, true, true>(p, parts, queue)
                             : launch_tiles<T, true, false>(p, parts, queue);
    return p.transpose_y ? launch_tiles<T, false, true>(p, parts, queue)
                         : launch_tiles<T, false, false>(p, parts, queue);
}

cudaError_t reel__cuda_launch_gemm(const reel__cuda_product *p, int tiling_index, int parts,
                                   reel__cuda_queue *queue) {
    switch (tiling_index) {
    case REEL__CUDA_TILES_16X32:
        return launch_as<tiling<16, 32, 32, 2, 2>>(*p, parts, queue);
    case REEL__CUDA_TILES_32X16:
        return launch_as<tiling<32, 16, 32, 2, 2>>(*p, parts, queue);
    default:
        return launch_as<tiling<32, 64, 16, 4, 4>>(*p, parts, queue);
    }
}

#endif
