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
 * each of which costs a launch a step, and so does each group of parameters. */
#ifndef REEL_OPTIM_OPTIM_H
#define REEL_OPTIM_OPTIM_H

#include "../autograd/autograd.h"
#include "../tensor/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_optim reel_optim;

/* Each takes the parameters listed (retained; the list stays the caller's; a tensor listed twice
 * counts once, under its first name) and returns an owned optimizer, NULL on failure: no
 * parameters, options that are NaN, infinite, negative, or outside what is given here.
 *
 * An option of 0 takes the default given here, 0 where none is; REEL_ZERO asks for 0 itself, of any
 * option: (reel_adam_options){.beta1 = REEL_ZERO, .weight_decay = 0.1}.
 *
 * t counts the steps of a parameter from 1: one without a gradient takes none, so that one that
 * joins late starts as the others did. g is the gradient, or with maximize -g, plus weight_decay p.
 * Where weight decay is decoupled, p loses lr weight_decay p instead, before all else (Loshchilov
 * and Hutter 2019). The formulas are PyTorch's. */

/* SGD:
 *   v = momentum v + (1 - dampening) g, but v = g at t = 1
 *   p -= lr v, or with nesterov lr (g + momentum v)
 * lr has no default; nesterov needs a momentum, and a dampening of 0. */
typedef struct {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, maximize;
} reel_sgd_options;
REEL_API reel_optim *reel_sgd_new(const reel_state *params, reel_sgd_options options);

/* Adam (Kingma and Ba 2015, algorithm 1):
 *   m = beta1 m + (1 - beta1) g
 *   v = beta2 v + (1 - beta2) g^2
 *   p -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 * With amsgrad (Reddi, Kale and Kumar 2018, algorithm 2) vmax = max(vmax, v) stands in the last
 * line in v's place. AdamW is Adam with decoupled weight decay. Defaults: lr 1e-3, beta1 0.9, beta2
 * 0.999, both below 1, eps 1e-8, weight_decay 0, but adamw 1e-2. */
typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    bool amsgrad, maximize;
} reel_adam_options;
REEL_API reel_optim *reel_adam_new(const reel_state *params, reel_adam_options options);
REEL_API reel_optim *reel_adamw_new(const reel_state *params, reel_adam_options options);

/* NAdam (Dozat, "Incorporating Nesterov momentum into Adam", 2016): m and v as Adam's, and
 *   mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2), mu_product = mu_1 mu_2 ... mu_t
 *   d = (1 - mu_t) g / (1 - mu_product) + mu_(t+1) m / (1 - mu_product mu_(t+1))
 *   p -= lr d / (sqrt(v / (1 - beta2^t)) + eps)
 * Defaults: lr 2e-3, momentum_decay 4e-3, else Adam's. */
typedef struct {
    double lr, beta1, beta2, eps, weight_decay, momentum_decay;
    bool decoupled, maximize;
} reel_nadam_options;
REEL_API reel_optim *reel_nadam_new(const reel_state *params, reel_nadam_options options);

/* RAdam (Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, algorithm
 * 2): m and v as Adam's, and
 *   rho_inf = 2 / (1 - beta2) - 1, rho = rho_inf - 2 t beta2^t / (1 - beta2^t)
 *   r = sqrt((rho - 4) (rho - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho))
 *   p -= lr m / (1 - beta1^t) r sqrt(1 - beta2^t) / (sqrt(v) + eps) if rho > 5
 *   p -= lr m / (1 - beta1^t) else
 * Defaults: Adam's. */
typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    bool decoupled, maximize;
} reel_radam_options;
REEL_API reel_optim *reel_radam_new(const reel_state *params, reel_radam_options options);

/* Adamax (Kingma and Ba 2015, algorithm 2): m as Adam's, and
 *   u = max(beta2 u, |g| + eps)
 *   p -= lr m / ((1 - beta1^t) u)
 * Defaults: lr 2e-3, else Adam's. */
