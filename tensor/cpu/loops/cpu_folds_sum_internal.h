/* Sums of f32 or f64, which folds and softmaxes take: included once per type. */

/* clang-format off */
INLINE REAL R(add_real)(REAL a, REAL x) { return a + x; }
/* clang-format on */

/* to[j] += the sum of x[i, j], i < rows, row by row. */
INLINE void R(add_singly)(REAL *to, const REAL *x, int64_t rows, int64_t columns, int64_t stride) {
    for (int64_t i = 0; i < rows; i++, x += stride) {
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] += x[j];
    }
}

/* Four rows are added up by themselves, so that a sum waits for one addition of four. */
INLINE void R(add_rows)(REAL *to, const REAL *x, int64_t rows, int64_t columns, int64_t stride) {
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const REAL *a = x + i * stride, *b = a + stride, *c = b + stride, *d = c + stride;
#pragma omp simd
        for (int64_t j = 0; j < columns; j++) to[j] += (a[j] + b[j]) + (c[j] + d[j]);
    }
    R(add_singly)(to, x + i * stride, rows - i, columns, stride);
}

/* By so many lanes, what is left by LANES, and the last few one by one. */
INLINE REAL R(sum_by)(int64_t lanes, const REAL *x, int64_t n) {
    const int64_t rows = n / lanes, rest = n % lanes / LANES;
    const REAL *end = x + n;
    REAL lane[4 * LANES];
    for (int64_t j = 0; j < lanes; j++) lane[j] = 0;
    R(add_rows)(lane, x, rows, lanes, lanes);
    x += rows * lanes;
    R(add_singly)(lane, x, rest, LANES, LANES);
    REAL sum = R(fold_lanes)(lane, lanes, R(add_real));
    for (x += rest * LANES; x < end; x++) sum += *x;
    return sum;
}

/* to[j] += the sum of x[i, j] in f64, of what passed beyond REAL. */
static __attribute__((noinline)) void R(add_rows_apart)(double *to, const REAL *x, int64_t rows,
                                                        int64_t columns, int64_t stride) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) to[j] += (double)x[i * stride + j];
}

static double R(sum_block)(const REAL *x, int64_t n) {
    const REAL sum = n >= 16 * LANES ? R(sum_by)(4 * LANES, x, n) : R(sum_by)(LANES, x, n);
    if (REEL_REAL_IS_F64 || sum - sum == 0) return (double)sum;
    double again = 0;
    R(add_rows_apart)(&again, x, n, 1, 1);
    return again;
}
