/* Attention as a function: what the cases of its rows do not say. */
#include "reel.h"

#include "tensor/ops/attention_internal.h"
#include "tests/expect.h"

#include <stdlib.h>

/* x[i] = f(i), as f64 on the device under test. */
static reel_tensor *made_of(double (*f)(double), reel_shape s) {
    double v[512];
    const int64_t n = reel__shape_numel(s);
    ck_assert_int_le(n, 512);
    for (int64_t i = 0; i < n; i++) v[i] = f((double)i);
    return f64(s, v);
}

static double ramp(double i) {
    return -1 + i * 2 / 11;
}
static double identity(double i) {
    return i;
}

static void expect_near(reel_tensor *a, reel_tensor *b, double tolerance) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    const double most =
        reel_numel(a) ? reel_item(reel_cast(reel_max(reel_abs(reel_sub(a, b))), REEL_F64)) : 0;
    ck_assert_double_le(most, tolerance);
}

static reel_tensor *drawn(reel_generator *g, reel_shape s) {
    return reel_randn(s, REEL_F64, g);
}

/* ---- values that PyTorch gives ---- */

START_TEST(gives_what_pytorch_gives) {
    static const double y[] = {1.0,
                               0.5403023058681398,
                               0.3569078050935469,
                               -0.15462608571937966,
                               -0.06750279986550281,
                               0.012526261890606268,
                               -0.14550003380861354,
                               -0.9111302618846769,
                               -0.31506560530512373,
                               -0.6872935404621755,
                               0.049887935129370065,
                               -0.3399743556103522};
    static const double dq[] = {0.0,
                                0.0,
                                -1.1831715037586532,
                                0.9112918324321425,
                                -0.9218785654026143,
                                1.3915145550771708,
                                0.0,
                                0.0,
                                -0.5390255814362712,
                                -0.49639556246492245,
                                -5.666339952737206,
                                0.5257006423475701};
    REEL_SCOPE;
    reel_tensor *q = reel_track(made_of(ramp, reel_shape(1, 2, 3, 2)));
    reel_tensor *k = made_of(sin, reel_shape(1, 2, 4, 2)),
                *v = made_of(cos, reel_shape(1, 2, 4, 2));
    reel_tensor *got =
        reel_scaled_dot_product_attention(q, k, v, (reel_attention_options){.is_causal = true});
    expect_values(got, y, 12);
    reel_backward_with(got, .gradient = made_of(identity, reel_shape_of(got)));
    for (int i = 0; i < 12; i++) ck_assert_double_eq_tol(element(reel_grad(q), i), dq[i], 1e-12);
}
END_TEST

/* ---- masks ---- */

START_TEST(masks_are_what_they_say) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(3, test_device());
    reel_tensor *q = drawn(g, reel_shape(2, 3, 5, 4)), *k = drawn(g, reel_shape(2, 3, 7, 4)),
                *v = drawn(g, reel_shape(2, 3, 7, 6));
    reel_tensor *ones = reel_ones(reel_shape(5, 7), REEL_U8, test_device()),
                *lower = reel_tril(ones, 0);
    reel_tensor *zero = reel_zeros(reel_shape(5, 7), REEL_F64, test_device());
    reel_tensor *added = reel_where(lower, zero, reel_full_like(zero, -INFINITY));
    reel_tensor *causal =
        reel_scaled_dot_product_attention(q, k, v, (reel_attention_options){.is_causal = true});
    expect_near(
        causal,
        reel_scaled_dot_product_attention(q, k, v, (reel_attention_options){.attn_mask = lower}),
        1e-14);
    expect_near(
        causal,
        reel_scaled_dot_product_attention(q, k, v, (reel_attention_options){.attn_mask = added}),
        1e-14);
    expect_near(causal,
                reel_scaled_dot_product_attention(
                    q, k, v, (reel_attention_options){.attn_mask = ones, .is_causal = true}),
                1e-14);
    reel_generator_free(g);
}
END_TEST

