/* The pool of handles, and what is told of those alive. */
#include "tensor/core/fork_internal.h"
#include "tensor/core/handles_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)1 << REEL__CHUNK_SHIFT)
#define HANDLES (CHUNK_BYTES / REEL__HANDLE_BYTES)

_Static_assert(sizeof(reel_tensor) <= REEL__HANDLE_BYTES, "a handle has room for a tensor");

_Atomic(reel__chunks *) reel__chunks_now;

static struct {
    pthread_mutex_t lock;       /* of all below, and of writing the table */
    char *fresh;                /* the rest of the newest chunk */
    size_t left;                /* handles in it */
    size_t chunks;              /* in the table */
    reel_tensor *first, **last; /* let go, the oldest first */
    size_t dead, alive;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .last = &pool.first};

/* ---- the table ---- */

static void put(reel__chunks *c, uintptr_t number) {
    size_t i = number;
    while (atomic_load_explicit(&c->number[i & c->mask], memory_order_relaxed)) i++;
    atomic_store_explicit(&c->number[i & c->mask], number, memory_order_relaxed);
}

/* At most half full, so that looks are short. */
static bool make_room(void) {
    reel__chunks *now = atomic_load_explicit(&reel__chunks_now, memory_order_relaxed);
    if (now && 2 * (pool.chunks + 1) <= now->mask + 1) return true;
    const size_t size = now ? 2 * (now->mask + 1) : 64;
    reel__chunks *more = calloc(1, sizeof *more + size * sizeof *more->number);
    if (!more) return false;
    more->smaller = now;
    more->mask = size - 1;
    for (size_t i = 0; now && i <= now->mask; i++) {
        const uintptr_t number = atomic_load_explicit(&now->number[i], memory_order_relaxed);
        if (number) put(more, number);
    }
    atomic_store_explicit(&reel__chunks_now, more, memory_order_release);
    return true;
}

static bool new_chunk(void) {
    char *memory = make_room() ? aligned_alloc(CHUNK_BYTES, CHUNK_BYTES) : NULL;
    if (!memory) return false;
    memset(memory, 0, CHUNK_BYTES); /* refs of 0: none is alive */
    pool.fresh = memory;
    pool.left = HANDLES;
    pool.chunks++;
    put(atomic_load_explicit(&reel__chunks_now, memory_order_relaxed),
        (uintptr_t)memory >> REEL__CHUNK_SHIFT);
    return true;
}

/* ---- handles ---- */

static reel_tensor *oldest_dead(void) {
    reel_tensor *t = pool.first;
    pool.first = t->next;
    if (!pool.first) pool.last = &pool.first;
    pool.dead--;
    return t;
}

static reel_tensor *take(void) {
    if (pool.dead > REEL__HANDLES_KEPT) return oldest_dead();
    if (!pool.left && !new_chunk()) return pool.dead ? oldest_dead() : NULL;
    reel_tensor *t = (reel_tensor *)pool.fresh;
    pool.left--;
    pool.fresh =
        pool.left ? pool.fresh + REEL__HANDLE_BYTES : NULL; /* no pointer to one that is alive */
    return t;
}

reel_tensor *reel__handle_new(const reel__layout *layout, reel__storage *storage,
                              const char *made_by, const char *at) {
    pthread_mutex_lock(&pool.lock);
    reel_tensor *t = take();
    if (t) {
        t->unscoped = false;
        t->layout = *layout;
        t->storage = storage;
        t->track = NULL;
        t->name = NULL;
        t->made_by = made_by;
        t->at = at;
        atomic_store_explicit(&t->refs, 1, memory_order_relaxed);
        pool.alive++;
    }
    pthread_mutex_unlock(&pool.lock);
    return t;
}

/* It can still be looked at: a shape without elements, and no memory. */
reel__storage *reel__handle_free(reel_tensor *t, const char *at, bool by_scope, char **name) {
    static reel__storage none = {.refs = 1, .backend = &reel__cpu_backend};
    pthread_mutex_lock(&pool.lock);
    reel__storage *storage = t->storage;
    *name = t->name;
    t->storage = &none;
    t->name = NULL;
    t->layout.shape.ndim = 1;
    t->layout.shape.dim[0] = 0;
    t->gone_at = at;
    t->gone_by_scope = by_scope;
    t->next = NULL;
    *pool.last = t;
    pool.last = &t->next;
    pool.dead++;
    pool.alive--;
    pthread_mutex_unlock(&pool.lock);
    return storage;
}

