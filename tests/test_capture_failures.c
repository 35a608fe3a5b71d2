/* What a captured step can't do, and what fails in one: it says so as the step itself does, leaves
 * things as the step would, and goes on when the failure is cleared. */
#include "tests/capture_rig.h"
#include "tests/temp_dir.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OTHERS = 200 }; /* until malloc gives an address anew */

typedef struct world world;
struct world {
    reel_tensor *w, *x, *index; /* owned; w[3,4] is tracked */
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule, *others[OTHERS];
    reel_ema *ema;
    reel_generator *noise;
    reel_meter meter;
    int calls;
    reel_plan *plan;
};

static void open_world(world *v) {
    REEL_SCOPE;
    *v = (world){0};
    v->noise = reel_generator_new(3, test_device());
    v->w = reel_track(reel_retain(reel_randn(reel_shape(3, 4), REEL_F32, v->noise)));
    v->x = reel_retain(reel_rand(reel_shape(5, 4), REEL_F32, v->noise));
    v->index = reel_retain(reel_randint(0, 3, reel_shape(5), REEL_I64, v->noise));
    v->params = reel_state_new();
    reel_state_put(v->params, "w", v->w);
    v->optim = reel_adam_new(v->params, (reel_adam_options){.lr = 0.05});
    v->schedule = reel_exponential_schedule_new(v->optim, (reel_exponential_options){.gamma = 0.9});
    v->ema = reel_ema_new(v->params, (reel_ema_options){0});
    expect_fine();
}

static void close_world(world *v) {
    reel_meter_reset(&v->meter);
    reel_ema_free(v->ema);
    reel_schedule_free(v->schedule);
    for (int i = 0; i < OTHERS; i++) reel_schedule_free(v->others[i]);
    reel_optim_free(v->optim);
    reel_state_free(v->params);
    reel_generator_free(v->noise);
    reel_release(v->w);
    reel_release(v->x);
    reel_release(v->index);
}

static reel_tensor *linear(const world *v) {
    return reel_matmul(v->x, reel_t(v->w));
}

static bool learn(world *v, reel_tensor *loss) {
    reel_backward(loss);
    reel_optim_step(v->optim);
    reel_schedule_step(v->schedule);
    reel_ema_update(v->ema);
    reel_meter_add(&v->meter, loss);
    return true;
}

static bool plain(void *user) {
    world *v = user;
    v->calls++;
    return learn(v, reel_mean(reel_square(linear(v))));
}

/* ---- what is refused ---- */

static bool reads_an_item(void *user) {
    world *v = user;
    reel_tensor *loss = reel_mean(reel_square(linear(v)));
    return reel_item(loss) > 1e9 ? false : learn(v, loss);
}

static bool reads(void *user) {
    world *v = user;
    float numbers[15];
    reel_read(reel_detach(linear(v)), numbers, sizeof numbers);
    return plain(user);
}

static bool writes(void *user) {
    world *v = user;
    const float numbers[20] = {1};
    reel_write(v->x, numbers, sizeof numbers);
    return plain(user);
}

static bool takes_numbers(void *user) {
    world *v = user;
    const float numbers[4] = {1, 2, 3, 4};
    reel_tensor *y =
        reel_mul(v->w, reel_to(reel_from(numbers, reel_shape(4), REEL_F32), test_device()));
    return learn(v, reel_sum(y));
}

static bool looks_at_its_own(void *user) {
    world *v = user;
    reel_tensor *y = reel_sum(linear(v));
    const float *there = reel_data(y);
    if (reel_failed()) return true;
    return there && *there > 1e9F ? false : learn(v, y);
}

static bool writes_to_its_own(void *user) {
    world *v = user;
    float *there = reel_data(v->x);
    if (there) there[0] = 1;
    return plain(user);
}

static bool prints(void *user) {
    world *v = user;
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    reel_print(f, linear(v));
    fclose(f);
    return plain(user);
}

static bool saves(void *user) {
    world *v = user;
    reel_safetensors_write(v->params, in_dir("never-written.safetensors"));
    return plain(user);
}

static bool reads_a_file(void *user) {
    reel_state_free(reel_safetensors_read("/nonexistent/state"));
    return plain(user);
}

static bool reads_an_index(void *user) {
    reel_idx_read("/nonexistent/images");
    return plain(user);
}

