/* Cases of elementwise ops. */
#include "tests/op_cases.h"

#include <math.h>

/* ---- shapes ---- */

static const op_shapes one[] = {
    {{S(3, 4)}, {0}},   {{S(5)}, {0}},       {{S0}, {0}},         {{S(0, 3)}, {0}},
    {{S(1, 1)}, {0}},   {{S(2, 3, 4)}, {0}}, {{S(1, 5, 1)}, {0}}, {{S(2, 1, 3, 2)}, {0}},
    {{S(33, 67)}, {0}}, {{S(17001)}, {0}},
};
static const op_shapes two[] = {
    {{S(3, 4), S(3, 4)}, {0}}, {{S(3, 4), S(4)}, {0}},       {{S(3, 1), S(1, 4)}, {0}},
    {{S0, S(2, 3)}, {0}},      {{S(2, 3), S0}, {0}},         {{S(0, 4), S(1, 4)}, {0}},
    {{S(1), S(1)}, {0}},       {{S(2, 3, 4), S(3, 1)}, {0}}, {{S(2, 1, 4), S(1, 3, 1)}, {0}},
    {{S(40, 100), S(1)}, {0}}, {{S(17001), S(17001)}, {0}},  {{S(300, 70), S(300, 1)}, {0}},
};
static const op_shapes two_bad[] = {
    {{S(3, 4), S(3)}, {0}}, {{S(2), S(3)}, {0}}, {{S(0), S(2)}, {0}}, {{S(2, 3, 4), S(2, 4)}, {0}}};
static const op_shapes three[] = {
    {{S(3, 4), S(3, 4), S(3, 4)}, {0}}, {{S(3, 1), S(4), S0}, {0}},
    {{S0, S(3, 4), S(3, 4)}, {0}},      {{S(0), S(0), S(0)}, {0}},
    {{S(1, 4), S(3, 1), S(3, 4)}, {0}}, {{S(17001), S(17001), S(17001)}, {0}},
};
static const op_shapes three_bad[] = {{{S(3), S(3), S(4)}, {0}},
                                      {{S(3, 4), S(5, 4), S(3, 4)}, {0}}};

#define UNARY .inputs = 1, .shapes = one, .shape_count = COUNT(one)
#define BINARY                                                                                     \
    .inputs = 2, .shapes = two, .shape_count = COUNT(two), .bad = two_bad,                         \
    .bad_count = COUNT(two_bad)
#define TERNARY                                                                                    \
    .inputs = 3, .shapes = three, .shape_count = COUNT(three), .bad = three_bad,                   \
    .bad_count = COUNT(three_bad)

/* ---- calls and formulas ---- */

#define UNUSED (void)param, (void)made
static reel_tensor *run_add(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_add(in[0], in[1]);
}
static reel_tensor *run_sub(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_sub(in[0], in[1]);
}
static reel_tensor *run_mul(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_mul(in[0], in[1]);
}
static reel_tensor *run_div(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_div(in[0], in[1]);
}
static reel_tensor *run_bce(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_bce(in[0], in[1]);
}
static reel_tensor *run_bce_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__bce_grad(REEL_HERE, in[0], in[1], in[2]);
}
static reel_tensor *run_mse_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__mse_grad(REEL_HERE, in[0], in[1], in[2], 0.75);
}
static reel_tensor *run_neg(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_neg(in[0]);
}
static reel_tensor *run_relu(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_relu(in[0]);
}
static reel_tensor *run_relu_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__relu_grad(REEL_HERE, in[0], in[1]);
}
static reel_tensor *run_sigmoid(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_sigmoid(in[0]);
}
static reel_tensor *run_sigmoid_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__sigmoid_grad(REEL_HERE, in[0], in[1]);
}
static reel_tensor *run_tanh(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_tanh(in[0]);
}
static reel_tensor *run_exp(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_exp(in[0]);
}
static reel_tensor *run_log(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_log(in[0]);
}
static reel_tensor *run_sqrt(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_sqrt(in[0]);
}
static reel_tensor *run_square(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_square(in[0]);
}
static reel_tensor *run_square_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__square_grad(REEL_HERE, in[0], in[1]);
}
static reel_tensor *run_affine(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_affine(in[0], -1.5, 0.25);
}
/* Always through the kernel: what is contiguous already would be handed back as it is. */
static reel_tensor *run_copy(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel__call c = {.op = REEL_OP_copy, .at = REEL_HERE, .nin = 1, .nout = 1, .in = in};
    return reel__dispatch(&c) == REEL_OK ? reel__scope_give(c.out[0]) : NULL;
}
/* There and back, so that values survive and gradients have two steps to pass. */
static reel_tensor *run_cast(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_dtype own = reel_dtype_of(in[0]);
    reel__call c = {
        .op = REEL_OP_cast, .at = REEL_HERE, .nin = 1, .nout = 1, .in = in, .attr.dtype = REEL_F64};
    return reel__dispatch(&c) == REEL_OK ? reel_cast(reel__scope_give(c.out[0]), own) : NULL;
}
static reel_tensor *run_dequantize(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_dequantize(in[0], 0.25, REEL_F64);
}

