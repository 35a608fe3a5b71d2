/* A transformer's encoder layer and decoder layer: attention and a network of two linear layers,
 * each added to what went in, and normalized. */
#include "nn/transformer_internal.h"

#include <inttypes.h>
#include <math.h>

typedef struct {
    reel_module base;
    bool norm_first;
    reel_tensor *(*activation)(const char *at, reel_tensor *x);
    reel_module *self_attn, *multihead_attn; /* the second NULL: an encoder's */
    reel_module *linear1, *linear2, *dropout, *norm[3], *dropouts[3];
} layer;

/* ---- forward ---- */

static reel_tensor *fed_forward(const layer *m, reel_tensor *x) {
    x = reel_forward_at(NULL, m->linear1, x);
    x = x ? m->activation(NULL, x) : NULL;
    x = x ? reel_forward_at(NULL, m->dropout, x) : NULL;
    return x ? reel_forward_at(NULL, m->linear2, x) : NULL;
}

/* Masks as the module of attention takes them. */
static reel_tensor *attended(reel_module *attention, reel_tensor *x, reel_tensor *memory,
                             reel_tensor *attn_mask, reel_tensor *key_padding_mask) {
    reel_tensor *y = NULL;
    reel_tensor *const in[] = {x, memory, memory, key_padding_mask, attn_mask};
    if (!x) return NULL;
    reel_run_at(NULL, attention, reel_results(&y), in, 5);
    return y;
}

/* What a part of the layer is applied to. */
static reel_tensor *before(const layer *m, int i, reel_tensor *x) {
    return m->norm_first && x ? reel_forward_at(NULL, m->norm[i], x) : x;
}

/* x and what part i made of it. */
static reel_tensor *after(const layer *m, int i, reel_tensor *x, reel_tensor *y) {
    y = y ? reel_forward_at(NULL, m->dropouts[i], y) : NULL;
    y = y ? reel_add(x, y) : NULL;
    return m->norm_first || !y ? y : reel_forward_at(NULL, m->norm[i], y);
}

static void run_encoder(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const layer *m = (const layer *)base;
    reel_tensor *x = in[0];
    REEL__LAYER(base, x);
    x = after(m, 0, x, attended(m->self_attn, before(m, 0, x), NULL, in[1], in[2]));
    out[0] = x ? after(m, 1, x, fed_forward(m, before(m, 1, x))) : NULL;
}

static void run_decoder(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const layer *m = (const layer *)base;
    reel_tensor *x = in[0], *memory = in[1];
    REEL__LAYER(base, x);
    if (!memory) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "no memory");
        return;
    }
    x = after(m, 0, x, attended(m->self_attn, before(m, 0, x), NULL, in[2], in[4]));
    if (x) x = after(m, 1, x, attended(m->multihead_attn, before(m, 1, x), memory, in[3], in[5]));
    out[0] = x ? after(m, 2, x, fed_forward(m, before(m, 2, x))) : NULL;
}

/* ---- making one ---- */

reel_status reel__transformer_check(const char *what, int64_t d_model, int64_t nhead,
                                    const reel_transformer_options *o) {
    const double dropout = reel__option(o->dropout, 0.1),
                 eps = reel__option(o->layer_norm_eps, 1e-5);
    if (d_model < 1 || nhead < 1 || d_model % nhead != 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "%s: d_model is no multiple of nhead: %" PRId64 ", %" PRId64, what,
                         d_model, nhead);
    if (o->dim_feedforward < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a size below 1: dim_feedforward %" PRId64,
                         what, o->dim_feedforward);
    if (!(dropout >= 0.0 && dropout < 1.0))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: dropout must lie in [0, 1): %g", what,
                         dropout);
    if (!(eps >= 0.0) || isinf(eps))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: layer_norm_eps must be 0 or more: %g", what,
                         eps);
    return reel__module_check_dtype(what, o->dtype);
}

/* A part under its name, on the device of the draws; NULL on failure. */
static reel_module *add(layer *m, const char *name, reel_module *part, const reel__draws *d) {
    part = part ? reel_module_child(&m->base, name, part) : NULL;
    const bool moves = part && d->device.type != REEL_CPU;
    return moves && reel_module_to(part, d->device) != REEL_OK ? NULL : part;
}

