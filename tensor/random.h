/* Random numbers: Philox4x32-10, counter-based, indexed by element.
 *
 * Word i of a draw comes from counter (offset + i/4), word i%4, key = seed; an element takes one
 * word, or two. The same seed gives the same bits on every device and for any number of threads.
 * The state (seed, offset) is a tensor, so that it lies on the device and goes into a checkpoint.
 *
 *     reel_generator *g = reel_generator_new(42, reel_cpu());
 *     reel_tensor *W = reel_randn(reel_shape(784, 100), REEL_F32, g);
 *     reel_generator_free(g);
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011);
 * layout of counter and key, and the maps to floats, as in cuRAND's Philox4_32_10. */
#ifndef REEL_TENSOR_RANDOM_H
#define REEL_TENSOR_RANDOM_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_generator reel_generator;

REEL_API reel_generator *reel_generator_new(uint64_t seed, reel_device device); /* owned */
REEL_API void reel_generator_free(reel_generator *g);                           /* takes NULL */

/* The seeds of the process: what a layer without a generator is drawn by. Each call gives another
 * one, in an order that reel_manual_seed begins anew (it begins at seed 0). Thread-safe; which of
 * two threads gets which is left to chance. */
REEL_API void reel_manual_seed(uint64_t seed);
REEL_API uint64_t reel_next_seed(void);

/* Its state i64[2] = {seed, offset}, borrowed from g: what a checkpoint stores and reel_copy_
 * restores. */
REEL_API reel_tensor *reel_generator_state(reel_generator *g);

/* ---- floats ---- */

/* In place; they return t. Floats only; low <= high, finite, and std >= 0.
 *   uniform: t = low + (high - low) u, u in (0, 1]
 *   normal:  t = mean + std z, z standard normal (Box and Muller)
 * Both move the offset on by a block for every four f32, or every two f64. */
REEL_API reel_tensor *reel_uniform_at_(const char *at, reel_tensor *t, reel_generator *g,
                                       double low, double high);
REEL_API reel_tensor *reel_normal_at_(const char *at, reel_tensor *t, reel_generator *g,
                                      double mean, double std);
#define reel_uniform_(...) reel_uniform_at_(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_normal_(...) reel_normal_at_(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* New tensors on the generator's device, borrowed: uniform in (0, 1], and standard normal. */
REEL_API reel_tensor *reel_rand_at(const char *at, reel_shape shape, reel_dtype dtype,
                                   reel_generator *g);
REEL_API reel_tensor *reel_randn_at(const char *at, reel_shape shape, reel_dtype dtype,
                                    reel_generator *g);
#define reel_rand(...) reel_rand_at(REEL_HERE, __VA_ARGS__)
#define reel_randn(...) reel_randn_at(REEL_HERE, __VA_ARGS__)

/* ---- whole numbers ---- */

/* From low up to high - 1: low plus the high half of the product of a 64-bit word and high - low,
 * so that probabilities are equal to within 2^-64 (Lemire 2019). i64, or cast to another dtype,
 * which must hold all of them exactly (f32: up to 2^24, f64: 2^53, u8: 0..255); else an error, as
 * is high
 * <= low. On the generator's device. Moves the offset on by a block for every two numbers, of any
 * dtype. */
REEL_API reel_tensor *reel_randint_at(const char *at, int64_t low, int64_t high, reel_shape shape,
                                      reel_dtype dtype, reel_generator *g);
#define reel_randint(...) reel_randint_at(REEL_HERE, __VA_ARGS__)

/* 0..n-1 in random order -> y[n] (i64) on the generator's device: the order of n random words of 64
 * bits less those that n - 1 has, equal ones by their place, so that i comes before j with a
 * probability within n 2^-64 of 1/2. Moves the offset on by a block for every two numbers. */
REEL_API reel_tensor *reel_randperm_at(const char *at, int64_t n, reel_generator *g);
#define reel_randperm(...) reel_randperm_at(REEL_HERE, __VA_ARGS__)

/* ---- by probabilities ---- */

/* y = 1 with probability p, else 0; p[...] (f32 or f64, on the generator's device) -> y[...] of its
 * dtype, constant also where p is tracked. reel_bernoulli_ does so in place, in t of any dtype,
 * with one p. One 32-bit word an element says which, so that p counts as rounded up to a multiple
 * of 2^-32: 0 is never, 1 always. A p outside 0..1, or NaN, is an error, which comes late on a GPU,
 * as a bad index does (cuda/cuda.h). Both move the offset on by a block for every four elements. */
REEL_API reel_tensor *reel_bernoulli_at(const char *at, reel_tensor *p, reel_generator *g);
REEL_API reel_tensor *reel_bernoulli_at_(const char *at, reel_tensor *t, reel_generator *g,
                                         double p);
#define reel_bernoulli(...) reel_bernoulli_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_bernoulli_(...) reel_bernoulli_at_(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* `count` indices for each row of weights, i with probability weights[i] / sum of the row:
 *     weights[N] -> y[count],  weights[B,N] -> y[B,count]   (weights f32 or f64, y i64)
 * Weights need not add up to 1; those below the smallest normal number of their dtype count as 0,
 * and what has weight 0 is never drawn.
 *   with replacement     each draw for itself: the first index whose weights, added up from the
 *                        front in f64, are above u sum, u in (0, 1) of 52 bits
 *   without replacement  each draw among those that are left: the indices of the least
 *                        ln(-ln u[i]) - ln weights[i], in that order, equal ones by their index:
 * the logarithms of exponential times of rate weights[i], the first of which is i with probability
 * weights[i] / sum, and so on among the rest. One draw is made as with replacement. Source:
 * Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (IPL 97, 2006).
 *
 * Errors: a weight that is negative, NaN or infinite, a row whose sum is 0 or infinite, without
 * replacement fewer weights above 0 than draws; on a GPU they come late, as a bad index does, and
 * the indices are then any of 0..N-1. Moves the offset on by a block for every two draws, or, for
 * two draws or more without replacement, for every two weights, of all rows together. */
REEL_API reel_tensor *reel_multinomial_at(const char *at, reel_tensor *weights, int64_t count,
                                          bool replacement, reel_generator *g);
#define reel_multinomial(...) reel_multinomial_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* ---- words ---- */

/* One block: four words from a 128-bit counter and a 64-bit key. For those who need random numbers
 * on the host, such as samplers; pure, no state. */
REEL_API void reel_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* ---- call sites: see error.h ---- */

#define reel_generator_new(...) REEL__CALL(reel_generator_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
