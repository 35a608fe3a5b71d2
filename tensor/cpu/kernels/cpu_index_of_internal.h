/* Moves of elements T by index: included by cpu_index.c once for each size of element. */

/* Entries begin..end of one outer index: out[o, i] = x[o, index[i]]. */
static void F(pick)(const reel__move *m, const int64_t *index, int64_t begin, int64_t end) {
    const T *from = (const T *)m->x + begin / m->size * m->entries;
    T *to = (T *)m->out + begin;
#pragma GCC unroll 8
    for (int64_t k = 0; k < end - begin; k++) to[k] = from[index[k]];
}

/* Rows of few elements: out[o, i, :] = x[o, index[i], :]. */
static void F(short_rows)(const reel__move *m, const int64_t *index, int64_t begin, int64_t end) {
    const int64_t inner = m->inner;
    const T *from = (const T *)m->x + begin / m->size * m->entries * inner;
    T *to = (T *)m->out + begin * inner;
    for (int64_t k = 0; k < end - begin; k++, to += inner)
        for (int64_t j = 0; j < inner; j++) to[j] = from[index[k] * inner + j];
}

/* Elements begin..end of out: out[o, i, j] = x[o, index[o, i, j], j]. */
static void F(gather)(const reel__move *m, const int64_t *index, int64_t begin, int64_t end) {
    const int64_t inner = m->inner;
    int64_t j = begin % inner, i = begin / inner % m->size;
    const T *from = (const T *)m->x + begin / inner / m->size * m->entries * inner;
    T *to = (T *)m->out + begin;
    for (int64_t left = end - begin; left > 0; j = 0) {
        const int64_t run = left < inner - j ? left : inner - j;
        for (int64_t k = 0; k < run; k++) to[k] = from[index[k] * inner + j + k];
        to += run;
        index += run;
        left -= run;
        if (++i == m->size) {
            i = 0;
            from += m->entries * inner;
        }
    }
}
