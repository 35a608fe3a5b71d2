/* The data, and errors on the test images. */
#include "app.h"

#include <inttypes.h>
#include <string.h>

/* The first `limit` images (0: all) as rows: u8 [N,28,28] -> [N,784]. */
static reel_tensor *rows(reel_tensor *images, int64_t limit) {
    if (limit > 0) images = reel_slice(images, 0, 0, limit, 1);
    return reel_reshape(images, reel_shape(-1, PIXELS));
}

/* u8 pixels are few enough to lie where the model is, so that a batch on a GPU is gathered there.
 * Workers make batches on the CPU: for them, the images stay. */
static reel_dataset *dataset(reel_tensor *images, const app_options *o) {
    if (o->workers == 0) images = reel_to(images, o->device);
    return reel_tensor_dataset_new(images, NULL);
}

/* Takes the bytes of t and its first dimension into h: eight at a time, for sets are large. Each
 * step is one to one in both h and word, so that one changed word always shows; no proof against
 * those who mean to deceive. */
static uint64_t fingerprint(uint64_t h, reel_tensor *t) {
    t = reel_contiguous(t);
    size_t size = (size_t)reel_numel(t) * reel_dtype_size(reel_dtype_of(t));
    const unsigned char *bytes = reel_data(t);
    uint64_t word = (uint64_t)reel_dim(t, 0);
    for (size_t i = 0;; i += sizeof word) {
        h = (h ^ word) * 0x9e3779b97f4a7c15u; /* 2^64 over the golden ratio, odd */
        h ^= h >> 32;
        if (!bytes || i >= size) return h;
        word = 0;
        memcpy(&word, bytes + i, size - i < sizeof word ? size - i : sizeof word);
    }
}

/* All that a run's results come from. */
static void take_fingerprint(app_data *d, reel_tensor *train_images) {
    uint64_t h = fingerprint(0, train_images);
    h = fingerprint(h, d->test_images);
    h = fingerprint(h, d->test_labels);
    snprintf(d->fingerprint, sizeof d->fingerprint, "%016" PRIx64, h);
}

reel_status data_open(app_data *d, const app_options *o) {
    say_busy("reading the images");
    reel_status status = reel_mnist_load(&d->mnist, o->data);
    say_busy("");
    if (status != REEL_OK) return status;
    REEL_SCOPE;
    reel_tensor *train_images = rows(d->mnist.train_images, o->limit);
    d->train = dataset(train_images, o);
    d->test_images = reel_retain(rows(d->mnist.test_images, o->limit));
    d->test_labels = reel_retain(o->limit ? reel_slice(d->mnist.test_labels, 0, 0, o->limit, 1)
                                          : d->mnist.test_labels);
    d->test = dataset(d->test_images, o);
    take_fingerprint(d, train_images);
    return reel_error_status();
}

void data_close(app_data *d) {
    reel_dataset_free(d->train);
    reel_dataset_free(d->test);
    reel_release(d->test_images);
    reel_release(d->test_labels);
    reel_mnist_free(&d->mnist);
}

bool data_is_synthetic(const app_data *d) {
    return d->mnist.source == REEL_MNIST_SYNTHETIC;
}

reel_loader *data_train_loader(const app_data *d, const app_options *o) {
    return reel_loader_new(d->train, (reel_loader_options){.batch_size = o->batch,
                                                           .shuffle = true,
                                                           .seed = (uint64_t)o->seed,
                                                           .workers = o->workers,
                                                           .scale = PIXEL_SCALE,
                                                           .device = o->device});
}

reel_loader *data_test_loader(const app_data *d, const app_options *o) {
    return reel_loader_new(
        d->test,
        (reel_loader_options){.batch_size = 1000, .scale = PIXEL_SCALE, .device = o->device});
}

double test_mse(reel_module *model, reel_loader *test) {
    reel_meter mse = {0};
    {
        REEL_NO_GRAD;
        for (reel_batch b; reel_loader_next(test, &b);) {
            REEL_SCOPE;
            reel_tensor *loss = reel_mse_loss(reel_forward(model, b.x), b.x);
            reel_meter_add_weighted(&mse, loss, (double)b.n);
        }
    }
    double mean = reel_meter_mean(&mse);
    reel_meter_reset(&mse);
    return mean;
}

reel_tensor *image_errors(reel_module *model, reel_loader *test, int64_t images) {
    reel_tensor *errors = reel_empty(reel_shape(images), REEL_F32, reel_cpu());
    int64_t done = 0;
    REEL_NO_GRAD;
    for (reel_batch b; reel_loader_next(test, &b); done += b.n) {
        REEL_SCOPE;
        reel_tensor *squares = reel_mse_loss_with(reel_forward(model, b.x), b.x, REEL_NONE);
        reel_tensor *each = reel_mean_over(squares, reel_axes(1), false); /* [B,784] -> [B] */
        reel_copy_(reel_slice(errors, 0, done, done + b.n, 1), each);
    }
    return errors;
}
