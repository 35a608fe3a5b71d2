/* Tensors made of nothing: filled, counted, spaced. */
#include "tensor/core/handles_internal.h"
#include "tensor/ops/call_internal.h"

#include <float.h>
#include <math.h>

reel_tensor *reel_empty_at(const char *at, reel_shape shape, reel_dtype dtype, reel_device device) {
    return reel__scope_give(
        reel__tensor_new(at, "empty", &(reel__layout){.dtype = dtype, .shape = shape}, device));
}

reel_tensor *reel_full_at(const char *at, reel_shape shape, double value, reel_dtype dtype,
                          reel_device device) {
    return reel__run_call(
        (reel__call){.op = REEL_OP_fill,
                     .at = at,
                     .device = device,
                     .with.fill = {.shape = shape, .dtype = dtype, .value = value}});
}

/* ---- like another ---- */

static bool is_there(const char *name, const char *at, const reel_tensor *t) {
    return reel__is_there(name, at, t, "tensor to be like") && reel__live(at, name, NULL, t);
}

reel_tensor *reel_empty_like_at(const char *at, const reel_tensor *t) {
    if (!is_there("empty_like", at, t)) return NULL;
    return reel_empty_at(at, t->layout.shape, t->layout.dtype, t->storage->device);
}

reel_tensor *reel_full_like_at(const char *at, const reel_tensor *t, double value) {
    if (!is_there(reel__called(at, "full_like"), at, t)) return NULL;
    return reel_full_at(at, t->layout.shape, value, t->layout.dtype, t->storage->device);
}

/* ---- counted and spaced ---- */

static reel_tensor *count_up(const char *at, int64_t n, double start, double step, reel_dtype dtype,
                             reel_device device) {
    return reel__run_call((reel__call){
        .op = REEL_OP_arange,
        .at = at,
        .device = device,
        .with.ramp = {.shape = reel_shape(n), .dtype = dtype, .start = start, .step = step}});
}

/* n numbers, half of them counted from start, the others back from stop. */
static reel_tensor *spaced(const char *at, int64_t n, double start, double step, double stop,
                           reel_dtype dtype, reel_device device) {
    const int64_t from_start = n == 1 ? 1 : n / 2;
    return reel__run_call((reel__call){.op = REEL_OP_linspace,
                                       .at = at,
                                       .device = device,
                                       .with.ramp = {.shape = reel_shape(n),
                                                     .dtype = dtype,
                                                     .start = start,
                                                     .step = step,
                                                     .stop = stop,
                                                     .half = from_start}});
}

reel_tensor *reel_arange_at(const char *at, int64_t n, reel_dtype dtype, reel_device device) {
    return count_up(at, n, 0, 1, dtype, device);
}

#define COUNTED_EXACTLY 0x1p53 /* whole numbers up to this one are f64 */

reel_tensor *reel_arange_from_at(const char *at, double start, double stop, double step,
                                 reel_dtype dtype, reel_device device) {
    const double most = reel__dtype_is_full(dtype) ? DBL_MAX : COUNTED_EXACTLY;
    const double wide = stop - start; /* infinite if it is beyond f64 */
    const double n = ceil(isfinite(wide) ? wide / step : stop / step - start / step);
    if (step == 0 || !(fabs(start) <= most && fabs(stop) <= most && n < COUNTED_EXACTLY)) {
        reel_fail(REEL_ERR_ARGUMENT, at, "arange: can't count in %s from %g to %g by %g",
                  reel_dtype_name(dtype), start, stop, step);
        return NULL;
    }
    const int64_t count = n > 0 ? (int64_t)n : 0;
    REEL__COMPOSITE(.name = "arange", .at = at);
    if (isfinite((n - 1) * step)) return count_up(at, count, start, step, dtype, device);
    /* from both ends, neither of which goes farther than half of the way */
    const double last = 2 * (start / 2 + (n - 1) * (step / 2));
    return spaced(at, count, start, step, last, dtype, device);
}

/* The distance between two of n numbers, without a difference that is beyond f64. */
static double step_of(double start, double stop, int64_t n) {
    const double wide = stop - start, steps = (double)(n - 1);
    if (n <= 2) return n == 2 && isfinite(wide) ? wide : 0; /* of two, none is taken */
    return isfinite(wide) ? wide / steps : stop / steps - start / steps;
}

reel_tensor *reel_linspace_at(const char *at, double start, double stop, int64_t n,
                              reel_dtype dtype, reel_device device) {
    return spaced(at, n, start, step_of(start, stop, n), stop, dtype, device);
}

/* Ones on the diagonal, which is a view of zeros. */
reel_tensor *reel_eye_at(const char *at, int64_t n, int64_t m, reel_dtype dtype,
                         reel_device device) {
    REEL__COMPOSITE(.name = "eye", .at = at);
    REEL_SCOPE;
    reel_tensor *y = reel_full_at(at, reel_shape(n, m), 0, dtype, device);
    const int64_t ones = n < m ? n : m;
    if (!y) return NULL;
    if (ones > 0) {
        const reel__layout diagonal = {
            .dtype = dtype, .shape = reel_shape(ones), .stride = {m + 1}};
        reel_tensor *d = reel__scope_give(reel__tensor_view(at, "eye", y, &diagonal));
        if (!reel_fill_at_(at, d, 1)) return NULL;
    }
    return reel_scope_return(y);
}
