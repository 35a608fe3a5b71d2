/* Values at the ends of what floats hold: what is right there, where a formula's parts overflow,
 * vanish, or multiply nothing by infinity. */
#include "nn/nn.h"
#include "optim/optim.h"

#include "tests/leaves.h"

#define ROWS(list) ((int)(sizeof(list) / sizeof((list)[0])))
#define INF INFINITY

static reel_tensor *numbers(reel_dtype dtype, const double *v, int64_t n) {
    return reel_cast(f64(reel_shape(n), v), dtype);
}
#define NUMBERS(dtype, ...) numbers(dtype, (double[]){__VA_ARGS__}, ROWS(((double[]){__VA_ARGS__})))

/* To so many parts of the value; NaN is NaN, and infinities are themselves. */
static void expect_close(const char *what, reel_tensor *t, const double *want, int n, double by) {
    expect_fine();
    ck_assert_ptr_nonnull(t);
    ck_assert_int_eq(reel_numel(t), n);
    for (int i = 0; i < n; i++) {
        const double got = element(t, i);
        ck_assert_msg((isnan(got) && isnan(want[i])) || got == want[i] ||
                          fabs(got - want[i]) <= by * fabs(want[i]),
                      "%s: element %d is %.9g, not %.9g", what, i, got, want[i]);
    }
}
#define EXPECT(t, ...)                                                                             \
    expect_close(#t, t, (double[]){__VA_ARGS__}, ROWS(((double[]){__VA_ARGS__})), 2e-6)

static double unit(reel_dtype dtype) {
    return dtype == REEL_F32 ? 0x1p-23 : 0x1p-52;
}

/* ---- norms ---- */

START_TEST(norms_neither_overflow_nor_vanish) {
    static const struct {
        reel_dtype dtype;
        double scale;
    } row[] = {{REEL_F32, 1e20},  {REEL_F32, 1e-25},  {REEL_F32, 1},
               {REEL_F64, 1e200}, {REEL_F64, 1e-250}, {REEL_F64, 1}};
    for (int k = 0; k < ROWS(row); k++) {
        REEL_SCOPE;
        const double s = row[k].scale;
        reel_tensor *x = reel_track(NUMBERS(row[k].dtype, 3 * s, 4 * s));
        reel_tensor *y = reel_norm(x, 2);
        EXPECT(y, 5 * s);
        backward(y);
        EXPECT(reel_grad(x), 0.6, 0.8);
        EXPECT(derivative(reel_sum(reel_affine(reel_norm(x, 2), 2, 0)), x, NO_OPTIONS), 1.2, 1.6);
        /* many at once, by rows and by columns; beside them what is small, and nothing */
        reel_tensor *rows =
            reel_concat(0, reel_expand(reel_reshape(x, reel_shape(1, 2)), reel_shape(50, 2)),
                        reel_zeros(reel_shape(5000, 2), row[k].dtype, test_device()));
        rows = reel_contiguous(reel_detach(rows));
        EXPECT(reel_norm_over(rows, 2, reel_axes(0), false), 3 * s * sqrt(50), 4 * s * sqrt(50));
        reel_tensor *turned = reel_contiguous(reel_t(rows));
        EXPECT(reel_norm_over(turned, 2, reel_axes(1), false), 3 * s * sqrt(50), 4 * s * sqrt(50));
        EXPECT(reel_norm(rows, 2), 5 * s * sqrt(50));
    }
}
END_TEST

START_TEST(norms_of_special_values) {
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
        REEL_SCOPE;
        EXPECT(reel_norm(NUMBERS((reel_dtype)dtype, INF, 1), 2), INF);
        EXPECT(reel_norm(NUMBERS((reel_dtype)dtype, -INF, 1), 2), INF);
        EXPECT(reel_norm(NUMBERS((reel_dtype)dtype, NAN, 1), 2), NAN);
        EXPECT(reel_norm(NUMBERS((reel_dtype)dtype, INF, NAN), 2), NAN);
        EXPECT(reel_norm(reel_zeros(reel_shape(0), (reel_dtype)dtype, test_device()), 2), 0);
    }
}
END_TEST

/* As of std, everything about it is 0 where it is. */
START_TEST(second_gradient_of_a_norm_of_nothing) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(0, 0), *g = derivative(reel_norm(x, 2), x, RECORD);
    EXPECT(g, 0, 0);
    EXPECT(derivative(reel_sum(g), x, NO_OPTIONS), 0, 0);
    reel_tensor *z = leaf1(3, 4), *h = derivative(reel_norm(z, 2), z, RECORD);
    EXPECT(derivative(reel_sum(h), z, NO_OPTIONS), 0.032, -0.024);
}
END_TEST

