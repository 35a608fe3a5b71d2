/* Rows of max_pool in one dtype, NUMBER; INDEX is as wide. Included by cpu_max_pool.c alone. */

/* A tap of a row's elements from..to - 1: those greater than what was found, or NaN, win. */
static inline __attribute__((always_inline)) void
F(take_tap)(NUMBER *restrict best, INDEX *restrict found, const NUMBER *restrict x, int64_t start,
            int64_t from, int64_t to, int64_t stride, INDEX row) {
    for (int64_t j = from; j < to; j++) {
        const NUMBER v = x[start + j * stride];
        const INDEX i = (INDEX)(row + (INDEX)start + (INDEX)j * (INDEX)stride);
        const bool wins = (v > best[j]) | (v != v);
        best[j] = wins ? v : best[j];
        found[j] = wins ? i : found[j];
    }
}

/* The first windows of a chunk begin at x's element `start`, before or behind its ends. */
static inline void F(take_row)(NUMBER *restrict best, INDEX *restrict found, const NUMBER *x,
                               const reel__span *a, int64_t chunk, int64_t count, INDEX row) {
    const int64_t stride = a->stride;
    for (int k = 0; k < a->kernel; k++) {
        const int64_t start = chunk * stride - a->before + (int64_t)k * a->dilation;
        const int64_t from = start < 0 ? (-start + stride - 1) / stride : 0;
        int64_t to = start >= a->in ? 0 : (a->in - start + stride - 1) / stride;
        if (to > count) to = count;
        if (stride == 1)
            F(take_tap)(best, found, x, start, from, to, 1, row);
        else if (stride == 2)
            F(take_tap)(best, found, x, start, from, to, 2, row);
        else
            F(take_tap)(best, found, x, start, from, to, stride, row);
    }
}

/* Of windows of their own sizes. */
static inline void F(take_windows)(NUMBER *best, INDEX *found, const NUMBER *x, const reel__span *a,
                                   int64_t chunk, int64_t count, INDEX row) {
    for (int64_t j = 0; j < count; j++) {
        int64_t first, end;
        reel__window(a, chunk + j, &first, &end);
        for (int64_t i = first; i < end; i++)
            if (x[i] > best[j] || x[i] != x[i]) best[j] = x[i], found[j] = (INDEX)(row + i);
    }
}

static void F(max_row)(const pooling *p, const NUMBER *x, int64_t j0, int64_t j1, int64_t chunk,
                       int64_t count, NUMBER *y, int64_t *index) {
    const reel__span *a = &p->axis[0], *b = &p->axis[1], *c = &p->axis[2];
    NUMBER best[CHUNK];
    INDEX found[CHUNK];
    int64_t first0, end0, first1, end1, first, end;
    reel__window(a, j0, &first0, &end0);
    reel__window(b, j1, &first1, &end1);
    const int64_t step0 = a->kind == REEL__ADAPTIVE ? 1 : a->dilation,
                  step1 = b->kind == REEL__ADAPTIVE ? 1 : b->dilation;
    for (int64_t j = 0; j < count; j++) { /* if nothing is greater than that */
        reel__window(c, chunk + j, &first, &end);
        best[j] = -INFINITY;
        found[j] = (INDEX)((first0 * b->in + first1) * c->in + first);
    }
    for (int64_t i0 = first0; i0 < end0; i0 += step0)
        for (int64_t i1 = first1; i1 < end1; i1 += step1) {
            const int64_t row = (i0 * b->in + i1) * c->in;
            if (c->kind == REEL__ADAPTIVE)
                F(take_windows)(best, found, x + row, c, chunk, count, (INDEX)row);
            else
                F(take_row)(best, found, x + row, c, chunk, count, (INDEX)row);
        }
    memcpy(y, best, (size_t)count * sizeof *y);
    for (int64_t j = 0; j < count; j++) index[j] = found[j];
}

static void F(max_rows)(void *context, int64_t begin, int64_t end) {
    const pooling *p = context;
    const int64_t width = p->axis[2].out, n1 = p->axis[1].out, n0 = p->axis[0].out;
    for (int64_t row = begin; row < end; row++) {
        const NUMBER *x = (const NUMBER *)p->x + row / n1 / n0 * p->in;
        for (int64_t j = 0; j < width; j += CHUNK) F(max_row)
        (p, x, row / n1 % n0, row % n1, j, reel__least(width - j, CHUNK),
         (NUMBER *)p->y + row * width + j, p->index + row * width + j);
    }
}

#undef NUMBER
#undef INDEX
#undef F
