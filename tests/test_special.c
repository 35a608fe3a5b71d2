/* Elementwise functions at the edges of what numbers there are, and how exact they are. */
#include "tests/expect.h"

#include "autograd/autograd.h"

#define ROWS(list) ((int)(sizeof(list) / sizeof((list)[0])))

/* Numbers at the edges. */
static const double edges[] = {0.0, -0.0, INFINITY, -INFINITY, NAN, 1e300, -1e300, 1e-300};

static reel_tensor *leaky(const char *at, reel_tensor *x) {
    return reel_leaky_relu_at(at, x, 0.5);
}
static reel_tensor *elu(const char *at, reel_tensor *x) {
    return reel_elu_at(at, x, 1);
}
static reel_tensor *softplus(const char *at, reel_tensor *x) {
    return reel_softplus_at(at, x, 1, 20);
}
static reel_tensor *clamp(const char *at, reel_tensor *x) {
    return reel_clamp_at(at, x, -2, 3);
}

/* What a function makes of them; of the last three as f32, which has inf, -inf and 0 there. */
typedef struct {
    const char *name;
    reel_tensor *(*f)(const char *, reel_tensor *);
    double want[8], narrow[3];
} edge_row;

static const edge_row edge_rows[] = {
    {"relu", reel_relu_at, {0, 0, INFINITY, 0, NAN, 1e300, 0, 0}, {INFINITY, 0, 0}},
    {"sigmoid", reel_sigmoid_at, {0.5, 0.5, 1, 0, NAN, 1, 0, 0.5}, {1, 0, 0.5}},
    {"tanh", reel_tanh_at, {0, 0, 1, -1, NAN, 1, -1, 0}, {1, -1, 0}},
    {"exp", reel_exp_at, {1, 1, INFINITY, 0, NAN, INFINITY, 0, 1}, {INFINITY, 0, 1}},
    {"expm1", reel_expm1_at, {0, 0, INFINITY, -1, NAN, INFINITY, -1, 1e-300}, {INFINITY, -1, 0}},
    {"log",
     reel_log_at,
     {-INFINITY, -INFINITY, INFINITY, NAN, NAN, 690.77552789821368, NAN, -690.77552789821368},
     {INFINITY, NAN, -INFINITY}},
    {"log1p",
     reel_log1p_at,
     {0, 0, INFINITY, NAN, NAN, 690.77552789821368, NAN, 1e-300},
     {INFINITY, NAN, 0}},
    {"sqrt", reel_sqrt_at, {0, 0, INFINITY, NAN, NAN, 1e150, NAN, 1e-150}, {INFINITY, NAN, 0}},
    {"sin",
     reel_sin_at,
     {0, 0, NAN, NAN, NAN, -0.81788191211590850, 0.81788191211590850, 1e-300},
     {NAN, NAN, 0}},
    {"cos",
     reel_cos_at,
     {1, 1, NAN, NAN, NAN, -0.57538611195754908, -0.57538611195754908, 1},
     {NAN, NAN, 1}},
    {"erf", reel_erf_at, {0, 0, 1, -1, NAN, 1, -1, 1.1283791670955126e-300}, {1, -1, 0}},
    {"abs",
     reel_abs_at,
     {0, 0, INFINITY, INFINITY, NAN, 1e300, 1e300, 1e-300},
     {INFINITY, INFINITY, 0}},
    {"sign", reel_sign_at, {0, 0, 1, -1, 0, 1, -1, 1}, {1, -1, 0}},
    {"floor",
     reel_floor_at,
     {0, 0, INFINITY, -INFINITY, NAN, 1e300, -1e300, 0},
     {INFINITY, -INFINITY, 0}},
    {"ceil",
     reel_ceil_at,
     {0, 0, INFINITY, -INFINITY, NAN, 1e300, -1e300, 1},
     {INFINITY, -INFINITY, 0}},
    {"round",
     reel_round_at,
     {0, 0, INFINITY, -INFINITY, NAN, 1e300, -1e300, 0},
     {INFINITY, -INFINITY, 0}},
    {"trunc",
     reel_trunc_at,
     {0, 0, INFINITY, -INFINITY, NAN, 1e300, -1e300, 0},
     {INFINITY, -INFINITY, 0}},
    {"silu", reel_silu_at, {0, 0, INFINITY, 0, NAN, 1e300, 0, 5e-301}, {INFINITY, 0, 0}},
    {"gelu", reel_gelu_at, {0, 0, INFINITY, 0, NAN, 1e300, 0, 5e-301}, {INFINITY, 0, 0}},
    {"leaky_relu",
     leaky,
     {0, 0, INFINITY, -INFINITY, NAN, 1e300, -5e299, 1e-300},
     {INFINITY, -INFINITY, 0}},
    {"elu", elu, {0, 0, INFINITY, -1, NAN, 1e300, -1, 1e-300}, {INFINITY, -1, 0}},
    {"softplus",
     softplus,
     {0.69314718055994531, 0.69314718055994531, INFINITY, 0, NAN, 1e300, 0, 0.69314718055994531},
     {INFINITY, 0, 0.69314718055994531}},
    {"clamp", clamp, {0, 0, 3, -2, NAN, 3, -2, 1e-300}, {3, -2, 0}},
};

