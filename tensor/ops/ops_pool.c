/* Pooling. */
#include "tensor/windows.h"

#include "tensor/formulas/window_formulas_internal.h"
#include "tensor/ops/window_options_internal.h"

#define NAMED(name)                                                                                \
    { name "1d", name "2d", name "3d" }

/* ---- rows ---- */

reel_tensor *reel__resample(const char *at, reel_tensor *x, const reel__with *with) {
    return reel__run_call(
        (reel__call){.op = REEL_OP_resample, .at = at, .nin = 1, .in = {x}, .with = *with});
}

reel_tensor *reel__resample_grad(const char *at, reel_tensor *g, const reel__with *with) {
    return reel__run_call(
        (reel__call){.op = REEL_OP_resample_grad, .at = at, .nin = 1, .in = {g}, .with = *with});
}

reel_tensor *reel__max_pool(const char *at, reel_tensor *x, const reel__with *with,
                            reel_tensor **indices) {
    return reel__run_two(
        (reel__call){.op = REEL_OP_max_pool, .at = at, .nin = 1, .in = {x}, .with = *with},
        indices);
}

reel_tensor *reel__max_pool_grad(const char *at, reel_tensor *g, reel_tensor *indices,
                                 const reel__with *with) {
    return reel__run_call((reel__call){
        .op = REEL_OP_max_pool_grad, .at = at, .nin = 2, .in = {g, indices}, .with = *with});
}

/* ---- options ---- */

static int64_t reach_of(const reel__span *a) {
    return (int64_t)a->dilation * (a->kernel - 1) + 1;
}

/* How many windows there are. */
static int64_t count_of(const reel__span *a, bool ceil_mode) {
    const int64_t room = a->in + 2 * (int64_t)a->before - reach_of(a);
    if (room < 0 && !(ceil_mode && room + a->stride > 0)) return 0;
    int64_t n = room < 0 ? 0 : room / a->stride;
    if (ceil_mode && room > 0) {
        n = (room + a->stride - 1) / a->stride;
        if (n * a->stride >= a->in + a->before) n--; /* begins behind the input */
    }
    return n + 1;
}

/* Padding and dilation together may leave a window without an element. */
static reel_status check_windows(const reel__span *a) {
    for (int64_t j = 0; j < a->out && a->dilation > 1 && a->before > 0; j++) {
        int64_t first, end;
        reel__window(a, j, &first, &end);
        if (first >= end)
            return reel__fail_composite(REEL_ERR_SHAPE,
                                        "window %" PRId64 " has padding alone, with dilation %d", j,
                                        (int)a->dilation);
    }
    return REEL_OK;
}

static reel_status read_span(reel__span *a, reel__pool pool, const int64_t *kernel,
                             const int64_t *stride, const int64_t *padding,
                             const int64_t *dilation) {
    const int64_t reach = *dilation * (*kernel - 1) + 1;
    if (pool != REEL__POOL_MAX && *dilation != 1)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "an average has no dilation");
    if (reach > REEL__LONGEST)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "a kernel that reaches over %" PRId64,
                                    reach);
    if (*padding > reach / 2)
        return reel__fail_composite(
            REEL_ERR_ARGUMENT, "padding must be half of the kernel or less: %" PRId64, *padding);
    a->kind = pool == REEL__POOL_MAX ? REEL__WINDOWS : REEL__AVERAGE;
    a->kernel = (int32_t)*kernel;
    a->stride = (int32_t)*stride;
    a->dilation = (int32_t)*dilation;
    a->before = (int32_t)*padding;
    return REEL_OK;
}

reel_status reel__read_pool(reel__with *with, reel__pool pool, int axes, reel_shape kernel,
                            reel_pool_options o) {
    int64_t k[3], stride[3], padding[3], dilation[3];
    if (pool != REEL__POOL_MEAN && (o.divisor != 0 || o.exclude_pad))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "takes no divisor and no exclude_pad");
    if (pool == REEL__POOL_NORM && o.padding.ndim > 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "takes no padding");
    if (kernel.ndim == 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "the kernel must have a length");
    REEL_TRY(reel__spread(k, axes, kernel, 1, 1, "kernel"));
    REEL_TRY(reel__spread(stride, axes, o.stride.ndim ? o.stride : kernel, 1, 1, "stride"));
    REEL_TRY(reel__spread(padding, axes, o.padding, 0, 0, "padding"));
    REEL_TRY(reel__spread(dilation, axes, o.dilation, 1, 1, "dilation"));
    for (int i = 0; i < axes; i++) {
        reel__span *a = &with->window.axis[i];
        REEL_TRY(read_span(a, pool, &k[i], &stride[i], &padding[i], &dilation[i]));
        a->exclude = o.exclude_pad;
        a->sums = o.divisor != 0;
    }
    return REEL_OK;
}

