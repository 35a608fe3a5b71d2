/* Random integers on the host, for samplers: Philox words by (seed, purpose, epoch), and what is
 * drawn from them.
 *
 * The counter is {block, epoch}, 64 bits each, and the key is the seed; a purpose has a range of
 * 2^56 blocks. */
#include "data/data_internal.h"
#include "tensor/random.h"

static uint32_t low(uint64_t v) {
    return (uint32_t)v;
}
static uint32_t high(uint64_t v) {
    return (uint32_t)(v >> 32);
}

reel__stream reel__stream_open(uint64_t seed, reel__purpose purpose, int64_t epoch) {
    return (reel__stream){.seed = seed, .epoch = (uint64_t)epoch, .block = (uint64_t)purpose << 56};
}

static uint64_t next(reel__stream *r) {
    if (r->left == 0) {
        uint32_t counter[4] = {low(r->block), high(r->block), low(r->epoch), high(r->epoch)};
        uint32_t key[2] = {low(r->seed), high(r->seed)};
        uint32_t out[4];
        reel_philox(counter, key, out);
        r->word[1] = out[0] | (uint64_t)out[1] << 32;
        r->word[0] = out[2] | (uint64_t)out[3] << 32;
        r->left = 2;
        r->block++;
    }
    return r->word[--r->left];
}

/* Words from the last, incomplete multiple of n on are drawn again: each remainder is then equally
 * likely. */
int64_t reel__stream_below(reel__stream *r, int64_t n) {
    uint64_t m = (uint64_t)n, limit = UINT64_MAX - UINT64_MAX % m, word;
    do word = next(r);
    while (word >= limit);
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
