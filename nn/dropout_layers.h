/* Dropout, as functions and as layers: elements, or whole channels, put to 0 at random, and the
 * rest scaled so that the mean stays.
 *
 *     reel_tensor *y = training ? reel_dropout(x, 0.1, g) : x;
 *     reel_module *m = reel_sequential(reel_linear_new(8, 8, ...), reel_dropout_new(0.1, 0));
 *
 * p, the share that is dropped, lies in [0, 1]; with p = 0 the result is x itself. u in (0, 1]
 * comes from the generator, on x's device, and what has u <= p is dropped: its gradient is 0, and
 * NaN there is dropped too. x is a float. Results are borrowed. */
#ifndef REEL_NN_DROPOUT_LAYERS_H
#define REEL_NN_DROPOUT_LAYERS_H

#include "../tensor/random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* ---- functions ---- */

/* y = x / (1 - p), or 0. Srivastava et al., "Dropout" (2014) */
REEL_API reel_tensor *reel_dropout_at(const char *at, reel_tensor *x, double p, reel_generator *g);
/* The same of whole channels: 1d of x[B,C,L] or x[C,L], 2d of x[B,C,H,W] or x[B,C,L], 3d of
 * x[B,C,D,H,W] or x[C,D,H,W]. Tompson et al., "Efficient object localization" (2015) */
REEL_API reel_tensor *reel_dropout1d_at(const char *at, reel_tensor *x, double p,
                                        reel_generator *g);
REEL_API reel_tensor *reel_dropout2d_at(const char *at, reel_tensor *x, double p,
                                        reel_generator *g);
REEL_API reel_tensor *reel_dropout3d_at(const char *at, reel_tensor *x, double p,
                                        reel_generator *g);
/* What is dropped becomes selu's lowest value, v = -1.758..., and all of it is brought back to x's
 * mean and variance, where these are 0 and 1: y = a (x or v) - a p v, a = 1 / sqrt((1 - p) (1 + p
 * v^2)); of p = 1 zeros. Of elements, or of whole channels of x[B,C,...]. Klambauer et al. (2017)
 */
REEL_API reel_tensor *reel_alpha_dropout_at(const char *at, reel_tensor *x, double p,
                                            reel_generator *g);
REEL_API reel_tensor *reel_feature_alpha_dropout_at(const char *at, reel_tensor *x, double p,
                                                    reel_generator *g);
#define reel_dropout(...) reel_dropout_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_dropout1d(...) reel_dropout1d_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_dropout2d(...) reel_dropout2d_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_dropout3d(...) reel_dropout3d_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_alpha_dropout(...) reel_alpha_dropout_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_feature_alpha_dropout(...)                                                            \
    reel_feature_alpha_dropout_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- layers: owned, freed by reel_module_free ---- */

/* In training the function of that name, in evaluation y = x. Each has a generator of its own,
 * "generator" (reel_module_generator): on the CPU until reel_module_to, and noted where the module
 * is saved, so that a run that is resumed drops what it would have dropped. Seed 0: one of
 * reel_next_seed. Layers of one seed drop the same elements: give each its own. */
REEL_API reel_module *reel_dropout_new(double p, uint64_t seed);
REEL_API reel_module *reel_dropout1d_new(double p, uint64_t seed);
REEL_API reel_module *reel_dropout2d_new(double p, uint64_t seed);
REEL_API reel_module *reel_dropout3d_new(double p, uint64_t seed);
REEL_API reel_module *reel_alpha_dropout_new(double p, uint64_t seed);
REEL_API reel_module *reel_feature_alpha_dropout_new(double p, uint64_t seed);

/* ---- call sites: see error.h ---- */

#define reel_dropout_new(...) REEL__CALL(reel_dropout_new(__VA_ARGS__))
#define reel_dropout1d_new(...) REEL__CALL(reel_dropout1d_new(__VA_ARGS__))
#define reel_dropout2d_new(...) REEL__CALL(reel_dropout2d_new(__VA_ARGS__))
#define reel_dropout3d_new(...) REEL__CALL(reel_dropout3d_new(__VA_ARGS__))
#define reel_alpha_dropout_new(...) REEL__CALL(reel_alpha_dropout_new(__VA_ARGS__))
#define reel_feature_alpha_dropout_new(...) REEL__CALL(reel_feature_alpha_dropout_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
