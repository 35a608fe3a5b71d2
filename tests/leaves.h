/* Small tracked tensors of f64 and their gradients. */
#ifndef REEL_TESTS_LEAVES_H
#define REEL_TESTS_LEAVES_H

#include "autograd/autograd.h"
#include "tests/expect.h"

static inline reel_tensor *leaf(reel_shape shape, const double *values) {
    return reel_track(f64(shape, values));
}

static inline reel_tensor *leaf1(double a, double b) {
    return leaf(reel_shape(2), (double[]){a, b});
}

static inline void expect2(reel_tensor *t, double a, double b) {
    expect_values(t, (double[]){a, b}, 2);
}

static inline void expect_grad(const reel_tensor *t, double a, double b) {
    expect_fine();
    ck_assert_ptr_nonnull(reel_grad(t));
    expect2(reel_grad(t), a, b);
}

static inline void backward(reel_tensor *loss) {
    ck_assert_msg(reel_backward(loss) == REEL_OK, "%s", reel_error());
}

#define NO_OPTIONS ((reel_grad_of_options){0})
#define RECORD ((reel_grad_of_options){.create_graph = true})
#define KEEP ((reel_grad_of_options){.retain_graph = true})

/* dy / dx of one output and one input. */
static inline reel_tensor *derivative(reel_tensor *y, reel_tensor *x,
                                      reel_grad_of_options options) {
    reel_tensor *g = NULL;
    reel_grad_of(&y, 1, &x, 1, &g, options);
    return g;
}

#endif
