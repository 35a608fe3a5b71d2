/* randperm: random words, each with its place in its low bits, sorted. The words are spread evenly,
 * so their first bits part them into buckets of about equal size, until a bucket fits into a cache;
 * there, as many buckets as words leave them nearly sorted, and insertion does the rest. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <string.h>

#define GRAIN 4096  /* blocks of words */
#define BITS 8      /* that part a long stretch */
#define FEW_BITS 12 /* the most that part a short one */
#define FEW (1 << FEW_BITS)
#define MANY (1 << 15) /* what several threads sort */

/* Words that are to be sorted, which are alike but for the `bits` low bits. `spare` has room for as
 * many; both are written over. */
typedef struct {
    uint64_t *word, *spare;
    int64_t *out;
    int64_t n;
    int bits, place_bits;
} stretch;

/* Into `spare`, in the order they have, by the first `by` of their bits: bucket b begins at
 * begin[b]; behind the last stands n. */
static void part(const stretch *s, int by, int64_t *begin) {
    const int shift = s->bits - by, buckets = 1 << by;
    const uint64_t mask = (uint64_t)buckets - 1;
    memset(begin, 0, ((size_t)buckets + 1) * sizeof *begin);
    for (int64_t i = 0; i < s->n; i++) begin[(s->word[i] >> shift & mask) + 1]++;
    for (int b = 0; b < buckets; b++) begin[b + 1] += begin[b];
    for (int64_t i = 0; i < s->n; i++) s->spare[begin[s->word[i] >> shift & mask]++] = s->word[i];
    memmove(begin + 1, begin, (size_t)buckets * sizeof *begin);
    begin[0] = 0;
}

static void insert_sorted(uint64_t *word, int64_t n) {
    for (int64_t i = 1; i < n; i++) {
        const uint64_t w = word[i];
        int64_t j = i;
        for (; j > 0 && word[j - 1] > w; j--) word[j] = word[j - 1];
        word[j] = w;
    }
}

static void sort_few(const stretch *s) {
    int64_t begin[FEW + 1];
    const uint64_t places = ((uint64_t)1 << s->place_bits) - 1;
    int by = 1;
    while (by < FEW_BITS && by < s->bits && (int64_t)1 << by < s->n) by++;
    part(s, by, begin);
    insert_sorted(s->spare, s->n);
    for (int64_t i = 0; i < s->n; i++) s->out[i] = (int64_t)(s->spare[i] & places);
}

static void sort(const stretch *s);

static void sort_buckets(const stretch *s, const int64_t *begin, int64_t first, int64_t last) {
    for (int64_t b = first; b < last; b++) {
        const stretch bucket = {.word = s->spare + begin[b],
                                .spare = s->word + begin[b],
                                .out = s->out + begin[b],
                                .n = begin[b + 1] - begin[b],
                                .bits = s->bits - BITS,
                                .place_bits = s->place_bits};
        sort(&bucket);
    }
}

static void sort(const stretch *s) {
    int64_t begin[(1 << BITS) + 1];
    if (s->n <= FEW || s->bits <= BITS) {
        sort_few(s);
        return;
    }
    part(s, BITS, begin);
    sort_buckets(s, begin, 0, 1 << BITS);
}

typedef struct {
    const stretch *s;
    const int64_t *begin;
} parted;

static void sort_some(void *context, int64_t first, int64_t last) {
    const parted *p = context;
    sort_buckets(p->s, p->begin, first, last);
}

static void sort_all(const stretch *s) {
    int64_t begin[(1 << BITS) + 1];
    const parted p = {s, begin};
    if (s->n < MANY) {
        sort(s);
        return;
    }
    part(s, BITS, begin);
    reel__cpu_parallel(1 << BITS, 1, sort_some, (void *)&p);
}

typedef struct {
    const stretch *s;
    uint64_t seed, offset;
} draw;

static void draw_words(void *context, int64_t begin, int64_t end) {
    const draw *d = context;
    for (int64_t b = begin; b < end; b++) {
        uint32_t w[4];
        reel__philox_block(d->seed, d->offset + (uint64_t)b, w);
        for (int64_t i = 2 * b, k = 0; k < 4 && i < d->s->n; i++, k += 2)
            d->s->word[i] = reel__placed_word(reel__word64(w[k], w[k + 1]), i, d->s->place_bits);
    }
}

reel_status reel__cpu_randperm(const reel__call *c) {
    int64_t *state = reel__data(c->in[0]);
    const int64_t n = reel_numel(c->out[0]), blocks = (n + 1) / 2;
    if (n == 0) return REEL_OK;
    {
        REEL_SCOPE;
        reel_tensor *both = reel_empty_at(c->at, reel_shape(2, n), REEL_I64, c->device);
        if (!both) return reel_error_status();
        uint64_t *word = reel__data(both);
        stretch s = {.word = word,
                     .spare = word + n,
                     .out = reel__data(c->out[0]),
                     .n = n,
                     .bits = 64,
                     .place_bits = reel__place_bits(n)};
        draw d = {&s, (uint64_t)state[0], (uint64_t)state[1]};
        reel__cpu_parallel(blocks, GRAIN, draw_words, &d);
        sort_all(&s);
    }
    state[1] += blocks;
    return REEL_OK;
}
