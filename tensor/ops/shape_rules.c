/* Shape rules: from the operands and constants of a call, the shape and dtype of its result.
 *
 * Each is named in a row of ops.def. It checks what the funnel did not (shapes, constants), and
 * fills out[0] (and out[1] for two results): dtype and shape. */
#include "tensor/ops/shape_rules_internal.h"

#include <limits.h>
#include <math.h>

reel_status reel__rule_given(const reel__call *c, reel__layout *out) {
    out->dtype = c->with.made.dtype;
    out->shape = c->with.made.shape;
    return REEL_OK;
}

/* As PyTorch: a fraction is cut off, but what lies beyond the dtype is no value of its elements. */
static bool holds(reel_dtype dtype, double value) {
    if (dtype == REEL_U8) return value > -1 && value < 256;
    if (dtype == REEL_I64) return value >= -9223372036854775808.0 && value < 9223372036854775808.0;
    if (!isfinite(value)) return true;
    if (dtype == REEL_F16) return fabs(value) < 65520; /* what rounds to infinity, as below */
    if (dtype == REEL_BF16) return fabs(value) < 0x1.ffp127;
    return dtype != REEL_F32 || !isinf((float)value);
}

reel_status reel__rule_filled(const reel__call *c, reel__layout *out) {
    if (!holds(c->with.fill.dtype, c->with.fill.value))
        return reel__fail_call(REEL_ERR_ARGUMENT, c, "%s does not hold %g",
                               reel_dtype_name(c->with.fill.dtype), c->with.fill.value);
    return reel__rule_given(c, out);
}

reel_status reel__rule_counted(const reel__call *c, reel__layout *out) {
    if (c->with.ramp.dtype >= REEL__NUMBERS)
        return reel__fail_call(REEL_ERR_DTYPE, c, "does not count in %s",
                               reel_dtype_name(c->with.ramp.dtype));
    return reel__rule_given(c, out);
}

reel_status reel__rule_none(const reel__call *c, reel__layout *out) {
    (void)c, (void)out;
    return REEL_OK;
}

reel_status reel__rule_broadcast(const reel__call *c, reel__layout *out) {
    out->dtype = c->in[0]->layout.dtype;
    out->shape = c->in[0]->layout.shape;
    for (int i = 1; i < c->nin; i++)
        if (!reel__broadcast(out->shape, c->in[i]->layout.shape, &out->shape))
            return reel__fail_call(REEL_ERR_SHAPE, c, "shapes do not broadcast");
    return REEL_OK;
}

/* A truth value for each element. */
reel_status reel__rule_test(const reel__call *c, reel__layout *out) {
    REEL_TRY(reel__rule_broadcast(c, out));
    out->dtype = REEL_U8;
    return REEL_OK;
}

reel_status reel__rule_where(const reel__call *c, reel__layout *out) {
    REEL_TRY(reel__rule_broadcast(c, out));
    out->dtype = c->in[1]->layout.dtype;
    return REEL_OK;
}

static reel_status check_gives_float(const reel__call *c, reel_dtype dtype) {
    if (reel__dtype_is_full(dtype)) return REEL_OK;
    return reel__fail_call(REEL_ERR_DTYPE, c, "gives f32 or f64, not %s", reel_dtype_name(dtype));
}

reel_status reel__rule_cast(const reel__call *c, reel__layout *out) {
    out->dtype = c->with.cast.dtype;
    out->shape = c->in[0]->layout.shape;
    return c->op == REEL_OP_dequantize ? check_gives_float(c, out->dtype) : REEL_OK;
}

reel_status reel__rule_spaced(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_gives_float(c, c->with.ramp.dtype));
    return reel__rule_given(c, out);
}

/* ---- reductions ---- */

static reel_shape reduced(const reel__call *c) {
    const reel_shape s = c->in[0]->layout.shape;
    reel_shape out = REEL_SCALAR;
    for (int i = 0; i < s.ndim; i++) {
        if (!(c->with.reduce.axes >> i & 1))
            out.dim[out.ndim++] = s.dim[i];
        else if (c->with.reduce.kept >> i & 1)
            out.dim[out.ndim++] = 1;
    }
    return out;
}

reel_status reel__rule_reduce(const reel__call *c, reel__layout *out) {
    out->dtype = c->in[0]->layout.dtype;
    if (out->dtype == REEL_U8) out->dtype = REEL_I64;
    out->shape = reduced(c);
    return REEL_OK;
}

reel_status reel__rule_truth(const reel__call *c, reel__layout *out) {
    out->dtype = REEL_U8;
    out->shape = reduced(c);
    return REEL_OK;
}

