/* The loader: options, and the walk through the batches of one epoch after the other.
 *
 * A batch depends on (sampler, epoch, position) alone. Workers, if there are any, are started at an
 * epoch's first batch and joined at its end. After a failure they are let go too, with all that was
 * read ahead, and the same batch is tried again once it is cleared. */
#include "data/data_internal.h"
#include "tensor/core/profile_internal.h"
#include "tensor/ops/record_internal.h"

#include <math.h>
#include <stdlib.h>

#define MAX_WORKERS 256

/* ---- options ---- */

static reel_status check_numbers(const reel_loader_options *o) {
    if (o->batch_size < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader: batch_size is %lld",
                         (long long)o->batch_size);
    if (o->workers < 0 || o->workers > MAX_WORKERS)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader: workers is %d, outside 0..%d",
                         o->workers, MAX_WORKERS);
    if (o->prefetch < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader: prefetch is %d", o->prefetch);
    if (!isfinite(o->scale))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader: scale is %g", o->scale);
    return REEL_OK;
}

/* An option that a batch sampler rules out. */
static const char *clash(const reel_loader_options *o) {
    if (o->batch_size) return "batch_size";
    if (o->shuffle) return "shuffle";
    if (o->sampler) return "sampler";
    return o->drop_last ? "drop_last" : NULL;
}

static reel_status check_options(const reel_loader_options *o) {
    REEL_TRY(check_numbers(o));
    if (o->sampler && o->shuffle)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader: both sampler and shuffle are set");
    const reel_batch_sampler *s = o->batch_sampler;
    if (s && clash(o))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader: both batch_sampler and %s are set",
                         clash(o));
    if (s && (!s->cls || !s->cls->length || !s->cls->plan))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "batch_sampler: its class lacks length or plan");
    return reel_device_check(o->device);
}

/* The batch sampler that the options ask for; what is made for it belongs to the loader. */
static reel_status make_samplers(reel_loader *l, int64_t items) {
    const reel_loader_options *o = &l->options;
    l->batch_sampler = o->batch_sampler;
    if (l->batch_sampler) return REEL_OK;
    reel_sampler *sampler = o->sampler;
    if (!sampler)
        sampler = l->own_sampler = o->shuffle ? reel_random_sampler_new(items, false, 0, o->seed)
                                              : reel_sequential_sampler_new(items);
    l->own_batch_sampler = reel_batch_sampler_new(sampler, o->batch_size, o->drop_last);
    l->batch_sampler = l->own_batch_sampler;
    return reel_error_status();
}

static void discard(reel_loader *l) {
    reel__plan_ahead_stop(l);
    reel__loader_move(l, (reel__plan){NULL, NULL, 0}, 0, 0);
    reel_batch_sampler_free(l->own_batch_sampler);
    reel_sampler_free(l->own_sampler);
    free(l);
}

reel_loader *reel_loader_new(reel_dataset *d, reel_loader_options options) {
    int64_t items = reel_dataset_length(d);
    if (reel_failed() || check_options(&options) != REEL_OK) return NULL;
    if (options.batch_size == 0) options.batch_size = 1;
    if (options.prefetch == 0) options.prefetch = 2;
    reel_loader *l = reel__array(1, sizeof *l, "loader");
    if (!l) return NULL;
    l->dataset = d;
    l->options = options;
    if (make_samplers(l, items) == REEL_OK && reel__rows_look(l) == REEL_OK &&
        reel__alive_add(l, REEL__LOADER, "loader") == REEL_OK)
        return l;
    discard(l);
    return NULL;
}

void reel_loader_free(reel_loader *l) {
    if (l && reel__alive_end(l, REEL__LOADER, "loader_free", NULL) == REEL_OK) discard(l);
}

/* ---- batch after batch ---- */

static void stop_reading(reel_loader *l) {
    reel__crew_free(l->crew);
    l->crew = NULL;
    reel__ahead_cancel(&l->ahead);
}

void reel__loader_move(reel_loader *l, reel__plan plan, int64_t epoch, int64_t position) {
    stop_reading(l);
    reel__sample_release(&l->batch);
    reel__rows_close(l);
    reel__plan_free(&l->plan);
    l->plan = plan;
    l->epoch = epoch;
    l->position = position;
}

