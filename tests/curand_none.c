/* Of a build without CUDA. */
#include "tests/curand_reference.h"

bool curand_is_here(void) {
    return false;
}

bool curand_reference(uint64_t seed, uint64_t block, int64_t n, uint32_t *words, float *uniform) {
    (void)seed, (void)block, (void)n, (void)words, (void)uniform;
    return false;
}
