/* Tensors: creation, devices, views, changes in place, data to and from the host. */
#include "tests/call_site.h"

#include "tensor/core/tensor_internal.h"
#include "tensor/cpu/cpu_internal.h"

#include <limits.h>

#define CPU reel_cpu()
#define DEVICE test_device()

/* AddressSanitizer: too much asked for is NULL, as it is without it. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void expect_shape(const reel_tensor *t, reel_shape shape) {
    expect_fine();
    ck_assert_ptr_nonnull(t);
    ck_assert_msg(reel_shape_equal(reel_shape_of(t), shape), "%d axes, first %lld, last %lld",
                  reel_ndim(t), (long long)reel_dim(t, 0), (long long)reel_dim(t, -1));
}

static bool shares(const reel_tensor *a, const reel_tensor *b) {
    return a->storage == b->storage;
}

/* ---- creation -------------------------------------------------------------------------------- */

static const reel_dtype dtypes[] = {REEL_F32, REEL_F64, REEL_I64, REEL_U8};

START_TEST(creates_every_dtype) {
    const reel_dtype d = dtypes[_i];
    REEL_SCOPE;
    expect_values(reel_zeros(reel_shape(2, 2), d, DEVICE), (double[]){0, 0, 0, 0}, 4);
    expect_values(reel_ones(reel_shape(3), d, DEVICE), (double[]){1, 1, 1}, 3);
    expect_values(reel_full(reel_shape(1, 2), 7, d, DEVICE), (double[]){7, 7}, 2);
    expect_values(reel_scalar(5, d, DEVICE), (double[]){5}, 1);
    expect_values(reel_arange(4, d, DEVICE), (double[]){0, 1, 2, 3}, 4);
    reel_tensor *t = reel_empty(reel_shape(2, 0, 3), d, DEVICE);
    expect_shape(t, reel_shape(2, 0, 3));
    ck_assert_int_eq(reel_numel(t), 0);
    ck_assert_int_eq(reel_dtype_of(t), d);
    ck_assert(reel_device_equal(reel_device_of(t), DEVICE));
    ck_assert_uint_eq((uintptr_t)reel__data(reel_empty(reel_shape(3), d, DEVICE)) % 64, 0);
}
END_TEST

START_TEST(names_and_sizes_of_dtypes) {
    const char *const names[] = {"f32", "f64", "i64", "u8"};
    const size_t sizes[] = {4, 8, 8, 1};
    ck_assert_str_eq(reel_dtype_name(dtypes[_i]), names[_i]);
    ck_assert_uint_eq(reel_dtype_size(dtypes[_i]), sizes[_i]);
    ck_assert_str_eq(reel_dtype_name((reel_dtype)9), "?");
    ck_assert_uint_eq(reel_dtype_size((reel_dtype)9), 0);
}
END_TEST

START_TEST(fills_as_casts_do) {
    REEL_SCOPE;
    expect_values(reel_full(reel_shape(1), 255.7, REEL_U8, DEVICE), (double[]){255}, 1);
    expect_values(reel_full(reel_shape(1), -2.9, REEL_I64, DEVICE), (double[]){-2}, 1);
    int64_t big;
    reel_read(reel_full(REEL_SCALAR, -0x1p63, REEL_I64, DEVICE), &big, sizeof big);
    ck_assert_int_eq(big, INT64_MIN);
    ck_assert_double_eq(reel_item(reel_full(REEL_SCALAR, 65519, REEL_F16, DEVICE)), 65504);
    ck_assert(isinf(reel_item(reel_full(REEL_SCALAR, -INFINITY, REEL_F16, DEVICE))));
    ck_assert_ptr_null(reel_full(REEL_SCALAR, 65520, REEL_F16, DEVICE));
    expect_failure(REEL_ERR_ARGUMENT, "f16");
    ck_assert_ptr_null(reel_full(REEL_SCALAR, 3.4e38, REEL_BF16, DEVICE));
    expect_failure(REEL_ERR_ARGUMENT, "bf16");
}
END_TEST

