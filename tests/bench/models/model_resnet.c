/* ResNet-18 for pictures of 32 x 32: its first convolution is 3 x 3 and no pooling follows. He et
 * al., "Deep residual learning for image recognition" (2016) */
#include "tests/bench/models/models.h"

#include <stdio.h>

/* ---- a block: two convolutions, and what goes around them ---- */

typedef struct {
    reel_module base;
    reel_module *conv1, *bn1, *conv2, *bn2, *downsample; /* downsample NULL: x itself */
} block;

static reel_tensor *block_forward(reel_module *base, reel_tensor *x) {
    const block *m = (block *)base;
    reel_tensor *y = reel_relu(reel_forward(m->bn1, reel_forward(m->conv1, x)));
    y = reel_forward(m->bn2, reel_forward(m->conv2, y));
    return reel_relu(reel_add(y, m->downsample ? reel_forward(m->downsample, x) : x));
}

static reel_module *conv(int64_t in, int64_t out, int64_t kernel, int64_t stride, model_options o) {
    return reel_conv2d_new(in, out, reel_shape(kernel),
                           (reel_conv_layer_options){.stride = reel_shape(stride),
                                                     .padding = reel_shape(kernel / 2),
                                                     .no_bias = true,
                                                     .dtype = o.dtype,
                                                     .generator = o.generator});
}

static reel_module *norm(int64_t channels, model_options o) {
    return reel_batch_norm2d_new(channels, (reel_batch_norm_options){.dtype = o.dtype});
}

static reel_module *block_new(int64_t in, int64_t out, int64_t stride, model_options o) {
    block *m = model_struct(sizeof *m, "block", block_forward);
    m->conv1 = reel_module_child(&m->base, "conv1", conv(in, out, 3, stride, o));
    m->bn1 = reel_module_child(&m->base, "bn1", norm(out, o));
    m->conv2 = reel_module_child(&m->base, "conv2", conv(out, out, 3, 1, o));
    m->bn2 = reel_module_child(&m->base, "bn2", norm(out, o));
    if (stride != 1 || in != out)
        m->downsample = reel_module_child(
            &m->base, "downsample", reel_sequential(conv(in, out, 1, stride, o), norm(out, o)));
    return &m->base;
}

/* ---- eight of them ---- */

typedef struct {
    reel_module base;
    reel_module *conv1, *bn1, *layer[4], *fc;
} resnet;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const resnet *m = (resnet *)base;
    x = reel_relu(reel_forward(m->bn1, reel_forward(m->conv1, x)));
    for (int i = 0; i < 4; i++) x = reel_forward(m->layer[i], x);
    return reel_forward(m->fc, reel_mean_over(x, reel_axes(2, 3), false));
}

reel_module *resnet_new(model_options o) {
    const reel_linear_options linear = {.dtype = o.dtype, .generator = o.generator};
    resnet *m = model_struct(sizeof *m, "resnet", forward);
    m->conv1 = reel_module_child(&m->base, "conv1", conv(3, 64, 3, 1, o));
    m->bn1 = reel_module_child(&m->base, "bn1", norm(64, o));
    for (int i = 0; i < 4; i++) {
        const int64_t out = 64 << i, in = i ? out / 2 : out;
        char name[16];
        snprintf(name, sizeof name, "layer%d", i + 1);
        m->layer[i] = reel_module_child(
            &m->base, name,
            reel_sequential(block_new(in, out, i ? 2 : 1, o), block_new(out, out, 1, o)));
    }
    m->fc = reel_module_child(&m->base, "fc", reel_linear_new(512, 10, linear));
    return &m->base;
}
