/* Optimizer steps and clipping: all tensors of a list in one launch. Formulas in optim.h. */
#include "cuda/vector_internal.cuh"

#include <stdint.h>

#define BLOCK 256
#define ITEMS (REEL__CUDA_LIST_BLOCK / BLOCK) /* elements of a thread */

/* The tensor that this block works on. */
static __device__ __forceinline__ int find_tensor(const reel__cuda_lists &l) {
    int first = 0, last = l.count - 1;
    while (first < last) {
        const int middle = last - (last - first) / 2;
        if (l.first_block[middle] <= blockIdx.x)
            first = middle;
        else
            last = middle - 1;
    }
    return first;
}

/* Where this block's share of tensor i begins. */
static __device__ __forceinline__ int64_t first_of(const reel__cuda_lists &l, int i) {
    return (int64_t)(blockIdx.x - l.first_block[i]) * REEL__CUDA_LIST_BLOCK;
}

/* After every block has read the count of steps, the last one of the last launch increases it. */
static __device__ __forceinline__ void count_step(int64_t *step, bool last, unsigned *ticket) {
    if (threadIdx.x == 0 && comes_last(ticket, gridDim.x) && last) *step += 1;
}

/* ---- adam ---- */

template <class T> struct adam_step {
    T beta1, beta2, rest1, rest2, eps, decay, size, root, shrink;
};

template <class T> static __device__ adam_step<T> adam_constants(const reel__cuda_adam_work &a) {
    const double lr = *a.lr, step = (double)(*a.step + 1);
    adam_step<T> s;
    s.beta1 = (T)a.beta1;
    s.beta2 = (T)a.beta2;
    s.rest1 = (T)(1 - a.beta1);
    s.rest2 = (T)(1 - a.beta2);
    s.eps = (T)a.eps;
    s.decay = a.decoupled ? 0 : (T)a.weight_decay;
    s.size = (T)(lr / (1 - pow(a.beta1, step)));
    s.root = (T)(1 / sqrt(1 - pow(a.beta2, step)));
    s.shrink = a.decoupled ? (T)(1 - lr * a.weight_decay) : 1;
    return s;
}

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    adam(const __grid_constant__ reel__cuda_lists l, const reel__cuda_adam_work a) {
    begin();
    __shared__ adam_step<T> s;
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    T *p = (T *)l.data[0][i], *m = (T *)l.data[2][i], *v = (T *)l.data[3][i];
    const T *g = (const T *)l.data[1][i];
    T p_now[ITEMS], g_now[ITEMS], m_now[ITEMS], v_now[ITEMS];
#pragma unroll
    for (int k = 0; k < ITEMS; k++) { /* on their way while the constants are worked out */
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at >= l.n[i]) break;
        p_now[k] = p[at];
        g_now[k] = g[at];
        m_now[k] = m[at];
        v_now[k] = v[at];
    }
    if (threadIdx.x == 0) s = adam_constants<T>(a);
    __syncthreads();
    count_step(a.step, a.last, a.ticket);
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at >= l.n[i]) break;
        const T d = g_now[k] + s.decay * p_now[k];
        const T mk = s.beta1 * m_now[k] + s.rest1 * d, vk = s.beta2 * v_now[k] + s.rest2 * d * d;
        m[at] = mk;
        v[at] = vk;
        p[at] = p_now[k] * s.shrink - s.size * mk / ((T)sqrt(vk) * s.root + s.eps);
    }
}

cudaError_t reel__cuda_launch_adam(const reel__cuda_lists *l, const reel__cuda_adam_work *a,
                                   reel_dtype dtype, reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(adam<float>, blocks, BLOCK, queue, *l, *a)
                             : launch(adam<double>, blocks, BLOCK, queue, *l, *a);
}

