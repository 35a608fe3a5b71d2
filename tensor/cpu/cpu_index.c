/* index_select, index_add, gather, scatter_add, slice_put: moves of whole elements, the same for
 * every dtype but for adding; and dequantize_rows, which makes floats of them on the way. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/nest_internal.h"

#include <string.h>

static void add_elements(reel_dtype dtype, void *to, const void *from, int64_t n) {
    const char *source = from;
    const double none[2] = {0, 0};
    reel__run r = {.n = n,
                   .out = to,
                   .in = {to, source},
                   .out_stride = 1,
                   .in_stride = {1, 1},
                   .constants = none};
    reel__cpu_loops()->map[REEL_OP_add][dtype](&r);
}

/* Every index in 0..size-1, or a failure that names the first that is not. `index` is contiguous.
 */
static reel_status check_indices(const reel__call *c, const reel_tensor *index, int64_t size) {
    const int64_t *i = reel__data(index), n = reel_numel(index);
    for (int64_t k = 0; k < n; k++)
        if (i[k] < 0 || i[k] >= size)
            return reel__fail_call(REEL_ERR_ARGUMENT, c,
                                   "index %lld at position %lld is not in 0..%lld", (long long)i[k],
                                   (long long)k, (long long)size - 1);
    return REEL_OK;
}

/* x (contiguous), index (contiguous) and the result around the axis. */
typedef struct {
    const reel_tensor *x, *index;
    reel_tensor *out;
    int64_t outer, inner, entries, size; /* entries of x and of the result along the axis */
} move;

typedef void (*mover)(const move *m, int64_t outer);

static void select(const move *m, int64_t o) {
    size_t row = (size_t)m->inner * reel_dtype_size(m->x->layout.dtype);
    const char *from = (const char *)reel__data(m->x) + (size_t)(o * m->entries) * row;
    char *to = (char *)reel__data(m->out) + (size_t)(o * m->size) * row;
    const int64_t *index = reel__data(m->index);
    for (int64_t i = 0; i < m->size; i++, to += row) memcpy(to, from + (size_t)index[i] * row, row);
}

static void index_add(const move *m, int64_t o) {
    size_t row = (size_t)m->inner * reel_dtype_size(m->x->layout.dtype);
    const char *from = (const char *)reel__data(m->x) + (size_t)(o * m->entries) * row;
    char *to = (char *)reel__data(m->out) + (size_t)(o * m->size) * row;
    const int64_t *index = reel__data(m->index);
    memset(to, 0, (size_t)m->size * row);
    for (int64_t i = 0; i < m->entries; i++, from += row)
        add_elements(m->x->layout.dtype, to + (size_t)index[i] * row, from, m->inner);
}

static void gather(const move *m, int64_t o) {
    size_t element = reel_dtype_size(m->x->layout.dtype);
    const char *from =
        (const char *)reel__data(m->x) + (size_t)(o * m->entries * m->inner) * element;
    char *to = (char *)reel__data(m->out) + (size_t)(o * m->size * m->inner) * element;
    const int64_t *index = (const int64_t *)reel__data(m->index) + o * m->size * m->inner;
    for (int64_t i = 0; i < m->size * m->inner; i++)
        memcpy(to + (size_t)i * element,
               from + (size_t)(index[i] * m->inner + i % m->inner) * element, element);
}

static void scatter_add(const move *m, int64_t o) {
    size_t element = reel_dtype_size(m->x->layout.dtype);
    const char *from =
        (const char *)reel__data(m->x) + (size_t)(o * m->entries * m->inner) * element;
    char *to = (char *)reel__data(m->out) + (size_t)(o * m->size * m->inner) * element;
    const int64_t *index = (const int64_t *)reel__data(m->index) + o * m->entries * m->inner;
    memset(to, 0, (size_t)(m->size * m->inner) * element);
    for (int64_t i = 0; i < m->entries * m->inner; i++)
        add_elements(m->x->layout.dtype,
                     to + (size_t)(index[i] * m->inner + i % m->inner) * element,
                     from + (size_t)i * element, 1);
}

