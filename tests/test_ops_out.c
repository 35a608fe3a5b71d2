/* In-place forms and those that fill a given tensor: the same values as the op's own. */
#include "tests/expect.h"
#include "tests/op_cases.h"

#include "autograd/autograd.h"
#include "tensor/call_internal.h"

/* ---- every elementwise row of the table ---- */

static const op_case *const cases[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient) [REEL_OP_##name] = &case_##name,
#include "tensor/ops.def"
};

static bool is_elementwise(int op) {
    const reel__kind k = reel__ops[op].kind;
    return k == REEL__MAP || k == REEL__MAP1 || k == REEL__MAP2 || k == REEL__FAR ||
           k == REEL__TEST;
}

static void expect_same(reel__op op, reel_tensor *got, reel_tensor *want) {
    ck_assert_msg(!reel_failed(), "%s: %s", reel__ops[op].name, reel_error());
    for (int64_t i = 0; i < reel_numel(want); i++) {
        const double a = element(got, i), b = element(want, i);
        ck_assert_msg(a == b || (isnan(a) && isnan(b)), "%s: element %d is %g, not %g",
                      reel__ops[op].name, (int)i, a, b);
    }
}

static void check_into(reel__op op, reel_tensor **in, int nin, reel_tensor *out) {
    reel__call c = {.op = op, .at = REEL_HERE, .nin = nin, .in = in, .attr.f = {0.5, 1.5}};
    reel_tensor *want = reel__run(c);
    expect_same(op, reel__run_into(c, out), want);
}

START_TEST(every_row_fills_what_is_given) {
    int checked = 0;
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!is_elementwise(op)) continue;
        const int nin = cases[op]->inputs;
        REEL_SCOPE;
        reel_tensor *n = reel_arange(12, REEL_F64, test_device()), *in[3];
        for (int i = 0; i < nin; i++)
            in[i] = reel_affine(reel_reshape(n, reel_shape(3, 4)), 0.1 + 0.03 * i, 0.2);
        const reel_dtype dtype = reel__ops[op].kind == REEL__TEST ? REEL_U8 : REEL_F64;
        reel_tensor *wide = reel_zeros(reel_shape(4, 6), dtype, test_device());
        check_into((reel__op)op, in, nin, reel_zeros(reel_shape(3, 4), dtype, test_device()));
        check_into((reel__op)op, in, nin, reel_slice(reel_t(wide), 0, 0, 6, 2)); /* strided */
        if (dtype == REEL_F64) check_into((reel__op)op, in, nin, in[nin - 1]);   /* in place */
        checked++;
    }
    ck_assert_int_gt(checked, 50);
}
END_TEST

/* ---- one formula, several loops ---- */

#define LONG 77 /* vectors, and what is left over */

/* The same bits from the loop of contiguous elements, its end, and that of strided ones. */
static void expect_same_bits(reel__op op, reel_tensor **in, int nin, reel_dtype dtype) {
    static double one[LONG], other[LONG];
    const size_t bytes = LONG * reel_dtype_size(dtype), size = reel_dtype_size(dtype);
    reel__call c = {.op = op, .at = REEL_HERE, .nin = nin, .in = in, .attr.f = {0.5, 1.5}};
    reel_tensor *wide = reel_zeros(reel_shape(LONG, 3), dtype, test_device());
    reel_read(reel__run(c), one, bytes);
    reel_read(reel__run_into(c, reel_select(wide, 1, 1)), other, bytes);
    ck_assert_msg(!reel_failed(), "%s: %s", reel__ops[op].name, reel_error());
    ck_assert_msg(memcmp(one, other, bytes) == 0, "%s: strided", reel__ops[op].name);
    for (int64_t i = 0; i < LONG; i += 5) {
        reel_tensor *alone[3];
        for (int k = 0; k < nin; k++) alone[k] = reel_slice(in[k], 0, i, i + 1, 1);
        c.in = alone;
        reel_read(reel__run(c), other, size);
        ck_assert_msg(memcmp((char *)one + (size_t)i * size, other, size) == 0, "%s: %d alone",
                      reel__ops[op].name, (int)i);
    }
}

START_TEST(every_loop_gives_the_same_bits) {
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!is_elementwise(op) || reel__ops[op].kind == REEL__TEST) continue;
        for (int d = REEL_F32; d <= REEL_F64; d++) {
            REEL_SCOPE;
            reel_tensor *n = reel_arange(LONG, REEL_F64, test_device()), *in[3];
            for (int i = 0; i < cases[op]->inputs; i++)
                in[i] = reel_cast(reel_affine(reel_sin(reel_shift(n, i)), 0.4, 0.5), (reel_dtype)d);
            expect_same_bits((reel__op)op, in, cases[op]->inputs, (reel_dtype)d);
        }
    }
}
END_TEST

/* ---- the forms that users write ---- */

