/* Gradient rules of reductions, products, indexing and views: g = dL/d result. */
#include "autograd/autograd_internal.h"

/* The reduced axes put back as axes of size 1, then stretched: no copy. */
static reel_tensor *spread(const reel__node *n, reel_tensor *g) {
    reel_shape kept = n->in_shape[0];
    for (int i = 0; i < kept.ndim; i++)
        if (n->attr.i[0] >> i & 1) kept.dim[i] = 1;
    return reel_expand_at(n->at, reel_reshape_at(n->at, g, kept), n->in_shape[0]);
}

void reel__grad_sum(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, spread(n, g));
}

void reel__grad_mean(reel__node *n, reel_tensor *g) {
    int64_t count = 1;
    for (int i = 0; i < n->in_shape[0].ndim; i++)
        if (n->attr.i[0] >> i & 1) count *= n->in_shape[0].dim[i];
    reel__give(n, 0, spread(n, reel_affine_at(n->at, g, 1 / (double)count, 0)));
}

/* z[M,N] = x[M,K] y[K,N]:  dx = g y^T,  dy = x^T g */
void reel__grad_matmul(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give_matmul(n, 0, g, reel_t_at(n->at, reel__saved(n, REEL__IN1)));
    if (reel__needs(n, 1)) reel__give_matmul(n, 1, reel_t_at(n->at, reel__saved(n, REEL__IN0)), g);
}

/* dx = y (g - sum g y along the axis) */
void reel__grad_softmax(reel__node *n, reel_tensor *g) {
    reel_tensor *y = reel__saved(n, REEL__OUT0);
    reel_tensor *dot = reel_sum_at(n->at, reel_mul_at(n->at, g, y), reel_axes(n->attr.i[0]), true);
    reel__give(n, 0, reel_mul_at(n->at, y, reel_sub_at(n->at, g, dot)));
}

static int64_t size_at(const reel__node *n) {
    return n->in_shape[0].dim[n->attr.i[0]];
}

void reel__grad_index_select(reel__node *n, reel_tensor *g) {
    reel__give(
        n, 0,
        reel_index_add_at(n->at, g, (int)n->attr.i[0], reel__saved(n, REEL__IN1), size_at(n)));
}

void reel__grad_index_add(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_index_select_at(n->at, g, (int)n->attr.i[0], reel__saved(n, REEL__IN1)));
}

void reel__grad_gather(reel__node *n, reel_tensor *g) {
    reel__give(
        n, 0,
        reel_scatter_add_at(n->at, g, (int)n->attr.i[0], reel__saved(n, REEL__IN1), size_at(n)));
}

void reel__grad_scatter_add(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_gather_at(n->at, g, (int)n->attr.i[0], reel__saved(n, REEL__IN1)));
}

void reel__grad_topk(reel__node *n, reel_tensor *g) {
    reel__give(
        n, 0,
        reel_scatter_add_at(n->at, g, (int)n->attr.i[0], reel__saved(n, REEL__OUT1), size_at(n)));
}

/* i: axis, start, count, step, of slice and slice_put alike. */
void reel__grad_slice(reel__node *n, reel_tensor *g) {
    const int64_t *i = n->attr.i;
    reel__give(n, 0, reel__slice_put(n->at, g, n->in_shape[0], (int)i[0], i[1], i[3]));
}

void reel__grad_slice_put(reel__node *n, reel_tensor *g) {
    const int64_t *i = n->attr.i, stop = i[2] ? i[1] + (i[2] - 1) * i[3] + 1 : i[1];
    reel__give(n, 0, reel_slice_at(n->at, g, (int)i[0], i[1], stop, i[3]));
}

void reel__grad_reshape(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_reshape_at(n->at, g, n->in_shape[0]));
}

void reel__grad_permute(reel__node *n, reel_tensor *g) {
    reel_shape back = n->attr.shape;
    for (int i = 0; i < back.ndim; i++) back.dim[n->attr.shape.dim[i]] = i;
    reel__give(n, 0, reel_permute_at(n->at, g, back));
}

void reel__grad_expand(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
}
