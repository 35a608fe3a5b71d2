/* Cases of elementwise ops. */
#include "tests/op_shapes.h"

#include <math.h>

#define UNUSED (void)param, (void)made

/* ---- arithmetic and functions ---- */

/* clang-format off */
MAP_CASE(add, reel_add(in[0], in[1]), x + y, BINARY)
MAP_CASE(sub, reel_sub(in[0], in[1]), x - y, BINARY)
MAP_CASE(mul, reel_mul(in[0], in[1]), x * y, BINARY)
MAP_CASE(div, reel_div(in[0], in[1]), x / y, BINARY, .kink = 0.3)
MAP_CASE(pow, reel_pow(in[0], in[1]), pow(x, y), BINARY, .low = {0.2}, .high = {3})
MAP_CASE(maximum, reel_maximum(in[0], in[1]), fmax(x, y), BINARY)
MAP_CASE(minimum, reel_minimum(in[0], in[1]), fmin(x, y), BINARY)
MAP_CASE(extreme_grad, reel__extreme_grad(REEL_HERE, in[0], in[1], in[2]), y == z ? x / 2 : y < z ? 0 : x, TERNARY)
MAP_CASE(log_softmax_grad, reel__log_softmax_grad(REEL_HERE, in[0], in[1], in[2]), x - exp(y) * z, TERNARY)
MAP_CASE(neg, reel_neg(in[0]), -x, UNARY)
MAP_CASE(abs, reel_abs(in[0]), fabs(x), UNARY, .kink = 0.01)
MAP_CASE(sign, reel_sign(in[0]), (x > 0) - (x < 0), UNARY, .kink = 0.01)
MAP_CASE(floor, reel_floor(in[0]), floor(x), UNARY, .low = {0.1}, .high = {0.9})
MAP_CASE(ceil, reel_ceil(in[0]), ceil(x), UNARY, .low = {-2.9}, .high = {-2.1})
MAP_CASE(round, reel_round(in[0]), rint(x), UNARY, .low = {0.6}, .high = {1.4})
MAP_CASE(trunc, reel_trunc(in[0]), trunc(x), UNARY, .low = {-1.9}, .high = {-1.1})
MAP_CASE(affine, reel_affine(in[0], -1.5, 0.25), -1.5 * x + 0.25, UNARY)
MAP_CASE(clamp, reel_clamp(in[0], -1.5, 0), x < -1.5 ? -1.5 : x > 0 ? 0 : x, UNARY, .low = {-1.4}, .high = {3}, .kink = 0.01)
MAP_CASE(clamp_grad, reel__clamp_grad(REEL_HERE, in[0], in[1], -5, 0), y > -5 && y < 0 ? x : 0, BINARY, .kink = 0.01)
MAP_CASE(square, reel_square(in[0]), x * x, UNARY)
MAP_CASE(square_grad, reel__square_grad(REEL_HERE, in[0], in[1]), 2 * x * y, BINARY)
MAP_CASE(sqrt, reel_sqrt(in[0]), sqrt(x), UNARY, .low = {0.1}, .high = {30})
MAP_CASE(pow_scalar, reel_pow_scalar(in[0], -1.75), pow(x, -1.75), UNARY, .low = {0.4}, .high = {3})
MAP_CASE(exp, reel_exp(in[0]), exp(x), UNARY, .low = {-9}, .high = {5})
MAP_CASE(expm1, reel_expm1(in[0]), expm1(x), UNARY, .low = {-5}, .high = {5})
MAP_CASE(log, reel_log(in[0]), log(x), UNARY, .low = {0.1}, .high = {30})
MAP_CASE(log1p, reel_log1p(in[0]), log1p(x), UNARY, .low = {-0.8}, .high = {9})
MAP_CASE(sin, reel_sin(in[0]), sin(x), UNARY, .low = {-40}, .high = {40})
MAP_CASE(cos, reel_cos(in[0]), cos(x), UNARY, .low = {-40}, .high = {40})
MAP_CASE(erf, reel_erf(in[0]), erf(x), UNARY, .low = {-4}, .high = {4})
/* clang-format on */

/* ---- parts of losses ---- */

static reel_tensor *run_bce(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_bce(in[0], in[1]);
}
static reel_tensor *run_bce_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__bce_grad(REEL_HERE, in[0], in[1], in[2]);
}
static reel_tensor *run_weigh(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__weigh(REEL_HERE, in[0], in[1]);
}
static reel_tensor *run_mse_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__mse_grad(REEL_HERE, in[0], in[1], in[2], 0.75);
}
static double f_bce(double p, double t, double z) {
    return (void)z, -(t * fmax(log(p), -100) + (1 - t) * fmax(log1p(-p), -100));
}
static double f_bce_grad(double g, double p, double t) {
    return g * (p - t) / fmax(p * (1 - p), 1e-12);
}
static double f_weigh(double w, double x, double z) {
    return (void)z, w * x;
}
static double f_mse_grad(double g, double y, double t) {
    return 0.75 * g * (y - t);
}
const op_case case_bce = {BINARY, .run = run_bce, .formula = f_bce, .low = {0.05, 0.0},
                          .high = {0.95, 1.0}};
const op_case case_bce_grad = {TERNARY, .run = run_bce_grad, .formula = f_bce_grad,
                               .low = {-2, 0.1, 0.0}, .high = {2, 0.9, 1.0}};
const op_case case_weigh = {BINARY, .run = run_weigh, .formula = f_weigh};
const op_case case_mse_grad = {TERNARY, .run = run_mse_grad, .formula = f_mse_grad};

/* ---- copies ---- */

/* Always through the kernel: what is contiguous already would be handed back as it is. */
static reel_tensor *run_copy(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel__call c = {.op = REEL_OP_copy, .at = REEL_HERE, .nin = 1, .nout = 1, .in = {in[0]}};
    return reel__dispatch(&c) == REEL_OK ? reel__scope_give(c.out[0]) : NULL;
}
/* There and back, so that values survive and gradients have two steps to pass. */
static reel_tensor *run_cast(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_dtype own = reel_dtype_of(in[0]);
    reel__call c = {.op = REEL_OP_cast,
                    .at = REEL_HERE,
                    .nin = 1,
                    .nout = 1,
                    .in = {in[0]},
                    .with.cast.dtype = REEL_F64};
    return reel__dispatch(&c) == REEL_OK ? reel_cast(reel__scope_give(c.out[0]), own) : NULL;
}
static reel_tensor *run_dequantize(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_dequantize(in[0], 0.25, REEL_F64);
}

static double f_same(double x, double y, double z) {
    return (void)y, (void)z, x;
}
static double f_dequantize(double x, double y, double z) {
    return (void)y, (void)z, 0.25 * x;
}

const op_case case_copy = {UNARY, .run = run_copy, .formula = f_same};
const op_case case_cast = {UNARY, .run = run_cast, .formula = f_same};
const op_case case_dequantize = {UNARY, .run = run_dequantize, .formula = f_dequantize, .low = {0},
                                 .high = {200}};
