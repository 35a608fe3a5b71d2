/* Activations, dropout of channels, and running sums, where the cases of single ops say nothing:
 * values as PyTorch has them, layers beside their functions, what is refused. */
#include "nn/nn.h"

#include "tests/call_site.h"

static void expect_equal(reel_tensor *a, reel_tensor *b) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    for (int64_t i = 0; i < reel_numel(a); i++) ck_assert_double_eq(element(a, i), element(b, i));
}

/* y of a layer that is freed. */
static reel_tensor *through(reel_module *m, reel_tensor *x) {
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    reel_tensor *y = reel_forward(m, x);
    reel_module_free(m);
    return y;
}

static reel_tensor *sample(void) {
    return f64(reel_shape(2, 4), (double[]){-4, -1, -0.25, 0, 0.25, 1, 2.5, 7});
}

START_TEST(layers_are_their_functions) {
    REEL_SCOPE;
    reel_tensor *x = sample();
    expect_equal(through(reel_relu6_new(), x), reel_clamp(x, 0, 6));
    expect_equal(through(reel_logsigmoid_new(), x), reel_logsigmoid(x));
    expect_equal(through(reel_tanhshrink_new(), x), reel_tanhshrink(x));
    expect_equal(through(reel_hardsigmoid_new(), x), reel_hardsigmoid(x));
    expect_equal(through(reel_hardswish_new(), x), reel_hardswish(x));
    expect_equal(through(reel_selu_new(), x), reel_selu(x));
    expect_equal(through(reel_silu_new(), x), reel_silu(x));
    expect_equal(through(reel_mish_new(), x), reel_mish(x));
    expect_equal(through(reel_softsign_new(), x), reel_softsign(x));
    expect_equal(through(reel_gelu_new((reel_gelu_options){0}), x), reel_gelu(x));
    expect_equal(through(reel_gelu_new((reel_gelu_options){.approximate = true}), x),
                 reel_gelu_tanh(x));
    expect_equal(through(reel_elu_new((reel_elu_options){0}), x), reel_elu(x, 1));
    expect_equal(through(reel_celu_new((reel_celu_options){.alpha = 2}), x), reel_celu(x, 2));
    expect_equal(through(reel_leaky_relu_new((reel_leaky_relu_options){0}), x),
                 reel_leaky_relu(x, 0.01));
    expect_equal(through(reel_leaky_relu_new((reel_leaky_relu_options){REEL_ZERO}), x),
                 reel_relu(x));
    expect_equal(through(reel_hardshrink_new((reel_shrink_options){0}), x),
                 reel_hardshrink(x, 0.5));
    expect_equal(through(reel_softshrink_new((reel_shrink_options){REEL_ZERO}), x), x);
    expect_equal(through(reel_hardtanh_new((reel_hardtanh_options){.max_val = 2}), x),
                 reel_clamp(x, -1, 2));
    expect_equal(through(reel_softplus_new((reel_softplus_options){.beta = 2}), x),
                 reel_softplus(x, 2, 20));
    expect_equal(through(reel_threshold_new(0.5, 20), x), reel_threshold(x, 0.5, 20));
    expect_equal(through(reel_log_softmax_new(-1), x), reel_log_softmax(x, 1));
    expect_equal(through(reel_softmin_new(0), x), reel_softmax(reel_neg(x), 0));
    expect_equal(through(reel_glu_new(-1), x),
                 reel_mul(reel_slice(x, 1, 0, 2, 1), reel_sigmoid(reel_slice(x, 1, 2, 4, 1))));
    reel_tensor *image = reel_reshape(x, reel_shape(1, 2, 2, 2));
    expect_equal(through(reel_softmax2d_new(), image), reel_softmax(image, 1));
    expect_equal(through(reel_prelu_new((reel_prelu_options){.dtype = REEL_F64}), x),
                 reel_leaky_relu(x, 0.25));
    expect_equal(
        through(reel_prelu_new((reel_prelu_options){4, REEL_ZERO, REEL_F64, reel_cpu()}), x),
        reel_relu(x));
}
END_TEST

