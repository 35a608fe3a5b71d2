/* unfold and fold; and channels that change places with neighbours. */
#include "tensor/windows.h"

#include "tensor/ops/window_options_internal.h"

reel_tensor *reel__unfold(const char *at, reel_tensor *x, const reel__with *with) {
    return reel__run_call(
        (reel__call){.op = REEL_OP_unfold, .at = at, .nin = 1, .in = {x}, .with = *with});
}

reel_tensor *reel__unfold_grad(const char *at, reel_tensor *x, const reel__with *with) {
    return reel__run_call(
        (reel__call){.op = REEL_OP_unfold_grad, .at = at, .nin = 1, .in = {x}, .with = *with});
}

reel_status reel__read_unfold(reel__with *with, reel_shape kernel, reel_unfold_options o) {
    int64_t k[2] = {0}, stride[2] = {0}, padding[2] = {0}, dilation[2] = {0};
    if (kernel.ndim == 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "the kernel must have a length");
    REEL_TRY(reel__spread(k, 2, kernel, 1, 1, "kernel"));
    REEL_TRY(reel__spread(stride, 2, o.stride, 1, 1, "stride"));
    REEL_TRY(reel__spread(padding, 2, o.padding, 0, 0, "padding"));
    REEL_TRY(reel__spread(dilation, 2, o.dilation, 1, 1, "dilation"));
    with->window.dims = 2;
    for (int i = 0; i < 2; i++) {
        reel__span *a = &with->window.axis[i];
        a->kind = REEL__WINDOWS;
        a->kernel = (int32_t)k[i];
        a->stride = (int32_t)stride[i];
        a->dilation = (int32_t)dilation[i];
        a->before = (int32_t)padding[i];
    }
    return REEL_OK;
}

/* Of an image of with's lengths. */
static reel_status find_columns(reel__with *with) {
    for (int i = 0; i < 2; i++) {
        reel__span *a = &with->window.axis[i];
        const int64_t reach = (int64_t)a->dilation * (a->kernel - 1) + 1,
                      padded = a->in + 2 * (int64_t)a->before;
        if (padded < reach)
            return reel__fail_composite(REEL_ERR_SHAPE,
                                        "the kernel reaches over %" PRId64
                                        ", and the padded input over %" PRId64
                                        ", along spatial axis %d",
                                        reach, padded, i);
        a->out = (padded - reach) / a->stride + 1;
    }
    return REEL_OK;
}

reel_status reel__read_fold(reel__with *with, reel_shape size, reel_shape kernel,
                            reel_unfold_options o) {
    int64_t to[2] = {0};
    REEL_TRY(reel__spread(to, 2, size, 0, 1, "size"));
    REEL_TRY(reel__read_unfold(with, kernel, o));
    for (int i = 0; i < 2; i++) with->window.axis[i].in = to[i];
    return find_columns(with);
}

reel_tensor *reel_unfold_at(const char *at, reel_tensor *x, reel_shape kernel,
                            reel_unfold_options options) {
    REEL__COMPOSITE(.name = "unfold", .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!reel__composite_is_whole(&composite) || reel__check_spatial(2, x) != REEL_OK ||
        reel__read_unfold(&with, kernel, options) != REEL_OK ||
        reel__read_lengths(&with, 2, x) != REEL_OK || find_columns(&with) != REEL_OK)
        return NULL;
    if (reel_ndim(x) == 4) return reel__unfold(at, x, &with);
    REEL_SCOPE;
    reel_tensor *y = reel__unfold(at, reel_unsqueeze_at(at, x, 0), &with);
    return reel_scope_return(reel_squeeze_at(at, y, 0));
}

reel_tensor *reel_fold_at(const char *at, reel_tensor *x, reel_shape size, reel_shape kernel,
                          reel_unfold_options options) {
    REEL__COMPOSITE(.name = "fold", .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!reel__composite_is_whole(&composite) || reel__check_spatial(1, x) != REEL_OK ||
        reel__read_fold(&with, size, kernel, options) != REEL_OK)
        return NULL;
    if (reel_ndim(x) == 3) return reel__unfold_grad(at, x, &with);
    REEL_SCOPE;
    reel_tensor *y = reel__unfold_grad(at, reel_unsqueeze_at(at, x, 0), &with);
    return reel_scope_return(reel_squeeze_at(at, y, 0));
}

