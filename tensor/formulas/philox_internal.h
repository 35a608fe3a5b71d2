/* Philox4x32-10 and the maps from its words to numbers, written once for every device. Free of
 * fused multiply-adds if compiled with contraction off, so that all devices agree to the bit.
 *
 * Source: Salmon et al., SC 2011, section 4 and table 2; maps to (0, 1]: cuRAND's. */
#ifndef REEL_TENSOR_FORMULAS_PHILOX_INTERNAL_H
#define REEL_TENSOR_FORMULAS_PHILOX_INTERNAL_H

#include <stdint.h>

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

REEL_FORMULA void reel__philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0],
             k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Block `number` of a seed. */
REEL_FORMULA void reel__philox_block(uint64_t seed, uint64_t number, uint32_t out[4]) {
    const uint32_t counter[4] = {(uint32_t)number, (uint32_t)(number >> 32), 0, 0};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    reel__philox(counter, key, out);
}

/* One word to (0, 1], two words to (0, 1] with 53 bits. */
REEL_FORMULA float reel__uniform_f32(uint32_t x) {
    return (float)x * 0x1p-32f + 0x1p-33f;
}

REEL_FORMULA double reel__uniform_f64(uint32_t x, uint32_t y) {
    return (double)((uint64_t)x ^ ((uint64_t)y << 21)) * 0x1p-53 + 0x1p-54;
}

/* Two words as one, the first in the low half. */
REEL_FORMULA uint64_t reel__word64(uint32_t low, uint32_t high) {
    return low | (uint64_t)high << 32;
}

/* Bits that the places 0..n-1 need, and a word with one in its low bits: sorted, such words are a
 * random permutation, in which equal words keep their order. */
static inline int reel__place_bits(int64_t n) {
    int bits = 1;
    while ((int64_t)1 << bits < n) bits++;
    return bits;
}

REEL_FORMULA uint64_t reel__placed_word(uint64_t word, int64_t place, int bits) {
    return word >> bits << bits | (uint64_t)place;
}

/* A whole number in 0..n-1, by the high half of a product: of the 2^64 words, the floor or the
 * ceiling of 2^64 / n fall to each.
 * Source: Lemire, "Fast random integer generation in an interval" (TOMACS 29, 2019), without its
 * rejection. */
REEL_FORMULA uint64_t reel__below(uint64_t word, uint64_t n) {
    return (uint64_t)((unsigned __int128)word * n >> 64);
}

/* To (0, 1), both ends out: 52 bits and a half, each value exact. */
REEL_FORMULA double reel__open_uniform(uint64_t word) {
    return ((double)(word >> 12) + 0.5) * 0x1p-52;
}

/* The least word that is not among the p 2^32 least, rounded up; p in [0, 1). */
static inline uint32_t reel__least_kept(double p) {
    const double bound = p * 0x1p32;
    const uint32_t floor = bound < 4294967295.0 ? (uint32_t)bound : UINT32_MAX;
    return floor < UINT32_MAX && (double)floor < bound ? floor + 1 : floor;
}

/* Whether one word is among the p 2^32 that say yes; rounded up if there are not as many. */
REEL_FORMULA int reel__says_yes(uint32_t word, double p) {
    return (double)word < p * 0x1p32;
}

#endif
