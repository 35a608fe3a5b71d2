/* cast and dequantize, from each dtype to each; fill. */
#include "cuda/kernels/convert_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

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
    for (int i = 0; i < N; i++) {
        if constexpr (SCALED)
            y.v[i] = (TO)((TO)number(x.v[i]) * (TO)m.constants[0]);
        else
            y.v[i] = convert<TO, FROM>(x.v[i]);
    }
    store(m, at[0], y);
}

template <class TO, class FROM, bool SCALED>
static cudaError_t cast_any(const reel__cuda_map *m, int vector, reel__cuda_queue *queue) {
    const int64_t blocks = blocks_for(m->units, THREADS);
    return vector == 1 ? launch(cast<TO, FROM, 1, SCALED>, blocks, THREADS, queue, *m)
                       : launch(cast<TO, FROM, 4, SCALED>, blocks, THREADS, queue, *m);
}

typedef cudaError_t (*launcher)(const reel__cuda_map *, int, reel__cuda_queue *);

/* By where they come from. */
#define FROM_EACH(to, scaled)                                                                      \
    {                                                                                              \
        cast_any<to, float, scaled>, cast_any<to, double, scaled>, cast_any<to, int64_t, scaled>,  \
            cast_any<to, uint8_t, scaled>, cast_any<to, f16, scaled>, cast_any<to, bf16, scaled>   \
    }

cudaError_t reel__cuda_launch_cast(const reel__cuda_map *m, reel_dtype to, reel_dtype from,
                                   bool scaled, int vector, reel__cuda_queue *queue) {
    static const launcher casts[REEL__DTYPES][REEL__DTYPES] = {
        FROM_EACH(float, false),   FROM_EACH(double, false), FROM_EACH(int64_t, false),
        FROM_EACH(uint8_t, false), FROM_EACH(f16, false),    FROM_EACH(bf16, false)};
    static const launcher scales[2][REEL__DTYPES] = {FROM_EACH(float, true),
                                                     FROM_EACH(double, true)};
    return scaled ? scales[to][from](m, vector, queue) : casts[to][from](m, vector, queue);
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
    if (dtype == REEL_F16) return fill_any<f16>(m, vector, queue);
    if (dtype == REEL_BF16) return fill_any<bf16>(m, vector, queue);
    return fill_any<uint8_t>(m, vector, queue);
}
