/* Elementwise kernels, made of the formulas: one for each op, dtype and width. Included by one file
 * for each dtype. */
#ifndef REEL_CUDA_MAP_INTERNAL_CUH
#define REEL_CUDA_MAP_INTERNAL_CUH

#include "cuda/formula_internal.cuh"
#include "cuda/vector_internal.cuh"

/* One line for each op of kind MAP. */
template <reel__op OP, class T, class... X>
static __device__ __forceinline__ T apply(const double *constants, X... x) {
    using f = formula<T>;
    if constexpr (OP == REEL_OP_add)
        return f::add(x...);
    else if constexpr (OP == REEL_OP_sub)
        return f::sub(x...);
    else if constexpr (OP == REEL_OP_mul)
        return f::mul(x...);
    else if constexpr (OP == REEL_OP_div)
        return f::div(x...);
    else if constexpr (OP == REEL_OP_bce)
        return f::bce(x...);
    else if constexpr (OP == REEL_OP_bce_grad)
        return f::bce_grad(x...);
    else if constexpr (OP == REEL_OP_neg)
        return f::neg(x...);
    else if constexpr (OP == REEL_OP_relu)
        return f::relu(x...);
    else if constexpr (OP == REEL_OP_relu_grad)
        return f::relu_grad(x...);
    else if constexpr (OP == REEL_OP_sigmoid)
        return f::sigmoid(x...);
    else if constexpr (OP == REEL_OP_sigmoid_grad)
        return f::sigmoid_grad(x...);
    else if constexpr (OP == REEL_OP_tanh)
        return f::tanh(x...);
    else if constexpr (OP == REEL_OP_exp)
        return f::exp(x...);
    else if constexpr (OP == REEL_OP_log)
        return f::log(x...);
    else if constexpr (OP == REEL_OP_sqrt)
        return f::sqrt(x...);
    else if constexpr (OP == REEL_OP_square)
        return f::square(x...);
    else if constexpr (OP == REEL_OP_square_grad)
        return f::square_grad(x...);
    else if constexpr (OP == REEL_OP_mse_grad)
        return f::mse_grad(x..., (T)constants[0]);
    else if constexpr (OP == REEL_OP_affine)
        return f::affine(x..., (T)constants[0], (T)constants[1]);
    else
        static_assert(OP == REEL_OP_COUNT, "an op of kind MAP lacks its line");
}

template <reel__op OP, class T, int INPUTS, int N>
static __device__ __forceinline__ unit<T, N> apply_unit(const reel__cuda_map &m,
                                                        const unit<T, N> *x) {
    unit<T, N> y;
#pragma unroll
    for (int i = 0; i < N; i++) {
        if constexpr (INPUTS == 1) y.v[i] = apply<OP, T>(m.constants, x[0].v[i]);
        if constexpr (INPUTS == 2) y.v[i] = apply<OP, T>(m.constants, x[0].v[i], x[1].v[i]);
        if constexpr (INPUTS == 3)
            y.v[i] = apply<OP, T>(m.constants, x[0].v[i], x[1].v[i], x[2].v[i]);
    }
    return y;
}

/* Any axes: a unit a thread. */
template <reel__op OP, class T, int INPUTS, int N>
static __global__ void __launch_bounds__(THREADS)
    map_units(const __grid_constant__ reel__cuda_map m) {
    begin();
    const uint32_t u = blockIdx.x * THREADS + threadIdx.x;
    if (u >= m.units) return;
    int64_t at[1 + INPUTS];
    locate<1 + INPUTS>(m, u, at);
    unit<T, N> x[INPUTS];
#pragma unroll
    for (int k = 0; k < INPUTS; k++) x[k] = load<T, N>(m, k + 1, at[k + 1]);
    store(m, at[0], apply_unit<OP, T, INPUTS, N>(m, x));
}

/* One axis, and much of it: several units a thread, all loaded before the first is used. With one
 * input there are enough loads under way without it. */
#define AHEAD 4

template <reel__op OP, class T, int INPUTS, int N>
static __global__ void __launch_bounds__(THREADS)
    map_long(const __grid_constant__ reel__cuda_map m) {
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
        store(m, u * m.stride[0][0], apply_unit<OP, T, INPUTS, N>(m, x[j]));
    }
}

template <reel__op OP, class T, int INPUTS>
static cudaError_t launch_map(const reel__cuda_map *m, int vector, reel__cuda_queue *queue) {
    constexpr int N = REEL__CUDA_VECTOR / sizeof(T);
    const int64_t blocks = blocks_for(m->units, THREADS);
    if (vector == 1) return launch(map_units<OP, T, INPUTS, 1>, blocks, THREADS, queue, *m);
    if constexpr (INPUTS > 1)
        if (m->ndim == 1 && m->units >= LONG)
            return launch(map_long<OP, T, INPUTS, N>, blocks_for(m->units, THREADS * AHEAD),
                          THREADS, queue, *m);
    return launch(map_units<OP, T, INPUTS, N>, blocks, THREADS, queue, *m);
}

/* The rows of ops.def as a table; MAP_FLOAT and MAP_NUMBER are the including file's. */
#define CALL_FLOAT(name, inputs) nullptr
#define CALL_NUMBER(name, inputs) nullptr
#define CALL_ALIKE(name, inputs) nullptr
#define CALL_INDEXED(name, inputs) nullptr
#define VIEW_ALIKE(name, inputs) nullptr
#define UPDATE_ALIKE(name, inputs) nullptr
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient) kind##_##dtypes(name, inputs),

#endif
