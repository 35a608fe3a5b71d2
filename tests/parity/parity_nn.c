/* Cases of losses, layers and initialisers: nn_check.py compares them. */
#include "tests/parity/parity_inputs.h"
#include "tests/parity/parity_layers.h"
#include "tests/parity/parity_losses.h"
#include "tests/parity/parity_recurrent.h"

#include "nn/nn.h"
#include "tests/parity/parity_shapes.h"
#include "tests/parity/parity_transformer.h"

#include <string.h>

#define UNUSED (void)param, (void)made

/* ---- layers without parameters ---- */

static reel_tensor *through(reel_module *layer, reel_tensor *x) {
    reel_tensor *y = reel_forward(layer, x);
    reel_module_free(layer);
    return y;
}
static reel_tensor *run_relu(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return through(reel_relu_new(), in[0]);
}
static reel_tensor *run_sigmoid(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return through(reel_sigmoid_new(), in[0]);
}
static reel_tensor *run_tanh(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return through(reel_tanh_new(), in[0]);
}
static reel_tensor *run_softmax(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return through(reel_softmax_new((int)param[0]), in[0]);
}

/* param: the normalized axes, whether there is a weight, a bias, an eps */
static reel_tensor *run_layer_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_layer_norm(in[0], reel_shape_of(in[1]), param[1] ? in[1] : NULL,
                           param[2] ? in[2] : NULL, param[3] ? 0 : 0.5);
}
static void draw_layer_norm(dice *d, op_shapes *s) {
    s->in[0] = draw_shape(d, 1, 5);
    const int axes = (int)dice_int(d, 1, s->in[0].ndim), before = s->in[0].ndim - axes;
    s->in[1].ndim = axes;
    for (int i = 0; i < axes; i++) s->in[1].dim[i] = s->in[0].dim[before + i];
    s->in[2] = s->in[1];
    s->param[0] = axes;
    for (int i = 1; i < 4; i++) s->param[i] = dice_one_in(d, 2);
}

static const op_case layer_norm = {.inputs = 3, .run = run_layer_norm};
static const op_case relu = {.inputs = 1, .run = run_relu},
                     sigmoid = {.inputs = 1, .run = run_sigmoid},
                     hyperbolic = {.inputs = 1, .run = run_tanh},
                     softmax = {.inputs = 1, .run = run_softmax};

#define LAYER .family = "layer", .dtypes = REEL__FLOAT, .differentiable = true
static const parity_subject layers[] = {
    {LAYER, .name = "relu", .c = &relu, .draw = draw_axis},
    {LAYER, .name = "sigmoid", .c = &sigmoid, .draw = draw_axis},
    {LAYER, .name = "tanh", .c = &hyperbolic, .draw = draw_axis},
    {LAYER, .name = "softmax", .c = &softmax, .draw = draw_axis},
    {LAYER, .name = "layer_norm", .c = &layer_norm, .draw = draw_layer_norm},
    {.name = NULL}};

static void functions(record *r, const parity_subject *s) {
    for (; s->name; s++) parity_cases(r, s);
}

/* ---- linear: y, and the gradients that its parameters get ---- */

static void linear_case(record *r, int64_t seed) {
    dice d = dice_of("linear", seed);
    op_shapes s = {0};
    draw_product(&d, &s);
    const reel_dtype dtype = dice_one_in(&d, 2) ? REEL_F64 : REEL_F32;
    const int64_t in = s.in[0].dim[1] + 1, out = s.in[1].dim[1] + 1; /* 1 or more */
    s.in[0].dim[1] = in;
    reel_generator *g = reel_generator_new((uint64_t)seed, test_device());
    reel_module *m = reel_linear_new(
        in, out,
        (reel_linear_options){.no_bias = dice_one_in(&d, 4), .dtype = dtype, .generator = g});
    reel_generator_free(g);
    record_case(r, "linear", "linear", seed);
    const op_case x = {.inputs = 1};
    reel_tensor *y =
        reel_forward(m, parity_input(r, &d, &x, 0, &s, (parity_values){.dtype = dtype}, true));
    reel_state *params = reel_module_params(m);
    reel_tensor *weight = parity_weight(&d, y);
    record_tensor(r, "out", y);
    record_tensor(r, "weight", weight);
    reel_backward_with(y, .gradient = weight);
    for (int i = 0; i < reel_state_count(params); i++) {
        record_tensor_at(r, "parameter", i, reel_state_at(params, i));
        record_tensor_at(r, "grad", i, reel_grad(reel_state_at(params, i)));
    }
    record_end(r);
    reel_state_free(params);
    reel_module_free(m);
}

static void linear(record *r) {
    if (!record_subject(r, "linear", "linear")) return;
    for (int64_t seed = r->first; seed < r->first + r->count; seed++) {
        REEL_SCOPE;
        linear_case(r, seed);
    }
}

/* ---- what is drawn at random: a few cases, each of many numbers ---- */

enum { DRAWN_MOST = 20 };

