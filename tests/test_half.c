/* f16 and bf16: every value there and back, rounding, and that they are moved, and computed in f32.
 */
#include "tests/expect.h"
#include "tests/op_cases.h"
#include "tests/temp_dir.h"

#include "autograd/autograd.h"
#include "nn/nn.h"

#define ALL 65536

/* What the bits of an f16 or a bf16 stand for. */
static double value_of(uint16_t bits, reel_dtype dtype) {
    const int mantissa = dtype == REEL_F16 ? 10 : 7, exponents = dtype == REEL_F16 ? 31 : 255;
    const int exponent = bits >> mantissa & exponents, fraction = bits & ((1 << mantissa) - 1);
    const double sign = bits >> 15 ? -1 : 1;
    if (exponent == exponents) return fraction ? NAN : sign * INFINITY;
    const int smallest = 1 - (exponents >> 1) - mantissa;
    return sign * (exponent ? ldexp(fraction + (1 << mantissa), smallest + exponent - 1)
                            : ldexp(fraction, smallest));
}

static reel_tensor *all_bits(uint16_t *bits, reel_dtype dtype) {
    for (int i = 0; i < ALL; i++) bits[i] = (uint16_t)i;
    return to_device(reel_from(bits, reel_shape(ALL), dtype));
}

/* bf16 below 2^-126 are denormals in f32 too, and may be flushed to zero where they are cast to
 * f64. */
static bool may_be_flushed(double x, reel_dtype dtype) {
    return dtype == REEL_BF16 && fabs(x) < 0x1p-126;
}

START_TEST(every_value_is_what_its_bits_say) {
    static uint16_t bits[ALL], back[ALL];
    static double v[ALL];
    for (int d = REEL_F16; d <= REEL_BF16; d++) {
        REEL_SCOPE;
        const reel_dtype dtype = (reel_dtype)d;
        reel_tensor *t = all_bits(bits, dtype);
        ck_assert(reel_read(reel_cast(t, REEL_F64), v, sizeof v) == REEL_OK);
        for (int i = 0; i < ALL; i++) {
            const double want = value_of((uint16_t)i, dtype);
            ck_assert_msg(v[i] == want || (isnan(v[i]) && isnan(want)) ||
                              may_be_flushed(want, dtype),
                          "%s %04x: %g, not %g", reel_dtype_name(dtype), (unsigned)i, v[i], want);
        }
        reel_tensor *f32 = reel_cast(t, REEL_F32);
        ck_assert(reel_read(reel_cast(f32, dtype), back, sizeof back) == REEL_OK);
        for (int i = 0; i < ALL; i++) {
            const double want = value_of((uint16_t)i, dtype);
            ck_assert(back[i] == i || (isnan(want) && isnan(value_of(back[i], dtype))));
        }
    }
}
END_TEST

static void expect_rounded(float x, reel_dtype dtype, uint16_t want) {
    uint16_t got = 0;
    {
        REEL_SCOPE;
        reel_tensor *t = to_device(reel_from(&x, reel_shape(1), REEL_F32));
        ck_assert(reel_read(reel_cast(t, dtype), &got, sizeof got) == REEL_OK);
    }
    ck_assert_msg(got == want, "%a as %s: %04x, not %04x", (double)x, reel_dtype_name(dtype), got,
                  want);
}

/* Between two neighbours: the half goes to the even one, what is beside it to the nearer one. */
START_TEST(rounds_to_nearest_even) {
    for (int d = REEL_F16; d <= REEL_BF16; d++) {
        const reel_dtype dtype = (reel_dtype)d;
        const uint16_t infinite = dtype == REEL_F16 ? 0x7c00 : 0x7f80;
        for (unsigned low = 0x0100; low + 1 < infinite; low += 97) {
            const uint16_t below = (uint16_t)low, above = (uint16_t)(low + 1);
            const double half = (value_of(below, dtype) + value_of(above, dtype)) / 2;
            expect_rounded((float)half, dtype, low % 2 ? above : below);
            expect_rounded(nextafterf((float)half, 0), dtype, below);
            expect_rounded(nextafterf((float)half, INFINITY), dtype, above);
            expect_rounded((float)-half, dtype, (low % 2 ? above : below) | 0x8000);
        }
    }
    expect_rounded(65519.0f, REEL_F16, 0x7bff);
    expect_rounded(65520.0f, REEL_F16, 0x7c00);
    expect_rounded(1e30f, REEL_F16, 0x7c00);
    expect_rounded(-INFINITY, REEL_F16, 0xfc00);
    expect_rounded(0x1p-25f, REEL_F16, 0x0000);
    expect_rounded(0x1.8p-25f, REEL_F16, 0x0001);
    expect_rounded(0x1.ffcp-15f, REEL_F16, 0x0400); /* up to the smallest that is normal */
    expect_rounded(3.4e38f, REEL_BF16, 0x7f80);
}
END_TEST

