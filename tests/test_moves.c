/* Copies over all kinds of strides, what cuts a tensor in pieces and joins them, sums by index, and
 * orders. */
#include "tests/expect.h"

#include "autograd/autograd.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/cpu/kernels/cpu_copy_internal.h"

#include <stdlib.h>

/* ---- copies ---- */

/* 0, 1, 2, ... as the dtype holds them. */
static reel_tensor *counted(reel_shape shape, reel_dtype dtype) {
    return reel_reshape(reel_arange(reel__shape_numel(shape), dtype, test_device()), shape);
}

static double held(reel_dtype dtype, int64_t i) {
    return dtype == REEL_U8 ? (double)(uint8_t)i : (double)i;
}

/* t is a view of what `counted` made: each of its elements is where strides say it is. */
static void expect_counted(const char *what, const reel_tensor *t, reel_tensor *copy) {
    const reel__layout *l = &t->layout;
    const int64_t n = reel_numel(t);
    int64_t at[REEL_MAX_DIMS] = {0};
    double *got = malloc(((size_t)n + 1) * sizeof *got);
    ck_assert_ptr_nonnull(got);
    ck_assert_msg(copy && reel_is_contiguous(copy), "%s: %s", what, reel_error());
    ck_assert(reel_read(reel_cast(copy, REEL_F64), got, (size_t)n * sizeof *got) == REEL_OK);
    for (int64_t k = 0; k < n; k++) {
        int64_t from = l->offset;
        for (int i = 0; i < l->shape.ndim; i++) from += at[i] * l->stride[i];
        if (got[k] != held(l->dtype, from)) /* Check takes its time over each assertion */
            ck_abort_msg("%s: element %lld is %g, not %g", what, (long long)k, got[k],
                         held(l->dtype, from));
        for (int i = l->shape.ndim - 1; i >= 0 && ++at[i] == l->shape.dim[i]; i--) at[i] = 0;
    }
    free(got);
}

static reel_tensor *sliced(reel_tensor *t, int way) {
    if (way == 1) return reel_slice(t, 2, 1, INT64_MAX, 2);
    if (way == 2) return reel_slice(reel_slice(t, 0, 1, INT64_MAX, 1), 1, 0, INT64_MAX, 3);
    return t;
}

static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
/* Around the sides of squares, blocks and tiles. */
static const int64_t sides[][3] = {{1, 1, 1},    {3, 0, 5},    {2, 3, 4},     {2, 15, 17},
                                   {1, 64, 65},  {3, 31, 130}, {1, 700, 9},   {1, 8, 1500},
                                   {130, 3, 70}, {5, 129, 40}, {1, 256, 1024}};

START_TEST(copies_of_permuted_slices) {
    const int64_t *d = sides[_i];
    for (int order = 0; order < 6; order++)
        for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++)
            for (int way = 0; way < 3; way++) {
                REEL_SCOPE;
                char what[100];
                const int *o = orders[order];
                snprintf(what, sizeof what, "[%d, %d, %d] in order %d, slice %d, %s", (int)d[0],
                         (int)d[1], (int)d[2], order, way, reel_dtype_name((reel_dtype)dtype));
                reel_tensor *x = counted(reel_shape(d[0], d[1], d[2]), (reel_dtype)dtype);
                x = reel_permute(sliced(x, way), reel_axes(o[0], o[1], o[2]));
                reel_set_threads(1 + order % 3);
                expect_counted(what, x, reel_contiguous(x));
            }
}
END_TEST

/* Where the result is the permuted one: into y, and back out again. */
START_TEST(copies_into_permuted_slices) {
    const int64_t *d = sides[_i];
    for (int order = 0; order < 6; order++)
        for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++)
            for (int way = 0; way < 3; way++) {
                REEL_SCOPE;
                const int *o = orders[order];
                reel_tensor *base =
                    reel_full(reel_shape(d[0], d[1], d[2]), 7, (reel_dtype)dtype, test_device());
                reel_tensor *y = reel_permute(sliced(base, way), reel_axes(o[0], o[1], o[2]));
                reel_tensor *x = counted(reel_shape_of(y), (reel_dtype)dtype);
                reel_set_threads(1 + order % 3);
                reel_copy_(y, x);
                expect_counted("copied into", x, reel_contiguous(y));
                reel_fill_(y, 7); /* no element beside them was written */
                double sum = reel_item(reel_sum(reel_cast(base, REEL_F64)));
                ck_assert_double_eq(sum, 7.0 * (double)reel_numel(base));
            }
}
END_TEST

