/* Gradient rules of elementwise ops: g = dL/d result. reel__give sums over broadcast axes. */
#include "autograd/autograd_internal.h"
#include "tensor/ops/call_internal.h"

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
    if (reel__needs(n, 0)) reel__give(n, 0, reel_mul_at(n->at, g, reel__in(n, 1)));
    if (reel__needs(n, 1)) reel__give(n, 1, reel_mul_at(n->at, g, reel__in(n, 0)));
}

/* z = w x, 0 where w = 0:  dw = g x, 0 where g = 0,  dx = w g, 0 where w = 0 */
void reel__grad_weigh(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0)) reel__give(n, 0, reel__weigh(n->at, g, reel__in(n, 1)));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__weigh(n->at, reel__in(n, 0), g));
}

/* z = x / y:  dx = g / y,  dy = -g x / y^2 */
void reel__grad_div(reel__node *n, reel_tensor *g) {
    reel_tensor *by_y = reel_div_at(n->at, g, reel__in(n, 1));
    reel__give(n, 0, by_y);
    if (!reel__needs(n, 1)) return;
    reel_tensor *ratio = reel_div_at(n->at, reel__in(n, 0), reel__in(n, 1));
    reel__give(n, 1, reel_neg_at(n->at, reel_mul_at(n->at, by_y, ratio)));
}

/* x^(y-1), but where y = 0 and x^-1 is no number, x^0: with y beside it, it counts for nothing. The
 * exponent is chosen before, so that no derivative of the other comes by. */
static reel_tensor *lower_power(const reel__node *n, reel_tensor *x, reel_tensor *y) {
    reel_tensor *zero = reel__constant(n, 0, x),
                *size = reel_abs_at(n->at, reel_detach_at(n->at, x));
    reel_tensor *broken = reel_logical_not_at(n->at, reel_gt_at(n->at, size, zero)); /* or NaN */
    reel_tensor *flat = reel_logical_and_at(n->at, reel_eq_at(n->at, y, zero), broken);
    return reel_pow_at(n->at, x, reel_where_at(n->at, flat, zero, reel_affine_at(n->at, y, 1, -1)));
}

/* z = x^y:  dx = g y x^(y-1), 0 where y = 0;  dy = g z ln x, 0 where x = 0 and y >= 0 */
void reel__grad_pow(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 0), *y = reel__in(n, 1);
    if (reel__needs(n, 0))
        reel__give(n, 0, reel_mul_at(n->at, reel_mul_at(n->at, g, y), lower_power(n, x, y)));
    if (!reel__needs(n, 1)) return;
    reel_tensor *zero = reel__constant(n, 0, g), *one = reel__constant(n, 1, g);
    reel_tensor *flat =
        reel_logical_and_at(n->at, reel_eq_at(n->at, x, zero), reel_ge_at(n->at, y, zero));
    reel_tensor *ln = reel_log_at(n->at, reel_where_at(n->at, flat, one, x));
    reel__give(n, 1, reel_mul_at(n->at, reel_mul_at(n->at, g, reel__out(n)), ln));
}

/* y = x^p:  dx = g p x^(p-1), 0 where p = 0 */
void reel__grad_pow_scalar(reel__node *n, reel_tensor *g) {
    const double p = n->with.map.a;
    if (p == 0) {
        reel__give_zero(n, g);
        return;
    }
    reel_tensor *slope =
        reel_affine_at(n->at, reel_pow_scalar_at(n->at, reel__in(n, 0), p - 1), p, 0);
    reel__give(n, 0, reel_mul_at(n->at, g, slope));
}

/* z = max(x, y):  dx = g [x > y], or g / 2 where they are equal */
void reel__grad_maximum(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 0), *y = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__extreme_grad(n->at, g, x, y));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__extreme_grad(n->at, g, y, x));
}

void reel__grad_minimum(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 0), *y = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__extreme_grad(n->at, g, y, x));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__extreme_grad(n->at, g, x, y));
}

/* z = g' s(x, y), s constant almost everywhere */
void reel__grad_extreme_grad(reel__node *n, reel_tensor *g) {
    if (reel__needs(n, 0))
        reel__give(n, 0, reel__extreme_grad(n->at, g, reel__in(n, 1), reel__in(n, 2)));
}

/* z = -x */
void reel__grad_neg(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_neg_at(n->at, g));
}

/* y = |x|:  dx = g sign(x) */
void reel__grad_abs(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, g, reel_sign_at(n->at, reel__in(n, 0))));
}

/* dx = g y */
void reel__grad_exp(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, g, reel__out(n)));
}

