/* What all optimizers do alike: their steps, and their rates. */
#include "optim/optim_internal.h"

#include "tensor/core/profile_internal.h"
#include "tensor/ops.h"

#include <math.h>

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
        if (slot->carry) l->carry[l->count] = slot->carry;
        l->taken[l->count] = slot->taken;
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

static void let_gradients_go(reel_optim *o) {
    for (int i = 0; i < o->slot_count; i++) reel_zero_grad(o->slots[i].p);
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
    return reel__update(NULL, o->op, reel__optim_gather(o, i), l->clock, &rule);
}

reel_status reel_optim_step(reel_optim *o) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__optim_alive(o, "optim_step"));
    REEL_TRY(check_devices(o));
    if (!has_gradients(o)) return reel_error_status();
    REEL__PROFILE_PASS_OF("optim_step", NULL);
    {
        REEL_NO_GRAD;
        for (int i = 0; i < o->launch_count; i++) REEL_TRY(run_launch(o, i));
    }
    let_gradients_go(o);
    return reel_error_status();
}

void reel_optim_zero_grad(reel_optim *o) {
    if (o && reel__optim_alive(o, "optim_zero_grad") == REEL_OK) let_gradients_go(o);
}

/* ---- rate and count ---- */

int reel_optim_group_count(const reel_optim *o) {
    return o && reel__optim_alive(o, "optim_group_count") == REEL_OK ? o->group_count : 0;
}

double reel_optim_group_lr(const reel_optim *o, int group) {
    if (!o || reel__optim_alive(o, "optim_group_lr") != REEL_OK) return NAN;
    return group >= 0 && group < o->group_count ? o->groups[group].lr : NAN;
}

double reel_optim_lr(reel_optim *o) {
    return o && reel__optim_alive(o, "optim_lr") == REEL_OK ? o->groups[0].lr : NAN;
}

/* Where steps read it. */
static reel_status fill_rate(reel_optim *o, int group, double lr) {
    for (int i = 0; i < o->launch_count; i++)
        if (o->launches[i].group == group && !reel_fill_(o->launches[i].clock.lr, lr))
            return reel_error_status();
    return REEL_OK;
}

reel_status reel__optim_set_rate(reel_optim *o, int group, double lr) {
    REEL_TRY(fill_rate(o, group, lr));
    o->groups[group].lr = lr;
    return REEL_OK;
}

reel_status reel__optim_set_rates(reel_optim *o, int count, const double *lr) {
    int i = 0;
    while (i < count && fill_rate(o, i, lr[i]) == REEL_OK) i++;
    if (i < count) { /* all or none */
        for (; i >= 0; i--) fill_rate(o, i, o->groups[i].lr);
        return reel_error_status();
    }
    for (i = 0; i < count; i++) o->groups[i].lr = lr[i];
    return REEL_OK;
}

/* What schedules start from as well. */
static reel_status set_base(reel_optim *o, int group, double lr) {
    REEL_TRY(reel__optim_set_rate(o, group, lr));
    o->groups[group].base = lr;
    return REEL_OK;
}

reel_status reel_optim_set_group_lr(reel_optim *o, int group, double lr) {
    REEL_TRY(reel__optim_alive(o, "optim_set_group_lr"));
    REEL_TRY(reel__refuse_recorded(NULL, "optim_set_group_lr"));
    if (group < 0 || group >= o->group_count)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_set_group_lr: no group %d of %d", group,
                         o->group_count);
    REEL_TRY(reel__optim_check("optim_set_group_lr", "lr", lr));
    return set_base(o, group, lr);
}

reel_status reel_optim_set_lr(reel_optim *o, double lr) {
    REEL_TRY(reel__optim_alive(o, "optim_set_lr"));
    REEL_TRY(reel__refuse_recorded(NULL, "optim_set_lr"));
    REEL_TRY(reel__optim_check("optim_set_lr", "lr", lr));
    for (int i = 0; i < o->group_count; i++) REEL_TRY(set_base(o, i, lr));
    return REEL_OK;
}

int64_t reel_optim_steps(reel_optim *o) {
    int64_t steps = 0;
    if (o && reel__optim_alive(o, "optim_steps") == REEL_OK)
        reel_read(o->launches[0].clock.step, &steps, sizeof steps);
    return steps;
}
