/* Normalizations: values that PyTorch gives, running statistics, bad input. */
#include "reel.h"

#include "tests/expect.h"

#include <stdlib.h>

#define EPS 1e-5

static void expect_near(reel_tensor *t, const double *want, int n, double tolerance) {
    expect_fine();
    ck_assert_int_eq(reel_numel(t), n);
    for (int i = 0; i < n; i++) ck_assert_double_eq_tol(element(t, i), want[i], tolerance);
}

static reel_module *moved(reel_module *m) {
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    return m;
}

static reel_tensor *squares(void) {
    double v[12];
    for (int i = 0; i < 12; i++) v[i] = i * i;
    return f64(reel_shape(2, 2, 3), v);
}

static const double batch[] = {1, 2, 3, 5, 2, -1};

/* ---- values ---- */

START_TEST(values_are_pytorchs) {
    REEL_SCOPE;
    expect_near(reel_group_norm(squares(), 1, NULL, NULL, EPS),
                (double[]){-1.0304251198461347, -0.9180151067720109, -0.5807850675496395,
                           -0.018735002179020577, 0.768135089339846, 1.7798252070069602,
                           -1.3440865763930694, -0.8979642233774975, -0.3832076622056837,
                           0.20018310712237194, 0.8522080846066694, 1.5728672702472088},
                12, 1e-12);
    expect_near(reel_rms_norm(reel_slice(squares(), 0, 0, 1, 1), reel_shape(3), NULL, 0.1),
                (double[]){0.0, 0.4164257492330145, 1.665702996932058, 0.5025136855417053,
                           0.8933576631852539, 1.3958713487269592},
                6, 1e-12);
    expect_near(reel_local_response_norm(reel_slice(squares(), 0, 0, 1, 1), 2,
                                         (reel_local_response_norm_options){.alpha = 0.5}),
                (double[]){0.0, 0.8458970107524513, 1.1962790249769764, 0.9093337466211479,
                           0.6969226761884698, 0.5524782892216683},
                6, 1e-12);
    expect_near(reel_normalize(reel_slice(squares(), 0, 0, 1, 1), 2, 1, 1e-12),
                (double[]){0.0, 0.06237828615518053, 0.15799050110667284, 1.0, 0.9980525784828885,
                           0.9874406319167053},
                6, 1e-12);
}
END_TEST

/* As small as eps is by default, so that all three differ: 0, the default itself, no eps. */
START_TEST(eps_of_zero_is_the_default) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(1, 4), (double[]){0, 1e-3, 2e-3, 3e-3}),
                *tiny = f64(reel_shape(1, 2), (double[]){3e-13, 4e-13});
    const reel_shape s = reel_shape(4);
    const double eps[] = {0, EPS, REEL_ZERO}, least[] = {0, 1e-12, REEL_ZERO};
    for (int i = 0; i < 3; i++) {
        const double sd = sqrt(1.25e-6 + (i < 2 ? EPS : 0)), size = i < 2 ? 1e-12 : 5e-13;
        const double want[] = {-1.5e-3 / sd, -0.5e-3 / sd, 0.5e-3 / sd, 1.5e-3 / sd};
        reel_module *layer = reel_layer_norm_new(
                        s, (reel_layer_norm_options){.dtype = REEL_F64, .eps = eps[i]}),
                    *group = reel_group_norm_new(
                        1, 4, (reel_layer_norm_options){.dtype = REEL_F64, .eps = eps[i]});
        reel_module_to(layer, test_device());
        reel_module_to(group, test_device());
        expect_near(reel_layer_norm(x, s, NULL, NULL, eps[i]), want, 4, 1e-12);
        expect_near(reel_group_norm(x, 1, NULL, NULL, eps[i]), want, 4, 1e-12);
        expect_near(reel_forward(layer, x), want, 4, 1e-12);
        expect_near(reel_forward(group, x), want, 4, 1e-12);
        expect_near(
            reel_batch_norm(reel_t(x), NULL, NULL, true, (reel_running_options){.eps = eps[i]}),
            want, 4, 1e-12);
        expect_near(reel_normalize(tiny, 2, 1, least[i]), (double[]){3e-13 / size, 4e-13 / size}, 2,
                    1e-12);
        reel_module_free(layer);
        reel_module_free(group);
    }
}
END_TEST

