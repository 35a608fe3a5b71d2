/* Losses: an elementwise distance, reduced; the mean of mse in one op. */
#include "nn/loss_internal.h"

#include "tensor/ops_internal.h"

#include <math.h>

/* ---- shared ---- */

reel_status reel__loss_differ(const char *what, const char *at, reel_status code, reel_tensor *y,
                              reel_tensor *target) {
    const bool dtypes = code == REEL_ERR_DTYPE;
    char ours[192], theirs[192];
    reel__describe(ours, sizeof ours, "y", y, dtypes, false);
    reel__describe(theirs, sizeof theirs, "target", target, dtypes, false);
    return reel_fail(code, at, "%s: %s differ: %s, %s", what, dtypes ? "dtypes" : "shapes", ours,
                     theirs);
}

reel_status reel__loss_check_reduction(const char *what, const char *at, reel_reduction r) {
    if (r == REEL_MEAN || r == REEL_SUM || r == REEL_NONE) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no such reduction: %d", what, (int)r);
}

reel_status reel__loss_check(const char *what, const char *at, reel_tensor *y, reel_tensor *target,
                             reel_reduction r) {
    if (!y || !target)
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no %s", what, y ? "target" : "y");
    REEL_TRY(reel__loss_check_reduction(what, at, r));
    if (!reel_shape_equal(reel_shape_of(y), reel_shape_of(target)))
        return reel__loss_differ(what, at, REEL_ERR_SHAPE, y, target);
    if (reel_dtype_of(y) != reel_dtype_of(target))
        return reel__loss_differ(what, at, REEL_ERR_DTYPE, y, target);
    if (reel_dtype_is_float(reel_dtype_of(y))) return REEL_OK;
    return reel_fail(REEL_ERR_DTYPE, at, "%s: takes f32 or f64, not %s", what,
                     reel_dtype_name(reel_dtype_of(y)));
}

reel_status reel__loss_positive(const char *what, const char *at, const char *option,
                                double value) {
    if (value > 0.0 && !isinf(value)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, at, "%s: %s must be positive and finite: %g", what, option,
                     value);
}

reel_tensor *reel__loss_reduce(const char *at, reel_tensor *t, reel_reduction r) {
    if (r == REEL_MEAN) t = reel_mean_at(at, t, REEL_SCALAR, false);
    if (r == REEL_SUM) t = reel_sum_at(at, t, REEL_SCALAR, false);
    return reel_scope_return(t);
}

/* relu's gradient is this very choice. */
reel_tensor *reel__loss_where(const char *at, reel_tensor *c, reel_tensor *x) {
    return reel__relu_grad(at, x, c);
}

/* One of the two is 0. */
reel_tensor *reel__loss_abs(const char *at, reel_tensor *x) {
    return reel_add_at(at, reel_relu_at(at, x), reel_relu_at(at, reel_neg_at(at, x)));
}

/* ---- mse, bce ---- */

reel_tensor *reel_mse_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                              reel_reduction r) {
    if (reel__loss_check("mse_loss", at, y, target, r) != REEL_OK) return NULL;
    if (r == REEL_MEAN) return reel_mse_at(at, y, target);
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    loss = reel__loss_reduce(at, reel_square_at(at, reel_sub_at(at, y, target)), r);
    return loss;
}

reel_tensor *reel_bce_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                              reel_reduction r) {
    if (reel__loss_check("bce_loss", at, y, target, r) != REEL_OK) return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    loss = reel__loss_reduce(at, reel_bce_at(at, y, target), r);
    return loss;
}
