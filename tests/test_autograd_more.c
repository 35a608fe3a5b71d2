/* Autograd beyond backward: gradients of given tensors and of gradients, parameters that must be
 * reached, anomaly mode. */
#include "tests/call_site.h"

#include "tensor/core/tensor_internal.h"
#include "tensor/random.h"
#include "tests/leaves.h"

#include <pthread.h>

#define DEVICE test_device()

static reel_tensor *scalar(double value) {
    return reel_track(reel_scalar(value, REEL_F64, DEVICE));
}

/* ---- gradients of given tensors -------------------------------------------------------------- */

START_TEST(products_without_columns_have_gradients) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_ones(reel_shape(2, 3, 4), REEL_F64, test_device()));
    reel_tensor *y = reel_track(reel_zeros(reel_shape(4, 0), REEL_F64, test_device()));
    reel_tensor *g = reel_zeros(reel_shape(2, 3, 0), REEL_F64, test_device());
    reel_backward_with(reel_matmul(x, y), .gradient = g);
    expect_fine();
    ck_assert(reel_item(reel_sum(reel_grad(x))) == 0);
    ck_assert(reel_shape_equal(reel_shape_of(reel_grad(y)), reel_shape(4, 0)));
}
END_TEST

START_TEST(of_leaves_and_results) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *w = leaf1(5, 7), *g[3];
    reel_tensor *h = reel_mul(x, w), *y = reel_sum(reel_square(h)); /* (x w)^2 */
    reel_tensor *in[] = {w, h, x};
    ck_assert_int_eq(reel_grad_of(&y, 1, in, 3, g, NO_OPTIONS), REEL_OK);
    expect2(g[0], 2 * 10 * 2, 2 * 21 * 3);
    expect2(g[1], 20, 42);
    expect2(g[2], 2 * 10 * 5, 2 * 21 * 7);
    for (int i = 0; i < 3; i++) ck_assert(!reel_is_tracked(g[i]));
    ck_assert(!reel_grad(x) && !reel_grad(w));
    ck_assert_ptr_null(derivative(y, x, NO_OPTIONS));
    expect_failure(REEL_ERR_STATE, "grad_of: the tape of sum was let go by an earlier call");
}
END_TEST

START_TEST(leaves_keep_what_they_have) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = reel_sum(reel_square(x));
    ck_assert_int_eq(reel_backward_with(y, .retain_graph = true), REEL_OK);
    expect2(derivative(y, x, KEEP), 4, 6);
    expect2(derivative(y, x, NO_OPTIONS), 4, 6);
    expect_grad(x, 4, 6);
}
END_TEST

/* What lies below the inputs, or beside the way to them, takes no part. */
START_TEST(goes_only_where_it_is_asked_to) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0.5, 1), *w = leaf1(1, 2), *h = reel_exp(x);
    backward(reel_sum(h)); /* lets exp go */
    reel_tensor *y = reel_sum(reel_mul(reel_square(h), reel_exp(w)));
    expect2(derivative(y, h, KEEP), 2 * exp(0.5 + 1), 2 * exp(1.0 + 2));
    ck_assert_ptr_nonnull(derivative(y, w, KEEP));
    ck_assert_ptr_null(derivative(y, x, NO_OPTIONS));
    expect_failure(REEL_ERR_STATE, "grad_of: the tape of exp was let go");
}
END_TEST

START_TEST(several_outputs) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *a = reel_square(x), *b = reel_sum(reel_mul(a, x)), *g[2];
    reel_tensor *weight = f64(reel_shape(2), (double[]){10, 100});
    reel_tensor *out[] = {a, b, a}, *begin[] = {weight, NULL, weight}, *in[] = {x, a};
    /* 2 weight x^2 + x^3, and b comes from a */
    ck_assert_int_eq(reel_grad_of(out, 3, in, 2, g, (reel_grad_of_options){.gradients = begin}),
                     REEL_OK);
    expect2(g[0], 4 * 10 * 2 + 12, 4 * 100 * 3 + 27);
    expect2(g[1], 20 + 2, 200 + 3);
    expect2(weight, 10, 100);
}
END_TEST

