/* The next epoch's plan, made by a thread while this epoch is read: to shuffle 60,000 items takes
 * half a millisecond, in which a GPU would have nothing to do. */
#include "data/data_internal.h"
#include "tensor/core/tensor_internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { WORTH_A_THREAD = 1 << 14 }; /* items */

struct reel__plan_ahead {
    pthread_t thread;
    unsigned process;
    reel_batch_sampler *sampler;
    int64_t epoch, items;
    reel_status status;
    reel__plan plan; /* if status is REEL_OK */
};

static void *work(void *of) {
    reel__plan_ahead *a = of;
    a->status = reel__plan_make(&a->plan, a->sampler, a->epoch, a->items);
    return NULL;
}

/* Samplers of the caller's are asked by the caller's threads alone. Without memory, or a thread, the
 * plan is made when it is needed. */
void reel__plan_ahead_start(reel_loader *l) {
    if (l->plan_ahead || !l->options.shuffle || l->epoch >= INT64_MAX - 1 ||
        l->plan.start[l->plan.batches] < WORTH_A_THREAD)
        return;
    reel__plan_ahead *a = malloc(sizeof *a);
    if (!a) return;
    *a = (reel__plan_ahead){.process = reel__process_number(),
                            .sampler = l->own_batch_sampler,
                            .epoch = l->epoch + 1,
                            .items = reel_dataset_length(l->dataset)};
    if (reel__thread_start(&a->thread, work, a) == 0)
        l->plan_ahead = a;
    else
        free(a);
}

/* In a forked child there is no such thread, and what it was at is left alone. */
bool reel__plan_ahead_take(reel_loader *l, int64_t items, reel__plan *plan) {
    reel__plan_ahead *a = l->plan_ahead;
    l->plan_ahead = NULL;
    if (!a) return false;
    const bool here = a->process == reel__process_number();
    if (here) pthread_join(a->thread, NULL);
    const bool good = here && a->status == REEL_OK,
               wanted = plan && a->epoch == l->epoch && a->items == items;
    if (good && wanted) *plan = a->plan;
    if (good && !wanted) reel__plan_free(&a->plan);
    free(a);
    return good && wanted;
}