static bool loads_digits(void *user) {
    reel_mnist mnist;
    reel_mnist_load(&mnist, "synthetic");
    return plain(user);
}

static bool draws_digits(void *user) {
    reel_tensor *images, *labels;
    reel_digits_draw(2, 1, &images, &labels);
    return plain(user);
}

static bool writes_a_picture(void *user) {
    reel_png_write("/nonexistent/picture.png", linear(user));
    return plain(user);
}

static bool writes_pictures(void *user) {
    world *v = user;
    reel_grid_write("/nonexistent/grid.png", reel_reshape(v->w, reel_shape(3, 2, 2)),
                    (reel_grid_options){0});
    return plain(user);
}

static bool sets_a_rate(void *user) {
    reel_optim_set_lr(((world *)user)->optim, 0.01);
    return plain(user);
}

static bool sets_a_group_s_rate(void *user) {
    reel_optim_set_group_lr(((world *)user)->optim, 0, 0.01);
    return plain(user);
}

static bool adds_a_group(void *user) {
    world *v = user;
    reel_state *more = reel_state_new();
    reel_state_put(more, "x", v->x);
    reel_optim_add_group(v->optim, more, (reel_group_options){0});
    reel_state_free(more);
    return plain(user);
}

/* Each of what it saved itself. */
static bool loads_an_optimizer(void *user) {
    world *v = user;
    reel_state *s = reel_state_new();
    reel_optim_save(v->optim, s, NULL);
    reel_optim_load(v->optim, s, NULL);
    reel_state_free(s);
    return plain(user);
}

static bool loads_a_schedule(void *user) {
    world *v = user;
    reel_state *s = reel_state_new();
    reel_schedule_save(v->schedule, s, NULL);
    reel_schedule_load(v->schedule, s, NULL);
    reel_state_free(s);
    return plain(user);
}

static bool loads_an_average(void *user) {
    world *v = user;
    reel_state *s = reel_state_new();
    reel_ema_save(v->ema, s, NULL);
    reel_ema_load(v->ema, s, NULL);
    reel_state_free(s);
    return plain(user);
}

static bool draws_from_its_own(void *user) {
    world *v = user;
    reel_generator *g = reel_generator_new(1, test_device());
    reel_tensor *y = reel_add(linear(v), reel_randn(reel_shape(3), REEL_F32, g));
    reel_generator_free(g);
    return learn(v, reel_sum(y));
}

static bool swaps(void *user) {
    world *v = user;
    reel_tensor *before = v->x;
    learn(v, reel_sum(reel_square(linear(v))));
    v->x = reel_retain(reel_affine(before, 0.5, 0.1));
    reel_release(before);
    return true;
}

static bool another_each_time(void *user) {
    world *v = user;
    return learn(v, reel_sum(reel_scale(linear(v), ++v->calls)));
}

static bool replays(void *user) {
    world *v = user;
    reel_replay(v->plan, 1);
    return true;
}

static bool frees_its_plan(void *user) {
    world *v = user;
    plain(user);
    reel_plan_free(v->plan);
    return true;
}

static bool takes_a_metric(void *user) {
    world *v = user;
    plain(user);
    reel_schedule *s = reel_plateau_schedule_new(v->optim, (reel_plateau_options){0});
    reel_schedule_step_metric(s, 1);
    reel_schedule_free(s);
    return true;
}

static const struct {
    reel_step step;
    const char *says;
} refused[] = {
    {reads_an_item, "item: is done by the host"},
    {reads, "read: is done by the host"},
    {writes, "write: is done by the host"},
    {takes_numbers, "from: is done by the host"},
    {looks_at_its_own, "data: is done by the host"},
    {writes_to_its_own, "data: is done by the host"},
    {prints, "print: is done by the host"},
    {saves, "safetensors: is done by the host"},
    {reads_a_file, "safetensors: is done by the host"},
    {reads_an_index, "IDX: is done by the host"},
    {loads_digits, "mnist_load: is done by the host"},
    {draws_digits, "digits_draw: is done by the host"},
    {writes_a_picture, "png: is done by the host"},
    {writes_pictures, "grid: is done by the host"},
    {sets_a_rate, "optim_set_lr: is done by the host"},
    {sets_a_group_s_rate, "optim_set_group_lr: is done by the host"},
    {adds_a_group, "optim_add_group: is done by the host"},
    {loads_an_optimizer, "optim_load: is done by the host"},
    {loads_a_schedule, "schedule_load: is done by the host"},
    {loads_an_average, "ema_load: is done by the host"},
    {draws_from_its_own, "which a captured step can't repeat"},
    {swaps, "copy into it (reel_copy_)"},
    {another_each_time, "replay: the step is another each time: affine, told something else"},
    {replays, "replay: a step is being captured, which can't replay"},
    {frees_its_plan, "plan_free: it replays, and its step can't free it"},
    {takes_a_metric, "schedule_step_metric: a captured step"},
};

