/* Shape rules of ops over windows of the last axes. */
#include "tensor/ops/shape_rules_internal.h"

#include <inttypes.h>

/* The input with its last axes, which must be as the axes say, replaced by the other lengths. */
static reel_status replace_axes(const reel__call *c, reel__layout *out, bool back) {
    const int dims = c->with.window.dims;
    out->dtype = c->in[0]->layout.dtype;
    out->shape = c->in[0]->layout.shape;
    const int first = out->shape.ndim - dims;
    if (first < 0) return reel__fail_call(REEL_ERR_SHAPE, c, "takes %d axes or more", dims);
    for (int i = 0; i < dims; i++) {
        const reel__span *a = &c->with.window.axis[i];
        const int64_t from = back ? a->out : a->in;
        if (out->shape.dim[first + i] != from)
            return reel__fail_call(REEL_ERR_SHAPE, c, "axis %d must have length %" PRId64,
                                   first + i, from);
        out->shape.dim[first + i] = back ? a->in : a->out;
    }
    return REEL_OK;
}

reel_status reel__rule_resample(const reel__call *c, reel__layout *out) {
    return replace_axes(c, out, false);
}

reel_status reel__rule_resample_grad(const reel__call *c, reel__layout *out) {
    REEL_TRY(replace_axes(c, out, true));
    if (c->nin < 2 || reel_shape_equal(c->in[0]->layout.shape, c->in[1]->layout.shape))
        return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "one index an element is needed");
}

/* And where they lie. */
reel_status reel__rule_max_pool(const reel__call *c, reel__layout *out) {
    REEL_TRY(replace_axes(c, out, false));
    out[1] = out[0];
    out[1].dtype = REEL_I64;
    return REEL_OK;
}

/* ---- x[N,C,H,W] and y[N,C kh kw,L] ---- */

reel_status reel__rule_unfold(const reel__call *c, reel__layout *out) {
    const reel_shape x = c->in[0]->layout.shape;
    const reel__span *a = c->with.window.axis;
    const int64_t kernel = (int64_t)a[0].kernel * a[1].kernel;
    out->dtype = c->in[0]->layout.dtype;
    if (x.ndim != 4 || x.dim[2] != a[0].in || x.dim[3] != a[1].in)
        return reel__fail_call(REEL_ERR_SHAPE, c, "takes x[N, C, %" PRId64 ", %" PRId64 "]",
                               a[0].in, a[1].in);
    out->shape = (reel_shape){3, {x.dim[0], 0, a[0].out * a[1].out}};
    if (__builtin_mul_overflow(x.dim[1], kernel, &out->shape.dim[1]))
        return reel__fail_call(REEL_ERR_SHAPE, c, "the result is no shape of a tensor");
    return REEL_OK;
}

reel_status reel__rule_unfold_grad(const reel__call *c, reel__layout *out) {
    const reel_shape y = c->in[0]->layout.shape;
    const reel__span *a = c->with.window.axis;
    const int64_t kernel = (int64_t)a[0].kernel * a[1].kernel, places = a[0].out * a[1].out;
    out->dtype = c->in[0]->layout.dtype;
    if (y.ndim != 3 || y.dim[1] % kernel != 0 || y.dim[2] != places)
        return reel__fail_call(REEL_ERR_SHAPE, c,
                               "takes x[N, C %" PRId64 ", %" PRId64 "], of C channels", kernel,
                               places);
    out->shape = (reel_shape){4, {y.dim[0], y.dim[1] / kernel, a[0].in, a[1].in}};
    return REEL_OK;
}
