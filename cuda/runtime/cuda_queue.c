/* Launches on their way to a device. They are gathered and sent off together: a launch costs the
 * CPU about 3 us, more than a small kernel takes, while a CUDA graph of twenty costs hardly more
 * than one. A batch whose like has been seen before (the same kernels in the same order: the steps
 * of a training loop) is kept as a graph, whose arguments are brought up to date where they differ.
 *
 * Nothing of this shows: batches are sent in the order of the calls, and whoever waits for the
 * device, copies, or reads sends off what is gathered first. An optimizer's step ends a batch, and
 * so does its length. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>
#include <string.h>

#define MOST_ENTRIES 64 /* of a batch */
#define MOST_GRAPHS 64  /* kept; the one used longest ago makes room */
#define SEEN_ENOUGH 2   /* times that a batch has passed by before it is made a graph */
#define FEWEST 3        /* launches that are worth a graph */
#define LONG_BLOCKS                                                                                \
    (1 << 15) /* of a kernel that keeps the device busy meanwhile: nothing gathers behind it */
#define LONG_FLOPS 1e10 /* the same of a library's */

/* One launch: a kernel with its arguments, or a library's call. */
typedef struct {
    const void *function; /* NULL: a library's */
    unsigned blocks, x, y, cluster, shared;
    int count;
    unsigned argument[REEL__CUDA_ARGUMENTS], size[REEL__CUDA_ARGUMENTS]; /* where in the bytes */
    reel__cuda_library_call library;
    reel__cuda_label from;
} entry;

typedef struct {
    int count;
    entry entry[MOST_ENTRIES];
    unsigned used;
    _Alignas(16) char bytes[MOST_ENTRIES * 1024];
} batch;

typedef struct {
    uint64_t key;
    int seen;
    uint64_t last_use;
    batch *of; /* NULL until it is a graph */
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    cudaGraphNode_t node[MOST_ENTRIES]; /* NULL: a library's */
} plan;

struct reel__cuda_queue {
    pthread_mutex_t lock;
    int device;
    cudaStream_t stream, capture;
    reel__cuda_times *times; /* NULL: never asked for */
    batch pending;
    plan plans[MOST_GRAPHS];
    uint64_t clock;
    atomic_llong launches, batches, graphs; /* enqueued; sent */
};

/* ---- what makes two batches alike ---- */

/* All of an entry but a kernel's arguments: a library's operands count, since its kernels are its
 * own. */
static uint64_t key_of(const batch *b) {
    uint64_t hash = REEL__CUDA_HASH_BASIS;
    for (int i = 0; i < b->count; i++) {
        const entry *e = &b->entry[i];
        const uint64_t shape[] = {(uint64_t)(uintptr_t)e->function, e->blocks,
                                  (uint64_t)e->x << 32 | e->y,
                                  (uint64_t)e->cluster << 32 | e->shared};
        hash = reel__cuda_hash(hash, shape, sizeof shape);
        if (!e->function) hash = reel__cuda_hash(hash, &e->library, sizeof e->library);
    }
    return hash;
}

static bool is_alike(const batch *a, const batch *b) {
    if (a->count != b->count) return false;
    for (int i = 0; i < a->count; i++) {
        const entry *p = &a->entry[i], *q = &b->entry[i];
        if (p->function != q->function || p->blocks != q->blocks || p->x != q->x || p->y != q->y ||
            p->cluster != q->cluster || p->shared != q->shared || p->count != q->count)
            return false;
        if (!p->function && memcmp(&p->library, &q->library, sizeof p->library) != 0) return false;
        for (int k = 0; k < p->count; k++)
            if (p->size[k] != q->size[k]) return false;
    }
    return true;
}

/* ---- sending one launch ---- */

static void list_arguments(batch *b, const entry *e, void *list[REEL__CUDA_ARGUMENTS]) {
    for (int k = 0; k < e->count; k++) list[k] = b->bytes + e->argument[k];
}