/* Of nothing there is no greatest. */
reel_status reel__rule_extreme(const reel__call *c, reel__layout *out) {
    const reel_shape s = c->in[0]->layout.shape;
    for (int i = 0; i < s.ndim; i++)
        if (c->with.reduce.axes >> i & 1 && s.dim[i] == 0)
            return reel__fail_call(REEL_ERR_SHAPE, c, "axis %d is empty", i);
    out->dtype = c->in[0]->layout.dtype;
    out->shape = reduced(c);
    return REEL_OK;
}

reel_status reel__rule_power(const reel__call *c, reel__layout *out) {
    const double p = c->with.reduce.p;
    if (p != p) return reel__fail_call(REEL_ERR_ARGUMENT, c, "p is not a number");
    return p < 0 ? reel__rule_extreme(c, out) : reel__rule_reduce(c, out);
}

reel_status reel__rule_position(const reel__call *c, reel__layout *out) {
    const int ndim = c->in[0]->layout.shape.ndim;
    const int axes = __builtin_popcountll((unsigned long long)c->with.reduce.axes);
    if (axes != 1 && axes != ndim)
        return reel__fail_call(REEL_ERR_SHAPE, c, "is of one axis or of all, not of %d", axes);
    REEL_TRY(reel__rule_extreme(c, out));
    out->dtype = REEL_I64;
    return REEL_OK;
}

reel_status reel__rule_mse(const reel__call *c, reel__layout *out) {
    if (!reel_shape_equal(c->in[0]->layout.shape, c->in[1]->layout.shape))
        return reel__fail_call(REEL_ERR_SHAPE, c, "shapes differ");
    out->dtype = c->in[0]->layout.dtype;
    out->shape = REEL_SCALAR;
    return REEL_OK;
}

/* The batch's axes of both, without those of the matrices. */
static bool broadcast_batch(reel_shape x, reel_shape y, reel_shape *batch) {
    x.ndim = x.ndim > 2 ? x.ndim - 2 : 0;
    y.ndim = y.ndim > 2 ? y.ndim - 2 : 0;
    return reel__broadcast(x, y, batch);
}

reel_status reel__rule_matmul(const reel__call *c, reel__layout *out) {
    const reel_shape x = c->in[0]->layout.shape, y = c->in[1]->layout.shape;
    if (x.ndim == 0 || y.ndim == 0)
        return reel__fail_call(REEL_ERR_SHAPE, c, "takes no 0-d tensor");
    const int64_t m = x.ndim > 1 ? x.dim[x.ndim - 2] : 1, k = x.dim[x.ndim - 1],
                  n = y.ndim > 1 ? y.dim[y.ndim - 1] : 1;
    if (k != y.dim[y.ndim > 1 ? y.ndim - 2 : 0])
        return reel__fail_call(REEL_ERR_SHAPE, c, "inner dimensions differ");
    out->shape.ndim = 0;
    if ((x.ndim > 2 || y.ndim > 2) && !broadcast_batch(x, y, &out->shape))
        return reel__fail_call(REEL_ERR_SHAPE, c, "batches do not broadcast");
    if (m > INT_MAX || k > INT_MAX || n > INT_MAX)
        return reel__fail_call(REEL_ERR_SHAPE, c, "a dimension is beyond what BLAS counts");
    if (c->out[0] && !reel_is_contiguous(c->out[0]))
        return reel__fail_call(REEL_ERR_ARGUMENT, c, "the result must be contiguous");
    out->dtype = c->in[0]->layout.dtype;
    if (x.ndim > 1) out->shape.dim[out->shape.ndim++] = m;
    if (y.ndim > 1) out->shape.dim[out->shape.ndim++] = n;
    if (c->out[0] && !reel_shape_equal(out->shape, c->out[0]->layout.shape))
        return reel__fail_call(REEL_ERR_SHAPE, c, "the result has another shape");
    return REEL_OK;
}

/* ---- along an axis ---- */

static reel_status check_axis(const reel__call *c) {
    if (c->with.axis >= 0) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "no such axis");
}

reel_status reel__rule_axis(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_axis(c));
    return reel__rule_broadcast(c, out);
}

/* Integers add up in i64. */
reel_status reel__rule_scan(const reel__call *c, reel__layout *out) {
    REEL_TRY(reel__rule_axis(c, out));
    if (out->dtype == REEL_U8) out->dtype = REEL_I64;
    return REEL_OK;
}

static reel_status like_first(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_axis(c));
    out->dtype = reel__input(c, 0)->layout.dtype;
    out->shape = reel__input(c, 0)->layout.shape;
    return REEL_OK;
}

static reel_status check_list(const reel__call *c) {
    if (c->in[1]->layout.shape.ndim == 1) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "the index must have one axis");
}

reel_status reel__rule_index_select(const reel__call *c, reel__layout *out) {
    REEL_TRY(like_first(c, out));
    REEL_TRY(check_list(c));
    out->shape.dim[c->with.index.axis] = c->in[1]->layout.shape.dim[0];
    return REEL_OK;
}

