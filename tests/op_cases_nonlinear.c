/* Cases of the functions of nonlinear.h, of reciprocals, and of running sums. */
#include "tests/op_shapes.h"

#include <math.h>

#define UNUSED (void)param, (void)made

static double logistic(double x) {
    return 1 / (1 + exp(-x));
}
static double hat(double x) {
    return x < -3 ? 0 : x > 3 ? 6 : x + 3;
}
static const double selu_scale = 1.0507009873554804934193349852946,
                    selu_alpha = 1.6732632423543772848170429916717;

/* clang-format off */
MAP_CASE(rsqrt, reel_rsqrt(in[0]), 1 / sqrt(x), UNARY, .low = {0.2}, .high = {4})
MAP_CASE(rsqrt_grad, reel__rsqrt_grad(REEL_HERE, in[0], in[1]), -0.5 * x * y * y * y, BINARY)
MAP_CASE(reciprocal, reel_reciprocal(in[0]), 1 / x, UNARY, .low = {0.3}, .high = {4})
MAP_CASE(reciprocal_grad, reel__reciprocal_grad(REEL_HERE, in[0], in[1]), -x * y * y, BINARY)
MAP_CASE(hardswish, reel_hardswish(in[0]), x * hat(x) / 6, UNARY, .low = {-2.9}, .high = {5})
MAP_CASE(hardswish_grad, reel__hardswish_grad(REEL_HERE, in[0], in[1]), y <= -3 ? 0 : y < 3 ? x * (y / 3 + 0.5) : x, BINARY, .low = {-2, -2.9}, .high = {2, 2.9})
MAP_CASE(hardsigmoid, reel_hardsigmoid(in[0]), hat(x) / 6, UNARY, .low = {-2.9}, .high = {2.9})
MAP_CASE(hardsigmoid_grad, reel__hardsigmoid_grad(REEL_HERE, in[0], in[1]), y > -3 && y < 3 ? x / 6 : 0, BINARY, .low = {-2, -2.9}, .high = {2, 2.9})
MAP_CASE(hardshrink, reel_hardshrink(in[0], 0.005), fabs(x) <= 0.005 ? 0 : x, UNARY, .kink = 0.05)
MAP_CASE(hardshrink_grad, reel__hardshrink_grad(REEL_HERE, in[0], in[1], 0.005), fabs(y) <= 0.005 ? 0 : x, BINARY, .kink = 0.05)
MAP_CASE(softshrink, reel_softshrink(in[0], 0.005), x > 0.005 ? x - 0.005 : x < -0.005 ? x + 0.005 : 0, UNARY, .kink = 0.05)
MAP_CASE(softshrink_grad, reel__softshrink_grad(REEL_HERE, in[0], in[1], 0.005), fabs(y) <= 0.005 ? 0 : x, BINARY, .kink = 0.05)
MAP_CASE(tanhshrink, reel_tanhshrink(in[0]), x - tanh(x), UNARY, .low = {0.5}, .high = {4})
MAP_CASE(tanhshrink_grad, reel__tanhshrink_grad(REEL_HERE, in[0], in[1]), x * tanh(y) * tanh(y), BINARY)
MAP_CASE(softsign, reel_softsign(in[0]), x / (1 + fabs(x)), UNARY, .kink = 0.05)
MAP_CASE(softsign_grad, reel__softsign_grad(REEL_HERE, in[0], in[1]), x / ((1 + fabs(y)) * (1 + fabs(y))), BINARY, .kink = 0.05)
MAP_CASE(logsigmoid, reel_logsigmoid(in[0]), x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x)), UNARY, .low = {-6}, .high = {6})
MAP_CASE(logsigmoid_grad, reel__logsigmoid_grad(REEL_HERE, in[0], in[1]), x * logistic(-y), BINARY, .low = {-2, -6}, .high = {2, 6})
MAP_CASE(selu, reel_selu(in[0]), selu_scale * (x > 0 ? x : selu_alpha * expm1(x)), UNARY, .kink = 0.01)
MAP_CASE(selu_grad, reel__selu_grad(REEL_HERE, in[0], in[1]), x * selu_scale * (y > 0 ? 1 : selu_alpha * exp(y)), BINARY, .kink = 0.01)
MAP_CASE(celu, reel_celu(in[0], 0.75), x > 0 ? x : 0.75 * expm1(x / 0.75), UNARY, .kink = 0.01)
MAP_CASE(celu_grad, reel__celu_grad(REEL_HERE, in[0], in[1], 0.75), x * (y > 0 ? 1 : exp(y / 0.75)), BINARY, .kink = 0.01)
MAP_CASE(threshold, reel_threshold(in[0], 0, -0.5), x > 0 ? x : -0.5, UNARY, .kink = 0.01)
MAP_CASE(threshold_grad, reel__threshold_grad(REEL_HERE, in[0], in[1], 0, -0.5), y > 0 ? x : 0, BINARY, .kink = 0.01)
MAP_CASE(bend, reel__bend(REEL_HERE, in[0], in[1]), x > 0 ? x : y * x, BINARY, .kink = 0.01)
MAP_CASE(bend_grad, reel__bend_grad(REEL_HERE, in[0], in[1], in[2]), y > 0 ? x : z * x, TERNARY, .kink = 0.01)
MAP_CASE(kept, reel__kept(REEL_HERE, in[0], in[1], 1.25), y > 0 ? 1.25 * x : 0, BINARY, .kink = 0.01)
/* clang-format on */

/* ---- cumsum: param[0] the axis, param[1] whether from the end ---- */

static const op_shapes scanned[] = {
    {{S(3, 4)}, {0}},
    {{S(3, 4)}, {1}},
    {{S(3, 4)}, {-1, 1}},
    {{S(2, 3, 4)}, {1}},
    {{S(2, 3, 4)}, {-3, 1}},
    {{S(5)}, {0}},
    {{S0}, {0}},
    {{S0}, {-1, 1}},
    {{S(0, 3)}, {0}},
    {{S(3, 0)}, {0, 1}},
    {{S(1, 1)}, {1}},
    {{S(2, 1, 3)}, {1}},
    {{S(17)}, {0, 1}},
    {{S(3, 700)}, {1}},
    {{S(700, 3)}, {0, 1}},
    {{S(9001)}, {0}},
    {{S(2, 9001)}, {1, 1}},
    {{S(40, 300)}, {0, 1}},
    {{S(2, 5, 300)}, {-2}},
    {{S(70001)}, {0}},
};
static const op_shapes scanned_bad[] = {{{S(3, 4)}, {2}}, {{S(3)}, {-2}}, {{S0}, {1}}};

static reel_tensor *run_cumsum(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    if (param[1]) return reel__cumsum(REEL_HERE, in[0], (int)param[0], true);
    return reel_cumsum(in[0], (int)param[0]);
}
static array ref_cumsum(const array *in, const int64_t *param) {
    array y = array_new(in[0].shape);
    int64_t outer = 1, n = 1, inner = 1;
    if (in[0].shape.ndim) around(in[0].shape, param[0], &outer, &n, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t j = 0; j < inner; j++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++) {
                const int64_t i = (o * n + (param[1] ? n - 1 - k : k)) * inner + j;
                y.v[i] = sum += in[0].v[i];
            }
        }
    return y;
}
const op_case case_cumsum = {.inputs = 1,
                             .run = run_cumsum,
                             .reference = ref_cumsum,
                             .shapes = scanned,
                             .shape_count = COUNT(scanned),
                             .bad = scanned_bad,
                             .bad_count = COUNT(scanned_bad)};
