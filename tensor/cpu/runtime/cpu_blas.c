/* BLAS: found, kept to one thread, and asked only for what it has the memory for.
 *
 * OpenBLAS starts as many threads as there are processors when it is loaded, and where a process is
 * short of memory they wait for it for ever, and exit for them. What stops it is a variable of the
 * environment alone, which must be there beforehand. So it is not linked, but loaded here, when
 * this library is. (Debian's serial OpenBLAS has no threads, and no locks either: of two threads
 * that call it at once, one may get the other's sums.)
 *
 * For each call that runs at the same time it takes a buffer from the system, and keeps it. If
 * there is none it asks again, for ever. So it is found out here, beforehand, whether there is one.
 */
#include "tensor/cpu/runtime/cpu_blas_internal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define IS_ALONE __libc_single_threaded
#else
#define IS_ALONE 1
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define BUFFER ((size_t)REEL__BLAS_MB << 20) /* OpenBLAS's BUFFER_SIZE on x86-64 and arm64 */
#define SLACK ((size_t)8 << 20) /* that others may take between the question and the call */

static struct {
    reel__blas functions;
    void (*set_threads)(int n); /* OpenBLAS's own; others have none, and no such buffers */
    bool found, serial;
    pthread_mutex_t turn; /* whose call it is, if it is serial */
} blas = {.turn = PTHREAD_MUTEX_INITIALIZER};

/* ---- finding it, before anything calls it ---- */

#ifdef REEL_BLAS_LIBRARY
/* The environment is changed for that long, and not where another thread may be reading it. */
static void *load(const char *name) {
    static const char variable[] = "OPENBLAS_NUM_THREADS";
    const bool set = IS_ALONE && !getenv(variable) && setenv(variable, "1", 0) == 0;
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (set) unsetenv(variable);
    return library;
}

static void find(void) {
    int (*is_parallel)(void) = NULL;
    void *library = load(REEL_BLAS_LIBRARY);
    if (!library) return;
    *(void **)&blas.functions.sgemm = dlsym(library, "cblas_sgemm");
    *(void **)&blas.functions.dgemm = dlsym(library, "cblas_dgemm");
    *(void **)&blas.functions.sgemv = dlsym(library, "cblas_sgemv");
    *(void **)&blas.functions.dgemv = dlsym(library, "cblas_dgemv");
    *(void **)&blas.set_threads = dlsym(library, "openblas_set_num_threads");
    *(void **)&is_parallel = dlsym(library, "openblas_get_parallel");
    blas.found = blas.functions.sgemm && blas.functions.dgemm && blas.functions.sgemv &&
                 blas.functions.dgemv;
    blas.serial = is_parallel && is_parallel() == 0;
}
#else
extern void openblas_set_num_threads(int n) __attribute__((weak));

static void find(void) {
    blas.functions = (reel__blas){cblas_sgemm, cblas_dgemm, cblas_sgemv, cblas_dgemv};
    blas.set_threads = openblas_set_num_threads;
    blas.found = true;
}
#endif

static void hold(void) {
    pthread_mutex_lock(&blas.turn);
}
static void let_loose(void) {
    pthread_mutex_unlock(&blas.turn);
}

static atomic_int inside, buffers; /* threads that may call now; buffers that were to be had */

/* The others who were inside are not in the child. */
static void in_child(void) {
    atomic_store(&inside, 0);
    let_loose();
}

__attribute__((constructor)) static void start(void) {
    find();
    pthread_atfork(hold, let_loose, in_child);
}

const reel__blas *reel__blas_functions(void) {
    return blas.found ? &blas.functions : NULL;
}

void reel__blas_call_begin(void) {
    if (blas.serial) hold();
}

void reel__blas_call_end(void) {
    if (blas.serial) let_loose();
}

/* ---- memory for it ---- */

/* OpenBLAS's own threads, if the program has started any, would fight with ours. */
static void one_thread(void) {
    blas.set_threads(1);
}

/* Counts against the limits of a process as memory does that is written to, and costs none. */
static bool is_to_be_had(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p != MAP_FAILED && munmap(p, bytes) == 0;
}

bool reel__blas_enter(int threads) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!blas.set_threads) return true;
    pthread_once(&once, one_thread);
    const int all = atomic_fetch_add(&inside, threads) + threads;
    int known = atomic_load(&buffers);
    if (all <= known) return true;
    if (!is_to_be_had((size_t)(all - known) * BUFFER + SLACK)) {
        reel__blas_leave(threads);
        return false;
    }
    while (known < all && !atomic_compare_exchange_weak(&buffers, &known, all)) continue;
    return true;
}

void reel__blas_leave(int threads) {
    if (blas.set_threads) atomic_fetch_sub(&inside, threads);
}
