/* What a GPU alone has: being there or not, memory, several devices, precision of products, kernels
 * under way. The other suites run on it by $REEL_TEST_DEVICE. */
#include "tests/gpu_suite.h"

#include "data/data.h"
#include "nn/nn.h"
#include "optim/optim.h"

#include <limits.h>

static int gpus(void) {
    return reel_device_count(REEL_CUDA);
}

/* ---- no such device: with a GPU and without ---- */

/* The kept failure is one line that names cuda:N and says why; it is cleared. */
static void expect_no_device(const char *what, int index) {
    char name[32];
    snprintf(name, sizeof name, "cuda:%d: ", index);
    const char *message = reel_error(), *at = strstr(message, name);
    ck_assert_msg(reel_error_status() == REEL_ERR_DEVICE && at, "%s: status %d, message \"%s\"",
                  what, reel_error_status(), message);
    ck_assert_msg(strlen(at) > strlen(name) + 10 && !strchr(message, '\n'), "%s: message \"%s\"",
                  what, message);
    reel_clear_error();
}

/* The first index that there is none of, and others. */
static int absent(int i) {
    const int index[] = {gpus(), 99, INT_MAX};
    return index[i];
}

START_TEST(devices_that_are_not_there) {
    const int i = absent(_i);
    const reel_device d = reel_cuda(i);
    reel_cuda_counts counts = {.launches = 7};
    reel_cuda_memory memory = {.used = 7};
    ck_assert_int_ne(reel_device_check(d), REEL_OK);
    expect_no_device("check", i);
    ck_assert_int_ne(reel_synchronize(d), REEL_OK);
    expect_no_device("synchronize", i);
    ck_assert_int_ne(reel_cuda_count_calls(i, &counts), REEL_OK);
    expect_no_device("count_calls", i);
    ck_assert_int_ne(reel_cuda_memory_info(i, &memory), REEL_OK);
    expect_no_device("memory_info", i);
    ck_assert_int_ne(reel_cuda_release_kept(i), REEL_OK);
    expect_no_device("release_kept", i);
    ck_assert(counts.launches == 0 && memory.used == 0);
    ck_assert_int_ne(reel_cuda_count_calls(i, NULL), REEL_OK);
    reel_clear_error();
    ck_assert_int_ne(reel_cuda_memory_info(i, NULL), REEL_OK);
    reel_clear_error();
    ck_assert_ptr_null(reel_generator_new(1, d));
    expect_no_device("generator_new", i);
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2, 3), REEL_F32, reel_cpu());
    ck_assert_ptr_null(reel_zeros(reel_shape(2), REEL_F32, d));
    expect_no_device("zeros", i);
    ck_assert_ptr_null(reel_empty(reel_shape(0), REEL_F32, d));
    expect_no_device("empty", i);
    ck_assert_ptr_null(reel_arange(3, REEL_I64, d));
    expect_no_device("arange", i);
    ck_assert_ptr_null(reel_to(x, d));
    expect_no_device("to", i);
    ck_assert_ptr_null(reel_add(x, reel_to(x, d))); /* the first failure is the one kept */
    expect_no_device("add", i);
    ck_assert_double_eq(element(x, 5), 1);
}
END_TEST

START_TEST(modules_and_loaders_stay_as_they_were) {
    const int i = absent(_i);
    reel_module *m = reel_linear_new(3, 2, (reel_linear_options){0});
    ck_assert_int_ne(reel_module_to(m, reel_cuda(i)), REEL_OK);
    expect_no_device("module_to", i);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(4, 3), REEL_F32, reel_cpu());
        ck_assert_ptr_nonnull(reel_forward(m, x));
        reel_dataset *d = reel_tensor_dataset_new(x, NULL);
        const reel_loader_options o = {.workers = 2, .device = reel_cuda(i)};
        ck_assert_ptr_null(reel_loader_new(d, o));
        expect_no_device("loader_new", i);
        reel_dataset_free(d);
    }
    reel_module_free(m);
}
END_TEST

START_TEST(devices_are_counted) {
    ck_assert_int_eq(reel_device_count(REEL_CPU), 1);
    ck_assert_int_ge(gpus(), 0);
    ck_assert_int_eq(reel_device_count((reel_device_type)9), 0);
    expect_fine(); /* having none is no failure */
    for (int i = 0; i < gpus(); i++) ck_assert_int_eq(reel_device_check(reel_cuda(i)), REEL_OK);
    ck_assert_int_ne(reel_device_check(reel_cuda(-1)), REEL_OK);
    expect_failure(REEL_ERR_DEVICE, "index -1");
    ck_assert_int_eq(reel_synchronize(reel_cpu()), REEL_OK);
}
END_TEST

