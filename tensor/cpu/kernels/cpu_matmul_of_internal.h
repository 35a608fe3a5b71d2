/* A product so small that BLAS takes longer to begin: included by cpu_matmul.c for f32 and f64. */

static void F(few)(const product *p) {
    const reel__product *of = p->of;
    const int64_t x_row = of->transpose_x ? 1 : of->ldx, x_step = of->transpose_x ? of->ldx : 1,
                  y_step = of->transpose_y ? 1 : of->ldy, y_column = of->transpose_y ? of->ldy : 1;
    T *z = p->z;
    for (int64_t i = 0; i < of->m; i++)
        for (int64_t j = 0; j < of->n; j++, z++) {
            const T *x = (const T *)p->x + i * x_row, *y = (const T *)p->y + j * y_column;
            T sum = p->beta != 0 ? *z : 0;
            for (int64_t k = 0; k < of->k; k++) sum += x[k * x_step] * y[k * y_step];
            *z = sum;
        }
}
