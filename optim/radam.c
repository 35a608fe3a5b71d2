/* RAdam: Adam whose rate adapts once its second moment is of enough steps. */
#include "optim/optim_internal.h"

static const reel__optim_kind radam = {
    .name = "radam_new", .op = REEL_OP_radam, .moment = {"m", "v"}};

reel_optim *reel_radam_new(const reel_state *params, reel_radam_options o) {
    return reel__optim_new(
        &radam, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 1e-3),
                            .moments = 3,
                            .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                     .beta2 = reel__option(o.beta2, 0.999),
                                     .eps = reel__option(o.eps, 1e-8),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .decoupled = o.decoupled,
                                     .maximize = o.maximize}});
}
