/* The vector code of the CPU. Compiled once for each instruction set (REEL_SIMD: plain, avx2,
 * avx512), each time with that set's flags; reel__cpu_loops picks one at run time. Plain C: the
 * compiler makes vectors of it. */
#include "tensor/cpu/cpu_internal.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

#define REAL float
#define R(name) name##_f32
#define REEL_REAL_IS_F64 0
#define SQRT __builtin_sqrtf
#include "tensor/cpu/cpu_loops_real_internal.h"
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT

#define REAL double
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#include "tensor/cpu/cpu_loops_real_internal.h"

#define INTEGER int64_t
#define UNSIGNED uint64_t
#define I(name) name##_i64
#include "tensor/cpu/cpu_loops_int_internal.h"
#undef INTEGER
#undef UNSIGNED
#undef I

#define INTEGER uint8_t
#define UNSIGNED uint8_t
#define I(name) name##_u8
#include "tensor/cpu/cpu_loops_int_internal.h"

#define LOOPS_MAP_FLOAT(name)                                                                      \
    { loop_##name##_f32, loop_##name##_f64 }
#define LOOPS_MAP_NUMBER(name)                                                                     \
    { loop_##name##_f32, loop_##name##_f64, loop_##name##_i64, loop_##name##_u8 }
#define LOOPS_CALL_FLOAT(name)                                                                     \
    { NULL }
#define LOOPS_CALL_NUMBER(name)                                                                    \
    { NULL }
#define LOOPS_CALL_ALIKE(name)                                                                     \
    { NULL }
#define LOOPS_CALL_INDEXED(name)                                                                   \
    { NULL }
#define LOOPS_VIEW_ALIKE(name)                                                                     \
    { NULL }
#define LOOPS_UPDATE_ALIKE(name)                                                                   \
    { NULL }

#define NAME_(set) reel__loops_##set
#define NAME(set) NAME_(set)
#define TEXT_(set) #set
#define TEXT(set) TEXT_(set)

const reel__loops NAME(REEL_SIMD) = {
    .name = TEXT(REEL_SIMD),
    .map =
        {
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient)                                 \
    [REEL_OP_##name] = LOOPS_##kind##_##dtypes(name),
#include "tensor/ops.def"
        },
    .dequantize = {{dequantize_from_f32_f32, dequantize_from_f64_f32, dequantize_from_i64_f32,
                    dequantize_from_u8_f32},
                   {dequantize_from_f32_f64, dequantize_from_f64_f64, dequantize_from_i64_f64,
                    dequantize_from_u8_f64}},
    .sum_squares = {sum_squares_f32, sum_squares_f64},
    .sum_square_differences = {sum_square_differences_f32, sum_square_differences_f64},
    .adam = {adam_f32, adam_f64},
    .sgd = {sgd_f32, sgd_f64},
};