START_TEST(the_cpu_knows_one_precision) {
    {
        REEL_SCOPE;
        float exact[8], asked[8];
        reel_tensor *x =
            reel_affine(reel_sigmoid(reel_arange(64, REEL_F32, reel_cpu())), 1.0 / 3, 0.1);
        reel_tensor *a = reel_reshape(x, reel_shape(8, 8)), *b = reel_reshape(x, reel_shape(8, 8));
        reel_read(reel_select(reel_matmul(a, b), 0, 0), exact, sizeof exact);
        for (int p = REEL_MATMUL_F32; p <= REEL_MATMUL_F32_STRICT; p++) {
            ck_assert_int_eq(reel_set_matmul_precision((reel_matmul_precision)p), REEL_OK);
            reel_read(reel_select(reel_matmul(a, b), 0, 0), asked, sizeof asked);
            ck_assert_mem_eq(exact, asked, sizeof exact);
        }
    }
    reel_set_matmul_precision(REEL_MATMUL_F32);
    ck_assert_int_ne(reel_set_matmul_precision((reel_matmul_precision)7), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "precision 7");
}
END_TEST

/* ---- to the GPU and back ---- */

/* Numbers of every byte, as a view in which they are transposed, with a gap and an offset. */
static reel_tensor *strided(reel_dtype dtype, int64_t rows, int64_t columns) {
    reel_tensor *x = reel_arange(rows * (2 * columns + 1), REEL_I64, reel_cpu());
    x = reel_cast(reel_reshape(x, reel_shape(rows, 2 * columns + 1)), dtype);
    return reel_t(reel_slice(x, 1, 1, INT64_MAX, 2));
}

static void expect_there_and_back(reel_tensor *x, reel_device there) {
    reel_tensor *y = reel_to(x, there);
    expect_fine();
    ck_assert(reel_device_equal(reel_device_of(y), there));
    ck_assert_ptr_null(reel_data(y));
    ck_assert_ptr_eq(reel_to(y, there), y);
    ck_assert(same_bits(x, y));
    ck_assert(same_bits(x, reel_to(reel_t(reel_t(y)), reel_cpu())));
}

START_TEST(moves_keep_every_bit) {
    const reel_dtype dtype = (reel_dtype)_i;
    REEL_SCOPE;
    expect_there_and_back(strided(dtype, 3, 5), test_device());
    expect_there_and_back(strided(dtype, 1, 1), test_device());
    expect_there_and_back(strided(dtype, 0, 4), test_device());
    expect_there_and_back(strided(dtype, 1031, 517), test_device());
    reel_tensor *x = strided(dtype, 70, 30), *y = reel_to(x, test_device());
    reel_tensor *z = reel_empty(reel_shape(31, 70), dtype, test_device());
    reel_copy_(reel_slice(z, 0, 1, INT64_MAX, 1), x); /* into a view, from the other device */
    ck_assert(same_bits(reel_slice(z, 0, 1, INT64_MAX, 1), y));
    reel_tensor *back = reel_empty(reel_shape(30, 70), REEL_F64, reel_cpu());
    reel_copy_(back, y);
    ck_assert(same_bits(back, reel_cast(x, REEL_F64)));
    expect_fine();
}
END_TEST

/* The host may change what it gave as soon as the call is back. */
START_TEST(what_is_uploaded_may_be_changed) {
    enum { COUNT = 200, MOST = 100000 };
    static double v[MOST];
    REEL_SCOPE;
    reel_tensor *t[COUNT];
    for (int k = 0; k < COUNT; k++) {
        const int64_t n = 1 + k * 7919 % MOST;
        for (int64_t i = 0; i < n; i++) v[i] = k;
        t[k] = f64(reel_shape(n), v);
        reel_write(t[k], v, (size_t)n * sizeof *v);
    }
    for (int k = 0; k < COUNT; k++)
        ck_assert_double_eq(reel_item(reel_sum(t[k])), (double)k * (1 + k * 7919 % MOST));
}
END_TEST

