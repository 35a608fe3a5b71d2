/* Gradient rules of reductions and softmaxes: g = dL/d result. */
#include "autograd/autograd_internal.h"
#include "tensor/ops/call_internal.h"

/* What has the result's shape, with the reduced axes put back as axes of size 1: no copy. */
static reel_tensor *keep_axes(const reel__node *n, reel_tensor *t) {
    reel_shape kept = n->in_shape[0];
    for (int i = 0; i < kept.ndim; i++)
        if (n->with.reduce.axes >> i & 1) kept.dim[i] = 1;
    return reel_reshape_at(n->at, t, kept);
}

/* The same, stretched to the input's shape. */
static reel_tensor *spread(const reel__node *n, reel_tensor *t) {
    return reel_expand_at(n->at, keep_axes(n, t), n->in_shape[0]);
}

static reel_shape axes_of(const reel__node *n) {
    reel_shape axes = REEL_SCALAR;
    for (int i = 0; i < n->in_shape[0].ndim; i++)
        if (n->with.reduce.axes >> i & 1) axes.dim[axes.ndim++] = i;
    return axes;
}

/* Elements that go into a result. */
static int64_t count_of(const reel__node *n) {
    return reel__count_over(n->in_shape[0], n->with.reduce.axes);
}

/* ---- over axes ---- */

void reel__grad_sum(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, spread(n, g));
}

/* Of nothing there is nothing to give, and nothing that 1/0 should spoil. */
void reel__grad_mean(reel__node *n, reel_tensor *g) {
    const double count = (double)count_of(n);
    reel__give(n, 0, spread(n, reel_affine_at(n->at, g, count > 0 ? 1 / count : 0, 0)));
}

/* Where x is the extreme, its share of g: evenly among equals. */
static reel_tensor *share_of_extreme(const reel__node *n, reel_tensor *x, reel_tensor *g) {
    reel_tensor *ties = reel__ties(n->at, x, keep_axes(n, reel__out(n)));
    reel_tensor *count = reel_sum_at(n->at, ties, axes_of(n), true);
    reel_tensor *share = reel_div_at(n->at, keep_axes(n, g), count);
    return reel_mul_at(n->at, ties, share);
}

void reel__grad_max(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, share_of_extreme(n, reel__in(n, 0), g));
}

void reel__grad_min(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, share_of_extreme(n, reel__in(n, 0), g));
}

/* dx = 2 g (x - mean x) / (count - correction) */
static void give_var(reel__node *n, reel_tensor *g) {
    const double count = (double)count_of(n), divisor = count - n->with.reduce.correction;
    const double scale = count > 0 ? 2 / (divisor > 0 ? divisor : 0) : 0; /* as mean's */
    reel_tensor *x = reel__in(n, 0), *mean = reel_mean_at(n->at, x, axes_of(n), true);
    reel_tensor *scaled = reel_affine_at(n->at, keep_axes(n, g), scale, 0);
    reel__give(n, 0, reel_mul_at(n->at, reel_sub_at(n->at, x, mean), scaled));
}

void reel__grad_var(reel__node *n, reel_tensor *g) {
    give_var(n, g);
}

/* y = sqrt(var):  dvar = g / 2y, and 0 where y is 0, by which nothing is divided */
void reel__grad_std(reel__node *n, reel_tensor *g) {
    reel_tensor *y = reel__out(n);
    reel_tensor *zero = reel__constant(n, 0, y);
    reel_tensor *by = reel_add_at(n->at, y, reel__ties(n->at, y, zero));
    reel_tensor *half = reel_affine_at(n->at, reel_div_at(n->at, g, by), 0.5, 0);
    give_var(n, reel__relu_grad(n->at, half, y));
}

/* dx = g x / y, and 0 where y is 0, by which nothing is divided */
void reel__grad_norm(reel__node *n, reel_tensor *g) {
    reel_tensor *y = reel__out(n), *zero = reel__constant(n, 0, y);
    reel_tensor *by = reel_add_at(n->at, y, reel__ties(n->at, y, zero));
    reel_tensor *unit = reel_div_at(n->at, reel__in(n, 0), keep_axes(n, by));
    reel__give(n, 0, reel_mul_at(n->at, unit, keep_axes(n, reel__relu_grad(n->at, g, y))));
}