START_TEST(strides_are_row_major) {
    REEL_SCOPE;
    reel_tensor *t = reel_zeros(reel_shape(2, 3, 4), REEL_F32, DEVICE);
    ck_assert_int_eq(reel_ndim(t), 3);
    ck_assert_int_eq(reel_stride(t, 0), 12);
    ck_assert_int_eq(reel_stride(t, 1), 4);
    ck_assert_int_eq(reel_stride(t, -1), 1);
    ck_assert_int_eq(reel_dim(t, -3), 2);
    ck_assert_int_eq(reel_dim(t, 3), 0);
    ck_assert_int_eq(reel_dim(t, -4), 0);
    ck_assert_int_eq(reel_stride(t, 3), 0);
    ck_assert_int_eq(reel_dim(t, INT_MIN), 0);
    ck_assert(reel_is_contiguous(t));
}
END_TEST

START_TEST(null_is_nothing) {
    ck_assert_int_eq(reel_ndim(NULL), 0);
    ck_assert_int_eq(reel_dim(NULL, 0), 0);
    ck_assert_int_eq(reel_stride(NULL, 0), 0);
    ck_assert_int_eq(reel_numel(NULL), 0);
    ck_assert_int_eq(reel_shape_of(NULL).ndim, 0);
    ck_assert_int_eq(reel_dtype_of(NULL), 0);
    ck_assert_int_eq(reel_device_of(NULL).type, REEL_CPU);
    ck_assert(!reel_is_contiguous(NULL));
    ck_assert_str_eq(reel_name(NULL), "");
    ck_assert_ptr_null(reel_data(NULL));
    ck_assert_ptr_null(reel_retain(NULL));
    ck_assert_ptr_null(reel_scope_return(NULL));
    ck_assert_ptr_null(reel_to(NULL, CPU));
    reel_release(NULL);
}
END_TEST

START_TEST(refuses_what_is_no_tensor) {
    const int64_t huge = (int64_t)1 << 40;
    reel_shape nine = {9, {1, 1, 1, 1, 1, 1, 1, 1}};
    FAILS(reel_zeros(reel_shape(2, -1), REEL_F32, DEVICE), REEL_ERR_SHAPE,
          "zeros: [2, -1] is no shape of a tensor");
    FAILS(reel_arange(-3, REEL_F32, DEVICE), REEL_ERR_SHAPE,
          "arange: [-3] is no shape of a tensor");
    FAILS(reel_empty(reel_shape(huge, huge), REEL_U8, DEVICE), REEL_ERR_SHAPE,
          "empty: [1099511627776, 1099511627776] is no shape of a tensor");
    FAILS(reel_empty(reel_shape(0, huge, huge), REEL_U8, DEVICE), REEL_ERR_SHAPE,
          "empty: [0, 1099511627776, 1099511627776] is no shape of a tensor");
    FAILS(reel_empty(reel_shape((int64_t)1 << 60), REEL_F64, DEVICE), REEL_ERR_SHAPE,
          "empty: [1152921504606846976] is no shape of a tensor");
    FAILS(reel_empty(nine, REEL_F32, DEVICE), REEL_ERR_SHAPE,
          "empty: [1, 1, 1, 1, 1, 1, 1, 1] is no shape of a tensor");
    FAILS(reel_empty(reel_shape(2), (reel_dtype)9, DEVICE), REEL_ERR_DTYPE, "empty: no dtype 9");
    FAILS(reel_full(reel_shape(2), 1, (reel_dtype)6, DEVICE), REEL_ERR_DTYPE, "full: no dtype 6");
    REEL_SCOPE;
    FAILS(reel_from(NULL, reel_shape(2), REEL_F32), REEL_ERR_ARGUMENT, "from: data is NULL");
    FAILS(reel_cast(reel_ones(reel_shape(2), REEL_F32, DEVICE), (reel_dtype)7), REEL_ERR_DTYPE,
          "cast: no dtype 7");
    expect_shape(reel_from(NULL, reel_shape(0, 2), REEL_F32), reel_shape(0, 2));
}
END_TEST

START_TEST(bytes_are_counted) {
    const size_t before = reel__cpu_bytes();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_zeros(reel_shape(25, 40), REEL_F32, CPU);
        reel_t(x); /* a view has none of its own */
        ck_assert_uint_eq(reel__cpu_bytes(), before + 4000);
        reel__cpu_most_bytes(true);
        {
            REEL_SCOPE;
            reel_zeros(reel_shape(2000), REEL_F64, CPU);
        }
        ck_assert_uint_eq(reel__cpu_bytes(), before + 4000);
    }
    ck_assert_uint_eq(reel__cpu_bytes(), before);
    const size_t most = reel__cpu_most_bytes(true);
    ck_assert(most >= before + 20000 && most < before + 21000);
    ck_assert_uint_eq(reel__cpu_most_bytes(false), before);
}
END_TEST

