/* Initialisers after Glorot and He: a width from the fans, then a draw. */
#include "nn/nn.h"

#include <math.h>

typedef struct {
    double in, out;
} fans;

/* As PyTorch counts: t[O, I, ...], the axes past the second being a receptive field that multiplies
 * both. */
static reel_status count_fans(const char *what, const reel_tensor *t, double gain, fans *n) {
    if (!t) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no tensor", what);
    if (reel_ndim(t) < 2)
        return reel_fail(REEL_ERR_SHAPE, NULL, "%s: fans need two axes: %s has %d", what,
                         reel_name(t), reel_ndim(t));
    if (!(gain > 0.0) || isinf(gain))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: gain must be positive and finite: %g", what,
                         gain);
    double field = 1.0;
    for (int i = 2; i < reel_ndim(t); i++) field *= (double)reel_dim(t, i);
    n->in = field * (double)reel_dim(t, 1);
    n->out = field * (double)reel_dim(t, 0);
    return REEL_OK;
}

static reel_tensor *draw_uniform(reel_tensor *t, reel_generator *g, double a) {
    if (reel_numel(t) == 0) return t; /* a fan of 0 gave an infinite width */
    REEL_NO_GRAD return reel_uniform_(t, g, -a, a);
    return NULL;
}

static reel_tensor *draw_normal(reel_tensor *t, reel_generator *g, double s) {
    if (reel_numel(t) == 0) return t;
    REEL_NO_GRAD return reel_normal_(t, g, 0.0, s);
    return NULL;
}

reel_tensor *reel_xavier_uniform_(reel_tensor *t, reel_generator *g, double gain) {
    fans n;
    if (count_fans("xavier_uniform_", t, gain, &n) != REEL_OK) return NULL;
    return draw_uniform(t, g, gain * sqrt(6.0 / (n.in + n.out)));
}

reel_tensor *reel_xavier_normal_(reel_tensor *t, reel_generator *g, double gain) {
    fans n;
    if (count_fans("xavier_normal_", t, gain, &n) != REEL_OK) return NULL;
    return draw_normal(t, g, gain * sqrt(2.0 / (n.in + n.out)));
}

reel_tensor *reel_kaiming_uniform_(reel_tensor *t, reel_generator *g, double gain) {
    fans n;
    if (count_fans("kaiming_uniform_", t, gain, &n) != REEL_OK) return NULL;
    return draw_uniform(t, g, gain * sqrt(3.0 / n.in));
}

reel_tensor *reel_kaiming_normal_(reel_tensor *t, reel_generator *g, double gain) {
    fans n;
    if (count_fans("kaiming_normal_", t, gain, &n) != REEL_OK) return NULL;
    return draw_normal(t, g, gain / sqrt(n.in));
}
