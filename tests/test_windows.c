/* Pooling, padding, resampling and columns, where the cases of single ops say nothing: values as
 * PyTorch has them, composites, NaN and ties, what is refused. */
#include "nn/nn.h"

#include "tests/call_site.h"

#define EXPECT(t, ...)                                                                             \
    do {                                                                                           \
        const double values[] = __VA_ARGS__;                                                       \
        expect_values(t, values, sizeof values / sizeof *values);                                  \
    } while (0)

static reel_tensor *picture(void) {
    double v[12];
    for (int i = 0; i < 12; i++) v[i] = (double)(i * i % 7);
    return f64(reel_shape(1, 1, 3, 4), v);
}

static const reel_shape two = {1, {2}};

START_TEST(pools_are_pytorchs) {
    REEL_SCOPE;
    reel_tensor *x = picture(), *at;
    reel_tensor *y = reel_max_pool2d(
        x, two, (reel_pool_options){.stride = reel_shape(1), .padding = reel_shape(1)}, &at);
    EXPECT(y, {0, 1, 4, 4, 2, 2, 4, 4, 4, 2, 2, 4, 4, 2, 2, 1, 4, 4, 2, 2});
    EXPECT(reel_cast(at, REEL_F64),
           {0, 1, 2, 2, 3, 4, 5, 2, 2, 3, 4, 5, 5, 10, 11, 8, 9, 9, 10, 11});
    EXPECT(reel_adaptive_max_pool2d(x, two, &at), {4, 4, 4, 2});
    EXPECT(reel_cast(at, REEL_F64), {5, 2, 5, 10});
    EXPECT(reel_adaptive_avg_pool2d(x, reel_shape(2, 3)), {1.75, 2.5, 1.75, 2.75, 2.75, 1.25});
    EXPECT(reel_adaptive_avg_pool2d(x, reel_shape(1)), {23.0 / 12});
    EXPECT(reel_avg_pool2d(x, two,
                           (reel_pool_options){.stride = reel_shape(3),
                                               .padding = reel_shape(1),
                                               .ceil_mode = true}),
           {0, 1.5, 0.25, 1});
    EXPECT(reel_lp_pool2d(x, 2, two, (reel_pool_options){0}), {4.58257569495584, 4.58257569495584});
    y = reel_max_pool2d(x, two, (reel_pool_options){0}, &at);
    EXPECT(reel_max_unpool2d(y, at, two, (reel_pool_options){0}, reel_shape(3, 4)),
           {0, 0, 4, 0, 0, 4, 0, 0, 0, 0, 0, 0});
}
END_TEST

START_TEST(resampling_is_pytorchs) {
    REEL_SCOPE;
    reel_tensor *x = picture();
    reel_interpolate_options o = {.scale = {1.7}};
    EXPECT(reel_interpolate(x, o), {0, 0, 1, 1, 4, 4, 0, 0, 1, 1, 4, 4, 2, 2, 4,
                                    4, 1, 1, 2, 2, 4, 4, 1, 1, 1, 1, 4, 4, 2, 2});
    o.mode = REEL_INTERPOLATE_NEAREST_EXACT;
    EXPECT(reel_interpolate(x, o), {0, 0, 1, 4, 4, 2, 0, 0, 1, 4, 4, 2, 2, 2, 4,
                                    1, 1, 0, 1, 1, 4, 2, 2, 2, 1, 1, 4, 2, 2, 2});
    o.mode = REEL_INTERPOLATE_BILINEAR;
    EXPECT(reel_interpolate(x, o), {0,
                                    0.3823529411764706,
                                    0.9705882352941178,
                                    2.6764705882352944,
                                    3.7058823529411766,
                                    2.5294117647058822,
                                    0.7647058823529412,
                                    1.2932525951557095,
                                    2.1064013840830453,
                                    2.541522491349481,
                                    2.6150519031141872,
                                    1.6634948096885813,
                                    1.9411764705882355,
                                    2.6946366782006925,
                                    3.8538062283737027,
                                    2.333910034602076,
                                    0.9368512110726641,
                                    0.3313148788927333,
                                    1.4411764705882353,
                                    2.419550173010381,
                                    3.9247404844290656,
                                    2.6358131487889276,
                                    1.4939446366782008,
                                    1.2344290657439445,
                                    1,
                                    2.147058823529412,
                                    3.9117647058823533,
                                    2.8823529411764706,
                                    2,
                                    2});
    o.recompute_scale_factor = true;
    EXPECT(reel_interpolate(x, o), {0,
                                    0.49999999999999994,
                                    1.4999999999999996,
                                    3.5,
                                    3,
                                    2,
                                    0.7999999999999999,
                                    1.4999999999999998,
                                    2.3,
                                    2.7,
                                    2.0000000000000004,
                                    1.2000000000000002,
                                    2,
                                    3,
                                    3.5000000000000004,
                                    1.5000000000000002,
                                    0.5,
                                    0,
                                    1.4000000000000001,
                                    2.6999999999999993,
                                    3.6,
                                    2,
                                    1.4,
                                    1.1999999999999997,
                                    1,
                                    2.5,
                                    3.666666666666667,
                                    2.333333333333334,
                                    2,
                                    2});
    EXPECT(reel_interpolate(x, (reel_interpolate_options){.scale = {0.7, 1.3},
                                                          .mode = REEL_INTERPOLATE_BICUBIC}),
           {0.32875513642916504, 0.9850317415242718, 2.5934955552462844, 3.2652309815220635,
            1.622340336720512, 1.2794890731617363, 3.590813857557051, 3.372481278928926,
            1.1727727023026018, 1.2009837965458812});
}
END_TEST

