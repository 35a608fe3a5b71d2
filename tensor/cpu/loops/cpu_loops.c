/* The vector code of the CPU. Compiled once for each instruction set (REEL_SIMD: plain, avx2,
 * avx512), each time with that set's flags; reel__cpu_loops picks one at run time. Plain C: the
 * compiler makes vectors of it. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/formulas/half_internal.h"

#include <math.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define WIDE(name) name##_f64

/* Of the set:
 * WIDE_BYTES of a vector,
 * GEMM_ROWS of a product's tile, of GEMM_VECTORS each,
 * GEMM_PANEL the most bytes of a copied part of y, which is to stay near, and
 * GEMM_FEW the most rows of x for which y is not copied. */
#if defined(__AVX512F__)
#define WIDE_BYTES 64
#define GEMM_ROWS 8
#define GEMM_PANEL 49152
#define GEMM_FEW 96
#elif defined(__AVX2__)
#define WIDE_BYTES 32
#define GEMM_ROWS 4
#define GEMM_PANEL 24576
#define GEMM_FEW 16
#elif defined(__aarch64__)
#define WIDE_BYTES 16
#define GEMM_ROWS 8
#define GEMM_PANEL 24576
#define GEMM_FEW 16
#else
#define WIDE_BYTES 16
#define GEMM_ROWS 4
#define GEMM_PANEL 24576
#define GEMM_FEW 16
#endif
#define GEMM_VECTORS 3

/* The operands of a row's formula, by its number of inputs. */
#define TAKE_1 x
#define TAKE_2 x, y
#define TAKE_3 x, y, z

/* ---- operands that do not lie together: a part at a time is brought together, for one loop ----
 */

#define PART 256

/* Elements of any type of so many bytes. */
typedef uint16_t __attribute__((may_alias)) bytes_2;
typedef uint32_t __attribute__((may_alias)) bytes_4;
typedef uint64_t __attribute__((may_alias)) bytes_8;

static void gather(void *to, const void *from, int64_t stride, int64_t n, size_t size) {
#define GATHER(type)                                                                               \
    for (int64_t i = 0; i < n; i++) ((type *)to)[i] = ((const type *)from)[i * stride]
    if (size == 4)
        GATHER(bytes_4);
    else if (size == 8)
        GATHER(bytes_8);
    else if (size == 2)
        GATHER(bytes_2);
    else
        GATHER(uint8_t);
}

static void scatter(void *to, int64_t stride, const void *from, int64_t n, size_t size) {
#define SCATTER(type)                                                                              \
    for (int64_t i = 0; i < n; i++) ((type *)to)[i * stride] = ((const type *)from)[i]
    if (size == 4)
        SCATTER(bytes_4);
    else if (size == 8)
        SCATTER(bytes_8);
    else if (size == 2)
        SCATTER(bytes_2);
    else
        SCATTER(uint8_t);
}

/* r of elements of `size` bytes, results of `out_size`, by a loop over those that lie together. */
static void by_parts(const reel__run *r, int inputs, size_t size, size_t out_size,
                     reel__loop loop) {
    _Alignas(64) char x[3][PART * 8], y[PART * 8];
    reel__run part = *r;
    part.out_stride = 1;
    for (int64_t i = 0; i < r->n; i += PART) {
        part.n = r->n - i < PART ? r->n - i : PART;
        for (int k = 0; k < inputs; k++) {
            const int64_t stride = r->in_stride[k];
            const char *from = (const char *)r->in[k] + i * stride * (int64_t)size;
            part.in_stride[k] = 1;
            part.in[k] = stride == 1 ? from : x[k];
            if (stride > 1 || stride < 0 || (stride == 0 && i == 0))
                gather(x[k], from, stride, part.n, size);
        }
        char *to = (char *)r->out + i * r->out_stride * (int64_t)out_size;
        part.out = r->out_stride == 1 ? to : y;
        loop(&part);
        if (r->out_stride != 1) scatter(to, r->out_stride, y, part.n, out_size);
    }
}

INLINE bool is_together(const reel__run *r, int inputs) {
    bool yes = r->out_stride == 1;
    for (int k = 0; k < inputs; k++) yes = yes && r->in_stride[k] == 1;
    return yes;
}

/* The same, but for a second operand that is one element for all. */
INLINE bool has_one_second(const reel__run *r, int inputs) {
    return inputs == 2 && r->out_stride == 1 && r->in_stride[0] == 1 && r->in_stride[1] == 0;
}