/* By PyTorch 2.15. */
START_TEST(values_are_pytorchs) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(4), (double[]){-4, -1, 0.25, 7});
    expect_values(reel_hardswish(x), (double[]){0, -1.0 / 3, 0.25 * 3.25 / 6, 7}, 4);
    expect_values(reel_hardshrink(x, 0.5), (double[]){-4, -1, 0, 7}, 4);
    expect_values(reel_softshrink(x, 0.5), (double[]){-3.5, -0.5, 0, 6.5}, 4);
    expect_values(reel_softsign(x), (double[]){-0.8, -0.5, 0.2, 0.875}, 4);
    expect_values(reel_threshold(x, 0.25, 20), (double[]){20, 20, 20, 7}, 4);
    expect_values(reel_hardtanh(x, -1, 1), (double[]){-1, -1, 0.25, 1}, 4);
    reel_tensor *weight = f64(reel_shape(2), (double[]){0.5, 2});
    expect_values(reel_prelu(reel_reshape(x, reel_shape(2, 2)), weight),
                  (double[]){-2, -2, 0.25, 7}, 4);
    expect_values(reel_rrelu(x, 0.25, 0.75, NULL), (double[]){-2, -0.5, 0.25, 7}, 4);
    const int64_t whole[] = {3, -1, 9};
    expect_values(reel_cumsum(to_device(reel_from(whole, reel_shape(3), REEL_I64)), 0),
                  (double[]){3, 2, 11}, 3);
    reel_tensor *bytes = reel_cumsum(reel_full(reel_shape(3), 200, REEL_U8, test_device()), 0);
    expect_values(bytes, (double[]){200, 400, 600}, 3);
    ck_assert_int_eq(reel_dtype_of(bytes), REEL_I64);
    expect_values(reel_cumsum(f64(REEL_SCALAR, (double[]){3}), -1), (double[]){3}, 1);
    reel_tensor *mask = to_device(reel_from((const uint8_t[]){1, 0, 0, 1}, reel_shape(4), REEL_U8));
    expect_values(reel_where_else(mask, x, 9), (double[]){-4, 9, 9, 7}, 4);
}
END_TEST

/* The sums of many numbers that f32 would lose, and bits that do not depend on threads. */
START_TEST(cumsum_adds_in_f64) {
    enum { N = 200003 };
    REEL_SCOPE;
    reel_tensor *ones = reel_cumsum(reel_full(reel_shape(N), 0.1, REEL_F32, test_device()), 0);
    ck_assert_double_eq_tol(element(ones, N - 1), 0.1f * (double)N, 0.01);
    reel_generator *g = reel_generator_new(3, test_device());
    reel_tensor *x = reel_randn(reel_shape(N), REEL_F32, g);
    reel_generator_free(g);
    const int threads = reel_threads();
    reel_set_threads(1);
    reel_tensor *one = reel_cumsum(x, 0);
    reel_set_threads(4);
    reel_tensor *four = reel_cumsum(x, 0);
    reel_set_threads(threads);
    ck_assert_int_eq((int)reel_item(reel_all(reel_eq(one, four))), 1);
    expect_fine();
}
END_TEST

START_TEST(prelu_learns) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(f64(reel_shape(2, 2), (double[]){-1, 2, 3, -4}));
    reel_tensor *w = reel_track(f64(reel_shape(2), (double[]){0.5, 0.25}));
    reel_backward(reel_sum(reel_prelu(x, w)));
    expect_values(reel_grad(x), (double[]){0.5, 1, 1, 0.25}, 4);
    expect_values(reel_grad(w), (double[]){-1, -4}, 2);
    reel_module *m = reel_prelu_new((reel_prelu_options){0});
    ck_assert_int_eq(reel_module_param_count(m), 1);
    ck_assert_double_eq(element(reel_module_get(m, "weight"), 0), 0.25);
    reel_module_free(m);
}
END_TEST

