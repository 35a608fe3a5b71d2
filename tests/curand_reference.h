/* What cuRAND's own generator gives, for a comparison. */
#ifndef REEL_TESTS_CURAND_REFERENCE_H
#define REEL_TESTS_CURAND_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

bool curand_is_here(void); /* in this build */

/* 4 n words of Philox4_32_10 and the 4 n floats that curand_uniform4 makes of them: of a seed,
 * from block `block` of four words on. False on failure. */
bool curand_reference(uint64_t seed, uint64_t block, int64_t n, uint32_t *words, float *uniform);

#ifdef __cplusplus
}
#endif
#endif
