/* Pooling, padding, resampling, columns: a thread an element of the result, which gathers what it
 * is made of in a fixed order. */
#include "cuda/kernels/kernels_window_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <math.h>
#include <stdint.h>

#define REEL_FORMULA static __device__ __forceinline__
#include "tensor/formulas/window_formulas_internal.h"

/* Element u of [outer, n0, n1, n2]. */
template <class COUNT> struct position {
    int64_t o, i[3];
    __device__ position(COUNT u, int64_t n0, int64_t n1, int64_t n2) {
        const COUNT a = u / (COUNT)n2, b = a / (COUNT)n1, c = b / (COUNT)n0;
        i[2] = u - a * (COUNT)n2;
        i[1] = a - b * (COUNT)n1;
        i[0] = b - c * (COUNT)n0;
        o = c;
    }
};

static __device__ __forceinline__ double weight_at(const reel__taps_of &t, int64_t k) {
    if (t.even) return t.weight[0];
    return k == 0 ? t.weight[0] : k == 1 ? t.weight[1] : k == 2 ? t.weight[2] : t.weight[3];
}

/* ---- resample ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    resample(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &a = w.axis[0], &b = w.axis[1], &c = w.axis[2];
    EACH(COUNT, u, n) {
        const position<COUNT> y(u, a.out, b.out, c.out);
        const reel__taps_of ta = reel__taps_at(&a, y.i[0]), tb = reel__taps_at(&b, y.i[1]),
                            tc = reel__taps_at(&c, y.i[2]);
        if (ta.count == 0 || tb.count == 0 || tc.count == 0) {
            ((T *)w.y)[u] = (T)w.value;
            continue;
        }
        T sum = 0;
        for (int64_t i = 0; i < ta.count; i++)
            for (int64_t j = 0; j < tb.count; j++) {
                const int64_t row = (y.o * a.in + reel__clamped(ta.first + i, a.in)) * b.in +
                                    reel__clamped(tb.first + j, b.in);
                const T *x = (const T *)w.x + row * c.in;
                const double above = w.times * weight_at(ta, i) * weight_at(tb, j);
                for (int64_t k = 0; k < tc.count; k++)
                    sum += (T)(above * weight_at(tc, k)) * x[reel__clamped(tc.first + k, c.in)];
            }
        ((T *)w.y)[u] = sum;
    }
}

static __device__ __forceinline__ int ranges_of(const reel__span &a) {
    return a.kind == REEL__REFLECT || a.kind == REEL__CIRCULAR ? REEL__TAP_RANGES : 1;
}

/* The sum of a row of g, with the weights of its elements in p. */
template <class T>
static __device__ __forceinline__ T row_back(const reel__span &c, const T *g, int64_t p,
                                             double above) {
    T sum = 0;
    for (int range = 0; range < ranges_of(c); range++) {
        int64_t j, end;
        reel__tap_range(&c, p, range, &j, &end);
        for (; j < end; j++) {
            const double weight = reel__tap_weight(&c, j, p);
            if (weight != 0) sum += (T)(above * weight) * g[j];
        }
    }
    return sum;
}

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    resample_back(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &a = w.axis[0], &b = w.axis[1], &c = w.axis[2];
    EACH(COUNT, u, n) {
        const position<COUNT> x(u, a.in, b.in, c.in);
        T sum = 0;
        for (int ra = 0; ra < ranges_of(a); ra++) {
            int64_t i, iend;
            reel__tap_range(&a, x.i[0], ra, &i, &iend);
            for (; i < iend; i++) {
                const double wa = reel__tap_weight(&a, i, x.i[0]);
                if (wa == 0) continue;
                for (int rb = 0; rb < ranges_of(b); rb++) {
                    int64_t j, jend;
                    reel__tap_range(&b, x.i[1], rb, &j, &jend);
                    for (; j < jend; j++) {
                        const double wb = reel__tap_weight(&b, j, x.i[1]);
                        if (wb == 0) continue;
                        const T *g = (const T *)w.x + ((x.o * a.out + i) * b.out + j) * c.out;
                        sum += row_back(c, g, x.i[2], w.times * wa * wb);
                    }
                }
            }
        }
        ((T *)w.y)[u] = sum;
    }
}

/* ---- max_pool ---- */

static __device__ __forceinline__ int64_t step_of(const reel__span &a) {
    return a.kind == REEL__ADAPTIVE ? 1 : a.dilation;
}

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    max_pool(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &a = w.axis[0], &b = w.axis[1], &c = w.axis[2];
    const int64_t sa = step_of(a), sb = step_of(b), sc = step_of(c);
    EACH(COUNT, u, n) {
        const position<COUNT> y(u, a.out, b.out, c.out);
        int64_t a0, a1, b0, b1, c0, c1;
        reel__window(&a, y.i[0], &a0, &a1);
        reel__window(&b, y.i[1], &b0, &b1);
        reel__window(&c, y.i[2], &c0, &c1);
        const T *x = (const T *)w.x + y.o * a.in * b.in * c.in;
        T best = (T)-INFINITY;
        int64_t found = (a0 * b.in + b0) * c.in + c0;
        for (int64_t i = a0; i < a1; i += sa)
            for (int64_t j = b0; j < b1; j += sb) {
                const int64_t row = (i * b.in + j) * c.in;
                for (int64_t k = c0; k < c1; k += sc) {
                    const T v = x[row + k];
                    if (v > best || v != v) best = v, found = row + k;
                }
            }
        ((T *)w.y)[u] = best;
        w.index[u] = found;
    }
}