typedef struct {
    double lr, beta1, beta2, eps, weight_decay;
    bool maximize;
} reel_adamax_options;
REEL_API reel_optim *reel_adamax_new(const reel_state *params, reel_adamax_options options);

/* RMSprop (Hinton, "Neural networks for machine learning", 2012, lecture 6e):
 *   v = alpha v + (1 - alpha) g^2
 *   d = g / (sqrt(v) + eps), or with momentum b = momentum b + g / (sqrt(v) + eps), d = b
 *   p -= lr d
 * With centered (Graves, "Generating sequences with recurrent neural networks", 2013, eq. 38 to 41)
 * also m = alpha m + (1 - alpha) g, and v - m^2 stands under the root: NaN where g hardly changes
 * and this is rounded to less than 0. Defaults: lr 1e-2, alpha 0.99, below 1, eps 1e-8. */
typedef struct {
    double lr, alpha, eps, weight_decay, momentum;
    bool centered, maximize;
} reel_rmsprop_options;
REEL_API reel_optim *reel_rmsprop_new(const reel_state *params, reel_rmsprop_options options);

/* Adagrad (Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and
 * stochastic optimization", 2011):
 *   v += g^2, from v = initial_accumulator_value
 *   p -= lr / (1 + (t - 1) lr_decay) g / (sqrt(v) + eps)
 * Defaults: lr 1e-2, eps 1e-10. */
typedef struct {
    double lr, lr_decay, weight_decay, initial_accumulator_value, eps;
    bool maximize;
} reel_adagrad_options;
REEL_API reel_optim *reel_adagrad_new(const reel_state *params, reel_adagrad_options options);

/* Adadelta (Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1):
 *   v = rho v + (1 - rho) g^2
 *   d = sqrt(u + eps) / sqrt(v + eps) g
 *   u = rho u + (1 - rho) d^2
 *   p -= lr d
 * Defaults: lr 1, rho 0.9, below 1, eps 1e-6. */
typedef struct {
    double lr, rho, eps, weight_decay;
    bool maximize;
} reel_adadelta_options;
REEL_API reel_optim *reel_adadelta_new(const reel_state *params, reel_adadelta_options options);

/* Lion (Chen et al., "Symbolic discovery of optimization algorithms", 2023, program 1), with
 * decoupled weight decay:
 *   p -= lr sign(beta1 m + (1 - beta1) g)
 *   m = beta2 m + (1 - beta2) g
 * Defaults: lr 1e-4, beta1 0.9, beta2 0.99, both below 1. */
typedef struct {
    double lr, beta1, beta2, weight_decay;
    bool maximize;
} reel_lion_options;
REEL_API reel_optim *reel_lion_new(const reel_state *params, reel_lion_options options);

/* ASGD (Polyak and Juditsky, "Acceleration of stochastic approximation by averaging", 1992; the
 * rate: Xu, "Towards optimal one pass large scale learning with averaged stochastic gradient
 * descent", 2011):
 *   eta = lr / (1 + lambd lr (t - 1))^alpha
 *   p = (1 - lambd eta) p - eta g
 *   mean += (p - mean) / max(1, t - 1 - t0), which is what reel_optim_save stores
 * lr is that of this step, where PyTorch takes the one before. Defaults: lr 1e-2, lambd 1e-4, alpha
 * 0.75, t0 1e6. */
typedef struct {
    double lr, lambd, alpha, t0, weight_decay;
    bool maximize;
} reel_asgd_options;
REEL_API reel_optim *reel_asgd_new(const reel_state *params, reel_asgd_options options);

/* Parameter groups: one more list of parameters, with options of its own, for the same optimizer;
 * the list that made it is group 0. Options of 0 take group 0's, of its rate the one without
 * schedules; REEL_ZERO asks for 0. All else (momentum, betas, eps) is common.
 *
 *     reel_optim *adam = reel_adam_new(backbone, (reel_adam_options){.lr = 1e-5});
 *     reel_optim_add_group(adam, head, (reel_group_options){.lr = 1e-3, .weight_decay = 0.1});
 *     reel_schedule *s = reel_cosine_schedule_new(adam, ...); // after that: both rates follow it
 *
 * A parameter, or a name, of another group is an error; after one the optimizer is as it was. */
