/* The public ops: each fills in a call and sends it through the funnel. */
#include "tensor/ops_internal.h"
#include "tensor/rules_internal.h"

#include <math.h>

/* ---- into the funnel ---- */

static reel_tensor *run(reel__call c) {
    if (c.nout == 0) c.nout = 1;
    return reel__dispatch(&c) == REEL_OK ? reel__scope_give(c.out[0]) : NULL;
}

static reel_tensor *unary(reel__op op, const char *at, reel_tensor *x) {
    return run((reel__call){.op = op, .at = at, .nin = 1, .in = &x});
}

static reel_tensor *binary(reel__op op, const char *at, reel_tensor *x, reel_tensor *y) {
    reel_tensor *in[] = {x, y};
    return run((reel__call){.op = op, .at = at, .nin = 2, .in = in});
}

/* ---- elementwise ---- */

reel_tensor *reel_add_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return binary(REEL_OP_add, at, x, y);
}

reel_tensor *reel_sub_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return binary(REEL_OP_sub, at, x, y);
}

reel_tensor *reel_mul_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return binary(REEL_OP_mul, at, x, y);
}

reel_tensor *reel_div_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return binary(REEL_OP_div, at, x, y);
}

reel_tensor *reel_bce_at(const char *at, reel_tensor *p, reel_tensor *t) {
    return binary(REEL_OP_bce, at, p, t);
}

reel_tensor *reel__bce_grad(const char *at, reel_tensor *g, reel_tensor *p, reel_tensor *t) {
    reel_tensor *in[] = {g, p, t};
    return run((reel__call){.op = REEL_OP_bce_grad, .at = at, .nin = 3, .in = in});
}

reel_tensor *reel__mse_grad(const char *at, reel_tensor *g, reel_tensor *y, reel_tensor *t,
                            double scale) {
    reel_tensor *in[] = {g, y, t};
    return run(
        (reel__call){.op = REEL_OP_mse_grad, .at = at, .nin = 3, .in = in, .attr.f = {scale}});
}

reel_tensor *reel_neg_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_neg, at, x);
}

reel_tensor *reel_relu_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_relu, at, x);
}

reel_tensor *reel__relu_grad(const char *at, reel_tensor *g, reel_tensor *y) {
    return binary(REEL_OP_relu_grad, at, g, y);
}

reel_tensor *reel_sigmoid_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_sigmoid, at, x);
}

reel_tensor *reel__sigmoid_grad(const char *at, reel_tensor *g, reel_tensor *y) {
    return binary(REEL_OP_sigmoid_grad, at, g, y);
}

reel_tensor *reel_tanh_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_tanh, at, x);
}

reel_tensor *reel_exp_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_exp, at, x);
}

reel_tensor *reel_log_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_log, at, x);
}

reel_tensor *reel_sqrt_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_sqrt, at, x);
}

reel_tensor *reel_square_at(const char *at, reel_tensor *x) {
    return unary(REEL_OP_square, at, x);
}

reel_tensor *reel__square_grad(const char *at, reel_tensor *g, reel_tensor *x) {
    return binary(REEL_OP_square_grad, at, g, x);
}

reel_tensor *reel_affine_at(const char *at, reel_tensor *x, double scale, double shift) {
    return run(
        (reel__call){.op = REEL_OP_affine, .at = at, .nin = 1, .in = &x, .attr.f = {scale, shift}});
}

reel_tensor *reel_cast_at(const char *at, reel_tensor *x, reel_dtype dtype) {
    if (x && x->layout.dtype == dtype) return x;
    return run((reel__call){.op = REEL_OP_cast, .at = at, .nin = 1, .in = &x, .attr.dtype = dtype});
}

reel_tensor *reel_dequantize_at(const char *at, reel_tensor *x, double scale, reel_dtype dtype) {
    return run((reel__call){.op = REEL_OP_dequantize,
                            .at = at,
                            .nin = 1,
                            .in = &x,
                            .attr = {.f = {scale}, .dtype = dtype}});
}

