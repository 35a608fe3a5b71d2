/* unfold: rows of windows as rows of columns; and fold, which adds them up where they came from. */
#include "tensor/cpu/kernels/cpu_window_internal.h"
#include "tensor/ops/call_internal.h"

#include <string.h>

typedef struct {
    reel__span h, w;
    const char *x;
    char *y;
} columns;

/* The elements *from..*to - 1 of a row of windows whose tap lies inside, where the first's tap is
 * at `start`. */
static void inside(const reel__span *a, int64_t start, int64_t *from, int64_t *to) {
    *from = start < 0 ? (-start + a->stride - 1) / a->stride : 0;
    *to = start >= a->in ? 0 : (a->in - start + a->stride - 1) / a->stride;
    *to = reel__least(*to, a->out);
    *from = reel__least(*from, *to);
}

#define NUMBER uint8_t
#define F(name) name##_1
#include "tensor/cpu/kernels/cpu_unfold_of_internal.h"
#define NUMBER uint16_t
#define F(name) name##_2
#include "tensor/cpu/kernels/cpu_unfold_of_internal.h"
#define NUMBER uint32_t
#define F(name) name##_4
#include "tensor/cpu/kernels/cpu_unfold_of_internal.h"
#define NUMBER uint64_t
#define F(name) name##_8
#include "tensor/cpu/kernels/cpu_unfold_of_internal.h"

#define NUMBER float
#define F(name) name##_f32
#include "tensor/cpu/kernels/cpu_fold_of_internal.h"
#define NUMBER double
#define F(name) name##_f64
#include "tensor/cpu/kernels/cpu_fold_of_internal.h"

static columns columns_of(const reel__call *c, const reel_tensor *x) {
    return (columns){.h = c->with.window.axis[0],
                     .w = c->with.window.axis[1],
                     .x = reel__data(x),
                     .y = reel__data(c->out[0])};
}

reel_status reel__cpu_unfold(const reel__call *c) {
    static const reel__work unfold[9] = {
        [1] = unfold_1, [2] = unfold_2, [4] = unfold_4, [8] = unfold_8};
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    columns u = columns_of(c, x);
    const int64_t planes = reel_dim(c->out[0], 0) * reel_dim(c->out[0], 1);
    reel__cpu_parallel(planes, REEL__WINDOW_GRAIN / (u.h.out * u.w.out) + 1,
                       unfold[reel_dtype_size(x->layout.dtype)], &u);
    return REEL_OK;
}

reel_status reel__cpu_unfold_grad(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    columns u = columns_of(c, x);
    const int64_t planes = reel_dim(c->out[0], 0) * reel_dim(c->out[0], 1);
    reel__cpu_parallel(planes, REEL__WINDOW_GRAIN / (u.h.in * u.w.in) + 1,
                       x->layout.dtype == REEL_F32 ? fold_f32 : fold_f64, &u);
    return REEL_OK;
}
