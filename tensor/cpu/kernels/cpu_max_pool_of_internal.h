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

/* Element i into what was found, as if all had come in order: of equals the first, of NaN the last.
 */
static inline void F(merge)(NUMBER *best, INDEX *found, NUMBER v, INDEX i) {
    const bool nan = v != v, was_nan = *best != *best,
               wins = nan ? !was_nan || i > *found : v > *best || (v == *best && i < *found);
    if (wins) *best = v, *found = i;
}

/* Of windows of their own sizes: the greatest of each column of their rows first, side by side, and
 * of these the greatest of each window. */
static inline void F(take_windows)(NUMBER *best, INDEX *found, const NUMBER *x, const reel__span *a,
                                   int64_t chunk, int64_t count, const window_rows *rows) {
    NUMBER column[CHUNK];
    INDEX at[CHUNK];
    int64_t begin, stop, first, end;
    reel__window(a, chunk, &begin, &end);
    reel__window(a, chunk + count - 1, &first, &stop);
    for (int64_t from = begin; from < stop; from += CHUNK) {
        const int64_t n = reel__least(stop - from, CHUNK);
        for (int64_t i = 0; i < n; i++)
            column[i] = -INFINITY, at[i] = (INDEX)(rows->first * a->in + from + i);
        for (int64_t i0 = 0; i0 < rows->planes; i0++)
            for (int64_t i1 = 0; i1 < rows->count; i1++) {
                const int64_t row = (rows->first + i0 * rows->apart + i1) * a->in + from;
                F(take_tap)(column, at, x + row, 0, 0, n, 1, (INDEX)row);
            }
        for (int64_t j = 0; j < count; j++) {
            reel__window(a, chunk + j, &first, &end);
            const int64_t to = reel__least(end, from + n) - from;
            for (int64_t i = first < from ? 0 : first - from; i < to; i++)
                F(merge)(&best[j], &found[j], column[i], at[i]);
        }
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
    for (int64_t j = 0; j < count; j++) { /* if nothing is greater than that */
        reel__window(c, chunk + j, &first, &end);
        best[j] = -INFINITY;
        found[j] = (INDEX)((first0 * b->in + first1) * c->in + first);
    }
    if (c->kind == REEL__ADAPTIVE) {
        const window_rows rows = {first0 * b->in + first1, end0 - first0, end1 - first1, b->in};
        F(take_windows)(best, found, x, c, chunk, count, &rows);
    } else {
        for (int64_t i0 = first0; i0 < end0; i0 += a->dilation)
            for (int64_t i1 = first1; i1 < end1; i1 += b->dilation) {
                const int64_t row = (i0 * b->in + i1) * c->in;
                F(take_row)(best, found, x + row, c, chunk, count, (INDEX)row);
            }
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
