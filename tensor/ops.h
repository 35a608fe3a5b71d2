/* Ops on tensors. Each is one row of tensor/ops.def; all are differentiable unless said otherwise.
 *
 *     reel_tensor *h = reel_relu(reel_add(reel_matmul(x, W), b)); // x[B,I] W[I,O] b[O] -> h[B,O]
 *
 * Results are borrowed (see tensor.h). Broadcasting is numpy's: shapes are aligned at the right, an
 * axis of size 1 stretches, all else is an error. Operands of one op have one dtype and one device;
 * reel_cast and reel_to change them, nothing else does. "float" below means f32 and f64. Integer
 * arithmetic wraps.
 *
 * Errors, all kept as error.h says: NULL operand, shapes that don't fit, dtypes or devices that
 * differ or that the op does not take, out of memory. */
#ifndef REEL_TENSOR_OPS_H
#define REEL_TENSOR_OPS_H

#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise, binary, broadcast: x[...] y[...] -> z[...] ---- */

/* z = x + y; any dtype */
REEL_API reel_tensor *reel_add_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x - y; any dtype */
REEL_API reel_tensor *reel_sub_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x y; any dtype */
REEL_API reel_tensor *reel_mul_at(const char *at, reel_tensor *x, reel_tensor *y);
/* z = x / y; float */
REEL_API reel_tensor *reel_div_at(const char *at, reel_tensor *x, reel_tensor *y);
#define reel_add(x, y) reel_add_at(REEL_AT(x, y), x, y)
#define reel_sub(x, y) reel_sub_at(REEL_AT(x, y), x, y)
#define reel_mul(x, y) reel_mul_at(REEL_AT(x, y), x, y)
#define reel_div(x, y) reel_div_at(REEL_AT(x, y), x, y)

/* Binary cross-entropy of a probability p in [0,1] and a target t, element by element, logs clamped
 * at -100 as in PyTorch:  z = -(t max(ln p, -100) + (1 - t) max(ln(1 - p), -100)); float */
REEL_API reel_tensor *reel_bce_at(const char *at, reel_tensor *p, reel_tensor *t);
#define reel_bce(p, t) reel_bce_at(REEL_AT(p, t), p, t)

/* ---- elementwise, unary, float: x[...] -> y[...] ---- */

REEL_API reel_tensor *reel_neg_at(const char *at, reel_tensor *x); /* y = -x */
/* y = max(x, 0); NaN stays NaN */
REEL_API reel_tensor *reel_relu_at(const char *at, reel_tensor *x);
REEL_API reel_tensor *reel_sigmoid_at(const char *at, reel_tensor *x); /* y = 1 / (1 + e^-x) */
REEL_API reel_tensor *reel_tanh_at(const char *at, reel_tensor *x);    /* y = tanh x */
REEL_API reel_tensor *reel_exp_at(const char *at, reel_tensor *x);     /* y = e^x */
REEL_API reel_tensor *reel_log_at(const char *at, reel_tensor *x);     /* y = ln x */
REEL_API reel_tensor *reel_sqrt_at(const char *at, reel_tensor *x);    /* y = sqrt x */
REEL_API reel_tensor *reel_square_at(const char *at, reel_tensor *x);  /* y = x x */
#define reel_neg(x) reel_neg_at(REEL_AT(x), x)
#define reel_relu(x) reel_relu_at(REEL_AT(x), x)
#define reel_sigmoid(x) reel_sigmoid_at(REEL_AT(x), x)
#define reel_tanh(x) reel_tanh_at(REEL_AT(x), x)
#define reel_exp(x) reel_exp_at(REEL_AT(x), x)
#define reel_log(x) reel_log_at(REEL_AT(x), x)
#define reel_sqrt(x) reel_sqrt_at(REEL_AT(x), x)
#define reel_square(x) reel_square_at(REEL_AT(x), x)

/* y = scale x + shift with two constants. */
REEL_API reel_tensor *reel_affine_at(const char *at, reel_tensor *x, double scale, double shift);
#define reel_affine(x, scale, shift) reel_affine_at(REEL_AT(x), x, scale, shift)
#define reel_scale(x, scale) reel_affine_at(REEL_AT(x), x, scale, 0.0)
#define reel_shift(x, shift) reel_affine_at(REEL_AT(x), x, 1.0, shift)

/* x in another dtype, any to any: x itself where it has it already. Float to integer truncates, and
 * a value the integer type can't hold becomes its nearest bound, NaN 0. Differentiable from float
 * to float. */
REEL_API reel_tensor *reel_cast_at(const char *at, reel_tensor *x, reel_dtype dtype);
#define reel_cast(x, dtype) reel_cast_at(REEL_AT(x), x, dtype)

/* y = scale x in f32 or f64, from any dtype: pixels in u8 to floats in one pass. Not
 * differentiable: an error on a tracked x. */
