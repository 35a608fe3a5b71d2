/* Autograd: gradients worked out by hand, the tape's life, what is refused. */
#include "tests/expect.h"

#include "autograd/autograd.h"
#include "tensor/core/tensor_internal.h"

#include <pthread.h>
#include <stdlib.h>

#define DEVICE test_device()

/* A tracked f64 tensor. */
static reel_tensor *leaf(reel_shape shape, const double *values) {
    return reel_track(f64(shape, values));
}

static reel_tensor *leaf1(double a, double b) {
    return leaf(reel_shape(2), (double[]){a, b});
}

static reel_tensor *i64(reel_shape shape, const int64_t *values) {
    return to_device(reel_from(values, shape, REEL_I64));
}

static void expect_grad(const reel_tensor *t, const double *values, int64_t count) {
    expect_fine();
    ck_assert(reel_shape_equal(reel_shape_of(reel_grad(t)), reel_shape_of(t)));
    expect_values(reel_grad(t), values, count);
}

static void backward(reel_tensor *loss) {
    ck_assert_msg(reel_backward(loss) == REEL_OK, "%s", reel_error());
}

/* ---- by hand --------------------------------------------------------------------------------- */

START_TEST(a_chain) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3);
    reel_tensor *y = reel_affine(reel_square(x), 3, 1); /* 3 x^2 + 1 */
    ck_assert(reel_is_tracked(y) && !reel_is_tracked(reel_ones(reel_shape(1), REEL_F32, DEVICE)));
    backward(reel_sum(y));
    expect_grad(x, (double[]){12, -18}, 2);
    ck_assert(!reel_is_tracked(reel_grad(x)));
}
END_TEST

START_TEST(one_tensor_used_twice) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 5), *y = leaf1(3, 4);
    backward(reel_sum(reel_add(reel_mul(x, x), reel_mul(x, y)))); /* x^2 + x y */
    expect_grad(x, (double[]){7, 14}, 2);
    expect_grad(y, (double[]){2, 5}, 2);
    reel_zero_grad(x);
    backward(reel_sum(reel_sub(reel_add(x, x), reel_div(x, x))));
    expect_grad(x, (double[]){2, 2}, 2);
}
END_TEST

/* Both inputs of an add have the gradient of its result, and one of them has more to come. */
START_TEST(an_add_shares_its_gradient) {
    {
        REEL_SCOPE;
        reel_tensor *x = leaf1(1, 2), *y = leaf1(3, 4);
        reel_tensor *a = reel_affine(x, 1, 0), *b = reel_affine(reel_affine(y, 1, 0), 1, 0);
        reel_tensor *w = reel_affine(a, 10, 0), *s = reel_add(a, b);
        backward(reel_add(reel_sum(w), reel_sum(reel_square(s)))); /* 10 x + (x + y)^2 */
        expect_grad(x, (double[]){18, 22}, 2);
        expect_grad(y, (double[]){8, 12}, 2);
    }
    REEL_SCOPE; /* the same where one input is a leaf */
    reel_tensor *x = leaf1(1, 2), *y = leaf1(3, 4);
    reel_tensor *b = reel_affine(reel_affine(y, 1, 0), 1, 0), *w = reel_affine(x, 10, 0);
    reel_tensor *s = reel_add(x, b);
    backward(reel_add(reel_sum(reel_affine(w, 1, 0)), reel_sum(reel_square(s))));
    expect_grad(x, (double[]){18, 22}, 2);
    expect_grad(y, (double[]){8, 12}, 2);
}
END_TEST

