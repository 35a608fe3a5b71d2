/* Handles: the heads of tensors, in memory that stays theirs. What a program still holds after its
 * tensor was let go can be looked at safely, and says so:
 *
 *     mul: y: used after its scope (made at vae.c:12, let go at vae.c:20) (vae.c:22)
 *
 * A handle that was let go is marked (refs <= 0), keeps where it was made and let go, and is used
 * again as late as possible: after REEL__HANDLES_KEPT others. Builds with assertions, and those for
 * a sanitizer, never use one again; there each handle is an allocation of its own, so that leaks
 * are seen. Thread-safe. */
#ifndef REEL_TENSOR_CORE_HANDLES_INTERNAL_H
#define REEL_TENSOR_CORE_HANDLES_INTERNAL_H

#include "tensor/core/tensor_internal.h"

#if !defined(NDEBUG) || REEL__SANITIZED
#define REEL__HANDLES_KEPT SIZE_MAX
#define REEL__CHUNK_SHIFT 8
#else
#define REEL__HANDLES_KEPT 2048
#define REEL__CHUNK_SHIFT 16
#endif

#define REEL__HANDLE_BYTES 256 /* four lines of the cache */

/* A handle with one reference, of this layout and storage, which it takes over, made by an op at a
 * call site. NULL without memory. */
reel_tensor *reel__handle_new(const reel__layout *layout, reel__storage *storage,
                              const char *made_by, const char *at);
/* Marks a handle whose last reference went, at a call site (NULL: none is known). What it had is
 * the caller's to let go: its storage is returned, its name is in *name. */
reel__storage *reel__handle_free(reel_tensor *t, const char *at, bool by_scope, char **name);
/* Puts another name in the place of the one it has, which is returned. */
char *reel__handle_rename(reel_tensor *t, char *name);

/* Chunks of 2^REEL__CHUNK_SHIFT bytes, aligned to that, hold the handles. Their numbers (address
 * >> shift) are in a hash table, which is replaced by a larger one as it fills, and read without a
 * lock. */
typedef struct reel__chunks {
    struct reel__chunks *smaller; /* what this one replaced: somebody may still read it */
    size_t mask;
    atomic_uintptr_t number[];
} reel__chunks;
extern _Atomic(reel__chunks *) reel__chunks_now;

static inline bool reel__is_handle(const reel_tensor *t) {
    const uintptr_t number = (uintptr_t)t >> REEL__CHUNK_SHIFT;
    reel__chunks *c = atomic_load_explicit(&reel__chunks_now, memory_order_acquire);
    if (!c) return false;
    for (size_t i = number;; i++) {
        const uintptr_t found = atomic_load_explicit(&c->number[i & c->mask], memory_order_relaxed);
        if (!found) return false; /* NULL has the number 0 as well */
        if (found == number) return (uintptr_t)t % REEL__HANDLE_BYTES == 0;
    }
}

/* Not NULL, made by Reel, and not let go yet. */
static inline bool reel__is_alive(const reel_tensor *t) {
    return reel__is_handle(t) && atomic_load_explicit(&t->refs, memory_order_relaxed) > 0;
}

/* The allocations that the pool holds. For tests that count leaks. */
size_t reel__handles_blocks(void);

/* Calls look with those that are alive, if there are any, whose names and shapes stay until it
 * returns; without memory for a list it gets NULL. Returns their number. */
size_t reel__handles_look(void (*look)(reel_tensor **list, size_t n, void *user), void *user);

/* What is wrong with a tensor that is not alive: "used after its scope (made at vae.c:12, let go at
 * vae.c:20)", "is no tensor that was ever made". */
void reel__why_dead(char *to, size_t size, const reel_tensor *t);

/* True for a tensor that is alive. Else false, and a failure is kept: "op: name: used after ...";
 * name may be NULL. For public functions that look at a tensor before the funnel does. */
bool reel__live_or_fail(const char *at, const char *op, const char *name, const reel_tensor *t);
static inline bool reel__live(const char *at, const char *op, const char *name,
                              const reel_tensor *t) {
    return reel__is_alive(t) || reel__live_or_fail(at, op, name, t);
}

#endif
