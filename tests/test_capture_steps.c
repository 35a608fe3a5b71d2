/* Steps as users write them, captured and as they are: views, gradients of gradients, hooks, ops of
 * one's own, noise, and whatever else stands in a step. */
#include "tests/capture_rig.h"

enum { REPLAYS = 4 };

typedef struct {
    reel_tensor *w, *b, *x, *index, *out, *sum, *h, *last; /* owned; w[3,4] and b[3] are tracked */
    reel_state *params;
    reel_optim *optim;
    reel_generator *noise;
    reel_meter meter;
    int calls;
} world;

static reel_tensor *kept(reel_tensor *t) {
    return reel_retain(to_device(t));
}

static void open_world(world *v, uint64_t seed) {
    REEL_SCOPE;
    *v = (world){0};
    v->noise = reel_generator_new(seed, test_device());
    v->w = reel_track(kept(reel_randn(reel_shape(3, 4), REEL_F32, v->noise)));
    v->b = reel_track(kept(reel_randn(reel_shape(3), REEL_F32, v->noise)));
    v->x = kept(reel_randn(reel_shape(5, 4), REEL_F32, v->noise));
    v->index = kept(reel_randint(0, 3, reel_shape(5), REEL_I64, v->noise));
    v->out = kept(reel_zeros(reel_shape(5, 3), REEL_F32, test_device()));
    v->sum = kept(reel_zeros(reel_shape(3, 4), REEL_F32, test_device()));
    v->h = kept(reel_zeros(reel_shape(5, 3), REEL_F32, test_device()));
    v->params = reel_state_new();
    reel_state_put(v->params, "w", v->w);
    reel_state_put(v->params, "b", v->b);
    v->optim = reel_adam_new(v->params, (reel_adam_options){.lr = 0.05});
    expect_fine();
}

static void close_world(world *v) {
    reel_tensor *const all[] = {v->w, v->b, v->x, v->index, v->out, v->sum, v->h, v->last};
    reel_meter_reset(&v->meter);
    reel_optim_free(v->optim);
    reel_state_free(v->params);
    reel_generator_free(v->noise);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) reel_release(all[i]);
}

/* x w^T + b */
static reel_tensor *linear(const world *v) {
    return reel_add(reel_matmul(v->x, reel_t(v->w)), v->b);
}

static bool learn(world *v, reel_tensor *loss) {
    reel_backward(loss);
    reel_optim_step(v->optim);
    reel_meter_add(&v->meter, loss);
    return true;
}

/* ---- steps ---- */

static bool views_of_parameters(void *user) {
    world *v = user;
    reel_tensor *y = reel_matmul(v->x, reel_permute(v->w, reel_axes(1, 0)));
    reel_tensor *row = reel_select(v->w, 0, 1), *part = reel_slice(v->w, 1, 0, 4, 2);
    y = reel_add(reel_sum(reel_square(y)), reel_sum(reel_mul(row, reel_select(v->w, 0, 0))));
    y = reel_add(y, reel_mean(reel_exp(reel_scale(reel_reshape(part, reel_shape(-1)), 0.1))));
    return learn(v, y);
}

static bool inputs_in_place(void *user) {
    world *v = user;
    REEL_NO_GRAD;
    reel_in_place(affine, v->x, 0.75, 0);
    reel_in_place(add, reel_slice(v->x, 0, 0, 2, 1),
                  reel_ones(reel_shape(4), REEL_F32, test_device()));
    reel_copy_(reel_select(v->x, 0, 4), reel_select(v->x, 0, 3));
    reel_tensor *y = reel_sigmoid(linear(v));
    reel_in_place(mul, y, y);
    reel_in_place(sub, v->out, y);
    return true;
}

static bool results_given(void *user) {
    world *v = user;
    REEL_NO_GRAD;
    reel_into(v->out, matmul, v->x, reel_t(v->w));
    reel_into(reel_slice(v->h, 0, 0, 3, 1), tanh, reel_slice(v->out, 0, 1, 4, 1));
    reel_into(reel_select(v->h, 0, 4), cumsum, reel_select(v->out, 0, 1), 0);
    reel_fill_(reel_select(v->h, 0, 3), 0.5);
    return true;
}

