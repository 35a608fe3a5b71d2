/* Cases of elementwise ops. */
#include "tests/op_shapes.h"

#include <math.h>

#define UNUSED (void)param, (void)made

/* ---- arithmetic and functions ---- */

/* clang-format off */
static reel_tensor *run_add(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_add(in[0], in[1]); }
static reel_tensor *run_sub(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_sub(in[0], in[1]); }
static reel_tensor *run_mul(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_mul(in[0], in[1]); }
static reel_tensor *run_div(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_div(in[0], in[1]); }
static reel_tensor *run_pow(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_pow(in[0], in[1]); }
static reel_tensor *run_maximum(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_maximum(in[0], in[1]); }
static reel_tensor *run_minimum(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_minimum(in[0], in[1]); }
static reel_tensor *run_extreme_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__extreme_grad(REEL_HERE, in[0], in[1], in[2]); }
static reel_tensor *run_log_softmax_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__log_softmax_grad(REEL_HERE, in[0], in[1], in[2]); }
static reel_tensor *run_neg(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_neg(in[0]); }
static reel_tensor *run_abs(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_abs(in[0]); }
static reel_tensor *run_sign(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_sign(in[0]); }
static reel_tensor *run_floor(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_floor(in[0]); }
static reel_tensor *run_ceil(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_ceil(in[0]); }
static reel_tensor *run_round(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_round(in[0]); }
static reel_tensor *run_trunc(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_trunc(in[0]); }
static reel_tensor *run_affine(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_affine(in[0], -1.5, 0.25); }
static reel_tensor *run_clamp(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_clamp(in[0], -1.5, 0); }
static reel_tensor *run_clamp_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__clamp_grad(REEL_HERE, in[0], in[1], -5, 0); }
static reel_tensor *run_square(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_square(in[0]); }
static reel_tensor *run_square_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__square_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_sqrt(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_sqrt(in[0]); }
static reel_tensor *run_pow_scalar(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_pow_scalar(in[0], -1.75); }
static reel_tensor *run_exp(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_exp(in[0]); }
static reel_tensor *run_expm1(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_expm1(in[0]); }
static reel_tensor *run_log(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_log(in[0]); }
static reel_tensor *run_log1p(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_log1p(in[0]); }
static reel_tensor *run_sin(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_sin(in[0]); }
static reel_tensor *run_cos(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_cos(in[0]); }
static reel_tensor *run_erf(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_erf(in[0]); }

static double f_add(double x, double y, double z) { return (void)z, x + y; }
static double f_sub(double x, double y, double z) { return (void)z, x - y; }
static double f_mul(double x, double y, double z) { return (void)z, x * y; }
static double f_div(double x, double y, double z) { return (void)z, x / y; }
static double f_pow(double x, double y, double z) { return (void)z, pow(x, y); }
static double f_maximum(double x, double y, double z) { return (void)z, fmax(x, y); }
static double f_minimum(double x, double y, double z) { return (void)z, fmin(x, y); }
static double f_extreme_grad(double x, double y, double z) { return y == z ? x / 2 : y < z ? 0 : x; }
static double f_log_softmax_grad(double x, double y, double z) { return x - exp(y) * z; }
static double f_neg(double x, double y, double z) { return (void)y, (void)z, -x; }
static double f_abs(double x, double y, double z) { return (void)y, (void)z, fabs(x); }
static double f_sign(double x, double y, double z) { return (void)y, (void)z, (x > 0) - (x < 0); }
static double f_floor(double x, double y, double z) { return (void)y, (void)z, floor(x); }
static double f_ceil(double x, double y, double z) { return (void)y, (void)z, ceil(x); }
static double f_round(double x, double y, double z) { return (void)y, (void)z, rint(x); }
static double f_trunc(double x, double y, double z) { return (void)y, (void)z, trunc(x); }
static double f_affine(double x, double y, double z) { return (void)y, (void)z, -1.5 * x + 0.25; }
static double f_clamp(double x, double y, double z) { return (void)y, (void)z, x < -1.5 ? -1.5 : x > 0 ? 0 : x; }
static double f_clamp_grad(double x, double y, double z) { return (void)z, y > -5 && y < 0 ? x : 0; }
static double f_square(double x, double y, double z) { return (void)y, (void)z, x * x; }
static double f_square_grad(double x, double y, double z) { return (void)z, 2 * x * y; }
static double f_sqrt(double x, double y, double z) { return (void)y, (void)z, sqrt(x); }
static double f_pow_scalar(double x, double y, double z) { return (void)y, (void)z, pow(x, -1.75); }
static double f_exp(double x, double y, double z) { return (void)y, (void)z, exp(x); }
static double f_expm1(double x, double y, double z) { return (void)y, (void)z, expm1(x); }
static double f_log(double x, double y, double z) { return (void)y, (void)z, log(x); }
static double f_log1p(double x, double y, double z) { return (void)y, (void)z, log1p(x); }
static double f_sin(double x, double y, double z) { return (void)y, (void)z, sin(x); }
static double f_cos(double x, double y, double z) { return (void)y, (void)z, cos(x); }
static double f_erf(double x, double y, double z) { return (void)y, (void)z, erf(x); }

