/* Attention: what is given is brought into the form that kernels know. */
#include "tensor/attention.h"

#include "tensor/ops/attention_internal.h"
#include "tensor/ops/call_internal.h"

#include <math.h>

/* ---- rows ---- */

reel_tensor *reel__attention(const char *at, const reel__attention_inputs *in, reel__with with,
                             reel_tensor **lse) {
    return reel__run_two((reel__call){.op = REEL_OP_attention,
                                      .at = at,
                                      .nin = 5,
                                      .in = {in->q, in->k, in->v, in->bias, in->seed},
                                      .with = with},
                         lse);
}

reel_tensor *reel__attention_grad(const char *at, const reel__attention_inputs *in, reel_tensor *y,
                                  reel_tensor *lse, reel_tensor *g, reel__with with) {
    return reel__run_call((reel__call){.op = REEL_OP_attention_grad,
                                       .at = at,
                                       .first = REEL__NO_NAMES,
                                       .nin = 8,
                                       .in = {in->q, in->k, in->v, in->bias, y, lse, g, in->seed},
                                       .with = with});
}

reel_tensor *reel__attention_kept(const char *at, reel_tensor *seed, double p, reel_shape shape,
                                  reel_dtype dtype) {
    return reel__run_call((reel__call){.op = REEL_OP_attention_kept,
                                       .at = at,
                                       .first = REEL__NO_NAMES,
                                       .nin = 1,
                                       .in = {seed},
                                       .with.bernoulli = {.shape = shape, .dtype = dtype, .p = p}});
}

/* ---- checks, before any op ---- */

static reel_status check_shapes(const reel__composite *c, bool enable_gqa) {
    const reel_shape q = reel_shape_of(c->in[0]), k = reel_shape_of(c->in[1]),
                     v = reel_shape_of(c->in[2]);
    const int n = q.ndim;
    if (n < 2 || k.ndim != n || v.ndim != n)
        return reel__fail_composite(REEL_ERR_SHAPE, "q, k and v have as many axes, two or more");
    for (int i = 0; i < n - 2; i++) {
        const bool heads = i == n - 3;
        if (k.dim[i] != v.dim[i])
            return reel__fail_composite(REEL_ERR_SHAPE, "k and v differ in axis %d", i);
        if (q.dim[i] == k.dim[i]) continue;
        if (!heads || !enable_gqa)
            return reel__fail_composite(REEL_ERR_SHAPE, "q and k differ in axis %d%s", i,
                                        heads ? ", their heads: see enable_gqa" : "");
        if (k.dim[i] == 0 || q.dim[i] % k.dim[i] != 0)
            return reel__fail_composite(REEL_ERR_SHAPE,
                                        "the heads of q are no multiple of those of k");
    }
    if (q.dim[n - 1] != k.dim[n - 1] || k.dim[n - 2] != v.dim[n - 2])
        return reel__fail_composite(REEL_ERR_SHAPE, q.dim[n - 1] != k.dim[n - 1]
                                                        ? "heads of q and k differ in size"
                                                        : "k and v differ in length");
    if (q.dim[n - 1] > 0) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "heads of size 0");
}

static reel_shape scores_shape(const reel__composite *c) {
    reel_shape s = reel_shape_of(c->in[0]);
    s.dim[s.ndim - 1] = reel_dim(c->in[1], -2);
    return s;
}

static reel_status check_mask(const reel__composite *c) {
    const reel_tensor *mask = c->in[3];
    const reel_shape scores = scores_shape(c);
    reel_shape both;
    if (!mask) return REEL_OK;
    if (reel_dtype_of(mask) != REEL_U8 && reel_dtype_of(mask) != reel_dtype_of(c->in[0]))
        return reel__fail_composite(REEL_ERR_DTYPE, "attn_mask is u8, or of the dtype of q, not %s",
                                    reel_dtype_name(reel_dtype_of(mask)));
    if (reel__broadcast(reel_shape_of(mask), scores, &both) && reel_shape_equal(both, scores))
        return REEL_OK;
    char text[200];
    reel__shape_text(text, sizeof text, scores);
    return reel__fail_composite(REEL_ERR_SHAPE, "attn_mask does not broadcast to %s", text);
}

