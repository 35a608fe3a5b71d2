/* Losses of one class out of several: negative log-likelihood and cross-entropy. */
#include "nn/loss_internal.h"

#include "tensor/ops_internal.h"

/* What both losses are told; probabilities instead of classes are cross-entropy's alone. */
typedef struct {
    const char *what;
    reel_reduction reduction;
    reel_tensor *weight;
    bool probabilities, says_ignored;
    int64_t ignored;
    double smoothing;
} terms;

#define IGNORED (-100) /* PyTorch's default */

/* ---- checks ---- */

/* x[N,C,...], and target[N,...] or, of probabilities, of x's shape. */
static bool belong_together(const terms *t, reel_tensor *x, reel_tensor *target) {
    reel_shape s = reel_shape_of(x);
    if (s.ndim < 2) return false;
    if (!t->probabilities) {
        for (int i = 1; i < s.ndim - 1; i++) s.dim[i] = s.dim[i + 1];
        s.ndim--;
    }
    return reel_shape_equal(s, reel_shape_of(target));
}

static reel_status check_weight(const char *at, const terms *t, reel_tensor *x) {
    const reel_tensor *w = t->weight;
    if (!w) return REEL_OK;
    if (reel_is_tracked(w))
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: a weight has no gradient: detach it", t->what);
    if (reel_ndim(w) == 1 && reel_dim(w, 0) == reel_dim(x, 1)) return REEL_OK;
    char shape[192];
    reel__shape_text(shape, sizeof shape, reel_shape_of(w));
    return reel_fail(REEL_ERR_SHAPE, at, "%s: weight needs one axis of %lld classes: %s", t->what,
                     (long long)reel_dim(x, 1), shape);
}

static reel_status check(const char *at, const terms *t, reel_tensor *x, reel_tensor *target) {
    if (!x || !target)
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no %s", t->what, x ? "target" : "y");
    REEL_TRY(reel__loss_check_reduction(t->what, at, t->reduction));
    if (!belong_together(t, x, target))
        return reel__loss_differ(t->what, at, REEL_ERR_SHAPE, x, target);
    return check_weight(at, t, x);
}

static reel_status check_options(const char *at, const terms *t, reel_tensor *x,
                                 reel_tensor *target) {
    if (!(t->smoothing >= 0.0 && t->smoothing <= 1.0))
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: label_smoothing must lie in [0, 1]: %g",
                         t->what, t->smoothing);
    if (!t->probabilities) return REEL_OK;
    if (t->says_ignored)
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: of probabilities none is ignored", t->what);
    if (reel_dtype_of(x) == reel_dtype_of(target)) return REEL_OK;
    return reel__loss_differ(t->what, at, REEL_ERR_DTYPE, x, target);
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
    const bool says_ignored = options.ignore_index != 0 || options.ignore_zero;
    const terms t = {.what = "nll_loss",
                     .reduction = options.reduction,
                     .weight = options.weight,
                     .ignored = says_ignored ? options.ignore_index : IGNORED};
    if (check(at, &t, x, target) != REEL_OK) return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    loss = of_classes(at, &t, x, target);
    return loss;
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
    const bool says_ignored = options.ignore_index != 0 || options.ignore_zero;
    const terms t = {.what = "cross_entropy_loss",
                     .reduction = options.reduction,
                     .weight = options.weight,
                     .probabilities = reel_dtype_is_float(reel_dtype_of(target)),
                     .says_ignored = says_ignored,
                     .ignored = says_ignored ? options.ignore_index : IGNORED,
                     .smoothing = options.label_smoothing};
    if (check(at, &t, x, target) != REEL_OK || check_options(at, &t, x, target) != REEL_OK)
        return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    reel_tensor *logs = reel_log_softmax_at(at, x, 1);
    loss =
        t.probabilities ? of_probabilities(at, &t, logs, target) : of_classes(at, &t, logs, target);
    return loss;
}
