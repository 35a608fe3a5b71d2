/* Gradient rules of activations: g = dL/d result. Those of their gradients, z = g' f'(x), give
 * dg' = g f'(x) and dx = g g' f''(x). */
#include "autograd/autograd_internal.h"

/* g g' */
static reel_tensor *both(const reel__node *n, reel_tensor *g) {
    return reel_mul_at(n->at, g, reel__in(n, 0));
}

/* ---- relu, leaky_relu, elu ---- */

/* y = max(x, 0):  dx = g [y > 0] */
void reel__grad_relu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__relu_grad(n->at, g, reel__out(n)));
}

/* y's gradient is zero almost everywhere */
void reel__grad_relu_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__relu_grad(n->at, g, reel__in(n, 1)));
}

void reel__grad_leaky_relu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__leaky_relu_grad(n->at, g, reel__in(n, 0), n->with.map.a));
}

void reel__grad_leaky_relu_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0))
        reel__give(n, 0, reel__leaky_relu_grad(n->at, g, reel__in(n, 1), n->with.map.a));
}

void reel__grad_elu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__elu_grad(n->at, g, reel__in(n, 0), n->with.map.a));
}

/* f'' = f' = alpha e^x up to 0, and 0 above */
void reel__grad_elu_grad(reel__node *n, reel_tensor *g) {
    const double alpha = n->with.map.a;
    reel_tensor *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__elu_grad(n->at, g, x, alpha));
    if (!reel__needs(n, 1)) return;
    reel_tensor *flat = reel_gt_at(n->at, x, reel__constant(n, 0, x));
    reel__give(n, 1,
               reel_where_at(n->at, flat, reel__constant(n, 0, x),
                             reel__elu_grad(n->at, both(n, g), x, alpha)));
}

/* ---- sigmoid, tanh ---- */

/* dx = g y (1 - y) */
void reel__grad_sigmoid(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__sigmoid_grad(n->at, g, reel__out(n)));
}

/* z = g' y (1 - y):  dg' = g y (1 - y),  dy = g g' (1 - 2y) */
void reel__grad_sigmoid_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__sigmoid_grad(n->at, g, reel__in(n, 1)));
    if (!reel__needs(n, 1)) return;
    reel__give(n, 1, reel_mul_at(n->at, both(n, g), reel_affine_at(n->at, reel__in(n, 1), -2, 1)));
}

/* dx = g (1 - y^2) */
void reel__grad_tanh(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__tanh_grad(n->at, g, reel__out(n)));
}

/* z = g' (1 - y^2):  dg' = g (1 - y^2),  dy = -2 g g' y */
void reel__grad_tanh_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__tanh_grad(n->at, g, reel__in(n, 1)));
    if (!reel__needs(n, 1)) return;
    reel__give(n, 1, reel_mul_at(n->at, both(n, g), reel_affine_at(n->at, reel__in(n, 1), -2, 0)));
}

/* ---- silu: f' = s (1 + x (1 - s)), f'' = s (1 - s) (2 + x (1 - 2s)), s = sigmoid(x) ---- */

void reel__grad_silu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__silu_grad(n->at, g, reel__in(n, 0)));
}

void reel__grad_silu_grad(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__silu_grad(n->at, g, x));
    if (!reel__needs(n, 1)) return;
    x = reel_clamp_at(n->at, x, -1000, 1000); /* where s (1 - s) is 0 */
    reel_tensor *s = reel_sigmoid_at(n->at, x);
    reel_tensor *turn = reel_mul_at(n->at, x, reel_affine_at(n->at, s, -2, 1));
    reel__give(n, 1,
               reel_mul_at(n->at, reel__sigmoid_grad(n->at, both(n, g), s),
                           reel_affine_at(n->at, turn, 1, 2)));
}

/* ---- gelu: f'' = phi(x) (2 - x^2), phi(x) = e^(-x^2 / 2) / sqrt(2 pi) ---- */

void reel__grad_gelu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__gelu_grad(n->at, g, reel__in(n, 0)));
}

void reel__grad_gelu_grad(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__gelu_grad(n->at, g, x));
    if (!reel__needs(n, 1)) return;
    x = reel_clamp_at(n->at, x, -40, 40); /* where phi is 0 */
    reel_tensor *square = reel_square_at(n->at, x);
    reel_tensor *bell = reel_exp_at(n->at, reel_affine_at(n->at, square, -0.5, 0));
    reel_tensor *turn =
        reel_affine_at(n->at, square, -0.39894228040143267794, 2 * 0.39894228040143267794);
    reel__give(n, 1, reel_mul_at(n->at, both(n, g), reel_mul_at(n->at, bell, turn)));
}

/* ---- gelu_tanh: f'' = (1 - t^2) (2u' - 2x t u'^2 + x u'') / 2, t = tanh u,
 * u' = k (1 + 3c x^2), u'' = 6 k c x ---- */

void reel__grad_gelu_tanh(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__gelu_tanh_grad(n->at, g, reel__in(n, 0)));
}

void reel__grad_gelu_tanh_grad(reel__node *n, reel_tensor *g) {
    const double k = 0.79788456080286535588, c = 0.044715;
    const char *at = n->at;
    reel_tensor *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__gelu_tanh_grad(at, g, x));
    if (!reel__needs(n, 1)) return;
    x = reel_clamp_at(at, x, -40, 40); /* where 1 - t^2 is 0 */
    reel_tensor *square = reel_square_at(at, x);
    reel_tensor *t = reel_tanh_at(at, reel_mul_at(at, x, reel_affine_at(at, square, k * c, k)));
    reel_tensor *slope = reel_affine_at(at, square, 3 * k * c, k);
    reel_tensor *turn = reel_mul_at(at, reel_mul_at(at, x, t), reel_square_at(at, slope));
    reel_tensor *sum =
        reel_sub_at(at, reel_add_at(at, slope, reel_affine_at(at, square, 3 * k * c, 0)), turn);
    reel__give(n, 1, reel_mul_at(at, reel__tanh_grad(at, both(n, g), t), sum));
}

/* ---- softplus: f' = s, f'' = beta s (1 - s), s = sigmoid(beta x); 1 and 0 above the threshold
 * ---- */

void reel__grad_softplus(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__softplus_grad(n->at, g, reel__in(n, 0), n->with.map.a, n->with.map.b));
}

void reel__grad_softplus_grad(reel__node *n, reel_tensor *g) {
    const double beta = n->with.map.a, threshold = n->with.map.b;
    reel_tensor *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__softplus_grad(n->at, g, x, beta, threshold));
    if (!reel__needs(n, 1)) return;
    reel_tensor *t = reel_affine_at(n->at, x, beta, 0);
    reel_tensor *most = reel__constant(n, threshold, x);
    reel_tensor *dx = reel_affine_at(
        n->at, reel__sigmoid_grad(n->at, both(n, g), reel_sigmoid_at(n->at, t)), beta, 0);
    reel__give(n, 1, reel_where_at(n->at, reel_gt_at(n->at, t, most), reel__constant(n, 0, x), dx));
}
