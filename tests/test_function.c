/* Ops of one's own: reel_apply. */
#include "tests/call_site.h"

#include "tests/leaves.h"

#include <stdlib.h>

#define DEVICE test_device()
#define SLOW ((reel_gradcheck_options){.h = 1e-5})

/* A function of the user's, for gradcheck. */
static reel_tensor *apply1(reel_tensor **in, void *user) {
    return reel_apply(user, in, 1, NULL);
}

static void expect_checked(const reel_function *f, reel_tensor *x) {
    ck_assert_msg(reel_gradcheck(apply1, (void *)f, &x, 1, SLOW) == REEL_OK, "%s", reel_error());
    ck_assert_msg(reel_gradgradcheck(apply1, (void *)f, &x, 1, SLOW) == REEL_OK, "%s",
                  reel_error());
}

/* ---- y = x^3, from its input ----------------------------------------------------------------- */

static reel_tensor *cube_forward(reel_context *c, reel_tensor *const *in) {
    reel_context_save(c, in[0]);
    return reel_mul(in[0], reel_square(in[0]));
}

static void cube_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    grads[0] = reel_mul(g, reel_scale(reel_square(reel_context_saved(c, 0)), 3));
}

static const reel_function cube = {"cube", cube_forward, cube_backward, NULL, false};

START_TEST(one_node) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3);
    const size_t before = reel_tensors_alive();
    reel_tensor *y = reel_apply(&cube, &x, 1, NULL);
    ck_assert_uint_eq(reel_tensors_alive(), before + 1); /* what lay between is gone */
    ck_assert(reel_is_tracked(y));
    expect2(y, 8, -27);
    ck_assert_int_eq(reel_backward_with(reel_sum(y), .retain_graph = true), REEL_OK);
    expect2(reel_grad(x), 12, 27);
    ck_assert_int_eq(reel_backward(reel_sum(reel_scale(y, 10))), REEL_OK);
    expect2(reel_grad(x), 132, 297);
    reel_backward(reel_sum(y));
    expect_failure(REEL_ERR_STATE, "backward: the tape of cube was let go by an earlier call");
    expect_checked(&cube, x);
}
END_TEST

START_TEST(not_recorded) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, -3), *c = reel_detach(x);
    {
        REEL_NO_GRAD;
        reel_tensor *y = reel_apply(&cube, &x, 1, NULL);
        ck_assert(!reel_is_tracked(y));
        expect2(y, 8, -27);
    }
    ck_assert(!reel_is_tracked(reel_apply(&cube, &c, 1, NULL)));
}
END_TEST

/* ---- y = e^x, from its result ---------------------------------------------------------------- */

static reel_tensor *exp_forward(reel_context *c, reel_tensor *const *in) {
    reel_tensor *y = reel_exp(in[0]);
    reel_context_save(c, y);
    return y;
}

static void exp_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    grads[0] = reel_mul(g, reel_context_saved(c, 0));
}

static const reel_function my_exp = {"my_exp", exp_forward, exp_backward, NULL, false};

/* It is differentiated through, and does not keep itself alive. */
START_TEST(a_saved_result) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0.5, -1);
    expect_checked(&my_exp, x);
    reel_apply(&my_exp, &x, 1, NULL);
}
END_TEST

/* What it saved goes as backward passes. */
START_TEST(what_is_saved_is_let_go) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0.5, -1), *y = reel_sum(reel_apply(&my_exp, &x, 1, NULL));
    const size_t before = reel_tensors_alive();
    ck_assert_int_eq(reel_backward(y), REEL_OK);
    ck_assert_uint_eq(reel_tensors_alive(), before); /* one less, and the gradient */
}
END_TEST

/* ---- y = -g backwards: the result is the input ----------------------------------------------- */

static reel_tensor *reversal_forward(reel_context *c, reel_tensor *const *in) {
    reel_context_save(c, in[0]);
    return in[0];
}

static void reversal_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    ck_assert_int_eq(reel_numel(reel_context_saved(c, 0)), 2);
    grads[0] = reel_neg(g);
}

static const reel_function reversal = {"reversal", reversal_forward, reversal_backward, NULL,
                                       false};

START_TEST(an_input_as_the_result) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = reel_apply(&reversal, &x, 1, NULL);
    ck_assert_ptr_ne(x, y);
    reel_backward(reel_sum(reel_square(y)));
    expect2(reel_grad(x), -4, -6);
}
END_TEST

