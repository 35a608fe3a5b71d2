/* In-place forms and those that fill a given tensor: the same values as the op's own. */
#include "tests/expect.h"
#include "tests/op_cases.h"

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "tensor/ops/call_internal.h"

/* ---- every elementwise row of the table ---- */

static bool is_test(int op) {
    static const bool tests[REEL__MAPS] = {
#define PLAIN false
#define WITH1 false
#define WITH2 false
#define FAR false
#define TEST true
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient) [REEL_OP_##name] = form,
#include "tensor/ops/ops_map.def"
    };
    return tests[op];
}

static void expect_same(reel__op op, reel_tensor *got, reel_tensor *want) {
    ck_assert_msg(!reel_failed(), "%s: %s", reel__ops[op].name, reel_error());
    for (int64_t i = 0; i < reel_numel(want); i++) {
        const double a = element(got, i), b = element(want, i);
        ck_assert_msg(a == b || (isnan(a) && isnan(b)), "%s: element %d is %g, not %g",
                      reel__ops[op].name, (int)i, a, b);
    }
}

static reel__call call_of(reel__op op, reel_tensor **in, int nin) {
    reel__call c = {.op = op, .at = REEL_HERE, .nin = nin, .with.map = {.a = 0.5, .b = 1.5}};
    for (int i = 0; i < nin; i++) c.in[i] = in[i];
    return c;
}

static void check_into(reel__op op, reel_tensor **in, int nin, reel_tensor *out) {
    const reel__call c = call_of(op, in, nin);
    reel_tensor *want = reel__run_call(c);
    expect_same(op, reel__run_into(c, out), want);
}

