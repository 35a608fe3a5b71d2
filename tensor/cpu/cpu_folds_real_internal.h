/* Reductions and softmaxes of f32 or f64: included by cpu_folds.c once per type, after what any
 * number has. */

#define LANES ((int64_t)(64 / sizeof(REAL)))
#define LANES_OF_EXP (2 * LANES)

/* clang-format off */
INLINE REAL R(add_real)(REAL a, REAL x) { return a + x; }
/* clang-format on */

/* ---- sum: a block in REAL, blocks in f64 ---- */

/* to[j] += the sum of x[i, j], i < rows. Four rows are added up by themselves, so that a sum waits
 * for one addition of four. */
INLINE void R(add_rows)(REAL *to, const REAL *x, int64_t rows, int64_t columns, int64_t stride) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const REAL *a = x + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] += (a[j] + b[j]) + (c[j] + d[j]);
    }
    for (; i < rows; i++) {
        const REAL *a = x + i * stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] += a[j];
    }
}

/* By so many lanes, what is left by LANES, and the last few one by one. */
INLINE REAL R(sum_by)(int64_t lanes, const REAL *x, int64_t n) {
    const int64_t rows = n / lanes, rest = n % lanes / LANES;
    const REAL *end = x + n;
    REAL lane[4 * LANES];
    for (int64_t j = 0; j < lanes; j++) lane[j] = 0;
    R(add_rows)(lane, x, rows, lanes, lanes);
    x += rows * lanes;
    R(add_rows)(lane, x, rest, LANES, LANES);
    REAL sum = R(fold_lanes)(lane, lanes, R(add_real));
    for (x += rest * LANES; x < end; x++) sum += *x;
    return sum;
}

INLINE double R(add_as_f64)(double a, REAL x) {
    return a + (double)x;
}

/* What passed beyond REAL on the way is added up again in f64. */
static double R(sum_block)(const REAL *x, int64_t n) {
    const REAL sum = n >= 16 * LANES ? R(sum_by)(4 * LANES, x, n) : R(sum_by)(LANES, x, n);
    if (REEL_REAL_IS_F64 || sum - sum == 0) return (double)sum;
    return R(fold_run_wide)(x, n, 0, R(add_as_f64), R(add_both));
}

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
            R(fold_wide)
            (to.a.real, x + i * s->stride, rows, s->columns, s->stride, R(add_as_f64));
            continue;
        }
#pragma omp simd
        for (int64_t j = 0; j < s->columns; j++) to.a.real[j] += (double)sum[j];
    }
}

/* Of mean; of sum and prod, where the divisor is 1. */
static void R(end_quotient)(void *out, reel__tally t, int64_t n, double divisor) {
    REAL *y = out;
    for (int64_t i = 0; i < n; i++) y[i] = (REAL)(t.a.real[i] / divisor);
}

/* ---- var, block by block. The mean is first found in REAL, from differences from the first
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

static void R(var_run)(reel__tally to, const reel__slab *s) {
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
    REAL difference[VAR_COLUMNS];
    double about[VAR_COLUMNS], sum[VAR_COLUMNS];
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

INLINE void R(var_few_columns)(reel__tally to, const REAL *x, int64_t rows, int64_t columns,
                               int64_t stride) {
    double mean[VAR_COLUMNS], squares[VAR_COLUMNS];
    for (int64_t j = 0; j < columns; j++) to.a.real[j] = to.b.real[j] = 0;
    for (int64_t i = 0; i < rows; i += ROWS, x += ROWS * stride) {
        const int64_t n = reel__least(ROWS, rows - i);
        R(block_of_columns)(mean, squares, x, n, columns, stride);
        for (int64_t j = 0; j < columns; j++)
            join_moments(&to.a.real[j], &to.b.real[j], (double)i, mean[j], squares[j], (double)n);
    }
}

static void R(var_columns)(reel__tally to, const reel__slab *s) {
    for (int64_t j = 0; j < s->columns; j += VAR_COLUMNS) {
        const reel__tally here = {{to.a.real + j}, {to.b.real + j}};
        R(var_few_columns)
        (here, (const REAL *)s->x + j, s->rows, reel__least(VAR_COLUMNS, s->columns - j),
         s->stride);
    }
}

static void R(end_var)(void *out, reel__tally t, int64_t n, double divisor) {
    REAL *y = out;
    for (int64_t i = 0; i < n; i++) y[i] = (REAL)(t.b.real[i] / divisor);
}

static void R(end_std)(void *out, reel__tally t, int64_t n, double divisor) {
    REAL *y = out;
    for (int64_t i = 0; i < n; i++) y[i] = (REAL)__builtin_sqrt(t.b.real[i] / divisor);
}

/* ---- norm: a sum of squares in f64, which those of f32 neither pass nor fall below. Of f64, what
 * did is gone through again, less a power of two ---- */

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

