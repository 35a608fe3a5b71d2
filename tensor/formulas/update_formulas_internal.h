/* What an optimizer's step does to an element, written once for every device, and for f32 and f64.
 *
 * A row of ops_update.def has two functions here. R(<name>_step) works out once, in f64, what the
 * step needs of the rate, of its number and of the options. R(<name>) then goes over all elements:
 * it returns the parameter, and changes the moments, which have the row's order. The formulas and
 * their sources stand in optim.h.
 *
 * Included once per type after update_internal.h, with REAL, R(name) and REEL_FORMULA as for
 * scalar.h, SQRT(x) an instruction, and pow and sqrt of f64 declared. A step is the same whatever
 * REAL is. */

#include "tensor/formulas/fused_internal.h"

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

/* ---- what steps share ---- */

/* A step that has decay alone. */
REEL_FORMULA reel__step R(begin_step)(const reel__rule *o, double lr) {
    reel__step s = {};
    s.decay = o->decoupled ? 0 : o->weight_decay;
    s.shrink = o->decoupled ? 1 - lr * o->weight_decay : 1;
    s.eps = o->eps;
    s.momentum = o->momentum;
    s.maximize = o->maximize;
    return s;
}

/* How much of itself each mean keeps. */
REEL_FORMULA void R(set_means)(reel__step *s, double beta1, double beta2) {
    s->beta1 = beta1;
    s->rest1 = 1 - beta1;
    s->beta2 = beta2;
    s->rest2 = 1 - beta2;
}

/* ---- what formulas share ---- */

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

/* ---- SGD: with momentum v ---- */

REEL_FORMULA reel__step R(sgd_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    const bool first = now->t == 1;
    s.size = now->lr;
    s.beta1 = first ? 0 : o->momentum;
    s.rest1 = first ? 1 : 1 - o->dampening;
    s.nesterov = o->nesterov;
    return s;
}

REEL_FORMULA REAL R(sgd)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    REAL d = R(direction)(s, p, g);
    if (s->has & 1) {
        const REAL v = R(mean)(s, &moment[0], d);
        d = s->nesterov ? d + s->momentum * v : v;
    }
    return p - s->size * d;
}

/* ---- Adam, AdamW: m, v; with amsgrad vmax ---- */

REEL_FORMULA reel__step R(adam_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    R(set_means)(&s, o->beta1, o->beta2);
    s.size = now->lr / (1 - pow(o->beta1, now->t));
    s.root = 1 / sqrt(1 - pow(o->beta2, now->t));
    return s;
}

REEL_FORMULA REAL R(adam)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    REAL v = R(mean_of_squares)(s, &moment[1], d);
    if (s->has & 4) v = moment[2] = R(larger)(moment[2], v);
    return p * s->shrink - s->size * m / (SQRT(v) * s->root + s->eps);
}

/* ---- NAdam: m, v ---- */

REEL_FORMULA double R(nadam_mu)(const reel__rule *o, double t) {
    return o->beta1 * (1 - 0.5 * pow(0.96, t * o->momentum_decay));
}

/* Carries the product of all mu. */
REEL_FORMULA reel__step R(nadam_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(adam_step)(o, now);
    const double mu = R(nadam_mu)(o, now->t), next = R(nadam_mu)(o, now->t + 1);
    s.carry = now->carry * mu;
    s.size_g = now->lr * (1 - mu) / (1 - s.carry);
    s.size = now->lr * next / (1 - s.carry * next);
    return s;
}

REEL_FORMULA REAL R(nadam)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    const REAL v = R(mean_of_squares)(s, &moment[1], d);
    return p * s->shrink - REEL__FUSED(s->size_g, d, s->size * m) / (SQRT(v) * s->root + s->eps);
}

/* ---- RAdam: m, v ---- */

REEL_FORMULA reel__step R(radam_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    const double left = pow(o->beta2, now->t), most = 2 / (1 - o->beta2) - 1;
    const double rho = most - 2 * now->t * left / (1 - left);
    R(set_means)(&s, o->beta1, o->beta2);
    s.size = now->lr / (1 - pow(o->beta1, now->t));
    s.adapts = rho > 5;
    if (s.adapts)
        s.size *=
            sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * sqrt(1 - left);
    return s;
}

REEL_FORMULA REAL R(radam)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    const REAL v = R(mean_of_squares)(s, &moment[1], d);
    return p * s->shrink - s->size * m / (s->adapts ? SQRT(v) + s->eps : 1);
}

/* ---- Adamax: m, u ---- */

REEL_FORMULA reel__step R(adamax_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    R(set_means)(&s, o->beta1, o->beta2);
    s.size = now->lr / (1 - pow(o->beta1, now->t));
    return s;
}

REEL_FORMULA REAL R(adamax)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), m = R(mean)(s, &moment[0], d);
    moment[1] = R(larger)(s->beta2 * moment[1], (d < 0 ? -d : d) + s->eps);
    return p - s->size * m / moment[1];
}

/* ---- RMSprop: v; if centered m; with momentum b ---- */

REEL_FORMULA reel__step R(rmsprop_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    R(set_means)(&s, o->alpha, o->alpha);
    s.size = now->lr;
    return s;
}

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

/* ---- Adagrad: v ---- */

REEL_FORMULA reel__step R(adagrad_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    s.size = now->lr / (1 + (now->t - 1) * o->lr_decay);
    return s;
}

REEL_FORMULA REAL R(adagrad)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), v = moment[0] + d * d;
    moment[0] = v;
    return p - s->size * d / (SQRT(v) + s->eps);
}

/* ---- Adadelta: v, u ---- */

REEL_FORMULA reel__step R(adadelta_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    R(set_means)(&s, o->rho, o->rho);
    s.size = now->lr;
    return s;
}

REEL_FORMULA REAL R(adadelta)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), v = R(mean_of_squares)(s, &moment[0], d);
    const REAL move = SQRT(moment[1] + s->eps) / SQRT(v + s->eps) * d;
    R(mean_of_squares)(s, &moment[1], move);
    return p - s->size * move;
}

/* ---- Lion: m ---- */

REEL_FORMULA reel__step R(lion_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    R(set_means)(&s, o->beta1, o->beta2);
    s.size = now->lr;
    return s;
}

/* m keeps beta2 of itself; the sign is that of another mean, which nothing keeps. */
REEL_FORMULA REAL R(lion)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL d = R(direction)(s, p, g), c = REEL__FUSED(s->beta1, moment[0], s->rest1 * d);
    moment[0] = REEL__FUSED(s->beta2, moment[0], s->rest2 * d);
    return p * s->shrink - (c > 0 ? s->size : c < 0 ? -s->size : c); /* c: 0, or NaN */
}

/* ---- ASGD: mean ---- */

REEL_FORMULA reel__step R(asgd_step)(const reel__rule *o, const reel__now *now) {
    reel__step s = R(begin_step)(o, now->lr);
    const double before = now->t - 1, averaged = before - o->t0;
    s.size = now->lr / pow(1 + o->lambd * now->lr * before, o->alpha);
    s.shrink = 1 - o->lambd * s.size;
    s.weight = averaged > 1 ? 1 / averaged : 1;
    return s;
}

REEL_FORMULA REAL R(asgd)(const R(step) * s, REAL p, REAL g, REAL *moment) {
    const REAL mean = moment[0], now = REEL__FUSED(p, s->shrink, -s->size * R(direction)(s, p, g));
    moment[0] = s->weight == 1 ? now : mean + s->weight * (now - mean);
    return now;
}
