/* Printing: numpy's own output, to the letter. The texts are what str(array) of numpy 2.4 gives. */
#include "autograd/autograd.h"
#include "tests/expect.h"

#include <locale.h>
#include <stdlib.h>

static char *printed(reel_tensor *t) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(f);
    reel_print(f, t);
    fclose(f);
    return text;
}

static void expect_print(reel_tensor *t, const char *text) {
    char *got = printed(t);
    expect_fine();
    ck_assert_ptr_nonnull(t);
    size_t n = strlen(got);
    ck_assert(n > 0 && got[n - 1] == '\n');
    got[n - 1] = '\0';
    ck_assert_str_eq(got, text);
    free(got);
}

typedef struct {
    reel_dtype dtype;
    reel_shape shape;
    double values[12];
    const char *text;
} print_case;

static const print_case cases[] = {
    /* integers */
    {REEL_I64, {1, {5}}, {1, -20, 300, 0, 7}, "[  1 -20 300   0   7]"},
    {REEL_U8,
     {2, {2, 3}},
     {0, 255, 7, 10, 1, 2},
     "[[  0 255   7]\n"
     " [ 10   1   2]]"},
    {REEL_I64,
     {2, {2, 2}},
     {-1, 9007199254740991.0, 5, -33},
     "[[              -1 9007199254740991]\n"
     " [               5              -33]]"},
    {REEL_I64, {0, {0}}, {-42}, "-42"},
    {REEL_U8, {0, {0}}, {200}, "200"},
    {REEL_I64, {1, {1}}, {3}, "[3]"},
    /* floats */
    {REEL_F64, {1, {3}}, {1, 2, 3}, "[1. 2. 3.]"},
    {REEL_F64, {1, {4}}, {0.1, -2.5, 100, 3.14159}, "[  0.1      -2.5     100.        3.14159]"},
    {REEL_F32, {1, {3}}, {0.1, 0.2, 0.3}, "[0.1 0.2 0.3]"},
    {REEL_F32, {1, {3}}, {16.1, -0.0, 0.3333333333333333}, "[16.1        -0.          0.33333334]"},
    {REEL_F64,
     {1, {3}},
     {0.3333333333333333, 0.6666666666666666, 0.001},
     "[0.33333333 0.66666667 0.001     ]"},
    {REEL_F64, {1, {2}}, {0.123456785, 123.123456785}, "[  0.12345678 123.12345679]"},
    {REEL_F32,
     {2, {2, 2}},
     {1.5, -10.25, 100, 0},
     "[[  1.5  -10.25]\n"
     " [100.     0.  ]]"},
    {REEL_F64, {1, {3}}, {99999999, 0.5, 100000}, "[9.9999999e+07 5.0000000e-01 1.0000000e+05]"},
    {REEL_F64, {1, {2}}, {0, 0}, "[0. 0.]"},
    {REEL_F32, {1, {4}}, {0.001, 0.5, 0.9999999, 1}, "[0.001     0.5       0.9999999 1.       ]"},
    {REEL_F32, {1, {2}}, {999999, 1000.5}, "[999999.    1000.5]"},
    /* exponents */
    {REEL_F64, {1, {3}}, {1e-05, 1, 2}, "[1.e-05 1.e+00 2.e+00]"},
    {REEL_F64, {1, {2}}, {100000000, 1}, "[1.e+08 1.e+00]"},
    {REEL_F64, {1, {3}}, {10000000000, -2.5e-07, 0}, "[ 1.0e+10 -2.5e-07  0.0e+00]"},
    {REEL_F64, {1, {2}}, {1001, 1}, "[1.001e+03 1.000e+00]"},
    {REEL_F64, {1, {2}}, {1000, 1}, "[1000.    1.]"},
    {REEL_F64, {1, {2}}, {1e-300, 1e+100}, "[1.e-300 1.e+100]"},
    {REEL_F32, {1, {2}}, {1000000, 1}, "[1.e+06 1.e+00]"},
    {REEL_F32, {1, {3}}, {0.0001, -0.001, 0.01}, "[ 0.0001 -0.001   0.01  ]"},
    {REEL_F32, {1, {2}}, {3.4028235e+38, 1.1754944e-38}, "[3.4028235e+38 1.1754944e-38]"},
    {REEL_F32, {1, {4}}, {0.1, 1e-07, 12.25, -3}, "[ 1.000e-01  1.000e-07  1.225e+01 -3.000e+00]"},
    {REEL_F64, {1, {2}}, {9.999999999999999e-06, 1000}, "[1.e-05 1.e+03]"},
    {REEL_F32, {1, {2}}, {10000000, 10000000}, "[1.e+07 1.e+07]"},
    /* what is not finite */
    {REEL_F64, {1, {3}}, {NAN, INFINITY, -INFINITY}, "[ nan  inf -inf]"},
    {REEL_F64, {1, {3}}, {1.5, NAN, -2}, "[ 1.5  nan -2. ]"},
    {REEL_F32, {1, {2}}, {INFINITY, 1}, "[inf  1.]"},
    {REEL_F64, {1, {3}}, {-INFINITY, 1e-09, NAN}, "[  -inf 1.e-09    nan]"},
    {REEL_F64, {1, {2}}, {100.25, -INFINITY}, "[100.25   -inf]"},
    {REEL_F32, {1, {1}}, {NAN}, "[nan]"},
    /* lone numbers */
    {REEL_F64, {0, {0}}, {1}, "1.0"},
    {REEL_F64, {0, {0}}, {0.1}, "0.1"},
    {REEL_F32, {0, {0}}, {0.1}, "0.1"},
    {REEL_F64, {0, {0}}, {0.3333333333333333}, "0.3333333333333333"},
    {REEL_F32, {0, {0}}, {0.3333333333333333}, "0.33333334"},
    {REEL_F64, {0, {0}}, {-1e-05}, "-1e-05"},
    {REEL_F64, {0, {0}}, {1e+16}, "1e+16"},
    {REEL_F64, {0, {0}}, {1000000000000000}, "1000000000000000.0"},
    {REEL_F32, {0, {0}}, {1000000}, "1e+06"},
    {REEL_F32, {0, {0}}, {999999}, "999999.0"},
    {REEL_F64, {0, {0}}, {1.5e+300}, "1.5e+300"},
    {REEL_F64, {0, {0}}, {NAN}, "nan"},
    {REEL_F64, {0, {0}}, {-INFINITY}, "-inf"},
    {REEL_F64, {0, {0}}, {-0.0}, "-0.0"},
    {REEL_F64, {0, {0}}, {1.2345e-07}, "1.2345e-07"},
    {REEL_F32, {0, {0}}, {16777216}, "1.6777216e+07"},
    /* axes */
    {REEL_I64,
     {3, {2, 2, 3}},
     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
     "[[[ 0  1  2]\n"
     "  [ 3  4  5]]\n"
     "\n"
     " [[ 6  7  8]\n"
     "  [ 9 10 11]]]"},
    {REEL_F64,
     {4, {2, 1, 2, 2}},
     {0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5},
     "[[[[0.  0.5]\n"
     "   [1.  1.5]]]\n"
     "\n"
     "\n"
     " [[[2.  2.5]\n"
     "   [3.  3.5]]]]"},
    {REEL_U8, {3, {1, 1, 1}}, {9}, "[[[9]]]"},
    {REEL_F32,
     {2, {3, 1}},
     {1, -2, 10},
     "[[ 1.]\n"
     " [-2.]\n"
     " [10.]]"},
    {REEL_F64, {1, {0}}, {0}, "[]"},
    {REEL_F64, {2, {2, 0}}, {0}, "[]"},
    {REEL_I64, {2, {0, 3}}, {0}, "[]"},
};

