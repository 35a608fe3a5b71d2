/* The CUDA backend's parts: devices and what belongs to one, memory, and the C side of kernels. */
#ifndef REEL_CUDA_CUDA_INTERNAL_H
#define REEL_CUDA_CUDA_INTERNAL_H

#include "cuda/cuda.h"
#include "cuda/kernels/kernels_internal.h"
#include "tensor/core/profile_internal.h"
#include "tensor/ops/nest_internal.h"
#include "tensor/ops/ops_internal.h"

#include <cublasLt.h>
#include <pthread.h>

/* ---- devices (cuda_device.c) ---- */

/* Freed memory that waits to be used again. */
typedef struct reel__cuda_block {
    struct reel__cuda_block *next;
    void *memory;
    size_t bytes;
} reel__cuda_block;

#define REEL__CUDA_DEVICES 16 /* that there may be */
#define REEL__CUDA_CLASSES 512
#define REEL__CUDA_WORKSPACE ((size_t)32 << 20) /* what cuBLAS asks for on Hopper */

typedef struct {
    pthread_mutex_t lock;
    reel__cuda_block *kept[REEL__CUDA_CLASSES]; /* by size class; the last holds large ones */
    reel__cuda_block *spare;                    /* blocks without memory */
    size_t used, peak, kept_bytes;
} reel__cuda_heap;

/* Streams beside the device's own (cuda_lanes.c). */
#define REEL__CUDA_LANES 8
typedef struct {
    cudaStream_t stream; /* NULL: not used yet */
    cudaEvent_t before;  /* where the device's stream was when its last kernel was sent, */
    cudaEvent_t done;    /* and where that kernel ends */
    uint64_t turn;       /* of it, among all lanes' */
} reel__cuda_lane;

typedef struct {
    pthread_mutex_t lock;
    reel__cuda_lane lane[REEL__CUDA_LANES];
    int holder[REEL__CUDA_LANES]; /* of each share of the GPU: the lane that had it last, + 1 */
    uint64_t turns;
    unsigned behind_stream; /* bits of lanes whose next kernel comes after the device's stream */
    atomic_int taken;
} reel__cuda_lanes;

typedef struct {
    int index;
    atomic_bool ready;
    reel__cuda_queue *queue; /* all kernels, on their way to the stream */
    cudaStream_t stream;
    cudaStream_t copies; /* uploads, beside them */
    cudaEvent_t reached; /* how far the kernels are, for uploads to wait for */
    reel__cuda_heap heap;
    reel__cuda_lanes lanes;

    cublasLtHandle_t blas;
    void *workspace; /* of products, REEL__CUDA_WORKSPACE bytes */

    unsigned *tickets;                /* REEL__CUDA_TICKETS of them, all 0 between kernels */
    unsigned *claimed;                /* see reel__cuda_error_slot */
    reel__cuda_deferred *error;       /* in memory of the host that the device can write */
    reel__cuda_deferred *error_there; /* the same, as the device sees it */

    atomic_llong device_allocs, pinned_allocs, copies_to_host, copies_from_host, waits;
} reel__cuda_device;

int reel__cuda_count(void);
const char *reel__cuda_absent(void); /* why there are none */
/* A device that reel__cuda_check has found usable. */
reel__cuda_device *reel__cuda_device_at(int index);
/* Makes it this thread's current one. */
reel_status reel__cuda_use(reel__cuda_device *d);
/* In a child of a process that had started CUDA. */
bool reel__cuda_forked(void);
/* Then a failure that says so. */
reel_status reel__cuda_check_process(int index);

/* Keeps a failure "what: CUDA: ..." and returns its status; REEL_OK for cudaSuccess. */
reel_status reel__cuda_status(cudaError_t e, const char *what);

/* Whether there is such a device, which is made ready when it is first asked about (cuda_open.c).
 */
reel_status reel__cuda_check(int index);

/* ---- deferred errors, of kernels (cuda_errors.c) ---- */

reel_status reel__cuda_errors_open(reel__cuda_device *d, const char *what);
reel__cuda_error_slot reel__cuda_error_slot_of(const reel__cuda_device *d, const reel__call *c);
/* A failure, if a kernel has reported an error since this was last asked. */
reel_status reel__cuda_take_error(reel__cuda_device *d);

/* ---- launches (cuda_queue.c) ---- */

/* z from x and y by a library, cuBLAS or cuDNN, as its plan says; compared as bytes. The plan and
 * what it names stay for ever. */
typedef struct reel__cuda_library_call {
    /* Launches it, which may be into a capture; says why that failed, NULL if it did not. Calls of
     * one device come one by one. */
    const char *(*send)(const struct reel__cuda_library_call *call, cudaStream_t stream);
    const void *plan;
    const void *x, *y;
    void *z, *workspace;
} reel__cuda_library_call;

reel_status reel__cuda_queue_open(reel__cuda_queue **queue, int device, cudaStream_t stream);
void reel__cuda_enqueue_library(reel__cuda_queue *q, const reel__cuda_library_call *call,
                                double flops);
/* Fills in launches, batches and graphs. */
void reel__cuda_queue_count(reel__cuda_queue *q, reel_cuda_counts *out);
/* Sends off what is gathered; a failure names the op it happened in. */
reel_status reel__cuda_flush(reel__cuda_queue *q);
/* Op and call site that this thread's launches come from: those of the last reel__cuda_enter; and
 * the event of a profile, if one is under way. */
typedef struct {
    const char *name, *at;
    reel__profile_call call;
} reel__cuda_label;
void reel__cuda_label_launches(reel__cuda_label l);

/* ---- kernels beside the others (cuda_lanes.c) ---- */

