/* Sums. Each has a fixed tree: lanes, then warps, then the parts of a long one, always in the same
 * order. */
#include "cuda/vector_internal.cuh"

#include <stdint.h>

#define BLOCK 256
#define WARPS (BLOCK / 32)

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

template <class A> static __device__ __forceinline__ A add_lanes(A a, int lanes) {
    for (int d = lanes / 2; d > 0; d /= 2) a += __shfl_down_sync(0xffffffffu, a, d, lanes);
    return a;
}

/* In thread 0: the sum over the block. */
template <class A> static __device__ __forceinline__ A add_block(A a) {
    __shared__ A warp[WARPS];
    a = add_lanes(a, 32);
    if (threadIdx.x % 32 == 0) warp[threadIdx.x / 32] = a;
    __syncthreads();
    if (threadIdx.x == 0)
        for (int i = 1; i < WARPS; i++) a += warp[i];
    return a;
}

/* True in all threads of the last block that comes here with this ticket, out of `blocks`: then
 * what the others wrote before is there to be read. */
static __device__ __forceinline__ bool is_last(unsigned *ticket, unsigned blocks) {
    __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0) {
        last = atomicAdd(ticket, 1) == blocks - 1;
        if (last) *ticket = 0;
    }
    __syncthreads();
    if (last) __threadfence();
    return last;
}

/* Of n contiguous elements, those that fall to lane `lane` of `lanes`. */
template <class T, bool PAIR>
static __device__ __forceinline__ sum_of<T> add_run(const T *x, const T *y, int64_t n, int lane,
                                                    int lanes) {
    constexpr int N = 16 / sizeof(T);
    sum_of<T> sum = 0;
    int64_t done = 0;
    if ((uintptr_t)x % 16 == 0 && (!PAIR || (uintptr_t)y % 16 == 0)) {
        const int64_t units = n / N;
#pragma unroll 4
        for (int64_t i = lane; i < units; i += lanes) {
            const unit<T, N> a = ((const unit<T, N> *)x)[i],
                             b = ((const unit<T, N> *)(PAIR ? y : x))[i];
#pragma unroll
            for (int k = 0; k < N; k++) sum += term<T, PAIR>(a.v[k], b.v[k]);
        }
        done = units * N;
    }
#pragma unroll 4
    for (int64_t i = done + lane; i < n; i += lanes) sum += term<T, PAIR>(x[i], PAIR ? y[i] : x[i]);
    return sum;
}

/* ---- contiguous rows: a few lanes a row ---- */

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    sum_short(const __grid_constant__ reel__cuda_sum_work s, int lanes) {
    begin();
    const int64_t row = (blockIdx.x * (int64_t)BLOCK + threadIdx.x) / lanes;
    sum_of<T> sum = 0;
    if (row < s.outer)
        sum = add_run<T, false>((const T *)s.x + row * s.outer_stride, nullptr, s.rows,
                                threadIdx.x % lanes, lanes);
    sum = add_lanes(sum, lanes);
    if (row < s.outer && threadIdx.x % lanes == 0) write<T>(s, row, sum);
}

/* ---- contiguous rows: a block for each part of a row ---- */

template <class T, bool PAIR>
static __global__ void __launch_bounds__(BLOCK)
    sum_long(const __grid_constant__ reel__cuda_sum_work s) {
    begin();
    using A = sum_of<T>;
    const int64_t row = blockIdx.x / s.parts, part = blockIdx.x % s.parts;
    const int64_t each = ((s.rows + s.parts - 1) / s.parts + 63) / 64 * 64, begin = part * each,
                  left = s.rows - begin, n = left < each ? left : each;
    const T *x = (const T *)s.x + row * s.outer_stride + begin;
    A sum =
        n > 0 ? add_run<T, PAIR>(x, PAIR ? (const T *)s.y + begin : x, n, threadIdx.x, BLOCK) : 0;
    sum = add_block(sum);
    if (s.parts == 1) {
        if (threadIdx.x == 0) write<T>(s, row, sum);
        return;
    }
    A *partial = (A *)s.partial + row * s.parts;
    if (threadIdx.x == 0) partial[part] = sum;
    if (!is_last(s.tickets + row, s.parts)) return;
    sum = 0;
    for (int i = threadIdx.x; i < s.parts; i += BLOCK) sum += __ldcg(partial + i);
    __syncthreads(); /* add_block's memory is used again */
    sum = add_block(sum);
    if (threadIdx.x == 0) write<T>(s, row, sum);
}

/* ---- columns: 32 lanes side by side, N columns each, WARPS rows at a time ---- */

