/* Copies over all kinds of strides, and what cuts a tensor in pieces and joins them. */
#include "tests/expect.h"

#include "tensor/cpu/cpu_copy_internal.h"
#include "tensor/tensor_internal.h"

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
            for (int way = 0; way < 3; way++) REEL_SCOPE {
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
            for (int way = 0; way < 3; way++) REEL_SCOPE {
                    const int *o = orders[order];
                    reel_tensor *base = reel_full(reel_shape(d[0], d[1], d[2]), 7,
                                                  (reel_dtype)dtype, test_device());
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
    REEL_SCOPE {
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

int main(void) {
    Suite *s = suite_create("moves");
    TCase *t = add_case(s, "copies");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, copies_of_permuted_slices, 0, (int)(sizeof sides / sizeof *sides));
    tcase_add_loop_test(t, copies_into_permuted_slices, 0, (int)(sizeof sides / sizeof *sides));
    tcase_add_test(t, copies_repeat_what_is_broadcast);
    t = add_cpu_case(s, "tiles");
    tcase_add_test(t, transposes_of_every_size);
    return run_suite(s);
}
