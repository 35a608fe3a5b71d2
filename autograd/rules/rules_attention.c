/* The gradient of attention, and that gradient's own. The second, and a bias's, are compositions:
 * the weights of all queries and keys are in memory there, and nowhere else.
 *
 *     s = scale q k^T + bias,  p = softmax(s),  a = p m,  y = a v    (m: 0 or 1 / (1 - p) where
 * drawn) dp = m (g v^T),  delta = sum over keys of p dp,  ds = p (dp - delta) dq = scale ds k,  dk
 * = scale ds^T q,  dv = a^T g,  dbias = ds */
#include "autograd/autograd_internal.h"
#include "tensor/ops/attention_internal.h"

#include <math.h>

/* Seen with heads as groups and those that share one: q[B,G,R,T,E] k[B,G,1,S,E]; g as q. */
typedef struct {
    const char *at;
    reel__attention_sizes n;
    int64_t sharing;
    double scale;
    reel_tensor *q, *k, *v, *g;
    reel_tensor *p, *a, *kept; /* kept NULL: nothing is dropped */
    reel_tensor *dp, *less;    /* dp - delta */
    reel_tensor *ds;
} composed;

/* ---- shapes ---- */

/* [B,H,.,.] as [B,G,R,.,.] */
static reel_tensor *grouped(const composed *c, reel_tensor *t, bool shared) {
    if (!t) return NULL;
    const reel_shape s = reel_shape_of(t);
    return reel_reshape_at(c->at, t,
                           reel_shape(s.dim[0], shared || s.dim[1] == 1 ? s.dim[1] : c->n.groups,
                                      shared || s.dim[1] == 1 ? 1 : c->sharing, s.dim[2],
                                      s.dim[3]));
}

static reel_tensor *ungrouped(const composed *c, reel_tensor *t, int64_t rows, int64_t width) {
    return reel_reshape_at(c->at, t, reel_shape(c->n.batch, c->n.heads, rows, width));
}

/* [B,G,R,S,E] summed over those that share a group, which ungrouped leaves as it is. */
static reel_tensor *of_groups(const composed *c, reel_tensor *t) {
    return reel_sum_at(c->at, t, reel_axes(2), false);
}

static reel_tensor *add(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_add_at(c->at, x, y);
}
static reel_tensor *sub(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_sub_at(c->at, x, y);
}
static reel_tensor *mul(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_mul_at(c->at, x, y);
}
static reel_tensor *scaled(const composed *c, reel_tensor *x) {
    return reel_affine_at(c->at, x, c->scale, 0);
}
/* x y, x y^T, x^T y */
static reel_tensor *product(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_matmul_at(c->at, x, y);
}
static reel_tensor *by_turned(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_matmul_at(c->at, x, reel_t_at(c->at, y));
}
static reel_tensor *turned_by(const composed *c, reel_tensor *x, reel_tensor *y) {
    return reel_matmul_at(c->at, reel_t_at(c->at, x), y);
}
static reel_tensor *sum_of_keys(const composed *c, reel_tensor *x) {
    return reel_sum_at(c->at, x, reel_axes(-1), true);
}
static reel_tensor *dropped(const composed *c, reel_tensor *x) {
    return c->kept ? mul(c, x, c->kept) : x;
}

/* ---- weights ---- */

/* 1 where query i may look at key j. */
static reel_tensor *causal_mask(const composed *c, const reel_tensor *like) {
    reel_tensor *all = reel_full_at(c->at, reel_shape(c->n.queries, c->n.keys), 1.0, REEL_U8,
                                    reel_device_of(like));
    return reel_tril_at(c->at, all, 0);
}

/* A query that may look at nothing has scores of 0, and then weights of 0. */
static void make_weights(composed *c, const reel__node *n, reel_tensor *bias, reel_tensor *lse) {
    reel_tensor *s = scaled(c, by_turned(c, c->q, c->k));
    if (bias && reel__attention_has(bias)) s = add(c, s, grouped(c, bias, false));
    reel_tensor *zero = reel__constant(n, 0, lse), *never = reel__constant(n, -INFINITY, lse);
    if (n->with.attention.causal) s = reel_where_at(c->at, causal_mask(c, lse), s, never);
    lse = reel_reshape_at(c->at, reel_detach_at(c->at, lse),
                          reel_shape(c->n.batch, c->n.groups, c->sharing, c->n.queries, 1));
    reel_tensor *idle = reel_eq_at(c->at, lse, reel_neg_at(c->at, never));
    s = reel_where_at(c->at, idle, zero, s);
    c->p = reel_where_at(c->at, idle, zero, reel_softmax_at(c->at, s, -1));
    c->a = dropped(c, c->p);
}

