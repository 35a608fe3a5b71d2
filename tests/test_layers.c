/* Layers, losses, initialisers and meters. */
#include "capture/capture.h"
#include "nn/nn.h"
#include "optim/optim.h"

#include "tests/counted_module.h"
#include "tests/expect.h"

#include <stdlib.h>

static void expect_equal(reel_tensor *a, reel_tensor *b) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    for (int64_t i = 0; i < reel_numel(a); i++) ck_assert_double_eq(element(a, i), element(b, i));
}

static reel_module *moved(reel_module *m) {
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    return m;
}

/* All elements, which are n of type double or float; free them. */
static void *elements(reel_tensor *t, int64_t n) {
    const size_t bytes = (size_t)n * reel_dtype_size(reel_dtype_of(t));
    void *v = malloc(bytes);
    ck_assert_ptr_nonnull(v);
    ck_assert_int_eq(reel_read(t, v, bytes), REEL_OK);
    return v;
}

/* ---- layers ---- */

START_TEST(linear_computes) {
    reel_module *m = moved(reel_linear_new(3, 2, (reel_linear_options){.dtype = REEL_F64}));
    reel_state *p = reel_module_params(m);
    {
        REEL_SCOPE;
        {
            REEL_NO_GRAD;
            reel_copy_(reel_state_get(p, "weight"),
                       f64(reel_shape(2, 3), (double[]){1, 2, 3, 4, 5, 6}));
            reel_copy_(reel_state_get(p, "bias"), f64(reel_shape(2), (double[]){10, 20}));
        }
        reel_tensor *x = f64(reel_shape(2, 3), (double[]){1, 0, -1, 2, 1, 0});
        expect_values(reel_forward(m, x), (double[]){8, 18, 14, 33}, 4);
    }
    reel_state_free(p);
    reel_module_free(m);
}
END_TEST

START_TEST(linear_draws_within_its_bounds) {
    const double a = 1.0 / sqrt(400.0);
    reel_generator *g = reel_generator_new(7, test_device());
    reel_module *m = reel_linear_new(400, 300, (reel_linear_options){.generator = g});
    reel_state *p = reel_module_params(m);
    {
        REEL_SCOPE;
        reel_tensor *W = reel_state_get(p, "weight"), *b = reel_state_get(p, "bias");
        ck_assert(reel_shape_equal(reel_shape_of(W), reel_shape(300, 400)));
        ck_assert(reel_shape_equal(reel_shape_of(b), reel_shape(300)));
        ck_assert_int_eq(reel_dtype_of(W), REEL_F32);
        double largest = 0.0, square = 0.0;
        float *w = elements(W, 120000), *c = elements(b, 300);
        for (int i = 0; i < 120000; i++) {
            if (fabs((double)w[i]) > largest) largest = fabs((double)w[i]);
            square += (double)w[i] * (double)w[i];
        }
        ck_assert_double_le(largest, a * (1 + 1e-6));
        ck_assert_double_ge(largest, 0.99 * a);
        ck_assert_double_eq_tol(sqrt(square / 120000), a / sqrt(3.0), 0.01 * a);
        largest = 0.0;
        for (int i = 0; i < 300; i++)
            if (fabs((double)c[i]) > largest) largest = fabs((double)c[i]);
        ck_assert_double_le(largest, a * (1 + 1e-6));
        ck_assert_double_ge(largest, 0.9 * a);
        free(w);
        free(c);
    }
    reel_state_free(p);
    reel_module_free(m);
    reel_generator_free(g);
}
END_TEST

static double first_weight(void) {
    reel_module *m = reel_linear_new(4, 4, (reel_linear_options){0});
    reel_state *params = reel_module_params(m);
    const double w = element(reel_state_get(params, "weight"), 0);
    reel_state_free(params);
    reel_module_free(m);
    return w;
}

/* Layers without a generator are drawn apart, and the same again from the same seed. */
START_TEST(default_seeds_differ) {
    reel_manual_seed(3);
    const double a = first_weight(), b = first_weight();
    ck_assert(a != b);
    reel_manual_seed(4);
    ck_assert(first_weight() != a);
    reel_manual_seed(3);
    ck_assert(first_weight() == a);
    ck_assert(first_weight() == b);
    expect_fine();
}
END_TEST

