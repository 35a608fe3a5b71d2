/* Layers that normalize what they are given, and keep nothing: of the last axes, of groups of
 * channels, of neighbours. */
#include "nn/norm_layers.h"

#include "nn/module_internal.h"

#include <inttypes.h>
#include <math.h>

typedef struct {
    reel_module base;
    reel_shape shape;
    int64_t groups; /* or neighbours */
    double eps;
    reel_local_response_norm_options response;
    reel_tensor *weight, *bias; /* NULL: none */
} norm;

static reel_tensor *forward_layer(reel_module *base, reel_tensor *x) {
    const norm *m = (const norm *)base;
    reel_tensor *weight = m->weight, *bias = m->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    return reel_layer_norm_at(NULL, x, m->shape, weight, bias, m->eps);
}

static reel_tensor *forward_rms(reel_module *base, reel_tensor *x) {
    const norm *m = (const norm *)base;
    reel_tensor *weight = m->weight, *bias = NULL;
    REEL__LAYER_OF(base, x, weight, bias);
    return reel_rms_norm_at(NULL, x, m->shape, weight, m->eps);
}

static reel_tensor *forward_group(reel_module *base, reel_tensor *x) {
    const norm *m = (const norm *)base;
    reel_tensor *weight = m->weight, *bias = m->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    if (!reel__composite_is_whole(&composite)) return NULL;
    if (reel_ndim(x) > 1 && reel_dim(x, 1) != m->shape.dim[0]) {
        reel__fail_composite(REEL_ERR_SHAPE, "takes x[N,%" PRId64 ",...]", m->shape.dim[0]);
        return NULL;
    }
    return reel_group_norm_at(NULL, x, m->groups, weight, bias, m->eps);
}

static reel_tensor *forward_response(reel_module *base, reel_tensor *x) {
    const norm *m = (const norm *)base;
    REEL__LAYER(base, x);
    return reel_local_response_norm_at(NULL, x, m->groups, m->response);
}

/* ---- making them ---- */

typedef struct {
    const char *what, *type; /* "layer_norm_new", "layer_norm" */
    reel_forward_fn forward;
    reel_shape shape;
    bool weight, bias;
    double eps;
} plan;

static bool is_whole(const plan *p, reel_dtype dtype) {
    char text[256];
    reel__shape_text(text, sizeof text, p->shape);
    if (p->shape.ndim < 1 || !(reel__option(p->eps, 1) >= 0.0) || isinf(p->eps))
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "%s: wants an axis or more, and a finite eps of 0 or more: %d axes, eps %g",
                  p->what, p->shape.ndim, p->eps);
    else if (reel__shape_numel(p->shape) < 0)
        reel_fail(REEL_ERR_SHAPE, NULL, "%s: %s is no shape of a tensor", p->what, text);
    else
        return reel__module_check_dtype(p->what, dtype) == REEL_OK;
    return false;
}

static norm *norm_new(const plan *p, reel_dtype dtype, reel_device device) {
    if (!is_whole(p, dtype)) return NULL;
    REEL__COMPOSITE(.name = p->what);
    norm *m = reel__module_new(sizeof *m, p->type, p->forward, NULL);
    if (!m) return NULL;
    m->shape = p->shape;
    m->eps = p->eps;
    REEL_SCOPE;
    if (p->weight) m->weight = reel__param_filled(&m->base, "weight", p->shape, 1.0, dtype, device);
    if (p->bias) m->bias = reel__param_filled(&m->base, "bias", p->shape, 0.0, dtype, device);
    return (norm *)reel__module_made(&m->base, (m->weight || !p->weight) && (m->bias || !p->bias));
}

reel_module *reel_layer_norm_new(reel_shape normalized_shape, reel_layer_norm_options options) {
    const plan p = {.what = "layer_norm_new",
                    .type = "layer_norm",
                    .forward = forward_layer,
                    .shape = normalized_shape,
                    .weight = !options.no_affine,
                    .bias = !options.no_affine && !options.no_bias,
                    .eps = options.eps};
    return (reel_module *)norm_new(&p, options.dtype, options.device);
}

reel_module *reel_rms_norm_new(reel_shape normalized_shape, reel_layer_norm_options options) {
    const plan p = {.what = "rms_norm_new",
                    .type = "rms_norm",
                    .forward = forward_rms,
                    .shape = normalized_shape,
                    .weight = !options.no_affine,
                    .eps = options.eps};
    return (reel_module *)norm_new(&p, options.dtype, options.device);
}

reel_module *reel_group_norm_new(int64_t num_groups, int64_t num_channels,
                                 reel_layer_norm_options options) {
    const plan p = {.what = "group_norm_new",
                    .type = "group_norm",
                    .forward = forward_group,
                    .shape = reel_shape(num_channels),
                    .weight = !options.no_affine,
                    .bias = !options.no_affine && !options.no_bias,
                    .eps = options.eps};
    if (num_groups < 1 || num_channels < 1 || num_channels % num_groups != 0) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "%s: wants groups that divide channels: %" PRId64 " of %" PRId64, p.what,
                  num_groups, num_channels);
        return NULL;
    }
    norm *m = norm_new(&p, options.dtype, options.device);
    if (m) m->groups = num_groups;
    return (reel_module *)m;
}

reel_module *reel_local_response_norm_new(int64_t size, reel_local_response_norm_options options) {
    const char *what = "local_response_norm_new";
    if (size < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: size must be 1 or more: %" PRId64, what, size);
        return NULL;
    }
    REEL__COMPOSITE(.name = what);
    norm *m = reel__module_new(sizeof *m, "local_response_norm", forward_response, NULL);
    if (!m) return NULL;
    m->groups = size;
    m->response = options;
    return reel__module_made(&m->base, true);
}