/* y = e^x - 1:  dx = g (y + 1) */
void reel__grad_expm1(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, g, reel_affine_at(n->at, reel__out(n), 1, 1)));
}

/* dx = g / x */
void reel__grad_log(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_div_at(n->at, g, reel__in(n, 0)));
}

/* y = ln(1 + x):  dx = g / (1 + x) */
void reel__grad_log1p(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_div_at(n->at, g, reel_affine_at(n->at, reel__in(n, 0), 1, 1)));
}

/* dx = g cos x */
void reel__grad_sin(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, g, reel_cos_at(n->at, reel__in(n, 0))));
}

/* dx = -g sin x */
void reel__grad_cos(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, g, reel_neg_at(n->at, reel_sin_at(n->at, reel__in(n, 0)))));
}

/* dx = g 2 / sqrt pi e^(-x^2) */
void reel__grad_erf(reel__node *n, reel_tensor *g) {
    reel_tensor *bell =
        reel_exp_at(n->at, reel_neg_at(n->at, reel_square_at(n->at, reel__in(n, 0))));
    reel__give(n, 0, reel_mul_at(n->at, g, reel_affine_at(n->at, bell, 1.12837916709551257390, 0)));
}

/* dx = g / 2y */
void reel__grad_sqrt(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_affine_at(n->at, reel_div_at(n->at, g, reel__out(n)), 0.5, 0));
}

/* f'' = 2 */
reel_tensor *reel__second_square(const reel__node *n, reel_tensor *g, reel_tensor *x) {
    (void)x;
    return reel_affine_at(n->at, g, 2, 0);
}

/* y = scale x + shift:  dx = scale g */
void reel__grad_affine(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_affine_at(n->at, g, n->with.map.a, 0));
}

void reel__grad_copy(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
}

void reel__grad_cast(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_cast_at(n->at, g, n->dtype));
}

/* z = mask ? x : y:  each gets g where it was taken */
void reel__grad_where(reel__node *n, reel_tensor *g) {
    reel_tensor *mask = reel__in(n, 0);
    reel_tensor *zero = reel__constant(n, 0, g);
    if (reel__needs(n, 1)) reel__give(n, 1, reel_where_at(n->at, mask, g, zero));
    if (reel__needs(n, 2)) reel__give(n, 2, reel_where_at(n->at, mask, zero, g));
}

/* ---- whose gradient is one formula (REEL_MAP_GRAD) ---- */

static reel__op gradient_of(reel__op op) {
    static const reel__op gradient[REEL__MAPS] = {
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)
#define REEL_MAP_GRAD(name, form, from, second) [REEL_OP_##name] = REEL_OP_##name##_grad,
#include "tensor/ops/ops_map.def"
    };
    return gradient[op];
}

static reel_tensor *gradient(const reel__node *n, reel__op op, reel_tensor *g, reel_tensor *x) {
    return reel__binary_with(op, n->at, g, x, n->with.map.a, n->with.map.b);
}

/* In place of g, if that may be. */
static void give_fused(reel__node *n, reel_tensor *g, reel_tensor *x) {
    const reel__op op = gradient_of(n->op);
    reel_tensor *own = x ? reel__take_gradient(n, g) : NULL;
    if (!own) {
        reel__give(n, 0, gradient(n, op, g, x));
        return;
    }
    const reel__call c = {.op = op, .at = n->at, .nin = 2, .in = {own, x}, .with.map = n->with.map};
    reel__give(n, 0, reel__run_into(c, own));
}

void reel__grad_fused_x(reel__node *n, reel_tensor *g) {
    give_fused(n, g, reel__in(n, 0));
}

void reel__grad_fused_y(reel__node *n, reel_tensor *g) {
    give_fused(n, g, reel__out(n));
}

/* z = g' f'(x):  dg' = g f'(x),  dx = g g' f''(x) */
void reel__grad_second(reel__node *n, reel_tensor *g) {
#define BENT(name) reel__second_##name
#define STRAIGHT(name) NULL
    static const reel__second_rule rules[REEL__MAPS] = {
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)
#define REEL_MAP_GRAD(name, form, from, second) [REEL_OP_##name##_grad] = second(name),
#include "tensor/ops/ops_map.def"
    };
    reel_tensor *x = reel__in(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, gradient(n, n->op, g, x));
    if (!rules[n->op] || !reel__needs(n, 1)) return;
    reel__give(n, 1, rules[n->op](n, reel_mul_at(n->at, g, reel__in(n, 0)), x));
}
