/* Convolutions along one, two or three axes.
 *
 *     // x[B,3,32,32] w[64,3,3,3] bias[64] -> y[B,64,16,16]
 *     reel_tensor *y = reel_conv2d(
 *         x, w, bias,
 *         (reel_conv_options){.stride = reel_shape(2), .padding = reel_shape(1)});
 *
 * Options of spatial axes are shapes: reel_shape(2) is 2 along each axis, reel_shape(2, 1) names
 * each of two, and what is left out is the default. Results are borrowed. Floats of one dtype.
 *
 * Errors, all kept as error.h says, besides those of ops.h: channels that do not belong together or
 * that groups do not divide, a kernel longer than its padded input, a stride or dilation below 1, a
 * padding below 0, a kernel or channels of size 0. */
#ifndef REEL_TENSOR_CONVOLUTION_H
#define REEL_TENSOR_CONVOLUTION_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* stride and dilation are 1 by default, padding is 0: so many zeros on either side. With `same` it
 * is worked out so that y is as large as x, the zero behind where one is odd; stride is 1 then.
 * groups (0: 1): channels in so many groups, each of which sees its own alone; as many as channels:
 * depthwise. */
typedef struct {
    reel_shape stride, padding, dilation;
    int64_t groups;
    bool same;
} reel_conv_options;

/* y[n,o,j] = bias[o] + sum over c, k of w[o,c,k] x[n,c, j stride - padding + k dilation], where x
 * is 0 outside: x[N,C,S...] w[O,C/groups,K...] bias[O] (NULL: none) -> y[N,O,S'...], S' = floor((S
 * + 2 padding - dilation (K - 1) - 1) / stride) + 1 along each of one, two or three axes; x without
 * N gives y without it. Kernels of 3 x 3 may be multiplied as Lavin and Gray (2015) do: what is not
 * finite in x then spreads to the elements of y next to those that it belongs to. */
REEL_API reel_tensor *reel_conv_at(const char *at, int axes, reel_tensor *x, reel_tensor *w,
                                   reel_tensor *bias, reel_conv_options options);
#define reel_conv1d(x, ...)                                                                        \
    reel_conv_at(REEL__AS("conv1d", #x ", " #__VA_ARGS__), 1, x, __VA_ARGS__)
#define reel_conv2d(x, ...)                                                                        \
    reel_conv_at(REEL__AS("conv2d", #x ", " #__VA_ARGS__), 2, x, __VA_ARGS__)
#define reel_conv3d(x, ...)                                                                        \
    reel_conv_at(REEL__AS("conv3d", #x ", " #__VA_ARGS__), 3, x, __VA_ARGS__)

/* output_padding: how much longer y is than the shortest that such a convolution goes back to; less
 * than stride or dilation. */
typedef struct {
    reel_shape stride, padding, output_padding, dilation;
    int64_t groups;
} reel_conv_transpose_options;

/* The gradient of the above with respect to x, as a layer that makes larger: x[N,C,S...]
 * w[C,O/groups,K...] bias[O] (NULL: none) -> y[N,O,S'...],
 *     y[n,o,i] = bias[o] + sum of w[c,o,k] x[n,c,j] over i = j stride - padding + k dilation
 *     S' = (S - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1 */
REEL_API reel_tensor *reel_conv_transpose_at(const char *at, int axes, reel_tensor *x,
                                             reel_tensor *w, reel_tensor *bias,
                                             reel_conv_transpose_options options);
#define reel_conv_transpose1d(x, ...)                                                              \
    reel_conv_transpose_at(REEL__AS("conv_transpose1d", #x ", " #__VA_ARGS__), 1, x, __VA_ARGS__)
#define reel_conv_transpose2d(x, ...)                                                              \
    reel_conv_transpose_at(REEL__AS("conv_transpose2d", #x ", " #__VA_ARGS__), 2, x, __VA_ARGS__)
#define reel_conv_transpose3d(x, ...)                                                              \
    reel_conv_transpose_at(REEL__AS("conv_transpose3d", #x ", " #__VA_ARGS__), 3, x, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
