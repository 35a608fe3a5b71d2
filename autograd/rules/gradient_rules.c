/* The gradient rule of each op. */
#include "autograd/autograd_internal.h"

#define GRAD(name) reel__grad_##name
#define FLAT(name) reel__give_zero
#define FUSED_X(name) reel__grad_fused_x
#define FUSED_Y(name) reel__grad_fused_y
#define SECOND(name) reel__grad_second
#define CONST(name) NULL
#define NONE(name) NULL
const reel__gradient_rule reel__rules[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    [REEL_OP_##name] = gradient(name),
#include "tensor/ops/ops.def"
};
#undef GRAD
#undef FLAT
#undef FUSED_X
#undef FUSED_Y
#undef SECOND
#undef CONST
#undef NONE
