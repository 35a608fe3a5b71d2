/* Convolutions as layers: owned, freed by reel_module_free; their formulas, shapes and defaults are
 * those of tensor/convolution.h, and names PyTorch's.
 *
 *     // x[B,3,H,W] -> y[B,64,H/2,W/2]
 *     reel_module *m = reel_conv2d_new(
 *         3, 64, reel_shape(3),
 *         (reel_conv_layer_options){.stride = reel_shape(2), .padding = reel_shape(1)});
 *
 * kernel is a shape as well: reel_shape(3) is 3 along each spatial axis, reel_shape(3, 1) names
 * each. Parameters are weight and bias[out], drawn from U(-a, a), a = 1 / sqrt(weights of an
 * output), which are counted along all axes of weight but the first; PyTorch counts so for both
 * kinds.
 *
 * Errors: a size below 1, groups that do not divide both in and out, options that a convolution
 * refuses; the result is NULL then. */
#ifndef REEL_NN_CONV_LAYERS_H
#define REEL_NN_CONV_LAYERS_H

#include "../tensor/convolution.h"
#include "../tensor/random.h"
#include "../tensor/windows.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

typedef struct {
    reel_shape stride, padding, dilation; /* 1, 0, 1 */
    int64_t groups;                       /* 1 */
    bool same;                            /* y as large as x: reel_conv_options has it */
    reel_pad_mode padding_mode; /* what lies behind x's ends (windows.h); a constant is 0 */
    bool no_bias;
    reel_dtype dtype;          /* f32 or f64 */
    reel_generator *generator; /* says the device as well; NULL: one of reel_next_seed on the CPU */
} reel_conv_layer_options;

/* x[N,in,S...] or x[in,S...] -> y[N,out,S'...] or y[out,S'...]; weight[out,in/groups,K...] */
REEL_API reel_module *reel_conv1d_new(int64_t in, int64_t out, reel_shape kernel,
                                      reel_conv_layer_options options);
REEL_API reel_module *reel_conv2d_new(int64_t in, int64_t out, reel_shape kernel,
                                      reel_conv_layer_options options);
REEL_API reel_module *reel_conv3d_new(int64_t in, int64_t out, reel_shape kernel,
                                      reel_conv_layer_options options);

typedef struct {
    reel_shape stride, padding, output_padding, dilation; /* 1, 0, 0, 1 */
    int64_t groups;                                       /* 1 */
    bool no_bias;
    reel_dtype dtype;          /* f32 or f64 */
    reel_generator *generator; /* as above */
} reel_conv_transpose_layer_options;

/* The same by reel_conv_transpose1d and its like; weight[in,out/groups,K...] */
REEL_API reel_module *reel_conv_transpose1d_new(int64_t in, int64_t out, reel_shape kernel,
                                                reel_conv_transpose_layer_options options);
REEL_API reel_module *reel_conv_transpose2d_new(int64_t in, int64_t out, reel_shape kernel,
                                                reel_conv_transpose_layer_options options);
REEL_API reel_module *reel_conv_transpose3d_new(int64_t in, int64_t out, reel_shape kernel,
                                                reel_conv_transpose_layer_options options);

/* ---- call sites: see error.h ---- */

#define reel_conv1d_new(...) REEL__CALL(reel_conv1d_new(__VA_ARGS__))
#define reel_conv2d_new(...) REEL__CALL(reel_conv2d_new(__VA_ARGS__))
#define reel_conv3d_new(...) REEL__CALL(reel_conv3d_new(__VA_ARGS__))
#define reel_conv_transpose1d_new(...) REEL__CALL(reel_conv_transpose1d_new(__VA_ARGS__))
#define reel_conv_transpose2d_new(...) REEL__CALL(reel_conv_transpose2d_new(__VA_ARGS__))
#define reel_conv_transpose3d_new(...) REEL__CALL(reel_conv_transpose3d_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
