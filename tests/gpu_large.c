/* Tensors of more than 2^31 elements, and more memory than there is. Tagged "big": they need tens
 * of gigabytes. */
#include "tests/gpu_suite.h"

static const int64_t N = ((int64_t)1 << 31) + 12345;
static const int64_t TAIL = 12345; /* those from 2^31 on, which differ from the others */
static const size_t ROOM = (size_t)60 << 30;

static bool has_room(void) {
    reel_cuda_memory m;
    reel_cuda_release_kept(test_device().index);
    reel_cuda_memory_info(test_device().index, &m);
    expect_fine();
    if (m.free >= ROOM) return true;
    printf("skipped: %.0f GB free on the GPU, %.0f needed\n", (double)m.free * 1e-9,
           (double)ROOM * 1e-9);
    return false;
}

/* N elements: value, and `tail` at the end. */
static reel_tensor *made(reel_dtype dtype, double value, double tail) {
    reel_tensor *x = reel_full(reel_shape(N), value, dtype, test_device());
    reel_fill_(reel_slice(x, 0, -TAIL, INT64_MAX, 1), tail);
    return x;
}

static void expect_at(reel_tensor *x, int64_t i, double value) {
    double got = NAN;
    {
        REEL_SCOPE;
        got = reel_item(reel_select(x, 0, i));
    }
    ck_assert_msg(got == value, "element %lld is %g, not %g", (long long)i, got, value);
}

/* Around what an index of 32 bits, with a sign or without, would get wrong. */
static void expect_ends(reel_tensor *x, double value, double tail) {
    expect_fine();
    ck_assert_int_eq(reel_numel(x), N);
    const int64_t at[] = {0, ((int64_t)1 << 30) + 1, N - TAIL - 1};
    for (size_t k = 0; k < sizeof at / sizeof *at; k++) expect_at(x, at[k], value);
    expect_at(x, N - TAIL, tail);
    expect_at(x, N - 1, tail);
}

START_TEST(elementwise_beyond_32_bits) {
    if (!has_room()) return;
    {
        REEL_SCOPE;
        reel_tensor *x = made(REEL_U8, 3, 100);
        reel_tensor *y = reel_add(x, x);
        expect_ends(y, 6, 200);
    }
    REEL_SCOPE;
    reel_tensor *x = made(REEL_F32, 1, 5), *y = reel_affine(x, 2, 0.5);
    expect_ends(y, 2.5, 10.5);
    expect_ends(reel_add(x, y), 3.5, 15.5);
}
END_TEST

START_TEST(sums_beyond_32_bits) {
    if (!has_room()) return;
    const double ones = (double)N;
    {
        REEL_SCOPE;
        ck_assert_double_eq(reel_item(reel_sum(made(REEL_U8, 1, 1))), ones);
        ck_assert_double_eq(reel_item(reel_sum(made(REEL_U8, 1, 201))),
                            ones + 200.0 * (double)TAIL);
    }
    {
        REEL_SCOPE; /* f32 holds multiples of 256 there */
        const double sum = reel_item(reel_sum(made(REEL_F32, 1, 1)));
        ck_assert_msg(fabs(sum - ones) <= 1024, "%.17g, not %.17g", sum, ones);
        const double more = ones + 999.0 * (double)TAIL;
        ck_assert_double_eq_tol(reel_item(reel_sum(made(REEL_F32, 1, 1000))), more, 1e-6 * more);
        ck_assert_double_eq_tol(reel_item(reel_mean(made(REEL_F32, 1, 1000))), more / ones, 1e-6);
    }
    expect_fine();
}
END_TEST

/* Where an element is, counted in 64 bits: along rows, and along columns of two. */
START_TEST(positions_beyond_32_bits) {
    if (!has_room()) return;
    {
        REEL_SCOPE;
        reel_tensor *x = made(REEL_U8, 3, 100);
        ck_assert_double_eq(reel_item(reel_max(x)), 100);
        ck_assert_double_eq(reel_item(reel_argmax(x)), (double)(N - TAIL));
        ck_assert_double_eq(reel_item(reel_argmin(x)), 0);
        reel_fill_(reel_select(x, 0, N - 2), 1);
        ck_assert_double_eq(reel_item(reel_argmin(x)), (double)(N - 2));
        ck_assert_double_eq(reel_item(reel_all(x)), 1);
        reel_fill_(reel_select(x, 0, N - 1), 0);
        ck_assert_double_eq(reel_item(reel_all(x)), 0);
    }
    {
        REEL_SCOPE;
        reel_tensor *x = reel_full(reel_shape(N, 2), 3, REEL_U8, test_device());
        reel_fill_(reel_select(reel_select(x, 0, N - 3), 0, 1), 4);
        reel_tensor *at = reel_argmax_over(x, reel_axes(0), false);
        expect_at(at, 0, 0);
        expect_at(at, 1, (double)(N - 3));
    }
    expect_fine();
}
END_TEST

/* Of x[m,2,2], which are 2^33 elements, along the axis in the middle or the last one: 2^32 sums, 32
 * GiB of them. */
