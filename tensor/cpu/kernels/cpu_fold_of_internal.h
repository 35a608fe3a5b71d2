/* fold in one dtype, NUMBER. Included by cpu_columns.c alone. */

/* Planes of the result, to which taps are added in their order. */
static void F(fold)(void *context, int64_t begin, int64_t end) {
    const columns *u = context;
    const reel__span *h = &u->h, *w = &u->w;
    const int64_t taps = (int64_t)h->kernel * w->kernel;
    for (int64_t p = begin; p < end; p++) {
        NUMBER *restrict y = (NUMBER *)u->y + p * h->in * w->in;
        memset(y, 0, (size_t)(h->in * w->in) * sizeof *y);
        for (int64_t tap = 0; tap < taps; tap++) {
            const NUMBER *restrict x = (const NUMBER *)u->x + (p * taps + tap) * h->out * w->out;
            const int64_t start = tap % w->kernel * w->dilation - w->before;
            int64_t from, to, first, last;
            inside(w, start, &from, &to);
            const int64_t above = tap / w->kernel * h->dilation - h->before;
            inside(h, above, &first, &last);
            for (int64_t i = first; i < last; i++) {
                NUMBER *restrict row = y + (above + i * h->stride) * w->in;
                const NUMBER *restrict of = x + i * w->out;
                if (w->stride == 1)
                    for (int64_t j = from; j < to; j++) row[start + j] += of[j];
                else
                    for (int64_t j = from; j < to; j++) row[start + j * w->stride] += of[j];
            }
        }
    }
}

#undef NUMBER
#undef F