START_TEST(out_of_memory_is_a_failure) {
    REEL_SCOPE;
    FAILS(reel_empty(reel_shape((int64_t)1 << 60), REEL_F32, CPU), REEL_ERR_MEMORY,
          "empty: out of memory on cpu: 4611686018427387904 bytes asked for");
    reel_tensor *row = reel_ones(reel_shape(1, (int64_t)1 << 20), REEL_U8, CPU);
    reel_tensor *much = reel_expand(row, reel_shape((int64_t)1 << 40, (int64_t)1 << 20));
    FAILS(reel_contiguous(much), REEL_ERR_MEMORY,
          "contiguous: out of memory on cpu: 1152921504606846976 bytes asked for");
    expect_values(reel_ones(reel_shape(2), REEL_F32, CPU), (double[]){1, 1}, 2);
}
END_TEST

START_TEST(names) {
    REEL_SCOPE;
    reel_tensor *t = reel_zeros(reel_shape(2), REEL_F32, DEVICE);
    char text[] = "encoder.W";
    ck_assert_str_eq(reel_name(t), "");
    ck_assert_int_eq(reel_set_name(t, text), REEL_OK);
    text[0] = '?';
    ck_assert_str_eq(reel_name(t), "encoder.W");
    ck_assert_int_eq(reel_set_name(t, NULL), REEL_OK);
    ck_assert_str_eq(reel_name(t), "");
    ck_assert_int_eq(reel_set_name(NULL, "x"), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "set_name");
}
END_TEST

/* ---- devices --------------------------------------------------------------------------------- */

START_TEST(parses_devices) {
    reel_device d = reel_cuda(7);
    ck_assert_int_eq(reel_device_parse("cpu", &d), REEL_OK);
    ck_assert(d.type == REEL_CPU && d.index == 0);
    ck_assert_int_eq(reel_device_parse("cuda", &d), REEL_OK);
    ck_assert(d.type == REEL_CUDA && d.index == 0);
    ck_assert_int_eq(reel_device_parse("cuda:12", &d), REEL_OK);
    ck_assert(d.type == REEL_CUDA && d.index == 12);
    const char *const bad[] = {
        "",        "CPU",     "cpu:0", "cud",   "cuda:", "cuda:-1", "cuda: 1",
        "cuda:1x", "cuda:+1", "cudax", "cuda1", "gpu",   "cpu ",    "cuda:999999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char quoted[64];
        snprintf(quoted, sizeof quoted, "\"%s\"", bad[i]);
        ck_assert_int_eq(reel_device_parse(bad[i], &d), REEL_ERR_ARGUMENT);
        expect_failure(REEL_ERR_ARGUMENT, quoted);
        ck_assert_int_eq(d.index, 12);
    }
    ck_assert_int_eq(reel_device_parse(NULL, &d), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "\"\"");
}
END_TEST

START_TEST(checks_devices) {
    ck_assert_int_eq(reel_device_check(CPU), REEL_OK);
    ck_assert_int_eq(reel_device_check((reel_device){REEL_CPU, 1}), REEL_ERR_DEVICE);
    expect_failure(REEL_ERR_DEVICE, "type 0, index 1");
    ck_assert_int_eq(reel_device_check((reel_device){(reel_device_type)5, 0}), REEL_ERR_DEVICE);
    expect_failure(REEL_ERR_DEVICE, "type 5");
    ck_assert_int_eq(reel_device_check(reel_cuda(-1)), REEL_ERR_DEVICE);
    expect_failure(REEL_ERR_DEVICE, "index -1");
    ck_assert_int_eq(reel_device_check(reel_cuda(4096)), REEL_ERR_DEVICE);
    expect_failure(REEL_ERR_DEVICE, "cuda:4096");
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, CPU);
    ck_assert_ptr_eq(reel_to(x, CPU), x);
    ck_assert_ptr_null(reel_to(x, reel_cuda(4096)));
    expect_failure(REEL_ERR_DEVICE, "cuda:4096");
    ck_assert_ptr_null(reel_ones(reel_shape(2), REEL_F32, reel_cuda(4096)));
    expect_failure(REEL_ERR_DEVICE, "cuda:4096");
}
END_TEST

