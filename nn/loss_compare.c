/* Losses of a pair: two distributions, two vectors. */
#include "nn/loss_internal.h"

#include "tensor/tensor_internal.h"

#include <math.h>

/* ---- Kullback and Leibler ---- */

/* t (ln t - x), where 0 ln 0 = 0: ln of 1 in t's place, and its gradient then is finite too. */
static reel_tensor *kl_of_probabilities(const char *at, reel_tensor *x, reel_tensor *t) {
    reel_tensor *one = reel_full_at(at, REEL_SCALAR, 1.0, reel_dtype_of(t), reel_device_of(t));
    reel_tensor *above = reel__loss_where(at, t, one);
    reel_tensor *below = reel__loss_where(at, reel_neg_at(at, t), one);
    reel_tensor *is_zero = reel_affine_at(at, reel_add_at(at, above, below), -1.0, 1.0);
    reel_tensor *ln = reel_log_at(at, reel_add_at(at, t, is_zero));
    return reel_mul_at(at, t, reel_sub_at(at, ln, x));
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
        loss = reel_mul_at(at, reel_exp_at(at, target), reel_sub_at(at, target, x));
    else
        loss = kl_of_probabilities(at, x, target);
    loss = reel__loss_reduce(at, loss, options.reduction);
    return loss;
}

/* ---- cosine ---- */

static reel_tensor *dot(const char *at, reel_tensor *x, reel_tensor *y) {
    return reel_sum_at(at, reel_mul_at(at, x, y), reel_axes(1), false);
}

/* sqrt(|x|^2 + 1e-12): with a gradient at 0 */
static reel_tensor *norm(const char *at, reel_tensor *x) {
    reel_tensor *square = reel_sum_at(at, reel_square_at(at, x), reel_axes(1), false);
    return reel_sqrt_at(at, reel_affine_at(at, square, 1.0, 1e-12));
}

/* 1 - c for pairs that belong together, max(0, c - margin) for others. */
static reel_tensor *cosine_embedding(const char *at, reel_tensor *x, reel_tensor *y,
                                     reel_tensor *target, double margin) {
    reel_tensor *norms = reel_mul_at(at, norm(at, x), norm(at, y));
    reel_tensor *c = reel_div_at(at, dot(at, x, y), norms);
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
    if (!(fabs(options.margin) <= 1.0)) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "margin must lie in [-1, 1], not %g",
                             options.margin);
        return NULL;
    }
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    loss = cosine_embedding(at, x, y, target, options.margin);
    loss = reel__loss_reduce(at, loss, options.reduction);
    return loss;
}
