/* Ops for the library's own use: parts of others' gradients, and results given beforehand. All
 * borrowed. */
#ifndef REEL_TENSOR_OPS_INTERNAL_H
#define REEL_TENSOR_OPS_INTERNAL_H

#include "tensor/ops.h"
#include "tensor/tensor_internal.h"

/* dx = g [y > 0], of y = relu(x) */
reel_tensor *reel__relu_grad(const char *at, reel_tensor *g, reel_tensor *y);
/* dx = g y (1 - y), of y = sigmoid(x) */
reel_tensor *reel__sigmoid_grad(const char *at, reel_tensor *g, reel_tensor *y);
/* dx = g (1 - y^2), of y = tanh(x) */
reel_tensor *reel__tanh_grad(const char *at, reel_tensor *g, reel_tensor *y);
/* dx = g f'(x), of y = f(x) */
reel_tensor *reel__silu_grad(const char *at, reel_tensor *g, reel_tensor *x);
reel_tensor *reel__gelu_grad(const char *at, reel_tensor *g, reel_tensor *x);
reel_tensor *reel__gelu_tanh_grad(const char *at, reel_tensor *g, reel_tensor *x);
reel_tensor *reel__leaky_relu_grad(const char *at, reel_tensor *g, reel_tensor *x, double slope);
reel_tensor *reel__elu_grad(const char *at, reel_tensor *g, reel_tensor *x, double alpha);
reel_tensor *reel__clamp_grad(const char *at, reel_tensor *g, reel_tensor *x, double low,
                              double high);
reel_tensor *reel__softplus_grad(const char *at, reel_tensor *g, reel_tensor *x, double beta,
                                 double threshold);
/* dx = g [x > y], or g / 2 where x = y, of z = max(x, y); of min(x, y) it is that of (g, y, x) */
reel_tensor *reel__extreme_grad(const char *at, reel_tensor *g, reel_tensor *x, reel_tensor *y);
/* dx = 2 g x, of y = x x */
reel_tensor *reel__square_grad(const char *at, reel_tensor *g, reel_tensor *x);
/* bce(p, t); on a GPU a p outside 0..1 is an error, which comes late. */
reel_tensor *reel__bce_checked(const char *at, reel_tensor *p, reel_tensor *t);
/* dp = g (p - t) / max(p (1 - p), 1e-12), of bce(p, t) */
reel_tensor *reel__bce_grad(const char *at, reel_tensor *g, reel_tensor *p, reel_tensor *t);
/* dy = scale g (y - t), of mse(y, t), where scale is 2 / n; dt is that of mse(t, y) */
reel_tensor *reel__mse_grad(const char *at, reel_tensor *g, reel_tensor *y, reel_tensor *t,
                            double scale);
/* dx = g - e^y sum, of y = log_softmax(x) along an axis, where sum is that of g along it */
reel_tensor *reel__log_softmax_grad(const char *at, reel_tensor *g, reel_tensor *y,
                                    reel_tensor *sum);
/* z = w x, and 0 where w = 0, whatever x is: of a weight, and a term that may be infinite */
reel_tensor *reel__weigh(const char *at, reel_tensor *w, reel_tensor *x);
/* t = 1 where x and y are equal or both NaN, else 0, in their dtype; broadcast, constant */
reel_tensor *reel__ties(const char *at, reel_tensor *x, reel_tensor *y);
/* x[N,C,...] weight[C] target[N,...] (i64) -> z[N,...]: z = -weight[target] x[target] along axis 1,
 * 0 where target is `ignored`; any other target outside 0..C-1 is an error. In *weights, unless
 * that is NULL, those that took part, 0 where ignored. weight, and *weights, are constant. */
reel_tensor *reel__nll(const char *at, reel_tensor *x, reel_tensor *weight, reel_tensor *target,
                       int64_t ignored, reel_tensor **weights);
/* Its transpose: g[N,...] -> dx[N,C,...] of zeros, dx = -weight[target] g at target along axis 1 */
reel_tensor *reel__nll_grad(const char *at, reel_tensor *g, reel_tensor *weight,
                            reel_tensor *target, int64_t ignored);
/* out = x y, or out += x y */
reel_status reel__matmul_into(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y,
                              bool accumulate);
/* Zeros of `shape` with x at start, start + step, ... along the axis. */
reel_tensor *reel__slice_put(const char *at, reel_tensor *x, reel_shape shape, int axis,
                             int64_t start, int64_t step);
/* g summed over the axes along which `shape` was broadcast to g's. */
reel_tensor *reel__sum_to(const char *at, reel_tensor *g, reel_shape shape);

#endif
