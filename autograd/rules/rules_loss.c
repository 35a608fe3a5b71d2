/* Gradient rules of losses: g = dL/d result. */
#include "autograd/autograd_internal.h"

/* z = mean (y - t)^2 over n elements:  dy = 2/n g (y - t),  dt = -dy */
void reel__grad_mse(reel__node *n, reel_tensor *g) {
    const double scale = 2 / (double)reel__shape_numel(n->in_shape[0]);
    reel_tensor *y = reel__in(n, 0), *t = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__mse_grad(n->at, g, y, t, scale));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__mse_grad(n->at, g, t, y, scale));
}

/* z = g' s (y - t):  dg' = g s (y - t),  dy = g g' s,  dt = -dy */
void reel__grad_mse_grad(reel__node *n, reel_tensor *g) {
    const double scale = n->with.map.a;
    if (reel__needs(n, 0))
        reel__give(n, 0, reel__mse_grad(n->at, g, reel__in(n, 1), reel__in(n, 2), scale));
    if (!reel__needs(n, 1) && !reel__needs(n, 2)) return;
    reel_tensor *both = reel_mul_at(n->at, g, reel__in(n, 0));
    if (reel__needs(n, 1)) reel__give(n, 1, reel_affine_at(n->at, both, scale, 0));
    if (reel__needs(n, 2)) reel__give(n, 2, reel_affine_at(n->at, both, -scale, 0));
}

/* dp = g (p - t) / (p (1 - p));  bce is linear in t: dt = g (bce(p, 1) - bce(p, 0)) */
void reel__grad_bce(reel__node *n, reel_tensor *g) {
    reel_tensor *p = reel__in(n, 0), *t = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__bce_grad(n->at, g, p, t));
    if (!reel__needs(n, 1)) return;
    reel_tensor *yes = reel_bce_at(n->at, p, reel__constant(n, 1, p));
    reel_tensor *no = reel_bce_at(n->at, p, reel__constant(n, 0, p));
    reel__give(n, 1, reel_mul_at(n->at, g, reel_sub_at(n->at, yes, no)));
}

/* z = g' (p - t) / d with d = p (1 - p):
 * dg' = g (p - t) / d,  dp = g g' (d - (p - t)(1 - 2p)) / d^2,  dt = -g g' / d */
void reel__grad_bce_grad(reel__node *n, reel_tensor *g) {
    reel_tensor *p = reel__in(n, 1), *t = reel__in(n, 2);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__bce_grad(n->at, g, p, t));
    if (!reel__needs(n, 1) && !reel__needs(n, 2)) return;
    reel_tensor *d = reel_mul_at(n->at, p, reel_affine_at(n->at, p, -1, 1));
    reel_tensor *by_d = reel_div_at(n->at, reel_mul_at(n->at, g, reel__in(n, 0)), d);
    if (reel__needs(n, 1)) {
        reel_tensor *turn =
            reel_mul_at(n->at, reel_sub_at(n->at, p, t), reel_affine_at(n->at, p, -2, 1));
        reel__give(n, 1,
                   reel_mul_at(n->at, by_d, reel_div_at(n->at, reel_sub_at(n->at, d, turn), d)));
    }
    if (reel__needs(n, 2)) reel__give(n, 2, reel_neg_at(n->at, by_d));
}

/* z = -w[t] x[t]:  dx = -w[t] g at t, else 0; linear, and the other's transpose */
void reel__grad_nll(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__nll_grad(n->at, g, reel__in(n, 1), reel__in(n, 2), n->with.nll.ignored));
}

void reel__grad_nll_grad(reel__node *n, reel_tensor *g) {
    reel__give(n, 0,
               reel__nll(n->at, g, reel__in(n, 1), reel__in(n, 2), n->with.nll.ignored, NULL));
}
