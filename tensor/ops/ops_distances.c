/* Distances of pairs, and their likeness. */
#include "tensor/distances.h"

#include "tensor/ops/call_internal.h"

#include <math.h>

static reel_tensor *unit(const char *at, reel_tensor *x, int axis, double eps) {
    reel_tensor *norm = reel_norm_at(at, x, 2, reel_shape(axis), true);
    return reel_div_at(at, x, reel_clamp_at(at, norm, eps, INFINITY));
}

/* The axis is the broadcast shape's, so both are brought to as many axes. */
static reel_tensor *with_axes(const char *at, reel_tensor *x, int ndim) {
    reel_shape s = {.ndim = ndim};
    const int more = ndim - reel_ndim(x);
    for (int i = 0; i < ndim; i++) s.dim[i] = i < more ? 1 : reel_dim(x, i - more);
    return more ? reel_reshape_at(at, x, s) : x;
}

reel_tensor *reel_cosine_similarity_at(const char *at, reel_tensor *x, reel_tensor *y, int axis,
                                       double eps) {
    REEL__COMPOSITE(.name = "cosine_similarity", .at = at, .in = {x, y}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int ndim = reel_ndim(x) > reel_ndim(y) ? reel_ndim(x) : reel_ndim(y);
    const int i = reel__axis(axis, ndim);
    if (i < 0) {
        reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        return NULL;
    }
    eps = reel__option(eps, 1e-8);
    REEL_SCOPE;
    x = with_axes(at, x, ndim);
    y = with_axes(at, y, ndim);
    if (reel_dim(x, i) != reel_dim(y, i)) { /* norms are of whole vectors */
        reel_shape s = reel_shape_of(x);
        s.dim[i] = reel_dim(y, i);
        if (reel_dim(x, i) == 1) x = reel_expand_at(at, x, s);
        s = reel_shape_of(y);
        s.dim[i] = reel_dim(x, i);
        if (reel_dim(y, i) == 1) y = reel_expand_at(at, y, s);
    }
    reel_tensor *z = reel_mul_at(at, unit(at, x, i, eps), unit(at, y, i, eps));
    return reel_scope_return(reel_sum_at(at, z, reel_shape(i), false));
}

reel_tensor *reel_pairwise_distance_at(const char *at, reel_tensor *x, reel_tensor *y, double p,
                                       double eps, bool keepdim) {
    REEL__COMPOSITE(.name = "pairwise_distance", .at = at, .in = {x, y}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    if (reel_ndim(x) == 0 && reel_ndim(y) == 0) {
        reel__fail_composite(REEL_ERR_SHAPE, "takes an axis or more");
        return NULL;
    }
    REEL_SCOPE;
    reel_tensor *apart = reel_affine_at(at, reel_sub_at(at, x, y), 1, reel__option(eps, 1e-6));
    return reel_scope_return(reel_norm_at(at, apart, p, reel_shape(-1), keepdim));
}
