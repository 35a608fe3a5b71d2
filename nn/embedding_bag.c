/* Embeddings in bags: rows of a table, summed or their mean or greatest, a bag at a time. */
#include "nn/embedding_internal.h"
#include "tensor/ops/record_internal.h"

#include <math.h>

typedef struct {
    const char *at;
    reel_tensor *weight, *index, *offsets, *by; /* by: per_sample_weights */
    reel_bag_mode mode;
    bool pads;
    int64_t padding;
} bags;

static reel_status check(bags *b) {
    const int ndim = reel_ndim(b->index);
    REEL_TRY(reel__embedding_check(b->weight, b->index, b->pads, &b->padding));
    if (b->mode < REEL_BAG_MEAN || b->mode > REEL_BAG_MAX)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "no such mode: %d", (int)b->mode);
    if (ndim != (b->offsets ? 1 : 2))
        return reel__fail_composite(REEL_ERR_SHAPE,
                                    b->offsets ? "with offsets the index must be [n]"
                                               : "without offsets the index must be [B, L]");
    if (b->offsets && (reel_dtype_of(b->offsets) != REEL_I64 || reel_ndim(b->offsets) != 1))
        return reel__fail_composite(REEL_ERR_SHAPE, "the offsets must be i64 of one axis");
    if (b->offsets && b->mode == REEL_BAG_MAX)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "the mode max takes no offsets");
    if (!b->by) return REEL_OK;
    if (b->mode != REEL_BAG_SUM)
        return reel__fail_composite(REEL_ERR_ARGUMENT, "per_sample_weights are for the mode sum");
    if (!reel_shape_equal(reel_shape_of(b->by), reel_shape_of(b->index)))
        return reel__fail_composite(REEL_ERR_SHAPE, "per_sample_weights must be of index's shape");
    if (reel_dtype_of(b->by) != reel_dtype_of(b->weight))
        return reel__fail_composite(REEL_ERR_DTYPE, "per_sample_weights must be of weight's dtype");
    return REEL_OK;
}

static reel_tensor *number(const bags *b, double value) {
    return reel_full_at(b->at, REEL_SCALAR, value, reel_dtype_of(b->weight),
                        reel_device_of(b->weight));
}

/* The bag of each row: how many begin there or before it, less one. */
static reel_tensor *bag_of_rows(const bags *b) {
    const int64_t n = reel_numel(b->index);
    reel_tensor *one = reel_full_at(b->at, reel_shape(reel_numel(b->offsets)), 1, REEL_I64,
                                    reel_device_of(b->index));
    reel_tensor *begin = reel_index_add_at(b->at, one, 0, b->offsets, n + 1);
    begin = reel_cumsum_at(b->at, reel_slice_at(b->at, begin, 0, 0, n, 1), 0);
    return reel_sub_at(b->at, begin,
                       reel_full_at(b->at, REEL_SCALAR, 1, REEL_I64, reel_device_of(b->index)));
}

/* x[n,D] or x[B,L,D] added up by bag. */
static reel_tensor *gathered(const bags *b, reel_tensor *x, reel_tensor *bag) {
    return bag ? reel_index_add_at(b->at, x, 0, bag, reel_numel(b->offsets))
               : reel_sum_at(b->at, x, reel_axes(1), false);
}

/* What each row counts, with an axis for its columns; NULL: 1. */
static reel_tensor *counts(const bags *b, reel_tensor *padded) {
    reel_tensor *by = b->by;
    if (padded) {
        if (!by)
            by = reel_full_at(b->at, reel_shape_of(b->index), 1, reel_dtype_of(b->weight),
                              reel_device_of(b->weight));
        by = reel_where_else_at(b->at, reel_logical_not_at(b->at, padded), by, 0);
    }
    return by ? reel_unsqueeze_at(b->at, by, -1) : NULL;
}

/* Gathered, not reduced: the first of equals alone gets the gradient, as in PyTorch. */
static reel_tensor *first_greatest(const bags *b, reel_tensor *x) {
    reel_tensor *where = reel_argmax_at(b->at, x, reel_axes(1), true);
    return reel_squeeze_at(b->at, reel_gather_at(b->at, x, 1, where), 1);
}

static reel_tensor *greatest(const bags *b, reel_tensor *rows, reel_tensor *padded) {
    if (reel_dim(b->index, 1) == 0)
        return reel_full_at(b->at, reel_shape(reel_dim(b->index, 0), reel_dim(b->weight, 1)), 0,
                            reel_dtype_of(b->weight), reel_device_of(b->weight));
    if (!padded) return first_greatest(b, rows);
    padded = reel_unsqueeze_at(b->at, padded, -1);
    reel_tensor *y = reel_where_at(b->at, padded, number(b, -INFINITY), rows);
    reel_tensor *empty = reel_all_at(b->at, padded, reel_axes(1), false);
    return reel_where_at(b->at, empty, number(b, 0), first_greatest(b, y));
}

