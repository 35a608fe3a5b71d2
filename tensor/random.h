/* Random numbers: Philox4x32-10, counter-based, indexed by element.
 *
 * Element i of a draw comes from counter (offset + i/4), word i%4, key = seed: the same seed gives
 * the same bits on every device and for any number of threads. The state (seed, offset) is a
 * tensor, so that it lies on the device and goes into a checkpoint.
 *
 *     reel_generator *g = reel_generator_new(42, reel_cpu());
 *     reel_tensor *W = reel_randn(reel_shape(784, 100), REEL_F32, g);
 *     reel_generator_free(g);
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011);
 * layout of counter and key, and the maps to floats, as in cuRAND's Philox4_32_10. */
#ifndef REEL_TENSOR_RANDOM_H
#define REEL_TENSOR_RANDOM_H

#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_generator reel_generator;

REEL_API reel_generator *reel_generator_new(uint64_t seed, reel_device device); /* owned */
REEL_API void reel_generator_free(reel_generator *g);                           /* takes NULL */

/* Its state i64[2] = {seed, offset}, borrowed from g: what a checkpoint stores and reel_copy_
 * restores. */
REEL_API reel_tensor *reel_generator_state(reel_generator *g);

/* In place; they return t. Floats only.
 *   uniform: t = low + (high - low) u, u in (0, 1]
 *   normal:  t = mean + std z, z standard normal (Box and Muller) */
REEL_API reel_tensor *reel_uniform_at_(const char *at, reel_tensor *t, reel_generator *g,
                                       double low, double high);
REEL_API reel_tensor *reel_normal_at_(const char *at, reel_tensor *t, reel_generator *g,
                                      double mean, double std);
#define reel_uniform_(t, g, low, high) reel_uniform_at_(REEL_AT(t), t, g, low, high)
#define reel_normal_(t, g, mean, std) reel_normal_at_(REEL_AT(t), t, g, mean, std)

/* New tensors on the generator's device, borrowed: uniform in (0, 1], and standard normal. */
REEL_API reel_tensor *reel_rand_at(const char *at, reel_shape shape, reel_dtype dtype,
                                   reel_generator *g);
REEL_API reel_tensor *reel_randn_at(const char *at, reel_shape shape, reel_dtype dtype,
                                    reel_generator *g);
#define reel_rand(shape, dtype, g) reel_rand_at(REEL_HERE, shape, dtype, g)
#define reel_randn(shape, dtype, g) reel_randn_at(REEL_HERE, shape, dtype, g)

/* One block: four words from a 128-bit counter and a 64-bit key. For those who need random numbers
 * on the host, such as samplers; pure, no state. */
REEL_API void reel_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

#ifdef __cplusplus
}
#endif
#endif
