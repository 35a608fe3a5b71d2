/* A normal distribution cut to an interval: the inverse of its distribution function at uniform
 * numbers, on the host in f64. */
#include "nn/init_internal.h"

#include <math.h>
#include <stdlib.h>

/* ---- the upper tail: Q(z) = P(Z > z), and its inverse ---- */

static double upper_tail(double z) {
    return 0.5 * erfc(z * M_SQRT1_2);
}

static double polynomial(const double c[8], double x) {
    double p = c[7];
    for (int i = 6; i >= 0; i--) p = p * x + c[i];
    return p;
}

/* z with Q(z) = q, to 1 part in 10^16: rational functions, in three ranges. Wichura, algorithm
 * AS 241, PPND16 (Applied Statistics 37, 1988). */
static double upper_quantile(double q) {
    static const double a[8] = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                1.9715909503065514427e3, 1.3731693765509461125e4,
                                4.5921953931549871457e4, 6.7265770927008700853e4,
                                3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[8] = {1.0,
                                4.2313330701600911252e1,
                                6.8718700749205790830e2,
                                5.3941960214247511077e3,
                                2.1213794301586595867e4,
                                3.9307895800092710610e4,
                                2.8729085735721942674e4,
                                5.2264952788528545610e3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                5.76949722146069140550e0,  3.64784832476320460504e0,
                                1.27045825245236838258e0,  2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1.0,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                1.78482653991729133580e0,  2.96560571828504891230e-1,
                                2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    const double h = 0.5 - q;
    if (fabs(h) <= 0.425) {
        const double r = 0.180625 - h * h;
        return h * polynomial(a, r) / polynomial(b, r);
    }
    const double r = sqrt(-log(h > 0.0 ? q : 1.0 - q));
    const double z = r <= 5.0 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6)
                              : polynomial(e, r - 5.0) / polynomial(f, r - 5.0);
    return h > 0.0 ? z : -z;
}

/* ---- the initialiser ---- */

/* u in (0, 1] to N(mean, std) cut to [low, high]. The side of the mean that the interval is on is
 * turned up, since the upper tail keeps its digits. */
static void cut(double *u, int64_t n, double mean, double std, double low, double high) {
    const double a = (low - mean) / std, b = (high - mean) / std, side = a + b < 0.0 ? -1.0 : 1.0;
    const double near = upper_tail(side > 0.0 ? a : -b), far = upper_tail(side > 0.0 ? b : -a);
    for (int64_t i = 0; i < n; i++) {
        const double q = fmin(far + (near - far) * u[i], 1.0 - 0x1p-53); /* 1 is at infinity */
        const double t = q > 0.0 ? mean + std * side * upper_quantile(q) : side > 0.0 ? low : high;
        u[i] = fmin(fmax(t, low), high);
    }
}

static reel_status check(const char *what, const reel_tensor *t, double mean, double std,
                         double low, double high) {
    REEL_TRY(reel__init_check(what, t, 0));
    if (!isfinite(mean) || !(std > 0.0) || isinf(std))
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "%s: mean must be finite, std positive and finite: %g, %g", what, mean,
                         std);
    if (low < high) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: not an interval: [%g, %g]", what, low, high);
}

reel_tensor *reel_trunc_normal_(reel_tensor *t, reel_generator *g, double mean, double std,
                                double low, double high) {
    REEL__COMPOSITE(.name = "trunc_normal_", .in = {t}, .given = 1);
    const char *what = "trunc_normal_";
    if (check(what, t, mean, std, low, high) != REEL_OK) return NULL;
    if (reel_numel(t) == 0) return t;
    double *u = reel__init_draw(what, g, reel_numel(t), false);
    if (!u) return NULL;
    cut(u, reel_numel(t), mean, std, low, high);
    reel_status status = reel__init_put(t, u);
    free(u);
    return status == REEL_OK ? t : NULL;
}
