/* Moves by index. An index out of range moves nothing: its place is 0, and it is reported.
 */
#include "cuda/kernels/half_internal.cuh"
#include "cuda/kernels/index_internal.cuh"

template <class T> static __device__ __forceinline__ T zero() {
    T z;
    memset(&z, 0, sizeof z);
    return z;
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

template <class T>
static cudaError_t select_as(reel__cuda_move m, int64_t inner, reel__cuda_queue *queue) {
    m.inner = inner;
    const int64_t n = m.outer * m.size * inner;
    return is_short(n) ? launch(index_select<T, uint32_t>, grid(n), THREADS, queue, m, (uint32_t)n)
                       : launch(index_select<T, uint64_t>, grid(n), THREADS, queue, m, (uint64_t)n);
}

cudaError_t reel__cuda_launch_index_select(const reel__cuda_move *m, int size,
                                           reel__cuda_queue *queue) {
    const int64_t bytes = m->inner * size;
    const uintptr_t both = (uintptr_t)m->out | (uintptr_t)m->x | (uintptr_t)bytes;
    if (both % 16 == 0) return select_as<uint4>(*m, bytes / 16, queue);
    if (both % 8 == 0) return select_as<uint64_t>(*m, bytes / 8, queue);
    if (both % 4 == 0) return select_as<uint32_t>(*m, bytes / 4, queue);
    if (both % 2 == 0) return select_as<uint16_t>(*m, bytes / 2, queue);
    return select_as<uint8_t>(*m, bytes, queue);
}

/* ---- dequantize_rows: the same, to floats; units of N elements ---- */

template <class TO, class FROM, int N, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    dequantize_rows(const __grid_constant__ reel__cuda_move m, TO scale, COUNT n) {
    begin();
    const COUNT inner = (COUNT)m.inner / N;
    EACH(COUNT, u, n) {
        const COUNT i = u / inner, j = u - i * inner;
        const int64_t from = checked(m, i, m.entries);
        unit<FROM, N> x = {};
        unit<TO, N> y;
        if (from >= 0) x = ((const unit<FROM, N> *)m.x)[from * inner + j];
#pragma unroll
        for (int k = 0; k < N; k++) y.v[k] = (TO)number(x.v[k]) * scale;
        ((unit<TO, N> *)m.out)[u] = y;
    }
}

template <class TO, class FROM, int N>
static cudaError_t dequantize_units(const reel__cuda_move *m, double scale,
                                    reel__cuda_queue *queue) {
    const int64_t n = m->size * m->inner / N;
    return is_short(n) ? launch(dequantize_rows<TO, FROM, N, uint32_t>, grid(n), THREADS, queue, *m,
                                (TO)scale, (uint32_t)n)
                       : launch(dequantize_rows<TO, FROM, N, uint64_t>, grid(n), THREADS, queue, *m,
                                (TO)scale, (uint64_t)n);
}

template <class TO, class FROM>
static cudaError_t dequantize(const reel__cuda_move *m, double scale, reel__cuda_queue *queue) {
    if (m->inner % 4 == 0 && (uintptr_t)m->x % 16 == 0 && (uintptr_t)m->out % 16 == 0)
        return dequantize_units<TO, FROM, 4>(m, scale, queue);
    return dequantize_units<TO, FROM, 1>(m, scale, queue);
}

template <class TO>
static cudaError_t dequantize_to(const reel__cuda_move *m, double scale, reel_dtype from,
                                 reel__cuda_queue *queue) {
    if (from == REEL_F32) return dequantize<TO, float>(m, scale, queue);
    if (from == REEL_F64) return dequantize<TO, double>(m, scale, queue);
    if (from == REEL_F16) return dequantize<TO, f16>(m, scale, queue);
    if (from == REEL_BF16) return dequantize<TO, bf16>(m, scale, queue);
    if (from == REEL_I64) return dequantize<TO, int64_t>(m, scale, queue);
    return dequantize<TO, uint8_t>(m, scale, queue);
}

cudaError_t reel__cuda_launch_dequantize_rows(const reel__cuda_move *m, double scale, reel_dtype to,
                                              reel_dtype from, reel__cuda_queue *queue) {
    return to == REEL_F32 ? dequantize_to<float>(m, scale, from, queue)
                          : dequantize_to<double>(m, scale, from, queue);
}

/* ---- gather: an index an element ---- */

/* Elements of a thread of a large one: all of their indices come in, then all of them. */
#define AHEAD 8

/* What an element's number is divided by. */
typedef struct {
    reel__cuda_divisor per_outer, inner;
} divisors;

/* Where the element begins that out[u] would be with index 0. */
template <bool ROWS>
static __device__ __forceinline__ int64_t column_of(const reel__cuda_move &m, const divisors &by,
                                                    uint32_t u) {
    const int64_t base = divide(u, by.per_outer) * m.entries;
    if constexpr (ROWS) return base;
    return base * m.inner + (u - divide(u, by.inner) * by.inner.d);
}

template <bool ROWS>
static __device__ __forceinline__ int64_t column_of(const reel__cuda_move &m, const divisors &,
                                                    uint64_t u) {
    return u / (uint64_t)(m.size * m.inner) * m.entries * m.inner + u % (uint64_t)m.inner;
}

/* ROWS: inner is 1. */
template <class T, class COUNT, int LOADS, bool ROWS>
static __global__ void __launch_bounds__(THREADS)
    gather(const __grid_constant__ reel__cuda_move m, const divisors by, COUNT n) {
    begin();
    const COUNT first = blockIdx.x * (COUNT)(THREADS * LOADS) + threadIdx.x;
    int64_t index[LOADS], wrong = -1;
    T x[LOADS];
#pragma unroll
    for (int k = 0; k < LOADS; k++) {
        const COUNT u = first + k * THREADS;
        index[k] = u < n ? m.index[u] : 0;
    }
#pragma unroll
    for (int k = 0; k < LOADS; k++) {
        const COUNT u = first + k * THREADS;
        x[k] = zero<T>();
        if (u < n && is_in_range(index[k], m.entries))
            x[k] = ((const T *)m.x)[column_of<ROWS>(m, by, u) + index[k] * (ROWS ? 1 : m.inner)];
        else if (u < n)
            wrong = u;
    }
#pragma unroll
    for (int k = 0; k < LOADS; k++) {
        const COUNT u = first + k * THREADS;
        if (u < n) ((T *)m.out)[u] = x[k];
    }
    if (wrong >= 0) report_index(m.errors, m.index[wrong], wrong, m.entries);
}

template <class T, class COUNT, int LOADS>
static cudaError_t gather_with(const reel__cuda_move *m, int64_t n, const divisors &by,
                               reel__cuda_queue *queue) {
    const int64_t blocks = blocks_for(n, THREADS * LOADS);
    if (m->inner == 1)
        return launch(gather<T, COUNT, LOADS, true>, blocks, THREADS, queue, *m, by, (COUNT)n);
    return launch(gather<T, COUNT, LOADS, false>, blocks, THREADS, queue, *m, by, (COUNT)n);
}

template <class T> static cudaError_t gather_as(const reel__cuda_move *m, reel__cuda_queue *queue) {
    const int64_t per_outer = m->size * m->inner, n = m->outer * per_outer;
    divisors by = {};
    if (!is_short(n)) return gather_with<T, uint64_t, AHEAD>(m, n, by, queue);
    by.per_outer = reel__cuda_divisor_of(per_outer);
    by.inner = reel__cuda_divisor_of(m->inner);
    return n < LARGE ? gather_with<T, uint32_t, 1>(m, n, by, queue)
                     : gather_with<T, uint32_t, AHEAD>(m, n, by, queue);
}

cudaError_t reel__cuda_launch_gather(const reel__cuda_move *m, int size, reel__cuda_queue *queue) {
    if (size == 1) return gather_as<uint8_t>(m, queue);
    if (size == 2) return gather_as<uint16_t>(m, queue);
    if (size == 4) return gather_as<uint32_t>(m, queue);
    return gather_as<uint64_t>(m, queue);
}

/* ---- one_hot ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    one_hot(const __grid_constant__ reel__cuda_move m, T one, COUNT n) {
    begin();
    const COUNT classes = (COUNT)m.size;
    EACH(COUNT, u, n) {
        const COUNT row = u / classes, c = u - row * classes;
        const int64_t index = m.index[row];
        ((T *)m.out)[u] = index == (int64_t)c ? one : (T)0;
        if (c == 0 && !is_in_range(index, m.size)) report_index(m.errors, index, row, m.size);
    }
}

template <class T>
static cudaError_t one_hot_as(const reel__cuda_move *m, uint64_t one, reel__cuda_queue *queue) {
    const int64_t n = m->outer * m->size;
    return is_short(n)
               ? launch(one_hot<T, uint32_t>, grid(n), THREADS, queue, *m, (T)one, (uint32_t)n)
               : launch(one_hot<T, uint64_t>, grid(n), THREADS, queue, *m, (T)one, (uint64_t)n);
}

cudaError_t reel__cuda_launch_one_hot(const reel__cuda_move *m, uint64_t one, int size,
                                      reel__cuda_queue *queue) {
    if (size == 1) return one_hot_as<uint8_t>(m, one, queue);
    if (size == 2) return one_hot_as<uint16_t>(m, one, queue);
    if (size == 4) return one_hot_as<uint32_t>(m, one, queue);
    return one_hot_as<uint64_t>(m, one, queue);
}
