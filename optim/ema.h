/* Averages of weights over training: what is evaluated, or shipped, instead of the last weights.
 *
 *     reel_ema *ema = reel_ema_new(params, (reel_ema_options){.decay = 0.999});
 *     ... reel_optim_step(adam); reel_ema_update(ema);
 *     reel_ema_swap(ema);     // the model has the averages,
 *     evaluate(model);
 *     reel_ema_swap(ema);     // and its own weights again
 *     reel_ema_save(ema, s, "ema");
 *
 * a = decay a + (1 - decay) p, or, of equal weight, a += (p - a) / (n + 1), n being the updates
 * before; the first update copies p, as PyTorch's AveragedModel does. One launch does it for all
 * parameters of a device and dtype. Polyak and Juditsky, "Acceleration of stochastic approximation
 * by averaging" (1992); Izmailov et al., "Averaging weights leads to wider optima" (2018)
 *
 * Nothing is done while a failure is kept. Parameters stay on the device that they are on. */
#ifndef REEL_OPTIM_EMA_H
#define REEL_OPTIM_EMA_H

#include "../tensor/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_ema reel_ema;

typedef struct {
    double decay; /* 0.999; in [0, 1] */
    bool equal;   /* all updates weigh the same: PyTorch's get_swa_avg_fn; decay is not used */
} reel_ema_options;
/* Of parameters by name (reel_module_params), each f32 or f64 and contiguous, which stay as they
 * are. Owned; NULL on failure. */
REEL_API reel_ema *reel_ema_new(const reel_state *params, reel_ema_options options);
REEL_API void reel_ema_free(reel_ema *e); /* takes NULL */

REEL_API reel_status reel_ema_update(reel_ema *e);
/* How many there were; waits for nothing. */
REEL_API int64_t reel_ema_updates(const reel_ema *e);

/* Exchanges parameters and averages, element by element; twice is as before. No update between. */
REEL_API reel_status reel_ema_swap(reel_ema *e);
/* Puts the averages into the parameters, or into those of another model, by name. */
REEL_API reel_status reel_ema_copy(reel_ema *e);
REEL_API reel_status reel_ema_copy_to(reel_ema *e, const reel_state *params);
/* An average by the parameter's name: borrowed; NULL, and no failure, if there is none. */
REEL_API reel_tensor *reel_ema_get(const reel_ema *e, const char *name);

/* The averages as "prefix.name", and the count of updates as "prefix.n_averaged"; load checks all
 * names, shapes and dtypes first, as reel_module_load does. */
REEL_API reel_status reel_ema_save(reel_ema *e, reel_state *s, const char *prefix);
REEL_API reel_status reel_ema_load(reel_ema *e, const reel_state *s, const char *prefix);

/* ---- call sites: see error.h ---- */

#define reel_ema_new(...) REEL__CALL(reel_ema_new(__VA_ARGS__))
#define reel_ema_update(...) REEL__CALL(reel_ema_update(__VA_ARGS__))
#define reel_ema_swap(...) REEL__CALL(reel_ema_swap(__VA_ARGS__))
#define reel_ema_copy(...) REEL__CALL(reel_ema_copy(__VA_ARGS__))
#define reel_ema_copy_to(...) REEL__CALL(reel_ema_copy_to(__VA_ARGS__))
#define reel_ema_save(...) REEL__CALL(reel_ema_save(__VA_ARGS__))
#define reel_ema_load(...) REEL__CALL(reel_ema_load(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
