/* A device's memory. What tensors let go is kept by size and used again; since all kernels run in
 * one stream, in the order of the calls, a block may be used again while kernels that read it are
 * still to run. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>

#define ALIGNMENT ((size_t)512)
#define FINE ((size_t)1 << 20)   /* blocks from here on are rounded by less */
#define LARGE ((size_t)32 << 20) /* larger blocks are multiples of 2 MiB, found by their size */
#define LARGE_STEP ((size_t)2 << 20)
#define LARGE_CLASS (REEL__CUDA_CLASSES - 1)

static size_t round_up(size_t n, size_t to) {
    return (n + to - 1) / to * to;
}

/* The class of a size, and the bytes that its blocks have: powers of two cut in four, large ones in
 * sixteen. */
static int size_class(size_t *bytes) {
    if (*bytes > LARGE) {
        *bytes = round_up(*bytes, LARGE_STEP);
        return LARGE_CLASS;
    }
    const size_t n = *bytes <= ALIGNMENT ? ALIGNMENT : *bytes;
    const int shift = 63 - __builtin_clzll(n); /* 2^shift <= n */
    const size_t low = (size_t)1 << shift, step = n < FINE ? low / 4 : low / 16;
    *bytes = round_up(low + round_up(n - low, step), ALIGNMENT);
    return shift * 16 + (int)((*bytes - low) * 16 / low); /* the next power's first: 16 */
}

/* Takes a block of the size out of the heap, which is locked; NULL if it keeps none. */
static void *take_kept(reel__cuda_heap *h, int class, size_t bytes) {
    reel__cuda_block **at = &h->kept[class];
    while (*at && (*at)->bytes != bytes) at = &(*at)->next;
    reel__cuda_block *b = *at;
    if (!b) return NULL;
    *at = b->next;
    b->next = h->spare;
    h->spare = b;
    h->kept_bytes -= bytes;
    return b->memory;
}

static void count_used(reel__cuda_heap *h, size_t bytes) {
    h->used += bytes;
    if (h->peak < h->used) h->peak = h->used;
}

/* All of the heap's blocks, which are then no longer its own. */
static reel__cuda_block *empty_heap(reel__cuda_heap *h) {
    reel__cuda_block *all = NULL;
    for (int i = 0; i < REEL__CUDA_CLASSES; i++)
        while (h->kept[i]) {
            reel__cuda_block *b = h->kept[i];
            h->kept[i] = b->next;
            b->next = all;
            all = b;
        }
    h->kept_bytes = 0;
    return all;
}

/* Blocks are taken out of the heap first: the last launches that name them have been enqueued by
 * then, and are sent off before cudaFree waits for them. */
static void give_back(reel__cuda_device *d) {
    pthread_mutex_lock(&d->heap.lock);
    reel__cuda_block *all = empty_heap(&d->heap);
    pthread_mutex_unlock(&d->heap.lock);
    reel__cuda_flush(d->queue);
    while (all) {
        reel__cuda_block *b = all;
        all = b->next;
        cudaFree(b->memory);
        free(b);
    }
}

static void *ask_driver(reel__cuda_device *d, size_t bytes) {
    void *memory = NULL;
    if (reel__cuda_use(d) != REEL_OK) return NULL;
    atomic_fetch_add_explicit(&d->device_allocs, 1, memory_order_relaxed);
    if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
    cudaGetLastError();
    give_back(d);
    if (cudaMalloc(&memory, bytes) == cudaSuccess) return memory;
    cudaGetLastError();
    return NULL;
}

void *reel__cuda_alloc(int index, size_t bytes) {
    reel__cuda_device *d = reel__cuda_device_at(index);
    reel__cuda_heap *h = &d->heap;
    if (bytes > SIZE_MAX / 2 || reel__cuda_forked()) return NULL;
    const int class = size_class(&bytes);
    pthread_mutex_lock(&h->lock);
    void *memory = take_kept(h, class, bytes);
    if (memory) count_used(h, bytes);
    pthread_mutex_unlock(&h->lock);
    if (memory) return memory;
    memory = ask_driver(d, bytes);
    if (!memory) return NULL;
    pthread_mutex_lock(&h->lock);
    count_used(h, bytes);
    pthread_mutex_unlock(&h->lock);
    return memory;
}

#define LOOKED_AT 256 /* blocks, when one is put in its place */

/* Lowest address first, or nearly so: then a loop's every turn is given the same memory as the
 * last, and its launches have the same arguments. */
static void keep(reel__cuda_heap *h, int class, reel__cuda_block *b, void *memory, size_t bytes) {
    reel__cuda_block **at = &h->kept[class];
    for (int i = 0; i < LOOKED_AT && *at && (uintptr_t)(*at)->memory < (uintptr_t)memory; i++)
        at = &(*at)->next;
    *b = (reel__cuda_block){*at, memory, bytes};
    *at = b;
    h->kept_bytes += bytes;
}

void reel__cuda_free(int index, void *memory, size_t bytes) {
    reel__cuda_heap *h = &reel__cuda_device_at(index)->heap;
    const int class = size_class(&bytes);
    if (reel__cuda_forked()) return;
    pthread_mutex_lock(&h->lock);
    reel__cuda_block *b = h->spare;
    if (b)
        h->spare = b->next;
    else
        b = malloc(sizeof *b);
    h->used -= bytes;
    if (b) keep(h, class, b, memory, bytes);
    pthread_mutex_unlock(&h->lock);
    if (b) return;
    reel__cuda_device *d =
        reel__cuda_device_at(index); /* not even room to write down that it is free */
    if (reel__cuda_use(d) == REEL_OK && reel__cuda_flush(d->queue) == REEL_OK) cudaFree(memory);
}

reel_status reel_cuda_release_kept(int index) {
    REEL_TRY(reel_device_check(reel_cuda(index)));
    reel__cuda_device *d = reel__cuda_device_at(index);
    REEL_TRY(reel__cuda_use(d));
    give_back(d);
    return REEL_OK;
}
