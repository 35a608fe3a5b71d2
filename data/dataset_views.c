/* Datasets that stand on others, which they borrow: subset, concat, map, and the random split into
 * subsets. */
#include "data/data_internal.h"

#include <stdlib.h>

/* ---- subset: the given items, in the given order ---- */

typedef struct {
    reel_dataset base;
    reel_dataset *whole;
    int64_t n;
    int64_t *index;
} subset;

static int64_t subset_length(reel_dataset *d) {
    return ((subset *)d)->n;
}

static reel_status subset_get(reel_dataset *d, int64_t i, reel_sample *out) {
    subset *s = (subset *)d;
    return reel_dataset_get(s->whole, s->index[i], out);
}

static reel_status subset_gather(reel_dataset *d, const int64_t *index, int64_t n,
                                 reel_sample *out) {
    subset *s = (subset *)d;
    int64_t *there = reel__array(n, sizeof *there, "subset");
    if (!there) return reel_error_status();
    for (int64_t k = 0; k < n; k++) there[k] = s->index[index[k]];
    reel_status status = reel__dataset_gather(s->whole, there, n, out);
    free(there);
    return status;
}

/* Those of the whole, if it has any. */
static reel_status subset_rows(reel_dataset *d, int64_t *index, int64_t n, reel_sample *all) {
    subset *s = (subset *)d;
    for (int64_t k = 0; k < n; k++) index[k] = s->index[index[k]];
    return reel__dataset_rows(s->whole, index, n, all);
}

static void subset_free(reel_dataset *d) {
    free(((subset *)d)->index);
    reel__head_free(d, &reel__freed_dataset);
}

static const reel_dataset_class subset_class = {
    .length = subset_length, .get = subset_get, .free = subset_free, .rows = subset_rows};
static const reel_dataset_class subset_gather_class = {subset_length, subset_get, subset_gather,
                                                       subset_free, subset_rows};

static reel_status check_subset(int64_t length, const int64_t *index, int64_t n) {
    REEL_TRY(reel_error_status()); /* of asking for the length */
    if (n < 0) return reel_fail(REEL_ERR_ARGUMENT, NULL, "subset: n is %lld", (long long)n);
    if (n > 0 && !index) return reel_fail(REEL_ERR_ARGUMENT, NULL, "subset: index is NULL");
    for (int64_t k = 0; k < n; k++)
        if (index[k] < 0 || index[k] >= length)
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "subset: index %lld is %lld, outside a dataset of %lld", (long long)k,
                             (long long)index[k], (long long)length);
    return REEL_OK;
}

reel_dataset *reel_subset_dataset_new(reel_dataset *d, const int64_t *index, int64_t n) {
    if (check_subset(reel_dataset_length(d), index, n) != REEL_OK) return NULL;
    int64_t *copy = reel__array(n, sizeof *copy, "subset");
    subset *s = copy ? REEL__HEAD_NEW(subset, "subset") : NULL;
    if (!s) {
        free(copy);
        return NULL;
    }
    s->base.cls = d->cls->gather ? &subset_gather_class : &subset_class;
    s->whole = d;
    s->n = n;
    s->index = copy;
    for (int64_t k = 0; k < n; k++) copy[k] = index[k];
    return &s->base;
}

/* ---- concat: the items of each part in turn ---- */

typedef struct {
    reel_dataset *part;
    int64_t start; /* of its items in the whole */
} piece;

typedef struct {
    reel_dataset base;
    int64_t n;
    int count;
    piece *piece;
} concat;

static int64_t concat_length(reel_dataset *d) {
    return ((concat *)d)->n;
}

/* The last piece that starts at or before i: empty ones, which start where the next does, are
 * passed over. */
static reel_status concat_get(reel_dataset *d, int64_t i, reel_sample *out) {
    concat *c = (concat *)d;
    int first = 0, last = c->count - 1;
    while (first < last) {
        int middle = last - (last - first) / 2;
        if (c->piece[middle].start <= i)
            first = middle;
        else
            last = middle - 1;
    }
    return reel_dataset_get(c->piece[first].part, i - c->piece[first].start, out);
}

