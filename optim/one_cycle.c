/* One cycle: up to a peak, and down to far below the start, in two phases or three. */
#include "optim/schedule_internal.h"

#include <math.h>

/* From one rate to another between two steps, which need not be whole. */
typedef struct {
    double from, to, begin, end;
} phase;

static double anneal(const phase *p, double s, bool linear) {
    double length = p->end - p->begin;
    if (!(length > 0.0)) return p->to;
    double done = (s - p->begin) / length;
    if (linear) return p->from + (p->to - p->from) * done;
    return p->to + (p->from - p->to) * ((1.0 + cos(M_PI * done)) / 2.0);
}

static double one_cycle(const reel_schedule *c, double base, int64_t at) {
    const reel_one_cycle_options *o = &c->options.one_cycle;
    const double peak = isnan(o->max_lr) ? base : o->max_lr, start = peak / o->div_factor,
                 floor = start / o->final_div_factor, last = (double)o->steps - 1.0,
                 up = o->pct_start * (double)o->steps - 1.0,
                 down = o->three_phase ? 2.0 * o->pct_start * (double)o->steps - 2.0 : last;
    const phase phases[] = {{start, peak, 0.0, up},
                            {peak, o->three_phase ? start : floor, up, down},
                            {start, floor, down, last}};
    const double s = (double)at < last ? (double)at : last;
    const int final = o->three_phase ? 2 : 1;
    int i = 0;
    while (i < final && s > phases[i].end) i++;
    return anneal(&phases[i], s, o->linear);
}

reel_schedule *reel_one_cycle_schedule_new(reel_optim *o, reel_one_cycle_options options) {
    const char *what = "one_cycle_schedule_new";
    const double max_lr = reel__option(options.max_lr, 0.0);
    options.max_lr = options.max_lr == 0.0 ? NAN : max_lr; /* the base, whichever it is */
    options.pct_start = reel__option(options.pct_start, 0.3);
    options.div_factor = reel__option(options.div_factor, 25.0);
    options.final_div_factor = reel__option(options.final_div_factor, 1e4);
    if (reel__optim_check(what, "max_lr", max_lr) != REEL_OK ||
        reel__schedule_positive(what, "div_factor", options.div_factor) != REEL_OK ||
        reel__schedule_positive(what, "final_div_factor", options.final_div_factor) != REEL_OK ||
        reel__schedule_length(what, options.steps) != REEL_OK)
        return NULL;
    if (!(options.pct_start >= 0.0 && options.pct_start <= 1.0)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: pct_start must lie in [0, 1]: %g", what,
                  options.pct_start);
        return NULL;
    }
    return reel__schedule_new(what, o,
                              (reel_schedule){.rate = one_cycle, .options.one_cycle = options});
}