static cudaError_t send_kernel(batch *b, const entry *e, cudaStream_t stream) {
    void *arguments[REEL__CUDA_ARGUMENTS];
    cudaLaunchAttribute attribute[2] = {0};
    unsigned attributes = 0;
    list_arguments(b, e, arguments);
    if (e->cluster > 1) {
        attribute[attributes].id = cudaLaunchAttributeClusterDimension;
        attribute[attributes].val.clusterDim.x = e->cluster;
        attribute[attributes].val.clusterDim.y = attribute[attributes].val.clusterDim.z = 1;
        attributes++;
    }
    if (REEL_CUDA_SM90 && e->blocks <= REEL__CUDA_OVERLAPPED) {
        attribute[attributes].id = cudaLaunchAttributeProgrammaticStreamSerialization;
        attribute[attributes].val.programmaticStreamSerializationAllowed = 1;
        attributes++;
    }
    const cudaLaunchConfig_t c = {.gridDim = {e->blocks, 1, 1},
                                  .blockDim = {e->x, e->y, 1},
                                  .dynamicSmemBytes = e->shared,
                                  .stream = stream,
                                  .attrs = attribute,
                                  .numAttrs = attributes};
    return cudaLaunchKernelExC(&c, e->function, arguments);
}

static reel_status failed(const entry *e, const char *why) {
    return reel_fail(REEL_ERR_DEVICE, e->from.at, "%s: CUDA: %s", e->from.name, why);
}

static reel_status send(batch *b, const entry *e, cudaStream_t stream) {
    if (!e->function) {
        const char *why = e->library.send(&e->library, stream);
        return why ? failed(e, why) : REEL_OK;
    }
    const cudaError_t status = send_kernel(b, e, stream);
    if (status == cudaSuccess) return REEL_OK;
    cudaGetLastError();
    return failed(e, cudaGetErrorString(status));
}

/* In a range of its own, where a tool looks on. */
static reel_status send_ranged(batch *b, const entry *e, cudaStream_t stream) {
    if (!(reel__profile_does() & REEL__PROFILE_NVTX)) return send(b, e, stream);
    reel__profile_push(e->from.name ? e->from.name : "launch", e->from.at);
    const reel_status status = send(b, e, stream);
    reel__profile_pop();
    return status;
}

/* times: NULL if they are not asked for. */
static reel_status send_each(batch *b, cudaStream_t stream, reel__cuda_times *times) {
    reel_status status = REEL_OK;
    for (int i = 0; i < b->count; i++) {
        if (times) reel__cuda_times_before(times, stream);
        const reel_status sent = send_ranged(b, &b->entry[i], stream);
        if (times) reel__cuda_times_behind(times, &b->entry[i].from, stream);
        if (status == REEL_OK) status = sent;
    }
    return status;
}

/* ---- graphs ---- */

/* What is left is the key, and that it was seen. */
static void drop_graph(plan *p) {
    if (p->executable) cudaGraphExecDestroy(p->executable);
    if (p->graph) cudaGraphDestroy(p->graph);
    free(p->of);
    *p = (plan){.key = p->key, .seen = p->seen, .last_use = p->last_use};
}

#if CUDART_VERSION >= 13000
#define CAPTURE_INFO cudaStreamGetCaptureInfo
#else
#define CAPTURE_INFO cudaStreamGetCaptureInfo_v3
#endif

/* The node that the capture came to last. */
static cudaGraphNode_t last_node(cudaStream_t capture) {
    enum cudaStreamCaptureStatus status;
    const cudaGraphNode_t *nodes = NULL;
    size_t count = 0;
    if (CAPTURE_INFO(capture, &status, NULL, NULL, &nodes, NULL, &count) != cudaSuccess)
        return NULL;
    return count == 1 ? nodes[0] : NULL;
}

static bool capture_entries(struct reel__cuda_queue *q, plan *p) {
    bool good = true;
    for (int i = 0; good && i < q->pending.count; i++) {
        const entry *e = &q->pending.entry[i];
        if (!e->function) {
            good = !e->library.send(&e->library, q->capture);
        } else {
            good = send_kernel(&q->pending, e, q->capture) == cudaSuccess;
            p->node[i] = good ? last_node(q->capture) : NULL;
            good = p->node[i] != NULL;
        }
    }
    return good;
}

