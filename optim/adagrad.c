/* Adagrad: by the root of the sum of squares. */
#include "optim/optim_internal.h"

static const reel__optim_kind adagrad = {
    .name = "adagrad_new", .op = REEL_OP_adagrad, .moment = {"v"}};

reel_optim *reel_adagrad_new(const reel_state *params, reel_adagrad_options o) {
    return reel__optim_new(
        &adagrad, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 1e-2),
                            .moments = 1,
                            .moment_start = reel__option(o.initial_accumulator_value, 0.0),
                            .rule = {.lr_decay = reel__option(o.lr_decay, 0.0),
                                     .eps = reel__option(o.eps, 1e-10),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .maximize = o.maximize}});
}