/* From inputs 0 to 3, the logarithms of sums, g[B,T,H,F] and the seed. */
static composed compose(const reel__node *n, reel_tensor *lse, reel_tensor *g, reel_tensor *seed) {
    composed c = {.at = n->at, .scale = n->with.attention.scale};
    reel_tensor *q = reel__in(n, 0), *k = reel__in(n, 1), *v = reel__in(n, 2);
    if (!q || !k || !v || !lse || !g || !seed) return c;
    c.n = reel__attention_sizes_of(q, k, v);
    c.sharing = c.n.groups ? c.n.heads / c.n.groups : 0;
    c.q = grouped(&c, q, false);
    c.k = grouped(&c, k, true);
    c.v = grouped(&c, v, true);
    c.g = grouped(&c, reel_permute_at(c.at, g, reel_axes(0, 2, 1, 3)), false);
    if (reel__attention_has(seed))
        c.kept = reel__attention_kept(
            c.at, seed, n->with.attention.dropout,
            reel_shape(c.n.batch, c.n.groups, c.sharing, c.n.queries, c.n.keys), reel_dtype_of(q));
    make_weights(&c, n, reel__in(n, 3), lse);
    c.dp = dropped(&c, by_turned(&c, c.g, c.v));
    c.less = sub(&c, c.dp, sum_of_keys(&c, mul(&c, c.p, c.dp)));
    c.ds = mul(&c, c.p, c.less);
    return c;
}

/* ---- the gradient ---- */

/* Part of a packed gradient, [B,rows,heads,width], as [B,heads,rows,width]. */
static reel_tensor *part(const char *at, reel_tensor *packed, int64_t *from, reel_shape of) {
    int64_t count = 1;
    for (int i = 0; i < 4; i++) count *= of.dim[i];
    reel_tensor *t = reel_slice_at(at, packed, 0, *from, *from + count, 1);
    *from += count;
    t = reel_reshape_at(at, t, reel_shape(of.dim[0], of.dim[2], of.dim[1], of.dim[3]));
    return reel_permute_at(at, t, reel_axes(0, 2, 1, 3));
}

void reel__grad_attention(reel__node *n, reel_tensor *g) {
    reel_tensor *lse = reel__saved(n, REEL__OUT(1)), *seed = reel__in(n, 4);
    if (reel__needs(n, 0) || reel__needs(n, 1) || reel__needs(n, 2)) {
        const reel__attention_inputs in = {reel__in(n, 0), reel__in(n, 1), reel__in(n, 2),
                                           reel__in(n, 3), seed};
        reel_tensor *packed =
            reel__attention_grad(n->at, &in, reel_detach_at(n->at, reel__out(n)), lse, g, n->with);
        int64_t from = 0;
        for (int i = 0; i < 3; i++) reel__give(n, i, part(n->at, packed, &from, n->in_shape[i]));
    }
    if (!reel__needs(n, 3)) return;
    const composed c = compose(n, lse, g, seed);
    reel__give(n, 3, ungrouped(&c, c.ds, c.n.queries, c.n.keys));
}

/* ---- its own: of u, v, w, what dq, dk and dv are weighed by ---- */

/* With U = scale (u k^T + q v^T), the weight of ds, and W = sum over keys of U p:
 *   of dp:  R = p (U - W), which gives g m R v and v (m R)^T g
 *   of p:   P = U (dp - delta) - W dp + m (g w^T), which gives of s: p (P - sum over keys of p P)
 * and directly q: scale ds v, k: scale ds^T u, g: a w. y and the logarithms are no inputs of their
 * own: all that they depend on is here. */
void reel__grad_attention_grad(reel__node *n, reel_tensor *packed) {
    const composed c = compose(n, reel__in(n, 5), reel__in(n, 6), reel__in(n, 7));
    reel_shape of[3];
    reel_tensor *weight[3];
    int64_t from = 0;
    for (int i = 0; i < 3; i++) {
        of[i] = n->in_shape[i];
        weight[i] = grouped(&c, part(n->at, packed, &from, of[i]), i > 0);
    }
    reel_tensor *u = weight[0], *v = weight[1], *w = weight[2];
    reel_tensor *of_ds = scaled(&c, add(&c, by_turned(&c, u, c.k), by_turned(&c, c.q, v)));
    reel_tensor *sum = sum_of_keys(&c, mul(&c, of_ds, c.p));
    reel_tensor *of_dp = dropped(&c, mul(&c, c.p, sub(&c, of_ds, sum)));
    reel_tensor *of_p = sub(&c, mul(&c, of_ds, c.less), mul(&c, sum, c.dp));
    of_p = add(&c, of_p, dropped(&c, by_turned(&c, c.g, w)));
    reel_tensor *of_s = mul(&c, c.p, sub(&c, of_p, sum_of_keys(&c, mul(&c, c.p, of_p))));
    if (reel__needs(n, 0))
        reel__give(n, 0,
                   ungrouped(&c, scaled(&c, add(&c, product(&c, of_s, c.k), product(&c, c.ds, v))),
                             c.n.queries, c.n.width));
    if (reel__needs(n, 1))
        reel__give(
            n, 1,
            of_groups(&c, scaled(&c, add(&c, turned_by(&c, of_s, c.q), turned_by(&c, c.ds, u)))));
    if (reel__needs(n, 2)) reel__give(n, 2, of_groups(&c, turned_by(&c, of_dp, c.g)));
    if (reel__needs(n, 3)) reel__give(n, 3, ungrouped(&c, of_s, c.n.queries, c.n.keys));
    if (reel__needs(n, 6)) {
        reel_tensor *g = add(&c, product(&c, c.a, w), product(&c, of_dp, c.v));
        g = ungrouped(&c, g, c.n.queries, c.n.value_width);
        reel__give(n, 6, reel_permute_at(n->at, g, reel_axes(0, 2, 1, 3)));
    }
}
