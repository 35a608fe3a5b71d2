/* Plans: which program fits the step at hand, and rehearsals where none does. */
#include "capture/capture_internal.h"
#include "tensor/core/alive_internal.h"

#undef reel_capture
#undef reel_replay

#include <stdlib.h>

/* Rehearsals until two agree; and how often: one may leave leaves and modules that it made itself,
 * and the next one is for those. */
enum { MOST_TRIES = 16, MOST_LEARNT = 2 };

#define A_PLAN "a plan"

reel_plan *reel_capture(reel_step step, void *user, reel_capture_options options) {
    if (!step) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "capture: the step is NULL");
        return NULL;
    }
    reel_plan *p = calloc(1, sizeof *p);
    if (!p) {
        reel_fail(REEL_ERR_MEMORY, NULL, "capture: out of memory");
        return NULL;
    }
    p->step = step;
    p->user = user;
    p->options = options;
    if (reel__alive_add(p, A_PLAN, "capture") == REEL_OK) return p;
    free(p);
    return NULL;
}

void reel_plan_free(reel_plan *p) {
    if (!p || reel__plan_check(p, "plan_free") != REEL_OK) return;
    if (p->busy) {
        reel_fail(REEL_ERR_STATE, NULL, "plan_free: it replays, and its step can't free it");
        return;
    }
    if (reel__alive_end(p, A_PLAN, "plan_free", NULL) != REEL_OK) return;
    for (int i = 0; i < p->programs; i++) reel__trace_free(reel__program_end(p->program[i]));
    reel__trace_free(p->last);
    free(p);
}

reel_status reel__plan_check(const reel_plan *p, const char *who) {
    return reel__alive_check(p, A_PLAN, who, NULL);
}

int reel_plan_programs(const reel_plan *p) {
    return p && reel__plan_check(p, "plan_programs") == REEL_OK ? p->programs : 0;
}

/* ---- programs ---- */

static reel__program *take_out(reel_plan *p, int i) {
    reel__program *out = p->program[i];
    p->programs--;
    for (; i < p->programs; i++) p->program[i] = p->program[i + 1];
    return out;
}

static void put_first(reel_plan *p, reel__program *first) {
    if (p->programs == REEL__MOST_PROGRAMS)
        reel__trace_free(reel__program_end(take_out(p, p->programs - 1)));
    for (int i = p->programs++; i > 0; i--) p->program[i] = p->program[i - 1];
    p->program[0] = first;
}

/* Its trace is what the next rehearsal is to agree with. */
static void retire(reel_plan *p, int i) {
    reel__trace_free(p->last);
    p->last = reel__program_end(take_out(p, i));
}

static void retire_those_let_go(reel_plan *p) {
    for (int i = p->programs - 1; i >= 0; i--)
        if (!reel__program_holds(p->program[i])) retire(p, i);
}

/* Out of memory, and there is more without the program used longest ago. */
static bool make_room(reel_plan *p) {
    if (reel_error_status() != REEL_ERR_MEMORY || !p->programs) return false;
    reel_clear_error();
    reel__trace_free(reel__program_end(take_out(p, p->programs - 1)));
    return true;
}

/* The program that a step is, though something was switched since, which goes out of the plan;
 * NULL: none. */
static reel__program *take_same(reel_plan *p, const reel__trace *now) {
    char why[300];
    for (int i = 0; i < p->programs; i++) {
        reel__trace *t = p->program[i]->trace;
        if (t->switches == now->switches || !reel__trace_agrees(t, now, why, sizeof why) ||
            !reel__trace_same_outer(t, now) || !reel__program_holds(p->program[i]))
            continue;
        t->switches = now->switches;
        return take_out(p, i);
    }
    return NULL;
}

static unsigned passes_left_out(const reel_capture_options *o) {
    return o->without | (REEL_PASS_BESIDE & ~o->with);
}

/* Rehearsals until two agree. NULL, and no failure: the step had nothing to do. */
static reel__program *rehearse(reel_plan *p) {
    char why[300] = "";
    bool did;
    for (int tries = 0; tries < MOST_TRIES; tries++) {
        reel__trace *now = reel__trace_rehearse(p->step, p->user, &did), *before = p->last;
        if (!now) return NULL;
        if (!did) {
            reel__trace_free(now);
            return NULL;
        }
        reel__program *same = take_same(p, now);
        if (same) {
            reel__trace_free(now);
            return same;
        }
        const bool agree = before && reel__trace_agrees(before, now, why, sizeof why);
        p->last = NULL;
        reel__trace_free(before);
        if (agree) return reel__program_new(now, passes_left_out(&p->options));
        p->last = now;
    }
    reel_fail(REEL_ERR_STATE, NULL, "replay: the step is another each time: %s", why);
    return NULL;
}

/* One that fails is undone, so that it can be tried again with less in memory. */
static reel__program *learn(reel_plan *p) {
    reel__program *learnt;
    do learnt = rehearse(p);
    while (!learnt && make_room(p));
    return learnt;
}

/* ---- replays ---- */

static bool run_step(reel_plan *p) {
    REEL_SCOPE;
    return p->step(p->user) && !reel_failed();
}

static reel__outcome run_known(reel_plan *p, int64_t steps, int64_t *done) {
    reel__outcome outcome = REEL__OTHER;
    for (int i = 0; i < p->programs && *done == 0 && outcome == REEL__OTHER && !reel_failed();
         i++) {
        reel__program_run(p->program[i], steps, done, &outcome);
        if (*done > 0 && i > 0) put_first(p, take_out(p, i));
    }
    return outcome;
}

/* At least one step, if there is one, and no more than `steps`; returns how many. */
static int64_t replay(reel_plan *p, int64_t steps) {
    int64_t done = 0;
    if (p->options.eager || reel__self()->anomaly) return run_step(p); /* looks at each result */
    retire_those_let_go(p);
    reel__outcome outcome = run_known(p, steps, &done);
    for (int tries = 0; done == 0 && outcome == REEL__OTHER && !reel_failed(); tries++) {
        if (tries == MOST_LEARNT)
            return reel_fail(REEL_ERR_STATE, NULL, "replay: the step can't be repeated"), 0;
        reel__program *learnt = learn(p);
        if (!learnt) return 0;
        put_first(p, learnt);
        reel__program_run(learnt, steps, &done, &outcome);
    }
    return done;
}

int64_t reel_replay(reel_plan *p, int64_t steps) {
    int64_t done = 0;
    if (reel_failed()) return 0;
    if (reel__plan_check(p, "replay") != REEL_OK) return 0;
    if (reel__self()->recorder) {
        reel_fail(REEL_ERR_STATE, NULL, "replay: a step is being captured, which can't replay");
        return 0;
    }
    if (p->busy) {
        reel_fail(REEL_ERR_STATE, NULL, "replay: it replays already");
        return 0;
    }
    p->busy = true;
    for (int64_t more = 1; more > 0 && done < steps && !reel_failed(); done += more)
        more = replay(p, steps - done);
    p->busy = false;
    return done;
}
