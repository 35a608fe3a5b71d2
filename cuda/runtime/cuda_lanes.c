/* Lanes: streams beside the device's own, for kernels that take a part of the GPU for many steps of
 * a captured plan (fused/cuda_resident.c), so that several plans' run at once.
 *
 * All else is in the order of one stream, and a lane keeps it: a kernel in a lane comes after what
 * was asked of the memory that it touches, and that memory says so (`beside`) until somebody asks
 * for its address. Then the device's stream waits for the lane, and nobody on the host does.
 *
 * Blocks of such a kernel wait for each other, and so must all be on the GPU at once. The GPU is
 * thought of as SHARES: a kernel that wants some comes after the kernels that had them last, so
 * that those under way never want more than there is. One in the device's stream wants all of them.
 */
#include "cuda/cuda_internal.h"

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const cudaError_t error_ = (call);                                                         \
        if (error_ != cudaSuccess) return error_;                                                  \
    } while (0)

#define SHARES REEL__CUDA_LANES
#define ALL ((1u << REEL__CUDA_LANES) - 1)
#define READS(lane) (1u << (lane))
#define WRITES(lane) (1u << (REEL__CUDA_LANES + (lane)))

int reel__cuda_lane_take(reel__cuda_device *d) {
    return atomic_fetch_add_explicit(&d->lanes.taken, 1, memory_order_relaxed) % REEL__CUDA_LANES;
}

/* ---- one after the other; the lanes are locked, and the device is current ---- */

static cudaError_t open_lane(reel__cuda_lane *l) {
    if (l->done) return cudaSuccess;
    if (!l->stream) TRY(cudaStreamCreateWithFlags(&l->stream, cudaStreamNonBlocking));
    if (!l->before) TRY(cudaEventCreateWithFlags(&l->before, cudaEventDisableTiming));
    return cudaEventCreateWithFlags(&l->done, cudaEventDisableTiming);
}

/* The stream goes on after the lanes whose bits are set. */
static cudaError_t wait_for(const reel__cuda_lanes *all, cudaStream_t stream, unsigned lanes) {
    for (int k = 0; k < REEL__CUDA_LANES; k++)
        if (lanes & READS(k) && all->lane[k].turn)
            TRY(cudaStreamWaitEvent(stream, all->lane[k].done, 0));
    return cudaSuccess;
}

/* Lanes that one has to come after, for what it touches; *after_stream: the device's stream as
 * well, since it may have used some of that after the lane did. */
static unsigned lanes_before(int lane, const reel__cuda_touch *touch, int count,
                             bool *after_stream) {
    const unsigned own = READS(lane) | WRITES(lane);
    unsigned found = 0;
    for (int i = 0; i < count; i++) {
        const unsigned beside = atomic_load(&touch[i].storage->beside);
        if (!(beside & own)) *after_stream = true;
        found |= beside >> REEL__CUDA_LANES;
        if (touch[i].writes) found |= beside & ALL;
    }
    return found & ~READS(lane);
}

/* ---- shares ---- */

/* Whether nobody has it, or nobody any more, or the lane itself. */
static bool is_free(const reel__cuda_lanes *all, int share, int lane) {
    const int holder = all->holder[share] - 1;
    return holder < 0 || holder == lane || cudaEventQuery(all->lane[holder].done) == cudaSuccess;
}

/* A free one, or that of the oldest kernel; not one of those that are taken already. */
static int next_share(const reel__cuda_lanes *all, int lane, unsigned taken) {
    int best = -1;
    for (int i = 0; i < SHARES; i++) {
        if (taken & 1u << i) continue;
        if (is_free(all, i, lane)) return i;
        if (best < 0 || all->lane[all->holder[i] - 1].turn < all->lane[all->holder[best] - 1].turn)
            best = i;
    }
    return best;
}

/* Takes its part, rounded up; returns the lanes that are to be waited for. */
static unsigned take_shares(reel__cuda_lanes *all, int lane, const reel__cuda_part *p) {
    const int wanted = (p->part * SHARES + p->parts - 1) / p->parts;
    unsigned taken = 0, lanes = 0;
    for (int n = 0; n < wanted && n < SHARES; n++) {
        const int i = next_share(all, lane, taken);
        if (!is_free(all, i, lane)) lanes |= READS(all->holder[i] - 1);
        all->holder[i] = lane + 1;
        taken |= 1u << i;
    }
    cudaGetLastError(); /* "not ready" is no failure */
    return lanes;
}

/* ---- a kernel ---- */