typedef struct {
    double lr, weight_decay;
} reel_group_options;
REEL_API reel_status reel_optim_add_group(reel_optim *o, const reel_state *params,
                                          reel_group_options options);
REEL_API int reel_optim_group_count(const reel_optim *o);

REEL_API void reel_optim_free(reel_optim *o); /* takes NULL */

/* One update of every parameter that has a gradient, then lets the gradients go. One that has none,
 * or is frozen (reel_untrack), stays as it is, and so do its moments and its t. Does nothing, and
 * counts no step, while a failure is kept or where no parameter has a gradient. */
REEL_API reel_status reel_optim_step(reel_optim *o);
REEL_API void reel_optim_zero_grad(reel_optim *o);

/* The rate of group 0, or of a group (NaN if there is none); and of all groups, or of one: lr >= 0,
 * finite. */
REEL_API double reel_optim_lr(reel_optim *o);
REEL_API double reel_optim_group_lr(const reel_optim *o, int group);
REEL_API reel_status reel_optim_set_lr(reel_optim *o, double lr);
REEL_API reel_status reel_optim_set_group_lr(reel_optim *o, int group, double lr);
/* Taken so far, whichever parameters took part; waits for the device. */
REEL_API int64_t reel_optim_steps(reel_optim *o);

/* "prefix.lr", of further groups "prefix.lr.1" and so on, "prefix.step", and of each parameter the
 * moments as "prefix.<parameter>.<moment>", named as in the formulas above, its t as
 * "prefix.<parameter>.step", and of NAdam its "prefix.<parameter>.mu_product". Load is all or
 * nothing, with the checks of reel_module_load; where parameters have no t of their own, as in old
 * states, "prefix.step" is each one's. */
REEL_API reel_status reel_optim_save(reel_optim *o, reel_state *s, const char *prefix);
REEL_API reel_status reel_optim_load(reel_optim *o, const reel_state *s, const char *prefix);

/* ---- clipping: in place, over all parameters of the optimizer ---- */

/* Scales all gradients by min(1, max_norm / (|g| + 1e-6)); returns |g|, the 2-norm over all of
 * them, 0-d, borrowed. Does not wait, unless the parameters have several devices or dtypes. */
REEL_API reel_tensor *reel_clip_grad_norm(reel_optim *o, double max_norm);
/* Cuts each element to [-limit, limit]. */
REEL_API reel_status reel_clip_grad_value(reel_optim *o, double limit);

/* ---- schedules: the rate at step s (0 before the first reel_schedule_step) ---- */

/* Formulas of s and of base, which is a group's rate as it was made, or as reel_optim_set_lr or
 * reel_optim_load set it last; what another schedule sets does not count. Each group's rate follows
 * the formula from its own base; a group added after the schedule keeps its rate. Making one sets
 * lr(0). They are those of torch.optim.lr_scheduler in closed form, where no other source
 * is given; a step is whatever reel_schedule_step is called after, a batch or an epoch.
 *
 * Options of 0 take the default given here, 0 where none is; REEL_ZERO asks for 0 itself. Lengths
 * (steps, every) are 1 or more, factors and counts 0 or more, and finite, else an error. Each
 * returns an owned schedule, freed before the optimizer; NULL on failure: what was said, or a rate
 * lr(0) that is negative or not finite, which reel_schedule_step refuses later on. */
typedef struct reel_schedule reel_schedule;

/* lr(s) = floor + (base - floor) (1 + cos(pi min(s, steps) / steps)) / 2
 * Loshchilov and Hutter, "SGDR" (2017), eq. 5; CosineAnnealingLR, which ends here */
typedef struct {
    int64_t steps;
    double floor;
} reel_cosine_options;
REEL_API reel_schedule *reel_cosine_schedule_new(reel_optim *o, reel_cosine_options options);

