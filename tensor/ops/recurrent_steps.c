/* The steps of a recurrent layer, on any device: a product of the state with its weight, and what
 * the backend does by element. */
#include "tensor/ops/ops_internal.h"
#include "tensor/ops/recurrent_internal.h"

/* What all steps have in common. */
typedef struct {
    const reel__call *c;
    int cell, planes;
    int64_t steps, batch, hidden, wide;
    size_t size;
    bool reverse;
} sequence;

static sequence sequence_of(const reel__call *c, reel_shape planes) {
    const int cell = c->with.recurrent.cell;
    return (sequence){.c = c,
                      .cell = cell,
                      .planes = reel__cell_planes(cell),
                      .steps = planes.dim[1],
                      .batch = planes.dim[2],
                      .hidden = planes.dim[3],
                      .wide = planes.dim[3] * reel__cell_gates(cell),
                      .size = reel_dtype_size(c->in[0]->layout.dtype),
                      .reverse = c->with.recurrent.reverse};
}

/* Block i of so many elements. */
static void *part(const sequence *q, void *from, int64_t i, int64_t elements) {
    return from ? (char *)from + (size_t)(i * elements) * q->size : NULL;
}
static const void *read_part(const sequence *q, const void *from, int64_t i, int64_t elements) {
    return (const char *)from + (size_t)(i * elements) * q->size;
}

static bool lengths_of(const sequence *q, reel_tensor *given, const int64_t **lengths) {
    *lengths = NULL;
    if (!reel__recurrent_has(given)) return true;
    const reel_tensor *t = reel_contiguous_at(q->c->at, given);
    if (t) *lengths = reel__data(t);
    return t != NULL;
}

/* Plane k of step t, and row t of another: views. */
static reel_tensor *plane(const sequence *q, reel_tensor *planes, int64_t k, int64_t t) {
    return reel_select_at(q->c->at, reel_select_at(q->c->at, planes, 0, k), 0, t);
}
static reel_tensor *row(const sequence *q, reel_tensor *of, int64_t t) {
    return reel_select_at(q->c->at, of, 0, t);
}

/* Where the states before the first step lie: in the planes, or at the end if there is no step. */
static reel_status begin_states(const sequence *q) {
    const reel__call *c = q->c;
    const int64_t first = q->reverse ? q->steps - 1 : 0;
    for (int i = 0; i < reel__cell_states(q->cell); i++) {
        reel_tensor *to =
            q->steps ? plane(q, c->out[1], q->planes - 1 - i, first) : row(q, c->out[0], i);
        if (!reel_copy_at_(c->at, to, c->in[3 + i])) return reel_error_status();
    }
    return REEL_OK;
}

static reel_status step_forward(const sequence *q, reel__recurrent_step s, int64_t i,
                                reel_tensor *z, reel_tensor *weight, reel__recurrent_step_fn step) {
    REEL_SCOPE;
    const reel__call *c = q->c;
    const int64_t t = q->reverse ? q->steps - 1 - i : i, state = q->batch * q->hidden;
    const bool last = i == q->steps - 1;
    const int64_t next = q->reverse ? t - 1 : t + 1;
    char *y = reel__data(c->out[0]), *planes = reel__data(c->out[1]);
    reel_tensor *h = plane(q, c->out[1], q->planes - 1, t);
    REEL_TRY(reel__matmul_into(c->at, z, h, weight, false)); /* h[B,H] weight[H,GH] */
    s.t = t;
    s.planes = part(q, planes, t, state);
    s.x = read_part(q, s.x, t, q->batch * q->wide);
    s.y = part(q, y, t, state);
    s.h = last ? part(q, y, q->steps, state)
               : part(q, planes, (q->planes - 1) * q->steps + next, state);
    if (q->cell == REEL__CELL_LSTM)
        s.c = last ? part(q, y, q->steps + 1, state)
                   : part(q, planes, (q->planes - 2) * q->steps + next, state);
    return step(c, &s);
}

reel_status reel__recurrent_steps(const reel__call *c, reel__recurrent_step_fn step) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const sequence q = sequence_of(c, c->out[1]->layout.shape);
    REEL_TRY(begin_states(&q));
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]), *b = reel_contiguous_at(c->at, c->in[2]),
                *z = reel_empty_at(c->at, reel_shape(q.batch, q.wide), c->in[0]->layout.dtype,
                                   c->device),
                *weight = reel_t_at(c->at, c->in[1]);
    reel__recurrent_step s = {.cell = q.cell,
                              .batch = q.batch,
                              .hidden = q.hidden,
                              .plane = q.steps * q.batch * q.hidden};
    if (!x || !b || !z || !weight || !lengths_of(&q, c->in[5], &s.lengths))
        return reel_error_status();
    s.x = reel__data(x);
    s.z = reel__data(z);
    s.b = reel__recurrent_has(b) ? reel__data(b) : NULL;
    for (int64_t i = 0; i < q.steps; i++) REEL_TRY(step_forward(&q, s, i, z, weight, step));
    return REEL_OK;
}

static reel_status step_back(const sequence *q, reel__recurrent_step s, int64_t i,
                             reel__recurrent_step_fn step) {
    REEL_SCOPE;
    const reel__call *c = q->c;
    const int64_t t = q->reverse ? i : q->steps - 1 - i, state = q->batch * q->hidden;
    s.t = t;
    s.planes = part(q, s.planes, t, state);
    s.g = read_part(q, s.g, t, state);
    s.dx = part(q, s.dx, t, q->batch * q->wide);
    s.dz = part(q, s.dz, t, q->batch * q->wide);
    REEL_TRY(step(c, &s));
    reel_tensor *dz = row(q, c->out[q->cell == REEL__CELL_GRU ? 1 : 0], t);
    return reel__matmul_into(c->at, c->out[2], dz, c->in[2], s.keeps); /* dz[B,GH] w[GH,H] */
}

reel_status reel__recurrent_steps_back(const reel__call *c, reel__recurrent_step_fn step) {
    if (reel_numel(c->out[2]) == 0) return REEL_OK;
    REEL_SCOPE;
    const sequence q = sequence_of(c, c->in[1]->layout.shape);
    reel_tensor *g = reel_contiguous_at(c->at, c->in[0]),
                *planes = reel_contiguous_at(c->at, c->in[1]);
    reel__recurrent_step s = {.cell = q.cell,
                              .batch = q.batch,
                              .hidden = q.hidden,
                              .plane = q.steps * q.batch * q.hidden};
    if (!g || !planes || !lengths_of(&q, c->in[3], &s.lengths)) return reel_error_status();
    for (int i = 0; i < reel__cell_states(q.cell); i++)
        if (!reel_copy_at_(c->at, c->out[2 + i], row(&q, g, q.steps + i)))
            return reel_error_status();
    s.g = reel__data(g);
    s.planes = reel__data(planes);
    s.dh = reel__data(c->out[2]);
    s.keeps = s.lengths || q.cell == REEL__CELL_GRU;
    s.dx = reel__data(c->out[0]);
    if (q.cell == REEL__CELL_LSTM) s.dc = reel__data(c->out[3]);
    if (q.cell == REEL__CELL_GRU) s.dz = reel__data(c->out[1]);
    for (int64_t i = 0; i < q.steps; i++) REEL_TRY(step_back(&q, s, i, step));
    return REEL_OK;
}
