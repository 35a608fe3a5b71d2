#include "tests/bench/models/zoo.h"

#include <string.h>

static const zoo_model models[] = {
    {"cnn", 64, 0.5, cnn_new, {.ndim = 3, .dim = {1, 28, 28}}, 10, false},
    {"resnet", 128, 0.0, resnet_new, {.ndim = 3, .dim = {3, 32, 32}}, 10, false},
    {"convnext", 32, 0.0, convnext_new, {.ndim = 3, .dim = {96, 32, 32}}, 0, false},
    {"lstm", 20, 0.5, lstm_new, {.ndim = 1, .dim = {35}}, 10000, true},
    {"gpt", 64, 0.2, gpt_new, {.ndim = 1, .dim = {256}}, 65, true},
    {"vit", 128, 0.0, vit_new, {.ndim = 3, .dim = {3, 32, 32}}, 10, false},
};

const zoo_model *zoo_at(int i) {
    return i < (int)(sizeof models / sizeof models[0]) ? &models[i] : NULL;
}

const zoo_model *zoo_find(const char *name) {
    for (int i = 0; zoo_at(i); i++)
        if (strcmp(name, models[i].name) == 0) return &models[i];
    return NULL;
}

static reel_shape batch_of(int64_t batch, reel_shape one) {
    reel_shape s = {.ndim = one.ndim + 1, .dim = {batch}};
    for (int i = 0; i < one.ndim; i++) s.dim[i + 1] = one.dim[i];
    return s;
}

void zoo_draw(const zoo_model *m, int64_t batch, reel_dtype dtype, reel_generator *g,
              reel_tensor **x, reel_tensor **target) {
    const reel_shape s = batch_of(batch, m->x);
    *x = m->text ? reel_randint(0, m->classes, s, REEL_I64, g) : reel_randn(s, dtype, g);
    if (m->classes)
        *target = reel_randint(0, m->classes, m->text ? s : reel_shape(batch), REEL_I64, g);
    else
        *target = reel_randn(s, dtype, g);
}

reel_tensor *zoo_loss(const zoo_model *m, reel_tensor *y, reel_tensor *target) {
    if (!m->classes) return reel_mse_loss(y, target);
    if (m->text) y = reel_reshape(y, reel_shape(-1, m->classes));
    return reel_cross_entropy_loss(y, reel_reshape(target, reel_shape(-1)));
}
