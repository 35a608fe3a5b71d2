/* uniform and normal. The words are cuRAND's Philox4x32-10; what becomes of them is the CPU's code,
 * compiled without fused multiply-adds, so that both devices draw the same bits. */
#include "cuda/formula_internal.cuh"
#include "cuda/vector_internal.cuh"

#include <curand_kernel.h>

#include "tensor/philox_internal.h"

/* What one block of four words makes. */
static __device__ __forceinline__ unit<float, 4> numbers(uint4 w, bool normal, float a,
                                                         float scale) {
    unit<float, 4> z = {{reel__uniform_f32(w.x), reel__uniform_f32(w.y), reel__uniform_f32(w.z),
                         reel__uniform_f32(w.w)}};
    if (normal) {
        formula<float>::box_muller(z.v[0], z.v[1], &z.v[0], &z.v[1]);
        formula<float>::box_muller(z.v[2], z.v[3], &z.v[2], &z.v[3]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) z.v[i] = a + scale * z.v[i];
    return z;
}

static __device__ __forceinline__ unit<double, 2> numbers(uint4 w, bool normal, double a,
                                                          double scale) {
    unit<double, 2> z = {{reel__uniform_f64(w.x, w.y), reel__uniform_f64(w.z, w.w)}};
    if (normal) formula<double>::box_muller(z.v[0], z.v[1], &z.v[0], &z.v[1]);
#pragma unroll
    for (int i = 0; i < 2; i++) z.v[i] = a + scale * z.v[i];
    return z;
}

/* A thread takes every so many-th block of words; the last block of threads to have read the state
 * moves it on. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    draw(T *out, int64_t n, bool normal, T a, T scale, int64_t *state, unsigned *ticket) {
    begin();
    constexpr int N = 16 / sizeof(T);
    const uint64_t seed = state[0], offset = state[1];
    const int64_t blocks = (n + N - 1) / N;
    const uint2 key = {(unsigned)seed, (unsigned)(seed >> 32)};
    __syncthreads(); /* all of this block have read the state */
    if (threadIdx.x == 0 && comes_last(ticket, gridDim.x)) state[1] = (int64_t)(offset + blocks);
    for (int64_t b = blockIdx.x * (int64_t)THREADS + threadIdx.x; b < blocks;
         b += gridDim.x * (int64_t)THREADS) {
        const uint64_t number = offset + b;
        const uint4 counter = {(unsigned)number, (unsigned)(number >> 32), 0, 0};
        const unit<T, N> z = numbers(curand_Philox4x32_10(counter, key), normal, a, scale);
        if ((b + 1) * N <= n) {
            ((unit<T, N> *)out)[b] = z;
        } else {
            for (int i = 0; b * N + i < n; i++) out[b * N + i] = z.v[i];
        }
    }
}

cudaError_t reel__cuda_launch_random(void *out, int64_t n, reel_dtype dtype, bool normal, double a,
                                     double b, int64_t *state, unsigned *ticket,
                                     reel__cuda_queue *queue) {
    const double scale = normal ? b : b - a;
    const int64_t words = (n + (dtype == REEL_F32 ? 3 : 1)) / (dtype == REEL_F32 ? 4 : 2);
    const int64_t all = blocks_for(words, THREADS), blocks = all < 1 << 16 ? all : 1 << 16;
    if (dtype == REEL_F32)
        return launch(draw<float>, blocks, THREADS, queue, (float *)out, n, normal, (float)a,
                      (float)scale, state, ticket);
    return launch(draw<double>, blocks, THREADS, queue, (double *)out, n, normal, a, scale, state,
                  ticket);
}
