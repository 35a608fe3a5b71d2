/* Loops over integers, which wrap: included by cpu_loops.c once per type. */

INLINE void I(zip)(const reel__run *r, UNSIGNED (*f)(UNSIGNED, UNSIGNED)) {
    const INTEGER *x = r->in[0], *y = r->in[1];
    INTEGER *out = r->out;
    const int64_t sx = r->in_stride[0], sy = r->in_stride[1], so = r->out_stride;
    for (int64_t i = 0; i < r->n; i++)
        out[i * so] = (INTEGER)f((UNSIGNED)x[i * sx], (UNSIGNED)y[i * sy]);
}

/* clang-format off */
INLINE UNSIGNED I(add)(UNSIGNED x, UNSIGNED y) { return (UNSIGNED)(x + y); }
INLINE UNSIGNED I(sub)(UNSIGNED x, UNSIGNED y) { return (UNSIGNED)(x - y); }
INLINE UNSIGNED I(mul)(UNSIGNED x, UNSIGNED y) { return (UNSIGNED)(x * y); }
static void I(loop_add)(const reel__run *r) { I(zip)(r, I(add)); }
static void I(loop_sub)(const reel__run *r) { I(zip)(r, I(sub)); }
static void I(loop_mul)(const reel__run *r) { I(zip)(r, I(mul)); }
/* clang-format on */
