/* Layers of two inputs, for reel_run: owned, freed by reel_module_free.
 *
 *     reel_module *m = reel_cosine_similarity_new((reel_cosine_similarity_options){0});
 *     reel_tensor *y;
 *     reel_run(m, reel_results(&y), a, b);        // a[B,D] b[B,D] -> y[B]
 *
 * Their functions are in tensor/einsum.h (bilinear) and tensor/distances.h. In options zero means
 * PyTorch's default, and REEL_ZERO zero. */
#ifndef REEL_NN_PAIR_LAYERS_H
#define REEL_NN_PAIR_LAYERS_H

#include "../tensor/random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* y[...,O] = a[...,I] weight[O,I,J] b[...,J] + bias[O]; both drawn from U(-k, k), k = 1 / sqrt(I).
 */
typedef struct {
    bool no_bias;
    reel_dtype dtype;          /* f32 or f64 */
    reel_generator *generator; /* says the device as well; NULL: one of reel_next_seed on the CPU */
} reel_bilinear_options;
REEL_API reel_module *reel_bilinear_new(int64_t in1, int64_t in2, int64_t out,
                                        reel_bilinear_options options);

typedef struct {
    int axis;   /* 1 */
    double eps; /* 1e-8 */
} reel_cosine_similarity_options;
REEL_API reel_module *reel_cosine_similarity_new(reel_cosine_similarity_options options);

typedef struct {
    double p;   /* 2 */
    double eps; /* 1e-6 */
    bool keepdim;
} reel_pairwise_distance_options;
REEL_API reel_module *reel_pairwise_distance_new(reel_pairwise_distance_options options);

/* ---- call sites: see error.h ---- */

#define reel_bilinear_new(...) REEL__CALL(reel_bilinear_new(__VA_ARGS__))
#define reel_cosine_similarity_new(...) REEL__CALL(reel_cosine_similarity_new(__VA_ARGS__))
#define reel_pairwise_distance_new(...) REEL__CALL(reel_pairwise_distance_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