/* The same in cycles: lr(s) = floor + (base - floor) (1 + cos(pi t / T)) / 2, t counted from where
 * the cycle began; the first has T = steps, each after it `multiply` (1) times that of the one
 * before. SGDR; CosineAnnealingWarmRestarts */
typedef struct {
    int64_t steps, multiply;
    double floor;
} reel_cosine_restarts_options;
REEL_API reel_schedule *reel_cosine_restarts_schedule_new(reel_optim *o,
                                                          reel_cosine_restarts_options options);

/* lr(s) = base gamma^(s / every), integer division; gamma 0.1. StepLR */
typedef struct {
    int64_t every;
    double gamma;
} reel_step_options;
REEL_API reel_schedule *reel_step_schedule_new(reel_optim *o, reel_step_options options);

/* lr(s) = base gamma^n, where n of the milestones are <= s; gamma 0.1. The milestones are copied, 0
 * or more, in any order. MultiStepLR */
typedef struct {
    const int64_t *milestones;
    int count;
    double gamma;
} reel_multi_step_options;
REEL_API reel_schedule *reel_multi_step_schedule_new(reel_optim *o,
                                                     reel_multi_step_options options);

/* lr(s) = base gamma^s; gamma has no default. ExponentialLR */
typedef struct {
    double gamma;
} reel_exponential_options;
REEL_API reel_schedule *reel_exponential_schedule_new(reel_optim *o,
                                                      reel_exponential_options options);

/* lr(s) = base factor while s < steps, then base; factor 1/3. ConstantLR */
typedef struct {
    int64_t steps;
    double factor;
} reel_constant_options;
REEL_API reel_schedule *reel_constant_schedule_new(reel_optim *o, reel_constant_options options);

/* lr(s) = base (start_factor + (end_factor - start_factor) min(s, steps) / steps); 1/3 and 1.
 * LinearLR */
typedef struct {
    int64_t steps;
    double start_factor, end_factor;
} reel_linear_schedule_options;
REEL_API reel_schedule *reel_linear_schedule_new(reel_optim *o,
                                                 reel_linear_schedule_options options);

/* lr(s) = base (1 - min(s, steps) / steps)^power; power 1. PolynomialLR */
typedef struct {
    int64_t steps;
    double power;
} reel_polynomial_options;
REEL_API reel_schedule *reel_polynomial_schedule_new(reel_optim *o,
                                                     reel_polynomial_options options);

/* lr(s) = base factor(s, user); a function of s alone, or a run can't be resumed. LambdaLR */
typedef struct {
    double (*factor)(int64_t step, void *user);
    void *user; /* borrowed, for as long as the schedule is used */
} reel_lambda_options;
REEL_API reel_schedule *reel_lambda_schedule_new(reel_optim *o, reel_lambda_options options);

/* From start = max_lr / div_factor up to max_lr at s = pct_start steps - 1, and down to
 * start / final_div_factor at steps - 1, where it stays; with three_phase first down to start, in
 * as many steps as up. Between two of these rates r0 at s0 and r1 at s1, with x = (s - s0) /
 * (s1 - s0), lr(s) = r1 + (r0 - r1) (1 + cos(pi x)) / 2, or with linear r0 + (r1 - r0) x.
 * Defaults: max_lr base, pct_start 0.3, at most 1, div_factor 25, final_div_factor 1e4. Smith and
 * Topin, "Super-convergence" (2017); OneCycleLR, but momentum stays as it is */
typedef struct {
    int64_t steps;
    double max_lr, pct_start, div_factor, final_div_factor;
    bool linear, three_phase;
} reel_one_cycle_options;
REEL_API reel_schedule *reel_one_cycle_schedule_new(reel_optim *o, reel_one_cycle_options options);

/* The rate becomes max(lr factor, min_lr), if that is lower by more than eps, when a metric has not
 * got better for more than `patience` calls of reel_schedule_step_metric in a row; then `cooldown`
 * calls pass before the next ones count. Better means
 *   metric < best - threshold |best|, or best - threshold if `absolute`; with maximize
 *   metric > best + threshold |best|, or best + threshold
 * where PyTorch has best for |best|, by which a metric that stays below 0 goes on getting better; a
 * metric of NaN is not better.
 * Defaults: factor 0.1, below 1, patience 10, threshold 1e-4, below 1 unless absolute, cooldown 0,
 * min_lr 0, eps 1e-8. No part of another schedule. ReduceLROnPlateau */
