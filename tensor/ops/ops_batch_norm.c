/* Normalizations that keep statistics of what went by: of batches, of instances. */
#include "tensor/normalization.h"

#include "tensor/ops/norm_internal.h"

#include <inttypes.h>
#include <math.h>

static bool is_half(const reel_tensor *t) {
    return t && (reel_dtype_of(t) == REEL_F16 || reel_dtype_of(t) == REEL_BF16);
}

static reel_tensor *cast(const char *at, reel_tensor *t, reel_dtype dtype) {
    return !t || reel_dtype_of(t) == dtype ? t : reel_cast_at(at, t, dtype);
}

/* ---- checks ---- */

/* A count on the CPU, where that costs no wait. */
static reel_status check_tracked(const reel_tensor *count, bool moves) {
    if (reel_dtype_of(count) != REEL_I64 || reel_numel(count) != 1)
        return reel__fail_composite(REEL_ERR_DTYPE, "num_batches_tracked must be one i64");
    if (!moves || reel_device_of(count).type != REEL_CPU) return REEL_OK;
    const int64_t n = *(const int64_t *)reel__data(count);
    if (n >= 0) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "num_batches_tracked is below 0: %" PRId64, n);
}

static reel_status check_running(const reel__composite *c, const reel_running_options *o,
                                 bool given) {
    const reel_tensor *mean = o->running_mean, *var = o->running_var;
    const int64_t channels = reel_dim(c->in[0], 1);
    if (!mean != !var)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "running_mean and running_var go together");
    if (!mean && !given)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "running statistics are needed");
    if (mean && (!reel_shape_equal(reel_shape_of(mean), reel_shape(channels)) ||
                 !reel_shape_equal(reel_shape_of(var), reel_shape(channels))))
        return reel__fail_composite(REEL_ERR_SHAPE, "running statistics must be of [%" PRId64 "]",
                                    channels);
    if (mean &&
        (!reel_dtype_is_float(reel_dtype_of(mean)) || !reel_dtype_is_float(reel_dtype_of(var))))
        return reel__fail_composite(REEL_ERR_DTYPE, "running statistics must be floats");
    if (o->num_batches_tracked) REEL_TRY(check_tracked(o->num_batches_tracked, given));
    if (o->cumulative && !o->num_batches_tracked)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "cumulative without num_batches_tracked");
    if (isfinite(o->momentum)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "momentum must be finite: %g", o->momentum);
}

/* given: statistics are those of x. */
static reel_status check(const reel__composite *c, const reel_running_options *o, bool given,
                         int least) {
    const reel_tensor *x = c->in[0];
    if (!reel__composite_is_whole(c)) return reel_error_status();
    if (reel_ndim(x) < least)
        return reel__fail_composite(REEL_ERR_SHAPE, "takes %d axes or more", least);
    if (!reel_dtype_is_float(reel_dtype_of(x)))
        return reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
    return check_running(c, o, given);
}

/* x in f32, where it is f16 or bf16 and what comes with it is not. */
static reel_tensor *beside(const char *at, reel_tensor *x, const reel_tensor *weight,
                           const reel_tensor *bias) {
    const bool apart = (weight && !is_half(weight)) || (bias && !is_half(bias));
    return is_half(x) && apart ? reel_cast_at(at, x, REEL_F32) : x;
}

static reel__with with_of(const reel_tensor *x, double eps) {
    const reel_shape s = reel_shape_of(x);
    reel__with with = {
        .norm = {.outer = s.dim[0], .groups = 1, .channels = s.dim[1], .inner = 1, .eps = eps}};
    for (int i = 2; i < s.ndim; i++) with.norm.inner *= s.dim[i];
    return with;
}

/* ---- running statistics ---- */

reel_status reel__track_statistics(const char *at, reel_tensor *running_mean,
                                   reel_tensor *running_var, reel_tensor *mean, reel_tensor *var,
                                   reel_tensor *count, const reel__with *with) {
    reel__call c = {.op = REEL_OP_track_statistics,
                    .at = at,
                    .nin = 5,
                    .in = {running_mean, running_var, mean, var, count},
                    .with = *with};
    REEL_TRY(reel__dispatch(&c));
    reel_tensor *const changed[] = {running_mean, running_var, count};
    for (int i = 0; i < 3; i++)
        atomic_fetch_add_explicit(&changed[i]->storage->version, 1, memory_order_relaxed);
    return REEL_OK;
}

