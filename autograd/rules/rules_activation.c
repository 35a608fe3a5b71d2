/* Dropout; and second derivatives of activations y = f(x): each gives g f''(x). Their gradients are
 * formulas. */
#include "autograd/autograd_internal.h"

/* f' = alpha e^x up to 0, and f'' = f'; 0 above */
reel_tensor *reel__second_elu(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    reel_tensor *zero = reel__constant(n, 0, x), *flat = reel_gt_at(n->at, x, zero);
    return reel_where_at(n->at, flat, zero, reel__elu_grad(n->at, g, x, n->with.map.a));
}

/* f' = y (1 - y), by y: 1 - 2y */
reel_tensor *reel__second_sigmoid(const reel__node *n, reel_tensor *g, reel_tensor *y) {
    return reel_mul_at(n->at, g, reel_affine_at(n->at, y, -2, 1));
}

/* f' = 1 - y^2, by y: -2y */
reel_tensor *reel__second_tanh(const reel__node *n, reel_tensor *g, reel_tensor *y) {
    return reel_mul_at(n->at, g, reel_affine_at(n->at, y, -2, 0));
}

/* f' = s (1 + x (1 - s)), f'' = s (1 - s) (2 + x (1 - 2s)), s = sigmoid(x) */
reel_tensor *reel__second_silu(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    x = reel_clamp_at(n->at, x, -1000, 1000); /* where s (1 - s) is 0 */
    reel_tensor *s = reel_sigmoid_at(n->at, x);
    reel_tensor *turn = reel_mul_at(n->at, x, reel_affine_at(n->at, s, -2, 1));
    return reel_mul_at(n->at, reel__sigmoid_grad(n->at, g, s), reel_affine_at(n->at, turn, 1, 2));
}

/* f'' = phi(x) (2 - x^2), phi(x) = e^(-x^2 / 2) / sqrt(2 pi) */
reel_tensor *reel__second_gelu(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    x = reel_clamp_at(n->at, x, -40, 40); /* where phi is 0 */
    reel_tensor *square = reel_square_at(n->at, x);
    reel_tensor *bell = reel_exp_at(n->at, reel_affine_at(n->at, square, -0.5, 0));
    reel_tensor *turn =
        reel_affine_at(n->at, square, -0.39894228040143267794, 2 * 0.39894228040143267794);
    return reel_mul_at(n->at, g, reel_mul_at(n->at, bell, turn));
}

/* f'' = (1 - t^2) (2u' - 2x t u'^2 + x u'') / 2, t = tanh u, u' = k (1 + 3c x^2), u'' = 6 k c x */
reel_tensor *reel__second_gelu_tanh(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    const double k = 0.79788456080286535588, c = 0.044715;
    const char *at = n->at;
    x = reel_clamp_at(at, x, -40, 40); /* where 1 - t^2 is 0 */
    reel_tensor *square = reel_square_at(at, x);
    reel_tensor *t = reel_tanh_at(at, reel_mul_at(at, x, reel_affine_at(at, square, k * c, k)));
    reel_tensor *slope = reel_affine_at(at, square, 3 * k * c, k);
    reel_tensor *turn = reel_mul_at(at, reel_mul_at(at, x, t), reel_square_at(at, slope));
    reel_tensor *sum =
        reel_sub_at(at, reel_add_at(at, slope, reel_affine_at(at, square, 3 * k * c, 0)), turn);
    return reel_mul_at(at, reel__tanh_grad(at, g, t), sum);
}

/* f' = s, f'' = beta s (1 - s), s = sigmoid(beta x); 1 and 0 above the threshold */
reel_tensor *reel__second_softplus(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    const double beta = n->with.map.a, threshold = n->with.map.b;
    reel_tensor *t = reel_affine_at(n->at, x, beta, 0);
    reel_tensor *most = reel__constant(n, threshold, x), *zero = reel__constant(n, 0, x);
    reel_tensor *bent = reel__sigmoid_grad(n->at, g, reel_sigmoid_at(n->at, t));
    return reel_where_at(n->at, reel_gt_at(n->at, t, most), zero,
                         reel_affine_at(n->at, bent, beta, 0));
}

/* f'' = w' (2 + x (1 - s - 2 w s)), w = tanh(ln(1 + e^x)), w' = s (1 - w^2), s = sigmoid(x) */
reel_tensor *reel__second_mish(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    x = reel_clamp_at(n->at, x, -1000, 1000); /* where w' is 0 */
    reel_tensor *s = reel_sigmoid_at(n->at, x);
    reel_tensor *w = reel_tanh_at(n->at, reel_softplus_at(n->at, x, 1, 40));
    reel_tensor *turn = reel_mul_at(n->at, s, reel_affine_at(n->at, w, -2, -1));
    turn = reel_affine_at(n->at, reel_mul_at(n->at, x, reel_affine_at(n->at, turn, 1, 1)), 1, 2);
    return reel_mul_at(n->at, reel__tanh_grad(n->at, reel_mul_at(n->at, g, s), w), turn);
}

/* Linear in x, element by element: dx is g with the same ones dropped. */
void reel__grad_dropout(reel__node *n, reel_tensor *g) {
    reel_tensor *used = reel__saved(n, REEL__OUT(1));
    reel__give(n, 0, reel__dropout_again(n->at, g, used, n->with.dropout.p));
}

void reel__grad_dropout_again(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__dropout_again(n->at, g, reel__in(n, 1), n->with.dropout.p));
}