START_TEST(devices_do_not_mix) {
    char gpu[16];
    snprintf(gpu, sizeof gpu, "cuda:%d", test_device().index);
    REEL_SCOPE;
    reel_tensor *here = reel_ones(reel_shape(3, 3), REEL_F64, reel_cpu());
    reel_tensor *there = to_device(here), *index = reel_arange(3, REEL_I64, reel_cpu());
    ck_assert_ptr_null(reel_add(here, there));
    ck_assert_msg(strstr(reel_error(), gpu), "%s", reel_error());
    expect_failure(REEL_ERR_DEVICE,
                   "add: operands on different devices: here[3, 3] on cpu, there[3, 3] on cuda");
    ck_assert_ptr_null(reel_matmul(there, here));
    ck_assert_msg(strstr(reel_error(), "here[3, 3] on cpu"), "%s", reel_error());
    expect_failure(REEL_ERR_DEVICE, gpu);
    ck_assert_ptr_null(reel_in_place(add, here, there));
    expect_failure(REEL_ERR_DEVICE, gpu);
    ck_assert_ptr_null(reel_index_select(there, 0, index));
    expect_failure(REEL_ERR_DEVICE, "index[3] on cpu");
    reel_generator *g = reel_generator_new(1, reel_cpu());
    ck_assert_ptr_null(reel_uniform_(there, g, 0, 1));
    expect_failure(REEL_ERR_DEVICE, "another device");
    reel_generator_free(g);
    expect_values(there, (double[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, 9);
}
END_TEST

/* A module that moves after its optimizer was made. */
START_TEST(moments_stay_behind) {
    reel_module *m = reel_linear_new(3, 2, (reel_linear_options){0});
    reel_state *params = reel_module_params(m);
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){0});
    reel_module_to(m, test_device());
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(4, 3), REEL_F32, test_device());
        reel_backward(reel_sum(reel_forward(m, x)));
        expect_fine();
        ck_assert_int_ne(reel_optim_step(adam), REEL_OK);
        expect_failure(REEL_ERR_DEVICE, "moved to another device since the optimizer was made");
    }
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
}
END_TEST

/* ---- memory, while kernels are under way ---- */

START_TEST(memory_is_kept_counted_and_given_back) {
    const int i = test_device().index;
    const size_t bytes = (size_t)256 << 20;
    reel_cuda_memory before, with, after, given;
    reel_cuda_counts first, second;
    reel_cuda_memory_info(i, &before);
    {
        REEL_SCOPE;
        reel_empty(reel_shape((int64_t)bytes), REEL_U8, test_device());
        reel_cuda_memory_info(i, &with);
    }
    reel_cuda_memory_info(i, &after);
    reel_cuda_count_calls(i, &first);
    {
        REEL_SCOPE;
        reel_empty(reel_shape((int64_t)bytes), REEL_U8, test_device());
    }
    reel_cuda_count_calls(i, &second);
    reel_cuda_release_kept(i);
    reel_cuda_memory_info(i, &given);
    expect_fine();
    ck_assert_uint_ge(with.used, before.used + bytes);
    ck_assert_uint_ge(with.peak, with.used);
    ck_assert_uint_eq(after.used, before.used);
    ck_assert_uint_ge(after.kept, bytes);
    ck_assert_int_eq(second.device_allocs, first.device_allocs);
    ck_assert_uint_le(given.kept + bytes, after.kept);
    ck_assert_uint_ge(given.free, after.free + bytes / 2); /* others may be at work there */
    ck_assert_uint_ge(given.total, given.free);
}
END_TEST

/* ---- precision of products ---- */

/* |x y - w| / |w|, by Frobenius, in f64 */
static double product_error(reel_tensor *x, reel_tensor *y, reel_tensor *w) {
    reel_tensor *off = reel_sub(reel_cast(reel_matmul(x, y), REEL_F64), w);
    return sqrt(reel_item(reel_sum(reel_square(off))) / reel_item(reel_sum(reel_square(w))));
}

START_TEST(precision_is_as_asked) {
    reel_generator *g = reel_generator_new(11, test_device());
    {
        REEL_SCOPE;
        reel_tensor *x = reel_randn(reel_shape(512, 512), REEL_F32, g);
        reel_tensor *y = reel_randn(reel_shape(512, 512), REEL_F32, g);
        reel_tensor *w = reel_matmul(reel_cast(x, REEL_F64), reel_cast(y, REEL_F64));
        reel_tensor *exact = reel_matmul(x, y);
        const double f32 = product_error(x, y, w);
        ck_assert_int_eq(reel_set_matmul_precision(REEL_MATMUL_TF32), REEL_OK);
        const double tf32 = product_error(x, y, w);
        ck_assert_int_eq(reel_set_matmul_precision(REEL_MATMUL_BF16), REEL_OK);
        const double bf16 = product_error(x, y, w);
        ck_assert_int_eq(reel_set_matmul_precision(REEL_MATMUL_F32), REEL_OK);
        expect_fine();
        ck_assert_msg(f32 < 1e-5, "f32: an error of %g", f32);
        ck_assert_msg(tf32 > 1e-5 && tf32 < 5e-3, "TF32: an error of %g", tf32);
        ck_assert_msg(bf16 > 1e-4 && bf16 < 3e-2, "bf16: an error of %g", bf16);
        ck_assert(same_bits(reel_matmul(x, y), exact));
    }
    reel_generator_free(g);
}
END_TEST