static reel_tensor *mean(const bags *b, reel_tensor *sum, reel_tensor *by, reel_tensor *bag) {
    if (!bag && !by) {
        const int64_t n = reel_dim(b->index, 1);
        return reel_affine_at(b->at, sum, n ? 1.0 / (double)n : 0, 0);
    }
    if (!by)
        by = reel_full_at(b->at, reel_shape(reel_numel(b->index), 1), 1, reel_dtype_of(b->weight),
                          reel_device_of(b->weight));
    reel_tensor *count = reel_maximum_at(b->at, gathered(b, by, bag), number(b, 1));
    return reel_div_at(b->at, sum, count);
}

static reel_tensor *gather(bags *b) {
    if (check(b) != REEL_OK) return NULL;
    REEL_SCOPE;
    reel_tensor *rows = reel__embedding_rows(b->at, b->weight, b->index), *bag = NULL;
    reel_tensor *padded = b->pads ? reel__embedding_padded(b->at, b->index, b->padding) : NULL;
    if (!rows || (b->pads && !padded)) return NULL;
    if (b->mode == REEL_BAG_MAX) return reel_scope_return(greatest(b, rows, padded));
    if (b->offsets && !(bag = bag_of_rows(b))) return NULL;
    reel_tensor *by = counts(b, padded);
    reel_tensor *y = gathered(b, by ? reel_mul_at(b->at, rows, by) : rows, bag);
    return reel_scope_return(b->mode == REEL_BAG_MEAN ? mean(b, y, by, bag) : y);
}

/* Offsets on the CPU, where that costs no wait: from 0 on, in order, none behind the index. Of a
 * captured step when it is recorded. */
static bool are_in_order(const reel_tensor *offsets, const reel_tensor *index) {
    if (!offsets || reel_device_of(offsets).type != REEL_CPU || reel_ndim(offsets) != 1 ||
        reel_dtype_of(offsets) != REEL_I64)
        return true;
    REEL_SCOPE;
    REEL__UNRECORDED;
    reel_tensor *t = reel_contiguous_at(NULL, reel_detach_at(NULL, (reel_tensor *)offsets));
    const int64_t *at = t ? reel_data(t) : NULL, n = reel_numel(offsets);
    for (int64_t i = 0; at && i < n; i++) {
        if (i == 0 ? at[0] == 0 : at[i] >= at[i - 1] && at[i] <= reel_numel(index)) continue;
        reel__fail_composite(REEL_ERR_ARGUMENT,
                             "offsets begin at 0, in order, and end within the index: %lld at %lld",
                             (long long)at[i], (long long)i);
        return false;
    }
    return t != NULL;
}

reel_tensor *reel_embedding_bag_at(const char *at, reel_tensor *weight, reel_tensor *index,
                                   reel_embedding_bag_options o) {
    static const char *const called[] = {"weight", "index", "offsets", "per_sample_weights"};
    REEL__COMPOSITE(.name = "embedding_bag", .at = at,
                    .in = {weight, index, o.offsets, o.per_sample_weights}, .given = 2,
                    .called = called);
    if (!reel__composite_is_whole(&composite) || !are_in_order(o.offsets, index)) return NULL;
    bags b = {at, weight, index, o.offsets, o.per_sample_weights, o.mode, o.pads, o.padding_idx};
    return gather(&b);
}

static void run(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const reel__embedding_layer *m = (const reel__embedding_layer *)base;
    static const char *const called[] = {"index", "weight", "offsets", "per_sample_weights"};
    REEL__COMPOSITE(.name = base->type, .at = reel__self()->call.site, .first = 1,
                    .in = {in[0], m->weight, in[1], in[2]}, .given = 1, .called = called);
    if (!reel__composite_is_whole(&composite) || !are_in_order(in[1], in[0])) return;
    bags b = {NULL, m->weight, in[0], in[1], in[2], m->mode, m->pads, m->padding_idx};
    out[0] = gather(&b);
}

reel_module *reel_embedding_bag_new(int64_t num, int64_t dim, reel_bag_mode mode,
                                    reel_embedding_layer_options options) {
    if (mode < REEL_BAG_MEAN || mode > REEL_BAG_MAX) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "embedding_bag_new: no such mode: %d", (int)mode);
        return NULL;
    }
    reel__embedding_layer *m = reel__embedding_layer_new("embedding_bag", num, dim, &options);
    if (!m) return NULL;
    m->mode = mode;
    m->base.forward = NULL;
    m->base.run = run;
    m->base.inputs = 3;
    m->base.results = 1;
    return &m->base;
}