START_TEST(copies_repeat_what_is_broadcast) {
    REEL_SCOPE;
    reel_tensor *row = counted(reel_shape(1, 50), REEL_F32),
                *column = counted(reel_shape(60, 1), REEL_I64);
    reel_tensor *rows = reel_contiguous(reel_expand(row, reel_shape(3, 60, 50)));
    reel_tensor *columns = reel_contiguous(reel_t(reel_expand(column, reel_shape(60, 50))));
    for (int64_t i = 0; i < 3000; i += 7) {
        ck_assert_double_eq(element(rows, 3 * i), (double)(3 * i % 50));
        ck_assert_double_eq(element(columns, i), (double)(i % 60));
    }
    expect_fine();
}
END_TEST

/* No dtype is needed to move elements: all sizes, those included that no test above has. */
START_TEST(transposes_of_every_size) {
    static char x[300 * 200 * 8], y[300 * 200 * 8];
    for (size_t i = 0; i < sizeof x; i++) x[i] = (char)(i * 31 + i / 256);
    for (size_t size = 1; size <= 8; size *= 2)
        for (int64_t rows = 190; rows <= 200; rows += 5)
            for (int64_t columns = 256; columns <= 300; columns += 11) {
                const reel__nest n = {.operands = 2,
                                      .ndim = 2,
                                      .dim = {rows, columns},
                                      .stride = {{columns, 1}, {1, rows}}};
                ck_assert(reel__cpu_transpose(&n, y, x, size));
                for (int64_t i = 0; i < rows; i++)
                    for (int64_t j = 0; j < columns; j++)
                        if (memcmp(y + (size_t)(i * columns + j) * size,
                                   x + (size_t)(j * rows + i) * size, size) != 0)
                            ck_abort_msg("%d bytes: [%d, %d] of [%d, %d]", (int)size, (int)i,
                                         (int)j, (int)rows, (int)columns);
            }
}
END_TEST

/* ---- pieces ---- */

/* t has this shape, and its elements are those of `counted` from `first` on, at strides. */
static void expect_piece(reel_tensor *t, reel_shape shape, int64_t first) {
    ck_assert_msg(t && !reel_failed(), "%s", reel_error());
    ck_assert(reel_shape_equal(reel_shape_of(t), shape));
    ck_assert_int_eq(t->layout.offset, first);
}

START_TEST(pieces_are_views) {
    REEL_SCOPE;
    reel_tensor *p[4], *x = counted(reel_shape(2, 7), REEL_F32);
    ck_assert(reel_split(x, 1, ((const int64_t[]){3, 0, 4}), 3, p) == REEL_OK);
    expect_piece(p[0], reel_shape(2, 3), 0);
    expect_piece(p[1], reel_shape(2, 0), 3);
    expect_piece(p[2], reel_shape(2, 4), 3);
    ck_assert(reel_chunk(x, -1, 3, p) == REEL_OK); /* as torch.chunk */
    expect_piece(p[0], reel_shape(2, 3), 0);
    expect_piece(p[1], reel_shape(2, 3), 3);
    expect_piece(p[2], reel_shape(2, 1), 6);
    ck_assert(reel_chunk(reel_slice(x, 1, 0, 5, 1), 1, 4, p) == REEL_OK); /* 2, 2, 1, none */
    expect_piece(p[2], reel_shape(2, 1), 4);
    expect_piece(p[3], reel_shape(2, 0), 5);
    ck_assert(reel_unbind(x, 0, 2, p) == REEL_OK);
    expect_piece(p[1], reel_shape(7), 7);
    ck_assert(reel_unbind(reel_t(x), 0, 7, (reel_tensor *[7]){NULL}) == REEL_OK);
}
END_TEST