START_TEST(nothing_to_look_at_gives_zeros) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(4, test_device());
    const uint8_t allowed[] = {1, 1, 0, 0, 0, 0, 1, 0, 1};
    reel_tensor *mask = to_device(reel_from(allowed, reel_shape(3, 3), REEL_U8));
    reel_tensor *q = reel_track(drawn(g, reel_shape(3, 2))),
                *k = reel_track(drawn(g, reel_shape(3, 2))),
                *v = reel_track(drawn(g, reel_shape(3, 2)));
    reel_tensor *y =
        reel_scaled_dot_product_attention(q, k, v, (reel_attention_options){.attn_mask = mask});
    ck_assert(element(y, 2) == 0 && element(y, 3) == 0 && element(y, 0) != 0);
    reel_backward(reel_sum(reel_square(y)));
    ck_assert(element(reel_grad(q), 2) == 0 && element(reel_grad(q), 3) == 0);
    ck_assert(reel_item(reel_all(reel_isfinite(reel_grad(k)))) == 1);
    ck_assert(reel_item(reel_all(reel_isfinite(reel_grad(v)))) == 1);
    /* no keys at all */
    y = reel_scaled_dot_product_attention(q, reel_slice(k, 0, 0, 0, 1), reel_slice(v, 0, 0, 0, 1),
                                          (reel_attention_options){0});
    ck_assert_double_eq(reel_item(reel_sum(reel_abs(y))), 0);
    reel_generator_free(g);
}
END_TEST

/* ---- dropout ---- */

static reel_attention_options dropping(reel_generator *g) {
    return (reel_attention_options){.dropout_p = 0.4, .generator = g};
}

START_TEST(dropout_draws_from_its_generator) {
    REEL_SCOPE;
    const reel_shape s = reel_shape(1, 2, 300, 4);
    reel_generator *g = reel_generator_new(5, test_device());
    reel_tensor *q = reel_zeros(s, REEL_F64, test_device()),
                *v = reel_ones(s, REEL_F64, test_device());
    reel_tensor *first = reel_scaled_dot_product_attention(q, q, v, dropping(g)),
                *second = reel_scaled_dot_product_attention(q, q, v, dropping(g));
    ck_assert_double_eq_tol(reel_item(reel_mean(first)), 1, 0.01);
    ck_assert_double_gt(reel_item(reel_max(reel_abs(reel_sub(first, second)))), 0);
    reel_generator_free(g);
    g = reel_generator_new(5, test_device());
    expect_near(first, reel_scaled_dot_product_attention(q, q, v, dropping(g)), 0);
    reel_generator_free(g);
}
END_TEST

/* ---- layouts ---- */

START_TEST(operands_are_taken_as_they_lie) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(6, test_device());
    reel_tensor *packed = drawn(g, reel_shape(2, 5, 3, 4, 8)), *part[3], *plain[3];
    ck_assert(reel_unbind(packed, 2, 3, part) == REEL_OK);
    for (int i = 0; i < 3; i++) {
        part[i] = reel_transpose(part[i], 1, 2);
        plain[i] = reel_contiguous(part[i]);
    }
    const reel_attention_options causal = {.is_causal = true};
    reel_tensor *y = reel_scaled_dot_product_attention(part[0], part[1], part[2], causal);
    expect_near(y, reel_scaled_dot_product_attention(plain[0], plain[1], plain[2], causal), 0);
    ck_assert(reel_is_contiguous(reel_transpose(y, 1, 2)));
    reel_generator_free(g);
}
END_TEST

/* Parts of one tensor: their gradients come together in it, twice as in two steps. */
START_TEST(parts_give_to_what_they_are_of) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(12, test_device());
    reel_tensor *packed = reel_track(drawn(g, reel_shape(2, 5, 3, 2, 4))), *part[3], *alone[3];
    ck_assert(reel_unbind(reel_scale(packed, 2), 2, 3, part) == REEL_OK);
    for (int i = 0; i < 3; i++)
        alone[i] = reel_track(reel_contiguous(reel_detach(reel_transpose(part[i], 1, 2))));
    const reel_attention_options causal = {.is_causal = true};
    for (int i = 0; i < 3; i++) part[i] = reel_transpose(part[i], 1, 2);
    reel_backward_with(
        reel_sum(reel_square(reel_scaled_dot_product_attention(part[0], part[1], part[2], causal))),
        .retain_graph = true);
    reel_backward(reel_sum(
        reel_square(reel_scaled_dot_product_attention(alone[0], alone[1], alone[2], causal))));
    for (int i = 0; i < 3; i++)
        expect_near(reel_transpose(reel_select(reel_grad(packed), 2, i), 1, 2),
                    reel_scale(reel_grad(alone[i]), 2), 1e-13);
    /* of a leaf itself, overlapping, with another step, and onto what is there */
    reel_tensor *x = reel_track(made_of(identity, reel_shape(6)));
    for (int twice = 0; twice < 2; twice++)
        reel_backward(
            reel_sum(reel_square(reel_add(reel_slice(x, 0, 1, 4, 1), reel_slice(x, 0, 0, 5, 2)))));
    expect_values(reel_grad(x), (double[]){4, 4, 32, 28, 28, 0}, 6);
    reel_generator_free(g);
}
END_TEST