/* A mean that is large beside the spread, and elements that are all the same. */
START_TEST(large_means_do_not_cancel) {
    REEL_SCOPE;
    enum { N = 6000 };
    float *v = malloc(sizeof(float) * N);
    for (int i = 0; i < N; i++) v[i] = 4096.0F + (float)(i % 4);
    reel_tensor *x = to_device(reel_from(v, reel_shape(1, 1, N), REEL_F32));
    reel_tensor *layer = reel_layer_norm(x, reel_shape(N), NULL, NULL, EPS),
                *across = reel_batch_norm(x, NULL, NULL, true, (reel_running_options){0});
    for (int i = 0; i < 4; i++) {
        const double want = (i - 1.5) / sqrt(1.25 + EPS);
        ck_assert_double_eq_tol(element(layer, i), want, 1e-5);
        ck_assert_double_eq_tol(element(across, i), want, 1e-5);
    }
    x = reel_full(reel_shape(3, 2, 5), 0.1, REEL_F32, test_device());
    layer = reel_layer_norm(x, reel_shape(5), NULL, NULL, EPS);
    across = reel_batch_norm(x, NULL, NULL, true, (reel_running_options){0});
    for (int i = 0; i < 30; i++) {
        ck_assert_double_eq_tol(element(layer, i), 0, 1e-4);
        ck_assert_double_eq_tol(element(across, i), 0, 1e-4);
    }
    free(v);
}
END_TEST

START_TEST(a_bias_needs_no_weight) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(1, 2), (double[]){1, 3}),
                *bias = f64(reel_shape(2), (double[]){10, 20});
    expect_near(reel_layer_norm(x, reel_shape(2), NULL, bias, REEL_ZERO), (double[]){9, 21}, 2,
                1e-12);
}
END_TEST

/* ---- layer_norm ---- */

START_TEST(layer_norm_computes) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2, 2), (double[]){1, 3, -2, -2});
    reel_tensor *weight = f64(reel_shape(2), (double[]){3, 6});
    reel_tensor *bias = f64(reel_shape(2), (double[]){10, 20});
    expect_values(reel_layer_norm(x, reel_shape(2), weight, bias, 1.25), (double[]){8, 24, 10, 20},
                  4); /* 1 / sqrt(1 + 1.25) is 2 / 3 */
    expect_values(reel_layer_norm(x, reel_shape(2), NULL, NULL, 0.5625), /* sqrt is 1.25 */
                  (double[]){-0.8, 0.8, 0, 0}, 4);
    ck_assert_int_eq(
        reel_numel(reel_layer_norm(reel_zeros(reel_shape(0, 2), REEL_F64, test_device()),
                                   reel_shape(2), weight, bias, 1.0)),
        0);
    expect_fine();
    ck_assert_ptr_null(reel_layer_norm(x, reel_shape(2), weight, x, 1.0));
    expect_failure(REEL_ERR_SHAPE,
                   "layer_norm: weight and bias must be of [2]: x[2, 2], weight[2]");
    ck_assert_ptr_null(reel_layer_norm(NULL, reel_shape(2), NULL, NULL, 1.0));
    expect_failure(REEL_ERR_ARGUMENT, "layer_norm");
    ck_assert_ptr_null(reel_layer_norm(x, reel_shape(2), NULL, NULL, NAN));
    expect_failure(REEL_ERR_ARGUMENT, "layer_norm: eps must be 0 or more, and finite: nan");
}
END_TEST

/* A variance beyond f16, and a mean that bf16 would round before it is taken off. */
START_TEST(layer_norm_computes_in_f32) {
    for (int dtype = REEL_F16; dtype <= REEL_BF16; dtype++) {
        REEL_SCOPE;
        const reel_shape s = reel_shape(4);
        reel_tensor *x =
            f64(reel_shape(2, 4), (double[]){-600, -200, 200, 600, 256, 257, 258, 259});
        reel_tensor *weight = f64(s, (double[]){1, 2, 3, 4}),
                    *bias = f64(s, (double[]){4, 3, 2, 1});
        x = reel_cast(x, (reel_dtype)dtype);
        weight = reel_cast(weight, (reel_dtype)dtype);
        bias = reel_cast(bias, (reel_dtype)dtype);
        reel_tensor *y = reel_layer_norm(x, s, weight, bias, 1e-5);
        ck_assert_int_eq(reel_dtype_of(y), dtype);
        reel_tensor *want = reel_layer_norm(reel_cast(x, REEL_F32), s, reel_cast(weight, REEL_F32),
                                            reel_cast(bias, REEL_F32), 1e-5);
        want = reel_cast(want, (reel_dtype)dtype);
        for (int i = 0; i < 8; i++) ck_assert_double_eq(element(y, i), element(want, i));
        ck_assert_ptr_null(reel_layer_norm(x, s, reel_cast(weight, REEL_F32), NULL, 1e-5));
        expect_failure(REEL_ERR_DTYPE, "layer_norm: dtypes differ: x[2, 4]");
    }
}
END_TEST

