/* The elementwise formulas of tensor/formulas/scalar.h and scalar_int_internal.h as members of
 * formula<T>.
 */
#ifndef REEL_CUDA_KERNELS_FORMULA_INTERNAL_CUH
#define REEL_CUDA_KERNELS_FORMULA_INTERNAL_CUH

#include "tensor/ops/reduction_internal.h"

#include <stdint.h>

#define REEL_FORMULA static __device__ __forceinline__
#define REEL_FORMULA_APART static __device__ __noinline__

template <class T> struct formula;

#define R(name) name
#define WIDE(name) formula<double>::name

#define REAL double
#define REEL_REAL_IS_F64 1
#define SQRT ::sqrt
template <> struct formula<double> {
#include "tensor/formulas/scalar.h"

#include "tensor/formulas/normal_internal.h"
};
#undef REAL
#undef REEL_REAL_IS_F64
#undef SQRT

#define REAL float
#define REEL_REAL_IS_F64 0
#define SQRT ::sqrtf
template <> struct formula<float> {
#include "tensor/formulas/scalar.h"

#include "tensor/formulas/normal_internal.h"
};
#undef REAL
#undef REEL_REAL_IS_F64
#undef SQRT
#undef R

#define I(name) name
#define INTEGER int64_t
#define UNSIGNED uint64_t
template <> struct formula<int64_t> {
#include "tensor/formulas/scalar_int_internal.h"
};
#undef INTEGER
#undef UNSIGNED

#define INTEGER uint8_t
#define UNSIGNED unsigned
template <> struct formula<uint8_t> {
#include "tensor/formulas/scalar_int_internal.h"
};
#undef INTEGER
#undef UNSIGNED
#undef I

#endif
