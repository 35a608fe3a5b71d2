/* Ops in place, and into tensors that are there already. Both return the tensor they changed.
 *
 *     reel_mul_(x, scale);      // x *= scale, broadcast to x's shape
 *     reel_sub_out(d, y, t);    // d = y - t, in d's memory
 *
 * A result has the dtype that the op (ops.h) gives, and a shape that the op's broadcasts to; it may
 * be a strided view, and an input may be the result itself, or other elements of its memory, which
 * are copied first. They are not recorded: outside REEL_NO_GRAD it is an error if the tensor or an
 * input is tracked. So it is on an expanded view, whose elements share memory. A failed op may have
 * changed some of the result. */
#ifndef REEL_TENSOR_OPS_OUT_H
#define REEL_TENSOR_OPS_OUT_H

#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* t = from: broadcasts, casts, and moves between devices. */
REEL_API reel_tensor *reel_copy_at_(const char *at, reel_tensor *to, reel_tensor *from);
#define reel_copy_(to, from) reel_copy_at_(REEL_AT(to, from), to, from)
REEL_API reel_tensor *reel_fill_at_(const char *at, reel_tensor *t, double value);
#define reel_fill_(t, value) reel_fill_at_(REEL_AT(t), t, value)

/* ---- out = f(x, y), x = f(x, y) ---- */

REEL_API reel_tensor *reel_add_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      reel_tensor *y);
REEL_API reel_tensor *reel_sub_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      reel_tensor *y);
REEL_API reel_tensor *reel_mul_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      reel_tensor *y);
REEL_API reel_tensor *reel_div_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      reel_tensor *y);
REEL_API reel_tensor *reel_pow_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      reel_tensor *y);
REEL_API reel_tensor *reel_maximum_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                          reel_tensor *y);
REEL_API reel_tensor *reel_minimum_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                          reel_tensor *y);
REEL_API reel_tensor *reel_bce_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      reel_tensor *y);
REEL_API reel_tensor *reel_eq_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                     reel_tensor *y);
REEL_API reel_tensor *reel_ne_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                     reel_tensor *y);
REEL_API reel_tensor *reel_lt_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                     reel_tensor *y);
REEL_API reel_tensor *reel_le_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                     reel_tensor *y);
REEL_API reel_tensor *reel_gt_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                     reel_tensor *y);
REEL_API reel_tensor *reel_ge_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                     reel_tensor *y);
REEL_API reel_tensor *reel_logical_and_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                              reel_tensor *y);
REEL_API reel_tensor *reel_logical_or_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                             reel_tensor *y);
REEL_API reel_tensor *reel_logical_xor_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                              reel_tensor *y);
#define reel_add_out(out, x, y) reel_add_out_at(REEL_AT(x, y), out, x, y)
#define reel_sub_out(out, x, y) reel_sub_out_at(REEL_AT(x, y), out, x, y)
#define reel_mul_out(out, x, y) reel_mul_out_at(REEL_AT(x, y), out, x, y)
#define reel_div_out(out, x, y) reel_div_out_at(REEL_AT(x, y), out, x, y)
#define reel_pow_out(out, x, y) reel_pow_out_at(REEL_AT(x, y), out, x, y)
#define reel_maximum_out(out, x, y) reel_maximum_out_at(REEL_AT(x, y), out, x, y)
#define reel_minimum_out(out, x, y) reel_minimum_out_at(REEL_AT(x, y), out, x, y)
#define reel_bce_out(out, x, y) reel_bce_out_at(REEL_AT(x, y), out, x, y)
#define reel_eq_out(out, x, y) reel_eq_out_at(REEL_AT(x, y), out, x, y)
#define reel_ne_out(out, x, y) reel_ne_out_at(REEL_AT(x, y), out, x, y)
#define reel_lt_out(out, x, y) reel_lt_out_at(REEL_AT(x, y), out, x, y)
#define reel_le_out(out, x, y) reel_le_out_at(REEL_AT(x, y), out, x, y)
#define reel_gt_out(out, x, y) reel_gt_out_at(REEL_AT(x, y), out, x, y)
#define reel_ge_out(out, x, y) reel_ge_out_at(REEL_AT(x, y), out, x, y)
#define reel_logical_and_out(out, x, y) reel_logical_and_out_at(REEL_AT(x, y), out, x, y)
#define reel_logical_or_out(out, x, y) reel_logical_or_out_at(REEL_AT(x, y), out, x, y)
#define reel_logical_xor_out(out, x, y) reel_logical_xor_out_at(REEL_AT(x, y), out, x, y)
#define reel_add_(x, y) reel_add_out_at(REEL_AT(x, y), x, x, y)
#define reel_sub_(x, y) reel_sub_out_at(REEL_AT(x, y), x, x, y)
#define reel_mul_(x, y) reel_mul_out_at(REEL_AT(x, y), x, x, y)
#define reel_div_(x, y) reel_div_out_at(REEL_AT(x, y), x, x, y)
#define reel_pow_(x, y) reel_pow_out_at(REEL_AT(x, y), x, x, y)
#define reel_maximum_(x, y) reel_maximum_out_at(REEL_AT(x, y), x, x, y)
#define reel_minimum_(x, y) reel_minimum_out_at(REEL_AT(x, y), x, x, y)
#define reel_bce_(x, y) reel_bce_out_at(REEL_AT(x, y), x, x, y)