/* From f64 and i64 too, which f32 would round first. */
START_TEST(rounds_once) {
    static const struct {
        double x;
        reel_dtype dtype;
        double want;
    } real[] = {{65519.999999999, REEL_F16, 65504},
                {65520, REEL_F16, INFINITY},
                {-65519.999999999, REEL_F16, -65504},
                {1 + 0x1p-11 + 0x1p-40, REEL_F16, 1 + 0x1p-10},
                {1 + 0x1p-11, REEL_F16, 1},
                {1 + 0x3p-11 - 0x1p-40, REEL_F16, 1 + 0x1p-10},
                {0x1p-25 + 0x1p-70, REEL_F16, 0x1p-24},
                {0x1p-25, REEL_F16, 0},
                {0x1.ffcp-15 - 0x1p-60, REEL_F16, 0x1.ff8p-15},
                {0x1.ffep-15, REEL_F16, 0x1p-14},
                {1e-300, REEL_F16, 0},
                {-1e300, REEL_F16, -INFINITY},
                {INFINITY, REEL_F16, INFINITY},
                {1 + 0x1p-8 + 0x1p-40, REEL_BF16, 1 + 0x1p-7},
                {1 + 0x1p-8, REEL_BF16, 1},
                {0x1.fefffffffffffp127, REEL_BF16, 0x1.fep127},
                {0x1.ffp127, REEL_BF16, INFINITY},
                {1e300, REEL_BF16, INFINITY},
                {-1e-300, REEL_BF16, 0}};
    static const struct {
        int64_t x;
        reel_dtype dtype;
        double want;
    } whole[] = {{16973823, REEL_BF16, 16908288},
                 {16973824, REEL_BF16, 17039360},
                 {-16973823, REEL_BF16, -16908288},
                 {2049, REEL_F16, 2048},
                 {2051, REEL_F16, 2052},
                 {65519, REEL_F16, 65504},
                 {65520, REEL_F16, INFINITY},
                 {((int64_t)1 << 60) + ((int64_t)1 << 52), REEL_BF16, 0x1p60},
                 {((int64_t)1 << 60) + ((int64_t)1 << 52) + 1, REEL_BF16, 0x1p60 + 0x1p53},
                 {-((int64_t)1 << 60) - ((int64_t)1 << 52) - 1, REEL_BF16, -0x1p60 - 0x1p53},
                 {-((int64_t)1 << 60) - ((int64_t)1 << 52) + 1, REEL_BF16, -0x1p60},
                 {INT64_MAX, REEL_BF16, 0x1p63},
                 {INT64_MIN, REEL_BF16, -0x1p63}};
    for (size_t k = 0; k < sizeof real / sizeof *real; k++) {
        REEL_SCOPE;
        const double got = element(reel_cast(f64(reel_shape(1), &real[k].x), real[k].dtype), 0);
        ck_assert_msg(got == real[k].want, "%a: %a, not %a", real[k].x, got, real[k].want);
    }
    for (size_t k = 0; k < sizeof whole / sizeof *whole; k++) {
        REEL_SCOPE;
        reel_tensor *x = to_device(reel_from(&whole[k].x, reel_shape(1), REEL_I64));
        const double got = element(reel_cast(x, whole[k].dtype), 0);
        ck_assert_msg(got == whole[k].want, "%lld: %a, not %a", (long long)whole[k].x, got,
                      whole[k].want);
    }
}
END_TEST

