/* Shape rules of convolutions: x[N,C,S...], w[O,C/groups,K...], y[N,O,S'...]. */
#include "tensor/ops/shape_rules_internal.h"

#include <inttypes.h>

#define MOST (1 << 30) /* of a kernel: so that no length overflows */

/* The lengths of x and kernel give that of y; 0, and a failure, if there is none. */
static int64_t length_of(const reel__call *c, int axis, int64_t x, int64_t kernel) {
    if (x > INT64_MAX / 2) {
        reel__fail_call(REEL_ERR_SHAPE, c, "too long an input: %" PRId64, x);
        return 0;
    }
    if (kernel < 1 || kernel > MOST) {
        reel__fail_call(REEL_ERR_SHAPE, c, "a kernel of length %" PRId64, kernel);
        return 0;
    }
    const int64_t padded = x + c->with.conv.padding[axis] + c->with.conv.after[axis];
    const int64_t reach = c->with.conv.dilation[axis] * (kernel - 1) + 1;
    if (padded >= reach) return (padded - reach) / c->with.conv.stride[axis] + 1;
    reel__fail_call(REEL_ERR_SHAPE, c,
                    "the kernel reaches over %" PRId64 ", and the padded input over %" PRId64
                    ", along spatial axis %d",
                    reach, padded, axis);
    return 0;
}

static reel_status check_axes(const reel__call *c) {
    const int ndim = c->with.conv.dims + 2;
    for (int i = 0; i < 2; i++)
        if (c->in[i]->layout.shape.ndim != ndim)
            return reel__fail_call(REEL_ERR_SHAPE, c, "takes %d axes of each", ndim);
    return REEL_OK;
}

static reel_status check_groups(const reel__call *c, int64_t in, int64_t out) {
    const int64_t groups = c->with.conv.groups;
    if (groups >= 1 && in >= 1 && out >= 1 && in % groups == 0 && out % groups == 0) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c,
                           "%" PRId64 " groups do not divide %" PRId64 " and %" PRId64 " channels",
                           groups, in, out);
}

reel_status reel__rule_conv(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_axes(c));
    const reel_shape x = c->in[0]->layout.shape, w = c->in[1]->layout.shape;
    REEL_TRY(check_groups(c, x.dim[1], w.dim[0]));
    if (w.dim[1] != x.dim[1] / c->with.conv.groups)
        return reel__fail_call(REEL_ERR_SHAPE, c,
                               "the weight takes %" PRId64
                               " channels of a group, which has %" PRId64,
                               w.dim[1], x.dim[1] / c->with.conv.groups);
    if (c->nin > 2 && !reel_shape_equal(c->in[2]->layout.shape, reel_shape(w.dim[0])))
        return reel__fail_call(REEL_ERR_SHAPE, c, "the bias must be of [%" PRId64 "]", w.dim[0]);
    out->dtype = c->in[0]->layout.dtype;
    out->shape = x;
    out->shape.dim[1] = w.dim[0];
    for (int i = 0; i < c->with.conv.dims; i++) {
        out->shape.dim[i + 2] = length_of(c, i, x.dim[i + 2], w.dim[i + 2]);
        if (out->shape.dim[i + 2] == 0) return reel_error_status();
    }
    return REEL_OK;
}

/* That a convolution of these gives the lengths of g. */
static reel_status check_lengths(const reel__call *c, reel_shape g, const int64_t *x,
                                 const int64_t *kernel) {
    for (int i = 0; i < c->with.conv.dims; i++) {
        const int64_t length = length_of(c, i, x[i], kernel[i]);
        if (length == 0) return reel_error_status();
        if (length != g.dim[i + 2])
            return reel__fail_call(REEL_ERR_SHAPE, c,
                                   "lengths do not belong together along spatial axis %d", i);
    }
    return REEL_OK;
}

reel_status reel__rule_conv_input_grad(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_axes(c));
    const reel_shape g = c->in[0]->layout.shape, w = c->in[1]->layout.shape;
    if (g.dim[1] != w.dim[0])
        return reel__fail_call(REEL_ERR_SHAPE, c,
                               "the weight is of %" PRId64 " channels, the input has %" PRId64,
                               w.dim[0], g.dim[1]);
    REEL_TRY(check_groups(c, w.dim[1] * c->with.conv.groups, w.dim[0]));
    REEL_TRY(check_lengths(c, g, c->with.conv.size, w.dim + 2));
    out->dtype = c->in[0]->layout.dtype;
    out->shape = g;
    out->shape.dim[1] = w.dim[1] * c->with.conv.groups;
    for (int i = 0; i < c->with.conv.dims; i++) out->shape.dim[i + 2] = c->with.conv.size[i];
    return REEL_OK;
}

reel_status reel__rule_conv_weight_grad(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_axes(c));
    const reel_shape g = c->in[0]->layout.shape, x = c->in[1]->layout.shape;
    if (g.dim[0] != x.dim[0]) return reel__fail_call(REEL_ERR_SHAPE, c, "batches differ");
    REEL_TRY(check_groups(c, x.dim[1], g.dim[1]));
    REEL_TRY(check_lengths(c, g, x.dim + 2, c->with.conv.size));
    out->dtype = c->in[0]->layout.dtype;
    out->shape = g;
    out->shape.dim[0] = g.dim[1];
    out->shape.dim[1] = x.dim[1] / c->with.conv.groups;
    for (int i = 0; i < c->with.conv.dims; i++) out->shape.dim[i + 2] = c->with.conv.size[i];
    return REEL_OK;
}
