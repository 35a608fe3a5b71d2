/* What normalization and its gradient share on the CPU. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_NORM_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_NORM_INTERNAL_H

#include "tensor/cpu/loops/cpu_norms_internal.h"
#include "tensor/ops/norm_internal.h"

#define REEL__NORM_GRAIN 8192 /* elements that are worth a thread */

/* An element of f32 or f64. */
static inline double reel__real_at(const void *v, reel_dtype dtype, int64_t i) {
    return dtype == REEL_F32 ? (double)((const float *)v)[i] : ((const double *)v)[i];
}
static inline void reel__real_put(void *v, reel_dtype dtype, int64_t i, double value) {
    if (dtype == REEL_F32)
        ((float *)v)[i] = (float)value;
    else
        ((double *)v)[i] = value;
}

/* Runs of a channel's elements that are looked at together, from row `first` on. */
static inline reel__norm_runs reel__norm_runs_of(const reel__with *with, int64_t first) {
    const int64_t inner = with->norm.inner, together = REEL__NORM_BLOCK / inner;
    return (reel__norm_runs){reel__least(together < 1 ? 1 : together, with->norm.outer - first),
                             inner, inner * with->norm.channels};
}

#endif
