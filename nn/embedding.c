/* Embeddings: rows of a table by number. */
#include "nn/embedding_internal.h"

#include <inttypes.h>

/* ---- what is shared with bags ---- */

reel_status reel__embedding_check(const reel_tensor *weight, const reel_tensor *index, bool pads,
                                  int64_t *padding) {
    if (reel_ndim(weight) != 2)
        return reel__fail_composite(REEL_ERR_SHAPE, "the weight must be [N, D]");
    if (!reel_dtype_is_float(reel_dtype_of(weight)))
        return reel__fail_composite(REEL_ERR_DTYPE, "the weight must be of floats");
    if (reel_dtype_of(index) != REEL_I64)
        return reel__fail_composite(REEL_ERR_DTYPE, "the index must be i64");
    const int64_t n = reel_dim(weight, 0);
    if (pads && (*padding >= n || *padding < -n))
        return reel__fail_composite(REEL_ERR_ARGUMENT,
                                    "padding_idx %" PRId64 " of %" PRId64 " rows", *padding, n);
    if (pads && *padding < 0) *padding += n;
    return REEL_OK;
}

reel_tensor *reel__embedding_rows(const char *at, reel_tensor *weight, reel_tensor *index) {
    reel_shape s = reel_shape_of(index);
    if (s.ndim == REEL_MAX_DIMS) {
        reel__fail_composite(REEL_ERR_SHAPE, "the result would have more than %d axes",
                             REEL_MAX_DIMS);
        return NULL;
    }
    reel_tensor *flat =
        s.ndim == 1 ? index : reel_reshape_at(at, index, reel_shape(reel_numel(index)));
    reel_tensor *y = reel_index_select_at(at, weight, 0, flat);
    s.dim[s.ndim++] = reel_dim(weight, 1);
    return s.ndim == 2 ? y : reel_reshape_at(at, y, s);
}

reel_tensor *reel__embedding_padded(const char *at, reel_tensor *index, int64_t padding) {
    return reel_eq_at(
        at, index, reel_full_at(at, REEL_SCALAR, (double)padding, REEL_I64, reel_device_of(index)));
}

/* ---- the function ---- */

static reel_tensor *embed(const char *at, reel_tensor *weight, reel_tensor *index, bool pads,
                          int64_t padding) {
    if (reel__embedding_check(weight, index, pads, &padding) != REEL_OK) return NULL;
    REEL_SCOPE;
    reel_tensor *y = reel__embedding_rows(at, weight, index);
    if (y && pads) { /* what is detached gets no gradient */
        reel_tensor *is = reel__embedding_padded(at, index, padding);
        y = reel_where_at(at, reel_unsqueeze_at(at, is, -1), reel_detach_at(at, y), y);
    }
    return reel_scope_return(y);
}

reel_tensor *reel_embedding_at(const char *at, reel_tensor *weight, reel_tensor *index,
                               reel_embedding_options options) {
    static const char *const called[] = {"weight", "index"};
    REEL__COMPOSITE(.name = "embedding", .at = at, .in = {weight, index}, .given = 2,
                    .called = called);
    if (!reel__composite_is_whole(&composite)) return NULL;
    return embed(at, weight, index, options.pads, options.padding_idx);
}

/* ---- the layer ---- */

static reel_tensor *forward(reel_module *base, reel_tensor *index) {
    const reel__embedding_layer *m = (const reel__embedding_layer *)base;
    reel_tensor *weight = m->weight, *bias = NULL;
    REEL__LAYER_OF(base, index, weight, bias);
    if (!reel__composite_is_whole(&composite)) return NULL;
    return embed(NULL, weight, index, m->pads, m->padding_idx);
}

/* N(0, 1), and zeros where nothing is meant. In a scope of the caller's. */
static reel_tensor *draw(reel__embedding_layer *m, reel_shape s,
                         const reel_embedding_layer_options *o) {
    reel__draws d = reel__draws_begin(o->generator);
    reel_tensor *t = d.ok ? reel_empty_at(NULL, s, o->dtype, d.device) : NULL;
    if (t) t = reel_normal_(t, d.generator, 0.0, 1.0);
    reel__draws_end(&d);
    if (t && m->pads && !reel_fill_at_(NULL, reel_select_at(NULL, t, 0, m->padding_idx), 0))
        return NULL;
    return t;
}

static reel_tensor *copied(reel_shape s, reel_tensor *given) {
    if (reel_shape_equal(reel_shape_of(given), s)) {
        reel_tensor *t = reel_empty_at(NULL, s, reel_dtype_of(given), reel_device_of(given));
        return t ? reel_copy_at_(NULL, t, reel_detach_at(NULL, given)) : NULL;
    }
    char text[200];
    reel__shape_text(text, sizeof text, s);
    reel__fail_composite(REEL_ERR_SHAPE, "from_pretrained must be %s", text);
    return NULL;
}

reel__embedding_layer *reel__embedding_layer_new(const char *type, int64_t num, int64_t dim,
                                                 const reel_embedding_layer_options *o) {
    char what[32];
    snprintf(what, sizeof what, "%s_new", type);
    if (num < 1 || dim < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a size below 1: num %" PRId64 ", dim %" PRId64,
                  what, num, dim);
        return NULL;
    }
    if (o->pads && (o->padding_idx >= num || o->padding_idx < -num)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: padding_idx %" PRId64 " of %" PRId64 " rows", what,
                  o->padding_idx, num);
        return NULL;
    }
    const reel_dtype dtype = o->from_pretrained ? reel_dtype_of(o->from_pretrained) : o->dtype;
    if (reel__module_check_dtype(what, dtype) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = what);
    reel__embedding_layer *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    m->pads = o->pads;
    m->padding_idx = o->padding_idx < 0 ? o->padding_idx + num : o->padding_idx;
    REEL_SCOPE;
    const reel_shape s = reel_shape(num, dim);
    reel_tensor *t = o->from_pretrained ? copied(s, o->from_pretrained) : draw(m, s, o);
    m->weight = t ? reel_module_param(&m->base, "weight", t) : NULL;
    if (m->weight && o->freeze) reel_untrack(m->weight);
    return (reel__embedding_layer *)reel__module_made(&m->base, m->weight != NULL);
}

reel_module *reel_embedding_new(int64_t num, int64_t dim, reel_embedding_layer_options options) {
    return (reel_module *)reel__embedding_layer_new("embedding", num, dim, &options);
}