START_TEST(pieces_that_do_not_fit) {
    REEL_SCOPE;
    reel_tensor *p[3] = {NULL}, *x = counted(reel_shape(2, 7), REEL_F32);
    ck_assert(reel_split(x, 1, ((const int64_t[]){3, 3}), 2, p) == REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "split: the sizes do not add up to 7: x[2, 7]");
    reel_split(x, 1, ((const int64_t[]){8, -1}), 2, p);
    expect_failure(REEL_ERR_ARGUMENT, "do not add up to 7");
    reel_split(x, 1, ((const int64_t[]){INT64_MAX, INT64_MAX, 9}), 3, p);
    expect_failure(REEL_ERR_ARGUMENT, "do not add up to 7");
    reel_split(x, 2, ((const int64_t[]){7}), 1, p);
    expect_failure(REEL_ERR_SHAPE, "split: no axis 2: x[2, 7]");
    reel_chunk(x, 0, 0, p);
    expect_failure(REEL_ERR_ARGUMENT, "chunk: 0 chunks: x[2, 7]");
    reel_unbind(x, 0, 3, p);
    expect_failure(REEL_ERR_ARGUMENT, "unbind: 2 entries along axis 0, not 3: x[2, 7]");
    ck_assert_ptr_null(p[0]);
    ck_assert(reel_chunk((reel_tensor *)NULL, 0, 2, p) == REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "input 0 is NULL");
    reel_tensor *bad = reel_add(x, counted(reel_shape(3), REEL_F32));
    ck_assert(reel_unbind(bad, 0, 2, p) == REEL_ERR_SHAPE);
    expect_failure(REEL_ERR_SHAPE, "add: shapes do not broadcast");
}
END_TEST

START_TEST(axes_come_and_go) {
    REEL_SCOPE;
    reel_tensor *x = counted(reel_shape(2, 1, 3), REEL_F64), *y = reel_transpose(x, 0, -1);
    expect_piece(reel_squeeze(x, 1), reel_shape(2, 3), 0);
    expect_piece(reel_squeeze(y, -2), reel_shape(3, 2), 0);
    expect_piece(reel_unsqueeze(x, 0), reel_shape(1, 2, 1, 3), 0);
    expect_piece(reel_unsqueeze(y, -1), reel_shape(3, 1, 2, 1), 0);
    ck_assert(reel_unsqueeze(y, 1)->storage == x->storage);
    expect_piece(reel_flatten(x, 0, -1), reel_shape(6), 0);
    expect_piece(reel_flatten(x, 1, 2), reel_shape(2, 3), 0);
    expect_piece(reel_flatten(reel_select(reel_flatten(x, 0, 2), 0, 4), 0, -1), reel_shape(1), 4);
    expect_values(reel_flatten(y, 0, 2), (const double[]){0, 3, 1, 4, 2, 5}, 6);
    reel_squeeze(x, 0);
    expect_failure(REEL_ERR_SHAPE, "squeeze: axis 0 has 2 entries, not one: x[2, 1, 3]");
    reel_squeeze(x, 3);
    expect_failure(REEL_ERR_SHAPE, "squeeze: no axis 3: x[2, 1, 3]");
    reel_unsqueeze(x, 4);
    expect_failure(REEL_ERR_SHAPE, "unsqueeze: no place for a new axis 4: x[2, 1, 3]");
    reel_flatten(x, 2, 1);
    expect_failure(REEL_ERR_SHAPE, "flatten: axis 2 comes after axis 1: x[2, 1, 3]");
    reel_transpose(x, 0, 3);
    expect_failure(REEL_ERR_SHAPE, "transpose: no axis 3: x[2, 1, 3]");
    reel_tensor *eight = counted(reel_shape(1, 1, 1, 1, 1, 1, 1, 1), REEL_F32);
    reel_unsqueeze(eight, 0);
    expect_failure(REEL_ERR_SHAPE, "unsqueeze: one axis more than 8");
    reel_stack(0, eight, eight);
    expect_failure(REEL_ERR_SHAPE, "stack: one axis more than 8");
}
END_TEST