/* And another step can be captured after that. */
START_TEST(what_is_refused) {
    world v;
    open_world(&v);
    v.plan = reel_capture(refused[_i].step, &v, (reel_capture_options){0});
    for (int tries = 0; tries < 2; tries++) {
        ck_assert_int_eq(reel_replay(v.plan, 3), 0);
        expect_failure(REEL_ERR_STATE, refused[_i].says);
    }
    reel_plan_free(v.plan);
    v.plan = reel_capture(plain, &v, (reel_capture_options){0});
    ck_assert_int_eq(reel_replay(v.plan, 3), 3);
    reel_plan_free(v.plan);
    close_world(&v);
}
END_TEST

START_TEST(calls_that_are_wrong) {
    world v;
    open_world(&v);
    ck_assert_ptr_null(reel_capture(NULL, &v, (reel_capture_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "capture: the step is NULL");
    ck_assert_int_eq(reel_replay(NULL, 1), 0);
    expect_failure(REEL_ERR_ARGUMENT, "replay: ");
    v.plan = reel_capture(plain, &v, (reel_capture_options){0});
    ck_assert_int_ne(reel_plan_dump(v.plan, "/nonexistent/dump"), REEL_OK);
    expect_failure(REEL_ERR_STATE, "no step was replayed yet");
    ck_assert_int_eq(reel_replay(v.plan, 0), 0);
    ck_assert_int_eq(reel_replay(v.plan, -3), 0);
    ck_assert_int_eq(v.calls, 0);
    ck_assert_int_eq(reel_replay(v.plan, 1), 1);
    ck_assert_int_ne(reel_plan_dump(v.plan, "/nonexistent/dump"), REEL_OK);
    expect_failure(REEL_ERR_IO, "/nonexistent/dump");
    reel_plan_free(v.plan);
    ck_assert_int_eq(reel_replay(v.plan, 1), 0);
    expect_failure(REEL_ERR_ARGUMENT, "replay: not a plan, or freed already");
    reel_plan_free(v.plan);
    expect_failure(REEL_ERR_ARGUMENT, "plan_free: not a plan, or freed already");
    reel_plan_free(NULL);
    close_world(&v);
}
END_TEST

static bool nothing_to_do(void *user) {
    ((world *)user)->calls++;
    return false;
}

static bool three_times(void *user) {
    world *v = user;
    return v->index ? plain(user) : false;
}

START_TEST(there_is_nothing_to_do) {
    world v;
    open_world(&v);
    v.plan = reel_capture(nothing_to_do, &v, (reel_capture_options){0});
    for (int i = 1; i < 4; i++) {
        ck_assert_int_eq(reel_replay(v.plan, 5), 0);
        ck_assert_int_eq(v.calls, i);
    }
    reel_plan_free(v.plan);
    reel_tensor *index = v.index;
    v.index = NULL;
    v.plan = reel_capture(three_times, &v, (reel_capture_options){0});
    ck_assert_int_eq(reel_replay(v.plan, 5), 0);
    v.index = index;
    ck_assert_int_eq(reel_replay(v.plan, 5), 5);
    reel_plan_free(v.plan);
    close_world(&v);
}
END_TEST

/* ---- what fails in a step ---- */

static bool does_not_fit(void *user) {
    world *v = user;
    reel_tensor *y = reel_add(linear(v), reel_ones(reel_shape(2), REEL_F32, test_device()));
    return learn(v, reel_sum(y));
}

static bool takes_an_index(void *user) {
    world *v = user;
    reel_tensor *y = reel_gather(linear(v), 1, reel_unsqueeze(v->index, 1));
    return learn(v, reel_add(reel_sum(y), reel_cross_entropy_loss(linear(v), v->index)));
}

static bool takes_a_root(void *user) {
    world *v = user;
    return learn(v, reel_sum(reel_sqrt(reel_add(reel_square(linear(v)), reel_mean(v->x)))));
}

static void keep_message(char *says, size_t size) {
    snprintf(says, size, "%s", reel_error());
    char *behind = strstr(says, ", called from"); /* the replay's own line */
    if (behind) *behind = '\0';
}

static void expect_same_worlds(world *a, world *b, const char *what) {
    expect_same_states(a->params, b->params, what);
    expect_same_bits(a->meter.sum, b->meter.sum, "%s: meter", what);
    ck_assert_msg(a->meter.weight == b->meter.weight, "%s: meter", what);
    ck_assert_msg(reel_optim_lr(a->optim) == reel_optim_lr(b->optim), "%s: rate", what);
    ck_assert_int_eq(reel_optim_steps(a->optim), reel_optim_steps(b->optim));
    ck_assert_int_eq(reel_ema_updates(a->ema), reel_ema_updates(b->ema));
    expect_same_bits(reel_ema_get(a->ema, "w"), reel_ema_get(b->ema, "w"), "%s: average", what);
}

/* Both fail in the next replay, with the same words, and are alike. */
static void expect_same_failure(reel_plan *eager, reel_plan *plan, world *a, world *b) {
    char says[400];
    ck_assert_int_eq(reel_replay(eager, 1), 0);
    ck_assert(reel_failed());
    const reel_status status = reel_error_status();
    keep_message(says, sizeof says);
    reel_clear_error();
    ck_assert_int_eq(reel_replay(plan, 1), 0);
    expect_failure(status, says);
    reel_synchronize(test_device());
    reel_clear_error();
    expect_same_worlds(a, b, says);
}

static void open_both(world *a, world *b, reel_step step, reel_plan **eager, reel_plan **plan) {
    open_world(a);
    open_world(b);
    *eager = eager_plan(step, a);
    *plan = reel_capture(step, b, (reel_capture_options){0});
}

static void close_both(world *a, world *b, reel_plan *eager, reel_plan *plan) {
    reel_plan_free(eager);
    reel_plan_free(plan);
    close_world(a);
    close_world(b);
}

START_TEST(shapes_that_do_not_fit) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, does_not_fit, &eager, &plan);
    for (int i = 0; i < 3; i++) expect_same_failure(eager, plan, &a, &b);
    close_both(&a, &b, eager, plan);
}
END_TEST