reel_status reel__check_power(double p) {
    if (p > 0) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "p must be above 0: %g", p);
}

reel_status reel__read_adaptive(int64_t *to, int axes, reel_shape size) {
    if (size.ndim == 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "the result must have a size");
    return reel__spread(to, axes, size, 0, 0, "size");
}

/* ---- with an input ---- */

/* The windows of x that there are. */
static reel_status find_windows(reel__with *with, reel__pool pool, int axes, const reel_tensor *x,
                                reel_shape kernel, reel_pool_options o) {
    REEL_TRY(reel__read_pool(with, pool, axes, kernel, o));
    REEL_TRY(reel__read_lengths(with, axes, x));
    for (int i = 0; i < axes; i++) {
        reel__span *a = &with->window.axis[i];
        a->out = count_of(a, o.ceil_mode);
        if (a->out < 1)
            return reel__fail_composite(REEL_ERR_SHAPE,
                                        "the kernel reaches over %" PRId64
                                        ", and the padded input over %" PRId64
                                        ", along spatial axis %d",
                                        reach_of(a), a->in + 2 * (int64_t)a->before, i);
        REEL_TRY(check_windows(a));
    }
    return REEL_OK;
}

/* Every size as asked for, 0: as it is. */
static reel_status share_out(reel__with *with, int axes, const reel_tensor *x, reel_shape size) {
    int64_t to[3];
    REEL_TRY(reel__read_adaptive(to, axes, size));
    REEL_TRY(reel__read_lengths(with, axes, x));
    for (int i = 0; i < axes; i++) {
        with->window.axis[i].kind = REEL__ADAPTIVE;
        with->window.axis[i].out = to[i] ? to[i] : with->window.axis[i].in;
    }
    return REEL_OK;
}

static const char *name_of(const char *const *names, int axes) {
    return axes < 1 || axes > 3 ? "pool" : names[axes - 1];
}

static bool takes(const reel__composite *c, int axes) {
    if (axes >= 1 && axes <= 3)
        return reel__composite_is_whole(c) && reel__check_spatial(axes, c->in[0]) == REEL_OK;
    reel__fail_composite(REEL_ERR_ARGUMENT, "along 1, 2 or 3 axes, not %d", axes);
    return false;
}

/* ---- greatest ---- */

reel_tensor *reel_max_pool_at(const char *at, int axes, reel_tensor *x, reel_shape kernel,
                              reel_pool_options options, reel_tensor **indices) {
    static const char *const names[] = NAMED("max_pool");
    if (indices) *indices = NULL;
    REEL__COMPOSITE(.name = name_of(names, axes), .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!takes(&composite, axes) ||
        find_windows(&with, REEL__POOL_MAX, axes, x, kernel, options) != REEL_OK)
        return NULL;
    return reel__max_pool(at, x, &with, indices);
}

reel_tensor *reel_adaptive_max_pool_at(const char *at, int axes, reel_tensor *x, reel_shape size,
                                       reel_tensor **indices) {
    static const char *const names[] = NAMED("adaptive_max_pool");
    if (indices) *indices = NULL;
    REEL__COMPOSITE(.name = name_of(names, axes), .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!takes(&composite, axes) || share_out(&with, axes, x, size) != REEL_OK) return NULL;
    return reel__max_pool(at, x, &with, indices);
}

/* ---- averages ---- */

reel_tensor *reel_avg_pool_at(const char *at, int axes, reel_tensor *x, reel_shape kernel,
                              reel_pool_options options) {
    static const char *const names[] = NAMED("avg_pool");
    REEL__COMPOSITE(.name = name_of(names, axes), .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!takes(&composite, axes) ||
        find_windows(&with, REEL__POOL_MEAN, axes, x, kernel, options) != REEL_OK)
        return NULL;
    if (options.divisor != 0) with.window.times = 1 / (double)options.divisor;
    return reel__resample(at, x, &with);
}

/* Of one element: a mean, whose gradient is a view. */
static reel_tensor *mean_of(const char *at, reel_tensor *x, int axes) {
    reel_shape over = {.ndim = axes};
    for (int i = 0; i < axes; i++) over.dim[i] = reel_ndim(x) - axes + i;
    return reel_mean_at(at, x, over, true);
}

