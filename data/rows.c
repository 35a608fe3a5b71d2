/* Datasets whose items are rows of tensors. The epoch's order goes to where these lie, once; a
 * batch is then picked there by a slice of it, which on a GPU needs nothing from the host. */
#include "data/data_internal.h"
#include "tensor/ops.h"

reel_status reel__rows_look(reel_loader *l) {
    bool host = true;
    if (!l->options.collate) {
        REEL_SCOPE; /* which wants items one by one */
        reel_sample all;
        REEL_TRY(reel__dataset_rows(l->dataset, NULL, 0, &all));
        l->has_rows = all.x != NULL;
        host = reel_device_of(all.x).type == REEL_CPU;
    }
    if (!host) l->options.workers = 0;
    l->read_ahead = host && l->options.device.type != REEL_CPU;
    return REEL_OK;
}

reel_status reel__rows_open(reel_loader *l) {
    if (!l->has_rows || l->order) return REEL_OK;
    const int64_t n = l->plan.start[l->plan.batches];
    REEL_SCOPE;
    reel_sample all;
    reel_tensor *order = reel_from(l->plan.index, reel_shape(n), REEL_I64);
    if (!order) return reel_error_status();
    REEL_TRY(reel__dataset_rows(l->dataset, reel_data(order), n, &all));
    if (!all.x) return reel_fail(REEL_ERR_STATE, NULL, "dataset: rows gave no x");
    order = reel_to(order, reel_device_of(all.x));
    if (!order) return reel_error_status();
    reel__sample_retain(&all);
    l->rows = all;
    l->order = reel_retain(order);
    return REEL_OK;
}

void reel__rows_close(reel_loader *l) {
    reel__sample_release(&l->rows);
    reel_release(l->order);
    l->order = NULL;
}

reel_status reel__rows_gather(const reel_loader *l, int64_t number, double scale,
                              reel_sample *out) {
    const int64_t *start = l->plan.start + number;
    reel_tensor *x = l->rows.x, *y = l->rows.y;
    reel_tensor *index = reel_slice(l->order, 0, start[0], start[1], 1);
    out->x = scale != 0 ? reel_dequantize_rows(x, index, scale, REEL_F32)
                        : reel_index_select(x, 0, index);
    if (y) out->y = reel_index_select(y, 0, index);
    return reel_error_status();
}
