/* Times single ops, f32: started once, then asked by lines on its standard input, each answered by
 * a line.
 *
 *     op NAME ROWS COLUMNS SECONDS    -> MEDIAN P10 P90 COUNT    microseconds of a call
 *
 * x is [ROWS,COLUMNS]; NAME and what else it takes stand in the table below. Convolutions are named
 * with their shapes, layers by what is timed of them: see bench_convs.h, bench_layers.h. Each call
 * but copy_into's makes a new result and lets it go; the operands stay the same, in the cache where
 * they fit.
 *
 * Options: --threads N, --device cpu|cuda, --conv best|tiles|direct|plain|cudnn (how convolutions
 * are done on cuda). */
#include "reel.h"

#include "cuda/conv_way_internal.h"
#include "tests/bench/bench_convs.h"
#include "tests/bench/bench_layers.h"
#include "tests/bench/timing.h"

#include <stdlib.h>
#include <string.h>

/* What an op takes beside x[R,C]. */
typedef enum {
    NOTHING,
    WHOLE,
    ROW,
    COLUMN,
    SQUARE,
    ROW_INDEX,
    ELEMENT_INDEX,
    CONV_X_W, /* x is of a convolution's shape too */
    CONV_G_W,
    CONV_G_X,
    OF_LAYER, /* and no x */
} operand;

typedef struct op op;

/* An op on operands, which are kept from one question to the next. */
typedef struct {
    const op *op;
    const conv_shape *conv; /* or NULL */
    const layer *layer;     /* or NULL */
    long long rows, columns;
    reel_tensor *x, *y;
    layer_operands in;
} cell;

struct op {
    const char *name;
    operand second;
    reel_tensor *(*call)(const cell *c);
};

/* ---- the ops ---- */

