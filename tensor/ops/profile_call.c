/* What a profile says of a call. */
#include "tensor/ops/profile_call_internal.h"

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

/* ---- bytes ---- */

/* That it has in memory: an axis that it is expanded along counts once. */
static int64_t elements(const reel_tensor *t) {
    int64_t n = 1;
    for (int i = 0; i < t->layout.shape.ndim; i++)
        if (t->layout.stride[i] != 0 || t->layout.shape.dim[i] == 0) n *= t->layout.shape.dim[i];
    return n;
}

static int64_t bytes_of(const reel_tensor *t, int64_t most) {
    const int64_t n = elements(t);
    return (n < most ? n : most) * (int64_t)reel_dtype_size(t->layout.dtype);
}

/* Of a step's lists, all but the gradients are written too. */
static int64_t bytes_of_step(const reel__call *c) {
    int64_t bytes = 0, width = 3 + c->with.update.carries;
    for (unsigned has = c->with.update.moments; has; has &= has - 1) width++;
    for (int i = 0; i < c->nin; i++)
        bytes += bytes_of(reel__input(c, i), INT64_MAX) * (i % width == 1 ? 1 : 2);
    return bytes;
}

static int64_t bytes_of_call(const reel__call *c) {
    const reel__op_info *op = &reel__ops[c->op];
    if (op->kind == REEL__UPDATE) return bytes_of_step(c);
    /* of a table no more is read than there are results */
    const bool picks = op->dtypes == REEL__INDEXED && c->nin > 1 && c->out[0];
    const int64_t most = picks ? reel_numel(c->out[0]) : INT64_MAX;
    int64_t bytes = c->accumulate ? bytes_of(c->out[0], INT64_MAX) : 0;
    for (int i = 0; i < c->nin; i++) bytes += bytes_of(reel__input(c, i), i ? INT64_MAX : most);
    for (int i = 0; i < c->nout; i++)
        if (c->out[i]) bytes += bytes_of(c->out[i], INT64_MAX);
    return bytes;
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
                             .bytes = bytes_of_call(c),
                             .where = c->device};
    if (place->context) memcpy(e.text, place->context, strnlen(place->context, sizeof e.text - 1));
    list_inputs(&e, c);
    return reel__profile_open(&e);
}

reel__profile_mark reel__profile_call_open(const reel__call *c) {
    const reel__profile_place place = reel__profile_place_of(c);
    return reel__profile_call_open_at(c, &place);
}
