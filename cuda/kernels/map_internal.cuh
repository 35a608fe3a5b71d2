/* Elementwise kernels, made of the formulas: one for each op, dtype and width. Included by one file
 * for each dtype. */
#ifndef REEL_CUDA_KERNELS_MAP_INTERNAL_CUH
#define REEL_CUDA_KERNELS_MAP_INTERNAL_CUH

#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

/* What a row of ops_map.def computes, and of which type its result is. */
template <reel__op OP, class T> struct row;

#define ROW(name, type, ...)                                                                       \
    template <class T> struct row<REEL_OP_##name, T> {                                             \
        typedef type result;                                                                       \
        template <class... X>                                                                      \
        static __device__ __forceinline__ result apply(const double *constants, X... x) {          \
            (void)constants;                                                                       \
            return formula<T>::name(__VA_ARGS__);                                                  \
        }                                                                                          \
    };
#define ROW_PLAIN(name) ROW(name, T, x...)
#define ROW_WITH1(name) ROW(name, T, x..., (T)constants[0])
#define ROW_WITH2(name) ROW(name, T, x..., (T)constants[0], (T)constants[1])
#define ROW_FAR(name)                                                                              \
    template <class T> struct row<REEL_OP_##name, T> {                                             \
        typedef T result;                                                                          \
        static __device__ __forceinline__ result apply(const double *constants, T x) {             \
            (void)constants;                                                                       \
            const T y = formula<T>::name(x);                                                       \
            return formula<T>::is_far(y) ? formula<T>::name##_far(y) : y;                          \
        }                                                                                          \
    };
#define ROW_TEST(name) ROW(name, uint8_t, x...)
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient) ROW_##form(name)
#include "tensor/ops/ops_map.def"

template <reel__op OP, class T, int INPUTS, int N>
static __device__ __forceinline__ unit<typename row<OP, T>::result, N>
apply_unit(const reel__cuda_map &m, const unit<T, N> *x) {
    unit<typename row<OP, T>::result, N> y;
#pragma unroll
    for (int i = 0; i < N; i++) {
        if constexpr (INPUTS == 1) y.v[i] = row<OP, T>::apply(m.constants, x[0].v[i]);
        if constexpr (INPUTS == 2) y.v[i] = row<OP, T>::apply(m.constants, x[0].v[i], x[1].v[i]);
        if constexpr (INPUTS == 3)
            y.v[i] = row<OP, T>::apply(m.constants, x[0].v[i], x[1].v[i], x[2].v[i]);
    }
    return y;
}

/* Any axes: a unit a thread. Each further argument w sees the first operand: watch(w, x). */
template <reel__op OP, class T, int INPUTS, int N, class... W>
static __global__ void __launch_bounds__(THREADS)
    map_units(const __grid_constant__ reel__cuda_map m, W... w) {
    begin();
    const uint32_t u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= m.units) return;
    int64_t at[1 + INPUTS];
    locate<1 + INPUTS>(m, u, at);
    unit<T, N> x[INPUTS];
#pragma unroll
    for (int k = 0; k < INPUTS; k++) x[k] = load<T, N>(m, k + 1, at[k + 1]);
    (watch(w, x[0]), ...);
    store(m, at[0], apply_unit<OP, T, INPUTS, N>(m, x));
}

/* One axis, and much of it: several units a thread, all loaded before the first is used. With one
 * input there are enough loads under way without it. */
#define AHEAD 4

template <reel__op OP, class T, int INPUTS, int N, class... W>
static __global__ void __launch_bounds__(THREADS)
    map_long(const __grid_constant__ reel__cuda_map m, W... w) {
    begin();
    const uint32_t first = blockIdx.x * (THREADS * AHEAD) + threadIdx.x;
    unit<T, N> x[AHEAD][INPUTS];
#pragma unroll
    for (int j = 0; j < AHEAD; j++) {
        const uint32_t u = first + j * THREADS;
        if (u >= m.units) break;
#pragma unroll
        for (int k = 0; k < INPUTS; k++) x[j][k] = load<T, N>(m, k + 1, u * m.stride[k + 1][0]);
    }
#pragma unroll
    for (int j = 0; j < AHEAD; j++) {
        const uint32_t u = first + j * THREADS;
        if (u >= m.units) break;
        (watch(w, x[j][0]), ...);
        store(m, u * m.stride[0][0], apply_unit<OP, T, INPUTS, N>(m, x[j]));
    }
}

template <reel__op OP, class T, int INPUTS, class... W>
static cudaError_t launch_map_with(const reel__cuda_map *m, int vector, reel__cuda_queue *queue,
                                   const W &...w) {
    constexpr int N = REEL__CUDA_VECTOR / sizeof(T);
    const int64_t blocks = blocks_for(m->units, THREADS);
    if (vector == 1)
        return launch(map_units<OP, T, INPUTS, 1, W...>, blocks, THREADS, queue, *m, w...);
    if constexpr (INPUTS > 1)
        if (m->ndim == 1 && m->units >= LONG)
            return launch(map_long<OP, T, INPUTS, N, W...>, blocks_for(m->units, THREADS * AHEAD),
                          THREADS, queue, *m, w...);
    return launch(map_units<OP, T, INPUTS, N, W...>, blocks, THREADS, queue, *m, w...);
}

template <reel__op OP, class T, int INPUTS>
static cudaError_t launch_map(const reel__cuda_map *m, int vector, reel__cuda_queue *queue) {
    return launch_map_with<OP, T, INPUTS>(m, vector, queue);
}

/* For a table of the rows, which the including file makes with its FLOAT and NUMBER. */
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient) dtypes(name, inputs),

#endif