/* y = (x W) W^T: W is one parameter, with one gradient x^T (g W) + g^T (x W). */
START_TEST(a_tied_parameter) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(1, 2), (double[]){1, 2});
    reel_tensor *W = leaf(reel_shape(2, 2), (double[]){1, 2, 3, 4});
    reel_tensor *h = reel_matmul(x, W); /* 7 10 */
    backward(reel_sum(reel_matmul(h, reel_t(W))));
    /* g = 1 1: x^T (4 6) + (1 1)^T (7 10) */
    expect_grad(W, (double[]){11, 16, 15, 22}, 4);
    ck_assert(reel_is_contiguous(reel_grad(W)));
    backward(reel_sum(reel_matmul(reel_matmul(x, W), reel_t(W))));
    expect_grad(W, (double[]){22, 32, 30, 44}, 4);
}
END_TEST

/* A gradient is summed over the axes along which its tensor was stretched. */
START_TEST(broadcasting) {
    REEL_SCOPE;
    reel_tensor *x = leaf(reel_shape(2, 3), (double[]){1, 2, 3, 4, 5, 6});
    reel_tensor *row = leaf(reel_shape(3), (double[]){1, 10, 100});
    reel_tensor *column = leaf(reel_shape(2, 1), (double[]){2, 3});
    reel_tensor *scalar = reel_track(reel_scalar(5, REEL_F64, DEVICE));
    reel_tensor *constant = f64(reel_shape(1, 1, 1), (double[]){2});
    reel_tensor *y = reel_mul(reel_add(reel_mul(x, row), column), scalar);
    backward(reel_sum(reel_mul(y, constant)));
    expect_grad(x, (double[]){10, 100, 1000, 10, 100, 1000}, 6);
    expect_grad(row, (double[]){50, 70, 90}, 3);
    expect_grad(column, (double[]){30, 30}, 2);
    expect_grad(scalar, (double[]){2 * (321.0 + 654 + 6 + 9)}, 1);
}
END_TEST

START_TEST(indexing) {
    REEL_SCOPE;
    reel_tensor *x = leaf(reel_shape(2, 3), (double[]){5, 1, 9, 2, 8, 4}), *at = NULL;
    reel_tensor *weight = f64(reel_shape(2, 2), (double[]){1, 2, 3, 4});
    reel_tensor *best = reel_topk(x, 2, 1, true, &at);
    expect_values(at, (double[]){2, 0, 1, 2}, 4);
    ck_assert(reel_is_tracked(best) && !reel_is_tracked(at));
    backward(reel_sum(reel_mul(best, weight)));
    expect_grad(x, (double[]){2, 0, 1, 0, 3, 4}, 6);
    reel_zero_grad(x);
    const int64_t twice[] = {1, 1, 0, 2};
    reel_tensor *picked = reel_gather(x, 1, i64(reel_shape(2, 2), twice));
    backward(reel_sum(reel_mul(picked, weight)));
    expect_grad(x, (double[]){0, 3, 0, 3, 0, 4}, 6);
    reel_zero_grad(x);
    const int64_t rows[] = {1, 1, 0};
    reel_tensor *chosen = reel_index_select(x, 0, i64(reel_shape(3), rows));
    backward(reel_sum(reel_slice(chosen, 1, 0, 3, 2)));
    expect_grad(x, (double[]){1, 0, 1, 2, 0, 2}, 6);
}
END_TEST

START_TEST(casts) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_full(reel_shape(2), 3, REEL_F32, DEVICE));
    reel_tensor *y = reel_square(reel_cast(x, REEL_F64));
    ck_assert(!reel_is_tracked(reel_cast(x, REEL_I64))); /* a constant by nature */
    backward(reel_sum(y));
    ck_assert_int_eq(reel_dtype_of(reel_grad(x)), REEL_F32);
    expect_grad(x, (double[]){6, 6}, 2);
}
END_TEST

START_TEST(empty_tensors) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_zeros(reel_shape(0, 3), REEL_F64, DEVICE));
    reel_tensor *W = leaf(reel_shape(3, 1), (double[]){1, 2, 3});
    backward(reel_sum(reel_matmul(x, W)));
    expect_grad(x, NULL, 0);
    expect_grad(W, (double[]){0, 0, 0}, 3);
}
END_TEST