static reel_tensor *add(const cell *c) {
    return reel_add(c->x, c->y);
}
static reel_tensor *divide(const cell *c) {
    return reel_div(c->x, c->y);
}
static reel_tensor *maximum_of(const cell *c) {
    return reel_maximum(c->x, c->y);
}
static reel_tensor *gt_of(const cell *c) {
    return reel_gt(c->x, c->y);
}
static reel_tensor *relu_of(const cell *c) {
    return reel_relu(c->x);
}
static reel_tensor *exp_of(const cell *c) {
    return reel_exp(c->x);
}
static reel_tensor *log_of(const cell *c) {
    return reel_log(c->x);
}
static reel_tensor *tanh_of(const cell *c) {
    return reel_tanh(c->x);
}
static reel_tensor *sin_of(const cell *c) {
    return reel_sin(c->x);
}
static reel_tensor *cos_of(const cell *c) {
    return reel_cos(c->x);
}
static reel_tensor *silu_of(const cell *c) {
    return reel_silu(c->x);
}
static reel_tensor *norm_of(const cell *c) {
    return reel_norm(c->x, 2);
}
static reel_tensor *norm_1(const cell *c) {
    return reel_norm_over(c->x, 2, reel_axes(1), false);
}
static reel_tensor *gelu_of(const cell *c) {
    return reel_gelu(c->x);
}
static reel_tensor *sigmoid(const cell *c) {
    return reel_sigmoid(c->x);
}
static reel_tensor *sum(const cell *c) {
    return reel_sum(c->x);
}
static reel_tensor *sum_0(const cell *c) {
    return reel_sum_over(c->x, reel_axes(0), false);
}
static reel_tensor *sum_1(const cell *c) {
    return reel_sum_over(c->x, reel_axes(1), false);
}
static reel_tensor *max(const cell *c) {
    return reel_max(c->x);
}
static reel_tensor *max_0(const cell *c) {
    return reel_max_over(c->x, reel_axes(0), false);
}
static reel_tensor *max_1(const cell *c) {
    return reel_max_over(c->x, reel_axes(1), false);
}
static reel_tensor *argmax_0(const cell *c) {
    return reel_argmax_over(c->x, reel_axes(0), false);
}
static reel_tensor *argmax_1(const cell *c) {
    return reel_argmax_over(c->x, reel_axes(1), false);
}
static reel_tensor *var_0(const cell *c) {
    return reel_var_over(c->x, reel_axes(0), false);
}
static reel_tensor *var_1(const cell *c) {
    return reel_var_over(c->x, reel_axes(1), false);
}
static reel_tensor *logsumexp_1(const cell *c) {
    return reel_logsumexp_over(c->x, reel_axes(1), false);
}
static reel_tensor *log_softmax_1(const cell *c) {
    return reel_log_softmax(c->x, 1);
}
static reel_tensor *layer_norm(const cell *c) {
    return reel_layer_norm(c->x, reel_shape(reel_dim(c->x, 1)), NULL, NULL, 1e-5);
}
static reel_tensor *rms_norm(const cell *c) {
    return reel_rms_norm(c->x, reel_shape(reel_dim(c->x, 1)), NULL, 1e-5);
}
static reel_tensor *batch_norm(const cell *c) {
    return reel_batch_norm(c->x, NULL, NULL, true, (reel_running_options){0});
}
static reel_tensor *softmax_0(const cell *c) {
    return reel_softmax(c->x, 0);
}
static reel_tensor *softmax_1(const cell *c) {
    return reel_softmax(c->x, 1);
}
static reel_tensor *cumsum_0(const cell *c) {
    return reel_cumsum(c->x, 0);
}
static reel_tensor *cumsum_1(const cell *c) {
    return reel_cumsum(c->x, 1);
}
static reel_tensor *hardswish_of(const cell *c) {
    return reel_hardswish(c->x);
}
static reel_tensor *hardshrink_of(const cell *c) {
    return reel_hardshrink(c->x, 0.5);
}
static reel_tensor *logsigmoid_of(const cell *c) {
    return reel_logsigmoid(c->x);
}
static reel_tensor *selu_of(const cell *c) {
    return reel_selu(c->x);
}
static reel_tensor *rsqrt_of(const cell *c) {
    return reel_rsqrt(c->x);
}
static reel_tensor *transpose(const cell *c) {
    return reel_contiguous(reel_t(c->x));
}
static reel_tensor *copy(const cell *c) {
    return reel_copy_(reel_empty(reel_shape_of(c->x), REEL_F32, reel_device_of(c->x)), c->x);
}
static reel_tensor *copy_into(const cell *c) {
    return reel_copy_(c->y, c->x);
}
static reel_tensor *fill(const cell *c) {
    return reel_full(reel_shape_of(c->x), 1.5, REEL_F32, reel_device_of(c->x));
}
static reel_tensor *index_select(const cell *c) {
    return reel_index_select(c->x, 0, c->y);
}
static reel_tensor *index_add(const cell *c) {
    return reel_index_add(c->x, 0, c->y, c->rows);
}
static reel_tensor *gather(const cell *c) {
    return reel_gather(c->x, 1, c->y);
}
static reel_tensor *matmul(const cell *c) {
    return reel_matmul(c->x, c->y);
}
static reel_tensor *matmul_tf32(const cell *c) {
    reel_set_matmul_precision(REEL_MATMUL_TF32);
    reel_tensor *z = reel_matmul(c->x, c->y);
    reel_set_matmul_precision(REEL_MATMUL_F32);
    return z;
}

/* x[R,C] as [R/256,C/64,256,64], or as one sequence or head where that does not come out even. */
static reel_tensor *heads_of(const cell *c) {
    const int64_t length = c->rows % 256 ? c->rows : 256, width = c->columns % 64 ? c->columns : 64;
    const reel_shape s = reel_shape(c->rows / length, length, c->columns / width, width);
    return reel_transpose(reel_reshape(c->x, s), 1, 2);
}
static reel_tensor *attention(const cell *c) {
    reel_tensor *x = heads_of(c);
    return reel_scaled_dot_product_attention(x, x, x, (reel_attention_options){.is_causal = true});
}
/* Forward and backward, of queries, keys and values of their own. */
static reel_tensor *attention_step(const cell *c) {
    reel_tensor *x = heads_of(c), *in[3];
    for (int i = 0; i < 3; i++) in[i] = reel_track(reel_detach(x));
    reel_tensor *y = reel_scaled_dot_product_attention(in[0], in[1], in[2],
                                                       (reel_attention_options){.is_causal = true});
    reel_backward_with(y, .gradient = x);
    return reel_grad(in[0]);
}