static void slope_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    grads[0] = reel_mul(g, reel_context_saved(c, 0));
}

/* What is saved is the input then, not the result. */
START_TEST(an_input_as_the_result_twice) {
    REEL_SCOPE;
    static const reel_function f = {"slope", reversal_forward, slope_backward, NULL, false};
    reel_tensor *x = leaf1(2, 3), *y = reel_sum(reel_apply(&f, &x, 1, NULL)), *g = NULL;
    reel_grad_of(&y, 1, &x, 1, &g, (reel_grad_of_options){.create_graph = true});
    expect2(g, 2, 3);
    reel_backward(reel_sum(g));
    expect2(reel_grad(x), 1, 1);
}
END_TEST

/* ---- z = sum a_i x_i of many, with data of the user's ---------------------------------------- */

typedef struct {
    int count, freed;
    bool needs[8], wanted[8];
} weights;

static void weights_free(void *user) {
    ((weights *)user)->freed++;
}

static reel_tensor *weighted_forward(reel_context *c, reel_tensor *const *in) {
    weights *w = reel_context_user(c);
    reel_tensor *z = NULL;
    for (int i = 0; i < w->count; i++) {
        w->needs[i] = reel_context_needs(c, i);
        reel_tensor *part = reel_scale(in[i], i + 1);
        z = z ? reel_add(z, part) : part;
    }
    return z;
}

static void weighted_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    weights *w = reel_context_user(c);
    for (int i = 0; i < w->count; i++) {
        w->wanted[i] = reel_context_needs(c, i);
        grads[i] = i == 4 ? NULL : reel_scale(g, i + 1);
    }
    ck_assert(!reel_context_needs(c, -1) && !reel_context_needs(c, w->count));
}

static const reel_function weighted = {"weighted", weighted_forward, weighted_backward,
                                       weights_free, false};

START_TEST(many_inputs) {
    weights w = {.count = 6};
    {
        REEL_SCOPE;
        reel_tensor *in[6], *g[2];
        for (int i = 0; i < 6; i++) in[i] = leaf1(i, -i);
        reel_untrack(in[1]);
        reel_tensor *z = reel_apply(&weighted, in, 6, &w);
        expect2(z, 1 * 2 + 2 * 3 + 3 * 4 + 4 * 5 + 5 * 6, -70);
        ck_assert(w.needs[0] && !w.needs[1] && w.needs[5]);
        reel_tensor *y = reel_sum(z), *of[] = {in[5], in[2]};
        ck_assert_int_eq(
            reel_grad_of(&y, 1, of, 2, g, (reel_grad_of_options){.retain_graph = true}), REEL_OK);
        expect2(g[0], 6, 6);
        expect2(g[1], 3, 3);
        ck_assert(!w.wanted[0] && !w.wanted[1] && w.wanted[2] && w.wanted[5]);
        ck_assert_int_eq(reel_backward(y), REEL_OK);
        for (int i = 0; i < 6; i++) {
            ck_assert(w.wanted[i] == (i != 1));
            if (i == 1 || i == 4)
                ck_assert_ptr_null(reel_grad(in[i])); /* a constant; one that it left NULL */
            else
                expect2(reel_grad(in[i]), i + 1, i + 1);
        }
        ck_assert_int_eq(w.freed, 0);
    }
    ck_assert_int_eq(w.freed, 1);
}
END_TEST

START_TEST(users_data_is_freed_once) {
    weights w = {.count = 1};
    {
        REEL_SCOPE;
        reel_tensor *x = leaf1(1, 2), *none = NULL;
        {
            REEL_NO_GRAD;
            reel_apply(&weighted, &x, 1, &w);
        }
        ck_assert_int_eq(w.freed, 1); /* not recorded */
        ck_assert_ptr_null(reel_apply(&weighted, &none, 1, &w));
        expect_failure(REEL_ERR_ARGUMENT, "weighted: input 0 is NULL (");
        ck_assert_int_eq(w.freed, 2);
        w.count = 0; /* so that forward gives NULL */
        FAILS(reel_apply(&weighted, &x, 1, &w), REEL_ERR_STATE, "weighted: its forward gave NULL");
        ck_assert_int_eq(w.freed, 3);
    }
    ck_assert_int_eq(w.freed, 3);
}
END_TEST

