/* f16 and bf16 as types of elements. */
#ifndef REEL_CUDA_KERNELS_HALF_INTERNAL_CUH
#define REEL_CUDA_KERNELS_HALF_INTERNAL_CUH

#define REEL_FORMULA static __device__ __forceinline__
#include "tensor/formulas/half_internal.h"

/* Elements that are stored, and not computed with. */
struct f16 {
    uint16_t bits;
};
struct bf16 {
    uint16_t bits;
};

/* An element as a number that C converts. */
template <class T> static __device__ __forceinline__ T number(T x) {
    return x;
}
static __device__ __forceinline__ float number(f16 x) {
    return reel__f32_from_f16(x.bits);
}
static __device__ __forceinline__ float number(bf16 x) {
    return reel__f32_from_bf16(x.bits);
}

#endif
