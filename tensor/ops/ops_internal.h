/* Ops for the library's own use: parts of others' gradients, and results given beforehand. All
 * borrowed. */
#ifndef REEL_TENSOR_OPS_OPS_INTERNAL_H
#define REEL_TENSOR_OPS_OPS_INTERNAL_H

#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"
#include "tensor/ops/with_internal.h"

/* ---- elementwise: the rows of ops_map.def that are INNER ----
 *
 * <name>_grad(g, x, ...): the gradient of a row that is FUSED, g f'(x), or of y = f(x)
 * extreme_grad(g, x, y):  dx = g [x > y], or g / 2 where x = y, of z = max(x, y); of min(x, y) it
 *                         is that of (g, y, x)
 * bce_grad(g, p, t):      dp = g (p - t) / max(p (1 - p), 1e-12), of bce(p, t)
 * mse_grad(g, y, t, s):   dy = s g (y - t), of mse(y, t), where s is 2 / n; dt is that of mse(t, y)
 * log_softmax_grad(g, y, sum): dx = g - e^y sum, of y = log_softmax(x) along an axis, where sum is
 *                         that of g along it
 * weigh(w, x):            w x, and 0 where w = 0, whatever x is: of a weight, and a term that may
 *                         be infinite
 * ties(x, y):             1 where x and y are equal or both NaN, else 0, in their dtype; constant
 * bend(x, slope):         x, below 0 slope x: of tensors, as prelu has them
 * bend_grad(g, x, slope): dx = g, below 0 slope g, of the above
 * kept(x, kept, scale):   scale x where kept is above 0, else 0, whatever x is
 * pow_scalar(x, p):       x^p */
#define REEL__TAKES_1 reel_tensor *x
#define REEL__TAKES_2 reel_tensor *x, reel_tensor *y
#define REEL__TAKES_3 reel_tensor *x, reel_tensor *y, reel_tensor *z
#define REEL__TAKES_PLAIN
#define REEL__TAKES_WITH1 , double a
#define REEL__TAKES_WITH2 , double a, double b
#define REEL__TAKES_FAR
#define REEL__TAKES_TEST
#define REEL__DECLARE_PUBLIC(name, inputs, form)
#define REEL__DECLARE_INNER(name, inputs, form)                                                    \
    reel_tensor *reel__##name(const char *at, REEL__TAKES_##inputs REEL__TAKES_##form);
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    REEL__DECLARE_##scope(name, inputs, form)
#include "tensor/ops/ops_map.def"

/* bce(p, t); on a GPU a p outside 0..1 is an error, which comes late. */
reel_tensor *reel__bce_checked(const char *at, reel_tensor *p, reel_tensor *t);
/* x[N,C,...] weight[C] target[N,...] (i64) -> z[N,...]: z = -weight[target] x[target] along axis 1,
 * 0 where target is `ignored`; any other target outside 0..C-1 is an error. In *weights, unless
 * that is NULL, those that took part, 0 where ignored. weight, and *weights, are constant. */
reel_tensor *reel__nll(const char *at, reel_tensor *x, reel_tensor *weight, reel_tensor *target,
                       int64_t ignored, reel_tensor **weights);
/* Its transpose: g[N,...] -> dx[N,C,...] of zeros, dx = -weight[target] g at target along axis 1 */
reel_tensor *reel__nll_grad(const char *at, reel_tensor *g, reel_tensor *weight,
                            reel_tensor *target, int64_t ignored);
/* The sides of a convolution y of x[N,C,S...] by w[O,C/groups,K...], as convolution.h has it (bias
 * may be NULL): each is linear in both of its tensors, and the gradients of each are the others.
 *     conv_input_grad   g[N,O,S'...] w -> dx[N,C,S...], a transposed convolution
 *     conv_weight_grad  g[N,O,S'...] x -> dw[O,C/groups,K...]
 * with.conv.size says how large the result is. */
reel_tensor *reel__conv(const char *at, reel_tensor *x, reel_tensor *w, reel_tensor *bias,
                        const reel__with *with);