REEL_API reel_tensor *reel_dequantize_at(const char *at, reel_tensor *x, double scale,
                                         reel_dtype dtype);
#define reel_dequantize(x, scale, dtype) reel_dequantize_at(REEL_AT(x), x, scale, dtype)

/* ---- reductions ---- */

/* Over all axes, or over those listed (none listed: all); keepdim leaves an axis of size 1 in their
 * place. The order in which elements come together depends on shape and strides alone, never on the
 * number of threads. reel_mean_over(x, reel_axes(1), false): x[B,N] -> y[B] */

/* Sum, mean and product, which is f64 on the way. Integers give i64; mean takes floats. Of nothing
 * they are 0, NaN and 1. prod's gradient is right where x has zeros. */
REEL_API reel_tensor *reel_sum_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_mean_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_prod_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_sum(x) reel_sum_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_mean(x) reel_mean_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_prod(x) reel_prod_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_sum_over(x, axes, keepdim) reel_sum_at(REEL_AT(x), x, axes, keepdim)
#define reel_mean_over(x, axes, keepdim) reel_mean_at(REEL_AT(x), x, axes, keepdim)
#define reel_prod_over(x, axes, keepdim) reel_prod_at(REEL_AT(x), x, axes, keepdim)

/* The greatest and the least, in x's dtype; of nothing an error. NaN is both. The gradient is
 * shared evenly by equals, as PyTorch's amax and amin share it. */
REEL_API reel_tensor *reel_max_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_min_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_max(x) reel_max_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_min(x) reel_min_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_max_over(x, axes, keepdim) reel_max_at(REEL_AT(x), x, axes, keepdim)
#define reel_min_over(x, axes, keepdim) reel_min_at(REEL_AT(x), x, axes, keepdim)

/* Where they are, in i64: the first of equals, along one axis, or in the row-major order of all.
 * Constant; of nothing, or over some axes of several, an error.
 * reel_argmax_over(x, reel_axes(1), false): x[B,C] -> y[B] */
REEL_API reel_tensor *reel_argmax_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_argmin_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_argmax(x) reel_argmax_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_argmin(x) reel_argmin_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_argmax_over(x, axes, keepdim) reel_argmax_at(REEL_AT(x), x, axes, keepdim)
#define reel_argmin_over(x, axes, keepdim) reel_argmin_at(REEL_AT(x), x, axes, keepdim)

/* Whether any element, or all of them, are other than 0, in u8: 1 or 0. NaN is other than 0; of
 * nothing, any is 0 and all is 1. Constant. */
REEL_API reel_tensor *reel_any_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
REEL_API reel_tensor *reel_all_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_any(x) reel_any_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_all(x) reel_all_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_any_over(x, axes, keepdim) reel_any_at(REEL_AT(x), x, axes, keepdim)
#define reel_all_over(x, axes, keepdim) reel_all_at(REEL_AT(x), x, axes, keepdim)

/* var = sum (x - mean x)^2 / max(n - correction, 0) of n elements, std = sqrt var; float. The
 * correction is 1, Bessel's, or what _with says; 0 gives the mean square. Of n <= correction
 * elements, NaN or infinite. Where std is 0 its gradient is 0. */
REEL_API reel_tensor *reel_var_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim,
                                  double correction);
REEL_API reel_tensor *reel_std_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim,
                                  double correction);
#define reel_var(x) reel_var_at(REEL_AT(x), x, REEL_SCALAR, false, 1.0)
#define reel_std(x) reel_std_at(REEL_AT(x), x, REEL_SCALAR, false, 1.0)
#define reel_var_over(x, axes, keepdim) reel_var_at(REEL_AT(x), x, axes, keepdim, 1.0)
#define reel_std_over(x, axes, keepdim) reel_std_at(REEL_AT(x), x, axes, keepdim, 1.0)
#define reel_var_with(x, axes, keepdim, correction)                                                \
    reel_var_at(REEL_AT(x), x, axes, keepdim, correction)
#define reel_std_with(x, axes, keepdim, correction)                                                \
    reel_std_at(REEL_AT(x), x, axes, keepdim, correction)

/* y = ln sum e^x, for any x; float. -infinity of nothing, and where all of x is. */
REEL_API reel_tensor *reel_logsumexp_at(const char *at, reel_tensor *x, reel_shape axes,
                                        bool keepdim);
#define reel_logsumexp(x) reel_logsumexp_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_logsumexp_over(x, axes, keepdim) reel_logsumexp_at(REEL_AT(x), x, axes, keepdim)

/* y = sqrt(sum x^2), whose gradient at 0 is 0; float. */
REEL_API reel_tensor *reel_norm_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim);
#define reel_norm(x) reel_norm_at(REEL_AT(x), x, REEL_SCALAR, false)
#define reel_norm_over(x, axes, keepdim) reel_norm_at(REEL_AT(x), x, axes, keepdim)

