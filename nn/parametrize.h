/* Weights that are computed from others: a parameter of a module is replaced by what it is made of,
 * and each time the module's forward (or run) is called it finds the weight as it is computed then.
 * Gradients go through to what is trained. PyTorch's torch.nn.utils.parametrizations, whose names
 * in state dicts these are.
 *
 *     reel_module *m = reel_linear_new(8, 4, (reel_linear_options){0});
 *     reel_weight_norm(m, "weight", (reel_weight_norm_options){0});
 *     // parameters: bias, parametrizations.weight.original0, parametrizations.weight.original1
 *
 * The parameter is one of m's own ("weight", no path), and m's struct points to it: between calls
 * of m these pointers are NULL. m must be cloneable (module_clone.h), as all of the library's
 * layers are, since its size must be known. A layer that looks into another's struct, instead of
 * calling it, sees no weight there. Before the optimizer is made, which steps what is listed then.
 * Calls of one m from several threads at once are not for modules with parametrizations. */
#ifndef REEL_NN_PARAMETRIZE_H
#define REEL_NN_PARAMETRIZE_H

#include "../tensor/random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* weight = v g / |v|: |v| is the 2-norm of each slice along the axis, of which g, original0, has
 * one number each, and v, original1, is the parameter as it was; axis -1: of all of it, and g is
 * 0-d. At first g is |v|, so that nothing changes. Salimans and Kingma, "Weight normalization"
 * (2016) */
typedef struct {
    int axis; /* 0 */
} reel_weight_norm_options;
REEL_API reel_status reel_weight_norm(reel_module *m, const char *name,
                                      reel_weight_norm_options options);

/* weight = original / sigma: sigma = u^T W v approximates the greatest singular value of W, which
 * is original with the axis in front and the others as one; of a vector, its 2-norm. The buffers u
 * and v, "0._u" and "0._v", begin at random, with 15 rounds of u = W v / |W v|, v = W^T u / |W^T
 * u|, and go on by n_power_iterations of them at each call in training. Transposed convolutions
 * have axis 1. Miyato et al., "Spectral normalization for GANs" (2018) */
typedef struct {
    int n_power_iterations;    /* 1 */
    double eps;                /* 1e-12: norms are at least that */
    int axis;                  /* 0 */
    reel_generator *generator; /* of u and v; NULL: one of reel_next_seed */
} reel_spectral_norm_options;
REEL_API reel_status reel_spectral_norm(reel_module *m, const char *name,
                                        reel_spectral_norm_options options);

/* The weight as it is now, and recorded as in a forward: borrowed; NULL, and a failure, if m has no
 * parametrization of that name. */
REEL_API reel_tensor *reel_parametrized(reel_module *m, const char *name);
/* The weight as it is now becomes a parameter again, and what it was made of goes. */
REEL_API reel_status reel_remove_parametrization(reel_module *m, const char *name);

/* ---- call sites: see error.h ---- */

#define reel_weight_norm(...) REEL__CALL(reel_weight_norm(__VA_ARGS__))
#define reel_spectral_norm(...) REEL__CALL(reel_spectral_norm(__VA_ARGS__))
#define reel_parametrized(...) REEL__CALL(reel_parametrized(__VA_ARGS__))
#define reel_remove_parametrization(...) REEL__CALL(reel_remove_parametrization(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