START_TEST(prints_as_numpy) {
    const print_case *c = &cases[_i];
    REEL_SCOPE;
    expect_print(reel_cast(reel_from(c->values, c->shape, REEL_F64), c->dtype), c->text);
}
END_TEST

START_TEST(wraps_lines) {
    REEL_SCOPE;
    reel_tensor *count = reel_arange(40, REEL_I64, reel_cpu());
    expect_print(count, "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
                        " 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39]");
    reel_tensor *x = reel_affine(reel_arange(30, REEL_F64, reel_cpu()), 1.25, -3);
    expect_print(x, "[-3.   -1.75 -0.5   0.75  2.    3.25  4.5   5.75  7.    8.25  9.5  10.75\n"
                    " 12.   13.25 14.5  15.75 17.   18.25 19.5  20.75 22.   23.25 24.5  25.75\n"
                    " 27.   28.25 29.5  30.75 32.   33.25]");
    expect_print(reel_reshape(x, reel_shape(1, 2, 15)),
                 "[[[-3.   -1.75 -0.5   0.75  2.    3.25  4.5   5.75  7.    8.25  9.5\n"
                 "   10.75 12.   13.25 14.5 ]\n"
                 "  [15.75 17.   18.25 19.5  20.75 22.   23.25 24.5  25.75 27.   28.25\n"
                 "   29.5  30.75 32.   33.25]]]");
    const int64_t wide[] = {1000000000000000000, -1, 5, 77, 1000000000000000000};
    expect_print(reel_from(wide, reel_shape(5), REEL_I64),
                 "[1000000000000000000                  -1                   5\n"
                 "                  77 1000000000000000000]");
}
END_TEST

