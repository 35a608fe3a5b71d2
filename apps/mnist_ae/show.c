/* A checkpoint's settings, figures and pictures. */
#include "app.h"

#include <inttypes.h>
#include <stdlib.h>

/* The checkpoint's own words, but for the history. */
static void print_settings(const reel_state *s) {
    static const char *const keys[] = {"model",   "latent",    "seed",     "epochs",    "batch",
                                       "lr",      "optimizer", "schedule", "init",      "limit",
                                       "threads", "device",    "epoch",    "iteration", "data"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *value = reel_state_text(s, keys[i]);
        if (value) printf("%-10s %s\n", keys[i], value);
    }
}

static reel_status show(app_options *o, const reel_state *s, const app_data *d) {
    char title[64];
    reel_module *model = model_new(o->model, o->latent, INIT_SCALED, 0);
    reel_loader *test = data_test_loader(d, o);
    if (model && test) reel_module_load(model, s, "model");
    if (!reel_failed()) reel_module_to(model, o->device);
    if (!reel_failed()) {
        reel_module_summary(stdout, model);
        printf("test MSE   %.6f\n", test_mse(model, test));
        printf("measured on %s\n", d->mnist.description);
        snprintf(title, sizeof title, "%s, L = %" PRId64, model_names[o->model], o->latent);
        pictures_write(model, d, test, o->device, title, o->out);
    }
    reel_loader_free(test);
    reel_module_free(model);
    return reel_error_status();
}

int command_show(const app_options *options) {
    app_options o = *options;
    app_data data = {0};
    reel_state *s = reel_checkpoint_read(o.checkpoint);
    if (s && settings_model(&o, s, o.checkpoint) == REEL_OK && out_prepare(o.out) == REEL_OK &&
        data_open(&data, &o) == REEL_OK) {
        print_settings(s);
        show(&o, s, &data);
    }
    data_close(&data);
    reel_state_free(s);
    return reel_failed() ? EXIT_FAILED : EXIT_SUCCESS;
}
