/* Numbers of options structs: 0 asks for the default, REEL_ZERO for 0. */
#ifndef REEL_TENSOR_CORE_OPTIONS_INTERNAL_H
#define REEL_TENSOR_CORE_OPTIONS_INTERNAL_H

#include "tensor/tensor.h"

static inline double reel__option(double value, double otherwise) {
    return value == REEL_ZERO ? 0.0 : value == 0.0 ? otherwise : value;
}
static inline int64_t reel__option_int(int64_t value, int64_t otherwise) {
    return value == REEL_ZERO ? 0 : value == 0 ? otherwise : value;
}

#endif
