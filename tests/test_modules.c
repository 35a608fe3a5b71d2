/* Modules with several inputs, a state and several results; children in lists. */
#include "tests/expect.h"

#include "nn/nn.h"
#include "optim/optim.h"

static reel_device cpu = {REEL_CPU, 0};

/* ---- three inputs, a state and two results: a gated cell ---- */

typedef struct {
    reel_module base;
    reel_module *input, *state;
    int without_mask; /* calls */
} cell;

/* x[B,I], h[B,H], mask[B,1] or none -> y[B,H], h[B,H]; where mask is 0 the state stays. */
static void run_cell(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    cell *m = (cell *)base;
    reel_tensor *h = in[1] ? in[1] : reel_zeros(reel_shape(reel_dim(in[0], 0), 3), REEL_F64, cpu);
    reel_tensor *next =
        reel_tanh(reel_add(reel_forward(m->input, in[0]), reel_forward(m->state, h)));
    m->without_mask += !in[2];
    if (in[2]) next = reel_add(h, reel_mul(in[2], reel_sub(next, h)));
    out[0] = reel_scale(next, 2);
    out[1] = next;
}

static void make_cell(cell *m) {
    reel_module_init_run(&m->base, "cell", run_cell, 3, 2);
    m->without_mask = 0;
    const reel_linear_options o = {.dtype = REEL_F64};
    m->input = reel_module_child(&m->base, "input", reel_linear_new(2, 3, o));
    m->state = reel_module_child(&m->base, "state", reel_linear_new(3, 3, o));
}

START_TEST(three_inputs_a_state_and_two_results) {
    cell m;
    make_cell(&m);
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(4, 2), REEL_F64, cpu), *y = NULL, *h = NULL;
    ck_assert_int_eq(reel_run(&m.base, reel_results(&y, &h), x), REEL_OK);
    ck_assert_int_eq(m.without_mask, 1);
    reel_tensor *mask = reel_from((double[]){1, 0, 1, 0}, reel_shape(4, 1), REEL_F64),
                *later = NULL;
    reel_tensor *before = reel_detach(h);
    ck_assert_int_eq(reel_run(&m.base, reel_results(NULL, &later), x, before, mask), REEL_OK);
    for (int i = 0; i < 12; i++) {
        ck_assert_double_eq(element(y, i), 2 * element(h, i));
        ck_assert((element(later, i) == element(h, i)) == (i / 3 % 2 == 1));
    }
    ck_assert(reel_forward(&m.base, x)); /* the first result alone */
    reel_backward(reel_sum(later));
    ck_assert(reel_grad(reel_module_get(&m.base, "state.weight")));
    expect_fine();
    reel_module_free(&m.base);
}
END_TEST

static void forget_one(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    (void)base;
    out[0] = in[0];
}

START_TEST(wrong_runs_are_refused) {
    cell m;
    make_cell(&m);
    reel_module forgetful, list;
    reel_module_init_run(&forgetful, "forgetful", forget_one, 1, 2);
    reel_module_init(&list, "list", NULL);
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(4, 2), REEL_F64, cpu), *y = x, *h = x, *z = x;
    reel_run(&m.base, reel_results(&y, &h, &z), x);
    expect_failure(REEL_ERR_ARGUMENT, "run: 1 inputs and 3 results of a module that takes 3 and "
                                      "gives 2: cell (tests/test_modules.c:");
    ck_assert(!y && !h && !z);
    reel_run(&m.base, reel_results(&y), x, x, x, x);
    expect_failure(REEL_ERR_ARGUMENT, "run: 4 inputs and 1 results");
    y = x;
    reel_run(&m.base, reel_results(&y), (reel_tensor *)NULL, x);
    expect_failure(REEL_ERR_ARGUMENT, "run: no input: cell");
    ck_assert_ptr_null(y);
    reel_run(&m.base, reel_results(&y), reel_ones(reel_shape(4, 7), REEL_F64, cpu));
    expect_failure(REEL_ERR_SHAPE, "linear: inner dimensions differ");
    ck_assert_ptr_null(y);
    reel_run(&forgetful, reel_results(&y), x);
    expect_failure(REEL_ERR_ARGUMENT, "run: gives NULL: forgetful, result 1");
    reel_run(&list, reel_results(&y), x);
    expect_failure(REEL_ERR_ARGUMENT, "run: a module without forward: list");
    reel_run((reel_module *)NULL, reel_results(&y), x);
    expect_failure(REEL_ERR_ARGUMENT, "run: no module");
    reel_module none;
    reel_module_init_run(&none, "none", run_cell, 9, 1);
    expect_failure(REEL_ERR_ARGUMENT, "module_init_run: none: 9 inputs, 1 results");
    reel_module_init_run(&none, "none", NULL, 1, 1);
    expect_failure(REEL_ERR_ARGUMENT, "module_init_run: no function");
    reel_module_free(&m.base);
    reel_module_free(&forgetful);
    reel_module_free(&list);
}
END_TEST