/* What is on no device of this machine: an operand that claims to be. */
START_TEST(devices_do_not_mix) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, CPU);
    reel_tensor *y = reel_ones(reel_shape(2), REEL_F32, CPU);
    y->storage->device = reel_cuda(1);
    FAILS(reel_add(x, y), REEL_ERR_DEVICE,
          "add: operands on different devices: x[2] on cpu, y[2] on cuda:1");
    FAILS(reel_in_place(add, x, y), REEL_ERR_DEVICE,
          "add_: operands on different devices: x[2] on cpu, y[2] on cuda:1");
    y->storage->device = CPU;
}
END_TEST

/* ---- views ----------------------------------------------------------------------------------- */

START_TEST(reshape_works_out_an_axis) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3, 4));
    expect_shape(reel_reshape(x, reel_shape(6, -1)), reel_shape(6, 4));
    expect_shape(reel_reshape(x, reel_shape(-1)), reel_shape(24));
    expect_shape(reel_reshape(x, reel_shape(2, -1, 2, 2)), reel_shape(2, 3, 2, 2));
    expect_shape(reel_reshape(reel_scalar(1, REEL_F32, DEVICE), reel_shape(-1)), reel_shape(1));
    expect_shape(reel_reshape(reel_ones(reel_shape(1, 1), REEL_F32, DEVICE), REEL_SCALAR),
                 REEL_SCALAR);
    reel_tensor *none = reel_zeros(reel_shape(0, 3), REEL_F32, DEVICE);
    expect_shape(reel_reshape(none, reel_shape(-1, 3)), reel_shape(0, 3));
    expect_shape(reel_reshape(none, reel_shape(5, 0, 7)), reel_shape(5, 0, 7));
}
END_TEST

START_TEST(reshape_refuses) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3));
    reel_tensor *none = reel_zeros(reel_shape(0, 3), REEL_F32, DEVICE);
    const int64_t huge = (int64_t)1 << 62;
    FAILS(reel_reshape(x, reel_shape(4)), REEL_ERR_SHAPE,
          "reshape: its elements do not fit into [4]: x[2, 3]");
    FAILS(reel_reshape(x, reel_shape(-1, -1)), REEL_ERR_SHAPE,
          "reshape: its elements do not fit into [-1, -1]: x[2, 3]");
    FAILS(reel_reshape(x, reel_shape(-1, 4)), REEL_ERR_SHAPE,
          "reshape: its elements do not fit into [-1, 4]: x[2, 3]");
    FAILS(reel_reshape(x, reel_shape(-2, 3)), REEL_ERR_SHAPE,
          "reshape: its elements do not fit into [-2, 3]: x[2, 3]");
    FAILS(reel_reshape(none, reel_shape(-1, 0)), REEL_ERR_SHAPE,
          "reshape: its elements do not fit into [-1, 0]: none[0, 3]");
    FAILS(reel_reshape(x, REEL_SCALAR), REEL_ERR_SHAPE,
          "reshape: its elements do not fit into []: x[2, 3]");
    ck_assert_ptr_null(reel_reshape(x, reel_shape(huge, huge)));
    expect_failure(REEL_ERR_SHAPE, "do not fit into [46116");
    ck_assert_ptr_null(reel_reshape(x, ((reel_shape){100, {6}})));
    expect_failure(REEL_ERR_SHAPE, "do not fit into [6");
}
END_TEST

/* A view wherever strides allow it; the elements are right in any case. */
START_TEST(reshape_views_or_copies) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(4, 6));
    reel_tensor *columns = reel_slice(x, 1, 0, 4, 1); /* [4, 4], strides 6, 1 */
    ck_assert(shares(reel_reshape(x, reel_shape(3, 8)), x));
    ck_assert(shares(reel_reshape(reel_t(x), reel_shape(6, 2, 2)), x));
    ck_assert(shares(reel_reshape(columns, reel_shape(2, 2, 4)), x));
    ck_assert(shares(reel_reshape(columns, reel_shape(4, 2, 2)), x));
    ck_assert(shares(reel_reshape(columns, reel_shape(4, 1, 4, 1)), x));
    ck_assert(shares(reel_reshape(reel_slice(x, 0, 0, 4, 2), reel_shape(2, 2, 3)), x));
    reel_tensor *copy = reel_reshape(columns, reel_shape(16));
    ck_assert(!shares(copy, x));
    expect_values(copy, (double[]){0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21}, 16);
    ck_assert(!shares(reel_reshape(reel_t(x), reel_shape(24)), x));
    expect_values(reel_reshape(columns, reel_shape(2, 2, 2, 2)),
                  (double[]){0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15, 18, 19, 20, 21}, 16);
    reel_tensor *wide = reel_expand(reel_slice(x, 1, 0, 1, 1), reel_shape(4, 6));
    expect_values(reel_reshape(wide, reel_shape(4, 2, 3)),
                  (double[]){0,  0,  0,  0,  0,  0,  6,  6,  6,  6,  6,  6,
                             12, 12, 12, 12, 12, 12, 18, 18, 18, 18, 18, 18},
                  24);
}
END_TEST

