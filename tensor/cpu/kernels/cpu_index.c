/* index_select, gather, one_hot, slice_put: moves of whole elements, the same for every dtype; and
 * dequantize_rows, which makes floats of them on the way. */
#include "tensor/cpu/kernels/cpu_copy_internal.h"
#include "tensor/cpu/kernels/cpu_index_internal.h"

#include <stdatomic.h>
#include <string.h>

#define GRAIN 8192 /* elements */
#define AHEAD 2    /* rows from which one is asked for: nothing but its index says where it lies */
#define BLOCK 1024 /* indices that are checked, and then used while they are in the cache */

/* ---- operands, and their check ---- */

reel_status reel__cpu_move_make(reel__move *m, const reel__call *c) {
    const int axis = c->with.index.axis;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]),
                      *index = reel_contiguous_at(c->at, c->in[1]);
    if (!x || !index) return reel_error_status();
    *m = (reel__move){.dtype = x->layout.dtype,
                      .x = reel__data(x),
                      .out = reel__data(c->out[0]),
                      .index = reel__data(index),
                      .indices = reel_numel(index),
                      .entries = reel_dim(x, axis),
                      .size = reel_dim(c->out[0], axis)};
    reel__around_axis(c->out[0]->layout.shape, axis, &m->outer, &m->inner);
    return REEL_OK;
}

static reel_status name_first(const reel__call *c, const int64_t *index, int64_t n, int64_t size) {
    int64_t k = 0;
    while (k < n - 1 && index[k] >= 0 && index[k] < size) k++;
    return reel__fail_call(REEL_ERR_ARGUMENT, c, "index %lld at position %lld is not in 0..%lld",
                           (long long)index[k], (long long)k, (long long)size - 1);
}

typedef struct {
    const int64_t *index;
    int64_t size;
    atomic_bool wrong;
} check;

static void check_part(void *context, int64_t begin, int64_t end) {
    check *k = context;
    if (!reel__cpu_loops()->indices_fit(k->index + begin, end - begin, k->size))
        atomic_store(&k->wrong, true);
}

reel_status reel__cpu_check_indices(const reel__call *c, const int64_t *index, int64_t n,
                                    int64_t size) {
    check k = {.index = index, .size = size};
    reel__cpu_parallel(n, 8 * GRAIN, check_part, &k);
    return k.wrong ? name_first(c, index, n, size) : REEL_OK;
}

/* ---- index_select, gather ---- */

#define F(name) name##_of_1
#define T uint8_t
#include "tensor/cpu/kernels/cpu_index_of_internal.h"
#undef F
#undef T
#define F(name) name##_of_2
#define T uint16_t
#include "tensor/cpu/kernels/cpu_index_of_internal.h"
#undef F
#undef T
#define F(name) name##_of_4
#define T uint32_t
#include "tensor/cpu/kernels/cpu_index_of_internal.h"
#undef F
#undef T
#define F(name) name##_of_8
#define T uint64_t
#include "tensor/cpu/kernels/cpu_index_of_internal.h"
#undef F
#undef T

/* Units begin..end of the result, to each of which belongs an index. */
typedef void (*mover)(const reel__move *m, const int64_t *index, int64_t begin, int64_t end);

static const mover picks[] = {[1] = pick_of_1, [2] = pick_of_2, [4] = pick_of_4, [8] = pick_of_8};
static const mover short_rows[] = {
    [1] = short_rows_of_1, [2] = short_rows_of_2, [4] = short_rows_of_4, [8] = short_rows_of_8};
static const mover gathers[] = {
    [1] = gather_of_1, [2] = gather_of_2, [4] = gather_of_4, [8] = gather_of_8};

static void long_rows(const reel__move *m, const int64_t *index, int64_t begin, int64_t end) {
    const size_t row = (size_t)m->inner * reel_dtype_size(m->dtype);
    const char *from = (const char *)m->x + (size_t)(begin / m->size * m->entries) * row;
    char *to = (char *)m->out + (size_t)begin * row;
    for (int64_t k = 0; k < end - begin; k++) {
        if (k + AHEAD < end - begin)
            reel__cpu_fetch(from + (size_t)index[k + AHEAD] * row, (int64_t)row);
        memcpy(to + (size_t)k * row, from + (size_t)index[k] * row, row);
    }
}

typedef struct {
    const reel__move *m;
    mover move;
    int64_t period; /* a block is of one period */
    bool repeats;   /* and each period has the same indices */
    atomic_bool wrong;
} task;

static void work(void *context, int64_t begin, int64_t end) {
    task *t = context;
    for (int64_t next; begin < end; begin = next) {
        const int64_t within = begin % t->period, rest = t->period - within;
        const int64_t *index = t->m->index + (t->repeats ? within : begin);
        next = begin + (rest < BLOCK ? rest : BLOCK);
        if (next > end) next = end;
        if (!reel__cpu_loops()->indices_fit(index, next - begin, t->m->entries)) {
            atomic_store(&t->wrong, true);
            return;
        }
        t->move(t->m, index, begin, next);
    }
}

