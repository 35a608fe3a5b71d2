/* The public elementwise ops: one call each. */
#include "tensor/call_internal.h"
#include "tensor/handles_internal.h"

/* clang-format off */
reel_tensor *reel_add_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_add, at, x, y); }
reel_tensor *reel_sub_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_sub, at, x, y); }
reel_tensor *reel_mul_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_mul, at, x, y); }
reel_tensor *reel_div_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_div, at, x, y); }
reel_tensor *reel_pow_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_pow, at, x, y); }
reel_tensor *reel_maximum_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_maximum, at, x, y); }
reel_tensor *reel_minimum_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_minimum, at, x, y); }
reel_tensor *reel_eq_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_eq, at, x, y); }
reel_tensor *reel_ne_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_ne, at, x, y); }
reel_tensor *reel_lt_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_lt, at, x, y); }
reel_tensor *reel_le_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_le, at, x, y); }
reel_tensor *reel_gt_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_gt, at, x, y); }
reel_tensor *reel_ge_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_ge, at, x, y); }
reel_tensor *reel_logical_and_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_logical_and, at, x, y); }
reel_tensor *reel_logical_or_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_logical_or, at, x, y); }
reel_tensor *reel_logical_xor_at(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_logical_xor, at, x, y); }

reel_tensor *reel_neg_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_neg, at, x); }
reel_tensor *reel_abs_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_abs, at, x); }
reel_tensor *reel_sign_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_sign, at, x); }
reel_tensor *reel_floor_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_floor, at, x); }
reel_tensor *reel_ceil_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_ceil, at, x); }
reel_tensor *reel_round_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_round, at, x); }
reel_tensor *reel_trunc_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_trunc, at, x); }
reel_tensor *reel_square_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_square, at, x); }
reel_tensor *reel_sqrt_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_sqrt, at, x); }
reel_tensor *reel_exp_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_exp, at, x); }
reel_tensor *reel_expm1_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_expm1, at, x); }
reel_tensor *reel_log_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_log, at, x); }
reel_tensor *reel_log1p_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_log1p, at, x); }
reel_tensor *reel_sin_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_sin, at, x); }
reel_tensor *reel_cos_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_cos, at, x); }
reel_tensor *reel_erf_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_erf, at, x); }
reel_tensor *reel_relu_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_relu, at, x); }
reel_tensor *reel_sigmoid_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_sigmoid, at, x); }
reel_tensor *reel_tanh_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_tanh, at, x); }
reel_tensor *reel_silu_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_silu, at, x); }
reel_tensor *reel_gelu_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_gelu, at, x); }
reel_tensor *reel_gelu_tanh_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_gelu_tanh, at, x); }
reel_tensor *reel_logical_not_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_logical_not, at, x); }
reel_tensor *reel_isnan_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_isnan, at, x); }
reel_tensor *reel_isinf_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_isinf, at, x); }
reel_tensor *reel_isfinite_at(const char *at, reel_tensor *x) { return reel__unary(REEL_OP_isfinite, at, x); }

reel_tensor *reel_affine_at(const char *at, reel_tensor *x, double scale, double shift) { return reel__unary_with(REEL_OP_affine, at, x, scale, shift); }
reel_tensor *reel_clamp_at(const char *at, reel_tensor *x, double low, double high) { return reel__unary_with(REEL_OP_clamp, at, x, low, high); }
reel_tensor *reel_softplus_at(const char *at, reel_tensor *x, double beta, double threshold) { return reel__unary_with(REEL_OP_softplus, at, x, beta, threshold); }
reel_tensor *reel_leaky_relu_at(const char *at, reel_tensor *x, double slope) { return reel__unary_with(REEL_OP_leaky_relu, at, x, slope, 0); }
reel_tensor *reel_elu_at(const char *at, reel_tensor *x, double alpha) { return reel__unary_with(REEL_OP_elu, at, x, alpha, 0); }

