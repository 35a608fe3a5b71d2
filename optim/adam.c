/* Adam and AdamW, which differ in where the weight decay goes in. */
#include "optim/optim_internal.h"

static reel_status update(const reel_optim *o, const reel__optim_launch *launch,
                          const reel__optim_lists *l) {
    reel__adam_rule rule = o->rule.adam;
    rule.weight_decay = o->groups[launch->group].weight_decay;
    return reel__adam_update(NULL, l->count, l->p, l->g, l->moment[0], l->moment[1], launch->lr,
                             launch->step, rule);
}

static const reel__optim_kind adam = {
    .name = "adam_new", .moments = 2, .moment_name = {"m", "v"}, .update = update};
static const reel__optim_kind adamw = {
    .name = "adamw_new", .moments = 2, .moment_name = {"m", "v"}, .update = update};

static double or_default(double value, double otherwise) {
    return value != 0.0 ? value : otherwise;
}

static reel_status check_beta(const char *optim, const char *option, double beta) {
    if (beta >= 0.0 && beta < 1.0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must lie in [0, 1): %g", optim, option, beta);
}

static reel_status check(const char *optim, reel_adam_options o) {
    REEL_TRY(reel__optim_check(optim, "lr", o.lr));
    REEL_TRY(check_beta(optim, "beta1", o.beta1));
    REEL_TRY(check_beta(optim, "beta2", o.beta2));
    REEL_TRY(reel__optim_check(optim, "eps", o.eps));
    return reel__optim_check(optim, "weight_decay", o.weight_decay);
}

static reel_optim *make(const reel__optim_kind *kind, const reel_state *params, reel_adam_options o,
                        bool decoupled) {
    o.lr = or_default(o.lr, 1e-3);
    o.beta1 = or_default(o.beta1, 0.9);
    o.beta2 = or_default(o.beta2, 0.999);
    o.eps = or_default(o.eps, 1e-8);
    if (check(kind->name, o) != REEL_OK) return NULL;
    reel_optim *made = reel__optim_new(kind, params, o.lr, o.weight_decay);
    if (made)
        made->rule.adam = (reel__adam_rule){
            .beta1 = o.beta1, .beta2 = o.beta2, .eps = o.eps, .decoupled = decoupled};
    return made;
}

reel_optim *reel_adam_new(const reel_state *params, reel_adam_options options) {
    return make(&adam, params, options, false);
}

reel_optim *reel_adamw_new(const reel_state *params, reel_adam_options options) {
    options.weight_decay =
        options.weight_decay < 0.0 ? 0.0 : or_default(options.weight_decay, 1e-2);
    return make(&adamw, params, options, true);
}
