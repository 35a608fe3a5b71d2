/* Adagrad: by the root of the sum of squares. */
#include "optim/optim_internal.h"

static const reel__optim_kind adagrad = {
    .name = "adagrad_new", .op = REEL_OP_adagrad, .moment = {"v"}};

reel_optim *reel_adagrad_new(const reel_state *params, reel_adagrad_options o) {
    return reel__optim_new(&adagrad, params,
                           (reel__optim_setup){.lr = reel__or_default(o.lr, 1e-2),
                                               .moments = 1,
                                               .moment_start = o.initial_accumulator_value,
                                               .rule = {.lr_decay = o.lr_decay,
                                                        .eps = reel__or_default(o.eps, 1e-10),
                                                        .weight_decay = o.weight_decay,
                                                        .maximize = o.maximize}});
}
