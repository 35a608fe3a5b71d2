/* The folds of f32 or f64 alone, and what the rows of ops_reduce.def map and end by: included by
 * cpu_folds.c once per type, after what any number has. */

/* ---- sum: a block in REAL, blocks in f64 ---- */

static void R(sum_run)(reel__tally to, const reel__slab *s) {
    const REAL *x = s->x;
    double sum = 0;
    for (int64_t i = 0; i < s->rows; i += BLOCK)
        sum += R(sum_block)(x + i, reel__least(BLOCK, s->rows - i));
    to.a.real[0] = sum;
}

/* Whether any of n sums is beyond REAL. */
INLINE bool R(has_passed)(const REAL *sum, int64_t n) {
    REAL odd = 0;
#pragma omp simd reduction(+ : odd)
    for (int64_t j = 0; j < n; j++) odd += sum[j] - sum[j];
    return odd != 0;
}

static void R(sum_columns)(reel__tally to, const reel__slab *s) {
    const REAL *x = s->x;
    REAL sum[CHUNK];
    for (int64_t j = 0; j < s->columns; j++) to.a.real[j] = 0;
    for (int64_t i = 0; i < s->rows; i += SUM_ROWS) {
        for (int64_t j = 0; j < s->columns; j++) sum[j] = 0;
        const int64_t rows = reel__least(SUM_ROWS, s->rows - i);
        R(add_rows)(sum, x + i * s->stride, rows, s->columns, s->stride);
        if (!REEL_REAL_IS_F64 && R(has_passed)(sum, s->columns)) {
            R(add_rows_apart)(to.a.real, x + i * s->stride, rows, s->columns, s->stride);
            continue;
        }
#pragma omp simd
        for (int64_t j = 0; j < s->columns; j++) to.a.real[j] += (double)sum[j];
    }
}

/* ---- moments, block by block. The mean is first found in REAL, from differences from the first
 * element, so that of what does not vary nothing is left; what differs from it is then summed in
 * f64 ---- */

/* to[j] += the sum of x[i, j] - first */
INLINE void R(add_differences)(REAL *to, const REAL *x, int64_t rows, int64_t lanes, REAL first) {
    for (int64_t i = 0; i < rows; i++, x += lanes) {
#pragma omp simd
        for (int64_t j = 0; j < lanes; j++) to[j] += x[j] - first;
    }
}

/* The same of x[i, j] - about, and of their squares. */
INLINE void R(add_moments)(double *sum, double *square, const REAL *x, int64_t rows, int64_t lanes,
                           double about) {
    for (int64_t i = 0; i < rows; i++, x += lanes) {
#pragma omp simd
        for (int64_t j = 0; j < lanes; j++) {
            const double d = (double)x[j] - about;
            sum[j] += d;
            square[j] += d * d;
        }
    }
}

/* first + difference, unless that went beyond REAL. */
INLINE double R(nearly)(REAL first, REAL difference) {
    return (double)first + (difference - difference == 0 ? (double)difference : 0);
}

/* Mean and squares about it from what lies `about` it. */
INLINE void R(settle)(double *mean, double *squares, double about, double sum, double square,
                      double n) {
    const double apart = sum / n, rest = square - sum * apart;
    *mean = about + apart;
    *squares = rest < 0 ? 0 : rest;
}

/* Where the sum of squares of n numbers is no number: it is infinite of finite ones, whatever their
 * mean, and else NaN. */
static __attribute__((noinline)) void R(settle_beyond)(double *mean, double *squares, const REAL *x,
                                                       int64_t n, int64_t stride) {
    double odd = 0;
    for (int64_t i = 0; i < n; i++) odd += (double)(x[i * stride] - x[i * stride]);
    *mean = odd;
    *squares = odd == 0 ? __builtin_inf() : odd;
}

/* By 4 LANES, what is left by LANES, and the last few one by one. */
static void R(block_of_run)(double *mean, double *squares, const REAL *x, int64_t n) {
    const int64_t rows = n / (4 * LANES), rest = n / LANES - 4 * rows, few = n % LANES;
    const REAL *middle = x + rows * 4 * LANES, *last = middle + rest * LANES;
    REAL lane[4 * LANES];
    double sum[4 * LANES], square[4 * LANES];
    for (int64_t j = 0; j < 4 * LANES; j++) {
        lane[j] = 0;
        sum[j] = square[j] = 0;
    }
    R(add_differences)(lane, x, rows, 4 * LANES, x[0]);
    R(add_differences)(lane, middle, rest, LANES, x[0]);
    R(add_differences)(lane, last, few, 1, x[0]);
    const REAL difference = R(fold_lanes)(lane, 4 * LANES, R(add_real)) / (REAL)n;
    const double about = R(nearly)(x[0], difference);
    R(add_moments)(sum, square, x, rows, 4 * LANES, about);
    R(add_moments)(sum, square, middle, rest, LANES, about);
    R(add_moments)(sum, square, last, few, 1, about);
    R(settle)
    (mean, squares, about, R(join_lanes)(sum, 4 * LANES, R(add_both)),
     R(join_lanes)(square, 4 * LANES, R(add_both)), (double)n);
    if (!(*squares < __builtin_inf())) R(settle_beyond)(mean, squares, x, n, 1);
}