/* A lane of the device's; they are handed out in turn, and may have several owners. */
int reel__cuda_lane_take(reel__cuda_device *d);
/* Memory that a kernel uses. */
typedef struct {
    reel__storage *storage;
    bool writes;
} reel__cuda_touch;
/* Of the GPU, that a kernel wants to itself. */
typedef struct {
    int part, parts; /* so many of so many */
    bool is_first;   /* of the kernel's launches */
} reel__cuda_part;
/* Sends a call's kernel into a lane of its device, after all that was asked of what it touches, and
 * of anything if it is the first. Parts of kernels in lanes at one time don't add up to more than
 * the GPU. */
reel_status reel__cuda_lane_send(const reel__call *c, int lane, const reel__cuda_launch *l,
                                 reel__cuda_part part, const reel__cuda_touch *touch, int count);
/* The device's stream goes on after what was sent into lanes. In a child of fork, which has none,
 * nothing happens. */
reel_status reel__cuda_lanes_await(reel__cuda_device *d);
/* The same, and lanes go on after what is sent into the stream next: a kernel that wants all of the
 * GPU to itself. */
reel_status reel__cuda_lanes_stop(reel__cuda_device *d);
/* Adds its kernels to launches and batches. */
void reel__cuda_lane_count(reel__cuda_device *d, reel_cuda_counts *out);
/* The backend's. */
void reel__cuda_await(reel__storage *s);

/* ---- what launches take, for a profile (cuda_times.c) ----
 *
 * A batch is sent launch by launch, with an event before and behind each. What lies between two
 * events is then a launch and not the CPU's way to the next one, since the device waits at a gate
 * until the whole batch is behind it. */
typedef struct reel__cuda_times reel__cuda_times;

/* Before a batch; *times is made when it is NULL. False if it can't be timed. The queue is locked,
 * as for those below, and its device current. */
bool reel__cuda_times_begin(reel__cuda_times **times, int device, cudaStream_t stream);
void reel__cuda_times_before(reel__cuda_times *t, cudaStream_t stream);
void reel__cuda_times_behind(reel__cuda_times *t, const reel__cuda_label *from,
                             cudaStream_t stream);
void reel__cuda_times_end(reel__cuda_times *t); /* of a batch */
/* Those that are known by now, or, once all has been waited for, all. Takes NULL. */
void reel__cuda_times_tell(reel__cuda_times *t);
/* Of a queue that has been waited for. */
void reel__cuda_queue_tell(reel__cuda_queue *q);

/* ---- memory (cuda_memory.c, cuda_pinned.c, cuda_transfer.c) ---- */

void *reel__cuda_alloc(int index, size_t bytes);
void reel__cuda_free(int index, void *memory, size_t bytes);

extern const reel__backend reel__cuda_pinned;
/* The event that says when uploads from a block of pinned memory are over; NULL on failure. */
cudaEvent_t reel__cuda_pinned_event(void *memory, int index);

/* Waits for the stream; and for the lanes. */
reel_status reel__cuda_wait(int index);
reel_status reel__cuda_wait_for_all(int index);
reel_status reel__cuda_to_host(int index, void *host, const void *device, size_t bytes);
reel_status reel__cuda_from_host(int index, void *device, const void *host, size_t bytes);
reel_status reel__cuda_between(int to, void *there, int from, const void *here, size_t bytes);
reel_status reel__cuda_upload(int index, void *device, const void *host, size_t bytes,
                              void **ticket);
reel_status reel__cuda_arrive(int index, void *ticket);

/* ---- kernels (cuda_call.c, cuda_map.c) ---- */

/* Where a call's kernels go: its device, made current. NULL, and a failure kept, if an earlier
 * kernel reported an error or the device can't be used. */
reel__cuda_device *reel__cuda_enter(const reel__call *c);
/* Makes a failure of what a launcher returned. */
reel_status reel__cuda_launched(const reel__call *c, cudaError_t e);

/* Runs an elementwise kernel over out's elements: axes collapsed, in units if strides and
 * alignment allow, in pieces of less than 2^31. */
typedef struct {
    cudaError_t (*launch)(const reel__cuda_map *m, int vector, const void *how,
                          reel__cuda_queue *q);
    const void *how; /* launch's */
    int vector;      /* elements of a unit */
} reel__cuda_kernel;
reel_status reel__cuda_map_with(const reel__call *c, reel__cuda_kernel k, reel_tensor *out, int nin,
                                reel_tensor *const *in, const double constants[2]);
reel_status reel__cuda_map_op(const reel__call *c);
reel_status reel__cuda_update(const reel__call *c);
reel_status reel__cuda_reduce(const reel__call *c);
/* to = from, of equal dtypes, from broadcast to to. */
reel_status reel__cuda_copy_into(const reel__call *c, reel_tensor *to, reel_tensor *from);

/* Of a library's products, for this thread. */
static inline reel_matmul_precision reel__cuda_precision(void) {
    const reel_matmul_precision p = reel__self()->precision;
    return p == REEL_MATMUL_F32_STRICT ? REEL_MATMUL_F32 : p;
}

/* FNV-1a: the hash of what has that hash, and these bytes behind it. */
#define REEL__CUDA_HASH_BASIS 14695981039346656037u /* of nothing */
static inline uint64_t reel__cuda_hash(uint64_t hash, const void *data, size_t bytes) {
    const unsigned char *byte = (const unsigned char *)data;
    for (size_t i = 0; i < bytes; i++) hash = (hash ^ byte[i]) * 1099511628211u;
    return hash;
}

/* `bytes` of device memory for the kernels of one call, freed by the caller: NULL on failure. */
void *reel__cuda_scratch(const reel__call *c, size_t bytes);

#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    reel_status reel__cuda_##name(const reel__call *c);
#include "tensor/ops/ops.def"

#endif
