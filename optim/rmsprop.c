/* RMSprop: by the root of the mean square, or of the variance, with momentum or without. */
#include "optim/optim_internal.h"

static const reel__optim_kind rmsprop = {
    .name = "rmsprop_new", .op = REEL_OP_rmsprop, .moment = {"v", "m", "b"}};

reel_optim *reel_rmsprop_new(const reel_state *params, reel_rmsprop_options o) {
    const double alpha = reel__option(o.alpha, 0.99), momentum = reel__option(o.momentum, 0.0);
    if (reel__optim_check_below_one(rmsprop.name, "alpha", alpha) != REEL_OK) return NULL;
    return reel__optim_new(
        &rmsprop, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 1e-2),
                            .moments = 1u | (o.centered ? 2 : 0) | (momentum != 0.0 ? 4 : 0),
                            .rule = {.alpha = alpha,
                                     .eps = reel__option(o.eps, 1e-8),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .momentum = momentum,
                                     .maximize = o.maximize}});
}
