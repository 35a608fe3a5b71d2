/* Views: the same elements in other shapes and orders. */
#include "tensor/ops/call_internal.h"
#include "tensor/ops/shape_rules_internal.h"

/* Works out an axis of -1; false if there are two, or the elements don't come out even. */
static bool infer_axis(int64_t numel, reel_shape *s) {
    int unknown = -1;
    int64_t known = 1;
    if (s->ndim < 0 || s->ndim > REEL_MAX_DIMS) return false;
    for (int i = 0; i < s->ndim; i++) {
        if (s->dim[i] == -1 && unknown < 0)
            unknown = i;
        else if (s->dim[i] < 0 || __builtin_mul_overflow(known, s->dim[i], &known))
            return false;
    }
    if (unknown >= 0) {
        if (known == 0 || numel % known != 0) return false;
        s->dim[unknown] = numel / known;
    }
    return reel__shape_numel(*s) == numel;
}

reel_tensor *reel_reshape_at(const char *at, reel_tensor *x, reel_shape shape) {
    int64_t unused[REEL_MAX_DIMS];
    reel__call c = {.op = REEL_OP_reshape, .at = at, .nin = 1, .in = {x}, .with.shape = shape};
    if (x && !infer_axis(reel_numel(x), &c.with.shape)) {
        char text[200];
        reel__shape_text(text, sizeof text, shape);
        reel__fail_call(REEL_ERR_SHAPE, &c, "its elements do not fit into %s", text);
        return NULL;
    }
    if (x && !reel__reshape_strides(&x->layout, c.with.shape, unused))
        c.in[0] = reel__unary(REEL_OP_copy, at, x);
    return reel__run_call(c);
}

reel_tensor *reel_permute_at(const char *at, reel_tensor *x, reel_shape axes) {
    int ndim = reel_ndim(x), seen = 0;
    reel__call c = {.op = REEL_OP_permute, .at = at, .nin = 1, .in = {x}, .with.axes = axes};
    for (int i = 0; i < axes.ndim && i < ndim; i++) {
        int64_t axis = axes.dim[i] < 0 ? axes.dim[i] + ndim : axes.dim[i];
        c.with.axes.dim[i] = axis;
        if (axis >= 0 && axis < ndim) seen |= 1 << axis;
    }
    if (x && (axes.ndim != ndim || seen != (1 << ndim) - 1)) {
        char text[200];
        reel__shape_text(text, sizeof text, axes);
        reel__fail_call(REEL_ERR_SHAPE, &c, "%s does not list every axis once", text);
        return NULL;
    }
    return reel__run_call(c);
}

