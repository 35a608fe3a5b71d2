/* Two autoencoders of images of 784 pixels, x[B,784] -> y[B,784], on the CPU. */
#ifndef REEL_TESTS_GPU_MODELS_H
#define REEL_TESTS_GPU_MODELS_H

#include "nn/nn.h"
#include "tests/gpu_suite.h"

enum { PIXELS = 784 };

typedef struct {
    reel_module base;
    reel_tensor *W, *b1, *b2; /* W[784,L], used twice */
} tied;

static inline reel_tensor *tied_forward(reel_module *base, reel_tensor *x) {
    tied *m = (tied *)base;
    reel_tensor *h = reel_relu(reel_add(reel_matmul(x, m->W), m->b1));
    return reel_sigmoid(reel_add(reel_matmul(h, reel_t(m->W)), m->b2));
}

static inline void tied_free(reel_module *base) {
    free(base);
}

static inline reel_module *tied_new(int64_t latent, reel_generator *g) {
    tied *m = calloc(1, sizeof *m);
    ck_assert_ptr_nonnull(m);
    reel_module_init(&m->base, "tied", tied_forward);
    m->base.free = tied_free;
    {
        REEL_SCOPE;
        reel_tensor *W = reel_randn(reel_shape(PIXELS, latent), REEL_F32, g);
        m->W = reel_module_param(&m->base, "W", reel_scale(W, 1 / 28.0));
        m->b1 = reel_module_param(&m->base, "b1", reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
        m->b2 = reel_module_param(&m->base, "b2", reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
    }
    return &m->base;
}

static inline reel_module *classic_new(int64_t latent, reel_generator *g) {
    const reel_linear_options o = {.generator = g};
    return reel_sequential(reel_linear_new(PIXELS, latent, o), reel_relu_new(),
                           reel_linear_new(latent, PIXELS, o), reel_sigmoid_new());
}

#endif
