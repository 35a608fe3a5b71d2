/* cast, dequantize: the elementwise ops whose input and result may differ in dtype. */
#include "tensor/cpu/cpu_internal.h"

#include <math.h>
#include <string.h>

/* Float to integer truncates; beyond the integer's range lies its nearest bound, and NaN is 0. */
static inline int64_t to_i64(double x) {
    if (!(x > -0x1p63)) return x <= -0x1p63 ? INT64_MIN : 0;
    return x >= 0x1p63 ? INT64_MAX : (int64_t)x;
}

static inline uint8_t to_u8(double x) {
    if (!(x > 0)) return 0;
    return x >= 255 ? 255 : (uint8_t)x;
}

#define FROM float
#define F(name) f32_to_##name
#include "tensor/cpu/cpu_cast_from_internal.h"
#undef FROM
#undef F
#define FROM double
#define F(name) f64_to_##name
#include "tensor/cpu/cpu_cast_from_internal.h"
#undef FROM
#undef F
#define FROM uint8_t
#define F(name) u8_to_##name
#include "tensor/cpu/cpu_cast_from_internal.h"
#undef FROM
#undef F

/* i64 stands apart: not every one of its values is a double. */
static void i64_to_f32(const reel__run *r) {
    const int64_t *x = r->in[0];
    float *out = r->out;
    for (int64_t i = 0; i < r->n; i++) out[i * r->out_stride] = (float)x[i * r->in_stride[0]];
}

static void i64_to_f64(const reel__run *r) {
    const int64_t *x = r->in[0];
    double *out = r->out;
    for (int64_t i = 0; i < r->n; i++) out[i * r->out_stride] = (double)x[i * r->in_stride[0]];
}

static void i64_to_i64(const reel__run *r) {
    const int64_t *x = r->in[0];
    int64_t *out = r->out;
    for (int64_t i = 0; i < r->n; i++) out[i * r->out_stride] = x[i * r->in_stride[0]];
}

static void i64_to_u8(const reel__run *r) {
    const int64_t *x = r->in[0];
    uint8_t *out = r->out;
    for (int64_t i = 0; i < r->n; i++) {
        int64_t v = x[i * r->in_stride[0]];
        out[i * r->out_stride] = v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
    }
}

static const reel__loop casts[4][4] = {
    {f32_to_f32, f32_to_f64, f32_to_i64, f32_to_u8},
    {f64_to_f32, f64_to_f64, f64_to_i64, f64_to_u8},
    {i64_to_f32, i64_to_f64, i64_to_i64, i64_to_u8},
    {u8_to_f32, u8_to_f64, u8_to_i64, u8_to_u8},
};

reel_status reel__cpu_cast(const reel__call *c) {
    reel__loop loop = casts[c->in[0]->layout.dtype][c->out[0]->layout.dtype];
    reel__cpu_map_with(loop, c->out[0], 1, c->in, NULL);
    return REEL_OK;
}

reel_status reel__cpu_dequantize(const reel__call *c) {
    reel__loop loop =
        reel__cpu_loops()->dequantize[c->out[0]->layout.dtype][c->in[0]->layout.dtype];
    reel__cpu_map_with(loop, c->out[0], 1, c->in, c->attr.f);
    return REEL_OK;
}
