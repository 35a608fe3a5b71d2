/* The vector code of reductions, but for exponentials (cpu_exponentials.c). Compiled once for each
 * instruction set, as cpu_loops.c is. A fold is written once for all rows of ops_reduce.def that
 * name it; what a row maps lies in memory before it is folded. */
#include "tensor/cpu/loops/cpu_fold_internal.h"

#include <string.h>

#define CHUNK REEL__FOLD_CHUNK
#define BLOCK 4096         /* elements of a run that are read twice, or added up apart */
#define ROWS 32            /* of columns, the same */
#define MOMENT_COLUMNS 256 /* that moments keep sums of, which take more room than others' */
#define SUM_ROWS 256       /* that are added up together */
#define SEEK_ROWS 128      /* that are counted together */

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

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

/* ---- floats ---- */

#include "tensor/cpu/loops/cpu_formulas_internal.h"

#define BROAD double
#define CELL real
#define ADD(a, b) ((a) + (b))
#define MULTIPLY(a, b) ((a) * (b))
#define IS_NAN(x) ((x) != (x))
#define UNORDERED(x, y) __builtin_isunordered(x, y)
#define NO_NUMBER __builtin_nanf("")

#define NUMBER float
#define REAL float
#define F(name) name##_f32
#define R(name) name##_f32
#define REEL_REAL_IS_F64 0
#define INDEX int32_t
#define BITS uint32_t
#define MAGNITUDE 0x7fffffffu
#include "tensor/cpu/loops/cpu_folds_walk_internal.h"

#include "tensor/cpu/loops/cpu_folds_number_internal.h"

#include "tensor/cpu/loops/cpu_folds_sum_internal.h"

#include "tensor/cpu/loops/cpu_folds_real_internal.h"
#undef LANES
#undef WIDE_LANES
#undef NUMBER
#undef F
#undef INDEX
#undef BITS
#undef MAGNITUDE
#undef REAL
#undef R
#undef REEL_REAL_IS_F64

#define NUMBER double
#define REAL double
#define F(name) name##_f64
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#define INDEX int64_t
#define BITS uint64_t
#define MAGNITUDE 0x7fffffffffffffffu
#include "tensor/cpu/loops/cpu_folds_walk_internal.h"

#include "tensor/cpu/loops/cpu_folds_number_internal.h"

#include "tensor/cpu/loops/cpu_folds_sum_internal.h"

#include "tensor/cpu/loops/cpu_folds_real_internal.h"
#undef LANES
#undef WIDE_LANES
#undef NUMBER
#undef F
#undef INDEX
#undef BITS
#undef MAGNITUDE
#undef REAL
#undef R
#undef REEL_REAL_IS_F64

#undef BROAD
#undef CELL
#undef ADD
#undef MULTIPLY
#undef IS_NAN
#undef UNORDERED
#undef NO_NUMBER

/* ---- integers, which wrap around ---- */

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
#include "tensor/cpu/loops/cpu_folds_walk_internal.h"

#include "tensor/cpu/loops/cpu_folds_number_internal.h"
#undef LANES
#undef WIDE_LANES
#undef NUMBER
#undef F
#undef INDEX
#undef BITS
#undef MAGNITUDE

#define NUMBER uint8_t
#define F(name) name##_u8
#define INDEX uint8_t
#define BITS uint8_t
#define MAGNITUDE 0xffu
#include "tensor/cpu/loops/cpu_folds_walk_internal.h"

#include "tensor/cpu/loops/cpu_folds_number_internal.h"
#undef LANES
#undef WIDE_LANES
#undef NUMBER
#undef F
#undef INDEX
#undef BITS
#undef MAGNITUDE

/* ---- parts that come together ---- */

/* Of the parts' best values the first best one, whose position lies in the other cell. */
INLINE void take_position(reel__tally to, const reel__slab *s, reel__cells b) {
    for (int64_t j = 0; j < s->columns; j++) to.b.whole[j] = b.whole[to.b.whole[j] * s->stride + j];
}
static void first_greatest_join_real(reel__tally to, const reel__slab *s, reel__cells b,
                                     double each, double all) {
    (void)each, (void)all;
    first_greatest_columns_f64(to, s);
    take_position(to, s, b);
}
static void first_least_join_real(reel__tally to, const reel__slab *s, reel__cells b, double each,
                                  double all) {
    (void)each, (void)all;
    first_least_columns_f64(to, s);
    take_position(to, s, b);
}
static void first_greatest_join_whole(reel__tally to, const reel__slab *s, reel__cells b,
                                      double each, double all) {
    (void)each, (void)all;
    first_greatest_columns_i64(to, s);
    take_position(to, s, b);
}
static void first_least_join_whole(reel__tally to, const reel__slab *s, reel__cells b, double each,
                                   double all) {
    (void)each, (void)all;
    first_least_columns_i64(to, s);
    take_position(to, s, b);
}

