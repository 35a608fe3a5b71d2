/* The shape rules of attention and of its gradient. */
#include "tensor/ops/attention_internal.h"
#include "tensor/ops/shape_rules_internal.h"

static bool has_axes(const reel_tensor *t, int64_t a, int64_t b, int64_t c, int64_t d) {
    return reel_shape_equal(t->layout.shape, reel_shape(a, b, c, d));
}

/* Of q, k, v and bias, and the seed. */
static reel_status check_call(const reel__call *c, const reel_tensor *seed) {
    for (int i = 0; i < 3; i++)
        if (c->in[i]->layout.shape.ndim != 4)
            return reel__fail_call(REEL_ERR_SHAPE, c, "four axes are needed");
    const reel__attention_sizes n = reel__attention_sizes_of(c->in[0], c->in[1], c->in[2]);
    if (n.width < 1 || !has_axes(c->in[1], n.batch, n.groups, n.keys, n.width) ||
        !has_axes(c->in[2], n.batch, n.groups, n.keys, n.value_width) ||
        (n.groups == 0 ? n.heads != 0 : n.heads % n.groups != 0))
        return reel__fail_call(REEL_ERR_SHAPE, c, "shapes do not belong together");
    const reel_shape scores = reel_shape(n.batch, n.heads, n.queries, n.keys),
                     bias = c->in[3]->layout.shape, s = seed->layout.shape;
    for (int i = 0; i < 4 && bias.ndim == 4; i++)
        if (bias.dim[i] != 1 && bias.dim[i] != scores.dim[i])
            return reel__fail_call(REEL_ERR_SHAPE, c, "the bias does not fit");
    if (bias.ndim != 4 && !reel_shape_equal(bias, reel_shape(0)))
        return reel__fail_call(REEL_ERR_SHAPE, c, "the bias does not fit");
    if (s.ndim == 1 && s.dim[0] == (c->with.attention.dropout > 0 ? 2 : 0)) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "the seed is of two numbers");
}

reel_status reel__rule_attention(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_call(c, c->in[4]));
    const reel__attention_sizes n = reel__attention_sizes_of(c->in[0], c->in[1], c->in[2]);
    const reel_dtype dtype = c->in[0]->layout.dtype;
    out[0].dtype = dtype;
    out[0].shape = reel_shape(n.batch, n.queries, n.heads, n.value_width);
    out[1].dtype = reel__compute_dtype(c->op, dtype);
    out[1].shape = reel_shape(n.batch, n.heads, n.queries);
    return REEL_OK;
}

reel_status reel__rule_attention_grad(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_call(c, c->in[7]));
    const reel__attention_sizes n = reel__attention_sizes_of(c->in[0], c->in[1], c->in[2]);
    if (!has_axes(c->in[4], n.batch, n.queries, n.heads, n.value_width) ||
        !has_axes(c->in[6], n.batch, n.queries, n.heads, n.value_width) ||
        !reel_shape_equal(c->in[5]->layout.shape, reel_shape(n.batch, n.heads, n.queries)))
        return reel__fail_call(REEL_ERR_SHAPE, c, "shapes do not belong together");
    int64_t all = 0;
    for (int i = 0; i < 3; i++)
        if (__builtin_add_overflow(all, reel_numel(c->in[i]), &all))
            return reel__fail_call(REEL_ERR_SHAPE, c, "the result is no shape of a tensor");
    out->dtype = c->in[0]->layout.dtype;
    out->shape = reel_shape(all);
    return REEL_OK;
}