/* ---- sgd ---- */

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    sgd(const __grid_constant__ reel__cuda_lists l, const reel__cuda_sgd_work s) {
    begin();
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    const bool starts = *s.step == 0;
    const T lr = (T)*s.lr, decay = (T)s.weight_decay, ahead = (T)s.momentum;
    const T mu = starts ? 0 : ahead, keep = starts ? 1 : (T)(1 - s.dampening);
    __syncthreads();
    count_step(s.step, s.last, s.ticket);
    T *p = (T *)l.data[0][i], *v = (T *)l.data[2][i];
    const T *g = (const T *)l.data[1][i];
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at >= l.n[i]) break;
        T d = g[at] + decay * p[at];
        if (s.has_velocity) {
            const T vk = mu * v[at] + keep * d;
            v[at] = vk;
            d = s.nesterov ? d + ahead * vk : vk;
        }
        p[at] -= lr * d;
    }
}

cudaError_t reel__cuda_launch_sgd(const reel__cuda_lists *l, const reel__cuda_sgd_work *s,
                                  reel_dtype dtype, reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(sgd<float>, blocks, BLOCK, queue, *l, *s)
                             : launch(sgd<double>, blocks, BLOCK, queue, *l, *s);
}

/* ---- clipping ---- */

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    list_squares(const __grid_constant__ reel__cuda_lists l, double *squares) {
    begin();
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    const T *g = (const T *)l.data[0][i];
    double sum = 0;
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at < l.n[i]) sum += (double)g[at] * (double)g[at];
    }
    sum = add_block<BLOCK>(sum);
    if (threadIdx.x == 0) squares[blockIdx.x] = sum;
}

cudaError_t reel__cuda_launch_list_squares(const reel__cuda_lists *l, double *squares,
                                           reel_dtype dtype, reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(list_squares<float>, blocks, BLOCK, queue, *l, squares)
                             : launch(list_squares<double>, blocks, BLOCK, queue, *l, squares);
}

static __global__ void __launch_bounds__(BLOCK)
    norm_of(void *norm, double *squares, int64_t n, bool f32) {
    begin();
    double sum = 0;
    for (int64_t i = threadIdx.x; i < n; i += BLOCK) sum += squares[i];
    sum = add_block<BLOCK>(sum);
    if (threadIdx.x > 0) return;
    squares[n] = sqrt(sum);
    if (f32)
        *(float *)norm = (float)sqrt(sum);
    else
        *(double *)norm = sqrt(sum);
}

cudaError_t reel__cuda_launch_norm(void *norm, double *squares, int64_t n, reel_dtype dtype,
                                   reel__cuda_queue *queue) {
    return launch(norm_of, 1, BLOCK, queue, norm, squares, n, dtype == REEL_F32);
}

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    list_scale(const __grid_constant__ reel__cuda_lists l, const double *norm, double most) {
    begin();
    const double scale = most / (*norm + 1e-6);
    if (scale >= 1) return; /* NaN scales */
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    T *g = (T *)l.data[0][i];
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at < l.n[i]) g[at] = g[at] * (T)scale;
    }
}

cudaError_t reel__cuda_launch_list_scale(const reel__cuda_lists *l, const double *norm, double most,
                                         reel_dtype dtype, reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(list_scale<float>, blocks, BLOCK, queue, *l, norm, most)
                             : launch(list_scale<double>, blocks, BLOCK, queue, *l, norm, most);
}

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    list_clamp(const __grid_constant__ reel__cuda_lists l, double limit) {
    begin();
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    T *g = (T *)l.data[0][i];
    const T most = (T)limit;
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at < l.n[i]) g[at] = g[at] > most ? most : g[at] < -most ? -most : g[at];
    }
}

cudaError_t reel__cuda_launch_list_clamp(const reel__cuda_lists *l, double limit, reel_dtype dtype,
                                         reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(list_clamp<float>, blocks, BLOCK, queue, *l, limit)
                             : launch(list_clamp<double>, blocks, BLOCK, queue, *l, limit);
}
