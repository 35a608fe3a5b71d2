/* Ops on images, tables and sequences that bench_ops times, f32, each on shapes of its own.
 *
 *     op forward/NAME BATCH SIZE SECONDS      y
 *     op step/NAME ...                        y, and from a gradient of it those of what it takes
 *
 * As in peer_torch_ops.py; what BATCH and SIZE mean stands in bench_layers.c. */
#ifndef REEL_TESTS_BENCH_LAYERS_H
#define REEL_TESTS_BENCH_LAYERS_H

#include "reel.h"

enum { LAYER_OPERANDS = 8 };

typedef struct layer layer;

/* What a layer takes: first the `tracked` operands that have a gradient. Owned. */
typedef struct {
    reel_tensor *of[LAYER_OPERANDS];
    int count, tracked;
    reel_module *module; /* or NULL; its parameters are operands */
    reel_tensor *gradient;
} layer_operands;

/* NULL if there is none of the name. */
const layer *layer_named(const char *name);

layer_operands layer_prepare(const layer *l, int64_t batch, int64_t size, reel_generator *g);
void layer_release(layer_operands *in);

reel_tensor *layer_forward(const layer *l, const layer_operands *in);
/* The gradient of the first operand. */
reel_tensor *layer_step(const layer *l, const layer_operands *in);

#endif
