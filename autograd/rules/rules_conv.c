/* Gradient rules of convolutions: each of the three ops is linear in both of its tensors, and its
 * gradients are the other two. */
#include "autograd/autograd_internal.h"

/* The same with the size of input i, which the result then has. */
static reel__with sized_as(const reel__node *n, int i) {
    reel__with with = n->with;
    for (int k = 0; k < with.conv.dims; k++) with.conv.size[k] = n->in_shape[i].dim[k + 2];
    return with;
}

/* y = conv(x, w) + bias */
void reel__grad_conv(reel__node *n, reel_tensor *g) {
    const reel__with as_x = sized_as(n, 0), as_w = sized_as(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__conv_input_grad(n->at, g, reel__in(n, 1), &as_x));
    if (reel__needs(n, 1))
        reel__give(n, 1, reel__conv_weight_grad(n->at, g, reel__in(n, 0), &as_w));
    if (n->nin < 3 || !reel__needs(n, 2)) return;
    /* each image's first: axes on both sides of the channels would be copied side by side */
    reel_shape spatial = {.ndim = n->with.conv.dims, .dim = {0}};
    for (int i = 0; i < spatial.ndim; i++) spatial.dim[i] = i + 2;
    reel_tensor *sums = reel_sum_at(n->at, g, spatial, false);
    reel__give(n, 2, reel_sum_at(n->at, sums, reel_axes(0), false));
}

/* dx = conv_input_grad(g', w) */
void reel__grad_conv_input_grad(reel__node *n, reel_tensor *g) {
    const reel__with as_w = sized_as(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__conv(n->at, g, reel__in(n, 1), NULL, &n->with));
    if (reel__needs(n, 1))
        reel__give(n, 1, reel__conv_weight_grad(n->at, reel__in(n, 0), g, &as_w));
}

/* dw = conv_weight_grad(g', x) */
void reel__grad_conv_weight_grad(reel__node *n, reel_tensor *g) {
    const reel__with as_x = sized_as(n, 1);
    if (reel__needs(n, 0)) reel__give(n, 0, reel__conv(n->at, reel__in(n, 1), g, NULL, &n->with));
    if (reel__needs(n, 1)) reel__give(n, 1, reel__conv_input_grad(n->at, reel__in(n, 0), g, &as_x));
}
