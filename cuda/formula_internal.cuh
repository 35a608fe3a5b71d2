/* The elementwise formulas of tensor/scalar.h as members of formula<T>. */
#ifndef REEL_CUDA_FORMULA_INTERNAL_CUH
#define REEL_CUDA_FORMULA_INTERNAL_CUH

#include "cuda/kernels_internal.h"

#include <stdint.h>

#define REEL_FORMULA static __device__ __forceinline__

template <class T> struct formula;

#define R(name) name
#define REAL float
#define REEL_REAL_IS_F64 0
#define SQRT ::sqrtf
template <> struct formula<float> {
#include "tensor/scalar.h"

#include "tensor/normal_internal.h"
    REEL_FORMULA float sqrt(float x) {
        return ::sqrtf(x);
    }
};
#undef REAL
#undef REEL_REAL_IS_F64
#undef SQRT

#define REAL double
#define REEL_REAL_IS_F64 1
#define SQRT ::sqrt
template <> struct formula<double> {
#include "tensor/scalar.h"

#include "tensor/normal_internal.h"
    REEL_FORMULA double sqrt(double x) {
        return ::sqrt(x);
    }
};
#undef REAL
#undef REEL_REAL_IS_F64
#undef SQRT
#undef R

/* Integers wrap around. */
template <class T, class UNSIGNED> struct integer_formula {
    REEL_FORMULA T add(T x, T y) {
        return (T)((UNSIGNED)x + (UNSIGNED)y);
    }
    REEL_FORMULA T sub(T x, T y) {
        return (T)((UNSIGNED)x - (UNSIGNED)y);
    }
    REEL_FORMULA T mul(T x, T y) {
        return (T)((UNSIGNED)x * (UNSIGNED)y);
    }
};
template <> struct formula<int64_t> : integer_formula<int64_t, uint64_t> {};
template <> struct formula<uint8_t> : integer_formula<uint8_t, unsigned> {};

#endif
