/* Devices made ready when they are first used. */
#include "cuda/cuda_internal.h"

#define TRY(call, what) REEL_TRY(reel__cuda_status(call, what))

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;

static reel_status check_capability(const reel__cuda_device *d, const char *what) {
    int major = 0, minor = 0;
    TRY(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, d->index), what);
    TRY(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, d->index), what);
    if (10 * major + minor >= REEL_GPU_ARCH) return REEL_OK;
    return reel_fail(REEL_ERR_DEVICE, NULL,
                     "%s: compute capability %d.%d, and this build of Reel is for %d.%d and up",
                     what, major, minor, REEL_GPU_ARCH / 10, REEL_GPU_ARCH % 10);
}

static reel_status open_device(reel__cuda_device *d) {
    void *tickets = NULL;
    char what[32];
    snprintf(what, sizeof what, "device cuda:%d", d->index);
    REEL_TRY(check_capability(d, what));
    TRY(cudaSetDevice(d->index), what);
    if (!d->stream) TRY(cudaStreamCreateWithFlags(&d->stream, cudaStreamNonBlocking), what);
    if (!d->queue) REEL_TRY(reel__cuda_queue_open(&d->queue, d->index, d->stream));
    if (!d->copies) TRY(cudaStreamCreateWithFlags(&d->copies, cudaStreamNonBlocking), what);
    if (!d->reached) TRY(cudaEventCreateWithFlags(&d->reached, cudaEventDisableTiming), what);
    if (!d->workspace) TRY(cudaMalloc(&d->workspace, REEL__CUDA_WORKSPACE), what);
    if (!d->tickets) {
        const size_t bytes = (REEL__CUDA_TICKETS + 1) * sizeof(unsigned);
        TRY(cudaMalloc(&tickets, bytes), what);
        TRY(cudaMemsetAsync(tickets, 0, bytes, d->stream), what);
        d->tickets = tickets;
        d->claimed = d->tickets + REEL__CUDA_TICKETS;
    }
    if (!d->error) REEL_TRY(reel__cuda_errors_open(d, what));
    if (!d->blas && cublasLtCreate(&d->blas) != CUBLAS_STATUS_SUCCESS)
        return reel_fail(REEL_ERR_DEVICE, NULL, "%s: cuBLAS can't be started", what);
    return REEL_OK;
}

static reel_status make_ready(reel__cuda_device *d) {
    pthread_mutex_lock(&start_lock);
    reel_status status = atomic_load(&d->ready) ? REEL_OK : open_device(d);
    if (status == REEL_OK) atomic_store(&d->ready, true);
    pthread_mutex_unlock(&start_lock);
    return status;
}

reel_status reel__cuda_check(int index) {
    const int count = reel__cuda_count();
    if (index < 0 || index >= count)
        return reel_fail(REEL_ERR_DEVICE, NULL,
                         "device cuda:%d: this machine's CUDA devices are cuda:0 to cuda:%d", index,
                         count - 1);
    REEL_TRY(reel__cuda_check_process(index));
    reel__cuda_device *d = reel__cuda_device_at(index);
    if (atomic_load_explicit(&d->ready, memory_order_acquire)) return REEL_OK;
    return make_ready(d);
}