static void put_index(world *v, int64_t value) {
    REEL_SCOPE;
    reel_fill_(reel_select(v->index, 0, 2), (double)value);
    expect_fine();
}

START_TEST(an_index_out_of_range) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, takes_an_index, &eager, &plan);
    for (int i = 0; i < 3; i++) {
        if (i != _i) replay_both(eager, plan, 2);
        put_index(&a, 7);
        put_index(&b, 7);
        expect_same_failure(eager, plan, &a, &b);
        reel_optim_zero_grad(a.optim);
        reel_optim_zero_grad(b.optim);
        put_index(&a, 1);
        put_index(&b, 1);
        replay_both(eager, plan, 2);
        expect_same_worlds(&a, &b, "later");
    }
    close_both(&a, &b, eager, plan);
}
END_TEST

static void fill(world *v, double value) {
    REEL_SCOPE;
    reel_fill_(v->x, value);
}

/* Of a result, and of a gradient: the root of 0 has none. */
START_TEST(anomalies) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, takes_a_root, &eager, &plan);
    const bool before = reel_set_anomaly(true);
    for (int i = 0; i < 3; i++) {
        if (i != _i % 3) replay_both(eager, plan, 2);
        fill(&a, _i < 3 ? -0.5 : 0);
        fill(&b, _i < 3 ? -0.5 : 0);
        expect_same_failure(eager, plan, &a, &b);
        reel_optim_zero_grad(a.optim);
        reel_optim_zero_grad(b.optim);
        fill(&a, 0.25);
        fill(&b, 0.25);
        replay_both(eager, plan, 2);
        expect_same_worlds(&a, &b, "later");
    }
    reel_set_anomaly(before);
    close_both(&a, &b, eager, plan);
}
END_TEST

/* ---- what is gone, or another, when a replay comes ---- */

static void free_optimizer(world *v) {
    reel_optim_free(v->optim);
}
static void free_schedule(world *v) {
    reel_schedule_free(v->schedule);
}
static void free_average(world *v) {
    reel_ema_free(v->ema);
}
static void let_data_go(world *v) {
    reel_release(v->x);
}