typedef reel_tensor *(*op_of_one)(const char *at, reel_tensor *x);
typedef reel_tensor *(*op_of_two)(const char *at, reel_tensor *x, reel_tensor *y);
typedef reel_tensor *(*form_of_one)(const char *at, reel_tensor *out, reel_tensor *x);
typedef reel_tensor *(*form_of_two)(const char *at, reel_tensor *out, reel_tensor *x,
                                    reel_tensor *y);

#define ROW(name) {REEL_OP_##name, reel_##name##_at, reel_##name##_out_at},
static const struct {
    reel__op op;
    op_of_one f;
    form_of_one form;
} of_one[] = {ROW(neg) ROW(abs) ROW(sign) ROW(floor) ROW(ceil) ROW(round) ROW(trunc) ROW(square)
                  ROW(sqrt) ROW(exp) ROW(expm1) ROW(log) ROW(log1p) ROW(sin) ROW(cos) ROW(erf)
                      ROW(relu) ROW(sigmoid) ROW(tanh) ROW(silu) ROW(gelu) ROW(gelu_tanh)
                          ROW(logical_not) ROW(isnan) ROW(isinf) ROW(isfinite)};
static const struct {
    reel__op op;
    op_of_two f;
    form_of_two form;
} of_two[] = {ROW(add) ROW(sub) ROW(mul) ROW(div) ROW(pow) ROW(maximum) ROW(minimum) ROW(bce) ROW(
    eq) ROW(ne) ROW(lt) ROW(le) ROW(gt) ROW(ge) ROW(logical_and) ROW(logical_or) ROW(logical_xor)};

static reel_tensor *like(reel_tensor *t) {
    return reel_empty_like_at(REEL_HERE, t);
}

START_TEST(every_form_is_of_its_op) {
    REEL_SCOPE;
    reel_tensor *n = reel_arange(12, REEL_F64, test_device());
    reel_tensor *x = reel_affine(n, 0.07, 0.1), *y = reel_affine(n, -0.05, 0.7);
    for (size_t i = 0; i < sizeof of_one / sizeof *of_one; i++) {
        reel_tensor *want = of_one[i].f(REEL_HERE, x);
        expect_same(of_one[i].op, of_one[i].form(REEL_HERE, like(want), x), want);
    }
    for (size_t i = 0; i < sizeof of_two / sizeof *of_two; i++) {
        reel_tensor *want = of_two[i].f(REEL_HERE, x, y);
        expect_same(of_two[i].op, of_two[i].form(REEL_HERE, like(want), x, y), want);
    }
    expect_same(REEL_OP_softplus, reel_softplus_out(like(x), x, 2, 1), reel_softplus(x, 2, 1));
    expect_same(REEL_OP_leaky_relu, reel_leaky_relu_out(like(x), reel_neg(x), 0.3),
                reel_leaky_relu(reel_neg(x), 0.3));
    expect_same(REEL_OP_elu, reel_elu_out(like(x), reel_neg(x), 0.3), reel_elu(reel_neg(x), 0.3));
    expect_fine();
}
END_TEST

static reel_tensor *numbers(void) {
    return reel_affine(reel_arange(4, REEL_F64, test_device()), 1, -1.5); /* -1.5 -0.5 0.5 1.5 */
}

START_TEST(in_place) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *y = reel_scalar(2, REEL_F64, test_device());
    ck_assert_ptr_eq(reel_mul_(x, y), x);
    expect_values(x, (double[]){-3, -1, 1, 3}, 4);
    expect_values(reel_add_(x, y), (double[]){-1, 1, 3, 5}, 4);
    expect_values(reel_sub_(x, x), (double[]){0, 0, 0, 0}, 4);
    expect_values(reel_abs_(numbers()), (double[]){1.5, 0.5, 0.5, 1.5}, 4);
    expect_values(reel_clamp_(numbers(), -1, 1), (double[]){-1, -0.5, 0.5, 1}, 4);
    expect_values(reel_relu_(numbers()), (double[]){0, 0, 0.5, 1.5}, 4);
    expect_values(reel_affine_(numbers(), 2, 1), (double[]){-2, 0, 2, 4}, 4);
    expect_values(reel_pow_scalar_(numbers(), 2), (double[]){2.25, 0.25, 0.25, 2.25}, 4);
    x = numbers();
    expect_values(reel_masked_fill_(x, reel_lt(x, reel_scalar(0, REEL_F64, test_device())), 9),
                  (double[]){9, 9, 0.5, 1.5}, 4);
    const int64_t n[] = {5, -7};
    reel_tensor *i = to_device(reel_from(n, reel_shape(2), REEL_I64));
    expect_values(reel_maximum_(i, reel_scalar(1, REEL_I64, test_device())), (double[]){5, 1}, 2);
}
END_TEST