#define REAL double
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#if defined(__AVX512F__)
#define MASK_WORD __mmask8
#define MASK_VECTOR __m512d
#define MASKED_LOAD _mm512_maskz_loadu_pd
#define MASKED_STORE _mm512_mask_storeu_pd
#elif defined(__AVX2__)
#define MASK_WORD int64_t
#define MASK_VECTOR __m256d
#define MASKED_LOAD _mm256_maskload_pd
#define MASKED_STORE _mm256_maskstore_pd
#endif
#include "tensor/cpu/loops/cpu_loops_real_internal.h"
#include "tensor/cpu/loops/cpu_loops_update_internal.h"

#include "tensor/cpu/loops/cpu_loops_part_internal.h"

#include "tensor/cpu/loops/cpu_loops_gemm_internal.h"
#include "tensor/cpu/loops/cpu_loops_taps_internal.h"
#undef MASK_WORD
#undef MASK_VECTOR
#undef MASKED_LOAD
#undef MASKED_STORE
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT

#define REAL float
#define R(name) name##_f32
#define REEL_REAL_IS_F64 0
#define SQRT __builtin_sqrtf
#if defined(__AVX512F__)
#define MASK_WORD __mmask16
#define MASK_VECTOR __m512
#define MASKED_LOAD _mm512_maskz_loadu_ps
#define MASKED_STORE _mm512_mask_storeu_ps
#elif defined(__AVX2__)
#define MASK_WORD int32_t
#define MASK_VECTOR __m256
#define MASKED_LOAD _mm256_maskload_ps
#define MASKED_STORE _mm256_maskstore_ps
#endif
#include "tensor/cpu/loops/cpu_loops_real_internal.h"
#include "tensor/cpu/loops/cpu_loops_update_internal.h"

#include "tensor/cpu/loops/cpu_loops_part_internal.h"

#include "tensor/cpu/loops/cpu_loops_gemm_internal.h"
#include "tensor/cpu/loops/cpu_loops_taps_internal.h"
#include "tensor/cpu/loops/cpu_loops_winograd_internal.h"

#define INTEGER int64_t
#define UNSIGNED uint64_t
#define I(name) name##_i64
#include "tensor/cpu/loops/cpu_loops_int_internal.h"
#undef INTEGER
#undef UNSIGNED
#undef I

#define INTEGER uint8_t
#define UNSIGNED uint8_t
#define I(name) name##_u8
#include "tensor/cpu/loops/cpu_loops_int_internal.h"

/* Float to integer truncates; beyond the integer's range lies its nearest bound, and NaN is 0. */
INLINE int64_t whole_of(double x) {
    const int64_t beyond = x > 0 ? INT64_MAX : x < 0 ? INT64_MIN : 0;
    return __builtin_fabs(x) < 0x1p63 ? (int64_t)x : beyond;
}

INLINE uint8_t byte_of(double x) {
    const double low = x > 0 ? x : 0;
    return (uint8_t)(int32_t)(low > 255 ? 255 : low);
}

#define FROM float
#define F(name) f32_to_##name
#define REAL_OF(x) (x)
#define WHOLE_OF(x) whole_of((double)(x))
#define BYTE_OF(x) byte_of((double)(x))
#define F16_OF(x) reel__f16_from_f32(x)
#define BF16_OF(x) reel__bf16_from_f32(x)
#include "tensor/cpu/loops/cpu_loops_cast_internal.h"
#define FROM double
#define F(name) f64_to_##name
#define REAL_OF(x) (x)
#define WHOLE_OF(x) whole_of(x)
#define BYTE_OF(x) byte_of(x)
#define F16_OF(x) reel__f16_from_f64(x)
#define BF16_OF(x) reel__bf16_from_f64(x)
#include "tensor/cpu/loops/cpu_loops_cast_internal.h"
#define FROM int64_t
#define F(name) i64_to_##name
#define REAL_OF(x) (x)
#define WHOLE_OF(x) (x)
#define BYTE_OF(x) (uint8_t)((x) < 0 ? 0 : (x) > 255 ? 255 : (x))
#define F16_OF(x) reel__f16_from_f64(reel__f64_like_i64(x))
#define BF16_OF(x) reel__bf16_from_f64(reel__f64_like_i64(x))
#include "tensor/cpu/loops/cpu_loops_cast_internal.h"
#define FROM uint8_t
#define F(name) u8_to_##name
#define REAL_OF(x) (x)
#define WHOLE_OF(x) (x)
#define BYTE_OF(x) (x)
#define F16_OF(x) reel__f16_from_f32((float)(x))
#define BF16_OF(x) reel__bf16_from_f32((float)(x))
#include "tensor/cpu/loops/cpu_loops_cast_internal.h"
#define FROM uint16_t
#define F(name) f16_to_##name
#define REAL_OF(x) reel__f32_from_f16(x)
#define WHOLE_OF(x) whole_of((double)reel__f32_from_f16(x))
#define BYTE_OF(x) byte_of((double)reel__f32_from_f16(x))
#define F16_OF(x) reel__f16_from_f32(reel__f32_from_f16(x))
#define BF16_OF(x) reel__bf16_from_f32(reel__f32_from_f16(x))
#include "tensor/cpu/loops/cpu_loops_cast_internal.h"
#define FROM uint16_t
#define F(name) bf16_to_##name
#define REAL_OF(x) reel__f32_from_bf16(x)
#define WHOLE_OF(x) whole_of((double)reel__f32_from_bf16(x))
#define BYTE_OF(x) byte_of((double)reel__f32_from_bf16(x))
#define F16_OF(x) reel__f16_from_f32(reel__f32_from_bf16(x))
#define BF16_OF(x) reel__bf16_from_f32(reel__f32_from_bf16(x))
#include "tensor/cpu/loops/cpu_loops_cast_internal.h"

