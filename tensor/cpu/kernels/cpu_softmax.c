/* softmax and log_softmax along an axis: of rows, or of columns side by side. */
#include "tensor/cpu/kernels/cpu_copy_internal.h"
#include "tensor/cpu/loops/cpu_fold_internal.h"
#include "tensor/ops/nest_internal.h"

#define GRAIN 4096

typedef struct {
    reel__softmax_loop loop;
    reel__tile tile;
    const char *x;
    char *out;
    int64_t n, inner, size; /* bytes of an element */
    int64_t wide, chunks;   /* columns that go together */
} softmax;

static void work_rows(void *context, int64_t begin, int64_t end) {
    const softmax *s = context;
    const int64_t at = begin * s->n * s->size;
    s->loop(s->out + at, s->x + at, s->n, end - begin, 0);
}

/* Short rows begin..end, which are turned, and then are columns, and back. */
static void work_short_rows(void *context, int64_t begin, int64_t end) {
    const softmax *s = context;
    double turned[REEL__TURNED * REEL__SHORT];
    for (int64_t i = begin; i < end; i += REEL__TURNED) {
        const int64_t rows = reel__least(end - i, REEL__TURNED), at = i * s->n * s->size;
        s->tile(turned, REEL__TURNED, s->x + at, 1, s->n, s->n, rows);
        s->loop(turned, turned, s->n, rows, REEL__TURNED);
        s->tile(s->out + at, s->n, turned, 1, REEL__TURNED, rows, s->n);
    }
}

static void work_columns(void *context, int64_t begin, int64_t end) {
    const softmax *s = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t column = i % s->chunks * s->wide;
        const int64_t at = (i / s->chunks * s->n * s->inner + column) * s->size;
        s->loop(s->out + at, s->x + at, s->n, reel__least(s->inner - column, s->wide), s->inner);
    }
}

/* As many as can be, so that rows are read in long stretches, but something for each thread. */
static int64_t columns_together(const softmax *s, int64_t outer) {
    const int64_t line = REEL__LINE / s->size, share = s->inner * outer / reel_threads();
    const int64_t wide = (share + line - 1) / line * line;
    return reel__least(reel__least(wide > 0 ? wide : line, REEL__FOLD_CHUNK), s->inner);
}

static void take_softmax(softmax *s, int64_t outer, const reel__softmax_loop loop[2]) {
    const bool is_short = s->n <= REEL__SHORT && outer >= REEL__TURNED;
    s->loop = loop[s->inner > 1 || is_short];
    s->wide = columns_together(s, outer);
    s->chunks = (s->inner + s->wide - 1) / s->wide;
    if (s->inner > 1)
        reel__cpu_parallel(outer * s->chunks, 2 * GRAIN / (s->n * s->wide) + 1, work_columns, s);
    else
        reel__cpu_parallel(outer, GRAIN / s->n + 1, is_short ? work_short_rows : work_rows, s);
}

static reel_status softmax_with(const reel__call *c, const reel__softmax_loop loop[2]) {
    const int axis = c->with.axis;
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    softmax s = {.tile = reel__cpu_tile(reel_dtype_size(x->layout.dtype)),
                 .x = reel__data(x),
                 .out = reel__data(c->out[0]),
                 .n = x->layout.shape.dim[axis],
                 .size = (int64_t)reel_dtype_size(x->layout.dtype)};
    int64_t outer;
    reel__around_axis(x->layout.shape, axis, &outer, &s.inner);
    take_softmax(&s, outer, loop);
    return REEL_OK;
}

reel_status reel__cpu_softmax(const reel__call *c) {
    return softmax_with(c, reel__cpu_exponentials()->softmax[c->in[0]->layout.dtype]);
}

reel_status reel__cpu_log_softmax(const reel__call *c) {
    return softmax_with(c, reel__cpu_exponentials()->log_softmax[c->in[0]->layout.dtype]);
}