START_TEST(an_output_is_an_input) {
    REEL_SCOPE;
    reel_tensor *x = scalar(3), *y = reel_square(x), *g[4];
    reel_tensor *in[] = {y, x, y, x}, *out[] = {x, y};
    ck_assert_int_eq(reel_grad_of(&y, 1, in, 4, g, KEEP), REEL_OK);
    for (int i = 0; i < 4; i++) ck_assert_double_eq(reel_item(g[i]), i % 2 ? 6 : 1);
    ck_assert_int_eq(reel_grad_of(out, 2, in, 2, g, KEEP), REEL_OK);
    ck_assert_double_eq(reel_item(g[0]), 1);
    ck_assert_double_eq(reel_item(g[1]), 7);
    ck_assert_int_eq(reel_grad_of(out, 2, &y, 1, g, KEEP), REEL_OK); /* x is not asked for */
    ck_assert_ptr_null(reel_grad(x));
    ck_assert_double_eq(reel_item(derivative(x, x, NO_OPTIONS)), 1);
}
END_TEST

/* A product's gradient goes around a transpose, but not if the transpose's own is asked for. */
START_TEST(of_a_transpose) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(1, 2), (double[]){2, 3});
    reel_tensor *W = leaf(reel_shape(2, 2), (double[]){1, 2, 3, 4}), *T = reel_t(W), *g[2];
    reel_tensor *y =
        reel_sum(reel_mul(reel_matmul(x, T), f64(reel_shape(1, 2), (double[]){1, 10})));
    reel_tensor *in[] = {T, W};
    ck_assert_int_eq(reel_grad_of(&y, 1, in, 2, g, KEEP), REEL_OK);
    expect_values(g[0], (double[]){2, 20, 3, 30}, 4);
    expect_values(g[1], (double[]){2, 3, 20, 30}, 4);
    expect_values(derivative(y, W, KEEP), (double[]){2, 3, 20, 30}, 4);
    expect_values(derivative(y, T, NO_OPTIONS), (double[]){2, 20, 3, 30}, 4);
    ck_assert_ptr_null(reel_grad(W));
}
END_TEST

START_TEST(unused_inputs) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *w = leaf1(5, 7), *h = reel_square(w), *g[3];
    reel_tensor *y = reel_sum(reel_square(x)), *in[] = {x, w, h};
    reel_set_name(w, "encoder.bias");
    ck_assert_int_eq(
        reel_grad_of(&y, 1, in, 3, g,
                     (reel_grad_of_options){.retain_graph = true, .allow_unused = true}),
        REEL_OK);
    expect2(g[0], 4, 6);
    ck_assert(!g[1] && !g[2]);
    reel_grad_of(&y, 1, in, 3, g, KEEP);
    ck_assert(!g[0] && !g[1] && !g[2]);
    expect_text(REEL_ERR_ARGUMENT,
                "grad_of: input 1, encoder.bias[2], does not take part in the outputs (see "
                "allow_unused)",
                __FILE__, __LINE__ - 5);
    ck_assert_ptr_null(derivative(y, h, NO_OPTIONS));
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: input 0, [2], does not take part");
}
END_TEST

