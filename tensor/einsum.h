/* Products of tensors along any of their axes.
 *
 *     reel_tensor *y = reel_einsum("bhqd,bhkd->bhqk", q, k);
 *     reel_tensor *trace = reel_einsum("ii", x);
 *
 * Made of permutations, reshapes and matrix products, so they are as fast as those; operands are
 * floats of one dtype, of single operands any. Results are borrowed. */
#ifndef REEL_TENSOR_EINSUM_H
#define REEL_TENSOR_EINSUM_H

#include "ops.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Einstein's sum, as numpy's and PyTorch's: a letter for each axis of each operand, operands apart
 * by commas, and after "->" the axes of the result; over all others the product is summed. Without
 * "->" the result has the letters that come once, in the order of ASCII, behind the axes of "...".
 * A letter twice in an operand is its diagonal; "..." stands for any number of axes, which
 * broadcast as in ops; so does a letter whose size is 1 in one operand. Spaces don't matter.
 * Operands are multiplied from left to right, each as one matrix product: put those in front whose
 * product is small.
 *
 * Errors: letters that don't fit their operand's axes or each other's sizes, a letter of the result
 * that no operand has, or twice in it, and more than 8 axes on the way. */
REEL_API reel_tensor *reel_einsum_at(const char *at, const char *equation,
                                     reel_tensor *const *operands, int count);
#define reel_einsum_list(...) reel_einsum_at(REEL_HERE, __VA_ARGS__)
#define reel_einsum(equation, ...)                                                                 \
    reel_einsum_at(REEL_AT(__VA_ARGS__), equation, REEL__LIST(__VA_ARGS__))

/* The sum of x y over x's axes and y's, in pairs: x[A,B,C] y[C,B,D] with axes (1, 2) and (1, 0) ->
 * z[A,D]; without any, z[A,B,C,C,B,D]. */
REEL_API reel_tensor *reel_tensordot_at(const char *at, reel_tensor *x, reel_tensor *y,
                                        reel_shape x_axes, reel_shape y_axes);
#define reel_tensordot(x, y, x_axes, y_axes) reel_tensordot_at(REEL_AT(x, y), x, y, x_axes, y_axes)

/* z[i,j] = x[i] y[j]: x[M] y[N] -> z[M,N]; any number */
REEL_API reel_tensor *reel_outer_at(const char *at, reel_tensor *x, reel_tensor *y);
#define reel_outer(...) reel_outer_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* z[...,o] = sum over i and j of x[...,i] weight[o,i,j] y[...,j], and bias[o], which may be NULL */
REEL_API reel_tensor *reel_bilinear_at(const char *at, reel_tensor *x, reel_tensor *y,
                                       reel_tensor *weight, reel_tensor *bias);
#define reel_bilinear(...) reel_bilinear_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
