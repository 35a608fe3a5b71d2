/* Channels that lie scattered, brought together for standardize and back. */
#include "tensor/ops/norm_internal.h"

static reel_tensor *in_three_axes(const reel__call *c, reel_tensor *x) {
    return reel_reshape_at(
        c->at, x, reel_shape(c->with.norm.outer, c->with.norm.channels, c->with.norm.inner));
}

reel_tensor *reel__norm_turned(const reel__call *c, reel_tensor *x) {
    x = reel_permute_at(c->at, in_three_axes(c, x), reel_axes(1, 0, 2));
    return reel_contiguous_at(c->at, x);
}

reel__with reel__norm_turned_with(const reel__call *c) {
    reel__with with = c->with;
    with.norm.inner *= with.norm.outer;
    with.norm.outer = 1;
    return with;
}

reel_status reel__norm_turn_back(const reel__call *c, reel_tensor *to, reel_tensor *turned) {
    const reel_shape s = reel_shape(c->with.norm.channels, c->with.norm.outer, c->with.norm.inner);
    turned = reel_permute_at(c->at, reel_reshape_at(c->at, turned, s), reel_axes(1, 0, 2));
    turned = reel_reshape_at(c->at, turned, reel_shape_of(to));
    return reel_copy_at_(c->at, to, turned) ? REEL_OK : reel_error_status();
}