START_TEST(grad_of_refuses) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *c = f64(reel_shape(2), (double[]){1, 2}), *none = NULL;
    reel_tensor *many = reel_square(x), *y = reel_sum(many), *g = x;
    ck_assert_ptr_null(derivative(y, c, NO_OPTIONS));
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: input 0, [2], is not tracked (");
    ck_assert_ptr_null(derivative(y, none, NO_OPTIONS));
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: input 0 is NULL (");
    ck_assert_ptr_null(derivative(none, x, NO_OPTIONS));
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: the output is NULL (");
    ck_assert_ptr_null(derivative(c, x, NO_OPTIONS));
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: [2] does not come from a tracked tensor (");
    ck_assert_ptr_null(derivative(many, x, NO_OPTIONS));
    expect_failure(REEL_ERR_SHAPE, "grad_of: [2] has not one element: give its gradient (");
    ck_assert_ptr_null(derivative(y, x, (reel_grad_of_options){.gradients = &c}));
    expect_failure(REEL_ERR_SHAPE, "grad_of: the gradient given is not of the shape");
    ck_assert_int_eq(reel_grad_of(&y, 0, &x, 1, &g, NO_OPTIONS), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: no outputs (");
    ck_assert_int_eq(reel_grad_of(&y, 1, &x, 0, &g, NO_OPTIONS), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "grad_of: no inputs (");
    reel_fail(REEL_ERR_IO, NULL, "a batch was not read");
    g = x;
    ck_assert_int_eq(reel_grad_of(&y, 1, &x, 1, &g, NO_OPTIONS), REEL_ERR_IO);
    ck_assert_ptr_null(g);
    expect_failure(REEL_ERR_IO, "a batch was not read");
    expect2(derivative(y, x, NO_OPTIONS), 4, 6); /* nothing of it left a mark */
}
END_TEST

/* ---- gradients of gradients ------------------------------------------------------------------ */

START_TEST(derivatives_of_a_cube) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3);
    reel_tensor *first = derivative(reel_sum(reel_mul(x, reel_square(x))), x, RECORD);
    expect2(first, 12, 27);
    ck_assert(reel_is_tracked(first));
    reel_tensor *second = derivative(reel_sum(first), x, RECORD);
    expect2(second, 12, -18);
    reel_tensor *third = derivative(reel_sum(second), x, RECORD);
    expect2(third, 6, 6);
    ck_assert_ptr_null(reel_grad(x));
}
END_TEST

/* Through saved results: e^x, sigmoid, tanh, sqrt, softmax keep theirs as views. */
START_TEST(derivatives_through_saved_results) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0.5, 2), *y = reel_sum(reel_exp(x)), *g = NULL;
    for (int i = 0; i < 4; i++) {
        g = derivative(y, x, RECORD);
        expect2(g, exp(0.5), exp(2));
        y = reel_sum(g);
    }
    g = derivative(reel_sum(reel_tanh(x)), x, RECORD);
    const double t[] = {tanh(0.5), tanh(2)};
    expect2(derivative(reel_sum(g), x, NO_OPTIONS), -2 * t[0] * (1 - t[0] * t[0]),
            -2 * t[1] * (1 - t[1] * t[1]));
}
END_TEST

/* The gradient on the leaf is recorded, and goes with its tape at zero_grad. */
START_TEST(backward_that_is_recorded) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3), *y = reel_sum(reel_mul(x, reel_square(x)));
    ck_assert_int_eq(reel_backward_with(y, .create_graph = true), REEL_OK);
    expect_grad(x, 12, 27);
    reel_tensor *g = reel_retain(reel_grad(x));
    ck_assert(reel_is_tracked(g) && reel_is_contiguous(g));
    reel_zero_grad(x);
    backward(reel_sum(reel_square(g))); /* 9 x^4 */
    expect_grad(x, 36 * 8, 36 * -27);
    reel_release(g);
}
END_TEST

/* What is recorded is not added to in place: g stays what it was. */
START_TEST(recorded_gradients_accumulate_beside) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3), *W = leaf(reel_shape(2, 1), (double[]){1, 2});
    reel_tensor *row = reel_reshape(x, reel_shape(1, 2));
    reel_tensor *y = reel_sum(reel_square(reel_matmul(row, W)));
    ck_assert_int_eq(reel_backward_with(y, .create_graph = true), REEL_OK);
    reel_tensor *g = reel_retain(reel_grad(W)); /* 2 (x W) x, x W = -4 */
    expect2(g, -16, 24);
    ck_assert_int_eq(reel_backward_with(y, .create_graph = true), REEL_OK);
    expect2(reel_grad(W), -32, 48);
    reel_tensor *of_W = reel_retain(reel_grad(W)), *of_x = reel_retain(reel_grad(x));
    expect2(of_x, -16, -32);
    row = reel_reshape(x, reel_shape(1, 2));
    backward(reel_sum(reel_square(reel_matmul(row, W)))); /* plain, onto what is recorded */
    expect2(reel_grad(W), -48, 72);
    expect2(of_W, -32, 48);
    expect2(of_x, -16, -32);
    reel_release(of_W);
    reel_release(of_x);
    expect2(g, -16, 24);
    reel_zero_grad(W);
    reel_zero_grad(x);
    backward(reel_sum(g)); /* d/dW 2 (x W) (x0 + x1) = -2 x */
    expect2(reel_grad(W), -4, 6);
    reel_release(g);
}
END_TEST

