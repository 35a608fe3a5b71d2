/* The CPU's memory: freed blocks are kept by size class and used again, so that a training step
 * asks the system for nothing. A class is a power of two cut in four. What is kept is bounded, by
 * what was in use not long ago: a program has no more than it had then, or 128 MB more than it
 * uses. Where that does it, blocks of other classes, the largest first, make room for what is
 * freed.
 */
#include "tensor/core/fork_internal.h"
#include "tensor/cpu/cpu_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#define ALIGNMENT 64
#define CLASSES 256
#define KEEP_ANYWAY ((size_t)128 << 20) /* bytes */
#define WINDOW 8192                     /* blocks freed: a training step or some */
#define HUGE_PAGE ((size_t)2 << 20)     /* what large blocks are made of, where there are any */

typedef struct block {
    struct block *next;
} block;

static struct {
    pthread_mutex_t lock;
    block *free[CLASSES];
    int blocks[CLASSES]; /* how many are free */
    size_t kept, used;   /* bytes: free, and handed out */
    size_t most, before; /* that were in use at once in this window, and in the one before it */
    int freed;           /* blocks, in this window */
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What blocks of a class have: 64, 128, 192, 256, 320, 384, 448, 512, 640, ... */
static size_t bytes_of(int class) {
    const size_t power = (size_t)1 << class / 4, quarter = power / 4;
    return (power + (size_t)(class % 4) * quarter + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* The class of a size, which becomes that of its blocks. */
static int size_class(size_t *bytes) {
    const size_t n = *bytes <= ALIGNMENT ? ALIGNMENT : *bytes;
    const int shift = 63 - __builtin_clzll(n); /* 2^shift <= n */
    const size_t power = (size_t)1 << shift, quarter = power / 4;
    const int class = shift * 4 + (int)((n - power + quarter - 1) / quarter);
    *bytes = bytes_of(class);
    return class;
}

#define KEEPS (!REEL__SANITIZED) /* a sanitizer should see every allocation */

/* A block that is touched for the first time costs a fault a page: fewer pages, fewer faults. */
static void *new_block(size_t bytes) {
    if (bytes < 2 * HUGE_PAGE) return aligned_alloc(ALIGNMENT, bytes);
    void *memory = aligned_alloc(HUGE_PAGE, (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
#ifdef MADV_HUGEPAGE
    if (memory) madvise(memory, bytes, MADV_HUGEPAGE); /* a wish: no harm if it is not granted */
#endif
    return memory;
}

/* ---- under the lock ---- */

static void push(block **list, void *memory) {
    block *b = memory;
    b->next = *list;
    *list = b;
}

static block *pop(block **list) {
    block *b = *list;
    if (b) *list = b->next;
    return b;
}

static void keep(int class, void *memory) {
    push(&cache.free[class], memory);
    cache.blocks[class]++;
    cache.kept += bytes_of(class);
}

static block *take(int class) {
    block *b = pop(&cache.free[class]);
    if (!b) return NULL;
    cache.blocks[class]--;
    cache.kept -= bytes_of(class);
    return b;
}

/* What may be kept. */
static size_t bound(void) {
    const size_t most = cache.most > cache.before ? cache.most : cache.before;
    return most > cache.used + KEEP_ANYWAY ? most - cache.used : KEEP_ANYWAY;
}

static bool has_room(size_t bytes) {
    return cache.kept + bytes <= bound();
}

static void note_use(size_t bytes) {
    cache.used += bytes;
    if (cache.used > cache.most) cache.most = cache.used;
}

static void note_end(size_t bytes) {
    cache.used -= bytes;
    if (++cache.freed < WINDOW) return;
    cache.freed = 0;
    cache.before = cache.most;
    cache.most = cache.used;
}

/* Blocks out of other classes, so that one more of this class can be kept: none if it can't. */
static block *make_room(int class, size_t bytes) {
    block *out = NULL;
    if ((size_t)(cache.blocks[class] + 1) * bytes > bound()) return NULL;
    for (int i = CLASSES - 1; i >= 0 && !has_room(bytes); i--)
        while (i != class && cache.free[i] && !has_room(bytes)) push(&out, take(i));
    return out;
}

/* ---- blocks ---- */

static void free_all(block *list) {
    while (list) free(pop(&list));
}

/* All that is kept goes back to the system. */
static void let_go(void) {
    block *out = NULL;
    pthread_mutex_lock(&cache.lock);
    for (int i = 0; i < CLASSES; i++)
        while (cache.free[i]) push(&out, take(i));
    pthread_mutex_unlock(&cache.lock);
    free_all(out);
}

void *reel__cpu_alloc(int index, size_t bytes) {
    (void)index;
    if (bytes > SIZE_MAX / 2) return NULL;
    int class = size_class(&bytes);
    if (!KEEPS) return new_block(bytes);
    pthread_mutex_lock(&cache.lock);
    void *memory = take(class);
    if (memory) note_use(bytes);
    pthread_mutex_unlock(&cache.lock);
    if (memory) return memory;
    memory = new_block(bytes);
    if (!memory) {
        let_go();
        memory = new_block(bytes);
    }
    if (!memory) return NULL;
    pthread_mutex_lock(&cache.lock);
    note_use(bytes);
    pthread_mutex_unlock(&cache.lock);
    return memory;
}

void reel__cpu_free(int index, void *memory, size_t bytes) {
    (void)index;
    int class = size_class(&bytes);
    if (!KEEPS) {
        free(memory);
        return;
    }
    pthread_mutex_lock(&cache.lock);
    note_end(bytes);
    block *out = make_room(class, bytes);
    if (has_room(bytes))
        keep(class, memory);
    else
        push(&out, memory);
    pthread_mutex_unlock(&cache.lock);
    free_all(out);
}

/* Runs after the main thread has let its tensors go. Other threads may be at work still, and where
 * a signal's handler called exit, this one may be, with the lock: then the system takes all back.
 */
__attribute__((destructor(101))) static void give_back(void) {
    block *out = NULL;
    if (pthread_mutex_trylock(&cache.lock) != 0) return;
    for (int i = 0; i < CLASSES; i++)
        while (cache.free[i]) push(&out, take(i));
    pthread_mutex_unlock(&cache.lock);
    free_all(out);
}

/* ---- forks: a child starts with the lock free, and the lists whole ---- */

__attribute__((constructor)) static void watch_forks(void) {
    reel__fork_holds(&cache.lock);
}
