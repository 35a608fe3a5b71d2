/* mnist_cnn: a small convolutional network that reads MNIST's digits.
 *
 *     mnist_cnn --device cuda --out runs/cnn
 *
 * writes runs/cnn/checkpoint.safetensors after each epoch, history.csv, and wrong.png: the test
 * images that it gets wrong. */
#include "apps/examples/arguments.h"

typedef struct {
    int64_t epochs, batch, seed, limit;
    double lr;
    const char *data, *out;
    bool resume;
    reel_device device;
} settings;

typedef struct {
    const settings *o;
    reel_mnist mnist;
    reel_dataset *set[2]; /* training and test */
    reel_loader *train, *test;
    reel_module *model;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_history *history;
} run;

/* ---- the model: x[B,1,28,28] -> y[B,10] ---- */

static reel_module *conv(int64_t in, int64_t out, reel_generator *g) {
    return reel_sequential(
        reel_conv2d_new(in, out, reel_shape(3),
                        (reel_conv_layer_options){.no_bias = true, .generator = g}),
        reel_batch_norm2d_new(out, (reel_batch_norm_options){0}), reel_relu_new());
}

static reel_module *model_new(uint64_t seed) {
    const reel_pool_options none = {0};
    reel_generator *g = reel_generator_new(seed, reel_cpu());
    const reel_linear_options linear = {.generator = g};
    reel_module *m =
        reel_sequential(conv(1, 32, g), conv(32, 32, g),          /* 24 x 24 */
                        reel_max_pool2d_new(reel_shape(2), none), /* 12 x 12 */
                        conv(32, 64, g), conv(64, 64, g),         /* 8 x 8 */
                        reel_max_pool2d_new(reel_shape(2), none), /* 4 x 4 */
                        reel_flatten_new(1, -1), reel_dropout_new(0.25, seed + 1),
                        reel_linear_new(1024, 128, linear), reel_relu_new(),
                        reel_dropout_new(0.5, seed + 2), reel_linear_new(128, 10, linear));
    reel_generator_free(g);
    return m;
}

static reel_tensor *classify(reel_module *model, reel_tensor *x) { /* x[B,28,28] in 0..1 */
    x = reel_affine(x, 1 / 0.3081, -0.1307 / 0.3081);              /* MNIST's mean and deviation */
    return reel_forward(model, reel_unsqueeze(x, 1));
}

/* ---- test: the share that is right, and pictures of the others ---- */

enum { SHOWN = 40 };

typedef struct {
    int64_t right, of, shown;
    reel_tensor *image[SHOWN];
    char caption[SHOWN][32];
} tally;

static void judge(tally *t, const reel_batch *b, reel_tensor *found) { /* found[B] (i64) */
    reel_tensor *there = reel_to(found, reel_cpu()), *labels = reel_to(b->y, reel_cpu());
    const int64_t *guess = reel_data(there), *label = reel_data(labels);
    for (int64_t i = 0; guess && label && i < b->n; i++) {
        t->of++;
        t->right += guess[i] == label[i];
        if (guess[i] == label[i] || t->shown == SHOWN) continue;
        snprintf(t->caption[t->shown], sizeof *t->caption, "%d as %d", (int)label[i],
                 (int)guess[i]);
        t->image[t->shown++] = reel_retain(reel_to(reel_select(b->x, 0, i), reel_cpu()));
    }
}

static double test(run *r, const char *picture) { /* NULL: none */
    tally t = {0};
    const char *captions[SHOWN];
    reel_eval(r->model);
    REEL_NO_GRAD;
    for (reel_batch b; reel_loader_next(r->test, &b);) {
        REEL_SCOPE;
        judge(&t, &b, reel_argmax_over(classify(r->model, b.x), reel_axes(1), false));
    }
    reel_train(r->model);
    REEL_SCOPE;
    for (int i = 0; i < SHOWN; i++) captions[i] = t.caption[i];
    if (picture && t.shown)
        reel_grid_write(picture, reel_stack_list(t.image, (int)t.shown, 0),
                        (reel_grid_options){
                            .columns = 10, .title = "What it gets wrong", .captions = captions});
    for (int64_t i = 0; i < t.shown; i++) reel_release(t.image[i]);
    return t.of ? (double)t.right / (double)t.of : 0.0;
}

/* ---- training ---- */

static const char *path_in(const settings *o, const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", o->out, name);
    return path;
}

static reel_status save_or_load(run *r, reel_state *s, bool load) {
    if (load) {
        reel_module_load(r->model, s, "model");
        reel_optim_load(r->optim, s, "optim");
        reel_schedule_load(r->schedule, s, "schedule");
        return reel_loader_load(r->train, s, "loader");
    }
    reel_module_save(r->model, s, "model");
    reel_optim_save(r->optim, s, "optim");
    reel_schedule_save(r->schedule, s, "schedule");
    reel_loader_save(r->train, s, "loader");
    return reel_checkpoint_write(s, path_in(r->o, "checkpoint.safetensors"), 1);
}

