/* The shape rules of standardize and of its gradient. */
#include "tensor/ops/shape_rules_internal.h"

/* How many statistics of each kind there are; -1, and a failure kept, where x is not of the sizes
 * that the call was told. */
static int64_t statistics_of(const reel__call *c, const reel_tensor *x) {
    const int64_t size[] = {c->with.norm.outer, c->with.norm.groups, c->with.norm.channels,
                            c->with.norm.inner};
    int64_t all = 1;
    bool fits = true;
    for (int i = 0; i < 4; i++)
        fits = fits && size[i] >= 0 && !__builtin_mul_overflow(all, size[i], &all);
    if (!fits || all != reel_numel(x) || (c->with.norm.across && size[1] != 1)) {
        reel__fail_call(REEL_ERR_SHAPE, c, "x does not have these groups and channels");
        return -1;
    }
    return c->with.norm.across ? size[2] : size[0] * size[1];
}

static reel_status check_channels(const reel__call *c, const reel_tensor *t) {
    if (reel_shape_equal(t->layout.shape, reel_shape(c->with.norm.groups * c->with.norm.channels)))
        return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "one weight and bias a channel is needed");
}

reel_status reel__rule_standardize(const reel__call *c, reel__layout *out) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    const int64_t statistics = statistics_of(c, c->in[0]);
    if (statistics < 0) return reel_error_status();
    for (int i = 1; i < c->nin; i++) REEL_TRY(check_channels(c, c->in[i]));
    out[0].dtype = dtype;
    out[0].shape = c->in[0]->layout.shape;
    out[1].dtype = out[2].dtype = reel__compute_dtype(c->op, dtype);
    out[1].shape = out[2].shape = reel_shape(statistics);
    return REEL_OK;
}

/* Of g, x, mean, var and, if there is one, weight. */
reel_status reel__rule_standardize_grad(const reel__call *c, reel__layout *out) {
    const int64_t statistics = statistics_of(c, c->in[1]);
    int64_t all = reel_numel(c->in[1]);
    if (statistics < 0) return reel_error_status();
    if (!reel_shape_equal(c->in[0]->layout.shape, c->in[1]->layout.shape) ||
        !reel_shape_equal(c->in[2]->layout.shape, reel_shape(statistics)) ||
        !reel_shape_equal(c->in[3]->layout.shape, reel_shape(statistics)))
        return reel__fail_call(REEL_ERR_SHAPE, c, "shapes do not belong together");
    if (c->nin > 4) REEL_TRY(check_channels(c, c->in[4]));
    for (int i = 0; i < c->with.norm.affine; i++)
        if (__builtin_add_overflow(all, c->with.norm.groups * c->with.norm.channels, &all))
            return reel__fail_call(REEL_ERR_SHAPE, c, "the result is no shape of a tensor");
    out->dtype = c->in[1]->layout.dtype;
    out->shape = reel_shape(all);
    return REEL_OK;
}

/* In place: nothing is made. */
reel_status reel__rule_track_statistics(const reel__call *c, reel__layout *out) {
    (void)out;
    for (int i = 1; i < 4; i++)
        if (!reel_shape_equal(c->in[i]->layout.shape, c->in[0]->layout.shape))
            return reel__fail_call(REEL_ERR_SHAPE, c, "shapes differ");
    if (reel_numel(c->in[4]) == 1) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "the count is one number");
}
