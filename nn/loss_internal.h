/* What losses share: checks, reductions, and choices between two formulas. */
#ifndef REEL_NN_LOSS_INTERNAL_H
#define REEL_NN_LOSS_INTERNAL_H

#include "nn/nn.h"
#include "tensor/core/tensor_internal.h"

extern const char *const reel__loss_called[]; /* "y", "target" */

/* Each loss is a composite (tensor_internal.h), of what its caller gave. Errors unless that is
 * there, the first two are floats of one dtype and one shape, and r is a reduction. */
reel_status reel__loss_check(const reel__composite *c, reel_reduction r);
/* The same of the first and the last alone. */
reel_status reel__loss_check_reduction(const reel__composite *c, reel_reduction r);
/* An error unless value is finite and above 0. */
reel_status reel__loss_positive(const char *option, double value);
/* An error unless value is finite and not below 0. */
reel_status reel__loss_not_negative(const char *option, double value);

/* The mean or sum of t, or t; then out of the innermost scope. */
reel_tensor *reel__loss_reduce(const char *at, reel_tensor *t, reel_reduction r);

/* x where c > 0, else 0: x itself, to the bit, and its gradient in the same places alone. */
reel_tensor *reel__loss_where(const char *at, reel_tensor *c, reel_tensor *x);
/* |x|, exactly; its gradient at 0 is 0. */
reel_tensor *reel__loss_abs(const char *at, reel_tensor *x);

#endif
