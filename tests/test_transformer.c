/* Transformers' modules and positions: what ./dev parity does not say. */
#include "reel.h"

#include "tests/expect.h"

#define WIDTH 8
#define HEADS 2

static void expect_near(reel_tensor *a, reel_tensor *b, double tolerance) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    ck_assert_double_le(reel_item(reel_max(reel_abs(reel_sub(a, b)))), tolerance);
}

static reel_module *moved(reel_module *m) {
    expect_fine();
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    return m;
}

static reel_tensor *drawn(uint64_t seed, reel_shape s) {
    reel_generator *g = reel_generator_new(seed, test_device());
    reel_tensor *t = reel_randn(s, REEL_F64, g);
    reel_generator_free(g);
    return t;
}

static const reel_transformer_options in_f64 = {
    .dim_feedforward = 12, .batch_first = true, .dtype = REEL_F64};

/* ---- first values ---- */

START_TEST(attention_begins_as_pytorchs) {
    const double a = sqrt(6.0 / (4 * 64));
    reel_module *m = moved(reel_multihead_attention_new(
        64, 4, (reel_multihead_attention_options){.add_bias_kv = true}));
    reel_module *other = moved(reel_multihead_attention_new(
        64, 4, (reel_multihead_attention_options){.kdim = 3, .no_bias = true}));
    {
        REEL_SCOPE;
        reel_tensor *w = reel_module_get(m, "in_proj_weight");
        ck_assert(reel_shape_equal(reel_shape_of(w), reel_shape(192, 64)));
        ck_assert_double_le(reel_item(reel_max(reel_abs(w))), a * (1 + 1e-6));
        ck_assert_double_ge(reel_item(reel_max(reel_abs(w))), 0.99 * a);
        ck_assert_double_eq(reel_item(reel_max(reel_abs(reel_module_get(m, "in_proj_bias")))), 0);
        ck_assert_double_eq(reel_item(reel_max(reel_abs(reel_module_get(m, "out_proj.bias")))), 0);
        ck_assert_double_le(reel_item(reel_max(reel_abs(reel_module_get(m, "out_proj.weight")))),
                            0.125 * (1 + 1e-6));
        ck_assert_double_gt(reel_item(reel_max(reel_abs(reel_module_get(m, "bias_v")))), 0);
        ck_assert(reel_shape_equal(reel_shape_of(reel_module_get(other, "k_proj_weight")),
                                   reel_shape(64, 3)));
        ck_assert_int_eq(reel_module_param_count(other), 64 * (64 + 3 + 64 + 64));
    }
    reel_module_free(m);
    reel_module_free(other);
}
END_TEST

START_TEST(layers_of_a_stack_differ) {
    reel_module *m = moved(reel_transformer_encoder_new(WIDTH, HEADS, 2, true, in_f64));
    {
        REEL_SCOPE;
        reel_tensor *a = reel_module_get(m, "layers.0.self_attn.in_proj_weight"),
                    *b = reel_module_get(m, "layers.1.self_attn.in_proj_weight");
        expect_fine();
        ck_assert_double_gt(reel_item(reel_max(reel_abs(reel_sub(a, b)))), 0);
        ck_assert_ptr_nonnull(reel_module_get(m, "layers.1.linear2.bias"));
        ck_assert_ptr_nonnull(reel_module_get(m, "layers.0.norm2.weight"));
        ck_assert_ptr_nonnull(reel_module_get(m, "norm.bias"));
    }
    reel_module_free(m);
}
END_TEST

/* ---- masks ---- */

START_TEST(causal_is_a_mask) {
    const reel_multihead_attention_options plain = {.batch_first = true, .dtype = REEL_F64};
    reel_multihead_attention_options causal = plain;
    causal.is_causal = true;
    reel_module *a = moved(reel_multihead_attention_new(WIDTH, HEADS, plain)),
                *b = moved(reel_multihead_attention_new(WIDTH, HEADS, causal));
    reel_state *s = reel_state_new();
    ck_assert(reel_module_save(a, s, "") == REEL_OK && reel_module_load(b, s, "") == REEL_OK);
    reel_state_free(s);
    {
        REEL_SCOPE;
        reel_tensor *x = drawn(1, reel_shape(2, 5, WIDTH)), *y = NULL;
        reel_tensor *hidden = reel_triu(reel_ones(reel_shape(5, 5), REEL_U8, test_device()), 1);
        reel_run(a, reel_results(&y), x, x, x, NULL, hidden);
        expect_near(y, reel_forward(b, x), 1e-14);
        /* what comes later does not count */
        reel_tensor *cut = reel_slice(x, 1, 0, 3, 1);
        expect_near(reel_slice(y, 1, 0, 3, 1), reel_forward(b, cut), 1e-14);
    }
    reel_module_free(a);
    reel_module_free(b);
}
END_TEST