START_TEST(cosines_of_long_and_short_vectors) {
    static const double scale[] = {1e25, 1, 1e-3};
    for (int k = 0; k < ROWS(scale); k++) {
        REEL_SCOPE;
        const double s = scale[k];
        reel_tensor *x =
            reel_track(reel_reshape(NUMBERS(REEL_F32, 3 * s, 4 * s), reel_shape(1, 2)));
        reel_tensor *y = reel_reshape(NUMBERS(REEL_F32, 5 * s, 0), reel_shape(1, 2));
        reel_tensor *z = reel_cosine_embedding_loss(x, y, NUMBERS(REEL_F32, 1));
        EXPECT(reel_affine(z, -1, 1), 0.6);
        backward(z);
        EXPECT(reel_affine(reel_grad(x), s, 0), -0.128, 0.096);
    }
}
END_TEST

START_TEST(clipping_long_and_short_gradients) {
    static const struct {
        reel_dtype dtype;
        double scale;
    } row[] = {{REEL_F32, 1e20}, {REEL_F32, 1e-24}, {REEL_F64, 1e200}, {REEL_F64, 1e-200}};
    for (int k = 0; k < ROWS(row); k++) {
        const double s = row[k].scale;
        reel_tensor *p = NULL;
        {
            REEL_SCOPE;
            p = reel_track(reel_retain(reel_zeros(reel_shape(40, 2), row[k].dtype, test_device())));
        }
        reel_state *params = reel_state_new();
        reel_state_put(params, "p", p);
        reel_optim *o = reel_sgd_new(params, (reel_sgd_options){.lr = 1});
        ck_assert_ptr_nonnull(o);
        {
            REEL_SCOPE;
            backward(reel_sum(reel_mul(p, NUMBERS(row[k].dtype, 3 * s, 4 * s))));
            EXPECT(reel_clip_grad_norm(o, 10), 5 * s * sqrt(40));
            const double by = s > 1 ? 10 / (5 * s * sqrt(40)) : 1;
            EXPECT(reel_select(reel_grad(p), 0, 39), 3 * s * by, 4 * s * by);
        }
        reel_optim_free(o);
        reel_state_free(params);
        reel_release(p);
    }
}
END_TEST

/* ---- sums ---- */

START_TEST(sums_that_pass_beyond_f32) {
    REEL_SCOPE;
    EXPECT(reel_mean(NUMBERS(REEL_F32, 3e38, 3e38)), 3e38);
    EXPECT(reel_sum(NUMBERS(REEL_F32, 3e38, 3e38, -3e38)), 3e38);
    reel_tensor *big = reel_full(reel_shape(300, 40), 3e38, REEL_F32, test_device());
    EXPECT(reel_mean(big), 3e38);
    reel_tensor *columns = reel_mean_over(big, reel_axes(0), false);
    reel_tensor *rows = reel_mean_over(big, reel_axes(1), false);
    for (int i = 0; i < 40; i++) EXPECT(reel_select(columns, 0, i), 3e38);
    for (int i = 0; i < 300; i += 7) EXPECT(reel_select(rows, 0, i), 3e38);
    EXPECT(reel_mean(NUMBERS(REEL_F32, INF, 1)), INF);
    EXPECT(reel_mean(NUMBERS(REEL_F32, INF, -INF)), NAN);
    /* one square beyond f32 among many that are not */
    reel_tensor *y = reel_zeros(reel_shape(4096), REEL_F32, test_device());
    reel_fill_(reel_slice(y, 0, 7, 8, 1), 2e19);
    EXPECT(reel_mse(y, reel_zeros_like(y)), 2e19 * 2e19 / 4096);
}
END_TEST

START_TEST(variance_of_huge_numbers) {
    REEL_SCOPE;
    EXPECT(reel_var(NUMBERS(REEL_F64, -1e308, 1e308)), INF);
    EXPECT(reel_std(NUMBERS(REEL_F64, -1e308, 1e308)), INF);
    EXPECT(reel_var(NUMBERS(REEL_F64, 1.7e308, 1.7e308, -1e308)), INF);
    EXPECT(reel_var(NUMBERS(REEL_F64, INF, 1)), NAN);
    EXPECT(reel_var(NUMBERS(REEL_F64, NAN, 1)), NAN);
    EXPECT(reel_var(NUMBERS(REEL_F32, -3e38, 3e38)), INF);
    EXPECT(reel_std(NUMBERS(REEL_F32, -2e38, 2e38)), 2.828427e38);
    EXPECT(reel_var(NUMBERS(REEL_F32, INF, 1)), NAN);
    reel_tensor *many =
        reel_concat(0, reel_full(reel_shape(5000, 3), 1e308, REEL_F64, test_device()),
                    reel_full(reel_shape(5000, 3), -1e308, REEL_F64, test_device()));
    EXPECT(reel_var(many), INF);
    EXPECT(reel_var_over(many, reel_axes(0), false), INF, INF, INF);
    EXPECT(reel_select(reel_var_over(many, reel_axes(1), false), 0, 0), 0);
}
END_TEST