/* Two leaves whose gradient is the same tensor each get memory of their own: clipping and
 * optimizers write into it. */
START_TEST(recorded_gradients_share_no_memory) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2), *y = leaf1(3, 4);
    reel_tensor *z = reel_sum(reel_square(reel_add(x, y)));
    ck_assert_int_eq(reel_backward_with(z, .create_graph = true), REEL_OK);
    expect_grad(x, 8, 12);
    ck_assert_ptr_ne(reel__data(reel_grad(x)), reel__data(reel_grad(y)));
    reel_zero_grad(x);
    reel_zero_grad(y);
}
END_TEST

/* An optimizer's step on a recorded gradient ends its tape too. */
START_TEST(freezing_ends_a_recorded_gradient) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2);
    ck_assert_int_eq(reel_backward_with(reel_sum(reel_exp(x)), .create_graph = true), REEL_OK);
    reel_untrack(x);
}
END_TEST

START_TEST(recorded_inside_no_grad) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2), *y = reel_sum(reel_exp(x)), *g = NULL;
    {
        REEL_NO_GRAD;
        g = derivative(y, x, RECORD);
        ck_assert(!reel_is_tracked(reel_neg(x)));
    }
    ck_assert(reel_is_tracked(g));
    expect2(derivative(reel_sum(g), x, NO_OPTIONS), exp(1), exp(2));
    ck_assert(!reel_is_tracked(derivative(reel_sum(reel_exp(x)), x, NO_OPTIONS)));
}
END_TEST

/* The gradient to begin with is a variable of the second derivative too, and recorded only if
 * asked for. */
START_TEST(the_gradient_given_is_tracked) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *v = leaf1(5, 7), *y = reel_square(x);
    reel_tensor *g =
        derivative(y, x, (reel_grad_of_options){.gradients = &v, .create_graph = true}); /* 2 x v */
    expect2(g, 20, 42);
    expect2(derivative(reel_sum(g), v, KEEP), 4, 6);
    expect2(derivative(reel_sum(g), x, KEEP), 10, 14);
    g = derivative(y, y, (reel_grad_of_options){.gradients = &v});
    ck_assert(!reel_is_tracked(g));
    expect2(g, 5, 7);
}
END_TEST

/* in: x[3,2] W1[2,4] b1[4] W2[4,1]. The loss of a critic, and the penalty on its gradient:
 * mean y + 10 mean (|dy/dx| - 1)^2, as WGAN-GP has it. */
static reel_tensor *penalised(reel_tensor **in, void *user) {
    (void)user;
    reel_tensor *x = reel_track(reel_detach(in[0])), *g = NULL;
    reel_tensor *h = reel_tanh(reel_add(reel_matmul(x, in[1]), in[2]));
    reel_tensor *y = reel_matmul(reel_sigmoid(h), in[3]), *total = reel_sum(y);
    reel_grad_of(&total, 1, &x, 1, &g, RECORD);
    reel_tensor *norm = reel_sqrt(reel_sum_over(reel_square(g), reel_axes(1), false));
    return reel_add(reel_mean(y), reel_scale(reel_mean(reel_square(reel_shift(norm, -1))), 10));
}

