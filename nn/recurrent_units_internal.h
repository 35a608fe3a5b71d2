/* What recurrent layers and cells share: units of one direction (recurrent_units.c). */
#ifndef REEL_NN_RECURRENT_UNITS_INTERNAL_H
#define REEL_NN_RECURRENT_UNITS_INTERNAL_H

#include "nn/module_internal.h"
#include "tensor/ops/recurrent_internal.h"

typedef struct {
    reel_tensor *weight_ih, *weight_hh, *bias_ih, *bias_hh; /* biases NULL: none */
} reel__units;

/* Units that are registered in m, by names that end in `suffix`; false, and a failure, if not all
 * are there. In a scope of the caller's. */
bool reel__units_make(reel__units *u, reel_module *m, int cell, const char *suffix, int64_t in,
                      int64_t hidden, bool no_bias, reel_dtype dtype, const reel__draws *d);
/* x[T,B,in], h[B,hidden], c (of an LSTM) -> y[T,B,hidden], and the states behind the last step. */
typedef struct {
    reel_tensor *y, *h, *c;
} reel__units_result;
reel__units_result reel__units_run(const reel__units *u, int cell, bool reverse, reel_tensor *x,
                                   reel_tensor *h, reel_tensor *c, reel_tensor *lengths);

#endif
