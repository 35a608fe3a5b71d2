/* Datasets: the front that checks what a class is given and what it gives back, and the dataset
 * over tensors. */
#include "data/data_internal.h"
#include "tensor/core/handles_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"

/* ---- the front ---- */

int64_t reel_dataset_length(reel_dataset *d) {
    if (!d || !d->cls || !d->cls->length || !d->cls->get) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "dataset: %s",
                  d ? "its class lacks length or get" : "is NULL");
        return 0;
    }
    int64_t n = d->cls->length(d);
    if (n >= 0) return n;
    reel_fail(REEL_ERR_ARGUMENT, NULL, "dataset: length is %lld", (long long)n);
    return 0;
}

reel_status reel_dataset_get(reel_dataset *d, int64_t i, reel_sample *out) {
    if (!out) return reel_fail(REEL_ERR_ARGUMENT, NULL, "dataset_get: out is NULL");
    *out = (reel_sample){NULL, NULL};
    int64_t n = reel_dataset_length(d);
    REEL_TRY(reel_error_status());
    if (i < 0 || i >= n)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "dataset_get: item %lld of a dataset of %lld",
                         (long long)i, (long long)n);
    REEL_TRY(reel__callback_status(d->cls->get(d, i, out), "dataset: get"));
    if (!out->x) return reel_fail(REEL_ERR_STATE, NULL, "dataset: get gave no x");
    return REEL_OK;
}

static reel_status check_rows(const reel_tensor *t, const char *name, int64_t n) {
    if (reel_ndim(t) >= 1 && reel_dim(t, 0) == n) return REEL_OK;
    return reel_fail(REEL_ERR_SHAPE, NULL, "dataset: gather gave %s of %lld rows for %lld items",
                     name, (long long)reel_dim(t, 0), (long long)n);
}

reel_status reel__dataset_gather(reel_dataset *d, const int64_t *index, int64_t n,
                                 reel_sample *out) {
    *out = (reel_sample){NULL, NULL};
    REEL_TRY(reel__callback_status(d->cls->gather(d, index, n, out), "dataset: gather"));
    REEL_TRY(check_rows(out->x, "an x", n));
    return out->y ? check_rows(out->y, "a y", n) : REEL_OK;
}

reel_status reel__dataset_rows(reel_dataset *d, int64_t *index, int64_t n, reel_sample *all) {
    *all = (reel_sample){NULL, NULL};
    if (!d->cls->rows) return REEL_OK;
    return reel__callback_status(d->cls->rows(d, index, n, all), "dataset: rows");
}

void reel_dataset_free(reel_dataset *d) {
    if (d && d->cls && d->cls->free) d->cls->free(d);
}

static int64_t freed_length(reel_dataset *d) {
    (void)d;
    reel__say_freed("dataset");
    return 0;
}
static reel_status freed_get(reel_dataset *d, int64_t i, reel_sample *out) {
    (void)d, (void)i, (void)out;
    return reel__say_freed("dataset_get");
}
static void freed_free(reel_dataset *d) {
    (void)d;
    reel__say_freed("dataset_free");
}

const reel_dataset_class reel__freed_dataset = {
    .length = freed_length, .get = freed_get, .free = freed_free};

/* ---- tensors ---- */

typedef struct {
    reel_dataset base;
    reel_sample all; /* x[N,...], y[N,...] or NULL */
} tensor_dataset;

static int64_t tensors_length(reel_dataset *d) {
    return reel_dim(((tensor_dataset *)d)->all.x, 0);
}

static reel_status tensors_get(reel_dataset *d, int64_t i, reel_sample *out) {
    const reel_sample *all = &((tensor_dataset *)d)->all;
    out->x = reel_select(all->x, 0, i);
    if (all->y) out->y = reel_select(all->y, 0, i);
    return reel_error_status();
}

static reel_status tensors_gather(reel_dataset *d, const int64_t *index, int64_t n,
                                  reel_sample *out) {
    const reel_sample *all = &((tensor_dataset *)d)->all;
    reel_tensor *rows = reel_to(reel_from(index, reel_shape(n), REEL_I64), reel_device_of(all->x));
    out->x = reel_index_select(all->x, 0, rows);
    if (all->y) out->y = reel_index_select(all->y, 0, rows);
    return reel_error_status();
}

static reel_status tensors_rows(reel_dataset *d, int64_t *index, int64_t n, reel_sample *all) {
    (void)index, (void)n; /* item i is row i */
    *all = ((tensor_dataset *)d)->all;
    return REEL_OK;
}

static void tensors_free(reel_dataset *d) {
    reel__sample_release(&((tensor_dataset *)d)->all);
    reel__head_free(d, &reel__freed_dataset);
}

static const reel_dataset_class tensors_class = {tensors_length, tensors_get, tensors_gather,
                                                 tensors_free, tensors_rows};

static reel_status check_tensors(const reel_tensor *x, const reel_tensor *y) {
    if (!x) return reel_fail(REEL_ERR_ARGUMENT, NULL, "tensor_dataset: x is NULL");
    if (!reel__live(NULL, "tensor_dataset", "x", x)) return reel_error_status();
    if (y && !reel__live(NULL, "tensor_dataset", "y", y)) return reel_error_status();
    if (reel_ndim(x) == 0 || (y && reel_ndim(y) == 0))
        return reel_fail(REEL_ERR_SHAPE, NULL, "tensor_dataset: %s has no axis to take items from",
                         reel_ndim(x) == 0 ? "x" : "y");
    if (y && reel_dim(y, 0) != reel_dim(x, 0))
        return reel_fail(REEL_ERR_SHAPE, NULL, "tensor_dataset: x has %lld items, y has %lld",
                         (long long)reel_dim(x, 0), (long long)reel_dim(y, 0));
    if (!y || reel_device_equal(reel_device_of(x), reel_device_of(y))) return REEL_OK;
    char x_is[192], y_is[192];
    reel__describe(x_is, sizeof x_is, "x", x, false, true);
    reel__describe(y_is, sizeof y_is, "y", y, false, true);
    return reel_fail(REEL_ERR_DEVICE, NULL, "tensor_dataset: devices differ: %s, %s", x_is, y_is);
}

reel_dataset *reel_tensor_dataset_new(reel_tensor *x, reel_tensor *y) {
    if (check_tensors(x, y) != REEL_OK) return NULL;
    tensor_dataset *d = REEL__HEAD_NEW(tensor_dataset, "tensor_dataset");
    if (!d) return NULL;
    d->base.cls = &tensors_class;
    {
        REEL_SCOPE; /* without gaps, so that gather moves whole rows */
        d->all.x = reel_contiguous(x);
        if (y) d->all.y = reel_contiguous(y);
        reel__sample_retain(&d->all);
    }
    if (!reel_failed()) return &d->base;
    tensors_free(&d->base);
    return NULL;
}
