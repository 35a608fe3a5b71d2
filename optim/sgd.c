/* SGD with momentum, dampening, weight decay and Nesterov's step, by PyTorch's rules. */
#include "optim/optim_internal.h"

static reel_status update(const reel_optim *o, const reel__optim_launch *launch,
                          const reel__optim_lists *l) {
    reel__sgd_rule rule = o->rule.sgd;
    rule.weight_decay = o->groups[launch->group].weight_decay;
    return reel__sgd_update(NULL, l->count, l->p, l->g, l->moment[0], launch->lr, launch->step,
                            rule);
}

static const reel__optim_kind plain = {.name = "sgd_new", .update = update};
static const reel__optim_kind with_momentum = {
    .name = "sgd_new", .moments = 1, .moment_name = {"v"}, .update = update};

static reel_status check(reel_sgd_options o) {
    REEL_TRY(reel__optim_check("sgd_new", "lr", o.lr));
    REEL_TRY(reel__optim_check("sgd_new", "momentum", o.momentum));
    REEL_TRY(reel__optim_check("sgd_new", "dampening", o.dampening));
    REEL_TRY(reel__optim_check("sgd_new", "weight_decay", o.weight_decay));
    if (o.lr == 0.0) return reel_fail(REEL_ERR_ARGUMENT, NULL, "sgd_new: no lr");
    if (o.nesterov && (o.momentum == 0.0 || o.dampening != 0.0))
        return reel_fail(
            REEL_ERR_ARGUMENT, NULL,
            "sgd_new: nesterov needs a momentum and no dampening: momentum %g, dampening %g",
            o.momentum, o.dampening);
    return REEL_OK;
}

reel_optim *reel_sgd_new(const reel_state *params, reel_sgd_options options) {
    if (check(options) != REEL_OK) return NULL;
    reel_optim *o = reel__optim_new(options.momentum > 0.0 ? &with_momentum : &plain, params,
                                    options.lr, options.weight_decay);
    if (!o) return NULL;
    o->rule.sgd = (reel__sgd_rule){
        .momentum = options.momentum, .dampening = options.dampening, .nesterov = options.nesterov};
    return o;
}
