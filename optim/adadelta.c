/* Adadelta: steps in the unit of the parameter, from the steps before. */
#include "optim/optim_internal.h"

static const reel__optim_kind adadelta = {
    .name = "adadelta_new", .op = REEL_OP_adadelta, .moment = {"v", "u"}};

reel_optim *reel_adadelta_new(const reel_state *params, reel_adadelta_options o) {
    return reel__optim_new(
        &adadelta, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 1.0),
                            .moments = 3,
                            .rule = {.rho = reel__option(o.rho, 0.9),
                                     .eps = reel__option(o.eps, 1e-6),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .maximize = o.maximize}});
}
