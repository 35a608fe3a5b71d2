/* Modules that hold parts, or give only a shape: owned, freed by reel_module_free. Sequences and
 * numbered lists are in nn.h.
 *
 *     reel_module *heads = reel_module_dict_new((const char *[]){"text", "image"},
 *                                               (reel_module *[]){text, image}, 2);
 *     reel_tensor *y = reel_forward(reel_module_get_child(heads, "image"), x); */
#ifndef REEL_NN_CONTAINERS_H
#define REEL_NN_CONTAINERS_H

#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* Children by name, without forward: torch's ModuleDict. It takes them over, also on failure; more
 * are added by reel_module_child. */
REEL_API reel_module *reel_module_dict_new(const char *const *names, reel_module **children,
                                           int count);
/* Parameters "0", "1", ..., or by name: ParameterList and ParameterDict. Each is retained and
 * tracked, as reel_module_param does; reel_module_get finds them. */
REEL_API reel_module *reel_parameter_list_new(reel_tensor *const *params, int count);
REEL_API reel_module *reel_parameter_dict_new(const char *const *names, reel_tensor *const *params,
                                              int count);

/* y = x */
REEL_API reel_module *reel_identity_new(void);
/* Axes start_axis..end_axis as one: x[B,C,H,W] -> y[B,CHW]. Zero means the default, REEL_ZERO 0. */
typedef struct {
    int start_axis, end_axis; /* 1, -1 */
} reel_flatten_options;
REEL_API reel_module *reel_flatten_new(reel_flatten_options options);
/* Axis `axis` as several: x[B,CHW] -> y[B,C,H,W], one of which may be -1 (reel_unflatten). */
REEL_API reel_module *reel_unflatten_new(int axis, reel_shape shape);

/* ---- call sites: see error.h ---- */

#define reel_module_dict_new(...) REEL__CALL(reel_module_dict_new(__VA_ARGS__))
#define reel_parameter_list_new(...) REEL__CALL(reel_parameter_list_new(__VA_ARGS__))
#define reel_parameter_dict_new(...) REEL__CALL(reel_parameter_dict_new(__VA_ARGS__))
#define reel_identity_new(...) REEL__CALL(reel_identity_new(__VA_ARGS__))
#define reel_flatten_new(...) REEL__CALL(reel_flatten_new(__VA_ARGS__))
#define reel_unflatten_new(...) REEL__CALL(reel_unflatten_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
