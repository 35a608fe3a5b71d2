/* Averages of weights. An update is a step of plain descent, whose parameters are the averages:
 * with a decay of weights of 1, and upwards along the weights themselves, a -= (1 - decay) (a - p).
 */
#include "optim/ema.h"

#include "autograd/autograd.h"
#include "optim/optim_internal.h"
#include "tensor/ops.h"
#include "tensor/ops/call_internal.h"
#include "tensor/ops/record_internal.h"
#include "tensor/state/state_internal.h"

#include <stdlib.h>

#define KIND "an average of weights"

struct reel_ema {
    reel_state *params, *averages; /* by one name each, in one order */
    reel_tensor *count;            /* i64, 0-d, on the CPU: updates so far, as it is saved */
    reel_state *saved;             /* the averages and the count */
    reel_optim *descent;           /* on the averages */
    bool equal, swapped;
    double decay;
};

static reel_status check(const reel_ema *e, const char *who) {
    if (!e) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no average", who);
    return reel__alive_check(e, KIND, who, NULL);
}

/* ---- making, freeing ---- */

static void discard(reel_ema *e) {
    reel_optim_free(e->descent);
    reel_state_free(e->params);
    reel_state_free(e->averages);
    reel_state_free(e->saved);
    reel_release(e->count);
    free(e);
}

static reel_status copy_each(reel_ema *e, const reel_state *params) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    for (int i = 0; i < reel_state_count(params); i++) {
        const char *name = reel_state_name(params, i);
        reel_tensor *p = reel_state_at(params, i), *a = reel_empty_like(p);
        if (!a || !reel_copy_(a, p)) return reel_error_status();
        REEL_TRY(reel_state_put(e->params, name, p));
        REEL_TRY(reel_state_put(e->averages, name, a));
    }
    return REEL_OK;
}

static reel_status make(reel_ema *e, const reel_state *params) {
    e->params = reel_state_new();
    e->averages = reel_state_new();
    e->saved = reel_state_new();
    if (!e->params || !e->averages || !e->saved) return reel_error_status();
    REEL_TRY(copy_each(e, params));
    REEL_SCOPE;
    e->count = reel_retain(reel_zeros(REEL_SCALAR, REEL_I64, reel_cpu()));
    e->descent =
        reel__optim_new("ema_new", REEL_OP_sgd, e->averages,
                        (reel__optim_setup){.lr = e->equal ? 1.0 : 1.0 - e->decay,
                                            .rule = {.weight_decay = 1.0, .maximize = true}});
    if (!e->count || !e->descent) return reel_error_status();
    REEL_TRY(reel__state_put_all(e->saved, NULL, e->averages));
    return reel_state_put(e->saved, "n_averaged", e->count);
}

reel_ema *reel_ema_new(const reel_state *params, reel_ema_options options) {
    const double decay = reel__option(options.decay, 0.999);
    if (!params || !(decay >= 0.0 && decay <= 1.0)) {
        if (params)
            reel_fail(REEL_ERR_ARGUMENT, NULL, "ema_new: decay must lie in [0, 1]: %g", decay);
        else
            reel_fail(REEL_ERR_ARGUMENT, NULL, "ema_new: no parameters");
        return NULL;
    }
    reel_ema *e = calloc(1, sizeof *e);
    if (!e) {
        reel_fail(REEL_ERR_MEMORY, NULL, "ema_new: out of memory");
        return NULL;
    }
    e->decay = decay;
    e->equal = options.equal;
    if (make(e, params) == REEL_OK && reel__alive_add(e, KIND, "ema_new") == REEL_OK) return e;
    discard(e);
    return NULL;
}

void reel_ema_free(reel_ema *e) {
    if (e && reel__alive_end(e, KIND, "ema_free", NULL) == REEL_OK) discard(e);
}

/* ---- updates ---- */

int64_t reel_ema_updates(const reel_ema *e) {
    if (!e || check(e, "ema_updates") != REEL_OK) return 0;
    return *(const int64_t *)reel__data(e->count);
}

/* Averages are where they were made, so parameters must be too. */
static reel_status check_devices(const reel_ema *e, const char *who) {
    for (int i = 0; i < reel_state_count(e->params); i++)
        if (!reel_device_equal(reel_device_of(reel_state_at(e->params, i)),
                               reel_device_of(reel_state_at(e->averages, i))))
            return reel_fail(REEL_ERR_DEVICE, NULL,
                             "%s: moved to another device since the average was made: %s", who,
                             reel_state_name(e->params, i));
    return REEL_OK;
}

