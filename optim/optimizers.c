/* Each optimizer's options: their defaults, and where its step finds them. What it keeps of a
 * parameter stands in its row of ops_update.def, its step and its formula in
 * update_formulas_internal.h. */
#include "optim/optim_internal.h"

reel_optim *reel_sgd_new(const reel_state *params, reel_sgd_options o) {
    const double momentum = reel__option(o.momentum, 0.0);
    const double dampening = reel__option(o.dampening, 0.0);
    if (o.lr == 0.0) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "sgd_new: no lr");
        return NULL;
    }
    if (o.nesterov && (momentum == 0.0 || dampening != 0.0)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "sgd_new: nesterov needs a momentum and no dampening: momentum %g, dampening %g",
                  momentum, dampening);
        return NULL;
    }
    return reel__optim_new("sgd_new", REEL_OP_sgd, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 0.0),
                               .asked = {momentum != 0.0},
                               .rule = {.momentum = momentum,
                                        .dampening = dampening,
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .nesterov = o.nesterov,
                                        .maximize = o.maximize},
                           });
}

/* Adam and AdamW differ in where the weight decay goes in. */
static reel_optim *adam_new(const char *what, const reel_state *params, reel_adam_options o,
                            double weight_decay, bool decoupled) {
    return reel__optim_new(what, REEL_OP_adam, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1e-3),
                               .asked = {[2] = o.amsgrad},
                               .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                        .beta2 = reel__option(o.beta2, 0.999),
                                        .eps = reel__option(o.eps, 1e-8),
                                        .weight_decay = reel__option(o.weight_decay, weight_decay),
                                        .decoupled = decoupled,
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_adam_new(const reel_state *params, reel_adam_options options) {
    return adam_new("adam_new", params, options, 0.0, false);
}

reel_optim *reel_adamw_new(const reel_state *params, reel_adam_options options) {
    return adam_new("adamw_new", params, options, 1e-2, true);
}

reel_optim *reel_nadam_new(const reel_state *params, reel_nadam_options o) {
    return reel__optim_new("nadam_new", REEL_OP_nadam, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 2e-3),
                               .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                        .beta2 = reel__option(o.beta2, 0.999),
                                        .eps = reel__option(o.eps, 1e-8),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .momentum_decay = reel__option(o.momentum_decay, 4e-3),
                                        .decoupled = o.decoupled,
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_radam_new(const reel_state *params, reel_radam_options o) {
    return reel__optim_new("radam_new", REEL_OP_radam, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1e-3),
                               .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                        .beta2 = reel__option(o.beta2, 0.999),
                                        .eps = reel__option(o.eps, 1e-8),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .decoupled = o.decoupled,
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_adamax_new(const reel_state *params, reel_adamax_options o) {
    return reel__optim_new("adamax_new", REEL_OP_adamax, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 2e-3),
                               .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                        .beta2 = reel__option(o.beta2, 0.999),
                                        .eps = reel__option(o.eps, 1e-8),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_rmsprop_new(const reel_state *params, reel_rmsprop_options o) {
    const double alpha = reel__option(o.alpha, 0.99), momentum = reel__option(o.momentum, 0.0);
    if (reel__optim_check_below_one("rmsprop_new", "alpha", alpha) != REEL_OK) return NULL;
    return reel__optim_new("rmsprop_new", REEL_OP_rmsprop, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1e-2),
                               .asked = {[1] = o.centered, [2] = momentum != 0.0},
                               .rule = {.alpha = alpha,
                                        .eps = reel__option(o.eps, 1e-8),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .momentum = momentum,
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_adagrad_new(const reel_state *params, reel_adagrad_options o) {
    return reel__optim_new("adagrad_new", REEL_OP_adagrad, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1e-2),
                               .moment_start = reel__option(o.initial_accumulator_value, 0.0),
                               .rule = {.lr_decay = reel__option(o.lr_decay, 0.0),
                                        .eps = reel__option(o.eps, 1e-10),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_adadelta_new(const reel_state *params, reel_adadelta_options o) {
    return reel__optim_new("adadelta_new", REEL_OP_adadelta, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1.0),
                               .rule = {.rho = reel__option(o.rho, 0.9),
                                        .eps = reel__option(o.eps, 1e-6),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_lion_new(const reel_state *params, reel_lion_options o) {
    return reel__optim_new("lion_new", REEL_OP_lion, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1e-4),
                               .rule = {.beta1 = reel__option(o.beta1, 0.9),
                                        .beta2 = reel__option(o.beta2, 0.99),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .decoupled = true,
                                        .maximize = o.maximize},
                           });
}

reel_optim *reel_asgd_new(const reel_state *params, reel_asgd_options o) {
    return reel__optim_new("asgd_new", REEL_OP_asgd, params,
                           (reel__optim_setup){
                               .lr = reel__option(o.lr, 1e-2),
                               .rule = {.lambd = reel__option(o.lambd, 1e-4),
                                        .alpha = reel__option(o.alpha, 0.75),
                                        .t0 = reel__option(o.t0, 1e6),
                                        .weight_decay = reel__option(o.weight_decay, 0.0),
                                        .maximize = o.maximize},
                           });
}