/* Of each number of axes the same as of four. */
START_TEST(takes_any_number_of_axes) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(7, test_device());
    reel_tensor *q = drawn(g, reel_shape(2, 3, 2, 3, 4)), *k = drawn(g, reel_shape(2, 3, 2, 5, 4)),
                *v = drawn(g, reel_shape(2, 3, 2, 5, 6)), *mask = drawn(g, reel_shape(3, 1, 3, 5));
    const reel_attention_options masked = {.attn_mask = mask};
    reel_tensor *y = reel_scaled_dot_product_attention(q, k, v, masked);
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(2, 3, 2, 3, 6)));
    reel_tensor *four = reel_scaled_dot_product_attention(
        reel_select(q, 0, 1), reel_select(k, 0, 1), reel_select(v, 0, 1), masked);
    expect_near(reel_select(y, 0, 1), four, 1e-14);
    reel_tensor *of = reel_select(reel_select(mask, 0, 2), 0, 0);
    reel_tensor *three = reel_scaled_dot_product_attention(
        reel_select(reel_select(q, 0, 1), 0, 2), reel_select(reel_select(k, 0, 1), 0, 2),
        reel_select(reel_select(v, 0, 1), 0, 2), (reel_attention_options){.attn_mask = of});
    expect_near(reel_select(four, 0, 2), three, 1e-14);
    reel_generator_free(g);
}
END_TEST

/* ---- gradients through all that is around the op ---- */

static reel_tensor *all_at_once(reel_tensor **in, void *user) {
    reel_generator *g = reel_generator_new(8, test_device());
    const reel_attention_options o = {.attn_mask = in[3],
                                      .is_causal = user != NULL,
                                      .dropout_p = 0.3,
                                      .generator = g,
                                      .enable_gqa = true,
                                      .scale = 0.4};
    reel_tensor *y = reel_scaled_dot_product_attention(in[0], in[1], in[2], o);
    reel_generator_free(g);
    return y;
}

START_TEST(has_two_gradients) {
    for (int causal = 0; causal < 2; causal++) {
        REEL_SCOPE;
        reel_generator *g = reel_generator_new(9, test_device());
        reel_tensor *in[] = {drawn(g, reel_shape(2, 4, 3, 2)), drawn(g, reel_shape(2, 2, 3, 2)),
                             drawn(g, reel_shape(2, 2, 3, 1)), drawn(g, reel_shape(4, 1, 3))};
        for (int i = 0; i < 4; i++) reel_track(in[i]);
        ck_assert_msg(reel_gradcheck(all_at_once, causal ? g : NULL, in, 4,
                                     (reel_gradcheck_options){0}) == REEL_OK,
                      "%s", reel_error());
        ck_assert_msg(reel_gradgradcheck(all_at_once, causal ? g : NULL, in, 4,
                                         (reel_gradcheck_options){0}) == REEL_OK,
                      "%s", reel_error());
        reel_generator_free(g);
    }
}
END_TEST

/* ---- threads ---- */

START_TEST(threads_do_not_change_bits) {
    static float got[3][2][200 * 32];
    for (int few = 0; few < 2; few++) {
        for (int threads = 1; threads <= 3; threads++) {
            REEL_SCOPE;
            const int64_t heads = few ? 1 : 20, length = few ? 200 : 10;
            ck_assert(reel_set_threads(threads) == REEL_OK);
            reel_generator *g = reel_generator_new(10, test_device());
            reel_tensor *q = reel_track(reel_randn(reel_shape(1, heads, length, 32), REEL_F32, g));
            reel_tensor *y = reel_scaled_dot_product_attention(
                q, q, q,
                (reel_attention_options){.is_causal = true, .dropout_p = 0.1, .generator = g});
            reel_backward(reel_sum(reel_square(y)));
            const size_t bytes = (size_t)reel_numel(y) * 4;
            ck_assert(reel_read(y, got[threads - 1][0], bytes) == REEL_OK);
            ck_assert(reel_read(reel_grad(q), got[threads - 1][1], bytes) == REEL_OK);
            reel_generator_free(g);
        }
        ck_assert(memcmp(got[0], got[1], sizeof got[0]) == 0);
        ck_assert(memcmp(got[0], got[2], sizeof got[0]) == 0);
    }
}
END_TEST