reel_tensor *reel_t_at(const char *at, reel_tensor *x) {
    REEL__COMPOSITE(.name = "t", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    int ndim = reel_ndim(x);
    reel_shape axes = {ndim, {0}};
    if (ndim < 2) {
        reel__fail_composite(REEL_ERR_SHAPE, "takes two axes or more");
        return NULL;
    }
    for (int i = 0; i < ndim; i++) axes.dim[i] = i < ndim - 2 ? i : 2 * ndim - 3 - i;
    return reel_permute_at(at, x, axes);
}

reel_tensor *reel_transpose_at(const char *at, reel_tensor *x, int axis, int other) {
    REEL__COMPOSITE(.name = "transpose", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int ndim = reel_ndim(x), i = reel__axis(axis, ndim), j = reel__axis(other, ndim);
    reel_shape axes = {ndim, {0}};
    if (i < 0 || j < 0) {
        reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", i < 0 ? axis : other);
        return NULL;
    }
    for (int k = 0; k < ndim; k++) axes.dim[k] = k == i ? j : k == j ? i : k;
    return reel_permute_at(at, x, axes);
}

reel_tensor *reel_squeeze_at(const char *at, reel_tensor *x, int axis) {
    REEL__COMPOSITE(.name = "squeeze", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    reel_shape s = reel_shape_of(x);
    const int i = reel__axis(axis, s.ndim);
    if (i < 0 || s.dim[i] != 1) {
        if (i < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        else
            reel__fail_composite(REEL_ERR_SHAPE, "axis %d has %lld entries, not one", axis,
                                 (long long)s.dim[i]);
        return NULL;
    }
    for (int k = i; k < s.ndim - 1; k++) s.dim[k] = s.dim[k + 1];
    s.ndim--;
    return reel_reshape_at(at, x, s);
}

reel_tensor *reel_unsqueeze_at(const char *at, reel_tensor *x, int axis) {
    REEL__COMPOSITE(.name = "unsqueeze", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    reel_shape s = reel_shape_of(x);
    const int i = reel__axis(axis, s.ndim + 1);
    if (s.ndim == REEL_MAX_DIMS || i < 0) {
        if (i < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no place for a new axis %d", axis);
        else
            reel__fail_composite(REEL_ERR_SHAPE, "one axis more than %d", REEL_MAX_DIMS);
        return NULL;
    }
    for (int k = s.ndim++; k > i; k--) s.dim[k] = s.dim[k - 1];
    s.dim[i] = 1;
    return reel_reshape_at(at, x, s);
}

reel_tensor *reel_flatten_at(const char *at, reel_tensor *x, int first, int last) {
    REEL__COMPOSITE(.name = "flatten", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const reel_shape from = reel_shape_of(x);
    const int i = reel__axis(first, from.ndim), j = reel__axis(last, from.ndim);
    reel_shape s = {0, {0}};
    if (from.ndim == 0) return reel_reshape_at(at, x, reel_shape(1));
    if (i < 0 || j < 0 || j < i) {
        if (i < 0 || j < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", i < 0 ? first : last);
        else
            reel__fail_composite(REEL_ERR_SHAPE, "axis %d comes after axis %d", first, last);
        return NULL;
    }
    for (int k = 0; k < from.ndim; k++) {
        if (k > i && k <= j)
            s.dim[s.ndim - 1] *= from.dim[k];
        else
            s.dim[s.ndim++] = from.dim[k];
    }
    return reel_reshape_at(at, x, s);
}

reel_tensor *reel_unflatten_at(const char *at, reel_tensor *x, int axis, reel_shape shape) {
    REEL__COMPOSITE(.name = "unflatten", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const reel_shape from = reel_shape_of(x);
    const int i = reel__axis(axis, from.ndim);
    const bool fits = shape.ndim >= 1 && from.ndim - 1 + shape.ndim <= REEL_MAX_DIMS;
    if (i < 0 || !fits || !infer_axis(from.dim[i], &shape)) {
        char text[200];
        if (i >= 0 && shape.ndim >= 0 && shape.ndim <= REEL_MAX_DIMS)
            reel__shape_text(text, sizeof text, shape);
        if (i < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        else
            reel__fail_composite(REEL_ERR_SHAPE, "axis %d does not become %s", axis,
                                 fits ? text : "as many axes");
        return NULL;
    }
    reel_shape s = {.ndim = from.ndim - 1 + shape.ndim};
    for (int k = 0; k < s.ndim; k++)
        s.dim[k] = k < i                ? from.dim[k]
                   : k < i + shape.ndim ? shape.dim[k - i]
                                        : from.dim[k - shape.ndim + 1];
    return reel_reshape_at(at, x, s);
}

static int64_t clamp_bound(int64_t bound, int64_t n) {
    if (bound < 0) bound = bound < -n ? 0 : bound + n;
    return bound > n ? n : bound;
}

reel_tensor *reel_slice_at(const char *at, reel_tensor *x, int axis, int64_t start, int64_t stop,
                           int64_t step) {
    reel__call c = {.op = REEL_OP_slice, .at = at, .nin = 1, .in = {x}};
    int i = reel__axis(axis, reel_ndim(x));
    if (x && (i < 0 || step < 1)) {
        if (i < 0)
            reel__fail_call(REEL_ERR_SHAPE, &c, "no axis %d", axis);
        else
            reel__fail_call(REEL_ERR_ARGUMENT, &c, "step %lld, at least 1 is needed",
                            (long long)step);
        return NULL;
    }
    int64_t n = x ? x->layout.shape.dim[i] : 0;
    start = clamp_bound(start, n);
    stop = clamp_bound(stop, n);
    int64_t count = stop > start ? (stop - start - 1) / step + 1 : 0;
    c.with = (reel__with){
        .slice = {.axis = i, .start = start, .count = count, .step = count > 1 ? step : 1}};
    return reel__run_call(c);
}

reel_tensor *reel_select_at(const char *at, reel_tensor *x, int axis, int64_t index) {
    REEL__COMPOSITE(.name = "select", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int i = reel__axis(axis, reel_ndim(x));
    const int64_t n = i < 0 ? 0 : x->layout.shape.dim[i];
    if (index < -n || index >= n) {
        if (i < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        else
            reel__fail_composite(REEL_ERR_ARGUMENT, "no index %lld on axis %d", (long long)index,
                                 axis);
        return NULL;
    }
    if (index < 0) index += n;
    return reel_squeeze_at(at, reel_slice_at(at, x, axis, index, index + 1, 1), axis);
}

reel_tensor *reel__slice_put(const char *at, reel_tensor *x, reel_shape shape, int axis,
                             int64_t start, int64_t step) {
    return reel__run_call((reel__call){.op = REEL_OP_slice_put,
                                       .at = at,
                                       .nin = 1,
                                       .in = {x},
                                       .with.slice = {.axis = axis,
                                                      .start = start,
                                                      .count = reel_dim(x, axis),
                                                      .step = step,
                                                      .shape = shape}});
}

reel_tensor *reel_expand_at(const char *at, reel_tensor *x, reel_shape shape) {
    return reel__run_call(
        (reel__call){.op = REEL_OP_expand, .at = at, .nin = 1, .in = {x}, .with.shape = shape});
}

reel_tensor *reel_contiguous_at(const char *at, reel_tensor *x) {
    if (reel_is_contiguous(x)) return x;
    REEL__COMPOSITE(.name = "contiguous", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    return reel__unary(REEL_OP_copy, at, x);
}