/* ---- joined ---- */

enum { MANY = 300 };

/* More than one launch, one page of arguments, or one message can list; and one of them twice. */
START_TEST(many_are_joined) {
    REEL_SCOPE;
    reel_tensor *x[MANY];
    for (int i = 0; i < MANY; i++) {
        x[i] = reel_full(reel_shape(3, 1 + i % 2), i, REEL_F32, test_device());
        if (i % 3 == 0) x[i] = reel_t(reel_contiguous(reel_t(x[i])));
    }
    x[7] = x[5];
    reel_track(x[5]);
    reel_tensor *y = reel_concat_list(x, MANY, 1);
    ck_assert_msg(y && reel_dim(y, 1) == MANY * 3 / 2, "%s", reel_error());
    double sum = 0;
    for (int i = 0; i < MANY; i++) sum += (i == 7 ? 5 : i) * (1 + i % 2);
    ck_assert_double_eq(reel_item(reel_sum(reel_select(y, 0, 2))), sum);
    for (int64_t k = 0, i = 0; i < MANY; k += 1 + i % 2, i++)
        ck_assert_double_eq(element(reel_select(y, 0, 1), k), i == 7 ? 5 : (double)i);
    reel_backward(reel_sum(reel_mul(y, y)));
    ck_assert_double_eq(element(reel_grad(x[5]), 0), 20); /* 2 x, twice */
    reel_untrack(x[5]);
    y = reel_stack_list(x + 1, 1, 1);
    expect_piece(y, reel_shape(3, 1, 2), 0);
}
END_TEST

START_TEST(what_is_not_joined) {
    REEL_SCOPE;
    reel_tensor *a = counted(reel_shape(2, 3), REEL_F32), *b = counted(reel_shape(3, 3), REEL_F32),
                *c = counted(reel_shape(2, 3), REEL_F64);
    reel_concat(1, a, b);
    expect_failure(REEL_ERR_SHAPE,
                   "concat: input 1, [3, 3], does not fit the first: a[2, 3], b[3, 3]");
    reel_stack(1, a, b);
    expect_failure(REEL_ERR_SHAPE,
                   "stack: input 1, [3, 3], does not fit the first: a[2, 3], b[3, 3]");
    reel_concat(0, a, c);
    expect_failure(REEL_ERR_DTYPE, "concat: dtypes differ: a[2, 3] f32, c[2, 3] f64");
    reel_concat_list((reel_tensor *const *)NULL, 3, 0);
    expect_failure(REEL_ERR_ARGUMENT, "concat: no tensors are given");
    reel_stack_list(&a, -2, 0);
    expect_failure(REEL_ERR_ARGUMENT, "stack: no tensors are given");
    reel_concat(0, a, (reel_tensor *)NULL);
    expect_failure(REEL_ERR_ARGUMENT, "concat: input 1 is NULL");
    reel_tensor *wide = reel_expand(counted(reel_shape(1, 0), REEL_F32), reel_shape(INT64_MAX, 0));
    reel_concat(0, wide, wide);
    expect_failure(REEL_ERR_SHAPE, "concat: the result is no shape of a tensor");
}
END_TEST

START_TEST(repeats) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(counted(reel_shape(2, 3), REEL_F64));
    reel_tensor *y = reel_repeat(x, reel_shape(2, 1, 2));
    ck_assert(y && reel_shape_equal(reel_shape_of(y), reel_shape(2, 2, 6)));
    for (int64_t i = 0; i < 24; i++)
        ck_assert_double_eq(element(y, i), (double)(i / 6 % 2 * 3 + i % 3));
    reel_backward(reel_sum(reel_square(y)));
    for (int64_t i = 0; i < 6; i++)
        ck_assert_double_eq(element(reel_grad(x), i), 4 * 2 * (double)i);
    ck_assert_int_eq(reel_numel(reel_repeat(x, reel_shape(0, 2))), 0);
    ck_assert_ptr_eq(reel_repeat(x, reel_shape(1, 1)), x);
    reel_repeat(x, reel_shape(2));
    expect_failure(REEL_ERR_SHAPE, "repeat: can't be repeated [2] times: x[2, 3]");
    reel_repeat(x, reel_shape(2, -1));
    expect_failure(REEL_ERR_SHAPE, "can't be repeated [2, -1] times");
    reel_repeat(x, reel_shape(INT64_MAX, 2));
    expect_failure(REEL_ERR_SHAPE, "can't be repeated");
}
END_TEST