/* clang-format off */
static double f_add(double x, double y, double z) { return (void)z, x + y; }
static double f_sub(double x, double y, double z) { return (void)z, x - y; }
static double f_mul(double x, double y, double z) { return (void)z, x * y; }
static double f_div(double x, double y, double z) { return (void)z, x / y; }
static double f_bce(double p, double t, double z) { return (void)z, -(t * fmax(log(p), -100) + (1 - t) * fmax(log1p(-p), -100)); }
static double f_bce_grad(double g, double p, double t) { return g * (p - t) / fmax(p * (1 - p), 1e-12); }
static double f_mse_grad(double g, double y, double t) { return 0.75 * g * (y - t); }
static double f_neg(double x, double y, double z) { return (void)y, (void)z, -x; }
static double f_relu(double x, double y, double z) { return (void)y, (void)z, x > 0 ? x : 0; }
static double f_relu_grad(double g, double y, double z) { return (void)z, y > 0 ? g : 0; }
static double f_sigmoid(double x, double y, double z) { return (void)y, (void)z, 1 / (1 + exp(-x)); }
static double f_sigmoid_grad(double g, double y, double z) { return (void)z, g * y * (1 - y); }
static double f_tanh(double x, double y, double z) { return (void)y, (void)z, tanh(x); }
static double f_exp(double x, double y, double z) { return (void)y, (void)z, exp(x); }
static double f_log(double x, double y, double z) { return (void)y, (void)z, log(x); }
static double f_sqrt(double x, double y, double z) { return (void)y, (void)z, sqrt(x); }
static double f_square(double x, double y, double z) { return (void)y, (void)z, x * x; }
static double f_square_grad(double g, double x, double z) { return (void)z, 2 * g * x; }
static double f_affine(double x, double y, double z) { return (void)y, (void)z, -1.5 * x + 0.25; }
static double f_same(double x, double y, double z) { return (void)y, (void)z, x; }
static double f_dequantize(double x, double y, double z) { return (void)y, (void)z, 0.25 * x; }
/* clang-format on */

const op_case case_add = {BINARY, .run = run_add, .formula = f_add};
const op_case case_sub = {BINARY, .run = run_sub, .formula = f_sub};
const op_case case_mul = {BINARY, .run = run_mul, .formula = f_mul};
const op_case case_div = {BINARY, .run = run_div, .formula = f_div, .kink = 0.3};
const op_case case_bce = {BINARY, .run = run_bce, .formula = f_bce, .low = {0.05, 0.0},
                          .high = {0.95, 1.0}};
const op_case case_bce_grad = {TERNARY, .run = run_bce_grad, .formula = f_bce_grad,
                               .low = {-2, 0.1, 0.0}, .high = {2, 0.9, 1.0}};
const op_case case_mse_grad = {TERNARY, .run = run_mse_grad, .formula = f_mse_grad};
const op_case case_neg = {UNARY, .run = run_neg, .formula = f_neg};
const op_case case_relu = {UNARY, .run = run_relu, .formula = f_relu, .kink = 0.01};
const op_case case_relu_grad = {BINARY, .run = run_relu_grad, .formula = f_relu_grad, .kink = 0.01};
const op_case case_sigmoid = {UNARY, .run = run_sigmoid, .formula = f_sigmoid, .low = {-8},
                              .high = {8}};
const op_case case_sigmoid_grad = {BINARY, .run = run_sigmoid_grad, .formula = f_sigmoid_grad};
const op_case case_tanh = {UNARY, .run = run_tanh, .formula = f_tanh, .low = {-4}, .high = {4}};
const op_case case_exp = {UNARY, .run = run_exp, .formula = f_exp, .low = {-9}, .high = {5}};
const op_case case_log = {UNARY, .run = run_log, .formula = f_log, .low = {0.1}, .high = {30}};
const op_case case_sqrt = {UNARY, .run = run_sqrt, .formula = f_sqrt, .low = {0.1}, .high = {30}};
const op_case case_square = {UNARY, .run = run_square, .formula = f_square};
const op_case case_square_grad = {BINARY, .run = run_square_grad, .formula = f_square_grad};
const op_case case_affine = {UNARY, .run = run_affine, .formula = f_affine};
const op_case case_copy = {UNARY, .run = run_copy, .formula = f_same};
const op_case case_cast = {UNARY, .run = run_cast, .formula = f_same};
const op_case case_dequantize = {UNARY, .run = run_dequantize, .formula = f_dequantize, .low = {0},
                                 .high = {200}};