START_TEST(summarises_beyond_a_thousand) {
    REEL_SCOPE;
    reel_tensor *n = reel_arange(1001, REEL_I64, reel_cpu());
    expect_print(n, "[   0    1    2 ...  998  999 1000]");
    char *all = printed(reel_slice(n, 0, 0, 1000, 1));
    ck_assert_ptr_null(strstr(all, "..."));
    ck_assert_ptr_nonnull(strstr(all, " 498 499 500 501 502 503\n 504 "));
    free(all);
    expect_print(reel_affine(reel_arange(5000, REEL_F32, reel_cpu()), 0.5, 0),
                 "[0.0000e+00 5.0000e-01 1.0000e+00 ... 2.4985e+03 2.4990e+03 2.4995e+03]");
    reel_tensor *m = reel_reshape(reel_arange(1600, REEL_I64, reel_cpu()), reel_shape(40, 40));
    expect_print(m, "[[   0    1    2 ...   37   38   39]\n"
                    " [  40   41   42 ...   77   78   79]\n"
                    " [  80   81   82 ...  117  118  119]\n"
                    " ...\n"
                    " [1480 1481 1482 ... 1517 1518 1519]\n"
                    " [1520 1521 1522 ... 1557 1558 1559]\n"
                    " [1560 1561 1562 ... 1597 1598 1599]]");
    expect_print(reel_t(m), "[[   0   40   80 ... 1480 1520 1560]\n"
                            " [   1   41   81 ... 1481 1521 1561]\n"
                            " [   2   42   82 ... 1482 1522 1562]\n"
                            " ...\n"
                            " [  37   77  117 ... 1517 1557 1597]\n"
                            " [  38   78  118 ... 1518 1558 1598]\n"
                            " [  39   79  119 ... 1519 1559 1599]]");
    expect_print(reel_reshape(reel_arange(2000, REEL_I64, reel_cpu()), reel_shape(2, 4, 250)),
                 "[[[   0    1    2 ...  247  248  249]\n"
                 "  [ 250  251  252 ...  497  498  499]\n"
                 "  [ 500  501  502 ...  747  748  749]\n"
                 "  [ 750  751  752 ...  997  998  999]]\n"
                 "\n"
                 " [[1000 1001 1002 ... 1247 1248 1249]\n"
                 "  [1250 1251 1252 ... 1497 1498 1499]\n"
                 "  [1500 1501 1502 ... 1747 1748 1749]\n"
                 "  [1750 1751 1752 ... 1997 1998 1999]]]");
    expect_print(reel_reshape(reel_arange(1200, REEL_I64, reel_cpu()), reel_shape(300, 4)),
                 "[[   0    1    2    3]\n"
                 " [   4    5    6    7]\n"
                 " [   8    9   10   11]\n"
                 " ...\n"
                 " [1188 1189 1190 1191]\n"
                 " [1192 1193 1194 1195]\n"
                 " [1196 1197 1198 1199]]");
}
END_TEST

START_TEST(prints_views) {
    REEL_SCOPE;
    reel_tensor *x = reel_reshape(reel_arange(6, REEL_F32, reel_cpu()), reel_shape(2, 3));
    expect_print(reel_t(x), "[[0. 3.]\n"
                            " [1. 4.]\n"
                            " [2. 5.]]");
    expect_print(reel_slice(x, 1, 1, 3, 1), "[[1. 2.]\n"
                                            " [4. 5.]]");
    expect_print(reel_expand(reel_select(x, 0, 1), reel_shape(2, 3)), "[[3. 4. 5.]\n"
                                                                      " [3. 4. 5.]]");
}
END_TEST

/* The smallest numbers, and those beside a power of two. */
START_TEST(prints_bits) {
    const float small[] = {0x1p-149f, 0x1p-126f, 1.0f};
    const double near[] = {0x1.fffffffffffffp-2, 0x1.0000000000001p0, 9007199254740993.0};
    REEL_SCOPE;
    expect_print(reel_from(small, reel_shape(3), REEL_F32),
                 "[1.4012985e-45 1.1754944e-38 1.0000000e+00]");
    expect_print(reel_from(&near[0], REEL_SCALAR, REEL_F64), "0.49999999999999994");
    expect_print(reel_from(&near[1], REEL_SCALAR, REEL_F64), "1.0000000000000002");
    expect_print(reel_from(&near[2], REEL_SCALAR, REEL_F64), "9007199254740992.0");
    expect_print(reel_from(&small[0], REEL_SCALAR, REEL_F32), "1e-45");
}
END_TEST