START_TEST(gradients_of_logsumexp) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(NUMBERS(REEL_F32, 1e7, 1e7 - 1));
    backward(reel_logsumexp(x));
    EXPECT(reel_grad(x), 0.731058579, 0.268941421);
    reel_tensor *none = reel_track(NUMBERS(REEL_F32, -INF, -INF));
    backward(reel_logsumexp(none));
    EXPECT(reel_grad(none), 0, 0);
    reel_tensor *some = reel_track(NUMBERS(REEL_F32, -INF, 2, 2));
    backward(reel_logsumexp(some));
    EXPECT(reel_grad(some), 0, 0.5, 0.5);
}
END_TEST

/* ---- angles: exact for any number ---- */

START_TEST(angles_of_any_size) {
    enum { N = 4000 };
    static double v[N], got[N];
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++)
        for (int cosine = 0; cosine < 2; cosine++) {
            REEL_SCOPE;
            uint64_t seed = 7;
            for (int i = 0; i < N; i++) { /* of all exponents, either sign */
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                const double fraction = 1 + (double)(seed >> 12) * 0x1p-52;
                seed = seed * 6364136223846793005u + 1442695040888963407u;
                const int most = dtype == REEL_F32 ? 127 : 1023;
                v[i] = ldexp(fraction, (int)(seed >> 33) % (most + 5) - 4);
                if (seed >> 32 & 1) v[i] = -v[i];
                if (dtype == REEL_F32) v[i] = (double)(float)v[i];
            }
            v[0] = 16777216;
            v[1] = dtype == REEL_F64 ? 0x1p50 : 4194304;
            v[2] = dtype == REEL_F64 ? 1e22 : 8192;
            v[3] = dtype == REEL_F64 ? 0x1.6ac5b262ca1ffp+849 : 8191.5; /* nearly n pi/2 */
            reel_tensor *x = numbers((reel_dtype)dtype, v, N);
            reel_tensor *y = cosine ? reel_cos(x) : reel_sin(x);
            ck_assert(reel_read(reel_cast(y, REEL_F64), got, sizeof got) == REEL_OK);
            for (int i = 0; i < N; i++) {
                const double want = cosine ? cos(v[i]) : sin(v[i]);
                /* an angle's own error at a zero, and beyond it that of the C library's */
                const double small = fabs(v[i]) < 0x1p20 ? unit((reel_dtype)dtype) / 8 : 1e-30;
                ck_assert_msg(
                    fabs(got[i] - want) <= 2 * unit((reel_dtype)dtype) * fabs(want) + small,
                    "%s of %.17g: %.17g, not %.17g", cosine ? "cos" : "sin", v[i], got[i], want);
            }
            reel_tensor *sparse = reel_slice(x, 0, 0, N, 3), *in_place = reel_contiguous(sparse);
            reel_tensor *z = cosine ? reel_cos(sparse) : reel_sin(sparse);
            in_place = cosine ? reel_in_place(cos, in_place) : reel_in_place(sin, in_place);
            for (int i = 0; i < N / 3; i++) {
                ck_assert_double_eq(element(z, i), got[3 * i]);
                ck_assert_double_eq(element(in_place, i), got[3 * i]);
            }
        }
    REEL_SCOPE;
    EXPECT(reel_sin(NUMBERS(REEL_F32, 16777216)), -0.779563665);
    EXPECT(reel_cos(NUMBERS(REEL_F32, 16777216)), 0.626322985);
    EXPECT(reel_sin(NUMBERS(REEL_F64, 1e22)), -0.8522008497671888);
}
END_TEST

/* ---- activations ---- */

static reel_tensor *silu(reel_tensor *x) {
    return reel_silu(x);
}
static reel_tensor *gelu(reel_tensor *x) {
    return reel_gelu(x);
}
static reel_tensor *gelu_tanh(reel_tensor *x) {
    return reel_gelu_tanh(x);
}
static reel_tensor *softplus(reel_tensor *x) {
    return reel_softplus(x, 1, 20);
}
static reel_tensor *elu(reel_tensor *x) {
    return reel_elu(x, 1);
}

