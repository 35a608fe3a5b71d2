/* The transforms of convolutions by fewer multiplications: included by cpu_loops.c for f32, behind
 * the product whose vectors these are. Columns are whole vectors, and rows `apart` elements apart;
 * see tensor/cpu/kernels/cpu_conv_winograd.c. */

#define AT(x) (*(R(wide_at) *)(x))
#define OF(x) (*(const R(wide_at) *)(x))

/* B^T d B of each column's patch d[4][4]. */
static void R(winograd_patch)(const void *patches, int64_t from_apart, void *to, int64_t apart,
                              int64_t columns) {
    const REAL *from = patches;
    for (int64_t t = 0; t < columns; t += WIDTH) {
        R(wide) v[4][4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const REAL *d = from + j * from_apart + t;
            const R(wide) d0 = OF(d), d1 = OF(d + 4 * from_apart), d2 = OF(d + 8 * from_apart),
                          d3 = OF(d + 12 * from_apart);
            v[0][j] = d0 - d2;
            v[1][j] = d1 + d2;
            v[2][j] = d2 - d1;
            v[3][j] = d1 - d3;
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            REAL *u = (REAL *)to + 4 * i * apart + t;
            AT(u) = v[i][0] - v[i][2];
            AT(u + apart) = v[i][1] + v[i][2];
            AT(u + 2 * apart) = v[i][2] - v[i][1];
            AT(u + 3 * apart) = v[i][1] - v[i][3];
        }
    }
}

/* A^T m A + bias: of 16 rows the four results of each column. */
static void R(winograd_result)(const void *sums, int64_t apart, void *to, int64_t to_apart,
                               int64_t columns, const void *bias) {
    const REAL first = bias ? *(const REAL *)bias : 0;
    for (int64_t t = 0; t < columns; t += WIDTH) {
        R(wide) a[2][4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const REAL *m = (const REAL *)sums + j * apart + t;
            const R(wide) m1 = OF(m + 4 * apart), m2 = OF(m + 8 * apart);
            a[0][j] = OF(m) + m1 + m2;
            a[1][j] = m1 - m2 - OF(m + 12 * apart);
        }
#pragma GCC unroll 2
        for (int i = 0; i < 2; i++) {
            REAL *y = (REAL *)to + 2 * i * to_apart + t;
            AT(y) = a[i][0] + a[i][1] + a[i][2] + first;
            AT(y + to_apart) = a[i][1] - a[i][2] - a[i][3] + first;
        }
    }
}

/* A g A^T: of the four results' gradients of each column 16 rows. */
static void R(winograd_spread)(const void *g, int64_t from_apart, void *to, int64_t apart,
                               int64_t columns) {
    for (int64_t t = 0; t < columns; t += WIDTH) {
        R(wide) v[4][2];
#pragma GCC unroll 2
        for (int j = 0; j < 2; j++) {
            const REAL *from = (const REAL *)g + j * from_apart + t;
            const R(wide) g0 = OF(from), g1 = OF(from + 2 * from_apart);
            v[0][j] = g0;
            v[1][j] = g0 + g1;
            v[2][j] = g0 - g1;
            v[3][j] = -g1;
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            REAL *u = (REAL *)to + 4 * i * apart + t;
            AT(u) = v[i][0];
            AT(u + apart) = v[i][0] + v[i][1];
            AT(u + 2 * apart) = v[i][0] - v[i][1];
            AT(u + 3 * apart) = -v[i][1];
        }
    }
}

/* G w G^T of kernels w[channel][3][3], as 16 rows of channels. */
static void R(winograd_kernel)(const void *w, int64_t channels, void *to, int64_t apart) {
    for (int64_t c = 0; c < channels; c += WIDTH) {
        const int count = channels - c < WIDTH ? (int)(channels - c) : WIDTH;
        R(wide) k[3][3], v[4][3];
        for (int i = 0; i < 9; i++) {
            REAL lane[WIDTH] = {0};
            for (int l = 0; l < count; l++) lane[l] = ((const REAL *)w)[(c + l) * 9 + i];
            k[i / 3][i % 3] = OF(lane);
        }
#pragma GCC unroll 4
        for (int j = 0; j < 3; j++) {
            const R(wide) ends = k[0][j] + k[2][j];
            v[0][j] = k[0][j];
            v[1][j] = (ends + k[1][j]) * (REAL)0.5;
            v[2][j] = (ends - k[1][j]) * (REAL)0.5;
            v[3][j] = k[2][j];
        }
        const R(mask) mask = R(mask_of)(count);
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const R(wide) ends = v[i][0] + v[i][2];
            REAL *u = (REAL *)to + 4 * i * apart + c;
            R(store_part)(u, mask, v[i][0]);
            R(store_part)(u + apart, mask, (ends + v[i][1]) * (REAL)0.5);
            R(store_part)(u + 2 * apart, mask, (ends - v[i][1]) * (REAL)0.5);
            R(store_part)(u + 3 * apart, mask, v[i][2]);
        }
    }
}

/* G^T m G: of 16 rows the nine weights of each column. */
static void R(winograd_weight)(const void *sums, int64_t apart, void *to, int64_t to_apart,
                               int64_t columns) {
    for (int64_t t = 0; t < columns; t += WIDTH) {
        R(wide) h[3][4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const REAL *m = (const REAL *)sums + j * apart + t;
            const R(wide) m1 = OF(m + 4 * apart), m2 = OF(m + 8 * apart),
                          both = (m1 + m2) * (REAL)0.5;
            h[0][j] = OF(m) + both;
            h[1][j] = (m1 - m2) * (REAL)0.5;
            h[2][j] = both + OF(m + 12 * apart);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 3; i++) {
            const R(wide) both = (h[i][1] + h[i][2]) * (REAL)0.5;
            REAL *w = (REAL *)to + 3 * i * to_apart + t;
            AT(w) = h[i][0] + both;
            AT(w + to_apart) = (h[i][1] - h[i][2]) * (REAL)0.5;
            AT(w + 2 * to_apart) = both + h[i][3];
        }
    }
}

/* A row of y of the results of a row of tiles: those on the left and on the right, in turn. */
static void R(winograd_row)(const void *left, const void *right, void *to, int64_t width) {
    const REAL *restrict a = left, *restrict b = right;
    REAL *restrict y = to;
    for (int64_t i = 0; i < width / 2; i++) {
        y[2 * i] = a[i];
        y[2 * i + 1] = b[i];
    }
    if (width % 2) y[width - 1] = a[width / 2];
}

#undef AT
#undef OF
