/* What all optimizers do alike: make their state, step, save and load. */
#include "optim/optim_internal.h"

#include "tensor/ops.h"
#include "tensor/state_internal.h"

#include <math.h>
#include <stdlib.h>

reel_status reel__optim_check(const char *optim, const char *option, double value) {
    if (value >= 0.0 && !isinf(value)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must be 0 or more, and finite: %g", optim,
                     option, value);
}

/* ---- making ---- */

/* The caller's own, not a scope's. */
static reel_tensor *new_full(reel_shape shape, double value, reel_dtype dtype, reel_device device) {
    reel_tensor *t = NULL;
    REEL_SCOPE {
        t = reel_retain(reel_full(shape, value, dtype, device));
    }
    return t;
}

/* The list without what it names twice: a tied parameter is stepped once. */
static reel_status take_params(reel_optim *o, const reel_state *params) {
    const char *what = o->kind->name;
    o->params = reel_state_new();
    if (!o->params) return REEL_ERR_MEMORY;
    for (int i = 0; i < reel_state_count(params); i++) {
        const char *name = reel_state_name(params, i);
        reel_tensor *p = reel_state_at(params, i);
        bool again = false;
        for (int j = 0; j < i && !again; j++) again = reel_state_at(params, j) == p;
        if (again) continue;
        if (!reel_dtype_is_float(reel_dtype_of(p)))
            return reel_fail(REEL_ERR_DTYPE, NULL, "%s: a parameter must be f32 or f64: %s %s",
                             what, name, reel_dtype_name(reel_dtype_of(p)));
        if (!reel_is_contiguous(p)) /* the fused kernels run along memory */
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a parameter must be contiguous: %s",
                             what, name);
        REEL_TRY(reel_state_put(o->params, name, p));
    }
    if (reel_state_count(o->params) > 0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no parameters", what);
}

static reel_status allocate(reel_optim *o) {
    int count = reel_state_count(o->params);
    size_t n = (size_t)count;
    o->slots = calloc(n, sizeof *o->slots);
    o->groups = calloc(n, sizeof *o->groups);
    o->lists.p = calloc(n, sizeof *o->lists.p);
    o->lists.g = calloc(n, sizeof *o->lists.g);
    bool whole = o->slots && o->groups && o->lists.p && o->lists.g;
    for (int k = 0; k < o->kind->moments; k++) {
        o->lists.moment[k] = calloc(n, sizeof *o->lists.moment[k]);
        whole = whole && o->lists.moment[k];
    }
    o->saved = reel_state_new();
    if (whole && o->saved) return REEL_OK;
    return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", o->kind->name);
}

/* The group of p's device and dtype, made if need be; -1 on failure. */
static int find_group(reel_optim *o, const reel_tensor *p) {
    reel_device device = reel_device_of(p);
    reel_dtype dtype = reel_dtype_of(p);
    for (int i = 0; i < o->group_count; i++) {
        const reel__optim_group *g = &o->groups[i];
        if (reel_device_equal(g->device, device) && g->dtype == dtype) return i;
    }
    reel__optim_group *g = &o->groups[o->group_count++];
    g->device = device;
    g->dtype = dtype;
    g->lr = new_full(REEL_SCALAR, o->lr, REEL_F64, device);
    g->step = new_full(REEL_SCALAR, 0.0, REEL_I64, device);
    return g->lr && g->step ? o->group_count - 1 : -1;
}

static reel_status make_moment(reel_optim *o, reel__optim_slot *slot, int k) {
    reel_tensor *zeros =
        new_full(reel_shape_of(slot->p), 0.0, reel_dtype_of(slot->p), reel_device_of(slot->p));
    if (!zeros) return reel_error_status();
    reel_status status = reel_state_put_in(o->saved, slot->name, o->kind->moment_name[k], zeros);
    slot->moment[k] = zeros;
    reel_release(zeros); /* the state's from here */
    return status;
}

static reel_status fill_slots(reel_optim *o) {
    for (int i = 0; i < reel_state_count(o->params); i++) {
        reel__optim_slot *slot = &o->slots[o->slot_count++];
        slot->name = reel_state_name(o->params, i);
        slot->p = reel_state_at(o->params, i);
        slot->group = find_group(o, slot->p);
        if (slot->group < 0) return reel_error_status();
        for (int k = 0; k < o->kind->moments; k++) REEL_TRY(make_moment(o, slot, k));
    }
    REEL_TRY(reel_state_put(o->saved, "lr", o->groups[0].lr));
    return reel_state_put(o->saved, "step", o->groups[0].step);
}

static reel_status build(reel_optim *o, const reel_state *params) {
    REEL_TRY(take_params(o, params));
    REEL_TRY(allocate(o));
    return fill_slots(o);
}

reel_optim *reel__optim_new(const reel__optim_kind *kind, const reel_state *params, double lr) {
    reel_optim *o = params ? calloc(1, sizeof *o) : NULL;
    if (!o) {
        reel_fail(params ? REEL_ERR_MEMORY : REEL_ERR_ARGUMENT, NULL, "%s: %s", kind->name,
                  params ? "out of memory" : "no parameters");
        return NULL;
    }
    o->kind = kind;
    o->lr = o->base = lr;
    if (build(o, params) == REEL_OK) return o;
    reel_optim_free(o);
    return NULL;
}

