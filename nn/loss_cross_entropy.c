/* Losses of one class out of several: negative log-likelihood and cross-entropy. */
#include "nn/loss_internal.h"

#include "tensor/core/handles_internal.h"
#include "tensor/ops/ops_internal.h"

/* What both losses are told; probabilities instead of classes are cross-entropy's alone. */
typedef struct {
    reel_reduction reduction;
    reel_tensor *weight;
    bool may_be_probabilities, probabilities, says_ignored;
    int64_t ignored;
    double smoothing;
} terms;

#define IGNORED (-100) /* PyTorch's default */
static const char *const called[] = {"x", "target", "weight"};

/* ---- checks ---- */

static bool is_without(reel_shape s, int axis, reel_shape shape) {
    for (int i = axis; i < s.ndim - 1; i++) s.dim[i] = s.dim[i + 1];
    s.ndim--;
    return reel_shape_equal(s, shape);
}

/* x[N,C,...], and target[N,...] of classes, or of x's shape of probabilities. What else is given is
 * most often one of a few mistakes. */
static reel_status check_target(const terms *t, const reel_tensor *x, const reel_tensor *target) {
    const reel_shape s = reel_shape_of(x), shape = reel_shape_of(target);
    const bool is_class = reel_dtype_of(target) == REEL_I64, like_x = reel_shape_equal(s, shape);
    if (s.ndim < 2)
        return reel__fail_composite(REEL_ERR_SHAPE, "classes are axis 1 of the first, which has %d",
                                    s.ndim);
    if (like_x && t->probabilities) return REEL_OK;
    if (like_x && t->may_be_probabilities)
        return reel__fail_composite(REEL_ERR_DTYPE,
                                    "a target for each class is a probability, and a float: cast "
                                    "it, or give classes, i64 without axis 1");
    if (is_without(s, 1, shape))
        return is_class ? REEL_OK
                        : reel__fail_composite(REEL_ERR_DTYPE, "classes are i64: cast the target");
    if (is_without(s, s.ndim - 1, shape))
        return reel__fail_composite(is_class ? REEL_ERR_SHAPE : REEL_ERR_DTYPE,
                                    "classes are axis 1 of the first, not its last: permute it%s",
                                    is_class ? "" : ", and cast the target to i64");
    return reel__fail_composite(REEL_ERR_SHAPE, "the target's shape is not the first's without "
                                                "axis 1, the classes");
}

static reel_status check_weight(const reel__composite *c, const terms *t) {
    const reel_tensor *x = c->in[0], *w = t->weight;
    if (!w) return REEL_OK;
    if (reel_is_tracked(w))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "a weight has no gradient: detach it");
    if (reel_ndim(w) == 1 && reel_dim(w, 0) == reel_dim(x, 1)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "weight needs one axis of %lld classes",
                                (long long)reel_dim(x, 1));
}

static reel_status check(const reel__composite *c, const terms *t) {
    REEL_TRY(reel__loss_check_reduction(c, t->reduction));
    REEL_TRY(check_target(t, c->in[0], c->in[1]));
    if (!reel_dtype_is_float(reel_dtype_of(c->in[0])))
        return reel__fail_composite(REEL_ERR_DTYPE, "takes f32 or f64");
    return check_weight(c, t);
}

static reel_status check_options(const terms *t, const reel_tensor *x, const reel_tensor *target) {
    if (!(t->smoothing >= 0.0 && t->smoothing <= 1.0))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "label_smoothing must lie in [0, 1], not %g",
                                    t->smoothing);
    if (!t->probabilities) return REEL_OK;
    if (t->says_ignored)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "of probabilities none is ignored");
    if (reel_dtype_of(x) == reel_dtype_of(target)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_DTYPE, "dtypes differ");
}

/* ---- classes ---- */

/* 1 for each class, in the memory of one. */
static reel_tensor *equal_weights(const char *at, reel_tensor *x) {
    reel_tensor *one = reel_full_at(at, REEL_SCALAR, 1.0, reel_dtype_of(x), reel_device_of(x));
    return reel_expand_at(at, one, reel_shape(reel_dim(x, 1)));
}

