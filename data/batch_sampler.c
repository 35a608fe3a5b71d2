/* Batch samplers: the one that cuts a sampler's order into batches of one size. */
#include "data/data_internal.h"

#include <stdatomic.h>

typedef struct {
    reel_batch_sampler base;
    reel_sampler *sampler;
    int64_t batch_size;
    bool drop_last;
    atomic_llong room; /* of a plan: what length said last; plans are made by several threads */
} cutter;

static int64_t cutter_length(reel_batch_sampler *s) {
    cutter *c = (cutter *)s;
    const int64_t room = reel_sampler_length(c->sampler);
    atomic_store(&c->room, room);
    return room;
}

static reel_status cutter_plan(reel_batch_sampler *s, int64_t epoch, int64_t *index, int64_t *sizes,
                               int64_t *batches) {
    const cutter *c = (cutter *)s;
    int64_t left = reel_sampler_length(c->sampler), count = 0;
    REEL_TRY(reel_error_status());
    const long long room = atomic_load(&c->room);
    if (left != room)
        return reel_fail(REEL_ERR_STATE, NULL, "sampler: length is %lld, and was %lld",
                         (long long)left, room);
    REEL_TRY(reel_sampler_order(c->sampler, epoch, index));
    for (; left >= c->batch_size; left -= c->batch_size) sizes[count++] = c->batch_size;
    if (left > 0 && !c->drop_last) sizes[count++] = left;
    *batches = count;
    return REEL_OK;
}

static void cutter_free(reel_batch_sampler *s) {
    reel__head_free(s, &reel__freed_batch_sampler);
}

static const reel_batch_sampler_class cutter_class = {cutter_length, cutter_plan, cutter_free};

reel_batch_sampler *reel_batch_sampler_new(reel_sampler *s, int64_t batch_size, bool drop_last) {
    if (!s || batch_size < 1) {
        if (!s)
            reel_fail(REEL_ERR_ARGUMENT, NULL, "batch_sampler: the sampler is NULL");
        else
            reel_fail(REEL_ERR_ARGUMENT, NULL, "batch_sampler: batch_size is %lld",
                      (long long)batch_size);
        return NULL;
    }
    cutter *c = REEL__HEAD_NEW(cutter, "batch_sampler");
    if (!c) return NULL;
    *c = (cutter){{&cutter_class}, s, batch_size, drop_last, 0};
    return &c->base;
}

void reel_batch_sampler_free(reel_batch_sampler *s) {
    if (s && s->cls && s->cls->free) s->cls->free(s);
}

/* ---- freed ones ---- */

static int64_t freed_length(reel_batch_sampler *s) {
    (void)s;
    reel__say_freed("batch_sampler");
    return 0;
}
static reel_status freed_plan(reel_batch_sampler *s, int64_t epoch, int64_t *index, int64_t *sizes,
                              int64_t *batches) {
    (void)s, (void)epoch, (void)index, (void)sizes, (void)batches;
    return reel__say_freed("batch_sampler");
}
static void freed_free(reel_batch_sampler *s) {
    (void)s;
    reel__say_freed("batch_sampler_free");
}

const reel_batch_sampler_class reel__freed_batch_sampler = {freed_length, freed_plan, freed_free};
