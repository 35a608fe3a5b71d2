/* What an optimizer's step does to an element, written once for every device and for f32 and f64.
 *
 * Included once per type after update_internal.h, with REAL, R(name) and REEL_FORMULA as for
 * scalar.h, and SQRT(x) an instruction. A row of kind UPDATE has its R(<name>) here: it returns the
 * parameter, and changes the moments, which are named above it. Formulas and sources stand in
 * optim.h. */

#include "tensor/fused_internal.h"

/* reel__step in REAL, and which moments there are, a bit for each: known when compiled, so that to
 * ask costs nothing. */
typedef struct {
    REAL size, size_g, decay, shrink, beta1, rest1, beta2, rest2, momentum, eps, root, weight;
    bool nesterov, adapts, maximize;
    unsigned has;
} R(step);

REEL_FORMULA R(step) R(step_of)(const reel__step *s, unsigned has) {
    R(step) to;
    to.size = (REAL)s->size;
    to.size_g = (REAL)s->size_g;
    to.decay = (REAL)s->decay;
    to.shrink = (REAL)s->shrink;
    to.beta1 = (REAL)s->beta1;
    to.rest1 = (REAL)s->rest1;
    to.beta2 = (REAL)s->beta2;
    to.rest2 = (REAL)s->rest2;
    to.momentum = (REAL)s->momentum;
    to.eps = (REAL)s->eps;
    to.root = (REAL)s->root;
    to.weight = (REAL)s->weight;
    to.nesterov = s->nesterov;
    to.adapts = s->adapts;
    to.maximize = s->maximize;
    to.has = has;
    return to;
}

/* What goes into the moments: g, with what the decay adds. */
REEL_FORMULA REAL R(direction)(const R(step) * s, REAL p, REAL g) {
    return (s->maximize ? -g : g) + s->decay * p;
}

REEL_FORMULA REAL R(mean)(const R(step) * s, REAL *mean, REAL x) {
    return *mean = REEL__FUSED(s->beta1, *mean, s->rest1 * x);
}

REEL_FORMULA REAL R(mean_of_squares)(const R(step) * s, REAL *mean, REAL x) {
    return *mean = REEL__FUSED(s->beta2, *mean, s->rest2 * x * x);
}

/* NaN if one of them is. */
REEL_FORMULA REAL R(larger)(REAL x, REAL y) {
    return x > y || x != x ? x : y;
}

/* With momentum v. */
REEL_FORMULA REAL R(sgd)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    REAL d = R(direction)(s, p, g);
    if (s->has & 1) {
        const REAL v = R(mean)(s, &moment[0], d);
        d = s->nesterov ? d + s->momentum * v : v;
    }
    return p - s->size * d;
}

/* m, v; with amsgrad vmax. */
REEL_FORMULA REAL R(adam)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    REAL v = R(mean_of_squares)(s, &moment[1], d);
    if (s->has & 4) v = moment[2] = R(larger)(moment[2], v);
    return p * s->shrink - s->size * m / (SQRT(v) * s->root + s->eps);
}

/* m, v. */
REEL_FORMULA REAL R(nadam)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    const REAL v = R(mean_of_squares)(s, &moment[1], d);
    return p * s->shrink - REEL__FUSED(s->size_g, d, s->size * m) / (SQRT(v) * s->root + s->eps);
}

/* m, v. */
REEL_FORMULA REAL R(radam)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    const REAL v = R(mean_of_squares)(s, &moment[1], d);
    return p * s->shrink - s->size * m / (s->adapts ? SQRT(v) + s->eps : 1);
}

/* m, u. */
REEL_FORMULA REAL R(adamax)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    moment[1] = R(larger)(s->beta2 * moment[1], (d < 0 ? -d : d) + s->eps);
    return p - s->size * m / moment[1];
}

/* v; if centered m; with momentum b. */
REEL_FORMULA REAL R(rmsprop)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    REAL d = R(direction)(s, p, g), v = R(mean_of_squares)(s, &moment[0], d);
    if (s->has & 2) {
        const REAL m = R(mean)(s, &moment[1], d);
        v -= m * m;
    }
    d /= SQRT(v) + s->eps;
    if (s->has & 4) d = moment[2] = s->momentum * moment[2] + d;
    return p - s->size * d;
}

/* v. */
REEL_FORMULA REAL R(adagrad)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), v = moment[0] + d * d;
    moment[0] = v;
    return p - s->size * d / (SQRT(v) + s->eps);
}

/* v, u. */
REEL_FORMULA REAL R(adadelta)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), v = R(mean_of_squares)(s, &moment[0], d);
    const REAL move = SQRT(moment[1] + s->eps) / SQRT(v + s->eps) * d;
    R(mean_of_squares)(s, &moment[1], move);
    return p - s->size * move;
}

/* mean. */
REEL_FORMULA REAL R(asgd)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL mean = moment[0], now = REEL__FUSED(p, s->shrink, -s->size * R(direction)(s, p, g));
    moment[0] = s->weight == 1 ? now : mean + s->weight * (now - mean);
    return now;
}
