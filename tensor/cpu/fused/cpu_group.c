/* Which calls can be one group, and when each of them runs. */
#include "tensor/cpu/fused/cpu_fused_internal.h"
#include "tensor/cpu/kernels/cpu_reduce_internal.h"

enum { LEAST = 256 }; /* elements that are worth a group */

/* ---- a call by itself ---- */

static bool is_elementwise(const reel__call *c) {
    return reel__ops[c->op].kind == REEL__MAP || c->op == REEL_OP_cast || c->op == REEL_OP_copy ||
           c->op == REEL_OP_dequantize || c->op == REEL_OP_where || c->op == REEL_OP_fill ||
           reel__is_drop(c);
}

bool reel__cpu_along(reel__along *a, const reel__call *c, const reel_tensor *in) {
    reel__nest n;
    int axis = -1;
    if (reel__is_fold(c)) {
        *a = (reel__along){.whole = true, .inner = 1, .count = reel_numel(in)};
        return reel_is_contiguous(in) && reel_shape_equal(in->layout.shape, c->in[0]->layout.shape);
    }
    reel__nest_make(&n, c->out[0], 1, (reel_tensor *const *)&in);
    *a = (reel__along){.inner = 1, .count = 1};
    for (int i = 0; i < n.ndim; i++) {
        if (n.stride[1][i] == 0) continue;
        if (axis >= 0 || (n.stride[1][i] != 1 && n.dim[i] > 1)) return false;
        axis = i;
        a->count = n.dim[i];
    }
    for (int i = axis + 1; axis >= 0 && i < n.ndim; i++) a->inner *= n.dim[i];
    a->whole = a->count == reel_numel(c->out[0]);
    return true;
}

/* Kernels compute in the dtypes of its inputs; the others are cast before. */
static bool is_plain(const reel__call *c) {
    if (c->op == REEL_OP_cast || c->op == REEL_OP_copy || c->op == REEL_OP_fill ||
        c->op == REEL_OP_dequantize)
        return true;
    for (int i = 0; i < c->nin; i++)
        if (c->in[i]->layout.dtype >= REEL__NUMBERS) return false;
    return true;
}

static bool folds_all(const reel__call *c) {
    const reel_shape s = c->in[0]->layout.shape;
    for (int i = 0; i < s.ndim; i++)
        if (s.dim[i] > 1 && !(c->with.reduce.axes >> i & 1)) return false;
    return reel_numel(c->out[0]) == 1;
}

bool reel__cpu_takes(const reel__group_node *n) {
    const reel__call *c = &n->call;
    const int nout = c->op == REEL_OP_dropout ? 2 : 1; /* the second: what the generator was */
    reel__along a;
    if (c->nout != nout || c->list || c->accumulate || c->nin > REEL__MOST_MAPPED || !is_plain(c))
        return false;
    if (!is_elementwise(c) && !(reel__is_fold(c) && folds_all(c))) return false;
    if (!reel_is_contiguous(c->out[0]) || reel_numel(c->out[0]) == 0) return false;
    for (int i = 0; i < (reel__is_drop(c) ? 1 : c->nin); i++) {
        if (reel_numel(c->in[i]) == 0 || !reel__cpu_along(&a, c, c->in[i])) return false;
        const bool here = a.whole && c->in[i]->layout.offset == c->out[0]->layout.offset;
        if (n->in[i] == n->out[0] && !here) return false;
    }
    return true;
}

/* ---- two calls on one memory ---- */

/* An operand: one of a node's inputs, or behind them one of its results. */
typedef struct {
    bool written;
    const reel_tensor *t;
    reel__along along;
} operand;

static int value_of(const reel__group_node *n, int i) {
    return i < n->call.nin ? n->in[i] : n->out[i - n->call.nin];
}

static bool is_result(const reel__group_node *n, int i) {
    return i >= n->call.nin;
}

/* Where a dropout's noise begins: no elements. */
static bool is_state(const reel__group_node *n, int i) {
    return reel__is_drop(&n->call) && i != 0 && i != n->call.nin;
}