/* ---- leaves ---------------------------------------------------------------------------------- */

START_TEST(gradients_accumulate) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3);
    ck_assert_ptr_null(reel_grad(x));
    for (int i = 1; i <= 3; i++) {
        backward(reel_sum(reel_square(x)));
        expect_grad(x, (double[]){4.0 * i, -6.0 * i}, 2);
    }
}
END_TEST

START_TEST(zero_grad_lets_gradients_go) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(1, 2), (double[]){1, 2});
    reel_tensor *W = leaf(reel_shape(2, 2), (double[]){1, 2, 3, 4}), *b = leaf1(5, 6);
    const size_t before = reel_tensors_alive();
    for (int i = 0; i < 3; i++) {
        {
            REEL_SCOPE;
            backward(reel_sum(reel_mul(b, reel_add(reel_matmul(x, W), b))));
        }
        expect_grad(b, (double[]){17, 22}, 2);
        expect_grad(W, (double[]){5, 6, 10, 12}, 4);
        reel_zero_grad(W);
        reel_zero_grad(b);
        ck_assert_ptr_null(reel_grad(W));
        ck_assert_ptr_null(reel_grad(b));
        ck_assert_uint_eq(reel_tensors_alive(), before);
    }
    reel_zero_grad(NULL);
    reel_zero_grad(x);
}
END_TEST

START_TEST(untracks) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2), *y = leaf1(3, 4);
    backward(reel_sum(reel_mul(x, y)));
    reel_untrack(x);
    ck_assert(!reel_is_tracked(x) && !reel_grad(x));
    reel_zero_grad(y);
    backward(reel_sum(reel_mul(x, y)));
    expect_grad(y, (double[]){1, 2}, 2);
    ck_assert_ptr_null(reel_grad(x));
    /* frozen between forward and backward */
    reel_tensor *loss = reel_sum(reel_matmul(reel_reshape(y, reel_shape(1, 2)),
                                             reel_reshape(reel_track(x), reel_shape(2, 1))));
    reel_untrack(x);
    reel_zero_grad(y);
    backward(loss);
    expect_grad(y, (double[]){1, 2}, 2);
    ck_assert_ptr_null(reel_grad(x));
    reel_untrack(x); /* nothing */
    reel_untrack(NULL);
    reel_tensor *z = reel_neg(y);
    reel_untrack(z); /* not a leaf: nothing */
    ck_assert(reel_is_tracked(z));
}
END_TEST

START_TEST(a_leaf_is_the_loss) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_scalar(3, REEL_F64, DEVICE)), *y = leaf1(1, 2);
    backward(x);
    backward(x);
    expect_grad(x, (double[]){2}, 1);
    reel_tensor *g = f64(reel_shape(2), (double[]){5, 6});
    reel_backward_with(y, .gradient = g);
    reel_backward_with(y, .gradient = g);
    expect_grad(y, (double[]){10, 12}, 2);
    expect_values(g, (double[]){5, 6}, 2); /* the caller's own still */
}
END_TEST

START_TEST(tracks_only_leaves_of_floats) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2), *y = reel_neg(x), *i = reel_arange(3, REEL_I64, DEVICE);
    ck_assert_ptr_eq(reel_track(x), x);
    ck_assert_ptr_null(reel_track(y));
    expect_failure(REEL_ERR_ARGUMENT, "track: is the result of an op: [2] f64 (");
    ck_assert_ptr_null(reel_track(i));
    expect_failure(REEL_ERR_ARGUMENT, "track: takes floats: [3] i64 (");
    ck_assert_ptr_null(reel_track(NULL));
    ck_assert(!reel_is_tracked(NULL) && !reel_grad(NULL) && !reel_grad(i) && !reel_grad(y));
}
END_TEST

/* ---- what is not recorded -------------------------------------------------------------------- */

