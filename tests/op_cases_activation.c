/* Cases of activations, and of what gives or takes truth values. */
#include "tests/op_shapes.h"

#include <math.h>

#define UNUSED (void)param, (void)made

/* ---- activations ---- */

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}
static double phi(double x) {
    return 0.5 * (1 + erf(x * 0.70710678118654752440));
}
static double bell(double x) {
    return 0.39894228040143267794 * exp(-0.5 * x * x);
}
static double cubic(double x) {
    return 0.79788456080286535588 * (x + 0.044715 * x * x * x);
}
static double gelu_tanh_slope(double x) {
    const double t = tanh(cubic(x)), slope = 0.79788456080286535588 * (1 + 3 * 0.044715 * x * x);
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
}

/* clang-format off */
static reel_tensor *run_relu(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_relu(in[0]); }
static reel_tensor *run_relu_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__relu_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_leaky_relu(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_leaky_relu(in[0], 0.1); }
static reel_tensor *run_leaky_relu_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__leaky_relu_grad(REEL_HERE, in[0], in[1], 0.1); }
static reel_tensor *run_elu(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_elu(in[0], 1.3); }
static reel_tensor *run_elu_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__elu_grad(REEL_HERE, in[0], in[1], 1.3); }
static reel_tensor *run_sigmoid(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_sigmoid(in[0]); }
static reel_tensor *run_sigmoid_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__sigmoid_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_tanh(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_tanh(in[0]); }
static reel_tensor *run_tanh_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__tanh_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_silu(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_silu(in[0]); }
static reel_tensor *run_silu_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__silu_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_gelu(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_gelu(in[0]); }
static reel_tensor *run_gelu_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__gelu_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_gelu_tanh(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_gelu_tanh(in[0]); }
static reel_tensor *run_gelu_tanh_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__gelu_tanh_grad(REEL_HERE, in[0], in[1]); }
static reel_tensor *run_softplus(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_softplus(in[0], 2, 6); }
static reel_tensor *run_softplus_grad(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel__softplus_grad(REEL_HERE, in[0], in[1], 2, 6); }

static double f_relu(double x, double y, double z) { return (void)y, (void)z, x > 0 ? x : 0; }
static double f_relu_grad(double x, double y, double z) { return (void)z, y > 0 ? x : 0; }
static double f_leaky_relu(double x, double y, double z) { return (void)y, (void)z, x > 0 ? x : 0.1 * x; }
static double f_leaky_relu_grad(double x, double y, double z) { return (void)z, y > 0 ? x : 0.1 * x; }
static double f_elu(double x, double y, double z) { return (void)y, (void)z, x > 0 ? x : 1.3 * expm1(x); }
static double f_elu_grad(double x, double y, double z) { return (void)z, y > 0 ? x : x * 1.3 * exp(y); }
static double f_sigmoid(double x, double y, double z) { return (void)y, (void)z, logistic(x); }
static double f_sigmoid_grad(double x, double y, double z) { return (void)z, x * y * (1 - y); }
static double f_tanh(double x, double y, double z) { return (void)y, (void)z, tanh(x); }
static double f_tanh_grad(double x, double y, double z) { return (void)z, x * (1 - y * y); }
static double f_silu(double x, double y, double z) { return (void)y, (void)z, x * logistic(x); }
static double f_silu_grad(double x, double y, double z) { return (void)z, x * logistic(y) * (1 + y * (1 - logistic(y))); }
static double f_gelu(double x, double y, double z) { return (void)y, (void)z, x * phi(x); }
static double f_gelu_grad(double x, double y, double z) { return (void)z, x * (phi(y) + y * bell(y)); }
static double f_gelu_tanh(double x, double y, double z) { return (void)y, (void)z, 0.5 * x * (1 + tanh(cubic(x))); }
static double f_gelu_tanh_grad(double x, double y, double z) { return (void)z, gelu_tanh_slope(y) * x; }
static double f_softplus(double x, double y, double z) { return (void)y, (void)z, 2 * x > 6 ? x : log1p(exp(2 * x)) / 2; }
static double f_softplus_grad(double x, double y, double z) { return (void)z, 2 * y > 6 ? x : x * logistic(2 * y); }

const op_case case_relu = {UNARY, .run = run_relu, .formula = f_relu, .kink = 0.01};
const op_case case_relu_grad = {BINARY, .run = run_relu_grad, .formula = f_relu_grad, .kink = 0.01};
const op_case case_leaky_relu = {UNARY, .run = run_leaky_relu, .formula = f_leaky_relu, .kink = 0.01};
const op_case case_leaky_relu_grad = {BINARY, .run = run_leaky_relu_grad, .formula = f_leaky_relu_grad, .kink = 0.01};
const op_case case_elu = {UNARY, .run = run_elu, .formula = f_elu, .kink = 0.01};
const op_case case_elu_grad = {BINARY, .run = run_elu_grad, .formula = f_elu_grad, .kink = 0.01};
const op_case case_sigmoid = {UNARY, .run = run_sigmoid, .formula = f_sigmoid, .low = {-8}, .high = {8}};
const op_case case_sigmoid_grad = {BINARY, .run = run_sigmoid_grad, .formula = f_sigmoid_grad};
const op_case case_tanh = {UNARY, .run = run_tanh, .formula = f_tanh, .low = {-4}, .high = {4}};
const op_case case_tanh_grad = {BINARY, .run = run_tanh_grad, .formula = f_tanh_grad};
const op_case case_silu = {UNARY, .run = run_silu, .formula = f_silu, .low = {-6}, .high = {6}};
const op_case case_silu_grad = {BINARY, .run = run_silu_grad, .formula = f_silu_grad, .low = {-2, -6}, .high = {2, 6}};
const op_case case_gelu = {UNARY, .run = run_gelu, .formula = f_gelu, .low = {-5}, .high = {5}};
const op_case case_gelu_grad = {BINARY, .run = run_gelu_grad, .formula = f_gelu_grad, .low = {-2, -5}, .high = {2, 5}};
const op_case case_gelu_tanh = {UNARY, .run = run_gelu_tanh, .formula = f_gelu_tanh, .low = {-5}, .high = {5}};
const op_case case_gelu_tanh_grad = {BINARY, .run = run_gelu_tanh_grad, .formula = f_gelu_tanh_grad, .low = {-2, -5}, .high = {2, 5}};
const op_case case_softplus = {UNARY, .run = run_softplus, .formula = f_softplus, .low = {-5}, .high = {2.9}};
const op_case case_softplus_grad = {BINARY, .run = run_softplus_grad, .formula = f_softplus_grad, .low = {-2, -5}, .high = {2, 2.9}};
/* clang-format on */

