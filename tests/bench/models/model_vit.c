/* A ViT-tiny for pictures of 32 x 32, in patches of 4 x 4. Dosovitskiy et al., "An image is worth
 * 16x16 words" (2021); the size: Touvron et al. (2021) */
#include "tests/bench/models/models.h"

#include <stdio.h>

enum { LAYERS = 12, HEADS = 3, WIDTH = 192, PATCH = 4, PATCHES = 64 };

typedef struct {
    reel_module base;
    reel_module *patches, *layer[LAYERS], *norm, *head;
    reel_tensor *cls, *places; /* [1,1,192], [1,65,192] */
} vit;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const vit *m = (vit *)base;
    x = reel_t(reel_flatten(reel_forward(m->patches, x), 2, -1)); /* [B,64,192] */
    reel_tensor *cls = reel_expand(m->cls, reel_shape(reel_dim(x, 0), 1, WIDTH));
    x = reel_add(reel_concat(1, cls, x), m->places);
    for (int i = 0; i < LAYERS; i++) x = reel_forward(m->layer[i], x);
    return reel_forward(m->head, reel_select(reel_forward(m->norm, x), 1, 0));
}

reel_module *vit_new(model_options o) {
    const reel_shape patch = reel_shape(PATCH);
    vit *m = model_struct(sizeof *m, "vit", forward);
    REEL_SCOPE;
    m->patches = reel_module_child(
        &m->base, "patches",
        reel_conv2d_new(3, WIDTH, patch,
                        (reel_conv_layer_options){
                            .stride = patch, .dtype = o.dtype, .generator = o.generator}));
    m->cls = reel_module_param(&m->base, "cls",
                               reel_zeros(reel_shape(1, 1, WIDTH), o.dtype, reel_cpu()));
    m->places = reel_module_param(
        &m->base, "places",
        reel_scale(reel_randn(reel_shape(1, PATCHES + 1, WIDTH), o.dtype, o.generator), 0.02));
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        snprintf(name, sizeof name, "layer%d", i);
        m->layer[i] = reel_module_child(
            &m->base, name,
            reel_transformer_encoder_layer_new(
                WIDTH, HEADS,
                (reel_transformer_options){.dim_feedforward = 4 * WIDTH,
                                           .dropout = o.dropout > 0 ? o.dropout : REEL_ZERO,
                                           .activation = reel_gelu_at,
                                           .batch_first = true,
                                           .norm_first = true,
                                           .dtype = o.dtype,
                                           .generator = o.generator}));
    }
    m->norm = reel_module_child(
        &m->base, "norm",
        reel_layer_norm_new(reel_shape(WIDTH), (reel_layer_norm_options){.dtype = o.dtype}));
    m->head = reel_module_child(
        &m->base, "head",
        reel_linear_new(WIDTH, 10,
                        (reel_linear_options){.dtype = o.dtype, .generator = o.generator}));
    return &m->base;
}
