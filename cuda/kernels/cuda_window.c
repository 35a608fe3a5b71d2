/* resample, max_pool, unfold, fold. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_window_internal.h"

#include "tensor/ops/window_axes_internal.h"

/* With contiguous inputs, which the open scope owns; NULL, and a failure, else. */
static reel__cuda_device *prepare(const reel__call *c, reel__cuda_windows *w) {
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    reel__cuda_device *d = x ? reel__cuda_enter(c) : NULL;
    if (!d) return NULL;
    *w = (reel__cuda_windows){.x = reel__data(x),
                              .y = reel__data(c->out[0]),
                              .value = c->with.window.value,
                              .times = c->with.window.times};
    w->outer = reel__three_axes(&c->with, x, w->axis);
    return d;
}

static reel_status resample(const reel__call *c, bool back) {
    reel__cuda_windows w;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel__cuda_device *d = prepare(c, &w);
    if (!d) return reel_error_status();
    return reel__cuda_launched(
        c, reel__cuda_launch_resample(&w, back, c->in[0]->layout.dtype, d->queue));
}

reel_status reel__cuda_resample(const reel__call *c) {
    return resample(c, false);
}

reel_status reel__cuda_resample_grad(const reel__call *c) {
    return resample(c, true);
}

reel_status reel__cuda_max_pool(const reel__call *c) {
    reel__cuda_windows w;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel__cuda_device *d = prepare(c, &w);
    if (!d) return reel_error_status();
    w.index = reel__data(c->out[1]);
    return reel__cuda_launched(
        c, reel__cuda_launch_max_pool(&w, false, c->in[0]->layout.dtype, d->queue));
}

reel_status reel__cuda_max_pool_grad(const reel__call *c) {
    reel__cuda_windows w;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *index = reel_contiguous_at(c->at, c->in[1]);
    reel__cuda_device *d = index ? prepare(c, &w) : NULL;
    if (!d) return reel_error_status();
    w.index = reel__data(index);
    return reel__cuda_launched(
        c, reel__cuda_launch_max_pool(&w, true, c->in[0]->layout.dtype, d->queue));
}

/* The two axes, and images times channels: of x, or of the result. */
static void as_images(reel__cuda_windows *w, const reel__call *c, const reel_tensor *image) {
    w->outer = reel_dim(image, 0) * reel_dim(image, 1);
    w->axis[0] = c->with.window.axis[0];
    w->axis[1] = c->with.window.axis[1];
}

reel_status reel__cuda_unfold(const reel__call *c) {
    reel__cuda_windows w;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel__cuda_device *d = prepare(c, &w);
    if (!d) return reel_error_status();
    as_images(&w, c, c->in[0]);
    const int size = (int)reel_dtype_size(c->in[0]->layout.dtype);
    return reel__cuda_launched(c, reel__cuda_launch_unfold(&w, size, d->queue));
}

reel_status reel__cuda_unfold_grad(const reel__call *c) {
    reel__cuda_windows w;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    reel__cuda_device *d = prepare(c, &w);
    if (!d) return reel_error_status();
    as_images(&w, c, c->out[0]);
    return reel__cuda_launched(c, reel__cuda_launch_fold(&w, c->in[0]->layout.dtype, d->queue));
}