static const struct {
    void (*take)(world *v);
    const char *says;
} gone[] = {
    {free_optimizer, "optim_step: not an optimizer, or freed already"},
    {free_schedule, "schedule_step: not a schedule, or freed already"},
    {free_average, "ema_update: not an average of weights, or freed already"},
    {let_data_go, "used after"},
};

START_TEST(what_is_gone) {
    world v;
    open_world(&v);
    v.plan = reel_capture(plain, &v, (reel_capture_options){0});
    ck_assert_int_eq(reel_replay(v.plan, 3), 3);
    const world was = v;
    gone[_i].take(&v);
    if (gone[_i].take == free_optimizer) reel_schedule_free(was.schedule);
    ck_assert_int_eq(reel_replay(v.plan, 1), 0);
    ck_assert_msg(strstr(reel_error(), gone[_i].says), "%s", reel_error());
    reel_clear_error();
    reel_plan_free(v.plan);
    if (gone[_i].take == free_optimizer) v.optim = NULL, v.schedule = NULL;
    if (gone[_i].take == free_schedule) v.schedule = NULL;
    if (gone[_i].take == free_average) v.ema = NULL;
    if (gone[_i].take == let_data_go) v.x = NULL;
    close_world(&v);
}
END_TEST

/* A meter on the stack of a function that the step called, and one that went between replays. */
static void __attribute__((noinline)) meet(world *v) {
    reel_meter own = {0};
    reel_meter_add(&own, reel_mean(linear(v)));
    reel_meter_reset(&own);
}

static bool meters_of_its_own(void *user) {
    meet(user);
    return plain(user);
}

START_TEST(meters_that_go) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, meters_of_its_own, &eager, &plan);
    for (int i = 0; i < 4; i++) {
        replay_both(eager, plan, 2);
        expect_same_worlds(&a, &b, "meters");
        if (i == 1) reel_meter_reset(&a.meter), reel_meter_reset(&b.meter);
    }
    close_both(&a, &b, eager, plan);
}
END_TEST

static void make_others(world *v, double gamma) {
    for (int i = 0; i < OTHERS; i++) {
        reel_schedule_free(v->others[i]);
        v->others[i] =
            reel_exponential_schedule_new(v->optim, (reel_exponential_options){.gamma = gamma});
    }
}

/* Another schedule, and where the first one was, one that nobody steps. */
static void replace_schedule(world *v) {
    make_others(v, 0.8);
    for (int i = 0; i < OTHERS; i++) {
        reel_schedule_free(v->others[i]);
        v->others[i] = NULL;
    }
    reel_schedule_free(v->schedule);
    make_others(v, 0.5);
    v->schedule = reel_exponential_schedule_new(v->optim, (reel_exponential_options){.gamma = 0.9});
    expect_fine();
}

START_TEST(another_at_its_address) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, plain, &eager, &plan);
    for (int i = 0; i < 4; i++) {
        replay_both(eager, plan, 3);
        expect_same_worlds(&a, &b, "another");
        replace_schedule(&a);
        replace_schedule(&b);
    }
    close_both(&a, &b, eager, plan);
}
END_TEST

/* A parameter of another tensor, by an optimizer of another. */
static void replace_parameter(world *v) {
    REEL_SCOPE;
    reel_schedule_free(v->schedule);
    reel_ema_free(v->ema);
    reel_optim_free(v->optim);
    reel_state_free(v->params);
    reel_tensor *w = reel_retain(reel_affine(reel_detach(v->w), 2, 0.25));
    reel_release(v->w);
    v->w = reel_track(w);
    v->params = reel_state_new();
    reel_state_put(v->params, "w", v->w);
    v->optim = reel_sgd_new(v->params, (reel_sgd_options){.lr = 0.05});
    v->schedule = reel_exponential_schedule_new(v->optim, (reel_exponential_options){.gamma = 0.9});
    v->ema = reel_ema_new(v->params, (reel_ema_options){0});
    expect_fine();
}

START_TEST(another_parameter) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, plain, &eager, &plan);
    for (int i = 0; i < 4; i++) {
        replay_both(eager, plan, 3);
        expect_same_worlds(&a, &b, "another");
        replace_parameter(&a);
        replace_parameter(&b);
    }
    close_both(&a, &b, eager, plan);
}
END_TEST