typedef struct {
    const move *m;
    mover f;
} task;

static void work(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    for (int64_t o = begin; o < end; o++) t->f(t->m, o);
}

static reel_status run(const reel__call *c, mover f, bool into_result) {
    int axis = (int)c->attr.i[0];
    reel_status status = REEL_OK;
    REEL_SCOPE {
        reel_tensor *x = reel_contiguous_at(c->at, c->in[0]),
                    *index = reel_contiguous_at(c->at, c->in[1]);
        move m = {.x = x,
                  .index = index,
                  .out = c->out[0],
                  .entries = reel_dim(x, axis),
                  .size = reel_dim(c->out[0], axis)};
        task t = {&m, f};
        status = x && index ? check_indices(c, index, into_result ? m.size : m.entries)
                            : reel_error_status();
        reel__around_axis(reel_shape_of(c->out[0]), axis, &m.outer, &m.inner);
        if (status == REEL_OK && m.inner > 0)
            reel__cpu_parallel(m.outer, 65536 / (m.inner * (m.size + m.entries) + 1) + 1, work, &t);
    }
    return status;
}

reel_status reel__cpu_index_select(const reel__call *c) {
    return run(c, select, false);
}

reel_status reel__cpu_index_add(const reel__call *c) {
    return run(c, index_add, true);
}

reel_status reel__cpu_gather(const reel__call *c) {
    return run(c, gather, false);
}

reel_status reel__cpu_scatter_add(const reel__call *c) {
    return run(c, scatter_add, true);
}

/* ---- dequantize_rows ---- */

typedef struct {
    reel__loop loop;
    const double *scale;
    const char *x;
    const int64_t *index;
    char *out;
    int64_t length; /* of a row, in elements */
    size_t x_row, out_row;
} rows;

static void work_rows(void *context, int64_t begin, int64_t end) {
    const rows *r = context;
    for (int64_t i = begin; i < end; i++) {
        const reel__run run = {.n = r->length,
                               .out = r->out + (size_t)i * r->out_row,
                               .in = {r->x + (size_t)r->index[i] * r->x_row},
                               .out_stride = 1,
                               .in_stride = {1},
                               .constants = r->scale};
        r->loop(&run);
    }
}

#define GRAIN 8192 /* elements */

reel_status reel__cpu_dequantize_rows(const reel__call *c) {
    const reel_dtype from = c->in[0]->layout.dtype, to = c->out[0]->layout.dtype;
    REEL_SCOPE {
        const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]),
                          *index = reel_contiguous_at(c->at, c->in[1]);
        if (!x || !index) return reel_error_status();
        REEL_TRY(check_indices(c, index, reel_dim(x, 0)));
        rows r = {.loop = reel__cpu_loops()->dequantize[to][from],
                  .scale = c->attr.f,
                  .x = reel__data(x),
                  .index = reel__data(index),
                  .out = reel__data(c->out[0])};
        int64_t outer;
        reel__around_axis(x->layout.shape, 0, &outer, &r.length);
        r.x_row = (size_t)r.length * reel_dtype_size(from);
        r.out_row = (size_t)r.length * reel_dtype_size(to);
        reel__cpu_parallel(reel_numel(index), GRAIN / (r.length + 1) + 1, work_rows, &r);
    }
    return REEL_OK;
}

/* i: axis, start, count, step. */
reel_status reel__cpu_slice_put(const reel__call *c) {
    reel_tensor *out = c->out[0];
    int axis = (int)c->attr.i[0];
    reel_status status = REEL_OK;
    memset(reel__data(out), 0, out->storage->bytes);
    REEL_SCOPE {
        reel_tensor *part = reel_slice_at(c->at, out, axis, c->attr.i[1], INT64_MAX, c->attr.i[3]);
        reel_tensor *in = reel_slice_at(c->at, part, axis, 0, c->attr.i[2], 1);
        if (!reel_copy_at_(c->at, in, c->in[0])) status = reel_error_status();
    }
    return status;
}