/* Value, slope, and its slope, far out on either side. */
START_TEST(activations_far_out) {
    static const struct {
        const char *name;
        reel_tensor *(*f)(reel_tensor *);
        double low, low_slope, high_slope;
    } row[] = {{"silu", silu, 0, 0, 1},
               {"gelu", gelu, 0, 0, 1},
               {"gelu_tanh", gelu_tanh, 0, 0, 1},
               {"softplus", softplus, 0, 0, 1},
               {"elu", elu, -1, 0, 1}};
    for (int k = 0; k < ROWS(row); k++)
        for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
            REEL_SCOPE;
            const double far = dtype == REEL_F32 ? 3e38 : 1e308;
            reel_tensor *x =
                reel_track(NUMBERS((reel_dtype)dtype, -INF, -far, -1e20, 1e20, far, INF));
            reel_tensor *y = row[k].f(x), *g = derivative(reel_sum(y), x, RECORD);
            const double low = row[k].low, a = row[k].low_slope, b = row[k].high_slope;
            expect_close(row[k].name, y, (double[]){low, low, low, 1e20, far, INF}, 6, 1e-6);
            expect_close(row[k].name, g, (double[]){a, a, a, b, b, b}, 6, 1e-6);
            reel_tensor *h = derivative(reel_sum(g), x, NO_OPTIONS);
            expect_close(row[k].name, h, (double[]){0, 0, 0, 0, 0, 0}, 6, 0);
        }
}
END_TEST

/* x e^x where e^x alone is below all normal numbers. */
START_TEST(silu_of_the_nearly_vanished) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(NUMBERS(REEL_F32, -70, -87, -88, -89, -90, 1e-30, -1e-30, 60, 90));
    reel_tensor *y = reel_silu(x);
    EXPECT(y, -2.78281482e-29, -1.43185595e-36, -5.32804967e-37, -1.98235357e-37, -7.37461136e-38,
           5e-31, -5e-31, 60, 90);
    EXPECT(derivative(reel_sum(y), x, NO_OPTIONS), -2.74306032e-29, -1.41539783e-36,
           -5.26750365e-37, -1.96007993e-37, -7.29267124e-38, 0.5, 0.5, 1, 1);
    reel_tensor *wide = NUMBERS(REEL_F64, -708, -711, -713);
    EXPECT(reel_silu(wide), -708 * exp(-708), -711 * (exp(-700) * exp(-11)),
           -713 * (exp(-700) * exp(-13)));
}
END_TEST

/* ---- losses: what has no weight has no part ---- */

START_TEST(ignored_rows_of_anything) {
    static const double nothing[] = {-INF, NAN, INF};
    const int64_t classes[] = {0, -100};
    for (int k = 0; k < 2 * ROWS(nothing); k++) {
        REEL_SCOPE;
        const double odd = nothing[k / 2];
        reel_tensor *x =
            reel_track(reel_reshape(NUMBERS(REEL_F32, 1, 2, odd, odd), reel_shape(2, 2)));
        reel_tensor *target = to_device(reel_from(classes, reel_shape(2), REEL_I64));
        const double s = k % 2 ? 0.1 : 0, p = 0.2689414213699951;
        reel_tensor *loss = reel_cross_entropy_loss_with(x, target, .label_smoothing = s);
        EXPECT(loss, -(1 - s) * log(p) - s / 2 * (log(p) + log(1 - p)));
        reel_tensor *g = derivative(loss, x, RECORD);
        const double slope = p - (1 - s / 2);
        EXPECT(g, slope, -slope, 0, 0);
        reel_tensor *h = derivative(reel_sum(reel_square(g)), x, NO_OPTIONS);
        const double bend = 4 * slope * p * (1 - p);
        EXPECT(h, bend, -bend, 0, 0);
    }
}
END_TEST

START_TEST(divergence_of_what_is_not_there) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(NUMBERS(REEL_F32, -INF, -2, -3));
    reel_tensor *loss = reel_kl_div_loss_with(x, NUMBERS(REEL_F32, 0, 1, 0), .reduction = REEL_SUM);
    EXPECT(loss, 2);
    backward(loss);
    EXPECT(reel_grad(x), 0, -1, 0);
    reel_tensor *t = reel_track(NUMBERS(REEL_F32, 0, 1));
    backward(reel_kl_div_loss_with(NUMBERS(REEL_F32, -1, -2), t, .reduction = REEL_SUM));
    EXPECT(reel_grad(t), -INF, 3);
    reel_tensor *l = reel_track(NUMBERS(REEL_F32, -INF, -1));
    loss = reel_kl_div_loss_with(NUMBERS(REEL_F32, -INF, -2), l, .reduction = REEL_SUM,
                                 .log_target = true);
    EXPECT(loss, 0.36787944);
    backward(loss);
    EXPECT(reel_grad(l), 0, 0.73575888);
}
END_TEST

