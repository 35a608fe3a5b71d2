/* Pooling, padding, resampling and columns as layers. */
#include "nn/window_layers.h"

#include "nn/module_internal.h"

typedef struct {
    reel_module base;
    int axes;
    reel_shape kernel, size;
    reel_pool_options pool;
    double p;
} pooling;

typedef struct {
    reel_module base;
    reel_shape padding;
    reel_pad_mode mode;
    double value;
    reel_interpolate_options resampled;
} resizing;

typedef struct {
    reel_module base;
    reel_shape size, kernel;
    reel_unfold_options options;
    int64_t n;
} rearranging;

/* ---- pooling ---- */

static reel_tensor *max_pool(reel_module *base, reel_tensor *x) {
    const pooling *m = (const pooling *)base;
    REEL__LAYER(base, x);
    return reel_max_pool_at(NULL, m->axes, x, m->kernel, m->pool, NULL);
}

static reel_tensor *avg_pool(reel_module *base, reel_tensor *x) {
    const pooling *m = (const pooling *)base;
    REEL__LAYER(base, x);
    return reel_avg_pool_at(NULL, m->axes, x, m->kernel, m->pool);
}

static reel_tensor *lp_pool(reel_module *base, reel_tensor *x) {
    const pooling *m = (const pooling *)base;
    REEL__LAYER(base, x);
    return reel_lp_pool_at(NULL, m->axes, x, m->p, m->kernel, m->pool);
}

static reel_tensor *adaptive_avg_pool(reel_module *base, reel_tensor *x) {
    const pooling *m = (const pooling *)base;
    REEL__LAYER(base, x);
    return reel_adaptive_avg_pool_at(NULL, m->axes, x, m->size);
}

static reel_tensor *adaptive_max_pool(reel_module *base, reel_tensor *x) {
    const pooling *m = (const pooling *)base;
    REEL__LAYER(base, x);
    return reel_adaptive_max_pool_at(NULL, m->axes, x, m->size, NULL);
}

static reel_module *new_pool(const char *type, reel_forward_fn forward, pooling of) {
    pooling *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    of.base = m->base;
    *m = of;
    return &m->base;
}

reel_module *(reel_max_pool1d_new)(reel_shape kernel, reel_pool_options options) {
    return new_pool("max_pool1d", max_pool,
                    (pooling){.axes = 1, .kernel = kernel, .pool = options});
}

reel_module *(reel_max_pool2d_new)(reel_shape kernel, reel_pool_options options) {
    return new_pool("max_pool2d", max_pool,
                    (pooling){.axes = 2, .kernel = kernel, .pool = options});
}

reel_module *(reel_max_pool3d_new)(reel_shape kernel, reel_pool_options options) {
    return new_pool("max_pool3d", max_pool,
                    (pooling){.axes = 3, .kernel = kernel, .pool = options});
}

reel_module *(reel_avg_pool1d_new)(reel_shape kernel, reel_pool_options options) {
    return new_pool("avg_pool1d", avg_pool,
                    (pooling){.axes = 1, .kernel = kernel, .pool = options});
}

reel_module *(reel_avg_pool2d_new)(reel_shape kernel, reel_pool_options options) {
    return new_pool("avg_pool2d", avg_pool,
                    (pooling){.axes = 2, .kernel = kernel, .pool = options});
}

reel_module *(reel_avg_pool3d_new)(reel_shape kernel, reel_pool_options options) {
    return new_pool("avg_pool3d", avg_pool,
                    (pooling){.axes = 3, .kernel = kernel, .pool = options});
}

reel_module *(reel_lp_pool1d_new)(double p, reel_shape kernel, reel_pool_options options) {
    return new_pool("lp_pool1d", lp_pool,
                    (pooling){.axes = 1, .p = p, .kernel = kernel, .pool = options});
}

reel_module *(reel_lp_pool2d_new)(double p, reel_shape kernel, reel_pool_options options) {
    return new_pool("lp_pool2d", lp_pool,
                    (pooling){.axes = 2, .p = p, .kernel = kernel, .pool = options});
}

reel_module *(reel_adaptive_avg_pool1d_new)(reel_shape size) {
    return new_pool("adaptive_avg_pool1d", adaptive_avg_pool, (pooling){.axes = 1, .size = size});
}

