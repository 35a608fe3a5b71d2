/* Normalizations: elements brought to mean 0 and variance 1 over some axes, then scaled and moved.
 *
 *     // x[B,T,384], weight[384], bias[384]
 *     reel_tensor *y = reel_layer_norm(x, reel_shape(384), weight, bias, 1e-5);
 *     // x[B,64,H,W], 8 channels a group
 *     y = reel_group_norm(x, 8, weight, bias, 1e-5);
 *
 * Each is one pass over x that reads it and writes y, and its gradient is one that gives those of
 * x, weight and bias together. Variances are biased (divided by n). weight and bias may be NULL:
 * ones, zeros. An eps of 0 is PyTorch's default, 1e-5 if no other is given; REEL_ZERO: 0. All are
 * floats of one dtype; f16 and bf16 are computed in f32, and rounded once. Results are borrowed.
 *
 * Errors, all kept as error.h says, besides those of ops.h: weight or bias of another shape, an eps
 * below 0 or not finite, groups that do not divide the channels, one value a statistic. */
#ifndef REEL_TENSOR_NORMALIZATION_H
#define REEL_TENSOR_NORMALIZATION_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* y = (x - mean) / sqrt(var + eps) weight + bias: mean and var are those of the last axes of x,
 * whose lengths are normalized_shape, one of each for every index of the axes before them. weight
 * and bias are of normalized_shape. Ba, Kiros and Hinton, "Layer normalization" (2016) */
REEL_API reel_tensor *reel_layer_norm_at(const char *at, reel_tensor *x,
                                         reel_shape normalized_shape, reel_tensor *weight,
                                         reel_tensor *bias, double eps);
#define reel_layer_norm(...) reel_layer_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y = x / sqrt(mean of x^2 + eps) weight, of the same axes. eps 0: the distance from 1 to the next
 * number of x's dtype, as PyTorch's None; of f16 and bf16 that of f32, in which they are computed.
 * Zhang and Sennrich, "Root mean square layer normalization" (2019) */
REEL_API reel_tensor *reel_rms_norm_at(const char *at, reel_tensor *x, reel_shape normalized_shape,
                                       reel_tensor *weight, double eps);
#define reel_rms_norm(...) reel_rms_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The same as layer_norm of x[N,C,...], whose C channels lie in num_groups groups: mean and var are
 * those of each group of each n, over its channels and all axes behind. weight[C] bias[C]. Wu and
 * He, "Group normalization" (2018) */
REEL_API reel_tensor *reel_group_norm_at(const char *at, reel_tensor *x, int64_t num_groups,
                                         reel_tensor *weight, reel_tensor *bias, double eps);
#define reel_group_norm(...) reel_group_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Zero means the default. */
typedef struct {
    reel_tensor *running_mean, *running_var; /* [C], floats; both or neither */
    /* i64, of one element, 0 or more; NULL: not counted. Moved on by one before it is used. */
    reel_tensor *num_batches_tracked;
    double momentum; /* 0.1: the share of what is new in what is kept */
    bool cumulative; /* momentum is 1 / num_batches_tracked */
    double eps;      /* 1e-5 */
} reel_running_options;

/* y = (x - mean) / sqrt(var + eps) weight + bias of x[N,C,...], for each channel c.
 *
 * training: mean and var are those of x over all other axes. What is running then moves, in place
 * and not recorded: running = (1 - momentum) running + momentum statistic, where the variance is
 * unbiased. One value of a channel is an error; of none y is empty, and the count alone moves.
 * Else mean and var are the running ones, which must be there.
 *
 * f16 and bf16 may have a weight and bias of f32. Running statistics are of x's dtype, or f32 or
 * f64. Ioffe and Szegedy, "Batch normalization" (2015) */
REEL_API reel_tensor *reel_batch_norm_at(const char *at, reel_tensor *x, reel_tensor *weight,
                                         reel_tensor *bias, bool training,
                                         reel_running_options options);
#define reel_batch_norm(...) reel_batch_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The same with statistics of each n and channel by itself: x[N,C,S...]. With use_input_stats false
 * they are the running ones, as above; else these move by the mean over N. Ulyanov, Vedaldi and
 * Lempitsky, "Instance normalization" (2016) */
REEL_API reel_tensor *reel_instance_norm_at(const char *at, reel_tensor *x, reel_tensor *weight,
                                            reel_tensor *bias, bool use_input_stats,
                                            reel_running_options options);
#define reel_instance_norm(...) reel_instance_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Zero means the default. */
typedef struct {
    double alpha, beta, k; /* 1e-4, 0.75, 1 */
} reel_local_response_norm_options;
/* y = x (k + alpha / size s)^-beta of x[N,C,S...], where s is the sum of x^2 over the `size`
 * channels around: size / 2 before, (size - 1) / 2 behind, 0 beyond the ends. Krizhevsky, Sutskever
 * and Hinton, "ImageNet classification with deep convolutional neural networks" (2012), 3.3 */
REEL_API reel_tensor *reel_local_response_norm_at(const char *at, reel_tensor *x, int64_t size,
                                                  reel_local_response_norm_options options);
#define reel_local_response_norm(...)                                                              \
    reel_local_response_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y = x / max(norm, eps), where the norm is the p-norm along an axis (reel_norm_over). eps 0:
 * 1e-12. PyTorch's p is 2 by default, its axis 1. */
REEL_API reel_tensor *reel_normalize_at(const char *at, reel_tensor *x, double p, int axis,
                                        double eps);
#define reel_normalize(...) reel_normalize_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
