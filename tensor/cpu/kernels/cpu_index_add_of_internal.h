/* Sums by index of elements T: included by cpu_index_add.c once for each dtype. */

static void F(add)(T *restrict to, const T *restrict from, int64_t n) {
    for (int64_t i = 0; i < n; i++) to[i] = (T)(to[i] + from[i]);
}

static void F(add_column)(T *to, const T *from, const int64_t *index, int64_t n) {
    for (int64_t k = 0; k < n; k++) to[index[k]] = (T)(to[index[k]] + from[k]);
}

/* Of one outer index, to places first..end, in columns j..j + n. */
static void F(add_rows)(const reel__move *m, int64_t o, int64_t first, int64_t end, int64_t j,
                        int64_t n) {
    const int64_t inner = m->inner;
    const T *from = (const T *)m->x + o * m->entries * inner + j;
    T *to = (T *)m->out + o * m->size * inner + j;
    if (inner == 1) { /* to all places */
        F(add_column)(to, from, m->index, m->entries);
        return;
    }
    for (int64_t k = 0; k < m->entries; k++, from += inner) {
        const int64_t place = m->index[k];
        if (place >= first && place < end) F(add)(to + place * inner, from, n);
    }
}

static void F(add_elements)(const reel__move *m, int64_t o, int64_t j, int64_t n) {
    const int64_t inner = m->inner;
    const int64_t *index = m->index + o * m->entries * inner + j;
    const T *from = (const T *)m->x + o * m->entries * inner + j;
    T *to = (T *)m->out + o * m->size * inner + j;
    if (inner == 1) {
        F(add_column)(to, from, index, m->entries);
        return;
    }
    for (int64_t k = 0; k < m->entries; k++, from += inner, index += inner)
        for (int64_t i = 0; i < n; i++) {
            T *sum = to + index[i] * inner + i;
            *sum = (T)(*sum + from[i]);
        }
}
