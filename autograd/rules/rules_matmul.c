/* The gradient of the matrix product. */
#include "autograd/autograd_internal.h"

/* A vector as the matrix that it was: a row in x's place, a column in y's. */
static reel_tensor *as_matrix(const reel__node *n, reel_tensor *t, int i) {
    return n->in_shape[i].ndim == 1 ? reel_unsqueeze_at(n->at, t, i == 0 ? 0 : 1) : t;
}

/* g with the axes that vectors did without. */
static reel_tensor *as_product(const reel__node *n, reel_tensor *g) {
    if (n->in_shape[1].ndim == 1) g = reel_unsqueeze_at(n->at, g, -1);
    return n->in_shape[0].ndim == 1 ? reel_unsqueeze_at(n->at, g, reel_ndim(g) - 1) : g;
}

/* Not -1, which could be anything where there are no columns. */
static int64_t count_rows(const reel_tensor *t) {
    int64_t rows = 1;
    for (int i = 0; i < reel_ndim(t) - 1; i++) rows *= reel_dim(t, i);
    return rows;
}

/* The batch's matrices below each other, as one: a sum over the batch of x^T g is the product of
 * these, where y was one matrix for all of it. */
static reel_tensor *rows_of(const reel__node *n, reel_tensor *t) {
    return reel_reshape_at(n->at, t, reel_shape(count_rows(t), reel_dim(t, -1)));
}

/* Without broadcasting the gradient is the product itself, and may be added by the GEMM. */
static bool has_batch_of(const reel__node *n, int i, const reel_tensor *g) {
    reel_shape mine = n->in_shape[i], all = g->layout.shape;
    mine.ndim -= 2;
    all.ndim -= 2;
    return mine.ndim >= 0 && reel_shape_equal(mine, all);
}

static void give(reel__node *n, int i, reel_tensor *x, reel_tensor *y, const reel_tensor *g) {
    if (!x || !y) return;
    if (has_batch_of(n, i, g)) {
        reel__give_matmul(n, i, x, y);
        return;
    }
    reel_tensor *product = reel_matmul_at(n->at, x, y);
    const bool column = i == 1 && n->in_shape[1].ndim == 1;
    reel__give(n, i, column ? reel_squeeze_at(n->at, product, -1) : product);
}

static void give_x(reel__node *n, reel_tensor *g) {
    reel_tensor *y = as_matrix(n, reel__in(n, 1), 1);
    give(n, 0, g, reel_t_at(n->at, y), g);
}

static void give_y(reel__node *n, reel_tensor *g) {
    REEL_SCOPE;
    reel_tensor *x = as_matrix(n, reel__in(n, 0), 0);
    if (x && n->in_shape[1].ndim <= 2 && reel_ndim(g) > 2) {
        x = rows_of(n, x);
        g = rows_of(n, g);
    }
    if (g) give(n, 1, reel_t_at(n->at, x), g, g);
}

/* z[...,M,N] = x[...,M,K] y[...,K,N]:  dx = g y^T,  dy = x^T g, summed over what was broadcast. dy
 * first, after which x, of a layer what is largest, is in nobody's way. */
void reel__grad_matmul(reel__node *n, reel_tensor *g) {
    g = as_product(n, g);
    if (!g) return;
    if (reel__needs(n, 1)) {
        give_y(n, g);
        reel__let_go_saved(n, REEL__IN(0));
    }
    if (reel__needs(n, 0)) give_x(n, g);
}