/* index_select along axis 0, into another dtype. */
reel_status reel__rule_dequantize_rows(const reel__call *c, reel__layout *out) {
    REEL_TRY(reel__rule_index_select(c, out));
    out->dtype = c->with.index.dtype;
    return check_gives_float(c, out->dtype);
}

static reel_status check_size(const reel__call *c) {
    if (c->with.index.size >= 0) return REEL_OK;
    return reel__fail_call(REEL_ERR_ARGUMENT, c, "size %lld is negative",
                           (long long)c->with.index.size);
}

reel_status reel__rule_index_add(const reel__call *c, reel__layout *out) {
    REEL_TRY(like_first(c, out));
    REEL_TRY(check_list(c));
    REEL_TRY(check_size(c));
    if (out->shape.dim[c->with.index.axis] != c->in[1]->layout.shape.dim[0])
        return reel__fail_call(REEL_ERR_SHAPE, c, "one index an entry is needed");
    out->shape.dim[c->with.index.axis] = c->with.index.size;
    return REEL_OK;
}

reel_status reel__rule_gather(const reel__call *c, reel__layout *out) {
    const reel_shape index = c->in[1]->layout.shape;
    REEL_TRY(like_first(c, out));
    const int axis = c->with.index.axis;
    out->shape.dim[axis] = index.ndim == out->shape.ndim ? index.dim[axis] : 0;
    if (!reel_shape_equal(out->shape, index))
        return reel__fail_call(REEL_ERR_SHAPE, c, "shapes differ besides the axis");
    return REEL_OK;
}

reel_status reel__rule_scatter_add(const reel__call *c, reel__layout *out) {
    REEL_TRY(like_first(c, out));
    REEL_TRY(check_size(c));
    if (!reel_shape_equal(out->shape, c->in[1]->layout.shape))
        return reel__fail_call(REEL_ERR_SHAPE, c, "one index an element is needed");
    out->shape.dim[c->with.index.axis] = c->with.index.size;
    return REEL_OK;
}

/* The classes are a last axis of the result. */
reel_status reel__rule_one_hot(const reel__call *c, reel__layout *out) {
    const int64_t classes = c->with.one_hot.classes;
    out->dtype = c->with.one_hot.dtype;
    out->shape = c->in[0]->layout.shape;
    if (classes < 0 || (classes == 0 && reel_numel(c->in[0]) > 0))
        return reel__fail_call(REEL_ERR_ARGUMENT, c, "%lld classes", (long long)classes);
    if (out->shape.ndim == REEL_MAX_DIMS)
        return reel__fail_call(REEL_ERR_SHAPE, c, "one axis more than %d", REEL_MAX_DIMS);
    out->shape.dim[out->shape.ndim++] = classes;
    return REEL_OK;
}

/* Two results: values, and indices in i64. */
reel_status reel__rule_topk(const reel__call *c, reel__layout *out) {
    REEL_TRY(like_first(c, &out[0]));
    int64_t *dim = &out[0].shape.dim[c->with.topk.axis];
    const int64_t k = c->with.topk.k;
    if (k < 0 || k > *dim)
        return reel__fail_call(REEL_ERR_ARGUMENT, c, "k %lld is not in 0..%lld", (long long)k,
                               (long long)*dim);
    *dim = k;
    out[1] = out[0];
    out[1].dtype = REEL_I64;
    return REEL_OK;
}

/* ---- joining, rearranging ---- */

static reel_status check_joined(const reel__call *c, int i, const reel_shape *expected) {
    char shape[200];
    if (reel_shape_equal(c->list[i]->layout.shape, *expected)) return REEL_OK;
    reel__shape_text(shape, sizeof shape, c->list[i]->layout.shape);
    return reel__fail_call(REEL_ERR_SHAPE, c, "input %d, %s, does not fit the first", i, shape);
}

static reel_status check_some(const reel__call *c) {
    if (c->nin > 0) return REEL_OK;
    return reel__fail_call(REEL_ERR_ARGUMENT, c, "no tensors are given");
}

reel_status reel__rule_concat(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_some(c));
    REEL_TRY(like_first(c, out));
    const int axis = c->with.axis;
    int64_t *size = &out->shape.dim[axis];
    for (int i = 1; i < c->nin; i++) {
        const reel_shape in = c->list[i]->layout.shape;
        reel_shape expected = c->list[0]->layout.shape;
        if (in.ndim == expected.ndim) expected.dim[axis] = in.dim[axis];
        REEL_TRY(check_joined(c, i, &expected));
        if (__builtin_add_overflow(*size, in.dim[axis], size))
            return reel__fail_call(REEL_ERR_SHAPE, c, "the result is no shape of a tensor");
    }
    return REEL_OK;
}

