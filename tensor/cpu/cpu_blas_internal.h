/* BLAS's ground: it runs at one thread, and is called only where it has the memory it needs. */
#ifndef REEL_TENSOR_CPU_CPU_BLAS_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_BLAS_INTERNAL_H

#include <stdbool.h>

#define REEL__BLAS_MB 128 /* that each thread needs which is in BLAS */

/* Whether so many threads may call BLAS now; false if memory is short. If true,
 * reel__blas_leave(threads) when they have. */
bool reel__blas_enter(int threads);
void reel__blas_leave(int threads);

#endif
