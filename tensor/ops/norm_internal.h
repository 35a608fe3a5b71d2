/* What normalizations share: how weight and bias come to standardize. */
#ifndef REEL_TENSOR_OPS_NORM_INTERNAL_H
#define REEL_TENSOR_OPS_NORM_INTERNAL_H

#include "tensor/ops/call_internal.h"

#define REEL__NORM_EPS 1e-5 /* by default */

/* REEL_OK for an eps of 0 or more that is finite; that weight and bias, unless NULL, are of one
 * shape and of a dtype that goes with x's. Failures are the composite's. */
reel_status reel__norm_check_eps(double eps);
reel_status reel__norm_check_affine(const reel_tensor *x, const reel_tensor *weight,
                                    const reel_tensor *bias, reel_shape shape);

/* standardize of weight and bias in any shape, of which bias alone may be there. */
reel_tensor *reel__norm_affine(const char *at, reel_tensor *x, reel_tensor *weight,
                               reel_tensor *bias, const reel__with *with, reel_tensor **mean,
                               reel_tensor **var);

#endif
