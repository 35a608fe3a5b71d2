/* What an op is told besides its tensors: one of the kinds of with.def. */
#ifndef REEL_TENSOR_OPS_WITH_INTERNAL_H
#define REEL_TENSOR_OPS_WITH_INTERNAL_H

#include "tensor/formulas/update_step_internal.h"
#include "tensor/ops/window_internal.h"
#include "tensor/tensor.h"

#define REEL__ALL_AXES (((int64_t)1 << REEL_MAX_DIMS) - 1) /* whether they are there or not */

typedef union reel__with {
#define FIELD(type, name) type name;
#define LIST(type, name, count) type name[count];
#define REEL_WITH(kind, fields)                                                                    \
    struct {                                                                                       \
        fields                                                                                     \
    } kind;
#define REEL_WITH_ONE(kind, type) type kind;
#include "tensor/ops/with.def"
} reel__with;

/* The kinds; REEL__TOLD_none: nothing. */
typedef enum {
    REEL__TOLD_none,
#define REEL_WITH(kind, fields) REEL__TOLD_##kind,
#define REEL_WITH_ONE(kind, type) REEL__TOLD_##kind,
#include "tensor/ops/with.def"
} reel__told;

#endif
