/* Models of the kinds that people train, each written as a user of the public headers would: what
 * ./dev bench --zoo times, and ./dev parity compares with PyTorch's
 * (models.py), which have the same names of parameters. */
#ifndef REEL_TESTS_BENCH_MODELS_MODELS_H
#define REEL_TESTS_BENCH_MODELS_MODELS_H

#include "reel.h"

#include <stdlib.h>

typedef struct {
    double dropout; /* what it drops in training; the models without dropout have no use for it */
    reel_dtype dtype;
    reel_generator *generator; /* draws the parameters */
} model_options;

/* Owned, on the generator's device. */
reel_module *cnn_new(model_options o);      /* x[B,1,28,28] -> y[B,10] */
reel_module *resnet_new(model_options o);   /* x[B,3,32,32] -> y[B,10] */
reel_module *convnext_new(model_options o); /* x[B,96,H,W] -> y[B,96,H,W] */
reel_module *lstm_new(model_options o);     /* x[B,T] (i64) -> y[B,T,10000] */
reel_module *gpt_new(model_options o);      /* x[B,T] (i64) -> y[B,T,65] */
reel_module *vit_new(model_options o);      /* x[B,3,32,32] -> y[B,10] */

static inline void model_free(reel_module *m) {
    free(m);
}

/* A module of `size` bytes that begins with a reel_module, freed with it. */
static inline void *model_struct(size_t size, const char *type, reel_forward_fn forward) {
    reel_module *m = calloc(1, size);
    if (!m) abort();
    reel_module_init(m, type, forward);
    m->free = model_free;
    return m;
}

#endif
