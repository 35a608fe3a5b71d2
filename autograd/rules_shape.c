/* Gradient rules of products, indexing and views: g = dL/d result. */
#include "autograd/autograd_internal.h"

/* z[M,N] = x[M,K] y[K,N]:  dx = g y^T,  dy = x^T g */
void reel__grad_matmul(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give_matmul(n, 0, g, reel_t_at(n->at, reel__saved(n, REEL__IN1)));
    if (reel__needs(n, 1)) reel__give_matmul(n, 1, reel_t_at(n->at, reel__saved(n, REEL__IN0)), g);
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