START_TEST(logits_without_end) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(NUMBERS(REEL_F32, INF, -INF, INF, -INF));
    reel_tensor *t = NUMBERS(REEL_F32, 1, 0, 0, 1);
    reel_tensor *z = reel_bce_with_logits_loss_with(x, t, .reduction = REEL_NONE);
    EXPECT(z, 0, 0, INF, INF);
    backward(reel_sum(z));
    EXPECT(reel_grad(x), 0, 0, 1, -1);
    reel_tensor *weight = NUMBERS(REEL_F32, 1, 1, 0, 2);
    EXPECT(reel_bce_with_logits_loss_with(x, t, .reduction = REEL_NONE, .weight = weight), 0, 0, 0,
           INF);
    reel_tensor *positive = NUMBERS(REEL_F32, 1, 1, 1, 0);
    EXPECT(reel_bce_with_logits_loss_with(x, t, .reduction = REEL_NONE, .pos_weight = positive), 0,
           0, INF, 0);
}
END_TEST

/* A class that cannot be has no part where its target or its weight is 0. */
START_TEST(classes_that_cannot_be) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_reshape(NUMBERS(REEL_F32, 1, 2, -INF), reel_shape(1, 3)));
    reel_tensor *share = reel_reshape(NUMBERS(REEL_F32, 0.5, 0.5, 0), reel_shape(1, 3));
    const double p = 0.2689414213699951;
    reel_tensor *loss = reel_cross_entropy_loss(x, share);
    EXPECT(loss, -0.5 * (log(p) + log(1 - p)));
    backward(loss);
    EXPECT(reel_grad(x), p - 0.5, 0.5 - p, 0);
    const int64_t last[] = {2};
    reel_tensor *target = to_device(reel_from(last, reel_shape(1), REEL_I64));
    reel_tensor *weight = NUMBERS(REEL_F32, 1, 1, 0), *one = NUMBERS(REEL_F32, 1, 2, 0);
    reel_tensor *logs = reel_track(reel_reshape(NUMBERS(REEL_F32, -1, -2, -INF), reel_shape(1, 3)));
    EXPECT(reel_nll_loss_with(logs, target, .weight = weight, .reduction = REEL_SUM), 0);
    EXPECT(reel_cross_entropy_loss_with(x, share, .weight = one, .reduction = REEL_SUM),
           -(0.5 * log(p) + log(1 - p)));
}
END_TEST

/* ---- powers: derivatives at 0, as often as one likes ---- */

START_TEST(derivatives_of_whole_powers_at_nothing) {
    for (int power = 0; power <= 4; power++) {
        REEL_SCOPE;
        reel_tensor *x = leaf(reel_shape(1), (double[]){0});
        reel_tensor *p = f64(reel_shape(1), (double[]){power}), *y = reel_pow(x, p);
        double factor = 1;
        for (int order = 1; order <= 7; order++) {
            y = derivative(y, x, RECORD);
            factor *= power - order + 1;
            EXPECT(y, order == power ? factor : 0);
            ck_assert(reel_is_tracked(y));
        }
    }
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2), (double[]){0, 2}), *p = leaf1(2, 0);
    reel_tensor *y = reel_pow(x, p);
    reel_tensor *g = derivative(reel_sum(y), p, RECORD);
    EXPECT(g, 0, log(2));
    EXPECT(derivative(reel_sum(g), p, NO_OPTIONS), 0, log(2) * log(2));
    /* d/dy dx, at y = 0: 1 / x */
    reel_tensor *b = leaf(reel_shape(1), (double[]){2}), *q = leaf(reel_shape(1), (double[]){0});
    EXPECT(derivative(derivative(reel_pow(b, q), b, RECORD), q, NO_OPTIONS), 0.5);
}
END_TEST

/* ---- creation ---- */

START_TEST(spaces_as_wide_as_f64) {
    REEL_SCOPE;
    const double m = 1.7e308;
    const reel_device d = test_device();
    EXPECT(reel_linspace(-m, m, 5, REEL_F64, d), -m, -m / 2, 0, m / 2, m);
    EXPECT(reel_linspace(m, -m, 2, REEL_F64, d), m, -m);
    EXPECT(reel_linspace(-m, m, 3, REEL_F64, d), -m, 0, m);
    EXPECT(reel_arange_from(-m, m, 1e308, REEL_F64, d), -m, -0.7e308, 0.3e308, 1.3e308);
    EXPECT(reel_arange_from(m, -m, -1.6e308, REEL_F64, d), m, 0.1e308, -1.5e308);
}
END_TEST

