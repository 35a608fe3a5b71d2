/* Adam and AdamW, which differ in where the weight decay goes in. */
#include "optim/optim_internal.h"

static const reel__optim_kind adam = {
    .name = "adam_new", .op = REEL_OP_adam, .moment = {"m", "v", "vmax"}};
static const reel__optim_kind adamw = {
    .name = "adamw_new", .op = REEL_OP_adam, .moment = {"m", "v", "vmax"}};

static reel_optim *make(const reel__optim_kind *kind, const reel_state *params, reel_adam_options o,
                        bool decoupled) {
    return reel__optim_new(
        kind, params,
        (reel__optim_setup){.lr = reel__option(o.lr, 1e-3),
                            .moments = o.amsgrad ? 7 : 3,
                            .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                     .beta2 = reel__option(o.beta2, 0.999),
                                     .eps = reel__option(o.eps, 1e-8),
                                     .weight_decay = reel__option(o.weight_decay, 0.0),
                                     .decoupled = decoupled,
                                     .maximize = o.maximize}});
}

reel_optim *reel_adam_new(const reel_state *params, reel_adam_options options) {
    return make(&adam, params, options, false);
}

reel_optim *reel_adamw_new(const reel_state *params, reel_adam_options options) {
    options.weight_decay = reel__option(options.weight_decay, 1e-2);
    return make(&adamw, params, options, true);
}