START_TEST(rrelu_draws_slopes) {
    REEL_SCOPE;
    reel_module *m = reel_rrelu_new((reel_rrelu_options){0}),
                *other = reel_rrelu_new((reel_rrelu_options){0});
    reel_module_to(m, test_device());
    reel_module_to(other, test_device());
    reel_tensor *x = reel_full(reel_shape(1000), -1, REEL_F64, test_device());
    reel_tensor *y = reel_neg(reel_forward(m, x));
    ck_assert_double_ge(reel_item(reel_min(y)), 0.125);
    ck_assert_double_le(reel_item(reel_max(y)), 1.0 / 3);
    ck_assert_double_eq_tol(reel_item(reel_mean(y)), (0.125 + 1.0 / 3) / 2, 0.01);
    ck_assert_double_ne(element(y, 0), -element(reel_forward(other, x), 0)); /* of seeds apart */
    reel_module_free(m);
    reel_module_free(other);
    expect_fine();
}
END_TEST

/* ---- dropout of channels, alpha dropout ---- */

static void expect_whole_channels(reel_tensor *y, int channels, int size) {
    int dropped = 0;
    expect_fine();
    for (int c = 0; c < channels; c++) {
        const double first = element(y, (int64_t)c * size);
        ck_assert(first == 0.0 || first == 2.0);
        dropped += first == 0.0;
        for (int i = 1; i < size; i++) ck_assert_double_eq(element(y, c * size + i), first);
    }
    ck_assert_int_gt(dropped, channels / 4);
    ck_assert_int_lt(dropped, channels * 3 / 4);
}

START_TEST(channels_are_dropped_whole) {
    REEL_SCOPE;
    const reel_shape shapes[] = {reel_shape(64, 3),       reel_shape(8, 8, 3),
                                 reel_shape(8, 8, 3),     reel_shape(8, 8, 1, 3),
                                 reel_shape(64, 1, 1, 3), reel_shape(8, 8, 3, 1, 1)};
    for (int i = 0; i < 6; i++) {
        reel_tensor *x = reel_ones(shapes[i], i % 2 ? REEL_F32 : REEL_F64, test_device());
        reel_module *m = i < 2   ? reel_dropout1d_new(0.5, 7)
                         : i < 4 ? reel_dropout2d_new(0.5, 7)
                                 : reel_dropout3d_new(0.5, 7);
        expect_whole_channels(through(m, x), 64, 3);
    }
    reel_tensor *half = reel_ones(reel_shape(64, 3), REEL_F16, test_device());
    reel_tensor *y = through(reel_dropout1d_new(0.5, 7), half);
    ck_assert_int_eq(reel_dtype_of(y), REEL_F16);
    expect_whole_channels(y, 64, 3);
    ck_assert_ptr_null(
        through(reel_dropout2d_new(0.5, 7), reel_ones(reel_shape(3), REEL_F32, test_device())));
    expect_failure(REEL_ERR_SHAPE, "dropout2d: takes 3 to 4 axes");
    expect_equal(through(reel_dropout_new(1.0, 1), sample()), reel_scale(sample(), 0));
}
END_TEST

START_TEST(alpha_dropout_keeps_mean_and_variance) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(5, test_device());
    reel_tensor *x = reel_randn(reel_shape(100, 1000), REEL_F64, g);
    reel_tensor *y = reel_alpha_dropout(x, 0.2, g);
    ck_assert_double_eq_tol(reel_item(reel_mean(y)), 0, 0.02);
    ck_assert_double_eq_tol(reel_item(reel_var(y)), 1, 0.03);
    const double v = -1.7580993408473768, a = 1 / sqrt(0.8 * (1 + 0.2 * v * v));
    int dropped = 0;
    for (int i = 0; i < 1000; i++) {
        const double low = a * v - 0.2 * a * v, kept = a * element(x, i) - 0.2 * a * v;
        const bool is_low = fabs(element(y, i) - low) < 1e-12;
        ck_assert(is_low || fabs(element(y, i) - kept) < 1e-12);
        dropped += is_low;
    }
    ck_assert_int_gt(dropped, 140);
    ck_assert_int_lt(dropped, 260);
    reel_tensor *f =
        reel_feature_alpha_dropout(reel_ones(reel_shape(4, 4, 5), REEL_F64, test_device()), 0.5, g);
    for (int i = 0; i < 80; i++) ck_assert_double_eq(element(f, i), element(f, i / 5 * 5));
    ck_assert_ptr_null(reel_dropout(x, 0.5, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "dropout: no generator");
    ck_assert_ptr_null(reel_dropout(x, 1.5, g));
    expect_failure(REEL_ERR_ARGUMENT, "dropout: p must lie in [0, 1]: 1.5");
    ck_assert_ptr_eq(reel_dropout(x, 0, NULL), x);
    reel_generator_free(g);
}
END_TEST

