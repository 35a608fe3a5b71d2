/* Random shapes of normalizations, and their functions: norm_check.py compares them. */
#include "tests/parity/parity_layers.h"

#include "tensor/normalization.h"
#include "tests/parity/parity_inputs.h"
#include "tests/parity/parity_shapes.h"

/* ---- rows: param as of op_cases_norm.c ---- */

static reel_shape drawn(dice *d, op_shapes *s) {
    s->param[0] = dice_one_in(d, 2);
    s->param[1] = dice_one_in(d, 4);
    s->param[2] = dice_int(d, 0, 2);
    return reel_shape(dice_int(d, 1, 5), s->param[0] ? 1 : dice_int(d, 1, 3), dice_int(d, 1, 6),
                      dice_one_in(d, 3) ? 1 : dice_int(d, 2, dice_one_in(d, 5) ? 90 : 9));
}
void draw_standardize(dice *d, op_shapes *s) {
    s->in[0] = drawn(d, s);
    s->in[1] = s->in[2] = reel_shape(s->in[0].dim[1] * s->in[0].dim[2]);
}
void draw_standardize_grad(dice *d, op_shapes *s) {
    s->in[0] = s->in[1] = drawn(d, s);
    s->in[2] = reel_shape(s->in[0].dim[1] * s->in[0].dim[2]);
}

/* ---- functions: param is bits of weight and bias, whether eps is the usual one ---- */

static double eps_of(const int64_t *param) {
    return param[1] ? 0 : 0.5;
}

/* x[N,C,S...] of two or more elements a channel. */
static void draw_channels(dice *d, op_shapes *s, int least) {
    const int axes = (int)dice_int(d, least, 5);
    s->in[0] = (reel_shape){.ndim = axes, .dim = {dice_int(d, 2, 4), dice_int(d, 1, 6)}};
    for (int i = 2; i < axes; i++) s->in[0].dim[i] = dice_int(d, i == 2 ? 2 : 1, 5);
    s->in[1] = s->in[2] = reel_shape(s->in[0].dim[1]);
    s->param[0] = dice_int(d, 0, 3);
    s->param[1] = dice_one_in(d, 2);
}

static reel_tensor *run_rms_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_rms_norm(in[0], reel_shape(reel_dim(in[0], -1)), param[0] ? in[1] : NULL,
                         param[1] ? 0.5 : 0);
}
static void draw_rms_norm(dice *d, op_shapes *s) {
    draw_channels(d, s, 2);
    s->in[1] = reel_shape(s->in[0].dim[s->in[0].ndim - 1]);
    s->param[0] %= 2;
}

static reel_tensor *run_group_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    reel_tensor *weight = param[0] % 2 ? in[1] : NULL, *bias = param[0] > 1 ? in[2] : NULL;
    return reel_group_norm(in[0], param[2], weight, bias, eps_of(param));
}
static void draw_group_norm(dice *d, op_shapes *s) {
    draw_channels(d, s, 2);
    s->param[2] = dice_int(d, 1, 3);
    s->in[0].dim[1] = s->param[2] * dice_int(d, 1, 3);
    s->in[1] = s->in[2] = reel_shape(s->in[0].dim[1]);
}

/* From a to b, as torch.linspace. */
static reel_tensor *spaced(const reel_tensor *x, double a, double b) {
    return reel_linspace(a, b, reel_dim(x, 1), reel_dtype_of(x), reel_device_of(x));
}
static reel_tensor *run_batch_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    reel_tensor *weight = param[0] % 2 ? in[1] : NULL, *bias = param[0] > 1 ? in[2] : NULL;
    reel_running_options o = {.eps = eps_of(param)};
    if (!param[2]) {
        o.running_mean = spaced(in[0], -1, 1);
        o.running_var = spaced(in[0], 0.5, 2);
    }
    return reel_batch_norm(in[0], weight, bias, param[2] != 0, o);
}
static void draw_batch_norm(dice *d, op_shapes *s) {
    draw_channels(d, s, 2);
    s->param[2] = !dice_one_in(d, 3);
}

static reel_tensor *run_instance_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    reel_tensor *weight = param[0] % 2 ? in[1] : NULL, *bias = param[0] > 1 ? in[2] : NULL;
    return reel_instance_norm(in[0], weight, bias, true,
                              (reel_running_options){.eps = eps_of(param)});
}
static void draw_instance_norm(dice *d, op_shapes *s) {
    draw_channels(d, s, 3);
}

static reel_tensor *run_local_response_norm(reel_tensor **in, const int64_t *param,
                                            reel_dtype made) {
    (void)made;
    return reel_local_response_norm(in[0], param[0],
                                    param[1] ? (reel_local_response_norm_options){0}
                                             : (reel_local_response_norm_options){0.5, 1.5, 2});
}
static void draw_local_response_norm(dice *d, op_shapes *s) {
    draw_channels(d, s, 3);
    s->param[0] = dice_int(d, 1, 7);
}

static reel_tensor *run_normalize(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    return reel_normalize(in[0], (double)param[1], (int)param[0], 0);
}
static void draw_normalize(dice *d, op_shapes *s) {
    draw_channels(d, s, 2);
    s->param[0] = dice_int(d, 0, 1);
    s->param[1] = dice_int(d, 1, 3);
}

#define CASE(function, many)                                                                       \
    static const op_case function##_case = {                                                       \
        .inputs = many, .run = run_##function, .tolerance32 = 1e-4};
CASE(rms_norm, 2)
CASE(group_norm, 3)
CASE(batch_norm, 3)
CASE(instance_norm, 3)
CASE(local_response_norm, 1)
CASE(normalize, 1)

#define ROW(function)                                                                              \
    {                                                                                              \
        .family = "layer", .name = #function, .c = &function##_case, .draw = draw_##function,      \
        .dtypes = REEL__FLOAT, .differentiable = true                                              \
    }
const parity_subject parity_norms[] = {
    ROW(rms_norm),  ROW(group_norm), ROW(batch_norm), ROW(instance_norm), ROW(local_response_norm),
    ROW(normalize), {.name = NULL}};
