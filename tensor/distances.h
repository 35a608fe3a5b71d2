/* How far apart vectors are. Floats; results are borrowed. */
#ifndef REEL_TENSOR_DISTANCES_H
#define REEL_TENSOR_DISTANCES_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* z = x.y / (max(|x|, eps) max(|y|, eps)) along an axis, which the result lacks; x and y broadcast.
 * eps 0: 1e-8; REEL_ZERO: 0. PyTorch's axis is 1 by default. */
REEL_API reel_tensor *reel_cosine_similarity_at(const char *at, reel_tensor *x, reel_tensor *y,
                                                int axis, double eps);
#define reel_cosine_similarity(x, y, axis, eps)                                                    \
    reel_cosine_similarity_at(REEL_AT(x, y), x, y, axis, eps)

/* z = the p-norm of x - y + eps over the last axis: x[...,D] y[...,D] -> z[...], or [...,1] with
 * keepdim. eps 0: 1e-6; REEL_ZERO: 0. PyTorch's p is 2 by default. */
REEL_API reel_tensor *reel_pairwise_distance_at(const char *at, reel_tensor *x, reel_tensor *y,
                                                double p, double eps, bool keepdim);
#define reel_pairwise_distance(x, y, p, eps, keepdim)                                              \
    reel_pairwise_distance_at(REEL_AT(x, y), x, y, p, eps, keepdim)

#ifdef __cplusplus
}
#endif
#endif