START_TEST(many_sums_beyond_32_bits) {
    if (!has_room()) return;
    const int axis = 1 + _i;
    const int64_t m = ((int64_t)1 << 31) + 3, middle = ((int64_t)1 << 30) + 1;
    const uint8_t marks[] = {10, 20, 30, 40};
    const double sums[2][2] = {{40, 60}, {30, 70}};
    REEL_SCOPE;
    reel_tensor *x = reel_full(reel_shape(m, 2, 2), 1, REEL_U8, test_device());
    reel_tensor *mark = reel_from(marks, reel_shape(2, 2), REEL_U8);
    const int64_t marked[] = {1, middle, m - 1};
    for (int k = 0; k < 3; k++) reel_copy_(reel_select(x, 0, marked[k]), mark);
    reel_tensor *y = reel_sum_over(x, reel_axes(axis), false);
    expect_fine();
    reel_tensor *flat = reel_reshape(y, reel_shape(-1));
    ck_assert_int_eq(reel_numel(flat), 2 * m);
    for (int64_t j = 0; j < 2; j++) {
        for (int k = 0; k < 3; k++) expect_at(flat, 2 * marked[k] + j, sums[_i][j]);
        expect_at(flat, j, 2);
        expect_at(flat, 2 * (middle + 1) + j, 2);
        expect_at(flat, 2 * (m - 2) + j, 2);
    }
}
END_TEST

/* x[m,2] and its transpose, as a copy of strides beyond 32 bits: y[c,r] = x[r,c]. */
START_TEST(strided_copies_beyond_32_bits) {
    if (!has_room()) return;
    REEL_SCOPE;
    const int64_t m = N / 2;
    reel_tensor *x = reel_full(reel_shape(2 * m), 1, REEL_U8, test_device());
    const int64_t marks[] = {2, 2 * m - 1, 2 * m - 2, ((int64_t)1 << 31) + 1};
    for (int k = 0; k < 4; k++) reel_fill_(reel_select(x, 0, marks[k]), 10 + k);
    reel_tensor *y = reel_contiguous(reel_t(reel_reshape(x, reel_shape(m, 2))));
    expect_fine();
    reel_tensor *flat = reel_reshape(y, reel_shape(-1));
    for (int k = 0; k < 4; k++) expect_at(flat, marks[k] % 2 * m + marks[k] / 2, 10 + k);
    ck_assert_double_eq(reel_item(reel_sum(y)), (double)(2 * m) + 9 + 10 + 11 + 12);
    reel_tensor *odd = reel_contiguous(reel_slice(x, 0, 1, INT64_MAX, 2));
    ck_assert_int_eq(reel_numel(odd), m);
    expect_at(odd, m - 1, 11);
    expect_at(odd, (int64_t)1 << 30, 13);
    ck_assert_double_eq(reel_item(reel_sum(odd)), (double)m + 10 + 12);
}
END_TEST

/* ---- out of memory ---- */

static void expect_out_of_memory(int64_t bytes) {
    char device[32], asked[64];
    snprintf(device, sizeof device, "out of memory on cuda:%d", test_device().index);
    snprintf(asked, sizeof asked, "%lld bytes", (long long)bytes);
    ck_assert_msg(strstr(reel_error(), asked), "\"%s\" not in \"%s\"", asked, reel_error());
    expect_failure(REEL_ERR_MEMORY, device);
}

static void expect_ops_work(void) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2, 2), (double[]){1, 2, 3, 4});
    expect_values(reel_matmul(x, x), (double[]){7, 10, 15, 22}, 4);
}

static reel_tensor *block_of(int64_t bytes) {
    REEL_SCOPE;
    return reel_retain(reel_empty(reel_shape(bytes), REEL_U8, test_device()));
}

START_TEST(out_of_memory_is_a_failure_like_any_other) {
    enum { MOST = 64 };
    const int64_t huge = (int64_t)1 << 40, block = (int64_t)1 << 33;
    reel_tensor *held[MOST];
    int count = 0;
    {
        REEL_SCOPE;
        ck_assert_ptr_null(reel_empty(reel_shape(huge), REEL_U8, test_device()));
        expect_out_of_memory(huge);
        expect_ops_work();
    }
    while (count < MOST && (held[count] = block_of(block)) != NULL) count++;
    for (int k = 0; k < count; k++) reel_release(held[k]);
    ck_assert_int_lt(count, MOST);
    expect_out_of_memory(block);
    expect_ops_work();
    reel_cuda_memory m;
    ck_assert_int_eq(reel_cuda_release_kept(test_device().index), REEL_OK);
    ck_assert_int_eq(reel_cuda_memory_info(test_device().index, &m), REEL_OK);
    ck_assert_uint_lt(m.kept, (size_t)block);
}
END_TEST

void add_large_cases(Suite *s) {
    TCase *c = add_case(s, "large");
    tcase_set_tags(c, "big");
    tcase_add_test(c, elementwise_beyond_32_bits);
    tcase_add_test(c, sums_beyond_32_bits);
    tcase_add_test(c, positions_beyond_32_bits);
    tcase_add_loop_test(c, many_sums_beyond_32_bits, 0, 2);
    tcase_add_test(c, strided_copies_beyond_32_bits);
    tcase_add_test(c, out_of_memory_is_a_failure_like_any_other);
}