#define WORD uint8_t
#define W(name) name##_1
#include "tensor/cpu/loops/cpu_loops_word_internal.h"
#undef WORD
#undef W
#define WORD uint16_t
#define W(name) name##_2
#include "tensor/cpu/loops/cpu_loops_word_internal.h"
#undef WORD
#undef W
#define WORD uint32_t
#define W(name) name##_4
#include "tensor/cpu/loops/cpu_loops_word_internal.h"
#undef WORD
#undef W
#define WORD uint64_t
#define W(name) name##_8
#include "tensor/cpu/loops/cpu_loops_word_internal.h"

/* ---- indices ---- */

/* Else the highest bit of one, or of its distance from the last, is set. */
static bool indices_fit(const int64_t *index, int64_t n, int64_t size) {
    const uint64_t last = (uint64_t)size - 1;
    uint64_t wrong = 0;
#pragma omp simd reduction(| : wrong)
    for (int64_t i = 0; i < n; i++) wrong |= (uint64_t)index[i] | (last - (uint64_t)index[i]);
    return wrong >> 63 == 0;
}

#define LOOPS_FLOAT(name) loop_##name##_f32, loop_##name##_f64
#define LOOPS_NUMBER(name) LOOPS_FLOAT(name), loop_##name##_i64, loop_##name##_u8

#define NAME_(set) reel__loops_##set
#define NAME(set) NAME_(set)
#define TEXT_(set) #set
#define TEXT(set) TEXT_(set)

const reel__loops NAME(REEL_SIMD) = {
    .name = TEXT(REEL_SIMD),
    .map =
        {
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    [REEL_OP_##name] = {LOOPS_##dtypes(name)},
#include "tensor/ops/ops_map.def"
        },
    .cast =
        {
            {f32_to_f32, f32_to_f64, f32_to_i64, f32_to_u8, f32_to_f16, f32_to_bf16},
            {f64_to_f32, f64_to_f64, f64_to_i64, f64_to_u8, f64_to_f16, f64_to_bf16},
            {i64_to_f32, i64_to_f64, i64_to_i64, i64_to_u8, i64_to_f16, i64_to_bf16},
            {u8_to_f32, u8_to_f64, u8_to_i64, u8_to_u8, u8_to_f16, u8_to_bf16},
            {f16_to_f32, f16_to_f64, f16_to_i64, f16_to_u8, f16_to_f16, f16_to_bf16},
            {bf16_to_f32, bf16_to_f64, bf16_to_i64, bf16_to_u8, bf16_to_f16, bf16_to_bf16},
        },
    .dequantize = {{f32_to_scaled_f32, f64_to_scaled_f32, i64_to_scaled_f32, u8_to_scaled_f32,
                    f16_to_scaled_f32, bf16_to_scaled_f32},
                   {f32_to_scaled_f64, f64_to_scaled_f64, i64_to_scaled_f64, u8_to_scaled_f64,
                    f16_to_scaled_f64, bf16_to_scaled_f64}},
    .fill = {[1] = fill_1, [2] = fill_2, [4] = fill_4, [8] = fill_8},
    .where = {[1] = where_1, [2] = where_2, [4] = where_4, [8] = where_8},
    .sum_squares = {sum_squares_f32, sum_squares_f64},
    .indices_fit = indices_fit,
    .gemm = {gemm_f32, gemm_f64},
    .multiplies_large = WIDE_BYTES == 64,
    .taps = {taps_f32, taps_f64},
    .dot_taps = {dot_taps_f32, dot_taps_f64},
    .winograd = {winograd_patch_f32, winograd_result_f32, winograd_spread_f32, winograd_kernel_f32,
                 winograd_weight_f32, winograd_row_f32},
    .update =
        {
#define REEL_UPDATE(name, first, second, third, carried)                                           \
    [REEL_OP_##name] = {update_##name##_f32, update_##name##_f64},
#include "tensor/ops/ops_update.def"
        },
};
