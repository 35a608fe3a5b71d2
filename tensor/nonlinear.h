/* Non-linear functions beyond those of ops.h, under PyTorch's names: elementwise ones of floats,
 * x[...] -> y[...], and a few over an axis. Results are borrowed, and each is differentiable twice;
 * at a corner the gradient is PyTorch's. Modules of the same names are in nn/activations.h.
 *
 *     reel_tensor *y = reel_hardswish(reel_layer_norm(x, reel_shape(64), w, b, 1e-5)); */
#ifndef REEL_TENSOR_NONLINEAR_H
#define REEL_TENSOR_NONLINEAR_H

#include "random.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- piecewise ---- */

/* y = min(max(x, low), high), low <= high (-1 and 1 in PyTorch); the gradient is 1 between them. */
REEL_API reel_tensor *reel_hardtanh_at(const char *at, reel_tensor *x, double low, double high);
/* y = min(max(x, 0), 6). Krizhevsky (2010) */
REEL_API reel_tensor *reel_relu6_at(const char *at, reel_tensor *x);
/* y = min(max(x + 3, 0), 6) / 6 */
REEL_API reel_tensor *reel_hardsigmoid_at(const char *at, reel_tensor *x);
/* y = x min(max(x + 3, 0), 6) / 6. Howard et al., "Searching for MobileNetV3" (2019) */
REEL_API reel_tensor *reel_hardswish_at(const char *at, reel_tensor *x);
/* y = x, 0 where |x| <= lambd (0.5 in PyTorch); lambd >= 0 */
REEL_API reel_tensor *reel_hardshrink_at(const char *at, reel_tensor *x, double lambd);
/* y = x - lambd above lambd, x + lambd below -lambd, else 0 (lambd 0.5 in PyTorch); lambd >= 0 */
REEL_API reel_tensor *reel_softshrink_at(const char *at, reel_tensor *x, double lambd);
/* y = x where x > threshold, else value; NaN stays NaN */
REEL_API reel_tensor *reel_threshold_at(const char *at, reel_tensor *x, double threshold,
                                        double value);
#define reel_hardtanh(...) reel_hardtanh_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_relu6(...) reel_relu6_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_hardsigmoid(...) reel_hardsigmoid_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_hardswish(...) reel_hardswish_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_hardshrink(...) reel_hardshrink_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_softshrink(...) reel_softshrink_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_threshold(...) reel_threshold_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- smooth ---- */

/* y = x - tanh x */
REEL_API reel_tensor *reel_tanhshrink_at(const char *at, reel_tensor *x);
/* y = x / (1 + |x|) */
REEL_API reel_tensor *reel_softsign_at(const char *at, reel_tensor *x);
/* y = ln(1 / (1 + e^-x)), for any x */
REEL_API reel_tensor *reel_logsigmoid_at(const char *at, reel_tensor *x);
/* y = scale (x, below 0 alpha (e^x - 1)), scale 1.0507... and alpha 1.6732...: such that mean 0 and
 * variance 1 stay. Klambauer et al., "Self-Normalizing Neural Networks" (2017) */
REEL_API reel_tensor *reel_selu_at(const char *at, reel_tensor *x);
/* y = x, below 0 alpha (e^(x / alpha) - 1) (alpha 1 in PyTorch), alpha not 0. Barron (2017) */
REEL_API reel_tensor *reel_celu_at(const char *at, reel_tensor *x, double alpha);
#define reel_tanhshrink(...) reel_tanhshrink_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_softsign(...) reel_softsign_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_logsigmoid(...) reel_logsigmoid_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_selu(...) reel_selu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_celu(...) reel_celu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- with slopes of their own ---- */

/* y = x, below 0 weight x: x[B,C,...] weight[C], or weight[1] of any x; a 0-d x counts as of one
 * channel. Gradients go to both. He et al., "Delving deep into rectifiers" (2015) */
REEL_API reel_tensor *reel_prelu_at(const char *at, reel_tensor *x, reel_tensor *weight);
/* y = x, below 0 r x, where each element's r is drawn from U(lower, upper) (1/8 and 1/3 in
 * PyTorch); without a generator, as in evaluation, r is their mean. lower <= upper. Xu et al.,
 * "Empirical evaluation of rectified activations" (2015) */
REEL_API reel_tensor *reel_rrelu_at(const char *at, reel_tensor *x, double lower, double upper,
                                    reel_generator *g);
#define reel_prelu(...) reel_prelu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_rrelu(...) reel_rrelu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- along an axis ---- */

/* y = a sigmoid(b), a and b being x's halves along the axis, whose length is even. Dauphin et al.
 * (2017) */
REEL_API reel_tensor *reel_glu_at(const char *at, reel_tensor *x, int axis);
/* y = softmax(-x) */
REEL_API reel_tensor *reel_softmin_at(const char *at, reel_tensor *x, int axis);
#define reel_glu(...) reel_glu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_softmin(...) reel_softmin_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
