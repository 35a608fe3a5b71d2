/* Moves by index, and what orders elements. */
#include "tensor/ops/call_internal.h"

static reel_tensor *indexed(reel__op op, const char *at, reel_tensor *x, int axis,
                            reel_tensor *index, int64_t size) {
    return reel__run_call(
        (reel__call){.op = op,
                     .at = at,
                     .nin = 2,
                     .in = {x, index},
                     .with.index = {.axis = reel__axis(axis, reel_ndim(x)), .size = size}});
}

reel_tensor *reel_index_select_at(const char *at, reel_tensor *x, int axis, reel_tensor *index) {
    return indexed(REEL_OP_index_select, at, x, axis, index, 0);
}

reel_tensor *reel_dequantize_rows_at(const char *at, reel_tensor *x, reel_tensor *index,
                                     double scale, reel_dtype dtype) {
    return reel__run_call((reel__call){
        .op = REEL_OP_dequantize_rows,
        .at = at,
        .nin = 2,
        .in = {x, index},
        .with.index = {.axis = reel__axis(0, reel_ndim(x)), .scale = scale, .dtype = dtype}});
}

reel_tensor *reel_index_add_at(const char *at, reel_tensor *x, int axis, reel_tensor *index,
                               int64_t size) {
    return indexed(REEL_OP_index_add, at, x, axis, index, size);
}

reel_tensor *reel_gather_at(const char *at, reel_tensor *x, int axis, reel_tensor *index) {
    return indexed(REEL_OP_gather, at, x, axis, index, 0);
}

reel_tensor *reel_scatter_add_at(const char *at, reel_tensor *x, int axis, reel_tensor *index,
                                 int64_t size) {
    return indexed(REEL_OP_scatter_add, at, x, axis, index, size);
}

/* ---- two results ---- */

reel_tensor *reel_topk_at(const char *at, reel_tensor *x, int64_t k, int axis, bool largest,
                          reel_tensor **indices) {
    const int i = reel__axis(axis, reel_ndim(x));
    return reel__run_two((reel__call){.op = REEL_OP_topk,
                                      .at = at,
                                      .nin = 1,
                                      .in = {x},
                                      .with.topk = {.axis = i, .k = k, .largest = largest}},
                         indices);
}

reel_tensor *reel_sort_at(const char *at, reel_tensor *x, int axis, bool descending,
                          reel_tensor **indices) {
    const int i = reel__axis(axis, reel_ndim(x));
    return reel__run_two(
        (reel__call){.op = REEL_OP_sort,
                     .at = at,
                     .nin = 1,
                     .in = {x},
                     .with.topk = {.axis = i, .k = reel_dim(x, axis), .largest = descending}},
        indices);
}

reel_tensor *reel_argsort_at(const char *at, reel_tensor *x, int axis, bool descending) {
    reel_tensor *indices;
    REEL__COMPOSITE(.name = "argsort", .at = at, .in = {x}, .given = 1);
    reel_sort_at(at, x, axis, descending, &indices);
    return indices;
}

/* ---- one_hot ---- */

reel_tensor *reel_one_hot_at(const char *at, reel_tensor *index, int64_t classes,
                             reel_dtype dtype) {
    return reel__run_call((reel__call){.op = REEL_OP_one_hot,
                                       .at = at,
                                       .nin = 1,
                                       .in = {index},
                                       .with.one_hot = {.classes = classes, .dtype = dtype}});
}