/* As PyTorch: what overflows is refused, a fraction is cut off. */
START_TEST(fills_that_do_not_fit) {
    static const struct {
        double value;
        reel_dtype dtype;
        const char *says;
    } row[] = {
        {300, REEL_U8, "u8 does not hold 300"},      {256, REEL_U8, "u8 does not hold 256"},
        {-1, REEL_U8, "u8 does not hold -1"},        {NAN, REEL_U8, "u8 does not hold nan"},
        {NAN, REEL_I64, "i64 does not hold nan"},    {INF, REEL_I64, "i64 does not hold inf"},
        {1e19, REEL_I64, "i64 does not hold 1e+19"}, {1e300, REEL_F32, "f32 does not hold 1e+300"}};
    for (int k = 0; k < ROWS(row); k++) {
        REEL_SCOPE;
        ck_assert_ptr_null(reel_full(reel_shape(2), row[k].value, row[k].dtype, test_device()));
        expect_failure(REEL_ERR_ARGUMENT, row[k].says);
        reel_tensor *t = reel_zeros(reel_shape(2), row[k].dtype, test_device());
        ck_assert_ptr_null(reel_fill_(t, row[k].value));
        expect_failure(REEL_ERR_ARGUMENT, row[k].says);
        reel_tensor *mask = reel_ones(reel_shape(2), REEL_U8, test_device());
        ck_assert_ptr_null(reel_masked_fill(t, mask, row[k].value));
        expect_failure(REEL_ERR_ARGUMENT, row[k].says);
        EXPECT(t, 0, 0);
    }
    REEL_SCOPE;
    const reel_device d = test_device();
    EXPECT(reel_full(reel_shape(1), 0.5, REEL_I64, d), 0);
    EXPECT(reel_full(reel_shape(1), -0.5, REEL_U8, d), 0);
    EXPECT(reel_full(reel_shape(1), 255.5, REEL_U8, d), 255);
    EXPECT(reel_full(reel_shape(1), -0x1p63, REEL_I64, d), -0x1p63);
    EXPECT(reel_full(reel_shape(1), INF, REEL_F32, d), INF);
    EXPECT(reel_full(reel_shape(1), -INF, REEL_F16, d), -INF);
    EXPECT(reel_full(reel_shape(1), NAN, REEL_BF16, d), NAN);
    EXPECT(reel_full(reel_shape(1), 65519.999999999, REEL_F16, d), 65504);
}
END_TEST

START_TEST(whole_numbers_need_a_dtype_for_them) {
    reel_generator *g = reel_generator_new(1, test_device());
    {
        REEL_SCOPE;
        ck_assert_ptr_null(reel_randint(0, 5, reel_shape(3), REEL_F16, g));
        expect_failure(REEL_ERR_DTYPE, "randint: gives f32, f64, i64 or u8, not f16");
        ck_assert_ptr_null(reel_randint(0, 500, reel_shape(3), REEL_U8, g));
        expect_failure(REEL_ERR_DTYPE, "randint: u8 does not hold all of 0..499");
    }
    reel_generator_free(g);
}
END_TEST

/* ---- expanded views are reduced where they lie ---- */

static reel_tensor *mean_square(reel_tensor *x, reel_shape axes, bool keepdim) {
    return reel_var_with(x, axes, keepdim, 0);
}
static reel_tensor *deviation(reel_tensor *x, reel_shape axes, bool keepdim) {
    return reel_std_over(x, axes, keepdim);
}
#define REDUCTION(name)                                                                            \
    static reel_tensor *over_##name(reel_tensor *x, reel_shape axes, bool keepdim) {               \
        return reel_##name##_over(x, axes, keepdim);                                               \
    }
REDUCTION(sum)
REDUCTION(mean)
REDUCTION(prod)
REDUCTION(max)
REDUCTION(min)
REDUCTION(any)
REDUCTION(all)
REDUCTION(argmax)
REDUCTION(argmin)
static reel_tensor *over_norm(reel_tensor *x, reel_shape axes, bool keepdim) {
    return reel_norm_over(x, 2, axes, keepdim);
}
REDUCTION(logsumexp)

