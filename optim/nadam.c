/* NAdam: Adam that looks ahead as Nesterov's momentum does. */
#include "optim/optim_internal.h"

static const reel__optim_kind nadam = {
    .name = "nadam_new", .op = REEL_OP_nadam, .moment = {"m", "v"}, .carry = "mu_product"};

reel_optim *reel_nadam_new(const reel_state *params, reel_nadam_options o) {
    return reel__optim_new(
        &nadam, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 2e-3),
                            .moments = 3,
                            .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                     .beta2 = reel__option(o.beta2, 0.999),
                                     .eps = reel__option(o.eps, 1e-8),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .momentum_decay = reel__option(o.momentum_decay, 4e-3),
                                     .decoupled = o.decoupled,
                                     .maximize = o.maximize}});
}
