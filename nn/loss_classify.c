/* Losses of a class: by its margin, its logit. */
#include "nn/loss_internal.h"

#include "tensor/ops/ops_internal.h"

reel_tensor *reel_hinge_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                reel_hinge_options options) {
    REEL__COMPOSITE(.name = "hinge_loss", .at = at, .in = {y, target}, .given = 2,
                    .called = reel__loss_called);
    const double margin = reel__option(options.margin, 1.0);
    if (reel__loss_check(&composite, options.reduction) != REEL_OK ||
        reel__loss_not_negative("margin", margin) != REEL_OK)
        return NULL;
    REEL_SCOPE;
    reel_tensor *loss = reel_affine_at(at, reel_mul_at(at, y, target), -1.0, margin);
    return reel__loss_reduce(at, reel_relu_at(at, loss), options.reduction);
}

/* ---- binary cross-entropy of logits ---- */

/* ln(1 + e) for e in [0, 1]: what 1 + e rounds away is put back. */
static reel_tensor *log_one_plus(const char *at, reel_tensor *e) {
    reel_tensor *u = reel_affine_at(at, e, 1.0, 1.0);
    reel_tensor *lost = reel_sub_at(at, e, reel_affine_at(at, u, 1.0, -1.0));
    return reel_add_at(at, reel_log_at(at, u), reel_div_at(at, lost, u));
}

/* With h = [x > 0], a constant, each term is smooth, so that the gradient at 0 is the formula's:
 *     z = (p t + 1 - t) ln(1 + e^-|x|) + (h (1 - t) - (1 - h) p t) x,   |x| = (2h - 1) x
 * For t in [0, 1] nothing cancels, in z or in its gradient. */
static reel_tensor *bce_with_logits(const char *at, reel_tensor *x, reel_tensor *t,
                                    reel_tensor *pos_weight) {
    const reel_dtype dtype = reel_dtype_of(x);
    const reel_device device = reel_device_of(x);
    reel_tensor *one = reel_full_at(at, REEL_SCALAR, 1.0, dtype, device);
    reel_tensor *h = reel__loss_where(at, reel_detach_at(at, x), one);
    reel_tensor *yes = pos_weight ? reel_mul_at(at, t, pos_weight) : t;
    reel_tensor *no = reel_affine_at(at, t, -1.0, 1.0);
    reel_tensor *minus_size = reel_mul_at(at, x, reel_affine_at(at, h, -2.0, 1.0));
    reel_tensor *tail = log_one_plus(at, reel_exp_at(at, minus_size));
    if (pos_weight) tail = reel_mul_at(at, tail, reel_add_at(at, yes, no));
    reel_tensor *slope = reel_sub_at(at, reel_mul_at(at, h, no),
                                     reel_mul_at(at, reel_affine_at(at, h, -1.0, 1.0), yes));
    return reel_add_at(at, tail, reel__weigh(at, slope, x));
}

reel_tensor *reel_bce_with_logits_loss_at(const char *at, reel_tensor *x, reel_tensor *target,
                                          reel_bce_with_logits_options options) {
    static const char *const called[] = {"x", "target", "weight", "pos_weight"};
    REEL__COMPOSITE(.name = "bce_with_logits_loss", .at = at,
                    .in = {x, target, options.weight, options.pos_weight}, .given = 2,
                    .called = called);
    if (reel__loss_check(&composite, options.reduction) != REEL_OK) return NULL;
    REEL_SCOPE;
    reel_tensor *loss = bce_with_logits(at, x, target, options.pos_weight);
    if (options.weight) loss = reel__weigh(at, options.weight, loss);
    if (loss && !reel_shape_equal(reel_shape_of(loss), reel_shape_of(x))) {
        reel__fail_composite(REEL_ERR_SHAPE, "a weight does not broadcast to the first's shape");
        loss = NULL;
    }
    return reel__loss_reduce(at, loss, options.reduction);
}