/* The last NaN of a window, as in PyTorch, else the first of the greatest; nothing but minus
 * infinity is a place as well. */
START_TEST(nan_wins_and_ties_go_to_the_first) {
    REEL_SCOPE;
    const double v[] = {1, NAN, 5, 3, 3, 3, -INFINITY, -INFINITY, -INFINITY};
    reel_tensor *at,
        *y = reel_max_pool1d(f64(reel_shape(1, 9), v), reel_shape(3), (reel_pool_options){0}, &at);
    ck_assert_double_nan(element(y, 0));
    ck_assert_double_eq(element(y, 1), 3);
    ck_assert_double_eq(element(y, 2), -INFINITY);
    EXPECT(reel_cast(at, REEL_F64), {1, 3, 6});
}
END_TEST

/* x[3,4,1800] of few numbers, many of them alike, and of NaN. */
static reel_tensor *alike(reel_dtype dtype) {
    reel_generator *g = reel_generator_new(3, reel_cpu());
    reel_tensor *x = reel_floor(reel_scale(reel_rand(reel_shape(3, 4, 1800), dtype, g), 5));
    reel_generator_free(g);
    return reel_where(reel_gt(x, reel_full(REEL_SCALAR, 3.5, dtype, reel_cpu())),
                      reel_full(REEL_SCALAR, NAN, dtype, reel_cpu()), x);
}

/* NaN as -1 */
static reel_tensor *numbered(reel_tensor *x) {
    return reel_where_else(reel_logical_not(reel_isnan(x)), x, -1);
}

/* Where windows are of one size, those of their own sizes are the same: the elements and where they
 * lay. */
START_TEST(adaptive_windows_find_what_others_find) {
    const int64_t wide[] = {1, 3, 25, 600, 900, 1800};
    for (int i = 0; i < 12; i++) {
        REEL_SCOPE;
        const int64_t width = wide[i / 2];
        reel_tensor *x = alike(i % 2 ? REEL_F64 : REEL_F32), *at, *at2;
        reel_tensor *y = reel_max_pool2d(x, reel_shape(2, width), (reel_pool_options){0}, &at);
        reel_tensor *y2 = reel_adaptive_max_pool2d(x, reel_shape(2, 1800 / width), &at2);
        ck_assert(reel_item(reel_all(reel_eq(at, at2))) != 0);
        ck_assert(reel_item(reel_all(reel_eq(numbered(y), numbered(y2)))) != 0);
    }
}
END_TEST

static reel_tensor *composed(reel_tensor **in, void *unused) {
    (void)unused;
    reel_tensor *at, *y = reel_lp_pool2d(in[0], 3, reel_shape(1, 2),
                                         (reel_pool_options){.stride = reel_shape(1, 2)});
    y = reel_max_pool2d(y, two, (reel_pool_options){0}, &at);
    y = reel_max_unpool2d(reel_mul(y, y), at, two, (reel_pool_options){0}, (reel_shape){0});
    y = reel_channel_shuffle(reel_pixel_unshuffle(y, 2), 2);
    return reel_fold(reel_unfold(y, reel_shape(1), (reel_unfold_options){0}), reel_shape(2, 1),
                     reel_shape(1), (reel_unfold_options){0});
}

