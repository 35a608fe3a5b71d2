/* Training on a GPU: a step waits for nothing, a run has the same bits each time, and a checkpoint
 * goes on where it stood, on either device. */
#include "tests/gpu_models.h"
#include "tests/temp_dir.h"

#include "data/data.h"
#include "optim/optim.h"

enum { IMAGES = 1200, BATCH = 40 }; /* 30 batches an epoch */

/* ---- a run ---- */

typedef enum { ON_DEVICE, ON_HOST, ON_HOST_WITH_WORKERS, SOURCES } source;
static const char *const source_names[] = {"images on the device", "images on the host",
                                           "images on the host, two workers"};

typedef struct {
    bool classic;
    int64_t latent;
    source images;
    reel_device device;
} setting;

typedef struct {
    reel_module *model;
    reel_optim *adam;
    reel_schedule *schedule;
    reel_dataset *images;
    reel_loader *loader;
    reel_meter loss;
} training;

/* u8[1200,784], with as many labels */
static reel_dataset *images_on(reel_device device) {
    static uint8_t pixels[IMAGES][PIXELS];
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < PIXELS; p++)
            pixels[i][p] = (uint8_t)(127.5 * (1 + sin(0.05 * (i % 97) * (p % 28) + 0.3 * p)));
    reel_tensor *x = reel_from(pixels, reel_shape(IMAGES, PIXELS), REEL_U8);
    reel_tensor *y = reel_arange(IMAGES, REEL_I64, device);
    return reel_tensor_dataset_new(reel_to(x, device), y);
}

static training training_new(setting s) {
    training t = {.model = NULL};
    {
        REEL_SCOPE;
        reel_generator *g = reel_generator_new(7, reel_cpu()); /* the same weights everywhere */
        t.model = s.classic ? classic_new(s.latent, g) : tied_new(s.latent, g);
        reel_generator_free(g);
        reel_module_to(t.model, s.device);
        reel_state *params = reel_module_params(t.model);
        t.adam = reel_adam_new(params, (reel_adam_options){.lr = 2e-3});
        reel_state_free(params);
        t.schedule = reel_cosine_schedule_new(t.adam, (reel_cosine_options){.steps = 1000});
        t.images = images_on(s.images == ON_DEVICE ? s.device : reel_cpu());
        t.loader = reel_loader_new(
            t.images, (reel_loader_options){.batch_size = BATCH,
                                            .shuffle = true,
                                            .seed = 3,
                                            .scale = 1 / 255.0,
                                            .workers = s.images == ON_HOST_WITH_WORKERS ? 2 : 0,
                                            .device = s.device});
    }
    expect_fine();
    return t;
}

static void training_free(training *t) {
    reel_meter_reset(&t->loss);
    reel_loader_free(t->loader);
    reel_dataset_free(t->images);
    reel_schedule_free(t->schedule);
    reel_optim_free(t->adam);
    reel_module_free(t->model);
}

