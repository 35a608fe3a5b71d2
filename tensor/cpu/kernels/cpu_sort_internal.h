/* Numbers whose order is that of elements of a dtype: NaN greatest, -0 and 0 equal. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_SORT_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_SORT_INTERNAL_H

#include "tensor/tensor.h"

#include <string.h>

/* By the bits alone, which are read as integers and never as a number: arithmetic makes zeros of
 * denormals, and compilers make arithmetic of tests of a number's bits. */
static inline uint32_t reel__order_f32(const char *x) {
    const uint32_t sign = (uint32_t)1 << 31, infinity = (uint32_t)0xff << 23;
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    const bool nan = (bits & ~sign) > infinity;
    if (bits == sign) bits = 0;
    bits ^= -(bits >> 31) | sign; /* negative ones turned around, and below the others */
    return nan ? UINT32_MAX : bits;
}

static inline uint64_t reel__order_f64(const char *x) {
    const uint64_t sign = (uint64_t)1 << 63, infinity = (uint64_t)0x7ff << 52;
    uint64_t bits;
    memcpy(&bits, x, sizeof bits);
    const bool nan = (bits & ~sign) > infinity;
    if (bits == sign) bits = 0;
    bits ^= -(bits >> 63) | sign;
    return nan ? UINT64_MAX : bits;
}

/* Of element i: as many bits as the dtype has. */
static inline uint64_t reel__order_key(reel_dtype dtype, const void *x, int64_t i) {
    switch (dtype) {
    case REEL_F32:
        return reel__order_f32((const char *)x + 4 * i);
    case REEL_F64:
        return reel__order_f64((const char *)x + 8 * i);
    case REEL_I64:
        return (uint64_t)((const int64_t *)x)[i] ^ (uint64_t)1 << 63;
    case REEL_U8:
        return ((const uint8_t *)x)[i];
    default: /* is not computed with */
        return 0;
    }
}

#endif