/* The averages of one launch, and the weights in their gradients' place. */
static const reel__lists *gather(reel_ema *e, int launch) {
    reel_optim *o = e->descent;
    reel__lists *l = &o->lists;
    l->count = 0;
    for (int i = 0; i < o->slot_count; i++) {
        if (o->slots[i].launch != launch) continue;
        l->p[l->count] = o->slots[i].p;
        l->g[l->count] = reel_state_get(e->params, reel_state_name(o->params, i));
        l->taken[l->count] = o->slots[i].taken;
        l->count++;
    }
    return l;
}

static reel_status step(reel_ema *e, int64_t n) {
    reel_optim *o = e->descent;
    if (e->equal) REEL_TRY(reel__optim_set_rate(o, 0, 1.0 / (double)(n + 1)));
    for (int i = 0; i < o->launch_count; i++)
        REEL_TRY(reel__update(NULL, o->op, gather(e, i), o->launches[i].clock, &o->setup.rule));
    return REEL_OK;
}

static reel_status update(reel_ema *e) {
    REEL_NO_GRAD;
    int64_t *count = reel__data(e->count);
    REEL_TRY(*count ? step(e, *count) : reel__state_copy(e->averages, e->params, NULL));
    ++*count;
    return REEL_OK;
}

/* In a replay of a captured step the host counts, and sets the rate. */
static void update_again(void *of, double number) {
    (void)number;
    (reel_ema_update)(of);
}

static void update_back(const reel__section *s) {
    --*(int64_t *)reel__data(((reel_ema *)s->of)->count);
}

reel_status reel_ema_update(reel_ema *e) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check(e, "ema_update"));
    if (e->swapped)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "ema_update: weights and averages are swapped");
    REEL_TRY(check_devices(e, "ema_update"));
    const reel__section s = {.again = update_again, .back = update_back, .of = e, .kind = KIND};
    REEL_TRY(reel__section_begin(&s));
    const reel_status status = update(e);
    reel__section_end(&s, status == REEL_OK);
    return status;
}

/* ---- to and from a model ---- */

static reel_status exchange(reel_tensor *a, reel_tensor *b) {
    REEL_SCOPE;
    reel_tensor *held = reel__unary(REEL_OP_copy, NULL, a);
    return held && reel_copy_(a, b) && reel_copy_(b, held) ? REEL_OK : reel_error_status();
}

static reel_status swap(reel_ema *e) {
    REEL_NO_GRAD;
    const int count = reel_state_count(e->params);
    int i = 0;
    while (i < count &&
           exchange(reel_state_at(e->params, i), reel_state_at(e->averages, i)) == REEL_OK)
        i++;
    if (i < count) { /* all or none: those before it back */
        while (i-- > 0) exchange(reel_state_at(e->params, i), reel_state_at(e->averages, i));
        return reel_error_status();
    }
    e->swapped = !e->swapped;
    return REEL_OK;
}

/* In a replay of a captured step the host knows which of the two is where. */
static void swap_again(void *of, double number) {
    (void)number;
    (reel_ema_swap)(of);
}

static void swap_back(const reel__section *s) {
    ((reel_ema *)s->of)->swapped = s->was != 0;
}

reel_status reel_ema_swap(reel_ema *e) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check(e, "ema_swap"));
    REEL_TRY(check_devices(e, "ema_swap"));
    const reel__section s = {
        .again = swap_again, .back = swap_back, .of = e, .kind = KIND, .was = e->swapped};
    REEL_TRY(reel__section_begin(&s));
    const reel_status status = swap(e);
    reel__section_end(&s, status == REEL_OK);
    return status;
}

reel_status reel_ema_copy_to(reel_ema *e, const reel_state *params) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check(e, "ema_copy"));
    if (!params) return reel_fail(REEL_ERR_ARGUMENT, NULL, "ema_copy: no parameters");
    REEL_TRY(reel__state_check("ema_copy", params, e->averages, NULL));
    REEL_NO_GRAD;
    return reel__state_copy(params, e->averages, NULL);
}

reel_status reel_ema_copy(reel_ema *e) {
    REEL_TRY(check(e, "ema_copy"));
    return reel_ema_copy_to(e, e->params);
}

reel_tensor *reel_ema_get(const reel_ema *e, const char *name) {
    if (!e || check(e, "ema_get") != REEL_OK) return NULL;
    return reel_state_get(e->averages, name);
}

/* ---- in a checkpoint ---- */

reel_status reel_ema_save(reel_ema *e, reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check(e, "ema_save"));
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "ema_save: no state");
    return reel__state_put_all(s, prefix, e->saved);
}

reel_status reel_ema_load(reel_ema *e, const reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check(e, "ema_load"));
    REEL_TRY(reel__refuse_recorded(NULL, "ema_load"));
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "ema_load: no state");
    REEL_TRY(reel__state_check("ema_load", e->saved, s, prefix));
    REEL_NO_GRAD;
    return reel__state_copy(e->saved, s, prefix);
}
