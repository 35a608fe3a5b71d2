/* concat and stack: runs of several tensors, row by row; tril and triu. */
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

/* ---- concat, stack ---- */

#define AHEAD 4 /* units of a thread, all loaded before the first is stored */

/* The input that this block copies. */
static __device__ __forceinline__ int find_input(const reel__cuda_join &j) {
    int first = 0, last = j.count - 1;
    while (first < last) {
        const int middle = last - (last - first) / 2;
        if (j.first_block[middle] <= blockIdx.x)
            first = middle;
        else
            last = middle - 1;
    }
    return first;
}

/* Units T. COUNT counts those of any input. */
template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS) join(const __grid_constant__ reel__cuda_join j) {
    begin();
    const int i = find_input(j);
    const COUNT width = (COUNT)j.width[i], n = (COUNT)j.outer * width;
    const COUNT first = (COUNT)(blockIdx.x - j.first_block[i]) * (THREADS * AHEAD) + threadIdx.x;
    const T *x = (const T *)j.x[i];
    T *out = (T *)j.out + j.before[i];
    T held[AHEAD];
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
        const COUNT u = first + k * THREADS;
        if (u < n) held[k] = x[u];
    }
#pragma unroll
    for (int k = 0; k < AHEAD; k++) {
        const COUNT u = first + k * THREADS;
        if (u >= n) break;
        const COUNT row = u / width;
        out[(int64_t)row * j.row + (u - row * width)] = held[k];
    }
}

template <class T> static cudaError_t join_as(reel__cuda_join *j, reel__cuda_queue *queue) {
    int64_t blocks = 0, most = 0;
    j->row /= (int64_t)sizeof(T);
    for (int i = 0; i < j->count; i++) {
        j->before[i] /= (int64_t)sizeof(T);
        j->width[i] /= (int64_t)sizeof(T);
        const int64_t n = j->outer * j->width[i];
        j->first_block[i] = (uint32_t)blocks;
        blocks += blocks_for(n, THREADS * AHEAD);
        if (n > most) most = n;
    }
    return is_short(most) ? launch(join<T, uint32_t>, blocks, THREADS, queue, *j)
                          : launch(join<T, uint64_t>, blocks, THREADS, queue, *j);
}

cudaError_t reel__cuda_launch_join(const reel__cuda_join *j, reel__cuda_queue *queue) {
    reel__cuda_join units = *j;
    uintptr_t all = (uintptr_t)j->out | (uintptr_t)j->row;
    for (int i = 0; i < j->count; i++)
        all |= (uintptr_t)j->x[i] | (uintptr_t)j->before[i] | (uintptr_t)j->width[i];
    if (all % 16 == 0) return join_as<uint4>(&units, queue);
    if (all % 8 == 0) return join_as<uint64_t>(&units, queue);
    if (all % 4 == 0) return join_as<uint32_t>(&units, queue);
    if (all % 2 == 0) return join_as<uint16_t>(&units, queue);
    return join_as<uint8_t>(&units, queue);
}

/* ---- tril, triu ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    triangle(T *out, const T *x, COUNT n, COUNT rows, COUNT columns, int64_t diagonal, bool lower) {
    begin();
    EACH(COUNT, u, n) {
        const COUNT row = u / columns;
        const int64_t i = row % rows, j = u - row * columns;
        const bool kept = lower ? j <= i + diagonal : j >= i + diagonal;
        out[u] = kept ? x[u] : (T)0;
    }
}

template <class T>
static cudaError_t triangle_of(const reel__cuda_triangle *t, reel__cuda_queue *queue) {
    const int64_t n = t->n;
    if (is_short(n))
        return launch(triangle<T, uint32_t>, grid(n), THREADS, queue, (T *)t->out, (const T *)t->x,
                      (uint32_t)n, (uint32_t)t->rows, (uint32_t)t->columns, t->diagonal, t->lower);
    return launch(triangle<T, uint64_t>, grid(n), THREADS, queue, (T *)t->out, (const T *)t->x,
                  (uint64_t)n, (uint64_t)t->rows, (uint64_t)t->columns, t->diagonal, t->lower);
}

cudaError_t reel__cuda_launch_triangle(const reel__cuda_triangle *t, int size,
                                       reel__cuda_queue *queue) {
    if (size == 1) return triangle_of<uint8_t>(t, queue);
    if (size == 2) return triangle_of<uint16_t>(t, queue);
    if (size == 4) return triangle_of<uint32_t>(t, queue);
    return triangle_of<uint64_t>(t, queue);
}