START_TEST(a_gradient_penalty) {
    REEL_SCOPE;
    reel_tensor *in[] = {
        f64(reel_shape(3, 2), (double[]){0.5, -1, 2, 0.3, -0.7, 1.1}),
        leaf(reel_shape(2, 4), (double[]){0.3, -0.8, 0.5, 1.2, -0.6, 0.9, 0.4, -1.1}),
        leaf(reel_shape(4), (double[]){0.1, -0.2, 0.3, 0}),
        leaf(reel_shape(4, 1), (double[]){1, -2, 1.5, 0.7})};
    ck_assert_msg(reel_gradcheck(penalised, NULL, in, 4, (reel_gradcheck_options){.h = 1e-5}) ==
                      REEL_OK,
                  "%s", reel_error());
    for (int i = 1; i < 4; i++) ck_assert_ptr_nonnull(reel_grad(in[i]));
}
END_TEST

static reel_tensor *hides_second(reel_tensor **in, void *user) {
    (void)user;
    return reel_mul(in[0], reel_square(in[0]));
}

static reel_tensor *detached_slope(reel_context *c, reel_tensor *const *in) {
    reel_context_save(c, in[0]);
    return reel_square(in[0]);
}

static void detached_slope_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    grads[0] = reel_mul(g, reel_scale(reel_detach(reel_context_saved(c, 0)), 2));
}

static reel_tensor *wrong_second(reel_tensor **in, void *user) {
    (void)user;
    static const reel_function f = {"square", detached_slope, detached_slope_backward, NULL, false};
    return reel_apply(&f, in, 1, NULL);
}

START_TEST(gradgradcheck_passes_and_fails) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3);
    const reel_gradcheck_options o = {.h = 1e-5};
    ck_assert_msg(reel_gradgradcheck(hides_second, NULL, &x, 1, o) == REEL_OK, "%s", reel_error());
    ck_assert_int_eq(reel_gradcheck(wrong_second, NULL, &x, 1, o), REEL_OK);
    ck_assert_int_eq(reel_gradgradcheck(wrong_second, NULL, &x, 1, o), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "gradcheck: input 0, element ");
}
END_TEST

/* ---- parameters that must be reached --------------------------------------------------------- */

START_TEST(parameters_not_reached) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2), *W = leaf1(3, 4), *b = leaf1(5, 6), *frozen = leaf1(7, 8);
    reel_state *params = reel_state_new();
    reel_state_put(params, "encoder.weight", W);
    reel_state_put(params, "encoder.bias", b);
    reel_state_put(params, "decoder.weight", x);
    reel_state_put(params, "frozen", frozen);
    reel_untrack(frozen);
    backward(reel_sum(b)); /* what was there before does not count */
    ck_assert_int_eq(reel_backward_with(reel_sum(reel_square(W)), .params = params),
                     REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "backward: no gradient comes to encoder.bias, decoder.weight (");
    expect_grad(W, 6, 8);
    reel_tensor *all = reel_add(reel_mul(W, b), reel_square(x));
    ck_assert_int_eq(reel_backward_with(reel_sum(all), .params = params), REEL_OK);
    expect_grad(W, 11, 14);
    expect_grad(x, 2, 4);
    ck_assert_int_eq(reel_backward_with(reel_sum(reel_mul(W, reel_detach(b))), .params = params,
                                        .create_graph = true),
                     REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "no gradient comes to encoder.bias, decoder.weight (");
    reel_zero_grad(W);
    reel_state_free(params);
}
END_TEST

START_TEST(many_parameters_not_reached) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2);
    reel_state *params = reel_state_new();
    char name[64];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "a.rather.long.name.of.layer.%02d.weight", i);
        reel_state_put(params, name, leaf1(1, 2));
    }
    reel_backward_with(reel_sum(x), .params = params);
    ck_assert(strstr(reel_error(), "layer.00.weight, a.rather"));
    expect_failure(REEL_ERR_STATE, " more (");
    reel_state_free(params);
}
END_TEST

/* ---- anomaly mode ---------------------------------------------------------------------------- */

