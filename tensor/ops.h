/* Ops on tensors. Each is one row of the op table, tensor/ops/ops.def; all are differentiable
 * unless said otherwise.
 *
 *     reel_tensor *h = reel_relu(reel_add(reel_matmul(x, W), b)); // x[B,I] W[I,O] b[O] -> h[B,O]
 *
 * Results are borrowed (see tensor.h). Broadcasting is numpy's: shapes are aligned at the right, an
 * axis of size 1 stretches, all else is an error. Operands of one op have one dtype and one device;
 * reel_cast and reel_to change them, nothing else does. "float" below means f32, f64, f16 and
 * bf16; the last two are computed in f32, and the result is rounded. Integer arithmetic wraps.
 * In-place forms, and forms that fill a given tensor, are in into.h.
 *
 * Errors, all kept as error.h says: NULL operand, shapes that don't fit, dtypes or devices that
 * differ or that the op does not take, out of memory. */
#ifndef REEL_TENSOR_OPS_H
#define REEL_TENSOR_OPS_H

#include "into.h"
#include "nonlinear.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise, binary, broadcast: x[...] y[...] -> z[...]. "Any number" is a float, i64
 * or u8 ---- */

/* z = x + y; any number */
REEL_API reel_tensor *reel_add_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x - y; any number */
REEL_API reel_tensor *reel_sub_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x y; any number */
REEL_API reel_tensor *reel_mul_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x / y; float */
REEL_API reel_tensor *reel_div_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x^y; float. x^0 and 1^y are 1, of NaN too; NaN if x is negative and y no whole number */
REEL_API reel_tensor *reel_pow_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = max(x, y); any number. NaN if either is; of equals, each gets half of the gradient */
REEL_API reel_tensor *reel_maximum_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = min(x, y), likewise */
REEL_API reel_tensor *reel_minimum_at(const char *at, reel_tensor *x, reel_tensor *y);
#define reel_add(...) reel_add_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_sub(...) reel_sub_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_mul(...) reel_mul_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_div(...) reel_div_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_pow(...) reel_pow_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_maximum(...) reel_maximum_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_minimum(...) reel_minimum_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Binary cross-entropy of a probability p in [0,1] and a target t, element by element, logs clamped
 * at -100 as in PyTorch:  z = -(t max(ln p, -100) + (1 - t) max(ln(1 - p), -100)); float. NaN where
 * p is not in [0,1] */
REEL_API reel_tensor *reel_bce_at(const char *at, reel_tensor *p, reel_tensor *t);
#define reel_bce(...) reel_bce_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- elementwise, unary, float unless said otherwise: x[...] -> y[...] ---- */

/* The gradient of sign, floor, ceil, round and trunc is 0, and that of abs at 0. */
REEL_API reel_tensor *reel_neg_at(const char *at, reel_tensor *x); /* y = -x; any number */
REEL_API reel_tensor *reel_abs_at(const char *at, reel_tensor *x); /* y = |x|; any number */
REEL_API reel_tensor *reel_sign_at(const char *at,
                                   reel_tensor *x); /* y = -1, 0 or 1; of NaN 0; any number */
REEL_API reel_tensor *reel_floor_at(const char *at,
                                    reel_tensor *x); /* the largest whole number <= x */
REEL_API reel_tensor *reel_ceil_at(const char *at,
                                   reel_tensor *x); /* the smallest whole number >= x */
REEL_API reel_tensor *reel_round_at(const char *at,
                                    reel_tensor *x); /* the nearest whole number, halves to even */