START_TEST(composites_have_gradients) {
    reel_generator *g = reel_generator_new(1, test_device());
    {
        REEL_SCOPE;
        reel_tensor *x = reel_shift(reel_rand(reel_shape(1, 2, 4, 4), REEL_F64, g), 0.5);
        reel_tensor *in[] = {reel_track(x)};
        reel_gradcheck(composed, NULL, in, 1, (reel_gradcheck_options){0});
        expect_fine();
        reel_gradgradcheck(composed, NULL, in, 1, (reel_gradcheck_options){0});
        expect_fine();
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(channels_change_places) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(1, 4, 1, 2), (double[]){0, 1, 2, 3, 4, 5, 6, 7});
    EXPECT(reel_pixel_shuffle(x, 2), {0, 2, 1, 3, 4, 6, 5, 7});
    EXPECT(reel_pixel_unshuffle(reel_pixel_shuffle(x, 2), 2), {0, 1, 2, 3, 4, 5, 6, 7});
    EXPECT(reel_channel_shuffle(x, 2), {0, 1, 4, 5, 2, 3, 6, 7});
}
END_TEST

static void expect_same(reel_module *m, reel_tensor *x, reel_tensor *y) {
    ck_assert_ptr_nonnull(m);
    reel_tensor *z = reel_forward(m, x);
    expect_fine();
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape_of(z)));
    for (int64_t i = 0; i < reel_numel(y); i++) ck_assert_double_eq(element(y, i), element(z, i));
    reel_module_free(m);
}

START_TEST(layers_are_their_functions) {
    REEL_SCOPE;
    const reel_pool_options o = {.stride = reel_shape(1)};
    const reel_unfold_options none = {0};
    reel_tensor *x = picture(), *line = reel_reshape(x, reel_shape(1, 2, 6)),
                *solid = reel_reshape(x, reel_shape(1, 1, 3, 2, 2)),
                *many = reel_reshape(x, reel_shape(1, 12, 1, 1));
    expect_same(reel_max_pool1d_new(two, o), line, reel_max_pool1d(line, two, o, NULL));
    expect_same(reel_max_pool2d_new(two, o), x, reel_max_pool2d(x, two, o, NULL));
    expect_same(reel_max_pool3d_new(two, o), solid, reel_max_pool3d(solid, two, o, NULL));
    expect_same(reel_avg_pool1d_new(two, o), line, reel_avg_pool1d(line, two, o));
    expect_same(reel_avg_pool2d_new(two, o), x, reel_avg_pool2d(x, two, o));
    expect_same(reel_avg_pool3d_new(two, o), solid, reel_avg_pool3d(solid, two, o));
    expect_same(reel_lp_pool1d_new(2, two, o), line, reel_lp_pool1d(line, 2, two, o));
    expect_same(reel_lp_pool2d_new(2, two, o), x, reel_lp_pool2d(x, 2, two, o));
    expect_same(reel_adaptive_avg_pool1d_new(two), line, reel_adaptive_avg_pool1d(line, two));
    expect_same(reel_adaptive_avg_pool2d_new(two), x, reel_adaptive_avg_pool2d(x, two));
    expect_same(reel_adaptive_avg_pool3d_new(two), solid, reel_adaptive_avg_pool3d(solid, two));
    expect_same(reel_adaptive_max_pool1d_new(two), line, reel_adaptive_max_pool1d(line, two, NULL));
    expect_same(reel_adaptive_max_pool2d_new(two), x, reel_adaptive_max_pool2d(x, two, NULL));
    expect_same(reel_adaptive_max_pool3d_new(two), solid,
                reel_adaptive_max_pool3d(solid, two, NULL));
    expect_same(reel_pad_new(reel_shape(1, 2), REEL_PAD_CONSTANT, 0.5), x,
                reel_pad(x, reel_shape(1, 2), REEL_PAD_CONSTANT, 0.5));
    expect_same(reel_upsample_new((reel_interpolate_options){.scale = {2}}), x,
                reel_interpolate(x, (reel_interpolate_options){.scale = {2}}));
    reel_tensor *columns = reel_unfold(x, two, none);
    expect_same(reel_unfold_new(two, none), x, columns);
    expect_same(reel_fold_new(reel_shape(3, 4), two, none), columns,
                reel_fold(columns, reel_shape(3, 4), two, none));
    reel_tensor *large = reel_pixel_shuffle(many, 2);
    expect_same(reel_pixel_shuffle_new(2), many, large);
    expect_same(reel_pixel_unshuffle_new(2), large, many);
    expect_same(reel_channel_shuffle_new(3), many, reel_channel_shuffle(many, 3));
}
END_TEST