/* ---- out = f(x), x = f(x) ---- */

REEL_API reel_tensor *reel_neg_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_abs_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_sign_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_floor_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_ceil_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_round_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_trunc_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_square_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_sqrt_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_exp_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_expm1_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_log_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_log1p_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_sin_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_cos_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_erf_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_relu_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_sigmoid_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_tanh_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_silu_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_gelu_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_gelu_tanh_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_logical_not_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_isnan_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_isinf_out_at(const char *at, reel_tensor *out, reel_tensor *x);
REEL_API reel_tensor *reel_isfinite_out_at(const char *at, reel_tensor *out, reel_tensor *x);
#define reel_neg_out(out, x) reel_neg_out_at(REEL_AT(x), out, x)
#define reel_abs_out(out, x) reel_abs_out_at(REEL_AT(x), out, x)
#define reel_sign_out(out, x) reel_sign_out_at(REEL_AT(x), out, x)
#define reel_floor_out(out, x) reel_floor_out_at(REEL_AT(x), out, x)
#define reel_ceil_out(out, x) reel_ceil_out_at(REEL_AT(x), out, x)
#define reel_round_out(out, x) reel_round_out_at(REEL_AT(x), out, x)
#define reel_trunc_out(out, x) reel_trunc_out_at(REEL_AT(x), out, x)
#define reel_square_out(out, x) reel_square_out_at(REEL_AT(x), out, x)
#define reel_sqrt_out(out, x) reel_sqrt_out_at(REEL_AT(x), out, x)
#define reel_exp_out(out, x) reel_exp_out_at(REEL_AT(x), out, x)
#define reel_expm1_out(out, x) reel_expm1_out_at(REEL_AT(x), out, x)
#define reel_log_out(out, x) reel_log_out_at(REEL_AT(x), out, x)
#define reel_log1p_out(out, x) reel_log1p_out_at(REEL_AT(x), out, x)
#define reel_sin_out(out, x) reel_sin_out_at(REEL_AT(x), out, x)
#define reel_cos_out(out, x) reel_cos_out_at(REEL_AT(x), out, x)
#define reel_erf_out(out, x) reel_erf_out_at(REEL_AT(x), out, x)
#define reel_relu_out(out, x) reel_relu_out_at(REEL_AT(x), out, x)
#define reel_sigmoid_out(out, x) reel_sigmoid_out_at(REEL_AT(x), out, x)
#define reel_tanh_out(out, x) reel_tanh_out_at(REEL_AT(x), out, x)
#define reel_silu_out(out, x) reel_silu_out_at(REEL_AT(x), out, x)
#define reel_gelu_out(out, x) reel_gelu_out_at(REEL_AT(x), out, x)
#define reel_gelu_tanh_out(out, x) reel_gelu_tanh_out_at(REEL_AT(x), out, x)
#define reel_logical_not_out(out, x) reel_logical_not_out_at(REEL_AT(x), out, x)
#define reel_isnan_out(out, x) reel_isnan_out_at(REEL_AT(x), out, x)
#define reel_isinf_out(out, x) reel_isinf_out_at(REEL_AT(x), out, x)
#define reel_isfinite_out(out, x) reel_isfinite_out_at(REEL_AT(x), out, x)
#define reel_neg_(x) reel_neg_out_at(REEL_AT(x), x, x)
#define reel_abs_(x) reel_abs_out_at(REEL_AT(x), x, x)
#define reel_sign_(x) reel_sign_out_at(REEL_AT(x), x, x)
#define reel_floor_(x) reel_floor_out_at(REEL_AT(x), x, x)
#define reel_ceil_(x) reel_ceil_out_at(REEL_AT(x), x, x)
#define reel_round_(x) reel_round_out_at(REEL_AT(x), x, x)
#define reel_trunc_(x) reel_trunc_out_at(REEL_AT(x), x, x)
#define reel_square_(x) reel_square_out_at(REEL_AT(x), x, x)
#define reel_sqrt_(x) reel_sqrt_out_at(REEL_AT(x), x, x)
#define reel_exp_(x) reel_exp_out_at(REEL_AT(x), x, x)
#define reel_expm1_(x) reel_expm1_out_at(REEL_AT(x), x, x)
#define reel_log_(x) reel_log_out_at(REEL_AT(x), x, x)
#define reel_log1p_(x) reel_log1p_out_at(REEL_AT(x), x, x)
#define reel_sin_(x) reel_sin_out_at(REEL_AT(x), x, x)
#define reel_cos_(x) reel_cos_out_at(REEL_AT(x), x, x)
#define reel_erf_(x) reel_erf_out_at(REEL_AT(x), x, x)
#define reel_relu_(x) reel_relu_out_at(REEL_AT(x), x, x)
#define reel_sigmoid_(x) reel_sigmoid_out_at(REEL_AT(x), x, x)
#define reel_tanh_(x) reel_tanh_out_at(REEL_AT(x), x, x)
#define reel_silu_(x) reel_silu_out_at(REEL_AT(x), x, x)
#define reel_gelu_(x) reel_gelu_out_at(REEL_AT(x), x, x)
#define reel_gelu_tanh_(x) reel_gelu_tanh_out_at(REEL_AT(x), x, x)