REEL_API reel_tensor *reel_trunc_at(const char *at, reel_tensor *x);      /* towards 0 */
REEL_API reel_tensor *reel_square_at(const char *at, reel_tensor *x);     /* y = x x */
REEL_API reel_tensor *reel_sqrt_at(const char *at, reel_tensor *x);       /* y = sqrt x */
REEL_API reel_tensor *reel_rsqrt_at(const char *at, reel_tensor *x);      /* y = 1 / sqrt x */
REEL_API reel_tensor *reel_reciprocal_at(const char *at, reel_tensor *x); /* y = 1 / x */
REEL_API reel_tensor *reel_exp_at(const char *at, reel_tensor *x);        /* y = e^x */
REEL_API reel_tensor *reel_expm1_at(const char *at, reel_tensor *x);      /* y = e^x - 1 */
REEL_API reel_tensor *reel_log_at(const char *at, reel_tensor *x);        /* y = ln x */
REEL_API reel_tensor *reel_log1p_at(const char *at, reel_tensor *x);      /* y = ln(1 + x) */
REEL_API reel_tensor *reel_sin_at(const char *at, reel_tensor *x);        /* y = sin x, for any x */
REEL_API reel_tensor *reel_cos_at(const char *at, reel_tensor *x);        /* y = cos x, for any x */
REEL_API reel_tensor *
reel_erf_at(const char *at,
            reel_tensor *x); /* y = 2 / sqrt pi times the integral of e^(-t^2) from 0 to x */
#define reel_neg(...) reel_neg_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_abs(...) reel_abs_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_sign(...) reel_sign_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_floor(...) reel_floor_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_ceil(...) reel_ceil_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_round(...) reel_round_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_trunc(...) reel_trunc_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_square(...) reel_square_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_sqrt(...) reel_sqrt_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_rsqrt(...) reel_rsqrt_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_reciprocal(...) reel_reciprocal_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_exp(...) reel_exp_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_expm1(...) reel_expm1_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_log(...) reel_log_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_log1p(...) reel_log1p_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_sin(...) reel_sin_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_cos(...) reel_cos_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_erf(...) reel_erf_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y = scale x + shift with two constants. */
REEL_API reel_tensor *reel_affine_at(const char *at, reel_tensor *x, double scale, double shift);
#define reel_affine(...) reel_affine_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_scale(x, scale) reel_affine_at(REEL__AS("scale", #x), x, scale, 0.0)
#define reel_shift(x, shift) reel_affine_at(REEL__AS("shift", #x), x, 1.0, shift)

/* y = min(max(x, low), high); NaN stays NaN. The gradient is 1 between the bounds, else 0. */
REEL_API reel_tensor *reel_clamp_at(const char *at, reel_tensor *x, double low, double high);
#define reel_clamp(...) reel_clamp_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y = x^p with a constant, as reel_pow. */
REEL_API reel_tensor *reel_pow_scalar_at(const char *at, reel_tensor *x, double p);
#define reel_pow_scalar(...) reel_pow_scalar_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- activations, float; the others are in nonlinear.h ---- */

/* y = max(x, 0); NaN stays NaN */
REEL_API reel_tensor *reel_relu_at(const char *at, reel_tensor *x);
/* y = 1 / (1 + e^-x) */
REEL_API reel_tensor *reel_sigmoid_at(const char *at, reel_tensor *x);
/* y = tanh x */
REEL_API reel_tensor *reel_tanh_at(const char *at, reel_tensor *x);
/* y = x sigmoid(x). Elfwing et al. (2017) */
REEL_API reel_tensor *reel_silu_at(const char *at, reel_tensor *x);
/* y = x Phi(x) = x (1 + erf(x / sqrt 2)) / 2. Hendrycks and Gimpel (2016) */
REEL_API reel_tensor *reel_gelu_at(const char *at, reel_tensor *x);
/* its approximation, y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2 */
REEL_API reel_tensor *reel_gelu_tanh_at(const char *at, reel_tensor *x);
#define reel_relu(...) reel_relu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_sigmoid(...) reel_sigmoid_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_tanh(...) reel_tanh_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_silu(...) reel_silu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_gelu(...) reel_gelu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_gelu_tanh(...) reel_gelu_tanh_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
/* y = x, below 0 slope x (0.01 in PyTorch) */
REEL_API reel_tensor *reel_leaky_relu_at(const char *at, reel_tensor *x, double slope);
/* y = x, below 0 alpha (e^x - 1) (alpha 1 in PyTorch). Clevert et al. (2015) */
REEL_API reel_tensor *reel_elu_at(const char *at, reel_tensor *x, double alpha);
/* y = ln(1 + e^(beta x)) / beta, and x where beta x > threshold (1 and 20 in PyTorch) */
REEL_API reel_tensor *reel_softplus_at(const char *at, reel_tensor *x, double beta,
                                       double threshold);
