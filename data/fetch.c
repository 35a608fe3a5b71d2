/* Making one batch: gather, or get and collate; then device and scale. Called by any thread. */
#include "data/data_internal.h"
#include "tensor/ops.h"

#include <stdlib.h>

/* In a scope of its own: what get left lying is let go before the next item. */
static reel_status get_item(const reel_loader *l, int64_t i, reel_sample *held) {
    REEL_SCOPE {
        reel_sample s;
        if (reel_dataset_get(l->dataset, i, &s) != REEL_OK)
            return reel__add_context("item %lld", (long long)i);
        reel__sample_retain(&s);
        *held = s;
    }
    return REEL_OK;
}

static reel_status collate(const reel_loader *l, const reel_sample *samples, int64_t n,
                           reel_sample *out) {
    reel_collate_fn f = l->options.collate ? l->options.collate : reel_collate_default;
    REEL_TRY(reel__callback_status(f(samples, n, out, l->options.user), "collate"));
    return out->x ? REEL_OK : reel_fail(REEL_ERR_STATE, NULL, "collate: gave no x");
}

static reel_status get_and_collate(const reel_loader *l, const int64_t *index, int64_t n,
                                   reel_sample *out) {
    reel_sample *samples = reel__array(n, sizeof *samples, "loader");
    if (!samples) return reel_error_status();
    reel_status status = REEL_OK;
    for (int64_t k = 0; k < n && status == REEL_OK; k++)
        status = get_item(l, index[k], &samples[k]);
    if (status == REEL_OK) status = collate(l, samples, n, out);
    for (int64_t k = 0; k < n; k++) reel__sample_release(&samples[k]);
    free(samples);
    return status;
}

static reel_status make(const reel_loader *l, int64_t number, reel_sample *out) {
    const int64_t *index = l->plan.index + l->plan.start[number];
    int64_t n = l->plan.start[number + 1] - l->plan.start[number];
    if (l->dataset->cls->gather && !l->options.collate)
        return reel__dataset_gather(l->dataset, index, n, out);
    return get_and_collate(l, index, n, out);
}

static reel_status name_batch(const reel_loader *l, int64_t number) {
    return reel__add_context("loader: epoch %lld, batch %lld", (long long)l->epoch,
                             (long long)number);
}

reel_status reel__finish(const reel_loader *l, int64_t number, reel_sample *batch) {
    const reel_loader_options *o = &l->options;
    REEL_SCOPE {
        reel_sample done = {reel_to(batch->x, o->device), NULL};
        if (o->scale != 0) done.x = reel_dequantize(done.x, o->scale, REEL_F32);
        if (batch->y) done.y = reel_to(batch->y, o->device);
        if (reel_failed()) return name_batch(l, number);
        reel__sample_retain(&done);
        reel__sample_release(batch);
        *batch = done;
    }
    return REEL_OK;
}

reel_status reel__fetch(const reel_loader *l, int64_t number, reel_sample *out) {
    *out = (reel_sample){NULL, NULL};
    REEL_SCOPE {
        reel_sample made = {NULL, NULL};
        if (make(l, number, &made) != REEL_OK) return name_batch(l, number);
        reel__sample_retain(&made);
        *out = made;
    }
    if (l->options.device.type != REEL_CPU) return REEL_OK;
    reel_status status = reel__finish(l, number, out);
    if (status != REEL_OK) reel__sample_release(out);
    return status;
}