/* As the op has them: none of f16 or bf16, none that lies scattered. */
static bool are_plain(const reel_tensor *running, const reel_tensor *value) {
    return reel_dtype_of(running) == reel_dtype_of(value) && !is_half(running) &&
           reel_is_contiguous(running) && reel_is_contiguous(value);
}

/* running = (1 - share) running + share factor value, where share is a tensor or a number */
static void move(const char *at, reel_tensor *running, reel_tensor *value, double factor,
                 reel_tensor *share, double momentum) {
    const reel_dtype dtype = is_half(running) ? REEL_F32 : reel_dtype_of(running);
    reel_tensor *before = cast(at, running, dtype);
    reel_tensor *step = reel_affine_at(at, cast(at, value, dtype), factor, 0);
    step = reel_sub_at(at, step, before);
    if (share)
        step = reel_mul_at(at, step, cast(at, share, dtype));
    else
        step = reel_affine_at(at, step, momentum, 0);
    reel_copy_at_(at, running, cast(at, reel_add_at(at, before, step), reel_dtype_of(running)));
}

static void count_one(const char *at, reel_tensor *counter) {
    reel_tensor *one =
        reel_full_at(at, reel_shape_of(counter), 1, REEL_I64, reel_device_of(counter));
    reel_copy_at_(at, counter, reel_add_at(at, counter, one));
}

static void move_each(const char *at, const reel_running_options *o, reel_tensor *mean,
                      reel_tensor *var, reel_tensor *counter, const reel__with *with) {
    reel_tensor *share = NULL;
    count_one(at, counter);
    if (with->track.cumulative) {
        share = reel_reshape_at(at, counter, REEL_SCALAR);
        share = reel_reciprocal_at(at, reel_cast_at(at, share, REEL_F64));
    }
    move(at, o->running_mean, mean, 1, share, with->track.share);
    move(at, o->running_var, var, with->track.factor, share, with->track.share);
}

static void move_all(const char *at, const reel_running_options *o, reel_tensor *mean,
                     reel_tensor *var, double count) {
    const reel__with with = {.track = {.share = reel__option(o->momentum, 0.1),
                                       .factor = count / (count - 1),
                                       .cumulative = o->cumulative}};
    reel_tensor *counter = o->num_batches_tracked;
    if (!o->running_mean) return;
    if (count == 0) { /* nothing to move by */
        if (counter) count_one(at, counter);
        return;
    }
    if (!counter) counter = reel_full_at(at, REEL_SCALAR, 0, REEL_I64, reel_device_of(mean));
    if (!counter) return;
    if (are_plain(o->running_mean, mean) && are_plain(o->running_var, var))
        reel__track_statistics(at, o->running_mean, o->running_var, mean, var, counter, &with);
    else
        move_each(at, o, mean, var, counter, &with);
}

/* By the mean and the biased variance of `count` values; not recorded. */
static void track(const char *at, const reel_running_options *o, reel_tensor *mean,
                  reel_tensor *var, int64_t count) {
    reel__thread *self = reel__self();
    const bool no_grad = self->no_grad;
    REEL_SCOPE;
    self->no_grad = true;
    move_all(at, o, mean, var, (double)count);
    self->no_grad = no_grad;
}

/* [C] as it lies along x[N,C,...] */
static reel_tensor *along(const char *at, reel_tensor *t, const reel_tensor *x) {
    reel_shape s = {.ndim = reel_ndim(x) - 1, .dim = {reel_dim(x, 1)}};
    for (int i = 1; i < s.ndim; i++) s.dim[i] = 1;
    return reel_reshape_at(at, t, s);
}

/* Of no values: none, from which weight and bias get a gradient of 0. */
static reel_tensor *of_nothing(const char *at, reel_tensor *x, reel_tensor *weight,
                               reel_tensor *bias) {
    reel_tensor *y = reel_affine_at(at, x, 1, 0);
    if (weight) y = reel_mul_at(at, y, along(at, weight, x));
    return bias ? reel_add_at(at, y, along(at, bias, x)) : y;
}