#define reel_leaky_relu(...) reel_leaky_relu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_elu(...) reel_elu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_softplus(...) reel_softplus_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
/* y = x tanh(ln(1 + e^x)). Misra (2019) */
REEL_API reel_tensor *reel_mish_at(const char *at, reel_tensor *x);
#define reel_mish(...) reel_mish_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- truth values: u8, 0 or 1; constant. Of any number, the last three of floats ---- */

/* x = y, x != y, x < y, x <= y, x > y, x >= y, broadcast; with NaN only != is true */
REEL_API reel_tensor *reel_eq_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_ne_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_lt_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_le_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_gt_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_ge_at(const char *at, reel_tensor *x, reel_tensor *y);
#define reel_eq(...) reel_eq_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_ne(...) reel_ne_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_lt(...) reel_lt_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_le(...) reel_le_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_gt(...) reel_gt_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_ge(...) reel_ge_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Of what is not 0, NaN included. */
REEL_API reel_tensor *reel_logical_and_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_logical_or_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_logical_xor_at(const char *at, reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_logical_not_at(const char *at, reel_tensor *x);
REEL_API reel_tensor *reel_isnan_at(const char *at, reel_tensor *x);
REEL_API reel_tensor *reel_isinf_at(const char *at, reel_tensor *x);
REEL_API reel_tensor *reel_isfinite_at(const char *at, reel_tensor *x);
#define reel_logical_and(...) reel_logical_and_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_logical_or(...) reel_logical_or_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_logical_xor(...) reel_logical_xor_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_logical_not(...) reel_logical_not_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_isnan(...) reel_isnan_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_isinf(...) reel_isinf_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_isfinite(...) reel_isfinite_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* z = x where mask (u8) is not 0, else y; broadcast; x and y of one dtype, any. What is not taken
 * has no part in the result or its gradient, NaN or not. */
REEL_API reel_tensor *reel_where_at(const char *at, reel_tensor *mask, reel_tensor *x,
                                    reel_tensor *y);
#define reel_where(...) reel_where_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* z = x where mask (u8) is not 0, else value; masked_fill is its mirror. */
REEL_API reel_tensor *reel_where_else_at(const char *at, reel_tensor *mask, reel_tensor *x,
                                         double value);
#define reel_where_else(...) reel_where_else_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* z = value where mask (u8) is not 0, else x. */
REEL_API reel_tensor *reel_masked_fill_at(const char *at, reel_tensor *x, reel_tensor *mask,
                                          double value);
#define reel_masked_fill(...) reel_masked_fill_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- dtypes ---- */

/* x in another dtype, any to any: x itself where it has it already. Float to integer truncates, and
 * a value the integer type can't hold becomes its nearest bound, NaN 0. Differentiable from float
 * to float. */
REEL_API reel_tensor *reel_cast_at(const char *at, reel_tensor *x, reel_dtype dtype);
#define reel_cast(...) reel_cast_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y = scale x in f32 or f64, from any dtype: pixels in u8 to floats in one pass. Not
 * differentiable: an error on a tracked x. */
REEL_API reel_tensor *reel_dequantize_at(const char *at, reel_tensor *x, double scale,
                                         reel_dtype dtype);
#define reel_dequantize(...) reel_dequantize_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- reductions ---- */

/* Over all axes, or over those listed (none listed: all); keepdim leaves an axis of size 1 in their
 * place. Of a 0-d tensor axis 0 or -1 may be listed, as PyTorch takes it, which changes nothing; so
 * it is of softmax, and of no other op with an axis. What is expanded is not copied. The order in
 * which elements come together depends on shape and strides alone, never on the number of threads.
 * reel_mean_over(x, reel_axes(1), false): x[B,N] -> y[B] */

/* Sum, mean and product. What f32 does not hold on the way is f64. Integers give i64; mean takes
 * floats. Of nothing they are 0, NaN and 1. prod's gradient is right where x has zeros. */
REEL_API reel_tensor *reel_sum_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_mean_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_prod_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_sum(x) reel_sum_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_mean(x) reel_mean_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_prod(x) reel_prod_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_sum_over(...) reel_sum_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_mean_over(...) reel_mean_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_prod_over(...) reel_prod_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The greatest and the least, in x's dtype; of nothing an error. NaN is both. The gradient is
 * shared evenly by equals, as PyTorch's amax and amin share it. */
REEL_API reel_tensor *reel_max_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_min_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_max(x) reel_max_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_min(x) reel_min_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_max_over(...) reel_max_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_min_over(...) reel_min_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Where they are, in i64: the first of equals, along one axis, or in the row-major order of all.
 * Constant; of nothing, or over some axes of several, an error.
 * reel_argmax_over(x, reel_axes(1), false): x[B,C] -> y[B] */
REEL_API reel_tensor *reel_argmax_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_argmin_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_argmax(x) reel_argmax_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_argmin(x) reel_argmin_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_argmax_over(...) reel_argmax_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_argmin_over(...) reel_argmin_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Whether any element, or all of them, are other than 0, in u8: 1 or 0. NaN is other than 0; of
 * nothing, any is 0 and all is 1. Constant. */
REEL_API reel_tensor *reel_any_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_all_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_any(x) reel_any_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_all(x) reel_all_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_any_over(...) reel_any_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_all_over(...) reel_all_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* var = sum (x - mean x)^2 / max(n - correction, 0) of n elements, std = sqrt var; float. The
 * correction is 1, Bessel's, or what _with says; 0 gives the mean square. Infinite of numbers whose
 * squares are beyond f64. Of n <= correction
 * elements, NaN or infinite. Where std is 0 its gradient is 0. */
REEL_API reel_tensor *reel_var_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim,
                                  double correction);
