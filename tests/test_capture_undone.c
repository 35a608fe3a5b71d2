/* A step that fails in a rehearsal, or in what the host does of a replay, is undone: nothing of it
 * is left, and the next replays are as if it had not been asked for. */
#include "tests/capture_rig.h"

enum { ITEMS = 11, BATCH = 4, CLASSES = 3 };

/* Where the step fails. */
typedef enum { BATCHED, WALKED_BACK, STEPPED, SCHEDULED, AVERAGED, COUNTED, PLACES } place;

typedef struct {
    reel_tensor *x, *y; /* owned */
    reel_dataset *set;
    reel_loader *loader;
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_ema *ema;
    reel_meter loss;
    place fails;
    int calls, fails_at; /* calls of the step; 0: at none */
    bool bad_index;      /* how it fails: else by a shape */
    bool no_rate;        /* the schedule has none */
    reel_plan *plan;
} world;

static double factor(int64_t step, void *user) {
    return ((world *)user)->no_rate ? -1 : pow(0.9, (double)step);
}

static void open_world(world *v) {
    *v = (world){0};
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(3, test_device());
    const reel_linear_options o = {.generator = g};
    v->x = reel_retain(reel_randn(reel_shape(ITEMS, 4), REEL_F32, g));
    v->y = reel_retain(reel_randint(0, CLASSES, reel_shape(ITEMS), REEL_I64, g));
    v->set = reel_tensor_dataset_new(v->x, v->y);
    v->loader = reel_loader_new(
        v->set,
        (reel_loader_options){.batch_size = BATCH, .shuffle = true, .device = test_device()});
    v->model = reel_sequential(
        reel_linear_new(4, 6, o), reel_batch_norm1d_new(6, (reel_batch_norm_options){0}),
        reel_tanh_new(), reel_dropout_new(0.3, 5), reel_linear_new(6, CLASSES, o));
    reel_module_to(v->model, test_device());
    v->params = reel_module_params(v->model);
    v->optim = reel_adam_new(v->params, (reel_adam_options){.lr = 0.05});
    v->schedule = reel_lambda_schedule_new(v->optim, (reel_lambda_options){factor, v});
    v->ema = reel_ema_new(v->params, (reel_ema_options){0});
    reel_generator_free(g);
    expect_fine();
}

static void close_world(world *v) {
    reel_plan_free(v->plan);
    reel_meter_reset(&v->loss);
    reel_ema_free(v->ema);
    reel_schedule_free(v->schedule);
    reel_optim_free(v->optim);
    reel_state_free(v->params);
    reel_module_free(v->model);
    reel_loader_free(v->loader);
    reel_dataset_free(v->set);
    reel_release(v->x);
    reel_release(v->y);
}

/* All that a step changes. */
static reel_state *all_of(world *v) {
    reel_state *s = reel_state_new();
    reel_module_save(v->model, s, "model");
    reel_optim_save(v->optim, s, "optim");
    reel_schedule_save(v->schedule, s, "schedule");
    reel_ema_save(v->ema, s, "ema");
    reel_loader_save(v->loader, s, "loader");
    reel_state_put_double(s, "weight", v->loss.weight);
    reel_state_put_double(s, "sum", v->loss.sum ? reel_item(v->loss.sum) : 0);
    reel_state_put_double(s, "rate", reel_optim_lr(v->optim));
    reel_state_put_int(s, "batch", reel_loader_position(v->loader));
    for (int i = 0; i < reel_state_count(v->params); i++) {
        reel_tensor *g = reel_grad(reel_state_at(v->params, i));
        if (g) reel_state_put_in(s, "gradient", reel_state_name(v->params, i), g);
    }
    expect_fine();
    return s;
}

static void may_fail(const world *v, place here) {
    if (v->fails != here || v->calls != v->fails_at) return;
    if (v->bad_index)
        reel_gather(v->x, 0, reel_full(reel_shape(1, 1), ITEMS, REEL_I64, test_device()));
    else
        reel_add(v->x, v->y);
}

static bool step(void *user) {
    world *v = user;
    reel_batch b;
    v->calls++;
    if (!reel_loader_next(v->loader, &b)) return false;
    reel_scale(b.x, 0.5);
    may_fail(v, BATCHED);
    reel_tensor *loss = reel_cross_entropy_loss(reel_forward(v->model, b.x), b.y);
    reel_backward(loss);
    may_fail(v, WALKED_BACK);
    reel_optim_step(v->optim);
    may_fail(v, STEPPED);
    reel_schedule_step(v->schedule);
    may_fail(v, SCHEDULED);
    reel_ema_update(v->ema);
    may_fail(v, AVERAGED);
    reel_meter_add_weighted(&v->loss, loss, 0.1 * (double)b.n);
    may_fail(v, COUNTED);
    return true;
}

static void expect_same_worlds(world *a, world *b, const char *what) {
    reel_state *x = all_of(a), *y = all_of(b);
    expect_same_states(x, y, what);
    reel_state_free(x);
    reel_state_free(y);
}

