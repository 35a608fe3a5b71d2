/* What losses share: checks, reductions, and choices between two formulas. */
#ifndef REEL_NN_LOSS_INTERNAL_H
#define REEL_NN_LOSS_INTERNAL_H

#include "nn/nn.h"

/* Errors unless y and target are there, floats of one dtype and one shape, and r is a reduction. */
reel_status reel__loss_check(const char *what, const char *at, reel_tensor *y, reel_tensor *target,
                             reel_reduction r);
reel_status reel__loss_check_reduction(const char *what, const char *at, reel_reduction r);
/* "what: shapes differ: y[2, 3], target[2]", or their dtypes. */
reel_status reel__loss_differ(const char *what, const char *at, reel_status code, reel_tensor *y,
                              reel_tensor *target);
/* An error unless value is positive and finite. */
reel_status reel__loss_positive(const char *what, const char *at, const char *option, double value);

/* The mean or sum of t, or t; then out of the innermost scope. */
reel_tensor *reel__loss_reduce(const char *at, reel_tensor *t, reel_reduction r);

/* x where c > 0, else 0: x itself, to the bit, and its gradient in the same places alone. */
reel_tensor *reel__loss_where(const char *at, reel_tensor *c, reel_tensor *x);
/* |x|, exactly; its gradient at 0 is 0. */
reel_tensor *reel__loss_abs(const char *at, reel_tensor *x);

#endif
