/* The vector code of reductions and softmaxes. Compiled once for each instruction set, as
 * cpu_loops.c is. A contiguous run is looked at as rows of lanes, so that runs and columns are
 * walked by the same loops, in which a result waits for no other. */
#include "tensor/cpu/cpu_fold_internal.h"

#include <string.h>

#define CHUNK REEL__FOLD_CHUNK
#define BLOCK 4096      /* elements of a run that are read twice, or added up apart */
#define ROWS 32         /* of columns, the same */
#define VAR_COLUMNS 256 /* that var keeps sums of, which take more room than others' */
#define LOG_ROWS 8      /* whose logarithms are taken together */
#define SUM_ROWS 256    /* that are added up together */
#define SEEK_ROWS 128   /* that are counted together */

/* ---- numbers: f32, f64, i64, u8 ---- */

#define BROAD double
#define CELL real
#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))
#define IS_NAN(x) ((x) != (x))
#define UNORDERED(x, y) __builtin_isunordered(x, y)
#define NO_NUMBER __builtin_nanf("")

#define NUMBER float
#define F(name) name##_f32
#define INDEX int32_t
#define BITS uint32_t
#define MAGNITUDE 0x7fffffffu
#include "tensor/cpu/cpu_folds_number_internal.h"

#define NUMBER double
#define F(name) name##_f64
#define INDEX int64_t
#define BITS uint64_t
#define MAGNITUDE 0x7fffffffffffffffu
#include "tensor/cpu/cpu_folds_number_internal.h"

#undef BROAD
#undef CELL
#undef ADD
#undef MULTIPLY
#undef IS_NAN
#undef UNORDERED
#undef NO_NUMBER

/* Integers wrap around. */
#define BROAD int64_t
#define CELL whole
#define ADD(a, b) ((int64_t)((uint64_t)(a) + (uint64_t)(b)))
#define MULTIPLY(a, b) ((int64_t)((uint64_t)(a) * (uint64_t)(b)))
#define IS_NAN(x) 0
#define UNORDERED(x, y) 0
#define NO_NUMBER 0

#define NUMBER int64_t
#define F(name) name##_i64
#define INDEX int64_t
#define BITS uint64_t
#define MAGNITUDE 0xffffffffffffffffu
#include "tensor/cpu/cpu_folds_number_internal.h"

#define NUMBER uint8_t
#define F(name) name##_u8
#define INDEX uint8_t
#define BITS uint8_t
#define MAGNITUDE 0xffu
#include "tensor/cpu/cpu_folds_number_internal.h"

#undef IS_NAN
#undef UNORDERED
#undef NO_NUMBER

/* ---- floats alone ---- */

#define WIDE(name) name##_f64
#define REAL double
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#include "tensor/scalar.h"
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT

#define REAL float
#define R(name) name##_f32
#define REEL_REAL_IS_F64 0
#define SQRT __builtin_sqrtf
#include "tensor/scalar.h"
#undef REAL
#undef R
#undef REEL_REAL_IS_F64
#undef SQRT

/* Mean and sum of squares of `of` numbers become those of n more with them: Chan, Golub and
 * LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979). */
INLINE void join_moments(double *mean, double *squares, double of, double more_mean,
                         double more_squares, double n) {
    const double apart = more_mean - *mean, share = n / (of + n);
    *mean += apart * share;
    *squares += more_squares + apart * (apart * (of * share)); /* of may be 0, apart large */
    *mean = *squares == __builtin_inf() ? 0 : *mean;           /* it does not matter any more */
}

/* A sum of squares over a scale, and one more over another: over the greater of the two, but for
 * that of nothing. */
INLINE void join_squares(double *sum, double *scale, double more, double by) {
    if (more == 0 || (*sum != 0 && by < *scale)) {
        const double less = by / *scale;
        *sum += more * less * less;
    } else {
        const double less = *sum != 0 ? *scale / by : 0;
        *sum = *sum * less * less + more;
        *scale = by;
    }
}

/* What e^(x - a) is to be multiplied by when the greatest has become b: 1 where a is b, since of
 * two infinities there is no difference. */
INLINE double fade(double a, double b) {
    const double e = exp_f64(a - b);
    return a == b ? 1 : e;
}

INLINE void join_exponentials(double *most, double *sum, double more_most, double more_sum) {
    const double a = *most, b = more_most;
    const double top = ((b > a) | (b != b)) ? b : a;
    *sum = REEL__FUSED_F64(*sum, fade(a, top), more_sum * fade(b, top));
    *most = top;
}

#define REAL float
#define R(name) name##_f32
#define SQRT __builtin_sqrtf
#define REEL_REAL_IS_F64 0
#include "tensor/cpu/cpu_folds_real_internal.h"
#undef REEL_REAL_IS_F64
#undef REAL
#undef R
#undef SQRT

#define REAL double
#define R(name) name##_f64
#define SQRT __builtin_sqrt
#define REEL_REAL_IS_F64 1
#include "tensor/cpu/cpu_folds_real_internal.h"
#undef REEL_REAL_IS_F64

/* ---- parts that come together ---- */