START_TEST(linear_refuses) {
    ck_assert_ptr_null(reel_linear_new(0, 3, (reel_linear_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "linear_new: a size below 1: in 0, out 3");
    ck_assert_ptr_null(reel_linear_new(3, -1, (reel_linear_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "in 3, out -1");
    ck_assert_ptr_null(reel_linear_new(3, 2, (reel_linear_options){.dtype = REEL_I64}));
    ck_assert_int_eq(reel_error_status(), REEL_ERR_DTYPE);
    reel_clear_error();
}
END_TEST

START_TEST(forward_leaves_its_result_alone) {
    reel_module *m = moved(reel_sequential(reel_linear_new(3, 2, (reel_linear_options){0}),
                                           reel_sigmoid_new(), reel_relu_new()));
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(4, 3), REEL_F32, test_device());
        size_t before = reel_tensors_alive();
        {
            REEL_NO_GRAD;
            ck_assert_ptr_nonnull(reel_forward(m, x));
        }
        ck_assert_uint_eq(reel_tensors_alive(), before + 1);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(sequential_chains) {
    int freed = 0;
    reel_module *m = reel_sequential(counted_new(&freed), reel_relu_new(), counted_new(&freed));
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(2), (double[]){2, -2});
        expect_values(reel_forward(m, x), (double[]){18, 0}, 2);
    }
    reel_state *p = reel_module_params(m);
    ck_assert_str_eq(reel_state_name(p, 0), "0.W");
    ck_assert_str_eq(reel_state_name(p, 1), "2.W");
    reel_state_free(p);
    reel_module_free(m);
    ck_assert_int_eq(freed, 2);
}
END_TEST

START_TEST(sequential_of_nothing_is_the_identity) {
    reel_module *m = reel_sequential_new(NULL, 0);
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(2), (double[]){2, -2});
        ck_assert_ptr_eq(reel_forward(m, x), x);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(sequential_takes_over_also_on_failure) {
    int freed = 0;
    ck_assert_ptr_null(reel_sequential(counted_new(&freed), NULL, counted_new(&freed)));
    expect_failure(REEL_ERR_ARGUMENT, "no child: 1 in sequential");
    ck_assert_int_eq(freed, 2);
    ck_assert_ptr_null(
        reel_sequential(reel_linear_new(0, 0, (reel_linear_options){0}), counted_new(&freed)));
    expect_failure(REEL_ERR_ARGUMENT, "linear_new"); /* the first failure is the one kept */
    ck_assert_int_eq(freed, 3);
}
END_TEST

START_TEST(activations_are_their_ops) {
    reel_module *relu = reel_relu_new(), *sigmoid = reel_sigmoid_new(), *tanh = reel_tanh_new();
    reel_module *softmax = reel_softmax_new(-1);
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(1, 3), (double[]){-1, 0, 2});
        expect_equal(reel_forward(relu, x), reel_relu(x));
        expect_equal(reel_forward(sigmoid, x), reel_sigmoid(x));
        expect_equal(reel_forward(tanh, x), reel_tanh(x));
        expect_equal(reel_forward(softmax, x), reel_softmax(x, 1));
        expect_equal(reel_forward(softmax, f64(REEL_SCALAR, (double[]){3})),
                     f64(REEL_SCALAR, (double[]){1}));
        reel_module *second = reel_softmax_new(1);
        ck_assert_ptr_null(reel_forward(second, f64(REEL_SCALAR, (double[]){1})));
        expect_failure(REEL_ERR_SHAPE, "softmax: no such axis");
        reel_module_free(second);
    }
    ck_assert_str_eq(softmax->type, "softmax");
    reel_module_free(relu);
    reel_module_free(sigmoid);
    reel_module_free(tanh);
    reel_module_free(softmax);
}
END_TEST

/* ---- losses ---- */

START_TEST(losses_reduce) {
    REEL_SCOPE;
    reel_tensor *y = f64(reel_shape(2, 2), (double[]){0.5, 0.25, 0.75, 1});
    reel_tensor *t = f64(reel_shape(2, 2), (double[]){1, 0, 0.5, 1});
    const double square[] = {0.25, 0.0625, 0.0625, 0};
    const double cross[] = {log(2), -log(0.75), -(log(0.75) + log(0.25)) / 2, 0};
    expect_values(reel_mse_loss_with(y, t, REEL_NONE), square, 4);
    expect_values(reel_mse_loss_with(y, t, REEL_SUM), (double[]){0.375}, 1);
    expect_values(reel_mse_loss(y, t), (double[]){0.09375}, 1);
    double sum = cross[0] + cross[1] + cross[2];
    expect_values(reel_bce_loss_with(y, t, REEL_NONE), cross, 4);
    expect_values(reel_bce_loss_with(y, t, REEL_SUM), &sum, 1);
    sum /= 4;
    expect_values(reel_bce_loss(y, t), &sum, 1);
    ck_assert_int_eq(reel_ndim(reel_mse_loss(y, t)), 0);
}
END_TEST

