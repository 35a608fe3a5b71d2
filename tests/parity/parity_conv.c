/* Random shapes of convolutions; their functions with options, and their layers: conv_check.py
 * compares them. */
#include "tests/parity/parity_layers.h"

#include "nn/nn.h"
#include "tensor/convolution.h"
#include "tests/parity/parity_inputs.h"
#include "tests/parity/parity_shapes.h"

#include <string.h>

enum { AXES = 3 };

/* A convolution of small numbers; lengths of x, the kernel and y belong together. */
typedef struct {
    int axes;
    int64_t images, groups, in, out; /* channels of a group */
    int64_t stride[AXES], before[AXES], after[AXES], dilation[AXES], more[AXES];
    int64_t x[AXES], kernel[AXES], y[AXES];
} convolution;

static int64_t some_channels(dice *d) {
    return dice_int(d, 1, dice_one_in(d, 8) ? 20 : 3);
}

static void draw_along(dice *d, convolution *c, int i, bool alike) {
    const bool is_long = c->axes < 3 && dice_one_in(d, 6);
    c->kernel[i] = dice_int(d, 1, is_long ? 7 : 3);
    c->stride[i] = dice_one_in(d, 2) ? 1 : dice_int(d, 1, 3);
    c->dilation[i] = dice_one_in(d, 2) ? 1 : dice_int(d, 1, 3);
    c->before[i] = dice_one_in(d, 2) ? 0 : dice_int(d, 0, 2);
    c->after[i] = alike ? c->before[i] : dice_int(d, 0, 2);
    const int64_t reach = c->dilation[i] * (c->kernel[i] - 1) + 1;
    const int64_t least = reach - c->before[i] - c->after[i];
    c->x[i] = (least < 1 ? 1 : least) + dice_int(d, 0, is_long ? 30 : 4);
    const int64_t free = c->x[i] + c->before[i] + c->after[i] - reach;
    c->y[i] = free / c->stride[i] + 1;
    c->more[i] = free % c->stride[i];
}

static convolution some_convolution(dice *d, int axes, bool alike) {
    convolution c = {.axes = axes, .images = dice_int(d, dice_one_in(d, 12) ? 0 : 1, 3)};
    c.groups = dice_one_in(d, 2) ? 1 : dice_int(d, 2, 4);
    c.in = c.groups > 1 && dice_one_in(d, 2) ? 1 : some_channels(d);
    c.out = some_channels(d);
    for (int i = 0; i < axes; i++) draw_along(d, &c, i, alike);
    return c;
}

static int64_t digits(const int64_t *v, int axes) {
    int64_t number = 0;
    for (int i = 0; i < axes; i++) number = number * 10 + v[i];
    return number;
}

static reel_shape shape_of(int64_t first, int64_t second, const int64_t *lengths, int axes) {
    reel_shape s = {.ndim = axes + 2, .dim = {first, second}};
    for (int i = 0; i < axes; i++) s.dim[i + 2] = lengths[i];
    return s;
}
static reel_shape shape_of_x(const convolution *c) {
    return shape_of(c->images, c->groups * c->in, c->x, c->axes);
}
static reel_shape shape_of_w(const convolution *c) {
    return shape_of(c->groups * c->out, c->in, c->kernel, c->axes);
}
static reel_shape shape_of_y(const convolution *c) {
    return shape_of(c->images, c->groups * c->out, c->y, c->axes);
}

/* ---- rows: param as of op_cases_conv.c ---- */

static convolution drawn(dice *d, op_shapes *s) {
    const convolution c = some_convolution(d, (int)dice_int(d, 1, 3), false);
    s->param[0] = digits(c.stride, c.axes);
    s->param[1] = digits(c.before, c.axes) * 1000 + digits(c.after, c.axes);
    s->param[2] = digits(c.dilation, c.axes);
    s->param[3] = c.groups * 10;
    return c;
}
void draw_conv(dice *d, op_shapes *s) {
    const convolution c = drawn(d, s);
    s->in[0] = shape_of_x(&c);
    s->in[1] = shape_of_w(&c);
    s->in[2] = reel_shape(c.groups * c.out);
}
/* Whether something is left of x without what is more than the shortest that gives y. */
static bool has_lengths(const convolution *c, int64_t more) {
    for (int i = 0; i < c->axes; i++)
        if (c->x[i] - c->more[i] + more < 1) return false;
    return true;
}
void draw_conv_input_grad(dice *d, op_shapes *s) {
    convolution c;
    int64_t more;
    do {
        c = drawn(d, s);
        more = c.more[0];
        for (int i = 1; i < c.axes; i++) more = c.more[i] < more ? c.more[i] : more;
    } while (!has_lengths(&c, more));
    s->in[0] = shape_of_y(&c);
    s->in[1] = shape_of_w(&c);
    s->param[3] += more;
}
void draw_conv_weight_grad(dice *d, op_shapes *s) {
    const convolution c = drawn(d, s);
    s->in[0] = shape_of_y(&c);
    s->in[1] = shape_of_x(&c);
}

/* ---- functions: param is strides, paddings, dilations, a digit an axis, and those of
 * output_padding behind groups * 10000 + same * 1000 ---- */