static int64_t drawn_end(const record *r) {
    return r->first + (r->count < DRAWN_MOST ? r->count : DRAWN_MOST);
}

static void dropout_case(record *r, int64_t seed) {
    dice d = dice_of("dropout", seed);
    const double p = seed % 4 ? dice_real(&d, 0, 0.95) : 0;
    reel_module *m = reel_dropout_new(p, (uint64_t)seed);
    reel_module_to(m, test_device());
    reel_tensor *x = reel_track(reel_ones(reel_shape(200, 300), REEL_F64, test_device()));
    record_case(r, "dropout", "dropout", seed);
    record_number(r, "p", p);
    reel_tensor *y = reel_forward(m, x);
    reel_backward(reel_sum(y));
    reel_eval(m);
    record_tensor(r, "out", y);
    record_tensor(r, "grad", reel_grad(x));
    record_tensor(r, "evaluated", reel_forward(m, x));
    record_end(r);
    reel_module_free(m);
}

static void dropout(record *r) {
    if (!record_subject(r, "dropout", "dropout")) return;
    for (int64_t seed = r->first; seed < drawn_end(r); seed++) {
        REEL_SCOPE;
        dropout_case(r, seed);
    }
}

typedef struct {
    const char *name;
    reel_tensor *(*with_gain)(reel_tensor *t, reel_generator *g, double gain);
    reel_tensor *(*with_bounds)(const char *at, reel_tensor *t, reel_generator *g, double a,
                                double b);
} init;
static const init inits[] = {
    {"xavier_uniform", reel_xavier_uniform_, NULL},
    {"xavier_normal", reel_xavier_normal_, NULL},
    {"kaiming_uniform", reel_kaiming_uniform_, NULL},
    {"kaiming_normal", reel_kaiming_normal_, NULL},
    {"orthogonal", reel_orthogonal_, NULL},
    {"uniform", NULL, reel_uniform_at_},
    {"normal", NULL, reel_normal_at_},
    {"trunc_normal", NULL, NULL}, /* has four constants */
};

static reel_shape some_matrix(dice *d, const char *name) {
    const int64_t most = strcmp(name, "orthogonal") == 0 ? 60 : 150;
    reel_shape s = reel_shape(dice_int(d, 40, most), dice_int(d, 40, most));
    for (int extra = (int)dice_int(d, 0, 2); extra > 0; extra--)
        s.dim[s.ndim++] = dice_int(d, 1, 3);
    return s;
}

static void init_case(record *r, const init *i, int64_t seed) {
    dice d = dice_of(i->name, seed);
    const reel_shape shape = some_matrix(&d, i->name);
    const double a = dice_real(&d, 0.2, 3), b = dice_real(&d, 0.5, 3), low = dice_real(&d, -3, -1),
                 high = dice_real(&d, 2, 6);
    reel_generator *g = reel_generator_new((uint64_t)seed, test_device());
    reel_tensor *t = reel_empty(shape, seed % 2 ? REEL_F32 : REEL_F64, test_device());
    record_case(r, "init", i->name, seed);
    record_number(r, "a", a);
    record_number(r, "b", b);
    record_number(r, "low", low);
    record_number(r, "high", high);
    if (i->with_gain)
        i->with_gain(t, g, a);
    else if (i->with_bounds)
        i->with_bounds(REEL_HERE, t, g, -a, b);
    else
        reel_trunc_normal_(t, g, a, b, low, high);
    record_tensor(r, "drawn", t);
    record_end(r);
    reel_generator_free(g);
}

static void initialisers(record *r) {
    for (int i = 0; i < COUNT(inits); i++)
        if (record_subject(r, "init", inits[i].name))
            for (int64_t seed = r->first; seed < drawn_end(r); seed++) {
                REEL_SCOPE;
                init_case(r, &inits[i], seed);
            }
}

/* ---- gains ---- */

static void gains(record *r) {
    static const char *const names[] = {"linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu"};
    if (!record_subject(r, "gain", "gain")) return;
    for (int f = REEL_GAIN_LINEAR; f <= REEL_GAIN_SELU; f++)
        for (int slope = 0; slope < 4; slope++) {
            record_case(r, "gain", "gain", f * 4 + slope);
            record_text(r, "follows", names[f]);
            record_number(r, "slope", slope / 4.0);
            record_number(r, "gain", reel_gain((reel_nonlinearity)f, slope / 4.0));
            record_end(r);
        }
}

int main(int argc, char **argv) {
    record r;
    if (!record_open(&r, argc, argv)) return 2;
    functions(&r, parity_losses);
    functions(&r, layers);
    functions(&r, parity_activations);
    functions(&r, parity_functions);
    functions(&r, parity_convolutions);
    functions(&r, parity_norms);
    functions(&r, parity_windows);
    parity_convolution_layers(&r);
    linear(&r);
    parity_recurrent(&r);
    dropout(&r);
    initialisers(&r);
    gains(&r);
    parity_transformers(&r);
    return record_close(&r);
}