/* ---- sums by index ---- */

static const int64_t adds[][4] = {/* outer, entries, inner, places */
                                  {1, 5000, 1, 7},  {1, 900, 5, 7},   {1, 700, 64, 7},
                                  {3, 400, 31, 7},  {70, 300, 1, 7},  {1, 300, 700, 7},
                                  {2, 60, 200, 7},  {1, 3000, 8, 7},  {1, 300, 700, 1},
                                  {1, 900, 70, 40}, {2, 700, 31, 50}, {40, 30, 9, 20}};

/* In the order of the entries, whatever the number of threads: f32 has another sum in another. */
START_TEST(threads_do_not_change_sums_by_index) {
    const int64_t outer = adds[_i][0], entries = adds[_i][1], inner = adds[_i][2],
                  places = adds[_i][3], n = outer * entries * inner, sums = outer * places * inner;
    float *x = malloc((size_t)n * sizeof *x), *want = malloc((size_t)sums * sizeof *want),
          *got = malloc((size_t)sums * sizeof *got);
    int64_t *index = malloc((size_t)n * sizeof *index);
    ck_assert(x && want && got && index);
    for (int scattered = 0; scattered < 2; scattered++) {
        memset(want, 0, (size_t)sums * sizeof *want);
        for (int64_t i = 0; i < n; i++) {
            const int64_t o = i / inner / entries, k = i / inner % entries, j = i % inner;
            index[scattered ? i : k] = (scattered ? i * 5 + i / 11 : k * 5 + k / 11) % places;
            x[i] = 1 / (float)(1 + i % 1013);
            want[(o * places + index[scattered ? i : k]) * inner + j] += x[i];
        }
        for (int threads = 1; threads <= 3; threads++) {
            REEL_SCOPE;
            ck_assert(reel_set_threads(threads) == REEL_OK);
            reel_tensor *t = to_device(reel_from(x, reel_shape(outer, entries, inner), REEL_F32));
            reel_tensor *i = to_device(reel_from(
                index, scattered ? reel_shape(outer, entries, inner) : reel_shape(entries),
                REEL_I64));
            t = scattered ? reel_scatter_add(t, 1, i, places) : reel_index_add(t, 1, i, places);
            ck_assert_msg(reel_read(t, got, (size_t)sums * sizeof *got) == REEL_OK, "%s",
                          reel_error());
            ck_assert_msg(memcmp(got, want, (size_t)sums * sizeof *got) == 0, "%d, %d threads",
                          scattered, threads);
        }
    }
    free(x), free(want), free(got), free(index);
}
END_TEST

/* Wherever among many it is, and in whichever thread's part. */
START_TEST(a_bad_index_among_many_is_named) {
    const int64_t n = 200000, wrong[] = {0, 1023, 1024, 150001, 199999};
    for (int k = 0; k < 5; k++) {
        REEL_SCOPE;
        char text[80];
        reel_tensor *index = reel_full(reel_shape(n), 3, REEL_I64, test_device());
        reel_tensor *x = reel_zeros(reel_shape(4), REEL_F32, test_device());
        reel_fill_(reel_slice(index, 0, wrong[k], wrong[k] + 1, 1), k % 2 ? 4 : -7);
        snprintf(text, sizeof text, "index %d at position %lld is not in 0..3", k % 2 ? 4 : -7,
                 (long long)wrong[k]);
        reel_set_threads(3);
        reel_tensor *many = reel_zeros(reel_shape(n), REEL_F32, test_device());
        for (int op = 0; op < 5; op++) {
            reel_tensor *y = op == 0   ? reel_gather(x, 0, index)
                             : op == 1 ? reel_index_select(x, 0, index)
                             : op == 2 ? reel_scatter_add(many, 0, index, 4)
                             : op == 3 ? reel_index_add(many, 0, index, 4)
                                       : reel_one_hot(index, 4, REEL_U8);
            reel_synchronize(test_device());
            ck_assert(y == NULL || test_device().type != REEL_CPU);
            expect_failure(REEL_ERR_ARGUMENT, text);
        }
    }
}
END_TEST

