/* Loaders of each kind, that make batches in each way, and what they gave. */
#ifndef REEL_TESTS_LOADER_RIG_H
#define REEL_TESTS_LOADER_RIG_H

#include "data/data_internal.h"
#include "tensor/ops.h"
#include "tests/expect.h"
#include "tests/numbers.h"

/* How batches are made: by so many threads, and uploaded ahead or not, which on the CPU moves
 * nothing but goes the same way. */
typedef struct {
    int workers;
    bool ahead;
} way;

static const way ways[] = {{0, false}, {1, false}, {2, false}, {5, false},
                           {0, true},  {1, true},  {2, true},  {5, true}};
enum { WAYS = sizeof ways / sizeof *ways };

/* A loader of batches for the device under test. */
static inline reel_loader *loader_of(reel_dataset *d, reel_loader_options o, way w) {
    o.workers = w.workers;
    o.device = test_device();
    reel_loader *l = reel_loader_new(d, o);
    expect_fine();
    l->read_ahead |= w.ahead;
    return l;
}

/* In a scope, which owns what is copied. */
static const void *on_host(reel_tensor *t) {
    return reel_data(reel_to(t, reel_cpu()));
}

static inline void check_numbers(const reel_batch *b) {
    ck_assert(reel_shape_equal(reel_shape_of(b->x), reel_shape(b->n, 2)));
    ck_assert(reel_shape_equal(reel_shape_of(b->y), reel_shape(b->n)));
    REEL_SCOPE;
    const float *x = on_host(b->x);
    const int64_t *y = on_host(b->y);
    for (int64_t k = 0; k < b->n; k++) {
        ck_assert_float_eq(x[2 * k], (float)b->index[k]);
        ck_assert_float_eq(x[2 * k + 1], (float)(b->index[k] * b->index[k]));
        ck_assert_int_eq(y[k], b->index[k]);
    }
}

/* ---- what a loader gave: a list of numbers ---- */

typedef struct {
    int64_t v[4096];
    int count;
} trace;

static inline void note(trace *t, int64_t v) {
    ck_assert_int_lt(t->count, 4096);
    t->v[t->count++] = v;
}

/* Calls reel_loader_next `calls` times. */
static inline void run(reel_loader *l, int calls, trace *t) {
    for (reel_batch b; calls > 0; calls--) {
        if (reel_loader_next(l, &b)) {
            check_numbers(&b);
            note(t, b.number);
            for (int64_t k = 0; k < b.n; k++) note(t, b.index[k]);
        } else {
            expect_fine();
            ck_assert_ptr_null(b.x);
            note(t, -reel_loader_epoch(l));
        }
    }
}

static inline void check_same(const trace *a, const trace *b) {
    ck_assert_int_eq(a->count, b->count);
    ck_assert_mem_eq(a->v, b->v, (size_t)a->count * sizeof *a->v);
}

/* ---- samplers and batch samplers of one's own ---- */

/* Epoch e is e, e - 1, ..., each modulo n, and then nothing of `n` more. */
typedef struct {
    reel_sampler base;
    int64_t n, length;
    reel_status status;
} counting_down;

static inline int64_t down_length(reel_sampler *s) {
    return ((counting_down *)s)->length;
}

static inline reel_status down_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const counting_down *c = (counting_down *)s;
    for (int64_t k = 0; k < c->length; k++) index[k] = (epoch + c->length - k) % c->n;
    return c->status;
}

static const reel_sampler_class down_class = {down_length, down_order, NULL};

/* Batches of 1, 2, 3, ... items, the first of them e + 1; with `count` or `size` not 0 it lies. */
typedef struct {
    reel_batch_sampler base;
    int64_t n, count, size;
} triangle;

static inline int64_t triangle_length(reel_batch_sampler *s) {
    return ((triangle *)s)->n;
}

static inline reel_status triangle_plan(reel_batch_sampler *s, int64_t epoch, int64_t *index,
                                        int64_t *sizes, int64_t *batches) {
    const triangle *t = (triangle *)s;
    *batches = 0;
    for (int64_t k = 0; k < t->n; k++) index[k] = (k * 7 + epoch) % t->n;
    for (int64_t size = epoch + 1, at = 0; at + size <= t->n; at += size++)
        sizes[(*batches)++] = size;
    if (t->count) *batches = t->count;
    if (t->size) sizes[1] = t->size;
    return REEL_OK;
}

static const reel_batch_sampler_class triangle_class = {triangle_length, triangle_plan, NULL};

/* ---- a loader of each kind ---- */

enum { SEQUENTIAL, SHUFFLE, DROP_LAST, DRAWN, WEIGHTED, KEPT, SUBSET, OWN, BATCHES, KINDS };

typedef struct {
    numbers set;
    counting_down down;
    triangle batches;
    reel_sampler *sampler;
    reel_loader *loader;
} rig;

#define ITEMS 23

static inline reel_sampler *sampler_of(rig *r, int kind) {
    double weights[ITEMS];
    int64_t some[9];
    for (int k = 0; k < ITEMS; k++) weights[k] = k % 4;
    for (int k = 0; k < 9; k++) some[k] = 2 * k + 1;
    switch (kind) {
    case DRAWN:
        return reel_random_sampler_new(ITEMS, true, 31, 4);
    case WEIGHTED:
        return reel_weighted_sampler_new(weights, ITEMS, 28, true, 4);
    case KEPT:
        return reel_weighted_sampler_new(weights, ITEMS, 12, false, 4);
    case SUBSET:
        return reel_subset_sampler_new(some, 9, 4);
    case OWN:
        return &r->down.base;
    default:
        return NULL;
    }
}

static inline void rig_open(rig *r, int kind, way w) {
    *r = (rig){.set = numbers_of(ITEMS),
               .down = {{&down_class}, ITEMS, 14, REEL_OK},
               .batches = {{&triangle_class}, ITEMS, 0, 0}};
    r->sampler = sampler_of(r, kind);
    reel_loader_options o = {.seed = 4, .sampler = r->sampler};
    if (kind == BATCHES)
        o.batch_sampler = &r->batches.base;
    else
        o.batch_size = 5;
    o.shuffle = kind == SHUFFLE || kind == DROP_LAST;
    o.drop_last = kind == DROP_LAST;
    r->loader = loader_of(&r->set.base, o, w);
}

static inline void rig_close(rig *r) {
    reel_loader_free(r->loader);
    reel_sampler_free(r->sampler);
}

#endif
