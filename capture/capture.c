/* Steps that are captured: recorded until two recordings agree, then replayed. */
#include "capture/capture_internal.h"
#include "tensor/core/alive_internal.h"

#undef reel_capture
#undef reel_replay

#include <stdlib.h>

enum { MOST_TRIES = 16 };

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
    if (!p || reel__alive_end(p, A_PLAN, "plan_free", NULL) != REEL_OK) return;
    reel__plan_clear(p, true);
    free(p);
}

reel_status reel__plan_check(const reel_plan *p, const char *who) {
    return reel__alive_check(p, A_PLAN, who, NULL);
}

bool reel_plan_is_ready(const reel_plan *p) {
    return p && reel__plan_check(p, "plan_is_ready") == REEL_OK && p->ready;
}

/* ---- steps as they are ---- */

static bool run_step(reel_plan *p) {
    REEL_SCOPE;
    return p->step(p->user) && !reel_failed();
}

static reel_status build_if_alike(reel_plan *p, reel__trace *now) {
    char why[300] = "";
    reel__trace *before = p->last;
    reel__plan_clear(p, false);
    const bool alike = before && reel__trace_agrees(before, now, why, sizeof why);
    reel__plan_clear(p, true);
    p->last = now;
    if (alike) {
        p->tries = 0;
        return reel__plan_build(p);
    }
    if (!before || ++p->tries < MOST_TRIES) return REEL_OK;
    p->tries = 0;
    return reel_fail(REEL_ERR_STATE, NULL, "replay: the step is another each time: %s", why);
}

/* One step as it is, recorded; false if there was none. */
static bool record_step(reel_plan *p) {
    bool did;
    reel__trace *now = reel__trace_record(p->step, p->user, &did);
    if (!now) return false;
    if (!did) {
        reel__trace_free(now);
        return false;
    }
    build_if_alike(p, now);
    return true;
}

/* ---- replays ---- */

static bool one(reel_plan *p) {
    if (p->options.eager) return run_step(p);
    if (p->ready && !reel__plan_holds(p)) p->ready = false;
    if (!p->ready) return record_step(p);
    if (reel__plan_run(p) != REEL_OK || p->outcome == REEL__OVER) return false;
    return p->outcome == REEL__SAME || run_step(p);
}

int64_t reel_replay(reel_plan *p, int64_t steps) {
    int64_t done = 0;
    if (reel_failed()) return 0;
    if (reel__plan_check(p, "replay") != REEL_OK) return 0;
    if (reel__self()->recorder) {
        reel_fail(REEL_ERR_STATE, NULL, "replay: a step is being captured, which can't replay");
        return 0;
    }
    while (done < steps && !reel_failed() && one(p)) done++;
    return done;
}
