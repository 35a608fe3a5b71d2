/* Losses of a difference that grow more slowly than its square. */
#include "nn/loss_internal.h"

reel_tensor *reel_l1_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                             reel_reduction r) {
    REEL__COMPOSITE(.name = "l1_loss", .at = at, .in = {y, target}, .given = 2,
                    .called = reel__loss_called);
    if (reel__loss_check(&composite, r) != REEL_OK) return NULL;
    REEL_SCOPE;
    return reel__loss_reduce(at, reel__loss_abs(at, reel_sub_at(at, y, target)), r);
}

/* Huber's: d^2 / 2 where |d| < delta, else delta (|d| - delta / 2); all of it by `scale`. What is
 * squared is 0 where the line is chosen: of an infinite d the gradient would be 0 inf. */
static reel_tensor *huber(const char *at, reel_tensor *d, double delta, double scale) {
    const reel_device device = reel_device_of(d);
    reel_tensor *zero = reel_full_at(at, REEL_SCALAR, 0.0, reel_dtype_of(d), device);
    reel_tensor *bound = reel_full_at(at, REEL_SCALAR, delta, reel_dtype_of(d), device);
    reel_tensor *size = reel__loss_abs(at, d), *large = reel_ge_at(at, size, bound); /* not NaN */
    reel_tensor *square = reel_square_at(at, reel_where_at(at, large, zero, d));
    reel_tensor *line = reel_affine_at(at, size, delta * scale, -0.5 * delta * delta * scale);
    return reel_where_at(at, large, line, reel_affine_at(at, square, 0.5 * scale, 0.0));
}

reel_tensor *reel_huber_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                reel_huber_options options) {
    REEL__COMPOSITE(.name = "huber_loss", .at = at, .in = {y, target}, .given = 2,
                    .called = reel__loss_called);
    const double delta = reel__option(options.delta, 1.0);
    if (reel__loss_check(&composite, options.reduction) != REEL_OK ||
        reel__loss_positive("delta", delta) != REEL_OK)
        return NULL;
    REEL_SCOPE;
    reel_tensor *loss = huber(at, reel_sub_at(at, y, target), delta, 1.0);
    return reel__loss_reduce(at, loss, options.reduction);
}

reel_tensor *reel_smooth_l1_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                    reel_smooth_l1_options options) {
    REEL__COMPOSITE(.name = "smooth_l1_loss", .at = at, .in = {y, target}, .given = 2,
                    .called = reel__loss_called);
    const double beta = reel__option(options.beta, 1.0);
    if (reel__loss_check(&composite, options.reduction) != REEL_OK ||
        reel__loss_not_negative("beta", beta) != REEL_OK)
        return NULL;
    REEL_SCOPE;
    reel_tensor *d = reel_sub_at(at, y, target);
    reel_tensor *loss = beta > 0.0 ? huber(at, d, beta, 1.0 / beta) : reel__loss_abs(at, d);
    return reel__loss_reduce(at, loss, options.reduction);
}
