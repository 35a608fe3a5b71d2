/* A GPT of the size that nanoGPT learns Shakespeare's characters with: 6 layers, 6 heads, 384
 * wide. Radford et al., "Language models are unsupervised multitask learners" (2019) */
#include "tests/bench/models/models.h"

#include <math.h>
#include <stdio.h>

enum { LAYERS = 6, HEADS = 6, WIDTH = 384, CONTEXT = 256, CHARACTERS = 65 };

/* Weights from N(0, std^2), no bias. */
static reel_module *linear(reel_module *m, const char *name, int64_t in, int64_t out, double std,
                           model_options o) {
    REEL_NO_GRAD;
    const reel_linear_options how = {.no_bias = true, .dtype = o.dtype, .generator = o.generator};
    reel_module *l = reel_linear_new(in, out, how);
    reel_normal_(reel_module_get(l, "weight"), o.generator, 0, std);
    return reel_module_child(m, name, l);
}

static reel_module *norm(reel_module *m, const char *name, model_options o) {
    const reel_layer_norm_options how = {.no_bias = true, .dtype = o.dtype};
    return reel_module_child(m, name, reel_layer_norm_new(reel_shape(WIDTH), how));
}

/* ---- a block: attention, then two linear layers ---- */

typedef struct {
    reel_module base;
    reel_module *ln_1, *c_attn, *c_proj, *ln_2, *c_fc, *c_out, *drop;
} block;

static reel_tensor *attend(const block *m, reel_tensor *x) {
    const int64_t B = reel_dim(x, 0), T = reel_dim(x, 1);
    reel_tensor *qkv[3] = {NULL};
    reel_chunk(reel_forward(m->c_attn, x), -1, 3, qkv); /* [B,T,3C] -> 3 times [B,T,C] */
    for (int i = 0; i < 3; i++)
        qkv[i] = reel_transpose(reel_reshape(qkv[i], reel_shape(B, T, HEADS, -1)), 1, 2);
    reel_tensor *y = reel_scaled_dot_product_attention(qkv[0], qkv[1], qkv[2],
                                                       (reel_attention_options){.is_causal = true});
    return reel_forward(m->c_proj, reel_reshape(reel_transpose(y, 1, 2), reel_shape(B, T, WIDTH)));
}

static reel_tensor *block_forward(reel_module *base, reel_tensor *x) {
    const block *m = (block *)base;
    x = reel_add(x, reel_forward(m->drop, attend(m, reel_forward(m->ln_1, x))));
    reel_tensor *y = reel_gelu(reel_forward(m->c_fc, reel_forward(m->ln_2, x)));
    return reel_add(x, reel_forward(m->drop, reel_forward(m->c_out, y)));
}

static reel_module *block_new(uint64_t seed, model_options o) {
    const double last = 0.02 / sqrt(2.0 * LAYERS); /* of what is added to the stream */
    block *m = model_struct(sizeof *m, "block", block_forward);
    m->ln_1 = norm(&m->base, "ln_1", o);
    m->c_attn = linear(&m->base, "c_attn", WIDTH, 3 * WIDTH, 0.02, o);
    m->c_proj = linear(&m->base, "c_proj", WIDTH, WIDTH, last, o);
    m->ln_2 = norm(&m->base, "ln_2", o);
    m->c_fc = linear(&m->base, "c_fc", WIDTH, 4 * WIDTH, 0.02, o);
    m->c_out = linear(&m->base, "c_out", 4 * WIDTH, WIDTH, last, o);
    m->drop = reel_module_child(&m->base, "drop", reel_dropout_new(o.dropout, seed));
    return &m->base;
}

/* ---- the model ---- */

typedef struct {
    reel_module base;
    reel_module *h[LAYERS], *ln_f, *drop;
    reel_tensor *wte, *wpe; /* [65,384], which is the last layer's weight too; [256,384] */
} gpt;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const gpt *m = (gpt *)base;
    reel_tensor *places = reel_slice(m->wpe, 0, 0, reel_dim(x, 1), 1);
    reel_tensor *y = reel_add(reel_embedding(m->wte, x, (reel_embedding_options){0}), places);
    y = reel_forward(m->drop, y);
    for (int i = 0; i < LAYERS; i++) y = reel_forward(m->h[i], y);
    return reel_matmul(reel_forward(m->ln_f, y), reel_t(m->wte));
}

static reel_tensor *drawn(gpt *m, const char *name, int64_t rows, model_options o) {
    reel_tensor *t = reel_randn(reel_shape(rows, WIDTH), o.dtype, o.generator);
    return reel_module_param(&m->base, name, reel_scale(t, 0.02));
}

reel_module *gpt_new(model_options o) {
    REEL_SCOPE;
    gpt *m = model_struct(sizeof *m, "gpt", forward);
    m->wte = drawn(m, "wte", CHARACTERS, o);
    m->wpe = drawn(m, "wpe", CONTEXT, o);
    m->drop = reel_module_child(&m->base, "drop", reel_dropout_new(o.dropout, 100));
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "h%d", i);
        m->h[i] = reel_module_child(&m->base, name, block_new((uint64_t)i, o));
    }
    m->ln_f = norm(&m->base, "ln_f", o);
    return &m->base;
}
