/* Pooling, padding, resampling and columns as layers. */
#include "nn/window_layers.h"

#include "nn/module_internal.h"
#include "tensor/ops/window_options_internal.h"

typedef struct {
    reel_module base;
    int axes;
    reel_shape kernel; /* of an adaptive one its result's size */
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
    return reel_adaptive_avg_pool_at(NULL, m->axes, x, m->kernel);
}

static reel_tensor *adaptive_max_pool(reel_module *base, reel_tensor *x) {
    const pooling *m = (const pooling *)base;
    REEL__LAYER(base, x);
    return reel_adaptive_max_pool_at(NULL, m->axes, x, m->kernel, NULL);
}

static reel_module *pool_new(const char *type, reel_forward_fn forward, pooling of) {
    pooling *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    of.base = m->base;
    *m = of;
    return &m->base;
}

static reel_module *windows_new(const char *type, const char *what, reel_forward_fn forward,
                                reel__pool pool, pooling of) {
    reel__with with = {0};
    REEL__COMPOSITE(.name = what);
    if ((pool == REEL__POOL_NORM && reel__check_power(of.p) != REEL_OK) ||
        reel__read_pool(&with, pool, of.axes, of.kernel, of.pool) != REEL_OK)
        return NULL;
    return pool_new(type, forward, of);
}

static reel_module *adaptive_new(const char *type, const char *what, reel_forward_fn forward,
                                 int axes, reel_shape size) {
    int64_t to[REEL__WINDOW_AXES];
    REEL__COMPOSITE(.name = what);
    if (reel__read_adaptive(to, axes, size) != REEL_OK) return NULL;
    return pool_new(type, forward, (pooling){.axes = axes, .kernel = size});
}

reel_module *(reel_max_pool1d_new)(reel_shape kernel, reel_pool_options options) {
    return windows_new("max_pool1d", "max_pool1d_new", max_pool, REEL__POOL_MAX,
                       (pooling){.axes = 1, .kernel = kernel, .pool = options});
}

reel_module *(reel_max_pool2d_new)(reel_shape kernel, reel_pool_options options) {
    return windows_new("max_pool2d", "max_pool2d_new", max_pool, REEL__POOL_MAX,
                       (pooling){.axes = 2, .kernel = kernel, .pool = options});
}

reel_module *(reel_max_pool3d_new)(reel_shape kernel, reel_pool_options options) {
    return windows_new("max_pool3d", "max_pool3d_new", max_pool, REEL__POOL_MAX,
                       (pooling){.axes = 3, .kernel = kernel, .pool = options});
}

reel_module *(reel_avg_pool1d_new)(reel_shape kernel, reel_pool_options options) {
    return windows_new("avg_pool1d", "avg_pool1d_new", avg_pool, REEL__POOL_MEAN,
                       (pooling){.axes = 1, .kernel = kernel, .pool = options});
}

reel_module *(reel_avg_pool2d_new)(reel_shape kernel, reel_pool_options options) {
    return windows_new("avg_pool2d", "avg_pool2d_new", avg_pool, REEL__POOL_MEAN,
                       (pooling){.axes = 2, .kernel = kernel, .pool = options});
}

reel_module *(reel_avg_pool3d_new)(reel_shape kernel, reel_pool_options options) {
    return windows_new("avg_pool3d", "avg_pool3d_new", avg_pool, REEL__POOL_MEAN,
                       (pooling){.axes = 3, .kernel = kernel, .pool = options});
}

reel_module *(reel_lp_pool1d_new)(double p, reel_shape kernel, reel_pool_options options) {
    return windows_new("lp_pool1d", "lp_pool1d_new", lp_pool, REEL__POOL_NORM,
                       (pooling){.axes = 1, .p = p, .kernel = kernel, .pool = options});
}

reel_module *(reel_lp_pool2d_new)(double p, reel_shape kernel, reel_pool_options options) {
    return windows_new("lp_pool2d", "lp_pool2d_new", lp_pool, REEL__POOL_NORM,
                       (pooling){.axes = 2, .p = p, .kernel = kernel, .pool = options});
}