#define REFUSED(what, ...)                                                                         \
    ck_assert_ptr_null(__VA_ARGS__);                                                               \
    expect_failure(REEL_ERR_ARGUMENT, what)

/* When they are made, where no input would do. */
START_TEST(layers_refuse_options) {
    const reel_pool_options plain = {0}, shared = {.divisor = 2}, padded = {.padding = two},
                            wide = {.dilation = two};
    const reel_unfold_options none = {0};
    REFUSED("max_pool1d_new: the kernel must have a length",
            reel_max_pool1d_new(REEL_SCALAR, plain));
    REFUSED("max_pool2d_new: kernel for 3 axes, where there are 2",
            reel_max_pool2d_new(reel_shape(2, 2, 2), plain));
    REFUSED("max_pool3d_new: takes no divisor and no exclude_pad",
            reel_max_pool3d_new(two, shared));
    REFUSED("avg_pool2d_new: padding must be half of the kernel or less: 2",
            reel_avg_pool2d_new(two, padded));
    REFUSED("avg_pool3d_new: an average has no dilation", reel_avg_pool3d_new(two, wide));
    REFUSED("lp_pool1d_new: p must be above 0: 0", reel_lp_pool1d_new(0, two, plain));
    REFUSED("lp_pool2d_new: takes no padding", reel_lp_pool2d_new(2, two, padded));
    REFUSED("adaptive_avg_pool1d_new: the result must have a size",
            reel_adaptive_avg_pool1d_new(REEL_SCALAR));
    REFUSED("adaptive_max_pool2d_new: size must be 0 or more: -1",
            reel_adaptive_max_pool2d_new(reel_shape(-1)));
    REFUSED("pad_new: takes two numbers of each of 1 to 3 axes, not 3",
            reel_pad_new(reel_shape(1, 1, 1), REEL_PAD_CONSTANT, 0));
    REFUSED("pad_new: mode 4 is none", reel_pad_new(two, (reel_pad_mode)4, 0));
    REFUSED("upsample_new: the scale must be above 0: 0",
            reel_upsample_new((reel_interpolate_options){0}));
    REFUSED("upsample_new: the scale must be above 0: -1",
            reel_upsample_new((reel_interpolate_options){.scale = {2, -1}}));
    REFUSED("upsample_new: size for 4 axes",
            reel_upsample_new((reel_interpolate_options){.size = reel_shape(2, 2, 2, 2)}));
    REFUSED("upsample_new: align_corners: of linear and cubic alone",
            reel_upsample_new((reel_interpolate_options){.size = two, .align_corners = true}));
    REFUSED("unfold_new: kernel must be 1 or more: 0", reel_unfold_new(reel_shape(0), none));
    REFUSED("fold_new: size must be 1 or more: 0", reel_fold_new(REEL_SCALAR, two, none));
    ck_assert_ptr_null(reel_fold_new(two, reel_shape(3), none));
    expect_failure(REEL_ERR_SHAPE, "fold_new: the kernel reaches over 3");
    REFUSED("pixel_shuffle_new: the factor must be 1 or more: 0", reel_pixel_shuffle_new(0));
    REFUSED("pixel_unshuffle_new: the factor must be 1 or more: -2", reel_pixel_unshuffle_new(-2));
    REFUSED("channel_shuffle_new: groups must be 1 or more: 0", reel_channel_shuffle_new(0));
}
END_TEST

