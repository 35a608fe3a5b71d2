/* cast, dequantize, where: the elementwise ops that move elements or change their dtype. */
#include "tensor/cpu/cpu_internal.h"

reel_status reel__cpu_cast(const reel__call *c) {
    reel__loop loop = reel__cpu_loops()->cast[c->in[0]->layout.dtype][c->out[0]->layout.dtype];
    reel__cpu_map_with(loop, c->out[0], 1, c->in, NULL);
    return REEL_OK;
}

reel_status reel__cpu_dequantize(const reel__call *c) {
    reel__loop loop =
        reel__cpu_loops()->dequantize[c->out[0]->layout.dtype][c->in[0]->layout.dtype];
    reel__cpu_map_with(loop, c->out[0], 1, c->in, (const double[2]){c->with.cast.scale, 0});
    return REEL_OK;
}

reel_status reel__cpu_where(const reel__call *c) {
    const size_t size = reel_dtype_size(c->out[0]->layout.dtype);
    reel__cpu_map_with(reel__cpu_loops()->where[size], c->out[0], 3, c->in, NULL);
    return REEL_OK;
}
