/* Activations as layers: each is the op of its name, with its constants. */
#include "nn/module_internal.h"

#include "tensor/backend.h"

typedef reel_tensor *(*function_0)(const char *at, reel_tensor *x);
typedef reel_tensor *(*function_1)(const char *at, reel_tensor *x, double a);
typedef reel_tensor *(*function_2)(const char *at, reel_tensor *x, double a, double b);
typedef reel_tensor *(*function_axis)(const char *at, reel_tensor *x, int axis);

typedef struct {
    reel_module base;
    union {
        function_0 f;
        function_1 f1;
        function_2 f2;
        function_axis f_axis;
    } of;
    double a, b;
    int axis;
} activation;

static reel_tensor *forward_0(reel_module *base, reel_tensor *x) {
    REEL__LAYER(base, x);
    return ((const activation *)base)->of.f(NULL, x);
}

static reel_tensor *forward_1(reel_module *base, reel_tensor *x) {
    const activation *m = (const activation *)base;
    REEL__LAYER(base, x);
    return m->of.f1(NULL, x, m->a);
}

static reel_tensor *forward_2(reel_module *base, reel_tensor *x) {
    const activation *m = (const activation *)base;
    REEL__LAYER(base, x);
    return m->of.f2(NULL, x, m->a, m->b);
}

static reel_tensor *forward_axis(reel_module *base, reel_tensor *x) {
    const activation *m = (const activation *)base;
    REEL__LAYER(base, x);
    return m->of.f_axis(NULL, x, m->axis);
}

static reel_module *new_0(const char *type, function_0 f) {
    activation *m = reel__module_new(sizeof *m, type, forward_0, NULL);
    if (!m) return NULL;
    m->of.f = f;
    return &m->base;
}

static reel_module *new_1(const char *type, function_1 f, double a) {
    activation *m = reel__module_new(sizeof *m, type, forward_1, NULL);
    if (!m) return NULL;
    m->of.f1 = f;
    m->a = a;
    return &m->base;
}

static reel_module *new_2(const char *type, function_2 f, double a, double b) {
    activation *m = reel__module_new(sizeof *m, type, forward_2, NULL);
    if (!m) return NULL;
    m->of.f2 = f;
    m->a = a;
    m->b = b;
    return &m->base;
}

static reel_module *new_axis(const char *type, function_axis f, int axis) {
    activation *m = reel__module_new(sizeof *m, type, forward_axis, NULL);
    if (!m) return NULL;
    m->of.f_axis = f;
    m->axis = axis;
    return &m->base;
}

static reel_module *refused(const char *type, const char *wants, double value) {
    reel_fail(REEL_ERR_ARGUMENT, NULL, "%s_new: %s: %g", type, wants, value);
    return NULL;
}

/* ---- without options ---- */

reel_module *reel_relu_new(void) {
    return new_0("relu", reel_relu_at);
}

reel_module *reel_relu6_new(void) {
    return new_0("relu6", reel_relu6_at);
}

reel_module *reel_sigmoid_new(void) {
    return new_0("sigmoid", reel_sigmoid_at);
}

reel_module *reel_logsigmoid_new(void) {
    return new_0("logsigmoid", reel_logsigmoid_at);
}

reel_module *reel_tanh_new(void) {
    return new_0("tanh", reel_tanh_at);
}

reel_module *reel_tanhshrink_new(void) {
    return new_0("tanhshrink", reel_tanhshrink_at);
}

reel_module *reel_hardsigmoid_new(void) {
    return new_0("hardsigmoid", reel_hardsigmoid_at);
}

reel_module *reel_hardswish_new(void) {
    return new_0("hardswish", reel_hardswish_at);
}

reel_module *reel_selu_new(void) {
    return new_0("selu", reel_selu_at);
}

reel_module *reel_silu_new(void) {
    return new_0("silu", reel_silu_at);
}

reel_module *reel_mish_new(void) {
    return new_0("mish", reel_mish_at);
}

reel_module *reel_softsign_new(void) {
    return new_0("softsign", reel_softsign_at);
}

/* ---- with constants ---- */

reel_module *reel_gelu_new(reel_gelu_options o) {
    return new_0("gelu", o.approximate ? reel_gelu_tanh_at : reel_gelu_at);
}

reel_module *reel_elu_new(reel_elu_options o) {
    return new_1("elu", reel_elu_at, reel__option(o.alpha, 1.0));
}

reel_module *reel_celu_new(reel_celu_options o) {
    const double alpha = reel__option(o.alpha, 1.0);
    if (alpha == 0.0) return refused("celu", "alpha must not be 0", alpha);
    return new_1("celu", reel_celu_at, alpha);
}

