/* Reconstructions as pictures: one of each class, the best and the worst; and the curves. */
#include "app.h"

enum { COLUMNS = 10 };

/* The test images that index[n] (i64) names, over their reconstructions: f32 [2n,28,28] on the CPU.
 */
static reel_tensor *pairs(reel_module *model, const app_data *d, reel_device device,
                          reel_tensor *index) {
    int64_t n = reel_numel(index);
    reel_tensor *both = reel_empty(reel_shape(2 * n, PIXELS), REEL_F32, reel_cpu());
    reel_tensor *u8 = reel_index_select(d->test_images, 0, index);
    reel_tensor *x = reel_to(reel_dequantize(u8, PIXEL_SCALE, REEL_F32), device);
    reel_copy_(reel_slice(both, 0, 0, n, 1), x);
    reel_copy_(reel_slice(both, 0, n, 2 * n, 1), reel_forward(model, x));
    return reel_reshape(both, reel_shape(-1, 28, 28));
}

/* captions[2n], or NULL. */
static reel_status write_pairs(reel_tensor *images, const char *title, const char **captions,
                               const char *out, const char *name) {
    static const char *row_labels[] = {"original", "rebuilt"};
    char path[PATH_SIZE];
    return reel_grid_write(path_in(path, out, name), images,
                           (reel_grid_options){.columns = (int)reel_dim(images, 0) / 2,
                                               .title = title,
                                               .captions = captions,
                                               .row_labels = row_labels});
}

/* The first test image of each class that there is, in the order of the classes: i64 [n <= 10]. */
static reel_tensor *one_of_each(const app_data *d) {
    int64_t index[COLUMNS], n = 0;
    reel_tensor *labels = reel_contiguous(d->test_labels);
    const int64_t *label = reel_data(labels);
    for (int64_t class = 0; label && class < COLUMNS; class ++)
        for (int64_t i = 0; i < reel_numel(labels); i++)
            if (label[i] == class) {
                index[n++] = i;
                break;
            }
    return reel_from(index, reel_shape(n), REEL_I64);
}

static reel_status write_samples(reel_module *model, const app_data *d, reel_device device,
                                 const char *title, const char *out) {
    return write_pairs(pairs(model, d, device, one_of_each(d)), title, NULL, out, "samples.png");
}

/* The images with the least (or largest) errors[N], each one's error under it. */
static reel_status write_extremes(reel_module *model, const app_data *d, reel_device device,
                                  reel_tensor *errors, bool worst, const char *title,
                                  const char *out) {
    char text[COLUMNS][32];
    const char *captions[2 * COLUMNS] = {NULL};
    float mse[COLUMNS];
    int64_t n = reel_numel(errors) < COLUMNS ? reel_numel(errors) : COLUMNS;
    reel_tensor *index = NULL;
    reel_tensor *values = reel_topk(errors, n, 0, worst, &index);
    REEL_TRY(reel_read(values, mse, (size_t)n * sizeof *mse));
    for (int64_t i = 0; i < n; i++) {
        snprintf(text[i], sizeof text[i], "%.5f", (double)mse[i]);
        captions[n + i] = text[i];
    }
    return write_pairs(pairs(model, d, device, index), title, captions, out,
                       worst ? "worst.png" : "best.png");
}

reel_status pictures_write(reel_module *model, const app_data *d, reel_loader *test,
                           reel_device device, const char *name, const char *out) {
    char title[128];
    REEL_NO_GRAD;
    REEL_SCOPE;
    reel_tensor *errors = image_errors(model, test, reel_dim(d->test_images, 0));
    snprintf(title, sizeof title, "%s: one of each class", name);
    write_samples(model, d, device, title, out);
    snprintf(title, sizeof title, "%s: best, with their test MSE", name);
    write_extremes(model, d, device, errors, false, title, out);
    snprintf(title, sizeof title, "%s: worst, with their test MSE", name);
    write_extremes(model, d, device, errors, true, title, out);
    return reel_error_status();
}