/* By what is running: y = x a + (bias - mean a), a = weight / sqrt(var + eps) */
static reel_tensor *by_running(const char *at, reel_tensor *x, reel_tensor *weight,
                               reel_tensor *bias, const reel_running_options *o, double eps) {
    const reel_dtype dtype = reel_dtype_of(x), wide = is_half(x) ? REEL_F32 : dtype;
    x = cast(at, x, wide);
    reel_tensor *mean = cast(at, o->running_mean, wide), *var = cast(at, o->running_var, wide);
    reel_tensor *a = reel_rsqrt_at(at, reel_affine_at(at, var, 1.0, eps));
    if (weight) a = reel_mul_at(at, a, cast(at, weight, wide));
    reel_tensor *b = reel_neg_at(at, reel_mul_at(at, mean, a));
    if (bias) b = reel_add_at(at, b, cast(at, bias, wide));
    reel_tensor *y = reel_mul_at(at, x, along(at, a, x));
    return cast(at, reel_add_at(at, y, along(at, b, x)), dtype);
}

/* ---- functions ---- */

static reel_status check_count(int64_t count) {
    if (count != 1) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "expected more than 1 value per channel when "
                                                "training");
}

reel_tensor *reel_batch_norm_at(const char *at, reel_tensor *x, reel_tensor *weight,
                                reel_tensor *bias, bool training, reel_running_options options) {
    static const char *const called[] = {"x", "weight", "bias"};
    REEL__COMPOSITE(.name = "batch_norm", .at = at, .in = {x, weight, bias}, .given = 1,
                    .called = called);
    const double eps = reel__option(options.eps, REEL__NORM_EPS);
    if (check(&composite, &options, training, 2) != REEL_OK || reel__norm_check_eps(eps) != REEL_OK)
        return NULL;
    REEL_SCOPE;
    const reel_dtype dtype = reel_dtype_of(x);
    x = beside(at, x, weight, bias);
    if (!x || reel__norm_check_affine(x, weight, bias, reel_shape(reel_dim(x, 1))) != REEL_OK)
        return NULL;
    reel_tensor *y, *mean = NULL, *var = NULL;
    if (training) {
        reel__with with = with_of(x, eps);
        const int64_t count = with.norm.outer * with.norm.inner;
        with.norm.across = true;
        if (check_count(count) != REEL_OK) return NULL;
        y = count == 0 ? of_nothing(at, x, weight, bias)
                       : reel__norm_affine(at, x, weight, bias, &with, &mean, &var);
        if (y) track(at, &options, mean, var, count);
    } else {
        y = by_running(at, x, weight, bias, &options, eps);
    }
    return y ? reel_scope_return(cast(at, y, dtype)) : NULL;
}

/* [N C] -> [C], their mean over N */
static reel_tensor *over_instances(const char *at, reel_tensor *t, int64_t n, int64_t channels) {
    return reel_mean_at(at, reel_reshape_at(at, t, reel_shape(n, channels)), reel_axes(0), false);
}

reel_tensor *reel_instance_norm_at(const char *at, reel_tensor *x, reel_tensor *weight,
                                   reel_tensor *bias, bool use_input_stats,
                                   reel_running_options options) {
    static const char *const called[] = {"x", "weight", "bias"};
    REEL__COMPOSITE(.name = "instance_norm", .at = at, .in = {x, weight, bias}, .given = 1,
                    .called = called);
    const double eps = reel__option(options.eps, REEL__NORM_EPS);
    if (check(&composite, &options, use_input_stats, 3) != REEL_OK ||
        reel__norm_check_eps(eps) != REEL_OK)
        return NULL;
    REEL_SCOPE;
    const reel_dtype dtype = reel_dtype_of(x);
    x = beside(at, x, weight, bias);
    if (!x || reel__norm_check_affine(x, weight, bias, reel_shape(reel_dim(x, 1))) != REEL_OK)
        return NULL;
    reel_tensor *y, *mean = NULL, *var = NULL;
    if (use_input_stats) {
        reel__with with = with_of(x, eps);
        with.norm.groups = with.norm.channels;
        with.norm.channels = 1;
        if (check_count(with.norm.inner) != REEL_OK) return NULL;
        const int64_t n = with.norm.outer, channels = with.norm.groups;
        y = reel_numel(x) == 0 ? of_nothing(at, x, weight, bias)
                               : reel__norm_affine(at, x, weight, bias, &with, &mean, &var);
        if (y && reel_numel(x) > 0 && (options.running_mean || options.num_batches_tracked))
            track(at, &options, over_instances(at, mean, n, channels),
                  over_instances(at, var, n, channels), with.norm.inner);
    } else {
        y = by_running(at, x, weight, bias, &options, eps);
    }
    return y ? reel_scope_return(cast(at, y, dtype)) : NULL;
}
