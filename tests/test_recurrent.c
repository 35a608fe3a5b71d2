/* Recurrent layers: names, states, lengths, and what they refuse. */
#include "reel.h"

#include "tests/expect.h"

#include <math.h>
#include <stdlib.h>

static reel_tensor *drawn(reel_shape s, uint64_t seed) {
    reel_generator *g = reel_generator_new(seed, test_device());
    reel_tensor *t = reel_randn(s, REEL_F64, g);
    reel_generator_free(g);
    return t;
}

static reel_module *moved_to_device(reel_module *m) {
    ck_assert_ptr_nonnull(m);
    reel_module_to(m, test_device());
    return m;
}

static void expect_near(reel_tensor *a, reel_tensor *b) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    ck_assert_double_le(reel_item(reel_max(reel_abs(reel_sub(a, b)))), 1e-12);
}

static void expect_equal(reel_tensor *a, reel_tensor *b) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    ck_assert_double_eq(reel_item(reel_max(reel_abs(reel_sub(a, b)))), 0);
}

static const reel_recurrent_options both = {
    .num_layers = 2, .bidirectional = true, .dtype = REEL_F64};

START_TEST(parameters_have_pytorchs_names) {
    reel_module *m = reel_lstm_new(3, 4, both);
    static const char *const names[] = {
        "weight_ih_l0",         "weight_hh_l0",         "bias_ih_l0",         "bias_hh_l0",
        "weight_ih_l0_reverse", "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse",
        "weight_ih_l1",         "weight_hh_l1",         "bias_ih_l1",         "bias_hh_l1",
        "weight_ih_l1_reverse", "weight_hh_l1_reverse", "bias_ih_l1_reverse", "bias_hh_l1_reverse"};
    reel_state *p = reel_module_params(m);
    ck_assert_int_eq(reel_state_count(p), 16);
    for (int i = 0; i < 16; i++) {
        ck_assert_str_eq(reel_state_name(p, i), names[i]);
        REEL_SCOPE;
        ck_assert_double_le(reel_item(reel_max(reel_abs(reel_state_at(p, i)))), 0.5);
    }
    ck_assert(
        reel_shape_equal(reel_shape_of(reel_module_get(m, "weight_ih_l1")), reel_shape(16, 8)));
    reel_state_free(p);
    reel_module_free(m);
}
END_TEST

/* A sequence in two parts is that in one. */
START_TEST(states_go_on) {
    reel_module *m = moved_to_device(
        reel_lstm_new(3, 4, (reel_recurrent_options){.num_layers = 2, .dtype = REEL_F64}));
    {
        REEL_SCOPE;
        reel_tensor *x = drawn(reel_shape(5, 2, 3), 1), *y, *h, *c, *y1, *y2;
        reel_run(m, reel_results(&y, &h, &c), x);
        reel_tensor *all = y, *last = h, *memory = c;
        reel_run(m, reel_results(&y1, &h, &c), reel_slice(x, 0, 0, 2, 1));
        reel_run(m, reel_results(&y2, &h, &c), reel_slice(x, 0, 2, 5, 1), h, c);
        expect_near(reel_concat(0, y1, y2), all);
        expect_near(h, last);
        expect_near(c, memory);
    }
    reel_module_free(m);
}
END_TEST

/* Each sequence with a length is what it is alone. */
START_TEST(lengths_cut) {
    reel_module *m = moved_to_device(reel_gru_new(3, 4, both));
    {
        REEL_SCOPE;
        const int64_t n[] = {2, 5, 3};
        reel_tensor *x = drawn(reel_shape(5, 3, 3), 2), *y, *h;
        reel_tensor *lengths = reel_to(reel_from(n, reel_shape(3), REEL_I64), test_device());
        reel_run(m, reel_results(&y, &h), x, NULL, lengths);
        for (int i = 0; i < 3; i++) {
            reel_tensor *one, *state;
            reel_tensor *alone = reel_slice(reel_slice(x, 1, i, i + 1, 1), 0, 0, n[i], 1);
            reel_run(m, reel_results(&one, &state), alone);
            reel_tensor *mine = reel_slice(y, 1, i, i + 1, 1);
            expect_near(reel_slice(mine, 0, 0, n[i], 1), one);
            expect_near(reel_slice(h, 1, i, i + 1, 1), state);
            if (n[i] < 5)
                ck_assert_double_eq(reel_item(reel_sum(reel_abs(reel_slice(mine, 0, n[i], 5, 1)))),
                                    0);
        }
    }
    reel_module_free(m);
}
END_TEST

START_TEST(dropout_is_for_training) {
    reel_module *m = moved_to_device(reel_rnn_new(
        3, 64, (reel_recurrent_options){.num_layers = 2, .dropout = 0.5, .dtype = REEL_F64}));
    {
        REEL_SCOPE;
        reel_tensor *x = drawn(reel_shape(3, 2, 3), 3);
        reel_tensor *a = reel_forward(m, x), *b = reel_forward(m, x);
        ck_assert_double_gt(reel_item(reel_max(reel_abs(reel_sub(a, b)))), 1e-6);
        reel_eval(m);
        expect_equal(reel_forward(m, x), reel_forward(m, x));
    }
    reel_module_free(m);
}
END_TEST

