/* mnist_cnn: a small convolutional network that reads MNIST's digits.
 *
 *     mnist_cnn --device cuda --out runs/cnn
 *
 * writes runs/cnn/checkpoint.safetensors and history.csv after each epoch, and at the end
 * wrong.png: test images that it gets wrong. */
#include "apps/examples/arguments.h"
#include "apps/examples/trainer.h"

typedef struct {
    int64_t epochs, batch, seed, limit;
    double lr;
    const char *data, *out;
    bool resume;
    reel_device device;
} settings;

/* ---- the model: x[B,28,28] in 0..1 -> y[B,10] ---- */

static reel_module *conv(int64_t in, int64_t out, reel_generator *g) {
    return reel_sequential(
        reel_conv2d_new(in, out, reel_shape(3),
                        (reel_conv_layer_options){.no_bias = true, .generator = g}),
        reel_batch_norm2d_new(out, (reel_batch_norm_options){0}), reel_relu_new());
}

static reel_module *model_new(uint64_t seed) {
    const reel_pool_options plain = {0};
    reel_generator *g = reel_generator_new(seed, reel_cpu());
    const reel_linear_options linear = {.generator = g};
    reel_module *m = reel_sequential(
        conv(1, 32, g), conv(32, 32, g),           /* 24 x 24 */
        reel_max_pool2d_new(reel_shape(2), plain), /* 12 x 12 */
        conv(32, 64, g), conv(64, 64, g),          /* 8 x 8 */
        reel_max_pool2d_new(reel_shape(2), plain), /* 4 x 4 */
        reel_flatten_new((reel_flatten_options){0}), reel_dropout_new(0.25, seed + 1),
        reel_linear_new(1024, 128, linear), reel_relu_new(), reel_dropout_new(0.5, seed + 2),
        reel_linear_new(128, 10, linear));
    reel_generator_free(g);
    return m;
}

static reel_tensor *classify(reel_module *model, reel_tensor *x) {
    x = reel_affine(x, 1 / 0.3081, -0.1307 / 0.3081); /* MNIST's mean and deviation */
    return reel_forward(model, reel_unsqueeze(x, 1));
}

/* ---- test: the share that is right, and pictures of others ---- */

enum { SHOWN = 40 };

typedef struct {
    int64_t right, of;
    int shown;
    reel_tensor *image[SHOWN];
    char text[SHOWN][32];
    const char *caption[SHOWN];
} tally;

static void judge(tally *t, const reel_batch *b, reel_tensor *found) { /* found[B] (i64) */
    reel_tensor *there = reel_to(found, reel_cpu()), *labels = reel_to(b->y, reel_cpu());
    const int64_t *guess = reel_data(there), *label = reel_data(labels);
    for (int64_t i = 0; guess && label && i < b->n; i++) {
        t->of++;
        t->right += guess[i] == label[i];
        if (guess[i] == label[i] || t->shown == SHOWN) continue;
        snprintf(t->text[t->shown], sizeof *t->text, "%d as %d", (int)label[i], (int)guess[i]);
        t->caption[t->shown] = t->text[t->shown];
        t->image[t->shown++] = reel_retain(reel_to(reel_select(b->x, 0, i), reel_cpu()));
    }
}

static double test(reel_module *model, reel_loader *images, const char *picture) { /* NULL: none */
    tally t = {0};
    reel_eval(model);
    REEL_NO_GRAD;
    for (reel_batch b; reel_loader_next(images, &b);) {
        REEL_SCOPE;
        judge(&t, &b, reel_argmax_over(classify(model, b.x), reel_axes(1), false));
    }
    reel_train(model);
    REEL_SCOPE;
    if (picture && t.shown)
        reel_grid_write(picture, reel_stack_list(t.image, t.shown, 0),
                        (reel_grid_options){
                            .columns = 10, .title = "What it gets wrong", .captions = t.caption});
    for (int i = 0; i < t.shown; i++) reel_release(t.image[i]);
    return t.of ? (double)t.right / (double)t.of : 0.0;
}

/* ---- training ---- */

