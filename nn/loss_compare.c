/* Losses of a pair: two distributions, two vectors. */
#include "nn/loss_internal.h"

#include "tensor/ops/ops_internal.h"

#include <math.h>

/* ---- Kullback and Leibler ---- */

static reel_tensor *number(const char *at, double value, const reel_tensor *like) {
    return reel_full_at(at, REEL_SCALAR, value, reel_dtype_of(like), reel_device_of(like));
}

/* t (ln t - x), where 0 ln 0 = 0. No logarithm of 0 is taken, whose own slope would be infinite. */
static reel_tensor *kl_of_probabilities(const char *at, reel_tensor *x, reel_tensor *t) {
    reel_tensor *is_zero = reel_eq_at(at, t, number(at, 0.0, t));
    reel_tensor *ln = reel_log_at(at, reel_where_at(at, is_zero, number(at, 1.0, t), t));
    ln = reel_where_at(at, is_zero, number(at, -INFINITY, t), ln);
    return reel__weigh(at, t, reel_sub_at(at, ln, x));
}

/* e^t (t - x), 0 where t is ln 0. */
static reel_tensor *kl_of_logs(const char *at, reel_tensor *x, reel_tensor *t) {
    reel_tensor *zero = number(at, 0.0, t);
    reel_tensor *is_none = reel_eq_at(at, t, number(at, -INFINITY, t));
    reel_tensor *p = reel_exp_at(at, reel_where_at(at, is_none, zero, t));
    return reel__weigh(at, reel_where_at(at, is_none, zero, p), reel_sub_at(at, t, x));
}

reel_tensor *reel_kl_div_loss_at(const char *at, reel_tensor *x, reel_tensor *target,
                                 reel_kl_div_options options) {
    static const char *const called[] = {"x", "target"};
    REEL__COMPOSITE(.name = "kl_div_loss", .at = at, .in = {x, target}, .given = 2,
                    .called = called);
    if (reel__loss_check(&composite, options.reduction) != REEL_OK) return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    if (options.log_target)
        loss = kl_of_logs(at, x, target);
    else
        loss = kl_of_probabilities(at, x, target);
    return reel__loss_reduce(at, loss, options.reduction);
}

/* ---- cosine ---- */

static reel_tensor *dot(const char *at, reel_tensor *x, reel_tensor *y) {
    return reel_sum_at(at, reel_mul_at(at, x, y), reel_axes(1), false);
}

/* x over sqrt(|x|^2 + 1e-12), the norm of x[b] with 1e-6 beside it: no square of x is made, which
 * might overflow. */
static reel_tensor *direction(const char *at, reel_tensor *x) {
    reel_tensor *beside =
        reel_full_at(at, reel_shape(reel_dim(x, 0), 1), 1e-6, reel_dtype_of(x), reel_device_of(x));
    reel_tensor *longer = reel_concat_at(at, (reel_tensor *[]){x, beside}, 2, 1);
    return reel_div_at(at, x, reel_norm_at(at, longer, 2, reel_axes(1), true));
}

/* 1 - c for pairs that belong together, max(0, c - margin) for others. */
static reel_tensor *cosine_embedding(const char *at, reel_tensor *x, reel_tensor *y,
                                     reel_tensor *target, double margin) {
    reel_tensor *c = dot(at, direction(at, x), direction(at, y));
    reel_tensor *alike = reel__loss_where(at, target, reel_affine_at(at, c, -1.0, 1.0));
    reel_tensor *apart = reel_relu_at(at, reel_affine_at(at, c, 1.0, -margin));
    return reel_add_at(at, alike, reel__loss_where(at, reel_neg_at(at, target), apart));
}

static reel_status check_pairs(const reel_tensor *x, const reel_tensor *target) {
    if (reel_dtype_of(x) != reel_dtype_of(target))
        return reel__fail_composite(REEL_ERR_DTYPE, "dtypes differ");
    if (reel_ndim(x) == 2 && reel_ndim(target) == 1 && reel_dim(x, 0) == reel_dim(target, 0))
        return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "wants x[B, D], y[B, D] and target[B]");
}

reel_tensor *reel_cosine_embedding_loss_at(const char *at, reel_tensor *x, reel_tensor *y,
                                           reel_tensor *target,
                                           reel_cosine_embedding_options options) {
    static const char *const called[] = {"x", "y", "target"};
    REEL__COMPOSITE(.name = "cosine_embedding_loss", .at = at, .in = {x, y, target}, .given = 3,
                    .called = called);
    if (reel__loss_check(&composite, options.reduction) != REEL_OK ||
        check_pairs(x, target) != REEL_OK)
        return NULL;
    const double margin = reel__option(options.margin, 0.0);
    if (!(fabs(margin) <= 1.0)) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "margin must lie in [-1, 1], not %g", margin);
        return NULL;
    }
    REEL_SCOPE;
    reel_tensor *loss = cosine_embedding(at, x, y, target, margin);
    return reel__loss_reduce(at, loss, options.reduction);
}