/* The axis is one of the result's. */
reel_status reel__rule_stack(const reel__call *c, reel__layout *out) {
    REEL_TRY(check_some(c));
    REEL_TRY(like_first(c, out));
    if (out->shape.ndim == REEL_MAX_DIMS)
        return reel__fail_call(REEL_ERR_SHAPE, c, "one axis more than %d", REEL_MAX_DIMS);
    for (int i = 1; i < c->nin; i++) REEL_TRY(check_joined(c, i, &c->list[0]->layout.shape));
    for (int i = out->shape.ndim++; i > c->with.axis; i--)
        out->shape.dim[i] = out->shape.dim[i - 1];
    out->shape.dim[c->with.axis] = c->nin;
    return REEL_OK;
}

reel_status reel__rule_triangle(const reel__call *c, reel__layout *out) {
    out->dtype = c->in[0]->layout.dtype;
    out->shape = c->in[0]->layout.shape;
    if (out->shape.ndim >= 2) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "takes two axes or more");
}

/* ---- dropout: x, and the state of a generator ---- */

reel_status reel__rule_dropout_again(const reel__call *c, reel__layout *out) {
    out->dtype = c->in[0]->layout.dtype;
    out->shape = c->in[0]->layout.shape;
    if (reel_shape_equal(c->in[1]->layout.shape, reel_shape(2))) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "a generator's state is of [2]");
}

/* And the state that it began with. */
reel_status reel__rule_dropout(const reel__call *c, reel__layout *out) {
    REEL_TRY(reel__rule_dropout_again(c, out));
    out[1] = (reel__layout){.shape = reel_shape(2), .dtype = REEL_I64};
    return REEL_OK;
}

/* ---- losses of a class: the classes are axis 1 of x[N,C,...], which target[N,...] lacks ---- */

static reel_status check_class_loss(const reel__call *c, reel_shape without) {
    const reel_shape weight = c->in[1]->layout.shape;
    if (weight.ndim == 1 && reel_shape_equal(without, c->in[2]->layout.shape)) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "shapes do not belong together");
}

reel_status reel__rule_nll(const reel__call *c, reel__layout *out) {
    const reel_shape x = c->in[0]->layout.shape;
    reel_shape without = x;
    if (x.ndim < 2 || x.dim[1] != reel_dim(c->in[1], 0))
        return reel__fail_call(REEL_ERR_SHAPE, c, "one weight a class is needed");
    for (int i = 1; i < x.ndim - 1; i++) without.dim[i] = x.dim[i + 1];
    without.ndim--;
    REEL_TRY(check_class_loss(c, without));
    out[0].dtype = c->in[0]->layout.dtype;
    out[0].shape = without;
    out[1] = out[0];
    return REEL_OK;
}

reel_status reel__rule_nll_grad(const reel__call *c, reel__layout *out) {
    const reel_shape g = c->in[0]->layout.shape;
    REEL_TRY(check_class_loss(c, g));
    if (g.ndim < 1 || g.ndim == REEL_MAX_DIMS)
        return reel__fail_call(REEL_ERR_SHAPE, c, "no axis for the classes");
    out->dtype = c->in[0]->layout.dtype;
    out->shape = g;
    out->shape.ndim++;
    for (int i = g.ndim; i > 1; i--) out->shape.dim[i] = g.dim[i - 1];
    out->shape.dim[1] = reel_dim(c->in[1], 0);
    return REEL_OK;
}

/* The transpose of slice: zeros, with the input at start + step k along the axis. */
reel_status reel__rule_slice_put(const reel__call *c, reel__layout *out) {
    out->dtype = c->in[0]->layout.dtype;
    out->shape = c->with.slice.shape;
    return REEL_OK;
}

/* ---- random numbers by tensors of floats; the generator's state is the last input ---- */

reel_status reel__rule_probabilities(const reel__call *c, reel__layout *out) {
    *out = c->in[0]->layout;
    return REEL_OK;
}

reel_status reel__rule_multinomial(const reel__call *c, reel__layout *out) {
    REEL_TRY(reel__rule_probabilities(c, out));
    const int last = out->shape.ndim - 1;
    if (last != 0 && last != 1)
        return reel__fail_call(REEL_ERR_SHAPE, c, "weights have one axis or two");
    const int64_t n = out->shape.dim[last], draws = c->with.multinomial.draws;
    const bool replacement = c->with.multinomial.replacement;
    if (draws < 0 || (draws > n && (!replacement || n == 0)))
        return reel__fail_call(REEL_ERR_ARGUMENT, c, "%lld draws%s from %lld weights",
                               (long long)draws, replacement ? "" : " without replacement",
                               (long long)n);
    out->dtype = REEL_I64;
    out->shape.dim[last] = draws;
    return REEL_OK;
}