static reel_tensor *conv(const cell *c) {
    return conv_forward(c->conv, c->x, c->y);
}
static reel_tensor *conv_dx(const cell *c) {
    return conv_input_grad(c->conv, c->x, c->y, c->columns);
}
static reel_tensor *conv_dw(const cell *c) {
    return conv_weight_grad(c->conv, c->x, c->y);
}

static reel_tensor *forward(const cell *c) {
    return layer_forward(c->layer, &c->in);
}
static reel_tensor *step(const cell *c) {
    return layer_step(c->layer, &c->in);
}

static const op ops[] = {
    {"add", WHOLE, add},
    {"add_row", ROW, add},
    {"add_column", COLUMN, add},
    {"div", WHOLE, divide},
    {"maximum", WHOLE, maximum_of},
    {"gt", WHOLE, gt_of},
    {"relu", NOTHING, relu_of},
    {"exp", NOTHING, exp_of},
    {"log", NOTHING, log_of},
    {"tanh", NOTHING, tanh_of},
    {"sin", NOTHING, sin_of},
    {"cos", NOTHING, cos_of},
    {"silu", NOTHING, silu_of},
    {"norm", NOTHING, norm_of},
    {"norm_1", NOTHING, norm_1},
    {"gelu", NOTHING, gelu_of},
    {"sigmoid", NOTHING, sigmoid},
    {"sum", NOTHING, sum},
    {"sum_0", NOTHING, sum_0},
    {"sum_1", NOTHING, sum_1},
    {"max", NOTHING, max},
    {"max_0", NOTHING, max_0},
    {"max_1", NOTHING, max_1},
    {"argmax_0", NOTHING, argmax_0},
    {"argmax_1", NOTHING, argmax_1},
    {"var_0", NOTHING, var_0},
    {"var_1", NOTHING, var_1},
    {"logsumexp_1", NOTHING, logsumexp_1},
    {"log_softmax_1", NOTHING, log_softmax_1},
    {"layer_norm", NOTHING, layer_norm},
    {"rms_norm", NOTHING, rms_norm},
    {"batch_norm", NOTHING, batch_norm},
    {"softmax_0", NOTHING, softmax_0},
    {"softmax_1", NOTHING, softmax_1},
    {"cumsum_0", NOTHING, cumsum_0},
    {"cumsum_1", NOTHING, cumsum_1},
    {"hardswish", NOTHING, hardswish_of},
    {"hardshrink", NOTHING, hardshrink_of},
    {"logsigmoid", NOTHING, logsigmoid_of},
    {"selu", NOTHING, selu_of},
    {"rsqrt", NOTHING, rsqrt_of},
    {"attention", NOTHING, attention},
    {"attention_step", NOTHING, attention_step},
    {"transpose", NOTHING, transpose},
    {"copy", NOTHING, copy},
    {"copy_into", WHOLE, copy_into},
    {"fill", NOTHING, fill},
    {"index_select", ROW_INDEX, index_select},
    {"index_add", ROW_INDEX, index_add},
    {"gather", ELEMENT_INDEX, gather},
    {"matmul", SQUARE, matmul},
    {"matmul_tf32", SQUARE, matmul_tf32},
    {"conv", CONV_X_W, conv},
    {"conv_dx", CONV_G_W, conv_dx},
    {"conv_dw", CONV_G_X, conv_dw},
    {"forward", OF_LAYER, forward},
    {"step", OF_LAYER, step},
};

static const op *op_named(const char *name) {
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(ops[i].name, name) == 0) return &ops[i];
    return NULL;
}

/* ---- operands ---- */

static reel_tensor *random_floats(reel_shape shape, reel_generator *g) {
    return reel_rand(shape, REEL_F32, g);
}

/* i64, 0..n-1; half of the last one's share is missing, since u may be 1. */
static reel_tensor *random_index(reel_shape shape, long long n, reel_generator *g) {
    return reel_cast(reel_scale(random_floats(shape, g), (double)n - 0.5), REEL_I64);
}