/* dx = g sign(x) (|x| / y)^(p - 1), and 0 where x or y is 0, by which nothing is divided */
void reel__grad_power_norm(reel__node *n, reel_tensor *g) {
    const double p = n->with.reduce.p;
    reel_tensor *x = reel__in(n, 0), *y = reel__out(n), *zero = reel__constant(n, 0, y);
    reel_tensor *sign = reel_sign_at(n->at, x);
    reel_tensor *by = reel_add_at(n->at, y, reel__ties(n->at, y, zero));
    g = reel_affine_at(n->at, reel__relu_grad(n->at, g, y), p != 0, 0);
    if (p != 0) {
        reel_tensor *size = reel_add_at(n->at, reel_abs_at(n->at, x), reel__ties(n->at, x, zero));
        reel_tensor *share = reel_div_at(n->at, size, keep_axes(n, by));
        sign = reel_mul_at(n->at, sign, reel_pow_scalar_at(n->at, share, p - 1));
    }
    reel__give(n, 0, reel_mul_at(n->at, sign, keep_axes(n, g)));
}

/* dx = g sign(x) */
void reel__grad_sum_norm(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_mul_at(n->at, reel_sign_at(n->at, reel__in(n, 0)), keep_axes(n, g)));
}

/* The same, of the extreme's share of g. */
static void give_extreme_size(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, 0), *sign = reel_sign_at(n->at, x);
    g = share_of_extreme(n, reel_abs_at(n->at, x), g);
    reel__give(n, 0, reel_mul_at(n->at, sign, g));
}

void reel__grad_max_norm(reel__node *n, reel_tensor *g) {
    give_extreme_size(n, g);
}

void reel__grad_min_norm(reel__node *n, reel_tensor *g) {
    give_extreme_size(n, g);
}

/* dx = g e^(x - y) / sum e^(x - y): y is a shift that any other could stand for, so that what y
 * lost by rounding cancels. 0 stands for an infinite one, and nothing is divided by nothing. */
void reel__grad_logsumexp(reel__node *n, reel_tensor *g) {
    reel_tensor *y = reel_detach_at(n->at, keep_axes(n, reel__out(n)));
    reel_tensor *zero = reel__constant(n, 0, y);
    reel_tensor *shift = reel_where_at(n->at, reel_isinf_at(n->at, y), zero, y);
    reel_tensor *e = reel_exp_at(n->at, reel_sub_at(n->at, reel__in(n, 0), shift));
    reel_tensor *sum = reel_sum_at(n->at, e, axes_of(n), true);
    sum = reel_add_at(n->at, sum, reel__ties(n->at, sum, zero));
    reel__give(n, 0, reel_mul_at(n->at, reel_div_at(n->at, e, sum), keep_axes(n, g)));
}

/* ---- prod: dx[i] = g (product of all x[j] but x[i]), without a division, so that x may be 0 ----
 */

/* One of n wide entries behind `before` others along axis 1 of zeros[., size]. */
static reel_tensor *put(const char *at, reel_tensor *x, int64_t before, int64_t size) {
    return reel__slice_put(at, x, reel_shape(reel_dim(x, 0), size), 1, before, 1);
}

/* x[M,n] -> y[M,n], y[:,i] = product of x[:,j], j != i. The halves of a row are multiplied, pair by
 * pair, into a row of half the length; in its own y, each pair's product is of all but that pair,
 * to which each lacks the other. */