/* A terabyte of them, were they all made: what is shown is all that is looked at. */
START_TEST(prints_large_halves) {
    static const reel_dtype dtypes[] = {REEL_F16, REEL_BF16};
    REEL_SCOPE;
    for (int i = 0; i < 2; i++) {
        const double x[] = {0.5, -1.25};
        reel_tensor *column =
            reel_reshape(reel_cast(f64(reel_shape(2), x), dtypes[i]), reel_shape(2, 1, 1));
        expect_print(reel_expand(column, reel_shape(2, INT64_C(1) << 20, INT64_C(1) << 20)),
                     "[[[ 0.5   0.5   0.5  ...  0.5   0.5   0.5 ]\n"
                     "  [ 0.5   0.5   0.5  ...  0.5   0.5   0.5 ]\n"
                     "  [ 0.5   0.5   0.5  ...  0.5   0.5   0.5 ]\n"
                     "  ...\n"
                     "  [ 0.5   0.5   0.5  ...  0.5   0.5   0.5 ]\n"
                     "  [ 0.5   0.5   0.5  ...  0.5   0.5   0.5 ]\n"
                     "  [ 0.5   0.5   0.5  ...  0.5   0.5   0.5 ]]\n"
                     "\n"
                     " [[-1.25 -1.25 -1.25 ... -1.25 -1.25 -1.25]\n"
                     "  [-1.25 -1.25 -1.25 ... -1.25 -1.25 -1.25]\n"
                     "  [-1.25 -1.25 -1.25 ... -1.25 -1.25 -1.25]\n"
                     "  ...\n"
                     "  [-1.25 -1.25 -1.25 ... -1.25 -1.25 -1.25]\n"
                     "  [-1.25 -1.25 -1.25 ... -1.25 -1.25 -1.25]\n"
                     "  [-1.25 -1.25 -1.25 ... -1.25 -1.25 -1.25]]]");
    }
    expect_fine();
}
END_TEST

/* On any device: edges alone are brought to the host, of what is tracked too. */
START_TEST(prints_edges_from_a_device) {
    REEL_SCOPE;
    reel_tensor *n = reel_affine(reel_arange(9 * 2 * 100, REEL_F32, test_device()), 1, 1000);
    reel_tensor *t = reel_track(reel_reshape(n, reel_shape(9, 2, 100)));
    char *got = printed(t), *again = printed(reel_to(reel_detach(t), reel_cpu()));
    ck_assert_str_eq(got, again);
    ck_assert_ptr_nonnull(strstr(got, "[[2600. 2601. 2602. ... 2697. 2698. 2699.]"));
    free(got), free(again);
    const double nan[] = {NAN};
    reel_tensor *bad = reel_cast(f64(reel_shape(1), nan), REEL_BF16);
    const bool before = reel_set_anomaly(true);
    got = printed(bad); /* no op's result */
    reel_set_anomaly(before);
    ck_assert_str_eq(got, "[nan]\n");
    free(got);
    expect_fine();
}
END_TEST

START_TEST(prints_null_and_keeps_quiet) {
    char *got = printed(NULL);
    ck_assert_str_eq(got, "NULL\n");
    free(got);
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, reel_cpu());
    reel_fail(REEL_ERR_IO, NULL, "an earlier failure");
    got = printed(x); /* looking at a tensor is what one does after a failure */
    ck_assert_str_eq(got, "[1. 1.]\n");
    free(got);
    expect_failure(REEL_ERR_IO, "an earlier failure");
}
END_TEST

/* Where such a locale is installed. */
START_TEST(a_point_in_every_locale) {
    const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8", "es_ES.UTF-8"};
    for (int i = 0; i < 4; i++)
        if (setlocale(LC_NUMERIC, names[i])) break;
    const double x[] = {0.5, 2.25};
    {
        REEL_SCOPE;
        expect_print(reel_from(x, reel_shape(2), REEL_F64), "[0.5  2.25]");
        expect_print(reel_from(x, REEL_SCALAR, REEL_F64), "0.5");
    }
    setlocale(LC_NUMERIC, "C");
}
END_TEST

int main(void) {
    Suite *s = suite_create("print");
    TCase *c = add_case(s, "print");
    tcase_add_loop_test(c, prints_as_numpy, 0, (int)(sizeof cases / sizeof *cases));
    tcase_add_test(c, wraps_lines);
    tcase_add_test(c, summarises_beyond_a_thousand);
    tcase_add_test(c, prints_views);
    tcase_add_test(c, prints_bits);
    tcase_add_test(c, prints_large_halves);
    tcase_add_test(c, prints_edges_from_a_device);
    tcase_add_test(c, prints_null_and_keeps_quiet);
    tcase_add_test(c, a_point_in_every_locale);
    return run_suite(s);
}
