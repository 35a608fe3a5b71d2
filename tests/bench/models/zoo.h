/* The models of models.h with what they are trained on: numbers that mean nothing, of the right
 * kinds and sizes. */
#ifndef REEL_TESTS_BENCH_MODELS_ZOO_H
#define REEL_TESTS_BENCH_MODELS_ZOO_H

#include "tests/bench/models/models.h"

typedef struct {
    const char *name;
    int64_t batch; /* of a timed step; of one that is compared it is small */
    double dropout;
    reel_module *(*make)(model_options o);
    reel_shape x;    /* without the batch; of text [T], indices below `classes` */
    int64_t classes; /* 0: the target is like y */
    bool text;       /* a class for each place */
} zoo_model;

/* NULL if there is none of that name. */
const zoo_model *zoo_find(const char *name);
/* By number; NULL past the last. */
const zoo_model *zoo_at(int i);

/* A batch, borrowed, on g's device. */
void zoo_draw(const zoo_model *m, int64_t batch, reel_dtype dtype, reel_generator *g,
              reel_tensor **x, reel_tensor **target);
/* 0-d: cross-entropy, or where the target is no class the mean square. */
reel_tensor *zoo_loss(const zoo_model *m, reel_tensor *y, reel_tensor *target);

#endif