/* Of any f32, f64 rounds as f32 does. */
START_TEST(wide_casts_are_narrow_ones) {
    enum { N = 60000 };
    static float x[N];
    static uint16_t wide[N], narrow[N];
    uint32_t bits = 1;
    for (int i = 0; i < N; i++) {
        bits = bits * 1664525 + 1013904223;
        const uint32_t magnitude = bits & 0x7fffffff, normal = magnitude < 0x00800000 ? 0 : bits;
        memcpy(&x[i], &normal, sizeof normal);
    }
    for (int d = REEL_F16; d <= REEL_BF16; d++) {
        REEL_SCOPE;
        reel_tensor *t = to_device(reel_from(x, reel_shape(N), REEL_F32));
        const reel_dtype dtype = (reel_dtype)d;
        ck_assert(reel_read(reel_cast(t, dtype), narrow, sizeof narrow) == REEL_OK);
        ck_assert(reel_read(reel_cast(reel_cast(t, REEL_F64), dtype), wide, sizeof wide) ==
                  REEL_OK);
        for (int i = 0; i < N; i++)
            ck_assert_msg(wide[i] == narrow[i], "%a: %04x, not %04x", (double)x[i], wide[i],
                          narrow[i]);
    }
}
END_TEST

START_TEST(casts_between_all) {
    REEL_SCOPE;
    const double x[] = {-1.5, 255.9, 300, NAN, 70000, -70000, 0.1};
    reel_tensor *t = f64(reel_shape(7), x);
    reel_tensor *h = reel_cast(t, REEL_F16), *b = reel_cast(t, REEL_BF16);
    ck_assert_double_eq(element(h, 0), -1.5);
    ck_assert_double_eq(element(h, 6), 0.0999755859375);
    ck_assert_double_eq(element(b, 6), 0.10009765625);
    ck_assert(isinf(element(h, 4)) && element(h, 5) == -INFINITY);
    ck_assert_double_eq(element(reel_cast(h, REEL_U8), 2), 255);
    ck_assert_double_eq(element(reel_cast(h, REEL_U8), 3), 0);
    ck_assert_double_eq(element(reel_cast(h, REEL_I64), 2), 300);
    ck_assert_double_eq(element(reel_cast(h, REEL_I64), 5), -0x1p63);
    ck_assert_double_eq(element(reel_cast(h, REEL_BF16), 2), 300);
    reel_tensor *n = reel_arange(300, REEL_I64, test_device());
    ck_assert_double_eq(element(reel_cast(n, REEL_F16), 299), 299);
    ck_assert_double_eq(element(reel_cast(n, REEL_BF16), 299), 300);
    ck_assert_double_eq(element(reel_dequantize(h, 0.5, REEL_F32), 2), 150);
}
END_TEST

static void expect_numbers(reel_tensor *t, reel_dtype dtype, const double *want, int64_t count) {
    expect_fine();
    ck_assert_int_eq(reel_dtype_of(t), dtype);
    ck_assert_int_eq(reel_numel(t), count);
    for (int64_t i = 0; i < count; i++) ck_assert_double_eq(element(t, i), want[i]);
}

START_TEST(elements_are_moved) {
    for (int d = REEL_F16; d <= REEL_BF16; d++) {
        REEL_SCOPE;
        const reel_dtype dtype = (reel_dtype)d;
        reel_tensor *x = reel_reshape(reel_cast(reel_arange(6, REEL_F32, test_device()), dtype),
                                      reel_shape(2, 3));
        const int64_t second[] = {1}, twice[] = {2, 0, 1, 1};
        reel_tensor *row = to_device(reel_from(second, reel_shape(1), REEL_I64));
        reel_tensor *index = to_device(reel_from(twice, reel_shape(2, 2), REEL_I64));
        expect_numbers(reel_contiguous(reel_t(x)), dtype, (double[]){0, 3, 1, 4, 2, 5}, 6);
        expect_numbers(reel_index_select(x, 0, row), dtype, (double[]){3, 4, 5}, 3);
        expect_numbers(reel_gather(x, 1, index), dtype, (double[]){2, 0, 4, 4}, 4);
        expect_numbers(reel_full(reel_shape(3), 0.5, dtype, test_device()), dtype,
                       (double[]){0.5, 0.5, 0.5}, 3);
        reel_tensor *mask =
            reel_ge(reel_cast(x, REEL_F32), reel_scalar(3, REEL_F32, test_device()));
        expect_numbers(reel_masked_fill(x, mask, -2), dtype, (double[]){0, 1, 2, -2, -2, -2}, 6);
        expect_numbers(reel_slice(x, 1, 1, 3, 1), dtype, (double[]){1, 2, 4, 5}, 4);
        ck_assert_double_eq(reel_item(reel_select(reel_select(x, 0, 1), 0, 2)), 5);
        reel_tensor *to = reel_zeros(reel_shape(2, 3), dtype, test_device());
        reel_copy_(to, reel_arange(3, REEL_I64, test_device()));
        expect_numbers(to, dtype, (double[]){0, 1, 2, 0, 1, 2}, 6);
    }
}
END_TEST