reel_tensor *reel_adaptive_avg_pool_at(const char *at, int axes, reel_tensor *x, reel_shape size) {
    static const char *const names[] = NAMED("adaptive_avg_pool");
    REEL__COMPOSITE(.name = name_of(names, axes), .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!takes(&composite, axes) || share_out(&with, axes, x, size) != REEL_OK) return NULL;
    bool is_one = true;
    for (int i = 0; i < axes; i++) is_one = is_one && with.window.axis[i].out == 1;
    return is_one ? mean_of(at, x, axes) : reel__resample(at, x, &with);
}

reel_tensor *reel_lp_pool_at(const char *at, int axes, reel_tensor *x, double p, reel_shape kernel,
                             reel_pool_options options) {
    static const char *const names[] = NAMED("lp_pool");
    REEL__COMPOSITE(.name = name_of(names, axes), .at = at, .in = {x}, .given = 1);
    reel__with with = {0};
    if (!takes(&composite, axes) || reel__check_power(p) != REEL_OK ||
        find_windows(&with, REEL__POOL_NORM, axes, x, kernel, options) != REEL_OK)
        return NULL;
    int64_t all = 1;
    for (int i = 0; i < axes; i++) all *= with.window.axis[i].kernel;
    with.window.times = (double)all; /* of the mean, which a window beyond the end is short of */
    REEL_SCOPE;
    reel_tensor *sum = reel__resample(at, reel__pow_scalar(at, x, p), &with);
    /* The sum again, but with a gradient of 0 where it is 0 and the root's is infinite. */
    reel_tensor *size = reel_relu_at(at, reel_abs_at(at, sum));
    sum = reel_mul_at(at, reel_sign_at(at, sum), size);
    return reel_scope_return(reel__pow_scalar(at, sum, 1 / p));
}

/* ---- back ---- */

static reel_status read_unpool(int64_t *to, int axes, const reel_tensor *x, reel_shape kernel,
                               reel_pool_options o, reel_shape size) {
    int64_t k[3], stride[3], padding[3];
    reel__with with;
    if (kernel.ndim == 0)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "the kernel must have a length");
    REEL_TRY(reel__read_lengths(&with, axes, x));
    REEL_TRY(reel__spread(k, axes, kernel, 1, 1, "kernel"));
    REEL_TRY(reel__spread(stride, axes, o.stride.ndim ? o.stride : kernel, 1, 1, "stride"));
    REEL_TRY(reel__spread(padding, axes, o.padding, 0, 0, "padding"));
    for (int i = 0; i < axes; i++) {
        to[i] = (with.window.axis[i].in - 1) * stride[i] - 2 * padding[i] + k[i];
        if (size.ndim == 0 && to[i] < 1)
            return reel__fail_composite(REEL_ERR_SHAPE, "the result has length %" PRId64, to[i]);
    }
    return size.ndim == 0 ? REEL_OK : reel__spread(to, axes, size, 1, 1, "size");
}

reel_tensor *reel_max_unpool_at(const char *at, int axes, reel_tensor *x, reel_tensor *indices,
                                reel_shape kernel, reel_pool_options options, reel_shape size) {
    static const char *const names[] = NAMED("max_unpool"), *const called[] = {"x", "indices"};
    REEL__COMPOSITE(.name = name_of(names, axes), .at = at, .in = {x, indices}, .given = 2,
                    .called = called);
    int64_t to[3];
    if (!takes(&composite, axes) || read_unpool(to, axes, x, kernel, options, size) != REEL_OK)
        return NULL;
    if (!reel_shape_equal(reel_shape_of(x), reel_shape_of(indices))) {
        reel__fail_composite(REEL_ERR_SHAPE, "one index an element is needed");
        return NULL;
    }
    reel_shape from = reel_shape_of(x), whole = from;
    int64_t n = 1, plane = 1;
    from.ndim = whole.ndim -= axes;
    for (int i = 0; i < axes; i++) {
        n *= from.dim[from.ndim + i];
        whole.dim[whole.ndim + i] = to[i];
        if (__builtin_mul_overflow(plane, to[i], &plane)) {
            reel__fail_composite(REEL_ERR_SHAPE, "the result is no shape of a tensor");
            return NULL;
        }
    }
    from.dim[from.ndim] = n;
    from.ndim++;
    whole.ndim += axes;
    REEL_SCOPE;
    reel_tensor *y = reel_scatter_add_at(at, reel_reshape_at(at, x, from), -1,
                                         reel_reshape_at(at, indices, from), plane);
    return reel_scope_return(reel_reshape_at(at, y, whole));
}
