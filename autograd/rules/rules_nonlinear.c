/* Gradients of the functions of nonlinear.h, and of reciprocals: second derivatives of those whose
 * gradients are formulas, and rules of the others. */
#include "autograd/autograd_internal.h"

/* f' = -y^3 / 2, by y: -3 y^2 / 2 */
reel_tensor *reel__second_rsqrt(const reel__node *n, reel_tensor *g, reel_tensor *y) {
    return reel_mul_at(n->at, g, reel_affine_at(n->at, reel_square_at(n->at, y), -1.5, 0));
}

/* f' = -y^2, by y: -2y */
reel_tensor *reel__second_reciprocal(const reel__node *n, reel_tensor *g, reel_tensor *y) {
    return reel_mul_at(n->at, g, reel_affine_at(n->at, y, -2, 0));
}

/* f'' = 1/3 where |x| < 3 */
reel_tensor *reel__second_hardswish(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    return reel_affine_at(n->at, reel__clamp_grad(n->at, g, x, -3, 3), 1.0 / 3.0, 0);
}

/* f' = t^2, f'' = 2 t (1 - t^2), t = tanh x */
reel_tensor *reel__second_tanhshrink(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    reel_tensor *t = reel_tanh_at(n->at, x);
    return reel_affine_at(n->at, reel__tanh_grad(n->at, reel_mul_at(n->at, g, t), t), 2, 0);
}

/* f' = 1 / (1 + |x|)^2, f'' = -2 sign(x) / (1 + |x|)^3 */
reel_tensor *reel__second_softsign(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    reel_tensor *d = reel_affine_at(n->at, reel_abs_at(n->at, x), 1, 1);
    reel_tensor *turn = reel_affine_at(n->at, reel_sign_at(n->at, x), -2, 0);
    return reel_mul_at(n->at, reel_mul_at(n->at, g, turn), reel_pow_scalar_at(n->at, d, -3));
}

/* f' = s, f'' = -s (1 - s), s = sigmoid(-x) */
reel_tensor *reel__second_logsigmoid(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    reel_tensor *s = reel_sigmoid_at(n->at, reel_neg_at(n->at, x));
    return reel_neg_at(n->at, reel__sigmoid_grad(n->at, g, s));
}

/* Up to 0 f' = k e^(x / alpha), f'' = f' / alpha; 0 above. */
static reel_tensor *bent_below(const reel__node *n, reel_tensor *x, reel_tensor *second) {
    reel_tensor *zero = reel__constant(n, 0, x);
    return reel_where_at(n->at, reel_gt_at(n->at, x, zero), zero, second);
}

reel_tensor *reel__second_selu(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    return bent_below(n, x, reel__selu_grad(n->at, g, x));
}

reel_tensor *reel__second_celu(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    const double alpha = n->with.map.a;
    reel_tensor *slope = reel__celu_grad(n->at, g, x, alpha);
    return bent_below(n, x, reel_affine_at(n->at, slope, 1 / alpha, 0));
}

/* ---- bend: y = x, below 0 slope x ---- */

/* min(x, 0), whose gradient is 0 from 0 on. */
static reel_tensor *below_zero(const reel__node *n, reel_tensor *x) {
    return reel_neg_at(n->at, reel_relu_at(n->at, reel_neg_at(n->at, x)));
}

/* dslope = g min(x, 0) */
void reel__grad_bend(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 0);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__bend_grad(n->at, g, x, reel__in(n, 1)));
    if (reel__needs(n, 1)) reel__give(n, 1, reel_mul_at(n->at, g, below_zero(n, x)));
}

/* z = g', below 0 slope g': its slope by x is 0 almost everywhere, and dslope = g g' there */
void reel__grad_bend_grad(reel__node *n, reel_tensor *g) {
    reel_tensor *inner = reel__in(n, 0), *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__bend_grad(n->at, g, x, reel__in(n, 2)));
    if (!reel__needs(n, 2)) return;
    reel_tensor *zero = reel__constant(n, 0, g), *above = reel_gt_at(n->at, x, zero);
    reel__give(n, 2, reel_where_at(n->at, above, zero, reel_mul_at(n->at, g, inner)));
}

/* y = scale x where it is kept:  dx = the same of g */
void reel__grad_kept(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__kept(n->at, g, reel__in(n, 1), n->with.map.a));
}

/* y[i] = x[0] + ... + x[i]:  dx[i] = g[i] + ... + g[n-1] */
void reel__grad_cumsum(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__cumsum(n->at, g, n->with.scan.axis, !n->with.scan.reverse));
}
