/* Random integers on the host, for samplers: Philox words by (seed, purpose, epoch), and what is
 * drawn from them.
 *
 * The counter is {block, epoch}, 64 bits each, and the key is the seed; a purpose has a range of
 * 2^56 blocks. */
#include "data/data_internal.h"

#include "tensor/formulas/philox_blocks_internal.h"
#include "tensor/formulas/philox_internal.h"

reel__stream reel__stream_open(uint64_t seed, reel__purpose purpose, int64_t epoch) {
    return (reel__stream){.seed = seed,
                          .epoch = (uint64_t)epoch,
                          .block = (uint64_t)purpose << 56,
                          .at = REEL__STREAM_WORDS};
}

_Static_assert(2 * REEL__STREAM_WORDS == REEL__PHILOX_WORDS, "it is filled at once");

static void refill(reel__stream *r) {
    uint32_t word[REEL__PHILOX_WORDS];
    reel__philox_blocks(r->seed, r->block, r->epoch, word);
    for (int i = 0; i < REEL__STREAM_WORDS; i++)
        r->word[i] = reel__word64(word[2 * i], word[2 * i + 1]);
    r->block += REEL__PHILOX_BLOCKS;
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

double reel__stream_uniform(reel__stream *r) {
    return reel__open_uniform(next(r));
}

/* Fisher and Yates, in Durstenfeld's form (CACM algorithm 235, 1964). */
void reel__shuffle(reel__stream *r, int64_t *a, int64_t n) {
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = reel__stream_below(r, i + 1), t = a[i];
        a[i] = a[j];
        a[j] = t;
    }
}