/* ---- a VAE ---- */

typedef struct {
    reel_module base;
    reel_module *encoder, *mean, *spread, *decoder;
} vae;

/* x[B,8], noise[B,2] or none -> y[B,8], mu[B,2], logvar[B,2] */
static void run_vae(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const vae *m = (vae *)base;
    reel_tensor *h = reel_relu(reel_forward(m->encoder, in[0]));
    reel_tensor *mu = reel_forward(m->mean, h), *logvar = reel_forward(m->spread, h), *z = mu;
    if (in[1]) z = reel_add(z, reel_mul(in[1], reel_exp(reel_scale(logvar, 0.5))));
    out[0] = reel_sigmoid(reel_forward(m->decoder, z));
    out[1] = mu;
    out[2] = logvar;
}

/* Its loss falls, and what it gave is there after the scope that it ran in. */
START_TEST(a_vae_learns) {
    reel_manual_seed(1);
    vae m;
    reel_module_init_run(&m.base, "vae", run_vae, 2, 3);
    m.encoder =
        reel_module_child(&m.base, "encoder", reel_linear_new(8, 16, (reel_linear_options){0}));
    m.mean = reel_module_child(&m.base, "mean", reel_linear_new(16, 2, (reel_linear_options){0}));
    m.spread =
        reel_module_child(&m.base, "spread", reel_linear_new(16, 2, (reel_linear_options){0}));
    m.decoder =
        reel_module_child(&m.base, "decoder", reel_linear_new(2, 8, (reel_linear_options){0}));
    reel_state *params = reel_module_params(&m.base);
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){.lr = 0.02});
    reel_generator *g = reel_generator_new(1, cpu);
    double first = 0, last = 0;
    for (int step = 0; step < 200; step++) {
        REEL_SCOPE;
        reel_tensor *x = reel_cast(
            reel_one_hot(reel_randint(0, 2, reel_shape(32), REEL_I64, g), 8, REEL_F32), REEL_F32);
        reel_tensor *y, *mu, *logvar;
        reel_run(&m.base, reel_results(&y, &mu, &logvar), x,
                 reel_randn(reel_shape(32, 2), REEL_F32, g));
        reel_tensor *kl = reel_scale(
            reel_mean(reel_sub(reel_add(reel_square(mu), reel_exp(logvar)), reel_shift(logvar, 1))),
            0.01);
        reel_tensor *loss = reel_add(reel_bce_loss(y, x), kl);
        reel_backward(loss);
        reel_optim_step(adam);
        last = reel_item(loss);
        if (step == 0) first = last;
    }
    expect_fine();
    ck_assert_msg(last < 0.5 * first, "%g, then %g", first, last);
    reel_generator_free(g);
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(&m.base);
}
END_TEST

/* ---- children by number ---- */

START_TEST(children_in_lists) {
    reel_module *list =
        reel_module_list(reel_linear_new(2, 3, (reel_linear_options){0}), reel_relu_new(),
                         reel_linear_new(3, 1, (reel_linear_options){0}));
    ck_assert_int_eq(reel_module_child_count(list), 3);
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(4, 2), REEL_F32, cpu);
    for (int i = 0; i < reel_module_child_count(list); i++)
        x = reel_forward(reel_module_child_at(list, i), x);
    ck_assert_int_eq(reel_dim(x, 1), 1);
    ck_assert(reel_module_get(list, "2.weight"));
    expect_fine();
    ck_assert_ptr_null(reel_module_child_at(list, 3));
    expect_failure(REEL_ERR_ARGUMENT, "module_child_at: no child 3 in module_list");
    ck_assert_ptr_null(reel_forward(list, x));
    expect_failure(REEL_ERR_ARGUMENT, "forward: a module without one: module_list");
    reel_module_free(list);
}
END_TEST

int main(void) {
    Suite *s = suite_create("modules");
    TCase *c = add_case(s, "several tensors");
    tcase_add_test(c, three_inputs_a_state_and_two_results);
    tcase_add_test(c, wrong_runs_are_refused);
    tcase_add_test(c, a_vae_learns);
    tcase_add_test(c, children_in_lists);
    return run_suite(s);
}
