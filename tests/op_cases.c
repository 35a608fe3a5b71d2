/* The cases of the op table, which op_cases_*.c define. */
#include "tests/op_cases.h"

#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    extern const op_case case_##name;
#include "tensor/ops/ops.def"

/* A fused gradient may have one. */
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)
#define REEL_MAP_GRAD(name, form, from, second)                                                    \
    extern const op_case case_##name##_grad __attribute__((weak));
#include "tensor/ops/ops_map.def"

const op_case *const op_cases[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    [REEL_OP_##name] = &case_##name,
#include "tensor/ops/ops.def"
};
