/* fill, arange, linspace. */
#include "tensor/cpu/cpu_internal.h"

reel_status reel__cpu_fill(const reel__call *c) {
    const reel_dtype dtype = c->out[0]->layout.dtype;
    const reel__loops *loops = reel__cpu_loops();
    double element[2] = {0}; /* of any dtype */
    const reel__run one = {
        .n = 1, .out = element, .in = {&c->with.fill.value}, .out_stride = 1, .in_stride = {1}};
    loops->cast[REEL_F64][dtype](&one);
    reel__cpu_map_with(loops->fill[reel_dtype_size(dtype)], c->out[0], 0, NULL, element);
    return REEL_OK;
}

/* ---- numbers at one distance ---- */

/* out[i] = first + i step, i < half; last - (n-1-i) step, from there on. */
typedef struct {
    void *out;
    int64_t n, half;
    double first, last, step;
} ramp;

static inline double number(const ramp *r, int64_t i) {
    const double up = r->first + (double)i * r->step,
                 down = r->last - (double)(r->n - 1 - i) * r->step;
    return i < r->half ? up : down;
}

static void ramp_f32(void *context, int64_t begin, int64_t end) {
    const ramp *r = context;
    for (int64_t i = begin; i < end; i++) ((float *)r->out)[i] = (float)number(r, i);
}

static void ramp_f64(void *context, int64_t begin, int64_t end) {
    const ramp *r = context;
    for (int64_t i = begin; i < end; i++) ((double *)r->out)[i] = number(r, i);
}

static void ramp_i64(void *context, int64_t begin, int64_t end) {
    const ramp *r = context;
    for (int64_t i = begin; i < end; i++) ((int64_t *)r->out)[i] = (int64_t)number(r, i);
}

static void ramp_u8(void *context, int64_t begin, int64_t end) {
    const ramp *r = context;
    for (int64_t i = begin; i < end; i++) ((uint8_t *)r->out)[i] = (uint8_t)(int64_t)number(r, i);
}

#define GRAIN 16384 /* numbers */

static reel_status fill_ramp(const reel__call *c, ramp r) {
    static const reel__work by_dtype[] = {ramp_f32, ramp_f64, ramp_i64, ramp_u8};
    r.out = reel__data(c->out[0]);
    reel__cpu_parallel(r.n, GRAIN, by_dtype[c->out[0]->layout.dtype], &r);
    return REEL_OK;
}

reel_status reel__cpu_arange(const reel__call *c) {
    const int64_t n = reel_numel(c->out[0]);
    return fill_ramp(
        c, (ramp){.n = n, .half = n, .first = c->with.ramp.start, .step = c->with.ramp.step});
}

reel_status reel__cpu_linspace(const reel__call *c) {
    return fill_ramp(c, (ramp){.n = reel_numel(c->out[0]),
                               .half = c->with.ramp.half,
                               .first = c->with.ramp.start,
                               .step = c->with.ramp.step,
                               .last = c->with.ramp.stop});
}