reel_module *(reel_adaptive_avg_pool2d_new)(reel_shape size) {
    return new_pool("adaptive_avg_pool2d", adaptive_avg_pool, (pooling){.axes = 2, .size = size});
}

reel_module *(reel_adaptive_avg_pool3d_new)(reel_shape size) {
    return new_pool("adaptive_avg_pool3d", adaptive_avg_pool, (pooling){.axes = 3, .size = size});
}

reel_module *(reel_adaptive_max_pool1d_new)(reel_shape size) {
    return new_pool("adaptive_max_pool1d", adaptive_max_pool, (pooling){.axes = 1, .size = size});
}

reel_module *(reel_adaptive_max_pool2d_new)(reel_shape size) {
    return new_pool("adaptive_max_pool2d", adaptive_max_pool, (pooling){.axes = 2, .size = size});
}

reel_module *(reel_adaptive_max_pool3d_new)(reel_shape size) {
    return new_pool("adaptive_max_pool3d", adaptive_max_pool, (pooling){.axes = 3, .size = size});
}

/* ---- padding, resampling ---- */

static reel_tensor *pad(reel_module *base, reel_tensor *x) {
    const resizing *m = (const resizing *)base;
    REEL__LAYER(base, x);
    return reel_pad_at(NULL, x, m->padding, m->mode, m->value);
}

static reel_tensor *upsample(reel_module *base, reel_tensor *x) {
    const resizing *m = (const resizing *)base;
    REEL__LAYER(base, x);
    return reel_interpolate_at(NULL, x, m->resampled);
}

reel_module *(reel_pad_new)(reel_shape padding, reel_pad_mode mode, double value) {
    resizing *m = reel__module_new(sizeof *m, "pad", pad, NULL);
    if (!m) return NULL;
    m->padding = padding;
    m->mode = mode;
    m->value = value;
    return &m->base;
}

reel_module *(reel_upsample_new)(reel_interpolate_options options) {
    resizing *m = reel__module_new(sizeof *m, "upsample", upsample, NULL);
    if (!m) return NULL;
    m->resampled = options;
    return &m->base;
}

/* ---- columns, channels ---- */

static reel_tensor *unfold(reel_module *base, reel_tensor *x) {
    const rearranging *m = (const rearranging *)base;
    REEL__LAYER(base, x);
    return reel_unfold_at(NULL, x, m->kernel, m->options);
}

static reel_tensor *fold(reel_module *base, reel_tensor *x) {
    const rearranging *m = (const rearranging *)base;
    REEL__LAYER(base, x);
    return reel_fold_at(NULL, x, m->size, m->kernel, m->options);
}

static reel_tensor *pixel_shuffle(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_pixel_shuffle_at(NULL, x, ((const rearranging *)base)->n);
}

static reel_tensor *pixel_unshuffle(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_pixel_unshuffle_at(NULL, x, ((const rearranging *)base)->n);
}

static reel_tensor *channel_shuffle(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_channel_shuffle_at(NULL, x, ((const rearranging *)base)->n);
}

static reel_module *new_rearranging(const char *type, reel_forward_fn forward, rearranging of) {
    rearranging *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    of.base = m->base;
    *m = of;
    return &m->base;
}

reel_module *(reel_unfold_new)(reel_shape kernel, reel_unfold_options options) {
    return new_rearranging("unfold", unfold, (rearranging){.kernel = kernel, .options = options});
}

reel_module *(reel_fold_new)(reel_shape size, reel_shape kernel, reel_unfold_options options) {
    return new_rearranging("fold", fold,
                           (rearranging){.size = size, .kernel = kernel, .options = options});
}

reel_module *(reel_pixel_shuffle_new)(int64_t r) {
    return new_rearranging("pixel_shuffle", pixel_shuffle, (rearranging){.n = r});
}

reel_module *(reel_pixel_unshuffle_new)(int64_t r) {
    return new_rearranging("pixel_unshuffle", pixel_unshuffle, (rearranging){.n = r});
}

reel_module *(reel_channel_shuffle_new)(int64_t groups) {
    return new_rearranging("channel_shuffle", channel_shuffle, (rearranging){.n = groups});
}
