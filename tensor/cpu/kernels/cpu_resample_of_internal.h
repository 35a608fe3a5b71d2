/* Rows of resample in one dtype, NUMBER; F makes its names. Included by cpu_resample.c alone. */

/* to = sum of rows of x, for the taps of axes 0 and 1, of which there is one at least. */
static inline void F(sum_rows)(const resampling *r, const NUMBER *restrict x, int64_t j0,
                               int64_t j1, NUMBER *restrict to) {
    const table *a = &r->axis[0], *b = &r->axis[1];
    const int64_t width = r->axis[2].in;
    bool begun = false;
    for (int64_t k = a->first[j0]; k < a->first[j0 + 1]; k++)
        for (int64_t m = b->first[j1]; m < b->first[j1 + 1]; m++) {
            const NUMBER w = ((const NUMBER *)a->weight)[k] * ((const NUMBER *)b->weight)[m];
            const NUMBER *row = x + (a->index[k] * b->in + b->index[m]) * width;
            if (begun)
                for (int64_t i = 0; i < width; i++) to[i] += w * row[i];
            else
                for (int64_t i = 0; i < width; i++) to[i] = w * row[i];
            begun = true;
        }
}

static inline void F(pick)(const table *t, const NUMBER *restrict x, NUMBER *restrict y,
                           int64_t begin, int64_t end, NUMBER value) {
    for (int64_t j = begin; j < end; j++)
        y[j] = t->first[j + 1] > t->first[j] ? x[t->index[t->first[j]]] : value;
}

static inline void F(copy_run)(const table *t, const NUMBER *restrict x, NUMBER *restrict y,
                               NUMBER value) {
    const int64_t from = t->from, to = t->to;
    const NUMBER *restrict run = x + t->shift;
    F(pick)(t, x, y, 0, from, value);
    if (to - from < 16)
        for (int64_t j = from; j < to; j++) y[j] = run[j];
    else
        memcpy(y + from, run + from, (size_t)(to - from) * sizeof *y);
    F(pick)(t, x, y, to, t->out, value);
}

/* y from the one row that x is now. */
static inline void F(sum_along)(const table *t, const NUMBER *restrict x, NUMBER *restrict y,
                                NUMBER value) {
    const NUMBER *weight = t->weight;
    if (t->runs) {
        F(copy_run)(t, x, y, value);
        return;
    }
    if (t->pairs) {
        for (int64_t j = 0; j < t->out; j++)
            y[j] = weight[2 * j] * x[t->index[2 * j]] + weight[2 * j + 1] * x[t->index[2 * j + 1]];
        return;
    }
    if (t->picks && t->first[t->out] == t->out) {
        for (int64_t j = 0; j < t->out; j++) y[j] = x[t->index[j]];
        return;
    }
    int64_t k = 0;
    for (int64_t j = 0; j < t->out; j++) {
        const int64_t end = t->first[j + 1];
        if (k == end) {
            y[j] = value;
            continue;
        }
        NUMBER sum = weight[k] * x[t->index[k]];
        for (k++; k < end; k++) sum += weight[k] * x[t->index[k]];
        y[j] = sum;
    }
}

/* Of rows too long for the buffer. */
static void F(sum_long)(const resampling *r, const NUMBER *x, int64_t j0, int64_t j1, NUMBER *y) {
    const table *a = &r->axis[0], *b = &r->axis[1], *t = &r->axis[2];
    for (int64_t j = 0; j < t->out; j++) {
        NUMBER sum = 0;
        for (int64_t k = a->first[j0]; k < a->first[j0 + 1]; k++)
            for (int64_t m = b->first[j1]; m < b->first[j1 + 1]; m++) {
                const NUMBER w = ((const NUMBER *)a->weight)[k] * ((const NUMBER *)b->weight)[m];
                const NUMBER *row = x + (a->index[k] * b->in + b->index[m]) * t->in;
                for (int64_t i = t->first[j]; i < t->first[j + 1]; i++)
                    sum += w * ((const NUMBER *)t->weight)[i] * row[t->index[i]];
            }
        y[j] = t->first[j + 1] > t->first[j] ? sum : (NUMBER)r->value;
    }
}

/* Whether row j1 is of the same one row as the last. */
static bool F(repeats)(const table *b, int64_t j1) {
    if (j1 == 0) return false;
    const int64_t k = b->first[j1 - 1], m = b->first[j1];
    return m == k + 1 && b->first[j1 + 1] == m + 1 && b->index[k] == b->index[m] &&
           ((const NUMBER *)b->weight)[k] == ((const NUMBER *)b->weight)[m];
}

/* Rows that are picked as they are, most of each as one run: padding. */
static void F(picked_rows)(const void *of, int64_t begin, int64_t end) {
    const resampling *r = of;
    const table *a = &r->axis[0], *b = &r->axis[1], *t = &r->axis[2];
    const int64_t n0 = a->out, n1 = b->out, in1 = b->in, width = t->in, out = t->out,
                  plane = a->in * in1 * width;
    const NUMBER value = (NUMBER)r->value, *x = (const NUMBER *)r->x + begin / n1 / n0 * plane;
    NUMBER *restrict y = (NUMBER *)r->y + begin * out;
    int64_t j1 = begin % n1, j0 = begin / n1 % n0;
    for (int64_t row = begin; row < end; row++, y += out) {
        const int64_t k = a->first[j0], m = b->first[j1];
        if (a->first[j0 + 1] > k && b->first[j1 + 1] > m)
            F(copy_run)(t, x + (a->index[k] * in1 + b->index[m]) * width, y, value);
        else
            for (int64_t j = 0; j < out; j++) y[j] = value;
        if (++j1 < n1) continue;
        j1 = 0;
        if (++j0 == n0) j0 = 0, x += plane;
    }
}

static void F(rows)(const void *of, int64_t begin, int64_t end) {
    const resampling *r = of;
    const table *a = &r->axis[0], *b = &r->axis[1], *t = &r->axis[2];
    NUMBER buffer[BUFFER];
    const int64_t plane = a->in * b->in * t->in;
    int64_t j1 = begin % b->out, j0 = begin / b->out % a->out, o = begin / b->out / a->out;
    for (int64_t row = begin; row < end; row++) {
        const NUMBER *x = (const NUMBER *)r->x + o * plane;
        NUMBER *y = (NUMBER *)r->y + row * t->out;
        const int64_t k = a->first[j0], m = b->first[j1], nk = a->first[j0 + 1] - k,
                      nm = b->first[j1 + 1] - m;
        if (nk == 0 || nm == 0) {
            for (int64_t j = 0; j < t->out; j++) y[j] = (NUMBER)r->value;
        } else if (row > begin && F(repeats)(b, j1)) {
            memcpy(y, y - t->out, (size_t)t->out * sizeof *y);
        } else if (nk == 1 && nm == 1 &&
                   ((const NUMBER *)a->weight)[k] * ((const NUMBER *)b->weight)[m] == 1) {
            F(sum_along)(t, x + (a->index[k] * b->in + b->index[m]) * t->in, y, (NUMBER)r->value);
        } else if (t->in <= BUFFER) {
            F(sum_rows)(r, x, j0, j1, buffer);
            F(sum_along)(t, buffer, y, (NUMBER)r->value);
        } else {
            F(sum_long)(r, x, j0, j1, y);
        }
        if (++j1 < b->out) continue;
        j1 = 0;
        if (++j0 == a->out) j0 = 0, o++;
    }
}

#undef NUMBER
#undef F
