/* CUDA devices: found once, each made ready when it is first used. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>

static reel__cuda_device devices[REEL__CUDA_DEVICES];
static int device_count;
static const char *no_devices; /* why there are none */
static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool forked;

/* ---- errors ---- */

reel_status reel__cuda_status(cudaError_t e, const char *what) {
    if (e == cudaSuccess) return REEL_OK;
    cudaGetLastError(); /* forgets it, if it can be forgotten */
    return reel_fail(e == cudaErrorMemoryAllocation ? REEL_ERR_MEMORY : REEL_ERR_DEVICE, NULL,
                     "%s: CUDA: %s", what, cudaGetErrorString(e));
}

#define TRY(call, what) REEL_TRY(reel__cuda_status(call, what))

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
    }
    if (device_count) pthread_atfork(NULL, NULL, in_child);
}

static int count_devices(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_devices);
    return device_count;
}

/* ---- making one ready ---- */

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
    if (!d->queue) REEL_TRY(reel__cuda_queue_open(&d->queue, d->stream));
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
    if (!d->complaint) REEL_TRY(reel__cuda_witness_open(d, what));
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

bool reel__cuda_forked(void) {
    return atomic_load_explicit(&forked, memory_order_relaxed);
}

static reel_status check_process(int index) {
    if (!reel__cuda_forked()) return REEL_OK;
    return reel_fail(REEL_ERR_DEVICE, NULL,
                     "device cuda:%d: this process was forked from one that had started CUDA",
                     index);
}

static reel_status check(int index) {
    if (index < 0 || index >= count_devices())
        return reel_fail(REEL_ERR_DEVICE, NULL,
                         "device cuda:%d: this machine's CUDA devices are cuda:0 to cuda:%d", index,
                         device_count - 1);
    REEL_TRY(check_process(index));
    reel__cuda_device *d = &devices[index];
    if (atomic_load_explicit(&d->ready, memory_order_acquire)) return REEL_OK;
    return make_ready(d);
}

reel__cuda_device *reel__cuda_device_at(int index) {
    return &devices[index];
}

reel_status reel__cuda_use(reel__cuda_device *d) {
    int current = -1;
    REEL_TRY(check_process(d->index));
    if (cudaGetDevice(&current) == cudaSuccess && current == d->index) return REEL_OK;
    return reel__cuda_status(cudaSetDevice(d->index), "device");
}

/* ---- waiting ---- */

reel_status reel__cuda_wait(int index) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    REEL_TRY(reel__cuda_flush(d->queue));
    atomic_fetch_add_explicit(&d->waits, 1, memory_order_relaxed);
    TRY(cudaStreamSynchronize(d->stream), "synchronize");
    return reel__cuda_heed(d);
}

/* ---- the calls of a kernel ---- */

static _Thread_local reel__cuda_label current;

reel__cuda_label reel__cuda_current(void) {
    return current;
}

reel__cuda_device *reel__cuda_enter(const reel__call *c) {
    reel__cuda_device *d = reel__cuda_device_at(c->device.index);
    current = (reel__cuda_label){reel__call_name(c), c->at};
    if (check(d->index) != REEL_OK || reel__cuda_use(d) != REEL_OK || reel__cuda_heed(d) != REEL_OK)
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

/* ---- the public functions ---- */

static reel_status check_question(int index, const void *out, const char *what) {
    if (!out) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: out is NULL", what);
    return reel_device_check(reel_cuda(index));
}

reel_status reel_cuda_count_calls(int index, reel_cuda_counts *out) {
    if (out) *out = (reel_cuda_counts){0};
    REEL_TRY(check_question(index, out, "cuda_count_calls"));
    reel__cuda_device *d = reel__cuda_device_at(index);
    *out = (reel_cuda_counts){.device_allocs = atomic_load(&d->device_allocs),
                              .pinned_allocs = atomic_load(&d->pinned_allocs),
                              .copies_to_host = atomic_load(&d->copies_to_host),
                              .copies_from_host = atomic_load(&d->copies_from_host),
                              .waits = atomic_load(&d->waits)};
    reel__cuda_queue_count(d->queue, out);
    return REEL_OK;
}

reel_status reel_cuda_memory_info(int index, reel_cuda_memory *out) {
    if (out) *out = (reel_cuda_memory){0};
    REEL_TRY(check_question(index, out, "cuda_memory_info"));
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    TRY(cudaMemGetInfo(&out->free, &out->total), "cuda_memory_info");
    pthread_mutex_lock(&d->heap.lock);
    out->used = d->heap.used;
    out->peak = d->heap.peak;
    out->kept = d->heap.kept_bytes;
    pthread_mutex_unlock(&d->heap.lock);
    return REEL_OK;
}

/* ---- the backend ---- */

#define KERNEL_MAP(name) reel__cuda_map_op
#define KERNEL_MAP1(name) reel__cuda_map_op
#define KERNEL_MAP2(name) reel__cuda_map_op
#define KERNEL_FAR(name) reel__cuda_map_op
#define KERNEL_TEST(name) reel__cuda_map_op
#define KERNEL_REDUCE(name) reel__cuda_reduce
#define KERNEL_CALL(name) reel__cuda_##name
#define KERNEL_UPDATE(name) reel__cuda_update
#define KERNEL_VIEW(name) NULL

static const reel__kernel kernels[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient)                                 \
    [REEL_OP_##name] = KERNEL_##kind(name),
#include "tensor/ops.def"
};

static const reel__backend backend = {
    .name = "cuda",
    .host = false,
    .check = check,
    .alloc = reel__cuda_alloc,
    .free = reel__cuda_free,
    .to_host = reel__cuda_to_host,
    .from_host = reel__cuda_from_host,
    .between = reel__cuda_between,
    .wait = reel__cuda_wait,
    .count = count_devices,
    .pinned = &reel__cuda_pinned,
    .upload = reel__cuda_upload,
    .arrive = reel__cuda_arrive,
    .kernels = kernels,
};

const reel__backend *reel__cuda_backend(const char **why) {
    if (count_devices() > 0) return &backend;
    *why = no_devices;
    return NULL;
}