/* ---- what is refused ---- */

#define REFUSED(code, text, q, k, v, ...)                                                          \
    do {                                                                                           \
        ck_assert_ptr_null(                                                                        \
            reel_scaled_dot_product_attention(q, k, v, (reel_attention_options){__VA_ARGS__}));    \
        expect_failure(code, "scaled_dot_product_attention: " text);                               \
    } while (0)

START_TEST(refuses_what_does_not_fit) {
    REEL_SCOPE;
    reel_tensor *q = reel_zeros(reel_shape(2, 4, 3, 8), REEL_F32, test_device()),
                *k = reel_zeros(reel_shape(2, 2, 5, 8), REEL_F32, test_device()),
                *wide = reel_zeros(reel_shape(2, 4, 5, 6), REEL_F32, test_device()),
                *three = reel_zeros(reel_shape(2, 3, 5, 8), REEL_F32, test_device()),
                *row = reel_zeros(reel_shape(8), REEL_F32, test_device()),
                *other = reel_zeros(reel_shape(2, 4, 3, 8), REEL_F64, test_device()),
                *whole = reel_zeros(reel_shape(2, 4, 3, 8), REEL_I64, test_device()),
                *mask = reel_zeros(reel_shape(5, 3), REEL_F32, test_device()),
                *none = reel_zeros(reel_shape(2, 4, 3, 0), REEL_F32, test_device());
    REFUSED(REEL_ERR_ARGUMENT, "k is NULL", q, NULL, q, 0);
    REFUSED(REEL_ERR_SHAPE, "q, k and v have as many axes, two or more", row, row, row, 0);
    REFUSED(REEL_ERR_SHAPE, "q and k differ in axis 1, their heads: see enable_gqa: q[2, 4, 3, 8]",
            q, k, k, 0);
    REFUSED(REEL_ERR_SHAPE, "the heads of q are no multiple of those of k", q, three, three,
            .enable_gqa = true);
    REFUSED(REEL_ERR_SHAPE, "heads of q and k differ in size", q, wide, wide, 0);
    REFUSED(REEL_ERR_SHAPE, "k and v differ in length", q, q, wide, 0);
    REFUSED(REEL_ERR_SHAPE, "k and v differ in axis 1", q, q, three, 0);
    REFUSED(REEL_ERR_SHAPE, "heads of size 0", none, none, q, 0);
    REFUSED(REEL_ERR_DTYPE, "dtypes differ", q, other, q, 0);
    REFUSED(REEL_ERR_DTYPE, "takes floats", whole, whole, whole, 0);
    REFUSED(REEL_ERR_SHAPE, "attn_mask does not broadcast to [2, 4, 3, 3]", q, q, q,
            .attn_mask = mask);
    REFUSED(REEL_ERR_DTYPE, "attn_mask is u8, or of the dtype of q, not f64", q, q, q,
            .attn_mask = other);
    REFUSED(REEL_ERR_ARGUMENT, "dropout_p must lie in [0, 1), not 1", q, q, q, .dropout_p = 1);
    REFUSED(REEL_ERR_ARGUMENT, "dropout_p without a generator", q, q, q, .dropout_p = 0.5);
    REFUSED(REEL_ERR_ARGUMENT, "scale must be finite, not nan", q, q, q, .scale = NAN);
}
END_TEST

int main(void) {
    Suite *s = suite_create("attention");
    TCase *t = add_case(s, "attention");
    tcase_add_test(t, gives_what_pytorch_gives);
    tcase_add_test(t, masks_are_what_they_say);
    tcase_add_test(t, nothing_to_look_at_gives_zeros);
    tcase_add_test(t, dropout_draws_from_its_generator);
    tcase_add_test(t, operands_are_taken_as_they_lie);
    tcase_add_test(t, parts_give_to_what_they_are_of);
    tcase_add_test(t, takes_any_number_of_axes);
    tcase_add_test(t, has_two_gradients);
    tcase_add_test(t, refuses_what_does_not_fit);
    t = add_cpu_case(s, "threads");
    tcase_add_test(t, threads_do_not_change_bits);
    return run_suite(s);
}
