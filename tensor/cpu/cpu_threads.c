/* Splitting work over OpenMP's threads, with denormals flushed. */
#include "tensor/cpu/cpu_internal.h"

#if defined(__x86_64__)
#include <immintrin.h>
typedef unsigned int fp_mode;
static fp_mode flush_denormals(void) {
    fp_mode before = _mm_getcsr();
    _mm_setcsr(before | 0x8040); /* flush to zero, denormals are zero */
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
    __asm__ volatile("msr fpcr, %0" ::"r"(before | (1u << 24)));
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

static void run_flushed(reel__work work, void *context, int64_t begin, int64_t end) {
    fp_mode before = flush_denormals();
    work(context, begin, end);
    restore(before);
}

void reel__cpu_parallel(int64_t n, int64_t grain, reel__work work, void *context) {
    if (n <= 0) return;
    int64_t parts = grain > 0 ? n / grain : n, threads = reel_threads();
    if (parts > threads) parts = threads;
    if (parts <= 1) {
        run_flushed(work, context, 0, n);
        return;
    }
    int64_t unit = n >= 64 * parts ? 64 : 1;
    int64_t units = (n + unit - 1) / unit;
#pragma omp parallel for num_threads((int)parts) schedule(static)
    for (int64_t i = 0; i < parts; i++) {
        int64_t begin = units * i / parts * unit, end = units * (i + 1) / parts * unit;
        run_flushed(work, context, begin, end < n ? end : n);
    }
}
