/* Layer normalization: the last axes of x brought to mean 0 and variance 1. */
#include "nn/module_internal.h"
#include "tensor/backend.h"
#include "tensor/core/tensor_internal.h"

#include <math.h>

/* ---- as a function ---- */

/* f16 and bf16 as f32, in which all is computed. */
static reel_tensor *widened(const char *at, reel_tensor *t) {
    return t && reel_dtype_of(t) >= REEL__NUMBERS ? reel_cast_at(at, t, REEL_F32) : t;
}

static bool ends_with(reel_shape x, reel_shape end) {
    if (end.ndim < 1 || end.ndim > x.ndim) return false;
    for (int i = 0; i < end.ndim; i++)
        if (x.dim[x.ndim - end.ndim + i] != end.dim[i]) return false;
    return true;
}

static bool is_of(const reel_tensor *t, reel_shape shape) {
    return !t || reel_shape_equal(reel_shape_of(t), shape);
}

static bool has_dtype_of(const reel_tensor *t, const reel_tensor *x) {
    return !t || reel_dtype_of(t) == reel_dtype_of(x);
}

static reel_status check(const reel_tensor *x, reel_shape shape, const reel_tensor *weight,
                         const reel_tensor *bias, double eps) {
    const bool ends = ends_with(reel_shape_of(x), shape);
    if (!ends || !is_of(weight, shape) || !is_of(bias, shape)) {
        char text[256];
        reel__shape_text(text, sizeof text, shape);
        return reel__fail_composite(
            REEL_ERR_SHAPE, ends ? "weight and bias must be of %s" : "x must end with the axes %s",
            text);
    }
    if (!has_dtype_of(weight, x) || !has_dtype_of(bias, x))
        return reel__fail_composite(REEL_ERR_DTYPE, "dtypes differ");
    if (eps >= 0.0 && !isinf(eps)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "eps must be 0 or more, and finite: %g", eps);
}

reel_tensor *reel_layer_norm_at(const char *at, reel_tensor *x, reel_shape normalized_shape,
                                reel_tensor *weight, reel_tensor *bias, double eps) {
    static const char *const called[] = {"x", "weight", "bias"};
    REEL__COMPOSITE(.name = "layer_norm", .at = at, .in = {x, weight, bias}, .given = 1,
                    .called = called);
    if (!reel__composite_is_whole(&composite) ||
        check(x, normalized_shape, weight, bias, eps) != REEL_OK)
        return NULL;
    reel_shape axes = {.ndim = normalized_shape.ndim};
    for (int i = 0; i < axes.ndim; i++) axes.dim[i] = reel_ndim(x) - axes.ndim + i;
    REEL_SCOPE;
    const reel_dtype dtype = reel_dtype_of(x);
    x = widened(at, x);
    reel_tensor *centered = reel_sub_at(at, x, reel_mean_at(at, x, axes, true));
    reel_tensor *var = reel_var_at(at, x, axes, true, 0.0);
    reel_tensor *y = reel_div_at(at, centered, reel_sqrt_at(at, reel_affine_at(at, var, 1.0, eps)));
    if (weight) y = reel_mul_at(at, y, widened(at, weight));
    if (bias) y = reel_add_at(at, y, widened(at, bias));
    return reel_scope_return(reel_cast_at(at, y, dtype));
}

/* ---- as a layer ---- */

typedef struct {
    reel_module base;
    reel_shape shape;
    double eps;
    reel_tensor *weight, *bias; /* NULL: none */
} layer_norm;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const layer_norm *m = (const layer_norm *)base;
    reel_tensor *weight = m->weight, *bias = m->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    return reel_layer_norm_at(NULL, x, m->shape, weight, bias, m->eps);
}

reel_module *reel_layer_norm_new(reel_shape normalized_shape, reel_layer_norm_options options) {
    const char *what = "layer_norm_new";
    const bool has_weight = !options.no_affine, has_bias = has_weight && !options.no_bias;
    const double eps = reel__option(options.eps, 1e-5);
    char text[256];
    reel__shape_text(text, sizeof text, normalized_shape);
    if (normalized_shape.ndim < 1 || !(eps >= 0.0) || isinf(eps)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "%s: wants an axis or more, and a finite eps of 0 or more: %d axes, eps %g", what,
                  normalized_shape.ndim, eps);
        return NULL;
    }
    if (reel__shape_numel(normalized_shape) < 0) {
        reel_fail(REEL_ERR_SHAPE, NULL, "%s: %s is no shape of a tensor", what, text);
        return NULL;
    }
    if (reel__module_check_dtype(what, options.dtype) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = what);
    layer_norm *m = reel__module_new(sizeof *m, "layer_norm", forward, NULL);
    if (!m) return NULL;
    m->shape = normalized_shape;
    m->eps = eps;
    REEL_SCOPE;
    if (has_weight)
        m->weight = reel__param_filled(&m->base, "weight", normalized_shape, 1.0, options.dtype,
                                       options.device);
    if (has_bias)
        m->bias = reel__param_filled(&m->base, "bias", normalized_shape, 0.0, options.dtype,
                                     options.device);
    return reel__module_made(&m->base, (m->weight || !has_weight) && (m->bias || !has_bias));
}
