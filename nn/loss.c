/* Losses: an elementwise distance, reduced; the mean of mse in one op. */
#include "nn/loss_internal.h"

#include "tensor/ops/ops_internal.h"
#include "tensor/ops/record_internal.h"

#include <math.h>

/* ---- shared ---- */

const char *const reel__loss_called[] = {"y", "target"};

reel_status reel__loss_check_reduction(const reel__composite *c, reel_reduction r) {
    if (!reel__composite_is_whole(c)) return reel_error_status();
    if (r == REEL_MEAN || r == REEL_SUM || r == REEL_NONE) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "no such reduction: %d", (int)r);
}

reel_status reel__loss_check(const reel__composite *c, reel_reduction r) {
    REEL_TRY(reel__loss_check_reduction(c, r));
    const reel_tensor *y = c->in[0], *target = c->in[1];
    const char *whose = c->given > 2 ? " of the first two" : "";
    if (!reel_shape_equal(reel_shape_of(y), reel_shape_of(target)))
        return reel__fail_composite(REEL_ERR_SHAPE, "shapes%s differ", whose);
    if (reel_dtype_of(y) != reel_dtype_of(target))
        return reel__fail_composite(REEL_ERR_DTYPE, "dtypes%s differ", whose);
    if (reel__dtype_is_full(reel_dtype_of(y))) return REEL_OK;
    return reel__fail_composite(REEL_ERR_DTYPE, "takes f32 or f64");
}

reel_status reel__loss_positive(const char *option, double value) {
    if (value > 0.0 && !isinf(value)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "%s must be positive and finite, not %g", option,
                                value);
}

reel_status reel__loss_not_negative(const char *option, double value) {
    if (value >= 0.0 && !isinf(value)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_ARGUMENT, "%s must be 0 or more, and finite, not %g",
                                option, value);
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
    REEL__COMPOSITE(.name = "mse_loss", .at = at, .in = {y, target}, .given = 2,
                    .called = reel__loss_called);
    if (reel__loss_check(&composite, r) != REEL_OK) return NULL;
    if (r == REEL_MEAN) return reel_mse_at(at, y, target);
    REEL_SCOPE;
    return reel__loss_reduce(at, reel_square_at(at, reel_sub_at(at, y, target)), r);
}

/* Looked at only after a NaN came out. On a GPU the kernel has looked already. Of a captured step
 * when it is recorded: in a replay it is the loss that says so. */
static reel_status check_probabilities(reel_tensor *p, reel_tensor *loss) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    REEL__UNRECORDED;
    if (reel_numel(p) == 0 || !reel_data(p)) return reel_error_status();
    const bool one = reel_numel(loss) == 1;
    if (one ? !isnan(reel_item(loss)) : reel_item(reel_any(reel_isnan(loss))) == 0)
        return reel_error_status();
    const double least = reel_item(reel_min(p)), most = reel_item(reel_max(p));
    if (reel_failed() || (least >= 0 && most <= 1)) return reel_error_status();
    return reel__fail_composite(REEL_ERR_ARGUMENT, "a probability is outside 0..1: %g",
                                least >= 0 ? most : least);
}

reel_tensor *reel_bce_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                              reel_reduction r) {
    REEL__COMPOSITE(.name = "bce_loss", .at = at, .in = {y, target}, .given = 2,
                    .called = reel__loss_called);
    if (reel__loss_check(&composite, r) != REEL_OK) return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE;
    loss = reel__loss_reduce(at, reel__bce_checked(at, y, target), r);
    return loss && check_probabilities(y, loss) == REEL_OK ? loss : NULL;
}