START_TEST(permutes_and_transposes) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3, 4));
    reel_tensor *p = reel_permute(x, reel_axes(2, 0, -2));
    expect_shape(p, reel_shape(4, 2, 3));
    ck_assert_int_eq(reel_stride(p, 0), 1);
    ck_assert_int_eq(reel_stride(p, 1), 12);
    ck_assert_int_eq(reel_stride(p, 2), 4);
    ck_assert(shares(p, x) && !reel_is_contiguous(p));
    double first[] = {0, 4, 8, 12, 16, 20};
    expect_values(reel_select(p, 0, 0), first, 6);
    expect_shape(reel_t(x), reel_shape(2, 4, 3));
    expect_values(reel_t(counting(reel_shape(2, 2))), (double[]){0, 2, 1, 3}, 4);
    expect_shape(reel_permute(reel_scalar(1, REEL_F32, DEVICE), REEL_SCALAR), REEL_SCALAR);
    ck_assert(reel_is_contiguous(reel_t(counting(reel_shape(1, 5)))));
    FAILS(reel_permute(x, reel_axes(0, 1)), REEL_ERR_SHAPE,
          "permute: [0, 1] does not list every axis once: x[2, 3, 4]");
    FAILS(reel_permute(x, reel_axes(0, 1, 1)), REEL_ERR_SHAPE,
          "permute: [0, 1, 1] does not list every axis once: x[2, 3, 4]");
    FAILS(reel_permute(x, reel_axes(0, 1, 3)), REEL_ERR_SHAPE,
          "permute: [0, 1, 3] does not list every axis once: x[2, 3, 4]");
    FAILS(reel_permute(x, reel_axes(0, 1, -4)), REEL_ERR_SHAPE,
          "permute: [0, 1, -4] does not list every axis once: x[2, 3, 4]");
    reel_tensor *row = reel_select(reel_select(x, 0, 0), 0, 0);
    ck_assert_ptr_null(reel_t(row));
    expect_failure(REEL_ERR_SHAPE, "two axes or more: row[4]");
}
END_TEST

/* Python's x[start:stop:step], by hand. */
static int64_t python_bound(int64_t bound, int64_t n) {
    if (bound < 0) return bound < -n ? 0 : n + bound;
    return bound > n ? n : bound;
}

static void check_slice(int64_t n, int64_t start, int64_t stop, int64_t step) {
    REEL_SCOPE;
    reel_tensor *s = reel_slice(reel_arange(n, REEL_I64, DEVICE), 0, start, stop, step);
    int64_t got[8], count = 0;
    for (int64_t i = python_bound(start, n); i<python_bound(stop, n); i = step> n ? n : i + step)
        got[count++] = i;
    expect_shape(s, reel_shape(count));
    for (int64_t i = 0; i < count; i++) ck_assert_double_eq(element(s, i), (double)got[i]);
}

START_TEST(slices_as_python_slices) {
    const int64_t bounds[] = {INT64_MIN, -7, -5, -4, -1, 0, 1, 3, 4, 5, 7, INT64_MAX};
    const int64_t steps[] = {1, 2, 3, 7, INT64_MAX};
    for (int64_t n = 0; n <= 5; n += n == 0 ? 1 : 2)
        for (int i = 0; i < 12; i++)
            for (int j = 0; j < 12; j++)
                for (int k = 0; k < 5; k++) check_slice(n, bounds[i], bounds[j], steps[k]);
}
END_TEST

