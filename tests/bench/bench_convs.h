/* Convolutions that bench_ops times, f32: their shapes, and the three ops on them.
 *
 *     op conv/NAME BATCH SIDE SECONDS      y of x[BATCH,C,SIDE,SIDE]
 *     op conv_dx/NAME ...                  dx of g and w
 *     op conv_dw/NAME ...                  dw of g and x */
#ifndef REEL_TESTS_BENCH_CONVS_H
#define REEL_TESTS_BENCH_CONVS_H

#include "reel.h"

typedef struct {
    const char *name;
    int64_t in, out, groups, kernel;
    int32_t stride, padding;
} conv_shape;

/* NULL if there is none of the name. */
const conv_shape *conv_named(const char *name);

/* Shapes of a batch of square images. */
reel_shape conv_x_shape(const conv_shape *s, int64_t batch, int64_t side);
reel_shape conv_w_shape(const conv_shape *s);
reel_shape conv_y_shape(const conv_shape *s, int64_t batch, int64_t side);

reel_tensor *conv_forward(const conv_shape *s, reel_tensor *x, reel_tensor *w);
reel_tensor *conv_input_grad(const conv_shape *s, reel_tensor *g, reel_tensor *w, int64_t side);
reel_tensor *conv_weight_grad(const conv_shape *s, reel_tensor *g, reel_tensor *x);

#endif
