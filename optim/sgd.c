/* SGD with momentum, dampening, weight decay and Nesterov's step, by PyTorch's rules. */
#include "optim/optim_internal.h"

static const reel__optim_kind sgd = {.name = "sgd_new", .op = REEL_OP_sgd, .moment = {"v"}};

static reel_status check(double lr, const reel__rule *r) {
    if (lr == 0.0) return reel_fail(REEL_ERR_ARGUMENT, NULL, "sgd_new: no lr");
    if (r->nesterov && (r->momentum == 0.0 || r->dampening != 0.0))
        return reel_fail(
            REEL_ERR_ARGUMENT, NULL,
            "sgd_new: nesterov needs a momentum and no dampening: momentum %g, dampening %g",
            r->momentum, r->dampening);
    return REEL_OK;
}

reel_optim *reel_sgd_new(const reel_state *params, reel_sgd_options o) {
    const reel__rule rule = {.momentum = reel__option(o.momentum, 0.0),
                             .dampening = reel__option(o.dampening, 0.0),
                             .weight_decay = reel__option(o.weight_decay, 0.0),
                             .nesterov = o.nesterov,
                             .maximize = o.maximize};
    if (check(o.lr, &rule) != REEL_OK) return NULL;
    return reel__optim_new(&sgd, params,
                           (reel__optim_setup){.lr = reel__option(o.lr, 0.0),
                                               .moments = rule.momentum != 0.0,
                                               .rule = rule});
}