typedef struct {
    bool maximize, absolute;
    double factor, threshold, min_lr, eps;
    int64_t patience, cooldown;
} reel_plateau_options;
REEL_API reel_schedule *reel_plateau_schedule_new(reel_optim *o, reel_plateau_options options);

/* Schedules of schedules. They take their parts over, also on failure; parts drive the same
 * optimizer, and are not stepped, saved or freed by themselves. */

/* lr(s) = base min(1, (s + 1) / steps); from s = steps on what `after` says (NULL: base), its s
 * counted from there. Goyal et al., "Accurate, large minibatch SGD" (2017), 2.2 */
typedef struct {
    int64_t steps;
    reel_schedule *after;
} reel_warmup_options;
REEL_API reel_schedule *reel_warmup_schedule_new(reel_optim *o, reel_warmup_options options);

/* One after the other: part i from s = milestones[i - 1] on, its s counted from there. There are
 * count - 1 milestones, which rise, from 1 or more. SequentialLR */
typedef struct {
    reel_schedule *const *parts;
    const int64_t *milestones; /* copied */
    int count;                 /* of parts */
} reel_sequential_options;
REEL_API reel_schedule *reel_sequential_schedule_new(reel_optim *o,
                                                     reel_sequential_options options);

/* One upon the other: what part i says is base for part i + 1. Of parts that scale base that is the
 * product of what they scale it by. ChainedScheduler */
REEL_API reel_schedule *reel_chained_schedule_new(reel_optim *o, reel_schedule *const *parts,
                                                  int count);
#define reel_chained_schedule(o, ...)                                                              \
    reel_chained_schedule_new(o, REEL__ARRAY(reel_schedule *, __VA_ARGS__),                        \
                              REEL__LENGTH(reel_schedule *, __VA_ARGS__))

REEL_API void reel_schedule_free(reel_schedule *s); /* takes NULL */

/* On to the next step, and its rate. Does nothing while a failure is kept. A plateau's schedule
 * alone takes a metric, and it always does. */
REEL_API reel_status reel_schedule_step(reel_schedule *s);
REEL_API reel_status reel_schedule_step_metric(reel_schedule *s, double metric);
/* Group 0's rate by the formula at `step`, without going there; a plateau's is the one now. */
REEL_API double reel_schedule_lr(const reel_schedule *s, int64_t step);

/* As text "prefix.step" and "prefix.base", of further groups "prefix.base.1" and so on, of a
 * plateau's also best, bad, cooling and reductions; load sets the optimizer's rates too. */
REEL_API reel_status reel_schedule_save(const reel_schedule *s, reel_state *state,
                                        const char *prefix);
REEL_API reel_status reel_schedule_load(reel_schedule *s, const reel_state *state,
                                        const char *prefix);

/* ---- call sites: see error.h ---- */