static void R(norm_run)(reel__tally to, const reel__slab *s) {
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

static void R(norm_columns)(reel__tally to, const reel__slab *s) {
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

static void R(end_norm)(void *out, reel__tally t, int64_t n, double divisor) {
    (void)divisor;
    REAL *y = out;
    for (int64_t i = 0; i < n; i++) y[i] = (REAL)(t.b.real[i] * __builtin_sqrt(t.a.real[i]));
}

#undef SUM_LOW

/* ---- logsumexp: of each block the greatest, then the exponentials below it ---- */

/* What is taken off before e^x: 0 for what is not finite, from which nothing can be taken. */
INLINE REAL R(finite)(REAL x) {
    return x - x == 0 ? x : 0;
}

/* The sum of e^(x - shift), n <= BLOCK, by f, an exp that is good for it. */
INLINE double R(exponentials)(const REAL *x, int64_t n, REAL shift, REAL (*f)(REAL)) {
    REAL lane[LANES_OF_EXP], rest[LANES_OF_EXP];
    const int64_t rows = n / LANES_OF_EXP, left = n % LANES_OF_EXP;
    for (int64_t j = 0; j < LANES_OF_EXP; j++) {
        lane[j] = 0;
        rest[j] = j < left ? x[rows * LANES_OF_EXP + j] : -__builtin_inff();
    }
    for (int64_t i = 0; i < rows + (left > 0); i++) {
        const REAL *row = i < rows ? x + i * LANES_OF_EXP : rest;
        for (int64_t j = 0; j < LANES_OF_EXP; j += LANES) __builtin_prefetch(row + n + j);
#pragma omp simd
        for (int64_t j = 0; j < LANES_OF_EXP; j++) lane[j] += f(row[j] - shift);
    }
    return (double)R(fold_lanes)(lane, LANES_OF_EXP, R(add_real));
}

static void R(logsumexp_run)(reel__tally to, const reel__slab *s) {
    const REAL *x = s->x;
    double most = 0, sum = 0;
    for (int64_t i = 0; i < s->rows; i += BLOCK) {
        const int64_t n = reel__least(BLOCK, s->rows - i);
        const REAL top = R(fold_run)(x + i, n, R(max));
        const double here = R(exponentials)(x + i, n, R(finite)(top), R(exp));
        if (i > 0)
            join_exponentials(&most, &sum, (double)top, here);
        else
            most = (double)top, sum = here;
    }
    to.a.real[0] = most;
    to.b.real[0] = sum;
}

static void R(logsumexp_columns)(reel__tally to, const reel__slab *s) {
    REAL top[CHUNK], shift[CHUNK], sum[CHUNK];
    for (int64_t j = 0; j < s->columns; j++) {
        to.a.real[j] = -__builtin_inf();
        to.b.real[j] = 0;
    }
    for (int64_t i = 0; i < s->rows; i += ROWS) {
        reel__slab block = *s;
        block.x = (const REAL *)s->x + i * s->stride;
        block.rows = reel__least(ROWS, s->rows - i);
        R(fold_columns)(top, &block, R(max));
        for (int64_t j = 0; j < s->columns; j++) {
            shift[j] = R(finite)(top[j]);
            sum[j] = 0;
        }
        for (int64_t r = 0; r < block.rows; r++) {
            const REAL *row = (const REAL *)block.x + r * s->stride;
#pragma omp simd
            for (int64_t j = 0; j < s->columns; j++) sum[j] += R(exp)(row[j] - shift[j]);
        }
#pragma omp simd
        for (int64_t j = 0; j < s->columns; j++)
            join_exponentials(&to.a.real[j], &to.b.real[j], (double)top[j], (double)sum[j]);
    }
}

static void R(end_logsumexp)(void *out, reel__tally t, int64_t n, double divisor) {
    (void)divisor;
    REAL *y = out;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] = (REAL)(t.a.real[i] + log_f64(t.b.real[i]));
}

/* ---- softmax, log_softmax ---- */

/* out = e^(x - top) */
INLINE void R(exp_below)(REAL *out, const REAL *x, int64_t n, REAL top, int64_t ahead) {
    int64_t i = 0;
    for (; i + LANES_OF_EXP <= n; i += LANES_OF_EXP) {
        for (int64_t j = 0; j < LANES_OF_EXP; j += LANES) __builtin_prefetch(x + i + ahead + j);
#pragma omp simd
        for (int64_t j = i; j < i + LANES_OF_EXP; j++) out[j] = R(exp_down)(x[j] - top);
    }
#pragma omp simd
    for (int64_t j = i; j < n; j++) out[j] = R(exp_down)(x[j] - top);
}

static void R(softmax_row)(REAL *out, const REAL *x, int64_t n) {
    const REAL top = R(fold_run)(x, n, R(max));
    double sum = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        const int64_t count = reel__least(BLOCK, n - i);
        R(exp_below)(out + i, x + i, count, top, n);
        sum += R(sum_block)(out + i, count);
    }
    const REAL scale = (REAL)(1 / sum);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) out[i] *= scale;
}