static void train(run *r) {
    const char *columns[] = {"epoch", "loss", "accuracy"};
    reel_state *s = NULL;
    if (r->o->resume && reel_file_exists(path_in(r->o, "checkpoint.safetensors"))) {
        s = reel_checkpoint_read(path_in(r->o, "checkpoint.safetensors"));
        save_or_load(r, s, true);
        r->history = reel_history_read(path_in(r->o, "history.csv"));
        reel_state_free(s);
    } else {
        r->history = reel_history_new(columns, 3);
    }
    while (!reel_failed() && reel_loader_epoch(r->train) < r->o->epochs) {
        reel_meter loss = {0};
        for (reel_batch b; reel_loader_next(r->train, &b);) {
            REEL_SCOPE;
            reel_tensor *l = reel_cross_entropy_loss(classify(r->model, b.x), b.y);
            reel_backward(l);
            reel_optim_step(r->optim);
            reel_schedule_step(r->schedule);
            reel_meter_add(&loss, l);
        }
        const double row[] = {(double)reel_loader_epoch(r->train), reel_meter_mean(&loss),
                              test(r, NULL)};
        reel_meter_reset(&loss);
        if (reel_failed()) break;
        printf("epoch %2.0f  loss %.4f  test accuracy %.2f %%\n", row[0], row[1], 100 * row[2]);
        fflush(stdout);
        reel_history_add(r->history, row);
        reel_history_write(r->history, path_in(r->o, "history.csv"));
        s = reel_state_new();
        save_or_load(r, s, false);
        reel_state_free(s);
    }
    const double share = test(r, path_in(r->o, "wrong.png"));
    if (!reel_failed()) printf("test accuracy %.2f %%: %s\n", 100 * share, path_in(r->o, ""));
}

static reel_dataset *set_of(reel_tensor *images, reel_tensor *labels, int64_t limit,
                            reel_device device) {
    const int64_t n = limit && limit < reel_dim(images, 0) ? limit : reel_dim(images, 0);
    REEL_SCOPE;
    return reel_tensor_dataset_new(reel_to(reel_slice(images, 0, 0, n, 1), device),
                                   reel_to(reel_slice(labels, 0, 0, n, 1), device));
}

static void run_all(const settings *o) {
    run r = {.o = o};
    if (reel_device_check(o->device) != REEL_OK || reel_mnist_load(&r.mnist, o->data) != REEL_OK)
        return;
    reel_make_dirs(o->out);
    const reel_loader_options batches = {.batch_size = o->batch,
                                         .shuffle = true,
                                         .seed = (uint64_t)o->seed,
                                         .scale = 1 / 255.0,
                                         .device = o->device};
    r.set[0] = set_of(r.mnist.train_images, r.mnist.train_labels, o->limit, o->device);
    r.set[1] = set_of(r.mnist.test_images, r.mnist.test_labels, o->limit, o->device);
    r.train = reel_loader_new(r.set[0], batches);
    r.test = reel_loader_new(
        r.set[1],
        (reel_loader_options){.batch_size = 500, .scale = 1 / 255.0, .device = o->device});
    r.model = model_new((uint64_t)o->seed);
    reel_module_to(r.model, o->device);
    reel_state *params = reel_module_params(r.model);
    r.optim = reel_adamw_new(params, (reel_adam_options){.lr = o->lr});
    r.schedule = reel_one_cycle_schedule_new(
        r.optim, (reel_one_cycle_options){.steps = o->epochs * reel_loader_batches(r.train)});
    train(&r);
    reel_history_free(r.history);
    reel_schedule_free(r.schedule);
    reel_optim_free(r.optim);
    reel_state_free(params);
    reel_module_free(r.model);
    reel_loader_free(r.train);
    reel_loader_free(r.test);
    reel_dataset_free(r.set[0]);
    reel_dataset_free(r.set[1]);
    reel_mnist_free(&r.mnist);
}

int main(int argc, char **argv) {
    settings o = {.epochs = 10, .batch = 128, .seed = 1, .lr = 3e-3, .out = "runs/mnist_cnn"};
    const argument table[] = {
        {"epochs", NUMBER, &o.epochs, "passes over the training images", 1},
        {"batch", NUMBER, &o.batch, "images a step", 2},
        {"lr", REAL, &o.lr, "learning rate at its highest", 0},
        {"seed", NUMBER, &o.seed, "of weights, dropout and the images' order", 0},
        {"limit", NUMBER, &o.limit, "the first N training and test images; 0: all", 0},
        {"data", TEXT, &o.data, "MNIST's files ($REEL_DATA, the cache, a download, or drawn)", 0},
        {"device", DEVICE, &o.device, "where to compute", 0},
        {"out", TEXT, &o.out, "directory of the checkpoint, history.csv and wrong.png", 0},
        {"resume", FLAG, &o.resume, "go on from the checkpoint there, if there is one", 0},
        {NULL, 0, NULL, NULL, 0}};
    const int status = arguments_read(table, argc, argv);
    if (status >= 0) return status;
    run_all(&o);
    return reel_report(stderr);
}