static void R(moments_run)(reel__tally to, const reel__slab *s) {
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < s->rows; i += BLOCK) {
        const int64_t n = reel__least(BLOCK, s->rows - i);
        double here, more;
        R(block_of_run)(&here, &more, (const REAL *)s->x + i, n);
        join_moments(&mean, &squares, (double)i, here, more, (double)n);
    }
    to.a.real[0] = mean;
    to.b.real[0] = squares;
}

INLINE void R(block_of_columns)(double *mean, double *squares, const REAL *x, int64_t n,
                                int64_t columns, int64_t stride) {
    REAL difference[MOMENT_COLUMNS];
    double about[MOMENT_COLUMNS], sum[MOMENT_COLUMNS];
    for (int64_t j = 0; j < columns; j++) {
        difference[j] = 0;
        sum[j] = squares[j] = 0;
    }
    for (int64_t r = 1; r < n; r++) {
        const REAL *row = x + r * stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) difference[j] += row[j] - x[j];
    }
    for (int64_t j = 0; j < columns; j++) about[j] = R(nearly)(x[j], difference[j] / (REAL)n);
    for (int64_t r = 0; r < n; r++) {
        const REAL *row = x + r * stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) {
            const double d = (double)row[j] - about[j];
            sum[j] += d;
            squares[j] += d * d;
        }
    }
#pragma omp simd
    for (int64_t j = 0; j < columns; j++)
        R(settle)(&mean[j], &squares[j], about[j], sum[j], squares[j], (double)n);
    for (int64_t j = 0; j < columns; j++)
        if (!(squares[j] < __builtin_inf()))
            R(settle_beyond)(&mean[j], &squares[j], x + j, n, stride);
}

INLINE void R(moments_few_columns)(reel__tally to, const REAL *x, int64_t rows, int64_t columns,
                                   int64_t stride) {
    double mean[MOMENT_COLUMNS], squares[MOMENT_COLUMNS];
    for (int64_t j = 0; j < columns; j++) to.a.real[j] = to.b.real[j] = 0;
    for (int64_t i = 0; i < rows; i += ROWS, x += ROWS * stride) {
        const int64_t n = reel__least(ROWS, rows - i);
        R(block_of_columns)(mean, squares, x, n, columns, stride);
        for (int64_t j = 0; j < columns; j++)
            join_moments(&to.a.real[j], &to.b.real[j], (double)i, mean[j], squares[j], (double)n);
    }
}

static void R(moments_columns)(reel__tally to, const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j += MOMENT_COLUMNS) {
        const reel__tally here = {{to.a.real + j}, {to.b.real + j}};
        R(moments_few_columns)
        (here, (const REAL *)s->x + j, s->rows, reel__least(MOMENT_COLUMNS, s->columns - j),
         s->stride);
    }
}

/* ---- squares: their sum in squares in f64, which those of f32 neither pass nor fall below. Of
 * f64, what did is gone through again, less a power of two ---- */

#define SUM_LOW 1e-280 /* above it nothing counts that vanished when it was squared */

INLINE double R(add_square)(double a, REAL x) {
    return a + (double)x * (double)x;
}

/* The sum of squares of n numbers over *scale, where it was `sum` for *scale = 1. */
static __attribute__((noinline)) double R(scaled_squares)(double sum, double *scale, const REAL *x,
                                                          int64_t n, int64_t stride) {
    double top = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        const double size = __builtin_fabs((double)x[i * stride]);
        top = size > top ? size : top;
    }
    if (sum != sum || !(top > 0 && top < __builtin_inf())) return sum;
    *scale = from_bits_f64(bits_f64(top) & (uint64_t)0x7ff << 52);
    for (int64_t i = 0; i < n; i++) {
        const double part = (double)x[i * stride] / *scale;
        squares += part * part;
    }
    return squares;
}

INLINE bool R(is_exact)(double sum) {
    return !REEL_REAL_IS_F64 || (sum >= SUM_LOW && sum < __builtin_inf());
}

static void R(squares_run)(reel__tally to, const reel__slab *s) {
    double sum = 0, scale = 1;
    for (int64_t i = 0; i < s->rows; i += BLOCK) {
        const REAL *x = (const REAL *)s->x + i;
        const int64_t n = reel__least(BLOCK, s->rows - i);
        double here = R(fold_run_wide)(x, n, 0, R(add_square), R(add_both)), by = 1;
        if (!R(is_exact)(here)) here = R(scaled_squares)(here, &by, x, n, 1);
        join_squares(&sum, &scale, here, by);
    }
    to.a.real[0] = sum;
    to.b.real[0] = scale;
}

