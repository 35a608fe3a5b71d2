/* Runs of a normalization in f32 or f64: included by cpu_norms.c once per type. */

/* Halves are added to each other, the last few in f64. */
INLINE double R(total)(REAL *lane) {
    for (int half = LANES / 2; half >= 8; half /= 2)
#pragma omp simd
        for (int k = 0; k < half; k++) lane[k] += lane[k + half];
    double sum = 0;
    for (int k = 0; k < 8; k++) sum += (double)lane[k];
    return sum;
}

/* ---- statistics ---- */

static double R(mean_of)(const REAL *x, const reel__norm_runs *r) {
    REAL lane[LANES] = {0};
    for (int64_t j = 0; j < r->runs; j++, x += r->step) {
        int64_t i = 0;
        for (; i + LANES <= r->length; i += LANES)
#pragma omp simd
            for (int k = 0; k < LANES; k++) lane[k] += x[i + k];
        for (int k = 0; i + k < r->length; k++) lane[k] += x[i + k];
    }
    return R(total)(lane) / (double)(r->runs * r->length);
}

/* Twice over the same block, which is in the cache. What rounding left of the mean is made good. */
static reel__norm_moments R(moments)(const void *from, const reel__norm_runs *r) {
    const REAL *x = from;
    const double first = R(mean_of)(x, r), count = (double)(r->runs * r->length);
    const REAL mean = (REAL)first;
    REAL lane[LANES] = {0}, square[LANES] = {0};
    for (int64_t j = 0; j < r->runs; j++, x += r->step) {
        int64_t i = 0;
        for (; i + LANES <= r->length; i += LANES)
#pragma omp simd
            for (int k = 0; k < LANES; k++) {
                const REAL d = x[i + k] - mean;
                lane[k] += d;
                square[k] += d * d;
            }
        for (int k = 0; i + k < r->length; k++) {
            const REAL d = x[i + k] - mean;
            lane[k] += d;
            square[k] += d * d;
        }
    }
    const double off = R(total)(lane), squares = R(total)(square) - off * off / count;
    return (reel__norm_moments){(double)mean + off / count, squares < 0 ? 0 : squares};
}

/* ---- forward ---- */

static void R(put)(void *to, const void *from, const reel__norm_runs *r, double mean, double scale,
                   double shift) {
    REAL *restrict y = to;
    const REAL *restrict x = from;
    const REAL m = (REAL)mean, a = (REAL)scale, b = (REAL)shift;
    for (int64_t j = 0; j < r->runs; j++, x += r->step, y += r->step)
#pragma omp simd
        for (int64_t i = 0; i < r->length; i++) y[i] = (x[i] - m) * a + b;
}

static void R(put_by)(void *to, const void *from, int64_t n, double mean, double scale,
                      const void *weight, const void *bias) {
    REAL *restrict y = to;
    const REAL *restrict x = from, *restrict w = weight, *restrict b = bias;
    const REAL m = (REAL)mean, a = (REAL)scale;
    if (w && b) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * a * w[i] + b[i];
    } else if (w) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * a * w[i];
    } else {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * a;
    }
}

/* ---- backward ---- */

static void R(sums)(const void *grad, const void *from, const reel__norm_runs *r, double mean,
                    double sum[2]) {
    const REAL *g = grad, *x = from, m = (REAL)mean;
    REAL lane[LANES] = {0}, product[LANES] = {0};
    for (int64_t j = 0; j < r->runs; j++, x += r->step, g += r->step) {
        int64_t i = 0;
        for (; i + LANES <= r->length; i += LANES)
#pragma omp simd
            for (int k = 0; k < LANES; k++) {
                lane[k] += g[i + k];
                product[k] += g[i + k] * (x[i + k] - m);
            }
        for (int k = 0; i + k < r->length; k++) {
            lane[k] += g[i + k];
            product[k] += g[i + k] * (x[i + k] - m);
        }
    }
    sum[0] += R(total)(lane);
    sum[1] += R(total)(product);
}

/* One step of the row below: of elements i.. to i + count. */
INLINE void R(sums_step)(const REAL *restrict g, const REAL *restrict x, const REAL *restrict w,
                         REAL m, REAL a, REAL *restrict lane, REAL *restrict product,
                         REAL *restrict dw, REAL *restrict db, int count) {
#pragma omp simd
    for (int k = 0; k < count; k++) {
        const REAL d = x[k] - m, p = w ? g[k] * w[k] : g[k];
        lane[k] += p;
        product[k] += p * d;
        if (dw) dw[k] += g[k] * (d * a);
        if (db) db[k] += g[k];
    }
}

INLINE void R(sums_row)(const REAL *g, const REAL *x, const REAL *w, int64_t n, REAL m, REAL a,
                        double sum[2], REAL *dw, REAL *db) {
    REAL lane[LANES] = {0}, product[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) R(sums_step)
    (g + i, x + i, w ? w + i : NULL, m, a, lane, product, dw ? dw + i : NULL, db ? db + i : NULL,
     LANES);
    R(sums_step)
    (g + i, x + i, w ? w + i : NULL, m, a, lane, product, dw ? dw + i : NULL, db ? db + i : NULL,
     (int)(n - i));
    sum[0] += R(total)(lane);
    sum[1] += R(total)(product);
}

/* Each of the combinations that there are is a loop without branches. */
static void R(sums_by)(const void *g, const void *x, const void *w, int64_t n, double mean,
                       double scale, double sum[2], void *dw, void *db) {
    const REAL m = (REAL)mean, a = (REAL)scale;
    if (w && dw && db)
        R(sums_row)(g, x, w, n, m, a, sum, dw, db);
    else if (w && dw)
        R(sums_row)(g, x, w, n, m, a, sum, dw, NULL);
    else if (w)
        R(sums_row)(g, x, w, n, m, a, sum, NULL, NULL);
    else
        R(sums_row)(g, x, NULL, n, m, a, sum, NULL, NULL);
}

static void R(back)(void *to, const void *grad, const void *from, const reel__norm_runs *r,
                    const reel__norm_back *b) {
    REAL *restrict dx = to;
    const REAL *restrict g = grad, *restrict x = from;
    const REAL m = (REAL)b->mean, a = (REAL)b->scale, shift = (REAL)b->shift,
               slope = (REAL)b->slope;
    for (int64_t j = 0; j < r->runs; j++, x += r->step, g += r->step, dx += r->step)
#pragma omp simd
        for (int64_t i = 0; i < r->length; i++) dx[i] = g[i] * a - shift - (x[i] - m) * slope;
}

static void R(back_by)(void *to, const void *grad, const void *from, const void *weight, int64_t n,
                       const reel__norm_back *b) {
    REAL *restrict dx = to;
    const REAL *restrict g = grad, *restrict x = from, *restrict w = weight;
    const REAL m = (REAL)b->mean, a = (REAL)b->scale, shift = (REAL)b->shift,
               slope = (REAL)b->slope;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) dx[i] = g[i] * w[i] * a - shift - (x[i] - m) * slope;
}