START_TEST(reductions_of_expanded_views) {
    static const struct {
        const char *name;
        reel_tensor *(*f)(reel_tensor *, reel_shape, bool);
        bool floats, one;
    } row[] = {{"sum", over_sum, false, false},           {"mean", over_mean, true, false},
               {"prod", over_prod, false, false},         {"max", over_max, false, false},
               {"min", over_min, false, false},           {"any", over_any, false, false},
               {"all", over_all, false, false},           {"argmax", over_argmax, false, true},
               {"argmin", over_argmin, false, true},      {"norm", over_norm, true, false},
               {"var", mean_square, true, false},         {"std", deviation, true, false},
               {"logsumexp", over_logsumexp, true, false}};
    static const reel_shape from[] = {{3, {4, 1, 3}}, {3, {1, 5, 1}}, {3, {1, 1, 3}},
                                      {3, {4, 5, 1}}, {3, {1, 1, 1}}, {3, {1, 5, 3}}};
    for (int k = 0; k < ROWS(row); k++)
        for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++)
            for (int i = 0; i < ROWS(from); i++)
                for (int mask = 1; mask < 8; mask++) {
                    const int axes = __builtin_popcount((unsigned)mask);
                    if (row[k].floats && dtype > REEL_F64) continue;
                    if (row[k].one && axes == 2) continue;
                    REEL_SCOPE;
                    reel_tensor *x = reel_arange_from(1, 60, 1, REEL_F64, test_device());
                    x = reel_round(reel_affine(reel_sin(x), 2.6, 2.6)); /* 0 to 5 */
                    x = reel_slice(x, 0, 0, from[i].dim[0] * from[i].dim[1] * from[i].dim[2], 1);
                    x = reel_expand(reel_reshape(reel_cast(x, (reel_dtype)dtype), from[i]),
                                    reel_shape(4, 5, 3));
                    reel_shape s = REEL_SCALAR;
                    for (int a = 0; a < 3; a++)
                        if (mask >> a & 1) s.dim[s.ndim++] = a;
                    reel_tensor *got = row[k].f(x, s, mask % 2),
                                *want = row[k].f(reel_contiguous(x), s, mask % 2);
                    expect_fine();
                    ck_assert(reel_shape_equal(reel_shape_of(got), reel_shape_of(want)));
                    for (int64_t e = 0; e < reel_numel(want); e++) {
                        const double a = element(got, e), b = element(want, e);
                        ck_assert_msg(a == b || fabs(a - b) <= 1e-6 * fabs(b),
                                      "%s of %s: %.9g, not %.9g", row[k].name,
                                      reel_dtype_name((reel_dtype)dtype), a, b);
                    }
                }
}
END_TEST

/* Of more than any memory holds. */
START_TEST(reductions_of_huge_views) {
    const int64_t n = (int64_t)1 << 45;
    REEL_SCOPE;
    reel_tensor *x = reel_track(NUMBERS(REEL_F32, 3));
    reel_tensor *much = reel_expand(x, reel_shape(n)), *y = reel_sum(much);
    EXPECT(y, 3.0 * 0x1p45);
    backward(y);
    EXPECT(reel_grad(x), 0x1p45);
    EXPECT(reel_mean(much), 3);
    EXPECT(reel_max(much), 3);
    EXPECT(reel_argmax(much), 0);
    EXPECT(reel_var(much), 0);
    EXPECT(reel_norm(much, 2), 3 * sqrt(0x1p45));
    EXPECT(reel_logsumexp(much), 3 + 45 * log(2));
    reel_tensor *rows =
        reel_expand(reel_reshape(NUMBERS(REEL_F32, 1, 2), reel_shape(2, 1)), reel_shape(2, n));
    EXPECT(reel_sum_over(rows, reel_axes(1), false), 0x1p45, 0x1p46);
    EXPECT(reel_var(rows), 0.25);
}
END_TEST

/* ---- axes of what has none ---- */

#define EXPECT_SHAPE(t, shape) ck_assert(reel_shape_equal(reel_shape_of(t), shape))

