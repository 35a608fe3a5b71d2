/* Normalizations whose statistics are those of what is given: layers, groups, neighbours. */
#include "tensor/normalization.h"

#include "tensor/ops/norm_internal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>

/* ---- rows ---- */

reel_tensor *reel__standardize(const char *at, reel_tensor *x, reel_tensor *weight,
                               reel_tensor *bias, const reel__with *with, reel_tensor **mean,
                               reel_tensor **var) {
    reel__call c = {.op = REEL_OP_standardize,
                    .at = at,
                    .nin = with->norm.affine + 1,
                    .in = {x, weight, bias},
                    .nout = 3,
                    .with = *with};
    if (reel__dispatch(&c) != REEL_OK) return NULL;
    reel_tensor *y = reel__scope_give(c.out[0]), *found_mean = reel__scope_give(c.out[1]),
                *found_var = reel__scope_give(c.out[2]);
    if (!y || !found_mean || !found_var) return NULL;
    if (mean) *mean = found_mean;
    if (var) *var = found_var;
    return y;
}

reel_tensor *reel__standardize_grad(const char *at, reel_tensor *g, reel_tensor *x,
                                    reel_tensor *mean, reel_tensor *var, reel_tensor *weight,
                                    const reel__with *with) {
    return reel__run_call((reel__call){.op = REEL_OP_standardize_grad,
                                       .at = at,
                                       .first = REEL__NO_NAMES,
                                       .nin = with->norm.affine > 0 ? 5 : 4,
                                       .in = {g, x, mean, var, weight},
                                       .with = *with});
}

/* ---- checks ---- */

reel_status reel__norm_check_eps(double eps) {
    if (eps >= 0.0 && !isinf(eps)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "eps must be 0 or more, and finite: %g", eps);
}

static bool is_of(const reel_tensor *t, reel_shape shape) {
    return !t || reel_shape_equal(reel_shape_of(t), shape);
}

static bool has_dtype_of(const reel_tensor *t, const reel_tensor *x) {
    return !t || reel_dtype_of(t) == reel_dtype_of(x);
}

reel_status reel__norm_check_affine(const reel_tensor *x, const reel_tensor *weight,
                                    const reel_tensor *bias, reel_shape shape) {
    char text[256];
    if (!is_of(weight, shape) || !is_of(bias, shape)) {
        reel__shape_text(text, sizeof text, shape);
        return reel__fail_composite(REEL_ERR_SHAPE, "weight and bias must be of %s", text);
    }
    if (!has_dtype_of(weight, x) || !has_dtype_of(bias, x))
        return reel__fail_composite(REEL_ERR_DTYPE, "dtypes differ");
    return REEL_OK;
}

static bool ends_with(reel_shape x, reel_shape end) {
    if (end.ndim < 1 || end.ndim > x.ndim) return false;
    for (int i = 0; i < end.ndim; i++)
        if (x.dim[x.ndim - end.ndim + i] != end.dim[i]) return false;
    return true;
}

static reel_status check_rows(const reel_tensor *x, reel_shape shape, const reel_tensor *weight,
                              const reel_tensor *bias, double eps) {
    char text[256];
    if (!ends_with(reel_shape_of(x), shape)) {
        reel__shape_text(text, sizeof text, shape);
        return reel__fail_composite(REEL_ERR_SHAPE, "x must end with the axes %s", text);
    }
    REEL_TRY(reel__norm_check_affine(x, weight, bias, shape));
    if (!reel_dtype_is_float(reel_dtype_of(x)))
        return reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
    return reel__norm_check_eps(eps);
}

/* ---- weight and bias ---- */

static reel_tensor *flat(const char *at, reel_tensor *t, int64_t n) {
    return reel_ndim(t) == 1 ? t : reel_reshape_at(at, t, reel_shape(n));
}

