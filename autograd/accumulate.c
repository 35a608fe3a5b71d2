/* Where gradients are added up: in a node until its turn comes, on a leaf, or in a slot of the
 * pass.
 */
#include "autograd/autograd_internal.h"
#include "tensor/ops/call_internal.h"
#include "tensor/ops/record_internal.h"

/* ---- what rules see ---- */

/* A rule of several ops computes in f32 where its op did, and what it gives is rounded once. Where
 * nothing was saved a rule is a step or two that g goes through as it is, and so it is of a
 * product, which the GEMM adds up. */
static bool is_wide(const reel__node *n) {
    return n->saves && n->op < REEL_OP_COUNT && n->op != REEL_OP_matmul &&
           reel__compute_dtype(n->op, n->dtype) != n->dtype;
}

reel_tensor *reel__seen(const reel__node *n, reel_tensor *t) {
    if (!t || reel_dtype_of(t) != n->dtype || !is_wide(n)) return t;
    return reel_cast_at(n->at, t, reel__compute_dtype(n->op, n->dtype));
}

reel_tensor *reel__saved(const reel__node *n, unsigned bit) {
    const int i = __builtin_ctz(bit);
    const bool is_input = i < REEL__MOST_INPUTS;
    reel_tensor *t = n->saves & bit ? n->saved[i] : NULL;
    if (t && atomic_load_explicit(&t->storage->version, memory_order_relaxed) != n->version[i]) {
        reel_fail(REEL_ERR_STATE, n->at,
                  "gradient of %s: %s %d was changed in place after it was saved", n->name,
                  is_input ? "input" : "result", is_input ? i : i - REEL__MOST_INPUTS);
        return NULL;
    }
    return reel__seen(n, bit == REEL__OUT(0) ? reel__node_result(n, t) : t);
}

void reel__let_go_saved(reel__node *n, unsigned bit) {
    if (n->pass->retain || !(n->saves & bit)) return;
    reel_release(n->saved[__builtin_ctz(bit)]);
    n->saves &= ~bit;
}

/* ---- sums ---- */

bool reel__is_fresh(const reel_tensor *t) {
    const reel__storage *s = t->storage;
    return atomic_load(&t->refs) == 1 && atomic_load(&s->refs) - atomic_load(&s->captured) == 1 &&
           reel_is_contiguous(t);
}

/* Ours alone: this scope's reference is the only one, the memory is not shared with a view, and it
 * is not the node's own gradient, which the rule may hand to its other input too. */
static bool can_take(const reel__node *n, const reel_tensor *g) {
    return g != n->pending && reel__is_fresh(g);
}

reel_tensor *reel__take_gradient(reel__node *n, reel_tensor *g) {
    if (g != n->pending || n->pass->recorded || !reel__is_fresh(g) ||
        reel__layout_overlaps(&g->layout))
        return NULL;
    n->pending = NULL;
    return reel__scope_give(g);
}

/* *sum += g, in place where that is seen by nobody and not recorded. */
static void add(const reel__pass *p, const char *at, reel_tensor **sum, bool *owned, reel_tensor *g,
                bool fresh) {
    if (!*sum) {
        *sum = reel_retain(g);
        *owned = fresh && !p->recorded;
    } else if (*owned) {
        reel__add_to(at, *sum, g);
    } else {
        reel_tensor *both = reel_retain(reel_add_at(at, *sum, g));
        reel_release(*sum);
        *sum = both;
        *owned = !p->recorded;
    }
}

static void put(struct reel__track *k, reel_tensor *g) {
    if (!g) return;
    reel_retain(g);
    reel_release(k->grad);
    k->grad = g;
}

/* Memory of g's own: clipping and optimizers change gradients in place. */
static reel_tensor *copy(const char *at, reel_tensor *g) {
    reel__call c = {.op = REEL_OP_copy, .at = at, .nin = 1, .nout = 1, .in = {g}};
    return reel__dispatch(&c) == REEL_OK ? reel__scope_give(c.out[0]) : NULL;
}

void reel__accumulate(const reel__pass *p, const char *at, reel_tensor *leaf, reel_tensor *g,
                      bool fresh) {
    struct reel__track *k = leaf->track;
    if (!k) return; /* frozen since */
    if (reel__note_gradient(leaf, true) != REEL_OK) return;
    if (!k->grad)
        put(k, fresh ? g : copy(at, g));
    else if (p->recorded || k->grad->track)
        put(k, reel_add_at(at, k->grad, g));
    else
        reel__add_to(at, k->grad, g);
}

