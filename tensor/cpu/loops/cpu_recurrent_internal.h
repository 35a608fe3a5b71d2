/* A step of a recurrent layer by element, between its driver (cpu_recurrent.c) and the vector code
 * (cpu_recurrent_loops.c). */
#ifndef REEL_TENSOR_CPU_LOOPS_CPU_RECURRENT_INTERNAL_H
#define REEL_TENSOR_CPU_LOOPS_CPU_RECURRENT_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/recurrent_internal.h"

/* Units first..first + n of sequence `row`, which has the step. */
typedef void (*reel__recurrent_loop)(const reel__recurrent_step *s, int64_t row, int64_t first,
                                     int64_t n);

/* By cell and dtype. */
typedef struct {
    reel__recurrent_loop forward[4][2], back[4][2];
} reel__recurrents;

extern const reel__recurrents reel__recurrents_plain, reel__recurrents_avx2,
    reel__recurrents_avx512;
const reel__recurrents *reel__cpu_recurrents(void); /* the best that this machine runs */

#endif