static void leaves_no_grad_by_return(void) {
    REEL_NO_GRAD;
    return;
}

START_TEST(no_grad) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2);
    {
        REEL_NO_GRAD;
        ck_assert(!reel_is_tracked(reel_square(x)));
        {
            REEL_NO_GRAD;
            ck_assert(!reel_is_tracked(reel_t(reel_reshape(x, reel_shape(1, 2)))));
        }
        ck_assert(!reel_is_tracked(reel_square(x)));
        leaves_no_grad_by_return();
        ck_assert(!reel_is_tracked(reel_square(x)));
        reel_in_place(add, x, x);
    }
    for (int i = 0; i < 2; i++) {
        REEL_NO_GRAD;
        if (i == 0) continue;
        ck_assert(!reel_is_tracked(reel_square(x)));
        break;
    }
    ck_assert(reel_is_tracked(reel_square(x)));
    expect_values(x, (double[]){2, 4}, 2);
}
END_TEST

START_TEST(backward_inside_no_grad) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(1, 2), *loss = reel_sum(reel_square(x));
    {
        REEL_NO_GRAD;
        backward(loss);
        ck_assert(!reel_is_tracked(reel_neg(x)));
    }
    expect_grad(x, (double[]){2, 4}, 2);
    ck_assert(reel_is_tracked(reel_neg(x)));
}
END_TEST

START_TEST(detach) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = reel_square(x), *d = reel_detach(y);
    ck_assert(!reel_is_tracked(d));
    ck_assert_ptr_eq(reel__data(d), reel__data(y));
    backward(reel_sum(reel_mul(y, d))); /* x^2 c */
    expect_grad(x, (double[]){16, 54}, 2);
    ck_assert_ptr_null(reel_detach(NULL));
}
END_TEST

/* ---- backward -------------------------------------------------------------------------------- */

START_TEST(backward_twice) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *loss = reel_sum(reel_exp(reel_square(x)));
    ck_assert_int_eq(reel_backward_with(loss, .retain_graph = true), REEL_OK);
    reel_tensor *once = reel_add(reel_detach(reel_grad(x)), reel_scalar(0, REEL_F64, DEVICE));
    backward(loss);
    for (int i = 0; i < 2; i++) ck_assert_double_eq(element(reel_grad(x), i), 2 * element(once, i));
    ck_assert_int_eq(reel_backward(loss), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "backward: the tape of sum was let go by an earlier call");
    for (int i = 0; i < 2; i++) ck_assert_double_eq(element(reel_grad(x), i), 2 * element(once, i));
}
END_TEST

/* Two losses over one part: the second finds it gone. */
START_TEST(backward_through_a_shared_part) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *h = reel_square(x);
    reel_tensor *a = reel_sum(h), *b = reel_sum(reel_exp(h));
    ck_assert_int_eq(reel_backward_with(a, .retain_graph = true), REEL_OK);
    backward(b);
    ck_assert_int_eq(reel_backward(a), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "backward: the tape of square was let go");
}
END_TEST

START_TEST(backward_of_many_elements) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = reel_square(x);
    reel_tensor *g = f64(reel_shape(2), (double[]){10, 100});
    ck_assert_int_eq(reel_backward(y), REEL_ERR_SHAPE);
    expect_failure(REEL_ERR_SHAPE, "backward: [2] has not one element: give its gradient (");
    ck_assert_int_eq(reel_backward_with(y, .gradient = g, .retain_graph = true), REEL_OK);
    expect_grad(x, (double[]){40, 600}, 2);
    reel_tensor *wrong[] = {reel_ones(reel_shape(1), REEL_F64, DEVICE),
                            reel_ones(reel_shape(2), REEL_F32, DEVICE)};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(reel_backward_with(y, .gradient = wrong[i]), REEL_ERR_SHAPE);
        expect_failure(REEL_ERR_SHAPE, "not of the shape and dtype of [2] (");
    }
    ck_assert_int_eq(reel_backward_with(y, .gradient = reel_expand(wrong[0], reel_shape(2))),
                     REEL_OK);
    expect_grad(x, (double[]){44, 606}, 2);
    expect_values(g, (double[]){10, 100}, 2);
}
END_TEST

