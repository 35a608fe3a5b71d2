/* Fused in-place updates over lists of tensors: one launch a device for all parameters. lr (f64,
 * 0-d) and step (i64, 0-d) lie on the device. step holds the number of steps done before this one;
 * the update takes step + 1 as its own number, and leaves that there. Without any parameter it only
 * counts. */
#ifndef REEL_TENSOR_UPDATE_INTERNAL_H
#define REEL_TENSOR_UPDATE_INTERNAL_H

#include "tensor/tensor.h"

typedef struct {
    double momentum, dampening, weight_decay;
    bool nesterov;
} reel__sgd_rule;

typedef struct {
    double beta1, beta2, eps, weight_decay;
    bool decoupled;
} reel__adam_rule;

/* v: NULL without momentum. */
reel_status reel__sgd_update(const char *at, int count, reel_tensor *const *p,
                             reel_tensor *const *g, reel_tensor *const *v, reel_tensor *lr,
                             reel_tensor *step, reel__sgd_rule rule);
reel_status reel__adam_update(const char *at, int count, reel_tensor *const *p,
                              reel_tensor *const *g, reel_tensor *const *m, reel_tensor *const *v,
                              reel_tensor *lr, reel_tensor *step, reel__adam_rule rule);

/* norm (same dtype as g[0], 0-d, written): 2-norm over all; g scaled in place by
 * min(1, max_norm / (norm + 1e-6)). */
reel_status reel__clip_norm(const char *at, int count, reel_tensor *const *g, reel_tensor *norm,
                            double max_norm);
reel_status reel__clip_value(const char *at, int count, reel_tensor *const *g, double limit);

#endif
