/* tensor/state.h: names, text and numbers that read back. */
#include "tensor/state.h"

#include "tests/expect.h"

#include <float.h>
#include <locale.h>
#include <stdio.h>

START_TEST(state_keeps_order_and_references) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *a = reel_ones(reel_shape(2), REEL_F32, test_device());
        ck_assert_int_eq(reel_state_put(s, "z", a), REEL_OK);
        ck_assert_int_eq(reel_state_put_in(s, "model", "a.b", a), REEL_OK);
        ck_assert_int_eq(reel_state_put_in(s, "", "m", reel_scalar(7, REEL_I64, test_device())),
                         REEL_OK);
        ck_assert_ptr_eq(reel_state_get(s, "model.a.b"), a);
    }
    ck_assert_int_eq(reel_state_count(s), 3);
    ck_assert_str_eq(reel_state_name(s, 0), "z");
    ck_assert_str_eq(reel_state_name(s, 1), "model.a.b");
    ck_assert_str_eq(reel_state_name(s, 2), "m");
    ck_assert_double_eq(reel_item(reel_state_at(s, 2)), 7.0); /* outlives the scope */
    ck_assert_ptr_eq(reel_state_get_in(s, "model", "a.b"), reel_state_at(s, 0));
    ck_assert_ptr_eq(reel_state_get_in(s, "model.a", "b"), reel_state_at(s, 0));
    ck_assert_ptr_null(reel_state_get_in(s, "mode", "a.b"));
    ck_assert_ptr_null(reel_state_get_in(s, "model", "a"));
    ck_assert_ptr_null(reel_state_get(s, "a.b"));
    ck_assert_ptr_null(reel_state_get(s, NULL));
    ck_assert_ptr_null(reel_state_at(s, 3));
    ck_assert_ptr_null(reel_state_name(s, -1));
    reel_state_free(s);
    reel_state_free(NULL);
}
END_TEST

START_TEST(state_grows) {
    reel_state *s = reel_state_new();
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "t%d", i);
        {
            REEL_SCOPE;
            ck_assert_int_eq(reel_state_put(s, name, reel_scalar(i, REEL_F64, test_device())),
                             REEL_OK);
        }
        ck_assert_int_eq(reel_state_put_int(s, name, i), REEL_OK);
    }
    ck_assert_int_eq(reel_state_count(s), 100);
    ck_assert_int_eq(reel_state_text_count(s), 100);
    ck_assert_double_eq(reel_item(reel_state_get(s, "t73")), 73.0);
    ck_assert_str_eq(reel_state_text(s, "t73"), "73");
    reel_state_free(s);
}
END_TEST

/* Linear searches would take a minute. */
START_TEST(state_finds_among_many) {
    enum { MANY = 100000 };
    reel_state *s = reel_state_new();
    char name[16];
    {
        REEL_SCOPE;
        reel_tensor *even = reel_scalar(0, REEL_F32, test_device());
        reel_tensor *odd = reel_scalar(1, REEL_F32, test_device());
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "%d", i);
            ck_assert_int_eq(reel_state_put_in(s, "p", name, i % 2 ? odd : even), REEL_OK);
            ck_assert_int_eq(reel_state_put_text(s, name, i % 2 ? "odd" : "even"), REEL_OK);
        }
        for (int i = 0; i < MANY; i++) {
            snprintf(name, sizeof name, "%d", i);
            ck_assert_ptr_eq(reel_state_get_in(s, "p", name), i % 2 ? odd : even);
            ck_assert_str_eq(reel_state_text(s, name), i % 2 ? "odd" : "even");
        }
    }
    ck_assert_int_eq(reel_state_count(s), MANY);
    ck_assert_str_eq(reel_state_name(s, MANY - 1), "p.99999");
    ck_assert_ptr_null(reel_state_get_in(s, "p", "100000"));
    ck_assert_ptr_null(reel_state_text(s, "100000"));
    reel_state_free(s);
}
END_TEST

