/* cast and dequantize, from each dtype to each; fill. */
#include "cuda/vector_internal.cuh"

#include <stdint.h>

/* Float to integer truncates; beyond the integer's range lies its nearest bound, and NaN is 0. */
static __device__ __forceinline__ int64_t to_i64(double x) {
    if (!(x > -0x1p63)) return x <= -0x1p63 ? INT64_MIN : 0;
    return x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static __device__ __forceinline__ uint8_t to_u8(double x) {
    if (!(x > 0)) return 0;
    return x >= 255 ? 255 : (uint8_t)x;
}

template <class TO, class FROM> static __device__ __forceinline__ TO convert(FROM x) {
    constexpr bool from_float = sizeof(FROM) > 1 && (FROM)0.5 != 0;
    if constexpr (sizeof(TO) == 1 && sizeof(FROM) > 1)
        return from_float ? to_u8((double)x) : x < 0 ? 0 : x > 255 ? 255 : (uint8_t)x;
    else if constexpr (from_float && sizeof(TO) == 8 && (TO)0.5 == 0)
        return to_i64((double)x);
    else
        return (TO)x;
}

template <class TO, class FROM, int N, bool SCALED>
static __global__ void __launch_bounds__(THREADS) cast(const __grid_constant__ reel__cuda_map m) {
    begin();
    const uint32_t u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= m.units) return;
    int64_t at[2];
    locate<2>(m, u, at);
    const unit<FROM, N> x = load<FROM, N>(m, 1, at[1]);
    unit<TO, N> y;
#pragma unroll
    for (int i = 0; i < N; i++)
        y.v[i] = SCALED ? (TO)((TO)x.v[i] * (TO)m.constants[0]) : convert<TO, FROM>(x.v[i]);
    store(m, at[0], y);
}

template <class TO, class FROM>
static cudaError_t cast_any(const reel__cuda_map *m, bool scaled, int vector,
                            reel__cuda_queue *queue) {
    const int64_t blocks = blocks_for(m->units, THREADS);
    if (vector == 1)
        return scaled ? launch(cast<TO, FROM, 1, true>, blocks, THREADS, queue, *m)
                      : launch(cast<TO, FROM, 1, false>, blocks, THREADS, queue, *m);
    return scaled ? launch(cast<TO, FROM, 4, true>, blocks, THREADS, queue, *m)
                  : launch(cast<TO, FROM, 4, false>, blocks, THREADS, queue, *m);
}

typedef cudaError_t (*launcher)(const reel__cuda_map *, bool, int, reel__cuda_queue *);

#define TO_EACH(from)                                                                              \
    {                                                                                              \
        cast_any<float, from>, cast_any<double, from>, cast_any<int64_t, from>,                    \
            cast_any<uint8_t, from>                                                                \
    }

cudaError_t reel__cuda_launch_cast(const reel__cuda_map *m, reel_dtype to, reel_dtype from,
                                   bool scaled, int vector, reel__cuda_queue *queue) {
    static const launcher casts[4][4] = {TO_EACH(float), TO_EACH(double), TO_EACH(int64_t),
                                         TO_EACH(uint8_t)};
    return casts[from][to](m, scaled, vector, queue);
}

/* ---- a constant ---- */

template <class T, int N> static __device__ __forceinline__ unit<T, N> all_of(double constant) {
    const T one = convert<T, double>(constant);
    unit<T, N> y;
#pragma unroll
    for (int i = 0; i < N; i++) y.v[i] = one;
    return y;
}

template <class T, int N>
static __global__ void __launch_bounds__(THREADS) fill(const __grid_constant__ reel__cuda_map m) {
    begin();
    const uint32_t u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= m.units) return;
    int64_t at[1];
    locate<1>(m, u, at);
    store(m, at[0], all_of<T, N>(m.constants[0]));
}

/* One axis, and much of it: several units a thread. */
#define SEVERAL 8

template <class T, int N>
static __global__ void __launch_bounds__(THREADS)
    fill_long(const __grid_constant__ reel__cuda_map m) {
    begin();
    const uint32_t first = blockIdx.x * (THREADS * SEVERAL) + threadIdx.x;
    const unit<T, N> y = all_of<T, N>(m.constants[0]);
#pragma unroll
    for (int j = 0; j < SEVERAL; j++) {
        const uint32_t u = first + j * THREADS;
        if (u < m.units) store(m, u * m.stride[0][0], y);
    }
}

template <class T>
static cudaError_t fill_any(const reel__cuda_map *m, int vector, reel__cuda_queue *queue) {
    constexpr int N = REEL__CUDA_VECTOR / sizeof(T);
    const int64_t blocks = blocks_for(m->units, THREADS);
    if (vector == 1) return launch(fill<T, 1>, blocks, THREADS, queue, *m);
    if (m->ndim == 1 && m->units >= LONG)
        return launch(fill_long<T, N>, blocks_for(m->units, THREADS * SEVERAL), THREADS, queue, *m);
    return launch(fill<T, N>, blocks, THREADS, queue, *m);
}

cudaError_t reel__cuda_launch_fill(const reel__cuda_map *m, reel_dtype dtype, int vector,
                                   reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return fill_any<float>(m, vector, queue);
    if (dtype == REEL_F64) return fill_any<double>(m, vector, queue);
    if (dtype == REEL_I64) return fill_any<int64_t>(m, vector, queue);
    return fill_any<uint8_t>(m, vector, queue);
}
