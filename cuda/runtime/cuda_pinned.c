/* Pinned memory of the host, which devices copy from while kernels run. A block that is let go is
 * used again once the last upload from it is over. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>
#include <string.h>

/* Before each block's memory. */
typedef struct header {
    struct header *next;
    size_t bytes;
    cudaEvent_t event[REEL__CUDA_DEVICES]; /* behind the last upload to each; NULL: none yet */
    int device;                            /* of the last upload; -1: there was none */
} header;

#define HEADER ((size_t)256)
#define SLAB ((size_t)4 << 20)
#define ENOUGH ((size_t)64 << 20) /* of blocks of one size: from here on uploads are waited for */
_Static_assert(sizeof(header) <= HEADER, "a header must fit before its block");

static struct {
    pthread_mutex_t lock;
    header *oldest, *newest; /* in the order they were let go */
    size_t made[64];         /* bytes, of blocks of 2^i */
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

static header *header_of(void *memory) {
    return (header *)(void *)((char *)memory - HEADER);
}

static size_t block_size(size_t bytes) {
    size_t size = 4096;
    while (size < bytes) size *= 2;
    return size;
}

static bool is_over(const header *h) {
    if (h->device < 0 || cudaEventQuery(h->event[h->device]) == cudaSuccess) return true;
    cudaGetLastError(); /* not ready is no error */
    return false;
}

/* For a program that is far ahead of its GPU. */
static bool wait_for(const header *h) {
    atomic_fetch_add_explicit(&reel__cuda_device_at(h->device)->waits, 1, memory_order_relaxed);
    return cudaEventSynchronize(h->event[h->device]) == cudaSuccess;
}

/* The block of this size that was let go first, if the uploads from it are over, or after a wait
 * for them. */
static header *take_kept(size_t bytes, bool waits) {
    header *before = NULL, *h = kept.oldest;
    while (h && h->bytes != bytes) {
        before = h;
        h = h->next;
    }
    if (!h || (!is_over(h) && !(waits && wait_for(h)))) return NULL;
    if (before)
        before->next = h->next;
    else
        kept.oldest = h->next;
    if (kept.newest == h) kept.newest = before;
    return h;
}

/* Asks the driver for many blocks at a time, since a program may be far ahead of its GPU: 4 MiB of
 * them, or one. Returns the first. */
static header *grow(size_t bytes) {
    const size_t size = HEADER + bytes, fit = SLAB / size, count = fit < 1 ? 1 : fit;
    void *slab = NULL;
    if (cudaHostAlloc(&slab, count * size, cudaHostAllocPortable) != cudaSuccess) {
        cudaGetLastError();
        return NULL;
    }
    kept.made[__builtin_ctzll(bytes)] += count * bytes;
    atomic_fetch_add_explicit(&reel__cuda_device_at(0)->pinned_allocs, 1, memory_order_relaxed);
    for (size_t i = 0; i < count; i++) {
        header *h = (header *)(void *)((char *)slab + i * size);
        *h = (header){.bytes = bytes, .device = -1};
        if (i == 0) continue;
        h->next = kept.oldest; /* before those whose uploads may still be under way */
        kept.oldest = h;
        if (!kept.newest) kept.newest = h;
    }
    return slab;
}

static void *alloc(int index, size_t bytes) {
    (void)index;
    if (bytes > SIZE_MAX / 4 || reel__cuda_forked()) return NULL;
    bytes = block_size(bytes);
    pthread_mutex_lock(&kept.lock);
    size_t *made = &kept.made[__builtin_ctzll(bytes)];
    header *h = take_kept(bytes, *made >= ENOUGH);
    if (!h) h = grow(bytes);
    pthread_mutex_unlock(&kept.lock);
    return h ? (char *)h + HEADER : NULL;
}

static void let_go(int index, void *memory, size_t bytes) {
    header *h = header_of(memory);
    (void)index, (void)bytes;
    if (reel__cuda_forked()) return;
    pthread_mutex_lock(&kept.lock);
    h->next = NULL;
    if (kept.oldest)
        kept.newest->next = h;
    else
        kept.oldest = h;
    kept.newest = h;
    pthread_mutex_unlock(&kept.lock);
}

cudaEvent_t reel__cuda_pinned_event(void *memory, int index) {
    header *h = header_of(memory);
    cudaEvent_t *event = &h->event[index];
    if (!*event && cudaEventCreateWithFlags(event, cudaEventDisableTiming) != cudaSuccess) {
        cudaGetLastError();
        *event = NULL;
        return NULL;
    }
    h->device = index;
    return *event;
}

static reel_status check(int index) {
    (void)index;
    return REEL_OK;
}

static reel_status copy(int index, void *to, const void *from, size_t bytes) {
    (void)index;
    memcpy(to, from, bytes);
    return REEL_OK;
}

static reel_status between(int to, void *there, int from, const void *here, size_t bytes) {
    (void)to, (void)from;
    memcpy(there, here, bytes);
    return REEL_OK;
}

static int count(void) {
    return 1;
}

/* Memory of the host, so it has no kernels: nothing but uploads sees its tensors. */
const reel__backend reel__cuda_pinned = {
    .name = "pinned memory",
    .host = true,
    .check = check,
    .alloc = alloc,
    .free = let_go,
    .to_host = copy,
    .from_host = copy,
    .between = between,
    .wait = check,
    .count = count,
};
