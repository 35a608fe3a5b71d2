/* A module of one's own, with one parameter W = {3, 3}, that counts how often it was freed. */
#ifndef REEL_TESTS_COUNTED_MODULE_H
#define REEL_TESTS_COUNTED_MODULE_H

#include "nn/nn.h"
#include "tests/test_device.h"

#include <check.h>
#include <stdlib.h>

typedef struct {
    reel_module base;
    reel_tensor *W;
    int *freed;
} counted;

static inline void free_counted(reel_module *m) {
    (*((counted *)m)->freed)++;
    free(m);
}

static inline reel_tensor *scale_by_w(reel_module *m, reel_tensor *x) {
    return reel_mul(x, ((counted *)m)->W);
}

static inline reel_module *counted_new(int *freed) {
    counted *m = calloc(1, sizeof *m);
    ck_assert_ptr_nonnull(m);
    reel_module_init(&m->base, "counted", scale_by_w);
    m->base.free = free_counted;
    m->freed = freed;
    {
        REEL_SCOPE;
        m->W = reel_module_param(&m->base, "W",
                                 reel_full(reel_shape(2), 3.0, REEL_F64, test_device()));
    }
    return &m->base;
}

#endif