/* ---- memory for time: backward computes forward again ---------------------------------------- */

static reel_tensor *block(reel_tensor *x) {
    return reel_sigmoid(reel_square(reel_tanh(x)));
}

static reel_tensor *checkpoint_forward(reel_context *c, reel_tensor *const *in) {
    reel_context_save(c, in[0]);
    return block(in[0]);
}

static void checkpoint_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    reel_tensor *x = reel_track(reel_detach(reel_context_saved(c, 0)));
    REEL_ENABLE_GRAD;
    reel_tensor *y = block(x);
    reel_grad_of(&y, 1, &x, 1, grads, (reel_grad_of_options){.gradients = &g});
}

static const reel_function checkpoint = {"checkpoint", checkpoint_forward, checkpoint_backward,
                                         NULL, true};

START_TEST(a_pass_inside_backward) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0.4, -1.2), *h = reel_apply(&checkpoint, &x, 1, NULL), *g = NULL;
    ck_assert_int_eq(reel_gradcheck(apply1, (void *)&checkpoint, &x, 1, SLOW), REEL_OK);
    h = reel_sum(h);
    const int line = __LINE__ - 3;
    ck_assert_int_eq(reel_grad_of(&h, 1, &x, 1, &g, (reel_grad_of_options){.create_graph = true}),
                     REEL_ERR_STATE);
    expect_text(REEL_ERR_STATE, "gradient of checkpoint: can't be differentiated again", __FILE__,
                line);
}
END_TEST

/* ---- what goes wrong ------------------------------------------------------------------------- */

typedef enum { WRONG_SHAPE, WRONG_DTYPE, NO_SUCH, SAVES, FAILING, NOT_FINITE, INTEGER } mistake;

static reel_tensor *mistaken_forward(reel_context *c, reel_tensor *const *in) {
    const mistake *m = reel_context_user(c);
    reel_context_save(c, in[0]);
    if (*m == INTEGER) return reel_cast(in[0], REEL_I64);
    return reel_square(in[0]);
}

static void mistaken_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    switch (*(const mistake *)reel_context_user(c)) {
    case WRONG_SHAPE:
        grads[0] = reel_sum(g);
        break;
    case WRONG_DTYPE:
        grads[0] = reel_cast(g, REEL_F32);
        break;
    case NO_SUCH:
        grads[0] = reel_context_saved(c, 1);
        break;
    case SAVES:
        reel_context_save(c, g);
        break;
    case FAILING: /* after a pass inside this one */
        checkpoint_backward(c, g, grads);
        grads[0] = reel_softmax(g, 1);
        break;
    default:
        grads[0] = g;
    }
}

static const reel_function mistaken = {"mistaken", mistaken_forward, mistaken_backward, NULL,
                                       false};

START_TEST(mistakes_in_backward) {
    const struct {
        mistake m;
        reel_status code;
        const char *text;
    } rows[] = {
        {WRONG_SHAPE, REEL_ERR_SHAPE,
         "gradient of mistaken: input 0 is [2] f64, its gradient [] f64"},
        {WRONG_DTYPE, REEL_ERR_SHAPE,
         "gradient of mistaken: input 0 is [2] f64, its gradient [2] f32"},
        {NO_SUCH, REEL_ERR_ARGUMENT, "mistaken: no saved tensor 1: there are 1"},
        {SAVES, REEL_ERR_STATE, "mistaken: saves outside its forward"},
    };
    for (int i = 0; i < (int)(sizeof rows / sizeof *rows); i++) {
        REEL_SCOPE;
        mistake m = rows[i].m;
        reel_tensor *x = leaf1(2, 3);
        reel_tensor *y = reel_apply(&mistaken, &x, 1, &m);
        const int line = __LINE__ - 1;
        reel_backward(reel_sum(y));
        expect_text(rows[i].code, rows[i].text, __FILE__, line);
        ck_assert_ptr_null(reel_grad(x));
    }
}
END_TEST