static void R(softmax_rows)(void *to, const void *from, int64_t n, int64_t rows, int64_t stride) {
    (void)stride;
    for (int64_t r = 0; r < rows; r++)
        R(softmax_row)((REAL *)to + r * n, (const REAL *)from + r * n, n);
}

/* So many rows, whose logarithms are one vector's. */
INLINE void R(log_softmax_few)(REAL *out, const REAL *x, int64_t n, int64_t rows) {
    REAL top[LOG_ROWS], shift[LOG_ROWS];
    double sum[LOG_ROWS];
    for (int64_t r = 0; r < LOG_ROWS; r++) sum[r] = 1;
    for (int64_t r = 0; r < rows; r++) {
        const REAL *row = x + r * n;
        top[r] = R(fold_run)(row, n, R(max));
        sum[r] = 0;
        for (int64_t i = 0; i < n; i += BLOCK)
            sum[r] += R(exponentials)(row + i, reel__least(BLOCK, n - i), top[r], R(exp_down));
    }
#pragma omp simd
    for (int64_t r = 0; r < LOG_ROWS; r++) shift[r] = (REAL)log_f64(sum[r]);
    for (int64_t r = 0; r < rows; r++, x += n, out += n) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (x[i] - top[r]) - shift[r];
    }
}

static void R(log_softmax_rows)(void *to, const void *from, int64_t n, int64_t rows,
                                int64_t stride) {
    (void)stride;
    for (int64_t r = 0; r < rows; r += LOG_ROWS) R(log_softmax_few)
    ((REAL *)to + r * n, (const REAL *)from + r * n, n, reel__least(LOG_ROWS, rows - r));
}

/* sum[j] += e^(x[i, j] - top[j]), rows <= ROWS, which are kept in `out` if it is there. */
INLINE void R(add_exponentials)(REAL *out, double *sum, const REAL *x, const REAL *top,
                                int64_t rows, int64_t columns, int64_t stride) {
    REAL some[CHUNK];
    for (int64_t j = 0; j < columns; j++) some[j] = 0;
    for (int64_t i = 0; i < rows; i++, x += stride) {
        if (out) {
            REAL *y = out + i * stride;
#pragma omp simd
            for (int64_t j = 0; j < columns; j++) some[j] += y[j] = R(exp_down)(x[j] - top[j]);
        } else {
#pragma omp simd
            for (int64_t j = 0; j < columns; j++) some[j] += R(exp_down)(x[j] - top[j]);
        }
    }
#pragma omp simd
    for (int64_t j = 0; j < columns; j++) sum[j] += (double)some[j];
}

/* The greatest of each column, and the sum of e^(x - top). */
INLINE void R(column_sums)(REAL *out, REAL *top, double *sum, const REAL *x, int64_t n,
                           int64_t columns, int64_t stride) {
    const reel__slab s = {.x = x, .rows = n, .columns = columns, .stride = stride};
    R(fold_columns)(top, &s, R(max));
    for (int64_t j = 0; j < columns; j++) sum[j] = 0;
    for (int64_t i = 0; i < n; i += ROWS) R(add_exponentials)
    (out ? out + i * stride : NULL, sum, x + i * stride, top, reel__least(ROWS, n - i), columns,
     stride);
}

static void R(softmax_columns)(void *to, const void *from, int64_t n, int64_t columns,
                               int64_t stride) {
    REAL *out = to, top[CHUNK];
    double sum[CHUNK];
    R(column_sums)(out, top, sum, from, n, columns, stride);
    REAL *scale = top;
    for (int64_t j = 0; j < columns; j++) scale[j] = (REAL)(1 / sum[j]);
    for (int64_t i = 0; i < n; i++, out += stride) {
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) out[j] *= scale[j];
    }
}

static void R(log_softmax_columns)(void *to, const void *from, int64_t n, int64_t columns,
                                   int64_t stride) {
    const REAL *x = from;
    REAL *out = to, top[CHUNK], shift[CHUNK];
    double sum[CHUNK];
    R(column_sums)(NULL, top, sum, x, n, columns, stride);
#pragma omp simd
    for (int64_t j = 0; j < columns; j++) shift[j] = (REAL)log_f64(sum[j]);
    for (int64_t i = 0; i < n; i++, x += stride, out += stride) {
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) out[j] = (x[j] - top[j]) - shift[j];
    }
}

#undef LANES
#undef LANES_OF_EXP
