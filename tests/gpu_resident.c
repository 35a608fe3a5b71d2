/* Whole steps as one kernel: beside the same steps call by call, and in other numbers at once. */
#include "tests/gpu_models.h"
#include "tests/temp_dir.h"

#include "reel.h"

#include <pthread.h>

enum { BATCHES = 4, LARGEST = 600 }; /* of an epoch, and a short one behind them */

/* ---- what is trained ---- */

static reel_module *deep_new(int64_t latent, reel_generator *g) {
    const reel_linear_options o = {.generator = g};
    return reel_sequential(reel_linear_new(PIXELS, latent, o), reel_tanh_new(),
                           reel_linear_new(latent, 8, o), reel_relu_new(),
                           reel_linear_new(8, latent, o), reel_tanh_new(),
                           reel_linear_new(latent, PIXELS, o), reel_sigmoid_new());
}

typedef enum { TIED, CLASSIC, DEEP, MODELS } model;
typedef enum { ADAM, ADAMW, SGD, OPTIMIZERS } optimizer;

typedef struct {
    model model;
    optimizer optimizer;
    int64_t latent, batch;
} setting;

static reel_optim *optim_new(optimizer o, const reel_state *params) {
    switch (o) {
    case ADAMW:
        return reel_adamw_new(params, (reel_adam_options){.lr = 2e-3, .weight_decay = 0.1});
    case SGD:
        return reel_sgd_new(params, (reel_sgd_options){.lr = 0.5, .momentum = 0.9});
    default:
        return reel_adam_new(params, (reel_adam_options){.lr = 2e-3});
    }
}

typedef struct {
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_dataset *images;
    reel_loader *loader;
    reel_meter loss;
    reel_plan *plan;
    bool beside; /* its plans run beside others */
} training;

static reel_dataset *images_new(int64_t batch) {
    static uint8_t pixels[BATCHES * LARGEST + LARGEST / 4][PIXELS];
    const int64_t count = BATCHES * batch + batch / 4;
    for (int64_t i = 0; i < count; i++)
        for (int p = 0; p < PIXELS; p++)
            pixels[i][p] =
                (uint8_t)(127.5 * (1 + sin(0.05 * (double)(i % 97) * (p % 28) + 0.3 * p)));
    return reel_tensor_dataset_new(to_device(reel_from(pixels, reel_shape(count, PIXELS), REEL_U8)),
                                   NULL);
}

