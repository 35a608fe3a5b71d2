/* The vector code of normalizations. Compiled once for each instruction set, as cpu_loops.c is. */
#include "tensor/cpu/loops/cpu_norms_internal.h"

#define LANES 64 /* sums of a run, which are added up at its end */

#define REAL float
#define R(name) name##_f32
#include "tensor/cpu/loops/cpu_norms_of_internal.h"
#undef REAL
#undef R

#define REAL double
#define R(name) name##_f64
#include "tensor/cpu/loops/cpu_norms_of_internal.h"

#define NAME_(set) reel__norms_##set
#define NAME(set) NAME_(set)

const reel__norms NAME(REEL_SIMD) = {
    .moments = {moments_f32, moments_f64},
    .put = {put_f32, put_f64},
    .put_by = {put_by_f32, put_by_f64},
    .sums = {sums_f32, sums_f64},
    .sums_by = {sums_by_f32, sums_by_f64},
    .back = {back_f32, back_f64},
    .back_by = {back_by_f32, back_by_f64},
};