REEL_API reel_tensor *reel_std_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim,
                                  double correction);
#define reel_var(x) reel_var_at(REEL_AT(x), x, REEL_SCALAR, false, 1.0)
#define reel_std(x) reel_std_at(REEL_AT(x), x, REEL_SCALAR, false, 1.0)
#define reel_var_over(x, axes, keepdim) reel_var_at(REEL_AT(x), x, axes, keepdim, 1.0)
#define reel_std_over(x, axes, keepdim) reel_std_at(REEL_AT(x), x, axes, keepdim, 1.0)
#define reel_var_with(...) reel_var_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_std_with(...) reel_std_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y = ln sum e^x, for any x; float. -infinity of nothing, and where all of x is; the gradient there
 * is 0, else g softmax(x). */
REEL_API reel_tensor *reel_logsumexp_at(const char *at, reel_tensor *x, reel_shape axes,
                                        bool keepdim);
#define reel_logsumexp(x) reel_logsumexp_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_logsumexp_over(...) reel_logsumexp_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The p-norm of a vector, y = (sum |x|^p)^(1/p), as PyTorch's linalg.vector_norm: any p, of which 0
 * counts what is not 0, and infinity and -infinity are the greatest and the least |x|; float. Of
 * nothing 0, but an error where p is negative or infinite. Gradients where x or y is 0, of any
 * order, are 0; among equals the extremes share theirs. Where p is 2 no square overflows or
 * vanishes; of f32, other powers are f64 where they would. */
REEL_API reel_tensor *reel_norm_at(const char *at, reel_tensor *x, double p, reel_shape axes,
                                   bool keepdim);
#define reel_norm(x, p) reel_norm_at(REEL_AT(x), x, p, REEL_SCALAR, false)
#define reel_norm_over(...) reel_norm_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- running sums ---- */

/* y[i] = x[0] + ... + x[i] along an axis; any number, of u8 in i64. Sums are f64 on the way, and
 * f32 results are rounded from them. The order of addition depends on the shape alone. */
REEL_API reel_tensor *reel_cumsum_at(const char *at, reel_tensor *x, int axis);
#define reel_cumsum(...) reel_cumsum_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* z = mean over all elements of (y - t)^2, in one pass: y[...] t[...] -> z, 0-d. The shapes are
 * equal, without broadcasting; float; NaN of nothing. The order of addition is sum's: the number of
 * elements decides it alone. */
REEL_API reel_tensor *reel_mse_at(const char *at, reel_tensor *y, reel_tensor *t);
#define reel_mse(...) reel_mse_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- matrix product ---- */

