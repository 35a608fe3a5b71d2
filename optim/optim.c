/* What all optimizers do alike: step, save and load. */
#include "optim/optim_internal.h"

#include "tensor/ops.h"
#include "tensor/state_internal.h"

#include <math.h>

reel_status reel__optim_check(const char *optim, const char *option, double value) {
    if (value >= 0.0 && !isinf(value)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must be 0 or more, and finite: %g", optim,
                     option, value);
}

reel_status reel__optim_check_below_one(const char *optim, const char *option, double value) {
    if (value >= 0.0 && value < 1.0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must lie in [0, 1): %g", optim, option,
                     value);
}

/* ---- stepping ---- */

bool reel__optim_alike(const reel_optim *o, int a, int b) {
    const reel__optim_launch *x = &o->launches[a], *y = &o->launches[b];
    return reel_device_equal(x->device, y->device) && x->dtype == y->dtype;
}

/* Of the launch itself, or of all like it. */
static const reel__lists *gather(reel_optim *o, int launch, bool alike) {
    reel__lists *l = &o->lists;
    l->count = 0;
    for (int i = 0; i < o->slot_count; i++) {
        const reel__optim_slot *slot = &o->slots[i];
        const bool listed =
            alike ? reel__optim_alike(o, slot->launch, launch) : slot->launch == launch;
        reel_tensor *g = listed ? reel_grad(slot->p) : NULL;
        if (!g) continue;
        l->p[l->count] = slot->p;
        l->g[l->count] = g;
        for (int k = 0; k < REEL__MAX_MOMENTS; k++)
            if (slot->moment[k]) l->moment[k][l->count] = slot->moment[k];
        l->count++;
    }
    return l;
}

const reel__lists *reel__optim_gather(reel_optim *o, int launch) {
    return gather(o, launch, false);
}

const reel__lists *reel__optim_gather_alike(reel_optim *o, int launch) {
    for (int i = 0; i < launch; i++) {
        if (!reel__optim_alike(o, i, launch)) continue;
        o->lists.count = 0;
        return &o->lists;
    }
    return gather(o, launch, true);
}

/* The moments stay where they were made, so a parameter must too. */
static reel_status check_devices(const reel_optim *o) {
    for (int i = 0; i < o->slot_count; i++) {
        const reel__optim_slot *slot = &o->slots[i];
        if (!reel_device_equal(reel_device_of(slot->p), o->launches[slot->launch].device))
            return reel_fail(REEL_ERR_DEVICE, NULL,
                             "optim_step: moved to another device since the optimizer was made: %s",
                             reel_state_name(o->params, i));
    }
    return REEL_OK;
}

static bool has_gradients(const reel_optim *o) {
    for (int i = 0; i < o->slot_count; i++)
        if (reel_grad(o->slots[i].p)) return true;
    return false;
}

/* One without a gradient counts the step too. */
static reel_status run_launch(reel_optim *o, int i) {
    const reel__optim_launch *l = &o->launches[i];
    reel__rule rule = o->setup.rule;
    rule.weight_decay = o->groups[l->group].weight_decay;
    return reel__update(NULL, o->kind->op, reel__optim_gather(o, i), l->clock, &rule);
}

reel_status reel_optim_step(reel_optim *o) {
    if (reel_failed()) return reel_error_status();
    if (!o) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_step: no optimizer");
    REEL_TRY(check_devices(o));
    if (!has_gradients(o)) return REEL_OK;
    {
        REEL_NO_GRAD;
        for (int i = 0; i < o->launch_count; i++) REEL_TRY(run_launch(o, i));
    }
    reel_optim_zero_grad(o);
    return REEL_OK;
}

void reel_optim_zero_grad(reel_optim *o) {
    if (!o) return;
    for (int i = 0; i < o->slot_count; i++) reel_zero_grad(o->slots[i].p);
}

/* ---- rate and count ---- */

int reel_optim_group_count(const reel_optim *o) {
    return o ? o->group_count : 0;
}

