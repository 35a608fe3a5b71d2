/* The thread's own state, and threads of the library's own. */
#include "tensor/core/tensor_internal.h"

#include <signal.h>

_Thread_local reel__thread reel__this_thread;

const char *reel__caller_push(const char *at) {
    reel_site *call = &reel__self()->call;
    const char *before = call->caller;
    if (!before) call->caller = at;
    return before;
}

void reel__caller_pop(const char *before) {
    reel__self()->call.caller = before;
}

reel_site *reel_site_of_thread(void) {
    return &reel__self()->call;
}

/* ---- whether other threads may be at work ---- */

static atomic_int threads_with_tensors;

void reel__thread_has_tensors(bool has) {
    atomic_fetch_add(&threads_with_tensors, has ? 1 : -1);
}

int reel__threads_with_tensors(void) {
    return atomic_load(&threads_with_tensors);
}

/* In a forked child there is one thread. */
static void in_child(void) {
    atomic_store(&threads_with_tensors, reel__self()->held ? 1 : 0);
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(NULL, NULL, in_child);
}

/* ---- threads of the library's own ---- */

int reel__thread_start(pthread_t *thread, void *(*work)(void *), void *of) {
    const size_t least = 1 << 20;
    pthread_attr_t a;
    size_t stack = 0;
    sigset_t all, before;
    int error = pthread_attr_init(&a);
    if (error) return error;
    if (pthread_attr_getstacksize(&a, &stack) != 0 || stack < least)
        pthread_attr_setstacksize(&a, least);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, &a, work, of);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&a);
    return error;
}