static void concat_free(reel_dataset *d) {
    free(((concat *)d)->piece);
    reel__head_free(d, &reel__freed_dataset);
}

static const reel_dataset_class concat_class = {
    .length = concat_length, .get = concat_get, .free = concat_free};

static reel_status fill_concat(concat *c, reel_dataset **parts) {
    for (int k = 0; k < c->count; k++) {
        int64_t n = reel_dataset_length(parts[k]);
        if (reel_failed()) return reel__add_context("concat: part %d", k);
        if (n > INT64_MAX - c->n)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "concat: more than 2^63 - 1 items");
        c->piece[k] = (piece){parts[k], c->n};
        c->n += n;
    }
    return REEL_OK;
}

reel_dataset *reel_concat_dataset_new(reel_dataset **parts, int count) {
    if (!parts || count < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "concat: %s", parts ? "no parts" : "parts is NULL");
        return NULL;
    }
    concat *c = REEL__HEAD_NEW(concat, "concat");
    if (!c) return NULL;
    *c = (concat){.base.cls = &concat_class, .count = count};
    c->piece = reel__array(count, sizeof *c->piece, "concat");
    if (c->piece && fill_concat(c, parts) == REEL_OK) return &c->base;
    concat_free(&c->base);
    return NULL;
}

/* ---- map: a function over each sample ---- */

typedef struct {
    reel_dataset base;
    reel_dataset *from;
    reel_map_fn f;
    void *user;
} map;

static int64_t map_length(reel_dataset *d) {
    return reel_dataset_length(((map *)d)->from);
}

static reel_status map_get(reel_dataset *d, int64_t i, reel_sample *out) {
    map *m = (map *)d;
    REEL_TRY(reel_dataset_get(m->from, i, out));
    return m->f(out, i, m->user);
}

static void map_free(reel_dataset *d) {
    reel__head_free(d, &reel__freed_dataset);
}

static const reel_dataset_class map_class = {
    .length = map_length, .get = map_get, .free = map_free};

reel_dataset *reel_map_dataset_new(reel_dataset *d, reel_map_fn f, void *user) {
    if (!d || !f) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "map: %s is NULL", d ? "the function" : "the dataset");
        return NULL;
    }
    map *m = REEL__HEAD_NEW(map, "map");
    if (!m) return NULL;
    *m = (map){{&map_class}, d, f, user};
    return &m->base;
}

/* ---- random split ---- */

static reel_status check_split(int64_t n, const int64_t *lengths, int count) {
    int64_t left = n;
    for (int k = 0; k < count; k++) {
        if (lengths[k] < 0 || lengths[k] > left)
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "random_split: length %d is %lld; %lld of %lld items are left", k,
                             (long long)lengths[k], (long long)left, (long long)n);
        left -= lengths[k];
    }
    if (left == 0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL,
                     "random_split: the lengths leave %lld of %lld items over", (long long)left,
                     (long long)n);
}

reel_status reel_random_split(reel_dataset *d, const int64_t *lengths, int count, uint64_t seed,
                              reel_dataset **out) {
    if (!lengths || !out || count < 1)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "random_split: lengths or out is NULL, or count below 1");
    for (int k = 0; k < count; k++) out[k] = NULL;
    int64_t n = reel_dataset_length(d);
    REEL_TRY(reel_error_status());
    REEL_TRY(check_split(n, lengths, count));

    int64_t *order = reel__array(n, sizeof *order, "random_split");
    if (!order) return reel_error_status();
    for (int64_t i = 0; i < n; i++) order[i] = i;
    reel__stream r = reel__stream_open(seed, REEL__FOR_SPLIT, 0);
    reel__shuffle(&r, order, n);

    int64_t start = 0;
    for (int k = 0; k < count; start += lengths[k++])
        out[k] = reel_subset_dataset_new(d, order + start, lengths[k]);
    for (int k = 0; k < count && reel_failed(); k++) {
        reel_dataset_free(out[k]);
        out[k] = NULL;
    }
    free(order);
    return reel_error_status();
}
