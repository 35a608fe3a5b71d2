/* What launches take on a device: pairs of CUDA events, which are read when they have passed, in
 * their order.
 *
 * The elapsed times that CUDA gives are floats of milliseconds, too coarse after some seconds. So
 * each event is measured from the one before it, and what comes first from an event whose time on
 * the host's clock is known, since the host waited for it. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>

enum { MOST_PAIRS = 1024 }; /* on their way */

typedef struct {
    cudaEvent_t before, behind;
    reel__cuda_label from;
} pair;

struct reel__cuda_times {
    int device;
    unsigned profile; /* that the pairs are of */
    pair pair[MOST_PAIRS];
    unsigned first, count; /* in a ring */
    cudaEvent_t last;      /* the one measured from */
    double last_ns;        /* when it was, on the host's clock */
    cudaEvent_t spare[2 * MOST_PAIRS + 4];
    int spares;
    cudaEvent_t begun; /* before the launch that is being sent */
    unsigned *open;    /* the gate, in memory of the host that the device sees */
    unsigned *open_there, turn;
};

/* ---- events ---- */

static cudaEvent_t take_event(reel__cuda_times *t) {
    cudaEvent_t e = NULL;
    if (t->spares) return t->spare[--t->spares];
    if (cudaEventCreate(&e) == cudaSuccess) return e;
    cudaGetLastError();
    return NULL;
}

static void give_event(reel__cuda_times *t, cudaEvent_t e) {
    if (e) t->spare[t->spares++] = e;
}

/* NULL if it can't be recorded. */
static cudaEvent_t record_event(reel__cuda_times *t, cudaStream_t stream) {
    cudaEvent_t e = take_event(t);
    if (!e || cudaEventRecord(e, stream) == cudaSuccess) return e;
    cudaGetLastError();
    give_event(t, e);
    return NULL;
}

/* ---- reading them ---- */

/* ns */
static double between(cudaEvent_t from, cudaEvent_t to) {
    float ms = 0;
    if (cudaEventElapsedTime(&ms, from, to) != cudaSuccess) cudaGetLastError();
    return (double)ms * 1e6;
}

static void tell_first(reel__cuda_times *t) {
    pair *p = &t->pair[t->first];
    const double begin = t->last_ns + between(t->last, p->before),
                 end = begin + between(p->before, p->behind);
    reel__profile_launch(p->from.call, p->from.name ? p->from.name : "launch", p->from.at,
                         t->device, (int64_t)begin, (int64_t)end);
    give_event(t, t->last);
    give_event(t, p->before);
    t->last = p->behind;
    t->last_ns = end;
    t->first = (t->first + 1) % MOST_PAIRS;
    t->count--;
}

void reel__cuda_times_tell(reel__cuda_times *t) {
    while (t && t->count && cudaEventQuery(t->pair[t->first].behind) == cudaSuccess) tell_first(t);
    cudaGetLastError(); /* one that has not passed is no error */
}

/* ---- a profile's first batch ---- */

/* Those of a profile before are of no use any more. */
static void forget_pairs(reel__cuda_times *t) {
    for (; t->count; t->count--, t->first = (t->first + 1) % MOST_PAIRS) {
        give_event(t, t->pair[t->first].before);
        give_event(t, t->pair[t->first].behind);
    }
    give_event(t, t->last);
    t->last = NULL;
}

static bool start(reel__cuda_times *t, cudaStream_t stream) {
    const unsigned now = reel__profile_number();
    if (now == 0) return false;
    if (t->last && t->profile == now) return true;
    forget_pairs(t);
    t->last = record_event(t, stream);
    if (!t->last || cudaEventSynchronize(t->last) != cudaSuccess) return false;
    t->last_ns = (double)reel__profile_clock();
    t->profile = now;
    return true;
}

static reel__cuda_times *make(int device) {
    reel__cuda_times *t = calloc(1, sizeof *t);
    void *open = NULL, *there = NULL;
    if (t && cudaHostAlloc(&open, sizeof *t->open, cudaHostAllocMapped) == cudaSuccess &&
        cudaHostGetDevicePointer(&there, open, 0) == cudaSuccess) {
        t->device = device;
        t->open = open;
        t->open_there = there;
        *t->open = 0;
        return t;
    }
    cudaGetLastError();
    if (open) cudaFreeHost(open);
    free(t);
    return NULL;
}

/* ---- a batch ---- */

bool reel__cuda_times_begin(reel__cuda_times **times, int device, cudaStream_t stream) {
    if (!*times) *times = make(device);
    reel__cuda_times *t = *times;
    if (!t || !start(t, stream)) return false;
    reel__cuda_times_tell(t);
    if (reel__cuda_launch_gate(t->open_there, ++t->turn, stream) != cudaSuccess) cudaGetLastError();
    return true;
}

void reel__cuda_times_before(reel__cuda_times *t, cudaStream_t stream) {
    t->begun = record_event(t, stream);
}

void reel__cuda_times_behind(reel__cuda_times *t, const reel__cuda_label *from,
                             cudaStream_t stream) {
    cudaEvent_t behind = t->begun ? record_event(t, stream) : NULL;
    if (!behind) {
        give_event(t, t->begun);
        t->begun = NULL;
        return;
    }
    if (t->count == MOST_PAIRS) { /* the first must have passed, or it will, before its batch */
        cudaEventSynchronize(t->pair[t->first].behind);
        tell_first(t);
    }
    t->pair[(t->first + t->count++) % MOST_PAIRS] = (pair){t->begun, behind, *from};
    t->begun = NULL;
}

void reel__cuda_times_end(reel__cuda_times *t) {
    __atomic_store_n(t->open, t->turn, __ATOMIC_RELEASE);
}
