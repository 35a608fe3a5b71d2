/* Moves by index: what they are given, and the check of their indices. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_INDEX_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_INDEX_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/nest_internal.h"

/* Operands around the axis, all contiguous: x[outer, entries, inner], out[outer, size, inner]. */
typedef struct {
    reel_dtype dtype;
    const void *x;
    void *out;
    const int64_t *index;
    int64_t indices; /* how many */
    int64_t outer, inner, entries, size;
} reel__move;

/* Fills it in from a call of (x, index) along axis i[0]; copies belong to the open scope. */
reel_status reel__cpu_move_make(reel__move *m, const reel__call *c);

/* A failure that names the first index of n that is not in 0..size-1, or REEL_OK. */
reel_status reel__cpu_check_indices(const reel__call *c, const int64_t *index, int64_t n,
                                    int64_t size);

#endif
