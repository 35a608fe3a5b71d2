/* The dtypes column of the op table: which dtypes a row's inputs may have, and which its kernels
 * compute in. */
#include "tensor/backend.h"
#include "tensor/core/tensor_internal.h"

#define BIT(dtype) (1u << REEL_##dtype)
#define FLOATS (BIT(F32) | BIT(F64))
#define HALVES (BIT(F16) | BIT(BF16))
#define NUMBERS (FLOATS | BIT(I64) | BIT(U8))
#define ALL (NUMBERS | HALVES)

static const struct {
    unsigned takes;    /* of the inputs that are of one dtype */
    unsigned computes; /* those of them that kernels know; others are computed in f32 */
    bool mask, index;  /* the first input, and the last, is of another: u8, i64 */
    const char *refusal;
} sets[] = {
    [REEL__FLOAT] = {.takes = FLOATS | HALVES, .computes = FLOATS, .refusal = "takes floats"},
    [REEL__FULL] = {.takes = FLOATS, .computes = FLOATS, .refusal = "takes f32 or f64"},
    [REEL__NUMBER] = {.takes = ALL, .computes = NUMBERS},
    [REEL__ALIKE] = {.takes = ALL, .computes = ALL},
    [REEL__INDEXED] = {.takes = ALL, .computes = ALL, .index = true},
    [REEL__INDEXED_NUMBER] = {.takes = ALL, .computes = NUMBERS, .index = true},
    [REEL__INDEXED_FLOAT] = {.takes = FLOATS | HALVES,
                             .computes = FLOATS,
                             .index = true,
                             .refusal = "takes floats"},
    [REEL__MASKED] = {.takes = ALL, .computes = ALL, .mask = true},
};

bool reel__op_takes(reel__op op, reel_dtype dtype) {
    return sets[reel__ops[op].dtypes].takes >> dtype & 1;
}

reel_dtype reel__compute_dtype(reel__op op, reel_dtype dtype) {
    return sets[reel__ops[op].dtypes].computes >> dtype & 1 ? dtype : REEL_F32;
}

void reel__alike(const reel__call *c, int *first, int *end) {
    *first = sets[reel__ops[c->op].dtypes].mask ? 1 : 0;
    *end = sets[reel__ops[c->op].dtypes].index ? c->nin - 1 : c->nin;
}

reel_status reel__check_dtypes(const reel__call *c) {
    const reel__op_info *op = &reel__ops[c->op];
    reel_tensor *const *in = reel__inputs(c);
    int first, end;
    if (!c->nin || op->kind == REEL__UPDATE) return REEL_OK;
    reel__alike(c, &first, &end);
    for (int i = first + 1; i < end; i++)
        if (in[i]->layout.dtype != in[first]->layout.dtype)
            return reel__fail_call(REEL_ERR_DTYPE, c, "dtypes differ");
    if (first < end && !reel__op_takes(c->op, in[first]->layout.dtype))
        return reel__fail_call(REEL_ERR_DTYPE, c, "%s", sets[op->dtypes].refusal);
    if (end < c->nin && in[end]->layout.dtype != REEL_I64)
        return reel__fail_call(REEL_ERR_DTYPE, c, "the index must be i64");
    if (first > 0 && in[0]->layout.dtype != REEL_U8)
        return reel__fail_call(REEL_ERR_DTYPE, c, "the mask must be u8");
    return REEL_OK;
}