reel_module *(reel_adaptive_avg_pool1d_new)(reel_shape size) {
    return adaptive_new("adaptive_avg_pool1d", "adaptive_avg_pool1d_new", adaptive_avg_pool, 1,
                        size);
}

reel_module *(reel_adaptive_avg_pool2d_new)(reel_shape size) {
    return adaptive_new("adaptive_avg_pool2d", "adaptive_avg_pool2d_new", adaptive_avg_pool, 2,
                        size);
}

reel_module *(reel_adaptive_avg_pool3d_new)(reel_shape size) {
    return adaptive_new("adaptive_avg_pool3d", "adaptive_avg_pool3d_new", adaptive_avg_pool, 3,
                        size);
}

reel_module *(reel_adaptive_max_pool1d_new)(reel_shape size) {
    return adaptive_new("adaptive_max_pool1d", "adaptive_max_pool1d_new", adaptive_max_pool, 1,
                        size);
}

reel_module *(reel_adaptive_max_pool2d_new)(reel_shape size) {
    return adaptive_new("adaptive_max_pool2d", "adaptive_max_pool2d_new", adaptive_max_pool, 2,
                        size);
}

reel_module *(reel_adaptive_max_pool3d_new)(reel_shape size) {
    return adaptive_new("adaptive_max_pool3d", "adaptive_max_pool3d_new", adaptive_max_pool, 3,
                        size);
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
    REEL__COMPOSITE(.name = "pad_new");
    if (reel__check_pad(padding, mode) != REEL_OK) return NULL;
    resizing *m = reel__module_new(sizeof *m, "pad", pad, NULL);
    if (!m) return NULL;
    m->padding = padding;
    m->mode = mode;
    m->value = value;
    return &m->base;
}

reel_module *(reel_upsample_new)(reel_interpolate_options options) {
    REEL__COMPOSITE(.name = "upsample_new");
    if (reel__check_interpolate(&options) != REEL_OK) return NULL;
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

static reel_module *rearranging_new(const char *type, reel_forward_fn forward, rearranging of) {
    rearranging *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    of.base = m->base;
    *m = of;
    return &m->base;
}

reel_module *(reel_unfold_new)(reel_shape kernel, reel_unfold_options options) {
    reel__with with = {0};
    REEL__COMPOSITE(.name = "unfold_new");
    if (reel__read_unfold(&with, kernel, options) != REEL_OK) return NULL;
    return rearranging_new("unfold", unfold, (rearranging){.kernel = kernel, .options = options});
}

reel_module *(reel_fold_new)(reel_shape size, reel_shape kernel, reel_unfold_options options) {
    reel__with with = {0};
    REEL__COMPOSITE(.name = "fold_new");
    if (reel__read_fold(&with, size, kernel, options) != REEL_OK) return NULL;
    return rearranging_new("fold", fold,
                           (rearranging){.size = size, .kernel = kernel, .options = options});
}

reel_module *(reel_pixel_shuffle_new)(int64_t r) {
    REEL__COMPOSITE(.name = "pixel_shuffle_new");
    if (reel__check_factor(r) != REEL_OK) return NULL;
    return rearranging_new("pixel_shuffle", pixel_shuffle, (rearranging){.n = r});
}

reel_module *(reel_pixel_unshuffle_new)(int64_t r) {
    REEL__COMPOSITE(.name = "pixel_unshuffle_new");
    if (reel__check_factor(r) != REEL_OK) return NULL;
    return rearranging_new("pixel_unshuffle", pixel_unshuffle, (rearranging){.n = r});
}

reel_module *(reel_channel_shuffle_new)(int64_t groups) {
    REEL__COMPOSITE(.name = "channel_shuffle_new");
    if (reel__check_shuffled(groups) != REEL_OK) return NULL;
    return rearranging_new("channel_shuffle", channel_shuffle, (rearranging){.n = groups});
}