static reel_status check(const reel__composite *c, const reel_attention_options *o) {
    if (!reel__composite_is_whole(c)) return reel_error_status();
    for (int i = 0; i < 3; i++)
        if (!reel_dtype_is_float(reel_dtype_of(c->in[i])))
            return reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
    for (int i = 1; i < 3; i++)
        if (reel_dtype_of(c->in[i]) != reel_dtype_of(c->in[0]))
            return reel__fail_composite(REEL_ERR_DTYPE, "dtypes differ");
    REEL_TRY(check_shapes(c, o->enable_gqa));
    REEL_TRY(check_mask(c));
    if (!(o->dropout_p >= 0.0 && o->dropout_p < 1.0))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "dropout_p must lie in [0, 1), not %g",
                                    o->dropout_p);
    if (o->dropout_p > 0.0 && !o->generator)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "dropout_p without a generator");
    if (!isfinite(o->scale))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "scale must be finite, not %g", o->scale);
    return REEL_OK;
}

/* ---- the form that kernels know ---- */

/* [...,H,T,E] as [B,H,T,E]. */
static reel_tensor *with_four_axes(const char *at, reel_tensor *t) {
    reel_shape s = reel_shape_of(t), four = {4, {1, 1, 1, 1}};
    if (s.ndim == 4) return t;
    for (int i = 0; i < s.ndim - 3; i++) four.dim[0] *= s.dim[i];
    for (int i = s.ndim < 3 ? 0 : s.ndim - 3; i < s.ndim; i++) four.dim[4 - s.ndim + i] = s.dim[i];
    return reel_reshape_at(at, t, four);
}

static reel_tensor *nothing(const char *at, reel_dtype dtype, reel_device device) {
    return reel_empty_at(at, reel_shape(0), dtype, device);
}

/* The mask as what is added to the scores, in four axes, those of 1 as they are. */
static reel_tensor *bias_of(const char *at, reel_tensor *mask, reel_shape scores,
                            const reel_tensor *q) {
    const reel_dtype dtype = reel_dtype_of(q);
    if (!mask) return nothing(at, dtype, reel_device_of(q));
    if (reel_dtype_of(mask) == REEL_U8) {
        reel_tensor *zero = reel_full_at(at, REEL_SCALAR, 0.0, dtype, reel_device_of(q));
        reel_tensor *never = reel_full_at(at, REEL_SCALAR, -INFINITY, dtype, reel_device_of(q));
        mask = reel_where_at(at, mask, zero, never);
    }
    if (scores.ndim > 4) return with_four_axes(at, reel_expand_at(at, mask, scores));
    reel_shape four = {4, {1, 1, 1, 1}};
    const reel_shape s = mask ? reel_shape_of(mask) : four;
    for (int i = 0; i < s.ndim; i++) four.dim[4 - s.ndim + i] = s.dim[i];
    return reel_reshape_at(at, mask, four);
}

static reel_tensor *seed_of(const char *at, const reel_attention_options *o, reel_device device) {
    if (o->dropout_p == 0.0) return nothing(at, REEL_I64, device);
    return reel_randint_at(at, 0, INT64_MAX, reel_shape(2), REEL_I64, o->generator);
}

reel_tensor *reel_scaled_dot_product_attention_at(const char *at, reel_tensor *q, reel_tensor *k,
                                                  reel_tensor *v, reel_attention_options options) {
    static const char *const called[] = {"q", "k", "v", "attn_mask"};
    REEL__COMPOSITE(.name = "scaled_dot_product_attention", .at = at,
                    .in = {q, k, v, options.attn_mask}, .given = 3, .called = called);
    if (check(&composite, &options) != REEL_OK) return NULL;
    reel_shape result = reel_shape_of(q);
    result.dim[result.ndim - 1] = reel_dim(v, -1);
    const reel__with with = {
        .attention = {.scale = reel__option(options.scale, 1.0 / sqrt((double)reel_dim(q, -1))),
                      .dropout = options.dropout_p,
                      .causal = options.is_causal}};
    REEL_SCOPE;
    const reel__attention_inputs in = {
        .q = with_four_axes(at, q),
        .k = with_four_axes(at, k),
        .v = with_four_axes(at, v),
        .bias = bias_of(at, options.attn_mask, scores_shape(&composite), q),
        .seed = seed_of(at, &options, reel_device_of(q))};
    reel_tensor *y = reel__attention(at, &in, with, NULL);
    y = reel_permute_at(at, y, reel_axes(0, 2, 1, 3));
    return reel_scope_return(result.ndim == 4 ? y : reel_reshape_at(at, y, result));
}
