/* Loops from one type to each: included by cpu_cast.c once per type. */

static void F(f32)(const reel__run *r) {
    const FROM *x = r->in[0];
    float *out = r->out;
    if (r->in_stride[0] == 1 && r->out_stride == 1) {
        for (int64_t i = 0; i < r->n; i++) out[i] = (float)x[i];
        return;
    }
    for (int64_t i = 0; i < r->n; i++) out[i * r->out_stride] = (float)x[i * r->in_stride[0]];
}

static void F(f64)(const reel__run *r) {
    const FROM *x = r->in[0];
    double *out = r->out;
    for (int64_t i = 0; i < r->n; i++) out[i * r->out_stride] = (double)x[i * r->in_stride[0]];
}

static void F(i64)(const reel__run *r) {
    const FROM *x = r->in[0];
    int64_t *out = r->out;
    for (int64_t i = 0; i < r->n; i++)
        out[i * r->out_stride] = to_i64((double)x[i * r->in_stride[0]]);
}

static void F(u8)(const reel__run *r) {
    const FROM *x = r->in[0];
    uint8_t *out = r->out;
    for (int64_t i = 0; i < r->n; i++)
        out[i * r->out_stride] = to_u8((double)x[i * r->in_stride[0]]);
}