/* Of the parts' best values the first best one, whose position lies in the other cell. */
INLINE void take_position(reel__tally to, const reel__slab *s, reel__cells b) {
    for (int64_t j = 0; j < s->columns; j++) to.b.whole[j] = b.whole[to.b.whole[j] * s->stride + j];
}
static void argmax_join_real(reel__tally to, const reel__slab *s, reel__cells b, double each,
                             double all) {
    (void)each, (void)all;
    argmax_columns_f64(to, s);
    take_position(to, s, b);
}
static void argmin_join_real(reel__tally to, const reel__slab *s, reel__cells b, double each,
                             double all) {
    (void)each, (void)all;
    argmin_columns_f64(to, s);
    take_position(to, s, b);
}
static void argmax_join_whole(reel__tally to, const reel__slab *s, reel__cells b, double each,
                              double all) {
    (void)each, (void)all;
    argmax_columns_i64(to, s);
    take_position(to, s, b);
}
static void argmin_join_whole(reel__tally to, const reel__slab *s, reel__cells b, double each,
                              double all) {
    (void)each, (void)all;
    argmin_columns_i64(to, s);
    take_position(to, s, b);
}

static void var_join(reel__tally to, const reel__slab *s, reel__cells b, double each, double all) {
    const double *a = s->x;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            const double before = each * (double)i, left = all - before;
            const int64_t from = i * s->stride + j;
            if (i == 0) to.a.real[j] = to.b.real[j] = 0;
            join_moments(&to.a.real[j], &to.b.real[j], before, a[from], b.real[from],
                         left < each ? left : each);
        }
}

static void norm_join(reel__tally to, const reel__slab *s, reel__cells b, double each, double all) {
    (void)each, (void)all;
    const double *a = s->x;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            const int64_t from = i * s->stride + j;
            if (i == 0) to.a.real[j] = 0, to.b.real[j] = 1;
            join_squares(&to.a.real[j], &to.b.real[j], a[from], b.real[from]);
        }
}

static void logsumexp_join(reel__tally to, const reel__slab *s, reel__cells b, double each,
                           double all) {
    (void)each, (void)all;
    const double *a = s->x;
    for (int64_t j = 0; j < s->columns; j++) {
        to.a.real[j] = a[j];
        to.b.real[j] = b.real[j];
    }
    for (int64_t i = 1; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++)
            join_exponentials(&to.a.real[j], &to.b.real[j], a[i * s->stride + j],
                              b.real[i * s->stride + j]);
}

/* ---- the table ---- */

static void end_position(void *out, reel__tally t, int64_t n, double divisor) {
    (void)divisor;
    memcpy(out, t.b.whole, (size_t)n * sizeof(int64_t));
}

static void end_truth(void *out, reel__tally t, int64_t n, double divisor) {
    (void)divisor;
    uint8_t *y = out;
    for (int64_t i = 0; i < n; i++) y[i] = (uint8_t)t.a.whole[i];
}

#define ENTRY(name, type, join, end)                                                               \
    { name##_run_##type, name##_columns_##type, join, end }
/* max: the same for every dtype but for what is left of floats and of integers */
#define NUMBERS(name, real_join, whole_join, end)                                                  \
    {                                                                                              \
        ENTRY(name, f32, real_join, end), ENTRY(name, f64, real_join, end),                        \
            ENTRY(name, i64, whole_join, end), ENTRY(name, u8, whole_join, end)                    \
    }
#define FLOATS(name, join, end)                                                                    \
    { ENTRY(name, f32, join, end##_f32), ENTRY(name, f64, join, end##_f64) }
#define PICKS(name)                                                                                \
    {                                                                                              \
        ENTRY(name, f32, NULL, end_number_f32), ENTRY(name, f64, NULL, end_number_f64),            \
            ENTRY(name, i64, NULL, end_number_i64), ENTRY(name, u8, NULL, end_number_u8)           \
    }

#define NAME_(set) reel__folds_##set
#define NAME(set) NAME_(set)

const reel__folds NAME(REEL_SIMD) = {
    .fold =
        {
            [REEL_OP_sum] = {ENTRY(sum, f32, NULL, end_quotient_f32),
                             ENTRY(sum, f64, NULL, end_quotient_f64),
                             ENTRY(whole_sum, i64, NULL, end_number_i64),
                             ENTRY(whole_sum, u8, NULL, end_number_i64)},
            [REEL_OP_mean] = FLOATS(sum, NULL, end_quotient),
            [REEL_OP_prod] = {ENTRY(prod, f32, NULL, end_quotient_f32),
                              ENTRY(prod, f64, NULL, end_quotient_f64),
                              ENTRY(prod, i64, NULL, end_number_i64),
                              ENTRY(prod, u8, NULL, end_number_i64)},
            [REEL_OP_max] = PICKS(max),
            [REEL_OP_min] = PICKS(min),
            [REEL_OP_argmax] = NUMBERS(argmax, argmax_join_real, argmax_join_whole, end_position),
            [REEL_OP_argmin] = NUMBERS(argmin, argmin_join_real, argmin_join_whole, end_position),
            [REEL_OP_any] = NUMBERS(any, NULL, NULL, end_truth),
            [REEL_OP_all] = NUMBERS(all, NULL, NULL, end_truth),
            [REEL_OP_var] = FLOATS(var, var_join, end_var),
            [REEL_OP_std] = FLOATS(var, var_join, end_std),
            [REEL_OP_norm] = FLOATS(norm, norm_join, end_norm),
            [REEL_OP_logsumexp] = FLOATS(logsumexp, logsumexp_join, end_logsumexp),
        },
    .softmax = {{softmax_rows_f32, softmax_columns_f32}, {softmax_rows_f64, softmax_columns_f64}},
    .log_softmax = {{log_softmax_rows_f32, log_softmax_columns_f32},
                    {log_softmax_rows_f64, log_softmax_columns_f64}},
};
