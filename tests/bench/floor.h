/* The least that a training step of the autoencoder takes: its five matrix products, and one pass
 * of memory for each thing that is not one. Written for this step alone, so it bounds what a
 * framework can reach. */
#ifndef REEL_TESTS_BENCH_FLOOR_H
#define REEL_TESTS_BENCH_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

typedef struct floor_step floor_step;

floor_step *floor_new(const uint8_t *pool, int64_t images, int batch, int latent, int threads,
                      bool classic, bool gather);
void floor_free(floor_step *f);
void floor_products(floor_step *f); /* z1, z2, dh, and the two parts of dW */
/* Gather, relu, sigmoid to its gradient, relu's gradient, Adam. */
void floor_elementwise(floor_step *f);

#endif