START_TEST(what_cannot_be_is_refused) {
    REEL_SCOPE;
    reel_tensor *x = picture();
    const reel_pool_options none = {0};
    ck_assert_ptr_null(reel_max_pool2d(x, (reel_shape){0}, none, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "max_pool2d: the kernel must have a length");
    ck_assert_ptr_null(reel_max_pool1d(x, two, none, NULL));
    expect_failure(REEL_ERR_SHAPE, "max_pool1d: takes an input of 3 axes, or 2");
    ck_assert_ptr_null(reel_avg_pool2d(x, reel_shape(2, 2, 2), none));
    expect_failure(REEL_ERR_ARGUMENT, "avg_pool2d: kernel for 3 axes, where there are 2");
    ck_assert_ptr_null(reel_avg_pool2d(x, two, (reel_pool_options){.stride = reel_shape(-1)}));
    expect_failure(REEL_ERR_ARGUMENT, "avg_pool2d: stride must be 1 or more: -1");
    ck_assert_ptr_null(reel_max_pool2d(x, two, (reel_pool_options){.padding = two}, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "max_pool2d: padding must be half of the kernel or less: 2");
    ck_assert_ptr_null(reel_max_pool2d(x, two,
                                       (reel_pool_options){.padding = reel_shape(3),
                                                           .stride = reel_shape(1),
                                                           .dilation = reel_shape(5)},
                                       NULL));
    expect_failure(REEL_ERR_SHAPE, "has padding alone, with dilation 5");
    ck_assert_ptr_null(reel_interpolate(x, (reel_interpolate_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "interpolate: the scale must be above 0: 0");
    ck_assert_ptr_null(reel_interpolate(x, (reel_interpolate_options){.size = two, .scale = {2}}));
    expect_failure(REEL_ERR_ARGUMENT, "interpolate: either a size or a scale");
    ck_assert_ptr_null(reel_pad(x, reel_shape(1), REEL_PAD_CONSTANT, 0));
    expect_failure(REEL_ERR_ARGUMENT, "pad: takes two numbers of each of 1 to 3 axes, not 1");
    ck_assert_ptr_null(reel_pad(x, reel_shape(4, 0), REEL_PAD_REFLECT, 0));
    expect_failure(REEL_ERR_SHAPE, "pad: padding of 4 where there are 4");
    ck_assert_ptr_null(reel_pixel_unshuffle(x, 2));
    expect_failure(REEL_ERR_SHAPE, "pixel_unshuffle: 3 x 4 is no multiple of 2");
    ck_assert_ptr_null(reel_fold(x, two, two, (reel_unfold_options){0}));
    expect_failure(REEL_ERR_SHAPE, "fold: takes an input of 3 axes, or 2");
}
END_TEST

/* Whatever the number of threads. */
START_TEST(threads_change_no_bit) {
    reel_generator *g = reel_generator_new(3, test_device());
    const int before = reel_threads();
    for (int threads = 2; threads < 4; threads++) {
        REEL_SCOPE;
        reel_tensor *x = reel_randn(reel_shape(3, 5, 33, 47), REEL_F32, g), *y[2];
        for (int k = 0; k < 2; k++) {
            reel_set_threads(k ? threads : 1);
            reel_tensor *of = reel_track(reel_detach(x));
            reel_tensor *z = reel_interpolate(
                of, (reel_interpolate_options){.scale = {1.3}, .mode = REEL_INTERPOLATE_BILINEAR});
            z = reel_max_pool2d(z, reel_shape(3), (reel_pool_options){.stride = two}, NULL);
            z = reel_avg_pool2d(z, reel_shape(3), (reel_pool_options){.stride = reel_shape(1)});
            reel_tensor *sum = reel_sum(reel_mul(z, z));
            ck_assert_int_eq(reel_backward(sum), REEL_OK);
            y[k] = reel_grad(of);
        }
        expect_fine();
        ck_assert_double_eq(reel_item(reel_max(reel_abs(reel_sub(y[0], y[1])))), 0);
    }
    reel_set_threads(before);
    reel_generator_free(g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("windows");
    TCase *t = add_case(s, "values");
    tcase_add_test(t, pools_are_pytorchs);
    tcase_add_test(t, resampling_is_pytorchs);
    tcase_add_test(t, nan_wins_and_ties_go_to_the_first);
    tcase_add_test(t, adaptive_windows_find_what_others_find);
    tcase_add_test(t, channels_change_places);
    tcase_add_test(t, composites_have_gradients);
    tcase_add_test(t, layers_are_their_functions);
    tcase_add_test(t, layers_refuse_options);
    tcase_add_test(t, what_cannot_be_is_refused);
    t = add_cpu_case(s, "threads");
    tcase_add_test(t, threads_change_no_bit);
    return run_suite(s);
}
