/* The n-th failed allocation of a capture and its replays: one clear failure, no leak, and
 * afterwards it works as ever. */
#include "tests/alloc_harness.h"
#include "tests/capture_rig.h"
#include "tests/failing_alloc.h"

#include "capture/capture_internal.h"

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
    reel_module_freeze(reel_module_child_at(of->model, 3));
    reel_clip_grad_norm(of->optim, 1);
    reel_optim_step(of->optim);
    reel_module_unfreeze(of->model);
    reel_schedule_step(of->schedule);
    reel_meter_add(&of->loss, loss);
    return true;
}

/* Every other parameter, as a list of its own. */
static reel_state *half(int first) {
    reel_state *s = reel_state_new();
    for (int i = first; i < reel_state_count(t.params); i += 2)
        reel_state_put(s, reel_state_name(t.params, i), reel_state_at(t.params, i));
    return s;
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
    reel_state *weights = half(0), *biases = half(1);
    t.optim = reel_adam_new(weights, (reel_adam_options){.lr = 1e-2});
    reel_optim_add_group(t.optim, biases, (reel_group_options){.lr = 2e-2});
    t.schedule = reel_cosine_schedule_new(t.optim, (reel_cosine_options){.steps = 40});
    reel_optim_set_lr(t.optim, 0.5); /* until the schedule's first step */
    reel_state_free(weights);
    reel_state_free(biases);
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

/* ---- what is left of a step that failed ---- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const unsigned char *)bytes)[i]) * UINT64_C(0x100000001B3);
    return sum;
}

static uint64_t mix_tensor(uint64_t sum, reel_tensor *x) {
    if (!x) return sum;
    return mix(sum, reel_data(x), (size_t)reel_numel(x) * reel_dtype_size(reel_dtype_of(x)));
}

/* All that a step changes, as a number. */
static uint64_t all(void) {
    reel_state *s = reel_state_new();
    reel_module_save(t.model, s, "model");
    reel_optim_save(t.optim, s, "optim");
    reel_schedule_save(t.schedule, s, "schedule");
    reel_loader_save(t.loader, s, "loader");
    reel_state_put_double(s, "weight", t.loss.weight);
    reel_state_put_double(s, "rate", reel_optim_lr(t.optim));
    reel_state_put_double(s, "rate.1", reel_optim_group_lr(t.optim, 1));
    uint64_t sum = mix_tensor(1, t.loss.weight > 0 ? t.loss.sum : NULL);
    for (int i = 0; i < reel_state_count(s); i++) sum = mix_tensor(sum, reel_state_at(s, i));
    for (int i = 0; i < reel_state_text_count(s); i++) {
        const char *value = reel_state_text_value(s, i);
        sum = mix(sum, value, strlen(value));
    }
    for (int i = 0; i < reel_state_count(t.params); i++) {
        reel_tensor *leaf = reel_state_at(t.params, i);
        sum = mix_tensor(sum, reel_grad(leaf)) * 2 + reel_is_tracked(leaf);
    }
    reel_state_free(s);
    return sum;
}

static uint64_t before;

static void setup_and_look(void) {
    setup();
    before = all();
}

/* Until there is a program, nothing that fails leaves anything. */
static bool run_first_step(void) {
    reel_plan *plan = reel_capture(step, &t, (reel_capture_options){0});
    const int64_t n = plan ? reel_replay(plan, 1) : 0;
    alloc_settle();
    if (n == 0 && plan && reel_plan_programs(plan) == 0) {
        char says[300];
        const reel_status status = reel_error_status();
        snprintf(says, sizeof says, "%s", reel_error());
        reel_clear_error();
        if (all() != before) alloc_wrong("left something: \"%s\"", says);
        reel_fail(status, NULL, "%s", says);
    }
    reel_plan_free(plan);
    return n == 1;
}

START_TEST(a_first_step) {
    fails_everywhere(&(alloc_scenario){.setup = setup_and_look,
                                       .run = run_first_step,
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

/* ---- programs that make room ---- */

enum { WIDTH = 30000, SHAPES = 4 }; /* batches of 1, 2, 3 and 4 rows */

typedef struct {
    reel_tensor *w;
    reel_state *params;
    reel_optim *optim;
    reel_dataset *set;
    reel_loader *loader;
    reel_plan *plan;
    int calls;
} wide;

static int64_t staircase_length(reel_batch_sampler *s) {
    (void)s;
    return SHAPES * (SHAPES + 1) / 2;
}

static reel_status staircase_plan(reel_batch_sampler *s, int64_t epoch, int64_t *index,
                                  int64_t *sizes, int64_t *batches) {
    (void)epoch;
    for (int64_t i = 0; i < staircase_length(s); i++) index[i] = i;
    for (int i = 0; i < SHAPES; i++) sizes[i] = i + 1;
    *batches = SHAPES;
    return REEL_OK;
}

static const reel_batch_sampler_class staircase_class = {staircase_length, staircase_plan, NULL};
static reel_batch_sampler staircase = {&staircase_class};

static void open_wide(wide *v, reel_tensor *rows) {
    *v = (wide){0};
    REEL_SCOPE;
    v->w = reel_track(reel_retain(reel_full(reel_shape(WIDTH), 0.5, REEL_F32, reel_cpu())));
    v->params = reel_state_new();
    reel_state_put(v->params, "w", v->w);
    v->optim = reel_adam_new(v->params, (reel_adam_options){.lr = 0.01});
    v->set = reel_tensor_dataset_new(rows, NULL);
    v->loader = reel_loader_new(v->set, (reel_loader_options){.batch_sampler = &staircase});
}

static void close_wide(wide *v) {
    reel_plan_free(v->plan);
    reel_loader_free(v->loader);
    reel_dataset_free(v->set);
    reel_optim_free(v->optim);
    reel_state_free(v->params);
    reel_release(v->w);
}

static bool wide_step(void *user) {
    wide *v = user;
    reel_batch b;
    v->calls++;
    if (!reel_loader_next(v->loader, &b)) return false;
    reel_backward(reel_mean(reel_tanh(reel_sigmoid(reel_mul(b.x, v->w)))));
    reel_optim_step(v->optim);
    return true;
}

/* The last batch finds no room for a fourth program: those of the first ones go, and that of the
 * third stays. */
START_TEST(programs_make_room) {
    wide a, b;
    reel_generator *g = reel_generator_new(1, reel_cpu());
    REEL_SCOPE;
    reel_tensor *rows = reel_rand(reel_shape(SHAPES * (SHAPES + 1) / 2, WIDTH), REEL_F32, g);
    reel_generator_free(g);
    open_wide(&a, rows);
    open_wide(&b, rows);
    a.plan = eager_plan(wide_step, &a);
    b.plan = reel_capture(wide_step, &b,
                          (reel_capture_options){.without = REEL_PASS_FUSE | REEL_PASS_MEMORY});
    replay_both(a.plan, b.plan, SHAPES - 1);
    ck_assert_int_eq(reel_plan_programs(b.plan), SHAPES - 1);
    const size_t third = b.plan->program[0]->arena->storage->bytes;
    const int64_t n = reel_replay(a.plan, 1);
    limit_memory(1 << 16);
    ck_assert_ptr_null(reel_empty(reel_shape(1 << 24), REEL_F32, reel_cpu()));
    expect_failure(REEL_ERR_MEMORY, "out of memory"); /* and free blocks have gone */
    limit_memory(third * 4 / 3);
    const int64_t m = reel_replay(b.plan, 1);
    limit_memory(0);
    expect_fine();
    ck_assert_int_eq(n, m);
    ck_assert_int_eq(reel_plan_programs(b.plan), 2);
    expect_same_states(a.params, b.params, "with little room");
    for (int calls = b.calls, i = 0; i < SHAPES + 1; i++, calls = b.calls) {
        replay_both(a.plan, b.plan, 1); /* the epoch's end first */
        ck_assert_msg((b.calls > calls) == (i < 3), "%d", i);
        expect_same_states(a.params, b.params, "later");
    }
    close_wide(&a);
    close_wide(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_alloc");
    TCase *c = add_cpu_case(s, "allocations");
    tcase_set_timeout(c, 300);
    tcase_add_test(c, a_capture);
    tcase_add_test(c, a_first_step);
    tcase_add_test(c, replays);
    tcase_add_test(c, programs_make_room);
    return run_suite(s);
}