START_TEST(layer_norm_begins_as_none) {
    reel_module *m = moved(reel_layer_norm_new(reel_shape(4), (reel_layer_norm_options){0}));
    ck_assert_int_eq(reel_module_param_count(m), 8);
    {
        REEL_SCOPE;
        expect_values(reel_module_get(m, "weight"), (double[]){1, 1, 1, 1}, 4);
        expect_values(reel_module_get(m, "bias"), (double[]){0, 0, 0, 0}, 4);
    }
    reel_module_free(m);
    ck_assert_ptr_null(reel_layer_norm_new(REEL_SCALAR, (reel_layer_norm_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "layer_norm_new: wants an axis or more");
    ck_assert_ptr_null(
        reel_layer_norm_new(reel_shape(-4), (reel_layer_norm_options){.no_affine = true}));
    expect_failure(REEL_ERR_SHAPE, "layer_norm_new: [-4] is no shape of a tensor");
    ck_assert_ptr_null(reel_layer_norm_new(reel_shape(2), (reel_layer_norm_options){.eps = -1}));
    expect_failure(REEL_ERR_ARGUMENT, "layer_norm_new");
    ck_assert_ptr_null(
        reel_layer_norm_new(reel_shape(2), (reel_layer_norm_options){.dtype = REEL_I64}));
    expect_failure(REEL_ERR_DTYPE, "layer_norm_new: takes f32 or f64, not i64");
    ck_assert_ptr_null(
        reel_layer_norm_new(reel_shape(-5), (reel_layer_norm_options){.no_affine = true}));
    expect_failure(REEL_ERR_SHAPE, "layer_norm_new: [-5] is no shape of a tensor");
}
END_TEST

/* ---- bits ---- */

START_TEST(bits_do_not_depend_on_threads) {
    const reel_shape shape[] = {reel_shape(5, 7, 40), reel_shape(300, 33), reel_shape(64, 3, 900)};
    reel_generator *g = reel_generator_new(5, test_device());
    for (int k = 0; k < 3; k++) {
        REEL_SCOPE;
        reel_tensor *x = reel_normal_(reel_empty(shape[k], REEL_F32, test_device()), g, 1, 2);
        reel_tensor *y[2][3];
        for (int t = 0; t < 2; t++) {
            reel_set_threads(t ? 3 : 1);
            reel_tensor *in = reel_track(reel_add(x, x));
            y[t][0] = reel_batch_norm(in, NULL, NULL, true, (reel_running_options){0});
            y[t][1] = reel_layer_norm(in, reel_shape(reel_dim(x, -1)), NULL, NULL, EPS);
            reel_backward(reel_sum(reel_mul(reel_mul(y[t][0], y[t][1]), x)));
            y[t][2] = reel_grad(in);
        }
        expect_fine();
        for (int j = 0; j < 3; j++)
            for (int64_t i = 0; i < reel_numel(x); i += 7)
                ck_assert_double_eq(element(y[0][j], i), element(y[1][j], i));
    }
    reel_set_threads(1);
    reel_generator_free(g);
}
END_TEST

/* ---- layers that keep statistics ---- */

static reel_tensor *part(reel_module *m, const char *name) {
    return reel_module_get(m, name);
}

START_TEST(batch_norm_tracks) {
    reel_module *m = moved(reel_batch_norm1d_new(2, (reel_batch_norm_options){.dtype = REEL_F64}));
    {
        REEL_SCOPE;
        expect_near(reel_forward(m, f64(reel_shape(3, 2), batch)),
                    (double[]){-1.2247356859083902, 0.0, 1.2247356859083902, 1.2247438507721387,
                               0.0, -1.2247438507721387},
                    6, 1e-12);
        expect_near(part(m, "running_mean"), (double[]){0.2, 0.2}, 2, 1e-12);
        expect_near(part(m, "running_var"), (double[]){1.0, 1.8}, 2, 1e-12);
        ck_assert_double_eq(element(part(m, "num_batches_tracked"), 0), 1);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(batch_norm_accumulates) {
    reel_module *m = moved(
        reel_batch_norm1d_new(2, (reel_batch_norm_options){.dtype = REEL_F64, .cumulative = true}));
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(3, 2), batch);
        reel_forward(m, x);
        reel_forward(m, reel_shift(x, 1));
        expect_near(part(m, "running_mean"), (double[]){2.5, 2.5}, 2, 1e-12);
        expect_near(part(m, "running_var"), (double[]){1, 9}, 2, 1e-12);
        reel_eval(m);
        expect_near(reel_forward(m, x),
                    (double[]){-1.4999925000562497, -0.1666665740741512, 0.49999750001874976,
                               0.8333328703707561, -0.49999750001875, -1.1666660185190585},
                    6, 1e-12);
        ck_assert_double_eq(element(part(m, "num_batches_tracked"), 0), 2);
    }
    reel_module_free(m);
}
END_TEST

/* Nothing moves but the count, and the parameters get gradients of 0, as in PyTorch. */
static void expect_nothing(reel_module *m, reel_shape shape, double count) {
    REEL_SCOPE;
    reel_module_to(m, test_device());
    reel_tensor *y = reel_forward(m, reel_zeros(shape, REEL_F32, test_device()));
    expect_fine();
    ck_assert(reel_shape_equal(reel_shape_of(y), shape));
    ck_assert_int_eq(reel_backward(reel_sum(y)), REEL_OK);
    for (int i = 0; i < 2; i++) {
        ck_assert_double_eq(element(reel_grad(part(m, "weight")), i), 0);
        ck_assert_double_eq(element(part(m, "running_mean"), i), 0);
        ck_assert_double_eq(element(part(m, "running_var"), i), 1);
    }
    ck_assert_double_eq(element(part(m, "num_batches_tracked"), 0), count);
    reel_module_free(m);
}

START_TEST(empty_batches_move_nothing) {
    const reel_instance_norm_options all = {.affine = true, .track_running_stats = true};
    expect_nothing(reel_batch_norm1d_new(2, (reel_batch_norm_options){0}), reel_shape(0, 2), 1);
    expect_nothing(reel_batch_norm2d_new(2, (reel_batch_norm_options){.cumulative = true}),
                   reel_shape(3, 2, 0, 4), 1);
    expect_nothing(reel_instance_norm1d_new(2, all), reel_shape(0, 2, 3), 0);
    expect_nothing(reel_instance_norm1d_new(2, all), reel_shape(3, 2, 0), 0);
}
END_TEST

START_TEST(counts_below_0_are_refused) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(3, 2), REEL_F32, reel_cpu());
    reel_running_options o = {.running_mean = reel_zeros(reel_shape(2), REEL_F32, reel_cpu()),
                              .running_var = reel_ones(reel_shape(2), REEL_F32, reel_cpu()),
                              .num_batches_tracked =
                                  reel_full(REEL_SCALAR, -2, REEL_I64, reel_cpu()),
                              .cumulative = true};
    ck_assert_ptr_null(reel_batch_norm(x, NULL, NULL, true, o));
    expect_failure(REEL_ERR_ARGUMENT, "batch_norm: num_batches_tracked is below 0: -2: x[3, 2]");
    ck_assert_ptr_nonnull(reel_batch_norm(x, NULL, NULL, false, o));
}
END_TEST

