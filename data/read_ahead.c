/* Batches for a GPU, uploaded before they are asked for: while its kernels work on one batch, the
 * next ones are read and on their way. The batch asked for comes out of the queue only when those
 * behind it have been started.
 *
 * A failure to read a batch ahead says nothing of the ones before it: it is put aside, no further
 * batch is read, and it comes out when all of those have. Any other failure, as one of the device,
 * is delivered at once, lest a run go on after it. */
#include "data/data_internal.h"

#include "tensor/core/tensor_internal.h"
#include "tensor/ops/record_internal.h"

static reel_status begin(reel_loader *l, int64_t number, const reel_sample *read) {
    const int slot = (int)(number % REEL__AHEAD);
    reel__ahead *a = &l->ahead;
    if (reel__upload_start(&a->x[slot], read->x, l->options.device) != REEL_OK ||
        reel__upload_start(&a->y[slot], read->y, l->options.device) != REEL_OK)
        return reel__name_batch(l, number);
    a->count++;
    return REEL_OK;
}

static void put_failure_aside(reel__ahead *a) {
    a->status = reel_error_status();
    reel__message_apart(a->message, sizeof a->message);
    reel_clear_error();
}

/* Whether the next batch can be read without holding up one that is here already. */
static bool can_read(const reel_loader *l) {
    return l->ahead.count == 0 || l->options.workers == 0 || reel__crew_ready(l->crew);
}

static reel_status read_on(reel_loader *l) {
    REEL__UNRECORDED; /* how far it is, is another matter in each step */
    reel__ahead *a = &l->ahead;
    while (a->status == REEL_OK && a->count < REEL__AHEAD &&
           l->position + a->count < l->plan.batches && can_read(l)) {
        reel_sample read = {NULL, NULL};
        const int64_t number = l->position + a->count;
        if (reel__read_batch(l, number, &read) != REEL_OK) {
            put_failure_aside(a);
            break;
        }
        reel_status status = begin(l, number, &read);
        reel__sample_release(&read);
        REEL_TRY(status);
    }
    return REEL_OK;
}

static reel_status arrive(reel_loader *l, reel_sample *out) {
    const int slot = (int)(l->position % REEL__AHEAD);
    reel__ahead *a = &l->ahead;
    reel_sample there = {reel__upload_finish(&a->x[slot]), reel__upload_finish(&a->y[slot])};
    a->count--;
    {
        REEL_SCOPE;
        reel_sample s = {reel__scaled(l, there.x), there.y};
        reel__sample_retain(&s);
        *out = s;
    }
    reel__sample_release(&there);
    return reel_failed() ? reel__name_batch(l, l->position) : REEL_OK;
}

reel_status reel__ahead_take(reel_loader *l, reel_sample *out) {
    const reel__ahead *a = &l->ahead;
    REEL_TRY(read_on(l));
    return a->count ? arrive(l, out) : reel_fail(a->status, NULL, "%s", a->message);
}

void reel__ahead_cancel(reel__ahead *a) {
    for (int k = 0; k < REEL__AHEAD; k++) {
        reel__upload_cancel(&a->x[k]);
        reel__upload_cancel(&a->y[k]);
    }
    a->count = 0;
    a->status = REEL_OK;
}
