/* Times a training step, the loader, and the floor under a step: started once, then asked by lines
 * on its standard input, each answered by a line.
 *
 *     step MODEL L SECONDS    -> MEDIAN P10 P90 COUNT    microseconds: batch to Adam
 *     first MODEL L           -> SECONDS                 to make model and plan, and replay once
 *     dump MODEL L PATH       -> done                    the plan of a step, as text or .dot
 *     profile MODEL L PATH    -> done                    what a step's calls took, as a table
 *     floor MODEL L SECONDS   -> GEMM ELEMENTWISE        microseconds of its least parts (floor.h)
 *     loader BATCH SECONDS    -> SAMPLES SAMPLES         a second, without workers and with two
 *     memory MODEL L          -> KEPT PEAK RESIDENT      bytes, of a new process: what model and
 *                                                        optimizer keep between steps, the most
 *                                                        that tensors have in a step, and by how
 *                                                        much the process grew
 *
 * Options: --batch N, --threads N, --data DIR (else synthetic digits), --no-gather (the batch is
 * made beforehand), --device cpu|cuda (where the images lie and the step runs; on cuda steps are
 * timed fifty at a time, with one wait at their end; floor, loader and memory are the CPU's),
 * --precision f32|tf32|strict (of products on cuda), --eager yes (steps are run as they are,
 * not captured), --without BITS, --with BITS (of reel_pass: passes to leave out, and
 * those that are no defaults). */
#include "reel.h"
#include "tensor/cpu/cpu_internal.h"
#include "tests/bench/floor.h"
#include "tests/bench/resident.h"
#include "tests/bench/timing.h"

#include <stdlib.h>
#include <string.h>

enum { PIXELS = 784, CUDA_BLOCK = 50 };

typedef struct {
    int batch, threads;
    bool gather, eager;
    unsigned without, with; /* passes of a captured step */
    const char *data;
    reel_device device;
    reel_matmul_precision precision;
    reel_tensor *images, *labels; /* u8 [N,784], i64 [N] */
} bench;

/* ---- one step ---- */

typedef struct {
    reel_module *model;
    reel_state *params;
    reel_optim *adam;
    reel_dataset *set;
    reel_loader *loader;
    reel_tensor *fixed; /* the one batch, without gather */
} trainer;

typedef struct {
    reel_module base;
    reel_tensor *W, *b1, *b2;
} tied_ae;

static reel_tensor *tied_forward(reel_module *base, reel_tensor *x) {
    tied_ae *m = (tied_ae *)base;
    reel_tensor *h = reel_relu(reel_add(reel_matmul(x, m->W), m->b1));
    return reel_sigmoid(reel_add(reel_matmul(h, reel_t(m->W)), m->b2));
}

static void tied_free(reel_module *base) {
    free(base);
}

