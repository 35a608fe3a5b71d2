/* CUDA devices: found once; and CUDA's own errors. */
#include "cuda/cuda_internal.h"

static reel__cuda_device devices[REEL__CUDA_DEVICES];
static int device_count;
static const char *no_devices; /* why there are none */
static atomic_bool forked;

/* ---- errors ---- */

reel_status reel__cuda_status(cudaError_t e, const char *what) {
    if (e == cudaSuccess) return REEL_OK;
    cudaGetLastError(); /* forgets it, if it can be forgotten */
    return reel_fail(e == cudaErrorMemoryAllocation ? REEL_ERR_MEMORY : REEL_ERR_DEVICE, NULL,
                     "%s: CUDA: %s", what, cudaGetErrorString(e));
}

/* ---- finding them ---- */

/* A child of fork has its parent's handles, which mean nothing in it, and locks that nobody may
 * release: it keeps off both, see reel__cuda_forked. */
static void in_child(void) {
    atomic_store(&forked, true);
}

static void find_devices(void) {
    int count = 0;
    const cudaError_t e = cudaGetDeviceCount(&count);
    if (e != cudaSuccess) {
        cudaGetLastError();
        no_devices = cudaGetErrorString(e);
    } else if (count == 0) {
        no_devices = "there is no CUDA device";
    }
    device_count = e != cudaSuccess ? 0 : count < REEL__CUDA_DEVICES ? count : REEL__CUDA_DEVICES;
    for (int i = 0; i < device_count; i++) {
        devices[i].index = i;
        pthread_mutex_init(&devices[i].heap.lock, NULL);
        pthread_mutex_init(&devices[i].lanes.lock, NULL);
    }
    if (device_count) pthread_atfork(NULL, NULL, in_child);
}

int reel__cuda_count(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_devices);
    return device_count;
}

const char *reel__cuda_absent(void) {
    return no_devices;
}

/* ---- in this process ---- */

bool reel__cuda_forked(void) {
    return atomic_load_explicit(&forked, memory_order_relaxed);
}

reel_status reel__cuda_check_process(int index) {
    if (!reel__cuda_forked()) return REEL_OK;
    return reel_fail(REEL_ERR_DEVICE, NULL,
                     "device cuda:%d: this process was forked from one that had started CUDA",
                     index);
}

reel__cuda_device *reel__cuda_device_at(int index) {
    return &devices[index];
}

reel_status reel__cuda_use(reel__cuda_device *d) {
    int current = -1;
    REEL_TRY(reel__cuda_check_process(d->index));
    if (cudaGetDevice(&current) == cudaSuccess && current == d->index) return REEL_OK;
    return reel__cuda_status(cudaSetDevice(d->index), "device");
}
