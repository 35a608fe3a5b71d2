/* The gradient rule of each op. */
#include "autograd/autograd_internal.h"

#define GRAD(name) reel__grad_##name
#define CONST(name) NULL
#define NONE(name) NULL
const reel__gradient_rule reel__rules[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient)                                 \
    [REEL_OP_##name] = gradient(name),
#include "tensor/ops.def"
};
#undef GRAD
#undef CONST
#undef NONE
