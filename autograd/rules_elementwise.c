/* Gradient rules of elementwise ops: g = dL/d result. reel__give sums over broadcast axes. */
#include "autograd/autograd_internal.h"

static reel_tensor *in(const reel__node *n, int i) {
    return reel__saved(n, 1 << i);
}

static reel_tensor *out(const reel__node *n) {
    return reel__saved(n, REEL__OUT0);
}

/* z = x + y */
void reel__grad_add(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
    reel__give(n, 1, g);
}

/* z = x - y */
void reel__grad_sub(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
    if (reel__needs(n, 1)) reel__give(n, 1, reel_neg_at(n->at, g));
}

/* z = x y:  dx = g y,  dy = g x */
void reel__grad_mul(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel_mul_at(n->at, g, in(n, 1)));
    if (reel__needs(n, 1)) reel__give(n, 1, reel_mul_at(n->at, g, in(n, 0)));
}

/* z = x / y:  dx = g / y,  dy = -g x / y^2 */
void reel__grad_div(reel__node *n, reel_tensor *g) {
    reel_tensor *by_y = reel_div_at(n->at, g, in(n, 1));
    reel__give(n, 0, by_y);
    if (!reel__needs(n, 1)) return;
    reel_tensor *ratio = reel_div_at(n->at, in(n, 0), in(n, 1));
    reel__give(n, 1, reel_neg_at(n->at, reel_mul_at(n->at, by_y, ratio)));
}

/* z = -x */
void reel__grad_neg(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_neg_at(n->at, g));
}

/* y = max(x, 0):  dx = g [y > 0] */
void reel__grad_relu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__relu_grad(n->at, g, out(n)));
}

/* z = g' [y > 0]:  dg' = g [y > 0]; y's is zero almost everywhere */
void reel__grad_relu_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__relu_grad(n->at, g, in(n, 1)));
}

/* dx = g y (1 - y) */
void reel__grad_sigmoid(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__sigmoid_grad(n->at, g, out(n)));
}

/* z = g' y (1 - y):  dg' = g y (1 - y),  dy = g g' (1 - 2y) */
void reel__grad_sigmoid_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__sigmoid_grad(n->at, g, in(n, 1)));
    if (!reel__needs(n, 1)) return;
    reel_tensor *slope = reel_affine_at(n->at, in(n, 1), -2, 1);
    reel__give(n, 1, reel_mul_at(n->at, reel_mul_at(n->at, g, in(n, 0)), slope));
}

/* dx = g (1 - y^2) */
void reel__grad_tanh(reel__node *n, reel_tensor *g) {
    reel__give(n, 0,
               reel_mul_at(n->at, g, reel_affine_at(n->at, reel_square_at(n->at, out(n)), -1, 1)));
}

/* dx = g y */
void reel__grad_exp(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, g, out(n)));
}

/* dx = g / x */
void reel__grad_log(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_div_at(n->at, g, in(n, 0)));
}

/* dx = g / 2y */
void reel__grad_sqrt(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_affine_at(n->at, reel_div_at(n->at, g, out(n)), 0.5, 0));
}

/* dx = 2 g x */
void reel__grad_square(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__square_grad(n->at, g, in(n, 0)));
}

/* z = 2 g' x:  dg' = 2 g x,  dx = 2 g g' */
void reel__grad_square_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__square_grad(n->at, g, in(n, 1)));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__square_grad(n->at, g, in(n, 0)));
}

/* y = scale x + shift:  dx = scale g */
void reel__grad_affine(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_affine_at(n->at, g, n->attr.f[0], 0));
}

void reel__grad_copy(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
}

void reel__grad_cast(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_cast_at(n->at, g, n->dtype));
}
