/* The vector code of the fold of exponentials and of softmaxes. Compiled once for each instruction
 * set, as cpu_folds.c is. */
#include "tensor/cpu/loops/cpu_fold_internal.h"

#include <string.h>

#define CHUNK REEL__FOLD_CHUNK
#define BLOCK 4096 /* elements of a run that are read twice, or added up apart */
#define ROWS 32    /* of columns, the same */
#define LOG_ROWS 8 /* whose logarithms are taken together */

#include "tensor/cpu/loops/cpu_formulas_internal.h"

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
#include "tensor/cpu/loops/cpu_folds_walk_internal.h"

#include "tensor/cpu/loops/cpu_folds_sum_internal.h"

#include "tensor/cpu/loops/cpu_exponentials_real_internal.h"
#undef LANES
#undef WIDE_LANES
#undef NUMBER
#undef REAL
#undef F
#undef R
#undef REEL_REAL_IS_F64

#define NUMBER double
#define REAL double
#define F(name) name##_f64
#define R(name) name##_f64
#define REEL_REAL_IS_F64 1
#include "tensor/cpu/loops/cpu_folds_walk_internal.h"

#include "tensor/cpu/loops/cpu_folds_sum_internal.h"

#include "tensor/cpu/loops/cpu_exponentials_real_internal.h"

/* ---- parts that come together ---- */

static void exponentials_join(reel__tally to, const reel__slab *s, reel__cells b, double each,
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

#define NAME_(set) reel__exponentials_##set
#define NAME(set) NAME_(set)

const reel__exponentials NAME(REEL_SIMD) = {
    .fold = {{exponentials_run_f32, exponentials_columns_f32, exponentials_join},
             {exponentials_run_f64, exponentials_columns_f64, exponentials_join}},
    .softmax = {{softmax_rows_f32, softmax_columns_f32}, {softmax_rows_f64, softmax_columns_f64}},
    .log_softmax = {{log_softmax_rows_f32, log_softmax_columns_f32},
                    {log_softmax_rows_f64, log_softmax_columns_f64}},
};
