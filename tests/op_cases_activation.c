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
MAP_CASE(relu, reel_relu(in[0]), x > 0 ? x : 0, UNARY, .kink = 0.01)
MAP_CASE(relu_grad, reel__relu_grad(REEL_HERE, in[0], in[1]), y > 0 ? x : 0, BINARY, .kink = 0.01)
MAP_CASE(leaky_relu, reel_leaky_relu(in[0], 0.1), x > 0 ? x : 0.1 * x, UNARY, .kink = 0.01)
MAP_CASE(leaky_relu_grad, reel__leaky_relu_grad(REEL_HERE, in[0], in[1], 0.1), y > 0 ? x : 0.1 * x, BINARY, .kink = 0.01)
MAP_CASE(elu, reel_elu(in[0], 1.3), x > 0 ? x : 1.3 * expm1(x), UNARY, .kink = 0.01)
MAP_CASE(elu_grad, reel__elu_grad(REEL_HERE, in[0], in[1], 1.3), y > 0 ? x : x * 1.3 * exp(y), BINARY, .kink = 0.01)
MAP_CASE(sigmoid, reel_sigmoid(in[0]), logistic(x), UNARY, .low = {-8}, .high = {8})
MAP_CASE(sigmoid_grad, reel__sigmoid_grad(REEL_HERE, in[0], in[1]), x * y * (1 - y), BINARY)
MAP_CASE(tanh, reel_tanh(in[0]), tanh(x), UNARY, .low = {-4}, .high = {4})
MAP_CASE(tanh_grad, reel__tanh_grad(REEL_HERE, in[0], in[1]), x * (1 - y * y), BINARY)
MAP_CASE(silu, reel_silu(in[0]), x * logistic(x), UNARY, .low = {-6}, .high = {6})
MAP_CASE(silu_grad, reel__silu_grad(REEL_HERE, in[0], in[1]), x * logistic(y) * (1 + y * (1 - logistic(y))), BINARY, .low = {-2, -6}, .high = {2, 6})
MAP_CASE(gelu, reel_gelu(in[0]), x * phi(x), UNARY, .low = {-5}, .high = {5})
MAP_CASE(gelu_grad, reel__gelu_grad(REEL_HERE, in[0], in[1]), x * (phi(y) + y * bell(y)), BINARY, .low = {-2, -5}, .high = {2, 5})
MAP_CASE(gelu_tanh, reel_gelu_tanh(in[0]), 0.5 * x * (1 + tanh(cubic(x))), UNARY, .low = {-5}, .high = {5})
MAP_CASE(gelu_tanh_grad, reel__gelu_tanh_grad(REEL_HERE, in[0], in[1]), gelu_tanh_slope(y) * x, BINARY, .low = {-2, -5}, .high = {2, 5})
MAP_CASE(softplus, reel_softplus(in[0], 2, 6), 2 * x > 6 ? x : log1p(exp(2 * x)) / 2, UNARY, .low = {-5}, .high = {2.9})
MAP_CASE(softplus_grad, reel__softplus_grad(REEL_HERE, in[0], in[1], 2, 6), 2 * y > 6 ? x : x * logistic(2 * y), BINARY, .low = {-2, -5}, .high = {2, 2.9})
/* clang-format on */

/* ---- truth values ---- */

/* clang-format off */
MAP_CASE(eq, reel_eq(in[0], in[1]), x == y, BINARY)
MAP_CASE(ne, reel_ne(in[0], in[1]), x != y, BINARY)
MAP_CASE(lt, reel_lt(in[0], in[1]), x < y, BINARY)
MAP_CASE(le, reel_le(in[0], in[1]), x <= y, BINARY)
MAP_CASE(gt, reel_gt(in[0], in[1]), x > y, BINARY)
MAP_CASE(ge, reel_ge(in[0], in[1]), x >= y, BINARY)
MAP_CASE(logical_and, reel_logical_and(in[0], in[1]), x != 0 && y != 0, BINARY)
MAP_CASE(logical_or, reel_logical_or(in[0], in[1]), x != 0 || y != 0, BINARY)
MAP_CASE(logical_xor, reel_logical_xor(in[0], in[1]), (x != 0) != (y != 0), BINARY)
MAP_CASE(logical_not, reel_logical_not(in[0]), x == 0, UNARY)
MAP_CASE(isnan, reel_isnan(in[0]), isnan(x), UNARY)
MAP_CASE(isinf, reel_isinf(in[0]), isinf(x), UNARY)
MAP_CASE(isfinite, reel_isfinite(in[0]), isfinite(x), UNARY)
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
