/* The functions that libc lets a program replace. Each asks whether it is to fail, and hands on to
 * the next definition: libc's, or a sanitizer's. */
#include "tests/failing_alloc.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_long first = LONG_MAX, last = LONG_MAX, asked, alive, bytes, most_bytes = LONG_MAX;
static _Thread_local bool spared;

void fail_allocations(long n, long more) {
    atomic_store(&asked, 0);
    atomic_store(&last, n > LONG_MAX - more ? LONG_MAX : n + more);
    atomic_store(&first, n);
}

bool stop_failing(void) {
    return atomic_exchange(&first, LONG_MAX) <= atomic_load(&asked);
}

void limit_memory(size_t more) {
    atomic_store(&most_bytes, more ? atomic_load(&bytes) + (long)more : LONG_MAX);
}

long blocks_alive(void) {
    return atomic_load(&alive);
}

/* OpenBLAS's kernels for small matrices don't look at what they get; nobody can help that here.
 * (A function of its own: AddressSanitizer, which may not have started yet, marks the stack of
 * those that have an array.) */
__attribute__((noinline)) static bool is_blas(const void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "blas");
}

static bool is_beyond(size_t n) {
    const long left = atomic_load(&most_bytes) - atomic_load(&bytes);
    return left < 0 || n > (size_t)left;
}

static bool refused(const void *caller, size_t size) {
    if (is_beyond(size) && !spared) {
        errno = ENOMEM;
        return true;
    }
    const long from = atomic_load(&first);
    if (from == LONG_MAX || spared || is_blas(caller)) return false;
    const long n = atomic_fetch_add(&asked, 1) + 1;
    if (n < from || n > atomic_load(&last)) return false;
    errno = ENOMEM;
    return true;
}

static void *counted(void *p) {
    if (!p) return NULL;
    atomic_fetch_add(&alive, 1);
    atomic_fetch_add(&bytes, (long)malloc_usable_size(p));
    return p;
}

static void uncounted(void *p) {
    atomic_fetch_sub(&alive, 1);
    atomic_fetch_sub(&bytes, (long)malloc_usable_size(p));
}

/* ---- the definitions behind ours ---- */

typedef struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void *(*aligned_alloc)(size_t, size_t);
    int (*posix_memalign)(void **, size_t, size_t);
    void (*free)(void *);
} functions;

static functions behind;
static char early[8192]; /* dlsym may ask for memory itself */
static size_t early_used;
static bool looking;

static void *early_block(size_t n) {
    n = (n + 15) / 16 * 16;
    if (n > sizeof early - early_used) return NULL;
    early_used += n;
    return early + early_used - n;
}

static bool is_early(const void *p) {
    return (uintptr_t)p - (uintptr_t)early < sizeof early;
}

static void find(void *function, const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    memcpy(function, &found, sizeof found);
}

/* Before main, when there is one thread. False while it is under way. */
static bool ready(void) {
    if (behind.free) return true;
    if (looking) return false;
    looking = true;
    find(&behind.malloc, "malloc");
    find(&behind.calloc, "calloc");
    find(&behind.realloc, "realloc");
    find(&behind.aligned_alloc, "aligned_alloc");
    find(&behind.posix_memalign, "posix_memalign");
    find(&behind.free, "free");
    looking = false;
    return true;
}

/* ---- ours, seen by all shared libraries ---- */

#pragma GCC visibility push(default)

void *malloc(size_t n) {
    if (!ready()) return early_block(n);
    return refused(__builtin_return_address(0), n) ? NULL : counted(behind.malloc(n));
}

void *calloc(size_t n, size_t size) {
    if (!ready()) return early_block(n * size); /* zero, as it has been since the start */
    return refused(__builtin_return_address(0), n * size) ? NULL : counted(behind.calloc(n, size));
}

void *realloc(void *p, size_t n) {
    if (!ready()) return NULL;
    if (refused(__builtin_return_address(0), n)) return NULL;
    const size_t was = p ? malloc_usable_size(p) : 0;
    void *moved = behind.realloc(p, n);
    if (p && (moved || !n)) {
        atomic_fetch_sub(&alive, 1);
        atomic_fetch_sub(&bytes, (long)was);
    }
    return counted(moved);
}

void *aligned_alloc(size_t alignment, size_t n) {
    if (!ready()) return NULL;
    return refused(__builtin_return_address(0), n) ? NULL
                                                   : counted(behind.aligned_alloc(alignment, n));
}

int posix_memalign(void **p, size_t alignment, size_t n) {
    if (!ready() || refused(__builtin_return_address(0), n)) return ENOMEM;
    const int error = behind.posix_memalign(p, alignment, n);
    if (!error) counted(*p);
    return error;
}

void free(void *p) {
    if (!p || is_early(p) || !ready()) return;
    uncounted(p);
    behind.free(p);
}

/* A sanitizer's own would not ask malloc. */
static char *copy_of(const char *text, size_t n) {
    char *copy = malloc(n + 1);
    if (!copy) return NULL;
    copy[n] = '\0';
    return memcpy(copy, text, n);
}

char *strndup(const char *text, size_t most) {
    return copy_of(text, strnlen(text, most));
}

char *strdup(const char *text) {
    return copy_of(text, strlen(text));
}

/* AddressSanitizer calls this when a thread starts, and gives up where it fails. */
int pthread_getattr_np(pthread_t thread, pthread_attr_t *attributes) {
    int (*getattr)(pthread_t, pthread_attr_t *);
    find(&getattr, "pthread_getattr_np");
    spared = true;
    const int error = getattr(thread, attributes);
    spared = false;
    return error;
}

#pragma GCC visibility pop