/* ---- the same with constants ---- */

REEL_API reel_tensor *reel_affine_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                         double scale, double shift);
REEL_API reel_tensor *reel_clamp_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                        double low, double high);
REEL_API reel_tensor *reel_softplus_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                           double beta, double threshold);
REEL_API reel_tensor *reel_leaky_relu_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                             double slope);
REEL_API reel_tensor *reel_elu_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                      double alpha);
REEL_API reel_tensor *reel_pow_scalar_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                             double p);
#define reel_affine_out(out, x, scale, shift) reel_affine_out_at(REEL_AT(x), out, x, scale, shift)
#define reel_affine_(x, scale, shift) reel_affine_out_at(REEL_AT(x), x, x, scale, shift)
#define reel_clamp_out(out, x, low, high) reel_clamp_out_at(REEL_AT(x), out, x, low, high)
#define reel_clamp_(x, low, high) reel_clamp_out_at(REEL_AT(x), x, x, low, high)
#define reel_softplus_out(out, x, beta, threshold)                                                 \
    reel_softplus_out_at(REEL_AT(x), out, x, beta, threshold)
#define reel_softplus_(x, beta, threshold) reel_softplus_out_at(REEL_AT(x), x, x, beta, threshold)
#define reel_leaky_relu_out(out, x, slope) reel_leaky_relu_out_at(REEL_AT(x), out, x, slope)
#define reel_leaky_relu_(x, slope) reel_leaky_relu_out_at(REEL_AT(x), x, x, slope)
#define reel_elu_out(out, x, alpha) reel_elu_out_at(REEL_AT(x), out, x, alpha)
#define reel_elu_(x, alpha) reel_elu_out_at(REEL_AT(x), x, x, alpha)
#define reel_pow_scalar_out(out, x, p) reel_pow_scalar_out_at(REEL_AT(x), out, x, p)
#define reel_pow_scalar_(x, p) reel_pow_scalar_out_at(REEL_AT(x), x, x, p)

/* ---- out = mask ? x : y; t = mask ? value : t ---- */

REEL_API reel_tensor *reel_where_out_at(const char *at, reel_tensor *out, reel_tensor *mask,
                                        reel_tensor *x, reel_tensor *y);
REEL_API reel_tensor *reel_masked_fill_at_(const char *at, reel_tensor *t, reel_tensor *mask,
                                           double value);
#define reel_where_out(out, mask, x, y) reel_where_out_at(REEL_AT(mask, x, y), out, mask, x, y)
#define reel_masked_fill_(t, mask, value) reel_masked_fill_at_(REEL_AT(t, mask), t, mask, value)

/* ---- out = x y, the matrix product; out must be contiguous, and of the product's shape ---- */

REEL_API reel_tensor *reel_matmul_out_at(const char *at, reel_tensor *out, reel_tensor *x,
                                         reel_tensor *y);
#define reel_matmul_out(out, x, y) reel_matmul_out_at(REEL_AT(x, y), out, x, y)

#ifdef __cplusplus
}
#endif
#endif
