/* What the C side of each kernel begins and ends with. */
#include "cuda/cuda_internal.h"

reel__cuda_device *reel__cuda_enter(const reel__call *c) {
    reel__cuda_device *d = reel__cuda_device_at(c->device.index);
    reel__cuda_label_launches((reel__cuda_label){reel__call_name(c), c->at, {0}});
    if (reel__cuda_check(d->index) != REEL_OK || reel__cuda_use(d) != REEL_OK ||
        reel__cuda_take_error(d) != REEL_OK)
        return NULL;
    return d;
}

reel_status reel__cuda_launched(const reel__call *c, cudaError_t e) {
    if (e == cudaSuccess) return REEL_OK;
    return reel__fail_call(REEL_ERR_DEVICE, c, "CUDA: %s", cudaGetErrorString(e));
}

void *reel__cuda_scratch(const reel__call *c, size_t bytes) {
    void *memory = reel__cuda_alloc(c->device.index, bytes);
    if (!memory)
        reel__fail_call(REEL_ERR_MEMORY, c, "out of memory on cuda:%d: %zu bytes asked for",
                        c->device.index, bytes);
    return memory;
}