/* ---- weights and averages that change places ---- */

/* Which the next step undoes. */
static bool leaves_them_swapped(void *user) {
    world *v = user;
    reel_tensor *loss = reel_mean(reel_square(linear(v)));
    reel_backward(loss);
    reel_optim_step(v->optim);
    reel_meter_add(&v->meter, loss);
    reel_ema_swap(v->ema);
    return true;
}

static bool looks_at_averages(void *user) {
    world *v = user;
    plain(user);
    reel_ema_swap(v->ema);
    {
        REEL_NO_GRAD;
        reel_meter_add(&v->meter, reel_sum(linear(v)));
    }
    reel_ema_swap(v->ema);
    return true;
}

static const reel_step swapping[] = {leaves_them_swapped, looks_at_averages};

START_TEST(averages_in_place_of_weights) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, swapping[_i], &eager, &plan);
    reel_plan_free(plan);
    plan = plan_with_bits(swapping[_i], &b, 0);
    reel_ema_update(a.ema);
    reel_ema_update(b.ema);
    for (int i = 0; i < 6; i++) {
        replay_both(eager, plan, 1 + i % 3);
        expect_same_worlds(&a, &b, "swapped");
        ck_assert_int_eq(reel_ema_update(a.ema), reel_ema_update(b.ema));
        reel_clear_error();
    }
    close_both(&a, &b, eager, plan);
}
END_TEST

/* ---- threads, processes ---- */

static void *replay_much(void *user) {
    world *v = user;
    return (void *)(intptr_t)reel_replay(v->plan, 50);
}

START_TEST(two_threads) {
    world v[3];
    pthread_t thread[2];
    for (int i = 0; i < 3; i++) {
        open_world(&v[i]);
        v[i].plan = reel_capture(plain, &v[i], (reel_capture_options){.eager = i == 2});
    }
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, replay_much, &v[i]), 0);
    ck_assert_int_eq(reel_replay(v[2].plan, 50), 50);
    for (int i = 0; i < 2; i++) {
        void *done;
        ck_assert_int_eq(pthread_join(thread[i], &done), 0);
        ck_assert_int_eq((intptr_t)done, 50);
        expect_same_worlds(&v[2], &v[i], "threads");
    }
    /* one that another thread made goes on in this one */
    for (int i = 0; i < 3; i++) ck_assert_int_eq(reel_replay(v[i].plan, 3), 3);
    expect_same_worlds(&v[2], &v[0], "this thread");
    for (int i = 0; i < 3; i++) {
        reel_plan_free(v[i].plan);
        close_world(&v[i]);
    }
}
END_TEST

START_TEST(a_forked_child) {
    world a, b;
    reel_plan *eager, *plan;
    open_both(&a, &b, plain, &eager, &plan);
    replay_both(eager, plan, 3);
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    const int64_t n = reel_replay(eager, 4), m = reel_replay(plan, 4);
    expect_same_states(a.params, b.params, child ? "parent" : "child");
    if (child == 0) _exit(n == 4 && m == 4 && !reel_failed() ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    close_both(&a, &b, eager, plan);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_failures");
    TCase *c = add_dir_case(s, "refused");
    tcase_add_loop_test(c, what_is_refused, 0, sizeof refused / sizeof *refused);
    tcase_add_test(c, calls_that_are_wrong);
    tcase_add_test(c, there_is_nothing_to_do);
    c = add_case(s, "failures");
    tcase_add_test(c, shapes_that_do_not_fit);
    tcase_add_loop_test(c, anomalies, 0, 6);
    c = add_cpu_case(s, "indices"); /* a GPU says so later */
    tcase_add_loop_test(c, an_index_out_of_range, 0, 3);
    c = add_case(s, "gone");
    tcase_add_loop_test(c, what_is_gone, 0, sizeof gone / sizeof *gone);
    tcase_add_test(c, meters_that_go);
    tcase_add_test(c, another_parameter);
    tcase_add_test(c, another_at_its_address);
    c = add_case(s, "averages");
    tcase_add_loop_test(c, averages_in_place_of_weights, 0, sizeof swapping / sizeof *swapping);
    c = add_case(s, "threads");
    tcase_add_test(c, two_threads);
    c = add_cpu_case(s, "processes");
    tcase_add_test(c, a_forked_child);
    return run_suite(s);
}
