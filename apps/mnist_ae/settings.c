/* The settings that decide a run's result: as text in its checkpoint, under the names of their
 * options. */
#include "app.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *name;
    char value[NUMBER_SIZE];
} setting;

const char *number_text(char buffer[NUMBER_SIZE], double v) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, NUMBER_SIZE, "%.*g", digits, v);
        if (strtod(buffer, NULL) == v) break;
    }
    return buffer;
}

static setting named(const char *name, const char *value) {
    setting s = {name, ""};
    snprintf(s.value, sizeof s.value, "%s", value);
    return s;
}

static setting counted(const char *name, int64_t value) {
    setting s = {name, ""};
    snprintf(s.value, sizeof s.value, "%" PRId64, value);
    return s;
}

static setting measured(const char *name, double value) {
    setting s = {name, ""};
    number_text(s.value, value);
    return s;
}

const char *device_name(char buffer[DEVICE_NAME], reel_device device) {
    if (device.type == REEL_CPU)
        snprintf(buffer, DEVICE_NAME, "cpu");
    else
        snprintf(buffer, DEVICE_NAME, "cuda:%d", device.index);
    return buffer;
}

/* The device is not among them: a run may go on on another one. */
enum { SETTINGS = 11 };

static void list_settings(const app_options *o, setting list[SETTINGS]) {
    list[0] = named("model", model_names[o->model]);
    list[1] = counted("latent", o->latent);
    list[2] = counted("seed", o->seed);
    list[3] = counted("epochs", o->epochs);
    list[4] = counted("batch", o->batch);
    list[5] = measured("lr", o->lr);
    list[6] = named("optimizer", optimizer_names[o->optimizer]);
    list[7] = named("schedule", schedule_names[o->schedule]);
    list[8] = named("init", init_names[o->init]);
    list[9] = counted("limit", o->limit);
    list[10] = counted("threads", reel_threads()); /* BLAS's bits depend on it */
}

reel_status settings_put(const app_options *o, reel_state *s) {
    setting list[SETTINGS];
    list_settings(o, list);
    REEL_TRY(reel_state_put_text(s, "program", "mnist_ae"));
    for (int i = 0; i < SETTINGS; i++)
        REEL_TRY(reel_state_put_text(s, list[i].name, list[i].value));
    return REEL_OK;
}

static reel_status foreign(const char *path) {
    return reel_fail(REEL_ERR_FORMAT, NULL, "checkpoint: not one of mnist_ae: %s", path);
}

static bool is_ours(const reel_state *s) {
    const char *program = reel_state_text(s, "program");
    return program && strcmp(program, "mnist_ae") == 0;
}

reel_status settings_agree(const app_options *o, const reel_state *s, const char *path) {
    setting list[SETTINGS];
    list_settings(o, list);
    if (!is_ours(s)) return foreign(path);
    for (int i = 0; i < SETTINGS; i++) {
        const char *saved = reel_state_text(s, list[i].name);
        if (!saved) return foreign(path);
        if (strcmp(saved, list[i].value) != 0)
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "resume: --%s is %s here, but %s in the checkpoint: %s", list[i].name,
                             list[i].value, saved, path);
    }
    return REEL_OK;
}

reel_status settings_threads(const app_options *o, const reel_state *s, const char *path) {
    int64_t threads;
    if (o->threads) return REEL_OK;
    if (!reel_state_int(s, "threads", &threads) || threads < 1 || threads > REEL_MAX_THREADS)
        return foreign(path);
    return reel_set_threads((int)threads);
}

reel_status settings_model(app_options *o, const reel_state *s, const char *path) {
    const char *model = reel_state_text(s, "model");
    if (!is_ours(s) || !model) return foreign(path);
    for (o->model = 0; o->model < MODEL_COUNT; o->model++)
        if (strcmp(model, model_names[o->model]) == 0) break;
    bool known = o->model < MODEL_COUNT && reel_state_int(s, "latent", &o->latent);
    return known && o->latent >= 1 && o->latent <= MAX_LATENT ? REEL_OK : foreign(path);
}
