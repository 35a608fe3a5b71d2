/* multinomial: the CPU's sums and times, bit by bit (multinomial_internal.h). A weight that can't
 * be counts as 0, and it is reported. */
#include "cuda/kernels/draw_internal.cuh"
#include "cuda/kernels/errors_internal.cuh"

#include "tensor/formulas/multinomial_internal.h"

#include <float.h>

static __device__ __forceinline__ bool is_normal(float x) {
    return !(fabsf(x) < FLT_MIN);
}
static __device__ __forceinline__ bool is_normal(double x) {
    return !(fabs(x) < DBL_MIN);
}

/* Weight x, at i. Below the least normal number there is nothing. */
template <class T>
static __device__ __forceinline__ double checked(const reel__cuda_lots &l, T x, int64_t i) {
    const double w = is_normal(x) ? (double)x : 0;
    if (reel__is_weight(w)) return w;
    report_error(l.errors, REEL__CUDA_WRONG_WEIGHT, w, 0, i, 0);
    return 0;
}

/* ---- by sums ---- */

#define AHEAD 8 /* numbers that come in at once, of which one is added after the other */

/* A thread a chunk. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    sum_chunks(const __grid_constant__ reel__cuda_lots l) {
    begin();
    const T *__restrict__ weights = (const T *)l.weights;
    EACH(int64_t, k, l.rows * l.chunks) {
        const int64_t row = k / l.chunks, chunk = k - row * l.chunks, before = chunk * l.length,
                      first = row * l.n + before,
                      end = first + (before + l.length < l.n ? l.length : l.n - before);
        double sum = 0;
        for (int64_t i = first; i < end; i += AHEAD) {
            T x[AHEAD];
#pragma unroll
            for (int j = 0; j < AHEAD; j++) x[j] = i + j < end ? weights[i + j] : 0;
#pragma unroll
            for (int j = 0; j < AHEAD; j++) {
                if (i + j >= end) break;
                sum += checked(l, x[j], i + j);
                l.sum[i + j] = sum;
            }
        }
        l.base[row * (l.chunks + 1) + chunk + 1] = sum;
    }
}

static __device__ __forceinline__ bool is_sum(double all) {
    return all > 0 && reel__is_weight(all);
}

/* A thread a row. */
static __global__ void __launch_bounds__(THREADS)
    add_bases(const __grid_constant__ reel__cuda_lots l) {
    begin();
    EACH(int64_t, row, l.rows) {
        double *base = l.base + row * (l.chunks + 1), before = 0;
        base[0] = 0;
        for (int64_t k = 1; k <= l.chunks; k += AHEAD) {
            double x[AHEAD];
#pragma unroll
            for (int j = 0; j < AHEAD; j++) x[j] = k + j <= l.chunks ? base[k + j] : 0;
#pragma unroll
            for (int j = 0; j < AHEAD; j++) {
                if (k + j > l.chunks) break;
                before += x[j];
                base[k + j] = before;
            }
        }
        if (!is_sum(before)) report_error(l.errors, REEL__CUDA_WRONG_SUM, before, 0, row, 0);
    }
}

static __device__ __forceinline__ int64_t drawn(const reel__cuda_lots &l, int64_t i, double u) {
    const int64_t row = i / l.draws;
    const double *sum = l.sum + row * l.n, *base = l.base + row * (l.chunks + 1);
    const double all = base[l.chunks];
    return is_sum(all) ? reel__first_above(sum, base, l.n, l.length, u * all) : 0;
}

static __global__ void __launch_bounds__(THREADS)
    draw_each(const __grid_constant__ reel__cuda_lots l, int64_t *state, unsigned *ticket) {
    begin();
    const int64_t n = l.rows * l.draws, blocks = (n + 1) / 2;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) {
        const uint4 w = s.block(b);
        l.out[2 * b] = drawn(l, 2 * b, reel__open_uniform(reel__word64(w.x, w.y)));
        if (2 * b + 1 < n)
            l.out[2 * b + 1] = drawn(l, 2 * b + 1, reel__open_uniform(reel__word64(w.z, w.w)));
    }
}

cudaError_t reel__cuda_launch_lots(const reel__cuda_lots *l, reel_dtype dtype, int64_t *state,
                                   unsigned *ticket, reel__cuda_queue *queue) {
    const int64_t chunks = grid(l->rows * l->chunks);
    cudaError_t e = dtype == REEL_F32 ? launch(sum_chunks<float>, chunks, THREADS, queue, *l)
                                      : launch(sum_chunks<double>, chunks, THREADS, queue, *l);
    if (e == cudaSuccess) e = launch(add_bases, grid(l->rows), THREADS, queue, *l);
    if (e != cudaSuccess) return e;
    return launch(draw_each, drawing(blocks_for(l->rows * l->draws, 2)), THREADS, queue, *l, state,
                  ticket);
}

/* ---- by a race ---- */

template <class T>
static __device__ __forceinline__ double arrival(const reel__cuda_lots &l, int64_t i, double u) {
    const double w = checked(l, ((const T *)l.weights)[i], i);
    return w > 0 ? formula<double>::log(-formula<double>::log(u)) - formula<double>::log(w)
                 : __builtin_inf();
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    race(const __grid_constant__ reel__cuda_lots l, int64_t *state, unsigned *ticket) {
    begin();
    const int64_t n = l.rows * l.n, blocks = (n + 1) / 2;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) {
        const uint4 w = s.block(b);
        l.time[2 * b] = arrival<T>(l, 2 * b, reel__open_uniform(reel__word64(w.x, w.y)));
        if (2 * b + 1 < n)
            l.time[2 * b + 1] =
                arrival<T>(l, 2 * b + 1, reel__open_uniform(reel__word64(w.z, w.w)));
    }
}

cudaError_t reel__cuda_launch_race(const reel__cuda_lots *l, reel_dtype dtype, int64_t *state,
                                   unsigned *ticket, reel__cuda_queue *queue) {
    const int64_t blocks = drawing(blocks_for(l->rows * l->n, 2));
    if (dtype == REEL_F32) return launch(race<float>, blocks, THREADS, queue, *l, state, ticket);
    return launch(race<double>, blocks, THREADS, queue, *l, state, ticket);
}

/* A weight of 0 never arrives. */
static __global__ void __launch_bounds__(THREADS)
    take_winners(const __grid_constant__ reel__cuda_lots l, const double *best,
                 const int64_t *index) {
    begin();
    EACH(int64_t, i, l.rows * l.draws) {
        const int64_t row = i / l.draws;
        l.out[i] = index[i];
        if (i - row * l.draws == l.draws - 1 && best[i] == __builtin_inf())
            report_error(l.errors, REEL__CUDA_FEW_WEIGHTS, 0, 0, row, l.draws);
    }
}

cudaError_t reel__cuda_launch_winners(const reel__cuda_lots *l, const double *best,
                                      const int64_t *index, reel__cuda_queue *queue) {
    return launch(take_winners, grid(l->rows * l->draws), THREADS, queue, *l, best, index);
}
