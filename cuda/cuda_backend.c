/* The CUDA backend: its table, and what programs ask of it. */
#include "cuda/cuda_internal.h"
#include "cuda/fused/cuda_fused_internal.h"

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
    reel__cuda_lane_count(d, out);
    return REEL_OK;
}

reel_status reel_cuda_memory_info(int index, reel_cuda_memory *out) {
    if (out) *out = (reel_cuda_memory){0};
    REEL_TRY(check_question(index, out, "cuda_memory_info"));
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    REEL_TRY(reel__cuda_status(cudaMemGetInfo(&out->free, &out->total), "cuda_memory_info"));
    pthread_mutex_lock(&d->heap.lock);
    out->used = d->heap.used;
    out->peak = d->heap.peak;
    out->kept = d->heap.kept_bytes;
    pthread_mutex_unlock(&d->heap.lock);
    return REEL_OK;
}

/* For a profile: waits for all devices, and tells what launches took. */
static reel_status tell_times(void) {
    reel_status status = REEL_OK;
    if (reel__cuda_forked()) return REEL_OK;
    for (int i = 0; i < reel__cuda_count(); i++) {
        reel__cuda_device *d = reel__cuda_device_at(i);
        if (!atomic_load_explicit(&d->ready, memory_order_acquire)) continue;
        const reel_status waited = reel__cuda_wait_for_all(i);
        if (status == REEL_OK) status = waited;
        reel__cuda_queue_tell(d->queue);
    }
    return status;
}

/* ---- the table ---- */

#define KERNEL_MAP(name) reel__cuda_map_op
#define KERNEL_REDUCE(name) reel__cuda_reduce
#define KERNEL_CALL(name) reel__cuda_##name
#define KERNEL_STRICT(name) reel__cuda_##name
#define KERNEL_UPDATE(name) reel__cuda_update
#define KERNEL_VIEW(name) NULL

static const reel__kernel kernels[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    [REEL_OP_##name] = KERNEL_##kind(name),
#include "tensor/ops/ops.def"
};

static const reel__fusing fusing = {.takes = reel__cuda_fuses,
                                    .joins = reel__cuda_joins,
                                    .reach = 16,
                                    .fuse = reel__cuda_fuse,
                                    .whole = reel__cuda_resident};

static const reel__backend backend = {
    .name = "cuda",
    .host = false,
    .check = reel__cuda_check,
    .alloc = reel__cuda_alloc,
    .free = reel__cuda_free,
    .to_host = reel__cuda_to_host,
    .from_host = reel__cuda_from_host,
    .between = reel__cuda_between,
    .wait = reel__cuda_wait_for_all,
    .await = reel__cuda_await,
    .count = reel__cuda_count,
    .tell_times = tell_times,
    .pinned = &reel__cuda_pinned,
    .upload = reel__cuda_upload,
    .arrive = reel__cuda_arrive,
    .kernels = kernels,
    .fusing = &fusing,
};

const reel__backend *reel__cuda_backend(const char **why) {
    if (reel__cuda_count() > 0) return &backend;
    *why = reel__cuda_absent();
    return NULL;
}
