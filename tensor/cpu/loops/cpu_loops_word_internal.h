/* Loops that move elements of one size, whatever they are: included by cpu_loops.c once per size.
 */

/* Of the element that lies where constants are. */
static void W(fill)(const reel__run *r) {
    WORD *out = r->out, value;
    const int64_t n = r->n, so = r->out_stride;
    memcpy(&value, r->constants, sizeof value);
    if (so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = value;
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = value;
    }
}

/* Both are read, so that no processor needs loads by a mask to make vectors of it. */
INLINE WORD W(pick)(uint8_t mask, WORD x, WORD y) {
    return mask ? x : y;
}

/* out = mask ? x : y */
static void W(where)(const reel__run *r) {
    const uint8_t *mask = r->in[0];
    const WORD *x = r->in[1], *y = r->in[2];
    WORD *out = r->out;
    const int64_t n = r->n, sm = r->in_stride[0], sx = r->in_stride[1], sy = r->in_stride[2],
                  so = r->out_stride;
    if (sm == 1 && sx == 1 && sy == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = W(pick)(mask[i], x[i], y[i]);
    } else if (sm == 1 && sx == 1 && sy == 0 && so == 1) {
        const WORD b = *y;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = W(pick)(mask[i], x[i], b);
    } else if (sm == 1 && sx == 0 && sy == 1 && so == 1) {
        const WORD a = *x;
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = W(pick)(mask[i], a, y[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = mask[i * sm] ? x[i * sx] : y[i * sy];
    }
}