static reel_status move_by_index(const reel__call *c, task *t, int64_t units) {
    const reel__move *m = t->m;
    if (units == 0) return reel__cpu_check_indices(c, m->index, m->indices, m->entries);
    reel__cpu_parallel(units, GRAIN * units / reel_numel(c->out[0]) + 1, work, t);
    return t->wrong ? name_first(c, m->index, m->indices, m->entries) : REEL_OK;
}

reel_status reel__cpu_index_select(const reel__call *c) {
    reel__move m;
    REEL_SCOPE;
    REEL_TRY(reel__cpu_move_make(&m, c));
    const size_t element = reel_dtype_size(m.dtype);
    task t = {.m = &m, .period = m.size, .repeats = true};
    t.move = m.inner == 1 ? picks[element] : m.inner < 8 ? short_rows[element] : long_rows;
    return move_by_index(c, &t, m.inner ? m.outer * m.size : 0);
}

reel_status reel__cpu_gather(const reel__call *c) {
    reel__move m;
    REEL_SCOPE;
    REEL_TRY(reel__cpu_move_make(&m, c));
    const size_t element = reel_dtype_size(m.dtype);
    task t = {.m = &m, .move = picks[element], .period = m.size};
    if (m.inner != 1) t.move = gathers[element], t.period = m.indices;
    return move_by_index(c, &t, m.indices);
}

/* ---- one_hot ---- */

typedef struct {
    char *out;
    const int64_t *index;
    int64_t classes;
    char one[8];
    size_t size;
} hot_rows;

static void work_hot(void *context, int64_t begin, int64_t end) {
    const hot_rows *h = context;
    const size_t row = (size_t)h->classes * h->size;
    for (int64_t i = begin; i < end; i++) {
        memset(h->out + (size_t)i * row, 0, row);
        memcpy(h->out + (size_t)i * row + (size_t)h->index[i] * h->size, h->one, h->size);
    }
}

reel_status reel__cpu_one_hot(const reel__call *c) {
    const reel_dtype dtype = c->with.one_hot.dtype;
    reel_status status = REEL_OK;
    REEL_SCOPE;
    const reel_tensor *index = reel_contiguous_at(c->at, c->in[0]),
                      *one = reel_full_at(c->at, REEL_SCALAR, 1, dtype, c->device);
    if (!index || !one) return reel_error_status();
    hot_rows h = {.out = reel__data(c->out[0]),
                  .index = reel__data(index),
                  .classes = c->with.one_hot.classes,
                  .size = reel_dtype_size(dtype)};
    const int64_t n = reel_numel(index);
    memcpy(h.one, reel__data(one), h.size);
    status = reel__cpu_check_indices(c, h.index, n, h.classes);
    if (status == REEL_OK)
        reel__cpu_parallel(n, h.classes > 0 ? GRAIN / h.classes + 1 : GRAIN, work_hot, &h);
    return status;
}

/* ---- dequantize_rows ---- */

typedef struct {
    reel__loop loop;
    const double *constants;
    const char *x;
    const int64_t *index;
    char *out;
    int64_t length; /* of a row, in elements */
    size_t x_row, out_row;
} rows;

static void work_rows(void *context, int64_t begin, int64_t end) {
    const rows *r = context;
    for (int64_t i = begin; i < end; i++) {
        if (i + AHEAD < end)
            reel__cpu_fetch(r->x + (size_t)r->index[i + AHEAD] * r->x_row, (int64_t)r->x_row);
        const reel__run run = {.n = r->length,
                               .out = r->out + (size_t)i * r->out_row,
                               .in = {r->x + (size_t)r->index[i] * r->x_row},
                               .out_stride = 1,
                               .in_stride = {1},
                               .constants = r->constants};
        r->loop(&run);
    }
}

reel_status reel__cpu_dequantize_rows(const reel__call *c) {
    const reel_dtype from = c->in[0]->layout.dtype, to = c->out[0]->layout.dtype;
    const double constants[2] = {c->with.index.scale, 0};
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]),
                      *index = reel_contiguous_at(c->at, c->in[1]);
    if (!x || !index) return reel_error_status();
    REEL_TRY(reel__cpu_check_indices(c, reel__data(index), reel_numel(index), reel_dim(x, 0)));
    rows r = {.loop = reel__cpu_loops()->dequantize[to][from],
              .constants = constants,
              .x = reel__data(x),
              .index = reel__data(index),
              .out = reel__data(c->out[0])};
    int64_t outer;
    reel__around_axis(x->layout.shape, 0, &outer, &r.length);
    r.x_row = (size_t)r.length * reel_dtype_size(from);
    r.out_row = (size_t)r.length * reel_dtype_size(to);
    reel__cpu_parallel(reel_numel(index), GRAIN / (r.length + 1) + 1, work_rows, &r);
    return REEL_OK;
}

/* ---- slice_put ---- */

reel_status reel__cpu_slice_put(const reel__call *c) {
    const reel_tensor *out = c->out[0],
                      part = reel__sliced(out, c->with.slice.axis, c->with.slice.start,
                                          c->with.slice.count, c->with.slice.step);
    memset(reel__data(out), 0, reel__layout_bytes(&out->layout));
    reel__cpu_copy_into(&part, c->in[0]);
    return REEL_OK;
}
