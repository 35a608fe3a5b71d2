/* arange and linspace. */
#include "cuda/cuda_internal.h"

static reel_status fill_ramp(const reel__call *c, reel__cuda_ramp r) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    if (r.n == 0) return REEL_OK;
    r.out = reel__data(c->out[0]);
    return reel__cuda_launched(c, reel__cuda_launch_ramp(&r, c->out[0]->layout.dtype, d->queue));
}

reel_status reel__cuda_arange(const reel__call *c) {
    const int64_t n = reel_numel(c->out[0]);
    return fill_ramp(
        c, (reel__cuda_ramp){
               .n = n, .half = n, .first = c->with.ramp.start, .step = c->with.ramp.step});
}

reel_status reel__cuda_linspace(const reel__call *c) {
    return fill_ramp(c, (reel__cuda_ramp){.n = reel_numel(c->out[0]),
                                          .half = c->with.ramp.half,
                                          .first = c->with.ramp.start,
                                          .step = c->with.ramp.step,
                                          .last = c->with.ramp.stop});
}