START_TEST(one_hot_takes_i64) {
    REEL_SCOPE;
    reel_tensor *x = counted(reel_shape(3), REEL_F32);
    reel_one_hot(x, 3, REEL_F32);
    expect_failure(REEL_ERR_DTYPE, "one_hot: the index must be i64: x[3] f32");
    reel_tensor *eye = reel_one_hot(counted(reel_shape(3), REEL_I64), 3, REEL_U8);
    expect_values(eye, (const double[]){1, 0, 0, 0, 1, 0, 0, 0, 1}, 9);
    ck_assert(reel_dtype_of(eye) == REEL_U8);
}
END_TEST

/* ---- products of views ---- */

enum { WAYS = 13 };

/* [2, 3, m, k] of small whole numbers, as a view of one kind or another; the last ways are
 * broadcast by the product. */
static reel_tensor *batch_view(int way, int64_t m, int64_t k) {
    const reel_shape base[WAYS] = {
        reel_shape(2, 3, m, k), reel_shape(2, 3, m + 2, k), reel_shape(2, 6, m, k),
        reel_shape(4, 3, m, k), reel_shape(2, 3, k, m),     reel_shape(2, m, 3, k),
        reel_shape(1, 3, m, k), reel_shape(2, 1, m, k),     reel_shape(m, k),
        reel_shape(k, 2, 3, m), reel_shape(2, 3, m, k + 2), reel_shape(2, 1, m, k),
        reel_shape(m, k)};
    const reel_shape shape = reel_shape(2, 3, m, k);
    reel_tensor *t = reel_cast(counted(base[way], REEL_U8), REEL_F64);
    t = reel_sub(t,
                 reel_scale(reel_cast(reel_cast(reel_scale(t, 1.0 / 7), REEL_I64), REEL_F64), 7));
    switch (way) {
    case 1:
        return reel_slice(t, 2, 1, m + 1, 1);
    case 2:
        return reel_slice(t, 1, 0, 6, 2);
    case 3:
        return reel_slice(t, 0, 1, 4, 2);
    case 4:
        return reel_t(t);
    case 5:
        return reel_permute(t, reel_axes(0, 2, 1, 3));
    case 6:
    case 7:
    case 8:
        return reel_expand(t, shape);
    case 9:
        return reel_permute(t, reel_axes(1, 2, 3, 0));
    case 10:
        return reel_slice(t, 3, 1, k + 1, 1);
    default:
        return t;
    }
}

/* Whatever BLAS is told of strides, the numbers are those of dense matrices. */
START_TEST(products_of_views) {
    static const int64_t sizes[][3] = {{4, 5, 3}, {1, 5, 3}, {4, 5, 1}, {4, 1, 3}, {1, 1, 1}};
    const int64_t m = sizes[_i][0], k = sizes[_i][1], n = sizes[_i][2];
    for (int way = 0; way < WAYS * WAYS; way++) {
        REEL_SCOPE;
        double got[2 * 3 * 12], want[2 * 3 * 12];
        reel_tensor *x = batch_view(way / WAYS, m, k), *y = batch_view(way % WAYS, k, n);
        reel_set_threads(1 + way % 3);
        reel_tensor *z = reel_matmul(x, y);
        ck_assert_msg(z != NULL, "ways %d, %d: %s", way / WAYS, way % WAYS, reel_error());
        reel_shape full = {reel_ndim(z), {0}};
        for (int i = 0; i < full.ndim; i++) full.dim[i] = reel_dim(z, i);
        const size_t bytes = (size_t)reel_numel(z) * sizeof *got;
        ck_assert(bytes <= sizeof got && reel_read(z, got, bytes) == REEL_OK);
        /* z[i, j] = sum over k of x[i, k] y[k, j], elementwise */
        reel_tensor *terms = reel_mul(reel_unsqueeze(x, -1), reel_unsqueeze(y, -3));
        z = reel_sum_over(terms, reel_axes(-2), false);
        ck_assert(reel_shape_equal(reel_shape_of(z), full));
        ck_assert(reel_read(z, want, bytes) == REEL_OK);
        ck_assert_msg(memcmp(got, want, bytes) == 0, "ways %d, %d", way / WAYS, way % WAYS);
    }
}
END_TEST

