/* A program at work. */
#include "capture/capture_internal.h"
#include "tensor/core/profile_internal.h"

/* As the step's own call would say it: of the function that it was part of, or of a gradient. */
static reel_status run_node(reel__group_node *n) {
    reel__thread *self = reel__self();
    const reel__composite composite = {.name = n->function, .at = n->call.at};
    if (n->function) self->composite = &composite;
    self->context = n->context;
    self->context_at = n->call.at;
    const reel_status status = reel__dispatch_again(&n->call);
    self->composite = NULL;
    self->context = NULL;
    return status;
}

static void undo_parts(reel__program *p, int from, int end) {
    reel__failure failure;
    reel__failure_put_aside(&failure);
    while (end-- > from) reel__part_back(&p->trace->part[end]);
    reel__failure_put_back(&failure);
}

/* All that the host does. A step that is none of this program's, or fails, is undone so far. */
static void run_parts(reel__program *p) {
    int begun = 0;
    while (begun < p->trace->parts && p->outcome == REEL__FITS && !reel_failed())
        reel__program_refresh(p, begun++);
    if (p->outcome != REEL__FITS || reel_failed()) undo_parts(p, 0, begun);
}

/* Node k failed: what the host does behind it, the step would not have come to. */
static void undo_parts_behind(reel__program *p, int k) {
    int first = p->trace->parts, entry = 0;
    while (p->node_of[entry] != k) entry++;
    while (first > 0 && p->trace->part[first - 1].end > entry) first--;
    undo_parts(p, first, p->trace->parts);
}

static void forget_parts(reel__program *p) {
    for (int i = 0; i < p->trace->parts; i++) reel__part_forget(&p->trace->part[i]);
}

static reel_status run_fused(const reel__item *item, const char *at) {
    const reel__fused *f = item->fused;
    char name[REEL__PROFILE_TEXT];
    reel__profile_mark mark = {0};
    if (reel__profile_does()) {
        f->describe(f->of, name, sizeof name);
        mark = reel__profile_fused(name, at, item->bytes);
    }
    const reel_status status = f->run(f->of);
    reel__profile_end(mark);
    return status;
}

static reel_status run_item(reel__program *p, const reel__item *item) {
    reel__thread *self = reel__self();
    reel__group_node *n = &p->node[item->first];
    self->part = item->part;
    const reel_status status = item->fused ? run_fused(item, n->call.at) : run_node(n);
    self->part = 0;
    return status;
}

/* The host's part of a step. False: it is none of this program's, or failed. */
static bool begin_step(reel__program *p) {
    if (p->trace->switches != reel__switches() || !reel__gradients_fit(p)) p->outcome = REEL__OTHER;
    run_parts(p);
    return p->outcome == REEL__FITS && !reel_failed();
}

static reel_status run_step(reel__program *p, int64_t *done) {
    if (!begin_step(p)) return reel_error_status();
    for (int i = 0; i < p->items; i++) {
        const reel_status status = run_item(p, &p->item[i]);
        if (status == REEL_OK) continue;
        undo_parts_behind(p, p->item[i].first);
        return status;
    }
    REEL_TRY(reel__gradients_put(p));
    ++*done;
    return REEL_OK;
}

/* ---- many steps in one run ---- */

/* What takes the whole step, and many of them. */
static const reel__item *whole(const reel__program *p) {
    const reel__item *first = p->items ? &p->item[0] : NULL;
    return first && first->fused && first->fused->note ? first : NULL;
}

/* Those that the host could do its part of are run, whatever the next one was: one that is noted
 * must be, or the next run would find it. */
static reel_status run_some(reel__program *p, const reel__item *item, int64_t steps,
                            int64_t *done) {
    reel_status put = REEL_OK;
    int noted = 0;
    while (put == REEL_OK && noted < item->fused->most && noted < steps && begin_step(p)) {
        item->fused->note(item->fused->of);
        noted++;
        put = reel__gradients_put(p);
    }
    if (noted) REEL_TRY(run_item(p, item));
    *done += noted;
    return reel_error_status();
}

static reel_status run(reel__program *p, int64_t steps, int64_t *done) {
    const reel__item *all = whole(p);
    while (*done < steps && p->outcome == REEL__FITS) {
        REEL_SCOPE;
        REEL__PROFILE_PASS_OF("replay", NULL);
        const reel_status status = all ? run_some(p, all, steps - *done, done) : run_step(p, done);
        forget_parts(p);
        REEL_TRY(status);
    }
    return REEL_OK;
}

reel_status reel__program_run(reel__program *p, int64_t steps, int64_t *done,
                              reel__outcome *outcome) {
    p->outcome = REEL__FITS;
    *done = 0;
    const reel_status status = run(p, steps, done);
    *outcome = p->outcome;
    return status;
}
