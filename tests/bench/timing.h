/* Times a call. It is made in blocks, each of which ends with a wait for the device: so that
 * neither the clock nor, where work goes on after a call has returned, that wait weighs on one. */
#ifndef REEL_TESTS_BENCH_TIMING_H
#define REEL_TESTS_BENCH_TIMING_H

#include "tensor/tensor.h"

/* Microseconds of a call, over blocks, and how many calls were made: 0 after a failure. */
typedef struct {
    double median, p10, p90;
    long long count;
} timing;

double timing_now(void); /* microseconds */

/* Calls f(context) for `seconds`, `block` times in a block. */
timing timing_of(void (*f)(void *), void *context, int block, reel_device device, double seconds);
/* The same of run(context, n), which does n at once. */
timing timing_of_runs(void (*run)(void *, int), void *context, int block, reel_device device,
                      double seconds);

/* How many calls take a millisecond, after some to warm up. */
int timing_block(void (*f)(void *), void *context, reel_device device);

/* What --precision names: "f32", "tf32", "strict". */
reel_matmul_precision timing_precision(const char *name);

/* Writes a line "MEDIAN P10 P90 COUNT"; "error: WHY" and clears the failure if there is one. */
void timing_answer(timing t);

/* Writes a line "done"; the failure instead, which it clears, if there is one. */
void timing_done(void);
/* Writes a table of what the calls of run(context, n) took into a file, and then that line. */
void timing_profile(void (*run)(void *, int), void *context, int n, const char *path,
                    reel_device device);

#endif
