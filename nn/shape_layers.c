/* Layers that give only a shape. */
#include "nn/module_internal.h"

typedef struct {
    reel_module base;
    int first, last;
    reel_shape shape;
} shaper;

static reel_tensor *same(reel_module *base, reel_tensor *x) {
    (void)base;
    return x;
}

reel_module *reel_identity_new(void) {
    return reel__module_new(sizeof(reel_module), "identity", same, NULL);
}

static reel_tensor *flatten(reel_module *base, reel_tensor *x) {
    const shaper *m = (const shaper *)base;
    REEL__LAYER(base, x);
    return reel_flatten_at(NULL, x, m->first, m->last);
}

reel_module *reel_flatten_new(reel_flatten_options o) {
    shaper *m = reel__module_new(sizeof *m, "flatten", flatten, NULL);
    if (!m) return NULL;
    m->first = (int)reel__option_int(o.start_axis, 1);
    m->last = (int)reel__option_int(o.end_axis, -1);
    return &m->base;
}

static reel_tensor *unflatten(reel_module *base, reel_tensor *x) {
    const shaper *m = (const shaper *)base;
    REEL__LAYER(base, x);
    return reel_unflatten_at(NULL, x, m->first, m->shape);
}

reel_module *reel_unflatten_new(int axis, reel_shape shape) {
    if (shape.ndim < 1 || shape.ndim > REEL_MAX_DIMS) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "unflatten_new: no axes: %d of them", shape.ndim);
        return NULL;
    }
    shaper *m = reel__module_new(sizeof *m, "unflatten", unflatten, NULL);
    if (!m) return NULL;
    m->first = axis;
    m->shape = shape;
    return &m->base;
}