START_TEST(every_row_fills_what_is_given) {
    int checked = 0;
    for (int op = 0; op < REEL__MAPS; op++) {
        const int nin = reel__ops[op].inputs;
        REEL_SCOPE;
        reel_tensor *n = reel_arange(12, REEL_F64, test_device()), *in[3];
        for (int i = 0; i < nin; i++)
            in[i] = reel_affine(reel_reshape(n, reel_shape(3, 4)), 0.1 + 0.03 * i, 0.2);
        const reel_dtype dtype = is_test(op) ? REEL_U8 : REEL_F64;
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
    const reel__call c = call_of(op, in, nin);
    reel_tensor *wide = reel_zeros(reel_shape(LONG, 3), dtype, test_device());
    reel_read(reel__run_call(c), one, bytes);
    reel_read(reel__run_into(c, reel_select(wide, 1, 1)), other, bytes);
    ck_assert_msg(!reel_failed(), "%s: %s", reel__ops[op].name, reel_error());
    ck_assert_msg(memcmp(one, other, bytes) == 0, "%s: strided", reel__ops[op].name);
    for (int64_t i = 0; i < LONG; i += 5) {
        reel_tensor *alone[3];
        for (int k = 0; k < nin; k++) alone[k] = reel_slice(in[k], 0, i, i + 1, 1);
        reel_read(reel__run_call(call_of(op, alone, nin)), other, size);
        ck_assert_msg(memcmp((char *)one + (size_t)i * size, other, size) == 0, "%s: %d alone",
                      reel__ops[op].name, (int)i);
    }
}

START_TEST(every_loop_gives_the_same_bits) {
    for (int op = 0; op < REEL__MAPS; op++) {
        if (is_test(op)) continue;
        for (int d = REEL_F32; d <= REEL_F64; d++) {
            REEL_SCOPE;
            reel_tensor *n = reel_arange(LONG, REEL_F64, test_device()), *in[3];
            for (int i = 0; i < reel__ops[op].inputs; i++)
                in[i] = reel_cast(reel_affine(reel_sin(reel_shift(n, i)), 0.4, 0.5), (reel_dtype)d);
            expect_same_bits((reel__op)op, in, reel__ops[op].inputs, (reel_dtype)d);
        }
    }
}
END_TEST

/* ---- calls are values ---- */

START_TEST(a_copied_call_runs_again) {
    reel__call copy[4];
    REEL_SCOPE;
    reel_tensor *x = reel_reshape(reel_arange(12, REEL_F64, test_device()), reel_shape(3, 4));
    reel_tensor *const want[4] = {reel_clamp(x, 2, 7),
                                  reel_var_at(REEL_HERE, x, reel_axes(1), true, 1),
                                  reel_slice(x, 1, 1, 4, 2), reel_permute(x, reel_shape(1, 0))};
    {
        reel__call c[4] = {
            {.op = REEL_OP_clamp, .with.map = {.a = 2, .b = 7}},
            {.op = REEL_OP_var, .with.reduce = {.axes = 2, .kept = 2, .correction = 1}},
            {.op = REEL_OP_slice, .with.slice = {.axis = 1, .start = 1, .count = 2, .step = 2}},
            {.op = REEL_OP_permute, .with.axes = reel_shape(1, 0)}};
        for (int i = 0; i < 4; i++) c[i].at = REEL_HERE, c[i].nin = 1, c[i].in[0] = x;
        memcpy(copy, c, sizeof copy);
        for (int i = 0; i < 4; i++) expect_same(c[i].op, reel__run_call(c[i]), want[i]);
        memset(c, 0xff, sizeof c);
    }
    for (int i = 0; i < 4; i++) {
        reel_tensor *got = reel__run_call(copy[i]);
        ck_assert(reel_shape_equal(reel_shape_of(got), reel_shape_of(want[i])));
        expect_same(copy[i].op, got, want[i]);
    }
}
END_TEST

/* A list may be longer than a call has room for: it is the caller's. */
START_TEST(a_list_is_of_any_length) {
    REEL_SCOPE;
    enum { COUNT = 3 * REEL__MOST_INPUTS };
    reel_tensor *x[COUNT], *leaf = reel_track(reel_full(reel_shape(1), 2, REEL_F64, test_device()));
    for (int i = 0; i < COUNT; i++) x[i] = reel_affine(leaf, i, 0);
    reel_tensor *y = reel_concat_at(REEL_HERE, x, COUNT, 0);
    ck_assert_int_eq(reel_dim(y, 0), COUNT);
    ck_assert_double_eq(element(y, COUNT - 1), 2 * (COUNT - 1));
    reel_backward(reel_sum(y));
    ck_assert_double_eq(element(reel_grad(leaf), 0), COUNT * (COUNT - 1) / 2);
}
END_TEST

/* ---- the forms that users write ---- */

static reel_tensor *like(reel_tensor *t) {
    return reel_empty_like_at(REEL_HERE, t);
}

#define OF_ONE(name)                                                                               \
    expect_same(REEL_OP_##name, reel_into(like(reel_##name(x)), name, x), reel_##name(x));
#define OF_TWO(name)                                                                               \
    expect_same(REEL_OP_##name, reel_into(like(reel_##name(x, y)), name, x, y), reel_##name(x, y));

START_TEST(every_form_is_of_its_op) {
    REEL_SCOPE;
    reel_tensor *n = reel_arange(12, REEL_F64, test_device());
    reel_tensor *x = reel_affine(n, 0.07, 0.1), *y = reel_affine(n, -0.05, 0.7);
    /* clang-format off */
    OF_ONE(neg) OF_ONE(abs) OF_ONE(sign) OF_ONE(floor) OF_ONE(ceil) OF_ONE(round) OF_ONE(trunc)
    OF_ONE(square) OF_ONE(sqrt) OF_ONE(exp) OF_ONE(expm1) OF_ONE(log) OF_ONE(log1p) OF_ONE(sin)
    OF_ONE(cos) OF_ONE(erf) OF_ONE(relu) OF_ONE(sigmoid) OF_ONE(tanh) OF_ONE(silu) OF_ONE(gelu)
    OF_ONE(gelu_tanh) OF_ONE(logical_not) OF_ONE(isnan) OF_ONE(isinf) OF_ONE(isfinite)
    OF_TWO(add) OF_TWO(sub) OF_TWO(mul) OF_TWO(div) OF_TWO(pow) OF_TWO(maximum) OF_TWO(minimum)
    OF_TWO(bce) OF_TWO(eq) OF_TWO(ne) OF_TWO(lt) OF_TWO(le) OF_TWO(gt) OF_TWO(ge)
    OF_TWO(logical_and) OF_TWO(logical_or) OF_TWO(logical_xor)
        /* clang-format on */
        expect_same(REEL_OP_softplus, reel_into(like(x), softplus, x, 2, 1),
                    reel_softplus(x, 2, 1));
    expect_same(REEL_OP_leaky_relu, reel_into(like(x), leaky_relu, reel_neg(x), 0.3),
                reel_leaky_relu(reel_neg(x), 0.3));
    expect_same(REEL_OP_elu, reel_into(like(x), elu, reel_neg(x), 0.3), reel_elu(reel_neg(x), 0.3));
    expect_fine();
}
END_TEST

static reel_tensor *numbers(void) {
    return reel_affine(reel_arange(4, REEL_F64, test_device()), 1, -1.5); /* -1.5 -0.5 0.5 1.5 */
}

START_TEST(in_place) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *y = reel_scalar(2, REEL_F64, test_device());
    ck_assert_ptr_eq(reel_in_place(mul, x, y), x);
    expect_values(x, (double[]){-3, -1, 1, 3}, 4);
    expect_values(reel_in_place(add, x, y), (double[]){-1, 1, 3, 5}, 4);
    expect_values(reel_in_place(sub, x, x), (double[]){0, 0, 0, 0}, 4);
    expect_values(reel_in_place(abs, numbers()), (double[]){1.5, 0.5, 0.5, 1.5}, 4);
    expect_values(reel_in_place(clamp, numbers(), -1, 1), (double[]){-1, -0.5, 0.5, 1}, 4);
    expect_values(reel_in_place(relu, numbers()), (double[]){0, 0, 0.5, 1.5}, 4);
    expect_values(reel_in_place(affine, numbers(), 2, 1), (double[]){-2, 0, 2, 4}, 4);
    expect_values(reel_in_place(pow_scalar, numbers(), 2), (double[]){2.25, 0.25, 0.25, 2.25}, 4);
    x = numbers();
    expect_values(
        reel_in_place(masked_fill, x, reel_lt(x, reel_scalar(0, REEL_F64, test_device())), 9),
        (double[]){9, 9, 0.5, 1.5}, 4);
    const int64_t n[] = {5, -7};
    reel_tensor *i = to_device(reel_from(n, reel_shape(2), REEL_I64));
    expect_values(reel_in_place(maximum, i, reel_scalar(1, REEL_I64, test_device())),
                  (double[]){5, 1}, 2);
}
END_TEST

START_TEST(into_a_tensor) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *out = reel_zeros(reel_shape(2, 4), REEL_F64, test_device());
    ck_assert_ptr_eq(reel_into(out, neg, x), out); /* broadcast to it */
    expect_values(out, (double[]){1.5, 0.5, -0.5, -1.5, 1.5, 0.5, -0.5, -1.5}, 8);
    reel_tensor *truth = reel_zeros(reel_shape(4), REEL_U8, test_device());
    expect_values(reel_into(truth, gt, x, reel_neg(x)), (double[]){0, 0, 1, 1}, 4);
    expect_values(reel_into(x, where, truth, x, reel_square(x)), (double[]){2.25, 0.25, 0.5, 1.5},
                  4);
    reel_tensor *a = reel_reshape(numbers(), reel_shape(2, 2));
    expect_values(reel_into(a, matmul, a, a), (double[]){2, 0, -1.5 * 0.5 + 0.5 * 1.5, 2}, 4);
}
END_TEST

/* Functions that make their results elsewhere, views, and products where the result is strided. */
START_TEST(results_of_other_functions_are_copied) {
    REEL_SCOPE;
    reel_tensor *x = reel_reshape(numbers(), reel_shape(2, 2));
    reel_tensor *out = reel_zeros(reel_shape(2, 2), REEL_F64, test_device());
    ck_assert_ptr_eq(reel_into(out, sum, x, reel_axes(0), false), out); /* broadcast to it */
    expect_values(out, (double[]){-1, 1, -1, 1}, 4);
    expect_values(reel_into(out, transpose, x, 0, 1), (double[]){-1.5, 0.5, -0.5, 1.5}, 4);
    expect_values(reel_in_place(transpose, x, 0, 1), (double[]){-1.5, 0.5, -0.5, 1.5}, 4);
    expect_values(reel_into(reel_t(out), matmul, x, x), (double[]){2, 0, 0, 2}, 4);
    expect_values(reel_into(out, matmul, reel_select(x, 0, 0), x), (double[]){2, 0, 2, 0}, 4);
    reel_tensor *loss = reel_ones(REEL_SCALAR, REEL_F64, test_device());
    expect_values(reel_into(loss, mse_loss, x, reel_zeros_like(x), REEL_MEAN), (double[]){1.25}, 1);
    expect_values(reel_into(loss, softmax, loss, 0), (double[]){1}, 1);
}
END_TEST

/* A result that was there is no new reference, whichever way it is filled. */
START_TEST(they_take_no_reference) {
    REEL_SCOPE;
    reel_tensor *x = numbers();
    for (int i = 0; i < 100; i++) {
        reel_in_place(neg, x);
        reel_in_place(softmax, x, 0);
    }
    ck_assert_int_eq((int)atomic_load(&x->refs), 1);
    ck_assert_ptr_null(reel_into(NULL, matmul, x, x));
    expect_failure(REEL_ERR_ARGUMENT, "matmul: the tensor to change is NULL");
}
END_TEST

static reel_tensor *sum_of(int n, reel_tensor **out, reel_tensor *x) {
    return n == 0 ? x : reel_into(out[n], add, sum_of(n - 1, out, x), x);
}

START_TEST(they_nest_without_end) {
    enum { DEPTH = 40 };
    REEL_SCOPE;
    reel_tensor *x = numbers(), *out[DEPTH + 1];
    for (int i = 0; i <= DEPTH; i++) out[i] = like(x);
    expect_values(sum_of(DEPTH, out, x), (double[]){-61.5, -20.5, 20.5, 61.5}, 4);
}
END_TEST

/* What is left by a jump out of an argument waits no longer. */
START_TEST(an_argument_may_jump) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *out = like(x);
    for (int i = 0; i < 20; i++)
        reel_into(out, add, x, __extension__({
                      if (i != 19) continue;
                      x;
                  }));
    expect_values(out, (double[]){-3, -1, 1, 3}, 4);
    expect_values(reel_add(x, reel_neg(x)), (double[]){0, 0, 0, 0}, 4);
    expect_values(out, (double[]){-3, -1, 1, 3}, 4);
}
END_TEST

