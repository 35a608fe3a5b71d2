/* recurrent, recurrent_grad: of each step a launch over its units, behind a product. */
#include "cuda/cuda_internal.h"
#include "tensor/ops/recurrent_internal.h"

static reel_status run(const reel__call *c, const reel__recurrent_step *s, bool back) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    return reel__cuda_launched(
        c, reel__cuda_launch_recurrent(s, back, c->in[0]->layout.dtype, d->queue));
}
static reel_status forward(const reel__call *c, const reel__recurrent_step *s) {
    return run(c, s, false);
}
static reel_status backward(const reel__call *c, const reel__recurrent_step *s) {
    return run(c, s, true);
}

reel_status reel__cuda_recurrent(const reel__call *c) {
    return reel__recurrent_steps(c, forward);
}
reel_status reel__cuda_recurrent_grad(const reel__call *c) {
    return reel__recurrent_steps_back(c, backward);
}
