/* Memory by lifetime: inner values whose times do not meet may lie at the same place of the arena.
 * The largest comes first, each at the lowest place that is free while it is needed. */
#include "capture/capture_internal.h"

#include <stdlib.h>

#define ALIGNMENT ((size_t)512)

static size_t rounded(size_t bytes) {
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static bool is_placed(const reel__memory *m) {
    return !m->outer && !m->passing && m->first <= m->last;
}

typedef struct {
    size_t bytes;
    int value;
} sized;

static int larger_first(const void *a, const void *b) {
    const sized *x = a, *y = b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->value < y->value ? -1 : x->value > y->value;
}

static bool meet(const reel__memory *a, const reel__memory *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* Placed ones are in order of their offsets in `low`. */
static size_t lowest(const reel__program *p, const int *low, int placed, const reel__memory *m) {
    size_t at = 0;
    for (int i = 0; i < placed; i++) {
        const reel__memory *other = &p->memory[low[i]];
        if (!meet(m, other) || other->offset + rounded(other->bytes) <= at) continue;
        if (other->offset >= at + rounded(m->bytes)) break;
        at = other->offset + rounded(other->bytes);
    }
    return at;
}

static void insert(const reel__program *p, int *low, int placed, int value) {
    int i = placed;
    for (; i > 0 && p->memory[low[i - 1]].offset > p->memory[value].offset; i--)
        low[i] = low[i - 1];
    low[i] = value;
}

reel_status reel__program_memory(reel__program *p, size_t *bytes) {
    const bool shared = !(p->without & REEL_PASS_MEMORY);
    sized *order = malloc((size_t)(p->values + 1) * sizeof *order);
    int *low = malloc((size_t)(p->values + 1) * sizeof *low), count = 0, placed = 0;
    *bytes = 0;
    for (int i = 0; order && i < p->values; i++)
        if (is_placed(&p->memory[i])) order[count++] = (sized){p->memory[i].bytes, i};
    const bool good = order && low;
    if (good) qsort(order, (size_t)count, sizeof *order, larger_first);
    for (int i = 0; good && i < count; i++) {
        reel__memory *m = &p->memory[order[i].value];
        m->offset = shared ? lowest(p, low, placed, m) : *bytes;
        insert(p, low, placed++, order[i].value);
        if (*bytes < m->offset + rounded(m->bytes)) *bytes = m->offset + rounded(m->bytes);
    }
    free(order);
    free(low);
    return good ? REEL_OK : reel__capture_no_memory(NULL);
}