/* ---- products ---- */

reel_tensor *reel_mse_at(const char *at, reel_tensor *y, reel_tensor *t) {
    return binary(REEL_OP_mse, at, y, t);
}

reel_tensor *reel_matmul_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return binary(REEL_OP_matmul, at, x, y);
}

reel_status reel__matmul_into(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y,
                              bool accumulate) {
    reel_tensor *in[] = {x, y};
    reel__call c = {.op = REEL_OP_matmul,
                    .at = at,
                    .nin = 2,
                    .nout = 1,
                    .in = in,
                    .out = {out},
                    .accumulate = accumulate};
    return reel__dispatch(&c);
}

/* ---- along an axis ---- */

static reel_tensor *indexed(reel__op op, const char *at, reel_tensor *x, int axis,
                            reel_tensor *index, int64_t size) {
    reel_tensor *in[] = {x, index};
    return run((reel__call){
        .op = op, .at = at, .nin = 2, .in = in, .attr.i = {reel__axis(axis, reel_ndim(x)), size}});
}

reel_tensor *reel_index_select_at(const char *at, reel_tensor *x, int axis, reel_tensor *index) {
    return indexed(REEL_OP_index_select, at, x, axis, index, 0);
}

reel_tensor *reel_dequantize_rows_at(const char *at, reel_tensor *x, reel_tensor *index,
                                     double scale, reel_dtype dtype) {
    reel_tensor *in[] = {x, index};
    return run(
        (reel__call){.op = REEL_OP_dequantize_rows,
                     .at = at,
                     .nin = 2,
                     .in = in,
                     .attr = {.f = {scale}, .i = {reel__axis(0, reel_ndim(x))}, .dtype = dtype}});
}

reel_tensor *reel_index_add_at(const char *at, reel_tensor *x, int axis, reel_tensor *index,
                               int64_t size) {
    return indexed(REEL_OP_index_add, at, x, axis, index, size);
}

reel_tensor *reel_gather_at(const char *at, reel_tensor *x, int axis, reel_tensor *index) {
    return indexed(REEL_OP_gather, at, x, axis, index, 0);
}

reel_tensor *reel_scatter_add_at(const char *at, reel_tensor *x, int axis, reel_tensor *index,
                                 int64_t size) {
    return indexed(REEL_OP_scatter_add, at, x, axis, index, size);
}

reel_tensor *reel_topk_at(const char *at, reel_tensor *x, int64_t k, int axis, bool largest,
                          reel_tensor **indices) {
    reel__call c = {.op = REEL_OP_topk,
                    .at = at,
                    .nin = 1,
                    .nout = 2,
                    .in = &x,
                    .attr.i = {reel__axis(axis, reel_ndim(x)), k, largest}};
    if (indices) *indices = NULL;
    if (reel__dispatch(&c) != REEL_OK) return NULL;
    reel_tensor *found = reel__scope_give(c.out[1]);
    if (indices) *indices = found;
    return reel__scope_give(c.out[0]);
}

/* ---- views ---- */

/* Works out an axis of -1; false if there are two, or the elements don't come out even. */
static bool infer_axis(int64_t numel, reel_shape *s) {
    int unknown = -1;
    int64_t known = 1;
    if (s->ndim < 0 || s->ndim > REEL_MAX_DIMS) return false;
    for (int i = 0; i < s->ndim; i++) {
        if (s->dim[i] == -1 && unknown < 0)
            unknown = i;
        else if (s->dim[i] < 0 || __builtin_mul_overflow(known, s->dim[i], &known))
            return false;
    }
    if (unknown >= 0) {
        if (known == 0 || numel % known != 0) return false;
        s->dim[unknown] = numel / known;
    }
    return reel__shape_numel(*s) == numel;
}