/* States are read, and go on, before all else. */
static bool states_meet(const reel__group_node *a, int i, const reel__group_node *b, int k) {
    const bool advance = a->call.op == REEL_OP_dropout || b->call.op == REEL_OP_dropout;
    if (!is_state(a, i) || !is_state(b, k)) return false;
    return !advance || (a->call.op == b->call.op && i == 1 && k == 1);
}

static operand operand_of(const reel__group_node *n, int i) {
    const reel__call *c = &n->call;
    operand o = {.written = is_result(n, i)};
    o.t = o.written ? c->out[0] : c->in[i];
    if (o.written)
        o.along = (reel__along){.whole = true, .inner = 1, .count = reel_numel(o.t)};
    else
        reel__cpu_along(&o.along, c, o.t);
    return o;
}

static bool begin_alike(const operand *a, const operand *b) {
    return a->t->layout.offset == b->t->layout.offset && a->t->layout.dtype == b->t->layout.dtype;
}

/* Of operands of which one is written: whether what runs at these times sees what it would see one
 * call after the other. */
static bool in_order(const operand *a, reel__when first, const operand *b, reel__when then) {
    const bool alike = begin_alike(a, b) && a->along.count == b->along.count;
    if (first == REEL__BEFORE)
        return begin_alike(a, b) && (!a->written || b->along.count <= a->along.count);
    if (then == REEL__AFTER) return alike || !a->written;
    return first == REEL__TILED && alike && a->along.whole && b->along.whole;
}

/* Whether two nodes meet in a memory that one of them writes; *fine: they may. */
static bool meet(const reel__group_node *a, reel__when first, const reel__group_node *b,
                 reel__when then, bool *fine) {
    bool met = false;
    for (int i = 0; i < a->call.nin + a->call.nout; i++)
        for (int k = 0; k < b->call.nin + b->call.nout; k++) {
            if (value_of(a, i) != value_of(b, k) || states_meet(a, i, b, k)) continue;
            if (is_state(a, i) || is_state(b, k)) {
                *fine = false;
                return true;
            }
            if (!is_result(a, i) && !is_result(b, k)) continue;
            const operand x = operand_of(a, i), y = operand_of(b, k);
            met = true;
            *fine = *fine && in_order(&x, first, &y, then);
        }
    return met;
}

/* ---- all of them ---- */

/* Of few elements: as early as can be. */
static reel__when when_few(const reel__tiled *t, const reel__group *g, int k) {
    bool fine = true;
    for (int i = 0; i < k; i++)
        if (t->when[i] != REEL__BEFORE &&
            meet(&g->node[i], t->when[i], &g->node[k], REEL__AFTER, &fine))
            return REEL__AFTER;
    return REEL__BEFORE;
}

/* Parts of a fold are what threads take: not so few that most have nothing. */
static bool cuts_well(int64_t n) {
    const int64_t threads = reel_threads(), runs = (n + REEL__REDUCED_RUN - 1) / REEL__REDUCED_RUN;
    const int64_t rounds = (runs + threads - 1) / threads;
    return runs == 1 || rounds * threads * REEL__REDUCED_RUN <= n + n / 2;
}

bool reel__cpu_tiled(reel__tiled *t, const reel__group *g) {
    bool fine = true;
    *t = (reel__tiled){0};
    if (g->count > REEL__MOST_FUSED) return false;
    for (int k = 0; k < g->count; k++) {
        const int64_t n = reel__elements(&g->node[k].call);
        if (n > t->n) t->n = n;
    }
    for (int k = 0; k < g->count; k++) {
        const reel__call *c = &g->node[k].call;
        const int64_t n = reel__elements(c);
        if (n != t->n && n > REEL__FEW) return false;
        t->when[k] = n != t->n ? when_few(t, g, k) : reel__is_fold(c) ? REEL__FOLDED : REEL__TILED;
        t->folds = t->folds || t->when[k] == REEL__FOLDED;
        for (int i = 0; i < k; i++) meet(&g->node[i], t->when[i], &g->node[k], t->when[k], &fine);
        if (!fine) return false;
    }
    return t->n >= LEAST && (!t->folds || cuts_well(t->n));
}

bool reel__cpu_joins(const reel__group *g) {
    reel__tiled t;
    return reel__cpu_tiled(&t, g);
}