#define reel_sgd_new(...) REEL__CALL(reel_sgd_new(__VA_ARGS__))
#define reel_adam_new(...) REEL__CALL(reel_adam_new(__VA_ARGS__))
#define reel_adamw_new(...) REEL__CALL(reel_adamw_new(__VA_ARGS__))
#define reel_nadam_new(...) REEL__CALL(reel_nadam_new(__VA_ARGS__))
#define reel_radam_new(...) REEL__CALL(reel_radam_new(__VA_ARGS__))
#define reel_adamax_new(...) REEL__CALL(reel_adamax_new(__VA_ARGS__))
#define reel_rmsprop_new(...) REEL__CALL(reel_rmsprop_new(__VA_ARGS__))
#define reel_adagrad_new(...) REEL__CALL(reel_adagrad_new(__VA_ARGS__))
#define reel_adadelta_new(...) REEL__CALL(reel_adadelta_new(__VA_ARGS__))
#define reel_lion_new(...) REEL__CALL(reel_lion_new(__VA_ARGS__))
#define reel_asgd_new(...) REEL__CALL(reel_asgd_new(__VA_ARGS__))
#define reel_optim_add_group(...) REEL__CALL(reel_optim_add_group(__VA_ARGS__))
#define reel_optim_step(...) REEL__CALL(reel_optim_step(__VA_ARGS__))
#define reel_optim_lr(...) REEL__CALL(reel_optim_lr(__VA_ARGS__))
#define reel_optim_group_lr(...) REEL__CALL(reel_optim_group_lr(__VA_ARGS__))
#define reel_optim_set_lr(...) REEL__CALL(reel_optim_set_lr(__VA_ARGS__))
#define reel_optim_set_group_lr(...) REEL__CALL(reel_optim_set_group_lr(__VA_ARGS__))
#define reel_optim_steps(...) REEL__CALL(reel_optim_steps(__VA_ARGS__))
#define reel_optim_save(...) REEL__CALL(reel_optim_save(__VA_ARGS__))
#define reel_optim_load(...) REEL__CALL(reel_optim_load(__VA_ARGS__))
#define reel_clip_grad_norm(...) REEL__CALL(reel_clip_grad_norm(__VA_ARGS__))
#define reel_clip_grad_value(...) REEL__CALL(reel_clip_grad_value(__VA_ARGS__))
#define reel_cosine_schedule_new(...) REEL__CALL(reel_cosine_schedule_new(__VA_ARGS__))
#define reel_cosine_restarts_schedule_new(...)                                                     \
    REEL__CALL(reel_cosine_restarts_schedule_new(__VA_ARGS__))
#define reel_step_schedule_new(...) REEL__CALL(reel_step_schedule_new(__VA_ARGS__))
#define reel_multi_step_schedule_new(...) REEL__CALL(reel_multi_step_schedule_new(__VA_ARGS__))
#define reel_exponential_schedule_new(...) REEL__CALL(reel_exponential_schedule_new(__VA_ARGS__))
#define reel_constant_schedule_new(...) REEL__CALL(reel_constant_schedule_new(__VA_ARGS__))
#define reel_linear_schedule_new(...) REEL__CALL(reel_linear_schedule_new(__VA_ARGS__))
#define reel_polynomial_schedule_new(...) REEL__CALL(reel_polynomial_schedule_new(__VA_ARGS__))
#define reel_one_cycle_schedule_new(...) REEL__CALL(reel_one_cycle_schedule_new(__VA_ARGS__))
#define reel_plateau_schedule_new(...) REEL__CALL(reel_plateau_schedule_new(__VA_ARGS__))
#define reel_warmup_schedule_new(...) REEL__CALL(reel_warmup_schedule_new(__VA_ARGS__))
#define reel_sequential_schedule_new(...) REEL__CALL(reel_sequential_schedule_new(__VA_ARGS__))
#define reel_chained_schedule_new(...) REEL__CALL(reel_chained_schedule_new(__VA_ARGS__))
#define reel_schedule_step(...) REEL__CALL(reel_schedule_step(__VA_ARGS__))
#define reel_schedule_step_metric(...) REEL__CALL(reel_schedule_step_metric(__VA_ARGS__))
#define reel_schedule_lr(...) REEL__CALL(reel_schedule_lr(__VA_ARGS__))
#define reel_schedule_save(...) REEL__CALL(reel_schedule_save(__VA_ARGS__))
#define reel_schedule_load(...) REEL__CALL(reel_schedule_load(__VA_ARGS__))

/* What these are handed they keep, compound literals too, which in a statement expression would end
 * with it: their arguments stay outside. */
#ifndef REEL__LIBRARY
static inline reel_schedule *reel__lambda_schedule_new(const char *at, reel_optim *o,
                                                       reel_lambda_options options) {
    REEL__SITE(at);
    return reel_lambda_schedule_new(o, options);
}
#define reel_lambda_schedule_new(...) reel__lambda_schedule_new(REEL_HERE, __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
