/* A block of ConvNeXt-T: a depthwise convolution, then channels last. Liu et al., "A ConvNet for
 * the 2020s" (2022) */
#include "tests/bench/models/models.h"

enum { CHANNELS = 96 };

typedef struct {
    reel_module base;
    reel_module *dwconv, *norm, *pwconv1, *pwconv2;
    reel_tensor *gamma; /* of each channel, what the branch counts */
} convnext;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const convnext *m = (convnext *)base;
    reel_tensor *y = reel_permute(reel_forward(m->dwconv, x), reel_axes(0, 2, 3, 1));
    y = reel_gelu(reel_forward(m->pwconv1, reel_forward(m->norm, y)));
    y = reel_mul(reel_forward(m->pwconv2, y), m->gamma);
    return reel_add(x, reel_permute(y, reel_axes(0, 3, 1, 2)));
}

reel_module *convnext_new(model_options o) {
    const reel_linear_options linear = {.dtype = o.dtype, .generator = o.generator};
    const reel_shape c = reel_shape(CHANNELS);
    convnext *m = model_struct(sizeof *m, "convnext", forward);
    m->dwconv =
        reel_module_child(&m->base, "dwconv",
                          reel_conv2d_new(CHANNELS, CHANNELS, reel_shape(7),
                                          (reel_conv_layer_options){.padding = reel_shape(3),
                                                                    .groups = CHANNELS,
                                                                    .dtype = o.dtype,
                                                                    .generator = o.generator}));
    m->norm = reel_module_child(
        &m->base, "norm",
        reel_layer_norm_new(c, (reel_layer_norm_options){.eps = 1e-6, .dtype = o.dtype}));
    m->pwconv1 =
        reel_module_child(&m->base, "pwconv1", reel_linear_new(CHANNELS, 4 * CHANNELS, linear));
    m->pwconv2 =
        reel_module_child(&m->base, "pwconv2", reel_linear_new(4 * CHANNELS, CHANNELS, linear));
    REEL_SCOPE;
    m->gamma = reel_module_param(&m->base, "gamma", reel_full(c, 1e-6, o.dtype, reel_cpu()));
    return &m->base;
}
