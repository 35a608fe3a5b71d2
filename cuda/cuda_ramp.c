/* arange and linspace. */
#include "cuda/cuda_internal.h"

static reel_status fill_ramp(const reel__call *c, reel__cuda_ramp r) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    if (r.n == 0) return REEL_OK;
    r.out = reel__data(c->out[0]);
    return reel__cuda_launched(c, reel__cuda_launch_ramp(&r, c->out[0]->layout.dtype, d->queue));
}

/* f: start, step. */
reel_status reel__cuda_arange(const reel__call *c) {
    const int64_t n = reel_numel(c->out[0]);
    return fill_ramp(
        c, (reel__cuda_ramp){.n = n, .half = n, .first = c->attr.f[0], .step = c->attr.f[1]});
}

/* f: start, step, stop; i[0]: how many are counted from start. */
reel_status reel__cuda_linspace(const reel__call *c) {
    return fill_ramp(c, (reel__cuda_ramp){.n = reel_numel(c->out[0]),
                                          .half = c->attr.i[0],
                                          .first = c->attr.f[0],
                                          .step = c->attr.f[1],
                                          .last = c->attr.f[2]});
}