reel_tensor *reel_reshape_at(const char *at, reel_tensor *x, reel_shape shape) {
    int64_t unused[REEL_MAX_DIMS];
    reel__call c = {.op = REEL_OP_reshape, .at = at, .nin = 1, .in = &x, .attr.shape = shape};
    if (x && !infer_axis(reel_numel(x), &c.attr.shape)) {
        char text[200];
        reel__shape_text(text, sizeof text, shape);
        reel__fail_call(REEL_ERR_SHAPE, &c, "its elements do not fit into %s", text);
        return NULL;
    }
    if (x && !reel__reshape_strides(&x->layout, c.attr.shape, unused))
        x = unary(REEL_OP_copy, at, x);
    return run(c);
}

reel_tensor *reel_permute_at(const char *at, reel_tensor *x, reel_shape axes) {
    int ndim = reel_ndim(x), seen = 0;
    reel__call c = {.op = REEL_OP_permute, .at = at, .nin = 1, .in = &x, .attr.shape = axes};
    for (int i = 0; i < axes.ndim && i < ndim; i++) {
        int64_t axis = axes.dim[i] < 0 ? axes.dim[i] + ndim : axes.dim[i];
        c.attr.shape.dim[i] = axis;
        if (axis >= 0 && axis < ndim) seen |= 1 << axis;
    }
    if (x && (axes.ndim != ndim || seen != (1 << ndim) - 1)) {
        char text[200];
        reel__shape_text(text, sizeof text, axes);
        reel__fail_call(REEL_ERR_SHAPE, &c, "%s does not list every axis once", text);
        return NULL;
    }
    return run(c);
}

reel_tensor *reel_t_at(const char *at, reel_tensor *x) {
    int ndim = reel_ndim(x);
    reel_shape axes = {ndim, {0}};
    if (x && ndim < 2) {
        reel__call c = {.op = REEL_OP_permute, .at = at, .nin = 1, .in = &x};
        reel__fail_call(REEL_ERR_SHAPE, &c, "t takes two axes or more");
        return NULL;
    }
    for (int i = 0; i < ndim; i++) axes.dim[i] = i < ndim - 2 ? i : 2 * ndim - 3 - i;
    return reel_permute_at(at, x, axes);
}

static int64_t clamp_bound(int64_t bound, int64_t n) {
    if (bound < 0) bound = bound < -n ? 0 : bound + n;
    return bound > n ? n : bound;
}

reel_tensor *reel_slice_at(const char *at, reel_tensor *x, int axis, int64_t start, int64_t stop,
                           int64_t step) {
    reel__call c = {.op = REEL_OP_slice, .at = at, .nin = 1, .in = &x};
    int i = reel__axis(axis, reel_ndim(x));
    if (x && (i < 0 || step < 1)) {
        if (i < 0)
            reel__fail_call(REEL_ERR_SHAPE, &c, "no axis %d", axis);
        else
            reel__fail_call(REEL_ERR_ARGUMENT, &c, "step %lld, at least 1 is needed",
                            (long long)step);
        return NULL;
    }
    int64_t n = x ? x->layout.shape.dim[i] : 0;
    start = clamp_bound(start, n);
    stop = clamp_bound(stop, n);
    int64_t count = stop > start ? (stop - start - 1) / step + 1 : 0;
    c.attr = (reel__attrs){.i = {i, start, count, count > 1 ? step : 1}};
    return run(c);
}

reel_tensor *reel_select_at(const char *at, reel_tensor *x, int axis, int64_t index) {
    int i = reel__axis(axis, reel_ndim(x));
    int64_t n = i < 0 ? 0 : x->layout.shape.dim[i];
    if (x && (index < -n || index >= n)) {
        reel__call c = {.op = REEL_OP_slice, .at = at, .nin = 1, .in = &x};
        if (i < 0)
            reel__fail_call(REEL_ERR_SHAPE, &c, "no axis %d", axis);
        else
            reel__fail_call(REEL_ERR_ARGUMENT, &c, "no index %lld on axis %d", (long long)index,
                            axis);
        return NULL;
    }
    if (index < 0) index += n;
    reel_tensor *one = reel_slice_at(at, x, axis, index, index + 1, 1);
    if (!one) return NULL;
    reel_shape s = one->layout.shape;
    for (int a = i; a < s.ndim - 1; a++) s.dim[a] = s.dim[a + 1];
    s.ndim--;
    return reel_reshape_at(at, one, s);
}