START_TEST(slices_and_selects) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(3, 4));
    reel_tensor *s = reel_slice(x, -1, 1, INT64_MAX, 2);
    expect_values(s, (double[]){1, 3, 5, 7, 9, 11}, 6);
    ck_assert(shares(s, x));
    ck_assert_ptr_eq(reel__data(s), (double *)reel__data(x) + 1);
    reel_tensor *row = reel_select(x, 0, -1), *column = reel_select(x, 1, 2);
    expect_values(row, (double[]){8, 9, 10, 11}, 4);
    expect_values(column, (double[]){2, 6, 10}, 3);
    ck_assert(shares(row, x) && shares(column, x));
    expect_values(reel_select(row, 0, 0), (double[]){8}, 1);
    expect_values(reel_select(reel_slice(s, 0, 1, 3, 1), 0, 1), (double[]){9, 11}, 2);
    FAILS(reel_slice(x, 2, 0, 1, 1), REEL_ERR_SHAPE, "slice: no axis 2: x[3, 4]");
    FAILS(reel_slice(x, 0, 0, 1, 0), REEL_ERR_ARGUMENT,
          "slice: step 0, at least 1 is needed: x[3, 4]");
    FAILS(reel_slice(x, 0, 0, 1, -1), REEL_ERR_ARGUMENT,
          "slice: step -1, at least 1 is needed: x[3, 4]");
    FAILS(reel_select(x, 0, 3), REEL_ERR_ARGUMENT, "select: no index 3 on axis 0: x[3, 4]");
    FAILS(reel_select(x, -1, -5), REEL_ERR_ARGUMENT, "select: no index -5 on axis -1: x[3, 4]");
    FAILS(reel_select(x, -3, 0), REEL_ERR_SHAPE, "select: no axis -3: x[3, 4]");
    FAILS(reel_select(reel_scalar(1, REEL_F32, DEVICE), 0, 0), REEL_ERR_SHAPE,
          "select: no axis 0: []");
}
END_TEST

START_TEST(expands) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 1));
    reel_tensor *e = reel_expand(x, reel_shape(3, 2, 2));
    expect_values(e, (double[]){0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1}, 12);
    ck_assert(shares(e, x));
    ck_assert_int_eq(reel_stride(e, 0), 0);
    ck_assert_int_eq(reel_stride(e, 2), 0);
    expect_shape(reel_expand(x, reel_shape(2, 0)), reel_shape(2, 0));
    FAILS(reel_expand(x, reel_shape(3, 1)), REEL_ERR_SHAPE,
          "expand: does not broadcast to [3, 1]: x[2, 1]");
    FAILS(reel_expand(x, reel_shape(2)), REEL_ERR_SHAPE,
          "expand: does not broadcast to [2]: x[2, 1]");
    FAILS(reel_expand(x, reel_shape(-1, 2, 2)), REEL_ERR_SHAPE,
          "expand: does not broadcast to [-1, 2, 2]: x[2, 1]");
    ck_assert_ptr_null(reel_expand(x, reel_shape((int64_t)1 << 40, (int64_t)1 << 40, 2, 1)));
    expect_failure(REEL_ERR_SHAPE, "expand: does not broadcast to [1099511627776");
    ck_assert_ptr_null(reel_expand(x, ((reel_shape){50, {1}})));
    expect_failure(REEL_ERR_SHAPE, "expand: does not broadcast to [1, 0");
    FAILS(reel_fill_(e, 1), REEL_ERR_ARGUMENT,
          "fill_: the result is an expanded view: its elements share memory");
    FAILS(reel_in_place(add, e, x), REEL_ERR_ARGUMENT,
          "add_: the result is an expanded view: its elements share memory: e[3, 2, 2], x[2, 1]");
    FAILS(reel_copy_(e, x), REEL_ERR_ARGUMENT,
          "copy_: the result is an expanded view: its elements share memory: e[3, 2, 2], x[2, 1]");
}
END_TEST

START_TEST(contiguous_copies_only_what_is_not) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3));
    ck_assert_ptr_eq(reel_contiguous(x), x);
    ck_assert_ptr_eq(reel_cast(x, REEL_F64), x);
    reel_tensor *t = reel_contiguous(reel_t(x));
    ck_assert(!shares(t, x) && reel_is_contiguous(t));
    expect_values(t, (double[]){0, 3, 1, 4, 2, 5}, 6);
    ck_assert(reel_is_contiguous(reel_slice(x, 0, 1, 2, 1)));
    ck_assert(!reel_is_contiguous(reel_slice(x, 1, 0, 2, 1)));
}
END_TEST

/* ---- in place -------------------------------------------------------------------------------- */

