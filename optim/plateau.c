/* Plateau: a lower rate each time that a metric has stopped getting better. */
#include "optim/schedule_internal.h"

#include <inttypes.h>
#include <math.h>

/* Each reduction once more from the start: groups may reach min_lr or eps at different ones. */
static double reduced(const reel_schedule *c, double base, int64_t s) {
    const reel_plateau_options *o = &c->options.plateau;
    (void)s;
    double lr = base;
    for (int64_t i = 0; i < c->plateau.reductions; i++) {
        double lower = fmax(lr * o->factor, o->min_lr);
        if (!(lr - lower > o->eps)) break; /* nor will any later one change it */
        lr = lower;
    }
    return lr;
}

/* best times what is a threshold away from 1 is |best| threshold away from best, also of the
 * infinite one that there is at first. */
static bool is_better(const reel_plateau_options *o, double metric, double best) {
    const double away = copysign(o->threshold, best);
    if (o->absolute)
        return o->maximize ? metric > best + o->threshold : metric < best - o->threshold;
    return o->maximize ? metric > best * (1.0 + away) : metric < best * (1.0 - away);
}

void reel__plateau_see(reel_schedule *s, double metric) {
    const reel_plateau_options *o = &s->options.plateau;
    if (s->plateau.bad < INT64_MAX) s->plateau.bad++;
    if (is_better(o, metric, s->plateau.best)) {
        s->plateau.best = metric;
        s->plateau.bad = 0;
    }
    if (s->plateau.cooling > 0) {
        s->plateau.cooling--;
        s->plateau.bad = 0;
    }
    if (s->plateau.bad <= o->patience) return;
    s->plateau.reductions++;
    s->plateau.cooling = o->cooldown;
    s->plateau.bad = 0;
}

static reel_status check(const char *what, const reel_plateau_options *o) {
    REEL_TRY(reel__optim_check(what, "min_lr", o->min_lr));
    REEL_TRY(reel__optim_check(what, "eps", o->eps));
    REEL_TRY(reel__optim_check(what, "threshold", o->threshold));
    REEL_TRY(reel__optim_check_below_one(what, "factor", o->factor));
    if (!o->absolute && o->threshold >= 1.0) /* of an infinite best, 1 - threshold has no part */
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a relative threshold must be below 1: %g",
                         what, o->threshold);
    const bool patient = o->patience >= 0;
    if (patient && o->cooldown >= 0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must be 0 or more: %" PRId64, what,
                     patient ? "cooldown" : "patience", patient ? o->cooldown : o->patience);
}

reel_schedule *reel_plateau_schedule_new(reel_optim *o, reel_plateau_options options) {
    const char *what = "plateau_schedule_new";
    options.factor = reel__option(options.factor, 0.1);
    options.threshold = reel__option(options.threshold, 1e-4);
    options.eps = reel__option(options.eps, 1e-8);
    options.min_lr = reel__option(options.min_lr, 0.0);
    options.patience = reel__option_int(options.patience, 10);
    options.cooldown = reel__option_int(options.cooldown, 0);
    if (check(what, &options) != REEL_OK) return NULL;
    return reel__schedule_new(
        what, o,
        (reel_schedule){.rate = reduced,
                        .takes_metric = true,
                        .options.plateau = options,
                        .plateau.best = options.maximize ? -INFINITY : INFINITY});
}
