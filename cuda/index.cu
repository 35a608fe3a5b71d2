/* Moves by index. An index out of range moves nothing: its place is 0, and the witness hears of it.
 */
#include "cuda/vector_internal.cuh"

#include <stdint.h>

/* The first to claim it writes; the host looks at `code` when it next comes by. */
static __device__ void complain(const reel__cuda_witness &w, int64_t index, int64_t position,
                                int64_t size) {
    if (atomicExch(w.claimed, 1u) != 0) return;
    reel__cuda_complaint *c = w.complaint;
    c->at = w.at;
    c->index = index;
    c->position = position;
    c->size = size;
    __threadfence_system();
    c->code = w.code;
}

/* index[k] if it is in 0..n-1, else -1. */
static __device__ __forceinline__ int64_t checked(const reel__cuda_move &m, int64_t k, int64_t n) {
    const int64_t index = m.index[k];
    if (index >= 0 && index < n) return index;
    complain(m.witness, index, k, n);
    return -1;
}

template <class T> static __device__ __forceinline__ T zero() {
    T z;
    memset(&z, 0, sizeof z);
    return z;
}

/* COUNT counts all elements of the result: 32 bits where they are enough. */
#define EACH(COUNT, i, n)                                                                          \
    for (COUNT i = blockIdx.x * (COUNT)THREADS + threadIdx.x; i < (COUNT)(n);                      \
         i += gridDim.x * (COUNT)THREADS)

static unsigned grid(int64_t n) {
    const int64_t blocks = (n + THREADS - 1) / THREADS;
    return blocks < 1 << 20 ? (unsigned)blocks : 1 << 20;
}

static bool is_short(int64_t n) {
    return n < (int64_t)1 << 31;
}

/* ---- index_select: rows of `inner` Ts ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    index_select(const __grid_constant__ reel__cuda_move m, COUNT n) {
    begin();
    const COUNT inner = (COUNT)m.inner, size = (COUNT)m.size;
    EACH(COUNT, u, n) {
        const COUNT row = u / inner, j = u - row * inner, o = row / size, i = row - o * size;
        const int64_t from = checked(m, i, m.entries);
        ((T *)m.out)[u] =
            from < 0 ? zero<T>() : ((const T *)m.x)[(o * m.entries + from) * m.inner + j];
    }
}

template <class T> static void select_as(reel__cuda_move m, int64_t inner, cudaStream_t stream) {
    m.inner = inner;
    const int64_t n = m.outer * m.size * inner;
    if (is_short(n))
        launch(index_select<T, uint32_t>, grid(n), THREADS, stream, m, (uint32_t)n);
    else
        launch(index_select<T, uint64_t>, grid(n), THREADS, stream, m, (uint64_t)n);
}

cudaError_t reel__cuda_launch_index_select(const reel__cuda_move *m, int size,
                                           cudaStream_t stream) {
    const int64_t bytes = m->inner * size;
    const uintptr_t both = (uintptr_t)m->out | (uintptr_t)m->x | (uintptr_t)bytes;
    if (both % 16 == 0)
        select_as<uint4>(*m, bytes / 16, stream);
    else if (both % 8 == 0)
        select_as<uint64_t>(*m, bytes / 8, stream);
    else if (both % 4 == 0)
        select_as<uint32_t>(*m, bytes / 4, stream);
    else
        select_as<uint8_t>(*m, bytes, stream);
    return cudaGetLastError();
}

/* ---- dequantize_rows: the same, to floats; units of N elements ---- */

template <class TO, class FROM, int N>
static __global__ void __launch_bounds__(THREADS)
    dequantize_rows(const __grid_constant__ reel__cuda_move m, TO scale) {
    begin();
    const int64_t inner = m.inner / N, n = m.size * inner;
    EACH(int64_t, u, n) {
        const int64_t i = n >> 31 == 0 ? (uint32_t)u / (uint32_t)inner : u / inner,
                      j = u - i * inner, from = checked(m, i, m.entries);
        unit<FROM, N> x = {};
        unit<TO, N> y;
        if (from >= 0) x = ((const unit<FROM, N> *)m.x)[from * inner + j];
#pragma unroll
        for (int k = 0; k < N; k++) y.v[k] = (TO)x.v[k] * scale;
        ((unit<TO, N> *)m.out)[u] = y;
    }
}

template <class TO, class FROM>
static void dequantize(const reel__cuda_move *m, double scale, cudaStream_t stream) {
    const bool aligned =
        m->inner % 4 == 0 && (uintptr_t)m->x % 16 == 0 && (uintptr_t)m->out % 16 == 0;
    const int64_t n = m->size * m->inner;
    if (aligned)
        launch(dequantize_rows<TO, FROM, 4>, grid(n / 4), THREADS, stream, *m, (TO)scale);
    else
        launch(dequantize_rows<TO, FROM, 1>, grid(n), THREADS, stream, *m, (TO)scale);
}

template <class TO>
static void dequantize_to(const reel__cuda_move *m, double scale, reel_dtype from,
                          cudaStream_t stream) {
    if (from == REEL_F32) dequantize<TO, float>(m, scale, stream);
    if (from == REEL_F64) dequantize<TO, double>(m, scale, stream);
    if (from == REEL_I64) dequantize<TO, int64_t>(m, scale, stream);
    if (from == REEL_U8) dequantize<TO, uint8_t>(m, scale, stream);
}