START_TEST(losses_refuse) {
    REEL_SCOPE;
    reel_tensor *y = reel_zeros(reel_shape(40, 784), REEL_F32, test_device());
    reel_tensor *t = reel_zeros(reel_shape(40, 10), REEL_F32, test_device());
    reel_tensor *row = reel_zeros(reel_shape(1, 784), REEL_F32, test_device());
    ck_assert_ptr_null(reel_mse_loss(y, t));
    expect_failure(REEL_ERR_SHAPE, "mse_loss: shapes differ: y[40, 784], t[40, 10] (");
    ck_assert_ptr_null(reel_bce_loss(y, row)); /* would broadcast */
    expect_failure(REEL_ERR_SHAPE, "bce_loss: shapes differ: y[40, 784], row[1, 784]");
    ck_assert_ptr_null(reel_mse_loss(NULL, t));
    expect_failure(REEL_ERR_ARGUMENT, "mse_loss: y is NULL");
    ck_assert_ptr_null(reel_bce_loss(y, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "bce_loss: target is NULL");
    ck_assert_ptr_null(reel_mse_loss_with(y, y, (reel_reduction)9));
    expect_failure(REEL_ERR_ARGUMENT, "no such reduction: 9");
    ck_assert_ptr_null(reel_mse_loss(y, reel_cast(y, REEL_F64)));
    expect_failure(REEL_ERR_DTYPE,
                   "mse_loss: dtypes differ: y[40, 784] f32, target[40, 784] f64 (");
    reel_tensor *pixels = reel_cast(y, REEL_U8);
    ck_assert_ptr_null(reel_mse_loss(pixels, pixels));
    expect_failure(REEL_ERR_DTYPE, "mse_loss: takes f32 or f64: pixels[40, 784] u8");
}
END_TEST

/* ---- gradients ---- */

static reel_tensor *layer_of(reel_tensor **in, void *m) {
    return reel_forward((reel_module *)m, in[0]);
}

static reel_tensor *mse_of(reel_tensor **in, void *r) {
    return reel_mse_loss_with(in[0], in[1], *(reel_reduction *)r);
}

static reel_tensor *bce_of(reel_tensor **in, void *r) {
    return reel_bce_loss_with(in[0], in[1], *(reel_reduction *)r);
}

/* Each layer of f64, an x that it takes, and one that it does not. */
static reel_module *new_linear(void) {
    return reel_linear_new(3, 2, (reel_linear_options){.dtype = REEL_F64});
}
static reel_module *new_linear_without_bias(void) {
    return reel_linear_new(3, 2, (reel_linear_options){.dtype = REEL_F64, .no_bias = true});
}
static reel_module *new_layer_norm(void) {
    return reel_layer_norm_new(reel_shape(3, 4), (reel_layer_norm_options){.dtype = REEL_F64});
}
static reel_module *new_layer_norm_without_bias(void) {
    return reel_layer_norm_new(
        reel_shape(4), (reel_layer_norm_options){.dtype = REEL_F64, .eps = 0.1, .no_bias = true});
}
static reel_module *new_layer_norm_without_parameters(void) {
    return reel_layer_norm_new(
        reel_shape(4),
        (reel_layer_norm_options){.dtype = REEL_F64, .eps = REEL_ZERO, .no_affine = true});
}

static reel_module *new_rms_norm(void) {
    return reel_rms_norm_new(reel_shape(4),
                             (reel_layer_norm_options){.dtype = REEL_F64, .eps = 0.1});
}
static reel_module *new_group_norm(void) {
    return reel_group_norm_new(2, 4, (reel_layer_norm_options){.dtype = REEL_F64});
}
static reel_module *new_batch_norm1d(void) {
    return reel_batch_norm1d_new(3, (reel_batch_norm_options){.dtype = REEL_F64, .eps = 0.1});
}
static reel_module *new_batch_norm2d(void) {
    return reel_batch_norm2d_new(3,
                                 (reel_batch_norm_options){.dtype = REEL_F64, .no_tracking = true});
}
static reel_module *new_batch_norm3d(void) {
    return reel_batch_norm3d_new(2,
                                 (reel_batch_norm_options){.dtype = REEL_F64, .cumulative = true});
}
static reel_module *new_instance_norm1d(void) {
    return reel_instance_norm1d_new(
        3, (reel_instance_norm_options){
               .dtype = REEL_F64, .affine = true, .track_running_stats = true, .eps = 0.1});
}
static reel_module *new_instance_norm2d(void) {
    return reel_instance_norm2d_new(2, (reel_instance_norm_options){.dtype = REEL_F64});
}
static reel_module *new_local_response_norm(void) {
    return reel_local_response_norm_new(3, (reel_local_response_norm_options){.alpha = 0.5});
}

static reel_module *new_prelu(void) {
    return reel_prelu_new((reel_prelu_options){.num_parameters = 3, .dtype = REEL_F64});
}

static reel_module *new_multihead_attention(void) {
    return reel_multihead_attention_new(
        4, 2, (reel_multihead_attention_options){.dtype = REEL_F64, .is_causal = true});
}

static reel_transformer_options small_transformer(void) {
    return (reel_transformer_options){.dim_feedforward = 3,
                                      .dropout = REEL_ZERO,
                                      .activation = reel_gelu_at,
                                      .layer_norm_eps = 1,
                                      .dtype = REEL_F64};
}

static reel_module *new_encoder_layer(void) {
    return reel_transformer_encoder_layer_new(4, 2, small_transformer());
}

static reel_module *new_encoder(void) {
    reel_transformer_options o = small_transformer();
    o.norm_first = true;
    return reel_transformer_encoder_new(4, 2, 2, true, o);
}

#define CONV(...)                                                                                  \
    (reel_conv_layer_options) {                                                                    \
        .dtype = REEL_F64, __VA_ARGS__                                                             \
    }
static reel_module *new_conv1d(void) {
    return reel_conv1d_new(2, 4, reel_shape(3), CONV(.stride = reel_shape(2), .groups = 2));
}
static reel_module *new_conv2d(void) {
    return reel_conv2d_new(3, 2, reel_shape(3, 2), CONV(.padding = reel_shape(1, 0)));
}
static reel_module *new_conv2d_same(void) {
    return reel_conv2d_new(2, 2, reel_shape(2, 3),
                           CONV(.same = true, .padding_mode = REEL_PAD_REPLICATE));
}
static reel_module *new_conv3d(void) {
    return reel_conv3d_new(2, 1, reel_shape(2), CONV(.no_bias = true));
}
static reel_module *new_conv_transpose2d(void) {
    return reel_conv_transpose2d_new(
        2, 4, reel_shape(3, 2),
        (reel_conv_transpose_layer_options){
            .dtype = REEL_F64, .stride = reel_shape(2, 1), .padding = reel_shape(1), .groups = 2});
}

static reel_module *new_max_pool2d(void) {
    return reel_max_pool2d_new(reel_shape(2), (reel_pool_options){.stride = reel_shape(1, 2)});
}
static reel_module *new_upsample(void) {
    return reel_upsample_new(
        (reel_interpolate_options){.scale = {2}, .mode = REEL_INTERPOLATE_BILINEAR});
}
static reel_module *new_pad(void) {
    return reel_pad_new(reel_shape(2, 1, 1, 1), REEL_PAD_REFLECT, 0);
}
static reel_module *new_avg_pool1d(void) {
    return reel_avg_pool1d_new(reel_shape(3), (reel_pool_options){.padding = reel_shape(1)});
}

static const struct {
    reel_module *(*make)(void);
    reel_shape x, bad;
    const char *says; /* of the bad one */
} layers[] = {
    {new_linear,
     {2, {4, 3}},
     {2, {3, 4}},
     "linear: inner dimensions differ: x[3, 4], weight[2, 3], bias[2]"},
    {new_multihead_attention,
     {3, {3, 1, 4}},
     {2, {3, 5}},
     "multihead_attention: query has 5 features, not 4: x[3, 5]"},
    {new_encoder_layer,
     {2, {3, 4}},
     {2, {3, 5}},
     "transformer_encoder_layer: query has 5 features, not 4: x[3, 5]"},
    {new_encoder,
     {2, {2, 4}},
     {2, {3, 5}},
     "transformer_encoder: x must end with the axes [4]: x[3, 5]"},
    {new_prelu,
     {3, {2, 3, 4}},
     {2, {3, 4}},
     "prelu: weight must be [1] or [4], a slope a channel: x[3, 4], weight[3]"},
    {new_linear_without_bias,
     {2, {4, 3}},
     {2, {3, 4}},
     "linear: inner dimensions differ: x[3, 4], weight[2, 3]"},
    {new_layer_norm,
     {3, {2, 3, 4}},
     {2, {4, 3}},
     "layer_norm: x must end with the axes [3, 4]: x[4, 3], weight[3, 4], bias[3, 4]"},
    {new_layer_norm_without_bias,
     {2, {3, 4}},
     {2, {4, 3}},
     "layer_norm: x must end with the axes [4]: x[4, 3], weight[4]"},
    {new_layer_norm_without_parameters,
     {2, {3, 4}},
     {0, {0}},
     "layer_norm: x must end with the axes [4]: x[]"},
    {new_rms_norm,
     {2, {3, 4}},
     {2, {4, 3}},
     "rms_norm: x must end with the axes [4]: x[4, 3], weight[4]"},
    {new_group_norm,
     {3, {2, 4, 3}},
     {3, {2, 2, 3}},
     "group_norm: takes x[N,4,...]: x[2, 2, 3], weight[4], bias[4]"},
    {new_batch_norm1d,
     {2, {4, 3}},
     {2, {1, 3}},
     "batch_norm1d: expected more than 1 value per channel when training: x[1, 3]"},
    {new_batch_norm2d,
     {4, {2, 3, 2, 2}},
     {4, {2, 4, 2, 2}},
     "batch_norm2d: takes 3 channels: x[2, 4, 2, 2], weight[3], bias[3]"},
    {new_batch_norm3d,
     {5, {2, 2, 1, 2, 2}},
     {4, {2, 2, 2, 2}},
     "batch_norm3d: takes 5 axes: x[2, 2, 2, 2]"},
    {new_instance_norm1d,
     {3, {2, 3, 4}},
     {3, {2, 3, 1}},
     "instance_norm1d: expected more than 1 value per channel when training: x[2, 3, 1]"},
    {new_instance_norm2d,
     {3, {2, 3, 4}},
     {4, {2, 3, 2, 2}},
     "instance_norm2d: takes 2 channels: x[2, 3, 2, 2]"},
    {new_local_response_norm,
     {3, {2, 5, 2}},
     {2, {2, 5}},
     "local_response_norm: takes x[N,C,S...]: x[2, 5]"},
    {new_conv1d,
     {3, {2, 2, 6}},
     {3, {2, 3, 6}},
     "conv1d: 2 groups do not divide 3 and 4 channels: x[2, 3, 6], weight[4, 1, 3], bias[4]"},
    {new_conv2d,
     {4, {2, 3, 4, 3}},
     {2, {4, 3}},
     "conv2d: takes an input of 4 axes, or 3, and a weight of 4: x[4, 3]"},
    {new_conv2d_same,
     {3, {2, 3, 2}},
     {3, {2, 0, 2}},
     "conv2d: padding of nothing: x[2, 0, 2], weight[2, 2, 2, 3], bias[2]"},
    {new_conv3d,
     {5, {1, 2, 3, 2, 2}},
     {5, {1, 2, 3, 2, 1}},
     "conv3d: the kernel reaches over 2, and the padded input over 1, along spatial axis 2"},
    {new_conv_transpose2d,
     {4, {1, 2, 3, 3}},
     {4, {1, 3, 3, 3}},
     "conv_transpose2d: the weight is of 2 channels, the input has 3: x[1, 3, 3, 3]"},
    {new_max_pool2d,
     {4, {1, 2, 5, 4}},
     {4, {1, 2, 1, 4}},
     "max_pool2d: the kernel reaches over 2, and the padded input over 1, along spatial axis 0: "
     "x[1, 2, 1, 4]"},
    {new_upsample,
     {4, {1, 2, 3, 2}},
     {2, {3, 2}},
     "upsample: takes an input of 3, 4 or 5 axes: x[3, 2]"},
    {new_pad, {3, {2, 3, 4}}, {3, {2, 1, 4}}, "pad: padding of 1 where there are 1: x[2, 1, 4]"},
    {new_avg_pool1d,
     {3, {1, 2, 5}},
     {4, {1, 2, 5, 1}},
     "avg_pool1d: takes an input of 3 axes, or 2: x[1, 2, 5, 1]"},
};
enum { LAYERS = sizeof layers / sizeof *layers };

/* Normal numbers in every parameter, so that none is 0 or 1. */
static void draw_parameters(const reel_state *p, reel_generator *g) {
    REEL_NO_GRAD;
    for (int i = 0; i < reel_state_count(p); i++) reel_normal_(reel_state_at(p, i), g, 0.0, 1.0);
}

/* First and second ones, by x and by every parameter. */
START_TEST(layer_gradients) {
    reel_module *m = moved(layers[_i].make());
    reel_state *p = reel_module_params(m);
    reel_generator *g = reel_generator_new(1, test_device());
    draw_parameters(p, g);
    {
        REEL_SCOPE;
        reel_tensor *inputs[32] = {reel_track(reel_randn(layers[_i].x, REEL_F64, g))};
        const int count = 1 + reel_state_count(p);
        ck_assert_int_le(count, 32);
        for (int i = 1; i < count; i++) inputs[i] = reel_state_at(p, i - 1);
        reel_gradcheck(layer_of, m, inputs, count, (reel_gradcheck_options){0});
        expect_fine();
        reel_gradgradcheck(layer_of, m, inputs, count, (reel_gradcheck_options){0});
        expect_fine();
    }
    reel_generator_free(g);
    reel_state_free(p);
    reel_module_free(m);
}
END_TEST

/* Another one that loads what it saved gives the same y. */
START_TEST(layer_is_what_it_saved) {
    reel_module *m = moved(layers[_i].make()), *other = moved(layers[_i].make());
    reel_state *p = reel_module_params(m), *saved = reel_state_new();
    reel_generator *g = reel_generator_new(2, test_device());
    draw_parameters(p, g);
    ck_assert_int_eq(reel_module_save(m, saved, "layer"), REEL_OK);
    ck_assert_int_eq(reel_module_load(other, saved, "layer"), REEL_OK);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_randn(layers[_i].x, REEL_F64, g);
        reel_tensor *y = reel_forward(m, x);
        expect_equal(y, reel_forward(other, x));
        reel_module *copy = reel_module_clone(m);
        expect_equal(y, reel_forward(copy, x));
        reel_module_free(copy);
    }
    reel_generator_free(g);
    reel_state_free(saved);
    reel_state_free(p);
    reel_module_free(other);
    reel_module_free(m);
}
END_TEST

