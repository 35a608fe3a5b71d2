/* Units of one direction: their parameters, and their way through a sequence. */
#include "nn/recurrent_units_internal.h"

#include <math.h>

static reel_tensor *parameter(reel_module *m, const char *what, const char *suffix, reel_shape s,
                              double a, reel_dtype dtype, const reel__draws *d) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", what, suffix);
    return reel__param_uniform(m, name, s, a, dtype, d);
}

bool reel__units_make(reel__units *u, reel_module *m, int cell, const char *suffix, int64_t in,
                      int64_t hidden, bool no_bias, reel_dtype dtype, const reel__draws *d) {
    const double a = 1.0 / sqrt((double)hidden);
    int64_t wide;
    if (__builtin_mul_overflow(hidden, (int64_t)reel__cell_gates(cell), &wide)) wide = -1;
    u->weight_ih = parameter(m, "weight_ih", suffix, reel_shape(wide, in), a, dtype, d);
    u->weight_hh = parameter(m, "weight_hh", suffix, reel_shape(wide, hidden), a, dtype, d);
    if (!u->weight_ih || !u->weight_hh) return false;
    if (no_bias) return true;
    u->bias_ih = parameter(m, "bias_ih", suffix, reel_shape(wide), a, dtype, d);
    u->bias_hh = parameter(m, "bias_hh", suffix, reel_shape(wide), a, dtype, d);
    return u->bias_ih && u->bias_hh;
}

static reel_tensor *nothing(const reel_tensor *like, reel_dtype dtype) {
    return reel_empty_at(NULL, reel_shape(0), dtype, reel_device_of(like));
}

reel__units_result reel__units_run(const reel__units *u, int cell, bool reverse, reel_tensor *x,
                                   reel_tensor *h, reel_tensor *c, reel_tensor *lengths) {
    const reel_dtype dtype = x ? reel_dtype_of(x) : REEL_F32;
    const reel__with with = {.recurrent = {.cell = cell, .reverse = reverse}};
    reel__units_result r = {NULL, NULL, NULL};
    if (!x || !h) return r;
    /* but for a GRU, whose n weighs one of them, both biases are one */
    reel_tensor *bias = u->bias_ih, *apart = u->bias_hh;
    if (bias && cell != REEL__CELL_GRU) {
        bias = reel_add_at(NULL, bias, apart);
        apart = NULL;
    }
    reel_tensor *z = reel_matmul_at(NULL, x, reel_t_at(NULL, u->weight_ih)); /* x[T,B,I] W^T */
    if (bias) z = reel_add_at(NULL, z, bias);
    const reel__recurrent_inputs in = {.x = z,
                                       .w = u->weight_hh,
                                       .b = apart ? apart : nothing(x, dtype),
                                       .h = h,
                                       .c = cell == REEL__CELL_LSTM ? c : nothing(x, dtype),
                                       .lengths = lengths ? lengths : nothing(x, REEL_I64)};
    const int64_t steps = reel_dim(x, 0);
    reel_tensor *all = reel__recurrent(NULL, &in, with, NULL);
    r.y = reel_slice_at(NULL, all, 0, 0, steps, 1);
    r.h = reel_select_at(NULL, all, 0, steps);
    if (cell == REEL__CELL_LSTM) r.c = reel_select_at(NULL, all, 0, steps + 1);
    return r;
}
