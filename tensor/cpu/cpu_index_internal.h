/* Moves by index: what they are given, and the check of their indices. */
#ifndef REEL_TENSOR_CPU_CPU_INDEX_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_INDEX_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/nest_internal.h"

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

/* Whether all are in 0..size-1: else the highest bit of one, or of its distance from the last, is
 * set. In four lanes, none of which waits for another. */
static inline bool reel__indices_fit(const int64_t *index, int64_t n, int64_t size) {
    const uint64_t last = (uint64_t)size - 1;
    uint64_t wrong[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (int k = 0; k < 4; k++)
            wrong[k] |= (uint64_t)index[i + k] | (last - (uint64_t)index[i + k]);
    for (; i < n; i++) wrong[0] |= (uint64_t)index[i] | (last - (uint64_t)index[i]);
    return (wrong[0] | wrong[1] | wrong[2] | wrong[3]) >> 63 == 0;
}

/* A failure that names the first index of n that is not in 0..size-1, or REEL_OK. */
reel_status reel__cpu_check_indices(const reel__call *c, const int64_t *index, int64_t n,
                                    int64_t size);

#endif