/* Each result goes where its own call says, whatever is computed for its arguments meanwhile. */
START_TEST(they_nest) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *a = like(x), *b = like(x);
    ck_assert_ptr_eq(reel_into(a, add, reel_into(b, mul, x, reel_neg(x)), reel_add(x, x)), a);
    expect_values(b, (double[]){-2.25, -0.25, -0.25, -2.25}, 4);
    expect_values(a, (double[]){-5.25, -1.25, 0.75, 0.75}, 4);
    ck_assert_ptr_null(reel_into(a, add, reel_into(NULL, neg, x), x));
    expect_failure(REEL_ERR_ARGUMENT, "neg: the tensor to change is NULL");
    expect_values(reel_add(x, x), (double[]){-3, -1, 1, 3}, 4); /* and nothing waits any more */
    expect_values(a, (double[]){-5.25, -1.25, 0.75, 0.75}, 4);
#define TWICE(y) reel_into(a, add, y, y)
#define DEEP(y) TWICE(TWICE(TWICE(y)))
    ck_assert_ptr_eq(DEEP(x), a);
    expect_values(a, (double[]){-12, -4, 4, 12}, 4);
}
END_TEST

/* A shifted view of the same memory is read as it was. */
START_TEST(other_elements_of_the_same_memory) {
    REEL_SCOPE;
    reel_tensor *x = reel_arange(1000, REEL_F64, test_device());
    reel_tensor *early = reel_slice(x, 0, 0, 999, 1), *late = reel_slice(x, 0, 1, 1000, 1);
    reel_into(late, add, early, early);
    expect_fine();
    for (int i = 1; i < 1000; i++) ck_assert_double_eq(element(x, i), 2.0 * (i - 1));
    reel_tensor *m = reel_reshape(reel_arange(9, REEL_F64, test_device()), reel_shape(3, 3));
    reel_in_place(sub, m, reel_t(m));
    expect_values(m, (double[]){0, -2, -4, 2, 0, -2, 4, 2, 0}, 9);
}
END_TEST