static void R(squares_columns)(reel__tally to, const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j++) {
        to.a.real[j] = 0;
        to.b.real[j] = 1;
    }
    R(fold_wide)(to.a.real, s->x, s->rows, s->columns, s->stride, R(add_square));
    for (int64_t j = 0; j < s->columns; j++)
        if (!R(is_exact)(to.a.real[j]))
            to.a.real[j] = R(scaled_squares)(to.a.real[j], &to.b.real[j], (const REAL *)s->x + j,
                                             s->rows, s->stride);
}

#undef SUM_LOW

/* ---- maps: out[i] of x[i], y[i], n of them ---- */

typedef REAL (*R(mapped))(REAL x, REAL y, REAL p);

INLINE void R(map)(void *out, const void *x, const void *y, int64_t n, double p, R(mapped) f) {
    REAL *to = out;
    const REAL *first = x, *second = y;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] = f(first[i], second[i], (REAL)p);
}

/* ---- the sum of a mapped run, in one pass: a block in REAL, blocks in f64 ---- */

INLINE double R(sum_mapped_block)(const REAL *x, const REAL *y, int64_t n, REAL p, R(mapped) f) {
    const REAL *end = x + n;
    REAL lane[4 * LANES];
    for (int64_t j = 0; j < 4 * LANES; j++) lane[j] = 0;
    for (int64_t i = n / (4 * LANES); i > 0; i--, x += 4 * LANES, y += 4 * LANES) {
#pragma omp simd
        for (int64_t j = 0; j < 4 * LANES; j++) lane[j] += f(x[j], y[j], p);
    }
    REAL sum = R(fold_lanes)(lane, 4 * LANES, R(add_real));
    for (; x < end; x++, y++) sum += f(*x, *y, p);
    return (double)sum;
}

/* The same in f64, of what passed beyond f32. */
INLINE double R(sum_mapped_apart)(const REAL *x, const REAL *y, int64_t n, double p,
                                  double (*f)(double, double, double)) {
    const REAL *end = x + n;
    double lane[4 * LANES];
    for (int64_t j = 0; j < 4 * LANES; j++) lane[j] = 0;
    for (int64_t i = n / (4 * LANES); i > 0; i--, x += 4 * LANES, y += 4 * LANES) {
#pragma omp simd
        for (int64_t j = 0; j < 4 * LANES; j++) lane[j] += f((double)x[j], (double)y[j], p);
    }
    double sum = R(join_lanes)(lane, 4 * LANES, R(add_both));
    for (; x < end; x++, y++) sum += f((double)*x, (double)*y, p);
    return sum;
}

INLINE double R(sum_mapped)(const void *first, const void *second, int64_t n, double p, R(mapped) f,
                            double (*apart)(double, double, double)) {
    const REAL *x = first, *y = second;
    double sum = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t count = reel__least(BLOCK, n - i);
        double here = R(sum_mapped_block)(x + i, y + i, count, (REAL)p, f);
        if (!REEL_REAL_IS_F64 && __builtin_expect(!reel__is_within(here), 0))
            here = R(sum_mapped_apart)(x + i, y + i, count, p, apart);
        sum += here;
    }
    return sum;
}

#define MAP_0(name, how)                                                                           \
    static void R(map_of_##name)(void *out, const void *x, const void *y, int64_t n, double p) {   \
        R(map)(out, x, y, n, p, R(map_##how));                                                     \
    }                                                                                              \
    static double R(sum_of_##name)(const void *x, const void *y, int64_t n, double p) {            \
        return R(sum_mapped)(x, y, n, p, R(map_##how), map_##how##_f64);                           \
    }
#define MAP_1(name, how)
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    JOIN(MAP_, REEL__IS_SAME(map))(name, map)
#include "tensor/ops/ops_reduce.def"

#if !REEL_REAL_IS_F64
/* The same in f64, of what passed beyond f32. */
INLINE void map_apart(double *to, const float *x, const float *y, int64_t n, double p,
                      double (*f)(double, double, double)) {
#pragma omp simd
    for (int64_t i = 0; i < n; i++) to[i] = f((double)x[i], (double)y[i], p);
}

#define APART_0(name, how)                                                                         \
    static void apart_of_##name(void *out, const void *x, const void *y, int64_t n, double p) {    \
        map_apart(out, x, y, n, p, map_##how##_f64);                                               \
    }
#define APART_1(name, how)
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    JOIN(APART_, REEL__IS_SAME(map))(name, map)
#include "tensor/ops/ops_reduce.def"
#endif

/* ---- ends ---- */

INLINE void R(end)(void *out, reel__tally t, int64_t n, reel__left left, double (*f)(reel__left)) {
    REAL *y = out;
#pragma omp simd
    for (int64_t i = 0; i < n; i++)
        y[i] = (REAL)f((reel__left){t.a.real[i], t.b.real[i], left.count, left.correction, left.p});
}

#define REEL_REDUCE(name, inputs, map, fold, how, dtypes, rule, saves, gradient)                   \
    static void R(end_of_##name)(void *out, reel__tally t, int64_t n, reel__left left) {           \
        R(end)(out, t, n, left, WIDE(end_##how));                                                  \
    }
#include "tensor/ops/ops_reduce.def"
