/* Attention in the one form that kernels know, and its gradient.
 *
 *   q[B,H,T,E] k[B,G,S,E] v[B,G,S,F], H a multiple of the groups G: head h has those of group
 *   h / (H / G)
 *   bias: axes of 1 or of [B,H,T,S]; or of shape [0]: none
 *   seed: i64[2], of what is dropped; or of shape [0]: nothing is */
#ifndef REEL_TENSOR_OPS_ATTENTION_INTERNAL_H
#define REEL_TENSOR_OPS_ATTENTION_INTERNAL_H

#include "tensor/core/tensor_internal.h"

typedef struct {
    reel_tensor *q, *k, *v, *bias, *seed;
} reel__attention_inputs;

typedef struct {
    int64_t batch, heads, groups, queries, keys, width, value_width;
} reel__attention_sizes;

static inline reel__attention_sizes
reel__attention_sizes_of(const reel_tensor *q, const reel_tensor *k, const reel_tensor *v) {
    const int64_t *a = q->layout.shape.dim, *b = k->layout.shape.dim;
    return (reel__attention_sizes){.batch = a[0],
                                   .heads = a[1],
                                   .groups = b[1],
                                   .queries = a[2],
                                   .keys = b[2],
                                   .width = a[3],
                                   .value_width = v->layout.shape.dim[3]};
}

static inline bool reel__attention_has(const reel_tensor *optional) {
    return optional->layout.shape.ndim == 4 || optional->layout.shape.dim[0] == 2;
}

/* y[B,T,H,F], and in *lse the logarithms of the sums of e^score, [B,H,T]: infinite where no key may
 * be looked at. f32 where the inputs are of a half format. */
reel_tensor *reel__attention(const char *at, const reel__attention_inputs *in, reel__with with,
                             reel_tensor **lse);
/* dq[B,T,H,E], dk[B,S,G,E] and dv[B,S,G,F] one after the other, as one axis; g is y's. */
reel_tensor *reel__attention_grad(const char *at, const reel__attention_inputs *in, reel_tensor *y,
                                  reel_tensor *lse, reel_tensor *g, reel__with with);
/* What the weights are multiplied by: 0 or 1 / (1 - p), [B,H,T,S] of one dtype. Constant. */
reel_tensor *reel__attention_kept(const char *at, reel_tensor *seed, double p, reel_shape shape,
                                  reel_dtype dtype);

#endif