/* z[...,M,N] = x[...,M,K] y[...,K,N]; float. The axes before the last two are a batch of matrices,
 * broadcast like any others: x[B,M,K] y[K,N] -> z[B,M,N]. A vector is a row of one, x[K], or a
 * column of one, y[K], and the result lacks that axis: x[M,K] y[K] -> z[M], x[K] y[K] -> z, 0-d.
 * Batches that are broadcast, and matrices that are transposed or cut out of larger ones, are taken
 * as they lie; an operand whose matrices are contiguous along neither axis, or have rows that
 * overlap, is copied first. */
REEL_API reel_tensor *reel_matmul_at(const char *at, reel_tensor *x, reel_tensor *y);
#define reel_matmul(...) reel_matmul_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- softmax ---- */

/* y = e^(x - max) / sum e^(x - max) along an axis; float. */
REEL_API reel_tensor *reel_softmax_at(const char *at, reel_tensor *x, int axis);
/* Its logarithm: y = x - max - ln sum e^(x - max). */
REEL_API reel_tensor *reel_log_softmax_at(const char *at, reel_tensor *x, int axis);
#define reel_softmax(...) reel_softmax_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_log_softmax(...) reel_log_softmax_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- indexing ---- */

/* y = x with axis `axis` replaced by the entries that index[n] (i64) names, in its order:
 *     axis 0: x[N,D] index[B] -> y[B,D], y[b,:] = x[index[b],:]
 * An index outside 0..N-1 is an error. */
REEL_API reel_tensor *reel_index_select_at(const char *at, reel_tensor *x, int axis,
                                           reel_tensor *index);
#define reel_index_select(x, axis, index) reel_index_select_at(REEL_AT(x, index), x, axis, index)

/* y[b,...] = scale x[index[b],...] in f32 or f64, x[N,...] of any dtype, index[B] (i64): the rows
 * of a data set to a batch of floats in one pass. Not differentiable: an error on a tracked x. An
 * index outside 0..N-1 is an error. */
REEL_API reel_tensor *reel_dequantize_rows_at(const char *at, reel_tensor *x, reel_tensor *index,
                                              double scale, reel_dtype dtype);
#define reel_dequantize_rows(...) reel_dequantize_rows_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The transpose of index_select: y[size at axis,...] of zeros, y[index[b],:] += x[b,:] in the order
 * of b. */
REEL_API reel_tensor *reel_index_add_at(const char *at, reel_tensor *x, int axis,
                                        reel_tensor *index, int64_t size);
#define reel_index_add(x, axis, index, size)                                                       \
    reel_index_add_at(REEL_AT(x, index), x, axis, index, size)

/* y[i,j] = x[i, index[i,j]] along `axis`; index (i64) has y's shape, and x's but for that axis. */
REEL_API reel_tensor *reel_gather_at(const char *at, reel_tensor *x, int axis, reel_tensor *index);
#define reel_gather(x, axis, index) reel_gather_at(REEL_AT(x, index), x, axis, index)

/* Its transpose: y of zeros with `size` entries along `axis`, y[i, index[i,j]] += x[i,j] in the
 * order of j. */
REEL_API reel_tensor *reel_scatter_add_at(const char *at, reel_tensor *x, int axis,
                                          reel_tensor *index, int64_t size);
#define reel_scatter_add(x, axis, index, size)                                                     \
    reel_scatter_add_at(REEL_AT(x, index), x, axis, index, size)

/* The k largest (or smallest) along an axis, best first; equal values in the order of their
 * indices; NaN counts as the largest. Returns the values, and the indices (i64, constant) through
 * *indices unless that is NULL. */
REEL_API reel_tensor *reel_topk_at(const char *at, reel_tensor *x, int64_t k, int axis,
                                   bool largest, reel_tensor **indices);
#define reel_topk(...) reel_topk_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* x with its elements in order along an axis, least first, or greatest first if descending; equal
 * ones stay in the order they had; NaN counts as the greatest. Returns the values, and through
 * *indices, unless that is NULL, where in x each was (i64, constant), as gather takes it.
 * reel_argsort returns the indices alone. */
REEL_API reel_tensor *reel_sort_at(const char *at, reel_tensor *x, int axis, bool descending,
                                   reel_tensor **indices);