static bool partly_recorded(void *user) {
    world *v = user;
    reel_tensor *target, *y = linear(v);
    {
        REEL_NO_GRAD;
        target = reel_tanh(linear(v));
        {
            REEL_ENABLE_GRAD;
            y = reel_add(y, reel_square(linear(v)));
        }
    }
    y = reel_sub(y, reel_detach(reel_scale(y, 0.5)));
    learn(v, reel_mse_loss(y, target));
    REEL_NO_GRAD;
    reel_in_place(affine, v->sum, 0.9, 0);
    reel_in_place(add, v->sum, reel_scale(reel_detach(v->w), 0.1));
    return true;
}

static reel_tensor *halve(reel_tensor *g, void *user) {
    (void)user;
    return reel_scale(g, 0.5);
}

static bool hooked(void *user) {
    world *v = user;
    reel_tensor *y = reel_tanh(linear(v));
    reel_register_hook(y, halve, NULL);
    const int hook = reel_register_hook(v->w, halve, NULL);
    learn(v, reel_sum(reel_square(y)));
    reel_remove_hook(v->w, hook);
    return true;
}

static reel_tensor *cube_forward(reel_context *c, reel_tensor *const *in) {
    reel_context_save(c, in[0]);
    return reel_mul(in[0], reel_square(in[0]));
}

static void cube_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    grads[0] = reel_mul(g, reel_scale(reel_square(reel_context_saved(c, 0)), 3));
}

static const reel_function cube = {"cube", cube_forward, cube_backward, NULL, false};

static bool function_of_ones_own(void *user) {
    world *v = user;
    reel_tensor *y = linear(v);
    return learn(v, reel_sum(reel_apply(&cube, &y, 1, NULL)));
}

static bool gradient_penalty(void *user) {
    world *v = user;
    reel_tensor *y = reel_sum(reel_tanh(linear(v))), *g = NULL;
    reel_grad_of(&y, 1, &v->w, 1, &g, (reel_grad_of_options){.create_graph = true});
    return learn(v, reel_add(y, reel_scale(reel_sum(reel_square(g)), 0.1)));
}

static bool half_formats(void *user) {
    world *v = user;
    reel_tensor *x = reel_cast(v->x, REEL_F16), *w = reel_cast(v->w, REEL_F16);
    reel_tensor *y = reel_gelu(reel_matmul(x, reel_t(w)));
    reel_tensor *z = reel_softmax(reel_cast(y, REEL_BF16), 1);
    y = reel_add(reel_cast(y, REEL_F32), reel_cast(z, REEL_F32));
    return learn(v, reel_mean(reel_square(y)));
}

static bool all_noise(void *user) {
    world *v = user;
    reel_tensor *y = reel_index_select(linear(v), 0, reel_randperm(5, v->noise));
    reel_tensor *p = reel_softmax(reel_detach(y), 1),
                *drawn = reel_multinomial(p, 2, false, v->noise);
    y = reel_gather(y, 1, drawn);
    y = reel_mul(
        y, reel_bernoulli(reel_full(reel_shape(5, 2), 0.5, REEL_F32, test_device()), v->noise));
    y = reel_add(reel_dropout(y, 0.3, v->noise), reel_randn(reel_shape(2), REEL_F32, v->noise));
    reel_tensor *k = reel_randint(0, 2, reel_shape(5, 1), REEL_I64, v->noise);
    y = reel_add(reel_sum(reel_square(y)), reel_sum(reel_gather(y, 1, k)));
    REEL_NO_GRAD;
    reel_uniform_(v->h, v->noise, -1, 1);
    REEL_ENABLE_GRAD;
    return learn(v, y);
}

static bool hidden_state_copied(void *user) {
    world *v = user;
    reel_tensor *h = reel_tanh(reel_add(linear(v), reel_scale(v->h, 0.5)));
    learn(v, reel_sum(reel_square(h)));
    REEL_NO_GRAD;
    reel_copy_(v->h, h);
    return true;
}

static bool loss_retained(void *user) {
    world *v = user;
    reel_tensor *loss = reel_sum(reel_square(linear(v)));
    reel_release(v->last);
    v->last = reel_retain(reel_detach(loss));
    return learn(v, loss);
}