reel_tensor *reel__norm_affine(const char *at, reel_tensor *x, reel_tensor *weight,
                               reel_tensor *bias, const reel__with *with, reel_tensor **mean,
                               reel_tensor **var) {
    reel__with all = *with;
    const int64_t n = with->norm.groups * with->norm.channels;
    if (bias && !weight)
        weight = reel_ones_at(at, reel_shape(n), reel_dtype_of(x), reel_device_of(x));
    if (bias && !weight) return NULL;
    all.norm.affine = bias ? 2 : weight ? 1 : 0;
    if (weight) weight = flat(at, weight, n);
    if (bias) bias = flat(at, bias, n);
    return reel__standardize(at, x, weight, bias, &all, mean, var);
}

/* ---- of the last axes ---- */

static reel__with rows_of(const reel_tensor *x, reel_shape shape, double eps, bool uncentred) {
    const reel_shape s = reel_shape_of(x);
    reel__with with = {.norm = {.outer = 1,
                                .groups = 1,
                                .channels = 1,
                                .inner = 1,
                                .eps = eps,
                                .uncentred = uncentred}};
    for (int i = 0; i < s.ndim; i++)
        *(i < s.ndim - shape.ndim ? &with.norm.outer : &with.norm.channels) *= s.dim[i];
    return with;
}

reel_tensor *reel_layer_norm_at(const char *at, reel_tensor *x, reel_shape normalized_shape,
                                reel_tensor *weight, reel_tensor *bias, double eps) {
    static const char *const called[] = {"x", "weight", "bias"};
    REEL__COMPOSITE(.name = "layer_norm", .at = at, .in = {x, weight, bias}, .given = 1,
                    .called = called);
    eps = reel__option(eps, REEL__NORM_EPS);
    if (!reel__composite_is_whole(&composite) ||
        check_rows(x, normalized_shape, weight, bias, eps) != REEL_OK)
        return NULL;
    const reel__with with = rows_of(x, normalized_shape, eps, false);
    REEL_SCOPE;
    return reel_scope_return(reel__norm_affine(at, x, weight, bias, &with, NULL, NULL));
}

reel_tensor *reel_rms_norm_at(const char *at, reel_tensor *x, reel_shape normalized_shape,
                              reel_tensor *weight, double eps) {
    static const char *const called[] = {"x", "weight"};
    REEL__COMPOSITE(.name = "rms_norm", .at = at, .in = {x, weight}, .given = 1, .called = called);
    if (!reel__composite_is_whole(&composite)) return NULL;
    eps = reel__option(eps, reel_dtype_of(x) == REEL_F64 ? DBL_EPSILON : (double)FLT_EPSILON);
    if (check_rows(x, normalized_shape, weight, NULL, eps) != REEL_OK) return NULL;
    const reel__with with = rows_of(x, normalized_shape, eps, true);
    REEL_SCOPE;
    return reel_scope_return(reel__norm_affine(at, x, weight, NULL, &with, NULL, NULL));
}

/* ---- of groups of channels ---- */

static reel_status check_groups(const reel_tensor *x, int64_t groups) {
    if (reel_ndim(x) < 2) return reel__fail_composite(REEL_ERR_SHAPE, "takes x[N,C,...]");
    if (groups < 1 || reel_dim(x, 1) % groups != 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT,
                                    "%" PRId64 " groups do not divide %" PRId64 " channels", groups,
                                    reel_dim(x, 1));
    if (!reel_dtype_is_float(reel_dtype_of(x)))
        return reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
    return REEL_OK;
}

reel_tensor *reel_group_norm_at(const char *at, reel_tensor *x, int64_t num_groups,
                                reel_tensor *weight, reel_tensor *bias, double eps) {
    static const char *const called[] = {"x", "weight", "bias"};
    REEL__COMPOSITE(.name = "group_norm", .at = at, .in = {x, weight, bias}, .given = 1,
                    .called = called);
    if (!reel__composite_is_whole(&composite) || check_groups(x, num_groups) != REEL_OK)
        return NULL;
    eps = reel__option(eps, REEL__NORM_EPS);
    const reel_shape s = reel_shape_of(x);
    if (reel__norm_check_affine(x, weight, bias, reel_shape(s.dim[1])) != REEL_OK ||
        reel__norm_check_eps(eps) != REEL_OK)
        return NULL;
    reel__with with = {.norm = {.outer = s.dim[0],
                                .groups = num_groups,
                                .channels = s.dim[1] / num_groups,
                                .inner = 1,
                                .eps = eps}};
    for (int i = 2; i < s.ndim; i++) with.norm.inner *= s.dim[i];
    REEL_SCOPE;
    return reel_scope_return(reel__norm_affine(at, x, weight, bias, &with, NULL, NULL));
}