/* What has no elements may have an axis of any length. */
START_TEST(long_axes_of_nothing) {
    enum { PARTS = 3 };
    const int64_t most = INT64_MAX;
    REEL_SCOPE;
    reel_tensor *wide = reel_zeros(reel_shape(0, most), REEL_F32, reel_cpu()), *parts[PARTS];
    reel_tensor *none = reel_zeros(reel_shape(3, 0), REEL_F32, reel_cpu());
    EXPECT_SHAPE(reel_tril(wide, INT64_MIN), reel_shape(0, most));
    EXPECT_SHAPE(reel_triu(wide, most), reel_shape(0, most));
    EXPECT_SHAPE(reel_index_add(none, 0, reel_zeros(reel_shape(3), REEL_I64, reel_cpu()), most),
                 reel_shape(most, 0));
    EXPECT_SHAPE(
        reel_scatter_add(none, 0, reel_zeros(reel_shape(3, 0), REEL_I64, reel_cpu()), most),
        reel_shape(most, 0));
    EXPECT_SHAPE(reel_one_hot(reel_zeros(reel_shape(0), REEL_I64, reel_cpu()), most, REEL_F32),
                 reel_shape(0, most));
    ck_assert_int_eq(reel_chunk(wide, 1, PARTS, parts), REEL_OK);
    for (int i = 0; i < PARTS; i++)
        EXPECT_SHAPE(parts[i], reel_shape(0, most / PARTS + (i < 2 ? 1 : -1)));
    ck_assert(!reel_failed());
    const reel_shape beyond = {REEL_MAX_DIMS + 1, {0}};
    ck_assert(!reel_shape_equal(beyond, beyond));
}
END_TEST

START_TEST(axes_of_a_scalar) {
    for (int axis = -1; axis <= 0; axis++) {
        REEL_SCOPE;
        reel_tensor *x = reel_track(reel_scalar(3, REEL_F64, test_device()));
        EXPECT(reel_sum_over(x, reel_axes(axis), false), 3);
        EXPECT(reel_mean_over(x, reel_axes(axis), true), 3);
        EXPECT(reel_var_with(x, reel_axes(axis), false, 0), 0);
        EXPECT(reel_argmax_over(x, reel_axes(axis), false), 0);
        EXPECT(reel_logsumexp_over(x, reel_axes(axis), false), 3);
        EXPECT(reel_norm_over(x, 2, reel_axes(axis), false), 3);
        ck_assert_int_eq(reel_ndim(reel_max_over(x, reel_axes(axis), true)), 0);
        reel_tensor *y = reel_softmax(x, axis), *z = reel_log_softmax(x, axis);
        EXPECT(y, 1);
        EXPECT(z, 0);
        ck_assert_int_eq(reel_ndim(y), 0);
        EXPECT(derivative(reel_sum_over(reel_square(x), reel_axes(axis), false), x, NO_OPTIONS), 6);
        EXPECT(derivative(z, x, NO_OPTIONS), 0);
    }
    REEL_SCOPE;
    reel_tensor *x = reel_scalar(3, REEL_F64, test_device());
    ck_assert_ptr_null(reel_sum_over(x, reel_axes(1), false));
    expect_failure(REEL_ERR_SHAPE, "sum: no axis 1");
    ck_assert_ptr_null(reel_sum_over(x, reel_axes(0, -1), false));
    expect_failure(REEL_ERR_SHAPE, "sum: axis -1 listed twice");
    ck_assert_ptr_null(reel_softmax(x, 1));
    expect_failure(REEL_ERR_SHAPE, "softmax: no such axis");
}
END_TEST

int main(void) {
    Suite *s = suite_create("extremes");
    TCase *c = add_case(s, "norms");
    tcase_add_test(c, norms_neither_overflow_nor_vanish);
    tcase_add_test(c, norms_of_special_values);
    tcase_add_test(c, second_gradient_of_a_norm_of_nothing);
    tcase_add_test(c, cosines_of_long_and_short_vectors);
    tcase_add_test(c, clipping_long_and_short_gradients);
    c = add_case(s, "sums");
    tcase_add_test(c, sums_that_pass_beyond_f32);
    tcase_add_test(c, variance_of_huge_numbers);
    tcase_add_test(c, gradients_of_logsumexp);
    tcase_add_test(c, long_axes_of_nothing);
    tcase_add_test(c, axes_of_a_scalar);
    tcase_add_test(c, reductions_of_expanded_views);
    tcase_add_test(c, reductions_of_huge_views);
    c = add_case(s, "functions");
    tcase_add_test(c, angles_of_any_size);
    tcase_add_test(c, activations_far_out);
    tcase_add_test(c, silu_of_the_nearly_vanished);
    tcase_add_test(c, derivatives_of_whole_powers_at_nothing);
    c = add_case(s, "losses");
    tcase_add_test(c, ignored_rows_of_anything);
    tcase_add_test(c, divergence_of_what_is_not_there);
    tcase_add_test(c, logits_without_end);
    tcase_add_test(c, classes_that_cannot_be);
    c = add_case(s, "creation");
    tcase_add_test(c, spaces_as_wide_as_f64);
    tcase_add_test(c, fills_that_do_not_fit);
    tcase_add_test(c, whole_numbers_need_a_dtype_for_them);
    return run_suite(s);
}