/* ---- channels and places ---- */

reel_status reel__check_factor(int64_t r) {
    if (r >= 1 && r <= 1 << 15) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "the factor must be 1 or more: %" PRId64, r);
}

reel_status reel__check_shuffled(int64_t groups) {
    if (groups >= 1) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "groups must be 1 or more: %" PRId64, groups);
}

/* Of the last three axes; what lies before is one axis more, in front. */
static bool read_picture(const reel_tensor *x, int64_t r, reel_shape *s) {
    *s = reel_shape_of(x);
    if (s->ndim >= 3) return reel__check_factor(r) == REEL_OK;
    reel__fail_composite(REEL_ERR_SHAPE, "takes an input of 3 axes or more");
    return false;
}

static int64_t before_picture(reel_shape s) {
    int64_t n = 1;
    for (int i = 0; i < s.ndim - 3; i++) n *= s.dim[i];
    return n;
}

reel_tensor *reel_pixel_shuffle_at(const char *at, reel_tensor *x, int64_t r) {
    REEL__COMPOSITE(.name = "pixel_shuffle", .at = at, .in = {x}, .given = 1);
    reel_shape s;
    if (!reel__composite_is_whole(&composite) || !read_picture(x, r, &s)) return NULL;
    int64_t *chw = s.dim + s.ndim - 3;
    if (chw[0] % (r * r) != 0) {
        reel__fail_composite(REEL_ERR_SHAPE, "%" PRId64 " channels are no multiple of %" PRId64,
                             chw[0], r * r);
        return NULL;
    }
    const int64_t n = before_picture(s), c = chw[0] / (r * r), h = chw[1], w = chw[2];
    chw[0] = c, chw[1] = h * r, chw[2] = w * r;
    REEL_SCOPE;
    reel_tensor *y = reel_reshape_at(at, x, reel_shape(n, c, r, r, h, w));
    y = reel_permute_at(at, y, reel_shape(0, 1, 4, 2, 5, 3));
    return reel_scope_return(reel_reshape_at(at, y, s));
}

reel_tensor *reel_pixel_unshuffle_at(const char *at, reel_tensor *x, int64_t r) {
    REEL__COMPOSITE(.name = "pixel_unshuffle", .at = at, .in = {x}, .given = 1);
    reel_shape s;
    if (!reel__composite_is_whole(&composite) || !read_picture(x, r, &s)) return NULL;
    int64_t *chw = s.dim + s.ndim - 3;
    if (chw[1] % r != 0 || chw[2] % r != 0) {
        reel__fail_composite(REEL_ERR_SHAPE, "%" PRId64 " x %" PRId64 " is no multiple of %" PRId64,
                             chw[1], chw[2], r);
        return NULL;
    }
    const int64_t n = before_picture(s), c = chw[0], h = chw[1] / r, w = chw[2] / r;
    chw[0] = c * r * r, chw[1] = h, chw[2] = w;
    REEL_SCOPE;
    reel_tensor *y = reel_reshape_at(at, x, reel_shape(n, c, h, r, w, r));
    y = reel_permute_at(at, y, reel_shape(0, 1, 3, 5, 2, 4));
    return reel_scope_return(reel_reshape_at(at, y, s));
}

reel_tensor *reel_channel_shuffle_at(const char *at, reel_tensor *x, int64_t groups) {
    REEL__COMPOSITE(.name = "channel_shuffle", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite) || reel__check_shuffled(groups) != REEL_OK)
        return NULL;
    const reel_shape s = reel_shape_of(x);
    if (s.ndim < 3 || s.dim[1] % groups != 0) {
        reel__fail_composite(REEL_ERR_SHAPE,
                             "takes 3 axes or more, and channels that %" PRId64 " groups divide",
                             groups);
        return NULL;
    }
    int64_t plane = 1;
    for (int i = 2; i < s.ndim; i++) plane *= s.dim[i];
    REEL_SCOPE;
    reel_tensor *y = reel_reshape_at(at, x, reel_shape(s.dim[0], groups, s.dim[1] / groups, plane));
    y = reel_permute_at(at, y, reel_shape(0, 2, 1, 3));
    return reel_scope_return(reel_reshape_at(at, y, s));
}