/* Seed 0 is none: layers that are made alike are drawn apart. */
START_TEST(default_seeds_differ) {
    reel_module *a = reel_dropout_new(0.5, 0), *b = reel_dropout_new(0.5, 0);
    ck_assert_double_ne(element(reel_module_get(a, "generator"), 0),
                        element(reel_module_get(b, "generator"), 0));
    reel_module_free(a);
    reel_module_free(b);
}
END_TEST

START_TEST(messages) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2, 3), (double[]){1, 2, 3, 4, 5, 6}),
                *w = f64(reel_shape(2), (double[]){1, 2});
    FAILS(reel_prelu(x, w), REEL_ERR_SHAPE,
          "prelu: weight must be [1] or [3], a slope a channel: x[2, 3], w[2]");
    FAILS(reel_glu(x, 1), REEL_ERR_SHAPE, "glu: axis 1 has 3 entries, an odd number: x[2, 3]");
    FAILS(reel_glu(x, 2), REEL_ERR_SHAPE, "glu: no axis 2: x[2, 3]");
    FAILS(reel_hardtanh(x, 1, -1), REEL_ERR_ARGUMENT,
          "hardtanh: low must not be above high: 1, -1: x[2, 3]");
    FAILS(reel_rrelu(x, 1, 0.5, NULL), REEL_ERR_ARGUMENT,
          "rrelu: lower must not be above upper: 1, 0.5: x[2, 3]");
    FAILS(reel_cumsum(x, 2), REEL_ERR_SHAPE, "cumsum: no such axis: x[2, 3]");
    FAILS(reel_hardtanh_new((reel_hardtanh_options){.min_val = 3}), REEL_ERR_ARGUMENT,
          "hardtanh_new: min_val must be below max_val: 3, 1");
    FAILS(reel_celu_new((reel_celu_options){REEL_ZERO}), REEL_ERR_ARGUMENT,
          "celu_new: alpha must not be 0: 0");
    FAILS(reel_hardshrink_new((reel_shrink_options){-1}), REEL_ERR_ARGUMENT,
          "hardshrink_new: lambd must be 0 or more: -1");
    FAILS(reel_prelu_new((reel_prelu_options){.num_parameters = -2}), REEL_ERR_ARGUMENT,
          "prelu_new: num_parameters must be 1 or more: -2");
    FAILS(reel_rrelu_new((reel_rrelu_options){.lower = 2}), REEL_ERR_ARGUMENT,
          "rrelu_new: lower must not be above upper: 2");
    FAILS(reel_prelu(NULL, w), REEL_ERR_ARGUMENT, "prelu: input 0 is NULL: NULL, w[2]");
}
END_TEST

int main(void) {
    Suite *s = suite_create("nonlinear");
    TCase *c = add_case(s, "nonlinear");
    tcase_add_test(c, layers_are_their_functions);
    tcase_add_test(c, values_are_pytorchs);
    tcase_add_test(c, cumsum_adds_in_f64);
    tcase_add_test(c, prelu_learns);
    tcase_add_test(c, rrelu_draws_slopes);
    tcase_add_test(c, channels_are_dropped_whole);
    tcase_add_test(c, alpha_dropout_keeps_mean_and_variance);
    tcase_add_test(c, default_seeds_differ);
    tcase_add_test(c, messages);
    return run_suite(s);
}
