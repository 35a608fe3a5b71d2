/* Where a loader stands, in a checkpoint: three tensors of i64.
 *
 *     progress[3] = {epoch, position, items of the dataset}
 *     order[n]      the epoch's items, in order
 *     starts[b+1]   batch k has order[starts[k]] .. order[starts[k+1] - 1]
 *
 * The position is the loader's, however far its workers are ahead. The order is kept, not worked
 * out again: it may come from a sampler of the user's. */
#include "data/data_internal.h"

#include <stdlib.h>

static reel_status check_arguments(const reel_loader *l, const reel_state *s, const char *who) {
    if (!l || !s)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s is NULL", who, l ? "state" : "loader");
    return reel_error_status();
}

static reel_status put(reel_state *s, const char *prefix, const char *name, const int64_t *v,
                       int64_t n) {
    reel_status status = REEL_OK;
    REEL_SCOPE;
    status = reel_state_put_in(s, prefix, name, reel_from(v, reel_shape(n), REEL_I64));
    return status;
}

reel_status reel_loader_save(reel_loader *l, reel_state *s, const char *prefix) {
    REEL_TRY(check_arguments(l, s, "loader_save"));
    REEL_TRY(reel__loader_plan(l));
    const int64_t progress[3] = {l->epoch, l->position, reel_dataset_length(l->dataset)};
    REEL_TRY(put(s, prefix, "progress", progress, 3));
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

static reel_status get_progress(const reel_state *s, const char *prefix, int64_t progress[3]) {
    int64_t n = 0, *v = get(s, prefix, "progress", &n);
    if (!v) return reel_error_status();
    for (int k = 0; k < 3 && n == 3; k++) progress[k] = v[k];
    free(v);
    if (n == 3 && progress[0] >= 0 && progress[0] < INT64_MAX) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL,
                     "loader_load: progress is not {epoch, position, items}");
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
    int64_t items = reel_dataset_length(l->dataset), progress[3] = {0};
    REEL_TRY(reel_error_status());
    REEL_TRY(get_progress(s, prefix, progress));
    int64_t epoch = progress[0], position = progress[1];
    if (progress[2] != items)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "loader_load: saved over a dataset of %lld items, and this one has %lld",
                         (long long)progress[2], (long long)items);
    reel__plan plan;
    REEL_TRY(get_plan(s, prefix, items, &plan));
    if (position < 0 || position > plan.batches) {
        reel_fail(REEL_ERR_FORMAT, NULL, "loader_load: position %lld of an epoch of %lld batches",
                  (long long)position, (long long)plan.batches);
        reel__plan_free(&plan);
        return reel_error_status();
    }
    reel__loader_move(l, plan, epoch, position);
    return REEL_OK;
}
