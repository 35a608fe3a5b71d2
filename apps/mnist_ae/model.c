/* The report's two autoencoders, x[B,784] -> y[B,784]. */
#include "app.h"

#include <stdlib.h>

/* ---- tied: one weight, there and back ---- */

typedef struct {
    reel_module base;
    reel_tensor *W, *b1, *b2; /* W[784,L], b1[1], b2[1] */
} tied_ae;

static reel_tensor *encode(tied_ae *m, reel_tensor *x) { /* x[B,784] -> h[B,L] */
    return reel_relu(reel_add(reel_matmul(x, m->W), m->b1));
}

static reel_tensor *decode(tied_ae *m, reel_tensor *h) { /* h[B,L] -> y[B,784] */
    return reel_sigmoid(reel_add(reel_matmul(h, reel_t(m->W)), m->b2));
}

static reel_tensor *tied_forward(reel_module *base, reel_tensor *x) {
    tied_ae *m = (tied_ae *)base;
    return decode(m, encode(m, x));
}

static void tied_free(reel_module *base) {
    free(base);
}

static reel_tensor *normal(reel_shape shape, double std, reel_generator *g) {
    return reel_normal_(reel_empty(shape, REEL_F32, reel_cpu()), g, 0.0, std);
}

/* scaled: W ~ N(0, 1/784), which keeps the variance of a row's sum, and no bias; paper: everything
 * from N(0, 1), which saturates the sigmoid. */
static reel_module *tied_new(int64_t latent, int init, reel_generator *g) {
    tied_ae *m = calloc(1, sizeof *m);
    if (!m) {
        reel_fail(REEL_ERR_MEMORY, REEL_HERE, "model: out of memory");
        return NULL;
    }
    reel_module_init(&m->base, "tied", tied_forward);
    m->base.free = tied_free;
    double weight = init == INIT_PAPER ? 1.0 : 1.0 / 28.0, bias = init == INIT_PAPER ? 1.0 : 0.0;
    m->W = reel_module_param(&m->base, "W", normal(reel_shape(PIXELS, latent), weight, g));
    m->b1 = reel_module_param(&m->base, "b1", normal(reel_shape(1), bias, g));
    m->b2 = reel_module_param(&m->base, "b2", normal(reel_shape(1), bias, g));
    return &m->base;
}

/* ---- classic: two layers ---- */

static void xavier(reel_module *linear, reel_generator *g) {
    reel_state *params = reel_module_params(linear);
    {
        REEL_NO_GRAD;
        reel_xavier_uniform_(reel_state_get(params, "weight"), g, 1.0);
        reel_fill_(reel_state_get(params, "bias"), 0.0);
    }
    reel_state_free(params);
}

/* scaled: Xavier weights and no bias; paper: what reel_linear_new draws, PyTorch's default. */
static reel_module *classic_new(int64_t latent, int init, reel_generator *g) {
    reel_module *encoder = reel_linear_new(PIXELS, latent, (reel_linear_options){.generator = g});
    reel_module *decoder = reel_linear_new(latent, PIXELS, (reel_linear_options){.generator = g});
    if (init == INIT_SCALED) {
        xavier(encoder, g);
        xavier(decoder, g);
    }
    return reel_sequential(encoder, reel_relu_new(), decoder, reel_sigmoid_new());
}

reel_module *model_new(int kind, int64_t latent, int init, uint64_t seed) {
    reel_module *model = NULL;
    reel_generator *g = reel_generator_new(seed, reel_cpu());
    {
        REEL_SCOPE;
        model = kind == MODEL_TIED ? tied_new(latent, init, g) : classic_new(latent, init, g);
    }
    reel_generator_free(g);
    if (!reel_failed()) return model;
    reel_module_free(model);
    return NULL;
}