/* A NaN's own bits too. */
START_TEST(copies_keep_bits) {
    static uint16_t bits[ALL], back[ALL];
    REEL_SCOPE;
    reel_tensor *t = reel_reshape(all_bits(bits, REEL_F16), reel_shape(256, 256));
    reel_tensor *twice = reel_contiguous(reel_t(reel_contiguous(reel_t(t))));
    ck_assert(reel_read(twice, back, sizeof back) == REEL_OK);
    ck_assert(memcmp(bits, back, sizeof bits) == 0);
}
END_TEST

/* ---- computed in f32, and rounded ---- */

/* Input i of a case, within its bounds; `wide` is the same in f32. */
static reel_tensor *input_of(const op_case *c, int i, const op_shapes *s, reel_dtype dtype,
                             reel_tensor **wide) {
    const double low = c->low[i], high = low == c->high[i] ? 2 : c->high[i];
    if (case_dtype(c, i, dtype) == REEL_I64)
        return *wide = reel_zeros(s->in[i], REEL_I64, test_device());
    const int64_t n = reel_numel(reel_zeros(s->in[i], REEL_U8, test_device()));
    reel_tensor *t = reel_sin(reel_arange(n, REEL_F32, test_device()));
    t = reel_reshape(reel_affine(t, (high - low) / 2, (high + low) / 2), s->in[i]);
    t = reel_cast(t, dtype);
    *wide = reel_cast(t, REEL_F32);
    return t;
}

static void expect_same_bits(const char *op, reel_tensor *got, reel_tensor *want) {
    static char a[1 << 18], b[sizeof a];
    const size_t bytes = (size_t)reel_numel(want) * reel_dtype_size(reel_dtype_of(want));
    ck_assert_msg(got && want, "%s: %s", op, reel_error());
    ck_assert_int_eq(reel_dtype_of(got), reel_dtype_of(want));
    ck_assert(bytes <= sizeof a && reel_read(got, a, bytes) == REEL_OK &&
              reel_read(want, b, bytes) == REEL_OK);
    ck_assert_msg(memcmp(a, b, bytes) == 0, "%s differs from what f32 gives", op);
}

static bool is_widened(int op) {
    return op_cases[op] && op_cases[op]->inputs > 0 && !op_cases[op]->no_layouts &&
           !op_cases[op]->floats_only && reel__op_takes((reel__op)op, REEL_F16) &&
           reel__compute_dtype((reel__op)op, REEL_F16) == REEL_F32;
}

START_TEST(every_row_computes_in_f32) {
    int checked = 0;
    for (int op = 0; op < REEL_OP_COUNT; op++)
        for (int d = REEL_F16; d <= REEL_BF16 && is_widened(op); d++)
            for (int k = 0; k < 3; k++) {
                REEL_SCOPE;
                const op_case *c = op_cases[op];
                const op_shapes *s = &c->shapes[k % c->shape_count];
                reel_tensor *in[CASE_INPUTS], *wide[CASE_INPUTS];
                for (int i = 0; i < c->inputs; i++)
                    in[i] = input_of(c, i, s, (reel_dtype)d, &wide[i]);
                reel_tensor *got = c->run(in, s->param, (reel_dtype)d);
                reel_tensor *want = c->run(wide, s->param, REEL_F32);
                ck_assert_msg(got && want, "%s: %s", reel__ops[op].name, reel_error());
                const bool rounded = reel_dtype_of(want) == REEL_F32;
                expect_same_bits(reel__ops[op].name, got,
                                 rounded ? reel_cast(want, (reel_dtype)d) : want);
                checked++;
            }
    ck_assert_int_gt(checked, 400);
}
END_TEST

