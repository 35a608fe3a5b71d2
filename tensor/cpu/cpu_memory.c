/* The CPU's memory: freed blocks are kept by size class and used again, so that a training step
 * asks the system for nothing. A class is a power of two cut in four; what is kept is bounded. */
#include "tensor/cpu/cpu_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ALIGNMENT 64
#define CLASSES 256
#define KEEP_LARGEST ((size_t)64 << 20) /* larger blocks go back at once */
#define KEEP_TOTAL ((size_t)128 << 20)
#define HUGE                                                                                       \
    ((size_t)2 << 20) /* a page of those that large blocks are made of, where there are any */

typedef struct block {
    struct block *next;
} block;

static struct {
    pthread_mutex_t lock;
    block *free[CLASSES];
    size_t kept;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* The class of a size, and the bytes that its blocks have: 64, 128, 192, 256, 320, 384, 448, 512,
 * 640, ... */
static int size_class(size_t *bytes) {
    size_t n = *bytes <= ALIGNMENT ? ALIGNMENT : *bytes;
    int shift = 63 - __builtin_clzll(n); /* 2^shift <= n */
    size_t quarter = (size_t)1 << (shift - 2);
    size_t part = (n - ((size_t)1 << shift) + quarter - 1) / quarter; /* 0..4 */
    *bytes = (((size_t)1 << shift) + part * quarter + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return shift * 4 + (int)part;
}

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS false /* the sanitizer should see every allocation */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS false
#endif
#endif
#ifndef KEEPS
#define KEEPS true
#endif

/* A block that is touched for the first time costs a fault a page: fewer pages, fewer faults. */
static void *new_block(size_t bytes) {
    if (bytes < 2 * HUGE) return aligned_alloc(ALIGNMENT, bytes);
    void *memory = aligned_alloc(HUGE, (bytes + HUGE - 1) / HUGE * HUGE);
#ifdef MADV_HUGEPAGE
    if (memory) madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: no harm if it is not granted */
#endif
    return memory;
}

void *reel__cpu_alloc(int index, size_t bytes) {
    (void)index;
    if (bytes > SIZE_MAX / 2) return NULL;
    int class = size_class(&bytes);
    if (KEEPS && bytes <= KEEP_LARGEST) {
        pthread_mutex_lock(&cache.lock);
        block *b = cache.free[class];
        if (b) {
            cache.free[class] = b->next;
            cache.kept -= bytes;
        }
        pthread_mutex_unlock(&cache.lock);
        if (b) return b;
    }
    return new_block(bytes);
}

void reel__cpu_free(int index, void *memory, size_t bytes) {
    (void)index;
    int class = size_class(&bytes);
    bool keep = false;
    if (KEEPS && bytes <= KEEP_LARGEST) {
        pthread_mutex_lock(&cache.lock);
        keep = cache.kept + bytes <= KEEP_TOTAL;
        if (keep) {
            block *b = memory;
            b->next = cache.free[class];
            cache.free[class] = b;
            cache.kept += bytes;
        }
        pthread_mutex_unlock(&cache.lock);
    }
    if (!keep) free(memory);
}

/* Runs after the main thread has let its tensors go. */
__attribute__((destructor(101))) static void give_back(void) {
    for (int i = 0; i < CLASSES; i++) {
        while (cache.free[i]) {
            block *b = cache.free[i];
            cache.free[i] = b->next;
            free(b);
        }
    }
    cache.kept = 0;
}
