/* Convolutions: what is asked for is brought into the form that the rows take. */
#include "tensor/convolution.h"

#include "tensor/ops/axes_options_internal.h"

static const char *const names[] = {"conv1d", "conv2d", "conv3d"};
static const char *const transposed_names[] = {"conv_transpose1d", "conv_transpose2d",
                                               "conv_transpose3d"};

#define MOST REEL__LONGEST

/* ---- rows ---- */

reel_tensor *reel__conv(const char *at, reel_tensor *x, reel_tensor *w, reel_tensor *bias,
                        const reel__with *with) {
    return reel__run_call((reel__call){
        .op = REEL_OP_conv, .at = at, .nin = bias ? 3 : 2, .in = {x, w, bias}, .with = *with});
}

reel_tensor *reel__conv_input_grad(const char *at, reel_tensor *g, reel_tensor *w,
                                   const reel__with *with) {
    return reel__run_call((reel__call){
        .op = REEL_OP_conv_input_grad, .at = at, .nin = 2, .in = {g, w}, .with = *with});
}

reel_tensor *reel__conv_weight_grad(const char *at, reel_tensor *g, reel_tensor *x,
                                    const reel__with *with) {
    return reel__run_call((reel__call){
        .op = REEL_OP_conv_weight_grad, .at = at, .nin = 2, .in = {g, x}, .with = *with});
}

/* ---- options ---- */

static reel_status spread(int32_t *to, int axes, reel_shape given, int64_t otherwise, int64_t least,
                          const char *what) {
    int64_t n[3];
    REEL_TRY(reel__spread(n, axes, given, otherwise, least, what));
    for (int i = 0; i < axes; i++) to[i] = (int32_t)n[i];
    return REEL_OK;
}

static reel_status read_groups(reel__with *with, int64_t groups) {
    with->conv.groups = groups ? groups : 1;
    if (groups <= MOST) return REEL_OK; /* the rule looks at the others */
    return reel__fail_composite(REEL_ERR_ARGUMENT, "no number of groups: %" PRId64, groups);
}

/* x with a batch of one, if it is without. */
static reel_tensor *batched(const char *at, int axes, reel_tensor *x) {
    return reel_ndim(x) == axes + 1 ? reel_unsqueeze_at(at, x, 0) : x;
}

static reel_status check_axes(int axes, const reel_tensor *x, const reel_tensor *w) {
    const int n = reel_ndim(x);
    if ((n == axes + 1 || n == axes + 2) && reel_ndim(w) == axes + 2) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE,
                                "takes an input of %d axes, or %d, and a weight of %d", axes + 2,
                                axes + 1, axes + 2);
}

/* ---- forward ---- */

static reel_status pad_to_same(reel__with *with, const reel_tensor *w) {
    for (int i = 0; i < with->conv.dims; i++) {
        const int64_t kernel = reel_dim(w, i + 2), dilation = with->conv.dilation[i];
        if (with->conv.stride[i] != 1)
            return reel__fail_composite(REEL_ERR_ARGUMENT, "same: the stride must be 1");
        if (kernel < 1) return reel__fail_composite(REEL_ERR_SHAPE, "same: a kernel of length 0");
        const int64_t all = kernel > MOST ? INT64_MAX : dilation * (kernel - 1);
        if (all > MOST) return reel__fail_composite(REEL_ERR_SHAPE, "same: too long a kernel");
        with->conv.padding[i] = (int32_t)(all / 2);
        with->conv.after[i] = (int32_t)(all - all / 2);
    }
    return REEL_OK;
}

static reel_status read_options(reel__with *with, int axes, const reel_tensor *w,
                                reel_conv_options o) {
    with->conv.dims = axes;
    REEL_TRY(read_groups(with, o.groups));
    REEL_TRY(spread(with->conv.stride, axes, o.stride, 1, 1, "stride"));
    REEL_TRY(spread(with->conv.dilation, axes, o.dilation, 1, 1, "dilation"));
    REEL_TRY(spread(with->conv.padding, axes, o.padding, 0, 0, "padding"));
    REEL_TRY(spread(with->conv.after, axes, o.padding, 0, 0, "padding"));
    return o.same ? pad_to_same(with, w) : REEL_OK;
}

