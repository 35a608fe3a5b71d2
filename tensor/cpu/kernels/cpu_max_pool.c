/* max_pool, and its gradient: rows of the result, or planes of x, are shared by threads. */
#include "tensor/cpu/kernels/cpu_window_internal.h"
#include "tensor/ops/call_internal.h"

#include <math.h>
#include <string.h>

#define CHUNK 256 /* elements of a row that go together */

typedef struct {
    reel__span axis[3];
    const char *x; /* or g */
    char *y;
    int64_t *index;
    int64_t outer, in, out; /* planes, and elements of one */
} pooling;

/* Rows first + i apart + k of a plane, i < planes, k < count. */
typedef struct {
    int64_t first, planes, count, apart;
} window_rows;

#define NUMBER float
#define INDEX int32_t
#define F(name) name##_f32
#include "tensor/cpu/kernels/cpu_max_pool_of_internal.h"
#define NUMBER float /* of planes that are larger */
#define INDEX int64_t
#define F(name) name##_f32_wide
#include "tensor/cpu/kernels/cpu_max_pool_of_internal.h"
#define NUMBER double
#define INDEX int64_t
#define F(name) name##_f64
#include "tensor/cpu/kernels/cpu_max_pool_of_internal.h"

#define NUMBER float
#define F(name) name##_f32
#include "tensor/cpu/kernels/cpu_max_pool_back_internal.h"
#define NUMBER double
#define F(name) name##_f64
#include "tensor/cpu/kernels/cpu_max_pool_back_internal.h"

static pooling pooling_of(const reel__call *c) {
    pooling p = {.y = reel__data(c->out[0]), .in = 1, .out = 1};
    p.outer = reel__three_axes(&c->with, c->in[0], p.axis);
    for (int i = 0; i < 3; i++) p.in *= p.axis[i].in, p.out *= p.axis[i].out;
    return p;
}

reel_status reel__cpu_max_pool(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    pooling p = pooling_of(c);
    p.x = reel__data(x);
    p.index = reel__data(c->out[1]);
    const int64_t rows = p.outer * p.axis[0].out * p.axis[1].out;
    reel__cpu_parallel(rows, REEL__WINDOW_GRAIN / (4 * p.axis[2].out) + 1,
                       x->layout.dtype != REEL_F32 ? max_rows_f64
                       : p.in <= INT32_MAX         ? max_rows_f32
                                                   : max_rows_f32_wide,
                       &p);
    return REEL_OK;
}

reel_status reel__cpu_max_pool_grad(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *g = reel_contiguous_at(c->at, c->in[0]),
                      *index = reel_contiguous_at(c->at, c->in[1]);
    if (!g || !index) return reel_error_status();
    pooling p = pooling_of(c);
    p.x = reel__data(g);
    p.index = reel__data(index);
    reel__cpu_parallel(p.outer, REEL__WINDOW_GRAIN / p.in + 1,
                       g->layout.dtype == REEL_F32 ? max_back_f32 : max_back_f64, &p);
    return REEL_OK;
}
