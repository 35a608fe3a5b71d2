/* The gradient of standardize, and that gradient's own, which is a composition. */
#include "autograd/autograd_internal.h"

/* ---- the gradient ---- */

static reel_tensor *part(const char *at, reel_tensor *packed, int64_t *from, reel_shape of) {
    int64_t count = 1;
    for (int i = 0; i < of.ndim; i++) count *= of.dim[i];
    reel_tensor *t = reel_slice_at(at, packed, 0, *from, *from + count, 1);
    *from += count;
    return reel_reshape_at(at, t, of);
}

/* y = standardize(x, weight, bias) */
void reel__grad_standardize(reel__node *n, reel_tensor *g) {
    reel_tensor *weight = n->nin > 1 ? reel__in(n, 1) : NULL;
    reel_tensor *packed =
        reel__standardize_grad(n->at, g, reel__in(n, 0), reel__saved(n, REEL__OUT(1)),
                               reel__saved(n, REEL__OUT(2)), weight, &n->with);
    int64_t from = 0;
    for (int i = 0; i < n->nin && i <= n->with.norm.affine; i++)
        reel__give(n, i, part(n->at, packed, &from, n->in_shape[i]));
}

/* ---- its own ---- */

/* x, g and what else there is as [outer, groups, channels, inner]. */
typedef struct {
    const char *at;
    reel_shape all, channels, axes; /* axes: those of the statistics */
    reel_tensor *g, *w, *h, *r;     /* w NULL: 1; h = (x - mean) r */
    bool uncentred;
} composed;

static reel_tensor *add(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_add_at(c->at, x, y);
}
static reel_tensor *sub(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_sub_at(c->at, x, y);
}
static reel_tensor *mul(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_mul_at(c->at, x, y);
}
static reel_tensor *mean(const composed *c, reel_tensor *x) {
    return reel_mean_at(c->at, x, c->axes, true);
}
static reel_tensor *weighed(const composed *c, reel_tensor *x) {
    return c->w ? mul(c, x, c->w) : x;
}

/* z without what is constant, and what is along h. */
static reel_tensor *projected(const composed *c, reel_tensor *z) {
    reel_tensor *along = mul(c, c->h, mean(c, mul(c, z, c->h)));
    return sub(c, c->uncentred ? z : sub(c, z, mean(c, z)), along);
}

/* Statistics anew, from x, to which they lead further gradients. */
static composed compose(reel__node *n, reel_tensor *g, reel_tensor *x, reel_tensor *w) {
    const int64_t outer = n->with.norm.outer, groups = n->with.norm.groups,
                  channels = n->with.norm.channels, inner = n->with.norm.inner;
    composed c = {.at = n->at,
                  .all = reel_shape(outer, groups, channels, inner),
                  .channels = reel_shape(1, groups, channels, 1),
                  .axes = n->with.norm.across ? reel_axes(0, 3) : reel_axes(2, 3),
                  .uncentred = n->with.norm.uncentred};
    c.g = reel_reshape_at(c.at, g, c.all);
    x = reel_reshape_at(c.at, x, c.all);
    if (w) c.w = reel_reshape_at(c.at, w, c.channels);
    if (!c.uncentred) x = sub(&c, x, mean(&c, x));
    reel_tensor *var = mean(&c, mul(&c, x, x));
    c.r = reel_rsqrt_at(c.at, reel_affine_at(c.at, var, 1.0, n->with.norm.eps));
    c.h = mul(&c, x, c.r);
    return c;
}

static void give(const composed *c, reel__node *n, int i, reel_tensor *g) {
    reel__give(n, i, reel_reshape_at(c->at, g, n->in_shape[i]));
}

static void give_weight(const composed *c, reel__node *n, reel_tensor *g) {
    give(c, n, 4, reel_sum_at(c->at, g, reel_axes(0, 3), true));
}

/* Of nothing: zeros, on the tape. */
static void give_none(reel__node *n) {
    for (int i = 0; i < n->nin; i++)
        if (reel__needs(n, i)) reel__give(n, i, reel_affine_at(n->at, reel__in(n, i), 0, 0));
}

/* Of u, v and t, what dx, dw and db are weighed by, with p = g w and P what projected does:
 *     of g: w r P(u) + v h + t,   of w: sum of g r P(u)
 *     of h: q = v g - r (u mean(p h) + p mean(u h)),   of r: sum of u P(p)
 *     of x: r P(q) - r^2 h mean(u P(p))
 * mean and var are no inputs of their own: they depend on x alone. */
void reel__grad_standardize_grad(reel__node *n, reel_tensor *packed) {
    reel_tensor *w = n->nin > 4 ? reel__in(n, 4) : NULL;
    reel_tensor *g = reel__in(n, 0), *x = reel__in(n, 1);
    if (!packed || !g || !x) return;
    if (reel_numel(x) == 0) {
        give_none(n);
        return;
    }
    const composed c = compose(n, g, x, w);
    const int affine = n->with.norm.affine;
    int64_t from = 0;
    reel_tensor *u = part(n->at, packed, &from, c.all);
    reel_tensor *v = affine > 0 ? part(n->at, packed, &from, c.channels) : NULL;
    reel_tensor *t = affine > 1 ? part(n->at, packed, &from, c.channels) : NULL;
    reel_tensor *p = weighed(&c, c.g), *of_p = mul(&c, c.r, projected(&c, u));
    if (reel__needs(n, 0)) {
        reel_tensor *of_g = weighed(&c, of_p);
        if (v) of_g = add(&c, of_g, mul(&c, v, c.h));
        give(&c, n, 0, t ? add(&c, of_g, t) : of_g);
    }
    if (c.w && reel__needs(n, 4)) give_weight(&c, n, mul(&c, c.g, of_p));
    if (!reel__needs(n, 1)) return;
    reel_tensor *of_h =
        add(&c, mul(&c, u, mean(&c, mul(&c, p, c.h))), mul(&c, p, mean(&c, mul(&c, u, c.h))));
    of_h = reel_neg_at(n->at, mul(&c, c.r, of_h));
    if (v) of_h = add(&c, of_h, mul(&c, v, c.g));
    reel_tensor *of_r = mul(&c, mul(&c, c.r, c.r), mean(&c, mul(&c, u, projected(&c, p))));
    give(&c, n, 1, sub(&c, mul(&c, c.r, projected(&c, of_h)), mul(&c, c.h, of_r)));
}
