/* An optimizer in a checkpoint: its rates, its counts, its moments. */
#include "optim/optim_internal.h"

#include "tensor/ops.h"
#include "tensor/state/state_internal.h"

#include <math.h>
#include <string.h>

reel_status reel_optim_save(reel_optim *o, reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__optim_alive(o, "optim_save"));
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_save: no state");
    return reel__state_put_all(s, prefix, o->saved);
}

/* ---- what a parameter counts and carries ---- */

/* "step", or what the kind carries, if entry i of what is saved is some parameter's; else NULL. */
static const char *role_of(const reel_optim *o, int i) {
    const reel_tensor *t = reel_state_at(o->saved, i);
    for (int k = 0; k < o->slot_count; k++) {
        if (t == o->slots[k].taken) return "step";
        if (t == o->slots[k].carry) return o->kind->carry;
    }
    return NULL;
}

/* Whether one count and one product stand in s for those of all parameters, as they did before each
 * had its own. */
static bool is_common(const reel_optim *o, const reel_state *s, const char *prefix) {
    for (int i = 0; i < reel_state_count(o->saved); i++)
        if (role_of(o, i) && reel_state_get_in(s, prefix, reel_state_name(o->saved, i)))
            return false;
    return reel_state_get_in(s, prefix, "step") != NULL;
}

static reel_status give_each(const reel_optim *o, reel_state *to, const reel_state *s,
                             const char *prefix) {
    const reel_tensor *product =
        o->kind->carry ? reel_state_get_in(s, prefix, o->kind->carry) : NULL;
    for (int i = 0; i < reel_state_count(s); i++)
        if (!product || reel_state_at(s, i) != product)
            REEL_TRY(reel_state_put(to, reel_state_name(s, i), reel_state_at(s, i)));
    for (int i = 0; i < reel_state_count(o->saved); i++) {
        const char *role = role_of(o, i);
        reel_tensor *common = role ? reel_state_get_in(s, prefix, role) : NULL;
        if (common) REEL_TRY(reel_state_put_in(to, prefix, reel_state_name(o->saved, i), common));
    }
    return REEL_OK;
}

/* ---- loading ---- */

/* A group's launches have one rate, and all have one count. */
static reel_status spread(reel_optim *o) {
    for (int i = 1; i < o->launch_count; i++) {
        const reel__optim_launch *l = &o->launches[i];
        const int first = o->groups[l->group].first;
        if (i != first && !reel_copy_(l->clock.lr, o->launches[first].clock.lr))
            return reel_error_status();
        if (!reel_copy_(l->clock.step, o->launches[0].clock.step)) return reel_error_status();
    }
    return REEL_OK;
}

/* A group's rate in a state that has passed the checks of names, shapes and dtypes. */
static double saved_lr(const reel_state *s, const char *prefix, int group) {
    char key[REEL__KEY];
    return reel_item(reel_state_get_in(s, prefix, reel__optim_key(key, "lr", group)));
}

/* Up to where f64, in which the formulas are, holds each. */
static bool is_count(double v) {
    return v >= 0.0 && v < 0x1p53;
}

static reel_status check_rates(const reel_optim *o, const reel_state *s, const char *prefix) {
    const double step = reel_item(reel_state_get_in(s, prefix, "step"));
    for (int i = 0; i < o->group_count; i++) {
        const double lr = saved_lr(s, prefix, i);
        if (reel_failed()) return reel_error_status();
        if (!(lr >= 0.0) || isinf(lr) || !is_count(step))
            return reel_fail(REEL_ERR_FORMAT, NULL,
                             "optim_load: not a rate and a count: lr %g, step %g", lr, step);
    }
    return REEL_OK;
}

/* What is carried is a product of factors in [0, 1). */
static reel_status check_counts(const reel_optim *o, const reel_state *s, const char *prefix) {
    for (int i = 0; i < reel_state_count(o->saved); i++) {
        const char *role = role_of(o, i), *name = reel_state_name(o->saved, i);
        if (!role) continue;
        const bool counts = strcmp(role, "step") == 0;
        const double value = reel_item(reel_state_get_in(s, prefix, name));
        if (reel_failed()) return reel_error_status();
        if (!(counts ? is_count(value) : value >= 0.0 && value <= 1.0))
            return reel_fail(REEL_ERR_FORMAT, NULL, "optim_load: %s must lie in [0, %s: %g", name,
                             counts ? "2^53)" : "1]", value);
    }
    return REEL_OK;
}

static reel_status load(reel_optim *o, const reel_state *s, const char *prefix) {
    REEL_TRY(reel__state_check("optim_load", o->saved, s, prefix));
    REEL_TRY(check_rates(o, s, prefix));
    REEL_TRY(check_counts(o, s, prefix));
    {
        REEL_NO_GRAD;
        REEL_TRY(reel__state_copy(o->saved, s, prefix));
        REEL_TRY(spread(o));
    }
    for (int i = 0; i < o->group_count; i++)
        o->groups[i].lr = o->groups[i].base = saved_lr(s, prefix, i);
    return REEL_OK;
}

reel_status reel_optim_load(reel_optim *o, const reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__optim_alive(o, "optim_load"));
    REEL_TRY(reel__refuse_recorded(NULL, "optim_load"));
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_load: no state");
    if (!is_common(o, s, prefix)) return load(o, s, prefix);
    reel_state *each = reel_state_new();
    if (!each) return reel_error_status();
    reel_status status = give_each(o, each, s, prefix);
    if (status == REEL_OK) status = load(o, each, prefix);
    reel_state_free(each);
    return status;
}
