/* Scopes: who owns what ops return. */
#include "tensor/core/handles_internal.h"

#include <stdlib.h>

/* What no scope owns is the thread's until it ends. The key's destructor sees to that for threads;
 * for the main thread this file's does, unless others are about: they may be at work on its
 * tensors, and the process ends anyway. */
static pthread_key_t at_end;
static bool has_key; /* written once */
static pthread_once_t at_end_once = PTHREAD_ONCE_INIT;

static void let_go(size_t base, const char *at) {
    reel__thread *self = reel__self();
    while (self->held_count > base) reel__release(self->held[--self->held_count], at, true);
}

static void end_thread(void *unused) {
    reel__thread *self = reel__self();
    (void)unused;
    let_go(0, NULL);
    if (self->held) reel__thread_has_tensors(false);
    free(self->held);
    self->held = NULL;
    self->held_capacity = 0;
}

static void make_key(void) {
    has_key = pthread_key_create(&at_end, end_thread) == 0;
}

/* At exit, and when the library is unloaded, whose functions no key may call then. */
__attribute__((destructor)) static void end_main_thread(void) {
    if (has_key) pthread_key_delete(at_end);
    if (reel__threads_with_tensors() == (reel__self()->held ? 1 : 0)) end_thread(NULL);
}

reel_scope reel_scope_open(const char *at) {
    reel__thread *self = reel__self();
    reel_scope s = {at, self->held_count, self->base, self->depth, true};
    self->base = self->held_count;
    self->depth++;
    return s;
}

/* Scopes inside that were never closed, since a longjmp went past them, end with it. */
void reel_scope_close(reel_scope *s) {
    if (!s || !s->open) return;
    reel__thread *self = reel__self();
    let_go(self->depth == s->depth + 1 ? self->base : s->start, s->at);
    self->base = s->outer;
    self->depth = s->depth;
    s->open = false;
}

static bool grow_held(reel__thread *self) {
    if (self->held_count < self->held_capacity) return true;
    pthread_once(&at_end_once, make_key);
    size_t capacity = self->held_capacity ? 2 * self->held_capacity : 64;
    reel_tensor **held = has_key ? realloc(self->held, capacity * sizeof *held) : NULL;
    if (!held) return false;
    if (!self->held) {
        pthread_setspecific(at_end, held);
        reel__thread_has_tensors(true);
    }
    self->held = held;
    self->held_capacity = capacity;
    return true;
}

reel_tensor *reel__scope_give(reel_tensor *t) {
    if (!t) return NULL;
    reel__thread *self = reel__self();
    if (!grow_held(self)) {
        reel_release(t);
        reel_fail(REEL_ERR_MEMORY, NULL, "scope: out of %s",
                  has_key ? "memory" : "the system's keys for threads");
        return NULL;
    }
    if (!self->depth) t->unscoped = true;
    self->held[self->held_count++] = t;
    return t;
}

reel_tensor *reel_scope_return(reel_tensor *t) {
    reel__thread *self = reel__self();
    if (!t || !self->depth) return t;
    if (!reel__live(NULL, "scope_return", NULL, t)) return NULL;
    reel_retain(t);
    if (!reel__scope_give(t)) return NULL;
    if (self->depth == 1) t->unscoped = true;
    /* Swap it with the scope's first and raise the base over it: the outer scope now owns it. */
    self->held[self->held_count - 1] = self->held[self->base];
    self->held[self->base++] = t;
    return t;
}
