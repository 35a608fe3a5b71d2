/* Ops whose result is given beforehand: in place, and into a tensor that is there already. */
#include "tensor/ops_out.h"
#include "tensor/call_internal.h"
#include "tensor/handles_internal.h"

reel_tensor *reel__run_into(reel__call c, reel_tensor *out) {
    c.in_place = c.nin == 0 || c.in[0] == out;
    if (!out) {
        reel__fail_call(REEL_ERR_ARGUMENT, &c, "the tensor to change is NULL");
        return NULL;
    }
    if (!reel__is_alive(out)) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", reel__called(c.at, reel__ops[c.op].name),
                 c.in_place ? "_" : "");
        reel__live_or_fail(c.at, name, "the tensor to change", out);
        return NULL;
    }
    c.nout = 1;
    c.out[0] = out;
    c.device = out->storage->device;
    return reel__dispatch(&c) == REEL_OK ? out : NULL;
}

/* Inputs that are other elements of the result's memory are copied first. */
static reel_tensor *into(reel__op op, const char *at, reel_tensor *out, int nin, reel_tensor **in,
                         double a, double b) {
    REEL_SCOPE;
    for (int i = 0; i < nin; i++) in[i] = reel__apart(at, in[i], out);
    return reel__run_into((reel__call){.op = op, .at = at, .nin = nin, .in = in, .attr.f = {a, b}},
                          out);
}

static reel_tensor *unary(reel__op op, const char *at, reel_tensor *out, reel_tensor *x) {
    return into(op, at, out, 1, &x, 0, 0);
}

static reel_tensor *binary(reel__op op, const char *at, reel_tensor *out, reel_tensor *x,
                           reel_tensor *y) {
    return into(op, at, out, 2, (reel_tensor *[]){x, y}, 0, 0);
}

/* clang-format off */
reel_tensor *reel_add_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_add, at, out, x, y); }
reel_tensor *reel_sub_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_sub, at, out, x, y); }
reel_tensor *reel_mul_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_mul, at, out, x, y); }
reel_tensor *reel_div_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_div, at, out, x, y); }
reel_tensor *reel_pow_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_pow, at, out, x, y); }
reel_tensor *reel_maximum_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_maximum, at, out, x, y); }
reel_tensor *reel_minimum_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_minimum, at, out, x, y); }
reel_tensor *reel_bce_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_bce, at, out, x, y); }
reel_tensor *reel_eq_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_eq, at, out, x, y); }
reel_tensor *reel_ne_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_ne, at, out, x, y); }
reel_tensor *reel_lt_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_lt, at, out, x, y); }
reel_tensor *reel_le_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_le, at, out, x, y); }
reel_tensor *reel_gt_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_gt, at, out, x, y); }
reel_tensor *reel_ge_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_ge, at, out, x, y); }
reel_tensor *reel_logical_and_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_logical_and, at, out, x, y); }
reel_tensor *reel_logical_or_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_logical_or, at, out, x, y); }
reel_tensor *reel_logical_xor_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) { return binary(REEL_OP_logical_xor, at, out, x, y); }

reel_tensor *reel_neg_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_neg, at, out, x); }
reel_tensor *reel_abs_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_abs, at, out, x); }
reel_tensor *reel_sign_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_sign, at, out, x); }
reel_tensor *reel_floor_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_floor, at, out, x); }
reel_tensor *reel_ceil_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_ceil, at, out, x); }
reel_tensor *reel_round_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_round, at, out, x); }
reel_tensor *reel_trunc_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_trunc, at, out, x); }
reel_tensor *reel_square_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_square, at, out, x); }
reel_tensor *reel_sqrt_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_sqrt, at, out, x); }
reel_tensor *reel_exp_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_exp, at, out, x); }
reel_tensor *reel_expm1_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_expm1, at, out, x); }
reel_tensor *reel_log_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_log, at, out, x); }
reel_tensor *reel_log1p_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_log1p, at, out, x); }
reel_tensor *reel_sin_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_sin, at, out, x); }
reel_tensor *reel_cos_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_cos, at, out, x); }
reel_tensor *reel_erf_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_erf, at, out, x); }
reel_tensor *reel_relu_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_relu, at, out, x); }
reel_tensor *reel_sigmoid_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_sigmoid, at, out, x); }
reel_tensor *reel_tanh_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_tanh, at, out, x); }
reel_tensor *reel_silu_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_silu, at, out, x); }
reel_tensor *reel_gelu_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_gelu, at, out, x); }
reel_tensor *reel_gelu_tanh_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_gelu_tanh, at, out, x); }
reel_tensor *reel_logical_not_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_logical_not, at, out, x); }
reel_tensor *reel_isnan_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_isnan, at, out, x); }
reel_tensor *reel_isinf_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_isinf, at, out, x); }
reel_tensor *reel_isfinite_out_at(const char *at, reel_tensor *out, reel_tensor *x) { return unary(REEL_OP_isfinite, at, out, x); }