enum { SAME = 1000, GROUPS = 10000 };

static reel_shape spread(int64_t number, int axes) {
    reel_shape s = {.ndim = axes};
    for (int i = axes - 1; i >= 0; i--, number /= 10) s.dim[i] = number % 10;
    return s;
}

static reel_tensor *conv_of(int axes, reel_tensor **in, const int64_t *param) {
    const reel_conv_options options = {.stride = spread(param[0], axes),
                                       .padding = spread(param[1], axes),
                                       .dilation = spread(param[2], axes),
                                       .groups = param[3] / GROUPS,
                                       .same = param[3] / SAME % 10 == 1};
    return reel_conv_at(REEL_HERE, axes, in[0], in[1], in[2], options);
}

static reel_tensor *transposed_of(int axes, reel_tensor **in, const int64_t *param) {
    const reel_conv_transpose_options options = {.stride = spread(param[0], axes),
                                                 .padding = spread(param[1], axes),
                                                 .dilation = spread(param[2], axes),
                                                 .output_padding = spread(param[3] % SAME, axes),
                                                 .groups = param[3] / GROUPS};
    return reel_conv_transpose_at(REEL_HERE, axes, in[0], in[1], in[2], options);
}

static void without_batch(dice *d, reel_shape *s) {
    if (!dice_one_in(d, 5)) return;
    for (int i = 0; i + 1 < s->ndim; i++) s->dim[i] = s->dim[i + 1];
    s->ndim--;
}

static void draw_function(dice *d, op_shapes *s, int axes) {
    convolution c = some_convolution(d, axes, true);
    const bool same = dice_one_in(d, 5);
    for (int i = 0; same && i < axes; i++) c.stride[i] = 1;
    s->in[0] = shape_of_x(&c);
    s->in[1] = shape_of_w(&c);
    s->in[2] = reel_shape(c.groups * c.out);
    without_batch(d, &s->in[0]);
    s->param[0] = digits(c.stride, axes);
    s->param[1] = digits(c.before, axes);
    s->param[2] = digits(c.dilation, axes);
    s->param[3] = c.groups * GROUPS + same * SAME;
}

/* Something is left of what the transposed one gives. */
static void leave_something(convolution *c) {
    for (int i = 0; i < c->axes; i++) {
        const int64_t last = (c->y[i] - 1) * c->stride[i] + c->dilation[i] * (c->kernel[i] - 1);
        if (last < 2 * c->before[i]) c->before[i] = 0;
    }
}

static void draw_transposed(dice *d, op_shapes *s, int axes) {
    convolution c = some_convolution(d, axes, true);
    for (int i = 0; i < axes; i++) { /* what PyTorch takes, which other lengths need not be */
        const int64_t limit = c.stride[i] > c.dilation[i] ? c.stride[i] : c.dilation[i];
        c.more[i] = dice_int(d, 0, limit - 1);
    }
    leave_something(&c);
    s->in[0] = shape_of_y(&c);
    s->in[1] = shape_of_w(&c);
    s->in[2] = reel_shape(c.groups * c.in);
    without_batch(d, &s->in[0]);
    s->param[0] = digits(c.stride, axes);
    s->param[1] = digits(c.before, axes);
    s->param[2] = digits(c.dilation, axes);
    s->param[3] = c.groups * GROUPS + digits(c.more, axes);
}

#define FUNCTION(name, of, draws, axes)                                                            \
    static reel_tensor *run_##name(reel_tensor **in, const int64_t *param, reel_dtype made) {      \
        (void)made;                                                                                \
        return of(axes, in, param);                                                                \
    }                                                                                              \
    static void draw_##name(dice *d, op_shapes *s) {                                               \
        draws(d, s, axes);                                                                         \
    }                                                                                              \
    static const op_case name##_case = {.inputs = 3, .run = run_##name, .tolerance32 = 4e-5};
FUNCTION(conv1d, conv_of, draw_function, 1)
FUNCTION(conv2d, conv_of, draw_function, 2)
FUNCTION(conv3d, conv_of, draw_function, 3)
FUNCTION(conv_transpose1d, transposed_of, draw_transposed, 1)
FUNCTION(conv_transpose2d, transposed_of, draw_transposed, 2)
FUNCTION(conv_transpose3d, transposed_of, draw_transposed, 3)

#define ROW(function)                                                                              \
    {                                                                                              \
        .family = "layer", .name = #function, .c = &function##_case, .draw = draw_##function,      \
        .dtypes = REEL__FLOAT, .differentiable = true                                              \
    }
const parity_subject parity_convolutions[] = {
    ROW(conv1d),           ROW(conv2d),           ROW(conv3d),   ROW(conv_transpose1d),
    ROW(conv_transpose2d), ROW(conv_transpose3d), {.name = NULL}};

/* ---- layers: y, and the gradients of x and of the parameters ---- */

typedef reel_module *(*new_conv)(int64_t in, int64_t out, reel_shape kernel,
                                 reel_conv_layer_options options);
typedef reel_module *(*new_transposed)(int64_t in, int64_t out, reel_shape kernel,
                                       reel_conv_transpose_layer_options options);