reel_tensor *reel_conv_at(const char *at, int axes, reel_tensor *x, reel_tensor *w,
                          reel_tensor *bias, reel_conv_options options) {
    static const char *const called[] = {"x", "w", "bias"};
    if (axes < 1 || axes > 3) {
        reel_fail(REEL_ERR_ARGUMENT, at, "conv: along 1, 2 or 3 axes, not %d", axes);
        return NULL;
    }
    REEL__COMPOSITE(.name = names[axes - 1], .at = at, .in = {x, w, bias}, .given = 2,
                    .called = called);
    reel__with with = {0};
    if (!reel__composite_is_whole(&composite) || check_axes(axes, x, w) != REEL_OK ||
        read_options(&with, axes, w, options) != REEL_OK)
        return NULL;
    REEL_SCOPE;
    reel_tensor *y = reel__conv(at, batched(at, axes, x), w, bias, &with);
    return reel_scope_return(reel_ndim(x) == axes + 1 ? reel_squeeze_at(at, y, 0) : y);
}

/* ---- transposed ---- */

static reel_status read_transposed(reel__with *with, int axes, const reel_tensor *x,
                                   const reel_tensor *w, reel_conv_transpose_options o) {
    int32_t more[3];
    with->conv.dims = axes;
    REEL_TRY(read_groups(with, o.groups));
    REEL_TRY(spread(with->conv.stride, axes, o.stride, 1, 1, "stride"));
    REEL_TRY(spread(with->conv.dilation, axes, o.dilation, 1, 1, "dilation"));
    REEL_TRY(spread(with->conv.padding, axes, o.padding, 0, 0, "padding"));
    REEL_TRY(spread(with->conv.after, axes, o.padding, 0, 0, "padding"));
    REEL_TRY(spread(more, axes, o.output_padding, 0, 0, "output_padding"));
    for (int i = 0; i < axes; i++) {
        const int64_t n = reel_dim(x, reel_ndim(x) - axes + i), k = reel_dim(w, i + 2);
        const int32_t stride = with->conv.stride[i], dilation = with->conv.dilation[i];
        if (more[i] >= stride && more[i] >= dilation)
            return reel__fail_composite(REEL_ERR_ARGUMENT,
                                        "output_padding must be less than stride or dilation");
        if (n < 1 || k < 1 || n > MOST || k > MOST)
            return reel__fail_composite(REEL_ERR_SHAPE, "takes lengths of 1 or more");
        with->conv.size[i] = (n - 1) * stride - 2 * (int64_t)with->conv.padding[i] +
                             dilation * (k - 1) + more[i] + 1;
        if (with->conv.size[i] < 1)
            return reel__fail_composite(REEL_ERR_SHAPE, "the result has length %" PRId64,
                                        with->conv.size[i]);
        /* of which the last ones may be beyond what a kernel reaches, with a dilation */
        with->conv.after[i] -= more[i] >= stride ? more[i] - stride + 1 : 0;
    }
    return REEL_OK;
}

/* [O] as it is added to y[N,O,S...] */
static reel_tensor *along_channels(const char *at, reel_tensor *bias, int axes) {
    reel_shape s = {.ndim = axes + 1, .dim = {reel_dim(bias, 0), 1, 1, 1}};
    return reel_reshape_at(at, bias, s);
}

reel_tensor *reel_conv_transpose_at(const char *at, int axes, reel_tensor *x, reel_tensor *w,
                                    reel_tensor *bias, reel_conv_transpose_options options) {
    static const char *const called[] = {"x", "w", "bias"};
    if (axes < 1 || axes > 3) {
        reel_fail(REEL_ERR_ARGUMENT, at, "conv_transpose: along 1, 2 or 3 axes, not %d", axes);
        return NULL;
    }
    REEL__COMPOSITE(.name = transposed_names[axes - 1], .at = at, .in = {x, w, bias}, .given = 2,
                    .called = called);
    reel__with with = {0};
    if (!reel__composite_is_whole(&composite) || check_axes(axes, x, w) != REEL_OK ||
        read_transposed(&with, axes, x, w, options) != REEL_OK)
        return NULL;
    if (bias &&
        !reel_shape_equal(reel_shape_of(bias), reel_shape(reel_dim(w, 1) * with.conv.groups))) {
        reel__fail_composite(REEL_ERR_SHAPE, "the bias must be of [%" PRId64 "]",
                             reel_dim(w, 1) * with.conv.groups);
        return NULL;
    }
    REEL_SCOPE;
    reel_tensor *y = reel__conv_input_grad(at, batched(at, axes, x), w, &with);
    if (bias) y = reel_add_at(at, y, along_channels(at, bias, axes));
    return reel_scope_return(reel_ndim(x) == axes + 1 ? reel_squeeze_at(at, y, 0) : y);
}