static cudaError_t send(const reel__cuda_launch *l, cudaStream_t stream) {
    cudaLaunchAttribute cluster = {.id = cudaLaunchAttributeClusterDimension,
                                   .val.clusterDim = {l->cluster, 1, 1}};
    const cudaLaunchConfig_t c = {.gridDim = {l->blocks, 1, 1},
                                  .blockDim = {l->x, l->y, 1},
                                  .dynamicSmemBytes = l->shared,
                                  .stream = stream,
                                  .attrs = &cluster,
                                  .numAttrs = 1};
    return cudaLaunchKernelExC(&c, l->function, (void **)(uintptr_t)l->argument);
}

static cudaError_t send_into(reel__cuda_device *d, int lane, const reel__cuda_launch *l,
                             unsigned before, bool after_stream) {
    reel__cuda_lane *at = &d->lanes.lane[lane];
    if (after_stream) {
        TRY(cudaEventRecord(at->before, d->stream));
        TRY(cudaStreamWaitEvent(at->stream, at->before, 0));
    }
    TRY(wait_for(&d->lanes, at->stream, before));
    TRY(send(l, at->stream));
    at->turn = ++d->lanes.turns;
    return cudaEventRecord(at->done, at->stream);
}

static cudaError_t send_locked(reel__cuda_device *d, int lane, const reel__cuda_launch *l,
                               reel__cuda_part part, const reel__cuda_touch *touch, int count) {
    bool after_stream = part.is_first || (d->lanes.behind_stream & READS(lane));
    TRY(open_lane(&d->lanes.lane[lane]));
    unsigned before = lanes_before(lane, touch, count, &after_stream);
    before |= take_shares(&d->lanes, lane, &part);
    if (after_stream && reel__cuda_flush(d->queue) != REEL_OK) return cudaErrorUnknown;
    TRY(send_into(d, lane, l, before, after_stream));
    d->lanes.behind_stream &= ~READS(lane);
    for (int i = 0; i < count; i++)
        atomic_fetch_or(&touch[i].storage->beside, touch[i].writes ? WRITES(lane) : READS(lane));
    return cudaSuccess;
}

reel_status reel__cuda_lane_send(const reel__call *c, int lane, const reel__cuda_launch *l,
                                 reel__cuda_part part, const reel__cuda_touch *touch, int count) {
    reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    pthread_mutex_lock(&d->lanes.lock);
    const cudaError_t e = send_locked(d, lane, l, part, touch, count);
    pthread_mutex_unlock(&d->lanes.lock);
    if (e != cudaSuccess) cudaGetLastError();
    return reel__cuda_launched(c, e); /* where the failure was an older one's, that is kept */
}

/* ---- the device's stream after lanes ---- */

/* What could not be flushed is a failure, and the stream waits all the same. */
static reel_status await(reel__cuda_device *d, unsigned lanes) {
    REEL_TRY(reel__cuda_use(d));
    const reel_status flushed = reel__cuda_flush(d->queue);
    REEL_TRY(reel__cuda_status(wait_for(&d->lanes, d->stream, lanes), "lane"));
    return flushed;
}

static reel_status await_all(reel__cuda_device *d) {
    return d->lanes.turns ? await(d, ALL) : REEL_OK;
}

reel_status reel__cuda_lanes_await(reel__cuda_device *d) {
    if (reel__cuda_forked()) return REEL_OK;
    pthread_mutex_lock(&d->lanes.lock);
    const reel_status status = await_all(d);
    pthread_mutex_unlock(&d->lanes.lock);
    return status;
}

reel_status reel__cuda_lanes_stop(reel__cuda_device *d) {
    pthread_mutex_lock(&d->lanes.lock);
    const reel_status status = await_all(d);
    d->lanes.behind_stream = ALL;
    pthread_mutex_unlock(&d->lanes.lock);
    return status;
}

void reel__cuda_lane_count(reel__cuda_device *d, reel_cuda_counts *out) {
    pthread_mutex_lock(&d->lanes.lock);
    out->launches += (int64_t)d->lanes.turns;
    out->batches += (int64_t)d->lanes.turns;
    pthread_mutex_unlock(&d->lanes.lock);
}

/* A failure is kept, and so are the bits. Another thread that finds them gone comes after the wait,
 * which is in the stream by then. */
void reel__cuda_await(reel__storage *s) {
    reel__cuda_device *d = reel__cuda_device_at(s->device.index);
    if (reel__cuda_forked()) return;
    pthread_mutex_lock(&d->lanes.lock);
    const unsigned beside = atomic_load(&s->beside);
    if (await(d, (beside | beside >> REEL__CUDA_LANES) & ALL) == REEL_OK)
        atomic_fetch_and(&s->beside, ~beside);
    pthread_mutex_unlock(&d->lanes.lock);
}
