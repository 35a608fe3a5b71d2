/* Philox (philox_internal.h) of many counters at once, in loops that become vectors. */
#ifndef REEL_TENSOR_FORMULAS_PHILOX_BLOCKS_INTERNAL_H
#define REEL_TENSOR_FORMULAS_PHILOX_BLOCKS_INTERNAL_H

#include <stdint.h>

/* From n counters, whose words of one place lie together, to the words drawn; the key is the seed.
 */
static inline void reel__philox_rounds(uint64_t seed, int n, uint32_t *restrict c0,
                                       uint32_t *restrict c1, uint32_t *restrict c2,
                                       uint32_t *restrict c3) {
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int i = 0; i < n; i++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[i], p1 = (uint64_t)0xCD9E8D57u * c2[i];
            c0[i] = (uint32_t)(p1 >> 32) ^ c1[i] ^ k0;
            c2[i] = (uint32_t)(p0 >> 32) ^ c3[i] ^ k1;
            c1[i] = (uint32_t)p1;
            c3[i] = (uint32_t)p0;
        }
}

enum { REEL__PHILOX_BLOCKS = 64, REEL__PHILOX_WORDS = 4 * REEL__PHILOX_BLOCKS };

/* The words of blocks first, first + 1, ..., four each; `upper` is the counters' upper half. */
static inline void reel__philox_blocks(uint64_t seed, uint64_t first, uint64_t upper,
                                       uint32_t word[restrict REEL__PHILOX_WORDS]) {
    uint32_t c0[REEL__PHILOX_BLOCKS], c1[REEL__PHILOX_BLOCKS], c2[REEL__PHILOX_BLOCKS],
        c3[REEL__PHILOX_BLOCKS];
    for (int b = 0; b < REEL__PHILOX_BLOCKS; b++) {
        const uint64_t number = first + (uint64_t)b;
        c0[b] = (uint32_t)number;
        c1[b] = (uint32_t)(number >> 32);
        c2[b] = (uint32_t)upper;
        c3[b] = (uint32_t)(upper >> 32);
    }
    reel__philox_rounds(seed, REEL__PHILOX_BLOCKS, c0, c1, c2, c3);
    for (int b = 0; b < REEL__PHILOX_BLOCKS; b++) {
        word[4 * b] = c0[b];
        word[4 * b + 1] = c1[b];
        word[4 * b + 2] = c2[b];
        word[4 * b + 3] = c3[b];
    }
}

#endif