reel_module *reel_leaky_relu_new(reel_leaky_relu_options o) {
    return new_1("leaky_relu", reel_leaky_relu_at, reel__option(o.negative_slope, 0.01));
}

static reel_module *shrink_new(const char *type, function_1 f, reel_shrink_options o) {
    const double lambd = reel__option(o.lambd, 0.5);
    if (!(lambd >= 0.0)) return refused(type, "lambd must be 0 or more", lambd);
    return new_1(type, f, lambd);
}

reel_module *reel_hardshrink_new(reel_shrink_options options) {
    return shrink_new("hardshrink", reel_hardshrink_at, options);
}

reel_module *reel_softshrink_new(reel_shrink_options options) {
    return shrink_new("softshrink", reel_softshrink_at, options);
}

reel_module *reel_hardtanh_new(reel_hardtanh_options o) {
    const double low = reel__option(o.min_val, -1.0), high = reel__option(o.max_val, 1.0);
    if (low < high) return new_2("hardtanh", reel_hardtanh_at, low, high);
    reel_fail(REEL_ERR_ARGUMENT, NULL, "hardtanh_new: min_val must be below max_val: %g, %g", low,
              high);
    return NULL;
}

reel_module *reel_softplus_new(reel_softplus_options o) {
    return new_2("softplus", reel_softplus_at, reel__option(o.beta, 1.0),
                 reel__option(o.threshold, 20.0));
}

reel_module *reel_threshold_new(double threshold, double value) {
    return new_2("threshold", reel_threshold_at, threshold, value);
}

/* ---- along an axis ---- */

reel_module *reel_softmax_new(int axis) {
    return new_axis("softmax", reel_softmax_at, axis);
}

reel_module *reel_log_softmax_new(int axis) {
    return new_axis("log_softmax", reel_log_softmax_at, axis);
}

reel_module *reel_softmin_new(int axis) {
    return new_axis("softmin", reel_softmin_at, axis);
}

reel_module *reel_glu_new(int axis) {
    return new_axis("glu", reel_glu_at, axis);
}

static reel_tensor *over_channels(const char *at, reel_tensor *x) {
    if (reel_ndim(x) == 3 || reel_ndim(x) == 4) return reel_softmax_at(at, x, -3);
    reel__fail_composite(REEL_ERR_SHAPE, "takes x[B,C,H,W] or x[C,H,W]");
    return NULL;
}

reel_module *reel_softmax2d_new(void) {
    return new_0("softmax2d", over_channels);
}

/* ---- prelu ---- */

typedef struct {
    reel_module base;
    reel_tensor *weight;
} prelu;

static reel_tensor *forward_prelu(reel_module *base, reel_tensor *x) {
    reel_tensor *weight = ((const prelu *)base)->weight;
    REEL__LAYER_OF(base, x, weight, NULL);
    return reel_prelu_at(NULL, x, weight);
}

reel_module *reel_prelu_new(reel_prelu_options o) {
    const int64_t n = o.num_parameters ? o.num_parameters : 1;
    if (n < 1) return refused("prelu", "num_parameters must be 1 or more", (double)n);
    if (reel__module_check_dtype("prelu_new", o.dtype) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = "prelu_new");
    prelu *m = reel__module_new(sizeof *m, "prelu", forward_prelu, NULL);
    if (!m) return NULL;
    REEL_SCOPE;
    m->weight = reel__param_filled(&m->base, "weight", reel_shape(n), reel__option(o.init, 0.25),
                                   o.dtype, o.device);
    return reel__module_made(&m->base, m->weight);
}

/* ---- rrelu ---- */

typedef struct {
    reel_module base;
    double lower, upper;
    reel_generator *generator;
} rrelu;

static reel_tensor *forward_rrelu(reel_module *base, reel_tensor *x) {
    const rrelu *m = (const rrelu *)base;
    REEL__LAYER(base, x);
    return reel_rrelu_at(NULL, x, m->lower, m->upper, base->training ? m->generator : NULL);
}

reel_module *reel_rrelu_new(reel_rrelu_options o) {
    const double lower = reel__option(o.lower, 1.0 / 8), upper = reel__option(o.upper, 1.0 / 3);
    if (!(lower <= upper)) return refused("rrelu", "lower must not be above upper", lower);
    rrelu *m = reel__module_new(sizeof *m, "rrelu", forward_rrelu, NULL);
    if (!m) return NULL;
    m->lower = lower;
    m->upper = upper;
    m->generator = reel__module_draws(&m->base, o.seed, reel_cpu());
    return reel__module_made(&m->base, m->generator);
}
