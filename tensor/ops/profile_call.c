/* What a profile says of a call. */
#include "tensor/ops/profile_call_internal.h"

#include "tensor/ops/call_cost_internal.h"

#include <string.h>

reel__profile_place reel__profile_place_of(const reel__call *c) {
    const char *op = reel__ops[c->op].name, *context = reel__self()->context;
    const bool updates = reel__ops[c->op].kind == REEL__UPDATE;
    const char *in = context || !c->at ? op : reel__called(c->at, op);
    return (reel__profile_place){.kind = updates   ? REEL__PROFILE_OPTIMIZER
                                         : context ? REEL__PROFILE_BACKWARD
                                                   : REEL__PROFILE_FORWARD,
                                 .in = strcmp(in, op) == 0 ? NULL : in,
                                 .context = context};
}

/* ---- inputs ---- */

static void list_inputs(reel__profile_event *e, const reel__call *c) {
    int used = 0;
    for (int i = 0; i < c->nin && i < REEL__PROFILE_INPUTS; i++) {
        const reel__layout *l = &reel__input(c, i)->layout;
        if (used + l->shape.ndim > REEL__PROFILE_DIMS) return;
        e->ndim[i] = (uint8_t)l->shape.ndim;
        e->dtype[i] = (uint8_t)l->dtype;
        for (int k = 0; k < l->shape.ndim; k++) e->dim[used++] = l->shape.dim[k];
        e->inputs = (uint8_t)(i + 1);
    }
}

/* ---- the event ---- */

reel__profile_mark reel__profile_call_open_at(const reel__call *c,
                                              const reel__profile_place *place) {
    reel__profile_event e = {.name = reel__ops[c->op].name,
                             .in = place->in,
                             .at = c->at,
                             .call = -1,
                             .kind = (uint8_t)place->kind,
                             .bytes = reel__call_bytes(c),
                             .where = c->device};
    if (place->context) memcpy(e.text, place->context, strnlen(place->context, sizeof e.text - 1));
    list_inputs(&e, c);
    return reel__profile_open(&e);
}

reel__profile_mark reel__profile_call_open(const reel__call *c) {
    const reel__profile_place place = reel__profile_place_of(c);
    return reel__profile_call_open_at(c, &place);
}
