/* What the host and kernels have to agree on, in a header that needs no other's: kernels that are
 * compiled as the program runs (cuda/fused/) include it too. */
#ifndef REEL_CUDA_KERNELS_BOTH_SIDES_INTERNAL_H
#define REEL_CUDA_KERNELS_BOTH_SIDES_INTERNAL_H

#include <stdint.h>

/* The most blocks of a kernel that begins while the last one ends. */
#define REEL__CUDA_OVERLAPPED 1024

/* ---- deferred errors (errors_internal.cuh) ---- */

typedef enum {
    REEL__CUDA_WRONG_INDEX,       /* index, position, size: not in 0..size-1 */
    REEL__CUDA_WRONG_PROBABILITY, /* value, position */
    REEL__CUDA_NO_PROBABILITY,    /* value */
    REEL__CUDA_WRONG_WEIGHT,      /* value, position */
    REEL__CUDA_WRONG_SUM,         /* of weights: value, position: its row */
    REEL__CUDA_FEW_WEIGHTS,       /* above 0: position: the row; size: how many are needed */
} reel__cuda_error_kind;

/* What a kernel reports of a value that it can't work with, whichever thread came first. The host
 * reads `code`, in its own memory. */
typedef struct {
    volatile unsigned code; /* 0: none */
    reel__cuda_error_kind what;
    const char *name, *at; /* of the function and of its call */
    double value;
    int64_t index, position, size;
} reel__cuda_deferred;

/* Where it does: `claimed` is 0 until a kernel has reported something, on the device. */
typedef struct {
    unsigned *claimed;
    reel__cuda_deferred *error;
    const char *name, *at;
} reel__cuda_error_slot;

#endif
