/* Gradient clipping over all of an optimizer's parameters. */
#include "optim/optim_internal.h"

#include "tensor/ops.h"

/* The 2-norm over several devices or dtypes, on the host: it waits for each. */
static double norm_of_all(reel_optim *o) {
    double norm = 0.0;
    for (int i = 0; i < o->launch_count; i++) {
        const reel__lists *l = reel__optim_gather(o, i);
        reel_tensor *so_far = reel_scalar(norm, REEL_F64, o->launches[i].device);
        for (int j = 0; j < l->count; j++)
            so_far =
                reel_norm(reel_stack(0, so_far, reel_norm(reel_cast(l->g[j], REEL_F64), 2)), 2);
        norm = reel_item(so_far);
    }
    return norm;
}

static void scale_all(reel_optim *o, double scale) {
    for (int i = 0; i < o->launch_count; i++) {
        const reel__lists *l = reel__optim_gather(o, i);
        for (int j = 0; j < l->count; j++) reel_copy_(l->g[j], reel_scale(l->g[j], scale));
    }
}

/* No one launch reaches several devices or dtypes. */
static reel_tensor *clip_apart(reel_optim *o, double max_norm) {
    double norm = norm_of_all(o), scale = max_norm / (norm + 1e-6);
    if (reel_failed()) return NULL;
    if (!(scale >= 1.0)) scale_all(o, scale);
    const reel_dtype dtype = o->launches[0].dtype;
    if (dtype == REEL_F32) norm = (double)(float)norm; /* infinite if it is beyond f32 */
    return reel_failed() ? NULL : reel_scalar(norm, dtype, o->launches[0].device);
}

static reel_tensor *clip_together(reel_optim *o, double max_norm) {
    const reel__lists *l = reel__optim_gather_alike(o, 0);
    reel_tensor *norm = reel_zeros(REEL_SCALAR, o->launches[0].dtype, o->launches[0].device);
    if (!norm || l->count == 0) return norm;
    return reel__clip_norm(NULL, l->count, l->g, norm, max_norm) == REEL_OK ? norm : NULL;
}

static bool all_alike(const reel_optim *o) {
    for (int i = 1; i < o->launch_count; i++)
        if (!reel__optim_alike(o, 0, i)) return false;
    return true;
}

reel_tensor *reel_clip_grad_norm(reel_optim *o, double max_norm) {
    if (reel_failed()) return NULL;
    if (reel__optim_alive(o, "clip_grad_norm") != REEL_OK) return NULL;
    if (!(max_norm >= 0.0)) { /* NaN as well; infinity asks for the norm alone */
        reel_fail(REEL_ERR_ARGUMENT, NULL, "clip_grad_norm: max_norm must be 0 or more: %g",
                  max_norm);
        return NULL;
    }
    REEL_NO_GRAD;
    REEL_SCOPE;
    reel_tensor *norm = all_alike(o) ? clip_together(o, max_norm) : clip_apart(o, max_norm);
    return reel_scope_return(norm);
}

reel_status reel_clip_grad_value(reel_optim *o, double limit) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__optim_alive(o, "clip_grad_value"));
    if (!(limit >= 0.0))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "clip_grad_value: limit must be 0 or more: %g",
                         limit);
    for (int i = 0; i < o->launch_count; i++) {
        const reel__lists *l = reel__optim_gather_alike(o, i);
        if (l->count > 0) REEL_TRY(reel__clip_value(NULL, l->count, l->g, limit));
    }
    return REEL_OK;
}