reel_tensor *reel__conv_input_grad(const char *at, reel_tensor *g, reel_tensor *w,
                                   const reel__with *with);
reel_tensor *reel__conv_weight_grad(const char *at, reel_tensor *g, reel_tensor *x,
                                    const reel__with *with);
/* y = (x - mean) / sqrt(var + eps) weight + bias, of x seen as [outer, groups, channels, inner],
 * whose mean and biased variance are those of each group's channels and inner, or `across` of each
 * channel over outer and inner; weight and bias are of [groups channels], or NULL. In *mean and
 * *var, unless NULL: what they were, constant. */
reel_tensor *reel__standardize(const char *at, reel_tensor *x, reel_tensor *weight,
                               reel_tensor *bias, const reel__with *with, reel_tensor **mean,
                               reel_tensor **var);
/* In place: count += 1, then running = (1 - share) running + share new, for the mean and for the
 * variance, which counts `factor` times; share is 1 / count if cumulative. All f32 or all f64,
 * contiguous, as long as each other; count is one i64. */
reel_status reel__track_statistics(const char *at, reel_tensor *running_mean,
                                   reel_tensor *running_var, reel_tensor *mean, reel_tensor *var,
                                   reel_tensor *count, const reel__with *with);
/* Its gradients behind each other, of x, weight and bias, as far as there are any. */
reel_tensor *reel__standardize_grad(const char *at, reel_tensor *g, reel_tensor *x,
                                    reel_tensor *mean, reel_tensor *var, reel_tensor *weight,
                                    const reel__with *with);
/* Over the last axes, as with.window says of each (window_formulas_internal.h):
 *     resample        y = times sum of weight x, and `value` where no element is
 *     resample_grad   its transpose: g of y's lengths -> dx of x's
 *     max_pool        the greatest of a window, and in *indices, unless that is NULL, where in its
 *                     plane it lies (i64)
 *     max_pool_grad   g and indices of y's lengths -> dx of x's: sums of g where an index says so
 *     unfold          x[N,C,H,W] -> y[N,C kh kw,L], each window a column; of floats and others
 *     unfold_grad     its transpose, y -> x[N,C,H,W], which sums: fold */
reel_tensor *reel__resample(const char *at, reel_tensor *x, const reel__with *with);
reel_tensor *reel__resample_grad(const char *at, reel_tensor *g, const reel__with *with);
reel_tensor *reel__max_pool(const char *at, reel_tensor *x, const reel__with *with,
                            reel_tensor **indices);
reel_tensor *reel__max_pool_grad(const char *at, reel_tensor *g, reel_tensor *indices,
                                 const reel__with *with);
reel_tensor *reel__unfold(const char *at, reel_tensor *x, const reel__with *with);
reel_tensor *reel__unfold_grad(const char *at, reel_tensor *x, const reel__with *with);
/* y = x / (1 - p) where a word of the generator is not among the p 2^32 least, else 0, whatever x
 * is; p in [0, 1). Element i, row-major, has word i mod 4 of block i / 4, from the block on that
 * `state` (i64 {seed, offset}, the generator's) says, which is moved on. */
reel_tensor *reel__dropout(const char *at, reel_tensor *x, reel_tensor *state, double p);
/* The same by the words from `used` on, which is left as it is: what the gradient of the above is,
 * and its own. */
reel_tensor *reel__dropout_again(const char *at, reel_tensor *x, reel_tensor *used, double p);
/* out = x y, or out += x y */
reel_status reel__matmul_into(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y,
                              bool accumulate);
/* Zeros of `shape` with x at start, start + step, ... along the axis. */
reel_tensor *reel__slice_put(const char *at, reel_tensor *x, reel_shape shape, int axis,
                             int64_t start, int64_t step);
/* y[i] = x[0] + ... + x[i] along an axis, or reversed x[i] + ... + x[n-1] */
reel_tensor *reel__cumsum(const char *at, reel_tensor *x, int axis, bool reverse);
/* g summed over the axes along which `shape` was broadcast to g's. */
reel_tensor *reel__sum_to(const char *at, reel_tensor *g, reel_shape shape);

#endif
