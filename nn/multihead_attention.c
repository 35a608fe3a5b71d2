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

static const char *const called[] = {"query", "key", "value"};

/* ---- checks ---- */

static reel_status check_axes(reel_tensor *const *in) {
    const int ndim = reel_ndim(in[0]);
    if (ndim != 2 && ndim != 3)
        return reel__fail_composite(REEL_ERR_SHAPE, "query must have three axes, or two, not %d",
                                    ndim);
    for (int i = 1; i < 3; i++)
        if (reel_ndim(in[i]) != ndim)
            return reel__fail_composite(REEL_ERR_SHAPE, "%s has %d axes, query %d", called[i],
                                        reel_ndim(in[i]), ndim);
    return REEL_OK;
}

static reel_status check_dtypes(reel_tensor *const *in, reel_dtype dtype) {
    for (int i = 0; i < 3; i++)
        if (reel_dtype_of(in[i]) != dtype)
            return reel__fail_composite(REEL_ERR_DTYPE, "%s is %s, the parameters %s", called[i],
                                        reel_dtype_name(reel_dtype_of(in[i])),
                                        reel_dtype_name(dtype));
    return REEL_OK;
}

static reel_status check_inputs(const attention *m, reel_tensor *const *in) {
    const int64_t widths[] = {m->width, m->o.kdim, m->o.vdim};
    const int ndim = reel_ndim(in[0]), length = m->o.batch_first ? 1 : 0;
    REEL_TRY(check_axes(in));
    REEL_TRY(check_dtypes(in, reel_dtype_of(m->weight[0])));
    for (int i = 0; i < 3; i++) {
        const reel_shape s = reel_shape_of(in[i]);
        if (s.dim[ndim - 1] != widths[i])
            return reel__fail_composite(REEL_ERR_SHAPE, "%s has %" PRId64 " features, not %" PRId64,
                                        called[i], s.dim[ndim - 1], widths[i]);
        const int64_t batch = reel_dim(in[0], 1 - length);
        if (ndim == 3 && s.dim[1 - length] != batch)
            return reel__fail_composite(REEL_ERR_SHAPE,
                                        "%s has a batch of %" PRId64 ", query of %" PRId64,
                                        called[i], s.dim[1 - length], batch);
    }
    const int of = ndim == 2 ? 0 : length;
    if (reel_dim(in[1], of) == reel_dim(in[2], of)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "key has length %" PRId64 ", value %" PRId64,
                                reel_dim(in[1], of), reel_dim(in[2], of));
}

/* ---- masks: what is added to the scores ---- */

static reel_tensor *number(const reel_tensor *like, double value) {
    return reel_full_at(NULL, REEL_SCALAR, value, reel_dtype_of(like), reel_device_of(like));
}

static reel_tensor *added(const call *c, reel_tensor *mask) {
    if (reel_dtype_of(mask) != REEL_U8) return mask;
    return reel_where_at(NULL, mask, number(c->in[0], -INFINITY), number(c->in[0], 0));
}

static bool is_of_a_kind(const call *c, const char *name, const reel_tensor *mask) {
    const reel_dtype dtype = reel_dtype_of(mask), wanted = reel_dtype_of(c->in[0]);
    if (dtype == REEL_U8 || dtype == wanted) return true;
    reel__fail_composite(REEL_ERR_DTYPE, "%s is %s, not u8 or %s", name, reel_dtype_name(dtype),
                         reel_dtype_name(wanted));
    return false;
}

/* "attn_mask is [5, 8], not [2, 5] or [4, 2, 5]"; REEL_SCALAR: no other. */
static void fail_shape(const char *name, const reel_tensor *mask, reel_shape wanted,
                       reel_shape other) {
    char is[192], one[192], two[192];
    const bool either = other.ndim > 0;
    reel__shape_text(is, sizeof is, reel_shape_of(mask));
    reel__shape_text(one, sizeof one, wanted);
    reel__shape_text(two, sizeof two, other);
    reel__fail_composite(REEL_ERR_SHAPE, "%s is %s, not %s%s%s", name, is, one,
                         either ? " or " : "", either ? two : "");
}

/* [T,S] as it is, [B H,T,S] as [B,H,T,S]. */
static reel_tensor *attn_mask(const call *c, reel_tensor *mask) {
    const int64_t heads = c->m->heads;
    const reel_shape two = reel_shape(c->queries, c->keys),
                     three = reel_shape(c->batch * heads, c->queries, c->keys);
    if (!is_of_a_kind(c, "attn_mask", mask)) return NULL;
    if (reel_shape_equal(reel_shape_of(mask), two)) return added(c, mask);
    if (reel_shape_equal(reel_shape_of(mask), three))
        return reel_reshape_at(NULL, added(c, mask),
                               reel_shape(c->batch, heads, c->queries, c->keys));
    fail_shape("attn_mask", mask, two, three);
    return NULL;
}

