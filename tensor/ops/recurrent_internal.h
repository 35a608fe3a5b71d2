/* A recurrent layer of one direction over a whole sequence, and its gradient: T steps of B
 * sequences, of H units whose gates are G H numbers.
 *
 *   x[T,B,GH]   what the inputs add to the gates; w[GH,H] and b[GH], or of shape [0]: the state's
 *   h[B,H]      the state before the first step, and of an LSTM c[B,H]; else c is of shape [0]
 *   lengths     i64[B], or of shape [0]: sequence i has the steps below lengths[i]; behind them y
 *               is 0, and the state stays as it is
 *
 * Gates stand in PyTorch's order: i f g o of an LSTM, r z n of a GRU. */
#ifndef REEL_TENSOR_OPS_RECURRENT_INTERNAL_H
#define REEL_TENSOR_OPS_RECURRENT_INTERNAL_H

#include "tensor/core/tensor_internal.h"
#include "tensor/formulas/recurrent_step_internal.h"
#include "tensor/ops/with_internal.h"

static inline bool reel__recurrent_has(const reel_tensor *optional) {
    return optional->layout.shape.ndim > 1 || optional->layout.shape.dim[0] > 0;
}

typedef struct {
    reel_tensor *x, *w, *b, *h, *c, *lengths;
} reel__recurrent_inputs;

/* [T + states,B,H]: y, and the states after the last step, h first; in *planes, unless that is
 * NULL, what the gradient needs. */
reel_tensor *reel__recurrent(const char *at, const reel__recurrent_inputs *in, reel__with with,
                             reel_tensor **planes);
/* By g, that of the above, and its planes[.,T,B,H]: dx[T,B,GH]; of the products with w, where that
 * is another one (of a GRU), else of shape [0]; dh[B,H]; and dc. No gradient of its own: where one
 * is asked for, the rule of the above is made of other ops. */
typedef struct {
    reel_tensor *dx, *dz, *dh, *dc;
} reel__recurrent_gradients;
bool reel__recurrent_grad(const char *at, reel_tensor *g, reel_tensor *planes, reel_tensor *w,
                          reel_tensor *lengths, reel__with with, reel__recurrent_gradients *out);

/* ---- steps (recurrent_steps.c): a product, then what a device does by element ---- */

typedef reel_status (*reel__recurrent_step_fn)(const reel__call *c, const reel__recurrent_step *s);
reel_status reel__recurrent_steps(const reel__call *c, reel__recurrent_step_fn step);
reel_status reel__recurrent_steps_back(const reel__call *c, reel__recurrent_step_fn step);

#endif
