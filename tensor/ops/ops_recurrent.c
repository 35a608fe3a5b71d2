/* Recurrent layers of one direction, and their gradient. */
#include "tensor/ops/call_internal.h"
#include "tensor/ops/recurrent_internal.h"

reel_tensor *reel__recurrent(const char *at, const reel__recurrent_inputs *in, reel__with with,
                             reel_tensor **planes) {
    return reel__run_two((reel__call){.op = REEL_OP_recurrent,
                                      .at = at,
                                      .nin = 6,
                                      .in = {in->x, in->w, in->b, in->h, in->c, in->lengths},
                                      .with = with},
                         planes);
}

bool reel__recurrent_grad(const char *at, reel_tensor *g, reel_tensor *planes, reel_tensor *w,
                          reel_tensor *lengths, reel__with with, reel__recurrent_gradients *out) {
    reel__call c = {.op = REEL_OP_recurrent_grad,
                    .at = at,
                    .first = REEL__NO_NAMES,
                    .nin = 4,
                    .in = {g, planes, w, lengths},
                    .nout = 4,
                    .with = with};
    *out = (reel__recurrent_gradients){NULL, NULL, NULL, NULL};
    if (reel__dispatch(&c) != REEL_OK) return false;
    out->dx = reel__scope_give(c.out[0]);
    out->dz = reel__scope_give(c.out[1]);
    out->dh = reel__scope_give(c.out[2]);
    out->dc = reel__scope_give(c.out[3]);
    return out->dx && out->dz && out->dh && out->dc;
}
