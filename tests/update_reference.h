/* The optimizers' steps in f64, an element at a time, by PyTorch's single-tensor loops: what op
 * cases and suites compare with. */
#ifndef REEL_TESTS_UPDATE_REFERENCE_H
#define REEL_TESTS_UPDATE_REFERENCE_H

#include "tensor/ops/update_internal.h"

#include <math.h>

/* A parameter and its moments; those that an optimizer goes without are not looked at. */
typedef struct {
    double p, moment[REEL__MAX_MOMENTS];
} reference_cell;

typedef struct {
    reel__rule rule;
    double lr;
    unsigned has; /* which moments there are */
} reference_options;

typedef void (*reference_step)(reference_cell *c, double g, int t, const reference_options *o);

/* Of all of them alike: the gradient that counts, and what decay takes off p beforehand. */
static inline double reference_decay(reference_cell *c, double g, const reference_options *o) {
    if (o->rule.maximize) g = -g;
    if (!o->rule.decoupled) return g + o->rule.weight_decay * c->p;
    c->p *= 1 - o->lr * o->rule.weight_decay;
    return g;
}

static inline void reference_means(reference_cell *c, double g, const reel__rule *r) {
    c->moment[0] = r->beta1 * c->moment[0] + (1 - r->beta1) * g;
    c->moment[1] = r->beta2 * c->moment[1] + (1 - r->beta2) * g * g;
}

static inline void reference_sgd(reference_cell *c, double g, int t, const reference_options *o) {
    const reel__rule *r = &o->rule;
    g = reference_decay(c, g, o);
    if (o->has) {
        const double before = c->moment[0];
        c->moment[0] = t == 1 ? g : r->momentum * before + (1 - r->dampening) * g;
        g = r->nesterov ? g + r->momentum * c->moment[0] : c->moment[0];
    }
    c->p -= o->lr * g;
}

static inline void reference_adam(reference_cell *c, double g, int t, const reference_options *o) {
    const reel__rule *r = &o->rule;
    reference_means(c, reference_decay(c, g, o), r);
    double v = c->moment[1];
    if (o->has & 4) v = c->moment[2] = fmax(c->moment[2], v);
    const double step_size = o->lr / (1 - pow(r->beta1, t));
    c->p -= step_size * c->moment[0] / (sqrt(v) / sqrt(1 - pow(r->beta2, t)) + r->eps);
}

static inline double reference_mu(const reel__rule *r, int t) {
    return r->beta1 * (1 - 0.5 * pow(0.96, t * r->momentum_decay));
}

static inline double reference_mu_product(const reel__rule *r, int t) {
    double product = 1;
    for (int i = 1; i <= t; i++) product *= reference_mu(r, i);
    return product;
}

static inline void reference_nadam(reference_cell *c, double g, int t, const reference_options *o) {
    const reel__rule *r = &o->rule;
    g = reference_decay(c, g, o);
    reference_means(c, g, r);
    const double denom = sqrt(c->moment[1] / (1 - pow(r->beta2, t))) + r->eps;
    const double mu = reference_mu(r, t), next = reference_mu(r, t + 1);
    c->p -= o->lr * (1 - mu) / (1 - reference_mu_product(r, t)) * g / denom;
    c->p -= o->lr * next / (1 - reference_mu_product(r, t + 1)) * c->moment[0] / denom;
}

static inline void reference_radam(reference_cell *c, double g, int t, const reference_options *o) {
    const reel__rule *r = &o->rule;
    reference_means(c, reference_decay(c, g, o), r);
    const double correction2 = 1 - pow(r->beta2, t);
    const double corrected = c->moment[0] / (1 - pow(r->beta1, t));
    const double rho_inf = 2 / (1 - r->beta2) - 1;
    const double rho = rho_inf - 2 * t * pow(r->beta2, t) / correction2;
    if (rho <= 5) {
        c->p -= corrected * o->lr;
        return;
    }
    const double rect =
        sqrt((rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho));
    c->p -= corrected * o->lr * sqrt(correction2) / (sqrt(c->moment[1]) + r->eps) * rect;
}

static inline void reference_adamax(reference_cell *c, double g, int t,
                                    const reference_options *o) {
    const reel__rule *r = &o->rule;
    g = reference_decay(c, g, o);
    c->moment[0] = r->beta1 * c->moment[0] + (1 - r->beta1) * g;
    c->moment[1] = fmax(r->beta2 * c->moment[1], fabs(g) + r->eps);
    c->p -= o->lr / (1 - pow(r->beta1, t)) * c->moment[0] / c->moment[1];
}

static inline void reference_rmsprop(reference_cell *c, double g, int t,
                                     const reference_options *o) {
    (void)t;
    const reel__rule *r = &o->rule;
    g = reference_decay(c, g, o);
    c->moment[0] = r->alpha * c->moment[0] + (1 - r->alpha) * g * g;
    double square = c->moment[0];
    if (o->has & 2) {
        c->moment[1] += (1 - r->alpha) * (g - c->moment[1]);
        square -= c->moment[1] * c->moment[1];
    }
    const double average = sqrt(square) + r->eps;
    if (o->has & 4) {
        c->moment[2] = r->momentum * c->moment[2] + g / average;
        c->p -= o->lr * c->moment[2];
    } else {
        c->p -= o->lr * g / average;
    }
}

static inline void reference_adagrad(reference_cell *c, double g, int t,
                                     const reference_options *o) {
    const double rate = o->lr / (1 + (t - 1) * o->rule.lr_decay);
    g = reference_decay(c, g, o);
    c->moment[0] += g * g;
    c->p -= rate * g / (sqrt(c->moment[0]) + o->rule.eps);
}

static inline void reference_adadelta(reference_cell *c, double g, int t,
                                      const reference_options *o) {
    (void)t;
    const reel__rule *r = &o->rule;
    g = reference_decay(c, g, o);
    c->moment[0] = r->rho * c->moment[0] + (1 - r->rho) * g * g;
    const double std = sqrt(c->moment[0] + r->eps), delta = sqrt(c->moment[1] + r->eps) / std * g;
    c->moment[1] = r->rho * c->moment[1] + (1 - r->rho) * delta * delta;
    c->p -= o->lr * delta;
}

static inline void reference_lion(reference_cell *c, double g, int t, const reference_options *o) {
    (void)t;
    const reel__rule *r = &o->rule;
    g = reference_decay(c, g, o);
    const double toward = r->beta1 * c->moment[0] + (1 - r->beta1) * g;
    if (toward != 0) c->p -= isnan(toward) ? toward : copysign(o->lr, toward);
    c->moment[0] = r->beta2 * c->moment[0] + (1 - r->beta2) * g;
}

static inline void reference_asgd(reference_cell *c, double g, int t, const reference_options *o) {
    const reel__rule *r = &o->rule;
    const double eta = o->lr / pow(1 + r->lambd * o->lr * (t - 1), r->alpha);
    const double mu = 1 / fmax(1, t - 1 - r->t0);
    g = reference_decay(c, g, o);
    c->p *= 1 - r->lambd * eta;
    c->p -= eta * g;
    c->moment[0] += mu * (c->p - c->moment[0]);
}

#endif
