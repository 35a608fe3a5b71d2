/* Gradient rules of ops over windows: each but max_pool is linear, and its gradient is its
 * transpose. */
#include "autograd/autograd_internal.h"

void reel__grad_resample(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__resample_grad(n->at, g, &n->with));
}

/* Without what was put where there was nothing. */
void reel__grad_resample_grad(reel__node *n, reel_tensor *g) {
    reel__with with = n->with;
    with.window.value = 0;
    reel__give(n, 0, reel__resample(n->at, g, &with));
}

void reel__grad_max_pool(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__max_pool_grad(n->at, g, reel__saved(n, REEL__OUT(1)), &n->with));
}

/* A plane's elements side by side. */
static reel_tensor *flat(const reel__node *n, reel_tensor *x) {
    reel_shape s = reel_shape_of(x);
    int64_t plane = 1;
    for (int i = 0; i < n->with.window.dims; i++) plane *= s.dim[--s.ndim];
    s.dim[s.ndim++] = plane;
    return reel_reshape_at(n->at, x, s);
}

/* What g has where an index says so. */
void reel__grad_max_pool_grad(reel__node *n, reel_tensor *g) {
    reel_tensor *index = reel__in(n, 1);
    reel_tensor *taken = reel_gather_at(n->at, flat(n, g), -1, flat(n, index));
    reel__give(n, 0, reel_reshape_at(n->at, taken, n->in_shape[0]));
}

void reel__grad_unfold(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__unfold_grad(n->at, g, &n->with));
}

void reel__grad_unfold_grad(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel__unfold(n->at, g, &n->with));
}