static const new_conv convs[] = {reel_conv1d_new, reel_conv2d_new, reel_conv3d_new};
static const new_transposed transposed[] = {reel_conv_transpose1d_new, reel_conv_transpose2d_new,
                                            reel_conv_transpose3d_new};

static reel_shape as_shape(const int64_t *v, int axes) {
    reel_shape s = {.ndim = axes};
    for (int i = 0; i < axes; i++) s.dim[i] = v[i];
    return s;
}

typedef struct {
    convolution c;
    bool transposed, same, no_bias;
    reel_pad_mode mode;
    reel_dtype dtype;
} layer;

static layer some_layer(dice *d) {
    layer l = {.c = some_convolution(d, (int)dice_int(d, 1, 3), true)};
    l.transposed = dice_one_in(d, 3);
    l.no_bias = dice_one_in(d, 4);
    l.dtype = dice_one_in(d, 2) ? REEL_F64 : REEL_F32;
    if (l.c.images == 0) l.c.images = 1;
    for (int i = 0; i < l.c.axes; i++) l.c.more[i] = 0;
    if (l.transposed) {
        leave_something(&l.c);
        return l;
    }
    l.mode = (reel_pad_mode)dice_int(d, 0, 3);
    l.same = dice_one_in(d, 4);
    for (int i = 0; i < l.c.axes; i++) {
        if (l.same) l.c.stride[i] = 1;
        l.c.x[i] += l.c.dilation[i] * l.c.kernel[i]; /* enough to mirror */
    }
    return l;
}

static reel_module *made(const layer *l, int64_t seed) {
    const convolution *c = &l->c;
    const int axes = c->axes;
    const reel_shape kernel = as_shape(c->kernel, axes), stride = as_shape(c->stride, axes),
                     padding = as_shape(c->before, axes), dilation = as_shape(c->dilation, axes);
    const int64_t in = c->groups * c->in, out = c->groups * c->out;
    reel_generator *g = reel_generator_new((uint64_t)seed, test_device());
    reel_module *m =
        l->transposed
            ? transposed[axes - 1](out, in, kernel,
                                   (reel_conv_transpose_layer_options){.stride = stride,
                                                                       .padding = padding,
                                                                       .dilation = dilation,
                                                                       .groups = c->groups,
                                                                       .no_bias = l->no_bias,
                                                                       .dtype = l->dtype,
                                                                       .generator = g})
            : convs[axes - 1](in, out, kernel,
                              (reel_conv_layer_options){.stride = stride,
                                                        .padding = padding,
                                                        .dilation = dilation,
                                                        .groups = c->groups,
                                                        .same = l->same,
                                                        .padding_mode = l->mode,
                                                        .no_bias = l->no_bias,
                                                        .dtype = l->dtype,
                                                        .generator = g});
    reel_generator_free(g);
    return m;
}

static void record_options(record *r, const layer *l) {
    static const char *const modes[] = {"zeros", "reflect", "replicate", "circular"};
    record_integer(r, "axes", l->c.axes);
    record_integer(r, "transposed", l->transposed);
    record_integer(r, "same", l->same);
    record_text(r, "mode", modes[l->mode]);
    record_integer(r, "groups", l->c.groups);
    record_integers(r, "stride", l->c.stride, l->c.axes);
    record_integers(r, "padding", l->c.before, l->c.axes);
    record_integers(r, "dilation", l->c.dilation, l->c.axes);
}

static void layer_case(record *r, int64_t seed) {
    dice d = dice_of("convolution", seed);
    const layer l = some_layer(&d);
    op_shapes s = {.in = {l.transposed ? shape_of_y(&l.c) : shape_of_x(&l.c)}};
    reel_module *m = made(&l, seed);
    record_case(r, "convolution", "convolution", seed);
    record_options(r, &l);
    const op_case one = {.inputs = 1};
    reel_tensor *x = parity_input(r, &d, &one, 0, &s, (parity_values){.dtype = l.dtype}, true);
    reel_tensor *y = reel_forward(m, x);
    reel_state *params = reel_module_params(m);
    reel_tensor *weight = parity_weight(&d, y);
    record_tensor(r, "out", y);
    record_tensor(r, "weight", weight);
    reel_tensor *by[3] = {x}, *grads[3];
    const int count = reel_state_count(params);
    for (int i = 0; i < count; i++) by[i + 1] = reel_state_at(params, i);
    reel_grad_of(&y, 1, by, count + 1, grads, (reel_grad_of_options){.gradients = &weight});
    record_tensor(r, "grad_x", grads[0]);
    for (int i = 0; i < count; i++) {
        record_tensor_at(r, "parameter", i, by[i + 1]);
        record_tensor_at(r, "grad", i, grads[i + 1]);
    }
    record_end(r);
    reel_state_free(params);
    reel_module_free(m);
}

void parity_convolution_layers(record *r) {
    if (!record_subject(r, "convolution", "convolution")) return;
    for (int64_t seed = r->first; seed < r->first + r->count; seed++) {
        REEL_SCOPE;
        layer_case(r, seed);
    }
}