/* Of 2 x 2, side by side: a window is two pairs of neighbours, which are read at once. */
template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    max_pool_of_pairs(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const COUNT rows = w.axis[1].out, columns = w.axis[2].out;
    const int64_t along = w.axis[2].in;
    EACH(COUNT, u, n) {
        const COUNT row = u / columns, plane = row / rows;
        const int64_t at = 2 * (along * (row - plane * rows) + (u - row * columns));
        const T *x = (const T *)w.x + plane * w.axis[1].in * along + at;
        const unit<T, 2> pair[2] = {*(const unit<T, 2> *)x, *(const unit<T, 2> *)(x + along)};
        T best = (T)-INFINITY;
        int64_t found = at;
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const T v = pair[i / 2].v[i % 2];
            if (v > best || v != v) best = v, found = at + i / 2 * along + i % 2;
        }
        ((T *)w.y)[u] = best;
        w.index[u] = found;
    }
}

/* Over the windows that may have the element, which add where their index is its. */
template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    max_back(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &a = w.axis[0], &b = w.axis[1], &c = w.axis[2];
    EACH(COUNT, u, n) {
        const position<COUNT> x(u, a.in, b.in, c.in);
        const int64_t here = (x.i[0] * b.in + x.i[1]) * c.in + x.i[2];
        int64_t a0, a1, b0, b1, c0, c1;
        reel__windows_with(&a, x.i[0], &a0, &a1);
        reel__windows_with(&b, x.i[1], &b0, &b1);
        reel__windows_with(&c, x.i[2], &c0, &c1);
        T sum = 0;
        for (int64_t i = a0; i < a1; i++)
            for (int64_t j = b0; j < b1; j++) {
                const int64_t row = ((x.o * a.out + i) * b.out + j) * c.out;
                for (int64_t k = c0; k < c1; k++)
                    if (w.index[row + k] == here) sum += ((const T *)w.x)[row + k];
            }
        ((T *)w.y)[u] = sum;
    }
}

/* The elements that window j, of those that don't overlap, has to itself: up to where the next one
 * begins. */
static __device__ __forceinline__ void cell_of(const reel__span &a, int64_t j, int64_t *first,
                                               int64_t *end) {
    *first = j == 0 ? 0 : j * a.stride - a.before;
    *end = j == a.out - 1 ? a.in : (j + 1) * a.stride - a.before;
}

/* Where windows don't overlap: a thread each, which writes its cell. */
template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    max_back_apart(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &a = w.axis[0], &b = w.axis[1], &c = w.axis[2];
    EACH(COUNT, u, n) {
        const position<COUNT> y(u, a.out, b.out, c.out);
        int64_t a0, a1, b0, b1, c0, c1;
        cell_of(a, y.i[0], &a0, &a1);
        cell_of(b, y.i[1], &b0, &b1);
        cell_of(c, y.i[2], &c0, &c1);
        const T g = (T)0 + ((const T *)w.x)[u];
        const int64_t found = w.index[u];
        T *dx = (T *)w.y + y.o * a.in * b.in * c.in;
        const bool paired = c1 - c0 == 2 && c.in % 2 == 0 && c0 % 2 == 0;
        for (int64_t i = a0; i < a1; i++)
            for (int64_t j = b0; j < b1; j++) {
                const int64_t row = (i * b.in + j) * c.in;
                if (paired) {
                    *(unit<T, 2> *)(dx + row + c0) = {
                        {row + c0 == found ? g : (T)0, row + c0 + 1 == found ? g : (T)0}};
                    continue;
                }
                for (int64_t k = c0; k < c1; k++) dx[row + k] = row + k == found ? g : (T)0;
            }
    }
}

/* ---- columns: of [N C, kh, kw, H', W'], whose elements are those of [N C, H, W] ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    unfold(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &h = w.axis[0], &v = w.axis[1];
    EACH(COUNT, u, n) {
        const position<COUNT> y(u, v.kernel, h.out, v.out); /* o: channels and rows of the kernel */
        const int64_t plane = (COUNT)y.o / (COUNT)h.kernel, tap = y.o - plane * h.kernel;
        const int64_t p = y.i[1] * h.stride - h.before + tap * h.dilation,
                      q = y.i[2] * v.stride - v.before + y.i[0] * v.dilation;
        const bool is_inside = p >= 0 && p < h.in && q >= 0 && q < v.in;
        ((T *)w.y)[u] = is_inside ? ((const T *)w.x)[(plane * h.in + p) * v.in + q] : (T)0;
    }
}