START_TEST(backward_of_what_is_not_tracked) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = NULL;
    {
        REEL_NO_GRAD;
        y = reel_sum(x);
    }
    ck_assert_int_eq(reel_backward(y), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "backward: [] does not come from a tracked tensor (");
    ck_assert_int_eq(reel_backward(NULL), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "backward: the loss is NULL (");
}
END_TEST

START_TEST(backward_does_nothing_after_a_failure) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *loss = reel_sum(reel_square(x));
    reel_fail(REEL_ERR_IO, NULL, "a batch was not read");
    ck_assert_int_eq(reel_backward(loss), REEL_ERR_IO);
    ck_assert_int_eq(reel_backward(NULL), REEL_ERR_IO);
    ck_assert_ptr_null(reel_grad(x));
    expect_failure(REEL_ERR_IO, "a batch was not read");
    backward(loss); /* the tape is there still */
    expect_grad(x, (double[]){4, 6}, 2);
}
END_TEST

/* What a rule asked for is let go as backward passes, though the loss lives on. */
START_TEST(the_tape_is_let_go) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0.1, 0.2);
    {
        REEL_NO_GRAD;
        reel_exp(x);
    }
    const size_t before = reel_tensors_alive();
    reel_tensor *loss = reel_sum(reel_exp(reel_exp(reel_exp(x))));
    ck_assert_uint_eq(reel_tensors_alive(), before + 4 + 3);
    backward(loss);
    ck_assert_uint_eq(reel_tensors_alive(), before + 4 + 1);
}
END_TEST

/* ---- changes in place ------------------------------------------------------------------------ */

START_TEST(in_place_on_tracked) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = reel_square(x);
    reel_tensor *one = reel_ones(reel_shape(2), REEL_F64, DEVICE);
    ck_assert_ptr_null(reel_fill_(x, 0));
    expect_failure(REEL_ERR_STATE, "fill_: [2] is tracked: change it inside REEL_NO_GRAD");
    ck_assert_ptr_null(reel_in_place(add, y, one));
    expect_failure(REEL_ERR_STATE,
                   "add_: an input is tracked, and what is done in place is not recorded");
    ck_assert_int_eq(reel_write(x, ((double[]){1, 1}), 16), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "is tracked");
    expect_values(x, (double[]){2, 3}, 2);
    ck_assert_ptr_null(reel_copy_(one, y)); /* its gradient would be lost */
    expect_failure(REEL_ERR_STATE, "copy_: an input is tracked");
    ck_assert_ptr_eq(reel_copy_(one, reel_detach(y)), one);
    expect_values(one, (double[]){4, 9}, 2);
    reel_fill_(one, 1);
    {
        REEL_NO_GRAD;
        ck_assert_ptr_eq(reel_copy_(x, one), x);
    }
    ck_assert(reel_is_tracked(x));
    expect_values(x, (double[]){1, 1}, 2);
}
END_TEST

START_TEST(saved_and_changed) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *c = reel_ones(reel_shape(2), REEL_F64, DEVICE);
    reel_tensor *squares = reel_sum(reel_square(x)), *e = reel_exp(x), *exps = reel_sum(e);
    reel_tensor *product = reel_sum(reel_mul(x, c)), *plain = reel_add(x, c);
    reel_tensor *sums = reel_sum(plain);
    {
        REEL_NO_GRAD;
        reel_fill_(x, 5);
        reel_fill_(reel_select(e, 0, 0), 5); /* through a view */
        reel_fill_(plain, 9);
    }
    reel_fill_(c, 5);
    ck_assert_int_eq(reel_backward(squares), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE,
                   "gradient of square: input 0 was changed in place after it was saved (");
    ck_assert_int_eq(reel_backward(exps), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "gradient of exp: result 0 was changed in place");
    ck_assert_int_eq(reel_backward(product), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "gradient of mul: input 1 was changed in place");
    ck_assert_ptr_null(reel_grad(x));
    backward(sums); /* add saves nothing */
    expect_grad(x, (double[]){1, 1}, 2);
}
END_TEST

