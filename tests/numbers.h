/* A dataset of one's own in ten lines: item i is x = {i, i * i} with label i; reading item `bad`
 * fails. */
#ifndef REEL_TESTS_NUMBERS_H
#define REEL_TESTS_NUMBERS_H

#include "data/data.h"

typedef struct {
    reel_dataset base;
    int64_t n, bad;
} numbers;

static inline int64_t numbers_length(reel_dataset *d) {
    return ((numbers *)d)->n;
}

static inline reel_status numbers_get(reel_dataset *d, int64_t i, reel_sample *out) {
    if (i == ((numbers *)d)->bad) return reel_fail(REEL_ERR_IO, NULL, "numbers: can't read");
    const float x[2] = {(float)i, (float)(i * i)};
    out->x = reel_from(x, reel_shape(2), REEL_F32);
    out->y = reel_from(&i, REEL_SCALAR, REEL_I64);
    return reel_error_status();
}

static const reel_dataset_class numbers_class = {.length = numbers_length, .get = numbers_get};

static inline numbers numbers_of(int64_t n) {
    return (numbers){{&numbers_class}, n, -1};
}

#endif