/* Makes a graph of the pending batch; if that can't be done, it stays a batch that is sent launch
 * by launch. */
static void make_graph(struct reel__cuda_queue *q, plan *p) {
    bool good = cudaStreamBeginCapture(q->capture, cudaStreamCaptureModeThreadLocal) == cudaSuccess;
    if (good) good = capture_entries(q, p);
    if (cudaStreamEndCapture(q->capture, &p->graph) != cudaSuccess || !p->graph) good = false;
    good = good && cudaGraphInstantiate(&p->executable, p->graph, 0) == cudaSuccess;
    if (good) p->of = malloc(sizeof *p->of);
    if (p->of) {
        memcpy(p->of, &q->pending, offsetof(batch, bytes) + q->pending.used);
        return;
    }
    cudaGetLastError();
    drop_graph(p);
}

/* The plan of batches like the pending one, or a fresh one in the place of the oldest. */
static plan *find_plan(struct reel__cuda_queue *q) {
    const uint64_t key = key_of(&q->pending);
    plan *oldest = &q->plans[0];
    for (int i = 0; i < MOST_GRAPHS; i++) {
        plan *p = &q->plans[i];
        if (p->seen && p->key == key && (!p->of || is_alike(p->of, &q->pending))) return p;
        if (p->last_use < oldest->last_use) oldest = p;
    }
    drop_graph(oldest); /* one under way ends all the same */
    oldest->key = key;
    oldest->seen = 0;
    return oldest;
}

static bool update_node(struct reel__cuda_queue *q, plan *p, int i) {
    const entry *now = &q->pending.entry[i];
    entry *then = &p->of->entry[i];
    bool changed = false;
    for (int k = 0; k < now->count; k++) {
        const char *from = q->pending.bytes + now->argument[k];
        char *to = p->of->bytes + then->argument[k];
        if (memcmp(to, from, now->size[k]) == 0) continue;
        memcpy(to, from, now->size[k]);
        changed = true;
    }
    if (!changed) return true;
    void *arguments[REEL__CUDA_ARGUMENTS];
    list_arguments(p->of, then, arguments);
    const struct cudaKernelNodeParams params = {.func = (void *)now->function,
                                                .gridDim = {now->blocks, 1, 1},
                                                .blockDim = {now->x, now->y, 1},
                                                .sharedMemBytes = now->shared,
                                                .kernelParams = arguments};
    return cudaGraphExecKernelNodeSetParams(p->executable, p->node[i], &params) == cudaSuccess;
}

static bool send_graph(struct reel__cuda_queue *q, plan *p) {
    for (int i = 0; i < q->pending.count; i++)
        if (q->pending.entry[i].function && !update_node(q, p, i)) return false;
    return cudaGraphLaunch(p->executable, q->stream) == cudaSuccess;
}

/* ---- sending a batch ---- */

/* As a graph, if its like has been here before. */
static reel_status send_batch(struct reel__cuda_queue *q) {
    batch *b = &q->pending;
    plan *p = b->count >= FEWEST ? find_plan(q) : NULL;
    if (p) {
        p->last_use = ++q->clock;
        if (!p->of && p->seen++ == SEEN_ENOUGH) make_graph(q, p);
    }
    if (!p || !p->of) return send_each(b, q->stream, NULL);
    if (send_graph(q, p)) {
        atomic_fetch_add_explicit(&q->graphs, 1, memory_order_relaxed);
        return REEL_OK;
    }
    cudaGetLastError();
    drop_graph(p);
    return send_each(b, q->stream, NULL);
}

static reel_status send_timed(struct reel__cuda_queue *q) {
    if (!reel__cuda_times_begin(&q->times, q->device, q->stream)) return send_batch(q);
    const reel_status status = send_each(&q->pending, q->stream, q->times);
    reel__cuda_times_end(q->times);
    return status;
}

