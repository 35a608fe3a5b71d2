/* Normalizations as layers: owned, freed by reel_module_free; their formulas and shapes are those
 * of tensor/normalization.h, and names and defaults PyTorch's.
 *
 *     // x[B,64,H,W]
 *     reel_module *m = reel_batch_norm2d_new(64, (reel_batch_norm_options){0});
 *
 * Parameters are weight, ones at first, and bias, zeros. Statistics that are kept are buffers,
 * which are saved and moved: running_mean, zeros at first, running_var, ones, and
 * num_batches_tracked, an i64.
 *
 * Errors: a size below 1, groups that do not divide, an eps below 0; the result is NULL then. */
#ifndef REEL_NN_NORM_LAYERS_H
#define REEL_NN_NORM_LAYERS_H

#include "../tensor/normalization.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

typedef struct {
    double eps;              /* 1e-5 */
    bool no_affine, no_bias; /* neither of weight and bias; weight alone */
    reel_dtype dtype;        /* f32 or f64 */
    reel_device device;
} reel_layer_norm_options;
REEL_API reel_module *reel_layer_norm_new(reel_shape normalized_shape,
                                          reel_layer_norm_options options);

/* Without a bias, whatever is asked for; eps: as reel_rms_norm has it. */
REEL_API reel_module *reel_rms_norm_new(reel_shape normalized_shape,
                                        reel_layer_norm_options options);

/* x[N,num_channels,...]; no_bias is not PyTorch's. */
REEL_API reel_module *reel_group_norm_new(int64_t num_groups, int64_t num_channels,
                                          reel_layer_norm_options options);

typedef struct {
    double eps, momentum; /* 1e-5, 0.1 */
    bool cumulative;      /* statistics are means of all so far: PyTorch's momentum None */
    bool no_affine;
    bool no_tracking; /* nothing is kept: a batch's own statistics, in evaluation too */
    reel_dtype dtype; /* f32 or f64 */
    reel_device device;
} reel_batch_norm_options;
/* x[N,num_features] or x[N,num_features,L]; x[N,num_features,H,W]; x[N,num_features,D,H,W]. In
 * training by the batch's statistics, which what is kept moves towards; else by what is kept. */
REEL_API reel_module *reel_batch_norm1d_new(int64_t num_features, reel_batch_norm_options options);
REEL_API reel_module *reel_batch_norm2d_new(int64_t num_features, reel_batch_norm_options options);
REEL_API reel_module *reel_batch_norm3d_new(int64_t num_features, reel_batch_norm_options options);

typedef struct {
    double eps, momentum; /* 1e-5, 0.1 */
    bool cumulative;      /* as above */
    bool affine;
    bool track_running_stats; /* evaluation is by what is kept */
    reel_dtype dtype;         /* f32 or f64 */
    reel_device device;
} reel_instance_norm_options;
/* x[N,num_features,L] or x[num_features,L], and so on for two and three axes. */
REEL_API reel_module *reel_instance_norm1d_new(int64_t num_features,
                                               reel_instance_norm_options options);
REEL_API reel_module *reel_instance_norm2d_new(int64_t num_features,
                                               reel_instance_norm_options options);
REEL_API reel_module *reel_instance_norm3d_new(int64_t num_features,
                                               reel_instance_norm_options options);

REEL_API reel_module *reel_local_response_norm_new(int64_t size,
                                                   reel_local_response_norm_options options);

/* ---- call sites: see error.h ---- */

#define reel_layer_norm_new(...) REEL__CALL(reel_layer_norm_new(__VA_ARGS__))
#define reel_rms_norm_new(...) REEL__CALL(reel_rms_norm_new(__VA_ARGS__))
#define reel_group_norm_new(...) REEL__CALL(reel_group_norm_new(__VA_ARGS__))
#define reel_batch_norm1d_new(...) REEL__CALL(reel_batch_norm1d_new(__VA_ARGS__))
#define reel_batch_norm2d_new(...) REEL__CALL(reel_batch_norm2d_new(__VA_ARGS__))
#define reel_batch_norm3d_new(...) REEL__CALL(reel_batch_norm3d_new(__VA_ARGS__))
#define reel_instance_norm1d_new(...) REEL__CALL(reel_instance_norm1d_new(__VA_ARGS__))
#define reel_instance_norm2d_new(...) REEL__CALL(reel_instance_norm2d_new(__VA_ARGS__))
#define reel_instance_norm3d_new(...) REEL__CALL(reel_instance_norm3d_new(__VA_ARGS__))
#define reel_local_response_norm_new(...) REEL__CALL(reel_local_response_norm_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