START_TEST(changes_in_place) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3)), *column = reel_slice(x, 1, 1, 2, 1);
    ck_assert_ptr_eq(reel_fill_(column, 9), column);
    expect_values(x, (double[]){0, 9, 2, 3, 9, 5}, 6);
    const float ten[] = {10, 20, 30};
    ck_assert_ptr_eq(reel_copy_(x, reel_from(ten, reel_shape(3), REEL_F32)), x);
    expect_values(x, (double[]){10, 20, 30, 10, 20, 30}, 6);
    ck_assert_ptr_eq(reel_in_place(add, x, reel_scalar(1, REEL_F64, DEVICE)), x);
    ck_assert_ptr_eq(
        reel_in_place(add, reel_t(x), reel_arange(2, REEL_F64, DEVICE)) != NULL ? x : NULL, x);
    expect_values(x, (double[]){11, 21, 31, 12, 22, 32}, 6);
    reel_tensor *bytes = reel_zeros(reel_shape(2, 3), REEL_U8, DEVICE);
    reel_copy_(bytes, reel_affine(x, 10, 0));
    expect_values(bytes, (double[]){110, 210, 255, 120, 220, 255}, 6);
    unsigned before = atomic_load(&x->storage->version);
    reel_fill_(reel_select(x, 0, 0), 0);
    ck_assert_uint_ne(atomic_load(&x->storage->version), before);
}
END_TEST

/* What is read may lie where is written: as if it had been read first. */
START_TEST(changes_in_place_what_overlaps) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(1000));
    reel_copy_(reel_slice(x, 0, 1, 1000, 1), reel_slice(x, 0, 0, 999, 1));
    ck_assert_double_eq(element(x, 0), 0);
    for (int i = 1; i < 1000; i++) ck_assert_double_eq(element(x, i), i - 1);
    reel_tensor *m = counting(reel_shape(2, 2));
    reel_copy_(m, reel_t(m));
    expect_values(m, (double[]){0, 2, 1, 3}, 4);
    reel_in_place(add, m, reel_t(m));
    expect_values(m, (double[]){0, 3, 3, 6}, 4);
    reel_in_place(add, m, m);
    expect_values(m, (double[]){0, 6, 6, 12}, 4);
    reel_in_place(add, m, reel_select(m, 0, 1));
    expect_values(m, (double[]){6, 18, 12, 24}, 4);
}
END_TEST

START_TEST(refuses_to_change_in_place) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3)), *none = NULL;
    reel_tensor *wide = counting(reel_shape(4, 2, 3)), *i = reel_arange(3, REEL_I64, DEVICE);
    FAILS(reel_in_place(add, x, wide), REEL_ERR_SHAPE,
          "add_: the result does not fit into [2, 3]: x[2, 3], wide[4, 2, 3]");
    ck_assert_ptr_null(reel_copy_(x, wide));
    expect_failure(REEL_ERR_SHAPE, "copy_: the result does not fit into [2, 3]");
    FAILS(reel_in_place(add, x, i), REEL_ERR_DTYPE, "add_: dtypes differ: x[2, 3] f64, i[3] i64");
    FAILS(reel_fill_(none, 1), REEL_ERR_ARGUMENT, "fill_: the tensor to change is NULL");
    FAILS(reel_copy_(none, x), REEL_ERR_ARGUMENT, "copy_: none is NULL: none, x[2, 3]");
    FAILS(reel_in_place(add, x, none), REEL_ERR_ARGUMENT, "add_: none is NULL: x[2, 3], none");
    expect_values(reel_select(x, 0, 0), (double[]){0, 1, 2}, 3);
}
END_TEST

/* ---- to and from the host -------------------------------------------------------------------- */

START_TEST(reads_and_writes) {
    REEL_SCOPE;
    const int64_t numbers[6] = {1, -2, 3, 4, 5, INT64_MIN};
    int64_t back[6] = {0};
    reel_tensor *x = to_device(reel_from(numbers, reel_shape(2, 3), REEL_I64));
    ck_assert_int_eq(reel_read(x, back, sizeof back), REEL_OK);
    ck_assert_mem_eq(back, numbers, sizeof numbers);
    ck_assert_int_eq(reel_read(reel_t(x), back, sizeof back), REEL_OK);
    ck_assert_int_eq(back[1], 4);
    const int64_t column[2] = {7, 8};
    ck_assert_int_eq(reel_write(reel_select(x, 1, 1), column, sizeof column), REEL_OK);
    expect_values(x, (double[]){1, 7, 3, 4, 8, (double)INT64_MIN}, 6);
    reel_tensor *none = reel_zeros(reel_shape(0), REEL_F32, DEVICE);
    ck_assert_int_eq(reel_read(none, NULL, 0), REEL_OK);
    ck_assert_int_eq(reel_write(none, NULL, 0), REEL_OK);
}
END_TEST