/* Captured, a layer is trained to the same bits. */
typedef struct {
    reel_module *m;
    reel_state *p;
    reel_optim *sgd;
    reel_generator *g;
    reel_shape shape;
} training;

static bool train_step(void *user) {
    const training *t = user;
    reel_tensor *y = reel_forward(t->m, reel_randn(t->shape, REEL_F64, t->g));
    if (!reel_is_tracked(y)) return true; /* it has no parameters */
    reel_backward(reel_mean(reel_square(y)));
    return reel_optim_step(t->sgd) == REEL_OK;
}

static void train(training *t, int which, bool eager) {
    reel_manual_seed(5);
    *t = (training){.m = moved(layers[which].make()), .shape = layers[which].x};
    t->p = reel_module_params(t->m);
    t->g = reel_generator_new(1, test_device());
    if (reel_state_count(t->p)) t->sgd = reel_sgd_new(t->p, (reel_sgd_options){.lr = 0.01});
    reel_plan *plan = reel_capture(train_step, t, (reel_capture_options){.eager = eager});
    ck_assert_msg(reel_replay(plan, 4) == 4, "%s", reel_error());
    reel_plan_free(plan);
    expect_fine();
}

START_TEST(layers_are_captured) {
    training t[2];
    for (int k = 0; k < 2; k++) train(&t[k], _i, k == 0);
    for (int i = 0; i < reel_state_count(t[0].p); i++) {
        reel_tensor *a = reel_state_at(t[0].p, i), *b = reel_state_at(t[1].p, i);
        for (int64_t e = 0; e < reel_numel(a); e++) ck_assert(element(a, e) == element(b, e));
    }
    for (int k = 0; k < 2; k++) {
        reel_optim_free(t[k].sgd);
        reel_generator_free(t[k].g);
        reel_state_free(t[k].p);
        reel_module_free(t[k].m);
    }
}
END_TEST