REEL_API reel_tensor *reel_argsort_at(const char *at, reel_tensor *x, int axis, bool descending);
#define reel_sort(...) reel_sort_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_argsort(...) reel_argsort_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* y[..., c] = 1 where c = index[...], else 0: index[...] (i64) -> y[..., classes] of any dtype. An
 * index outside 0..classes-1 is an error. Constant. */
REEL_API reel_tensor *reel_one_hot_at(const char *at, reel_tensor *index, int64_t classes,
                                      reel_dtype dtype);
#define reel_one_hot(...) reel_one_hot_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- views: no copy, the same storage ---- */

/* The same elements in another shape; one axis may be -1 (worked out). A view where strides allow
 * it, else a copy. */
REEL_API reel_tensor *reel_reshape_at(const char *at, reel_tensor *x, reel_shape shape);
#define reel_reshape(...) reel_reshape_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The same without an axis, which must be of size 1; with a new axis of size 1, which is number
 * `axis` of the result, -1 its last; with axes first..last as one: reel_flatten(x, 1, -1):
 * x[B,C,H,W] -> y[B,CHW]; of a 0-d tensor y[1]. Reshapes, all three. */
REEL_API reel_tensor *reel_squeeze_at(const char *at, reel_tensor *x, int axis);
REEL_API reel_tensor *reel_unsqueeze_at(const char *at, reel_tensor *x, int axis);
REEL_API reel_tensor *reel_flatten_at(const char *at, reel_tensor *x, int first, int last);
#define reel_squeeze(...) reel_squeeze_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_unsqueeze(...) reel_unsqueeze_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_flatten(...) reel_flatten_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Axis `axis` as several, of which one may be -1: reel_unflatten(x, 1, reel_shape(3, -1)):
 * x[B,12] -> y[B,3,4]. A reshape. */
REEL_API reel_tensor *reel_unflatten_at(const char *at, reel_tensor *x, int axis, reel_shape shape);
#define reel_unflatten(...) reel_unflatten_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Axes in another order: reel_permute(x, reel_axes(2, 0, 1)). reel_transpose swaps two, reel_t the
 * last two. */
REEL_API reel_tensor *reel_permute_at(const char *at, reel_tensor *x, reel_shape axes);
REEL_API reel_tensor *reel_transpose_at(const char *at, reel_tensor *x, int axis, int other);
REEL_API reel_tensor *reel_t_at(const char *at, reel_tensor *x);
#define reel_permute(...) reel_permute_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_transpose(...) reel_transpose_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_t(...) reel_t_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Every step-th entry of start..stop-1 along an axis; step >= 1; negative bounds count from the
 * end, and bounds past an end are cut, as in Python. reel_select takes one entry and drops the
 * axis; there an index outside is an error. */
REEL_API reel_tensor *reel_slice_at(const char *at, reel_tensor *x, int axis, int64_t start,
                                    int64_t stop, int64_t step);
REEL_API reel_tensor *reel_select_at(const char *at, reel_tensor *x, int axis, int64_t index);
#define reel_slice(...) reel_slice_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_select(...) reel_select_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Pieces along an axis, views all of them, written to parts[0..count-1]: of the sizes given, which
 * add up to the axis; of one size, the last ones less, or nothing, if it does not come out even (as
 * torch.chunk cuts, but always `count` of them); or single entries, as many as there are, without
 * the axis. Borrowed; after a failure those that were not made are NULL.
 *
 *     reel_tensor *qkv[3];
 *     reel_chunk(x, -1, 3, qkv);        // x[B,T,3D] -> 3 times [B,T,D] */
REEL_API reel_status reel_split_at(const char *at, reel_tensor *x, int axis, const int64_t *sizes,
                                   int count, reel_tensor **parts);
REEL_API reel_status reel_chunk_at(const char *at, reel_tensor *x, int axis, int count,
                                   reel_tensor **parts);
REEL_API reel_status reel_unbind_at(const char *at, reel_tensor *x, int axis, int count,
                                    reel_tensor **parts);
#define reel_split(...) reel_split_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_chunk(...) reel_chunk_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_unbind(...) reel_unbind_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Broadcast to a shape, by strides of 0. */
REEL_API reel_tensor *reel_expand_at(const char *at, reel_tensor *x, reel_shape shape);
#define reel_expand(...) reel_expand_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* x itself if its elements lie row-major without gaps, else a copy that does. */
REEL_API reel_tensor *reel_contiguous_at(const char *at, reel_tensor *x);
#define reel_contiguous(...) reel_contiguous_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- joining, rearranging ---- */

