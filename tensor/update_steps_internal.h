/* What the formulas of update_formulas_internal.h need of a step, worked out once a step, in f64:
 * written once for every device, and included once by each, with REEL_FORMULA defined as for
 * scalar.h and pow and sqrt declared. A row of kind UPDATE has its <name>_step here. Formulas and
 * sources stand in optim.h. */

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

/* A step that has decay alone. */
REEL_FORMULA reel__step begin_step(const reel__rule *o, double lr) {
    reel__step s = {};
    s.decay = o->decoupled ? 0 : o->weight_decay;
    s.shrink = o->decoupled ? 1 - lr * o->weight_decay : 1;
    s.eps = o->eps;
    s.momentum = o->momentum;
    s.maximize = o->maximize;
    return s;
}

/* How much of itself each mean keeps. */
REEL_FORMULA void set_means(reel__step *s, double beta1, double beta2) {
    s->beta1 = beta1;
    s->rest1 = 1 - beta1;
    s->beta2 = beta2;
    s->rest2 = 1 - beta2;
}

REEL_FORMULA reel__step sgd_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    const bool first = now->t == 1;
    s.size = now->lr;
    s.beta1 = first ? 0 : o->momentum;
    s.rest1 = first ? 1 : 1 - o->dampening;
    s.nesterov = o->nesterov;
    return s;
}

REEL_FORMULA reel__step adam_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    set_means(&s, o->beta1, o->beta2);
    s.size = now->lr / (1 - pow(o->beta1, now->t));
    s.root = 1 / sqrt(1 - pow(o->beta2, now->t));
    return s;
}

REEL_FORMULA double nadam_mu(const reel__rule *o, double t) {
    return o->beta1 * (1 - 0.5 * pow(0.96, t * o->momentum_decay));
}

/* Carries the product of all mu. */
REEL_FORMULA reel__step nadam_step(const reel__rule *o, const reel__now *now) {
    reel__step s = adam_step(o, now);
    const double mu = nadam_mu(o, now->t), next = nadam_mu(o, now->t + 1);
    s.carry = now->carry * mu;
    s.size_g = now->lr * (1 - mu) / (1 - s.carry);
    s.size = now->lr * next / (1 - s.carry * next);
    return s;
}

REEL_FORMULA reel__step radam_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    const double left = pow(o->beta2, now->t), most = 2 / (1 - o->beta2) - 1;
    const double rho = most - 2 * now->t * left / (1 - left);
    set_means(&s, o->beta1, o->beta2);
    s.size = now->lr / (1 - pow(o->beta1, now->t));
    s.adapts = rho > 5;
    if (s.adapts)
        s.size *=
            sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)) * sqrt(1 - left);
    return s;
}

REEL_FORMULA reel__step adamax_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    set_means(&s, o->beta1, o->beta2);
    s.size = now->lr / (1 - pow(o->beta1, now->t));
    return s;
}

REEL_FORMULA reel__step rmsprop_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    set_means(&s, o->alpha, o->alpha);
    s.size = now->lr;
    return s;
}

REEL_FORMULA reel__step adagrad_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    s.size = now->lr / (1 + (now->t - 1) * o->lr_decay);
    return s;
}

REEL_FORMULA reel__step adadelta_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    set_means(&s, o->rho, o->rho);
    s.size = now->lr;
    return s;
}

REEL_FORMULA reel__step asgd_step(const reel__rule *o, const reel__now *now) {
    reel__step s = begin_step(o, now->lr);
    const double before = now->t - 1, averaged = before - o->t0;
    s.size = now->lr / pow(1 + o->lambd * now->lr * before, o->alpha);
    s.shrink = 1 - o->lambd * s.size;
    s.weight = averaged > 1 ? 1 / averaged : 1;
    return s;
}
