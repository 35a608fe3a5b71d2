/* What a thread sets for its kernels: how many threads they take, and how exact products are. */
#include "tensor/core/tensor_internal.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

reel_status reel_set_threads(int n) {
    if (n < 1 || n > REEL_MAX_THREADS)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "threads: %d is not in 1..%d", n,
                         REEL_MAX_THREADS);
    reel__self()->threads = n;
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
    reel__thread *self = reel__self();
    if (self->threads == 0) self->threads = default_threads();
    return self->threads;
}

reel_status reel_set_matmul_precision(reel_matmul_precision p) {
    if (p < REEL_MATMUL_F32 || p > REEL_MATMUL_F32_STRICT)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "matmul_precision: there is no precision %d",
                         (int)p);
    reel__self()->precision = p;
    return REEL_OK;
}