static void moments_join(reel__tally to, const reel__slab *s, reel__cells b, double each,
                         double all) {
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

static void squares_join(reel__tally to, const reel__slab *s, reel__cells b, double each,
                         double all) {
    (void)each, (void)all;
    const double *a = s->x;
    for (int64_t i = 0; i < s->rows; i++)
        for (int64_t j = 0; j < s->columns; j++) {
            const int64_t from = i * s->stride + j;
            if (i == 0) to.a.real[j] = 0, to.b.real[j] = 1;
            join_squares(&to.a.real[j], &to.b.real[j], a[from], b.real[from]);
        }
}

/* ---- the table ---- */

/* How the folds of floats and of integers come together; NULL: as any numbers are folded. */
#define NUMBERS(name, real_join, whole_join)                                                       \
    {                                                                                              \
        {name##_run_f32, name##_columns_f32, real_join},                                           \
            {name##_run_f64, name##_columns_f64, real_join},                                       \
            {name##_run_i64, name##_columns_i64, whole_join}, {                                    \
            name##_run_u8, name##_columns_u8, whole_join                                           \
        }                                                                                          \
    }
#define FLOATS(name, join)                                                                         \
    {                                                                                              \
        {name##_run_f32, name##_columns_f32, join}, {                                              \
            name##_run_f64, name##_columns_f64, join                                               \
        }                                                                                          \
    }

/* What a row maps and ends by: a map is of floats. */
#define MAPS_0_FLOAT(name)                                                                         \
    { map_of_##name##_f32, map_of_##name##_f64 }
#define MAPS_1_FLOAT(name)                                                                         \
    { NULL }
#define MAPS_1_NUMBER(name)                                                                        \
    { NULL }
#define SUMS_0(name) sum_of_##name##_f32, sum_of_##name##_f64
#define SUMS_1(name) NULL
#define APARTS_0(name) apart_of_##name
#define APARTS_1(name) NULL
#define MAPS(same, dtypes, name) JOIN(JOIN(MAPS_, same), _##dtypes)(name)

#define NAME_(set) reel__folds_##set
#define NAME(set) NAME_(set)

const reel__folds NAME(REEL_SIMD) = {
    .fold =
        {
            [REEL__FOLD_sum] = {{sum_run_f32, sum_columns_f32, NULL},
                                {sum_run_f64, sum_columns_f64, NULL},
                                {whole_sum_run_i64, whole_sum_columns_i64, NULL},
                                {whole_sum_run_u8, whole_sum_columns_u8, NULL}},
            [REEL__FOLD_product] = NUMBERS(product, NULL, NULL),
            [REEL__FOLD_greatest] = NUMBERS(greatest, NULL, NULL),
            [REEL__FOLD_least] = NUMBERS(least, NULL, NULL),
            [REEL__FOLD_first_greatest] = NUMBERS(first_greatest, first_greatest_join_real,
                                                  first_greatest_join_whole),
            [REEL__FOLD_first_least] = NUMBERS(first_least, first_least_join_real,
                                               first_least_join_whole),
            [REEL__FOLD_any] = NUMBERS(any, NULL, NULL),
            [REEL__FOLD_all] = NUMBERS(all, NULL, NULL),
            [REEL__FOLD_moments] = FLOATS(moments, moments_join),
            [REEL__FOLD_squares] = FLOATS(squares, squares_join),
        },
    .map =
        {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    [REEL_OP_##name] = MAPS(REEL__IS_SAME(map), dtypes, name),
#include "tensor/ops/ops_reduce.def"
        },
    .apart =
        {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    [REEL_OP_##name] = JOIN(APARTS_, REEL__IS_SAME(map))(name),
#include "tensor/ops/ops_reduce.def"
        },
    .sum =
        {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    [REEL_OP_##name] = {JOIN(SUMS_, REEL__IS_SAME(map))(name)},
#include "tensor/ops/ops_reduce.def"
        },
    .end =
        {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    [REEL_OP_##name] = {end_of_##name##_f32, end_of_##name##_f64},
#include "tensor/ops/ops_reduce.def"
        },
};