char *reel__handle_rename(reel_tensor *t, char *name) {
    pthread_mutex_lock(&pool.lock);
    char *before = t->name;
    t->name = name;
    pthread_mutex_unlock(&pool.lock);
    return before;
}

/* ---- the end: an unloaded library leaves nothing, but what others may be looking at ---- */

static void free_chunks(reel__chunks *c) {
    for (size_t i = 0; c && i <= c->mask; i++)
        free((char *)(atomic_load(&c->number[i]) << REEL__CHUNK_SHIFT));
    while (c) {
        reel__chunks *gone = c;
        c = c->smaller;
        free(gone);
    }
}

/* After the main thread has let its tensors go. */
__attribute__((destructor(101))) static void end(void) {
    if (pthread_mutex_trylock(&pool.lock) != 0) return;
    if (pool.alive == 0 && reel__threads_with_tensors() == 0) {
        free_chunks(atomic_exchange(&reel__chunks_now, NULL));
        pool.fresh = NULL;
        pool.left = pool.chunks = pool.dead = 0;
        pool.first = NULL;
        pool.last = &pool.first;
    }
    pthread_mutex_unlock(&pool.lock);
}

/* ---- forks: a child starts with the lock free, and the pool whole ---- */

__attribute__((constructor)) static void watch_forks(void) {
    reel__fork_holds(&pool.lock);
}

/* ---- those that are alive ---- */

size_t reel_tensors_alive(void) {
    pthread_mutex_lock(&pool.lock);
    const size_t n = pool.alive;
    pthread_mutex_unlock(&pool.lock);
    return n;
}

/* Fewer than pool.alive, if some are being let go. */
static size_t list_alive(reel_tensor **list) {
    size_t n = 0;
    const reel__chunks *c = atomic_load_explicit(&reel__chunks_now, memory_order_relaxed);
    for (size_t i = 0; c && i <= c->mask; i++) {
        char *chunk = (char *)(atomic_load_explicit(&c->number[i], memory_order_relaxed)
                               << REEL__CHUNK_SHIFT);
        for (size_t k = 0; chunk && k < HANDLES; k++) {
            reel_tensor *t = (reel_tensor *)(chunk + k * REEL__HANDLE_BYTES);
            if (atomic_load_explicit(&t->refs, memory_order_relaxed) > 0) list[n++] = t;
        }
    }
    return n;
}

size_t reel__handles_blocks(void) {
    pthread_mutex_lock(&pool.lock);
    size_t n = pool.chunks;
    for (const reel__chunks *c = atomic_load(&reel__chunks_now); c; c = c->smaller) n++;
    pthread_mutex_unlock(&pool.lock);
    return n;
}

size_t reel__handles_look(void (*look)(reel_tensor **list, size_t n, void *user), void *user) {
    pthread_mutex_lock(&pool.lock);
    size_t n = pool.alive;
    reel_tensor **list = n ? malloc(n * sizeof *list) : NULL;
    if (list) n = list_alive(list);
    if (n) look(list, n, user);
    free(list);
    pthread_mutex_unlock(&pool.lock);
    return n;
}

/* ---- those that are not ---- */

void reel__why_dead(char *to, size_t size, const reel_tensor *t) {
    char made[256], gone[256] = "";
    if (!reel__is_handle(t) || !t->made_by) {
        snprintf(to, size, "is no tensor that was ever made");
        return;
    }
    reel__site_text(made, sizeof made, t->at ? t->at : t->made_by);
    if (t->gone_at) reel__site_text(gone, sizeof gone, t->gone_at);
    snprintf(to, size, "used after its %s (made at %s%s%s)",
             t->gone_by_scope ? "scope" : "last reference was released", made,
             *gone ? ", let go at " : "", gone);
}

bool reel__live_or_fail(const char *at, const char *op, const char *name, const reel_tensor *t) {
    char why[600];
    if (reel_failed()) return false;
    if (!t) {
        reel_fail(REEL_ERR_ARGUMENT, at, "%s: the tensor is NULL", op);
        return false;
    }
    reel__why_dead(why, sizeof why, t);
    reel_fail(REEL_ERR_STATE, at, "%s: %s%s%s", op, name ? name : "", name ? ": " : "", why);
    return false;
}
