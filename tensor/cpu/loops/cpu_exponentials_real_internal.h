/* The fold of exponentials, and softmaxes, of f32 or f64: included by cpu_exponentials.c once per
 * type. */

#define LANES_OF_EXP (2 * LANES)

/* ---- the fold: of each block the greatest, then the exponentials below it ---- */

/* What is taken off before e^x: 0 for what is not finite, from which nothing can be taken. */
INLINE REAL R(finite)(REAL x) {
    return x - x == 0 ? x : 0;
}

/* The sum of e^(x - shift), n <= BLOCK, by f, an exp that is good for it. */
INLINE double R(exponentials_by)(const REAL *x, int64_t n, REAL shift, REAL (*f)(REAL)) {
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

static __attribute__((noinline)) double R(exponentials)(const REAL *x, int64_t n, REAL shift) {
    return R(exponentials_by)(x, n, shift, R(exp));
}

/* Where nothing is above the shift. */
static __attribute__((noinline)) double R(exponentials_down)(const REAL *x, int64_t n, REAL shift) {
    return R(exponentials_by)(x, n, shift, R(exp_down));
}

static void R(exponentials_run)(reel__tally to, const reel__slab *s) {
    const REAL *x = s->x;
    double most = 0, sum = 0;
    for (int64_t i = 0; i < s->rows; i += BLOCK) {
        const int64_t n = reel__least(BLOCK, s->rows - i);
        const REAL top = R(top)(x + i, n);
        const double here = R(exponentials)(x + i, n, R(finite)(top));
        if (i > 0)
            join_exponentials(&most, &sum, (double)top, here);
        else
            most = (double)top, sum = here;
    }
    to.a.real[0] = most;
    to.b.real[0] = sum;
}

static void R(exponentials_columns)(reel__tally to, const reel__slab *s) {
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
    const REAL top = R(top)(x, n);
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
        top[r] = R(top)(row, n);
        sum[r] = 0;
        for (int64_t i = 0; i < n; i += BLOCK)
            sum[r] += R(exponentials_down)(row + i, reel__least(BLOCK, n - i), top[r]);
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

#undef LANES_OF_EXP