static reel_module *add_attention(layer *m, const char *name, int64_t width, int64_t heads,
                                  bool causal, uint64_t seed, const reel_transformer_options *o,
                                  const reel__draws *d) {
    return add(m, name,
               reel_multihead_attention_new(
                   width, heads,
                   (reel_multihead_attention_options){.dropout = reel__option(o->dropout, 0.1),
                                                      .seed = seed,
                                                      .no_bias = o->no_bias,
                                                      .batch_first = o->batch_first,
                                                      .is_causal = causal,
                                                      .dtype = o->dtype,
                                                      .generator = d->generator}),
               d);
}

static reel_module *add_linear(layer *m, const char *name, int64_t in, int64_t out,
                               const reel_transformer_options *o, const reel__draws *d) {
    return add(m, name,
               reel_linear_new(in, out,
                               (reel_linear_options){.no_bias = o->no_bias,
                                                     .dtype = o->dtype,
                                                     .generator = d->generator}),
               d);
}

static reel_module *add_dropout(layer *m, const char *name, uint64_t seed,
                                const reel_transformer_options *o, const reel__draws *d) {
    return add(m, name, reel_dropout_new(reel__option(o->dropout, 0.1), seed), d);
}

reel_module *reel__transformer_norm(int64_t width, const reel_transformer_options *o,
                                    reel_device device) {
    return reel_layer_norm_new(
        reel_shape(width),
        (reel_layer_norm_options){
            .eps = o->layer_norm_eps, .no_bias = o->no_bias, .dtype = o->dtype, .device = device});
}

static bool add_parts(layer *m, int64_t width, int64_t heads, const reel_transformer_options *o,
                      const reel__draws *d, bool decodes) {
    static const char *const norms[] = {"norm1", "norm2", "norm3"}, *const dropouts[] = {
                                                                        "dropout1", "dropout2",
                                                                        "dropout3"};
    const int64_t inner = reel__option_int(o->dim_feedforward, 2048);
    uint64_t seed[REEL__LAYER_SEEDS];
    for (int i = 0; i < REEL__LAYER_SEEDS; i++) seed[i] = reel__transformer_seed(o, i);
    bool whole = d->ok;
    if (whole)
        whole = (m->self_attn = add_attention(m, "self_attn", width, heads, o->is_causal, seed[0],
                                              o, d)) != NULL;
    if (whole && decodes)
        whole = (m->multihead_attn = add_attention(m, "multihead_attn", width, heads, false,
                                                   seed[1], o, d)) != NULL;
    if (whole) whole = (m->linear1 = add_linear(m, "linear1", width, inner, o, d)) != NULL;
    if (whole) whole = (m->dropout = add_dropout(m, "dropout", seed[2], o, d)) != NULL;
    if (whole) whole = (m->linear2 = add_linear(m, "linear2", inner, width, o, d)) != NULL;
    for (int i = 0; whole && i < (decodes ? 3 : 2); i++)
        whole =
            (m->norm[i] = add(m, norms[i], reel__transformer_norm(width, o, d->device), d)) != NULL;
    for (int i = 0; whole && i < (decodes ? 3 : 2); i++)
        whole = (m->dropouts[i] = add_dropout(m, dropouts[i], seed[3 + i], o, d)) != NULL;
    return whole;
}

static reel_module *layer_new(const char *what, int64_t d_model, int64_t nhead,
                              const reel_transformer_options *o, bool decodes) {
    if (reel__transformer_check(what, d_model, nhead, o) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = what);
    layer *m = reel__module_new(
        sizeof *m, decodes ? "transformer_decoder_layer" : "transformer_encoder_layer", NULL, NULL);
    if (!m) return NULL;
    m->base.run = decodes ? run_decoder : run_encoder;
    m->base.inputs = decodes ? 6 : 3;
    m->base.results = 1;
    m->norm_first = o->norm_first;
    m->activation = o->activation ? o->activation : reel_relu_at;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(o->generator);
    const bool whole = add_parts(m, d_model, nhead, o, &d, decodes);
    reel__draws_end(&d);
    return reel__module_made(&m->base, whole);
}

reel_module *reel_transformer_encoder_layer_new(int64_t d_model, int64_t nhead,
                                                reel_transformer_options options) {
    return layer_new("transformer_encoder_layer_new", d_model, nhead, &options, false);
}

reel_module *reel_transformer_decoder_layer_new(int64_t d_model, int64_t nhead,
                                                reel_transformer_options options) {
    return layer_new("transformer_decoder_layer_new", d_model, nhead, &options, true);
}