reel_tensor *reel__relu_grad(const char *at, reel_tensor *g, reel_tensor *y) { return reel__binary(REEL_OP_relu_grad, at, g, y); }
reel_tensor *reel__sigmoid_grad(const char *at, reel_tensor *g, reel_tensor *y) { return reel__binary(REEL_OP_sigmoid_grad, at, g, y); }
reel_tensor *reel__tanh_grad(const char *at, reel_tensor *g, reel_tensor *y) { return reel__binary(REEL_OP_tanh_grad, at, g, y); }
reel_tensor *reel__square_grad(const char *at, reel_tensor *g, reel_tensor *x) { return reel__binary(REEL_OP_square_grad, at, g, x); }
reel_tensor *reel__silu_grad(const char *at, reel_tensor *g, reel_tensor *x) { return reel__binary(REEL_OP_silu_grad, at, g, x); }
reel_tensor *reel__gelu_grad(const char *at, reel_tensor *g, reel_tensor *x) { return reel__binary(REEL_OP_gelu_grad, at, g, x); }
reel_tensor *reel__gelu_tanh_grad(const char *at, reel_tensor *g, reel_tensor *x) { return reel__binary(REEL_OP_gelu_tanh_grad, at, g, x); }
reel_tensor *reel__leaky_relu_grad(const char *at, reel_tensor *g, reel_tensor *x, double slope) { return reel__binary_with(REEL_OP_leaky_relu_grad, at, g, x, slope, 0); }
reel_tensor *reel__elu_grad(const char *at, reel_tensor *g, reel_tensor *x, double alpha) { return reel__binary_with(REEL_OP_elu_grad, at, g, x, alpha, 0); }
reel_tensor *reel__clamp_grad(const char *at, reel_tensor *g, reel_tensor *x, double low, double high) { return reel__binary_with(REEL_OP_clamp_grad, at, g, x, low, high); }
reel_tensor *reel__softplus_grad(const char *at, reel_tensor *g, reel_tensor *x, double beta, double threshold) { return reel__binary_with(REEL_OP_softplus_grad, at, g, x, beta, threshold); }
reel_tensor *reel__ties(const char *at, reel_tensor *x, reel_tensor *y) { return reel__binary(REEL_OP_ties, at, x, y); }
reel_tensor *reel__extreme_grad(const char *at, reel_tensor *g, reel_tensor *x, reel_tensor *y) { return reel__ternary(REEL_OP_extreme_grad, at, g, x, y); }
reel_tensor *reel__log_softmax_grad(const char *at, reel_tensor *g, reel_tensor *y, reel_tensor *sum) { return reel__ternary(REEL_OP_log_softmax_grad, at, g, y, sum); }
reel_tensor *reel_where_at(const char *at, reel_tensor *mask, reel_tensor *x, reel_tensor *y) { return reel__ternary(REEL_OP_where, at, mask, x, y); }
/* clang-format on */

/* Squares, which are most of what is asked for, are exact that way, and cheap. */
reel_tensor *reel_pow_scalar_at(const char *at, reel_tensor *x, double p) {
    if (p != 2) return reel__unary_with(REEL_OP_pow_scalar, at, x, p, 0);
    REEL__COMPOSITE(.name = "pow_scalar", .at = at, .in = {x}, .given = 1);
    return reel_square_at(at, x);
}

reel_tensor *reel_masked_fill_at(const char *at, reel_tensor *x, reel_tensor *mask, double value) {
    REEL__COMPOSITE(.name = "masked_fill", .at = at, .in = {x, mask}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    reel_tensor *filling =
        reel_full_at(at, REEL_SCALAR, value, reel_dtype_of(x), reel_device_of(x));
    return reel_where_at(at, mask, filling, x);
}

reel_tensor *reel_cast_at(const char *at, reel_tensor *x, reel_dtype dtype) {
    if (reel__is_alive(x) && x->layout.dtype == dtype) return x;
    return reel__run(
        (reel__call){.op = REEL_OP_cast, .at = at, .nin = 1, .in = {x}, .with.cast.dtype = dtype});
}

reel_tensor *reel_dequantize_at(const char *at, reel_tensor *x, double scale, reel_dtype dtype) {
    return reel__run((reel__call){.op = REEL_OP_dequantize,
                                  .at = at,
                                  .nin = 1,
                                  .in = {x},
                                  .with.cast = {.dtype = dtype, .scale = scale}});
}