static reel_status flush(struct reel__cuda_queue *q) {
    batch *b = &q->pending;
    if (b->count == 0) return REEL_OK;
    const bool timed = reel__profile_does() & REEL__PROFILE_TIMES;
    const reel_status status = timed ? send_timed(q) : send_batch(q);
    atomic_fetch_add_explicit(&q->batches, 1, memory_order_relaxed);
    b->count = 0;
    b->used = 0;
    return status;
}

/* ---- the queue ---- */

static _Thread_local reel__cuda_label current;

void reel__cuda_label_launches(reel__cuda_label l) {
    current = l;
}

reel_status reel__cuda_queue_open(reel__cuda_queue **queue, int device, cudaStream_t stream) {
    reel__cuda_queue *q = calloc(1, sizeof *q);
    if (!q) return reel_fail(REEL_ERR_MEMORY, NULL, "device: out of memory");
    q->device = device;
    q->stream = stream;
    pthread_mutex_init(&q->lock, NULL);
    const reel_status status =
        reel__cuda_status(cudaStreamCreateWithFlags(&q->capture, cudaStreamNonBlocking), "device");
    if (status == REEL_OK)
        *queue = q;
    else
        free(q);
    return status;
}

reel_status reel__cuda_flush(reel__cuda_queue *q) {
    pthread_mutex_lock(&q->lock);
    const reel_status status = flush(q);
    pthread_mutex_unlock(&q->lock);
    return status;
}

void reel__cuda_queue_tell(reel__cuda_queue *q) {
    pthread_mutex_lock(&q->lock);
    reel__cuda_times_tell(q->times);
    pthread_mutex_unlock(&q->lock);
}

void reel__cuda_queue_count(reel__cuda_queue *q, reel_cuda_counts *out) {
    out->launches = atomic_load(&q->launches);
    out->batches = atomic_load(&q->batches);
    out->graphs = atomic_load(&q->graphs);
}

cudaStream_t reel__cuda_stream(reel__cuda_queue *q) {
    reel__cuda_flush(q); /* a failure is kept, and named there */
    return q->stream;
}

/* The next entry of the pending batch, with room for `bytes` of arguments; the queue is locked. */
static entry *new_entry(reel__cuda_queue *q, size_t bytes) {
    batch *b = &q->pending;
    if (b->count == MOST_ENTRIES || b->used + bytes > sizeof b->bytes) flush(q);
    entry *e = &b->entry[b->count++];
    atomic_fetch_add_explicit(&q->launches, 1, memory_order_relaxed);
    *e = (entry){.from = current};
    if (reel__profile_does() & REEL__PROFILE_TIMES) e->from.call = reel__profile_current();
    return e;
}

static size_t rounded(size_t size) {
    return (size + 15) / 16 * 16;
}

cudaError_t reel__cuda_enqueue(reel__cuda_queue *q, const reel__cuda_launch *l) {
    size_t bytes = 0;
    for (int k = 0; k < l->count; k++) bytes += rounded(l->size[k]);
    if (l->count > REEL__CUDA_ARGUMENTS || bytes > sizeof q->pending.bytes)
        return cudaErrorInvalidValue;
    pthread_mutex_lock(&q->lock);
    entry *e = new_entry(q, bytes);
    e->function = l->function;
    e->blocks = l->blocks;
    e->x = l->x;
    e->y = l->y;
    e->cluster = l->cluster;
    e->shared = l->shared;
    e->count = l->count;
    for (int k = 0; k < l->count; k++) {
        e->argument[k] = q->pending.used;
        e->size[k] = (unsigned)l->size[k];
        memcpy(q->pending.bytes + q->pending.used, l->argument[k], l->size[k]);
        q->pending.used += (unsigned)rounded(l->size[k]);
    }
    if (l->blocks >= LONG_BLOCKS) flush(q);
    pthread_mutex_unlock(&q->lock);
    return cudaSuccess;
}

void reel__cuda_enqueue_library(reel__cuda_queue *q, const reel__cuda_library_call *call,
                                double flops) {
    pthread_mutex_lock(&q->lock);
    new_entry(q, 0)->library = *call;
    if (flops >= LONG_FLOPS) flush(q);
    pthread_mutex_unlock(&q->lock);
}
