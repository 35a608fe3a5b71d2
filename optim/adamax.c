/* Adamax: Adam by the largest gradient instead of the mean square. */
#include "optim/optim_internal.h"

static const reel__optim_kind adamax = {
    .name = "adamax_new", .op = REEL_OP_adamax, .moment = {"m", "u"}};

reel_optim *reel_adamax_new(const reel_state *params, reel_adamax_options o) {
    return reel__optim_new(
        &adamax, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 2e-3),
                            .moments = 3,
                            .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                     .beta2 = reel__option(o.beta2, 0.999),
                                     .eps = reel__option(o.eps, 1e-8),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .maximize = o.maximize}});
}
