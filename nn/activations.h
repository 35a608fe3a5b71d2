/* Activations as modules: owned, freed by reel_module_free; their functions are in tensor/ops.h and
 * tensor/nonlinear.h, where the formulas are. Names and defaults are PyTorch's. In options zero
 * means the default, and REEL_ZERO (tensor.h) zero.
 *
 *     reel_module *m = reel_sequential(reel_linear_new(8, 8, (reel_linear_options){0}),
 *                                      reel_leaky_relu_new((reel_leaky_relu_options){0}));
 *
 * No one has parameters but prelu. A constant that the function does not take is a failure, and the
 * result NULL. */
#ifndef REEL_NN_ACTIVATIONS_H
#define REEL_NN_ACTIVATIONS_H

#include "../tensor/random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* ---- without options ---- */

REEL_API reel_module *reel_relu_new(void);
REEL_API reel_module *reel_relu6_new(void);
REEL_API reel_module *reel_sigmoid_new(void);
REEL_API reel_module *reel_logsigmoid_new(void);
REEL_API reel_module *reel_tanh_new(void);
REEL_API reel_module *reel_tanhshrink_new(void);
REEL_API reel_module *reel_hardsigmoid_new(void);
REEL_API reel_module *reel_hardswish_new(void);
REEL_API reel_module *reel_selu_new(void);
REEL_API reel_module *reel_silu_new(void);
REEL_API reel_module *reel_mish_new(void);
REEL_API reel_module *reel_softsign_new(void);

/* ---- with constants ---- */

/* reel_gelu, or its approximation by tanh */
typedef struct {
    bool approximate; /* PyTorch's approximate = "tanh" */
} reel_gelu_options;
REEL_API reel_module *reel_gelu_new(reel_gelu_options options);

typedef struct {
    double alpha; /* 1 */
} reel_elu_options;
REEL_API reel_module *reel_elu_new(reel_elu_options options);

typedef struct {
    double alpha; /* 1; not 0 */
} reel_celu_options;
REEL_API reel_module *reel_celu_new(reel_celu_options options);

typedef struct {
    double negative_slope; /* 0.01 */
} reel_leaky_relu_options;
REEL_API reel_module *reel_leaky_relu_new(reel_leaky_relu_options options);

typedef struct {
    double lambd; /* 0.5; 0 or more */
} reel_shrink_options;
REEL_API reel_module *reel_hardshrink_new(reel_shrink_options options);
REEL_API reel_module *reel_softshrink_new(reel_shrink_options options);

typedef struct {
    double min_val, max_val; /* -1, 1; min_val is below max_val */
} reel_hardtanh_options;
REEL_API reel_module *reel_hardtanh_new(reel_hardtanh_options options);

typedef struct {
    double beta, threshold; /* 1, 20 */
} reel_softplus_options;
REEL_API reel_module *reel_softplus_new(reel_softplus_options options);

/* Both are given: PyTorch has no defaults. */
REEL_API reel_module *reel_threshold_new(double threshold, double value);

/* ---- along an axis, -1 the last ---- */

REEL_API reel_module *reel_softmax_new(int axis);
REEL_API reel_module *reel_log_softmax_new(int axis);
REEL_API reel_module *reel_softmin_new(int axis);
REEL_API reel_module *reel_glu_new(int axis);
/* softmax over the channels of x[B,C,H,W] or x[C,H,W] */
REEL_API reel_module *reel_softmax2d_new(void);

/* ---- with parameters, or random ---- */

/* reel_prelu; its parameter is weight[num_parameters], all of it init. num_parameters is 1, or as
 * many as x has channels. */
typedef struct {
    int64_t num_parameters; /* 1 */
    double init;            /* 0.25 */
    reel_dtype dtype;       /* f32 or f64 */
    reel_device device;
} reel_prelu_options;
REEL_API reel_module *reel_prelu_new(reel_prelu_options options);

/* reel_rrelu: slopes are drawn in training, and their mean in evaluation. The generator is as
 * dropout's (dropout_layers.h). */
typedef struct {
    double lower, upper; /* 1/8, 1/3 */
    uint64_t seed;       /* 0: one of reel_next_seed */
} reel_rrelu_options;
REEL_API reel_module *reel_rrelu_new(reel_rrelu_options options);

/* ---- call sites: see error.h ---- */

#define reel_relu_new(...) REEL__CALL(reel_relu_new(__VA_ARGS__))
#define reel_relu6_new(...) REEL__CALL(reel_relu6_new(__VA_ARGS__))
#define reel_sigmoid_new(...) REEL__CALL(reel_sigmoid_new(__VA_ARGS__))
#define reel_logsigmoid_new(...) REEL__CALL(reel_logsigmoid_new(__VA_ARGS__))
#define reel_tanh_new(...) REEL__CALL(reel_tanh_new(__VA_ARGS__))
#define reel_tanhshrink_new(...) REEL__CALL(reel_tanhshrink_new(__VA_ARGS__))
#define reel_hardsigmoid_new(...) REEL__CALL(reel_hardsigmoid_new(__VA_ARGS__))
#define reel_hardswish_new(...) REEL__CALL(reel_hardswish_new(__VA_ARGS__))
#define reel_selu_new(...) REEL__CALL(reel_selu_new(__VA_ARGS__))
#define reel_silu_new(...) REEL__CALL(reel_silu_new(__VA_ARGS__))
#define reel_mish_new(...) REEL__CALL(reel_mish_new(__VA_ARGS__))
#define reel_softsign_new(...) REEL__CALL(reel_softsign_new(__VA_ARGS__))
#define reel_gelu_new(...) REEL__CALL(reel_gelu_new(__VA_ARGS__))
#define reel_elu_new(...) REEL__CALL(reel_elu_new(__VA_ARGS__))
#define reel_celu_new(...) REEL__CALL(reel_celu_new(__VA_ARGS__))
#define reel_leaky_relu_new(...) REEL__CALL(reel_leaky_relu_new(__VA_ARGS__))
#define reel_hardshrink_new(...) REEL__CALL(reel_hardshrink_new(__VA_ARGS__))
#define reel_softshrink_new(...) REEL__CALL(reel_softshrink_new(__VA_ARGS__))
#define reel_hardtanh_new(...) REEL__CALL(reel_hardtanh_new(__VA_ARGS__))
#define reel_softplus_new(...) REEL__CALL(reel_softplus_new(__VA_ARGS__))
#define reel_threshold_new(...) REEL__CALL(reel_threshold_new(__VA_ARGS__))
#define reel_softmax_new(...) REEL__CALL(reel_softmax_new(__VA_ARGS__))
#define reel_log_softmax_new(...) REEL__CALL(reel_log_softmax_new(__VA_ARGS__))
#define reel_softmin_new(...) REEL__CALL(reel_softmin_new(__VA_ARGS__))
#define reel_glu_new(...) REEL__CALL(reel_glu_new(__VA_ARGS__))
#define reel_softmax2d_new(...) REEL__CALL(reel_softmax2d_new(__VA_ARGS__))
#define reel_prelu_new(...) REEL__CALL(reel_prelu_new(__VA_ARGS__))
#define reel_rrelu_new(...) REEL__CALL(reel_rrelu_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