/* ---- several GPUs ---- */

START_TEST(from_one_gpu_to_the_other) {
    const reel_device a = reel_cuda(0), b = reel_cuda(1);
    {
        REEL_SCOPE;
        reel_tensor *x = strided(REEL_F32, 300, 77), *there = reel_to(reel_to(x, a), b);
        expect_fine();
        ck_assert(reel_device_equal(reel_device_of(there), b));
        ck_assert(same_bits(x, there));
        /* as soon as it has been asked for, and back */
        reel_tensor *y = reel_affine(reel_to(reel_affine(reel_to(x, a), 2, 1), b), 2, 1);
        ck_assert(same_bits(reel_to(y, a), reel_affine(reel_affine(x, 2, 1), 2, 1)));
        reel_tensor *on_a = reel_to(x, a), *on_b = reel_to(x, b);
        ck_assert_ptr_null(reel_add(on_a, on_b));
        expect_failure(REEL_ERR_DEVICE, "on_a[77, 300] on cuda:0, on_b[77, 300] on cuda:1");
    }
    reel_synchronize(b);
}
END_TEST

/* Fits y = x W to W = 2. */
START_TEST(a_module_learns_on_the_other_gpu) {
    const reel_device d = reel_cuda(1);
    reel_module *m = reel_linear_new(1, 1, (reel_linear_options){.no_bias = true});
    ck_assert_int_eq(reel_module_to(m, d), REEL_OK);
    reel_state *params = reel_module_params(m);
    reel_optim *sgd = reel_sgd_new(params, (reel_sgd_options){.lr = 0.1});
    for (int step = 0; step < 100; step++) {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(8, 1), REEL_F32, d);
        reel_backward(reel_mse_loss(reel_forward(m, x), reel_scale(x, 2)));
        reel_optim_step(sgd);
    }
    ck_assert_double_eq_tol(element(reel_state_at(params, 0), 0), 2, 1e-3);
    expect_fine();
    reel_optim_free(sgd);
    reel_state_free(params);
    reel_module_free(m);
}
END_TEST

/* ---- the suite ---- */

static void add_refusals(Suite *s) {
    TCase *c = add_case(s, "refusals");
    tcase_add_loop_test(c, devices_that_are_not_there, 0, 3);
    tcase_add_loop_test(c, modules_and_loaders_stay_as_they_were, 0, 3);
    tcase_add_test(c, devices_are_counted);
    tcase_add_test(c, the_cpu_knows_one_precision);
}

static void add_gpu_cases(Suite *s) {
    TCase *c = add_case(s, "moves");
    tcase_add_loop_test(c, moves_keep_every_bit, REEL_F32, REEL_U8 + 1);
    tcase_add_test(c, what_is_uploaded_may_be_changed);
    tcase_add_test(c, devices_do_not_mix);
    tcase_add_test(c, moments_stay_behind);

    c = add_case(s, "under way");
    tcase_add_test(c, memory_is_kept_counted_and_given_back);
    tcase_add_test(c, precision_is_as_asked);

    add_queue_cases(s);
    add_training_cases(s);
    add_random_cases(s);
    add_large_cases(s);
    add_conv_cases(s);
    add_product_cases(s);
    add_profile_cases(s);
    add_resident_cases(s);
}

static void add_several_gpus(Suite *s) {
    TCase *c = add_case(s, "several GPUs");
    tcase_add_test(c, from_one_gpu_to_the_other);
    tcase_add_test(c, a_module_learns_on_the_other_gpu);
}

int main(void) {
    Suite *s = suite_create("cuda");
    add_refusals(s);
    if (gpus() == 0) {
        reel_device_check(reel_cuda(0));
        printf("skipped: no GPU: %s\n", reel_error());
        reel_clear_error();
        return run_suite(s);
    }
    if (test_device().type == REEL_CPU) setenv("REEL_TEST_DEVICE", "cuda", 1);
    add_gpu_cases(s);
    if (gpus() > 1)
        add_several_gpus(s);
    else
        printf("skipped: one GPU\n");
    return run_suite(s);
}
