/* Rows of depthwise convolutions: included by cpu_loops.c once per type, behind the product whose
 * vectors these are. */

#define TAPS_VECTORS 4

INLINE void R(taps_part)(const reel__taps *t, REAL *y, int64_t i, int vectors, int64_t left) {
    R(wide) s[TAPS_VECTORS];
    const REAL first = t->bias ? *(const REAL *)t->bias : 0;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) s[v] = first - (R(wide)){0};
    for (int r = 0; r < t->count; r++) {
        const REAL *w = (const REAL *)t->w + t->tap[r].w, *x = (const REAL *)t->x + t->tap[r].x + i;
        for (int64_t k = 0; k < t->kernel; k++, x += t->dilation) {
            const R(wide) a = w[k] - (R(wide)){0};
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) s[v] += a * *(const R(wide_at) *)(x + v * WIDTH);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        if (left >= (v + 1) * WIDTH)
            *(R(wide_at) *)(y + i + v * WIDTH) = s[v];
        else if (left > v * WIDTH)
            memcpy(y + i + v * WIDTH, &s[v], (size_t)(left - v * WIDTH) * sizeof *y);
}

static void R(taps)(const reel__taps *t, void *to) {
    REAL *y = to;
    if (t->stride == 1) {
        for (int64_t i = 0; i < t->width;) {
            const int64_t left = t->width - i;
            if (left > 2 * WIDTH)
                R(taps_part)(t, y, i, 4, left), i += 4 * WIDTH;
            else if (left > WIDTH)
                R(taps_part)(t, y, i, 2, left), i += 2 * WIDTH;
            else
                R(taps_part)(t, y, i, 1, left), i += WIDTH;
        }
        return;
    }
    for (int64_t i = 0; i < t->width; i++) y[i] = t->bias ? *(const REAL *)t->bias : 0;
    for (int r = 0; r < t->count; r++)
        for (int64_t k = 0; k < t->kernel; k++) {
            const REAL a = ((const REAL *)t->w)[t->tap[r].w + k];
            const REAL *x = (const REAL *)t->x + t->tap[r].x + k * t->dilation;
            for (int64_t i = 0; i < t->width; i++) y[i] += a * x[i * t->stride];
        }
}

/* Two chains of vectors, and what is left of a row by a mask. */
static double R(dot_rows)(const void *g, const void *x, int64_t rows, int64_t width, int64_t g_row,
                          int64_t x_row) {
    R(wide) s[2] = {{0}, {0}};
    const int64_t whole = width / WIDTH * WIDTH;
    const R(mask) mask = R(mask_of)((int)(width - whole));
    for (int64_t r = 0; r < rows; r++) {
        const REAL *a = (const REAL *)g + r * g_row, *b = (const REAL *)x + r * x_row;
        int64_t i = 0;
        for (; i + 2 * WIDTH <= whole; i += 2 * WIDTH) {
            s[0] += *(const R(wide_at) *)(a + i) * *(const R(wide_at) *)(b + i);
            s[1] += *(const R(wide_at) *)(a + i + WIDTH) * *(const R(wide_at) *)(b + i + WIDTH);
        }
        if (i < whole) s[0] += *(const R(wide_at) *)(a + i) * *(const R(wide_at) *)(b + i);
        if (whole < width) s[1] += R(load_part)(a + whole, mask) * R(load_part)(b + whole, mask);
    }
    double sum = 0;
    for (int l = 0; l < WIDTH; l++) sum += (double)s[0][l] + (double)s[1][l];
    return sum;
}

#undef TAPS_VECTORS