static void expect_edge(const char *what, double x, double got, double want) {
    ck_assert_msg((isnan(got) && isnan(want)) || got == want ||
                      fabs(got - want) <= 1e-6 * fabs(want) + 1e-290,
                  "%s of %g: %g, not %g", what, x, got, want);
}

START_TEST(special_values) {
    for (int k = 0; k < ROWS(edge_rows); k++) {
        REEL_SCOPE;
        const edge_row *r = &edge_rows[k];
        for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
            reel_tensor *y =
                r->f(REEL_HERE, reel_cast(f64(reel_shape(8), edges), (reel_dtype)dtype));
            for (int i = 0; i < 8; i++)
                expect_edge(r->name, edges[i], element(y, i),
                            dtype == REEL_F32 && i > 4 ? r->narrow[i - 5] : r->want[i]);
        }
    }
}
END_TEST

/* As C's pow, which is IEEE 754's. */
START_TEST(powers) {
    const double x[] = {0, -0.0, 1, -1, 2, -2, 0.5, -0.5, INFINITY, -INFINITY, NAN, 3, -3, 1e200},
                 y[] = {0, 1, -1, 2, 3, -3, 0.5, -0.5, 2.5, INFINITY, -INFINITY, NAN, 1e10, -1001};
    REEL_SCOPE;
    reel_tensor *a = f64(reel_shape(14, 1), x), *b = f64(reel_shape(14), y);
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
        reel_tensor *z = reel_pow(reel_cast(a, (reel_dtype)dtype), reel_cast(b, (reel_dtype)dtype));
        for (int i = 0; i < 14 * 14; i++) {
            const double p = dtype == REEL_F32 ? (double)(float)x[i / 14] : x[i / 14];
            const double q = dtype == REEL_F32 ? (double)(float)y[i % 14] : y[i % 14];
            const double got = element(z, i);
            double want = pow(p, q);
            if (dtype == REEL_F32) want = (double)(float)want;
            ck_assert_msg((isnan(got) && isnan(want)) || got == want ||
                              fabs(got - want) <= 1e-6 * fabs(want) + 1e-38,
                          "%g^%g: %g, not %g", p, q, got, want);
            if (want == 0 || isinf(want)) ck_assert(!signbit(got) == !signbit(want));
        }
    }
}
END_TEST

/* Within the units in the last place that scalar.h promises, over all that is not flushed. */
START_TEST(functions_are_accurate) {
    static const struct {
        const char *name;
        reel_tensor *(*f)(const char *, reel_tensor *);
        double (*exact)(double), low, high, ulps;
    } row[] = {
        {"exp", reel_exp_at, exp, -87, 88, 2},
        {"expm1", reel_expm1_at, expm1, -40, 88, 4},
        {"log", reel_log_at, log, 1e-30, 1e30, 2},
        {"log1p", reel_log1p_at, log1p, -0.9, 1e10, 2},
        {"tanh", reel_tanh_at, tanh, -12, 12, 4},
        {"erf", reel_erf_at, erf, -7, 7, 4},
        {"sin", reel_sin_at, sin, -3000, 3000, 2},
        {"cos", reel_cos_at, cos, -3000, 3000, 2},
        {"erf small", reel_erf_at, erf, -0.6, 0.6, 4},
        {"sin small", reel_sin_at, sin, -3, 3, 2},
    };
    enum { N = 20000 };
    static double v[N], got[N];
    uint64_t seed = 1;
    for (int k = 0; k < ROWS(row); k++)
        for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
            REEL_SCOPE;
            for (int i = 0; i < N; i++) {
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                v[i] = row[k].low + (row[k].high - row[k].low) * (double)(seed >> 11) * 0x1p-53;
                if (dtype == REEL_F32) v[i] = (double)(float)v[i];
            }
            reel_tensor *y =
                row[k].f(REEL_HERE, reel_cast(f64(reel_shape(N), v), (reel_dtype)dtype));
            ck_assert(reel_read(reel_cast(y, REEL_F64), got, sizeof got) == REEL_OK);
            const double unit = dtype == REEL_F32 ? 0x1p-23 : 0x1p-52;
            for (int i = 0; i < N; i++) {
                const double want = row[k].exact(v[i]);
                /* an angle's own error, of the reduction, at a zero of the function */
                const double angle = row[k].exact == sin || row[k].exact == cos ? unit / 8 : 0;
                ck_assert_msg(fabs(got[i] - want) <= row[k].ulps * unit * fabs(want) + angle,
                              "%s %s of %.17g: %.17g, not %.17g", row[k].name,
                              reel_dtype_name((reel_dtype)dtype), v[i], got[i], want);
            }
        }
}
END_TEST

