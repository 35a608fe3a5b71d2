/* The n-th failed allocation of a capture and its replays: one clear failure, no leak, and
 * afterwards it works as ever. */
#include "tests/alloc_harness.h"

#include "reel.h"

typedef struct {
    reel_tensor *images;
    reel_dataset *set;
    reel_loader *loader;
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_meter loss;
} trainer;

enum { PIXELS = 300 }; /* a batch has as many elements as are worth a group */

static trainer t;
static reel_plan *lasting;

static bool step(void *user) {
    trainer *of = user;
    reel_batch b;
    if (!reel_loader_next(of->loader, &b)) return false;
    reel_tensor *loss = reel_mse_loss(reel_forward(of->model, b.x), b.x);
    reel_backward(loss);
    reel_clip_grad_norm(of->optim, 1);
    reel_optim_step(of->optim);
    reel_schedule_step(of->schedule);
    reel_meter_add(&of->loss, loss);
    return true;
}

static void setup(void) {
    reel_set_threads(1);
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(1, reel_cpu());
    const reel_linear_options o = {.generator = g};
    t.images = reel_retain(reel_cast(reel_rand(reel_shape(7, PIXELS), REEL_F32, g), REEL_U8));
    t.set = reel_tensor_dataset_new(t.images, NULL);
    t.loader = reel_loader_new(
        t.set, (reel_loader_options){.batch_size = 2, .shuffle = true, .scale = 0.25});
    t.model =
        reel_sequential(reel_linear_new(PIXELS, 3, o), reel_tanh_new(), reel_dropout_new(0.3, 2),
                        reel_linear_new(3, PIXELS, o), reel_sigmoid_new());
    t.params = reel_module_params(t.model);
    t.optim = reel_adam_new(t.params, (reel_adam_options){.lr = 1e-2});
    t.schedule = reel_cosine_schedule_new(t.optim, (reel_cosine_options){.steps = 40});
    reel_generator_free(g);
}

static void teardown(void) {
    reel_plan_free(lasting);
    reel_meter_reset(&t.loss);
    reel_schedule_free(t.schedule);
    reel_optim_free(t.optim);
    reel_state_free(t.params);
    reel_module_free(t.model);
    reel_loader_free(t.loader);
    reel_dataset_free(t.set);
    reel_release(t.images);
}

static void recover(void) {
    reel_optim_zero_grad(t.optim);
}

/* A plan of its own: rehearsals, programs for whole batches and the last one, the end. */
static bool run_plan(void) {
    reel_plan *plan = reel_capture(step, &t, (reel_capture_options){0});
    if (!plan) return false;
    reel_replay(plan, 3);
    reel_replay(plan, INT64_MAX);
    reel_plan_free(plan);
    return !reel_failed();
}

START_TEST(a_capture) {
    fails_everywhere(&(alloc_scenario){.setup = setup,
                                       .run = run_plan,
                                       .recover = recover,
                                       .teardown = teardown,
                                       .least = 200,
                                       .spare = 2});
}
END_TEST

/* A plan that has its programs. */
static void setup_plan(void) {
    setup();
    lasting = reel_capture(step, &t, (reel_capture_options){0});
    reel_replay(lasting, INT64_MAX);
}

static bool run_replays(void) {
    reel_replay(lasting, 5);
    return !reel_failed();
}

START_TEST(replays) {
    fails_everywhere(&(alloc_scenario){.setup = setup_plan,
                                       .run = run_replays,
                                       .recover = recover,
                                       .teardown = teardown,
                                       .least = 5,
                                       .spare = 2});
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_alloc");
    TCase *c = add_cpu_case(s, "allocations");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, a_capture);
    tcase_add_test(c, replays);
    return run_suite(s);
}
