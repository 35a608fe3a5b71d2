/* Initialisers after Glorot and He: a width from the fans, then a draw; gains; and what all
 * initialisers share. */
#include "nn/init_internal.h"

#include "tensor/core/handles_internal.h"

#include <math.h>
#include <stdlib.h>

/* ---- shared ---- */

reel_status reel__init_check(const char *what, const reel_tensor *t, int axes) {
    if (!t) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no tensor", what);
    if (!reel__live(NULL, what, NULL, t)) return reel_error_status();
    if (!reel__dtype_is_full(reel_dtype_of(t)))
        return reel__fail_composite(REEL_ERR_DTYPE, "takes f32 or f64");
    if (reel_ndim(t) >= axes) return REEL_OK;
    return reel__fail_composite(REEL_ERR_SHAPE, "needs %d axes", axes);
}

reel_status reel__init_check_gain(const char *what, double gain) {
    if (gain > 0.0 && !isinf(gain)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: gain must be positive and finite: %g", what,
                     gain);
}

double *reel__init_draw(const char *what, reel_generator *g, int64_t n, bool normal) {
    const size_t bytes = (size_t)n * sizeof(double);
    double *drawn = malloc(bytes);
    if (!drawn) {
        reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", what);
        return NULL;
    }
    reel_status status = REEL_OK;
    {
        REEL_SCOPE;
        reel_tensor *t =
            normal ? reel_randn(reel_shape(n), REEL_F64, g) : reel_rand(reel_shape(n), REEL_F64, g);
        status = t ? reel_read(t, drawn, bytes) : reel_error_status();
    }
    if (status == REEL_OK) return drawn;
    free(drawn);
    return NULL;
}

reel_status reel__init_put(reel_tensor *t, const double *values) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    if (!reel_copy_(t, reel_from(values, reel_shape_of(t), REEL_F64))) return reel_error_status();
    return REEL_OK;
}

/* ---- Glorot and He ---- */

typedef struct {
    double in, out;
} fans;

/* As PyTorch counts: t[O, I, ...], the axes past the second being a receptive field that multiplies
 * both. */
static reel_status count_fans(const char *what, const reel_tensor *t, double gain, fans *n) {
    REEL_TRY(reel__init_check(what, t, 2));
    REEL_TRY(reel__init_check_gain(what, gain));
    double field = 1.0;
    for (int i = 2; i < reel_ndim(t); i++) field *= (double)reel_dim(t, i);
    n->in = field * (double)reel_dim(t, 1);
    n->out = field * (double)reel_dim(t, 0);
    return REEL_OK;
}

static reel_tensor *draw_uniform(reel_tensor *t, reel_generator *g, double a) {
    if (reel_numel(t) == 0) return t; /* a fan of 0 gave an infinite width */
    REEL_NO_GRAD;
    return reel_uniform_(t, g, -a, a);
}

static reel_tensor *draw_normal(reel_tensor *t, reel_generator *g, double s) {
    if (reel_numel(t) == 0) return t;
    REEL_NO_GRAD;
    return reel_normal_(t, g, 0.0, s);
}

reel_tensor *reel_xavier_uniform_(reel_tensor *t, reel_generator *g, double gain) {
    REEL__COMPOSITE(.name = "xavier_uniform_", .in = {t}, .given = 1);
    fans n;
    if (count_fans("xavier_uniform_", t, gain, &n) != REEL_OK) return NULL;
    return draw_uniform(t, g, gain * sqrt(6.0 / (n.in + n.out)));
}

reel_tensor *reel_xavier_normal_(reel_tensor *t, reel_generator *g, double gain) {
    REEL__COMPOSITE(.name = "xavier_normal_", .in = {t}, .given = 1);
    fans n;
    if (count_fans("xavier_normal_", t, gain, &n) != REEL_OK) return NULL;
    return draw_normal(t, g, gain * sqrt(2.0 / (n.in + n.out)));
}

reel_tensor *reel_kaiming_uniform_(reel_tensor *t, reel_generator *g, double gain) {
    REEL__COMPOSITE(.name = "kaiming_uniform_", .in = {t}, .given = 1);
    fans n;
    if (count_fans("kaiming_uniform_", t, gain, &n) != REEL_OK) return NULL;
    return draw_uniform(t, g, gain * sqrt(3.0 / n.in));
}

reel_tensor *reel_kaiming_normal_(reel_tensor *t, reel_generator *g, double gain) {
    REEL__COMPOSITE(.name = "kaiming_normal_", .in = {t}, .given = 1);
    fans n;
    if (count_fans("kaiming_normal_", t, gain, &n) != REEL_OK) return NULL;
    return draw_normal(t, g, gain / sqrt(n.in));
}

/* ---- gains ---- */

double reel_gain(reel_nonlinearity f, double slope) {
    switch (f) {
    case REEL_GAIN_LINEAR:
    case REEL_GAIN_SIGMOID:
        return 1.0;
    case REEL_GAIN_TANH:
        return 5.0 / 3.0;
    case REEL_GAIN_RELU:
        return M_SQRT2;
    case REEL_GAIN_LEAKY_RELU:
        return sqrt(2.0 / (1.0 + slope * slope));
    case REEL_GAIN_SELU:
        return 0.75;
    }
    reel_fail(REEL_ERR_ARGUMENT, NULL, "gain: no such nonlinearity: %d", (int)f);
    return NAN;
}
