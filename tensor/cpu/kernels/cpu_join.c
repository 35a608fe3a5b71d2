/* concat, stack, flip, tril, triu: elements moved in runs. */
#include "tensor/cpu/kernels/cpu_copy_internal.h"

#include <string.h>

#define GRAIN 16384 /* bytes */

/* ---- concat, stack: out[outer, ...], of which each input has a run of each row ---- */

typedef struct {
    const reel__call *call;
    int64_t inner;
    size_t size, row; /* bytes of an element, of a row */
} join;

/* Bytes of an input's run. */
static size_t width_of(const join *j, int i) {
    return (size_t)(reel__joined_entries(j->call, i) * j->inner) * j->size;
}

/* Bytes first..end of the result. */
static void work_join(void *context, int64_t first, int64_t end) {
    const join *j = context;
    const reel__call *c = j->call;
    char *to = (char *)reel__data(c->out[0]) + first;
    size_t row = (size_t)first / j->row, within = (size_t)first % j->row,
           left = (size_t)(end - first);
    for (int i = 0; left > 0; i++) {
        if (i == c->nin) i = 0, row++;
        const size_t width = width_of(j, i);
        if (within >= width) {
            within -= width;
            continue;
        }
        const size_t run = width - within < left ? width - within : left;
        memcpy(to, (const char *)reel__data(c->list[i]) + row * width + within, run);
        to += run;
        left -= run;
        within = 0;
    }
}

/* Whether inputs lie as the result wants them; single elements, each from another input, are better
 * copied input by input. */
static bool joins_runs(const reel__call *c, int64_t outer) {
    for (int i = 0; i < c->nin; i++)
        if (!reel_is_contiguous(c->list[i])) return false;
    return reel_numel(c->out[0]) > outer * c->nin || outer <= 64;
}

static reel_status run_join(const reel__call *c) {
    const reel_tensor *out = c->out[0];
    int64_t outer, inner, before = 0;
    if (reel_numel(out) == 0) return REEL_OK;
    reel__around_axis(out->layout.shape, c->with.axis, &outer, &inner);
    if (joins_runs(c, outer)) {
        join j = {.call = c,
                  .inner = inner,
                  .size = reel_dtype_size(out->layout.dtype),
                  .row = reel__layout_bytes(&out->layout) / (size_t)outer};
        reel__cpu_parallel((int64_t)reel__layout_bytes(&out->layout), GRAIN, work_join, &j);
        return REEL_OK;
    }
    for (int i = 0; i < c->nin; i++) {
        const reel_tensor part = reel__joined_part(c, i, before);
        reel__cpu_copy_into(&part, c->list[i]);
        before += reel__joined_entries(c, i);
    }
    return REEL_OK;
}

reel_status reel__cpu_concat(const reel__call *c) {
    return run_join(c);
}

reel_status reel__cpu_stack(const reel__call *c) {
    return run_join(c);
}

/* ---- flip ---- */

reel_status reel__cpu_flip(const reel__call *c) {
    const reel_tensor from = reel__flipped(c->in[0], c->with.axis);
    reel__cpu_copy_into(c->out[0], &from);
    return REEL_OK;
}

/* ---- tril, triu ---- */

typedef struct {
    const char *x;
    char *out;
    int64_t rows, columns, diagonal;
    size_t size;
    bool lower;
} triangle;

/* Rows begin..end of all matrices: what is kept of a row ends, or begins, at the diagonal. */
static void work_triangle(void *context, int64_t begin, int64_t end) {
    const triangle *t = context;
    const size_t row = (size_t)t->columns * t->size;
    for (int64_t i = begin; i < end; i++) {
        int64_t cut = i % t->rows + t->diagonal + t->lower;
        cut = cut < 0 ? 0 : cut > t->columns ? t->columns : cut;
        const size_t first = (size_t)cut * t->size, rest = row - first;
        const char *from = t->x + (size_t)i * row;
        char *to = t->out + (size_t)i * row;
        memcpy(t->lower ? to : to + first, t->lower ? from : from + first, t->lower ? first : rest);
        memset(t->lower ? to + first : to, 0, t->lower ? rest : first);
    }
}

static reel_status keep_triangle(const reel__call *c, bool lower) {
    const reel_shape s = c->out[0]->layout.shape;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    triangle t = {.x = reel__data(x),
                  .out = reel__data(c->out[0]),
                  .rows = s.dim[s.ndim - 2],
                  .columns = s.dim[s.ndim - 1],
                  .diagonal = c->with.triangle.diagonal,
                  .size = reel_dtype_size(x->layout.dtype),
                  .lower = lower};
    reel__cpu_parallel(reel_numel(x) / t.columns, GRAIN / t.columns + 1, work_triangle, &t);
    return REEL_OK;
}

reel_status reel__cpu_tril(const reel__call *c) {
    return keep_triangle(c, true);
}

reel_status reel__cpu_triu(const reel__call *c) {
    return keep_triangle(c, false);
}
