/* x as [outer, A, B, C] and y as [outer, A', B', C']: what backends go through. */
#ifndef REEL_TENSOR_OPS_WINDOW_AXES_INTERNAL_H
#define REEL_TENSOR_OPS_WINDOW_AXES_INTERNAL_H

#include "tensor/core/tensor_internal.h"
#include "tensor/ops/with_internal.h"

/* Three axes, those in front of length 1 where there are fewer; returns `outer` of x. */
static inline int64_t reel__three_axes(const reel__with *with, const reel_tensor *x,
                                       reel__span axis[3]) {
    const int missing = 3 - with->window.dims;
    const bool windows = with->window.axis[0].kind <= REEL__ADAPTIVE;
    int64_t outer = 1;
    for (int i = 0; i < 3; i++)
        axis[i] = i < missing ? (reel__span){.in = 1,
                                             .out = 1,
                                             .scale = 1,
                                             .kernel = 1,
                                             .stride = 1,
                                             .dilation = 1,
                                             .kind = windows ? REEL__WINDOWS : REEL__KEPT}
                              : with->window.axis[i - missing];
    for (int i = 0; i < x->layout.shape.ndim - with->window.dims; i++)
        outer *= x->layout.shape.dim[i];
    return outer;
}

#endif
