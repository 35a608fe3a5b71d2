/* The public elementwise ops: one call each. */
#include "tensor/core/handles_internal.h"
#include "tensor/ops/call_internal.h"

/* ---- of the table's rows: reel_<name>_at, or reel__<name> of those that are parts of others ----
 */

#define IN_1 x
#define IN_2 x, y
#define IN_3 x, y, z
#define WITH_PLAIN
#define WITH_WITH1 , .with.map.a = a
#define WITH_WITH2 , .with.map = {.a = a, .b = b}
#define WITH_FAR
#define WITH_TEST
#define PUBLIC(name) reel_##name##_at
#define INNER(name) reel__##name
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    reel_tensor *scope(name)(const char *at, REEL__TAKES_##inputs REEL__TAKES_##form) {            \
        return reel__run_call((reel__call){                                                        \
            .op = REEL_OP_##name, .at = at, .nin = inputs, .in = {IN_##inputs} WITH_##form});      \
    }
#include "tensor/ops/ops_map.def"

/* ---- the others ---- */

reel_tensor *reel_where_at(const char *at, reel_tensor *mask, reel_tensor *x, reel_tensor *y) {
    return reel__ternary(REEL_OP_where, at, mask, x, y);
}

/* Squares, which are most of what is asked for, are exact that way, and cheap. */
reel_tensor *reel_pow_scalar_at(const char *at, reel_tensor *x, double p) {
    if (p != 2) return reel__pow_scalar(at, x, p);
    REEL__COMPOSITE(.name = "pow_scalar", .at = at, .in = {x}, .given = 1);
    return reel_square_at(at, x);
}

reel_tensor *reel_masked_fill_at(const char *at, reel_tensor *x, reel_tensor *mask, double value) {
    REEL__COMPOSITE(.name = "masked_fill", .at = at, .in = {x, mask}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    reel_tensor *filling =
        reel_full_at(at, REEL_SCALAR, value, reel_dtype_of(x), reel_device_of(x));
    return reel_where_at(at, mask, filling, x);
}

reel_tensor *reel_where_else_at(const char *at, reel_tensor *mask, reel_tensor *x, double value) {
    REEL__COMPOSITE(.name = "where_else", .at = at, .in = {mask, x}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    reel_tensor *filling =
        reel_full_at(at, REEL_SCALAR, value, reel_dtype_of(x), reel_device_of(x));
    return reel_where_at(at, mask, x, filling);
}

reel_tensor *reel_cast_at(const char *at, reel_tensor *x, reel_dtype dtype) {
    if (reel__is_alive(x) && x->layout.dtype == dtype) return x;
    return reel__run_call(
        (reel__call){.op = REEL_OP_cast, .at = at, .nin = 1, .in = {x}, .with.cast.dtype = dtype});
}

reel_tensor *reel_dequantize_at(const char *at, reel_tensor *x, double scale, reel_dtype dtype) {
    return reel__run_call((reel__call){.op = REEL_OP_dequantize,
                                       .at = at,
                                       .nin = 1,
                                       .in = {x},
                                       .with.cast = {.dtype = dtype, .scale = scale}});
}
