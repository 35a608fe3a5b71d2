/* A run of elements to another place: included by cpu_copy.c once for each size of element. */

static void F(run)(const reel__run *r) {
    const T *x = r->in[0];
    T *out = r->out;
    if (r->in_stride[0] == 1 && r->out_stride == 1) {
        memcpy(out, x, (size_t)r->n * sizeof *out);
    } else if (r->in_stride[0] == 0 && r->out_stride == 1) {
        const T one = *x;
        for (int64_t i = 0; i < r->n; i++) out[i] = one;
    } else if (r->in_stride[0] == -1 && r->out_stride == 1) {
        for (int64_t i = 0; i < r->n; i++) out[i] = x[-i];
    } else {
        for (int64_t i = 0; i < r->n; i++) out[i * r->out_stride] = x[i * r->in_stride[0]];
    }
}
