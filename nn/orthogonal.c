/* Orthogonal matrices: what is left of a normal draw when each vector has lost its share of those
 * before it. */
#include "nn/init_internal.h"

#include <math.h>
#include <stdlib.h>

/* In four sums, which do not wait for each other. */
static double dot(const double *x, const double *y, int64_t n) {
    double sum[4] = {0.0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++) sum[k] += x[i + k] * y[i + k];
    for (; i < n; i++) sum[0] += x[i] * y[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* y += a x */
static void add_scaled(double *y, double a, const double *x, int64_t n) {
    for (int64_t i = 0; i < n; i++) y[i] += a * x[i];
}

/* Modified Gram-Schmidt over the rows of v[count, length], count <= length: Q^T of v^T = Q R with
 * R's diagonal positive. Twice for each row, after which it is orthogonal to rounding: Giraud,
 * Langou and Rozloznik, "The loss of orthogonality in the Gram-Schmidt process" (2005). */
static void orthonormalize(double *v, int64_t count, int64_t length) {
    for (int64_t i = 0; i < count; i++) {
        double *row = v + i * length;
        for (int64_t j = 0; j < 2 * i; j++) {
            const double *before = v + j % i * length;
            add_scaled(row, -dot(before, row, length), before, length);
        }
        const double norm = sqrt(dot(row, row, length));
        for (int64_t k = 0; k < length; k++) row[k] /= norm;
    }
}

/* to[columns, rows] = gain from[rows, columns]^T, or the same without the transpose. */
static void arrange(double *to, const double *from, int64_t rows, int64_t columns, bool transpose,
                    double gain) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            to[transpose ? j * rows + i : i * columns + j] = gain * from[i * columns + j];
}

/* t as [rows, columns]; v's vectors are along the longer of the two. */
static reel_status fill(const char *what, reel_tensor *t, double *v, double gain) {
    const int64_t n = reel_numel(t), rows = reel_dim(t, 0), columns = n / rows;
    const bool tall = rows > columns;
    const int64_t count = tall ? columns : rows, length = tall ? rows : columns;
    double *q = malloc((size_t)n * sizeof *q);
    if (!q) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
    orthonormalize(v, count, length);
    arrange(q, v, count, length, tall, gain);
    reel_status status = reel__init_put(t, q);
    free(q);
    return status;
}

reel_tensor *reel_orthogonal_(reel_tensor *t, reel_generator *g, double gain) {
    REEL__COMPOSITE(.name = "orthogonal_", .in = {t}, .given = 1);
    const char *what = "orthogonal_";
    if (reel__init_check(what, t, 2) != REEL_OK || reel__init_check_gain(what, gain) != REEL_OK)
        return NULL;
    if (reel_numel(t) == 0) return t;
    double *v = reel__init_draw(what, g, reel_numel(t), true);
    if (!v) return NULL;
    reel_status status = fill(what, t, v, gain);
    free(v);
    return status == REEL_OK ? t : NULL;
}
