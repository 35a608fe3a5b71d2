/* nll and its transpose: at each position one of the classes. */
#include "cuda/kernels/index_internal.cuh"

/* Whether position u has a class: one that is not ignored, and in range. */
static __device__ __forceinline__ bool has_class(const reel__cuda_nll_work &w, int64_t target,
                                                 int64_t u, bool reports) {
    if (target == w.ignored) return false;
    if (is_in_range(target, w.classes)) return true;
    if (reports) report_index(w.errors, target, u, w.classes);
    return false;
}

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    nll(const __grid_constant__ reel__cuda_nll_work w, COUNT n) {
    begin();
    const COUNT inner = (COUNT)w.inner;
    EACH(COUNT, u, n) {
        const int64_t target = w.target[u];
        const COUNT o = u / inner, i = u - o * inner;
        T weight = 0, z = 0;
        if (has_class(w, target, u, true)) {
            weight = ((const T *)w.weight)[target * w.weight_stride];
            if (weight != 0)
                z = -weight * ((const T *)w.from)[(o * w.classes + target) * w.inner + i];
        }
        ((T *)w.weights)[u] = weight;
        ((T *)w.out)[u] = z;
    }
}

/* An element of x a time; the classes' first element is who reports. */
template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    nll_grad(const __grid_constant__ reel__cuda_nll_work w, COUNT n) {
    begin();
    const COUNT inner = (COUNT)w.inner, classes = (COUNT)w.classes;
    EACH(COUNT, u, n) {
        const COUNT row = u / inner, i = u - row * inner, o = row / classes, c = row - o * classes;
        const int64_t at = (int64_t)o * w.inner + i, target = w.target[at];
        const bool is_here = has_class(w, target, at, c == 0) && target == (int64_t)c;
        ((T *)w.out)[u] =
            is_here ? -((const T *)w.weight)[target * w.weight_stride] * ((const T *)w.from)[at]
                    : (T)0;
    }
}

template <class T> static cudaError_t pick(const reel__cuda_nll_work *w, reel__cuda_queue *queue) {
    const int64_t n = w->outer * w->inner;
    return is_short(n) ? launch(nll<T, uint32_t>, grid(n), THREADS, queue, *w, (uint32_t)n)
                       : launch(nll<T, uint64_t>, grid(n), THREADS, queue, *w, (uint64_t)n);
}

template <class T> static cudaError_t put(const reel__cuda_nll_work *w, reel__cuda_queue *queue) {
    const int64_t n = w->outer * w->classes * w->inner;
    return is_short(n) ? launch(nll_grad<T, uint32_t>, grid(n), THREADS, queue, *w, (uint32_t)n)
                       : launch(nll_grad<T, uint64_t>, grid(n), THREADS, queue, *w, (uint64_t)n);
}

cudaError_t reel__cuda_launch_nll(const reel__cuda_nll_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? pick<float>(w, queue) : pick<double>(w, queue);
}

cudaError_t reel__cuda_launch_nll_grad(const reel__cuda_nll_work *w, reel_dtype dtype,
                                       reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? put<float>(w, queue) : put<double>(w, queue);
}
