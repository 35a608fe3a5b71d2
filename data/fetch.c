/* Making one batch: rows of tensors, gather, or get and collate; then device and scale. Called by
 * any thread. */
#include "data/data_internal.h"
#include "tensor/core/profile_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"
#include "tensor/ops/record_internal.h"

#include <stdlib.h>

/* In a scope of its own: what get left lying is let go before the next item. */
static reel_status get_item(const reel_loader *l, int64_t i, reel_sample *held) {
    REEL_SCOPE;
    reel_sample s;
    if (reel_dataset_get(l->dataset, i, &s) != REEL_OK)
        return reel__add_context("item %lld", (long long)i);
    reel__sample_retain(&s);
    if (reel_failed()) return reel__add_context("item %lld", (long long)i);
    *held = s;
    return REEL_OK;
}

static reel_status collate(const reel_loader *l, const reel_sample *samples, int64_t n,
                           reel_sample *out) {
    reel_collate_fn f = l->options.collate ? l->options.collate : reel_collate_default;
    REEL_TRY(reel__callback_status(f(samples, n, out, l->options.user), "collate"));
    return out->x ? REEL_OK : reel_fail(REEL_ERR_STATE, NULL, "collate: gave no x");
}

/* The batch's scope holds it as well: it may be, or be a view of, what its callback has no longer.
 */
static reel_tensor *hold(reel_tensor *t) {
    reel_retain(t);
    return reel__scope_give(t);
}

static reel_status get_and_collate(const reel_loader *l, const int64_t *index, int64_t n,
                                   reel_sample *out) {
    reel_sample *samples = reel__array(n, sizeof *samples, "loader");
    if (!samples) return reel_error_status();
    reel_status status = REEL_OK;
    for (int64_t k = 0; k < n && status == REEL_OK; k++)
        status = get_item(l, index[k], &samples[k]);
    if (status == REEL_OK) status = collate(l, samples, n, out);
    if (status == REEL_OK) *out = (reel_sample){hold(out->x), hold(out->y)};
    for (int64_t k = 0; k < n; k++) reel__sample_release(&samples[k]);
    free(samples);
    return status == REEL_OK ? reel_error_status() : status;
}

/* The items as the dataset has them. */
static reel_status make(const reel_loader *l, int64_t number, reel_sample *out) {
    const int64_t *index = l->plan.index + l->plan.start[number];
    int64_t n = l->plan.start[number + 1] - l->plan.start[number];
    if (l->order) return reel__rows_gather(l, number, 0, out);
    if (l->dataset->cls->gather && !l->options.collate)
        return reel__dataset_gather(l->dataset, index, n, out);
    return get_and_collate(l, index, n, out);
}

reel_tensor *reel__scaled(const reel_loader *l, reel_tensor *x) {
    return l->options.scale != 0 ? reel_dequantize(x, l->options.scale, REEL_F32) : x;
}

/* What a captured step does anew: the program's own functions, and moves. */
static reel_status make_there(const reel_loader *l, int64_t number, reel_sample *out) {
    REEL__UNRECORDED;
    REEL_TRY(make(l, number, out));
    out->x = reel_to(out->x, l->options.device);
    out->y = reel_to(out->y, l->options.device);
    return reel_error_status();
}

/* On the batch's device, and scaled: in one pass over rows that lie there, else after the move,
 * since pixels travel as u8. */
static reel_status make_whole(const reel_loader *l, int64_t number, reel_sample *out) {
    const reel_device device = l->options.device;
    if (l->order && reel_device_equal(reel_device_of(l->order), device))
        return reel__rows_gather(l, number, l->options.scale, out);
    REEL_TRY(make_there(l, number, out));
    out->x = reel__scaled(l, out->x);
    return reel_error_status();
}

reel_status reel__name_batch(const reel_loader *l, int64_t number) {
    return reel__add_context("loader: epoch %lld, batch %lld", (long long)l->epoch,
                             (long long)number);
}

reel_status reel__fetch(const reel_loader *l, int64_t number, reel_sample *out) {
    REEL__PROFILE_BLOCK(REEL__PROFILE_PASS, "batch", NULL, 0);
    *out = (reel_sample){NULL, NULL};
    REEL_SCOPE;
    reel_sample made = {NULL, NULL};
    reel_status status = l->read_ahead ? make(l, number, &made) : make_whole(l, number, &made);
    if (status != REEL_OK) return reel__name_batch(l, number);
    reel__sample_retain(&made);
    *out = made;
    return REEL_OK;
}