START_TEST(refuses_to_read_and_write) {
    REEL_SCOPE;
    double v[6] = {0};
    reel_tensor *x = counting(reel_shape(2, 3)), *none = NULL;
    ck_assert_int_eq(reel_read(x, v, 47), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "read: [2, 3] f64 has 48 bytes, 47 given (");
    reel_set_name(x, "W");
    ck_assert_int_eq(reel_write(x, v, 40), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "write: W[2, 3] f64 has 48 bytes, 40 given (");
    ck_assert_int_eq(reel_read(none, v, 8), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "read: the tensor is NULL (");
    ck_assert_int_eq(reel_read(x, NULL, 48), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "read: the host memory is NULL (");
    ck_assert_int_eq(reel_write(x, NULL, 48), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "write: the host memory is NULL (");
    ck_assert_double_eq(element(x, 5), 5);
}
END_TEST

START_TEST(items) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2), REEL_U8, DEVICE), *none = NULL;
    ck_assert_double_eq(reel_item(reel_full(reel_shape(1, 1), 0.5, REEL_F32, DEVICE)), 0.5);
    ck_assert_double_eq(reel_item(reel_scalar(-3, REEL_I64, DEVICE)), -3);
    ck_assert(isnan(reel_item(x)));
    expect_failure(REEL_ERR_SHAPE, "item: [2] has not one element (");
    ck_assert(isnan(reel_item(none)));
    expect_failure(REEL_ERR_ARGUMENT, "item: the tensor is NULL (");
}
END_TEST

/* ---- the suite ------------------------------------------------------------------------------- */

/* Commas within braces are none between arguments. */
START_TEST(macros_take_compound_literals) {
    REEL_SCOPE;
    reel_tensor *x = reel_from((float[]){1, 2, 3, 4}, (reel_shape){2, {2, 2}}, REEL_F32);
    expect_values(reel_reshape(x, (reel_shape){1, {4}}), (double[]){1, 2, 3, 4}, 4);
    expect_values(reel_sum_over(x, (reel_shape){1, {0}}, false), (double[]){4, 6}, 2);
    expect_values(reel_zeros((reel_shape){1, {2}}, REEL_F32, (reel_device){REEL_CPU, 0}),
                  (double[]){0, 0}, 2);
    expect_values(reel_concat_list((reel_tensor *[]){x, x}, 2, 1),
                  (double[]){1, 2, 1, 2, 3, 4, 3, 4}, 8);
    expect_fine();
}
END_TEST

static Suite *tensor_suite(void) {
    Suite *s = suite_create("tensor");
    TCase *c = add_case(s, "creation");
    tcase_add_loop_test(c, creates_every_dtype, 0, 4);
    tcase_add_loop_test(c, names_and_sizes_of_dtypes, 0, 4);
    tcase_add_test(c, fills_as_casts_do);
    tcase_add_test(c, strides_are_row_major);
    tcase_add_test(c, null_is_nothing);
    tcase_add_test(c, refuses_what_is_no_tensor);
    tcase_add_test(c, names);

    c = add_case(s, "devices");
    tcase_add_test(c, parses_devices);
    tcase_add_test(c, checks_devices);

    c = add_cpu_case(s, "the CPU's memory");
    tcase_add_test(c, out_of_memory_is_a_failure);
    tcase_add_test(c, bytes_are_counted);
    tcase_add_test(c, devices_do_not_mix);

    c = add_case(s, "views");
    tcase_add_test(c, reshape_works_out_an_axis);
    tcase_add_test(c, reshape_refuses);
    tcase_add_test(c, reshape_views_or_copies);
    tcase_add_test(c, permutes_and_transposes);
    tcase_add_test(c, slices_as_python_slices);
    tcase_add_test(c, slices_and_selects);
    tcase_add_test(c, expands);
    tcase_add_test(c, contiguous_copies_only_what_is_not);

    c = add_case(s, "in place");
    tcase_add_test(c, changes_in_place);
    tcase_add_test(c, changes_in_place_what_overlaps);
    tcase_add_test(c, refuses_to_change_in_place);

    c = add_case(s, "host");
    tcase_add_test(c, reads_and_writes);
    tcase_add_test(c, refuses_to_read_and_write);
    tcase_add_test(c, items);
    tcase_add_test(c, macros_take_compound_literals);
    return s;
}

int main(void) {
    return run_suite(tensor_suite());
}