START_TEST(what_does_not_fit_is_refused) {
    REEL_SCOPE;
    reel_tensor *x = numbers(), *two = reel_zeros(reel_shape(2), REEL_F64, test_device());
    ck_assert_ptr_null(reel_into(two, exp, x));
    expect_failure(REEL_ERR_SHAPE, "exp: the result does not fit into [2]: x[4]");
    ck_assert_ptr_null(reel_into(reel_zeros(reel_shape(4), REEL_F32, test_device()), exp, x));
    expect_failure(REEL_ERR_DTYPE, "exp: the result is f32, not f64");
    ck_assert_ptr_null(reel_into(x, gt, x, x));
    expect_failure(REEL_ERR_DTYPE, "gt_: the result is f64, not u8");
    ck_assert_ptr_null(reel_into(NULL, exp, x));
    expect_failure(REEL_ERR_ARGUMENT, "exp: the tensor to change is NULL");
    ck_assert_ptr_null(reel_in_place(exp, reel_expand(two, reel_shape(3, 2))));
    expect_failure(REEL_ERR_ARGUMENT, "expanded view");
    reel_tensor *m = reel_zeros(reel_shape(2, 3), REEL_F64, test_device());
    ck_assert_ptr_null(reel_into(reel_t(m), matmul, reel_t(m), reel_t(m)));
    expect_failure(REEL_ERR_SHAPE, "matmul: inner dimensions differ");
    ck_assert_ptr_null(reel_into(two, sum, m, reel_axes(0), false));
    expect_failure(REEL_ERR_SHAPE, "sum: the result does not fit into [2]");
    ck_assert_ptr_null(
        reel_into(reel_zeros(REEL_SCALAR, REEL_I64, test_device()), mse_loss, m, m, REEL_MEAN));
    expect_failure(REEL_ERR_DTYPE, "mse_loss: the result is i64, not f64");
}
END_TEST

