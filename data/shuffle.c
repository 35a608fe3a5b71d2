/* Random integers on the host, for samplers: Philox words by (seed, purpose, epoch), and what is
 * drawn from them.
 *
 * The counter is {block, epoch}, 64 bits each, and the key is the seed; a purpose has a range of
 * 2^56 blocks. */
#include "data/data_internal.h"

static uint32_t low(uint64_t v) {
    return (uint32_t)v;
}
static uint32_t high(uint64_t v) {
    return (uint32_t)(v >> 32);
}

reel__stream reel__stream_open(uint64_t seed, reel__purpose purpose, int64_t epoch) {
    return (reel__stream){.seed = seed,
                          .epoch = (uint64_t)epoch,
                          .block = (uint64_t)purpose << 56,
                          .at = REEL__STREAM_WORDS};
}

/* The next blocks, all at once, so that they are vectors (philox_internal.h has the formula). */
static void refill(reel__stream *r) {
    enum { BLOCKS = REEL__STREAM_WORDS / 2 };
    uint32_t c0[BLOCKS], c1[BLOCKS], c2[BLOCKS], c3[BLOCKS];
    uint32_t k0 = low(r->seed), k1 = high(r->seed);
    for (int b = 0; b < BLOCKS; b++) {
        c0[b] = low(r->block + (uint64_t)b);
        c1[b] = high(r->block + (uint64_t)b);
        c2[b] = low(r->epoch);
        c3[b] = high(r->epoch);
    }
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
        for (int b = 0; b < BLOCKS; b++) {
            const uint64_t p0 = (uint64_t)0xD2511F53u * c0[b], p1 = (uint64_t)0xCD9E8D57u * c2[b];
            c0[b] = high(p1) ^ c1[b] ^ k0;
            c2[b] = high(p0) ^ c3[b] ^ k1;
            c1[b] = low(p1);
            c3[b] = low(p0);
        }
    for (int b = 0; b < BLOCKS; b++) {
        r->word[2 * b] = c0[b] | (uint64_t)c1[b] << 32;
        r->word[2 * b + 1] = c2[b] | (uint64_t)c3[b] << 32;
    }
    r->block += BLOCKS;
    r->at = 0;
}

static inline uint64_t next(reel__stream *r) {
    if (r->at == REEL__STREAM_WORDS) refill(r);
    return r->word[r->at++];
}

/* Words from the last, incomplete multiple of n on are drawn again: each remainder is then equally
 * likely. Nearly all words are below any such limit, and need no division to tell. */
int64_t reel__stream_below(reel__stream *r, int64_t n) {
    const uint64_t m = (uint64_t)n;
    uint64_t word = next(r);
    while (word > UINT64_MAX - m && word >= UINT64_MAX - UINT64_MAX % m) word = next(r);
    return (int64_t)(word % m);
}

/* 52 bits and a half: neither 0 nor 1 can come out, and every value is exact. */
double reel__stream_uniform(reel__stream *r) {
    return ((double)(next(r) >> 12) + 0.5) * 0x1p-52;
}

/* Fisher and Yates, in Durstenfeld's form (CACM algorithm 235, 1964). */
void reel__shuffle(reel__stream *r, int64_t *a, int64_t n) {
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = reel__stream_below(r, i + 1), t = a[i];
        a[i] = a[j];
        a[j] = t;
    }
}