/* One after the other along an axis: x[M,D] y[N,D] -> z[M+N,D], of any dtype. The shapes are equal
 * but for that axis. From a list, or from those listed: reel_concat(0, x, y, ...). */
REEL_API reel_tensor *reel_concat_at(const char *at, reel_tensor *const *x, int count, int axis);
#define reel_concat_list(...) reel_concat_at(REEL_HERE, __VA_ARGS__)
#define reel_concat(axis, ...) reel_concat_at(REEL_AT(__VA_ARGS__), REEL__LIST(__VA_ARGS__), axis)

/* Side by side along a new axis, which is number `axis` of the result: count times x[M,N], axis 0
 * -> z[count,M,N]. The shapes are equal. */
REEL_API reel_tensor *reel_stack_at(const char *at, reel_tensor *const *x, int count, int axis);
#define reel_stack_list(...) reel_stack_at(REEL_HERE, __VA_ARGS__)
#define reel_stack(axis, ...) reel_stack_at(REEL_AT(__VA_ARGS__), REEL__LIST(__VA_ARGS__), axis)
#define REEL__LIST(...)                                                                            \
    REEL__ARRAY(reel_tensor *, __VA_ARGS__), REEL__LENGTH(reel_tensor *, __VA_ARGS__)

/* x over and over along each axis, times.dim[i] of it along axis i of the result; more numbers than
 * x has axes are new axes in front: x[2,3] times [4,1,2] -> y[4,2,6]. x itself where all are 1. */
REEL_API reel_tensor *reel_repeat_at(const char *at, reel_tensor *x, reel_shape times);
#define reel_repeat(...) reel_repeat_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Each entry along an axis `times` over, one after the other: x[2] -> (x0, x0, x1, x1). */
REEL_API reel_tensor *reel_repeat_interleave_at(const char *at, reel_tensor *x, int64_t times,
                                                int axis);
/* Entry i repeats[i] times over: repeats[n] (i64, 0 or more), n entries along the axis. `size` is
 * their sum, which the result has along the axis; -1: it is read, which waits. A sum that is not as
 * said is an error, as a bad index is; a repeat below 0 is not looked for. */
REEL_API reel_tensor *reel_repeat_each_at(const char *at, reel_tensor *x, reel_tensor *repeats,
                                          int axis, int64_t size);
#define reel_repeat_interleave(...) reel_repeat_interleave_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_repeat_each(x, repeats, axis, size)                                                   \
    reel_repeat_each_at(REEL_AT(x, repeats), x, repeats, axis, size)

/* The entries along an axis in reverse; a copy, of any dtype. */
REEL_API reel_tensor *reel_flip_at(const char *at, reel_tensor *x, int axis);
#define reel_flip(...) reel_flip_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* x[...,M,N] with zeros above the diagonal (tril) or below it (triu), which is the main one, or
 * lies `diagonal` columns to its right: tril keeps x[...,i,j] where j <= i + diagonal, triu where
 * j >= i + diagonal. Of any dtype. */
REEL_API reel_tensor *reel_tril_at(const char *at, reel_tensor *x, int64_t diagonal);
REEL_API reel_tensor *reel_triu_at(const char *at, reel_tensor *x, int64_t diagonal);
/* Where these elements lie in a matrix of that shape, row by row: i64[2,n], of rows and of columns.
 */
REEL_API reel_tensor *reel_tril_indices_at(const char *at, int64_t rows, int64_t columns,
                                           int64_t diagonal, reel_device device);
REEL_API reel_tensor *reel_triu_indices_at(const char *at, int64_t rows, int64_t columns,
                                           int64_t diagonal, reel_device device);
#define reel_tril_indices(...) reel_tril_indices_at(REEL_HERE, __VA_ARGS__)
#define reel_triu_indices(...) reel_triu_indices_at(REEL_HERE, __VA_ARGS__)
#define reel_tril(...) reel_tril_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_triu(...) reel_triu_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
