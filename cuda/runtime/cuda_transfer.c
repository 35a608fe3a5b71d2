/* Copies between host and devices, and waits for them. */
#include "cuda/cuda_internal.h"

#include <string.h>

#define TRY(call) REEL_TRY(reel__cuda_status(call, "copy"))

static void count(atomic_llong *n) {
    atomic_fetch_add_explicit(n, 1, memory_order_relaxed);
}

reel_status reel__cuda_wait(int index) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    REEL_TRY(reel__cuda_flush(d->queue));
    count(&d->waits);
    REEL_TRY(reel__cuda_status(cudaStreamSynchronize(d->stream), "synchronize"));
    return reel__cuda_take_error(d);
}

reel_status reel__cuda_wait_for_all(int index) {
    REEL_TRY(reel__cuda_lanes_await(reel__cuda_device_at(index)));
    return reel__cuda_wait(index);
}

reel_status reel__cuda_to_host(int index, void *host, const void *device, size_t bytes) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    count(&d->copies_to_host);
    REEL_TRY(reel__cuda_flush(d->queue));
    if (bytes) TRY(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, d->stream));
    return reel__cuda_wait(index);
}

#define STAGED ((size_t)4 << 20)

/* By way of pinned memory, which is not used again before the copy is over: nobody waits. */
static reel_status stage(reel__cuda_device *d, void *device, const void *host, size_t bytes) {
    void *block = reel__cuda_pinned.alloc(0, bytes);
    cudaEvent_t done = block ? reel__cuda_pinned_event(block, d->index) : NULL;
    if (!done) return reel_fail(REEL_ERR_MEMORY, NULL, "copy: out of pinned memory");
    memcpy(block, host, bytes);
    reel_status status = reel__cuda_status(
        cudaMemcpyAsync(device, block, bytes, cudaMemcpyHostToDevice, d->stream), "copy");
    if (status == REEL_OK) status = reel__cuda_status(cudaEventRecord(done, d->stream), "copy");
    reel__cuda_pinned.free(0, block, bytes);
    return status;
}

reel_status reel__cuda_from_host(int index, void *device, const void *host, size_t bytes) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    REEL_TRY(reel__cuda_flush(d->queue));
    count(&d->copies_from_host);
    if (bytes == 0) return REEL_OK;
    if (bytes <= STAGED) return stage(d, device, host, bytes);
    TRY(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, d->stream));
    return reel__cuda_wait(index);
}

/* In the stream of the device that the bytes come from, once the other has reached this point; the
 * other goes on when they are there. */
reel_status reel__cuda_between(int to, void *there, int from, const void *here, size_t bytes) {
    reel__cuda_device *source = reel__cuda_device_at(from), *target = reel__cuda_device_at(to);
    if (!bytes) return REEL_OK;
    REEL_TRY(reel__cuda_use(target));
    REEL_TRY(reel__cuda_flush(target->queue));
    TRY(cudaEventRecord(target->reached, target->stream));
    REEL_TRY(reel__cuda_use(source));
    REEL_TRY(reel__cuda_flush(source->queue));
    TRY(cudaStreamWaitEvent(source->stream, target->reached, 0));
    TRY(cudaMemcpyPeerAsync(there, to, here, from, bytes, source->stream));
    TRY(cudaEventRecord(source->reached, source->stream));
    REEL_TRY(reel__cuda_use(target));
    TRY(cudaStreamWaitEvent(target->stream, source->reached, 0));
    return REEL_OK;
}

/* The target may be memory that kernels still to run read under another name: the copy waits until
 * they have. */
reel_status reel__cuda_upload(int index, void *device, const void *host, size_t bytes,
                              void **ticket) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    cudaEvent_t done = reel__cuda_pinned_event((void *)host, index);
    if (!done) return reel_fail(REEL_ERR_MEMORY, NULL, "copy: out of CUDA events");
    count(&d->copies_from_host);
    REEL_TRY(reel__cuda_flush(d->queue));
    TRY(cudaEventRecord(d->reached, d->stream));
    TRY(cudaStreamWaitEvent(d->copies, d->reached, 0));
    if (bytes) TRY(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, d->copies));
    TRY(cudaEventRecord(done, d->copies));
    *ticket = done;
    return REEL_OK;
}

reel_status reel__cuda_arrive(int index, void *ticket) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    REEL_TRY(reel__cuda_flush(d->queue));
    TRY(cudaStreamWaitEvent(d->stream, ticket, 0));
    return REEL_OK;
}
