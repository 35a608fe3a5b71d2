/* randperm: places sorted by random words. The words are spread evenly, so their first bits part
 * them into buckets of about equal size, which are parted by the next bits, and so on until they
 * are short enough for insertion. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/philox_internal.h"

#include <string.h>

#define GRAIN 4096 /* blocks of words */
#define BITS 8     /* by which buckets are told apart */
#define BUCKETS (1 << BITS)
#define FEW 32         /* what insertion sorts */
#define MANY (1 << 15) /* what several threads sort */

typedef struct {
    uint64_t word;
    int64_t place;
} entry;

/* In what order a's places come. `spare` has room for as many; both are written over. */
typedef struct {
    entry *a, *spare;
    int64_t *out;
    int64_t n;
    int shift; /* the bits from here on down tell the entries apart */
} stretch;

static void insert_sorted(const stretch *s) {
    for (int64_t i = 1; i < s->n; i++) {
        const entry e = s->a[i];
        int64_t j = i;
        for (; j > 0 && s->a[j - 1].word > e.word; j--) s->a[j] = s->a[j - 1];
        s->a[j] = e;
    }
    for (int64_t i = 0; i < s->n; i++) s->out[i] = s->a[i].place;
}

/* Into `spare`, in the order they have; bucket b is begin[b]..begin[b + 1]-1. */
static void part(const stretch *s, int64_t begin[BUCKETS + 1]) {
    int64_t next[BUCKETS];
    memset(begin, 0, (BUCKETS + 1) * sizeof *begin);
    for (int64_t i = 0; i < s->n; i++) begin[(s->a[i].word >> s->shift) % BUCKETS + 1]++;
    for (int b = 0; b < BUCKETS; b++) {
        next[b] = begin[b];
        begin[b + 1] += begin[b];
    }
    for (int64_t i = 0; i < s->n; i++)
        s->spare[next[(s->a[i].word >> s->shift) % BUCKETS]++] = s->a[i];
}

static stretch bucket(const stretch *s, const int64_t *begin, int64_t b) {
    return (stretch){.a = s->spare + begin[b],
                     .spare = s->a + begin[b],
                     .out = s->out + begin[b],
                     .n = begin[b + 1] - begin[b],
                     .shift = s->shift - BITS};
}

static void sort(const stretch *s) {
    int64_t begin[BUCKETS + 1];
    if (s->n <= FEW || s->shift < 0) {
        insert_sorted(s);
        return;
    }
    part(s, begin);
    for (int b = 0; b < BUCKETS; b++) {
        const stretch of_bucket = bucket(s, begin, b);
        if (of_bucket.n) sort(&of_bucket);
    }
}

typedef struct {
    const stretch *s;
    const int64_t *begin;
} parted;

static void sort_buckets(void *context, int64_t begin, int64_t end) {
    const parted *p = context;
    for (int64_t b = begin; b < end; b++) {
        const stretch of_bucket = bucket(p->s, p->begin, b);
        sort(&of_bucket);
    }
}

typedef struct {
    entry *a;
    int64_t n;
    uint64_t seed, offset;
} draw;

static void words(void *context, int64_t begin, int64_t end) {
    const draw *d = context;
    for (int64_t b = begin; b < end; b++) {
        uint32_t w[4];
        reel__philox_block(d->seed, d->offset + (uint64_t)b, w);
        for (int64_t i = 2 * b, k = 0; k < 4 && i < d->n; i++, k += 2)
            d->a[i] = (entry){reel__word64(w[k], w[k + 1]), i};
    }
}

static void sort_all(const stretch *s) {
    int64_t begin[BUCKETS + 1];
    parted p = {s, begin};
    part(s, begin);
    reel__cpu_parallel(BUCKETS, s->n < MANY ? BUCKETS : 1, sort_buckets, &p);
}

reel_status reel__cpu_randperm(const reel__call *c) {
    int64_t *state = reel__data(c->in[0]);
    const int64_t n = reel_numel(c->out[0]), blocks = (n + 1) / 2;
    REEL_SCOPE {
        reel_tensor *both = reel_empty_at(c->at, reel_shape(2, n, 2), REEL_I64, c->device);
        if (!both) return reel_error_status();
        entry *a = reel__data(both);
        draw d = {a, n, (uint64_t)state[0], (uint64_t)state[1]};
        reel__cpu_parallel(blocks, GRAIN, words, &d);
        sort_all(&(stretch){a, a + n, reel__data(c->out[0]), n, 64 - BITS});
    }
    state[1] += blocks;
    return REEL_OK;
}