static reel_tensor *second(const cell *c, reel_generator *g) {
    switch (c->op->second) {
    case NOTHING:
    case OF_LAYER:
        return NULL;
    case WHOLE:
        return random_floats(reel_shape(c->rows, c->columns), g);
    case ROW:
        return random_floats(reel_shape(c->columns), g);
    case COLUMN:
        return random_floats(reel_shape(c->rows, 1), g);
    case SQUARE:
        return random_floats(reel_shape(c->columns, c->columns), g);
    case ROW_INDEX:
        return random_index(reel_shape(c->rows), c->rows, g);
    case ELEMENT_INDEX:
        return random_index(reel_shape(c->rows, c->columns), c->columns, g);
    case CONV_X_W:
    case CONV_G_W:
        return random_floats(conv_w_shape(c->conv), g);
    case CONV_G_X:
        return random_floats(conv_x_shape(c->conv, c->rows, c->columns), g);
    }
    return NULL;
}

static reel_shape first_shape(const cell *c) {
    if (!c->conv) return reel_shape(c->rows, c->columns);
    return c->op->second == CONV_X_W ? conv_x_shape(c->conv, c->rows, c->columns)
                                     : conv_y_shape(c->conv, c->rows, c->columns);
}

static void cell_release(cell *c) {
    reel_release(c->x);
    reel_release(c->y);
    layer_release(&c->in);
    *c = (cell){0};
}

static void cell_prepare(cell *c, cell asked, reel_generator *g) {
    if (c->op == asked.op && c->conv == asked.conv && c->layer == asked.layer &&
        c->rows == asked.rows && c->columns == asked.columns)
        return;
    cell_release(c);
    *c = asked;
    if (c->layer) {
        c->in = layer_prepare(c->layer, c->rows, c->columns, g);
        return;
    }
    REEL_SCOPE;
    c->x = reel_retain(random_floats(first_shape(c), g));
    c->y = reel_retain(second(c, g));
}

/* ---- questions and answers ---- */

static void call(void *context) {
    const cell *c = context;
    REEL_SCOPE;
    c->op->call(c);
}

/* False if the line asks for nothing that there is. */
static bool understand(const char *line, cell *asked, double *seconds) {
    char name[32];
    if (sscanf(line, "op %31s %lld %lld %lf", name, &asked->rows, &asked->columns, seconds) != 4)
        return false;
    char *of = strchr(name, '/');
    if (of) *of++ = '\0';
    asked->op = op_named(name);
    if (!asked->op || (asked->op->second >= CONV_X_W) != (of != NULL)) return false;
    if (!of) return true;
    if (asked->op->second == OF_LAYER) return (asked->layer = layer_named(of));
    return (asked->conv = conv_named(of));
}

static void answer(cell *c, reel_generator *g, reel_device device, const char *line) {
    cell asked = {0};
    double seconds;
    if (!understand(line, &asked, &seconds)) {
        printf("error: not understood: %s", line);
        return;
    }
    cell_prepare(c, asked, g);
    int block = timing_block(call, c, device);
    timing t = timing_of(call, c, block, device, seconds);
    if (reel_failed()) cell_release(c);
    timing_answer(t);
}

static bool choose_way(const char *name) {
    static const char *const names[REEL__CONV_WAYS] = {"best", "tiles", "direct", "plain", "cudnn"};
    for (int i = 0; i < REEL__CONV_WAYS; i++) {
        if (strcmp(name, names[i]) != 0) continue;
        reel__cuda_conv_by((reel__conv_way)i);
        return true;
    }
    return false;
}

static bool read_options(int argc, char **argv, int *threads, reel_device *device) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return false;
        if (strcmp(argv[i], "--threads") == 0)
            *threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--conv") == 0 && choose_way(argv[i + 1]))
            continue;
        else if (strcmp(argv[i], "--device") != 0 ||
                 reel_device_parse(argv[i + 1], device) != REEL_OK)
            return false;
    }
    return true;
}

int main(int argc, char **argv) {
    int threads = 1;
    reel_device device = reel_cpu();
    if (!read_options(argc, argv, &threads, &device)) {
        fprintf(stderr, "usage: bench_ops [--threads N] [--device cpu|cuda] [--conv WAY]\n");
        return 2;
    }
    if (reel_set_threads(threads) != REEL_OK || reel_device_check(device) != REEL_OK)
        return reel_report(stderr);
    reel_generator *g = reel_generator_new(1, device);
    cell c = {0};
    char line[256];
    while (fgets(line, sizeof line, stdin)) {
        answer(&c, g, device, line);
        fflush(stdout);
    }
    cell_release(&c);
    reel_generator_free(g);
    return reel_report(stderr);
}
