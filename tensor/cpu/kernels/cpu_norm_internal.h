/* What normalization and its gradient share on the CPU. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_NORM_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_NORM_INTERNAL_H

#include "tensor/cpu/loops/cpu_norms_internal.h"

#define REEL__NORM_GRAIN 8192 /* elements that are worth a thread */
#define REEL__NORM_THIN 16    /* shorter runs of a channel are brought together first */

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

/* Whether statistics are those of channels that lie so scattered that they are turned first. */
static inline bool reel__norm_is_thin(const reel__with *with) {
    return with->norm.across && with->norm.outer > 1 && with->norm.inner < REEL__NORM_THIN;
}

/* x[outer, channels, inner] as [channels, outer, inner], contiguous; borrowed. */
reel_tensor *reel__norm_turned(const reel__call *c, reel_tensor *x);
/* What the sizes are then. */
reel__with reel__norm_turned_with(const reel__call *c);
/* Brings what was computed so back, to `to`. */
reel_status reel__norm_turn_back(const reel__call *c, reel_tensor *to, reel_tensor *turned);

/* Runs of a channel's elements that are looked at together, from row `first` on. */
static inline reel__norm_runs reel__norm_runs_of(const reel__with *with, int64_t first) {
    const int64_t inner = with->norm.inner, together = REEL__NORM_BLOCK / inner;
    return (reel__norm_runs){reel__least(together < 1 ? 1 : together, with->norm.outer - first),
                             inner, inner * with->norm.channels};
}

#endif
