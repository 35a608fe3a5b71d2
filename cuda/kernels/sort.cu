/* Sorting by key, and what topk makes of it. */
#include "cuda/kernels/kernels_index_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <cub/device/device_radix_sort.cuh>

#include <stdint.h>

cudaError_t reel__cuda_sort_pairs(void *temporary, size_t *bytes, uint64_t *key,
                                  uint64_t *other_key, int64_t *value, int64_t *other_value,
                                  int64_t n, int bits, cudaStream_t stream) {
    return cub::DeviceRadixSort::SortPairs(temporary, *bytes, other_key, key, other_value, value, n,
                                           0, bits, stream);
}

cudaError_t reel__cuda_sort_keys(void *temporary, size_t *bytes, uint64_t *key,
                                 const uint64_t *other_key, int64_t n, int from,
                                 cudaStream_t stream) {
    return cub::DeviceRadixSort::SortKeys(temporary, *bytes, other_key, key, n, from, 64, stream);
}

/* A number whose order is that of x among its dtype, NaN greatest; only its low bits count. */
static __device__ __forceinline__ uint64_t order_key(uint8_t x) {
    return x;
}
static __device__ __forceinline__ uint64_t order_key(int64_t x) {
    return (uint64_t)x ^ (uint64_t)1 << 63;
}
static __device__ __forceinline__ uint64_t order_key(float x) {
    if (x != x) return UINT32_MAX;
    const uint32_t bits = __float_as_uint(x + 0.0f); /* -0 is 0 */
    return bits >> 31 ? ~bits : bits | (uint32_t)1 << 31;
}
static __device__ __forceinline__ uint64_t order_key(double x) {
    if (x != x) return UINT64_MAX;
    const uint64_t bits = __double_as_longlong(x + 0.0);
    return bits >> 63 ? ~bits : bits | (uint64_t)1 << 63;
}

/* key[(o inner + j) n + i] from x[(o n + i) inner + j] */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    order_keys(uint64_t *key, int64_t *value, const T *x, int64_t outer, int64_t n, int64_t inner,
               uint64_t flip) {
    begin();
    EACH(int64_t, k, outer * n * inner) {
        const int64_t row = k / n, i = k % n, o = row / inner, j = row % inner;
        key[k] = order_key(x[(o * n + i) * inner + j]) ^ flip;
        value[k] = k;
    }
}

cudaError_t reel__cuda_launch_order_keys(uint64_t *key, int64_t *value, const void *x,
                                         int64_t outer, int64_t n, int64_t inner, bool largest,
                                         reel_dtype dtype, reel__cuda_queue *queue) {
    const int64_t blocks = grid(outer * n * inner);
    const uint64_t flip = largest ? UINT64_MAX >> (64 - 8 * (int)reel_dtype_size(dtype)) : 0;
    if (dtype == REEL_F32)
        return launch(order_keys<float>, blocks, THREADS, queue, key, value, (const float *)x,
                      outer, n, inner, flip);
    if (dtype == REEL_F64)
        return launch(order_keys<double>, blocks, THREADS, queue, key, value, (const double *)x,
                      outer, n, inner, flip);
    if (dtype == REEL_I64)
        return launch(order_keys<int64_t>, blocks, THREADS, queue, key, value, (const int64_t *)x,
                      outer, n, inner, flip);
    return launch(order_keys<uint8_t>, blocks, THREADS, queue, key, value, (const uint8_t *)x,
                  outer, n, inner, flip);
}

static __global__ void __launch_bounds__(THREADS)
    row_keys(uint64_t *key, const int64_t *value, int64_t count, int64_t n) {
    begin();
    EACH(int64_t, k, count) key[k] = value[k] / n;
}

cudaError_t reel__cuda_launch_row_keys(uint64_t *key, const int64_t *value, int64_t count,
                                       int64_t n, reel__cuda_queue *queue) {
    return launch(row_keys, grid(count), THREADS, queue, key, value, count, n);
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    take_best(T *best, int64_t *index, const int64_t *value, const T *x, int64_t outer, int64_t n,
              int64_t inner, int64_t k) {
    begin();
    EACH(int64_t, u, outer * k * inner) {
        const int64_t j = u % inner, place = u / inner % k, o = u / inner / k;
        const int64_t i = value[(o * inner + j) * n + place] % n;
        best[u] = x[(o * n + i) * inner + j];
        index[u] = i;
    }
}

cudaError_t reel__cuda_launch_take_best(void *best, int64_t *index, const int64_t *value,
                                        const void *x, int64_t outer, int64_t n, int64_t inner,
                                        int64_t k, int size, reel__cuda_queue *queue) {
    const int64_t blocks = grid(outer * k * inner);
    if (size == 1)
        return launch(take_best<uint8_t>, blocks, THREADS, queue, (uint8_t *)best, index, value,
                      (const uint8_t *)x, outer, n, inner, k);
    if (size == 4)
        return launch(take_best<uint32_t>, blocks, THREADS, queue, (uint32_t *)best, index, value,
                      (const uint32_t *)x, outer, n, inner, k);
    return launch(take_best<uint64_t>, blocks, THREADS, queue, (uint64_t *)best, index, value,
                  (const uint64_t *)x, outer, n, inner, k);
}
