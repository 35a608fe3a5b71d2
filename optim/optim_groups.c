/* What an optimizer is made of: groups of parameters, their moments, and the launches that they
 * take a step by. */
#include "optim/optim_internal.h"

#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"
#include "tensor/state/state_internal.h"

#include <stdlib.h>

const char *reel__optim_key(char key[REEL__KEY], const char *name, int group) {
    if (group == 0) return name;
    snprintf(key, REEL__KEY, "%s.%d", name, group);
    return key;
}

/* The caller's own, not a scope's. */
static reel_tensor *new_full(reel_shape shape, double value, reel_dtype dtype, reel_device device) {
    REEL_SCOPE;
    return reel_retain(reel_full_at(NULL, shape, value, dtype, device));
}

/* ---- parameters ---- */

static bool is_listed(const reel_state *list, int count, const reel_tensor *p) {
    for (int i = 0; i < count; i++)
        if (reel_state_at(list, i) == p) return true;
    return false;
}

static reel_status check_param(const reel_optim *o, const char *what, const char *name,
                               const reel_tensor *p) {
    if (!reel__dtype_is_full(reel_dtype_of(p)))
        return reel_fail(REEL_ERR_DTYPE, NULL, "%s: a parameter must be f32 or f64: %s %s", what,
                         name, reel_dtype_name(reel_dtype_of(p)));
    if (!reel_is_contiguous(p)) /* the fused kernels run along memory */
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a parameter must be contiguous: %s", what,
                         name);
    if (is_listed(o->params, o->slot_count, p) || reel_state_get(o->params, name))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: in another group already: %s", what, name);
    return REEL_OK;
}

/* The list without what it names twice: a tied parameter is stepped once. */
static reel_status take_params(reel_optim *o, const char *what, const reel_state *params) {
    for (int i = 0; i < reel_state_count(params); i++) {
        const char *name = reel_state_name(params, i);
        reel_tensor *p = reel_state_at(params, i);
        if (is_listed(params, i, p)) continue;
        REEL_TRY(check_param(o, what, name, p));
        REEL_TRY(reel_state_put(o->params, name, p));
    }
    if (reel_state_count(o->params) > o->slot_count) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no parameters", what);
}

/* ---- room ---- */

static bool has_moment(const reel_optim *o, int k) {
    return o->kind->always >> k & 1 || o->setup.asked[k];
}

/* array, where there is no room */
static void *resized(void *array, int count, size_t size, bool *whole) {
    void *grown = realloc(array, (size_t)count * size);
    if (grown) return grown;
    *whole = false;
    return array;
}

/* For as many slots, and launches, as there are parameters, and one more group. */
static reel_status make_room(reel_optim *o, const char *what) {
    const int n = reel_state_count(o->params);
    reel__lists *l = &o->lists;
    bool whole = true;
    o->slots = resized(o->slots, n, sizeof *o->slots, &whole);
    o->launches = resized(o->launches, n, sizeof *o->launches, &whole);
    o->groups = resized(o->groups, o->group_count + 1, sizeof *o->groups, &whole);
    l->p = resized(l->p, n, sizeof *l->p, &whole);
    l->g = resized(l->g, n, sizeof *l->g, &whole);
    for (int k = 0; k < REEL__MAX_MOMENTS; k++)
        if (has_moment(o, k)) l->moment[k] = resized(l->moment[k], n, sizeof *l->moment[k], &whole);
    if (o->kind->carry) l->carry = resized(l->carry, n, sizeof *l->carry, &whole);
    l->taken = resized(l->taken, n, sizeof *l->taken, &whole);
    return whole ? REEL_OK : reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
}

/* ---- launches, moments, counts ---- */

static reel_status make_clock(const reel_optim *o, reel__optim_launch *l) {
    reel__clock *c = &l->clock;
    c->lr = new_full(REEL_SCALAR, o->groups[l->group].lr, REEL_F64, l->device);
    c->step = new_full(REEL_SCALAR, 0.0, REEL_I64, l->device);
    if (!c->lr || !c->step) return reel_error_status();
    if (l > o->launches && !reel_copy_(c->step, o->launches[0].clock.step))
        return reel_error_status();
    return REEL_OK;
}