START_TEST(truth_of_special_values) {
    const double x[] = {NAN, NAN, INFINITY, 0, -0.0}, y[] = {NAN, 1, INFINITY, -0.0, 1};
    const struct {
        reel_tensor *(*f)(const char *, reel_tensor *, reel_tensor *);
        double want[5];
    } row[] = {{reel_eq_at, {0, 0, 1, 1, 0}},          {reel_ne_at, {1, 1, 0, 0, 1}},
               {reel_lt_at, {0, 0, 0, 0, 1}},          {reel_le_at, {0, 0, 1, 1, 1}},
               {reel_gt_at, {0, 0, 0, 0, 0}},          {reel_ge_at, {0, 0, 1, 1, 0}},
               {reel_logical_and_at, {1, 1, 1, 0, 0}}, {reel_logical_or_at, {1, 1, 1, 0, 1}},
               {reel_logical_xor_at, {0, 0, 0, 0, 1}}};
    for (int k = 0; k < ROWS(row); k++) {
        REEL_SCOPE;
        reel_tensor *a = f64(reel_shape(5), x), *b = f64(reel_shape(5), y);
        expect_values(row[k].f(REEL_HERE, a, b), row[k].want, 5);
        expect_values(row[k].f(REEL_HERE, reel_cast(a, REEL_F32), reel_cast(b, REEL_F32)),
                      row[k].want, 5);
    }
    REEL_SCOPE;
    reel_tensor *a = f64(reel_shape(5), x);
    expect_values(reel_isnan(a), (double[]){1, 1, 0, 0, 0}, 5);
    expect_values(reel_isinf(reel_neg(a)), (double[]){0, 0, 1, 0, 0}, 5);
    expect_values(reel_isfinite(a), (double[]){0, 0, 0, 1, 1}, 5);
    expect_values(reel_logical_not(a), (double[]){0, 0, 0, 1, 1}, 5);
    reel_tensor *one = reel_scalar(1, REEL_F64, test_device());
    ck_assert(isnan(element(reel_maximum(a, one), 0)) && isnan(element(reel_minimum(one, a), 1)));
}
END_TEST

/* What where does not take has no part in it. */
START_TEST(where_keeps_nan_out) {
    REEL_SCOPE;
    const double x[] = {4, 0, 9};
    reel_tensor *t = reel_track(f64(reel_shape(3), x));
    reel_tensor *zero = reel_scalar(0, REEL_F64, test_device());
    reel_tensor *mask = reel_gt(t, zero);
    reel_tensor *safe = reel_where(mask, t, reel_scalar(1, REEL_F64, test_device()));
    reel_tensor *y = reel_where(mask, reel_log(safe), zero);
    reel_backward(reel_sum(y));
    expect_values(reel_grad(t), (double[]){0.25, 0, 1.0 / 9}, 3);
}
END_TEST

int main(void) {
    Suite *s = suite_create("special");
    TCase *t = add_case(s, "values");
    tcase_add_test(t, special_values);
    tcase_add_test(t, powers);
    tcase_add_test(t, functions_are_accurate);
    tcase_add_test(t, truth_of_special_values);
    tcase_add_test(t, where_keeps_nan_out);
    return run_suite(s);
}
