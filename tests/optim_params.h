/* Two parameters, and gradients that are known. */
#ifndef REEL_TESTS_OPTIM_PARAMS_H
#define REEL_TESTS_OPTIM_PARAMS_H

#include "optim/optim.h"
#include "tests/expect.h"

enum { N = 6, STEPS = 7 };

typedef struct {
    reel_tensor *p[2]; /* a[6], b[2, 3] */
    reel_state *list;
} params;

static inline double start(int which, int i) {
    return 0.5 * i - which - 1.0;
}

static inline double gradient(int which, int i, int t) {
    return (1.0 + 0.3 * which) * sin(1.0 + i + 7.0 * t);
}

static inline params params_new(reel_dtype a, reel_dtype b) {
    params made = {.list = reel_state_new()};
    for (int k = 0; k < 2; k++) {
        REEL_SCOPE;
        double values[N];
        for (int i = 0; i < N; i++) values[i] = start(k, i);
        reel_tensor *p = f64(k ? reel_shape(2, 3) : reel_shape(N), values);
        made.p[k] = reel_track(reel_cast(p, k ? b : a));
        reel_state_put(made.list, k ? "b" : "a", made.p[k]);
    }
    expect_fine();
    return made;
}

static inline void params_free(params *made) {
    reel_state_free(made->list);
}

/* Gives p the gradient values[N]: that of sum(p * values). */
static inline void give_gradient(reel_tensor *p, const double *values) {
    {
        REEL_SCOPE;
        reel_tensor *g = reel_cast(f64(reel_shape_of(p), values), reel_dtype_of(p));
        reel_backward(reel_sum(reel_mul(p, g)));
    }
    expect_fine();
}

static inline void give_gradient_of_step(const params *made, int which, int t) {
    double values[N];
    for (int i = 0; i < N; i++) values[i] = gradient(which, i, t);
    give_gradient(made->p[which], values);
}

static inline void take_step(const params *made, reel_optim *o, int t) {
    for (int k = 0; k < 2; k++) give_gradient_of_step(made, k, t);
    ck_assert_int_eq(reel_optim_step(o), REEL_OK);
    expect_fine();
}

static inline void expect_parameter(reel_tensor *p, const double *expected) {
    const bool wide = reel_dtype_of(p) == REEL_F64;
    for (int i = 0; i < N; i++)
        ck_assert_double_eq_tol(element(p, i), expected[i],
                                (wide ? 1e-12 : 2e-6) * fmax(1.0, fabs(expected[i])));
}

static const struct {
    reel_dtype a, b;
} dtypes[] = {{REEL_F64, REEL_F64}, {REEL_F32, REEL_F32}, {REEL_F32, REEL_F64}};
enum { DTYPES = sizeof dtypes / sizeof *dtypes };

#endif
