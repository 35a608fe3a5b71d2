/* Moves by index. An index out of range moves nothing: its place is 0, and the witness hears of it.
 */
#include "cuda/index_internal.cuh"

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
static void select_as(reel__cuda_move m, int64_t inner, reel__cuda_queue *queue) {
    m.inner = inner;
    const int64_t n = m.outer * m.size * inner;
    if (is_short(n))
        launch(index_select<T, uint32_t>, grid(n), THREADS, queue, m, (uint32_t)n);
    else
        launch(index_select<T, uint64_t>, grid(n), THREADS, queue, m, (uint64_t)n);
}

cudaError_t reel__cuda_launch_index_select(const reel__cuda_move *m, int size,
                                           reel__cuda_queue *queue) {
    const int64_t bytes = m->inner * size;
    const uintptr_t both = (uintptr_t)m->out | (uintptr_t)m->x | (uintptr_t)bytes;
    if (both % 16 == 0)
        select_as<uint4>(*m, bytes / 16, queue);
    else if (both % 8 == 0)
        select_as<uint64_t>(*m, bytes / 8, queue);
    else if (both % 4 == 0)
        select_as<uint32_t>(*m, bytes / 4, queue);
    else
        select_as<uint8_t>(*m, bytes, queue);
    return cudaGetLastError();
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
        for (int k = 0; k < N; k++) y.v[k] = (TO)x.v[k] * scale;
        ((unit<TO, N> *)m.out)[u] = y;
    }
}

template <class TO, class FROM, int N>
static void dequantize_units(const reel__cuda_move *m, double scale, reel__cuda_queue *queue) {
    const int64_t n = m->size * m->inner / N;
    if (is_short(n))
        launch(dequantize_rows<TO, FROM, N, uint32_t>, grid(n), THREADS, queue, *m, (TO)scale,
               (uint32_t)n);
    else
        launch(dequantize_rows<TO, FROM, N, uint64_t>, grid(n), THREADS, queue, *m, (TO)scale,
               (uint64_t)n);
}

template <class TO, class FROM>
static void dequantize(const reel__cuda_move *m, double scale, reel__cuda_queue *queue) {
    if (m->inner % 4 == 0 && (uintptr_t)m->x % 16 == 0 && (uintptr_t)m->out % 16 == 0)
        dequantize_units<TO, FROM, 4>(m, scale, queue);
    else
        dequantize_units<TO, FROM, 1>(m, scale, queue);
}

template <class TO>
static void dequantize_to(const reel__cuda_move *m, double scale, reel_dtype from,
                          reel__cuda_queue *queue) {
    if (from == REEL_F32) dequantize<TO, float>(m, scale, queue);
    if (from == REEL_F64) dequantize<TO, double>(m, scale, queue);
    if (from == REEL_I64) dequantize<TO, int64_t>(m, scale, queue);
    if (from == REEL_U8) dequantize<TO, uint8_t>(m, scale, queue);
}

cudaError_t reel__cuda_launch_dequantize_rows(const reel__cuda_move *m, double scale, reel_dtype to,
                                              reel_dtype from, reel__cuda_queue *queue) {
    if (to == REEL_F32)
        dequantize_to<float>(m, scale, from, queue);
    else
        dequantize_to<double>(m, scale, from, queue);
    return cudaGetLastError();
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
    if (wrong >= 0) complain(m.witness, m.index[wrong], wrong, m.entries);
}

template <class T, class COUNT, int LOADS>
static void gather_with(const reel__cuda_move *m, int64_t n, const divisors &by,
                        reel__cuda_queue *queue) {
    const unsigned blocks = blocks_for(n, THREADS * LOADS);
    if (m->inner == 1)
        launch(gather<T, COUNT, LOADS, true>, blocks, THREADS, queue, *m, by, (COUNT)n);
    else
        launch(gather<T, COUNT, LOADS, false>, blocks, THREADS, queue, *m, by, (COUNT)n);
}

#define LARGE (1 << 19) /* more elements than the GPU holds threads for */

template <class T> static void gather_as(const reel__cuda_move *m, reel__cuda_queue *queue) {
    const int64_t per_outer = m->size * m->inner, n = m->outer * per_outer;
    divisors by = {};
    if (!is_short(n)) {
        gather_with<T, uint64_t, AHEAD>(m, n, by, queue);
        return;
    }
    by.per_outer = reel__cuda_divisor_of(per_outer);
    by.inner = reel__cuda_divisor_of(m->inner);
    if (n < LARGE)
        gather_with<T, uint32_t, 1>(m, n, by, queue);
    else
        gather_with<T, uint32_t, AHEAD>(m, n, by, queue);
}

cudaError_t reel__cuda_launch_gather(const reel__cuda_move *m, int size, reel__cuda_queue *queue) {
    if (size == 1) gather_as<uint8_t>(m, queue);
    if (size == 4) gather_as<uint32_t>(m, queue);
    if (size == 8) gather_as<uint64_t>(m, queue);
    return cudaGetLastError();
}
