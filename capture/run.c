/* A plan at work. */
#include "capture/capture_internal.h"

/* As the step's own call would say it: of the function that it was part of, or of a gradient. */
static reel_status run_node(reel__node *n) {
    reel__thread *self = reel__self();
    const reel__composite composite = {.name = n->function, .at = n->call.at};
    if (n->function) self->composite = &composite;
    self->context = n->context;
    const reel_status status = reel__dispatch_again(&n->call);
    self->composite = NULL;
    self->context = NULL;
    return status;
}

/* The loaders' last batches are there to be taken again. */
static void take_back(reel_plan *p, int items) {
    for (int i = items - 1; i >= 0; i--) {
        const reel__section *s = &p->part[p->item[i].first].is;
        if (p->item[i].what == REEL__RUN_PART && s->back) s->back(s->of);
    }
}

static reel_status run_part(reel_plan *p, int item) {
    const reel__part *part = &p->part[p->item[item].first];
    reel__plan_refresh(p, p->item[item].first);
    if (reel_failed()) return reel_error_status();
    if (p->outcome == REEL__SAME) return REEL_OK;
    if (part->is.back) {
        take_back(p, p->outcome == REEL__OVER ? item : item + 1);
        return REEL_OK;
    }
    return reel_fail(REEL_ERR_STATE, NULL,
                     "replay: what the host does in the step is not what it did when the step was "
                     "captured");
}

reel_status reel__plan_run(reel_plan *p) {
    REEL_SCOPE;
    p->outcome = REEL__SAME;
    for (int i = 0; i < p->items; i++) {
        reel__item *item = &p->item[i];
        if (item->what == REEL__RUN_PART) {
            REEL_TRY(run_part(p, i));
            if (p->outcome != REEL__SAME) return REEL_OK;
        } else if (item->what == REEL__RUN_GROUP) {
            REEL_TRY(item->fused->run(item->fused->of));
        } else {
            REEL_TRY(run_node(&p->node[item->first]));
        }
    }
    return REEL_OK;
}