/* The last group's launch of p's device and dtype, made if need be; -1 on failure. */
static int find_launch(reel_optim *o, const reel_tensor *p) {
    const int group = o->group_count - 1;
    const reel_device device = reel_device_of(p);
    const reel_dtype dtype = reel_dtype_of(p);
    for (int i = o->groups[group].first; i < o->launch_count; i++) {
        const reel__optim_launch *l = &o->launches[i];
        if (reel_device_equal(l->device, device) && l->dtype == dtype) return i;
    }
    reel__optim_launch *l = &o->launches[o->launch_count++];
    *l = (reel__optim_launch){.group = group, .device = device, .dtype = dtype};
    return make_clock(o, l) == REEL_OK ? o->launch_count - 1 : -1;
}

static reel_status make_moment(reel_optim *o, const char *what, reel__optim_slot *slot,
                               const char *name, int k) {
    REEL__COMPOSITE(.name = what);
    reel_tensor *made = new_full(reel_shape_of(slot->p), o->setup.moment_start,
                                 reel_dtype_of(slot->p), reel_device_of(slot->p));
    if (!made) return reel_error_status();
    reel_status status = reel_state_put_in(o->saved, name, o->kind->moment[k], made);
    slot->moment[k] = made;
    reel_release(made); /* the state's from here */
    return status;
}

/* Of the slots from `first` on, those of one launch: an element for each of a tensor of `value`s,
 * named "<parameter>.<name>", and lying side by side as a launch reads them. */
static reel_status make_numbers(reel_optim *o, int first, int launch, const char *name,
                                double value, reel_dtype dtype) {
    int64_t count = 0, done = 0;
    const bool carries = dtype == REEL_F64;
    for (int i = first; i < o->slot_count; i++) count += o->slots[i].launch == launch;
    REEL_SCOPE;
    reel_tensor *all = reel_full(reel_shape(count), value, dtype, o->launches[launch].device);
    for (int i = first; i < o->slot_count; i++) {
        reel__optim_slot *slot = &o->slots[i];
        if (slot->launch != launch) continue;
        reel_tensor *one = reel_select(all, 0, done++);
        REEL_TRY(reel_state_put_in(o->saved, reel_state_name(o->params, i), name, one));
        *(carries ? &slot->carry : &slot->taken) = one;
    }
    return REEL_OK;
}

static reel_status make_counts(reel_optim *o, int first) {
    for (int i = o->groups[o->group_count - 1].first; i < o->launch_count; i++) {
        REEL_TRY(make_numbers(o, first, i, "step", 0.0, REEL_I64));
        if (o->kind->carry) REEL_TRY(make_numbers(o, first, i, o->kind->carry, 1.0, REEL_F64));
    }
    return REEL_OK;
}

static reel_status fill_slots(reel_optim *o, const char *what) {
    const int first = o->slot_count;
    for (int i = o->slot_count; i < reel_state_count(o->params); i++) {
        reel__optim_slot *slot = &o->slots[o->slot_count++];
        *slot = (reel__optim_slot){.p = reel_state_at(o->params, i)};
        slot->launch = find_launch(o, slot->p);
        if (slot->launch < 0) return reel_error_status();
        for (int k = 0; k < REEL__MAX_MOMENTS; k++)
            if (has_moment(o, k))
                REEL_TRY(make_moment(o, what, slot, reel_state_name(o->params, i), k));
    }
    return make_counts(o, first);
}

/* ---- a group, or nothing ---- */

static reel_status add(reel_optim *o, const char *what, const reel_state *params,
                       reel__optim_group group) {
    char key[REEL__KEY];
    REEL_TRY(take_params(o, what, params));
    REEL_TRY(make_room(o, what));
    group.first = o->launch_count;
    o->groups[o->group_count++] = group;
    REEL_TRY(fill_slots(o, what));
    const int last = o->group_count - 1;
    const reel__clock *clock = &o->launches[group.first].clock;
    reel__switch(clock->lr);
    REEL_TRY(reel_state_put(o->saved, reel__optim_key(key, "lr", last), clock->lr));
    if (last > 0) return REEL_OK;
    return reel_state_put(o->saved, "step", clock->step);
}

static reel_state *copy_of(const reel_state *s) {
    reel_state *copy = reel_state_new();
    if (!copy || reel__state_put_all(copy, NULL, s) == REEL_OK) return copy;
    reel_state_free(copy);
    return NULL;
}