START_TEST(state_refuses) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *a = reel_scalar(1, REEL_F32, test_device());
        ck_assert_int_eq(reel_state_put_in(s, "p", "a", a), REEL_OK);
        ck_assert_int_ne(reel_state_put(s, "p.a", a), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "p.a");
        ck_assert_int_ne(reel_state_put(s, NULL, a), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no name");
        ck_assert_int_ne(reel_state_put(s, "", a), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no name");
        ck_assert_int_ne(reel_state_put(s, "b", NULL), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no tensor: b");
        ck_assert_int_ne(reel_state_put(NULL, "b", a), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "no state");
        reel_fail(REEL_ERR_IO, NULL, "the first failure");
        ck_assert_int_ne(reel_state_put(s, "b", NULL), REEL_OK);
        expect_failure(REEL_ERR_IO, "the first failure");
    }
    ck_assert_int_eq(reel_state_count(s), 1);
    ck_assert_int_ne(reel_state_put_text(NULL, "k", "v"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    ck_assert_int_ne(reel_state_put_text(s, "", "v"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no key");
    ck_assert_int_ne(reel_state_put_text(s, "k", NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no value: k");
    ck_assert_int_eq(reel_state_text_count(s), 0);
    reel_state_free(s);
}
END_TEST

START_TEST(state_replaces_text) {
    reel_state *s = reel_state_new();
    reel_state_put_text(s, "a", "1");
    reel_state_put_text(s, "b", "");
    reel_state_put_text(s, "a", "two\nlines");
    ck_assert_int_eq(reel_state_text_count(s), 2);
    ck_assert_str_eq(reel_state_text(s, "a"), "two\nlines");
    ck_assert_str_eq(reel_state_text(s, "b"), "");
    ck_assert_ptr_null(reel_state_text(s, "c"));
    ck_assert_str_eq(reel_state_text_key(s, 1), "b");
    ck_assert_str_eq(reel_state_text_value(s, 0), "two\nlines");
    ck_assert_ptr_null(reel_state_text_key(s, 2));
    reel_state_free(s);
}
END_TEST

START_TEST(state_numbers_read_back) {
    const double doubles[] = {0.1,    -0.0,     1.0 / 3.0, DBL_MAX, DBL_MIN,
                              5e-324, INFINITY, -INFINITY, 1e-3,    M_PI};
    const int64_t ints[] = {0, -1, INT64_MAX, INT64_MIN, 42};
    reel_state *s = reel_state_new();
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        double v = 7;
        ck_assert_int_eq(reel_state_put_double(s, "d", doubles[i]), REEL_OK);
        ck_assert(reel_state_double(s, "d", &v));
        ck_assert_msg(memcmp(&v, &doubles[i], sizeof v) == 0, "%a read back as %a", doubles[i], v);
    }
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        int64_t v = 7;
        ck_assert_int_eq(reel_state_put_int(s, "i", ints[i]), REEL_OK);
        ck_assert(reel_state_int(s, "i", &v));
        ck_assert_int_eq(v, ints[i]);
    }
    double nan = 0.0;
    reel_state_put_double(s, "d", NAN);
    ck_assert(reel_state_double(s, "d", &nan));
    ck_assert(isnan(nan));
    reel_state_free(s);
}
END_TEST

/* Where the locale is installed: elsewhere this says no more than the test above. */
START_TEST(state_numbers_ignore_the_locale) {
    const char *const decimal_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8"};
    for (int i = 0; i < 2 && !setlocale(LC_ALL, decimal_comma[i]); i++) {
    }
    reel_state *s = reel_state_new();
    double v = 0.0;
    reel_state_put_double(s, "d", 0.5);
    ck_assert_str_eq(reel_state_text(s, "d"), "0.5");
    ck_assert(reel_state_double(s, "d", &v));
    ck_assert_double_eq(v, 0.5);
    reel_state_free(s);
}
END_TEST

START_TEST(state_numbers_are_checked) {
    const char *const neither[] = {"", " ", "x", "1x", "1 ", "0x", "--1"};
    reel_state *s = reel_state_new();
    int64_t i = 5;
    double d = 5;
    for (size_t k = 0; k < sizeof neither / sizeof *neither; k++) {
        reel_state_put_text(s, "n", neither[k]);
        ck_assert_msg(!reel_state_int(s, "n", &i), "\"%s\" read as an integer", neither[k]);
        ck_assert_msg(!reel_state_double(s, "n", &d), "\"%s\" read as a double", neither[k]);
    }
    reel_state_put_text(s, "n", "9223372036854775808");
    ck_assert(!reel_state_int(s, "n", &i));
    reel_state_put_text(s, "n", "1.5");
    ck_assert(!reel_state_int(s, "n", &i));
    ck_assert(!reel_state_int(s, "absent", &i));
    ck_assert(!reel_state_double(s, "absent", &d));
    ck_assert(!reel_state_double(NULL, "n", &d));
    ck_assert(!reel_state_int(NULL, NULL, NULL) && !reel_state_double(NULL, NULL, NULL));
    ck_assert(!reel_state_int(s, "n", NULL) && reel_state_double(s, "n", NULL));
    ck_assert_int_eq(i, 5);
    ck_assert_double_eq(d, 5.0);
    reel_state_free(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("state");
    TCase *c = add_case(s, "state");
    tcase_add_test(c, state_keeps_order_and_references);
    tcase_add_test(c, state_grows);
    tcase_add_test(c, state_finds_among_many);
    tcase_add_test(c, state_refuses);
    tcase_add_test(c, state_replaces_text);
    tcase_add_test(c, state_numbers_read_back);
    tcase_add_test(c, state_numbers_ignore_the_locale);
    tcase_add_test(c, state_numbers_are_checked);
    return run_suite(s);
}