START_TEST(no_gradient_to_be_had) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3);
    ck_assert_ptr_null(reel_dequantize(x, 2, REEL_F32));
    expect_failure(REEL_ERR_ARGUMENT,
                   "dequantize: has no gradient, and an input is tracked: x[2] (");
    {
        REEL_NO_GRAD;
        expect_values(reel_dequantize(x, 2, REEL_F32), (double[]){4, 6}, 2);
    }
    reel_tensor *last = i64(reel_shape(1), (int64_t[]){1});
    ck_assert_ptr_null(reel_dequantize_rows(x, last, 2, REEL_F32));
    expect_failure(REEL_ERR_ARGUMENT,
                   "dequantize_rows: has no gradient, and an input is tracked: x[2], last[1] (");
    expect_values(reel_dequantize_rows(reel_detach(x), last, 2, REEL_F32), (double[]){6}, 1);
}
END_TEST

/* ---- a long tape ----------------------------------------------------------------------------- */

enum { LONG = 200000 };

typedef struct {
    bool squares; /* which save their input: the tape hangs together by those too */
    bool backward;
} long_tape;

/* y is all that holds the tape: what it came from is let go at once. */
static void *runs_long_tape(void *user) {
    const long_tape *how = user;
    reel_tensor *x = NULL, *y = NULL;
    {
        REEL_SCOPE;
        x = reel_retain(reel_track(reel_scalar(1, REEL_F64, DEVICE)));
    }
    y = reel_retain(x);
    for (int i = 0; i < LONG; i++) {
        REEL_SCOPE;
        reel_tensor *next = reel_retain(how->squares ? reel_square(y) : reel_affine(y, 1, 1));
        reel_release(y);
        y = next;
    }
    if (how->backward) {
        reel_backward(y);
        ck_assert_double_eq(reel_item(reel_grad(x)), 1);
    }
    expect_fine();
    reel_release(y);
    reel_release(x);
    return NULL;
}

START_TEST(a_long_tape_on_a_small_stack) {
    long_tape how = {_i == 2, _i == 1};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, runs_long_tape, &how), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}
END_TEST

/* ---- gradcheck ------------------------------------------------------------------------------- */

static reel_tensor *right(reel_tensor **in, void *user) {
    (void)user;
    return reel_mul(reel_square(in[0]), reel_tanh(in[1]));
}

static reel_tensor *wrong(reel_tensor **in, void *user) {
    (void)user;
    return reel_mul(in[0], reel_detach(in[0]));
}

static reel_tensor *ignores_one(reel_tensor **in, void *user) {
    (void)user;
    return reel_square(in[0]);
}

static reel_tensor *hides_one(reel_tensor **in, void *user) {
    (void)user;
    return reel_add(reel_square(in[0]), reel_detach(in[1]));
}

static reel_tensor *fails(reel_tensor **in, void *user) {
    (void)user;
    return reel_matmul(in[0], reel_slice(in[1], 0, 0, 1, 1));
}

