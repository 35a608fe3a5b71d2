/* ASGD: SGD whose rate falls, and the mean of the parameters beside it. */
#include "optim/optim_internal.h"

static const reel__optim_kind asgd = {.name = "asgd_new", .op = REEL_OP_asgd, .moment = {"mean"}};

reel_optim *reel_asgd_new(const reel_state *params, reel_asgd_options o) {
    return reel__optim_new(
        &asgd, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 1e-2),
                            .moments = 1,
                            .rule = {.lambd = reel__option(o.lambd, 1e-4),
                                     .alpha = reel__option(o.alpha, 0.75),
                                     .t0 = reel__option(o.t0, 1e6),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .maximize = o.maximize}});
}
