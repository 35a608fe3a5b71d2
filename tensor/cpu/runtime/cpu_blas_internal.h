/* BLAS's ground: it runs at one thread, and is called only where it has the memory it needs. */
#ifndef REEL_TENSOR_CPU_RUNTIME_CPU_BLAS_INTERNAL_H
#define REEL_TENSOR_CPU_RUNTIME_CPU_BLAS_INTERNAL_H

#include <cblas.h>
#include <stdbool.h>

#define REEL__BLAS_MB 128 /* that each thread needs which is in BLAS */

typedef struct {
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(cblas_dgemm) *dgemm;
    __typeof__(cblas_sgemv) *sgemv;
    __typeof__(cblas_dgemv) *dgemv;
} reel__blas;

/* NULL where the library is not to be had: Reel's tiles do all products then. */
const reel__blas *reel__blas_functions(void);

/* Whether so many threads may call BLAS now; false if memory is short. If true,
 * reel__blas_leave(threads) when they have. */
bool reel__blas_enter(int threads);
void reel__blas_leave(int threads);

/* Around each call: an OpenBLAS that was built without threads can't be called by two at once. */
void reel__blas_call_begin(void);
void reel__blas_call_end(void);

#endif
