/* Entries repeated one by one, and the places of triangles. */
#include "tensor/ops/call_internal.h"

#include <stdlib.h>

/* ---- repeat_interleave ---- */

/* [..., n, ...] as [..., n, 1, ...], stretched along the new axis, which then joins the old one. */
static reel_tensor *interleave(const char *at, reel_tensor *x, int axis, int64_t times) {
    reel_shape s = reel_shape_of(x), whole = {.ndim = 4, .dim = {1, s.dim[axis], 1, 1}};
    for (int i = 0; i < s.ndim; i++)
        if (i != axis) whole.dim[i < axis ? 0 : 3] *= s.dim[i];
    reel_tensor *rows = reel_reshape_at(at, x, whole);
    whole.dim[2] = times;
    s.dim[axis] *= times;
    return reel_reshape_at(at, reel_expand_at(at, rows, whole), s);
}

reel_tensor *reel_repeat_interleave_at(const char *at, reel_tensor *x, int64_t times, int axis) {
    REEL__COMPOSITE(.name = "repeat_interleave", .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int i = reel__axis(axis, reel_ndim(x));
    int64_t n = i < 0 ? 0 : reel_numel(x), along;
    if (i < 0) {
        reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        return NULL;
    }
    if (times < 0 || __builtin_mul_overflow(n, times, &n) ||
        __builtin_mul_overflow(reel_dim(x, i), times, &along)) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "can't be repeated %lld times", (long long)times);
        return NULL;
    }
    if (times == 1) return x;
    REEL_SCOPE;
    return reel_scope_return(interleave(at, x, i, times));
}

/* Which entry each of the result's is: as many as there are ends of entries up to it. */
static reel_tensor *index_of(const char *at, reel_tensor *repeats, int64_t size) {
    reel_tensor *ends = reel_cumsum_at(at, repeats, 0);
    reel_tensor *ones =
        reel_full_at(at, reel_shape_of(repeats), 1, REEL_I64, reel_device_of(repeats));
    reel_tensor *count = reel_index_add_at(at, ones, 0, ends, size + 1);
    return reel_slice_at(at, reel_cumsum_at(at, count, 0), 0, 0, size, 1);
}

reel_tensor *reel_repeat_each_at(const char *at, reel_tensor *x, reel_tensor *repeats, int axis,
                                 int64_t size) {
    REEL__COMPOSITE(.name = "repeat_each", .at = at, .in = {x, repeats}, .given = 2);
    if (!reel__composite_is_whole(&composite)) return NULL;
    const int i = reel__axis(axis, reel_ndim(x));
    if (i < 0 || reel_ndim(repeats) != 1 || reel_dim(repeats, 0) != reel_dim(x, i)) {
        if (i < 0)
            reel__fail_composite(REEL_ERR_SHAPE, "no axis %d", axis);
        else
            reel__fail_composite(REEL_ERR_SHAPE, "repeats must be [%lld], a number an entry",
                                 (long long)reel_dim(x, i));
        return NULL;
    }
    if (reel_dtype_of(repeats) != REEL_I64) {
        reel__fail_composite(REEL_ERR_DTYPE, "repeats must be i64");
        return NULL;
    }
    if (size > INT64_MAX / 16) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "can't be of size %lld", (long long)size);
        return NULL;
    }
    REEL_SCOPE;
    if (size < 0) {
        reel_tensor *sum = reel_sum_at(at, repeats, REEL_SCALAR, false);
        if (!sum || reel_read(sum, &size, sizeof size) != REEL_OK) return NULL;
    }
    return reel_scope_return(reel_index_select_at(at, x, i, index_of(at, repeats, size)));
}

/* ---- tril_indices, triu_indices ---- */

/* Columns first..end-1 of a row. */
static void columns_of(int64_t row, int64_t columns, int64_t diagonal, bool lower, int64_t *first,
                       int64_t *end) {
    int64_t cut = row + diagonal + lower;
    cut = cut < 0 ? 0 : cut > columns ? columns : cut;
    *first = lower ? 0 : cut;
    *end = lower ? cut : columns;
}

#define MOST_INDICES ((int64_t)1 << 32)

static reel_tensor *indices(const char *name, const char *at, int64_t rows, int64_t columns,
                            int64_t diagonal, reel_device device, bool lower) {
    int64_t n = 0, first, end, most;
    if (rows < 0 || columns < 0 || __builtin_mul_overflow(rows, columns, &most) ||
        most > INT64_MAX / 32) {
        reel_fail(REEL_ERR_ARGUMENT, at, "%s: no matrix: %lld rows, %lld columns", name,
                  (long long)rows, (long long)columns);
        return NULL;
    }
    diagonal = diagonal < -rows ? -rows : diagonal > columns ? columns : diagonal;
    /* rows that have elements: the last ones of a lower triangle, the first ones of an upper */
    const int64_t begin = lower ? (columns == 0   ? rows
                                   : diagonal < 0 ? -diagonal
                                                  : 0)
                                : 0,
                  stop = lower || rows < columns - diagonal ? rows : columns - diagonal;
    for (int64_t i = begin; i < stop && n <= MOST_INDICES; i++) {
        columns_of(i, columns, diagonal, lower, &first, &end);
        n += end - first;
    }
    int64_t *v = n <= MOST_INDICES ? malloc((size_t)(n ? n : 1) * 2 * sizeof *v) : NULL;
    if (!v) {
        reel_fail(REEL_ERR_MEMORY, at, "%s: out of memory", name);
        return NULL;
    }
    for (int64_t i = begin, k = 0; i < stop; i++) {
        columns_of(i, columns, diagonal, lower, &first, &end);
        for (int64_t j = first; j < end; j++, k++) {
            v[k] = i;
            v[n + k] = j;
        }
    }
    REEL_SCOPE;
    reel_tensor *t = reel_to_at(at, reel_from_at(at, v, reel_shape(2, n), REEL_I64), device);
    free(v);
    return reel_scope_return(t);
}

reel_tensor *reel_tril_indices_at(const char *at, int64_t rows, int64_t columns, int64_t diagonal,
                                  reel_device device) {
    return indices("tril_indices", at, rows, columns, diagonal, device, true);
}

reel_tensor *reel_triu_indices_at(const char *at, int64_t rows, int64_t columns, int64_t diagonal,
                                  reel_device device) {
    return indices("triu_indices", at, rows, columns, diagonal, device, false);
}
