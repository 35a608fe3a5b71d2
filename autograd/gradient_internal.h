/* A leaf's gradient, for those who keep it from step to step (capture/). */
#ifndef REEL_AUTOGRAD_GRADIENT_INTERNAL_H
#define REEL_AUTOGRAD_GRADIENT_INTERNAL_H

#include "tensor/core/tensor_internal.h"

/* Whether t is alive, and tracked. */
bool reel__has_gradient(const reel_tensor *t);
/* What it has; NULL: none. Unlike reel_grad, it is no part of a step. */
reel_tensor *reel__gradient_of(const reel_tensor *leaf);
/* g in its place, retained; NULL: none from here on. */
void reel__put_gradient(reel_tensor *leaf, reel_tensor *g);

#endif
