/* How kernels report values that they can't work with. */
#ifndef REEL_CUDA_KERNELS_ERRORS_INTERNAL_CUH
#define REEL_CUDA_KERNELS_ERRORS_INTERNAL_CUH

#include "cuda/kernels/both_sides_internal.h"

/* The first to claim it writes; the host looks at `code` when it next comes by. */
static __device__ __noinline__ void report_error(const reel__cuda_error_slot &w,
                                                 reel__cuda_error_kind what, double value,
                                                 int64_t index, int64_t position, int64_t size) {
    if (atomicExch(w.claimed, 1u) != 0) return;
    reel__cuda_deferred *c = w.error;
    c->what = what;
    c->name = w.name;
    c->at = w.at;
    c->value = value;
    c->index = index;
    c->position = position;
    c->size = size;
    __threadfence_system();
    c->code = 1;
}

#endif