/* ---- orders ---- */

START_TEST(sort_keeps_equals_in_order_and_nan_last) {
    REEL_SCOPE;
    const float x[] = {2, NAN, 2, -0.0f, 0, 5, -INFINITY, -NAN, INFINITY, -1};
    const int64_t up[] = {6, 9, 3, 4, 0, 2, 5, 8, 1, 7}, down[] = {1, 7, 8, 5, 0, 2, 3, 4, 9, 6};
    int64_t index[10];
    float values[10];
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++)
        for (int descending = 0; descending < 2; descending++) {
            reel_tensor *found, *y,
                *t =
                    to_device(reel_cast(reel_from(x, reel_shape(10), REEL_F32), (reel_dtype)dtype));
            y = reel_cast(reel_sort(t, 0, descending, &found), REEL_F32);
            ck_assert(reel_read(found, index, sizeof index) == REEL_OK);
            ck_assert(reel_read(y, values, sizeof values) == REEL_OK);
            ck_assert(memcmp(index, descending ? down : up, sizeof up) == 0);
            for (int i = 0; i < 10; i++) /* the zeros keep their signs */
                ck_assert(isnan(x[index[i]]) ? isnan(values[i])
                                             : memcmp(&values[i], &x[index[i]], 4) == 0);
        }
}
END_TEST

/* Kernels make zeros of denormals where they compute; here they don't. */
START_TEST(sort_tells_denormals_from_zero) {
    REEL_SCOPE;
    const float x[] = {1e-40f, 0, -1e-41f, 2e-45f};
    const double d[] = {1e-310, 0, -1e-311, 5e-324};
    const int64_t order[] = {2, 1, 3, 0};
    reel_tensor *t[] = {reel_from(x, reel_shape(4), REEL_F32),
                        reel_from(d, reel_shape(4), REEL_F64)};
    for (int i = 0; i < 2; i++) {
        int64_t index[4];
        ck_assert(reel_read(reel_argsort(to_device(t[i]), 0, false), index, sizeof index) ==
                  REEL_OK);
        ck_assert(memcmp(index, order, sizeof order) == 0);
    }
}
END_TEST

/* All but one alike in each digit: to the front it goes. */
START_TEST(sort_finds_the_odd_one) {
    REEL_SCOPE;
    reel_tensor *t = reel_zeros(reel_shape(5000), REEL_I64, test_device()), *found;
    for (int byte = 0; byte < 8; byte++) {
        const int64_t place = 4999 - byte, value = -((int64_t)1 << 8 * byte);
        reel_fill_(t, 0);
        reel_write(reel_slice(t, 0, place, place + 1, 1), &value, sizeof value);
        reel_tensor *y = reel_sort(t, 0, false, &found);
        ck_assert(element(found, 0) == (double)place && element(found, 1) == 0);
        ck_assert(element(y, 0) == (double)value && element(y, 1) == 0);
    }
}
END_TEST

static const int64_t rows_of[][2] = {{1, 7},    {5, 24},    {3, 25},    {9, 130},  {3, 257},
                                     {2, 3000}, {1, 65537}, {3, 66000}, {400, 11}, {70, 300}};

/* Few values, in all of their bits, and many of each. */
static double some_value(reel_dtype dtype, int64_t i) {
    const double v = (double)((i * 7919 + i / 13) % 101 - 50);
    return dtype == REEL_U8 ? v + 50 : dtype == REEL_I64 ? v * 0x1.02030405p55 : v / 3;
}

