/* The shape rules that ops.def names: what they share. */
#ifndef REEL_TENSOR_OPS_SHAPE_RULES_INTERNAL_H
#define REEL_TENSOR_OPS_SHAPE_RULES_INTERNAL_H

#include "tensor/core/tensor_internal.h"

#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    reel_status reel__rule_##rule(const reel__call *c, reel__layout *out);
#include "tensor/ops/ops.def"

/* The strides of x's elements in another shape, if a view can have them. */
bool reel__reshape_strides(const reel__layout *x, reel_shape shape, int64_t stride[REEL_MAX_DIMS]);

#endif