START_TEST(into_a_tensor) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *out = reel_zeros(reel_shape(2, 4), REEL_F64, test_device());
    ck_assert_ptr_eq(reel_neg_out(out, x), out); /* broadcast to it */
    expect_values(out, (double[]){1.5, 0.5, -0.5, -1.5, 1.5, 0.5, -0.5, -1.5}, 8);
    reel_tensor *truth = reel_zeros(reel_shape(4), REEL_U8, test_device());
    expect_values(reel_gt_out(truth, x, reel_neg(x)), (double[]){0, 0, 1, 1}, 4);
    expect_values(reel_where_out(x, truth, x, reel_square(x)), (double[]){2.25, 0.25, 0.5, 1.5}, 4);
    reel_tensor *a = reel_reshape(numbers(), reel_shape(2, 2));
    expect_values(reel_matmul_out(a, a, a), (double[]){2, 0, -1.5 * 0.5 + 0.5 * 1.5, 2}, 4);
}
END_TEST

/* A shifted view of the same memory is read as it was. */
START_TEST(other_elements_of_the_same_memory) {
    REEL_SCOPE;
    reel_tensor *x = reel_arange(1000, REEL_F64, test_device());
    reel_tensor *early = reel_slice(x, 0, 0, 999, 1), *late = reel_slice(x, 0, 1, 1000, 1);
    reel_add_out(late, early, early);
    expect_fine();
    for (int i = 1; i < 1000; i++) ck_assert_double_eq(element(x, i), 2.0 * (i - 1));
    reel_tensor *m = reel_reshape(reel_arange(9, REEL_F64, test_device()), reel_shape(3, 3));
    reel_sub_(m, reel_t(m));
    expect_values(m, (double[]){0, -2, -4, 2, 0, -2, 4, 2, 0}, 9);
}
END_TEST

START_TEST(what_does_not_fit_is_refused) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *two = reel_zeros(reel_shape(2), REEL_F64, test_device());
    ck_assert_ptr_null(reel_exp_out(two, x));
    expect_failure(REEL_ERR_SHAPE, "exp: the result does not fit into [2]: x[4]");
    ck_assert_ptr_null(reel_exp_out(reel_zeros(reel_shape(4), REEL_F32, test_device()), x));
    expect_failure(REEL_ERR_DTYPE, "exp: the result is f32, not f64");
    ck_assert_ptr_null(reel_gt_out(x, x, x));
    expect_failure(REEL_ERR_DTYPE, "gt_: the result is f64, not u8");
    ck_assert_ptr_null(reel_exp_out(NULL, x));
    expect_failure(REEL_ERR_ARGUMENT, "exp: the tensor to change is NULL");
    ck_assert_ptr_null(reel_exp_(reel_expand(two, reel_shape(3, 2))));
    expect_failure(REEL_ERR_ARGUMENT, "expanded view");
    reel_tensor *m = reel_zeros(reel_shape(2, 3), REEL_F64, test_device());
    ck_assert_ptr_null(reel_matmul_out(reel_t(m), reel_t(m), reel_t(m)));
    ck_assert(reel_failed());
    reel_clear_error();
    reel_tensor *row = reel_zeros(reel_shape(1, 3), REEL_F64, test_device());
    reel_tensor *large = reel_zeros(reel_shape(5, 2), REEL_F64, test_device());
    ck_assert_ptr_null(reel_matmul_out(large, row, reel_t(m)));
    expect_failure(REEL_ERR_SHAPE, "matmul: the result has another shape");
    reel_tensor *square = reel_zeros(reel_shape(2, 2), REEL_F64, test_device());
    ck_assert_ptr_null(reel_matmul_out(reel_t(square), square, square));
    expect_failure(REEL_ERR_ARGUMENT, "matmul: the result must be contiguous");
}
END_TEST

START_TEST(they_are_not_recorded) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(numbers()), *y = numbers();
    ck_assert_ptr_null(reel_mul_(y, x));
    expect_failure(REEL_ERR_STATE, "mul_: an input is tracked");
    ck_assert_ptr_null(reel_neg_(x));
    expect_failure(REEL_ERR_STATE, "neg_: ");
    {
        REEL_NO_GRAD;
        expect_values(reel_neg_(x), (double[]){1.5, 0.5, -0.5, -1.5}, 4);
    }
    reel_tensor *z = reel_square(x); /* saves x, which then changes */
    {
        REEL_NO_GRAD;
        reel_neg_(x);
    }
    reel_backward(reel_sum(z));
    expect_failure(REEL_ERR_STATE, "changed in place");
}
END_TEST

int main(void) {
    Suite *s = suite_create("ops_out");
    TCase *t = add_case(s, "forms");
    tcase_add_test(t, every_row_fills_what_is_given);
    tcase_add_test(t, every_loop_gives_the_same_bits);
    tcase_add_test(t, every_form_is_of_its_op);
    tcase_add_test(t, in_place);
    tcase_add_test(t, into_a_tensor);
    tcase_add_test(t, other_elements_of_the_same_memory);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, they_are_not_recorded);
    return run_suite(s);
}
