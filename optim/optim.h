/* Optimizers change parameters along their gradients; schedules set the rate; clipping bounds them.
 *
 *     reel_state *params = reel_module_params(&model.base);
 *     reel_optim *adam = reel_adam_new(params, (reel_adam_options){.lr = 1e-3});
 *     reel_schedule *cosine =
 *         reel_cosine_schedule_new(adam, (reel_cosine_options){.steps = 30000});
 *     ... reel_backward(loss); reel_optim_step(adam); reel_schedule_step(cosine);
 *
 * The rate, the count of steps and the moments are tensors on the parameters' device. A step lets
 * the gradients go. Parameters are f32 or f64 and contiguous; a list may mix devices and dtypes,
 * each of which costs a launch a step. */
#ifndef REEL_OPTIM_OPTIM_H
#define REEL_OPTIM_OPTIM_H

#include "autograd/autograd.h"
#include "tensor/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_optim reel_optim;

/* Each takes the parameters listed (retained; the list stays the caller's; a tensor listed twice
 * counts once, under its first name) and returns an owned optimizer, NULL on failure: no
 * parameters, options that are NaN, infinite, negative, or outside what is given here. Options of
 * zero take the default given here. g is the gradient, t the optimizer's step from 1, which is the
 * same for all parameters: one that first gets a gradient later starts from moments of zero. */

/* SGD, as PyTorch's; g includes weight_decay p:
 *   v = momentum v + (1 - dampening) g, but v = g at t = 1
 *   p -= lr v, or with nesterov lr (g + momentum v)
 * lr has no default; nesterov needs a momentum, and a dampening of 0. */
typedef struct {
    double lr, momentum, dampening, weight_decay;
    bool nesterov;
} reel_sgd_options;
REEL_API reel_optim *reel_sgd_new(const reel_state *params, reel_sgd_options options);

/* Adam (Kingma and Ba 2015, algorithm 1); g includes weight_decay p:
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g^2
 *   p -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 * AdamW (Loshchilov and Hutter 2019) takes lr weight_decay p off p first, and leaves g alone.
 * Defaults: lr 1e-3, beta1 0.9, beta2 0.999, both below 1, eps 1e-8, weight_decay 0, but adamw
 * 1e-2, where a negative one means 0. */
typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
} reel_adam_options;
REEL_API reel_optim *reel_adam_new(const reel_state *params, reel_adam_options options);
REEL_API reel_optim *reel_adamw_new(const reel_state *params, reel_adam_options options);

REEL_API void reel_optim_free(reel_optim *o); /* takes NULL */

/* One update of every parameter that has a gradient, then lets the gradients go. Does nothing, and
 * counts no step, while a failure is kept or where no parameter has a gradient. */
REEL_API reel_status reel_optim_step(reel_optim *o);
REEL_API void reel_optim_zero_grad(reel_optim *o);

REEL_API double reel_optim_lr(reel_optim *o);
REEL_API reel_status reel_optim_set_lr(reel_optim *o, double lr); /* lr >= 0, finite */
REEL_API int64_t reel_optim_steps(reel_optim *o); /* taken so far; waits for the device */

/* "prefix.lr", "prefix.step" and the moments as "prefix.<parameter>.<moment>", named as in the
 * formulas above. Load is all or nothing, with the checks of reel_module_load. */
REEL_API reel_status reel_optim_save(reel_optim *o, reel_state *s, const char *prefix);
REEL_API reel_status reel_optim_load(reel_optim *o, const reel_state *s, const char *prefix);

/* ---- clipping: in place, over all parameters of the optimizer ---- */

/* Scales all gradients by min(1, max_norm / (|g| + 1e-6)); returns |g|, the 2-norm over all of
 * them, 0-d, borrowed. Does not wait, unless the parameters have several devices or dtypes. */
REEL_API reel_tensor *reel_clip_grad_norm(reel_optim *o, double max_norm);
/* Cuts each element to [-limit, limit]. */
REEL_API reel_status reel_clip_grad_value(reel_optim *o, double limit);

/* ---- schedules: the rate at step s (0 before the first reel_schedule_step) ---- */

typedef struct reel_schedule reel_schedule;

/* cosine: lr(s) = floor + (base - floor) (1 + cos(pi min(s, steps) / steps)) / 2
 *         (Loshchilov and Hutter 2017, eq. 5)
 * step:   lr(s) = base gamma^(s / every), integer division; gamma 0 means 0.1
 * warmup: lr(s) = base min(1, (s + 1) / steps); from s = steps on what `after` says (NULL: base),
 *         its s counted from there; takes `after` over, also on failure
 * base is the optimizer's rate when the schedule is made, which also sets lr(0). Lengths are 1 or
 * more. Owned; freed before the optimizer. */
typedef struct {
    int64_t steps;
    double floor;
} reel_cosine_options;
typedef struct {
    int64_t every;
    double gamma;
} reel_step_options;
typedef struct {
    int64_t steps;
    reel_schedule *after;
} reel_warmup_options;
REEL_API reel_schedule *reel_cosine_schedule_new(reel_optim *o, reel_cosine_options options);
REEL_API reel_schedule *reel_step_schedule_new(reel_optim *o, reel_step_options options);
REEL_API reel_schedule *reel_warmup_schedule_new(reel_optim *o, reel_warmup_options options);
REEL_API void reel_schedule_free(reel_schedule *s); /* takes NULL */

/* On to the next step, and its rate. Does nothing while a failure is kept. */
REEL_API reel_status reel_schedule_step(reel_schedule *s);
/* The formula at `step`, without going there. */
REEL_API double reel_schedule_lr(const reel_schedule *s, int64_t step);

/* Step and base, as text "prefix.step" and "prefix.base"; load sets the optimizer's rate too. */
REEL_API reel_status reel_schedule_save(const reel_schedule *s, reel_state *state,
                                        const char *prefix);
REEL_API reel_status reel_schedule_load(reel_schedule *s, const reel_state *state,
                                        const char *prefix);

#ifdef __cplusplus
}
#endif
#endif
