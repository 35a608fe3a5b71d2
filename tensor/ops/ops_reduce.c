/* The public reductions and softmaxes: each fills in a call and sends it through the funnel. */
#include "tensor/core/handles_internal.h"
#include "tensor/ops/call_internal.h"

#include <math.h>

/* ---- over axes ---- */

/* A 0-d tensor is taken for one that has one axis of one element, which is not reduced. */
static bool mask_of_none(reel__call *c, reel_shape axes) {
    for (int i = 0; i < axes.ndim; i++) {
        const bool is_there = axes.dim[i] == 0 || axes.dim[i] == -1;
        if (is_there && i == 0) continue;
        reel__fail_call(REEL_ERR_SHAPE, c, is_there ? "axis %lld listed twice" : "no axis %lld",
                        (long long)axes.dim[i]);
        return false;
    }
    return true;
}

/* The axes as a bit mask; all of them if none is listed. False, and a failure kept, if one is not
 * there or listed twice. */
static bool mask_of(reel__call *c, reel_shape axes) {
    const int ndim = reel_ndim(c->in[0]);
    if (axes.ndim < 0 || axes.ndim > REEL_MAX_DIMS) {
        reel__fail_call(REEL_ERR_SHAPE, c, "%d axes listed", axes.ndim);
        return false;
    }
    if (ndim == 0) return mask_of_none(c, axes);
    for (int i = 0; i < axes.ndim; i++) {
        const bool is_int = axes.dim[i] >= -ndim && axes.dim[i] < ndim;
        const int axis = is_int ? reel__axis((int)axes.dim[i], ndim) : -1;
        if (axis < 0 || c->with.reduce.axes >> axis & 1) {
            reel__fail_call(REEL_ERR_SHAPE, c, axis < 0 ? "no axis %lld" : "axis %lld listed twice",
                            (long long)axes.dim[i]);
            return false;
        }
        c->with.reduce.axes |= (int64_t)1 << axis;
    }
    if (axes.ndim == 0) c->with.reduce.axes = ((int64_t)1 << ndim) - 1;
    return true;
}

static reel_tensor *reduce_with(reel__op op, const char *at, reel_tensor *x, reel_shape axes,
                                bool keepdim, double correction, double p) {
    reel__call c = {.op = op,
                    .at = at,
                    .nin = 1,
                    .in = {x},
                    .with.reduce = {.kept = keepdim ? -1 : 0, .correction = correction, .p = p}};
    return x && !mask_of(&c, axes) ? NULL : reel__run_call(c);
}

static reel_tensor *reduce(reel__op op, const char *at, reel_tensor *x, reel_shape axes,
                           bool keepdim) {
    return reduce_with(op, at, x, axes, keepdim, 0, 0);
}

reel_tensor *reel_sum_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_sum, at, x, axes, keepdim);
}

reel_tensor *reel_mean_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_mean, at, x, axes, keepdim);
}

reel_tensor *reel_prod_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_prod, at, x, axes, keepdim);
}

reel_tensor *reel_max_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_max, at, x, axes, keepdim);
}

reel_tensor *reel_min_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_min, at, x, axes, keepdim);
}

reel_tensor *reel_argmax_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_argmax, at, x, axes, keepdim);
}

reel_tensor *reel_argmin_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_argmin, at, x, axes, keepdim);
}

reel_tensor *reel_any_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_any, at, x, axes, keepdim);
}

reel_tensor *reel_all_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_all, at, x, axes, keepdim);
}

reel_tensor *reel_logsumexp_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_logsumexp, at, x, axes, keepdim);
}

reel_tensor *reel_var_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim,
                         double correction) {
    return reduce_with(REEL_OP_var, at, x, axes, keepdim, correction, 0);
}

reel_tensor *reel_std_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim,
                         double correction) {
    return reduce_with(REEL_OP_std, at, x, axes, keepdim, correction, 0);
}

static reel__op norm_by(double p) {
    if (p == 1) return REEL_OP_sum_norm;
    return !isinf(p) ? REEL_OP_power_norm : p > 0 ? REEL_OP_max_norm : REEL_OP_min_norm;
}

reel_tensor *reel_norm_at(const char *at, reel_tensor *x, double p, reel_shape axes, bool keepdim) {
    if (p == 2) return reduce(REEL_OP_norm, at, x, axes, keepdim);
    REEL__COMPOSITE(.name = "norm", .at = at, .in = {x}, .given = 1);
    return reduce_with(norm_by(p), at, x, axes, keepdim, 0, p);
}

reel_tensor *reel__sum_to(const char *at, reel_tensor *g, reel_shape shape) {
    if (!g || reel_shape_equal(g->layout.shape, shape)) return g;
    const int missing = g->layout.shape.ndim - shape.ndim;
    int64_t axes = 0, kept = 0;
    for (int i = 0; i < g->layout.shape.ndim; i++) {
        const bool stays = i >= missing && shape.dim[i - missing] == 1;
        if (i < missing || stays) axes |= (int64_t)1 << i;
        if (stays) kept |= (int64_t)1 << i;
    }
    return reel__run_call((reel__call){.op = REEL_OP_sum,
                                       .at = at,
                                       .nin = 1,
                                       .in = {g},
                                       .with.reduce = {.axes = axes, .kept = kept}});
}

/* ---- along an axis ---- */

static reel_tensor *along(reel__op op, const char *at, reel_tensor *x, int axis) {
    if (reel__is_alive(x) && reel_ndim(x) == 0 &&
        (axis == 0 || axis == -1)) { /* as if it had one axis */
        reel_tensor *y = along(op, at, reel_reshape_at(at, x, reel_shape(1)), 0);
        return reel_reshape_at(at, y, REEL_SCALAR);
    }
    return reel__run_call((reel__call){
        .op = op, .at = at, .nin = 1, .in = {x}, .with.axis = reel__axis(axis, reel_ndim(x))});
}

reel_tensor *reel_softmax_at(const char *at, reel_tensor *x, int axis) {
    return along(REEL_OP_softmax, at, x, axis);
}

reel_tensor *reel_log_softmax_at(const char *at, reel_tensor *x, int axis) {
    return along(REEL_OP_log_softmax, at, x, axis);
}
