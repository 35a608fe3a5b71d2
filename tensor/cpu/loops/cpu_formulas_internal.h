/* The formulas of scalar.h as C functions of f64 and f32: name_f64, name_f32. */
#ifndef REEL_TENSOR_CPU_LOOPS_CPU_FORMULAS_INTERNAL_H
#define REEL_TENSOR_CPU_LOOPS_CPU_FORMULAS_INTERNAL_H

#define WIDE(name) name##_f64
#define REAL double
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#include "tensor/formulas/scalar.h"
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT

#define REAL float
#define R(name) name##_f32
#define REEL_REAL_IS_F64 0
#define SQRT __builtin_sqrtf
#include "tensor/formulas/scalar.h"
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT

#endif
