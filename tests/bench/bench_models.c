/* Times a training step of the models in models/: batch to AdamW, on a batch that is there. Asked
 * by lines on its standard input, each answered by a line.
 *
 *     step MODEL BATCH SECONDS   -> MEDIAN P10 P90 COUNT   microseconds
 *     first MODEL BATCH          -> SECONDS                to make model and plan, and replay once
 *     dump MODEL BATCH PATH      -> done                   the plan of a step, as text or .dot
 *     profile MODEL BATCH PATH   -> done                   what a step's calls took, as a table
 *     memory MODEL BATCH         -> PEAK                   bytes of tensors in a step, of a new
 *                                                          process
 *
 * BATCH 0: the model's own. Options: --threads N, --device cpu|cuda, --precision f32|tf32|strict,
 * --eager yes (steps are run as they are, not captured), --without BITS (of reel_pass: passes to
 * leave out). */
#include "cuda/cuda.h"
#include "tensor/cpu/cpu_internal.h"
#include "tests/bench/models/zoo.h"
#include "tests/bench/timing.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const zoo_model *of;
    reel_module *model;
    reel_optim *adam;
    reel_tensor *x, *target;
} trainer;

static trainer trainer_new(const zoo_model *of, int64_t batch, reel_device device) {
    trainer t = {.of = of};
    reel_generator *g = reel_generator_new(1, reel_cpu()), *data = reel_generator_new(2, device);
    t.model = of->make((model_options){.dropout = of->dropout, .generator = g});
    reel_module_to(t.model, device);
    reel_state *params = reel_module_params(t.model);
    t.adam = reel_adamw_new(params, (reel_adam_options){.lr = 1e-3});
    {
        REEL_SCOPE;
        zoo_draw(of, batch ? batch : of->batch, REEL_F32, data, &t.x, &t.target);
        reel_retain(t.x);
        reel_retain(t.target);
    }
    reel_state_free(params);
    reel_generator_free(data);
    reel_generator_free(g);
    return t;
}

static void trainer_free(trainer *t) {
    reel_release(t->x);
    reel_release(t->target);
    reel_optim_free(t->adam);
    reel_module_free(t->model);
}

static bool step(void *context) {
    trainer *t = context;
    reel_backward(zoo_loss(t->of, reel_forward(t->model, t->x), t->target));
    reel_optim_step(t->adam);
    return true;
}

static void train(void *plan, int steps) {
    reel_replay(plan, steps);
}

static void train_once(void *plan) {
    reel_replay(plan, 1);
}

/* Steps between two waits: as many as take some 20 ms. */
static int block_of(reel_plan *plan, reel_device device) {
    if (device.type == REEL_CPU) return 1;
    const int calls = timing_block(train_once, plan, device); /* a millisecond's */
    return calls > 1 ? (calls * 20 < 50 ? calls * 20 : 50) : 5;
}

static void answer_step(const zoo_model *of, int64_t batch, double seconds, reel_device device,
                        reel_capture_options how) {
    trainer t = trainer_new(of, batch, device);
    reel_plan *plan = reel_capture(step, &t, how);
    reel_replay(plan, device.type == REEL_CPU ? 3 : 10);
    timing steps = timing_of_runs(train, plan, block_of(plan, device), device, seconds);
    reel_plan_free(plan);
    trainer_free(&t);
    timing_answer(steps);
}

static void answer_first(const zoo_model *of, int64_t batch, reel_device device,
                         reel_capture_options how) {
    const double begin = timing_now();
    trainer t = trainer_new(of, batch, device);
    reel_plan *plan = reel_capture(step, &t, how);
    reel_replay(plan, 1);
    reel_synchronize(device);
    const double seconds = (timing_now() - begin) * 1e-6;
    reel_plan_free(plan);
    trainer_free(&t);
    printf("%.3f\n", seconds);
}

static void answer_memory(const zoo_model *of, int64_t batch, reel_device device,
                          reel_capture_options how) {
    trainer t = trainer_new(of, batch, device);
    reel_plan *plan = reel_capture(step, &t, how);
    size_t peak = 0;
    if (device.type == REEL_CPU) reel__cpu_most_bytes(true);
    reel_replay(plan, 3);
    reel_cuda_memory memory = {0};
    if (device.type == REEL_CPU)
        peak = reel__cpu_most_bytes(false);
    else if (reel_cuda_memory_info(device.index, &memory) == REEL_OK)
        peak = memory.peak;
    reel_plan_free(plan);
    trainer_free(&t);
    printf("%zu\n", peak);
}

static void answer_dump(const zoo_model *of, int64_t batch, const char *path, reel_device device,
                        reel_capture_options how) {
    trainer t = trainer_new(of, batch, device);
    reel_plan *plan = reel_capture(step, &t, how);
    reel_replay(plan, 1);
    reel_plan_dump(plan, path);
    reel_plan_free(plan);
    trainer_free(&t);
    timing_done();
}

static void answer_profile(const zoo_model *of, int64_t batch, const char *path, reel_device device,
                           reel_capture_options how) {
    trainer t = trainer_new(of, batch, device);
    reel_plan *plan = reel_capture(step, &t, how);
    reel_replay(plan, 3);
    timing_profile(train, plan, 10, path, device);
    reel_plan_free(plan);
    trainer_free(&t);
}

static void answer(const char *line, reel_device device, reel_capture_options how) {
    char verb[16] = "", name[16] = "", last[200] = "";
    long long batch;
    const int words = sscanf(line, "%15s %15s %lld %199s", verb, name, &batch, last);
    const zoo_model *of = words >= 3 ? zoo_find(name) : NULL;
    if (of && words == 4 && strcmp(verb, "step") == 0)
        answer_step(of, batch, atof(last), device, how);
    else if (of && words == 3 && strcmp(verb, "first") == 0)
        answer_first(of, batch, device, how);
    else if (of && words == 4 && strcmp(verb, "dump") == 0)
        answer_dump(of, batch, last, device, how);
    else if (of && words == 4 && strcmp(verb, "profile") == 0)
        answer_profile(of, batch, last, device, how);
    else if (of && words == 3 && strcmp(verb, "memory") == 0)
        answer_memory(of, batch, device, how);
    else
        printf("error: not understood: %s", line);
    fflush(stdout);
}

int main(int argc, char **argv) {
    char line[256];
    int threads = 1;
    reel_capture_options how = {0};
    reel_device device = reel_cpu();
    reel_matmul_precision precision = REEL_MATMUL_F32;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--eager") == 0) how.eager = true;
        if (strcmp(argv[i], "--without") == 0) how.without = (unsigned)atoi(argv[i + 1]);
        if (strcmp(argv[i], "--threads") == 0) threads = atoi(argv[i + 1]);
        if (strcmp(argv[i], "--device") == 0) reel_device_parse(argv[i + 1], &device);
        if (strcmp(argv[i], "--precision") == 0) precision = timing_precision(argv[i + 1]);
    }
    if (reel_set_threads(threads) == REEL_OK && reel_device_check(device) == REEL_OK &&
        reel_set_matmul_precision(precision) == REEL_OK)
        while (fgets(line, sizeof line, stdin)) answer(line, device, how);
    return reel_report(stderr);
}