void reel_optim_free(reel_optim *o) {
    if (!o) return;
    for (int i = 0; i < o->group_count; i++) {
        reel_release(o->groups[i].lr);
        reel_release(o->groups[i].step);
    }
    reel_state_free(o->saved);
    reel_state_free(o->params);
    free(o->slots);
    free(o->groups);
    free(o->lists.p);
    free(o->lists.g);
    for (int k = 0; k < REEL__MAX_MOMENTS; k++) free(o->lists.moment[k]);
    free(o);
}

/* ---- stepping ---- */

const reel__optim_lists *reel__optim_gather(reel_optim *o, int group) {
    reel__optim_lists *l = &o->lists;
    l->count = 0;
    for (int i = 0; i < o->slot_count; i++) {
        const reel__optim_slot *slot = &o->slots[i];
        reel_tensor *g = slot->group == group ? reel_grad(slot->p) : NULL;
        if (!g) continue;
        l->p[l->count] = slot->p;
        l->g[l->count] = g;
        for (int k = 0; k < o->kind->moments; k++) l->moment[k][l->count] = slot->moment[k];
        l->count++;
    }
    return l;
}

/* The moments stay where they were made, so a parameter must too. */
static reel_status check_devices(const reel_optim *o) {
    for (int i = 0; i < o->slot_count; i++) {
        if (!reel_device_equal(reel_device_of(o->slots[i].p), o->groups[o->slots[i].group].device))
            return reel_fail(REEL_ERR_DEVICE, NULL,
                             "optim_step: moved to another device since the optimizer was made: %s",
                             o->slots[i].name);
    }
    return REEL_OK;
}

static bool has_gradients(const reel_optim *o) {
    for (int i = 0; i < o->slot_count; i++)
        if (reel_grad(o->slots[i].p)) return true;
    return false;
}

/* A group without a gradient counts the step too. */
static reel_status step_group(reel_optim *o, int i) {
    return o->kind->update(o, &o->groups[i], reel__optim_gather(o, i));
}

reel_status reel_optim_step(reel_optim *o) {
    if (reel_failed()) return reel_error_status();
    if (!o) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_step: no optimizer");
    REEL_TRY(check_devices(o));
    if (!has_gradients(o)) return REEL_OK;
    REEL_NO_GRAD {
        for (int i = 0; i < o->group_count; i++) REEL_TRY(step_group(o, i));
    }
    reel_optim_zero_grad(o);
    return REEL_OK;
}

void reel_optim_zero_grad(reel_optim *o) {
    if (!o) return;
    for (int i = 0; i < o->slot_count; i++) reel_zero_grad(o->slots[i].p);
}

/* ---- rate and count ---- */

double reel_optim_lr(reel_optim *o) {
    return o ? o->lr : NAN;
}

reel_status reel__optim_set_rate(reel_optim *o, double lr) {
    REEL_TRY(reel__optim_check("optim_set_lr", "lr", lr));
    for (int i = 0; i < o->group_count; i++)
        if (!reel_fill_(o->groups[i].lr, lr)) return reel_error_status();
    o->lr = lr;
    return REEL_OK;
}

reel_status reel_optim_set_lr(reel_optim *o, double lr) {
    if (!o) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_set_lr: no optimizer");
    REEL_TRY(reel__optim_set_rate(o, lr));
    o->base = lr;
    return REEL_OK;
}

int64_t reel_optim_steps(reel_optim *o) {
    int64_t steps = 0;
    if (o) reel_read(o->groups[0].step, &steps, sizeof steps);
    return steps;
}

/* ---- state ---- */

reel_status reel_optim_save(reel_optim *o, reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!o) return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_save: no optimizer");
    return reel__state_put_all(s, prefix, o->saved);
}

/* The other groups' rate and count follow the first's. */
static reel_status spread(reel_optim *o) {
    for (int i = 1; i < o->group_count; i++)
        if (!reel_copy_(o->groups[i].lr, o->groups[0].lr) ||
            !reel_copy_(o->groups[i].step, o->groups[0].step))
            return reel_error_status();
    return REEL_OK;
}

reel_status reel_optim_load(reel_optim *o, const reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!o || !s)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "optim_load: no %s", o ? "state" : "optimizer");
    REEL_TRY(reel__state_check("optim_load", o->saved, s, prefix));
    double lr = reel_item(reel_state_get_in(s, prefix, "lr"));
    double step = reel_item(reel_state_get_in(s, prefix, "step"));
    if (reel_failed()) return reel_error_status();
    if (!(lr >= 0.0) || isinf(lr) || step < 0.0)
        return reel_fail(REEL_ERR_FORMAT, NULL,
                         "optim_load: not a rate and a count: lr %g, step %g", lr, step);
    REEL_NO_GRAD {
        REEL_TRY(reel__state_copy(o->saved, s, prefix));
        REEL_TRY(spread(o));
    }
    o->lr = o->base = lr;
    return REEL_OK;
}
