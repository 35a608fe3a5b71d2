/* The public ops that compute: each fills in a call and sends it through the funnel. Elementwise
 * ones are in ops_elementwise.c; those that move elements in ops_shape.c (views), ops_join.c and
 * ops_index.c. */
#include "tensor/call_internal.h"

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
    return reel__run(c);
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
    return reel__run(c);
}

reel_tensor *reel_mse_at(const char *at, reel_tensor *y, reel_tensor *t) {
    return reel__binary(REEL_OP_mse, at, y, t);
}

reel_tensor *reel_matmul_at(const char *at, reel_tensor *x, reel_tensor *y) {
    return reel__binary(REEL_OP_matmul, at, x, y);
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
    return reel__run((reel__call){.op = REEL_OP_softmax,
                                  .at = at,
                                  .nin = 1,
                                  .in = &x,
                                  .attr.i = {reel__axis(axis, reel_ndim(x))}});
}
