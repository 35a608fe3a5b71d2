/* max_pool_grad in one dtype, NUMBER. Included by cpu_max_pool.c alone. */

/* Planes of dx, each in the order of the windows. */
static void F(max_back)(void *context, int64_t begin, int64_t end) {
    const pooling *p = context;
    for (int64_t o = begin; o < end; o++) {
        const NUMBER *g = (const NUMBER *)p->x + o * p->out;
        const int64_t *index = p->index + o * p->out;
        NUMBER *dx = (NUMBER *)p->y + o * p->in;
        memset(dx, 0, (size_t)p->in * sizeof *dx);
        for (int64_t j = 0; j < p->out; j++)
            if ((uint64_t)index[j] < (uint64_t)p->in) dx[index[j]] += g[j];
    }
}

#undef NUMBER
#undef F
