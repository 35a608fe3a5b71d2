/* Copies of elements as they are: over any axes, of one of two tensors, and through tiles where two
 * axes change places. */
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

template <class T, int N>
static __global__ void __launch_bounds__(THREADS) copy(const __grid_constant__ reel__cuda_map m) {
    begin();
    const uint32_t u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= m.units) return;
    int64_t at[2];
    locate<2>(m, u, at);
    store(m, at[0], load<T, N>(m, 1, at[1]));
}

template <class T>
static cudaError_t copy_any(const reel__cuda_map *m, int vector, reel__cuda_queue *queue) {
    const int64_t blocks = blocks_for(m->units, THREADS);
    if (vector == 1) return launch(copy<T, 1>, blocks, THREADS, queue, *m);
    return launch(copy<T, REEL__CUDA_VECTOR / sizeof(T)>, blocks, THREADS, queue, *m);
}

cudaError_t reel__cuda_launch_copy(const reel__cuda_map *m, int size, int vector,
                                   reel__cuda_queue *queue) {
    if (size == 1) return copy_any<uint8_t>(m, vector, queue);
    if (size == 2) return copy_any<uint16_t>(m, vector, queue);
    if (size == 4) return copy_any<uint32_t>(m, vector, queue);
    return copy_any<uint64_t>(m, vector, queue);
}

/* ---- where ---- */

template <class T, int N>
static __global__ void __launch_bounds__(THREADS) where(const __grid_constant__ reel__cuda_map m) {
    begin();
    const uint32_t u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= m.units) return;
    int64_t at[4];
    locate<4>(m, u, at);
    const unit<uint8_t, N> mask = load<uint8_t, N>(m, 1, at[1]);
    const unit<T, N> x = load<T, N>(m, 2, at[2]), y = load<T, N>(m, 3, at[3]);
    unit<T, N> z;
#pragma unroll
    for (int i = 0; i < N; i++) z.v[i] = mask.v[i] ? x.v[i] : y.v[i];
    store(m, at[0], z);
}

template <class T>
static cudaError_t where_any(const reel__cuda_map *m, int vector, reel__cuda_queue *queue) {
    const int64_t blocks = blocks_for(m->units, THREADS);
    if (vector == 1) return launch(where<T, 1>, blocks, THREADS, queue, *m);
    return launch(where<T, REEL__CUDA_VECTOR / sizeof(T)>, blocks, THREADS, queue, *m);
}

cudaError_t reel__cuda_launch_where(const reel__cuda_map *m, int size, int vector,
                                    reel__cuda_queue *queue) {
    if (size == 1) return where_any<uint8_t>(m, vector, queue);
    if (size == 2) return where_any<uint16_t>(m, vector, queue);
    if (size == 4) return where_any<uint32_t>(m, vector, queue);
    return where_any<uint64_t>(m, vector, queue);
}

/* ---- two axes that change places ---- */

#define TILE REEL__CUDA_TILE
#define ROWS 8 /* of a tile, at a time */

/* A tile comes in along x's contiguous axis a and goes out along out's, b; one column more than it
 * needs keeps the columns in different banks. */
template <class T>
static __global__ void __launch_bounds__(TILE *ROWS)
    transpose(const __grid_constant__ reel__cuda_transpose t) {
    begin();
    __shared__ T tile[TILE][TILE + 1];
    const uint32_t tile_a = blockIdx.x % t.tiles_a, rest = blockIdx.x / t.tiles_a,
                   tile_b = rest % t.tiles_b;
    uint32_t batch = rest / t.tiles_b;
    const T *x = (const T *)t.x;
    T *out = (T *)t.out;
    for (int i = 0; i < t.ndim; i++) {
        const uint32_t outer = divide(batch, t.dim[i]), along = batch - outer * t.dim[i].d;
        x += along * t.x_step[i];
        out += along * t.out_step[i];
        batch = outer;
    }
    const int64_t a = (int64_t)tile_a * TILE, b = (int64_t)tile_b * TILE;
#pragma unroll
    for (int i = 0; i < TILE; i += ROWS) {
        const int64_t along_b = b + threadIdx.y + i, along_a = a + threadIdx.x;
        if (along_b < t.columns && along_a < t.rows)
            tile[threadIdx.y + i][threadIdx.x] = x[along_b * t.x_stride + along_a];
    }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < TILE; i += ROWS) {
        const int64_t along_a = a + threadIdx.y + i, along_b = b + threadIdx.x;
        if (along_b < t.columns && along_a < t.rows)
            out[along_a * t.out_stride + along_b] = tile[threadIdx.x][threadIdx.y + i];
    }
}

cudaError_t reel__cuda_launch_transpose(const reel__cuda_transpose *t, int size,
                                        reel__cuda_queue *queue) {
    const int64_t blocks = (int64_t)t->tiles_a * t->tiles_b * t->batches;
    const dim3 threads(TILE, ROWS);
    if (size == 1) return launch(transpose<uint8_t>, blocks, threads, queue, *t);
    if (size == 2) return launch(transpose<uint16_t>, blocks, threads, queue, *t);
    if (size == 4) return launch(transpose<uint32_t>, blocks, threads, queue, *t);
    return launch(transpose<uint64_t>, blocks, threads, queue, *t);
}
