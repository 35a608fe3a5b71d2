/* Positions in a sequence: as waves that are added, and as angles by which pairs are turned. */
#include "nn/module_internal.h"
#include "nn/transformer.h"

#include <inttypes.h>
#include <math.h>

/* t base^(-2i / E) in f64, [T, E/2]: f32 would be off by a thousandth at t = 10000. */
static reel_tensor *angles(const char *at, int64_t length, int64_t width, double base,
                           reel_device device) {
    const int64_t pairs = (width + 1) / 2;
    reel_tensor *t = reel_arange_at(at, length, REEL_F64, device);
    reel_tensor *i = reel_arange_at(at, pairs, REEL_F64, device);
    reel_tensor *rate =
        reel_exp_at(at, reel_affine_at(at, i, -2.0 * log(base) / (double)width, 0.0));
    return reel_mul_at(at, reel_unsqueeze_at(at, t, 1), reel_unsqueeze_at(at, rate, 0));
}

static reel_status check(int64_t length, int64_t width, double base, reel_dtype dtype) {
    if (length < 0 || width < 1 || width > 1 << 30)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "length %" PRId64 ", width %" PRId64, length,
                                    width);
    if (!(base > 0.0) || isinf(base))
        return reel__fail_composite(REEL_ERR_ARGUMENT, "base must be positive and finite: %g",
                                    base);
    if (reel_dtype_is_float(dtype)) return REEL_OK;
    return reel__fail_composite(REEL_ERR_DTYPE, "takes floats");
}

reel_tensor *reel_sinusoidal_positions_at(const char *at, int64_t length, int64_t width,
                                          reel_dtype dtype, reel_device device) {
    REEL__COMPOSITE(.name = "sinusoidal_positions", .at = at);
    if (check(length, width, 10000.0, dtype) != REEL_OK) return NULL;
    REEL_SCOPE;
    reel_tensor *a = angles(at, length, width, 10000.0, device);
    reel_tensor *both =
        reel_stack_at(at, REEL__LIST(reel_sin_at(at, a), reel_cos_at(at, a)), -1); /* [T, E/2, 2] */
    both = reel_reshape_at(at, both, reel_shape(length, (width + 1) / 2 * 2));
    if (width % 2) both = reel_slice_at(at, both, 1, 0, width, 1);
    return reel_scope_return(reel_contiguous_at(at, reel_cast_at(at, both, dtype)));
}

reel_tensor *reel_rotary_table_at(const char *at, int64_t length, int64_t width, double base,
                                  reel_dtype dtype, reel_device device) {
    REEL__COMPOSITE(.name = "rotary_table", .at = at);
    base = base == 0.0 ? 10000.0 : base;
    if (check(length, width, base, dtype) != REEL_OK) return NULL;
    if (width % 2) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "width must be even: %" PRId64, width);
        return NULL;
    }
    REEL_SCOPE;
    reel_tensor *a = angles(at, length, width, base, device);
    return reel_scope_return(reel_cast_at(
        at, reel_stack_at(at, REEL__LIST(reel_cos_at(at, a), reel_sin_at(at, a)), 0), dtype));
}

/* ---- turning ---- */

static reel_status check_turn(const reel_tensor *x, const reel_tensor *table, int64_t start) {
    const reel_shape s = reel_shape_of(x), t = reel_shape_of(table);
    const bool fits = s.ndim >= 2 && t.ndim == 3 && t.dim[0] == 2 && s.dim[s.ndim - 1] % 2 == 0 &&
                      t.dim[2] == s.dim[s.ndim - 1] / 2;
    if (!fits)
        return reel__fail_composite(REEL_ERR_SHAPE, "the table is not of half of x's last axis");
    if (start < 0 || start > t.dim[1] - s.dim[s.ndim - 2])
        return reel__fail_composite(REEL_ERR_ARGUMENT,
                                    "the table ends before position %" PRId64 " + %" PRId64, start,
                                    s.dim[s.ndim - 2]);
    return REEL_OK;
}

/* The first and second elements of all pairs. */
static void take_pairs(const char *at, reel_tensor *x, bool interleaved, reel_tensor *part[2]) {
    reel_shape s = reel_shape_of(x);
    const int64_t half = s.dim[s.ndim - 1] / 2;
    if (!interleaved) {
        part[0] = reel_slice_at(at, x, -1, 0, half, 1);
        part[1] = reel_slice_at(at, x, -1, half, 2 * half, 1);
        return;
    }
    part[0] = reel_slice_at(at, x, -1, 0, 2 * half, 2);
    part[1] = reel_slice_at(at, x, -1, 1, 2 * half, 2);
}

static reel_tensor *put_pairs(const char *at, reel_tensor *const part[2], bool interleaved,
                              reel_shape s) {
    if (!interleaved) return reel_concat_at(at, REEL__LIST(part[0], part[1]), -1);
    return reel_reshape_at(at, reel_stack_at(at, REEL__LIST(part[0], part[1]), -1), s);
}

reel_tensor *reel_rotary_at(const char *at, reel_tensor *x, reel_tensor *table, int64_t start,
                            bool interleaved) {
    static const char *const called[] = {"x", "table"};
    REEL__COMPOSITE(.name = "rotary", .at = at, .in = {x, table}, .given = 2, .called = called);
    if (!reel__composite_is_whole(&composite) || check_turn(x, table, start) != REEL_OK)
        return NULL;
    const reel_shape s = reel_shape_of(x);
    const int64_t end = start + s.dim[s.ndim - 2];
    REEL_SCOPE;
    reel_tensor *now = reel_slice_at(at, table, 1, start, end, 1), *part[2], *turned[2];
    reel_tensor *cosine = reel_select_at(at, now, 0, 0), *sine = reel_select_at(at, now, 0, 1);
    take_pairs(at, x, interleaved, part);
    turned[0] = reel_sub_at(at, reel_mul_at(at, part[0], cosine), reel_mul_at(at, part[1], sine));
    turned[1] = reel_add_at(at, reel_mul_at(at, part[1], cosine), reel_mul_at(at, part[0], sine));
    return reel_scope_return(put_pairs(at, turned, interleaved, s));
}