template <class T, int N>
static __global__ void __launch_bounds__(BLOCK)
    sum_columns(const __grid_constant__ reel__cuda_sum_work s, unsigned tiles) {
    begin();
    using A = sum_of<T>;
    __shared__ A all[WARPS][32 * N];
    const unsigned part = blockIdx.x % s.parts, tile = blockIdx.x / s.parts % tiles;
    const int64_t o = blockIdx.x / s.parts / tiles;
    const int64_t column = ((int64_t)tile * 32 + threadIdx.x) * N;
    const int64_t each = (s.rows + s.parts - 1) / s.parts, begin = part * each,
                  end = begin + each < s.rows ? begin + each : s.rows;
    A sum[N] = {};
    if (column < s.columns) {
        const T *x = (const T *)s.x + o * s.outer_stride + column;
#pragma unroll 4
        for (int64_t r = begin + threadIdx.y; r < end; r += WARPS) {
            const unit<T, N> a = *(const unit<T, N> *)(x + r * s.row_stride);
#pragma unroll
            for (int k = 0; k < N; k++) sum[k] += (A)a.v[k];
        }
    }
#pragma unroll
    for (int k = 0; k < N; k++) all[threadIdx.y][threadIdx.x * N + k] = sum[k];
    __syncthreads();
    /* from here on a thread has one column */
    const int c = threadIdx.y * 32 + threadIdx.x;
    const int64_t mine = (int64_t)tile * 32 * N + c;
    const bool has = c < 32 * N && mine < s.columns;
    A total = 0;
    if (has)
        for (int i = 0; i < WARPS; i++) total += all[i][c];
    const int64_t result = o * s.columns + mine, results = s.outer * s.columns;
    if (s.parts == 1) {
        if (has) write<T>(s, result, total);
        return;
    }
    A *partial = (A *)s.partial + result;
    if (has) partial[part * results] = total;
    if (!is_last(s.tickets + o * tiles + tile, s.parts)) return;
    total = 0;
    if (has)
        for (int i = 0; i < s.parts; i++) total += __ldcg(partial + i * results);
    if (has) write<T>(s, result, total);
}

/* ---- which one ---- */

#define ENOUGH                                                                                     \
    528 /* blocks that keep any GPU busy: a constant, so that bits are the same on all             \
         */
#define MOST_PARTS 1024
#define TILE 128 /* columns that a block has at least, if there are as many */

static int64_t min64(int64_t a, int64_t b) {
    return a < b ? a : b;
}

int reel__cuda_sum_parts(int64_t outer, int64_t rows, int64_t columns) {
    const int64_t blocks = columns > 1 ? outer * ((columns + TILE - 1) / TILE) : outer;
    const int64_t worth = columns > 1 ? rows / 64 : rows / 4096;
    if (blocks >= ENOUGH || worth < 2) return 1;
    return (int)min64(min64(worth, (ENOUGH + blocks - 1) / blocks), MOST_PARTS);
}

template <class T, int N>
static void launch_columns(const reel__cuda_sum_work *s, cudaStream_t stream) {
    const unsigned tiles = blocks_for(s->columns, 32 * N);
    launch(sum_columns<T, N>, (unsigned)(s->outer * tiles * s->parts), dim3(32, WARPS), stream, *s,
           tiles);
}

template <class T>
static cudaError_t launch_plain(const reel__cuda_sum_work *s, cudaStream_t stream) {
    constexpr int N = sizeof(T) == 8 ? 2 : 4;
    if (s->columns > 1) {
        const bool aligned = (uintptr_t)s->x % (N * sizeof(T)) == 0 && s->columns % N == 0 &&
                             s->row_stride % N == 0 && (s->outer == 1 || s->outer_stride % N == 0);
        if (aligned)
            launch_columns<T, N>(s, stream);
        else
            launch_columns<T, 1>(s, stream);
    } else if (s->rows <= 2048 && s->parts == 1 && s->outer >= WARPS) {
        int lanes = 1;
        while (lanes < 32 && lanes * 8 < s->rows) lanes *= 2;
        launch(sum_short<T>, blocks_for(s->outer * lanes, BLOCK), BLOCK, stream, *s, lanes);
    } else {
        launch(sum_long<T, false>, (unsigned)(s->outer * s->parts), BLOCK, stream, *s);
    }
    return cudaGetLastError();
}

template <class T>
static cudaError_t launch_pair(const reel__cuda_sum_work *s, cudaStream_t stream) {
    launch(sum_long<T, true>, (unsigned)s->parts, BLOCK, stream, *s);
    return cudaGetLastError();
}

cudaError_t reel__cuda_launch_sum(const reel__cuda_sum_work *s, reel_dtype dtype,
                                  cudaStream_t stream) {
    if (s->y)
        return dtype == REEL_F32 ? launch_pair<float>(s, stream) : launch_pair<double>(s, stream);
    switch (dtype) {
    case REEL_F32:
        return launch_plain<float>(s, stream);
    case REEL_F64:
        return launch_plain<double>(s, stream);
    case REEL_I64:
        return launch_plain<int64_t>(s, stream);
    default:
        return launch_plain<uint8_t>(s, stream);
    }
}