const op_case case_add = {BINARY, .run = run_add, .formula = f_add};
const op_case case_sub = {BINARY, .run = run_sub, .formula = f_sub};
const op_case case_mul = {BINARY, .run = run_mul, .formula = f_mul};
const op_case case_div = {BINARY, .run = run_div, .formula = f_div, .kink = 0.3};
const op_case case_pow = {BINARY, .run = run_pow, .formula = f_pow, .low = {0.2}, .high = {3}};
const op_case case_maximum = {BINARY, .run = run_maximum, .formula = f_maximum};
const op_case case_minimum = {BINARY, .run = run_minimum, .formula = f_minimum};
const op_case case_extreme_grad = {TERNARY, .run = run_extreme_grad, .formula = f_extreme_grad};
const op_case case_log_softmax_grad = {TERNARY, .run = run_log_softmax_grad, .formula = f_log_softmax_grad};
const op_case case_neg = {UNARY, .run = run_neg, .formula = f_neg};
const op_case case_abs = {UNARY, .run = run_abs, .formula = f_abs, .kink = 0.01};
const op_case case_sign = {UNARY, .run = run_sign, .formula = f_sign, .kink = 0.01};
const op_case case_floor = {UNARY, .run = run_floor, .formula = f_floor, .low = {0.1}, .high = {0.9}};
const op_case case_ceil = {UNARY, .run = run_ceil, .formula = f_ceil, .low = {-2.9}, .high = {-2.1}};
const op_case case_round = {UNARY, .run = run_round, .formula = f_round, .low = {0.6}, .high = {1.4}};
const op_case case_trunc = {UNARY, .run = run_trunc, .formula = f_trunc, .low = {-1.9}, .high = {-1.1}};
const op_case case_affine = {UNARY, .run = run_affine, .formula = f_affine};
const op_case case_clamp = {UNARY, .run = run_clamp, .formula = f_clamp, .low = {-1.4}, .high = {3}, .kink = 0.01};
const op_case case_clamp_grad = {BINARY, .run = run_clamp_grad, .formula = f_clamp_grad, .kink = 0.01};
const op_case case_square = {UNARY, .run = run_square, .formula = f_square};
const op_case case_square_grad = {BINARY, .run = run_square_grad, .formula = f_square_grad};
const op_case case_sqrt = {UNARY, .run = run_sqrt, .formula = f_sqrt, .low = {0.1}, .high = {30}};
const op_case case_pow_scalar = {UNARY, .run = run_pow_scalar, .formula = f_pow_scalar, .low = {0.4}, .high = {3}};
const op_case case_exp = {UNARY, .run = run_exp, .formula = f_exp, .low = {-9}, .high = {5}};
const op_case case_expm1 = {UNARY, .run = run_expm1, .formula = f_expm1, .low = {-5}, .high = {5}};
const op_case case_log = {UNARY, .run = run_log, .formula = f_log, .low = {0.1}, .high = {30}};
const op_case case_log1p = {UNARY, .run = run_log1p, .formula = f_log1p, .low = {-0.8}, .high = {9}};
const op_case case_sin = {UNARY, .run = run_sin, .formula = f_sin, .low = {-40}, .high = {40}};
const op_case case_cos = {UNARY, .run = run_cos, .formula = f_cos, .low = {-40}, .high = {40}};
const op_case case_erf = {UNARY, .run = run_erf, .formula = f_erf, .low = {-4}, .high = {4}};
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