reel_status reel__loader_plan(reel_loader *l) {
    if (l->plan.index) return REEL_OK;
    int64_t items = reel_dataset_length(l->dataset);
    REEL_TRY(reel_error_status());
    if (reel__plan_ahead_take(l, items, &l->plan)) return REEL_OK;
    return reel__plan_make(&l->plan, l->batch_sampler, l->epoch, items);
}

/* In a forked child what was read ahead is the parent's, and begins anew behind the batch handed
 * over. */
static void leave_parent(reel_loader *l) {
    if (l->crew && reel__crew_is_gone(l->crew)) stop_reading(l);
}

/* Once an epoch, and so no part of a step that is captured. */
static reel_status open_rows(reel_loader *l) {
    REEL__UNRECORDED;
    return reel__rows_open(l);
}

/* The batch at the loader's position. */
static reel_status make_batch(reel_loader *l) {
    REEL_TRY(open_rows(l));
    return l->read_ahead ? reel__ahead_take(l, &l->batch)
                         : reel__read_batch(l, l->position, &l->batch);
}

static bool is_alive(const reel_loader *l, const char *who) {
    return reel__alive_check(l, REEL__LOADER, who, NULL) == REEL_OK;
}

/* The last epoch stays where it ends: a state of the one after it would be none that loads. */
static void end_epoch(reel_loader *l) {
    if (l->epoch < INT64_MAX - 1)
        reel__loader_move(l, (reel__plan){NULL, NULL, 0}, l->epoch + 1, 0);
    else
        reel_fail(REEL_ERR_STATE, NULL, "loader: no epoch after %lld", (long long)l->epoch);
}

static bool next(reel_loader *l, reel_batch *b) {
    REEL__PROFILE_PASS_OF("loader_next", NULL);
    reel__sample_release(&l->batch);
    leave_parent(l);
    if (reel_failed() || reel__loader_plan(l) != REEL_OK) return false;
    if (l->position == l->plan.batches) {
        end_epoch(l);
        return false;
    }
    if (make_batch(l) != REEL_OK) {
        stop_reading(l);
        reel__sample_release(&l->batch);
        return false;
    }
    reel__plan_ahead_start(l); /* behind the workers, who are needed: threads may be scarce */
    const int64_t *start = l->plan.start + l->position;
    *b = (reel_batch){l->batch.x, l->batch.y, l->plan.index + start[0], start[1] - start[0],
                      l->position};
    l->position++;
    return true;
}

static void next_again(void *of, double number) {
    (void)number;
    reel_batch b;
    (reel_loader_next)(of, &b);
}

static bool is_over(void *of) {
    reel_loader *l = of;
    return reel__alive_is(l, REEL__LOADER) && reel__loader_plan(l) == REEL_OK &&
           l->position == l->plan.batches;
}

/* The batch handed over last is the next one again, or the epoch ends once more. */
static void put_back(const reel__section *s) {
    reel_loader *l = s->of;
    if (l->position == 0) {
        reel__loader_move(l, (reel__plan){NULL, NULL, 0}, l->epoch - 1, (int64_t)s->was);
        return;
    }
    stop_reading(l);
    l->position--;
}

bool reel_loader_next(reel_loader *l, reel_batch *b) {
    if (b) *b = (reel_batch){NULL, NULL, NULL, 0, 0};
    if (!is_alive(l, "loader_next")) return false;
    if (!b) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "loader_next: the batch is NULL");
        return false;
    }
    reel__section s = {.again = next_again,
                       .over = is_over,
                       .back = put_back,
                       .of = l,
                       .kind = REEL__LOADER,
                       .was = (double)l->position};
    if (reel__section_begin(&s) != REEL_OK) return false;
    const bool more = next(l, b);
    s.result[0] = b->x;
    s.result[1] = b->y;
    reel__section_end(&s, more);
    return more;
}

int64_t reel_loader_batches(reel_loader *l) {
    if (!l || !is_alive(l, "loader_batches") || reel__loader_plan(l) != REEL_OK) return 0;
    return l->plan.batches;
}

int64_t reel_loader_epoch(const reel_loader *l) {
    return l && is_alive(l, "loader_epoch") ? l->epoch : 0;
}

int64_t reel_loader_position(const reel_loader *l) {
    return l && is_alive(l, "loader_position") ? l->position : 0;
}
