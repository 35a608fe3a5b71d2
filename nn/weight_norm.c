/* Weight normalization: a direction and a length. */
#include "nn/parametrize_internal.h"

typedef struct {
    reel__parametrization base;
    reel_tensor *g, *v;
    int axis; /* -1: all of v */
} weight_norm;

/* |v| of each slice along axis, of v's number of axes. */
static reel_tensor *norm_except(reel_tensor *v, int axis) {
    reel_shape axes = {0};
    if (axis < 0) return reel_norm_at(NULL, v, 2, axes, false);
    for (int i = 0; i < reel_ndim(v); i++)
        if (i != axis) axes.dim[axes.ndim++] = i;
    return axes.ndim ? reel_norm_at(NULL, v, 2, axes, true) : reel_abs_at(NULL, v);
}

static reel_tensor *compute(const reel__parametrization *base) {
    const weight_norm *p = (const weight_norm *)base;
    REEL_SCOPE;
    reel_tensor *scale = reel_div_at(NULL, p->g, norm_except(p->v, p->axis));
    return reel_scope_return(reel_mul_at(NULL, p->v, scale));
}

static bool take_weight(weight_norm *p, reel_tensor *v) {
    reel_tensor *g;
    {
        REEL_NO_GRAD;
        g = norm_except(v, p->axis);
    }
    p->g = reel_module_param(&p->base.base, "original0", g);
    p->v = reel_module_param(&p->base.base, "original1", v);
    return p->g && p->v;
}

reel_status reel_weight_norm(reel_module *m, const char *name, reel_weight_norm_options options) {
    const char *what = "weight_norm";
    REEL__COMPOSITE(.name = what);
    REEL_SCOPE;
    reel__parametrization found = {.places = 0};
    reel_tensor *v = reel__parametrize_find(what, m, name, &found);
    if (!v) return reel_error_status();
    if (options.axis < -1 || options.axis >= reel_ndim(v))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no axis %d: %s in %s", what, options.axis,
                         name, m->type);
    const bool tracked = reel_is_tracked(v);
    weight_norm *p = reel__module_new(sizeof *p, what, NULL, NULL);
    if (!p) return reel_error_status();
    p->base.compute = compute;
    p->base.places = found.places;
    for (int i = 0; i < found.places; i++) p->base.place[i] = found.place[i];
    p->axis = options.axis;
    if (!take_weight(p, v)) {
        reel_module_free(&p->base.base);
        return reel_error_status();
    }
    if (!tracked) reel_module_freeze(&p->base.base);
    return reel__parametrize(what, m, name, &p->base);
}
