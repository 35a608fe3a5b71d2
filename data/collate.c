/* Collate: n samples into one, by stacking. */
#include "data/data_internal.h"

#include "tensor/core/tensor_internal.h"
#include "tensor/ops.h"

static reel_tensor *part_of(const reel_sample *s, bool label) {
    return label ? s->y : s->x;
}

static reel_status fail_unlike(reel_status code, const char *what, const char *name,
                               const reel_tensor *t, int64_t k, const reel_tensor *first) {
    char is[192], was[192];
    reel__describe(is, sizeof is, name, t, true, true);
    reel__describe(was, sizeof was, name, first, true, true);
    return reel_fail(code, NULL, "collate: %s differ: sample %lld has %s, sample 0 has %s", what,
                     (long long)k, is, was);
}

static reel_status check_alike(const reel_tensor *t, int64_t k, const reel_tensor *first,
                               const char *name) {
    if (!reel_shape_equal(reel_shape_of(t), reel_shape_of(first)))
        return fail_unlike(REEL_ERR_SHAPE, "shapes", name, t, k, first);
    if (reel_dtype_of(t) != reel_dtype_of(first))
        return fail_unlike(REEL_ERR_DTYPE, "dtypes", name, t, k, first);
    if (!reel_device_equal(reel_device_of(t), reel_device_of(first)))
        return fail_unlike(REEL_ERR_DEVICE, "devices", name, t, k, first);
    return REEL_OK;
}

/* Row k of all[n,...] = t[...]; on the host without the cost of an op, which is most of a small
 * item's. */
static void put_row(reel_tensor *all, int64_t k, reel_tensor *t) {
    size_t bytes = (size_t)reel_numel(t) * reel_dtype_size(reel_dtype_of(t));
    char *rows = reel_data(all);
    if (rows) {
        reel_read(t, rows + (size_t)k * bytes, bytes);
    } else {
        REEL_SCOPE;
        reel_copy_(reel_select(all, 0, k), t);
    }
}

/* t[...] of n samples -> [n,...] */
static reel_tensor *stack(const reel_sample *samples, int64_t n, bool label) {
    const char *name = label ? "y" : "x";
    reel_tensor *first = part_of(&samples[0], label);
    reel_shape shape = {.ndim = reel_ndim(first) + 1, .dim = {n}};
    if (shape.ndim > REEL_MAX_DIMS) {
        reel_fail(REEL_ERR_SHAPE, NULL, "collate: %s has %d axes, and a batch may have %d", name,
                  reel_ndim(first), REEL_MAX_DIMS);
        return NULL;
    }
    for (int axis = 1; axis < shape.ndim; axis++) shape.dim[axis] = reel_dim(first, axis - 1);
    reel_tensor *all = reel_empty(shape, reel_dtype_of(first), reel_device_of(first));
    for (int64_t k = 0; all && k < n; k++) {
        reel_tensor *t = part_of(&samples[k], label);
        if (check_alike(t, k, first, name) != REEL_OK) return NULL;
        put_row(all, k, t);
    }
    return all;
}

reel_status reel_collate_default(const reel_sample *samples, int64_t n, reel_sample *out,
                                 void *user) {
    (void)user;
    if (!samples || !out || n < 1)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "collate: %s",
                         n < 1 ? "no samples" : "samples or out is NULL");
    *out = (reel_sample){NULL, NULL};
    for (int64_t k = 0; k < n; k++) {
        if (!samples[k].x)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "collate: sample %lld has no x",
                             (long long)k);
        if (!samples[k].y != !samples[0].y)
            return reel_fail(REEL_ERR_ARGUMENT, NULL,
                             "collate: sample %lld has %s label, sample 0 has %s", (long long)k,
                             samples[k].y ? "a" : "no", samples[0].y ? "one" : "none");
    }
    out->x = stack(samples, n, false);
    if (samples[0].y) out->y = stack(samples, n, true);
    return reel_error_status();
}
