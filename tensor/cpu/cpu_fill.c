/* fill and arange. */
#include "tensor/cpu/cpu_internal.h"

/* f[0]: the value, cast as cast casts. */
reel_status reel__cpu_fill(const reel__call *c) {
    const reel_dtype dtype = c->out[0]->layout.dtype;
    const reel__loops *loops = reel__cpu_loops();
    double element[2] = {0}; /* of any dtype */
    const reel__run one = {
        .n = 1, .out = element, .in = {c->attr.f}, .out_stride = 1, .in_stride = {1}};
    loops->cast[REEL_F64][dtype](&one);
    reel__cpu_map_with(loops->fill[reel_dtype_size(dtype)], c->out[0], 0, NULL, element);
    return REEL_OK;
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