START_TEST(halves_run) {
    reel_module *m = moved_to_device(reel_lstm_new(3, 4, (reel_recurrent_options){0}));
    {
        REEL_SCOPE;
        reel_tensor *y, *h, *c;
        reel_tensor *x = reel_cast(drawn(reel_shape(3, 2, 3), 4), REEL_F32);
        ck_assert_int_eq(reel_run(m, reel_results(&y, &h, &c), x), REEL_OK);
        reel_backward(reel_sum(y));
        expect_fine();
        ck_assert_ptr_nonnull(reel_grad(reel_module_get(m, "weight_hh_l0")));
    }
    reel_module_free(m);
}
END_TEST

/* The same bits for any number of threads. */
START_TEST(threads_do_not_matter) {
    reel_module *m = moved_to_device(reel_lstm_new(20, 150, (reel_recurrent_options){0}));
    const int before = reel_threads();
    {
        REEL_SCOPE;
        reel_tensor *first = NULL, *grad = NULL,
                    *x = reel_cast(drawn(reel_shape(4, 30, 20), 5), REEL_F32);
        for (int n = 1; n <= 3; n++) {
            reel_set_threads(n);
            reel_tensor *y = reel_forward(m, x), *w = reel_module_get(m, "weight_ih_l0"), *g;
            reel_tensor *sum = reel_sum(reel_square(y));
            reel_grad_of(&sum, 1, &w, 1, &g, (reel_grad_of_options){0});
            if (first) {
                expect_equal(y, first);
                expect_equal(g, grad);
            }
            first = y;
            grad = g;
        }
    }
    reel_set_threads(before);
    reel_module_free(m);
}
END_TEST

START_TEST(layers_refuse) {
    ck_assert_ptr_null(reel_lstm_new(0, 3, (reel_recurrent_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "lstm_new: a size below 1: in 0, hidden 3");
    ck_assert_ptr_null(reel_gru_new(1, 3, (reel_recurrent_options){.num_layers = -1}));
    expect_failure(REEL_ERR_ARGUMENT, "gru_new: num_layers must lie in 1..1024, not -1");
    ck_assert_ptr_null(reel_rnn_new(1, 3, (reel_recurrent_options){.dropout = 2}));
    expect_failure(REEL_ERR_ARGUMENT, "rnn_new: dropout must lie in [0, 1]: 2");
    ck_assert_ptr_null(reel_rnn_new(1, 3, (reel_recurrent_options){.dtype = REEL_U8}));
    expect_failure(REEL_ERR_DTYPE, "rnn_new: takes f32 or f64, not u8");
    ck_assert_ptr_null(reel_lstm_cell_new(1, -3, (reel_recurrent_cell_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "lstm_cell_new: a size below 1: in 1, hidden -3");
}
END_TEST

START_TEST(runs_refuse) {
    reel_module *m =
        moved_to_device(reel_lstm_new(3, 4, (reel_recurrent_options){.dtype = REEL_F64}));
    {
        REEL_SCOPE;
        reel_tensor *x = drawn(reel_shape(5, 2, 3), 1), *h = drawn(reel_shape(1, 2, 4), 2), *y;
        reel_tensor *n = reel_zeros(reel_shape(3), REEL_I64, test_device());
        ck_assert_ptr_null(reel_forward(m, h));
        expect_failure(REEL_ERR_SHAPE, "lstm: x must be [T, B, 3], or [T, 3]: h[1, 2, 4]");
        ck_assert_ptr_null(reel_forward(m, reel_slice(x, 0, 0, 0, 1)));
        expect_failure(REEL_ERR_SHAPE, "lstm: there is no step");
        reel_run(m, reel_results(&y), x, h);
        expect_failure(REEL_ERR_ARGUMENT, "lstm: h and c are given both, or neither");
        reel_run(m, reel_results(&y), x, x, h);
        expect_failure(REEL_ERR_SHAPE, "lstm: h must be [1, 2, 4]");
        reel_run(m, reel_results(&y), x, h, x);
        expect_failure(REEL_ERR_SHAPE, "lstm: c must be [1, 2, 4]");
        reel_run(m, reel_results(&y), x, h, h, n);
        expect_failure(REEL_ERR_SHAPE, "lstm: lengths must be [2]");
        reel_run(m, reel_results(&y), x, h, h, x);
        expect_failure(REEL_ERR_DTYPE, "lstm: lengths must be i64");
        ck_assert_ptr_null(reel_forward(m, reel_cast(x, REEL_F32)));
        expect_failure(REEL_ERR_DTYPE, "lstm: dtypes differ");
    }
    reel_module_free(m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("recurrent");
    TCase *t = add_case(s, "layers");
    tcase_add_test(t, parameters_have_pytorchs_names);
    tcase_add_test(t, states_go_on);
    tcase_add_test(t, lengths_cut);
    tcase_add_test(t, dropout_is_for_training);
    tcase_add_test(t, halves_run);
    tcase_add_test(t, layers_refuse);
    tcase_add_test(t, runs_refuse);
    t = add_cpu_case(s, "threads");
    tcase_add_test(t, threads_do_not_matter);
    return run_suite(s);
}
