/* unfold of elements as wide as NUMBER. Included by cpu_columns.c alone. */

/* Planes of y: of one tap of one channel each. */
static void F(unfold)(void *context, int64_t begin, int64_t end) {
    const columns *u = context;
    const reel__span *h = &u->h, *w = &u->w;
    for (int64_t p = begin; p < end; p++) {
        const int64_t tap1 = p % w->kernel, tap0 = p / w->kernel % h->kernel,
                      plane = p / w->kernel / h->kernel;
        const NUMBER *x = (const NUMBER *)u->x + plane * h->in * w->in;
        NUMBER *y = (NUMBER *)u->y + p * h->out * w->out;
        const int64_t start = tap1 * w->dilation - w->before;
        int64_t from, to;
        inside(w, start, &from, &to);
        for (int64_t i = 0; i < h->out; i++, y += w->out) {
            const int64_t row = i * h->stride + tap0 * h->dilation - h->before;
            if (row < 0 || row >= h->in) {
                memset(y, 0, (size_t)w->out * sizeof *y);
                continue;
            }
            const NUMBER *from_row = x + row * w->in;
            for (int64_t j = 0; j < from; j++) y[j] = 0;
            if (w->stride == 1 && to > from)
                memcpy(y + from, from_row + start + from, (size_t)(to - from) * sizeof *y);
            else
                for (int64_t j = from; j < to; j++) y[j] = from_row[start + j * w->stride];
            for (int64_t j = to; j < w->out; j++) y[j] = 0;
        }
    }
}

#undef NUMBER
#undef F
