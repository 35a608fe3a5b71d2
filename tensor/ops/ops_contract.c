/* Products along axes that are short for an einsum. */
#include "tensor/einsum.h"

#include "tensor/ops/call_internal.h"

/* ---- tensordot ---- */

/* Which of t's axes are summed, by number from the front; false if one is none, or comes twice. */
static bool axes_of(const reel_tensor *t, reel_shape axes, int *summed, unsigned *mask) {
    *mask = 0;
    for (int i = 0; i < axes.ndim; i++) {
        const bool small = axes.dim[i] >= -REEL_MAX_DIMS && axes.dim[i] < REEL_MAX_DIMS;
        summed[i] = small ? reel__axis((int)axes.dim[i], reel_ndim(t)) : -1;
        if (summed[i] < 0 || *mask >> summed[i] & 1) return false;
        *mask |= 1u << summed[i];
    }
    return true;
}

/* t as a matrix of its own axes, whose shape is added to s, and of those that are summed; these
 * come first if so asked. */
static reel_tensor *as_matrix(const char *at, reel_tensor *t, const int *summed, int count,
                              unsigned mask, bool first, reel_shape *s) {
    reel_shape order = {0};
    int64_t own = 1, sum = 1;
    for (int i = 0; first && i < count; i++) order.dim[order.ndim++] = summed[i];
    for (int i = 0; i < reel_ndim(t); i++) {
        if (mask >> i & 1) continue;
        order.dim[order.ndim++] = i;
        own *= reel_dim(t, i);
        s->dim[s->ndim++] = reel_dim(t, i);
    }
    for (int i = 0; !first && i < count; i++) order.dim[order.ndim++] = summed[i];
    for (int i = 0; i < count; i++) sum *= reel_dim(t, summed[i]);
    t = reel_permute_at(at, t, order);
    return reel_reshape_at(at, t, first ? reel_shape(sum, own) : reel_shape(own, sum));
}

reel_tensor *reel_tensordot_at(const char *at, reel_tensor *x, reel_tensor *y, reel_shape x_axes,
                               reel_shape y_axes) {
    int of_x[REEL_MAX_DIMS], of_y[REEL_MAX_DIMS];
    unsigned in_x = 0, in_y = 0;
    REEL__COMPOSITE(.name = "tensordot", .at = at, .in = {x, y}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    bool fit = x_axes.ndim == y_axes.ndim && x_axes.ndim >= 0 && x_axes.ndim <= REEL_MAX_DIMS &&
               axes_of(x, x_axes, of_x, &in_x) && axes_of(y, y_axes, of_y, &in_y);
    for (int i = 0; fit && i < x_axes.ndim; i++) fit = reel_dim(x, of_x[i]) == reel_dim(y, of_y[i]);
    if (!fit || reel_ndim(x) + reel_ndim(y) - 2 * x_axes.ndim > REEL_MAX_DIMS) {
        reel__fail_composite(REEL_ERR_SHAPE,
                             fit ? "more than 8 axes" : "the axes do not fit each other in pairs");
        return NULL;
    }
    REEL_SCOPE;
    reel_shape s = {0};
    reel_tensor *a = as_matrix(at, x, of_x, x_axes.ndim, in_x, false, &s),
                *b = as_matrix(at, y, of_y, y_axes.ndim, in_y, true, &s);
    return reel_scope_return(reel_reshape_at(at, reel_matmul_at(at, a, b), s));
}

/* ---- outer, bilinear ---- */

reel_tensor *reel_outer_at(const char *at, reel_tensor *x, reel_tensor *y) {
    REEL__COMPOSITE(.name = "outer", .at = at, .in = {x, y}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    if (reel_ndim(x) != 1 || reel_ndim(y) != 1) {
        reel__fail_composite(REEL_ERR_SHAPE, "takes vectors");
        return NULL;
    }
    REEL_SCOPE;
    return reel_scope_return(reel_mul_at(at, reel_unsqueeze_at(at, x, 1), y));
}

/* Of x[R,I] y[R,J] weight[O,I,J]: z[R,O] = (x weight[I,OJ])[R,O,J] y[R,J,1]. */
static reel_tensor *of_rows(const char *at, reel_tensor *x, reel_tensor *y, reel_tensor *weight) {
    const int64_t rows = reel_dim(x, 0), out = reel_dim(weight, 0), in1 = reel_dim(weight, 1),
                  in2 = reel_dim(weight, 2);
    weight = reel_permute_at(at, weight, reel_shape(1, 0, 2));
    weight = reel_reshape_at(at, weight, reel_shape(in1, out * in2));
    reel_tensor *left =
        reel_reshape_at(at, reel_matmul_at(at, x, weight), reel_shape(rows, out, in2));
    return reel_squeeze_at(at, reel_matmul_at(at, left, reel_unsqueeze_at(at, y, 2)), 2);
}

reel_tensor *reel_bilinear_at(const char *at, reel_tensor *x, reel_tensor *y, reel_tensor *weight,
                              reel_tensor *bias) {
    static const char *const called[] = {"x", "y", "weight", "bias"};
    REEL__COMPOSITE(.name = "bilinear", .at = at, .in = {x, y, weight, bias}, .given = 3,
                    .called = called);
    if (!reel__composite_is_whole(&composite)) return NULL;
    reel_shape s = reel_shape_of(x), of_y = reel_shape_of(y);
    const int last = s.ndim - 1;
    bool fit = reel_ndim(weight) == 3 && s.ndim == of_y.ndim && s.ndim >= 1 &&
               s.dim[last] == reel_dim(weight, 1) && of_y.dim[last] == reel_dim(weight, 2);
    int64_t rows = 1;
    for (int i = 0; fit && i < last; i++) {
        fit = s.dim[i] == of_y.dim[i];
        rows *= s.dim[i];
    }
    if (bias && fit) fit = reel_ndim(bias) == 1 && reel_dim(bias, 0) == reel_dim(weight, 0);
    if (!fit) {
        reel__fail_composite(REEL_ERR_SHAPE, "shapes do not belong together");
        return NULL;
    }
    REEL_SCOPE;
    x = reel_reshape_at(at, x, reel_shape(rows, s.dim[last]));
    y = reel_reshape_at(at, y, reel_shape(rows, of_y.dim[last]));
    reel_tensor *z = of_rows(at, x, y, weight);
    if (bias) z = reel_add_at(at, z, bias);
    s.dim[last] = reel_dim(weight, 0);
    return reel_scope_return(reel_reshape_at(at, z, s));
}
