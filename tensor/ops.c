/* The public ops: each fills in a call and sends it through the funnel. Those that move elements
 * are in ops_shape.c (views), ops_join.c and ops_index.c. */
#include "tensor/call_internal.h"

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

/* ---- reductions and products ---- */

static reel_tensor *reduce(reel__op op, const char *at, reel_tensor *x, reel_shape axes,
                           bool keepdim) {
    reel__call c = {.op = op, .at = at, .nin = 1, .in = &x, .attr.i = {0, keepdim ? -1 : 0}};
    int ndim = reel_ndim(x);
    if (x && (axes.ndim < 0 || axes.ndim > REEL_MAX_DIMS)) {
        reel__fail_call(REEL_ERR_SHAPE, &c, "%d axes listed", axes.ndim);
        return NULL;
    }
    for (int i = 0; x && i < axes.ndim; i++) {
        int axis =
            axes.dim[i] >= -ndim && axes.dim[i] < ndim ? reel__axis((int)axes.dim[i], ndim) : -1;
        if (axis < 0 || c.attr.i[0] >> axis & 1) {
            reel__fail_call(REEL_ERR_SHAPE, &c,
                            axis < 0 ? "no axis %lld" : "axis %lld listed twice",
                            (long long)axes.dim[i]);
            return NULL;
        }
        c.attr.i[0] |= (int64_t)1 << axis;
    }
    if (axes.ndim == 0) c.attr.i[0] = ((int64_t)1 << ndim) - 1;
    return run(c);
}

reel_tensor *reel_sum_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_sum, at, x, axes, keepdim);
}

reel_tensor *reel_mean_at(const char *at, reel_tensor *x, reel_shape axes, bool keepdim) {
    return reduce(REEL_OP_mean, at, x, axes, keepdim);
}

reel_tensor *reel__sum_to(const char *at, reel_tensor *g, reel_shape shape) {
    if (!g || reel_shape_equal(g->layout.shape, shape)) return g;
    const int missing = g->layout.shape.ndim - shape.ndim;
    reel__call c = {.op = REEL_OP_sum, .at = at, .nin = 1, .in = &g};
    for (int i = 0; i < g->layout.shape.ndim; i++) {
        const bool kept = i >= missing && shape.dim[i - missing] == 1;
        if (i < missing || kept) c.attr.i[0] |= (int64_t)1 << i;
        if (kept) c.attr.i[1] |= (int64_t)1 << i;
    }
    return run(c);
}

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

reel_tensor *reel_softmax_at(const char *at, reel_tensor *x, int axis) {
    return run((reel__call){.op = REEL_OP_softmax,
                            .at = at,
                            .nin = 1,
                            .in = &x,
                            .attr.i = {reel__axis(axis, reel_ndim(x))}});
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