/* ---- of neighbouring channels, of vectors ---- */

/* f16 and bf16 as f32, in which all is computed. */
static reel_tensor *widened(const char *at, reel_tensor *t) {
    const reel_dtype dtype = reel_dtype_of(t);
    return dtype == REEL_F16 || dtype == REEL_BF16 ? reel_cast_at(at, t, REEL_F32) : t;
}

/* z[n,c] = sum of x[n,c+i], i from -before to behind, x 0 beyond its ends. */
static reel_tensor *sum_around(const char *at, reel_tensor *x, int64_t before, int64_t behind) {
    const int64_t n = reel_dim(x, 1);
    reel_shape s = reel_shape_of(x);
    s.dim[1] += before + behind;
    reel_tensor *padded = reel__slice_put(at, x, s, 1, before, 1);
    reel_tensor *sum = reel_slice_at(at, padded, 1, 0, n, 1);
    for (int64_t i = 1; i <= before + behind && sum; i++)
        sum = reel_add_at(at, sum, reel_slice_at(at, padded, 1, i, i + n, 1));
    return sum;
}

reel_tensor *reel_local_response_norm_at(const char *at, reel_tensor *x, int64_t size,
                                         reel_local_response_norm_options options) {
    REEL__COMPOSITE(.name = "local_response_norm", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const double alpha = reel__option(options.alpha, 1e-4), beta = reel__option(options.beta, 0.75),
                 k = reel__option(options.k, 1.0);
    if (reel_ndim(x) < 3)
        reel__fail_composite(REEL_ERR_SHAPE, "takes x[N,C,S...]");
    else if (!reel_dtype_is_float(reel_dtype_of(x)))
        reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
    else if (size < 1 || size > INT32_MAX)
        reel__fail_composite(REEL_ERR_ARGUMENT, "size must be 1 or more: %" PRId64, size);
    else if (!isfinite(alpha) || !isfinite(beta) || !isfinite(k))
        reel__fail_composite(REEL_ERR_ARGUMENT, "alpha, beta and k must be finite");
    else if (reel_numel(x) == 0)
        return x;
    else {
        const int64_t most = reel_dim(x, 1) - 1, before = size / 2, behind = (size - 1) / 2;
        REEL_SCOPE;
        const reel_dtype dtype = reel_dtype_of(x);
        x = widened(at, x);
        reel_tensor *sum = sum_around(at, reel_square_at(at, x), before < most ? before : most,
                                      behind < most ? behind : most);
        sum = reel_affine_at(at, sum, alpha / (double)size, k);
        reel_tensor *y = reel_mul_at(at, x, reel_pow_scalar_at(at, sum, -beta));
        return reel_scope_return(reel_cast_at(at, y, dtype));
    }
    return NULL;
}

reel_tensor *reel_normalize_at(const char *at, reel_tensor *x, double p, int axis, double eps) {
    REEL__COMPOSITE(.name = "normalize", .at = at, .in = {x}, .given = 1);
    eps = reel__option(eps, 1e-12);
    if (!reel__composite_is_whole(&composite) || reel__norm_check_eps(eps) != REEL_OK) return NULL;
    if (!reel_dtype_is_float(reel_dtype_of(x))) {
        reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
        return NULL;
    }
    REEL_SCOPE;
    const reel_dtype dtype = reel_dtype_of(x);
    x = widened(at, x);
    reel_tensor *norm = reel_norm_at(at, x, p, reel_axes(axis), true);
    norm = reel_clamp_at(at, norm, eps, (double)INFINITY);
    return reel_scope_return(reel_cast_at(at, reel_div_at(at, x, norm), dtype));
}