/* ---- dropout ---- */

START_TEST(dropout_stops_in_evaluation) {
    reel_transformer_options o = in_f64;
    o.dropout = 0.5;
    reel_module *m = moved(reel_transformer_encoder_layer_new(WIDTH, HEADS, o));
    {
        REEL_SCOPE;
        reel_tensor *x = drawn(2, reel_shape(2, 5, WIDTH));
        reel_tensor *first = reel_forward(m, x), *second = reel_forward(m, x);
        ck_assert_double_gt(reel_item(reel_max(reel_abs(reel_sub(first, second)))), 0);
        reel_eval(m);
        expect_near(reel_forward(m, x), reel_forward(m, x), 0);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(dropouts_have_seeds_of_their_own) {
    static const char *const keys[] = {"encoder.layers.1.self_attn.generator",
                                       "decoder.layers.0.dropout3.generator"};
    reel_transformer_options o = in_f64;
    o.seed = 7;
    reel_state *s[2];
    for (int k = 0; k < 2; k++) { /* what is drawn beside makes no difference */
        reel_module *m = reel_transformer_new(WIDTH, HEADS, 2, 1, o);
        s[k] = reel_state_new();
        ck_assert_int_eq(reel_module_save(m, s[k], ""), REEL_OK);
        reel_module_free(m);
        ck_assert_str_eq(reel_state_text(s[k], keys[0]), "13 0");
        ck_assert_str_eq(reel_state_text(s[k], keys[1]), "24 0");
    }
    const int n = reel_state_text_count(s[0]);
    ck_assert_int_eq(n, 14);
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            const char *a = reel_state_text_value(s[0], i), *b = reel_state_text_value(s[1], j);
            ck_assert((strcmp(a, b) == 0) == (i == j));
        }
    reel_state_free(s[0]);
    reel_state_free(s[1]);
    reel_module *a = reel_multihead_attention_new(
        WIDTH, HEADS, (reel_multihead_attention_options){.dropout = 0.5, .seed = 3});
    s[0] = reel_state_new();
    ck_assert_int_eq(reel_module_save(a, s[0], ""), REEL_OK);
    ck_assert_str_eq(reel_state_text(s[0], "generator"), "3 0");
    reel_state_free(s[0]);
    reel_module_free(a);
}
END_TEST

/* ---- training ---- */

START_TEST(learns_to_copy_what_was_before) {
    reel_transformer_options o = in_f64;
    o.dropout = REEL_ZERO;
    o.is_causal = o.norm_first = true;
    reel_generator *g = reel_generator_new(3, test_device());
    o.generator = g;
    reel_module *m = moved(reel_transformer_encoder_new(WIDTH, HEADS, 2, true, o));
    reel_state *params = reel_module_params(m);
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){.lr = 0.01});
    double loss = 1;
    for (int step = 0; step < 60; step++) {
        REEL_SCOPE;
        reel_tensor *x = drawn(5, reel_shape(4, 6, WIDTH));
        reel_tensor *pe = reel_sinusoidal_positions(6, WIDTH, REEL_F64, test_device());
        reel_tensor *y = reel_forward(m, reel_add(x, pe));
        reel_tensor *l =
            reel_mse_loss(reel_slice(y, 1, 1, 6, 1), reel_contiguous(reel_slice(x, 1, 0, 5, 1)));
        reel_backward(l);
        reel_optim_step(adam);
        if (step % 59 == 0 && step) {
            ck_assert_double_lt(reel_item(l), 0.5 * loss);
        } else if (step == 0) {
            loss = reel_item(l);
        }
    }
    expect_fine();
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
    reel_generator_free(g);
}
END_TEST

/* ---- positions ---- */