START_TEST(anomaly_forward) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2), (double[]){-1, 1});
    ck_assert(!reel_set_anomaly(true));
    reel_tensor *y = reel_square(x);
    FAILS(reel_log(x), REEL_ERR_STATE, "log: anomaly: its result holds NaN or infinity: x[2]");
    FAILS(reel_div(x, reel_shift(x, -1)), REEL_ERR_STATE,
          "div: anomaly: its result holds NaN or infinity: x[2], [2]");
    ck_assert_ptr_null(reel_fill_(x, INFINITY)); /* in place */
    expect_failure(REEL_ERR_STATE, "fill_: anomaly: ");
    ck_assert_ptr_nonnull(reel_add(y, y));
    ck_assert_ptr_nonnull(reel_arange(3, REEL_I64, DEVICE));
    reel_tensor *large = reel_full(reel_shape(1000), 1e308, REEL_F64, DEVICE);
    ck_assert_ptr_nonnull(large); /* whose sum would overflow */
    FAILS(reel_sum(large), REEL_ERR_STATE,
          "sum: anomaly: its result holds NaN or infinity: large[1000]");
    ck_assert(reel_set_anomaly(false));
    ck_assert_ptr_nonnull(reel_log(reel_neg(y)));
}
END_TEST

START_TEST(anomaly_backward) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0, 4), *loss = NULL;
    reel_set_anomaly(true);
    loss = reel_sum(reel_scale(reel_sqrt(x), 2)); /* fine, and its slope at 0 is not */
    const int line = __LINE__ - 1;
    expect_fine();
    ck_assert_int_eq(reel_backward_with(loss, .retain_graph = true), REEL_ERR_STATE);
    expect_text(REEL_ERR_STATE,
                "gradient of sqrt: anomaly: its result holds NaN or infinity: [2], [2]", __FILE__,
                line);
    ck_assert_ptr_null(reel_grad(x));
    reel_set_anomaly(false);
    backward(loss);
    ck_assert(isinf(element(reel_grad(x), 0)));
}
END_TEST

/* A sum of two finite gradients that overflows where they meet: in place, and by the GEMM. */
START_TEST(anomaly_where_gradients_meet) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 1), *W = leaf(reel_shape(2, 1), (double[]){0, 0});
    reel_tensor *row = f64(reel_shape(1, 2), (double[]){1e308, 1});
    reel_set_anomaly(true);
    reel_tensor *a = reel_sum(reel_mul(x, f64(reel_shape(2), (double[]){1e308, 1})));
    reel_tensor *b = reel_sum(reel_matmul(row, W));
    for (int i = 0; i < 2; i++) {
        reel_tensor *loss = i ? b : a;
        ck_assert_int_eq(reel_backward_with(loss, .retain_graph = true), REEL_OK);
        ck_assert_int_eq(reel_backward_with(loss, .retain_graph = true), REEL_ERR_STATE);
        expect_failure(REEL_ERR_STATE,
                       i ? "gradient of matmul: anomaly: " : "gradient of mul: anomaly: ");
    }
    reel_set_anomaly(false);
}
END_TEST

static void *asks_for_its_mode(void *user) {
    *(bool *)user = reel_set_anomaly(false);
    return NULL;
}