static void train(trainer *t, reel_loader *images, const settings *o) {
    static const char *const columns[] = {"epoch", "loss", "accuracy"};
    trainer_start(t, o->resume, columns, 3);
    while (!reel_failed() && reel_loader_epoch(t->loader) < o->epochs) {
        reel_meter loss = {0};
        for (reel_batch b; reel_loader_next(t->loader, &b);) {
            REEL_SCOPE;
            reel_tensor *l = reel_cross_entropy_loss(classify(t->model, b.x), b.y);
            reel_backward(l);
            reel_optim_step(t->optim);
            reel_schedule_step(t->schedule);
            reel_meter_add(&loss, l);
        }
        const double row[] = {(double)reel_loader_epoch(t->loader), reel_meter_mean(&loss),
                              test(t->model, images, NULL)};
        reel_meter_reset(&loss);
        trainer_record(t, columns, row, 3);
    }
    const double share = test(t->model, images, trainer_path(t, "wrong.png"));
    if (!reel_failed()) printf("test accuracy %.2f %%: %s\n", 100 * share, t->out);
}

static reel_dataset *set_of(reel_tensor *images, reel_tensor *labels, const settings *o) {
    const int64_t all = reel_dim(images, 0), n = o->limit && o->limit < all ? o->limit : all;
    REEL_SCOPE;
    return reel_tensor_dataset_new(reel_to(reel_slice(images, 0, 0, n, 1), o->device),
                                   reel_to(reel_slice(labels, 0, 0, n, 1), o->device));
}

static void run(const settings *o) {
    reel_mnist mnist = {0};
    trainer t = {.out = o->out};
    if (reel_device_check(o->device) != REEL_OK || reel_mnist_load(&mnist, o->data) != REEL_OK)
        return;
    reel_dataset *train_set = set_of(mnist.train_images, mnist.train_labels, o),
                 *test_set = set_of(mnist.test_images, mnist.test_labels, o);
    const reel_loader_options all = {.batch_size = 500, .scale = 1 / 255.0, .device = o->device};
    reel_loader_options shuffled = all;
    shuffled.batch_size = o->batch;
    shuffled.shuffle = true;
    shuffled.seed = (uint64_t)o->seed;
    reel_loader *images = reel_loader_new(test_set, all);
    t.loader = reel_loader_new(train_set, shuffled);
    t.model = model_new((uint64_t)o->seed);
    reel_module_to(t.model, o->device);
    reel_state *params = reel_module_params(t.model);
    t.optim = reel_adamw_new(params, (reel_adam_options){.lr = o->lr});
    t.schedule = reel_one_cycle_schedule_new(
        t.optim, (reel_one_cycle_options){.steps = o->epochs * reel_loader_batches(t.loader)});
    train(&t, images, o);
    reel_state_free(params);
    reel_loader_free(images);
    trainer_free(&t);
    reel_dataset_free(train_set);
    reel_dataset_free(test_set);
    reel_mnist_free(&mnist);
}

int main(int argc, char **argv) {
    settings o = {.epochs = 10, .batch = 128, .seed = 1, .lr = 3e-3, .out = "runs/mnist_cnn"};
    const argument table[] = {
        {"epochs", NUMBER, &o.epochs, "passes over the training images", 1},
        {"batch", NUMBER, &o.batch, "images a step", 2},
        {"lr", REAL, &o.lr, "learning rate at its highest", 1e-300},
        {"seed", NUMBER, &o.seed, "of weights, dropout and the images' order", 0},
        {"limit", NUMBER, &o.limit, "the first N training and test images; 0: all", 0},
        {"data", TEXT, &o.data, "MNIST's files ($REEL_DATA, the cache, a download, or drawn)", 0},
        {"device", DEVICE, &o.device, "where to compute", 0},
        {"out", TEXT, &o.out, "directory of the checkpoint, history.csv and wrong.png", 0},
        {"resume", FLAG, &o.resume, "go on from the checkpoint there, if there is one", 0},
        {NULL, 0, NULL, NULL, 0}};
    const int status = arguments_read(table, argc, argv);
    if (status >= 0) return status;
    run(&o);
    return reel_report(stderr);
}
