/* Non-linear functions that are several ops, or check their constants first. Those of one row each
 * are made from it (ops_elementwise.c). */
#include "tensor/nonlinear.h"

#include "tensor/ops/call_internal.h"

reel_tensor *reel_hardtanh_at(const char *at, reel_tensor *x, double low, double high) {
    REEL__COMPOSITE(.name = "hardtanh", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    if (low <= high) return reel_clamp_at(at, x, low, high);
    reel__fail_composite(REEL_ERR_ARGUMENT, "low must not be above high: %g, %g", low, high);
    return NULL;
}

reel_tensor *reel_relu6_at(const char *at, reel_tensor *x) {
    REEL__COMPOSITE(.name = "relu6", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    return reel_clamp_at(at, x, 0, 6);
}

/* ---- slopes ---- */

/* weight[C] as it stands beside x[B,C,...]: [C,1,...]. */
static reel_tensor *beside_channels(const char *at, const reel_tensor *x, reel_tensor *weight) {
    const int ndim = reel_ndim(x);
    reel_shape s = {.ndim = ndim > 1 ? ndim - 1 : 1};
    for (int i = 1; i < s.ndim; i++) s.dim[i] = 1;
    s.dim[0] = reel_numel(weight);
    return reel_reshape_at(at, weight, s);
}

reel_tensor *reel_prelu_at(const char *at, reel_tensor *x, reel_tensor *weight) {
    REEL__COMPOSITE(.name = "prelu", .at = at, .in = {x, weight}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int64_t channels = reel_ndim(x) > 1 ? reel_dim(x, 1) : 1, n = reel_numel(weight);
    if (reel_ndim(weight) > 1 || (n != 1 && n != channels)) {
        reel__fail_composite(REEL_ERR_SHAPE, "weight must be [1] or [%lld], a slope a channel",
                             (long long)channels);
        return NULL;
    }
    REEL_SCOPE;
    weight = n == 1 ? reel_reshape_at(at, weight, REEL_SCALAR) : beside_channels(at, x, weight);
    return reel_scope_return(reel__bend(at, x, weight));
}

reel_tensor *reel_rrelu_at(const char *at, reel_tensor *x, double lower, double upper,
                           reel_generator *g) {
    REEL__COMPOSITE(.name = "rrelu", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    if (!(lower <= upper)) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "lower must not be above upper: %g, %g", lower,
                             upper);
        return NULL;
    }
    if (!g) return reel_leaky_relu_at(at, x, (lower + upper) / 2);
    REEL_SCOPE;
    reel_tensor *slopes = reel_empty_at(at, reel_shape_of(x), reel_dtype_of(x), reel_device_of(x));
    slopes = reel_uniform_at_(at, slopes, g, lower, upper);
    return reel_scope_return(reel__bend(at, x, slopes));
}

/* ---- along an axis ---- */

reel_tensor *reel_glu_at(const char *at, reel_tensor *x, int axis) {
    REEL__COMPOSITE(.name = "glu", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int i = reel__axis(axis, reel_ndim(x));
    const int64_t n = i < 0 ? 0 : reel_dim(x, i);
    if (i < 0 || n % 2) {
        if (i < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        else
            reel__fail_composite(REEL_ERR_SHAPE, "axis %d has %lld entries, an odd number", axis,
                                 (long long)n);
        return NULL;
    }
    REEL_SCOPE;
    reel_tensor *a = reel_slice_at(at, x, i, 0, n / 2, 1),
                *b = reel_slice_at(at, x, i, n / 2, n, 1);
    return reel_scope_return(reel_mul_at(at, a, reel_sigmoid_at(at, b)));
}

reel_tensor *reel_softmin_at(const char *at, reel_tensor *x, int axis) {
    REEL__COMPOSITE(.name = "softmin", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    REEL_SCOPE;
    return reel_scope_return(reel_softmax_at(at, reel_neg_at(at, x), axis));
}
