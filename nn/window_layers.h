/* Pooling, padding, resampling and columns as layers: owned, freed by reel_module_free; formulas,
 * shapes and options are in tensor/windows.h. Names and defaults are PyTorch's. None has
 * parameters.
 *
 *     reel_module *m = reel_sequential(
 *         reel_conv2d_new(3, 8, reel_shape(3), (reel_conv_layer_options){0}), reel_relu_new(),
 *         reel_max_pool2d_new(reel_shape(2), (reel_pool_options){0}));
 *
 * Errors: options that no input makes good, the result is NULL then; what they mean to an x is
 * checked when one comes. */
#ifndef REEL_NN_WINDOW_LAYERS_H
#define REEL_NN_WINDOW_LAYERS_H

#include "../tensor/windows.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

REEL_API reel_module *reel_max_pool1d_new(reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_max_pool2d_new(reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_max_pool3d_new(reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_avg_pool1d_new(reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_avg_pool2d_new(reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_avg_pool3d_new(reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_lp_pool1d_new(double p, reel_shape kernel, reel_pool_options options);
REEL_API reel_module *reel_lp_pool2d_new(double p, reel_shape kernel, reel_pool_options options);

/* Of the size of the result; 0 along an axis keeps x's. */
REEL_API reel_module *reel_adaptive_avg_pool1d_new(reel_shape size);
REEL_API reel_module *reel_adaptive_avg_pool2d_new(reel_shape size);
REEL_API reel_module *reel_adaptive_avg_pool3d_new(reel_shape size);
REEL_API reel_module *reel_adaptive_max_pool1d_new(reel_shape size);
REEL_API reel_module *reel_adaptive_max_pool2d_new(reel_shape size);
REEL_API reel_module *reel_adaptive_max_pool3d_new(reel_shape size);

/* reel_pad, whatever the number of axes: PyTorch's ZeroPad, ConstantPad, ReflectionPad,
 * ReplicationPad and CircularPad of 1d, 2d and 3d. */
REEL_API reel_module *reel_pad_new(reel_shape padding, reel_pad_mode mode, double value);
/* reel_interpolate: PyTorch's Upsample. */
REEL_API reel_module *reel_upsample_new(reel_interpolate_options options);
REEL_API reel_module *reel_unfold_new(reel_shape kernel, reel_unfold_options options);
REEL_API reel_module *reel_fold_new(reel_shape size, reel_shape kernel,
                                    reel_unfold_options options);
REEL_API reel_module *reel_pixel_shuffle_new(int64_t r);
REEL_API reel_module *reel_pixel_unshuffle_new(int64_t r);
REEL_API reel_module *reel_channel_shuffle_new(int64_t groups);

/* ---- call sites: see error.h ---- */

#define reel_max_pool1d_new(...) REEL__CALL(reel_max_pool1d_new(__VA_ARGS__))
#define reel_max_pool2d_new(...) REEL__CALL(reel_max_pool2d_new(__VA_ARGS__))
#define reel_max_pool3d_new(...) REEL__CALL(reel_max_pool3d_new(__VA_ARGS__))
#define reel_avg_pool1d_new(...) REEL__CALL(reel_avg_pool1d_new(__VA_ARGS__))
#define reel_avg_pool2d_new(...) REEL__CALL(reel_avg_pool2d_new(__VA_ARGS__))
#define reel_avg_pool3d_new(...) REEL__CALL(reel_avg_pool3d_new(__VA_ARGS__))
#define reel_lp_pool1d_new(...) REEL__CALL(reel_lp_pool1d_new(__VA_ARGS__))
#define reel_lp_pool2d_new(...) REEL__CALL(reel_lp_pool2d_new(__VA_ARGS__))
#define reel_adaptive_avg_pool1d_new(...) REEL__CALL(reel_adaptive_avg_pool1d_new(__VA_ARGS__))
#define reel_adaptive_avg_pool2d_new(...) REEL__CALL(reel_adaptive_avg_pool2d_new(__VA_ARGS__))
#define reel_adaptive_avg_pool3d_new(...) REEL__CALL(reel_adaptive_avg_pool3d_new(__VA_ARGS__))
#define reel_adaptive_max_pool1d_new(...) REEL__CALL(reel_adaptive_max_pool1d_new(__VA_ARGS__))
#define reel_adaptive_max_pool2d_new(...) REEL__CALL(reel_adaptive_max_pool2d_new(__VA_ARGS__))
#define reel_adaptive_max_pool3d_new(...) REEL__CALL(reel_adaptive_max_pool3d_new(__VA_ARGS__))
#define reel_pad_new(...) REEL__CALL(reel_pad_new(__VA_ARGS__))
#define reel_upsample_new(...) REEL__CALL(reel_upsample_new(__VA_ARGS__))
#define reel_unfold_new(...) REEL__CALL(reel_unfold_new(__VA_ARGS__))
#define reel_fold_new(...) REEL__CALL(reel_fold_new(__VA_ARGS__))
#define reel_pixel_shuffle_new(...) REEL__CALL(reel_pixel_shuffle_new(__VA_ARGS__))
#define reel_pixel_unshuffle_new(...) REEL__CALL(reel_pixel_unshuffle_new(__VA_ARGS__))
#define reel_channel_shuffle_new(...) REEL__CALL(reel_channel_shuffle_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
