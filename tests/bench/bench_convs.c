#include "tests/bench/bench_convs.h"
#include "tensor/ops/ops_internal.h"

#include <string.h>

/* As in peer_torch_ops.py: what stands in MNIST's example of PyTorch, ResNet-18, ConvNeXt and ViT.
 */
static const conv_shape shapes[] = {
    {"mnist1", 1, 32, 1, 3, 1, 0},     {"mnist2", 32, 64, 1, 3, 1, 0},
    {"rgb", 3, 64, 1, 3, 1, 1},        {"stem", 3, 64, 1, 7, 2, 3},
    {"64", 64, 64, 1, 3, 1, 1},        {"128", 128, 128, 1, 3, 1, 1},
    {"256", 256, 256, 1, 3, 1, 1},     {"512", 512, 512, 1, 3, 1, 1},
    {"down", 64, 128, 1, 3, 2, 1},     {"short", 64, 128, 1, 1, 2, 0},
    {"point", 256, 256, 1, 1, 1, 0},   {"depth3", 128, 128, 128, 3, 1, 1},
    {"depth7", 96, 96, 96, 7, 1, 3},   {"patch4", 3, 96, 1, 4, 4, 0},
    {"patch16", 3, 768, 1, 16, 16, 0}, {"grouped", 128, 128, 32, 3, 1, 1},
};

const conv_shape *conv_named(const char *name) {
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0) return &shapes[i];
    return NULL;
}

static int64_t side_of_y(const conv_shape *s, int64_t side) {
    return (side + 2 * s->padding - s->kernel) / s->stride + 1;
}

reel_shape conv_x_shape(const conv_shape *s, int64_t batch, int64_t side) {
    return reel_shape(batch, s->in, side, side);
}

reel_shape conv_w_shape(const conv_shape *s) {
    return reel_shape(s->out, s->in / s->groups, s->kernel, s->kernel);
}

reel_shape conv_y_shape(const conv_shape *s, int64_t batch, int64_t side) {
    return reel_shape(batch, s->out, side_of_y(s, side), side_of_y(s, side));
}

/* `size`: of the result, along both axes. */
static reel__with steps_of(const conv_shape *s, int64_t size) {
    reel__with with = {.conv = {.dims = 2, .groups = s->groups}};
    for (int i = 0; i < 2; i++) {
        with.conv.stride[i] = s->stride;
        with.conv.padding[i] = with.conv.after[i] = s->padding;
        with.conv.dilation[i] = 1;
        with.conv.size[i] = size;
    }
    return with;
}

reel_tensor *conv_forward(const conv_shape *s, reel_tensor *x, reel_tensor *w) {
    return reel_conv2d(x, w, NULL,
                       (reel_conv_options){.stride = reel_shape(s->stride),
                                           .padding = reel_shape(s->padding),
                                           .groups = s->groups});
}

reel_tensor *conv_input_grad(const conv_shape *s, reel_tensor *g, reel_tensor *w, int64_t side) {
    const reel__with with = steps_of(s, side);
    return reel__conv_input_grad("bench", g, w, &with);
}

reel_tensor *conv_weight_grad(const conv_shape *s, reel_tensor *g, reel_tensor *x) {
    const reel__with with = steps_of(s, s->kernel);
    return reel__conv_weight_grad("bench", g, x, &with);
}