/* Products of turned queries and keys depend on how far apart they are. */
START_TEST(rotary_is_relative) {
    for (int interleaved = 0; interleaved < 2; interleaved++) {
        REEL_SCOPE;
        reel_tensor *table = reel_rotary_table(20, 6, 0, REEL_F64, test_device());
        reel_tensor *q = drawn(6, reel_shape(1, 6)), *k = drawn(7, reel_shape(1, 6));
        double products[2];
        for (int i = 0; i < 2; i++) {
            reel_tensor *a = reel_rotary(q, table, 3 + 9 * i, interleaved),
                        *b = reel_rotary(k, table, 5 + 9 * i, interleaved);
            products[i] = reel_item(reel_sum(reel_mul(a, b)));
        }
        ck_assert_double_eq_tol(products[0], products[1], 1e-12);
        expect_near(reel_rotary(q, table, 0, interleaved), q, 0);
    }
}
END_TEST

START_TEST(positions_are_waves) {
    REEL_SCOPE;
    reel_tensor *pe = reel_sinusoidal_positions(3, 3, REEL_F64, test_device());
    const double slow = pow(10000, -2.0 / 3);
    expect_values(
        pe, (double[]){0, 1, 0, sin(1.0), cos(1.0), sin(slow), sin(2.0), cos(2.0), sin(2 * slow)},
        9);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(refuses_options) {
    const reel_multihead_attention_options none = {0};
    ck_assert_ptr_null(reel_multihead_attention_new(8, 3, none));
    expect_failure(REEL_ERR_ARGUMENT,
                   "multihead_attention_new: embed_dim is no multiple of num_heads: 8, 3");
    ck_assert_ptr_null(reel_multihead_attention_new(0, 1, none));
    expect_failure(REEL_ERR_ARGUMENT, "multihead_attention_new");
    ck_assert_ptr_null(
        reel_multihead_attention_new(8, 2, (reel_multihead_attention_options){.dropout = 1}));
    expect_failure(REEL_ERR_ARGUMENT, "multihead_attention_new: dropout must lie in [0, 1): 1");
    ck_assert_ptr_null(
        reel_multihead_attention_new(8, 2, (reel_multihead_attention_options){.kdim = -1}));
    expect_failure(REEL_ERR_ARGUMENT, "multihead_attention_new: a size below 1: kdim -1");
    ck_assert_ptr_null(
        reel_multihead_attention_new(8, 2, (reel_multihead_attention_options){.dtype = REEL_I64}));
    expect_failure(REEL_ERR_DTYPE, "multihead_attention_new");
    ck_assert_ptr_null(reel_transformer_encoder_layer_new(8, 3, in_f64));
    expect_failure(REEL_ERR_ARGUMENT,
                   "transformer_encoder_layer_new: d_model is no multiple of nhead: 8, 3");
    ck_assert_ptr_null(
        reel_transformer_decoder_layer_new(8, 2, (reel_transformer_options){.layer_norm_eps = -1}));
    expect_failure(REEL_ERR_ARGUMENT, "transformer_decoder_layer_new: layer_norm_eps");
    ck_assert_ptr_null(
        reel_transformer_encoder_new(8, 2, -1, false, (reel_transformer_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "transformer_encoder_new: fewer than no layers: -1");
    ck_assert_ptr_null(reel_transformer_decoder_new(
        8, 2, 1, false, (reel_transformer_options){.dim_feedforward = -2}));
    expect_failure(REEL_ERR_ARGUMENT, "transformer_decoder_new: a size below 1");
    ck_assert_ptr_null(reel_transformer_new(8, 2, 1, -1, (reel_transformer_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "transformer_new: fewer than no layers: 1, -1");
    ck_assert_ptr_null(
        reel_transformer_new(8, 2, 1, 1, (reel_transformer_options){.dropout = -0.5}));
    expect_failure(REEL_ERR_ARGUMENT, "transformer_new: dropout must lie in [0, 1): -0.5");
}
END_TEST

START_TEST(refuses_inputs) {
    reel_module *m = moved(reel_multihead_attention_new(
        WIDTH, HEADS, (reel_multihead_attention_options){.batch_first = true, .dtype = REEL_F64}));
    reel_module *decoder = moved(reel_transformer_decoder_layer_new(WIDTH, HEADS, in_f64));
    {
        REEL_SCOPE;
        reel_tensor *x = drawn(8, reel_shape(2, 5, WIDTH)), *y,
                    *few = drawn(9, reel_shape(1, 5, WIDTH)),
                    *flat = drawn(9, reel_shape(5, WIDTH)),
                    *longer = drawn(9, reel_shape(2, 6, WIDTH)),
                    *whole = reel_zeros(reel_shape(2, 5), REEL_I64, test_device());
        ck_assert(reel_run(m, reel_results(&y), x, few) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE,
                       "multihead_attention: key has a batch of 1, query of 2: x[2, 5, 8]");
        ck_assert(reel_run(m, reel_results(&y), x, flat) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE, "multihead_attention: key has 2 axes, query 3: x[2, 5, 8]");
        ck_assert(reel_run(m, reel_results(&y), x, x, longer) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE,
                       "multihead_attention: key has length 5, value 6: x[2, 5, 8]");
        ck_assert(reel_run(m, reel_results(&y), x, x, x, flat) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE,
                       "multihead_attention: key_padding_mask is [5, 8], not [2, 5]: x[2, 5, 8]");
        ck_assert(reel_run(m, reel_results(&y), x, x, x, NULL, flat) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE,
                       "multihead_attention: attn_mask is [5, 8], not [5, 5] or [4, 5, 5]: x");
        ck_assert(reel_run(m, reel_results(&y), x, x, x, whole) != REEL_OK);
        expect_failure(REEL_ERR_DTYPE,
                       "multihead_attention: key_padding_mask is i64, not u8 or f64: x[2, 5, 8]");
        ck_assert(reel_run(m, reel_results(&y), reel_select(flat, 0, 0)) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE,
                       "multihead_attention: query must have three axes, or two, not 1: ");
        ck_assert(reel_run(m, reel_results(&y), x, whole) != REEL_OK);
        expect_failure(REEL_ERR_SHAPE, "multihead_attention: key has 2 axes, query 3: x[2, 5, 8]");
        ck_assert(reel_run(m, reel_results(&y), reel_cast(x, REEL_F32)) != REEL_OK);
        expect_failure(REEL_ERR_DTYPE, "multihead_attention: query is f32, the parameters f64: ");
        ck_assert_ptr_null(reel_forward(decoder, x));
        expect_failure(REEL_ERR_ARGUMENT, "transformer_decoder_layer: no memory: x[2, 5, 8]");
        reel_tensor *table = reel_rotary_table(5, WIDTH, 0, REEL_F64, test_device());
        ck_assert_ptr_null(reel_rotary(x, table, 1, false));
        expect_failure(REEL_ERR_ARGUMENT,
                       "rotary: the table ends before position 1 + 5: x[2, 5, 8]");
        ck_assert_ptr_null(reel_rotary(x, x, 0, false));
        expect_failure(REEL_ERR_SHAPE, "rotary: the table is not of half of x's last axis");
        ck_assert_ptr_null(reel_rotary(NULL, table, 0, false));
        expect_failure(REEL_ERR_ARGUMENT, "rotary");
        ck_assert_ptr_null(reel_rotary_table(5, 3, 0, REEL_F64, test_device()));
        expect_failure(REEL_ERR_ARGUMENT, "rotary_table: width must be even: 3");
        ck_assert_ptr_null(reel_rotary_table(5, 4, -1, REEL_F64, test_device()));
        expect_failure(REEL_ERR_ARGUMENT, "rotary_table: base must be positive and finite: -1");
        ck_assert_ptr_null(reel_sinusoidal_positions(-1, 4, REEL_F64, test_device()));
        expect_failure(REEL_ERR_ARGUMENT, "sinusoidal_positions: length -1, width 4");
        ck_assert_ptr_null(reel_sinusoidal_positions(1, 4, REEL_I64, test_device()));
        expect_failure(REEL_ERR_DTYPE, "sinusoidal_positions: takes floats");
        ck_assert_ptr_null(reel_rotary_table(1LL << 61, 4, 0, REEL_F64, test_device()));
        ck_assert_ptr_nonnull(strstr(reel_error(), "(tests/test_transformer.c:"));
        expect_failure(REEL_ERR_SHAPE, "rotary_table: [2305843009213693952] is no shape");
    }
    reel_module_free(m);
    reel_module_free(decoder);
}
END_TEST

int main(void) {
    Suite *s = suite_create("transformer");
    TCase *t = add_case(s, "transformer");
    tcase_add_test(t, attention_begins_as_pytorchs);
    tcase_add_test(t, layers_of_a_stack_differ);
    tcase_add_test(t, causal_is_a_mask);
    tcase_add_test(t, dropout_stops_in_evaluation);
    tcase_add_test(t, dropouts_have_seeds_of_their_own);
    tcase_add_test(t, learns_to_copy_what_was_before);
    tcase_add_test(t, rotary_is_relative);
    tcase_add_test(t, positions_are_waves);
    tcase_add_test(t, refuses_options);
    tcase_add_test(t, refuses_inputs);
    return run_suite(s);
}
