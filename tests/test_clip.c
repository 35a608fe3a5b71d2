/* Clipping of gradients, by their norm and by value. */
#include "tests/optim_params.h"

/* Clips the gradients of step 1 and compares with the formula. Returns whether any was changed. */
static bool clips_by_norm(int which, double max_norm) {
    params made = params_new(dtypes[which].a, dtypes[which].b);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 1});
    double square = 0.0;
    for (int k = 0; k < 2; k++) {
        give_gradient_of_step(&made, k, 1);
        for (int i = 0; i < N; i++) square += gradient(k, i, 1) * gradient(k, i, 1);
    }
    const double norm = sqrt(square), scale = fmin(1.0, max_norm / (norm + 1e-6));
    const double tolerance = dtypes[which].a == REEL_F64 ? 1e-12 : 1e-6;
    {
        REEL_SCOPE;
        reel_tensor *got = reel_clip_grad_norm(o, max_norm);
        expect_fine();
        ck_assert_int_eq(reel_ndim(got), 0);
        ck_assert_double_eq_tol(reel_item(got), norm, tolerance * norm);
    }
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i++)
            ck_assert_double_eq_tol(element(reel_grad(made.p[k]), i), scale * gradient(k, i, 1),
                                    tolerance);
    reel_optim_free(o);
    params_free(&made);
    return scale < 1.0;
}

START_TEST(norm_is_clipped) {
    ck_assert(clips_by_norm(_i, 0.5));
    ck_assert(!clips_by_norm(_i, 100.0));
    ck_assert(clips_by_norm(_i, 0.0));
    ck_assert(!clips_by_norm(_i, INFINITY)); /* asks for the norm alone */
}
END_TEST

enum { LONG = 1000 }; /* that vector loops take part */

/* A parameter with a gradient of `size` at one place, and 0 elsewhere. */
static reel_tensor *long_param(reel_state *list, const char *name, double size, reel_dtype dtype) {
    reel_tensor *p = NULL;
    {
        REEL_SCOPE;
        double values[LONG] = {[77] = size};
        p = reel_track(reel_zeros(reel_shape(LONG), dtype, test_device()));
        reel_state_put(list, name, p);
        give_gradient(p, values);
    }
    return p;
}

/* Whose squares overflow or vanish; alike, or of two dtypes. */
START_TEST(norms_of_any_size_are_right) {
    static const struct {
        double size;
        reel_dtype dtype;
    } cases[] = {{1e20, REEL_F32},  {1e-25, REEL_F32},  {1e-12, REEL_F32},
                 {1e37, REEL_F32},  {1e200, REEL_F64},  {1e-200, REEL_F64},
                 {3e307, REEL_F64}, {1e-300, REEL_F64}, {1e30, REEL_F64}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        REEL_SCOPE;
        const double size = cases[i].size;
        const bool single = cases[i].dtype == REEL_F32, apart = _i == 1;
        const double second = apart && !single ? 0 : 4,
                     all = hypot(3, second); /* 4e200 is no f32 */
        reel_state *list = reel_state_new();
        reel_tensor *p[2] = {
            long_param(list, "a", 3 * size, cases[i].dtype),
            long_param(list, "b", second * size, apart == single ? REEL_F64 : REEL_F32),
        };
        reel_optim *o = reel_sgd_new(list, (reel_sgd_options){.lr = 1});
        reel_tensor *norm = reel_clip_grad_norm(o, 2 * size);
        const double relative = single ? 1e-6 : 1e-12, scale = 2 * size / (all * size + 1e-6);
        ck_assert_double_eq_tol(reel_item(norm) / size, all, 5 * relative);
        for (int k = 0; k < 2; k++) {
            const double got = element(reel_grad(p[k]), 77) / size;
            ck_assert_double_eq_tol(got, (k ? second : 3) * fmin(1, scale), 4 * relative);
        }
        reel_optim_free(o);
        reel_state_free(list);
    }
}
END_TEST

START_TEST(norms_of_what_is_not_finite) {
    static const double spoilt[] = {INFINITY, -INFINITY, NAN};
    for (int i = 0; i < 3; i++)
        for (int which = 0; which < DTYPES; which++) {
            REEL_SCOPE;
            params made = params_new(dtypes[which].a, dtypes[which].b);
            reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 1});
            for (int k = 0; k < 2; k++) {
                double values[N] = {1e-30, k ? spoilt[i] : 1e30};
                give_gradient(made.p[k], values);
            }
            const double norm = reel_item(reel_clip_grad_norm(o, 1));
            ck_assert(i == 2 ? isnan(norm) : norm == INFINITY);
            reel_optim_free(o);
            params_free(&made);
        }
}
END_TEST

START_TEST(values_are_clipped) {
    params made = params_new(dtypes[_i].a, dtypes[_i].b);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 1});
    for (int k = 0; k < 2; k++) give_gradient_of_step(&made, k, 1);
    ck_assert_int_eq(reel_clip_grad_value(o, 0.5), REEL_OK);
    int cut = 0;
    for (int k = 0; k < 2; k++)
        for (int i = 0; i < N; i++) {
            double g = gradient(k, i, 1), expected = fmax(-0.5, fmin(0.5, g));
            cut += expected != g;
            ck_assert_double_eq_tol(element(reel_grad(made.p[k]), i), expected, 1e-7);
        }
    ck_assert_int_gt(cut, 0);
    ck_assert_int_lt(cut, 2 * N);
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

START_TEST(clipping_refuses) {
    params made = params_new(REEL_F32, REEL_F32);
    reel_optim *o = reel_sgd_new(made.list, (reel_sgd_options){.lr = 1});
    {
        REEL_SCOPE;
        ck_assert_double_eq(reel_item(reel_clip_grad_norm(o, 1.0)), 0.0); /* no gradients */
        ck_assert_int_eq(reel_clip_grad_value(o, 1.0), REEL_OK);
        ck_assert_ptr_null(reel_clip_grad_norm(o, -1.0));
        expect_failure(REEL_ERR_ARGUMENT, "clip_grad_norm: max_norm");
        ck_assert_ptr_null(reel_clip_grad_norm(o, NAN));
        expect_failure(REEL_ERR_ARGUMENT, "max_norm");
        ck_assert_ptr_null(reel_clip_grad_norm(NULL, 1.0));
        expect_failure(REEL_ERR_ARGUMENT, "no optimizer");
        ck_assert_int_ne(reel_clip_grad_value(o, -1.0), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "clip_grad_value: limit");
        ck_assert_int_ne(reel_clip_grad_value(o, NAN), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "limit");
        ck_assert_int_ne(reel_clip_grad_value(NULL, 1.0), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no optimizer");
    }
    reel_optim_free(o);
    params_free(&made);
}
END_TEST

int main(void) {
    Suite *s = suite_create("clip");
    TCase *c = add_case(s, "clipping");
    tcase_add_loop_test(c, norm_is_clipped, 0, DTYPES);
    tcase_add_loop_test(c, norms_of_any_size_are_right, 0, 2);
    tcase_add_test(c, norms_of_what_is_not_finite);
    tcase_add_loop_test(c, values_are_clipped, 0, DTYPES);
    tcase_add_test(c, clipping_refuses);
    return run_suite(s);
}