START_TEST(instance_norm_tracks) {
    reel_module *m = moved(reel_instance_norm1d_new(
        2, (reel_instance_norm_options){.dtype = REEL_F64, .track_running_stats = true}));
    {
        REEL_SCOPE;
        reel_tensor *y = reel_forward(m, squares());
        ck_assert_double_eq_tol(element(y, 0), -0.9805789785364644, 1e-12);
        ck_assert_double_eq_tol(element(y, 11), 1.2446387710961322, 1e-12);
        expect_near(part(m, "running_mean"), (double[]){2.566666666666667, 5.866666666666667}, 2,
                    1e-12);
        expect_near(part(m, "running_var"), (double[]){10.933333333333332, 24.133333333333333}, 2,
                    1e-12);
        ck_assert_int_eq(reel_ndim(reel_forward(m, reel_squeeze(reel_slice(y, 0, 0, 1, 1), 0))), 2);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(halves_have_wide_statistics) {
    reel_module *m = moved(reel_batch_norm1d_new(2, (reel_batch_norm_options){0}));
    {
        REEL_SCOPE;
        reel_tensor *x = reel_cast(f64(reel_shape(3, 2), batch), REEL_BF16),
                    *y = reel_forward(m, x);
        expect_fine();
        ck_assert_int_eq(reel_dtype_of(y), REEL_BF16);
        expect_near(part(m, "running_var"), (double[]){1.0, 1.8}, 2, 1e-6);
        ck_assert_double_eq_tol(element(y, 2), 1.2247, 0.01);
    }
    reel_module_free(m);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(bad_input_is_refused) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(3, 2), batch),
                *three = reel_ones(reel_shape(3), REEL_F64, test_device());
    const reel_running_options none = {0};
    ck_assert_ptr_null(reel_group_norm(x, 3, NULL, NULL, EPS));
    expect_failure(REEL_ERR_ARGUMENT, "group_norm: 3 groups do not divide 2 channels: x[3, 2]");
    ck_assert_ptr_null(reel_group_norm(x, 0, NULL, NULL, EPS));
    expect_failure(REEL_ERR_ARGUMENT, "group_norm: 0 groups");
    ck_assert_ptr_null(reel_group_norm(x, 2, three, NULL, EPS));
    expect_failure(REEL_ERR_SHAPE,
                   "group_norm: weight and bias must be of [2]: x[3, 2], weight[3]");
    ck_assert_ptr_null(reel_group_norm(x, 2, NULL, NULL, -1));
    expect_failure(REEL_ERR_ARGUMENT, "group_norm: eps must be 0 or more");
    ck_assert_ptr_null(reel_rms_norm(x, reel_shape(3), NULL, 0));
    expect_failure(REEL_ERR_SHAPE, "rms_norm: x must end with the axes [3]: x[3, 2]");
    ck_assert_ptr_null(reel_batch_norm(x, NULL, NULL, false, none));
    expect_failure(REEL_ERR_ARGUMENT, "batch_norm: running statistics are needed: x[3, 2]");
    ck_assert_ptr_null(reel_batch_norm(reel_slice(x, 0, 0, 1, 1), NULL, NULL, true, none));
    expect_failure(REEL_ERR_SHAPE, "batch_norm: expected more than 1 value per channel");
    ck_assert_ptr_null(reel_batch_norm(
        x, NULL, NULL, true, (reel_running_options){.running_mean = three, .running_var = three}));
    expect_failure(REEL_ERR_SHAPE, "batch_norm: running statistics must be of [2]");
    ck_assert_ptr_null(reel_batch_norm(NULL, NULL, NULL, true, none));
    expect_failure(REEL_ERR_ARGUMENT, "batch_norm");
    ck_assert_ptr_null(reel_instance_norm(x, NULL, NULL, true, none));
    expect_failure(REEL_ERR_SHAPE, "instance_norm: takes 3 axes or more: x[3, 2]");
    ck_assert_ptr_null(reel_local_response_norm(x, 0, (reel_local_response_norm_options){0}));
    expect_failure(REEL_ERR_SHAPE, "local_response_norm: takes x[N,C,S...]");
    ck_assert_ptr_null(reel_normalize(x, 2, 5, 1e-12));
    expect_failure(REEL_ERR_SHAPE, "normalize: no axis 5: x[3, 2]");
    ck_assert_ptr_null(reel_batch_norm2d_new(0, (reel_batch_norm_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "batch_norm2d_new: wants a feature or more");
    ck_assert_ptr_null(reel_group_norm_new(3, 4, (reel_layer_norm_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "group_norm_new: wants groups that divide channels: 3 of 4");
    ck_assert_ptr_null(reel_local_response_norm_new(0, (reel_local_response_norm_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "local_response_norm_new: size must be 1 or more: 0");
}
END_TEST

int main(void) {
    Suite *s = suite_create("norms");
    TCase *t = add_case(s, "norms");
    tcase_add_test(t, layer_norm_computes);
    tcase_add_test(t, layer_norm_computes_in_f32);
    tcase_add_test(t, layer_norm_begins_as_none);
    tcase_add_test(t, values_are_pytorchs);
    tcase_add_test(t, eps_of_zero_is_the_default);
    tcase_add_test(t, large_means_do_not_cancel);
    tcase_add_test(t, a_bias_needs_no_weight);
    tcase_add_test(t, batch_norm_tracks);
    tcase_add_test(t, batch_norm_accumulates);
    tcase_add_test(t, empty_batches_move_nothing);
    tcase_add_test(t, counts_below_0_are_refused);
    tcase_add_test(t, instance_norm_tracks);
    tcase_add_test(t, halves_have_wide_statistics);
    tcase_add_test(t, bad_input_is_refused);
    t = add_cpu_case(s, "threads");
    tcase_add_test(t, bits_do_not_depend_on_threads);
    return run_suite(s);
}