/* z = mean over all elements of (y - t)^2, in one pass: y[...] t[...] -> z, 0-d. The shapes are
 * equal, without broadcasting; float; NaN of nothing. The order of addition is sum's: the number of
 * elements decides it alone. */
REEL_API reel_tensor *reel_mse_at(const char *at, reel_tensor *y, reel_tensor *t);
#define reel_mse(y, t) reel_mse_at(REEL_AT(y, t), y, t)

/* ---- matrix product ---- */

/* z[M,N] = x[M,K] y[K,N]; float. A transposed view becomes a flag of the GEMM, not a copy. */
REEL_API reel_tensor *reel_matmul_at(const char *at, reel_tensor *x, reel_tensor *y);
#define reel_matmul(x, y) reel_matmul_at(REEL_AT(x, y), x, y)

/* ---- softmax ---- */

/* y = e^(x - max) / sum e^(x - max) along an axis; float. */
REEL_API reel_tensor *reel_softmax_at(const char *at, reel_tensor *x, int axis);
/* Its logarithm: y = x - max - ln sum e^(x - max). */
REEL_API reel_tensor *reel_log_softmax_at(const char *at, reel_tensor *x, int axis);
#define reel_softmax(x, axis) reel_softmax_at(REEL_AT(x), x, axis)
#define reel_log_softmax(x, axis) reel_log_softmax_at(REEL_AT(x), x, axis)

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
#define reel_dequantize_rows(x, index, scale, dtype)                                               \
    reel_dequantize_rows_at(REEL_AT(x, index), x, index, scale, dtype)

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
#define reel_topk(x, k, axis, largest, indices)                                                    \
    reel_topk_at(REEL_AT(x), x, k, axis, largest, indices)

/* ---- views: no copy, the same storage ---- */

/* The same elements in another shape; one axis may be -1 (worked out). A view where strides allow
 * it, else a copy. */
REEL_API reel_tensor *reel_reshape_at(const char *at, reel_tensor *x, reel_shape shape);
#define reel_reshape(x, shape) reel_reshape_at(REEL_AT(x), x, shape)

/* Axes in another order: reel_permute(x, reel_axes(2, 0, 1)). reel_t swaps the last two. */
REEL_API reel_tensor *reel_permute_at(const char *at, reel_tensor *x, reel_shape axes);
REEL_API reel_tensor *reel_t_at(const char *at, reel_tensor *x);
#define reel_permute(x, axes) reel_permute_at(REEL_AT(x), x, axes)
#define reel_t(x) reel_t_at(REEL_AT(x), x)

/* Every step-th entry of start..stop-1 along an axis; step >= 1; negative bounds count from the
 * end, and bounds past an end are cut, as in Python. reel_select takes one entry and drops the
 * axis; there an index outside is an error. */
REEL_API reel_tensor *reel_slice_at(const char *at, reel_tensor *x, int axis, int64_t start,
                                    int64_t stop, int64_t step);
REEL_API reel_tensor *reel_select_at(const char *at, reel_tensor *x, int axis, int64_t index);
#define reel_slice(x, axis, start, stop, step) reel_slice_at(REEL_AT(x), x, axis, start, stop, step)
#define reel_select(x, axis, index) reel_select_at(REEL_AT(x), x, axis, index)

/* Broadcast to a shape, by strides of 0. */
REEL_API reel_tensor *reel_expand_at(const char *at, reel_tensor *x, reel_shape shape);
#define reel_expand(x, shape) reel_expand_at(REEL_AT(x), x, shape)

/* x itself if its elements lie row-major without gaps, else a copy that does. */
REEL_API reel_tensor *reel_contiguous_at(const char *at, reel_tensor *x);
#define reel_contiguous(x) reel_contiguous_at(REEL_AT(x), x)

/* ---- in place: they return the tensor they changed ---- */

/* They are not recorded: outside REEL_NO_GRAD it is an error if the tensor or an input is tracked.
 * So it is on an expanded view, whose elements share memory. reel_copy_ broadcasts, casts, and
 * moves between devices. */
REEL_API reel_tensor *reel_copy_at_(const char *at, reel_tensor *to, reel_tensor *from);
REEL_API reel_tensor *reel_fill_at_(const char *at, reel_tensor *t, double value);
/* sum += x, broadcast */
REEL_API reel_tensor *reel_add_at_(const char *at, reel_tensor *sum, reel_tensor *x);
#define reel_copy_(to, from) reel_copy_at_(REEL_AT(to, from), to, from)
#define reel_fill_(t, value) reel_fill_at_(REEL_AT(t), t, value)
#define reel_add_(sum, x) reel_add_at_(REEL_AT(sum, x), sum, x)

#ifdef __cplusplus
}
#endif
#endif
