/* uniform and normal. */
#include "cuda/cuda_internal.h"

/* in[0] is the generator's state, which the kernel moves on. */
static reel_status fill(const reel__call *c, bool normal) {
    reel_tensor *out = c->out[0];
    reel_status status = REEL_OK;
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE {
        reel_tensor *t = out;
        if (!reel_is_contiguous(out) || (uintptr_t)reel__data(out) % REEL__CUDA_VECTOR != 0)
            t = reel_empty_at(c->at, out->layout.shape, out->layout.dtype, c->device);
        reel__cuda_device *d = t ? reel__cuda_enter(c) : NULL;
        if (!d) return reel_error_status();
        status = reel__cuda_launched(
            c, reel__cuda_launch_random(reel__data(t), reel_numel(t), t->layout.dtype, normal,
                                        c->attr.f[0], c->attr.f[1], reel__data(c->in[0]),
                                        d->tickets, d->queue));
        if (status == REEL_OK && t != out) status = reel__cuda_copy_into(c, out, t);
    }
    return status;
}

reel_status reel__cuda_uniform(const reel__call *c) {
    return fill(c, false);
}

reel_status reel__cuda_normal(const reel__call *c) {
    return fill(c, true);
}