static bool tape_used_twice(void *user) {
    world *v = user;
    reel_tensor *y = reel_tanh(linear(v));
    reel_backward_with(reel_sum(y), .retain_graph = true);
    reel_backward(reel_sum(reel_square(y)));
    reel_optim_step(v->optim);
    reel_tensor *z = reel_sum(linear(v));
    reel_backward(z);
    reel_zero_grad(v->b);
    reel_optim_step(v->optim);
    return true;
}

static bool gradients_looked_at(void *user) {
    world *v = user;
    reel_tensor *loss = reel_sum(reel_square(linear(v)));
    reel_backward(loss);
    {
        REEL_NO_GRAD;
        reel_in_place(add, v->sum, reel_square(reel_grad(v->w)));
        if (reel_grad(v->b)) reel_in_place(affine, reel_grad(v->b), 0.5, 0);
    }
    reel_optim_step(v->optim);
    return true;
}

static bool step_comes_first(void *user) {
    world *v = user;
    reel_optim_step(v->optim);
    reel_backward(reel_sum(reel_square(reel_tanh(linear(v)))));
    return true;
}

static bool gradients_are_gathered(void *user) {
    world *v = user;
    reel_backward(reel_sum(reel_square(linear(v))));
    return true;
}

static bool order_and_choice(void *user) {
    world *v = user;
    reel_tensor *y = linear(v), *at = NULL;
    reel_tensor *top = reel_topk(y, 2, 1, true, &at);
    y = reel_add(reel_sum(top), reel_sum(reel_cumsum(y, 0)));
    y = reel_add(y, reel_sum(reel_where(reel_gt(linear(v), v->h), linear(v), v->h)));
    reel_tensor *hot = reel_one_hot(v->index, 3, REEL_F32);
    y = reel_add(y, reel_cross_entropy_loss(linear(v), v->index));
    REEL_NO_GRAD;
    reel_copy_(v->out,
               reel_add(hot, reel_cast(reel_argmax_over(linear(v), reel_axes(1), true), REEL_F32)));
    REEL_ENABLE_GRAD;
    return learn(v, y);
}

static bool nothing_and_much(void *user) {
    world *v = user;
    const reel_device d = test_device();
    reel_tensor *none = reel_zeros(reel_shape(0, 4), REEL_F32, d), *list[12];
    reel_tensor *y = reel_matmul(reel_concat(0, none, v->x), reel_t(v->w));
    for (int i = 0; i < 12; i++) list[i] = reel_affine(reel_select(y, 0, i % 5), i, 0.1);
    y = reel_sum(reel_mul(reel_stack_list(list, 12, 0), reel_linspace(0, 1, 3, REEL_F32, d)));
    y = reel_add(y, reel_sum(reel_matmul(none, reel_t(v->w))));
    y = reel_add(y, reel_mul(reel_scalar(2, REEL_F32, d), reel_sum(reel_arange(3, REEL_F32, d))));
    return learn(v, y);
}

static reel_tensor *in_a_scope(const world *v) {
    REEL_SCOPE;
    reel_tensor *y = linear(v);
    return reel_scope_return(reel_add(reel_relu(y), reel_t(reel_t(y))));
}

static bool scopes(void *user) {
    world *v = user;
    for (int i = 0; i < 3; i++) {
        REEL_SCOPE;
        reel_backward(reel_sum(reel_square(in_a_scope(v))));
    }
    reel_clip_grad_norm(v->optim, 1);
    return learn(v, reel_sum(in_a_scope(v)));
}

/* Each has a look at its arguments. */
static bool losses(void *user) {
    world *v = user;
    reel_tensor *y = linear(v), *p = reel_sigmoid(y), *t = reel_sigmoid(v->h);
    reel_tensor *sum = reel_add(reel_bce_loss(p, t), reel_bce_with_logits_loss(y, t));
    sum = reel_add(sum, reel_add(reel_huber_loss(y, t), reel_smooth_l1_loss(y, t)));
    sum = reel_add(sum, reel_add(reel_l1_loss(y, t), reel_kl_div_loss(reel_log_softmax(y, 1), t)));
    sum = reel_add(sum, reel_nll_loss(reel_log_softmax(y, 1), v->index));
    return learn(v, reel_add(sum, reel_bce_loss_with(p, t, REEL_SUM)));
}

