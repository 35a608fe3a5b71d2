/* Cutting a kernel's work into parts, each run with denormals flushed. */
#include "tensor/cpu/cpu_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
typedef unsigned int fp_mode;
static fp_mode flush_denormals(void) {
    fp_mode before = _mm_getcsr();
    _mm_setcsr(0x9fc0); /* to nearest, no traps, flush to zero, denormals are zero */
    return before;
}
static void restore(fp_mode before) {
    _mm_setcsr(before);
}
#elif defined(__aarch64__)
typedef uint64_t fp_mode;
static fp_mode flush_denormals(void) {
    fp_mode before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" ::"r"((fp_mode)1 << 24)); /* the same */
    return before;
}
static void restore(fp_mode before) {
    __asm__ volatile("msr fpcr, %0" ::"r"(before));
}
#else
typedef int fp_mode;
static fp_mode flush_denormals(void) {
    return 0;
}
static void restore(fp_mode before) {
    (void)before;
}
#endif

typedef struct {
    reel__work work;
    void *context;
    int64_t n, unit; /* parts begin at multiples of unit */
} job;

static void run_flushed(const job *j, int64_t begin, int64_t end) {
    fp_mode before = flush_denormals();
    j->work(j->context, begin, end);
    restore(before);
}

static void run_part(void *context, int64_t part, int64_t parts) {
    const job *j = context;
    int64_t units = (j->n + j->unit - 1) / j->unit;
    int64_t begin = units * part / parts * j->unit, end = units * (part + 1) / parts * j->unit;
    run_flushed(j, begin, end < j->n ? end : j->n);
}

void reel__cpu_parallel(int64_t n, int64_t grain, reel__work work, void *context) {
    job j = {work, context, n, 1};
    int64_t parts = grain > 0 ? n / grain : n, threads = reel_threads();
    if (n <= 0) return;
    if (parts > threads) parts = threads;
    if (parts <= 1) {
        run_flushed(&j, 0, n);
        return;
    }
    if (n >= 64 * parts) j.unit = 64;
    reel__cpu_share(parts, run_part, &j);
}
