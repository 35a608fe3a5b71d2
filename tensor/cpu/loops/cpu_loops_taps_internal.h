/* Rows of depthwise convolutions: included by cpu_loops.c once per type, behind the product whose
 * vectors these are. */

#define TAPS_VECTORS 4

INLINE void R(taps_part)(const reel__taps *t, REAL *y, int64_t i, int vectors, int64_t left) {
    R(wide) s[TAPS_VECTORS], odd[TAPS_VECTORS]; /* sums of every second tap, which need not wait */
    const REAL first = t->bias ? *(const REAL *)t->bias : 0;
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) s[v] = first - (R(wide)){0}, odd[v] = (R(wide)){0};
    for (int r = 0; r < t->count; r++) {
        const REAL *w = (const REAL *)t->w + t->tap[r].w, *x = (const REAL *)t->x + t->tap[r].x + i;
        int64_t k = 0;
        for (; k + 2 <= t->kernel; k += 2, x += 2 * t->dilation) {
            const R(wide) a = w[k] - (R(wide)){0}, b = w[k + 1] - (R(wide)){0};
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++) s[v] += a * *(const R(wide_at) *)(x + v * WIDTH);
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                odd[v] += b * *(const R(wide_at) *)(x + t->dilation + v * WIDTH);
        }
        if (k == t->kernel) continue;
        const R(wide) a = w[k] - (R(wide)){0};
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) s[v] += a * *(const R(wide_at) *)(x + v * WIDTH);
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) s[v] += odd[v];
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

/* The sums of a few taps, which lie `dilation` apart along a row of the kernel: g is loaded once
 * for all. */
INLINE void R(dot_some)(const reel__dots *d, const REAL *x, double *sums, int taps) {
    R(wide) s[TAPS_VECTORS];
    const int64_t whole = d->width / WIDTH * WIDTH;
    const R(mask) mask = R(mask_of)((int)(d->width - whole));
#pragma GCC unroll 4
    for (int k = 0; k < taps; k++) s[k] = (R(wide)){0};
    for (int64_t r = 0; r < d->rows; r++) {
        const REAL *g = (const REAL *)d->g + r * d->g_row, *row = x + r * d->x_row;
        for (int64_t i = 0; i < whole; i += WIDTH) {
            const R(wide) a = *(const R(wide_at) *)(g + i);
#pragma GCC unroll 4
            for (int k = 0; k < taps; k++)
                s[k] += a * *(const R(wide_at) *)(row + i + k * d->dilation);
        }
        if (whole == d->width) continue;
        const R(wide) a = R(load_part)(g + whole, mask);
#pragma GCC unroll 4
        for (int k = 0; k < taps; k++)
            s[k] += a * R(load_part)(row + whole + k * d->dilation, mask);
    }
#pragma GCC unroll 4
    for (int k = 0; k < taps; k++) {
        double half[2] = {0};
        for (int l = 0; l < WIDTH; l++) half[l % 2] += (double)s[k][l];
        sums[k] += half[0] + half[1];
    }
}

static void R(dot_taps)(const reel__dots *d, double *sums) {
    for (int64_t k = 0; k < d->taps; k += TAPS_VECTORS) {
        const REAL *x = (const REAL *)d->x + k * d->dilation;
        switch (d->taps - k) {
        case 1:
            R(dot_some)(d, x, sums + k, 1);
            break;
        case 2:
            R(dot_some)(d, x, sums + k, 2);
            break;
        case 3:
            R(dot_some)(d, x, sums + k, 3);
            break;
        default:
            R(dot_some)(d, x, sums + k, 4);
            break;
        }
    }
}

#undef TAPS_VECTORS