static bool nothing_at_all(void *user) {
    ((world *)user)->calls++;
    return true;
}

static const struct {
    const char *name;
    reel_step step;
} steps[] = {
#define STEP(name)                                                                                 \
    { #name, name }
    STEP(views_of_parameters),
    STEP(inputs_in_place),
    STEP(results_given),
    STEP(partly_recorded),
    STEP(hooked),
    STEP(function_of_ones_own),
    STEP(gradient_penalty),
    STEP(half_formats),
    STEP(all_noise),
    STEP(hidden_state_copied),
    STEP(loss_retained),
    STEP(tape_used_twice),
    STEP(gradients_looked_at),
    STEP(step_comes_first),
    STEP(gradients_are_gathered),
    STEP(order_and_choice),
    STEP(nothing_and_much),
    STEP(losses),
    STEP(scopes),
    STEP(nothing_at_all),
};
enum { STEPS = sizeof steps / sizeof *steps };

/* ---- both ---- */

static void expect_same_worlds(const world *a, const world *b, const char *what) {
    expect_same_states(a->params, b->params, what);
    expect_same_bits(reel_grad(a->w), reel_grad(b->w), "%s: gradient of w", what);
    expect_same_bits(reel_grad(a->b), reel_grad(b->b), "%s: gradient of b", what);
    expect_same_bits(a->x, b->x, "%s: x", what);
    expect_same_bits(a->out, b->out, "%s: out", what);
    expect_same_bits(a->sum, b->sum, "%s: sum", what);
    expect_same_bits(a->h, b->h, "%s: h", what);
    expect_same_bits(a->last, b->last, "%s: last", what);
    expect_same_bits(a->meter.sum, b->meter.sum, "%s: meter", what);
    expect_same_bits(reel_generator_state(a->noise), reel_generator_state(b->noise), "%s: noise",
                     what);
}

/* Other data, other noise, another rate; the optimizer steps; a tensor takes another's place. */
static void change(world *v, int replay, int variant) {
    REEL_SCOPE;
    REEL_NO_GRAD;
    reel_copy_(v->x, reel_randn(reel_shape(5, 4), REEL_F32, v->noise));
    if (variant % 2) reel_copy_(v->index, reel_randint(0, 3, reel_shape(5), REEL_I64, v->noise));
    if (variant % 3 == 1) reel_optim_set_lr(v->optim, 0.01 * (replay + 1));
    if (variant % 4 == 2) reel_optim_step(v->optim);
    if (variant % 4 == 3 && replay == 1) reel_optim_zero_grad(v->optim);
    if (variant == 5 && replay == 2) {
        reel_tensor *other = reel_retain(reel_affine(v->x, 2, 1));
        reel_release(v->x);
        v->x = other;
    }
    if (variant == 6 && replay == 1) reel_untrack(v->b);
    expect_fine();
}

static void compare(int which, int variant, unsigned without) {
    world a, b;
    char what[100];
    open_world(&a, 3);
    open_world(&b, 3);
    reel_plan *eager = eager_plan(steps[which].step, &a),
              *plan = plan_with_bits(steps[which].step, &b, without);
    for (int replay = 0; replay < REPLAYS; replay++) {
        snprintf(what, sizeof what, "%s, variant %d, replay %d", steps[which].name, variant,
                 replay);
        const int64_t n = reel_replay(eager, 1 + variant % 2),
                      m = reel_replay(plan, 1 + variant % 2);
        ck_assert_msg(n == m && !reel_failed(), "%s: %s", what, reel_error());
        expect_same_worlds(&a, &b, what);
        change(&a, replay, variant);
        change(&b, replay, variant);
    }
    ck_assert_msg(reel_plan_programs(plan) <= 4, "%s: %d programs", what, reel_plan_programs(plan));
    reel_plan_free(eager);
    reel_plan_free(plan);
    close_world(&a);
    close_world(&b);
}

START_TEST(a_step) {
    for (int variant = 0; variant < 7; variant++) compare(_i, variant, variant == 4 ? 31 : 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_steps");
    TCase *c = add_case(s, "steps");
    tcase_add_loop_test(c, a_step, 0, STEPS);
    return run_suite(s);
}
