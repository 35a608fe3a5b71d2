/* Attention with several heads: projections around attention, and masks. */
#include "nn/module_internal.h"
#include "nn/transformer.h"

#include <inttypes.h>
#include <math.h>

typedef struct {
    reel_module base;
    int64_t width, heads;
    reel_multihead_attention_options o;
    reel_tensor *weight[3], *bias; /* of query, key and value; weight[0] of all, if packed */
    bool packed;
    reel_tensor *bias_k, *bias_v; /* NULL: none */
    reel_module *out_proj;
    reel_generator *generator;
} attention;

/* What a call is about: x[T,B,.] or x[B,T,.], with a batch of 1 where there was none. */
typedef struct {
    const attention *m;
    bool unbatched, causal;
    int64_t batch, queries, keys;
    int64_t more; /* keys that the module puts behind the others, and that all may look at */
    reel_tensor *in[3];
} call;

static const char *const called[] = {"query", "key", "value", "mask"};

/* ---- checks ---- */

static reel_status check_inputs(const attention *m, reel_tensor *const *in) {
    const int64_t widths[] = {m->width, m->o.kdim, m->o.vdim};
    const int ndim = reel_ndim(in[0]), length = m->o.batch_first ? 1 : 0;
    for (int i = 0; i < 3; i++) {
        const reel_shape s = reel_shape_of(in[i]);
        if (s.ndim != ndim || (ndim != 2 && ndim != 3))
            return reel__fail_composite(REEL_ERR_SHAPE, "inputs have three axes, or two");
        if (s.dim[ndim - 1] != widths[i])
            return reel__fail_composite(REEL_ERR_SHAPE, "%s has %" PRId64 " features, not %" PRId64,
                                        called[i], s.dim[ndim - 1], widths[i]);
        if (ndim == 3 && s.dim[1 - length] != reel_dim(in[0], 1 - length))
            return reel__fail_composite(REEL_ERR_SHAPE, "batches differ");
    }
    const int of = ndim == 2 ? 0 : length;
    if (reel_dim(in[1], of) == reel_dim(in[2], of)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "key and value differ in length");
}

/* ---- masks: what is added to the scores ---- */

static reel_tensor *number(const reel_tensor *like, double value) {
    return reel_full(REEL_SCALAR, value, reel_dtype_of(like), reel_device_of(like));
}

static reel_tensor *added(const call *c, reel_tensor *mask) {
    if (reel_dtype_of(mask) != REEL_U8) return mask;
    return reel_where(mask, number(c->in[0], -INFINITY), number(c->in[0], 0));
}

/* [T,S] as it is, [B H,T,S] as [B,H,T,S]. */
static reel_tensor *attn_mask(const call *c, reel_tensor *mask) {
    const int64_t heads = c->m->heads;
    const reel_shape two = reel_shape(c->queries, c->keys),
                     three = reel_shape(c->batch * heads, c->queries, c->keys);
    if (reel_shape_equal(reel_shape_of(mask), two)) return added(c, mask);
    if (reel_shape_equal(reel_shape_of(mask), three))
        return reel_reshape(added(c, mask), reel_shape(c->batch, heads, c->queries, c->keys));
    reel__fail_composite(REEL_ERR_SHAPE, "attn_mask is not of queries and keys");
    return NULL;
}

static reel_tensor *key_padding_mask(const call *c, reel_tensor *mask) {
    const reel_shape s = reel_shape_of(mask);
    if (reel_shape_equal(s, reel_shape(c->batch, c->keys)) ||
        (c->unbatched && reel_shape_equal(s, reel_shape(c->keys))))
        return reel_reshape(added(c, mask), reel_shape(c->batch, 1, 1, c->keys));
    reel__fail_composite(REEL_ERR_SHAPE, "key_padding_mask is not of the batch and keys");
    return NULL;
}

static reel_tensor *causal_mask(const call *c) {
    reel_tensor *all =
        reel_ones(reel_shape(c->queries, c->keys), REEL_U8, reel_device_of(c->in[0]));
    return added(c, reel_logical_not(reel_tril(all, 0)));
}

/* With nothing added for keys that the module itself puts behind the others. */
static reel_tensor *widened(const call *c, reel_tensor *mask) {
    if (!c->more || !mask) return mask;
    reel_shape s = reel_shape_of(mask);
    s.dim[s.ndim - 1] = c->more;
    return reel_concat(-1, mask, reel_zeros(s, reel_dtype_of(mask), reel_device_of(mask)));
}

static reel_tensor *joined(reel_tensor *a, reel_tensor *b) {
    return !a ? b : !b ? a : reel_add(a, b);
}

