/* Convolutions: what the cases of their rows do not say. */
#include "reel.h"

#include "tests/expect.h"

#include <stdint.h>

/* Whole numbers from `first` on. */
static reel_tensor *counted(reel_shape s, double first) {
    double v[64];
    int64_t n = 1;
    for (int i = 0; i < s.ndim; i++) n *= s.dim[i];
    ck_assert_int_le(n, 64);
    for (int64_t i = 0; i < n; i++) v[i] = first + (double)i;
    return f64(s, v);
}

/* ---- values that PyTorch gives ---- */

START_TEST(convolutions_give_what_pytorch_gives) {
    REEL_SCOPE;
    reel_tensor *x = counted(reel_shape(1, 2, 3, 3), 0), *w = counted(reel_shape(2, 2, 2, 2), -3);
    expect_values(reel_conv2d(x, w, counted(reel_shape(2), 1), (reel_conv_options){0}),
                  (double[]){113, 117, 125, 129, 530, 598, 734, 802}, 8);
    reel_tensor *y = reel_conv2d(x, w, NULL,
                                 (reel_conv_options){.stride = reel_shape(2, 1),
                                                     .padding = reel_shape(1, 0),
                                                     .dilation = reel_shape(2, 1)});
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(1, 2, 2, 2)));
    expect_values(y, (double[]){85, 91, 21, 19, 341, 379, 277, 307}, 8);
    y = reel_conv1d(counted(reel_shape(2, 5), 0), counted(reel_shape(4, 1, 2), -2), NULL,
                    (reel_conv_options){.groups = 2, .same = true});
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(4, 5)));
    expect_values(
        y, (double[]){-1, -4, -7, -10, -8, 1, 2, 3, 4, 0, 28, 33, 38, 43, 18, 50, 59, 68, 77, 36},
        20);
    expect_values(reel_conv3d(counted(reel_shape(1, 1, 2, 2, 3), 0),
                              counted(reel_shape(1, 1, 2, 1, 2), 0), counted(reel_shape(1), 5),
                              (reel_conv_options){0}),
                  (double[]){39, 45, 57, 63}, 4);
}
END_TEST

START_TEST(transposed_ones_give_what_pytorch_gives) {
    REEL_SCOPE;
    expect_values(
        reel_conv_transpose2d(counted(reel_shape(1, 2, 2, 2), 0),
                              counted(reel_shape(2, 1, 2, 2), -3), counted(reel_shape(1), 1),
                              (reel_conv_transpose_options){.stride = reel_shape(2),
                                                            .padding = reel_shape(1),
                                                            .output_padding = reel_shape(1)}),
        (double[]){17, 15, 21, 9, -1, 9, 25, 19, 29}, 9);
    reel_tensor *y = reel_conv_transpose1d(
        counted(reel_shape(2, 3), 1), counted(reel_shape(2, 2, 2), 0), NULL,
        (reel_conv_transpose_options){
            .stride = reel_shape(2), .output_padding = reel_shape(1), .groups = 2});
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(4, 7)));
    expect_values(y, (double[]){0,  1,  0,  2,  0,  3,  0, 2,  3,  4,  6,  6,  9,  0,
                                16, 20, 20, 25, 24, 30, 0, 24, 28, 30, 35, 36, 42, 0},
                  28);
    /* longer than the kernel reaches, by its dilation */
    expect_values(
        reel_conv_transpose1d(counted(reel_shape(1, 3), 1), counted(reel_shape(1, 1, 2), 1), NULL,
                              (reel_conv_transpose_options){.output_padding = reel_shape(1),
                                                            .dilation = reel_shape(2)}),
        (double[]){1, 2, 5, 4, 6, 0}, 6);
}
END_TEST

/* ---- the same bits, however many threads there are ---- */

static reel_tensor *gradients_of(reel_tensor *x, reel_tensor *w, reel_conv_options o) {
    x = reel_track(reel_detach(x));
    w = reel_track(reel_detach(w));
    reel_tensor *y = reel_conv2d(x, w, NULL, o);
    reel_backward(reel_sum(reel_square(y)));
    const reel_shape line = reel_shape(-1);
    return reel_concat(0, reel_reshape(y, line), reel_reshape(reel_grad(x), line),
                       reel_reshape(reel_grad(w), line));
}