double reel_optim_group_lr(const reel_optim *o, int group) {
    return o && group >= 0 && group < o->group_count ? o->groups[group].lr : NAN;
}

double reel_optim_lr(reel_optim *o) {
    return reel_optim_group_lr(o, 0);
}

reel_status reel__optim_set_rate(reel_optim *o, int group, double lr) {
    REEL_TRY(reel__optim_check("optim_set_lr", "lr", lr));
    for (int i = 0; i < o->launch_count; i++)
        if (o->launches[i].group == group && !reel_fill_(o->launches[i].clock.lr, lr))
            return reel_error_status();
    o->groups[group].lr = lr;
    return REEL_OK;
}

reel_status reel_optim_set_group_lr(reel_optim *o, int group, double lr) {
    if (!o) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_set_group_lr: no optimizer");
    if (group < 0 || group >= o->group_count)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_set_group_lr: no group %d of %d", group,
                         o->group_count);
    REEL_TRY(reel__optim_set_rate(o, group, lr));
    o->groups[group].base = lr;
    return REEL_OK;
}

reel_status reel_optim_set_lr(reel_optim *o, double lr) {
    REEL_TRY(reel_optim_set_group_lr(o, 0, lr));
    for (int i = 1; i < o->group_count; i++) REEL_TRY(reel_optim_set_group_lr(o, i, lr));
    return REEL_OK;
}

int64_t reel_optim_steps(reel_optim *o) {
    int64_t steps = 0;
    if (o) reel_read(o->launches[0].clock.step, &steps, sizeof steps);
    return steps;
}

/* ---- state ---- */

reel_status reel_optim_save(reel_optim *o, reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!o || !s)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_save: no %s", o ? "state" : "optimizer");
    return reel__state_put_all(s, prefix, o->saved);
}

/* A group's launches have one rate, and all have one count. */
static reel_status spread(reel_optim *o) {
    for (int i = 1; i < o->launch_count; i++) {
        const reel__optim_launch *l = &o->launches[i];
        const int first = o->groups[l->group].first;
        if (i != first && !reel_copy_(l->clock.lr, o->launches[first].clock.lr))
            return reel_error_status();
        REEL_TRY(reel__optim_join(&l->clock, &o->launches[0].clock));
    }
    return REEL_OK;
}

/* A group's rate in a state that has passed the checks of names, shapes and dtypes. */
static double saved_lr(const reel_state *s, const char *prefix, int group) {
    char key[REEL__KEY];
    return reel_item(reel_state_get_in(s, prefix, reel__optim_key(key, "lr", group)));
}

/* A product of factors in [0, 1). */
static reel_status check_carry(const char *name, double value) {
    if (value >= 0.0 && value <= 1.0) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL, "optim_load: %s must lie in [0, 1]: %g", name, value);
}

static reel_status check_numbers(const reel_optim *o, const reel_state *s, const char *prefix) {
    const double step = reel_item(reel_state_get_in(s, prefix, "step"));
    for (int i = 0; i < o->group_count; i++) {
        const double lr = saved_lr(s, prefix, i);
        if (reel_failed()) return reel_error_status();
        if (!(lr >= 0.0) || isinf(lr) || step < 0.0)
            return reel_fail(REEL_ERR_FORMAT, NULL,
                             "optim_load: not a rate and a count: lr %g, step %g", lr, step);
    }
    if (!o->kind->carry) return REEL_OK;
    return check_carry(o->kind->carry, reel_item(reel_state_get_in(s, prefix, o->kind->carry)));
}

reel_status reel_optim_load(reel_optim *o, const reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!o || !s)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_load: no %s", o ? "state" : "optimizer");
    REEL_TRY(reel__state_check("optim_load", o->saved, s, prefix));
    REEL_TRY(check_numbers(o, s, prefix));
    {
        REEL_NO_GRAD;
        REEL_TRY(reel__state_copy(o->saved, s, prefix));
        REEL_TRY(spread(o));
    }
    for (int i = 0; i < o->group_count; i++)
        o->groups[i].lr = o->groups[i].base = saved_lr(s, prefix, i);
    return REEL_OK;
}
