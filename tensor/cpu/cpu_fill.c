/* fill and arange. */
#include "tensor/cpu/cpu_internal.h"

/* f[0]: the value, cast as cast casts. */
reel_status reel__cpu_fill(const reel__call *c) {
    reel_status status = REEL_OK;
    REEL_SCOPE {
        reel_tensor *value = reel_from_at(c->at, &c->attr.f[0], REEL_SCALAR, REEL_F64);
        reel__call cast = {
            .op = REEL_OP_cast, .at = c->at, .nin = 1, .nout = 1, .in = &value, .out = {c->out[0]}};
        status = value ? reel__cpu_cast(&cast) : reel_error_status();
    }
    return status;
}

reel_status reel__cpu_arange(const reel__call *c) {
    void *out = reel__data(c->out[0]);
    int64_t n = reel_numel(c->out[0]);
    for (int64_t i = 0; i < n; i++) {
        switch (c->out[0]->layout.dtype) {
        case REEL_F32:
            ((float *)out)[i] = (float)i;
            break;
        case REEL_F64:
            ((double *)out)[i] = (double)i;
            break;
        case REEL_I64:
            ((int64_t *)out)[i] = i;
            break;
        case REEL_U8:
            ((uint8_t *)out)[i] = (uint8_t)i;
            break;
        case REEL_F16:
        case REEL_BF16: /* refused by the shape rule */
            break;
        }
    }
    return REEL_OK;
}