cudaError_t reel__cuda_launch_dequantize_rows(const reel__cuda_move *m, double scale, reel_dtype to,
                                              reel_dtype from, cudaStream_t stream) {
    if (to == REEL_F32)
        dequantize_to<float>(m, scale, from, stream);
    else
        dequantize_to<double>(m, scale, from, stream);
    return cudaGetLastError();
}

/* ---- gather: an index an element ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    gather(const __grid_constant__ reel__cuda_move m, COUNT n) {
    begin();
    const COUNT inner = (COUNT)m.inner, per_outer = (COUNT)(m.size * m.inner);
    EACH(COUNT, u, n) {
        const COUNT o = u / per_outer, j = u % inner;
        const int64_t from = checked(m, u, m.entries);
        ((T *)m.out)[u] =
            from < 0 ? zero<T>() : ((const T *)m.x)[(o * m.entries + from) * m.inner + j];
    }
}

template <class T> static void gather_as(const reel__cuda_move *m, cudaStream_t stream) {
    const int64_t n = m->outer * m->size * m->inner;
    if (is_short(n))
        launch(gather<T, uint32_t>, grid(n), THREADS, stream, *m, (uint32_t)n);
    else
        launch(gather<T, uint64_t>, grid(n), THREADS, stream, *m, (uint64_t)n);
}

cudaError_t reel__cuda_launch_gather(const reel__cuda_move *m, int size, cudaStream_t stream) {
    if (size == 1) gather_as<uint8_t>(m, stream);
    if (size == 4) gather_as<uint32_t>(m, stream);
    if (size == 8) gather_as<uint64_t>(m, stream);
    return cudaGetLastError();
}

/* ---- sums by place ---- */

static __global__ void __launch_bounds__(THREADS)
    index_keys(const __grid_constant__ reel__cuda_move m, uint64_t *key, int64_t *value) {
    begin();
    EACH(int64_t, k, m.entries) {
        const int64_t place = checked(m, k, m.size);
        key[k] = place < 0 ? m.size : place;
        value[k] = k;
    }
}

cudaError_t reel__cuda_launch_index_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                         cudaStream_t stream) {
    launch(index_keys, grid(m->entries), THREADS, stream, *m, key, value);
    return cudaGetLastError();
}

static __global__ void __launch_bounds__(THREADS)
    scatter_keys(const __grid_constant__ reel__cuda_move m, uint64_t *key, int64_t *value) {
    begin();
    const int64_t per_outer = m.entries * m.inner, n = m.outer * per_outer;
    EACH(int64_t, k, n) {
        const int64_t place = checked(m, k, m.size);
        key[k] = place < 0 ? m.outer * m.size * m.inner
                           : (k / per_outer * m.size + place) * m.inner + k % m.inner;
        value[k] = k;
    }
}

cudaError_t reel__cuda_launch_scatter_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                           cudaStream_t stream) {
    launch(scatter_keys, grid(m->outer * m->entries * m->inner), THREADS, stream, *m, key, value);
    return cudaGetLastError();
}

/* The first of n sorted keys that is at least `wanted`. */
static __device__ int64_t first_at_least(const uint64_t *key, int64_t n, uint64_t wanted) {
    int64_t begin = 0;
    while (n > 0) {
        const int64_t half = n / 2;
        if (key[begin + half] < wanted) {
            begin += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return begin;
}

/* out[o, place, j] = sum of x[o, value, j] */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    index_sums(const __grid_constant__ reel__cuda_move m, const uint64_t *key,
               const int64_t *value) {
    begin();
    EACH(int64_t, u, m.outer * m.size * m.inner) {
        const int64_t row = u / m.inner, j = u % m.inner, o = row / m.size, place = row % m.size;
        const T *x = (const T *)m.x + o * m.entries * m.inner + j;
        T sum = 0;
        for (int64_t k = first_at_least(key, m.entries, place);
             k < m.entries && key[k] == (uint64_t)place; k++)
            sum = (T)(sum + x[value[k] * m.inner]);
        ((T *)m.out)[u] = sum;
    }
}

/* out[place] = sum of x[value] */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    scatter_sums(const __grid_constant__ reel__cuda_move m, const uint64_t *key,
                 const int64_t *value) {
    begin();
    const int64_t n = m.outer * m.entries * m.inner;
    EACH(int64_t, place, m.outer * m.size * m.inner) {
        T sum = 0;
        for (int64_t k = first_at_least(key, n, place); k < n && key[k] == (uint64_t)place; k++)
            sum = (T)(sum + ((const T *)m.x)[value[k]]);
        ((T *)m.out)[place] = sum;
    }
}

typedef void (*sums)(const reel__cuda_move, const uint64_t *, const int64_t *);

cudaError_t reel__cuda_launch_index_sums(const reel__cuda_move *m, const uint64_t *key,
                                         const int64_t *value, reel_dtype dtype,
                                         cudaStream_t stream) {
    static const sums kernel[4] = {index_sums<float>, index_sums<double>, index_sums<int64_t>,
                                   index_sums<uint8_t>};
    launch(kernel[dtype], grid(m->outer * m->size * m->inner), THREADS, stream, *m, key, value);
    return cudaGetLastError();
}

cudaError_t reel__cuda_launch_scatter_sums(const reel__cuda_move *m, const uint64_t *key,
                                           const int64_t *value, reel_dtype dtype,
                                           cudaStream_t stream) {
    static const sums kernel[4] = {scatter_sums<float>, scatter_sums<double>, scatter_sums<int64_t>,
                                   scatter_sums<uint8_t>};
    launch(kernel[dtype], grid(m->outer * m->size * m->inner), THREADS, stream, *m, key, value);
    return cudaGetLastError();
}