reel_tensor *reel__slice_put(const char *at, reel_tensor *x, reel_shape shape, int axis,
                             int64_t start, int64_t step) {
    return run((reel__call){.op = REEL_OP_slice_put,
                            .at = at,
                            .nin = 1,
                            .in = &x,
                            .attr = {.i = {axis, start, reel_dim(x, axis), step}, .shape = shape}});
}

reel_tensor *reel_expand_at(const char *at, reel_tensor *x, reel_shape shape) {
    return run(
        (reel__call){.op = REEL_OP_expand, .at = at, .nin = 1, .in = &x, .attr.shape = shape});
}

reel_tensor *reel_contiguous_at(const char *at, reel_tensor *x) {
    return reel_is_contiguous(x) ? x : unary(REEL_OP_copy, at, x);
}

/* ---- creation ---- */

static reel_tensor *create(reel__op op, const char *at, reel_shape shape, double value,
                           reel_dtype dtype, reel_device device) {
    return run((reel__call){.op = op,
                            .at = at,
                            .device = device,
                            .attr = {.f = {value}, .shape = shape, .dtype = dtype}});
}

reel_tensor *reel_empty_at(const char *at, reel_shape shape, reel_dtype dtype, reel_device device) {
    return reel__scope_give(
        reel__tensor_new(at, "empty", &(reel__layout){.dtype = dtype, .shape = shape}, device));
}

reel_tensor *reel_full_at(const char *at, reel_shape shape, double value, reel_dtype dtype,
                          reel_device device) {
    return create(REEL_OP_fill, at, shape, value, dtype, device);
}

reel_tensor *reel_arange_at(const char *at, int64_t n, reel_dtype dtype, reel_device device) {
    return create(REEL_OP_arange, at, reel_shape(n), 0, dtype, device);
}

/* ---- in place ---- */

static reel_tensor *into(reel__call c, reel_tensor *out) {
    if (!out) {
        if (!reel_failed()) reel__fail_call(REEL_ERR_ARGUMENT, &c, "the tensor to change is NULL");
        return NULL;
    }
    c.nout = 1;
    c.out[0] = out;
    c.device = out->storage->device;
    return reel__dispatch(&c) == REEL_OK ? out : NULL;
}

/* x, copied first if it is other elements of the memory that is about to change. */
static reel_tensor *apart(const char *at, reel_tensor *x, const reel_tensor *out) {
    return x && out && x != out && x->storage == out->storage ? unary(REEL_OP_copy, at, x) : x;
}

reel_tensor *reel_copy_at_(const char *at, reel_tensor *to, reel_tensor *from) {
    reel_tensor *done = NULL;
    REEL_SCOPE {
        if (to && from)
            from = reel_to_at(at, reel_cast_at(at, from, to->layout.dtype), to->storage->device);
        from = apart(at, from, to);
        done =
            into((reel__call){.op = REEL_OP_copy, .at = at, .first = 1, .nin = 1, .in = &from}, to);
    }
    return done;
}

reel_tensor *reel_fill_at_(const char *at, reel_tensor *t, double value) {
    reel__attrs attr = {.f = {value}, .shape = reel_shape_of(t), .dtype = reel_dtype_of(t)};
    return into((reel__call){.op = REEL_OP_fill, .at = at, .attr = attr}, t);
}

reel_tensor *reel_add_at_(const char *at, reel_tensor *sum, reel_tensor *x) {
    reel_tensor *done = NULL;
    REEL_SCOPE {
        reel_tensor *in[] = {sum, apart(at, x, sum)};
        done = into((reel__call){.op = REEL_OP_add, .at = at, .nin = 2, .in = in}, sum);
    }
    return done;
}
