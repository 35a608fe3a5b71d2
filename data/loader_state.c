/* Where a loader stands, in a checkpoint: three tensors of i64.
 *
 *     progress[7]   epoch, position, items of the dataset; whose order, its seed,
 *                   batch size, whether a short last batch is left out
 *     order[n]      the epoch's items, in order
 *     starts[b+1]   batch k has order[starts[k]] .. order[starts[k+1] - 1]
 *
 * The position is the loader's, however far its workers are ahead. The order is kept, not worked
 * out again: it may come from a sampler of the user's. States of before the settings were in them
 * have the first three numbers. */
#include "data/data_internal.h"

#include <stdlib.h>
#include <string.h>

enum { EPOCH, POSITION, ITEMS, ORDER, SEED, BATCH_SIZE, DROP_LAST, PROGRESS };
static const char *const orders[] = {"in order", "shuffled", "by a sampler", "by a batch sampler"};

/* Of a sampler of the caller's all that is known is that there is one. */
static void set_progress(reel_loader *l, int64_t progress[PROGRESS]) {
    const reel_loader_options *o = &l->options;
    progress[EPOCH] = l->epoch;
    progress[POSITION] = l->position;
    progress[ITEMS] = reel_dataset_length(l->dataset);
    progress[ORDER] = o->batch_sampler ? 3 : o->sampler ? 2 : o->shuffle;
    progress[SEED] = o->shuffle ? (int64_t)o->seed : 0;
    progress[BATCH_SIZE] = o->batch_sampler ? 0 : o->batch_size;
    progress[DROP_LAST] = o->drop_last;
}

static reel_status check_arguments(const reel_loader *l, const reel_state *s, const char *who) {
    REEL_TRY(reel__alive_check(l, REEL__LOADER, who, NULL));
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: state is NULL", who);
    return reel_error_status();
}

static reel_status put(reel_state *s, const char *prefix, const char *name, const int64_t *v,
                       int64_t n) {
    REEL_SCOPE;
    return reel_state_put_in(s, prefix, name, reel_from(v, reel_shape(n), REEL_I64));
}

reel_status reel_loader_save(reel_loader *l, reel_state *s, const char *prefix) {
    REEL_TRY(check_arguments(l, s, "loader_save"));
    REEL_TRY(reel__loader_plan(l));
    int64_t progress[PROGRESS];
    set_progress(l, progress);
    REEL_TRY(put(s, prefix, "progress", progress, PROGRESS));
    REEL_TRY(put(s, prefix, "order", l->plan.index, l->plan.start[l->plan.batches]));
    return put(s, prefix, "starts", l->plan.start, l->plan.batches + 1);
}

/* The tensor of that name as an array to be freed; NULL, and a failure, if it is not i64[n]. */
static int64_t *get(const reel_state *s, const char *prefix, const char *name, int64_t *n) {
    reel_tensor *t = reel_state_get_in(s, prefix, name);
    if (!t || reel_dtype_of(t) != REEL_I64 || reel_ndim(t) != 1) {
        reel_fail(REEL_ERR_FORMAT, NULL, "loader_load: %s%s%s %s", prefix ? prefix : "",
                  prefix && *prefix ? "." : "", name,
                  t ? "is not a list of i64" : "is not in the state");
        return NULL;
    }
    *n = reel_numel(t);
    int64_t *v = reel__array(*n, sizeof *v, "loader_load");
    if (v && reel_read(t, v, (size_t)*n * sizeof *v) == REEL_OK) return v;
    free(v);
    return NULL;
}

/* What an old state does not say is as it is now. */
static reel_status get_progress(const reel_state *s, const char *prefix,
                                int64_t progress[PROGRESS]) {
    int64_t n = 0, *v = get(s, prefix, "progress", &n);
    if (!v) return reel_error_status();
    const bool whole = n == PROGRESS || n == ITEMS + 1;
    for (int k = 0; k < n && whole; k++) progress[k] = v[k];
    free(v);
    if (whole && progress[EPOCH] >= 0 && progress[EPOCH] < INT64_MAX) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL,
                     "loader_load: progress is not {epoch, position, items, settings}");
}

static reel_status differ(const char *what, long long saved, long long here) {
    return reel_fail(REEL_ERR_ARGUMENT, NULL,
                     "loader_load: saved with %s %lld, and here it is %lld", what, saved, here);
}

/* With others the epochs to come would follow these, and the one under way the old ones. */
static reel_status check_settings(const int64_t *saved, const int64_t *here) {
    if (saved[ITEMS] != here[ITEMS])
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "loader_load: saved over a dataset of %lld items, and this one has %lld",
                         (long long)saved[ITEMS], (long long)here[ITEMS]);
    if (saved[ORDER] < 0 || saved[ORDER] > 3)
        return reel_fail(REEL_ERR_FORMAT, NULL, "loader_load: no order: %lld",
                         (long long)saved[ORDER]);
    if (saved[ORDER] != here[ORDER])
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "loader_load: saved %s, and here it is %s",
                         orders[saved[ORDER]], orders[here[ORDER]]);
    if (saved[SEED] != here[SEED])
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "loader_load: saved with seed %llu, and here it is %llu",
                         (unsigned long long)saved[SEED], (unsigned long long)here[SEED]);
    if (saved[BATCH_SIZE] != here[BATCH_SIZE])
        return differ("batch_size", saved[BATCH_SIZE], here[BATCH_SIZE]);
    if (saved[DROP_LAST] != here[DROP_LAST])
        return differ("drop_last", saved[DROP_LAST], here[DROP_LAST]);
    return REEL_OK;
}

static reel_status get_plan(const reel_state *s, const char *prefix, int64_t items,
                            reel__plan *plan) {
    int64_t count = 0, starts = 0;
    int64_t *order = get(s, prefix, "order", &count);
    int64_t *start = get(s, prefix, "starts", &starts);
    return reel__plan_adopt(plan, order, count, start, starts, items);
}

reel_status reel_loader_load(reel_loader *l, const reel_state *s, const char *prefix) {
    REEL_TRY(check_arguments(l, s, "loader_load"));
    int64_t here[PROGRESS], saved[PROGRESS];
    set_progress(l, here);
    REEL_TRY(reel_error_status());
    memcpy(saved, here, sizeof saved);
    REEL_TRY(get_progress(s, prefix, saved));
    REEL_TRY(check_settings(saved, here));
    const int64_t epoch = saved[EPOCH], position = saved[POSITION];
    reel__plan plan;
    REEL_TRY(get_plan(s, prefix, here[ITEMS], &plan));
    if (position < 0 || position > plan.batches) {
        reel_fail(REEL_ERR_FORMAT, NULL, "loader_load: position %lld of an epoch of %lld batches",
                  (long long)position, (long long)plan.batches);
        reel__plan_free(&plan);
        return reel_error_status();
    }
    reel__loader_move(l, plan, epoch, position);
    return REEL_OK;
}
