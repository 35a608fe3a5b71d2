/* SHA-256 (FIPS 180-4, section 6.2). None of the libraries linked offers one. */
#include "io/io_internal.h"

#include <stdio.h>
#include <string.h>

/* Section 4.2.2: fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate_right(uint32_t x, int n) {
    return x >> n | x << (32 - n);
}

/* The message schedule: 16 words of the block, and 48 made from them. */
static void expand(const uint8_t block[64], uint32_t w[64]) {
    for (int t = 0; t < 16; t++, block += 4)
        w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 | (uint32_t)block[2] << 8 |
               block[3];
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotate_right(w[t - 15], 7) ^ rotate_right(w[t - 15], 18) ^ w[t - 15] >> 3;
        uint32_t s1 = rotate_right(w[t - 2], 17) ^ rotate_right(w[t - 2], 19) ^ w[t - 2] >> 10;
        w[t] = s1 + w[t - 7] + s0 + w[t - 16];
    }
}

/* The eight working variables a..h are v[0]..v[7]. */
static void compress(uint32_t hash[8], const uint8_t block[64]) {
    uint32_t w[64], v[8];
    expand(block, w);
    memcpy(v, hash, sizeof v);
    for (int t = 0; t < 64; t++) {
        uint32_t sum1 = rotate_right(v[4], 6) ^ rotate_right(v[4], 11) ^ rotate_right(v[4], 25);
        uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t t1 = v[7] + sum1 + choice + K[t] + w[t];
        uint32_t sum0 = rotate_right(v[0], 2) ^ rotate_right(v[0], 13) ^ rotate_right(v[0], 22);
        uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + sum0 + majority;
    }
    for (int i = 0; i < 8; i++) hash[i] += v[i];
}

void reel__sha256_init(reel__sha256 *s) {
    *s = (reel__sha256){.hash = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
                                 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void reel__sha256_update(reel__sha256 *s, const void *bytes, size_t n) {
    const uint8_t *from = bytes;
    while (n > 0) {
        size_t used = s->length % 64;
        size_t taken = n < 64 - used ? n : 64 - used;
        memcpy(s->block + used, from, taken);
        s->length += taken;
        from += taken;
        n -= taken;
        if (s->length % 64 == 0) compress(s->hash, s->block);
    }
}

/* Pads with a one bit, zeros, and the length in bits as 64 big-endian bits, up to a whole block. */
void reel__sha256_final(reel__sha256 *s, char hex[65]) {
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = s->length * 8;
    uint8_t count[8];
    for (int i = 0; i < 8; i++) count[i] = (uint8_t)(bits >> (56 - 8 * i));
    size_t used = s->length % 64;
    reel__sha256_update(s, padding, used < 56 ? 56 - used : 120 - used);
    reel__sha256_update(s, count, sizeof count);
    for (int i = 0; i < 8; i++) snprintf(hex + 8 * i, 9, "%08x", s->hash[i]);
}
