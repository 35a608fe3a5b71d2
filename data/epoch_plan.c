/* An epoch's plan: which items each batch has. All of it is known before the first batch is made,
 * so that workers need no sampler, and a checkpoint can hold it. */
#include "data/data_internal.h"

#include <stdlib.h>

void reel__plan_free(reel__plan *plan) {
    free(plan->index);
    free(plan->start);
    *plan = (reel__plan){NULL, NULL, 0};
}

static reel_status check_items(const reel__plan *plan, int64_t items) {
    int64_t count = plan->start[plan->batches];
    for (int64_t k = 0; k < count; k++)
        if (plan->index[k] < 0 || plan->index[k] >= items)
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "loader: place %lld of the epoch is item %lld of a dataset of %lld",
                             (long long)k, (long long)plan->index[k], (long long)items);
    return REEL_OK;
}

/* Asks the sampler for the indices, and for the sizes where the starts after the first will be. */
static reel_status ask(reel__plan *plan, reel_batch_sampler *s, int64_t epoch, int64_t room) {
    plan->index = reel__array(room, sizeof *plan->index, "loader");
    if (!plan->index) return reel_error_status();
    plan->start = reel__array(room + 1, sizeof *plan->start, "loader");
    if (!plan->start) return reel_error_status();
    reel_status status = s->cls->plan(s, epoch, plan->index, plan->start + 1, &plan->batches);
    REEL_TRY(reel__callback_status(status, "batch_sampler: plan"));
    if (plan->batches >= 0 && plan->batches <= room) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "batch_sampler: %lld batches of %lld items",
                     (long long)plan->batches, (long long)room);
}

static reel_status sizes_to_starts(reel__plan *plan, int64_t room) {
    for (int64_t k = 0; k < plan->batches; k++) {
        int64_t size = plan->start[k + 1];
        if (size < 1 || size > room - plan->start[k])
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "batch_sampler: batch %lld has %lld items; %lld are left",
                             (long long)k, (long long)size, (long long)(room - plan->start[k]));
        plan->start[k + 1] += plan->start[k];
    }
    return REEL_OK;
}

static reel_status make(reel__plan *plan, reel_batch_sampler *s, int64_t epoch, int64_t items) {
    int64_t room = s->cls->length(s);
    REEL_TRY(reel_error_status());
    if (room < 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "batch_sampler: length is %lld", (long long)room);
    REEL_TRY(ask(plan, s, epoch, room));
    REEL_TRY(sizes_to_starts(plan, room));
    return check_items(plan, items);
}

reel_status reel__plan_make(reel__plan *plan, reel_batch_sampler *s, int64_t epoch, int64_t items) {
    *plan = (reel__plan){NULL, NULL, 0};
    reel_status status = make(plan, s, epoch, items);
    if (status != REEL_OK) reel__plan_free(plan);
    return status;
}

static reel_status check_starts(const reel__plan *plan, int64_t count) {
    bool good = plan->batches >= 0 && plan->start[0] == 0 && plan->start[plan->batches] == count;
    for (int64_t k = 0; good && k < plan->batches; k++) good = plan->start[k] < plan->start[k + 1];
    if (good) return REEL_OK;
    return reel_fail(REEL_ERR_FORMAT, NULL, "loader: the batches don't cut %lld items into parts",
                     (long long)count);
}

reel_status reel__plan_adopt(reel__plan *plan, int64_t *index, int64_t count, int64_t *start,
                             int64_t starts, int64_t items) {
    *plan = (reel__plan){index, start, starts - 1};
    reel_status status = index && start ? check_starts(plan, count) : reel_error_status();
    if (status == REEL_OK) status = check_items(plan, items);
    if (status != REEL_OK) reel__plan_free(plan);
    return status;
}
