/* Loops from one dtype to each: included by cpu_loops.c once per dtype, with FROM, F(name), and
 * what makes of an element a number that C converts, REAL_OF(x); an i64, WHOLE_OF(x), and a u8,
 * BYTE_OF(x), which stop at their bounds; the bits of an f16, F16_OF(x), and of a bf16, BF16_OF(x).
 * To its own dtype an element goes as cpu_cast.c's copy. */

static void F(f32)(const reel__run *r) {
    const FROM *x = r->in[0];
    float *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (float)REAL_OF(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = (float)REAL_OF(x[i * sx]);
    }
}

static void F(f64)(const reel__run *r) {
    const FROM *x = r->in[0];
    double *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (double)REAL_OF(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = (double)REAL_OF(x[i * sx]);
    }
}

static void F(i64)(const reel__run *r) {
    const FROM *x = r->in[0];
    int64_t *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = WHOLE_OF(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = WHOLE_OF(x[i * sx]);
    }
}

static void F(u8)(const reel__run *r) {
    const FROM *x = r->in[0];
    uint8_t *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = BYTE_OF(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = BYTE_OF(x[i * sx]);
    }
}

static void F(f16)(const reel__run *r) {
    const FROM *x = r->in[0];
    uint16_t *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = F16_OF(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = F16_OF(x[i * sx]);
    }
}

static void F(bf16)(const reel__run *r) {
    const FROM *x = r->in[0];
    uint16_t *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = BF16_OF(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = BF16_OF(x[i * sx]);
    }
}

/* A number of any dtype, scaled. */
static void F(scaled_f32)(const reel__run *r) {
    const FROM *x = r->in[0];
    float *out = r->out, scale = (float)r->constants[0];
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (float)REAL_OF(x[i]) * scale;
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = (float)REAL_OF(x[i * sx]) * scale;
    }
}

static void F(scaled_f64)(const reel__run *r) {
    const FROM *x = r->in[0];
    double *out = r->out, scale = r->constants[0];
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (double)REAL_OF(x[i]) * scale;
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = (double)REAL_OF(x[i * sx]) * scale;
    }
}

#undef FROM
#undef F
#undef REAL_OF
#undef WHOLE_OF
#undef BYTE_OF
#undef F16_OF
#undef BF16_OF
