/* Samplers: the front, and those that treat all items alike. Weighted ones are in
 * weighted_sampler.c. */
#include "data/data_internal.h"

#include <stdlib.h>

/* ---- the front ---- */

int64_t reel_sampler_length(reel_sampler *s) {
    if (!s || !s->cls || !s->cls->length || !s->cls->order) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "sampler: %s",
                  s ? "its class lacks length or order" : "is NULL");
        return 0;
    }
    int64_t n = s->cls->length(s);
    if (n >= 0) return n;
    reel_fail(REEL_ERR_ARGUMENT, NULL, "sampler: length is %lld", (long long)n);
    return 0;
}

reel_status reel_sampler_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    int64_t n = reel_sampler_length(s);
    REEL_TRY(reel_error_status());
    if (epoch < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "sampler: epoch is %lld", (long long)epoch);
    if (n == 0) return REEL_OK;
    if (!index) return reel_fail(REEL_ERR_ARGUMENT, NULL, "sampler: index is NULL");
    return reel__callback_status(s->cls->order(s, epoch, index), "sampler: order");
}

void reel_sampler_free(reel_sampler *s) {
    if (s && s->cls && s->cls->free) s->cls->free(s);
}

static int64_t freed_length(reel_sampler *s) {
    (void)s;
    reel__say_freed("sampler");
    return 0;
}
static reel_status freed_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    (void)s, (void)epoch, (void)index;
    return reel__say_freed("sampler_order");
}
static void freed_free(reel_sampler *s) {
    (void)s;
    reel__say_freed("sampler_free");
}

const reel_sampler_class reel__freed_sampler = {freed_length, freed_order, freed_free};

/* ---- 0..n-1, in order or at random ---- */

typedef struct {
    reel_sampler base;
    int64_t n, draws;
    uint64_t seed;
} range_sampler;

static int64_t range_length(reel_sampler *s) {
    return ((range_sampler *)s)->draws;
}

static reel_status sequential_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    (void)epoch;
    for (int64_t i = 0; i < range_length(s); i++) index[i] = i;
    return REEL_OK;
}

static reel_status permuted_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const range_sampler *r = (range_sampler *)s;
    reel__stream stream = reel__stream_open(r->seed, REEL__FOR_ORDER, epoch);
    sequential_order(s, epoch, index);
    reel__shuffle(&stream, index, r->n);
    return REEL_OK;
}

static reel_status drawn_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const range_sampler *r = (range_sampler *)s;
    reel__stream stream = reel__stream_open(r->seed, REEL__FOR_ORDER, epoch);
    for (int64_t i = 0; i < r->draws; i++) index[i] = reel__stream_below(&stream, r->n);
    return REEL_OK;
}

static void range_free(reel_sampler *s) {
    reel__head_free(s, &reel__freed_sampler);
}

static const reel_sampler_class sequential_class = {range_length, sequential_order, range_free};
static const reel_sampler_class permuted_class = {range_length, permuted_order, range_free};
static const reel_sampler_class drawn_class = {range_length, drawn_order, range_free};

static reel_sampler *range_new(const reel_sampler_class *cls, int64_t n, int64_t draws,
                               uint64_t seed) {
    range_sampler *s = REEL__HEAD_NEW(range_sampler, "sampler");
    if (!s) return NULL;
    *s = (range_sampler){{cls}, n, draws, seed};
    return &s->base;
}

reel_sampler *reel_sequential_sampler_new(int64_t n) {
    if (n >= 0) return range_new(&sequential_class, n, n, 0);
    reel_fail(REEL_ERR_ARGUMENT, NULL, "sequential_sampler: n is %lld", (long long)n);
    return NULL;
}

static reel_status check_random(int64_t n, bool replacement, int64_t draws) {
    if (n < 0 || draws < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "random_sampler: %s is %lld",
                         n < 0 ? "n" : "draws", (long long)(n < 0 ? n : draws));
    if (draws > 0 && !replacement)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "random_sampler: draws is %lld, which asks for replacement",
                         (long long)draws);
    if (draws > 0 && n == 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "random_sampler: %lld draws from no items",
                         (long long)draws);
    return REEL_OK;
}

reel_sampler *reel_random_sampler_new(int64_t n, bool replacement, int64_t draws, uint64_t seed) {
    if (check_random(n, replacement, draws) != REEL_OK) return NULL;
    return range_new(replacement ? &drawn_class : &permuted_class, n, draws ? draws : n, seed);
}

/* ---- the given items, shuffled ---- */

typedef struct {
    reel_sampler base;
    uint64_t seed;
    int64_t n;
    int64_t *item;
} subset_sampler;

static int64_t subset_length(reel_sampler *s) {
    return ((subset_sampler *)s)->n;
}

static reel_status subset_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const subset_sampler *u = (subset_sampler *)s;
    reel__stream stream = reel__stream_open(u->seed, REEL__FOR_ORDER, epoch);
    for (int64_t i = 0; i < u->n; i++) index[i] = u->item[i];
    reel__shuffle(&stream, index, u->n);
    return REEL_OK;
}

static void subset_free(reel_sampler *s) {
    free(((subset_sampler *)s)->item);
    reel__head_free(s, &reel__freed_sampler);
}

static const reel_sampler_class subset_class = {subset_length, subset_order, subset_free};

static reel_status check_items(const int64_t *index, int64_t n) {
    if (n < 0) return reel_fail(REEL_ERR_ARGUMENT, NULL, "subset_sampler: n is %lld", (long long)n);
    if (n > 0 && !index) return reel_fail(REEL_ERR_ARGUMENT, NULL, "subset_sampler: index is NULL");
    for (int64_t i = 0; i < n; i++)
        if (index[i] < 0)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "subset_sampler: index %lld is %lld",
                             (long long)i, (long long)index[i]);
    return REEL_OK;
}

reel_sampler *reel_subset_sampler_new(const int64_t *index, int64_t n, uint64_t seed) {
    if (check_items(index, n) != REEL_OK) return NULL;
    int64_t *copy = reel__array(n, sizeof *copy, "subset_sampler");
    subset_sampler *s = copy ? REEL__HEAD_NEW(subset_sampler, "subset_sampler") : NULL;
    if (!s) {
        free(copy);
        return NULL;
    }
    *s = (subset_sampler){{&subset_class}, seed, n, copy};
    for (int64_t i = 0; i < n; i++) copy[i] = index[i];
    return &s->base;
}
