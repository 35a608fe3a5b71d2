/* Layers without parameters, each the op of its name. */
#include "nn/module_internal.h"

typedef struct {
    reel_module base;
    int axis; /* softmax alone */
} activation;

static reel_tensor *relu(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_relu(x);
}

static reel_tensor *sigmoid(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_sigmoid(x);
}

static reel_tensor *hyperbolic_tangent(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_tanh(x);
}

static reel_tensor *softmax(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return reel_softmax(x, ((const activation *)base)->axis);
}

static reel_module *activation_new(const char *type, reel_forward_fn forward, int axis) {
    activation *m = reel__module_new(sizeof *m, type, forward, NULL);
    if (!m) return NULL;
    m->axis = axis;
    return &m->base;
}

reel_module *reel_relu_new(void) {
    return activation_new("relu", relu, 0);
}

reel_module *reel_sigmoid_new(void) {
    return activation_new("sigmoid", sigmoid, 0);
}

reel_module *reel_tanh_new(void) {
    return activation_new("tanh", hyperbolic_tangent, 0);
}

reel_module *reel_softmax_new(int axis) {
    return activation_new("softmax", softmax, axis);
}