/* weight[C] x[N,C,...], by class. */
static reel_tensor *weighted(const char *at, reel_tensor *x, reel_tensor *weight) {
    reel_shape s = {reel_ndim(x) - 1, {reel_numel(weight)}};
    for (int i = 1; i < s.ndim; i++) s.dim[i] = 1;
    return reel__weigh(at, reel_reshape_at(at, weight, s), x);
}

/* The sum over classes of weight x, less where the target is ignored: x may be infinite there. */
static reel_tensor *sum_of_classes(const char *at, const terms *t, reel_tensor *x,
                                   reel_tensor *weight, reel_tensor *target, reel_tensor *taken) {
    if (t->weight) { /* what was taken was weighted */
        reel__nll(at, reel_detach_at(at, x), equal_weights(at, x), target, t->ignored, &taken);
        x = weighted(at, x, weight);
    }
    return reel__loss_where(at, taken, reel_sum_at(at, x, reel_axes(1), false));
}

/* x are log-probabilities. */
static reel_tensor *of_classes(const char *at, const terms *t, reel_tensor *x,
                               reel_tensor *target) {
    reel_tensor *weight = t->weight ? t->weight : equal_weights(at, x), *taken;
    reel_tensor *loss = reel__nll(at, x, weight, target, t->ignored, &taken);
    if (t->smoothing > 0.0) {
        reel_tensor *all = sum_of_classes(at, t, x, weight, target, taken);
        const double share = t->smoothing / (double)reel_dim(x, 1);
        loss = reel_add_at(at, reel_affine_at(at, loss, 1.0 - t->smoothing, 0.0),
                           reel_affine_at(at, all, -share, 0.0));
    }
    if (t->reduction != REEL_MEAN) return reel__loss_reduce(at, loss, t->reduction);
    loss = reel_div_at(at, reel_sum_at(at, loss, REEL_SCALAR, false),
                       reel_sum_at(at, taken, REEL_SCALAR, false));
    return reel_scope_return(loss);
}

reel_tensor *reel_nll_loss_at(const char *at, reel_tensor *x, reel_tensor *target,
                              reel_nll_options options) {
    REEL__COMPOSITE(.name = "nll_loss", .at = at, .in = {x, target, options.weight}, .given = 2,
                    .called = called);
    const terms t = {.reduction = options.reduction,
                     .weight = options.weight,
                     .ignored = reel__option_int(options.ignore_index, IGNORED)};
    if (check(&composite, &t) != REEL_OK) return NULL;
    REEL_SCOPE;
    return of_classes(at, &t, x, target);
}

/* ---- cross-entropy ---- */

static reel_tensor *of_probabilities(const char *at, const terms *t, reel_tensor *x,
                                     reel_tensor *target) {
    if (t->smoothing > 0.0)
        target =
            reel_affine_at(at, target, 1.0 - t->smoothing, t->smoothing / (double)reel_dim(x, 1));
    reel_tensor *loss = reel__weigh(at, target, x);
    if (t->weight) loss = weighted(at, loss, t->weight);
    loss = reel_neg_at(at, reel_sum_at(at, loss, reel_axes(1), false));
    return reel__loss_reduce(at, loss, t->reduction);
}

reel_tensor *reel_cross_entropy_loss_at(const char *at, reel_tensor *x, reel_tensor *target,
                                        reel_cross_entropy_options options) {
    REEL__COMPOSITE(.name = "cross_entropy_loss", .at = at, .in = {x, target, options.weight},
                    .given = 2, .called = called);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const terms t = {.reduction = options.reduction,
                     .weight = options.weight,
                     .may_be_probabilities = true,
                     .probabilities = reel_dtype_is_float(reel_dtype_of(target)),
                     .says_ignored = options.ignore_index != 0,
                     .ignored = reel__option_int(options.ignore_index, IGNORED),
                     .smoothing = reel__option(options.label_smoothing, 0.0)};
    if (check(&composite, &t) != REEL_OK || check_options(&t, x, target) != REEL_OK) return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    reel_tensor *logs = reel_log_softmax_at(at, x, 1);
    loss =
        t.probabilities ? of_probabilities(at, &t, logs, target) : of_classes(at, &t, logs, target);
    return loss;
}
