/* For each call that runs at the same time OpenBLAS takes a buffer from the system, and keeps it.
 * If there is none it asks again, for ever. So it is found out here, beforehand, whether there is
 * one. */
#include "tensor/cpu/cpu_blas_internal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#define BUFFER ((size_t)REEL__BLAS_MB << 20) /* OpenBLAS's BUFFER_SIZE on x86-64 and arm64 */
#define SLACK ((size_t)8 << 20) /* that others may take between the question and the call */

/* Other BLAS libraries have no such function, and no such buffers. */
extern void openblas_set_num_threads(int n) __attribute__((weak));

static atomic_int inside, buffers; /* threads that may call now; buffers that were to be had */

/* OpenBLAS's own threads, if it has any, would fight with ours. */
static void one_thread(void) {
    openblas_set_num_threads(1);
}

/* Counts against the limits of a process as memory does that is written to, and costs none. */
static bool is_to_be_had(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p != MAP_FAILED && munmap(p, bytes) == 0;
}

bool reel__blas_enter(int threads) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (!openblas_set_num_threads) return true;
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
    if (openblas_set_num_threads) atomic_fetch_sub(&inside, threads);
}