START_TEST(anomaly_mode_is_the_threads_own) {
    bool there = true;
    pthread_t thread;
    reel_set_anomaly(true);
    ck_assert_int_eq(pthread_create(&thread, NULL, asks_for_its_mode, &there), 0);
    pthread_join(thread, NULL);
    ck_assert(!there);
    ck_assert(reel_set_anomaly(false));
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------- */

/* ---- products of batches ----------------------------------------------------------------------
 */

/* x[B,T,D]: attention, in which w and k take part twice, and k through a transpose. */
static reel_tensor *attention(reel_tensor **in, void *user) {
    (void)user;
    reel_tensor *q = reel_matmul(in[0], in[2]), *k = in[1];
    reel_tensor *scores = reel_softmax(reel_matmul(q, reel_t(k)), -1);
    return reel_matmul(reel_matmul(scores, k), in[2]);
}

START_TEST(products_of_batches) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(3, DEVICE);
    reel_tensor *in[] = {reel_track(reel_randn(reel_shape(2, 3, 4), REEL_F64, g)),
                         reel_track(reel_randn(reel_shape(2, 5, 4), REEL_F64, g)),
                         reel_track(reel_randn(reel_shape(4, 4), REEL_F64, g))};
    reel_generator_free(g);
    ck_assert_msg(reel_gradcheck(attention, NULL, in, 3, (reel_gradcheck_options){0}) == REEL_OK,
                  "%s", reel_error());
    ck_assert_msg(reel_gradgradcheck(attention, NULL, in, 3, (reel_gradcheck_options){.h = 1e-5}) ==
                      REEL_OK,
                  "%s", reel_error());
    for (int i = 0; i < 3; i++) reel_zero_grad(in[i]);
    backward(reel_sum(attention(in, NULL)));
    reel_tensor *once = reel_scale(reel_grad(in[1]), 1);
    backward(reel_sum(attention(in, NULL))); /* is added where it lies */
    for (int64_t i = 0; i < 40; i++)
        ck_assert_double_eq_tol(element(reel_grad(in[1]), i), 2 * element(once, i), 1e-12);
}
END_TEST

/* As those of single matrices: what comes to k is no transposed view. */
START_TEST(gradients_of_batches_go_around_transposes) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2, 3, 4), REEL_F64, DEVICE),
                *k = reel_neg(reel_track(reel_ones(reel_shape(2, 5, 4), REEL_F64, DEVICE)));
    reel_tensor *g = derivative(reel_sum(reel_matmul(x, reel_t(k))), k, NO_OPTIONS);
    ck_assert(reel_is_contiguous(g));
    for (int64_t i = 0; i < 40; i++) ck_assert_double_eq(element(g, i), 3);
}
END_TEST

static Suite *autograd_more_suite(void) {
    Suite *s = suite_create("autograd_more");
    TCase *c = add_case(s, "of given tensors");
    tcase_add_test(c, products_without_columns_have_gradients);
    tcase_add_test(c, of_leaves_and_results);
    tcase_add_test(c, leaves_keep_what_they_have);
    tcase_add_test(c, goes_only_where_it_is_asked_to);
    tcase_add_test(c, several_outputs);
    tcase_add_test(c, an_output_is_an_input);
    tcase_add_test(c, of_a_transpose);
    tcase_add_test(c, unused_inputs);
    tcase_add_test(c, grad_of_refuses);

    c = add_case(s, "of gradients");
    tcase_add_test(c, derivatives_of_a_cube);
    tcase_add_test(c, derivatives_through_saved_results);
    tcase_add_test(c, backward_that_is_recorded);
    tcase_add_test(c, recorded_gradients_accumulate_beside);
    tcase_add_test(c, recorded_gradients_share_no_memory);
    tcase_add_test(c, freezing_ends_a_recorded_gradient);
    tcase_add_test(c, recorded_inside_no_grad);
    tcase_add_test(c, the_gradient_given_is_tracked);
    tcase_add_test(c, a_gradient_penalty);
    tcase_add_test(c, gradgradcheck_passes_and_fails);

    c = add_case(s, "products");
    tcase_add_test(c, products_of_batches);
    tcase_add_test(c, gradients_of_batches_go_around_transposes);

    c = add_case(s, "parameters");
    tcase_add_test(c, parameters_not_reached);
    tcase_add_test(c, many_parameters_not_reached);

    c = add_case(s, "anomaly");
    tcase_add_test(c, anomaly_forward);
    tcase_add_test(c, anomaly_backward);
    tcase_add_test(c, anomaly_where_gradients_meet);
    tcase_add_test(c, anomaly_mode_is_the_threads_own);
    return s;
}

int main(void) {
    return run_suite(autograd_more_suite());
}
