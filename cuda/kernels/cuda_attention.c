/* Attention and its gradient: operands as they lie, and memory for what a query's gradients have in
 * common. */
#include "cuda/cuda_internal.h"
#include "tensor/formulas/attention_words_internal.h"
#include "tensor/ops/attention_internal.h"

#include <math.h>

/* Of [B,H,T,E], or of [B,T,H,E], whose last axis is contiguous. */
static reel__cuda_attention_operand operand_of(const reel_tensor *t, bool rows_first) {
    const int64_t *stride = t->layout.stride;
    return (reel__cuda_attention_operand){reel__data(t), stride[0], stride[rows_first ? 2 : 1],
                                          stride[rows_first ? 1 : 2]};
}

/* A part of the packed result, [B,rows,heads,width]. */
static reel__cuda_attention_operand part_of(void *data, int64_t rows, int64_t heads,
                                            int64_t width) {
    return (reel__cuda_attention_operand){data, rows * heads * width, width, heads * width};
}

static reel_tensor *by_rows(const reel__call *c, reel_tensor *t) {
    if (t->layout.shape.dim[3] == 1 || t->layout.stride[3] == 1) return t;
    return reel_contiguous_at(c->at, t);
}

/* Whether its rows of `width` move in units. */
static bool in_units(const reel__cuda_attention_operand *o, int64_t width, int64_t size) {
    const int64_t together = o->batch | o->head | o->row | width;
    return (uintptr_t)o->data % REEL__CUDA_VECTOR == 0 && together * size % REEL__CUDA_VECTOR == 0;
}

/* Of q, k, v, bias and seed; false, and a failure kept, without memory. In a scope of the caller's.
 */
static bool fill(reel__cuda_attention_work *w, const reel__call *c, const reel_tensor *seed) {
    const reel_tensor *bias = c->in[3], *q = by_rows(c, c->in[0]), *k = by_rows(c, c->in[1]),
                      *v = by_rows(c, c->in[2]);
    if (!q || !k || !v) return false;
    const reel__attention_sizes n = reel__attention_sizes_of(q, k, v);
    const int64_t size = (int64_t)reel_dtype_size(q->layout.dtype);
    const double dropout = c->with.attention.dropout;
    *w = (reel__cuda_attention_work){.batch = n.batch,
                                     .heads = n.heads,
                                     .groups = n.groups,
                                     .queries = n.queries,
                                     .keys = n.keys,
                                     .width = n.width,
                                     .value_width = n.value_width,
                                     .scale = c->with.attention.scale,
                                     .kept = 1 / (1 - dropout),
                                     .causal = c->with.attention.causal,
                                     .q = operand_of(q, false),
                                     .k = operand_of(k, false),
                                     .v = operand_of(v, false)};
    w->units = in_units(&w->q, n.width, size) && in_units(&w->k, n.width, size) &&
               in_units(&w->v, n.value_width, size);
    if (reel__attention_has(bias)) {
        w->bias = reel__data(bias);
        for (int i = 0; i < 4; i++)
            w->bias_step[i] = bias->layout.shape.dim[i] == 1 ? 0 : bias->layout.stride[i];
    }
    if (reel__attention_has(seed)) {
        w->drops = true;
        w->seed = reel__data(seed);
        w->seed_step = seed->layout.stride[0];
        w->threshold = reel__least_kept(dropout);
    }
    return true;
}

reel_status reel__cuda_attention(const reel__call *c) {
    reel_tensor *y = c->out[0], *lse = c->out[1];
    reel_status status = REEL_OK;
    if (reel_numel(lse) == 0) return REEL_OK;
    if (reel_numel(c->in[1]) == 0 || reel_numel(y) == 0) {
        const bool done = reel_fill_at_(c->at, y, 0) && reel_fill_at_(c->at, lse, INFINITY);
        return done ? REEL_OK : reel_error_status();
    }
    REEL_SCOPE;
    reel__cuda_attention_work w;
    if (!fill(&w, c, c->in[4])) return reel_error_status();
    const reel_dtype dtype = y->layout.dtype;
    w.y = operand_of(y, true);
    w.lse = reel__data(lse);
    w.units = w.units && in_units(&w.y, w.value_width, (int64_t)reel_dtype_size(dtype));
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    status = reel__cuda_launched(c, reel__cuda_launch_attention(&w, dtype, d->queue));
    return status;
}

/* What the kernels write, and what they read besides. In a scope of the caller's. */
static bool fill_back(reel__cuda_attention_work *w, const reel__call *c) {
    const reel_tensor *y = by_rows(c, c->in[4]), *g = by_rows(c, c->in[6]),
                      *lse = reel_contiguous_at(c->at, c->in[5]),
                      *delta = lse ? reel_empty_like_at(c->at, c->in[5]) : NULL;
    if (!y || !g || !delta || !fill(w, c, c->in[7])) return false;
    const int64_t size = (int64_t)reel_dtype_size(y->layout.dtype);
    char *to = reel__data(c->out[0]);
    w->y = operand_of(y, true);
    w->g = operand_of(g, true);
    w->lse = reel__data(lse);
    w->delta = reel__data(delta);
    w->dq = part_of(to, w->queries, w->heads, w->width);
    to += reel_numel(c->in[0]) * size;
    w->dk = part_of(to, w->keys, w->groups, w->width);
    to += reel_numel(c->in[1]) * size;
    w->dv = part_of(to, w->keys, w->groups, w->value_width);
    w->units =
        w->units && in_units(&w->y, w->value_width, size) && in_units(&w->g, w->value_width, size);
    w->units_out = in_units(&w->dq, w->width, size) && in_units(&w->dk, w->width, size) &&
                   in_units(&w->dv, w->value_width, size);
    return true;
}

reel_status reel__cuda_attention_grad(const reel__call *c) {
    reel_tensor *out = c->out[0];
    reel_status status = REEL_OK;
    if (reel_numel(out) == 0) return REEL_OK;
    if (reel_numel(c->in[5]) == 0 || reel_numel(c->in[4]) == 0 || reel_numel(c->in[1]) == 0)
        return reel_fill_at_(c->at, out, 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE;
    reel__cuda_attention_work w;
    if (!fill_back(&w, c)) return reel_error_status();
    const reel_dtype dtype = out->layout.dtype;
    const size_t bytes = (size_t)reel__cuda_attention_turns(&w, dtype) * sizeof *w.turns;
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    w.turns = reel__cuda_scratch(c, bytes);
    if (!w.turns) return reel_error_status();
    status = reel__cuda_launched(c, reel__cuda_launch_attention_grad(&w, dtype, d->queue));
    reel__cuda_free(d->index, w.turns, bytes);
    return status;
}

reel_status reel__cuda_attention_kept(const reel__call *c) {
    reel_tensor *out = c->out[0];
    if (reel_numel(out) == 0) return REEL_OK;
    const double p = c->with.bernoulli.p;
    const int64_t keys = reel_dim(out, -1);
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    return reel__cuda_launched(
        c, reel__cuda_launch_attention_kept(reel__data(out), reel_numel(out) / keys, keys,
                                            reel__data(c->in[0]), c->in[0]->layout.stride[0],
                                            reel__least_kept(p), 1 / (1 - p), out->layout.dtype,
                                            d->queue));
}