START_TEST(gradcheck_passes_and_fails) {
    const reel_gradcheck_options defaults = {0};
    REEL_SCOPE;
    reel_tensor *in[] = {leaf(reel_shape(2, 2), (double[]){1, 2, 3, 4}), leaf1(0.3, -0.2)};
    reel_tensor *seen[] = {in[0], f64(reel_shape(2), (double[]){1, 2})};
    reel_tensor *single[] = {reel_track(reel_ones(reel_shape(2), REEL_F32, DEVICE))};
    ck_assert_int_eq(reel_gradcheck(right, NULL, in, 2, defaults), REEL_OK);
    ck_assert_int_eq(reel_gradcheck(right, NULL, seen, 2, defaults), REEL_OK);
    ck_assert_int_eq(reel_gradcheck(ignores_one, NULL, in, 2, defaults), REEL_OK);
    expect_values(in[0], (double[]){1, 2, 3, 4}, 4); /* as they were */
    ck_assert_int_eq(reel_gradcheck(wrong, NULL, in, 2, defaults), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "gradcheck: input 0, element 3: tape ");
    ck_assert_int_eq(reel_gradcheck(hides_one, NULL, in, 2, defaults), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "gradcheck: input 1, element ");
    ck_assert_int_eq(reel_gradcheck(wrong, NULL, in, 2, (reel_gradcheck_options){.atol = 100}),
                     REEL_OK);
    reel_gradcheck(right, NULL, in, 2, (reel_gradcheck_options){.h = REEL_ZERO});
    expect_failure(REEL_ERR_ARGUMENT, "gradcheck: h is not above 0: 0");
    reel_gradcheck(right, NULL, in, 2, (reel_gradcheck_options){.rtol = -1});
    expect_failure(REEL_ERR_ARGUMENT, "gradcheck: a tolerance below 0: rtol -1");
    ck_assert_int_eq(reel_gradcheck(right, NULL, in, 2,
                                    (reel_gradcheck_options){.rtol = REEL_ZERO, .atol = 1e-4}),
                     REEL_OK);
    ck_assert_int_eq(reel_gradcheck(fails, NULL, in, 2, defaults), REEL_ERR_SHAPE);
    expect_failure(REEL_ERR_SHAPE, "matmul: inner dimensions differ");
    ck_assert_int_eq(reel_gradcheck(ignores_one, NULL, single, 1, defaults), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "gradcheck: input 0 is not f64");
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------- */

static Suite *autograd_suite(void) {
    Suite *s = suite_create("autograd");
    TCase *c = add_case(s, "by hand");
    tcase_add_test(c, a_chain);
    tcase_add_test(c, one_tensor_used_twice);
    tcase_add_test(c, an_add_shares_its_gradient);
    tcase_add_test(c, a_tied_parameter);
    tcase_add_test(c, broadcasting);
    tcase_add_test(c, indexing);
    tcase_add_test(c, casts);
    tcase_add_test(c, empty_tensors);

    c = add_case(s, "leaves");
    tcase_add_test(c, gradients_accumulate);
    tcase_add_test(c, zero_grad_lets_gradients_go);
    tcase_add_test(c, untracks);
    tcase_add_test(c, a_leaf_is_the_loss);
    tcase_add_test(c, tracks_only_leaves_of_floats);

    c = add_case(s, "not recorded");
    tcase_add_test(c, no_grad);
    tcase_add_test(c, backward_inside_no_grad);
    tcase_add_test(c, detach);

    c = add_case(s, "backward");
    tcase_add_test(c, backward_twice);
    tcase_add_test(c, backward_through_a_shared_part);
    tcase_add_test(c, backward_of_many_elements);
    tcase_add_test(c, backward_of_what_is_not_tracked);
    tcase_add_test(c, backward_does_nothing_after_a_failure);
    tcase_add_test(c, the_tape_is_let_go);

    c = add_case(s, "in place");
    tcase_add_test(c, in_place_on_tracked);
    tcase_add_test(c, saved_and_changed);
    tcase_add_test(c, no_gradient_to_be_had);

    c = add_cpu_case(s, "a long tape");
    tcase_add_loop_test(c, a_long_tape_on_a_small_stack, 0, 3);

    c = add_case(s, "gradcheck");
    tcase_add_test(c, gradcheck_passes_and_fails);
    return s;
}

int main(void) {
    return run_suite(autograd_suite());
}