static bool step(void *user) {
    training *t = user;
    reel_batch b;
    if (!reel_loader_next(t->loader, &b)) return false;
    reel_tensor *loss = reel_mse_loss(reel_forward(t->model, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(t->optim);
    reel_schedule_step(t->schedule);
    reel_meter_add_weighted(&t->loss, loss, (double)b.n);
    return true;
}

static void capture(training *t, unsigned without) {
    reel_plan_free(t->plan);
    t->plan = reel_capture(
        step, t,
        (reel_capture_options){.without = without, .with = t->beside ? REEL_PASS_BESIDE : 0});
}

/* Owned; it stays where it is, since its plan knows it. */
static training *training_new(setting s, unsigned without) {
    static reel_module *(*const models[MODELS])(int64_t, reel_generator *) = {tied_new, classic_new,
                                                                              deep_new};
    training *t = calloc(1, sizeof *t);
    ck_assert_ptr_nonnull(t);
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(7, reel_cpu());
    t->model = models[s.model](s.latent, g);
    reel_generator_free(g);
    reel_module_to(t->model, test_device());
    t->params = reel_module_params(t->model);
    t->optim = optim_new(s.optimizer, t->params);
    t->schedule = reel_cosine_schedule_new(t->optim, (reel_cosine_options){.steps = 100});
    t->images = images_new(s.batch);
    t->loader = reel_loader_new(t->images, (reel_loader_options){.batch_size = s.batch,
                                                                 .shuffle = true,
                                                                 .scale = 1 / 255.0,
                                                                 .device = test_device()});
    capture(t, without);
    ck_assert_msg(!reel_failed(), "%s", reel_error());
    return t;
}

static void training_free(training *t) {
    reel_plan_free(t->plan);
    reel_meter_reset(&t->loss);
    reel_loader_free(t->loader);
    reel_dataset_free(t->images);
    reel_schedule_free(t->schedule);
    reel_optim_free(t->optim);
    reel_state_free(t->params);
    reel_module_free(t->model);
    free(t);
}

/* `count` steps, `most` of them asked for at once. */
static void steps(training *t, int64_t count, int64_t most) {
    while (count > 0) {
        const int64_t asked = count < most ? count : most;
        const int64_t done = reel_replay(t->plan, asked);
        ck_assert_msg(!reel_failed(), "%s", reel_error());
        count -= done; /* fewer at an epoch's end */
    }
}

/* ---- beside the same steps, call by call ---- */

static bool is_whole(const training *t) {
    char text[200] = "";
    ck_assert_msg(reel_plan_dump(t->plan, in_dir("plan.txt")) == REEL_OK, "%s", reel_error());
    FILE *f = fopen(in_dir("plan.txt"), "r");
    ck_assert_ptr_nonnull(f);
    bool found = false;
    while (!found && fgets(text, sizeof text, f)) found = strstr(text, "one kernel: resident");
    fclose(f);
    return found;
}

/* Some GPUs have no clusters, and some builds no compiler of kernels. */
static bool can_be_whole(void) {
    training *t = training_new((setting){TIED, ADAM, 20, 40}, 0);
    steps(t, 1, 1);
    const bool can = is_whole(t);
    training_free(t);
    return can;
}

static void expect_close(const training *a, const training *b) {
    for (int i = 0; i < reel_state_count(a->params); i++) {
        REEL_SCOPE;
        REEL_NO_GRAD;
        reel_tensor *x = reel_to(reel_state_at(a->params, i), reel_cpu()),
                    *y = reel_to(reel_state_at(b->params, i), reel_cpu());
        const float *p = reel_data(x), *q = reel_data(y);
        ck_assert_msg(p && q, "%s", reel_error());
        double apart = 0, size = 0;
        for (int64_t k = 0; k < reel_numel(x); k++) {
            const double d = (double)p[k] - (double)q[k];
            apart += d * d;
            size += (double)p[k] * (double)p[k];
        }
        ck_assert_msg(apart <= 1e-8 * (size + 1e-4), "%s: apart by %g of %g",
                      reel_state_name(a->params, i), sqrt(apart), sqrt(size));
    }
}

static void expect_same(const training *a, const training *b) {
    for (int i = 0; i < reel_state_count(a->params); i++)
        ck_assert_msg(same_bits(reel_state_at(a->params, i), reel_state_at(b->params, i)),
                      "%s differs", reel_state_name(a->params, i));
    ck_assert(reel_optim_lr(a->optim) == reel_optim_lr(b->optim));
    ck_assert_int_eq(reel_optim_steps(a->optim), reel_optim_steps(b->optim));
}

/* The last ones' rows are too many for all to be there at once. */
static const setting settings[] = {
    {TIED, ADAM, 10, 40},      {TIED, ADAM, 60, 40},   {TIED, ADAMW, 30, 40},
    {CLASSIC, ADAM, 60, 40},   {CLASSIC, SGD, 7, 40},  {CLASSIC, ADAMW, 100, 40},
    {DEEP, ADAM, 40, 40},      {TIED, ADAM, 100, 256}, {TIED, ADAM, 300, 256},
    {CLASSIC, ADAM, 300, 256}, {TIED, ADAM, 10, 600},  {DEEP, ADAM, 40, 600}};
enum { SETTINGS = sizeof settings / sizeof *settings };

START_TEST(is_close_to_steps_call_by_call) {
    if (!can_be_whole()) {
        printf("skipped: no step is one kernel here\n");
        return;
    }
    training *whole = training_new(settings[_i], 0),
             *calls = training_new(settings[_i], REEL_PASS_WHOLE);
    steps(whole, 6, 6);
    ck_assert(is_whole(whole));
    steps(calls, 6, 6);
    ck_assert(!is_whole(calls));
    expect_close(whole, calls);
    steps(whole, 15, 15); /* over an epoch's end */
    steps(calls, 15, 15);
    const double x = reel_meter_mean(&whole->loss), y = reel_meter_mean(&calls->loss);
    ck_assert_msg(fabs(x - y) <= 1e-4 * y, "losses %.9g and %.9g", x, y);
    ck_assert(reel_optim_lr(whole->optim) == reel_optim_lr(calls->optim));
    ck_assert_int_eq(reel_optim_steps(whole->optim), reel_optim_steps(calls->optim));
    training_free(whole);
    training_free(calls);
}
END_TEST

/* ---- the same bits, however many at once ---- */

START_TEST(has_the_same_bits_in_any_number_at_once) {
    training *at_once = training_new(settings[_i], 0), *few = training_new(settings[_i], 0),
             *anew = training_new(settings[_i], 0);
    steps(at_once, 30, 30);
    for (int64_t k = 1, left = 30; left > 0; left -= k++) steps(few, k < left ? k : left, 5);
    for (int k = 0; k < 3; k++) {
        steps(anew, 10, 10);
        capture(anew, 0);
    }
    expect_same(at_once, few);
    expect_same(at_once, anew);
    ck_assert(reel_meter_mean(&at_once->loss) == reel_meter_mean(&few->loss));
    training_free(at_once);
    training_free(few);
    training_free(anew);
}
END_TEST

/* ---- several at once ---- */

enum { AT_ONCE = 8, ROUNDS = 5 };

/* Steps, and between them what comes to parameters in the device's own stream. Any thread's. */
static bool train_and_meddle(training *t, bool patient) {
    for (int round = 0; round < ROUNDS; round++) {
        for (int64_t left = 7; left > 0 && !reel_failed();) left -= reel_replay(t->plan, left);
        if (patient) reel_synchronize(test_device());
        REEL_SCOPE;
        REEL_NO_GRAD;
        reel_tensor *p = reel_state_at(t->params, round % reel_state_count(t->params));
        reel_copy_(p, reel_scale(p, 0.99));
        if (patient) reel_synchronize(test_device());
    }
    return !reel_failed();
}

static void *trains(void *t) {
    return train_and_meddle(t, false) ? t : NULL;
}

START_TEST(several_at_once_are_as_each_alone) {
    training *alone[AT_ONCE], *beside[AT_ONCE];
    pthread_t thread[AT_ONCE];
    for (int i = 0; i < AT_ONCE; i++) {
        alone[i] = training_new(settings[i % SETTINGS], 0);
        beside[i] = training_new(settings[i % SETTINGS], 0);
        beside[i]->beside = true;
        capture(beside[i], 0);
        ck_assert_msg(train_and_meddle(alone[i], true), "%s", reel_error());
    }
    for (int i = 0; i < AT_ONCE; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, trains, beside[i]), 0);
    for (int i = 0; i < AT_ONCE; i++) {
        void *fine = NULL;
        pthread_join(thread[i], &fine);
        ck_assert_ptr_nonnull(fine);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        expect_same(alone[i], beside[i]);
        ck_assert(reel_meter_mean(&alone[i]->loss) == reel_meter_mean(&beside[i]->loss));
        training_free(alone[i]);
        training_free(beside[i]);
    }
}
END_TEST

/* Of one model, beside one plan of another one. */
START_TEST(plans_of_one_model_take_turns) {
    training *a = training_new(settings[_i], 0), *b = training_new(settings[_i], 0);
    a->beside = true;
    capture(a, 0);
    reel_plan *first = a->plan, *second;
    a->plan = NULL;
    capture(a, 0);
    second = a->plan;
    for (int round = 0; round < ROUNDS; round++) {
        a->plan = round % 2 ? second : first;
        steps(a, 5, 5);
        steps(b, 5, 5);
    }
    expect_same(a, b);
    a->plan = first;
    reel_plan_free(second);
    training_free(a);
    training_free(b);
}
END_TEST

void add_resident_cases(Suite *s) {
    TCase *c = add_dir_case(s, "whole steps");
    tcase_add_loop_test(c, is_close_to_steps_call_by_call, 0, SETTINGS);
    tcase_add_loop_test(c, has_the_same_bits_in_any_number_at_once, 0, SETTINGS);
    tcase_add_test(c, several_at_once_are_as_each_alone);
    tcase_add_loop_test(c, plans_of_one_model_take_turns, 0, SETTINGS);
}
