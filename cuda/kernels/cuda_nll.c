/* nll and its transpose. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_index_internal.h"

typedef cudaError_t (*nll_launcher)(const reel__cuda_nll_work *w, reel_dtype dtype,
                                    reel__cuda_queue *queue);

/* x has the classes, as axis 1: it is the input of the one, the result of the other. */
static reel_status launch(const reel__call *c, const reel_tensor *x, nll_launcher launcher) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *from = reel_contiguous_at(c->at, c->in[0]), *weight = c->in[1],
                      *target = reel_contiguous_at(c->at, c->in[2]);
    reel__cuda_device *d = from && target ? reel__cuda_enter(c) : NULL;
    if (!d) return reel_error_status();
    reel__cuda_nll_work w = {.from = reel__data(from),
                             .weight = reel__data(weight),
                             .target = reel__data(target),
                             .out = reel__data(c->out[0]),
                             .weights = c->out[1] ? reel__data(c->out[1]) : NULL,
                             .classes = reel_dim(weight, 0),
                             .weight_stride = reel_stride(weight, 0),
                             .ignored = c->with.nll.ignored,
                             .errors = reel__cuda_error_slot_of(d, c)};
    reel__around_axis(x->layout.shape, 1, &w.outer, &w.inner);
    return reel__cuda_launched(c, launcher(&w, from->layout.dtype, d->queue));
}

reel_status reel__cuda_nll(const reel__call *c) {
    return launch(c, c->in[0], reel__cuda_launch_nll);
}

reel_status reel__cuda_nll_grad(const reel__call *c) {
    return launch(c, c->out[0], reel__cuda_launch_nll_grad);
}
