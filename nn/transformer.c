/* Stacks of a transformer's layers, and the whole of it. */
#include "nn/transformer_internal.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* ---- encoder, decoder ---- */

typedef struct {
    reel_module base;
    reel_module *layers, *norm; /* norm NULL: none */
} stack;

/* What came out of a layer is let go as soon as the next has used it. */
static reel_tensor *through_layers(const stack *m, reel_tensor *const *in, int inputs) {
    reel_tensor *now[REEL_MODULE_TENSORS] = {NULL}, *held = NULL;
    for (int i = 0; i < inputs; i++) now[i] = in[i];
    for (int i = 0; i < reel_module_child_count(m->layers) && now[0]; i++) {
        reel_tensor *y = NULL;
        {
            REEL_SCOPE;
            reel_run_at(NULL, reel_module_child_at(m->layers, i), reel_results(&y), now, inputs);
            y = reel_retain(y);
        }
        reel_release(held);
        held = now[0] = y;
    }
    return held ? reel__scope_give(held) : now[0];
}

static void run_stack(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const stack *m = (const stack *)base;
    reel_tensor *x = in[0];
    REEL__LAYER(base, x);
    x = through_layers(m, in, base->inputs);
    out[0] = m->norm && x ? reel_forward_at(NULL, m->norm, x) : x;
}

/* Layers as a list; NULL on failure. */
static reel_module *make_layers(int64_t d_model, int64_t nhead, int64_t count,
                                const reel_transformer_options *o, bool decodes) {
    reel_module *list = reel_module_list_new(NULL, 0);
    for (int64_t i = 0; list && i < count; i++) {
        char name[24];
        snprintf(name, sizeof name, "%" PRId64, i);
        reel_transformer_options of_layer = *o;
        of_layer.seed = reel__transformer_seed(o, i * REEL__LAYER_SEEDS);
        reel_module *one = decodes ? reel_transformer_decoder_layer_new(d_model, nhead, of_layer)
                                   : reel_transformer_encoder_layer_new(d_model, nhead, of_layer);
        if (one && reel_module_child(list, name, one)) continue;
        reel_module_free(list);
        list = NULL;
    }
    return list;
}

static bool add_parts(stack *m, int64_t d_model, int64_t nhead, int64_t count, bool norm,
                      const reel_transformer_options *o, reel__draws *d, bool decodes) {
    reel_transformer_options of_layer = *o;
    of_layer.generator = d->generator;
    if (!d->ok) return false;
    reel_module *layers = make_layers(d_model, nhead, count, &of_layer, decodes);
    m->layers = layers ? reel_module_child(&m->base, "layers", layers) : NULL;
    if (!m->layers || !norm) return m->layers;
    reel_module *last = reel__transformer_norm(d_model, o, d->device);
    m->norm = last ? reel_module_child(&m->base, "norm", last) : NULL;
    return m->norm;
}

static reel_module *stack_new(const char *what, int64_t d_model, int64_t nhead, int64_t count,
                              bool norm, const reel_transformer_options *o, bool decodes) {
    if (reel__transformer_check(what, d_model, nhead, o) != REEL_OK) return NULL;
    if (count < 0) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: fewer than no layers: %" PRId64, what, count);
        return NULL;
    }
    REEL__COMPOSITE(.name = what);
    stack *m = reel__module_new(sizeof *m, decodes ? "transformer_decoder" : "transformer_encoder",
                                NULL, NULL);
    if (!m) return NULL;
    m->base.run = run_stack;
    m->base.inputs = decodes ? 6 : 3;
    m->base.results = 1;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(o->generator);
    const bool whole = add_parts(m, d_model, nhead, count, norm, o, &d, decodes);
    reel__draws_end(&d);
    return reel__module_made(&m->base, whole);
}

reel_module *reel_transformer_encoder_new(int64_t d_model, int64_t nhead, int64_t num_layers,
                                          bool norm, reel_transformer_options options) {
    return stack_new("transformer_encoder_new", d_model, nhead, num_layers, norm, &options, false);
}

reel_module *reel_transformer_decoder_new(int64_t d_model, int64_t nhead, int64_t num_layers,
                                          bool norm, reel_transformer_options options) {
    return stack_new("transformer_decoder_new", d_model, nhead, num_layers, norm, &options, true);
}

/* ---- both ---- */

typedef struct {
    reel_module base;
    reel_module *encoder, *decoder;
} transformer;

static void run(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const transformer *m = (const transformer *)base;
    reel_tensor *src = in[0], *memory = NULL;
    REEL__LAYER(base, src);
    if (!in[1]) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "no tgt");
        return;
    }
    reel_tensor *const of_encoder[] = {src, in[2], in[5]};
    if (reel_run_at(NULL, m->encoder, reel_results(&memory), of_encoder, 3) != REEL_OK) return;
    reel_tensor *const of_decoder[] = {in[1], memory, in[3], in[4], in[6], in[7]};
    reel_run_at(NULL, m->decoder, reel_results(&out[0]), of_decoder, 6);
}

/* All matrices anew, by xavier_uniform, as PyTorch draws them. */
static reel_status draw_again(reel_module *m, const reel__draws *d) {
    reel_state *params = reel_module_params(m);
    bool done = params != NULL;
    for (int i = 0; done && i < reel_state_count(params); i++) {
        reel_tensor *t = reel_state_at(params, i);
        if (reel_ndim(t) > 1) done = reel_xavier_uniform_(t, d->generator, 1.0) != NULL;
    }
    reel_state_free(params);
    return done ? REEL_OK : reel_error_status();
}

static bool add_both(transformer *m, int64_t d_model, int64_t nhead, const int64_t layers[2],
                     const reel_transformer_options *o, const reel__draws *d) {
    reel_transformer_options of_decoder = *o, of_encoder;
    if (!d->ok) return false;
    of_decoder.generator = d->generator;
    of_encoder = of_decoder;
    of_encoder.is_causal = false;
    of_decoder.seed = reel__transformer_seed(o, layers[0] * REEL__LAYER_SEEDS);
    reel_module *part = reel_transformer_encoder_new(d_model, nhead, layers[0], true, of_encoder);
    m->encoder = part ? reel_module_child(&m->base, "encoder", part) : NULL;
    if (!m->encoder) return false;
    part = reel_transformer_decoder_new(d_model, nhead, layers[1], true, of_decoder);
    m->decoder = part ? reel_module_child(&m->base, "decoder", part) : NULL;
    return m->decoder && draw_again(&m->base, d) == REEL_OK;
}

reel_module *reel_transformer_new(int64_t d_model, int64_t nhead, int64_t num_encoder_layers,
                                  int64_t num_decoder_layers, reel_transformer_options options) {
    const char *what = "transformer_new";
    if (reel__transformer_check(what, d_model, nhead, &options) != REEL_OK) return NULL;
    if (num_encoder_layers < 0 || num_decoder_layers < 0) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: fewer than no layers: %" PRId64 ", %" PRId64, what,
                  num_encoder_layers, num_decoder_layers);
        return NULL;
    }
    REEL__COMPOSITE(.name = what);
    transformer *m = reel__module_new(sizeof *m, "transformer", NULL, NULL);
    if (!m) return NULL;
    m->base.run = run;
    m->base.inputs = 8;
    m->base.results = 1;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(options.generator);
    const bool whole = add_both(m, d_model, nhead,
                                (int64_t[]){num_encoder_layers, num_decoder_layers}, &options, &d);
    reel__draws_end(&d);
    return reel__module_made(&m->base, whole);
}