static reel_module *tied_new(int64_t latent, reel_generator *g) {
    tied_ae *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    reel_module_init(&m->base, "tied", tied_forward);
    m->base.free = tied_free;
    {
        REEL_SCOPE;
        m->W = reel_module_param(
            &m->base, "W",
            reel_affine(reel_randn(reel_shape(PIXELS, latent), REEL_F32, g), 1 / 28.0, 0));
        m->b1 = reel_module_param(&m->base, "b1", reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
        m->b2 = reel_module_param(&m->base, "b2", reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
    }
    return &m->base;
}

static reel_module *classic_new(int64_t latent, reel_generator *g) {
    const reel_linear_options o = {.generator = g};
    return reel_sequential(reel_linear_new(PIXELS, latent, o), reel_relu_new(),
                           reel_linear_new(latent, PIXELS, o), reel_sigmoid_new());
}

static trainer trainer_new(const bench *b, const char *model, int64_t latent) {
    trainer t = {0};
    reel_generator *g = reel_generator_new(1, reel_cpu());
    t.model = strcmp(model, "tied") == 0 ? tied_new(latent, g) : classic_new(latent, g);
    reel_generator_free(g);
    reel_module_to(t.model, b->device);
    t.params = reel_module_params(t.model);
    t.adam = reel_adam_new(t.params, (reel_adam_options){.lr = 1e-3});
    t.set = reel_tensor_dataset_new(b->images, NULL); /* the peers pick no labels either */
    t.loader = reel_loader_new(t.set, (reel_loader_options){.batch_size = b->batch,
                                                            .shuffle = true,
                                                            .drop_last = true,
                                                            .scale = 1 / 255.0,
                                                            .device = b->device});
    reel_batch first;
    if (!b->gather && reel_loader_next(t.loader, &first)) t.fixed = reel_retain(first.x);
    return t;
}

static void trainer_free(trainer *t) {
    reel_release(t->fixed);
    reel_loader_free(t->loader);
    reel_dataset_free(t->set);
    reel_optim_free(t->adam);
    reel_state_free(t->params);
    reel_module_free(t->model);
}

static bool step(void *context) {
    trainer *t = context;
    reel_batch b = {.x = t->fixed};
    if (!t->fixed && !reel_loader_next(t->loader, &b)) return false;
    reel_tensor *loss = reel_mse_loss(reel_forward(t->model, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(t->adam);
    return true;
}

/* An epoch's end is no step. */
static void train(void *plan, int steps) {
    for (int64_t left = steps; left > 0 && !reel_failed();) left -= reel_replay(plan, left);
}

static reel_plan *plan_new(const bench *b, trainer *t) {
    return reel_capture(
        step, t, (reel_capture_options){.eager = b->eager, .without = b->without, .with = b->with});
}

static void answer_step(const bench *b, const char *model, int64_t latent, double seconds) {
    trainer t = trainer_new(b, model, latent);
    reel_plan *plan = plan_new(b, &t);
    train(plan, 20);
    int block = b->device.type == REEL_CPU ? 1 : CUDA_BLOCK;
    timing steps = timing_of_runs(train, plan, block, b->device, seconds);
    reel_plan_free(plan);
    trainer_free(&t);
    timing_answer(steps);
}

static void answer_first(const bench *b, const char *model, int64_t latent) {
    const double begin = timing_now();
    trainer t = trainer_new(b, model, latent);
    reel_plan *plan = plan_new(b, &t);
    train(plan, 1);
    reel_synchronize(b->device);
    const double seconds = (timing_now() - begin) * 1e-6;
    reel_plan_free(plan);
    trainer_free(&t);
    printf("%.3f\n", seconds);
}

static void answer_dump(const bench *b, const char *model, int64_t latent, const char *path) {
    trainer t = trainer_new(b, model, latent);
    reel_plan *plan =
        reel_capture(step, &t, (reel_capture_options){.without = b->without, .with = b->with});
    train(plan, 1);
    reel_plan_dump(plan, path);
    reel_plan_free(plan);
    trainer_free(&t);
    timing_done();
}

static void answer_profile(const bench *b, const char *model, int64_t latent, const char *path) {
    trainer t = trainer_new(b, model, latent);
    reel_plan *plan = plan_new(b, &t);
    train(plan, 20);
    timing_profile(train, plan, 100, path, b->device);
    reel_plan_free(plan);
    trainer_free(&t);
}

/* ---- the floor ---- */

static void products(void *f) {
    floor_products(f);
}

static void elementwise(void *f) {
    floor_elementwise(f);
}

static double median_of(void (*part)(void *), floor_step *f, double seconds) {
    for (int i = 0; i < 20; i++) part(f);
    return timing_of(part, f, 1, reel_cpu(), seconds).median;
}

static void answer_floor(const bench *b, const char *model, int64_t latent, double seconds) {
    floor_step *f = floor_new(reel_data(b->images), reel_dim(b->images, 0), b->batch, (int)latent,
                              b->threads, strcmp(model, "classic") == 0, b->gather);
    double gemm = median_of(products, f, seconds / 2),
           passes = median_of(elementwise, f, seconds / 2);
    floor_free(f);
    printf("%.2f %.2f\n", gemm, passes);
}

/* ---- the loader ---- */

static double samples_per_second(const bench *b, int64_t batch, int workers, double seconds) {
    reel_dataset *set = reel_tensor_dataset_new(b->images, b->labels);
    reel_loader *l = reel_loader_new(
        set, (reel_loader_options){
                 .batch_size = batch, .shuffle = true, .workers = workers, .scale = 1 / 255.0});
    reel_batch one;
    reel_loader_next(l, &one); /* starts the workers */
    double start = timing_now(), samples = 0;
    while (timing_now() < start + seconds * 1e6 && !reel_failed())
        while (timing_now() < start + seconds * 1e6 && reel_loader_next(l, &one))
            samples += (double)one.n;
    double rate = samples / (timing_now() - start) * 1e6;
    reel_loader_free(l);
    reel_dataset_free(set);
    return rate;
}

/* ---- memory ---- */

/* A step of next to nothing: what a process does once is no model's. */
static void touch_code(void) {
    REEL_SCOPE;
    reel_module *m = classic_new(1, NULL);
    reel_state *params = reel_module_params(m);
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){.lr = 1e-3});
    reel_tensor *x = reel_zeros(reel_shape(1, PIXELS), REEL_F32, reel_cpu());
    reel_backward(reel_mse_loss(reel_forward(m, x), x));
    reel_optim_step(adam);
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
}

static void answer_memory(const bench *b, const char *model, int64_t latent) {
    touch_code();
    const size_t before = reel__cpu_bytes();
    const long long resident = resident_restart();
    trainer t = trainer_new(b, model, latent);
    reel_plan *plan = plan_new(b, &t);
    train(plan, 50);
    const long long grown = resident_peak() - resident;
    const size_t kept = reel__cpu_bytes() - before;
    reel__cpu_most_bytes(true);
    train(plan, 1);
    const size_t peak = reel__cpu_most_bytes(false) - before;
    reel_plan_free(plan);
    trainer_free(&t);
    printf("%zu %zu %lld\n", kept, peak, grown);
}

/* ---- questions and answers ---- */

static void answer(const bench *b, const char *line) {
    char model[16], path[200];
    long long n;
    double seconds;
    if (sscanf(line, "step %15s %lld %lf", model, &n, &seconds) == 3)
        answer_step(b, model, n, seconds);
    else if (sscanf(line, "first %15s %lld", model, &n) == 2)
        answer_first(b, model, n);
    else if (sscanf(line, "dump %15s %lld %199s", model, &n, path) == 3)
        answer_dump(b, model, n, path);
    else if (sscanf(line, "profile %15s %lld %199s", model, &n, path) == 3)
        answer_profile(b, model, n, path);
    else if (b->device.type != REEL_CPU)
        printf("error: not on this device: %s", line);
    else if (sscanf(line, "floor %15s %lld %lf", model, &n, &seconds) == 3)
        answer_floor(b, model, n, seconds);
    else if (sscanf(line, "memory %15s %lld", model, &n) == 2)
        answer_memory(b, model, n);
    else if (sscanf(line, "loader %lld %lf", &n, &seconds) == 2)
        printf("%.0f %.0f\n", samples_per_second(b, n, 0, seconds),
               samples_per_second(b, n, 2, seconds));
    else
        printf("error: not understood: %s", line);
    fflush(stdout);
}

static bool read_options(bench *b, int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--no-gather") == 0)
            b->gather = false;
        else if (strcmp(argv[i], "--gather") == 0)
            b->gather = true;
        else if (strcmp(argv[i], "--without") == 0 && more)
            b->without = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--with") == 0 && more)
            b->with = (unsigned)atoi(argv[++i]);
        else if (strcmp(argv[i], "--eager") == 0 && more)
            b->eager = strcmp(argv[++i], "yes") == 0;
        else if (strcmp(argv[i], "--batch") == 0 && more)
            b->batch = atoi(argv[++i]);
        else if (strcmp(argv[i], "--threads") == 0 && more)
            b->threads = atoi(argv[++i]);
        else if (strcmp(argv[i], "--data") == 0 && more)
            b->data = argv[++i];
        else if (strcmp(argv[i], "--device") == 0 && more) {
            if (reel_device_parse(argv[++i], &b->device) != REEL_OK) return false;
        } else if (strcmp(argv[i], "--precision") == 0 && more)
            b->precision = timing_precision(argv[++i]);
        else
            return false;
    }
    return b->batch > 0;
}

int main(int argc, char **argv) {
    bench b = {.batch = 40, .threads = 1, .gather = true, .data = "synthetic"};
    reel_mnist m = {0};
    char line[256];
    if (!read_options(&b, argc, argv)) {
        fprintf(stderr, "usage: bench_step [--batch N] [--threads N] [--data DIR] [--no-gather] "
                        "[--eager yes] [--device cpu|cuda] [--precision f32|tf32|strict]\n");
        return 2;
    }
    if (reel_set_threads(b.threads) != REEL_OK || reel_device_check(b.device) != REEL_OK ||
        reel_set_matmul_precision(b.precision) != REEL_OK || reel_mnist_load(&m, b.data) != REEL_OK)
        return reel_report(stderr);
    {
        REEL_SCOPE;
        b.images = reel_to(reel_reshape(m.train_images, reel_shape(-1, PIXELS)), b.device);
        b.labels = m.train_labels;
        while (fgets(line, sizeof line, stdin)) answer(&b, line);
    }
    reel_mnist_free(&m);
    return reel_report(stderr);
}