reel_tensor *reel_affine_out_at(const char *at, reel_tensor *out, reel_tensor *x, double scale, double shift) { return into(REEL_OP_affine, at, out, 1, &x, scale, shift); }
reel_tensor *reel_clamp_out_at(const char *at, reel_tensor *out, reel_tensor *x, double low, double high) { return into(REEL_OP_clamp, at, out, 1, &x, low, high); }
reel_tensor *reel_softplus_out_at(const char *at, reel_tensor *out, reel_tensor *x, double beta, double threshold) { return into(REEL_OP_softplus, at, out, 1, &x, beta, threshold); }
reel_tensor *reel_leaky_relu_out_at(const char *at, reel_tensor *out, reel_tensor *x, double slope) { return into(REEL_OP_leaky_relu, at, out, 1, &x, slope, 0); }
reel_tensor *reel_elu_out_at(const char *at, reel_tensor *out, reel_tensor *x, double alpha) { return into(REEL_OP_elu, at, out, 1, &x, alpha, 0); }
reel_tensor *reel_pow_scalar_out_at(const char *at, reel_tensor *out, reel_tensor *x, double p) { return p == 2 ? unary(REEL_OP_square, at, out, x) : into(REEL_OP_pow_scalar, at, out, 1, &x, p, 0); }
/* clang-format on */

reel_tensor *reel_where_out_at(const char *at, reel_tensor *out, reel_tensor *mask, reel_tensor *x,
                               reel_tensor *y) {
    return into(REEL_OP_where, at, out, 3, (reel_tensor *[]){mask, x, y}, 0, 0);
}

reel_tensor *reel_masked_fill_at_(const char *at, reel_tensor *t, reel_tensor *mask, double value) {
    REEL__COMPOSITE(.name = "masked_fill_", .at = at, .in = {t, mask}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    REEL_SCOPE;
    reel_tensor *filling =
        reel_full_at(at, REEL_SCALAR, value, reel_dtype_of(t), reel_device_of(t));
    return reel_where_out_at(at, t, mask, filling, t);
}

/* A product reads its inputs while it writes: none may lie where the result does. */
static reel_tensor *elsewhere(const char *at, reel_tensor *x, const reel_tensor *out) {
    return x && x == out ? reel__unary(REEL_OP_copy, at, x) : reel__apart(at, x, out);
}

reel_tensor *reel_matmul_out_at(const char *at, reel_tensor *out, reel_tensor *x, reel_tensor *y) {
    REEL_SCOPE;
    reel_tensor *in[] = {elsewhere(at, x, out), elsewhere(at, y, out)};
    return reel__run_into((reel__call){.op = REEL_OP_matmul, .at = at, .nin = 2, .in = in}, out);
}

reel_tensor *reel_copy_at_(const char *at, reel_tensor *to, reel_tensor *from) {
    REEL__COMPOSITE(.name = "copy_", .at = at, .in = {to, from}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    REEL_SCOPE;
    from = reel_to_at(at, reel_cast_at(at, from, to->layout.dtype), to->storage->device);
    from = reel__apart(at, from, to);
    return reel__run_into(
        (reel__call){.op = REEL_OP_copy, .at = at, .first = 1, .nin = 1, .in = &from}, to);
}

reel_tensor *reel_fill_at_(const char *at, reel_tensor *t, double value) {
    reel__attrs attr = {.f = {value}};
    if (reel__is_alive(t)) attr.shape = t->layout.shape, attr.dtype = t->layout.dtype;
    return reel__run_into((reel__call){.op = REEL_OP_fill, .at = at, .attr = attr}, t);
}