/* What is expanded stays so: this many elements have room nowhere. */
START_TEST(expanded_ones_are_not_copied) {
    for (int d = REEL_F16; d <= REEL_BF16; d++) {
        REEL_SCOPE;
        reel_tensor *x = reel_cast(reel_arange(3, REEL_F32, test_device()), (reel_dtype)d);
        x = reel_expand(reel_reshape(x, reel_shape(1, 3, 1)),
                        reel_shape((int64_t)1 << 40, 3, 1 << 10));
        expect_numbers(reel_mean_over(x, reel_axes(0, 2), false), (reel_dtype)d,
                       (double[]){0, 1, 2}, 3);
        ck_assert_double_eq(reel_item(reel_max(x)), 2);
    }
}
END_TEST

START_TEST(results_in_place_and_added_to) {
    REEL_SCOPE;
    reel_tensor *x = reel_cast(reel_arange(6, REEL_F32, test_device()), REEL_BF16);
    x = reel_reshape(x, reel_shape(2, 3));
    ck_assert_ptr_eq(reel_in_place(square, x), x);
    expect_numbers(x, REEL_BF16, (double[]){0, 1, 4, 9, 16, 25}, 6);
    reel_tensor *y = reel_full(reel_shape(2, 2), 1, REEL_BF16, test_device());
    reel_into(y, matmul, x, reel_t(x));
    expect_numbers(y, REEL_BF16, (double[]){17, 116, 116, 960}, 4); /* 962 in f32 */
    ck_assert(reel__matmul_into(REEL_HERE, y, x, reel_t(x), true) == REEL_OK);
    expect_numbers(y, REEL_BF16, (double[]){34, 232, 232, 1920}, 4);
    ck_assert_ptr_null(reel_in_place(add, y, reel_cast(y, REEL_F32)));
    expect_failure(REEL_ERR_DTYPE, "add_: dtypes differ: y[2, 2] bf16");
}
END_TEST

START_TEST(have_gradients) {
    REEL_SCOPE;
    reel_tensor *x = reel_full(reel_shape(2, 3), 2, REEL_F16, test_device());
    reel_tensor *w = reel_track(reel_full(reel_shape(3, 2), 0.5, REEL_F16, test_device()));
    for (int twice = 0; twice < 2; twice++)
        ck_assert(reel_backward(reel_sum(reel_square(reel_matmul(x, w)))) == REEL_OK);
    expect_numbers(reel_grad(w), REEL_F16, (double[]){48, 48, 48, 48, 48, 48}, 6);
}
END_TEST

/* The gradient of `f`, weighted, in f16 and in f32, but for what f16 kept of the result. */
static void expect_wide_gradient(reel_tensor *(*f)(reel_tensor *), reel_tensor *x,
                                 reel_tensor *weight) {
    reel_tensor *grad[2];
    for (int wide = 0; wide < 2; wide++) {
        const reel_dtype dtype = wide ? REEL_F32 : REEL_F16;
        reel_tensor *leaf = reel_track(reel_detach(reel_cast(reel_cast(x, REEL_F16), dtype)));
        reel_tensor *y = f(leaf), *w = reel_expand(reel_cast(weight, dtype), reel_shape_of(y));
        reel_grad_of(&y, 1, &leaf, 1, &grad[wide], (reel_grad_of_options){.gradients = &w});
        expect_fine();
    }
    grad[1] = reel_cast(grad[1], REEL_F16);
    const double top = reel_item(reel_max(reel_abs(grad[1])));
    for (int64_t i = 0; i < reel_numel(x); i += 997)
        ck_assert_double_eq_tol(element(grad[0], i), element(grad[1], i), 0x1p-6 * top);
}

static reel_tensor *greatest(reel_tensor *x) {
    return reel_max(x);
}
static reel_tensor *log_softmax(reel_tensor *x) {
    return reel_log_softmax(x, 0);
}
static reel_tensor *spread_of(reel_tensor *x) {
    return reel_std(x);
}

/* What a gradient rule adds up passes beyond f16 on the way. */
START_TEST(gradients_compute_in_f32) {
    REEL_SCOPE;
    reel_tensor *same = reel_ones(reel_shape(70000), REEL_F32, test_device());
    reel_tensor *steps = reel_linspace(1, 2, 70000, REEL_F32, test_device());
    expect_wide_gradient(greatest, same, reel_scalar(100, REEL_F32, test_device()));
    expect_wide_gradient(log_softmax, steps, reel_scalar(1, REEL_F32, test_device()));
    expect_wide_gradient(spread_of, steps, reel_scalar(1000, REEL_F32, test_device()));
}
END_TEST

