#include "tests/bench/timing.h"

#include "tensor/profile.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCKS = 1 << 20, LONGEST_BLOCK = 1 << 12 };

double timing_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void call(void (*f)(void *), void *context, int block, reel_device device) {
    for (int i = 0; i < block; i++) f(context);
    reel_synchronize(device);
}

typedef struct {
    void (*f)(void *);
    void *context;
} repeated;

static void repeat(void *context, int calls) {
    const repeated *r = context;
    for (int i = 0; i < calls; i++) r->f(r->context);
}

timing timing_of(void (*f)(void *), void *context, int block, reel_device device, double seconds) {
    repeated r = {f, context};
    return timing_of_runs(repeat, &r, block, device, seconds);
}

timing timing_of_runs(void (*run)(void *, int), void *context, int block, reel_device device,
                      double seconds) {
    static double us[BLOCKS];
    int n = 0;
    for (double start = timing_now(), last = start;
         n < BLOCKS && last < start + seconds * 1e6 && !reel_failed();) {
        run(context, block);
        reel_synchronize(device);
        double end = timing_now();
        us[n++] = (end - last) / block;
        last = end;
    }
    if (n == 0 || reel_failed()) return (timing){0};
    qsort(us, (size_t)n, sizeof *us, ascending);
    return (timing){us[n / 2], us[n / 10], us[n * 9 / 10], (long long)n * block};
}

/* The best of three: a block that something else held up would look long enough. */
static double least_of_a_block(void (*f)(void *), void *context, int block, reel_device device) {
    double least = 0;
    for (int i = 0; i < 3; i++) {
        double start = timing_now();
        call(f, context, block, device);
        double us = timing_now() - start;
        if (i == 0 || us < least) least = us;
    }
    return least;
}

int timing_block(void (*f)(void *), void *context, reel_device device) {
    int block = 1;
    call(f, context, 3, device);
    while (block < LONGEST_BLOCK && !reel_failed() &&
           least_of_a_block(f, context, block, device) < 1000)
        block *= 2;
    return block;
}

void timing_answer(timing t) {
    if (reel_failed() || t.count == 0)
        printf("error: %s\n", reel_failed() ? reel_error() : "no call in so short a time");
    else
        printf("%.3f %.3f %.3f %lld\n", t.median, t.p10, t.p90, t.count);
    reel_clear_error();
}

void timing_done(void) {
    puts(reel_failed() ? reel_error() : "done");
    reel_clear_error();
}

void timing_profile(void (*run)(void *, int), void *context, int n, const char *path,
                    reel_device device) {
    FILE *f = fopen(path, "w");
    if (!f) {
        puts("can't write");
        reel_clear_error();
        return;
    }
    reel_profile_start((reel_profile_options){.device_times = device.type != REEL_CPU});
    run(context, n);
    reel_profile_stop();
    reel_profile_report(f);
    fclose(f);
    timing_done();
}

reel_matmul_precision timing_precision(const char *name) {
    if (strcmp(name, "tf32") == 0) return REEL_MATMUL_TF32;
    return strcmp(name, "strict") == 0 ? REEL_MATMUL_F32_STRICT : REEL_MATMUL_F32;
}