/* [B,S], and of no batch [S] too. */
static reel_tensor *key_padding_mask(const call *c, reel_tensor *mask) {
    const reel_shape one = reel_shape(c->keys), two = reel_shape(c->batch, c->keys);
    if (!is_of_a_kind(c, "key_padding_mask", mask)) return NULL;
    if (reel_shape_equal(reel_shape_of(mask), two) ||
        (c->unbatched && reel_shape_equal(reel_shape_of(mask), one)))
        return reel_reshape_at(NULL, added(c, mask), reel_shape(c->batch, 1, 1, c->keys));
    fail_shape("key_padding_mask", mask, c->unbatched ? one : two, REEL_SCALAR);
    return NULL;
}

static reel_tensor *causal_mask(const call *c) {
    reel_tensor *all =
        reel_ones_at(NULL, reel_shape(c->queries, c->keys), REEL_U8, reel_device_of(c->in[0]));
    return added(c, reel_logical_not_at(NULL, reel_tril_at(NULL, all, 0)));
}

/* With nothing added for keys that the module itself puts behind the others. */
static reel_tensor *widened(const call *c, reel_tensor *mask) {
    if (!c->more || !mask) return mask;
    reel_shape s = reel_shape_of(mask);
    s.dim[s.ndim - 1] = c->more;
    return reel_concat_at(
        NULL, REEL__LIST(mask, reel_zeros_at(NULL, s, reel_dtype_of(mask), reel_device_of(mask))),
        -1);
}

static reel_tensor *joined(reel_tensor *a, reel_tensor *b) {
    return !a ? b : !b ? a : reel_add_at(NULL, a, b);
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
    reel_tensor *weight =
        m->packed ? reel_slice_at(NULL, m->weight[0], 0, first, end, 1) : m->weight[i];
    reel_tensor *y = reel_matmul_at(NULL, c->in[i], reel_t_at(NULL, weight));
    return m->bias ? reel_add_at(NULL, y, reel_slice_at(NULL, m->bias, 0, first, end, 1)) : y;
}

/* A key or value more for each of the batch. */
static reel_tensor *with_row(const call *c, reel_tensor *x, reel_tensor *row) {
    const bool first = c->m->o.batch_first;
    const reel_shape s =
        first ? reel_shape(c->batch, 1, c->m->width) : reel_shape(1, c->batch, c->m->width);
    return reel_concat_at(NULL, REEL__LIST(x, reel_expand_at(NULL, row, s)), first ? 1 : 0);
}

static reel_tensor *with_rows(const call *c, reel_tensor *x, reel_tensor *bias) {
    if (bias) x = with_row(c, x, bias);
    if (!c->m->o.add_zero_attn || !x) return x;
    return with_row(c, x,
                    reel_zeros_at(NULL, reel_shape(1, 1, 1), reel_dtype_of(x), reel_device_of(x)));
}

/* [T,B,E] or [B,T,E] as [B,H,T,E/H]: a view. */
static reel_tensor *by_heads(const call *c, reel_tensor *x) {
    const attention *m = c->m;
    if (!x) return NULL;
    x = reel_reshape_at(NULL, x,
                        reel_shape(reel_dim(x, 0), reel_dim(x, 1), m->heads, m->width / m->heads));
    return reel_permute_at(NULL, x,
                           m->o.batch_first ? reel_axes(0, 2, 1, 3) : reel_axes(1, 2, 0, 3));
}

/* With the weights, which are in memory then. */
static reel_tensor *weigh(const call *c, reel_tensor *const *head, reel_tensor *mask,
                          double dropout, reel_tensor **weights) {
    const attention *m = c->m;
    const double scale = 1.0 / sqrt((double)(m->width / m->heads));
    reel_tensor *s =
        reel_matmul_at(NULL, reel_affine_at(NULL, head[0], scale, 0), reel_t_at(NULL, head[1]));
    if (mask) s = reel_add_at(NULL, s, mask);
    if (c->causal) s = reel_add_at(NULL, s, causal_mask(c));
    reel_tensor *p = reel_softmax_at(NULL, s, -1);
    if (dropout > 0.0) p = reel_dropout_at(NULL, p, dropout, m->generator);
    *weights = m->o.weights_by_head ? p : reel_mean_at(NULL, p, reel_axes(1), false);
    if (c->unbatched) *weights = reel_squeeze_at(NULL, *weights, 0);
    return reel_matmul_at(NULL, p, head[2]);
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
    for (int i = 0; i < 3 && c.unbatched; i++) c.in[i] = reel_unsqueeze_at(NULL, c.in[i], batch);
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
                                       : reel_scaled_dot_product_attention_at(
                                             NULL, head[0], head[1], head[2],
                                             (reel_attention_options){.attn_mask = mask,
                                                                      .is_causal = c.causal,
                                                                      .dropout_p = dropout,
                                                                      .generator = m->generator});
    y = reel_reshape_at(NULL, reel_transpose_at(NULL, y, 1, 2),
                        reel_shape(c.batch, c.queries, m->width));
    y = reel_forward_at(NULL, m->out_proj, y); /* of [B,T,E], which lies so */
    if (!m->o.batch_first) y = reel_transpose_at(NULL, y, 0, 1);
    out[0] = c.unbatched ? reel_squeeze_at(NULL, y, batch) : y;
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