static const struct {
    reel_shape x, w;
    int64_t stride, padding, groups;
} kinds[] = {
    {{4, {9, 32, 12, 13}}, {4, {40, 32, 3, 3}}, 1, 1, 1}, /* fewer multiplications */
    {{4, {9, 32, 12, 13}}, {4, {40, 32, 3, 3}}, 2, 1, 1},
    {{4, {9, 32, 12, 13}}, {4, {32, 1, 5, 5}}, 1, 2, 32},
    {{4, {3, 3, 40, 41}}, {4, {24, 3, 4, 4}}, 4, 0, 1},
    {{4, {5, 48, 14, 14}}, {4, {64, 48, 1, 1}}, 1, 0, 1},
    {{4, {2, 24, 14, 14}}, {4, {48, 6, 3, 3}}, 1, 1, 4},
};

START_TEST(bits_do_not_depend_on_threads) {
    reel_generator *g = reel_generator_new(5, reel_cpu());
    const int before = reel_threads();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_randn(kinds[_i].x, REEL_F32, g),
                    *w = reel_randn(kinds[_i].w, REEL_F32, g), *first = NULL;
        for (int threads = 1; threads <= 5; threads += 2) {
            ck_assert_int_eq(reel_set_threads(threads), REEL_OK);
            reel_tensor *all =
                gradients_of(x, w,
                             (reel_conv_options){.stride = reel_shape(kinds[_i].stride),
                                                 .padding = reel_shape(kinds[_i].padding),
                                                 .groups = kinds[_i].groups});
            expect_fine();
            if (!first) first = all;
            ck_assert_double_eq(reel_item(reel_all(reel_eq(first, all))), 1);
        }
    }
    reel_set_threads(before);
    reel_generator_free(g);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(functions_refuse) {
    REEL_SCOPE;
    reel_tensor *x = counted(reel_shape(1, 2, 5), 0), *w = counted(reel_shape(2, 2, 3), 0);
    ck_assert_ptr_null(reel_conv1d(NULL, w, NULL, (reel_conv_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d: x is NULL");
    ck_assert_ptr_null(reel_conv1d(x, NULL, NULL, (reel_conv_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d: w is NULL");
    ck_assert_ptr_null(reel_conv2d(x, w, NULL, (reel_conv_options){0}));
    expect_failure(REEL_ERR_SHAPE, "conv2d: takes an input of 4 axes, or 3, and a weight of 4");
    ck_assert_ptr_null(reel_conv1d(x, w, NULL, (reel_conv_options){.stride = reel_shape(-1)}));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d: stride must be 1 or more: -1");
    ck_assert_ptr_null(reel_conv1d(x, w, NULL, (reel_conv_options){.padding = reel_shape(1, 2)}));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d: padding for 2 axes, where there are 1");
    ck_assert_ptr_null(reel_conv1d(x, w, NULL, (reel_conv_options){.dilation = reel_shape(3)}));
    expect_failure(REEL_ERR_SHAPE, "the kernel reaches over 7, and the padded input over 5");
    ck_assert_ptr_null(
        reel_conv1d(x, w, NULL, (reel_conv_options){.stride = reel_shape(2), .same = true}));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d: same: the stride must be 1");
    ck_assert_ptr_null(reel_conv1d(x, w, NULL, (reel_conv_options){.groups = -1}));
    expect_failure(REEL_ERR_SHAPE, "conv1d: -1 groups do not divide 2 and 2 channels");
    ck_assert_ptr_null(reel_conv1d(x, reel_cast(w, REEL_F32), NULL, (reel_conv_options){0}));
    expect_failure(REEL_ERR_DTYPE, "conv1d: dtypes differ");
    ck_assert_ptr_null(reel_conv_transpose1d(
        x, w, NULL, (reel_conv_transpose_options){.output_padding = reel_shape(1)}));
    expect_failure(REEL_ERR_ARGUMENT, "output_padding must be less than stride or dilation");
    ck_assert_ptr_null(
        reel_conv_transpose1d(x, w, NULL, (reel_conv_transpose_options){.padding = reel_shape(4)}));
    expect_failure(REEL_ERR_SHAPE, "conv_transpose1d: the result has length -1");
}
END_TEST

/* Lengths that only a view of one element has. */
START_TEST(lengths_do_not_overflow) {
    REEL_SCOPE;
    const reel_shape huge = reel_shape(1, 1, INT64_MAX / 16);
    reel_tensor *one = counted(reel_shape(1, 1, 1), 1), *w = reel_expand(one, huge);
    const reel_conv_options far = {.dilation = reel_shape(1 << 30), .same = true};
    ck_assert_ptr_null(reel_conv1d(one, w, NULL, far));
    expect_failure(REEL_ERR_SHAPE, "conv1d: same: too long a kernel");
    ck_assert_ptr_null(reel_conv1d(one, w, NULL, (reel_conv_options){0}));
    expect_failure(REEL_ERR_SHAPE, "conv1d: a kernel of length");
    ck_assert_ptr_null(reel_conv_transpose1d(one, w, NULL, (reel_conv_transpose_options){0}));
    expect_failure(REEL_ERR_SHAPE, "conv_transpose1d: takes lengths");
}
END_TEST

/* ---- layers ---- */

START_TEST(layers_begin_as_pytorch_s) {
    reel_module *m = reel_conv2d_new(6, 8, reel_shape(3, 5),
                                     (reel_conv_layer_options){.groups = 2, .dtype = REEL_F64}),
                *t = reel_conv_transpose1d_new(6, 8, reel_shape(4),
                                               (reel_conv_transpose_layer_options){.groups = 2});
    ck_assert(
        reel_shape_equal(reel_shape_of(reel_module_get(m, "weight")), reel_shape(8, 3, 3, 5)));
    ck_assert(reel_shape_equal(reel_shape_of(reel_module_get(m, "bias")), reel_shape(8)));
    ck_assert(reel_shape_equal(reel_shape_of(reel_module_get(t, "weight")), reel_shape(6, 4, 4)));
    ck_assert(reel_shape_equal(reel_shape_of(reel_module_get(t, "bias")), reel_shape(8)));
    {
        REEL_SCOPE;
        const double most = reel_item(reel_max(reel_abs(reel_module_get(m, "weight"))));
        ck_assert(most <= 1 / sqrt(45) && most > 0.9 / sqrt(45));
    }
    reel_module_free(t);
    reel_module_free(m);
}
END_TEST

START_TEST(layers_refuse) {
    const reel_conv_layer_options none = {0};
    ck_assert_ptr_null(reel_conv2d_new(0, 1, reel_shape(3), none));
    expect_failure(REEL_ERR_ARGUMENT, "conv2d_new: wants channels of 1 or more");
    ck_assert_ptr_null(
        reel_conv2d_new(4, 6, reel_shape(3), (reel_conv_layer_options){.groups = 3}));
    expect_failure(REEL_ERR_ARGUMENT, "which groups divide: in 4, out 6, groups 3");
    ck_assert_ptr_null(reel_conv2d_new(4, 6, REEL_SCALAR, none));
    expect_failure(REEL_ERR_ARGUMENT, "conv2d_new: wants a kernel");
    ck_assert_ptr_null(reel_conv2d_new(4, 6, reel_shape(3, 3, 3), none));
    expect_failure(REEL_ERR_ARGUMENT, "conv2d_new: kernel for 3 axes, where there are 2");
    ck_assert_ptr_null(reel_conv1d_new(4, 6, reel_shape(0), none));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d_new: kernel must be 1 or more: 0");
    ck_assert_ptr_null(
        reel_conv1d_new(4, 6, reel_shape(1), (reel_conv_layer_options){.dtype = REEL_I64}));
    expect_failure(REEL_ERR_DTYPE, "conv1d_new: takes f32 or f64, not i64");
    ck_assert_ptr_null(reel_conv1d_new(
        4, 6, reel_shape(1), (reel_conv_layer_options){.padding_mode = (reel_pad_mode)7}));
    expect_failure(REEL_ERR_ARGUMENT, "conv1d_new: no such padding mode: 7");
    ck_assert_ptr_null(reel_conv3d_new(
        4, 6, reel_shape(1), (reel_conv_layer_options){.stride = reel_shape(2), .same = true}));
    expect_failure(REEL_ERR_ARGUMENT, "conv3d_new: same: the stride must be 1");
    ck_assert_ptr_null(reel_conv_transpose3d_new(
        4, 6, reel_shape(1), (reel_conv_transpose_layer_options){.padding = reel_shape(-1)}));
    expect_failure(REEL_ERR_ARGUMENT, "conv_transpose3d_new: padding must be 0 or more: -1");
}
END_TEST

int main(void) {
    Suite *s = suite_create("convolution");
    TCase *c = add_case(s, "convolution");
    tcase_add_test(c, convolutions_give_what_pytorch_gives);
    tcase_add_test(c, transposed_ones_give_what_pytorch_gives);
    tcase_add_test(c, functions_refuse);
    tcase_add_test(c, lengths_do_not_overflow);
    tcase_add_test(c, layers_begin_as_pytorch_s);
    tcase_add_test(c, layers_refuse);
    c = add_cpu_case(s, "threads");
    tcase_add_loop_test(c, bits_do_not_depend_on_threads, 0, (int)(sizeof kinds / sizeof *kinds));
    return run_suite(s);
}