START_TEST(layer_refuses) {
    reel_module *m = moved(layers[_i].make());
    {
        REEL_SCOPE;
        reel_tensor *x = reel_zeros(layers[_i].bad, REEL_F64, test_device());
        ck_assert_ptr_null(reel_forward(m, x));
        expect_failure(REEL_ERR_SHAPE, layers[_i].says);
        x = reel_zeros(layers[_i].x, REEL_I64, test_device());
        ck_assert_ptr_null(reel_forward(m, x));
        expect_failure(REEL_ERR_DTYPE, "x");
    }
    reel_module_free(m);
}
END_TEST

START_TEST(loss_gradients) {
    reel_reduction r = (reel_reduction)_i;
    REEL_SCOPE;
    reel_tensor *y = reel_track(f64(reel_shape(2, 2), (double[]){0.3, 0.6, 0.2, 0.9}));
    reel_tensor *t = f64(reel_shape(2, 2), (double[]){1, 0, 0.4, 0.7});
    reel_tensor *inputs[] = {y, t};
    reel_gradcheck(mse_of, &r, inputs, 2, (reel_gradcheck_options){0});
    expect_fine();
    reel_gradcheck(bce_of, &r, inputs, 2, (reel_gradcheck_options){0});
    expect_fine();
}
END_TEST

