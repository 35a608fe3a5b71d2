/* Patches of one type: included by cpu_conv_pack.c for f32 and f64, as F(name) of T. */

/* to[i] = from[i stride]: by loops of the strides that models have, which compilers make vectors
 * of. */
static inline void F(pick)(T *restrict to, const T *restrict from, int64_t n, int64_t stride) {
    if (stride == 1)
        for (int64_t i = 0; i < n; i++) to[i] = from[i];
    else if (stride == 2)
        for (int64_t i = 0; i < n; i++) to[i] = from[2 * i];
    else
        for (int64_t i = 0; i < n; i++) to[i] = from[i * stride];
}

/* A row of patches: one channel, one tap. */
static void F(pack_row)(const reel__conv_job *j, const T *x, int64_t c, const int64_t tap[3],
                        const reel__conv_columns *b, T *restrict to) {
    const int64_t width = b->w1 - b->w0, stride = j->stride[2];
    const conv_row first = row_begin(j, b->row0, tap);
    int64_t lo, hi;
    range_of(j, tap[2], b->w0, b->w1, &lo, &hi);
    const int64_t skip = lo * stride - j->before[2] + tap[2] * j->dilation[2];
    for (int64_t n = b->n0; n < b->n1; n++) {
        const T *plane = x + (n * j->channels + c) * j->in_size;
        conv_row at = first;
        for (int64_t row = b->row0; row < b->row1; row++, to += width, row_next(j, &at)) {
            if (lo == hi || !is_inside(j, &at)) {
                for (int64_t i = 0; i < width; i++) to[i] = 0;
                continue;
            }
            for (int64_t i = 0; i < lo - b->w0; i++) to[i] = 0;
            F(pick)(to + (lo - b->w0), plane + row_of(j, &at) * j->in[2] + skip, hi - lo, stride);
            for (int64_t i = hi - b->w0; i < width; i++) to[i] = 0;
        }
    }
}

static void F(unpack_row)(const reel__conv_job *j, T *x, int64_t c, const int64_t tap[3],
                          const reel__conv_columns *b, const T *restrict from) {
    const int64_t width = b->w1 - b->w0, stride = j->stride[2];
    int64_t lo, hi;
    range_of(j, tap[2], b->w0, b->w1, &lo, &hi);
    const int64_t skip = lo * stride - j->before[2] + tap[2] * j->dilation[2];
    T *plane = x + (b->n0 * j->channels + c) * j->in_size;
    conv_row at = row_begin(j, b->row0, tap);
    for (int64_t row = b->row0; row < b->row1; row++, from += width, row_next(j, &at)) {
        if (lo == hi || !is_inside(j, &at)) continue;
        T *restrict to = plane + row_of(j, &at) * j->in[2] + skip;
        const T *restrict middle = from + (lo - b->w0);
        if (stride == 1)
            for (int64_t i = 0; i < hi - lo; i++) to[i] += middle[i];
        else
            for (int64_t i = 0; i < hi - lo; i++) to[i * stride] += middle[i];
    }
}

static bool F(next_tap)(const reel__conv_job *j, int64_t tap[3]) {
    for (int i = 2; i >= 0; i--) {
        if (++tap[i] < j->kernel[i]) return true;
        tap[i] = 0;
    }
    return false;
}

static void F(pack)(const reel__conv_job *j, const void *x, int64_t c0, int64_t c1,
                    const reel__conv_columns *b, void *to, int64_t width) {
    T *row = to;
    for (int64_t c = c0; c < c1; c++) {
        int64_t tap[3] = {0};
        do {
            F(pack_row)(j, x, c, tap, b, row);
            row += width;
        } while (F(next_tap)(j, tap));
    }
}

static void F(unpack)(const reel__conv_job *j, void *x, int64_t c0, int64_t c1,
                      const reel__conv_columns *b, const void *from, int64_t width) {
    const T *row = from;
    for (int64_t c = c0; c < c1; c++) {
        int64_t tap[3] = {0};
        do {
            F(unpack_row)(j, x, c, tap, b, row);
            row += width;
        } while (F(next_tap)(j, tap));
    }
}