/* ---- truth values ---- */

/* clang-format off */
static reel_tensor *run_eq(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_eq(in[0], in[1]); }
static reel_tensor *run_ne(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_ne(in[0], in[1]); }
static reel_tensor *run_lt(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_lt(in[0], in[1]); }
static reel_tensor *run_le(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_le(in[0], in[1]); }
static reel_tensor *run_gt(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_gt(in[0], in[1]); }
static reel_tensor *run_ge(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_ge(in[0], in[1]); }
static reel_tensor *run_logical_and(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_logical_and(in[0], in[1]); }
static reel_tensor *run_logical_or(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_logical_or(in[0], in[1]); }
static reel_tensor *run_logical_xor(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_logical_xor(in[0], in[1]); }
static reel_tensor *run_logical_not(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_logical_not(in[0]); }
static reel_tensor *run_isnan(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_isnan(in[0]); }
static reel_tensor *run_isinf(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_isinf(in[0]); }
static reel_tensor *run_isfinite(reel_tensor **in, const int64_t *param, reel_dtype made) { UNUSED; return reel_isfinite(in[0]); }

static double f_eq(double x, double y, double z) { return (void)z, x == y; }
static double f_ne(double x, double y, double z) { return (void)z, x != y; }
static double f_lt(double x, double y, double z) { return (void)z, x < y; }
static double f_le(double x, double y, double z) { return (void)z, x <= y; }
static double f_gt(double x, double y, double z) { return (void)z, x > y; }
static double f_ge(double x, double y, double z) { return (void)z, x >= y; }
static double f_logical_and(double x, double y, double z) { return (void)z, x != 0 && y != 0; }
static double f_logical_or(double x, double y, double z) { return (void)z, x != 0 || y != 0; }
static double f_logical_xor(double x, double y, double z) { return (void)z, (x != 0) != (y != 0); }
static double f_logical_not(double x, double y, double z) { return (void)y, (void)z, x == 0; }
static double f_isnan(double x, double y, double z) { return (void)y, (void)z, isnan(x); }
static double f_isinf(double x, double y, double z) { return (void)y, (void)z, isinf(x); }
static double f_isfinite(double x, double y, double z) { return (void)y, (void)z, isfinite(x); }

const op_case case_eq = {BINARY, .run = run_eq, .formula = f_eq};
const op_case case_ne = {BINARY, .run = run_ne, .formula = f_ne};
const op_case case_lt = {BINARY, .run = run_lt, .formula = f_lt};
const op_case case_le = {BINARY, .run = run_le, .formula = f_le};
const op_case case_gt = {BINARY, .run = run_gt, .formula = f_gt};
const op_case case_ge = {BINARY, .run = run_ge, .formula = f_ge};
const op_case case_logical_and = {BINARY, .run = run_logical_and, .formula = f_logical_and};
const op_case case_logical_or = {BINARY, .run = run_logical_or, .formula = f_logical_or};
const op_case case_logical_xor = {BINARY, .run = run_logical_xor, .formula = f_logical_xor};
const op_case case_logical_not = {UNARY, .run = run_logical_not, .formula = f_logical_not};
const op_case case_isnan = {UNARY, .run = run_isnan, .formula = f_isnan};
const op_case case_isinf = {UNARY, .run = run_isinf, .formula = f_isinf};
const op_case case_isfinite = {UNARY, .run = run_isfinite, .formula = f_isfinite};
/* clang-format on */

/* ---- where ---- */

static const op_shapes masked[] = {
    {{S(3, 4), S(3, 4), S(3, 4)}, {0}}, {{S(3, 1), S(4), S0}, {0}},
    {{S0, S(3, 4), S(3, 4)}, {0}},      {{S(0), S(0), S(0)}, {0}},
    {{S(3, 4), S0, S(3, 4)}, {0}},      {{S(2, 3, 4), S(3, 4), S0}, {0}},
    {{S(1, 4), S(3, 1), S(3, 4)}, {0}}, {{S(17001), S(17001), S(17001)}, {0}},
};
static reel_tensor *run_where(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_where(in[0], in[1], in[2]);
}
static double f_where(double mask, double x, double y) {
    return mask != 0 ? x : y;
}
const op_case case_where = {.inputs = 3,
                            .masked = true,
                            .run = run_where,
                            .formula = f_where,
                            .shapes = masked,
                            .shape_count = COUNT(masked),
                            .bad = three_bad,
                            .bad_count = COUNT(three_bad)};
