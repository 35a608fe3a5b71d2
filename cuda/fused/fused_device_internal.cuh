/* What generated kernels (fused_text.c) are made of. Compiled as the program runs, from texts in
 * the library, so it includes device code alone. */
#ifndef REEL_CUDA_FUSED_FUSED_DEVICE_INTERNAL_CUH
#define REEL_CUDA_FUSED_FUSED_DEVICE_INTERNAL_CUH

#include "cuda/kernels/convert_internal.cuh"
#include "cuda/kernels/errors_internal.cuh"
#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/threads_internal.cuh"

#include "tensor/formulas/philox_internal.h"

#define THREADS 128

/* ---- arguments: words of 8 bytes, whose meaning the text knows; the first is 0 ---- */

template <int COUNT> struct arguments {
    uint64_t word[COUNT];

    __device__ __forceinline__ double number(int i) const {
        return __longlong_as_double((long long)word[i]);
    }
    template <class T> __device__ __forceinline__ T *data(int i) const {
        return (T *)word[i];
    }
    /* Of a call whose name and site are words i and i + 1; those of the device are 1 and 2. */
    __device__ __forceinline__ reel__cuda_error_slot errors(int i) const {
        return {data<unsigned>(1), data<reel__cuda_deferred>(2), data<const char>(i),
                data<const char>(i + 1)};
    }
};

/* ---- from op to op ---- */

/* What an op hands to the next: an operation on bits that changes none, by a word that is 0, which
 * the compilers do not know. So none of them fuses a product of the one with a sum of the other
 * (ptxas sees through an empty asm), and an op has the bits that it has alone. */
template <class T> static __device__ __forceinline__ T border(T x, unsigned) {
    return x;
}
static __device__ __forceinline__ float border(float x, unsigned zero) {
    return __uint_as_float(__float_as_uint(x) ^ zero);
}
static __device__ __forceinline__ double border(double x, unsigned zero) {
    return __hiloint2double(__double2hiint(x) ^ (int)zero, __double2loint(x));
}

/* What an op takes: so that two ops of one x do not share a part of their formulas, which would
 * then be fused otherwise. */
template <class T> static __device__ __forceinline__ T apart(T x) {
    return x;
}
static __device__ __forceinline__ float apart(float x) {
    asm volatile("" : "+f"(x));
    return x;
}
static __device__ __forceinline__ double apart(double x) {
    asm volatile("" : "+d"(x));
    return x;
}

/* ---- memory ---- */

/* How N elements lie along the last axis. */
enum { SAME, LINE, APART };

template <class T, int N, int HOW>
static __device__ __forceinline__ unit<T, N> load(const T *x, int64_t step) {
    unit<T, N> u;
    if constexpr (HOW == LINE) {
        u = *(const unit<T, N> *)x;
    } else if constexpr (HOW == SAME) {
        const T one = *x;
#pragma unroll
        for (int i = 0; i < N; i++) u.v[i] = one;
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) u.v[i] = x[i * step];
    }
    return u;
}

template <class T, int N, int HOW>
static __device__ __forceinline__ void store(T *x, int64_t step, const unit<T, N> &u) {
    if constexpr (HOW == LINE) {
        *(unit<T, N> *)x = u;
    } else if constexpr (HOW == SAME) {
        *x = u.v[0];
    } else {
#pragma unroll
        for (int i = 0; i < N; i++) x[i * step] = u.v[i];
    }
}

template <class T> static __device__ __forceinline__ T zero_of() {
    T z;
    memset(&z, 0, sizeof z);
    return z;
}

/* Of row `index` of x's n, `row` elements apart; zeros, and a report, if there is no such row.
 * `position` is that of the index among the indices. */
template <class T, int N, int HOW>
static __device__ __forceinline__ unit<T, N> load_row(const T *x, int64_t step, int64_t index,
                                                      int64_t row, int64_t n, int64_t position,
                                                      const reel__cuda_error_slot &errors) {
    if ((uint64_t)index < (uint64_t)n) return load<T, N, HOW>(x + index * row, step);
    report_error(errors, REEL__CUDA_WRONG_INDEX, 0, index, position, n);
    unit<T, N> u;
#pragma unroll
    for (int i = 0; i < N; i++) u.v[i] = zero_of<T>();
    return u;
}

/* ---- formulas that are not called as they are ---- */

/* Of the form FAR. */
#define NEAR_OR_FAR(name)                                                                          \
    template <class T> static __device__ __forceinline__ T near_or_far_##name(T x) {               \
        const T y = formula<T>::name(x);                                                           \
        return formula<T>::is_far(y) ? formula<T>::name##_far(y) : y;                              \
    }
NEAR_OR_FAR(sin)
NEAR_OR_FAR(cos)

/* bce, where p is looked at. */
template <class T>
static __device__ __forceinline__ T watched(T p, const reel__cuda_error_slot &errors) {
    if (!(p >= 0 && p <= 1)) /* NaN too */
        report_error(errors, REEL__CUDA_NO_PROBABILITY, p, 0, 0, 0);
    return p;
}

/* ---- dropout ---- */

struct stream {
    uint64_t seed, offset;
};

/* The words of elements e, e + 1, ...: e is a multiple of N, or N is 1. */
template <int N>
static __device__ __forceinline__ unit<unsigned, N> drawn(const stream &s, uint64_t e) {
    unit<unsigned, N> u;
    unsigned four[4];
#pragma unroll
    for (int i = 0; i < N; i++) {
        if (i % 4 == 0) reel__philox_block(s.seed, s.offset + (e + i) / 4, four);
        const unsigned at = N % 4 == 0 ? i % 4 : (unsigned)(e + i) % 4;
        u.v[i] = at == 0 ? four[0] : at == 1 ? four[1] : at == 2 ? four[2] : four[3];
    }
    return u;
}

static __device__ __forceinline__ stream used_stream(const int64_t *used) {
    return {(uint64_t)used[0], (uint64_t)used[1]};
}

template <class T>
static __device__ __forceinline__ T dropped(T x, unsigned word, unsigned least, T scale) {
    return word < least ? (T)0 : scale * x;
}

/* For all threads of all blocks, once: as the eager kernel's (dropout.cu). */
static __device__ __forceinline__ stream open_stream(int64_t *state, int64_t *used, int64_t blocks,
                                                     unsigned *ticket) {
    const stream s = {(uint64_t)state[0], (uint64_t)state[1]};
    __syncthreads(); /* all of this block have read the state */
    if (threadIdx.x != 0 || threadIdx.y != 0) return s;
    if (used && blockIdx.x == 0) {
        used[0] = (int64_t)s.seed;
        used[1] = (int64_t)s.offset;
    }
    if (comes_last(ticket, gridDim.x)) state[1] = (int64_t)(s.offset + blocks);
    return s;
}

#endif