/* The op is named, not the cast of what it computed; what is looked at alone may be infinite. */
START_TEST(anomalies_are_the_ops) {
    REEL_SCOPE;
    reel_tensor *x = reel_full(reel_shape(2), 300, REEL_F16, test_device());
    reel_tensor *infinite = reel_square(x);
    reel_set_anomaly(true);
    ck_assert_ptr_null(reel_square(x));
    expect_failure(REEL_ERR_STATE, "square: anomaly: its result holds NaN or infinity: x[2]");
    expect_numbers(reel_isinf(infinite), REEL_U8, (double[]){1, 1}, 2);
    reel_set_anomaly(false);
}
END_TEST

START_TEST(what_takes_none) {
    REEL_SCOPE;
    ck_assert_ptr_null(reel_arange(3, REEL_BF16, test_device()));
    expect_failure(REEL_ERR_DTYPE, "arange: does not count in bf16");
    reel_tensor *x = reel_full(reel_shape(2), 1, REEL_F16, test_device());
    ck_assert_ptr_null(reel_add(x, reel_cast(x, REEL_BF16)));
    expect_failure(REEL_ERR_DTYPE, "add: dtypes differ: x[2] f16");
}
END_TEST

START_TEST(gradients_pass_through_a_cast) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_full(reel_shape(3), 1.5, REEL_F32, test_device()));
    reel_tensor *y = reel_cast(reel_cast(x, REEL_BF16), REEL_F32);
    reel_backward(reel_sum(reel_mul(y, y)));
    expect_numbers(reel_grad(x), REEL_F32, (double[]){3, 3, 3}, 3);
}
END_TEST

START_TEST(are_written_and_read) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_cast(reel_arange(5, REEL_F32, test_device()), REEL_F16);
        reel_state_put(s, "a", x);
        reel_state_put(s, "b", reel_cast(x, REEL_BF16));
        ck_assert_int_eq(reel_safetensors_write(s, in_dir("h")), REEL_OK);
        reel_state *back = reel_safetensors_read(in_dir("h"));
        ck_assert_msg(back != NULL, "%s", reel_error());
        expect_numbers(reel_state_get(back, "a"), REEL_F16, (double[]){0, 1, 2, 3, 4}, 5);
        expect_numbers(reel_state_get(back, "b"), REEL_BF16, (double[]){0, 1, 2, 3, 4}, 5);
        reel_state_free(back);
    }
    reel_state_free(s);
}
END_TEST

START_TEST(are_printed) {
    char text[64] = "";
    FILE *f = fmemopen(text, sizeof text, "w");
    {
        REEL_SCOPE;
        reel_print(f, reel_cast(reel_arange(3, REEL_F32, test_device()), REEL_F16));
    }
    fclose(f);
    ck_assert_str_eq(text, "[0. 1. 2.]\n");
}
END_TEST

int main(void) {
    Suite *s = suite_create("half");
    TCase *t = add_case(s, "values");
    tcase_add_test(t, every_value_is_what_its_bits_say);
    tcase_add_test(t, rounds_to_nearest_even);
    tcase_add_test(t, rounds_once);
    tcase_add_test(t, wide_casts_are_narrow_ones);
    tcase_add_test(t, casts_between_all);
    t = add_case(s, "storage");
    tcase_add_test(t, elements_are_moved);
    tcase_add_test(t, copies_keep_bits);
    tcase_add_test(t, every_row_computes_in_f32);
    tcase_add_test(t, expanded_ones_are_not_copied);
    tcase_add_test(t, results_in_place_and_added_to);
    tcase_add_test(t, have_gradients);
    tcase_add_test(t, gradients_compute_in_f32);
    tcase_add_test(t, anomalies_are_the_ops);
    tcase_add_test(t, what_takes_none);
    tcase_add_test(t, gradients_pass_through_a_cast);
    tcase_add_test(t, are_printed);
    t = add_dir_case(s, "files");
    tcase_add_test(t, are_written_and_read);
    return run_suite(s);
}