/* The place of a window whose tap is at p; -1: none. */
static __device__ __forceinline__ int window_of(const reel__span &a, int p, int tap) {
    const int64_t to = (int64_t)p + a.before - (int64_t)tap * a.dilation;
    if (to < 0) return -1;
    const int64_t j = to / a.stride;
    return j * a.stride == to && j < a.out ? (int)j : -1;
}

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    fold(const __grid_constant__ reel__cuda_windows w, COUNT n) {
    begin();
    const reel__span &h = w.axis[0], &v = w.axis[1];
    EACH(COUNT, u, n) {
        const position<COUNT> x(u, 1, h.in, v.in);
        T sum = 0;
        for (int s = 0; s < h.kernel; s++) {
            const int i = window_of(h, (int)x.i[1], s);
            if (i < 0) continue;
            for (int t = 0; t < v.kernel; t++) {
                const int j = window_of(v, (int)x.i[2], t);
                if (j < 0) continue;
                const int64_t row = (x.o * h.kernel + s) * v.kernel + t;
                sum += ((const T *)w.x)[(row * h.out + i) * v.out + j];
            }
        }
        ((T *)w.y)[u] = sum;
    }
}

/* ---- launchers ---- */

#define LAUNCH(kernel, T, n)                                                                       \
    (is_short(n) ? launch(kernel<T, uint32_t>, grid(n), THREADS, queue, *w, (uint32_t)(n))         \
                 : launch(kernel<T, uint64_t>, grid(n), THREADS, queue, *w, (uint64_t)(n)))

static int64_t count_of(const reel__cuda_windows *w, bool back) {
    int64_t n = w->outer;
    for (int i = 0; i < 3; i++) n *= back ? w->axis[i].in : w->axis[i].out;
    return n;
}

cudaError_t reel__cuda_launch_resample(const reel__cuda_windows *w, bool back, reel_dtype dtype,
                                       reel__cuda_queue *queue) {
    const int64_t n = count_of(w, back);
    if (dtype == REEL_F32)
        return back ? LAUNCH(resample_back, float, n) : LAUNCH(resample, float, n);
    return back ? LAUNCH(resample_back, double, n) : LAUNCH(resample, double, n);
}

static bool is_apart(const reel__span *a) {
    return a->kind != REEL__ADAPTIVE && (int64_t)(a->kernel - 1) * a->dilation < a->stride;
}

static bool is_of_pairs(const reel__span *a) {
    return a->kind != REEL__ADAPTIVE && a->kernel == 2 && a->stride == 2 && a->dilation == 1 &&
           a->before == 0 && 2 * a->out <= a->in;
}

static bool has_pairs(const reel__cuda_windows *w, size_t size) {
    return w->axis[0].in == 1 && is_of_pairs(&w->axis[1]) && is_of_pairs(&w->axis[2]) &&
           w->axis[2].in % 2 == 0 && (uintptr_t)w->x % (2 * size) == 0;
}

template <class T>
static cudaError_t max_pool_back(const reel__cuda_windows *w, reel__cuda_queue *queue) {
    const int64_t n = count_of(w, true), windows = count_of(w, false);
    const bool apart = is_apart(&w->axis[0]) && is_apart(&w->axis[1]) && is_apart(&w->axis[2]);
    if (apart && windows > 0 && (uintptr_t)w->y % (2 * sizeof(T)) == 0)
        return LAUNCH(max_back_apart, T, windows);
    return LAUNCH(max_back, T, n);
}

template <class T>
static cudaError_t max_pool_of(const reel__cuda_windows *w, reel__cuda_queue *queue) {
    const int64_t n = count_of(w, false);
    return has_pairs(w, sizeof(T)) ? LAUNCH(max_pool_of_pairs, T, n) : LAUNCH(max_pool, T, n);
}

cudaError_t reel__cuda_launch_max_pool(const reel__cuda_windows *w, bool back, reel_dtype dtype,
                                       reel__cuda_queue *queue) {
    if (dtype == REEL_F32)
        return back ? max_pool_back<float>(w, queue) : max_pool_of<float>(w, queue);
    return back ? max_pool_back<double>(w, queue) : max_pool_of<double>(w, queue);
}

cudaError_t reel__cuda_launch_unfold(const reel__cuda_windows *w, int size,
                                     reel__cuda_queue *queue) {
    const reel__span *h = &w->axis[0], *v = &w->axis[1];
    const int64_t n = w->outer * h->kernel * v->kernel * h->out * v->out;
    switch (size) {
    case 1:
        return LAUNCH(unfold, uint8_t, n);
    case 2:
        return LAUNCH(unfold, uint16_t, n);
    case 4:
        return LAUNCH(unfold, uint32_t, n);
    default:
        return LAUNCH(unfold, uint64_t, n);
    }
}

cudaError_t reel__cuda_launch_fold(const reel__cuda_windows *w, reel_dtype dtype,
                                   reel__cuda_queue *queue) {
    const int64_t n = w->outer * w->axis[0].in * w->axis[1].in;
    return dtype == REEL_F32 ? LAUNCH(fold, float, n) : LAUNCH(fold, double, n);
}
