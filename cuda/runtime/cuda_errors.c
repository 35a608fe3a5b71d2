/* Deferred errors: what kernels find wrong with values, while the host is far ahead. They write it
 * into memory of the host, and the next call, in whichever thread, keeps it as a failure. */
#include "cuda/cuda_internal.h"

reel_status reel__cuda_errors_open(reel__cuda_device *d, const char *what) {
    void *error = NULL, *seen = NULL;
    REEL_TRY(reel__cuda_status(cudaHostAlloc(&error, sizeof *d->error, cudaHostAllocMapped), what));
    REEL_TRY(reel__cuda_status(cudaHostGetDevicePointer(&seen, error, 0), what));
    d->error = error;
    d->error_there = seen;
    *d->error = (reel__cuda_deferred){.code = 0};
    return REEL_OK;
}

reel__cuda_error_slot reel__cuda_error_slot_of(const reel__cuda_device *d, const reel__call *c) {
    return (reel__cuda_error_slot){
        .claimed = d->claimed, .error = d->error_there, .name = reel__call_name(c), .at = c->at};
}

static reel_status fail_by(const reel__cuda_deferred *c) {
    const long long index = c->index, position = c->position, size = c->size;
    const reel_status code = REEL_ERR_ARGUMENT;
    const char *name = c->name;
    switch (c->what) {
    case REEL__CUDA_WRONG_INDEX:
        break;
    case REEL__CUDA_WRONG_PROBABILITY:
        return reel_fail(code, c->at, "%s: probability %g at position %lld is not in 0..1", name,
                         c->value, position);
    case REEL__CUDA_NO_PROBABILITY:
        return reel_fail(code, c->at, "%s: a probability is outside 0..1: %g", name, c->value);
    case REEL__CUDA_WRONG_WEIGHT:
        return reel_fail(code, c->at,
                         "%s: weight %g at position %lld is not a finite number, 0 or more", name,
                         c->value, position);
    case REEL__CUDA_WRONG_SUM:
        return reel_fail(code, c->at, "%s: the weights of row %lld add up to %g", name, position,
                         c->value);
    case REEL__CUDA_FEW_WEIGHTS:
        return reel_fail(code, c->at, "%s: row %lld has fewer than %lld weights above 0", name,
                         position, size);
    }
    return reel_fail(code, c->at, "%s: index %lld at position %lld is not in 0..%lld", name, index,
                     position, size - 1);
}

reel_status reel__cuda_take_error(reel__cuda_device *d) {
    reel__cuda_deferred *c = d->error;
    if (!__atomic_load_n(&c->code, __ATOMIC_RELAXED)) return REEL_OK;
    if (!__atomic_exchange_n(&c->code, 0, __ATOMIC_ACQ_REL))
        return REEL_OK; /* another thread was here first */
    const reel__cuda_deferred heard = *c;
    /* from here on kernels may report again */
    REEL_TRY(reel__cuda_use(d));
    REEL_TRY(reel__cuda_status(
        cudaMemsetAsync(d->claimed, 0, sizeof *d->claimed, reel__cuda_stream(d->queue)), "device"));
    return fail_by(&heard);
}