/* The next replay fails, and leaves what was there. */
static void fail_once(world *v) {
    reel_state *kept = all_of(v), *before = reel_state_clone(kept);
    ck_assert_int_eq(reel_replay(v->plan, 1), 0);
    ck_assert(reel_failed());
    reel_clear_error();
    reel_state *after = all_of(v);
    expect_same_states(before, after, "after the failure");
    reel_state_free(before);
    reel_state_free(after);
    reel_state_free(kept);
}

/* The first or the second call of the step fails; with gradients of earlier ones, or without. */
static void fails_somewhere(place fails, bool bad_index) {
    for (int call = 1; call <= 2; call++)
        for (int gathered = 0; gathered <= 1; gathered++) {
            world a, b;
            open_world(&a);
            open_world(&b);
            a.plan = eager_plan(step, &a);
            b.plan = plan_with_bits(step, &b, 0);
            for (int k = 0; gathered && k < 2; k++) {
                world *v = k ? &b : &a;
                REEL_SCOPE;
                reel_backward(reel_sum(reel_square(reel_state_at(v->params, 0))));
            }
            b.fails = fails;
            b.fails_at = call;
            b.bad_index = bad_index;
            fail_once(&b);
            ck_assert_int_eq(b.calls, call);
            for (int i = 0; i < 6; i++) {
                replay_both(a.plan, b.plan, 1);
                expect_same_worlds(&a, &b, "later");
            }
            close_world(&a);
            close_world(&b);
        }
}

START_TEST(in_a_rehearsal) {
    fails_somewhere((place)_i, false);
}
END_TEST

START_TEST(by_an_index) {
    fails_somewhere((place)_i, true);
}
END_TEST

/* In a rehearsal, in what the host does of a replay, in a rehearsal of the last batch. */
START_TEST(a_schedule) {
    world a, b;
    open_world(&a);
    open_world(&b);
    a.plan = eager_plan(step, &a);
    b.plan = plan_with_bits(step, &b, 0);
    for (int i = 0; i < _i; i++) replay_both(a.plan, b.plan, 1);
    const int calls = b.calls;
    b.no_rate = true;
    fail_once(&b);
    ck_assert_int_eq(b.calls, calls + (_i != 1));
    b.no_rate = false;
    for (int i = 0; i < 6; i++) {
        replay_both(a.plan, b.plan, 1);
        expect_same_worlds(&a, &b, "later");
    }
    close_world(&a);
    close_world(&b);
}
END_TEST

/* Which a step of its own has on a function's stack, gone when a later call fails. */
static void __attribute__((noinline)) meet(const world *v) {
    reel_meter own = {0};
    reel_meter_add(&own, reel_mean(v->x));
    reel_meter_reset(&own);
}

static bool meets(void *user) {
    meet(user);
    return step(user);
}

START_TEST(a_meter_of_its_own) {
    world a, b;
    open_world(&a);
    open_world(&b);
    a.plan = eager_plan(meets, &a);
    b.plan = plan_with_bits(meets, &b, 0);
    b.fails = COUNTED;
    b.fails_at = 1;
    fail_once(&b);
    for (int i = 0; i < 6; i++) {
        replay_both(a.plan, b.plan, 1);
        expect_same_worlds(&a, &b, "later");
    }
    close_world(&a);
    close_world(&b);
}
END_TEST

/* A step that goes on where the epoch ends in its middle: that is undone too. */
static bool in_pairs(void *user) {
    world *v = user;
    reel_batch b;
    v->calls++;
    if (!reel_loader_next(v->loader, &b)) return false;
    reel_backward(reel_cross_entropy_loss(reel_forward(v->model, b.x), b.y));
    if (reel_loader_next(v->loader, &b))
        reel_backward(reel_cross_entropy_loss(reel_forward(v->model, b.x), b.y));
    reel_optim_step(v->optim);
    may_fail(v, STEPPED);
    return true;
}

/* As it is, and where the call of the step that meets the end fails. */
START_TEST(an_epoch_s_end) {
    world a, b;
    open_world(&a);
    open_world(&b);
    a.plan = eager_plan(in_pairs, &a);
    b.plan = plan_with_bits(in_pairs, &b, 0);
    b.fails = STEPPED;
    b.fails_at = _i ? 3 : 0;
    for (int i = 0; i < 9; i++) {
        if (i == 1 && _i) fail_once(&b);
        replay_both(a.plan, b.plan, 1);
        expect_same_worlds(&a, &b, "in pairs");
    }
    ck_assert_int_ge(b.calls, 4);
    close_world(&a);
    close_world(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_undone");
    TCase *c = add_case(s, "failures");
    tcase_add_loop_test(c, in_a_rehearsal, 0, PLACES);
    tcase_add_loop_test(c, a_schedule, 0, 3);
    tcase_add_test(c, a_meter_of_its_own);
    tcase_add_loop_test(c, an_epoch_s_end, 0, 2);
    c = add_cpu_case(s, "indices"); /* a GPU says so later */
    tcase_add_loop_test(c, by_an_index, 0, PLACES);
    return run_suite(s);
}