static reel_tensor *product_of_others(const char *at, reel_tensor *x) {
    const int64_t n = reel_dim(x, 1), half = n / 2;
    if (!x || n == 1)
        return x ? reel_full_at(at, reel_shape_of(x), 1, reel_dtype_of(x), reel_device_of(x))
                 : NULL;
    reel_tensor *left = reel_slice_at(at, x, 1, 0, half, 1),
                *right = reel_slice_at(at, x, 1, half, 2 * half, 1),
                *odd = reel_slice_at(at, x, 1, 2 * half, n, 1);
    reel_tensor *pairs = reel_mul_at(at, left, right);
    if (n > 2 * half)
        pairs = reel_add_at(at, put(at, pairs, 0, half + 1), put(at, odd, half, half + 1));
    reel_tensor *others = product_of_others(at, pairs),
                *pair = reel_slice_at(at, others, 1, 0, half, 1);
    reel_tensor *y = reel_add_at(at, put(at, reel_mul_at(at, pair, right), 0, n),
                                 put(at, reel_mul_at(at, pair, left), half, n));
    if (n == 2 * half) return y;
    return reel_add_at(at, y, put(at, reel_slice_at(at, others, 1, half, half + 1, 1), n - 1, n));
}

void reel__grad_prod(reel__node *n, reel_tensor *g) {
    const reel_shape s = n->in_shape[0];
    reel_shape order = {s.ndim, {0}}, back = order, moved = order;
    int k = 0;
    for (int reduced = 0; reduced < 2; reduced++)
        for (int i = 0; i < s.ndim; i++)
            if ((n->with.reduce.axes >> i & 1) == reduced) order.dim[k++] = i;
    for (int i = 0; i < s.ndim; i++) {
        back.dim[order.dim[i]] = i;
        moved.dim[i] = s.dim[order.dim[i]];
    }
    const int64_t count = count_of(n);
    if (reel__shape_numel(s) == 0) {
        reel__give(n, 0, spread(n, g)); /* to nothing */
        return;
    }
    reel_tensor *rows = reel_reshape_at(n->at, reel_permute_at(n->at, reel__in(n, 0), order),
                                        reel_shape(reel__shape_numel(s) / count, count));
    reel_tensor *others = reel_reshape_at(n->at, product_of_others(n->at, rows), moved);
    reel__give(n, 0, reel_mul_at(n->at, reel_permute_at(n->at, others, back), keep_axes(n, g)));
}

/* ---- along an axis ---- */

/* dx = y (g - sum g y along the axis) */
void reel__grad_softmax(reel__node *n, reel_tensor *g) {
    reel_tensor *y = reel__out(n);
    reel_tensor *dot = reel_sum_at(n->at, reel_mul_at(n->at, g, y), reel_axes(n->with.axis), true);
    reel__give(n, 0, reel_mul_at(n->at, y, reel_sub_at(n->at, g, dot)));
}

/* dx = g - e^y sum g along the axis: a row of which nothing is asked gets nothing, whatever y is.
 * In place of g, if that may be. */
void reel__grad_log_softmax(reel__node *n, reel_tensor *g) {
    reel_tensor *sum = reel_sum_at(n->at, g, reel_axes(n->with.axis), true), *y = reel__out(n),
                *own = sum && y ? reel__take_gradient(n, g) : NULL;
    if (!own) {
        reel__give(n, 0, reel__log_softmax_grad(n->at, g, y, sum));
        return;
    }
    const reel__call c = {
        .op = REEL_OP_log_softmax_grad, .at = n->at, .nin = 3, .in = {own, y, sum}};
    reel__give(n, 0, reel__run_into(c, own));
}

/* z = g' - e^y s:  dg' = g,  dy = -g e^y s,  ds = -g e^y */
void reel__grad_log_softmax_grad(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
    if (!reel__needs(n, 1) && !reel__needs(n, 2)) return;
    /* stretched first, so that where the result is empty an infinite e^y meets no sum, which is 0
     */
    reel_tensor *y = reel_expand_at(n->at, reel__in(n, 1), reel_shape_of(g));
    reel_tensor *ds = reel_neg_at(n->at, reel__weigh(n->at, g, reel_exp_at(n->at, y)));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__weigh(n->at, reel__in(n, 2), ds));
    reel__give(n, 2, ds);
}