/* One step; its loss goes to *value, which waits, unless that is NULL. */
static void step(training *t, double *value) {
    reel_batch b;
    while (!reel_loader_next(t->loader, &b)) expect_fine(); /* an epoch's end is no batch */
    REEL_SCOPE;
    reel_tensor *loss = reel_mse_loss(reel_forward(t->model, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(t->adam);
    reel_schedule_step(t->schedule);
    reel_meter_add_weighted(&t->loss, loss, (double)b.n);
    if (value) *value = reel_item(loss);
}

static void steps(training *t, int count) {
    for (int i = 0; i < count; i++) step(t, NULL);
    expect_fine();
}

/* ---- what a step asks for ---- */

/* In 50 steps: one in each, but for those whose memory lies where none has had it before, since
 * workers came with more uploads than usual, or fewer. */
static const int fewest_graphs[SOURCES] = {45, 45, 25};

START_TEST(a_step_waits_for_nothing) {
    const setting s = {_i & 1, _i & 2 ? 100 : 10, (source)(_i / 4), test_device()};
    reel_cuda_counts before, after;
    training t = training_new(s);
    steps(&t, 125); /* four epochs, and into the fifth */
    reel_synchronize(s.device);
    reel_cuda_count_calls(s.device.index, &before);
    steps(&t, 50); /* over an epoch's end */
    reel_cuda_count_calls(s.device.index, &after);
    expect_fine();
    const struct {
        const char *name;
        int64_t more;
    } counts[] = {
        {"allocations of device memory", after.device_allocs - before.device_allocs},
        {"allocations of pinned memory", after.pinned_allocs - before.pinned_allocs},
        {"copies to the host", after.copies_to_host - before.copies_to_host},
        {"waits", after.waits - before.waits},
    };
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        ck_assert_msg(counts[k].more == 0, "%s, L = %lld, %s: %lld %s in 50 steps",
                      s.classic ? "classic" : "tied", (long long)s.latent, source_names[s.images],
                      (long long)counts[k].more, counts[k].name);
    ck_assert_int_gt(after.launches - before.launches, 50 * 5); /* the counters do count */
    const int64_t graphs = after.graphs - before.graphs;
    ck_assert_msg(graphs >= fewest_graphs[s.images] && graphs <= after.batches - before.batches,
                  "%s, L = %lld, %s: %lld graphs in 50 steps", s.classic ? "classic" : "tied",
                  (long long)s.latent, source_names[s.images], (long long)graphs);
    const double mean = reel_meter_mean(&t.loss);
    ck_assert_msg(mean > 0 && mean < 1, "a loss of %g", mean);
    reel_cuda_count_calls(s.device.index, &before);
    ck_assert_int_eq(before.copies_to_host, after.copies_to_host + 1);
    ck_assert_int_gt(before.waits, after.waits);
    training_free(&t);
}
END_TEST

/* ---- the same bits ---- */

static reel_state *state_of(training *t) {
    reel_state *s = reel_state_new();
    reel_module_save(t->model, s, "model");
    reel_optim_save(t->adam, s, "optim");
    reel_schedule_save(t->schedule, s, "schedule");
    reel_loader_save(t->loader, s, "loader");
    expect_fine();
    return s;
}

/* Parameters, moments, rate, count of steps, and the loader's order. */
static void expect_same_run(training *a, training *b) {
    reel_state *x = state_of(a), *y = state_of(b);
    ck_assert_int_eq(reel_state_count(x), reel_state_count(y));
    for (int i = 0; i < reel_state_count(x); i++)
        ck_assert_msg(same_bits(reel_state_at(x, i), reel_state_at(y, i)), "%s differs",
                      reel_state_name(x, i));
    reel_state_free(x);
    reel_state_free(y);
}

static void save(training *t, const char *path) {
    reel_state *s = state_of(t);
    ck_assert_msg(reel_safetensors_write(s, path) == REEL_OK, "%s", reel_error());
    reel_state_free(s);
}

static void resume(training *t, const char *path) {
    reel_state *s = reel_safetensors_read(path);
    ck_assert_msg(s != NULL, "%s", reel_error());
    reel_module_load(t->model, s, "model");
    reel_optim_load(t->adam, s, "optim");
    reel_schedule_load(t->schedule, s, "schedule");
    reel_loader_load(t->loader, s, "loader");
    expect_fine();
    reel_state_free(s);
}

START_TEST(two_runs_have_the_same_bits) {
    const setting s = {_i & 1, 10, (source)(_i / 2), test_device()};
    training a = training_new(s), b = training_new(s);
    steps(&a, 100);
    steps(&b, 100);
    expect_same_run(&a, &b);
    training_free(&a);
    training_free(&b);
}
END_TEST

START_TEST(a_resumed_run_has_the_same_bits) {
    const setting s = {_i & 1, 10, (source)(_i / 2), test_device()};
    training whole = training_new(s), first = training_new(s), second = training_new(s);
    steps(&whole, 100);
    steps(&first, 50);
    save(&first, in_dir("half.safetensors"));
    steps(&second, 7); /* where it stood before makes no difference */
    resume(&second, in_dir("half.safetensors"));
    expect_same_run(&first, &second);
    steps(&second, 50);
    expect_same_run(&whole, &second);
    reel_state *early = reel_module_params(first.model), *late = reel_module_params(whole.model);
    ck_assert(!same_bits(reel_state_at(early, 0), reel_state_at(late, 0)));
    reel_state_free(early);
    reel_state_free(late);
    training_free(&whole);
    training_free(&first);
    training_free(&second);
}
END_TEST

/* ---- from one device to the other ---- */

/* 20 steps of each, from the same state: every loss is close. */
static void expect_close(training *a, training *b) {
    for (int i = 0; i < 20; i++) {
        double x = NAN, y = NAN;
        step(a, &x);
        step(b, &y);
        expect_fine();
        ck_assert_msg(fabs(x - y) <= 1e-4 * fabs(x), "step %d: losses %.9g and %.9g", i, x, y);
    }
}

START_TEST(a_checkpoint_goes_to_the_other_device_and_back) {
    const setting there = {_i & 1, 10, ON_HOST, test_device()},
                  here = {_i & 1, 10, ON_HOST, reel_cpu()};
    training cpu = training_new(here), gpu = training_new(there), back = training_new(here);
    steps(&cpu, 20);
    save(&cpu, in_dir("cpu.safetensors"));
    resume(&gpu, in_dir("cpu.safetensors"));
    expect_same_run(&cpu, &gpu);
    expect_close(&cpu, &gpu);
    save(&gpu, in_dir("gpu.safetensors"));
    resume(&back, in_dir("gpu.safetensors"));
    expect_same_run(&gpu, &back);
    expect_close(&gpu, &back);
    training_free(&cpu);
    training_free(&gpu);
    training_free(&back);
}
END_TEST

void add_training_cases(Suite *s) {
    TCase *c = add_case(s, "a step");
    tcase_add_loop_test(c, a_step_waits_for_nothing, 0, 4 * SOURCES);

    c = add_dir_case(s, "runs");
    tcase_add_loop_test(c, two_runs_have_the_same_bits, 0, 2 * SOURCES);
    tcase_add_loop_test(c, a_resumed_run_has_the_same_bits, 0, 2 * SOURCES);
    tcase_add_loop_test(c, a_checkpoint_goes_to_the_other_device_and_back, 0, 2);
}
