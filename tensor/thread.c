/* The thread's own state: its first failure, its scopes, its number of threads. */
#include "tensor/handles_internal.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local reel__thread self;

/* ---- errors ---- */

bool reel_failed(void) {
    return self.error != REEL_OK;
}

reel_status reel_error_status(void) {
    return self.error;
}

const char *reel_error(void) {
    return self.error == REEL_OK ? "" : self.message;
}

void reel_clear_error(void) {
    self.error = REEL_OK;
    self.looked_at = NULL;
}

int reel_report(FILE *f) {
    if (self.error == REEL_OK) return 0;
    if (f) fprintf(f, "reel: %s\n", self.message);
    return 1;
}

reel_status reel_fail(reel_status code, const char *at, const char *format, ...) {
    if (self.error != REEL_OK) return code;
    va_list args;
    va_start(args, format);
    vsnprintf(self.message, sizeof self.message, format, args);
    va_end(args);
    for (char *c = self.message; *c;
         c++) /* a name out of a file may hold anything; a message is one line */
        if ((unsigned char)*c < ' ') *c = '?';
    reel__message_place(self.message, sizeof self.message, at);
    self.error = code;
    return code;
}

reel_site *reel_site_of_thread(void) {
    return &self.call;
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

/* ---- scopes ---- */

/* What no scope owns is the thread's until it ends. The key's destructor sees to that for threads;
 * for the main thread this file's does, unless others are about: they may be at work on its
 * tensors, and the process ends anyway. */
static pthread_key_t at_end;
static bool has_key; /* written once */
static pthread_once_t at_end_once = PTHREAD_ONCE_INIT;
static atomic_int threads_with_tensors;

static void let_go(size_t base, const char *at) {
    while (self.held_count > base) reel__release(self.held[--self.held_count], at, true);
}

static void end_thread(void *unused) {
    (void)unused;
    let_go(0, NULL);
    if (self.held) atomic_fetch_sub(&threads_with_tensors, 1);
    free(self.held);
    self.held = NULL;
    self.held_capacity = 0;
}

static void make_key(void) {
    has_key = pthread_key_create(&at_end, end_thread) == 0;
}

/* At exit, and when the library is unloaded, whose functions no key may call then. */
__attribute__((destructor)) static void end_main_thread(void) {
    if (has_key) pthread_key_delete(at_end);
    if (atomic_load(&threads_with_tensors) == (self.held ? 1 : 0)) end_thread(NULL);
}

bool reel__is_last_thread(void) {
    return atomic_load(&threads_with_tensors) == 0;
}

/* In a forked child there is one thread. */
static void in_child(void) {
    atomic_store(&threads_with_tensors, self.held ? 1 : 0);
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(NULL, NULL, in_child);
}

reel_scope reel_scope_open(const char *at) {
    reel_scope s = {at, self.held_count, self.base, self.depth, true};
    self.base = self.held_count;
    self.depth++;
    return s;
}

/* Scopes inside that were never closed, since a longjmp went past them, end with it. */
void reel_scope_close(reel_scope *s) {
    if (!s || !s->open) return;
    let_go(self.depth == s->depth + 1 ? self.base : s->start, s->at);
    self.base = s->outer;
    self.depth = s->depth;
    s->open = false;
}

static bool grow_held(void) {
    if (self.held_count < self.held_capacity) return true;
    pthread_once(&at_end_once, make_key);
    size_t capacity = self.held_capacity ? 2 * self.held_capacity : 64;
    reel_tensor **held = has_key ? realloc(self.held, capacity * sizeof *held) : NULL;
    if (!held) return false;
    if (!self.held) {
        pthread_setspecific(at_end, held);
        atomic_fetch_add(&threads_with_tensors, 1);
    }
    self.held = held;
    self.held_capacity = capacity;
    return true;
}

reel_tensor *reel__scope_give(reel_tensor *t) {
    if (!t) return NULL;
    if (!grow_held()) {
        reel_release(t);
        reel_fail(REEL_ERR_MEMORY, NULL, "scope: out of %s",
                  has_key ? "memory" : "the system's keys for threads");
        return NULL;
    }
    if (!self.depth) t->unscoped = true;
    self.held[self.held_count++] = t;
    return t;
}

reel_tensor *reel_scope_return(reel_tensor *t) {
    if (!t || !self.depth) return t;
    if (!reel__live(NULL, "scope_return", NULL, t)) return NULL;
    reel_retain(t);
    if (!reel__scope_give(t)) return NULL;
    if (self.depth == 1) t->unscoped = true;
    /* Swap it with the scope's first and raise the base over it: the outer scope now owns it. */
    self.held[self.held_count - 1] = self.held[self.base];
    self.held[self.base++] = t;
    return t;
}

/* ---- number of threads ---- */

reel_status reel_set_threads(int n) {
    if (n < 1 || n > REEL_MAX_THREADS)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "threads: %d is not in 1..%d", n,
                         REEL_MAX_THREADS);
    self.threads = n;
    return REEL_OK;
}

/* OMP_NUM_THREADS, which people set for every such library, or the processors that we may use. */
static int default_threads(void) {
    const char *asked = getenv("OMP_NUM_THREADS");
    long n = asked ? strtol(asked, NULL, 10) : 0;
#if defined(__linux__)
    cpu_set_t set;
    if (n < 1 && sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
#endif
    if (n < 1) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > REEL_MAX_THREADS ? REEL_MAX_THREADS : (int)n;
}

int reel_threads(void) {
    if (self.threads == 0) self.threads = default_threads();
    return self.threads;
}

/* ---- the rest ---- */

reel_status reel_set_matmul_precision(reel_matmul_precision p) {
    if (p < REEL_MATMUL_F32 || p > REEL_MATMUL_BF16)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "matmul_precision: there is no precision %d",
                         (int)p);
    self.precision = p;
    return REEL_OK;
}

reel__thread *reel__self(void) {
    return &self;
}

const char *reel__caller_push(const char *at) {
    const char *before = self.call.caller;
    if (!before) self.call.caller = at;
    return before;
}

void reel__caller_pop(const char *before) {
    self.call.caller = before;
}
