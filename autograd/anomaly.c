/* Anomaly mode: the first result that is not finite is a failure. */
#include "autograd/autograd_internal.h"
#include "tensor/ops/record_internal.h"

#include <math.h>

/* 0 x is NaN where x is not finite; so is its sum, which cannot overflow. */
bool reel__is_finite(reel_tensor *t) {
    reel__thread *self = reel__self();
    REEL__UNRECORDED;
    const bool anomaly = self->anomaly, no_grad = self->no_grad;
    bool finite = true;
    if (!reel_dtype_is_float(t->layout.dtype)) return true;
    self->anomaly = false;
    self->no_grad = true;
    {
        REEL_SCOPE;
        reel_tensor *zeros = reel_affine_at(t->at, t, 0, 0);
        finite = !isnan(reel_item_at(t->at, reel_sum_at(t->at, zeros, REEL_SCALAR, false)));
    }
    self->anomaly = anomaly;
    self->no_grad = no_grad;
    return finite;
}

reel_status reel__check_results(const reel__call *c) {
    for (int i = 0; i < c->nout; i++) {
        if (reel__is_finite(c->out[i])) continue;
        return reel__fail_call(REEL_ERR_STATE, c, "anomaly: its result holds NaN or infinity");
    }
    return REEL_OK;
}