/* *mask NULL: none. */
static reel_status join_masks(call *c, reel_tensor *padding, reel_tensor *attn,
                              reel_tensor **mask) {
    const bool wanted = padding || attn || (c->causal && c->more);
    *mask = padding ? key_padding_mask(c, padding) : NULL;
    if (attn) *mask = joined(*mask, attn_mask(c, attn));
    if (c->causal && c->more) { /* the op's own would hide them */
        *mask = joined(*mask, causal_mask(c));
        c->causal = false;
    }
    *mask = widened(c, *mask);
    return *mask || !wanted ? REEL_OK : reel_error_status();
}

/* ---- heads ---- */

/* x weight^T + bias, of query, key or value: rows and entries i of what is packed. */
static reel_tensor *project(const call *c, int i) {
    const attention *m = c->m;
    const int64_t first = i * m->width, end = first + m->width;
    reel_tensor *weight = m->packed ? reel_slice(m->weight[0], 0, first, end, 1) : m->weight[i];
    reel_tensor *y = reel_matmul(c->in[i], reel_t(weight));
    return m->bias ? reel_add(y, reel_slice(m->bias, 0, first, end, 1)) : y;
}

/* A key or value more for each of the batch. */
static reel_tensor *with_row(const call *c, reel_tensor *x, reel_tensor *row) {
    const bool first = c->m->o.batch_first;
    const reel_shape s =
        first ? reel_shape(c->batch, 1, c->m->width) : reel_shape(1, c->batch, c->m->width);
    return reel_concat(first ? 1 : 0, x, reel_expand(row, s));
}

static reel_tensor *with_rows(const call *c, reel_tensor *x, reel_tensor *bias) {
    if (bias) x = with_row(c, x, bias);
    if (!c->m->o.add_zero_attn || !x) return x;
    return with_row(c, x, reel_zeros(reel_shape(1, 1, 1), reel_dtype_of(x), reel_device_of(x)));
}

/* [T,B,E] or [B,T,E] as [B,H,T,E/H]: a view. */
static reel_tensor *by_heads(const call *c, reel_tensor *x) {
    const attention *m = c->m;
    if (!x) return NULL;
    x = reel_reshape(x, reel_shape(reel_dim(x, 0), reel_dim(x, 1), m->heads, m->width / m->heads));
    return reel_permute(x, m->o.batch_first ? reel_axes(0, 2, 1, 3) : reel_axes(1, 2, 0, 3));
}

/* With the weights, which are in memory then. */
static reel_tensor *weigh(const call *c, reel_tensor *const *head, reel_tensor *mask,
                          double dropout, reel_tensor **weights) {
    const attention *m = c->m;
    const double scale = 1.0 / sqrt((double)(m->width / m->heads));
    reel_tensor *s = reel_matmul(reel_scale(head[0], scale), reel_t(head[1]));
    if (mask) s = reel_add(s, mask);
    if (c->causal) s = reel_add(s, causal_mask(c));
    reel_tensor *p = reel_softmax(s, -1);
    if (dropout > 0.0) p = reel_dropout(p, dropout, m->generator);
    *weights = m->o.weights_by_head ? p : reel_mean_over(p, reel_axes(1), false);
    if (c->unbatched) *weights = reel_squeeze(*weights, 0);
    return reel_matmul(p, head[2]);
}

static void run(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const attention *m = (const attention *)base;
    reel_tensor *key = in[1] ? in[1] : in[0], *value = in[2] ? in[2] : key;
    call c = {.m = m,
              .unbatched = reel_ndim(in[0]) == 2,
              .causal = m->o.is_causal,
              .more = (m->bias_k != NULL) + m->o.add_zero_attn,
              .in = {in[0], key, value}};
    REEL__COMPOSITE(.name = base->type, .at = reel__self()->call.site, .first = 1,
                    .in = {in[0], in[1], in[2]}, .given = 1, .called = called);
    if (!reel__composite_is_whole(&composite) || check_inputs(m, c.in) != REEL_OK) return;
    const int batch = m->o.batch_first ? 0 : 1;
    for (int i = 0; i < 3 && c.unbatched; i++) c.in[i] = reel_unsqueeze(c.in[i], batch);
    c.batch = reel_dim(c.in[0], batch);
    c.queries = reel_dim(c.in[0], 1 - batch);
    c.keys = reel_dim(c.in[1], 1 - batch);
    reel_tensor *mask, *head[3];
    if (join_masks(&c, in[3], in[4], &mask) != REEL_OK) return;
    for (int i = 0; i < 3; i++) head[i] = project(&c, i);
    head[1] = with_rows(&c, head[1], m->bias_k);
    head[2] = with_rows(&c, head[2], m->bias_v);
    for (int i = 0; i < 3; i++) head[i] = by_heads(&c, head[i]);
    const double dropout = base->training ? m->o.dropout : 0.0;
    reel_tensor *y = m->o.need_weights ? weigh(&c, head, mask, dropout, &out[1])
                                       : reel_scaled_dot_product_attention(
                                             head[0], head[1], head[2],
                                             (reel_attention_options){.attn_mask = mask,
                                                                      .is_causal = c.causal,
                                                                      .dropout_p = dropout,
                                                                      .generator = m->generator});
    y = reel_reshape(reel_transpose(y, 1, 2), reel_shape(c.batch, c.queries, m->width));
    y = reel_forward_at(NULL, m->out_proj, y); /* of [B,T,E], which lies so */
    if (!m->o.batch_first) y = reel_transpose(y, 0, 1);
    out[0] = c.unbatched ? reel_squeeze(y, batch) : y;
}

