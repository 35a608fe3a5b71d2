/* The next epochs' plans, made by threads while this epoch is read: to shuffle 60,000 items takes
 * half a millisecond or more, in which a GPU would have nothing to do, and which may be longer than
 * its epoch. */
#include "data/data_internal.h"
#include "tensor/core/tensor_internal.h"

#include <pthread.h>
#include <stdlib.h>

/* Items: with fewer a thread is not worth it, with more orders take too much memory. */
enum { WORTH_A_THREAD = 1 << 14, MOST = 1 << 24 };

struct reel__plan_ahead {
    pthread_t thread;
    unsigned process;
    reel_batch_sampler *sampler;
    int64_t epoch, items; /* of so many at least it is the order */
    reel_status status;
    reel__plan plan; /* if status is REEL_OK */
};

static void *work(void *of) {
    reel__plan_ahead *a = of;
    a->status = reel__plan_make(&a->plan, a->sampler, a->epoch, a->items);
    return NULL;
}

/* The dataset is not asked: it is the caller's, and what it may fail with is not this batch's. */
static reel__plan_ahead *start(const reel_loader *l, int64_t epoch) {
    reel__plan_ahead *a = malloc(sizeof *a);
    if (!a) return NULL;
    *a = (reel__plan_ahead){.process = reel__process_number(),
                            .sampler = l->own_batch_sampler,
                            .epoch = epoch,
                            .items = reel_sampler_length(l->own_sampler)};
    if (reel__thread_start(&a->thread, work, a) == 0) return a;
    free(a);
    return NULL;
}

/* Samplers of the caller's are asked by the caller's threads alone. Without memory, or a thread,
 * the plan is made when it is needed. */
void reel__plan_ahead_start(reel_loader *l) {
    const int64_t places = l->plan.start[l->plan.batches];
    if (!l->options.shuffle || places < WORTH_A_THREAD || places > MOST) return;
    for (int64_t e = l->epoch + 1; e < INT64_MAX && e <= l->epoch + REEL__PLANS_AHEAD; e++) {
        reel__plan_ahead **a = &l->plan_ahead[e % REEL__PLANS_AHEAD];
        if (!*a) *a = start(l, e);
    }
}

/* In a forked child there is no such thread, and what it was at is left alone. */
static bool finish(reel__plan_ahead *a, reel__plan *plan) {
    const bool here = a->process == reel__process_number();
    if (here) pthread_join(a->thread, NULL);
    const bool good = here && a->status == REEL_OK;
    if (good) *plan = a->plan;
    free(a);
    return good;
}

bool reel__plan_ahead_take(reel_loader *l, int64_t items, reel__plan *plan) {
    reel__plan_ahead *a = l->plan_ahead[l->epoch % REEL__PLANS_AHEAD];
    if (!a || a->epoch - REEL__PLANS_AHEAD == l->epoch) return false;
    l->plan_ahead[l->epoch % REEL__PLANS_AHEAD] = NULL;
    const bool wanted = a->epoch == l->epoch && a->items <= items;
    reel__plan made;
    if (!finish(a, &made)) return false;
    if (wanted)
        *plan = made;
    else
        reel__plan_free(&made);
    return wanted;
}

void reel__plan_ahead_stop(reel_loader *l) {
    for (int i = 0; i < REEL__PLANS_AHEAD; i++) {
        reel__plan made;
        if (l->plan_ahead[i] && finish(l->plan_ahead[i], &made)) reel__plan_free(&made);
        l->plan_ahead[i] = NULL;
    }
}