static void expect_sorted(reel_tensor *t, bool descending, int64_t n, const double *x, double *v,
                          int64_t *index) {
    const size_t count = (size_t)reel_numel(t);
    reel_tensor *found, *y = reel_sort(t, -1, descending, &found);
    ck_assert_msg(reel_read(reel_cast(y, REEL_F64), v, count * sizeof *v) == REEL_OK, "%s",
                  reel_error());
    ck_assert(reel_read(found, index, count * sizeof *index) == REEL_OK);
    for (int64_t i = 0; i < (int64_t)count; i++) {
        const int64_t first = i / n * n;
        if (index[i] < 0 || index[i] >= n || v[i] != x[first + index[i]])
            ck_abort_msg("element %lld is %g, from %lld", (long long)i, v[i], (long long)index[i]);
        if (i == first) continue;
        const bool ordered = descending ? v[i - 1] > v[i] : v[i - 1] < v[i];
        if (!ordered && !(v[i - 1] == v[i] && index[i - 1] < index[i]))
            ck_abort_msg("element %lld: %g from %lld, then %g from %lld", (long long)i, v[i - 1],
                         (long long)index[i - 1], v[i], (long long)index[i]);
    }
}

/* Rows of every length, by any number of threads: a stable order is the only one there is. */
START_TEST(sort_is_stable) {
    const int64_t rows = rows_of[_i][0], n = rows_of[_i][1];
    double *x = malloc((size_t)(rows * n) * sizeof *x), *v = malloc((size_t)(rows * n) * sizeof *v);
    int64_t *index = malloc((size_t)(rows * n) * sizeof *index);
    ck_assert(x && v && index);
    for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++)
        for (int threads = 1; threads <= 3; threads++) {
            REEL_SCOPE;
            for (int64_t i = 0; i < rows * n; i++) x[i] = some_value((reel_dtype)dtype, i);
            reel_tensor *t = reel_cast(f64(reel_shape(rows, n), x), (reel_dtype)dtype);
            ck_assert(reel_read(reel_cast(t, REEL_F64), x, (size_t)(rows * n) * sizeof *x) ==
                      REEL_OK);
            ck_assert(reel_set_threads(threads) == REEL_OK);
            expect_sorted(t, threads == 2, n, x, v, index);
        }
    free(x), free(v), free(index);
}
END_TEST

int main(void) {
    Suite *s = suite_create("moves");
    TCase *t = add_case(s, "copies");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, copies_of_permuted_slices, 0, (int)(sizeof sides / sizeof *sides));
    tcase_add_loop_test(t, copies_into_permuted_slices, 0, (int)(sizeof sides / sizeof *sides));
    tcase_add_test(t, copies_repeat_what_is_broadcast);
    t = add_cpu_case(s, "tiles");
    tcase_add_test(t, transposes_of_every_size);
    t = add_case(s, "pieces");
    tcase_add_test(t, pieces_are_views);
    tcase_add_test(t, pieces_that_do_not_fit);
    tcase_add_test(t, axes_come_and_go);
    t = add_case(s, "joined");
    tcase_add_test(t, many_are_joined);
    tcase_add_test(t, what_is_not_joined);
    tcase_add_test(t, repeats);
    t = add_case(s, "indices");
    tcase_add_loop_test(t, threads_do_not_change_sums_by_index, 0,
                        (int)(sizeof adds / sizeof *adds));
    tcase_add_test(t, a_bad_index_among_many_is_named);
    tcase_add_test(t, one_hot_takes_i64);
    t = add_case(s, "products");
    tcase_add_loop_test(t, products_of_views, 0, 5);
    t = add_case(s, "orders");
    tcase_add_test(t, sort_keeps_equals_in_order_and_nan_last);
    tcase_add_test(t, sort_tells_denormals_from_zero);
    tcase_add_test(t, sort_finds_the_odd_one);
    tcase_add_loop_test(t, sort_is_stable, 0, (int)(sizeof rows_of / sizeof *rows_of));
    return run_suite(s);
}
