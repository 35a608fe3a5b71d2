/* SGD with momentum, dampening, weight decay and Nesterov's step, by PyTorch's rules. */
#include "optim/optim_internal.h"

static const reel__optim_kind sgd = {.name = "sgd_new", .op = REEL_OP_sgd, .moment = {"v"}};

static reel_status check(reel_sgd_options o) {
    if (o.lr == 0.0) return reel_fail(REEL_ERR_ARGUMENT, NULL, "sgd_new: no lr");
    if (o.nesterov && (o.momentum == 0.0 || o.dampening != 0.0))
        return reel_fail(
            REEL_ERR_ARGUMENT, NULL,
            "sgd_new: nesterov needs a momentum and no dampening: momentum %g, dampening %g",
            o.momentum, o.dampening);
    return REEL_OK;
}

reel_optim *reel_sgd_new(const reel_state *params, reel_sgd_options o) {
    if (check(o) != REEL_OK) return NULL;
    return reel__optim_new(&sgd, params,
                           (reel__optim_setup){.lr = o.lr,
                                               .moments = o.momentum != 0.0,
                                               .rule = {.momentum = o.momentum,
                                                        .dampening = o.dampening,
                                                        .weight_decay = o.weight_decay,
                                                        .nesterov = o.nesterov,
                                                        .maximize = o.maximize}});
}