START_TEST(failures_inside) {
    REEL_SCOPE;
    mistake m = FAILING, fine = NOT_FINITE, integer = INTEGER;
    reel_tensor *x = leaf1(2, 3), *y = reel_apply(&mistaken, &x, 1, &m);
    reel_backward(reel_sum(y));
    expect_failure(REEL_ERR_SHAPE, "gradient of mistaken: no such axis: [2] (");
    y = reel_apply(&mistaken, &x, 1, &fine);
    {
        REEL_NO_GRAD;
        reel_fill_(x, 5);
    }
    reel_backward(reel_sum(y));
    expect_fine(); /* it did not ask for what it had saved */
    y = reel_apply(&cube, &x, 1, NULL);
    {
        REEL_NO_GRAD;
        reel_fill_(x, 6);
    }
    reel_backward(reel_sum(y));
    expect_failure(REEL_ERR_STATE,
                   "gradient of cube: saved tensor 0 was changed in place after it was saved (");
    y = reel_apply(&mistaken, &x, 1, &integer); /* a constant by nature */
    ck_assert(!reel_is_tracked(y) && reel_dtype_of(y) == REEL_I64);
}
END_TEST

START_TEST(functions_that_lack_something) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3);
    const reel_function nameless = {NULL, cube_forward, cube_backward, NULL, false},
                        no_forward = {"f", NULL, cube_backward, NULL, false},
                        no_backward = {"f", cube_forward, NULL, NULL, false};
    FAILS(reel_apply(NULL, &x, 1, NULL), REEL_ERR_ARGUMENT, "apply: the function lacks everything");
    FAILS(reel_apply(&nameless, &x, 1, NULL), REEL_ERR_ARGUMENT,
          "apply: the function lacks a name");
    FAILS(reel_apply(&no_forward, &x, 1, NULL), REEL_ERR_ARGUMENT,
          "apply: the function lacks its forward");
    FAILS(reel_apply(&no_backward, &x, 1, NULL), REEL_ERR_ARGUMENT,
          "apply: the function lacks its backward");
    FAILS(reel_apply(&cube, NULL, 1, NULL), REEL_ERR_ARGUMENT, "cube: no inputs");
    FAILS(reel_apply(&cube, &x, -1, NULL), REEL_ERR_ARGUMENT, "cube: no inputs");
}
END_TEST

/* ---- what ops do not see: values written to memory ------------------------------------------- */

static reel_tensor *writes(reel_tensor *like, double value) {
    const double v[] = {value, 1};
    reel_tensor *t = reel_empty(reel_shape_of(like), REEL_F64, DEVICE);
    reel_write(t, v, sizeof v);
    return t;
}

static reel_tensor *writer_forward(reel_context *c, reel_tensor *const *in) {
    reel_set_anomaly(false); /* the checks of the ops that write */
    reel_tensor *y = writes(in[0], *(double *)reel_context_user(c));
    reel_set_anomaly(true);
    return y;
}

static void writer_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    (void)c;
    reel_set_anomaly(false);
    grads[0] = writes(g, NAN);
    reel_set_anomaly(true);
}

static const reel_function writer = {"writer", writer_forward, writer_backward, NULL, true};

START_TEST(anomalies_of_functions) {
    REEL_SCOPE;
    double value = INFINITY;
    reel_tensor *x = leaf1(2, 3);
    reel_set_anomaly(true);
    FAILS(reel_apply(&writer, &x, 1, &value), REEL_ERR_STATE,
          "writer: anomaly: its result holds NaN or infinity");
    value = 1;
    reel_tensor *y = reel_sum(reel_apply(&writer, &x, 1, &value));
    const int line = __LINE__ - 1;
    reel_backward(y);
    reel_set_anomaly(false);
    expect_text(REEL_ERR_STATE,
                "gradient of writer: anomaly: that of input 0 holds NaN or infinity", __FILE__,
                line);
}
END_TEST

int main(void) {
    Suite *s = suite_create("function");
    TCase *c = add_case(s, "gradients");
    tcase_add_test(c, one_node);
    tcase_add_test(c, not_recorded);
    tcase_add_test(c, a_saved_result);
    tcase_add_test(c, what_is_saved_is_let_go);
    tcase_add_test(c, an_input_as_the_result);
    tcase_add_test(c, an_input_as_the_result_twice);
    tcase_add_test(c, many_inputs);
    tcase_add_test(c, users_data_is_freed_once);
    tcase_add_test(c, a_pass_inside_backward);

    c = add_case(s, "mistakes");
    tcase_add_test(c, mistakes_in_backward);
    tcase_add_test(c, failures_inside);
    tcase_add_test(c, functions_that_lack_something);
    tcase_add_test(c, anomalies_of_functions);
    return run_suite(s);
}
