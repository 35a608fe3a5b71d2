/* What normalizations share: how weight and bias come to standardize, and channels to its kernels.
 */
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

/* Whether statistics are those of channels that lie so scattered, in runs shorter than this, that
 * they are turned first. */
#define REEL__NORM_THIN 16
static inline bool reel__norm_is_thin(const reel__with *with) {
    return with->norm.across && with->norm.outer > 1 && with->norm.inner < REEL__NORM_THIN;
}
/* x[outer, channels, inner] as [channels, outer, inner], contiguous; borrowed. */
reel_tensor *reel__norm_turned(const reel__call *c, reel_tensor *x);
/* What the sizes are then. */
reel__with reel__norm_turned_with(const reel__call *c);
/* Brings what was computed so back, to `to`. */
reel_status reel__norm_turn_back(const reel__call *c, reel_tensor *to, reel_tensor *turned);

#endif