/* ---- making one ---- */

#define WHAT "multihead_attention_new"

static reel_status check(int64_t width, int64_t heads, const reel_multihead_attention_options *o) {
    if (width < 1 || heads < 1 || width % heads != 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         WHAT ": embed_dim is no multiple of num_heads: %" PRId64 ", %" PRId64,
                         width, heads);
    if (width > 1 << 30)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, WHAT ": too wide: %" PRId64, width);
    if (o->kdim < 0 || o->vdim < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         WHAT ": a size below 1: kdim %" PRId64 ", vdim %" PRId64, o->kdim,
                         o->vdim);
    if (!(o->dropout >= 0.0 && o->dropout < 1.0))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, WHAT ": dropout must lie in [0, 1): %g",
                         o->dropout);
    return reel__module_check_dtype(WHAT, o->dtype);
}

/* xavier_uniform */
static reel_tensor *param_xavier(attention *m, const char *name, int64_t out, int64_t in,
                                 const reel__draws *d) {
    return reel__param_uniform(&m->base, name, reel_shape(out, in),
                               sqrt(6.0 / ((double)in + (double)out)), m->o.dtype, d);
}

/* xavier_normal of [1,1,E] */
static reel_tensor *param_row(attention *m, const char *name, const reel__draws *d) {
    reel_tensor *t = reel_empty(reel_shape(1, 1, m->width), m->o.dtype, d->device);
    t = reel_normal_(t, d->generator, 0.0, sqrt(1.0 / (double)m->width));
    return reel_module_param(&m->base, name, t);
}

static bool add_params(attention *m, const reel__draws *d) {
    static const char *const names[] = {"q_proj_weight", "k_proj_weight", "v_proj_weight"};
    const int64_t widths[] = {m->width, m->o.kdim, m->o.vdim};
    bool whole = d->ok;
    m->packed = m->o.kdim == m->width && m->o.vdim == m->width;
    for (int i = 0; whole && i < (m->packed ? 1 : 3); i++) {
        m->weight[i] = m->packed ? param_xavier(m, "in_proj_weight", 3 * m->width, m->width, d)
                                 : param_xavier(m, names[i], m->width, widths[i], d);
        whole = m->weight[i] != NULL;
    }
    if (whole && !m->o.no_bias)
        whole = (m->bias = reel__param_filled(&m->base, "in_proj_bias", reel_shape(3 * m->width),
                                              0.0, m->o.dtype, d->device)) != NULL;
    if (!whole || !m->o.add_bias_kv) return whole;
    m->bias_k = param_row(m, "bias_k", d);
    m->bias_v = param_row(m, "bias_v", d);
    return m->bias_k && m->bias_v;
}

static bool add_out_proj(attention *m, const reel__draws *d) {
    reel_module *linear = reel_linear_new(m->width, m->width,
                                          (reel_linear_options){.no_bias = m->o.no_bias,
                                                                .dtype = m->o.dtype,
                                                                .generator = d->generator});
    m->out_proj = linear ? reel_module_child(&m->base, "out_proj", linear) : NULL;
    if (!m->out_proj || m->o.no_bias) return m->out_proj;
    REEL_NO_GRAD;
    return reel_fill_(reel_module_get(m->out_proj, "bias"), 0.0);
}

reel_module *reel_multihead_attention_new(int64_t embed_dim, int64_t num_heads,
                                          reel_multihead_attention_options options) {
    if (check(embed_dim, num_heads, &options) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = WHAT);
    attention *m = reel__module_new(sizeof *m, "multihead_attention", NULL, NULL);
    if (!m) return NULL;
    m->base.run = run;
    m->base.inputs = 5;
    m->base.results = options.need_weights ? 2 : 1;
    m->width = embed_dim;
    m->heads = num_heads;
    m->o = options;
    m->o.generator = NULL; /* the caller's, for now alone */
    if (m->o.kdim == 0) m->o.kdim = embed_dim;
    if (m->o.vdim == 0) m->o.vdim = embed_dim;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(options.generator);
    bool whole = add_params(m, &d) && add_out_proj(m, &d);
    if (whole && options.dropout > 0.0) {
        m->generator = reel__module_draws(&m->base, options.seed, d.device);
        whole = m->generator != NULL;
    }
    reel__draws_end(&d);
    return reel__module_made(&m->base, whole);
}
