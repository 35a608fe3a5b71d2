/* Numbers whose order is that of elements of a dtype: NaN greatest, -0 and 0 equal. */
#ifndef REEL_TENSOR_CPU_CPU_ORDER_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_ORDER_INTERNAL_H

#include "tensor/tensor.h"

#include <string.h>

static inline uint32_t reel__order_f32(float x) {
    const float y = x + 0.0f; /* -0 is 0 */
    uint32_t bits;
    memcpy(&bits, &y, sizeof bits);
    bits ^= -(bits >> 31) | (uint32_t)1 << 31; /* the greatest come first among negative bits */
    return x == x ? bits : UINT32_MAX;
}

static inline uint64_t reel__order_f64(double x) {
    const double y = x + 0.0;
    uint64_t bits;
    memcpy(&bits, &y, sizeof bits);
    bits ^= -(bits >> 63) | (uint64_t)1 << 63;
    return x == x ? bits : UINT64_MAX;
}

/* Of element i: as many bits as the dtype has. */
static inline uint64_t reel__order_key(reel_dtype dtype, const void *x, int64_t i) {
    switch (dtype) {
    case REEL_F32:
        return reel__order_f32(((const float *)x)[i]);
    case REEL_F64:
        return reel__order_f64(((const double *)x)[i]);
    case REEL_I64:
        return (uint64_t)((const int64_t *)x)[i] ^ (uint64_t)1 << 63;
    case REEL_U8:
        return ((const uint8_t *)x)[i];
    }
    return 0;
}

#endif
