/* Cases of activations as layers, with constants other than the defaults and with these:
 * activations_check.py compares them. */
#include "tests/parity/parity_layers.h"

#include "nn/nn.h"
#include "tests/parity/parity_shapes.h"

static reel_tensor *through(reel_module *layer, reel_tensor *x) {
    reel_tensor *y = reel_forward(layer, x);
    reel_module_free(layer);
    return y;
}

/* param[1] is 0 for the defaults, else a constant in quarters. */
static double quarters(const int64_t *param, double otherwise) {
    return param[1] ? (double)param[1] / 4 : otherwise;
}

#define RUN(name, call)                                                                            \
    static reel_tensor *run_##name(reel_tensor **in, const int64_t *param, reel_dtype made) {      \
        (void)param, (void)made;                                                                   \
        return call;                                                                               \
    }                                                                                              \
    static const op_case name##_case = {.inputs = 1, .run = run_##name};
#define LAYER(name, ...) RUN(name, through(reel_##name##_new(__VA_ARGS__), in[0]))

LAYER(relu6)
LAYER(logsigmoid)
LAYER(tanhshrink)
LAYER(hardsigmoid)
LAYER(hardswish)
LAYER(selu)
LAYER(silu)
LAYER(mish)
LAYER(softsign)
LAYER(softmax2d)
LAYER(gelu, (reel_gelu_options){.approximate = param[1] % 2 == 1})
LAYER(elu, (reel_elu_options){.alpha = quarters(param, 0)})
LAYER(celu, (reel_celu_options){.alpha = quarters(param, 0)})
LAYER(leaky_relu, (reel_leaky_relu_options){.negative_slope = quarters(param, 0)})
LAYER(hardshrink, (reel_shrink_options){.lambd = quarters(param, 0)})
LAYER(softshrink, (reel_shrink_options){.lambd = quarters(param, 0)})
LAYER(hardtanh,
      (reel_hardtanh_options){.min_val = -quarters(param, 0), .max_val = quarters(param, 0)})
LAYER(softplus, (reel_softplus_options){.beta = quarters(param, 0)})
LAYER(threshold, quarters(param, 0.1), -0.5)
LAYER(log_softmax, (int)param[0])
LAYER(softmin, (int)param[0])
LAYER(glu, (int)param[0])

static reel_tensor *rrelu(reel_tensor *x) {
    reel_module *m = reel_rrelu_new((reel_rrelu_options){0});
    reel_eval(m);
    return through(m, x);
}
RUN(rrelu, rrelu(in[0]))

/* x and a weight, as a function: a layer's weight is drawn by nobody. */
static reel_tensor *run_prelu(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)param, (void)made;
    return reel_prelu(in[0], in[1]);
}
static const op_case prelu_case = {.inputs = 2, .run = run_prelu};

static void draw(dice *d, op_shapes *s) {
    draw_axis(d, s);
    s->param[1] = dice_one_in(d, 3) ? 0 : dice_int(d, 1, 8);
}
static void draw_image(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 3, 4);
}
static void draw_even(dice *d, op_shapes *s) {
    draw_axis(d, s);
    s->in[0].dim[s->param[0] < 0 ? s->param[0] + s->in[0].ndim : s->param[0]] *= 2;
}
static void draw_slopes(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 0, 5);
    s->in[1] = reel_shape(s->in[0].ndim > 1 && dice_one_in(d, 2) ? s->in[0].dim[1] : 1);
}

#define ROW(layer, how)                                                                            \
    {                                                                                              \
        .family = "layer", .name = #layer, .c = &layer##_case, .draw = how, .dtypes = REEL__FLOAT, \
        .differentiable = true                                                                     \
    }
const parity_subject parity_activations[] = {
    ROW(relu6, draw),       ROW(logsigmoid, draw),   ROW(tanhshrink, draw),
    ROW(hardsigmoid, draw), ROW(hardswish, draw),    ROW(selu, draw),
    ROW(silu, draw),        ROW(mish, draw),         ROW(softsign, draw),
    ROW(gelu, draw),        ROW(elu, draw),          ROW(celu, draw),
    ROW(leaky_relu, draw),  ROW(hardshrink, draw),   ROW(softshrink, draw),
    ROW(hardtanh, draw),    ROW(softplus, draw),     ROW(threshold, draw),
    ROW(log_softmax, draw), ROW(softmin, draw),      ROW(glu, draw_even),
    ROW(rrelu, draw),       ROW(prelu, draw_slopes), ROW(softmax2d, draw_image),
    {.name = NULL}};