/* ---- initialisers ---- */

typedef reel_tensor *(*initialiser)(reel_tensor *t, reel_generator *g, double gain);

static const struct {
    const char *name;
    initialiser init;
    bool uniform;
    double gain, std; /* of t[200, 100] */
} initialisers[] = {
    {"xavier_uniform_", reel_xavier_uniform_, true, 2.0, 0.16329931618554521}, /* 2 sqrt(2 / 300) */
    {"xavier_normal_", reel_xavier_normal_, false, 2.0, 0.16329931618554521},  /* the same */
    {"kaiming_uniform_", reel_kaiming_uniform_, true, 1.5, 0.15},              /* 1.5 / sqrt(100) */
    {"kaiming_normal_", reel_kaiming_normal_, false, 1.5, 0.15},
};

START_TEST(initialisers_have_their_moments) {
    reel_generator *g = reel_generator_new(3, test_device());
    {
        REEL_SCOPE;
        reel_tensor *t = reel_track(reel_zeros(reel_shape(200, 100), REEL_F64, test_device()));
        ck_assert_ptr_eq(initialisers[_i].init(t, g, initialisers[_i].gain), t);
        expect_fine();
        ck_assert(reel_is_tracked(t));
        const double std = initialisers[_i].std;
        double *v = elements(t, 20000);
        double sum = 0, square = 0, largest = 0;
        for (int i = 0; i < 20000; i++) {
            sum += v[i];
            square += v[i] * v[i];
            if (fabs(v[i]) > largest) largest = fabs(v[i]);
        }
        free(v);
        ck_assert_double_eq_tol(sum / 20000, 0.0, 4 * std / sqrt(20000));
        ck_assert_double_eq_tol(sqrt(square / 20000), std, 0.03 * std);
        const double bound = std * sqrt(3.0);
        if (initialisers[_i].uniform) {
            ck_assert_double_le(largest, bound);
            ck_assert_double_ge(largest, 0.99 * bound);
        } else {
            ck_assert_double_ge(largest, 3 * std);
            ck_assert_double_le(largest, 6 * std);
        }
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(initialisers_refuse) {
    reel_generator *g = reel_generator_new(3, test_device());
    initialiser init = initialisers[_i].init;
    const char *name = initialisers[_i].name;
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(2, 3), REEL_F32, test_device());
        ck_assert_ptr_null(init(NULL, g, 1.0));
        expect_failure(REEL_ERR_ARGUMENT, name);
        ck_assert_ptr_null(init(reel_zeros(reel_shape(3), REEL_F32, test_device()), g, 1.0));
        expect_failure(REEL_ERR_SHAPE, name);
        const double gains[] = {0.0, -1.0, NAN, INFINITY};
        for (size_t k = 0; k < sizeof gains / sizeof *gains; k++) {
            ck_assert_ptr_null(init(t, g, gains[k]));
            expect_failure(REEL_ERR_ARGUMENT, "gain");
        }
        ck_assert_ptr_null(init(t, NULL, 1.0));
        ck_assert(reel_failed());
        reel_clear_error();
        reel_tensor *none = reel_zeros(reel_shape(0, 0), REEL_F32, test_device());
        ck_assert_ptr_eq(init(none, g, 1.0), none);
        for (int i = 0; i < 6; i++) ck_assert_double_eq(element(t, i), 0.0);
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(fans_count_the_receptive_field) {
    reel_generator *g = reel_generator_new(3, test_device());
    {
        REEL_SCOPE; /* t[O 10, I 4, 5, 5]: fan_in 100 */
        reel_tensor *t = reel_zeros(reel_shape(10, 4, 5, 5), REEL_F64, test_device());
        reel_kaiming_uniform_(t, g, 1.0);
        double largest = 0.0, *v = elements(t, 1000);
        for (int i = 0; i < 1000; i++)
            if (fabs(v[i]) > largest) largest = fabs(v[i]);
        free(v);
        ck_assert_double_le(largest, sqrt(3.0) / 10);
        ck_assert_double_ge(largest, 0.95 * sqrt(3.0) / 10);
    }
    reel_generator_free(g);
}
END_TEST

/* ---- meter ---- */

START_TEST(meter_averages) {
    reel_meter m = {0};
    ck_assert(isnan(reel_meter_mean(&m)));
    for (int i = 1; i <= 3; i++) {
        REEL_SCOPE;
        reel_tensor *x = reel_track(reel_full(reel_shape(1), i, REEL_F32, test_device()));
        ck_assert_int_eq(reel_meter_add(&m, reel_square(x)), REEL_OK); /* [1], tracked */
    }
    ck_assert_uint_eq(reel_tensors_alive(), 1);
    ck_assert(!reel_is_tracked(m.sum));
    ck_assert_int_eq(reel_dtype_of(m.sum), REEL_F64);
    ck_assert_double_eq_tol(reel_meter_mean(&m), 14.0 / 3.0, 1e-15);
    {
        REEL_SCOPE;
        ck_assert_int_eq(
            reel_meter_add_weighted(&m, reel_scalar(2.0, REEL_F64, test_device()), 5.0), REEL_OK);
        ck_assert_int_eq(
            reel_meter_add_weighted(&m, reel_scalar(9.0, REEL_F64, test_device()), 0.0), REEL_OK);
    }
    ck_assert_double_eq_tol(reel_meter_mean(&m), 3.0, 1e-15);
    reel_meter_reset(&m);
    ck_assert(isnan(reel_meter_mean(&m)));
    reel_meter_reset(&m);
    reel_meter_reset(NULL);
    ck_assert(isnan(reel_meter_mean(NULL)));
}
END_TEST

START_TEST(meter_refuses) {
    reel_meter m = {0};
    {
        REEL_SCOPE;
        reel_tensor *one = reel_scalar(1, REEL_F32, test_device());
        ck_assert_int_ne(reel_meter_add(&m, NULL), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no value");
        ck_assert_int_ne(reel_meter_add(NULL, one), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no meter");
        ck_assert_int_ne(reel_meter_add(&m, reel_zeros(reel_shape(2), REEL_F32, test_device())),
                         REEL_OK);
        expect_failure(REEL_ERR_SHAPE, "not 2");
        const double weights[] = {-1.0, NAN, INFINITY};
        for (size_t i = 0; i < sizeof weights / sizeof *weights; i++) {
            ck_assert_int_ne(reel_meter_add_weighted(&m, one, weights[i]), REEL_OK);
            expect_failure(REEL_ERR_ARGUMENT, "weight");
        }
        ck_assert_int_eq(reel_meter_add(&m, one), REEL_OK);
        reel_fail(REEL_ERR_IO, NULL, "the first failure");
        ck_assert_int_eq(reel_meter_add(&m, one), REEL_ERR_IO);
        expect_failure(REEL_ERR_IO, "the first failure");
        ck_assert_double_eq(m.weight, 1.0);
    }
    reel_meter_reset(&m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("layers");
    TCase *c = add_case(s, "layers");
    tcase_add_test(c, linear_computes);
    tcase_add_test(c, linear_draws_within_its_bounds);
    tcase_add_test(c, default_seeds_differ);
    tcase_add_test(c, linear_refuses);
    tcase_add_test(c, forward_leaves_its_result_alone);
    tcase_add_test(c, sequential_chains);
    tcase_add_test(c, sequential_of_nothing_is_the_identity);
    tcase_add_test(c, sequential_takes_over_also_on_failure);
    tcase_add_test(c, activations_are_their_ops);
    tcase_add_loop_test(c, layer_gradients, 0, LAYERS);
    tcase_add_loop_test(c, layer_is_what_it_saved, 0, LAYERS);
    tcase_add_loop_test(c, layer_refuses, 0, LAYERS);
    tcase_add_loop_test(c, layers_are_captured, 0, LAYERS);

    c = add_case(s, "losses, initialisers, meters");
    tcase_add_test(c, losses_reduce);
    tcase_add_test(c, losses_refuse);
    tcase_add_loop_test(c, loss_gradients, REEL_MEAN, REEL_NONE + 1);
    tcase_add_loop_test(c, initialisers_have_their_moments, 0, 4);
    tcase_add_loop_test(c, initialisers_refuse, 0, 4);
    tcase_add_test(c, fans_count_the_receptive_field);
    tcase_add_test(c, meter_averages);
    tcase_add_test(c, meter_refuses);
    return run_suite(s);
}