static void drop_launches(reel_optim *o, int from) {
    for (int i = from; i < o->launch_count; i++) {
        reel_release(o->launches[i].clock.lr);
        reel_release(o->launches[i].clock.step);
    }
    o->launch_count = from;
}

/* Works on copies of the two states, and puts the old ones back after a failure. */
reel_status reel__optim_add(reel_optim *o, const char *what, const reel_state *params, double lr,
                            double weight_decay) {
    const reel_optim before = *o;
    o->params = copy_of(before.params);
    o->saved = copy_of(before.saved);
    reel_status status = REEL_ERR_MEMORY;
    if (o->params && o->saved)
        status = add(o, what, params,
                     (reel__optim_group){.lr = lr, .base = lr, .weight_decay = weight_decay});
    const bool failed = status != REEL_OK;
    reel_state_free(failed ? o->params : before.params);
    reel_state_free(failed ? o->saved : before.saved);
    if (!failed) return REEL_OK;
    drop_launches(o, before.launch_count);
    o->params = before.params;
    o->saved = before.saved;
    o->slot_count = before.slot_count;
    o->group_count = before.group_count;
    return status;
}

reel_status reel_optim_add_group(reel_optim *o, const reel_state *params,
                                 reel_group_options options) {
    const char *what = "optim_add_group";
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__optim_alive(o, what));
    REEL_TRY(reel__refuse_recorded(NULL, what));
    if (!params) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no parameters", what);
    const reel__optim_group *first = &o->groups[0];
    options.lr = reel__option(options.lr, first->base);
    options.weight_decay = reel__option(options.weight_decay, first->weight_decay);
    REEL_TRY(reel__optim_check(what, "lr", options.lr));
    REEL_TRY(reel__optim_check(what, "weight_decay", options.weight_decay));
    return reel__optim_add(o, what, params, options.lr, options.weight_decay);
}

/* ---- making, freeing ---- */

static const reel__optim_kind kinds[REEL_OP_COUNT] = {
#define REEL_UPDATE(name, first, second, third, carried)                                           \
    [REEL_OP_##                                                                                    \
        name] = {.always = REEL__ALWAYS(first, second, third),                                     \
                 .moment = {REEL__MOMENT(first), REEL__MOMENT(second), REEL__MOMENT(third)},       \
                 .carry = REEL__MOMENT(carried)},
#include "tensor/ops/ops_update.def"
};

/* An option that an optimizer does not have is 0, which passes. */
static reel_status check_setup(const char *what, const reel__optim_setup *s) {
    REEL_TRY(reel__optim_check(what, "lr", s->lr));
    REEL_TRY(reel__optim_check(what, "initial_accumulator_value", s->moment_start));
#define NUMBER(name) REEL_TRY(reel__optim_check(what, #name, s->rule.name));
#define SHARE(name) REEL_TRY(reel__optim_check_below_one(what, #name, s->rule.name));
    REEL__RULE(NUMBER, SHARE)
#undef NUMBER
#undef SHARE
    return REEL_OK;
}

static void discard(reel_optim *o) {
    drop_launches(o, 0);
    reel_state_free(o->saved);
    reel_state_free(o->params);
    free(o->slots);
    free(o->launches);
    free(o->groups);
    free(o->lists.p);
    free(o->lists.g);
    free(o->lists.carry);
    free(o->lists.taken);
    for (int k = 0; k < REEL__MAX_MOMENTS; k++) free(o->lists.moment[k]);
    free(o);
}

reel_optim *reel__optim_new(const char *what, reel__op op, const reel_state *params,
                            reel__optim_setup setup) {
    if (check_setup(what, &setup) != REEL_OK) return NULL;
    reel_optim *o = params ? calloc(1, sizeof *o) : NULL;
    if (!o) {
        reel_fail(params ? REEL_ERR_MEMORY : REEL_ERR_ARGUMENT, NULL, "%s: %s", what,
                  params ? "out of memory" : "no parameters");
        return NULL;
    }
    o->op = op;
    o->kind = &kinds[op];
    o->setup = setup;
    if (reel__optim_add(o, what, params, setup.lr, setup.rule.weight_decay) == REEL_OK &&
        reel__alive_add(o, REEL__OPTIM, what) == REEL_OK)
        return o;
    discard(o);
    return NULL;
}

void reel_optim_free(reel_optim *o) {
    if (o && reel__alive_end(o, REEL__OPTIM, "optim_free", NULL) == REEL_OK) discard(o);
}