void reel__deliver(reel__pass *p, const char *at, const reel__edge *e, reel_tensor *g, bool fresh) {
    if (e->node) {
        add(p, at, &e->node->pending, &e->node->owned, g, fresh);
        return;
    }
    reel__slot *s = reel__slot_of(p, e->leaf);
    if (s) s->reached = true;
    if (s && s->apart)
        add(p, at, &s->sum, &s->owned, g, fresh);
    else if (!p->selective)
        reel__accumulate(p, at, e->leaf, g, fresh);
}

/* ---- what rules answer ---- */

void reel__give(reel__node *n, int i, reel_tensor *gradient) {
    if (!gradient || !reel__needs(n, i)) return;
    reel_tensor *g = reel__sum_to(n->at, gradient, n->in_shape[i]);
    if (g && is_wide(n)) g = reel_cast_at(n->at, g, n->dtype);
    if (g) reel__deliver(n->pass, n->at, &n->edge[i], g, can_take(n, g));
}

/* Where 0 > 0, g; so that it stands on the tape of a recorded pass, and is 0 for any g. */
void reel__give_zero(reel__node *n, reel_tensor *g) {
    if (!g || !reel__needs(n, 0)) return;
    reel__give(n, 0, reel__relu_grad(n->at, g, reel__constant(n, 0, g)));
}

/* The last two axes change places, and nobody wants to see the gradient of what came of it. */
static bool is_mere_transpose(const reel__node *n) {
    const reel_shape *axes = &n->with.axes;
    if (n->op != REEL_OP_permute || axes->ndim < 2 || n->slot || n->hooks.first) return false;
    for (int i = 0; i < axes->ndim - 2; i++)
        if (axes->dim[i] != i) return false;
    return axes->dim[axes->ndim - 2] == axes->ndim - 1;
}

static bool adds_in_place(const reel__node *n, reel_tensor *leaf) {
    const struct reel__track *k = leaf->track;
    return k && reel__note_gradient(leaf, true) == REEL_OK && !(k->grad && k->grad->track) &&
           !reel__slot_of(n->pass, leaf);
}

/* The product is written into the leaf's gradient, or added to it. */
static void add_product(const reel__node *n, reel_tensor *leaf, reel_tensor *x, reel_tensor *y) {
    struct reel__track *k = leaf->track;
    reel_tensor *sum = k->grad ? k->grad : reel_empty_like_at(leaf->at, leaf);
    if (sum && reel__matmul_into(n->at, sum, x, y, k->grad != NULL) == REEL_OK) put(k, sum);
}

void reel__give_matmul(reel__node *n, int i, reel_tensor *x, reel_tensor *y) {
    const reel__edge *e = &n->edge[i];
    if (n->pass->recorded) {
        reel__give(n, i, reel_matmul_at(n->at, x, y));
    } else if (e->leaf && adds_in_place(n, e->leaf)) {
        add_product(n, e->leaf, x, y);
    } else if (e->node && is_mere_transpose(e->node)) {
        /* (x y)^T = y^T x^T, straight to what was transposed: a flag of the GEMM, not a copy */
        reel__give_matmul(e->node, 0, reel_t_at(n->at, y), reel_t_at(n->at, x));
    } else if (e->node && e->node->pending && e->node->owned) {
        reel__matmul_into(n->at, e->node->pending, x, y, true);
    } else {
        reel__give(n, i, reel_matmul_at(n->at, x, y));
    }
}

/* ---- slices: the parts of one tensor give to the same sum, in place ---- */

/* What is there already, and may be added to; else NULL. */
static reel_tensor *sum_there(const reel__node *n, const reel__edge *e) {
    if (n->pass->recorded) return NULL;
    if (e->leaf) return adds_in_place(n, e->leaf) ? e->leaf->track->grad : NULL;
    return e->node->owned ? e->node->pending : NULL;
}

void reel__give_slice(reel__node *n, int i, reel_tensor *g) {
    const int axis = n->with.slice.axis;
    const int64_t start = n->with.slice.start, count = n->with.slice.count,
                  step = n->with.slice.step;
    if (!g || !reel__needs(n, i)) return;
    reel_tensor *sum = sum_there(n, &n->edge[i]);
    if (!sum) {
        reel__give(n, i, reel__slice_put(n->at, g, n->in_shape[i], axis, start, step));
        return;
    }
    const int64_t stop = count ? start + (count - 1) * step + 1 : start;
    reel_tensor *part = reel_slice_at(n->at, sum, axis, start, stop, step);
    if (part) reel__add_to(n->at, part, g);
}
