/* Losses: an elementwise distance, reduced; the mean of mse in one op. */
#include "nn/nn.h"

#include "tensor/tensor_internal.h"

static reel_status check(const char *what, const char *at, reel_tensor *y, reel_tensor *target,
                         reel_reduction r) {
    if (!y || !target)
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no %s", what, y ? "target" : "y");
    if (r != REEL_MEAN && r != REEL_SUM && r != REEL_NONE)
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no such reduction: %d", what, (int)r);
    if (reel_shape_equal(reel_shape_of(y), reel_shape_of(target))) return REEL_OK;
    char ours[192], theirs[192];
    reel__describe(ours, sizeof ours, "y", y, false, false);
    reel__describe(theirs, sizeof theirs, "target", target, false, false);
    return reel_fail(REEL_ERR_SHAPE, at, "%s: shapes differ: %s, %s", what, ours, theirs);
}

static reel_tensor *reduce(const char *at, reel_tensor *t, reel_reduction r) {
    if (r == REEL_MEAN) return reel_mean_at(at, t, REEL_SCALAR, false);
    if (r == REEL_SUM) return reel_sum_at(at, t, REEL_SCALAR, false);
    return t;
}

reel_tensor *reel_mse_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                              reel_reduction r) {
    if (check("mse_loss", at, y, target, r) != REEL_OK) return NULL;
    if (r == REEL_MEAN) return reel_mse_at(at, y, target);
    reel_tensor *loss = NULL;
    REEL_SCOPE {
        loss = reel_square_at(at, reel_sub_at(at, y, target));
        loss = reel_scope_return(reduce(at, loss, r));
    }
    return loss;
}

reel_tensor *reel_bce_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                              reel_reduction r) {
    if (check("bce_loss", at, y, target, r) != REEL_OK) return NULL;
    reel_tensor *loss = NULL;
    REEL_SCOPE {
        loss = reel_scope_return(reduce(at, reel_bce_at(at, y, target), r));
    }
    return loss;
}