START_TEST(they_are_not_recorded) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(numbers()), *y = numbers();
    ck_assert_ptr_null(reel_in_place(mul, y, x));
    expect_failure(REEL_ERR_STATE, "mul_: an input is tracked");
    ck_assert_ptr_null(reel_in_place(neg, x));
    expect_failure(REEL_ERR_STATE, "neg_: ");
    {
        REEL_NO_GRAD;
        expect_values(reel_in_place(neg, x), (double[]){1.5, 0.5, -0.5, -1.5}, 4);
    }
    reel_tensor *z = reel_square(x); /* saves x, which then changes */
    {
        REEL_NO_GRAD;
        reel_in_place(neg, x);
    }
    reel_backward(reel_sum(z));
    expect_failure(REEL_ERR_STATE, "changed in place");
}
END_TEST

int main(void) {
    Suite *s = suite_create("into");
    TCase *t = add_case(s, "forms");
    tcase_add_test(t, every_row_fills_what_is_given);
    tcase_add_test(t, every_loop_gives_the_same_bits);
    tcase_add_test(t, a_copied_call_runs_again);
    tcase_add_test(t, a_list_is_of_any_length);
    tcase_add_test(t, every_form_is_of_its_op);
    tcase_add_test(t, in_place);
    tcase_add_test(t, into_a_tensor);
    tcase_add_test(t, results_of_other_functions_are_copied);
    tcase_add_test(t, they_nest);
    tcase_add_test(t, they_take_no_reference);
    tcase_add_test(t, they_nest_without_end);
    tcase_add_test(t, an_argument_may_jump);
    tcase_add_test(t, other_elements_of_the_same_memory);
    tcase_add_test(t, what_does_not_fit_is_refused);
    tcase_add_test(t, they_are_not_recorded);
    return run_suite(s);
}
