/* The network of PyTorch's MNIST example: two convolutions, pooling, two linear layers. */
#include "tests/bench/models/models.h"

typedef struct {
    reel_module base;
    reel_module *conv1, *conv2, *dropout1, *dropout2, *fc1, *fc2;
} cnn;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const cnn *m = (cnn *)base;
    x = reel_relu(reel_forward(m->conv1, x));
    x = reel_relu(reel_forward(m->conv2, x));
    x = reel_max_pool2d(x, reel_shape(2), (reel_pool_options){0}, NULL);
    x = reel_flatten(reel_forward(m->dropout1, x), 1, -1);
    x = reel_relu(reel_forward(m->fc1, x));
    return reel_forward(m->fc2, reel_forward(m->dropout2, x));
}

reel_module *cnn_new(model_options o) {
    const reel_conv_layer_options conv = {.dtype = o.dtype, .generator = o.generator};
    const reel_linear_options linear = {.dtype = o.dtype, .generator = o.generator};
    cnn *m = model_struct(sizeof *m, "cnn", forward);
    m->conv1 = reel_module_child(&m->base, "conv1", reel_conv2d_new(1, 32, reel_shape(3), conv));
    m->conv2 = reel_module_child(&m->base, "conv2", reel_conv2d_new(32, 64, reel_shape(3), conv));
    m->dropout1 = reel_module_child(&m->base, "dropout1", reel_dropout_new(o.dropout / 2, 1));
    m->dropout2 = reel_module_child(&m->base, "dropout2", reel_dropout_new(o.dropout, 2));
    m->fc1 = reel_module_child(&m->base, "fc1", reel_linear_new(9216, 128, linear));
    m->fc2 = reel_module_child(&m->base, "fc2", reel_linear_new(128, 10, linear));
    return &m->base;
}
