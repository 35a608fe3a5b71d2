/* io/: histories, which read back to the same bits. */
#include "tests/temp_dir.h"

#include <float.h>
#include <locale.h>

static const char *const columns[] = {"epoch", "train loss", "\xc3\xa9tat"};

static const double rows[][3] = {{1, 0.1, 1.0 / 3},
                                 {2, DBL_MAX, 5e-324},
                                 {3, -0.0, 1e-310},
                                 {4, NAN, -INFINITY},
                                 {1e15, 123456789.123456789, 2.0 / 3 * 1e-5}};
enum { ROWS = sizeof rows / sizeof rows[0] };

static reel_history *history_of_rows(void) {
    reel_history *h = reel_history_new(columns, 3);
    for (int i = 0; i < ROWS; i++) ck_assert_int_eq(reel_history_add(h, rows[i]), REEL_OK);
    return h;
}

static void expect_rows(const reel_history *h) {
    expect_fine();
    ck_assert_int_eq(reel_history_rows(h), ROWS);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < 3; j++) {
            double v = reel_history_get(h, i, columns[j]);
            ck_assert(isnan(rows[i][j]) ? isnan(v) : memcmp(&v, &rows[i][j], sizeof v) == 0);
        }
}

START_TEST(history_round_trip) {
    reel_history *h = history_of_rows();
    ck_assert_int_eq(reel_history_write(h, in_dir("h.csv")), REEL_OK);
    reel_history *back = reel_history_read(in_dir("h.csv"));
    expect_rows(back);
    reel_history_free(h), reel_history_free(back);
}
END_TEST

START_TEST(history_text) {
    reel_history *h = reel_history_new((const char *const[]){"epoch", "loss"}, 2);
    reel_history_add(h, (double[]){1, 0.1});
    reel_history_add(h, (double[]){2, -NAN});
    reel_history_add(h, (double[]){300000, 1.0 / 3});
    reel_history_write(h, in_dir("h.csv"));
    size_t size;
    char *text = contents(in_dir("h.csv"), &size);
    ck_assert_str_eq(text, "epoch,loss\n1,0.1\n2,nan\n300000,0.3333333333333333\n");
    free(text);
    reel_history_free(h);
}
END_TEST

START_TEST(history_goes_on) {
    reel_history *h = reel_history_new((const char *const[]){"i"}, 1);
    for (double i = 0; i < 200; i++) reel_history_add(h, &i);
    reel_history_write(h, in_dir("h.csv"));
    reel_history_free(h);
    h = reel_history_read(in_dir("h.csv"));
    reel_history_truncate(h, 500);
    ck_assert_int_eq(reel_history_rows(h), 200);
    reel_history_truncate(h, 150);
    reel_history_add(h, (double[]){-1});
    ck_assert_int_eq(reel_history_rows(h), 151);
    ck_assert_double_eq(reel_history_get(h, 149, "i"), 149);
    ck_assert_double_eq(reel_history_get(h, 150, "i"), -1);
    ck_assert(isnan(reel_history_get(h, 151, "i")) && isnan(reel_history_get(h, -1, "i")));
    ck_assert(isnan(reel_history_get(h, 0, "j")) && isnan(reel_history_get(NULL, 0, "i")));
    reel_history_truncate(h, -1);
    ck_assert_int_eq(reel_history_rows(h), 0);
    ck_assert_int_eq(reel_history_write(h, in_dir("h.csv")), REEL_OK);
    reel_history_free(h);
    h = reel_history_read(in_dir("h.csv"));
    ck_assert_ptr_nonnull(h);
    ck_assert_int_eq(reel_history_rows(h), 0);
    reel_history_free(h);
}
END_TEST

START_TEST(history_in_a_locale_of_commas) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8"};
    bool set = false;
    for (size_t i = 0; !set && i < sizeof names / sizeof names[0]; i++)
        set = setlocale(LC_NUMERIC, names[i]) != NULL;
    if (!set) {
        puts("skipped: no locale here writes 0,5");
        return;
    }
    reel_history *h = history_of_rows();
    reel_history_write(h, in_dir("h.csv"));
    reel_history *back = reel_history_read(in_dir("h.csv"));
    expect_rows(back);
    ck_assert_str_eq(localeconv()->decimal_point, ",");
    setlocale(LC_NUMERIC, "C");
    reel_history_free(h), reel_history_free(back);
}
END_TEST

#define CSV(text, says)                                                                            \
    { text, sizeof text - 1, says }

static const struct {
    const char *text;
    size_t size;
    const char *says;
} bad_csv[] = {
    CSV("", "no header"),          CSV("\n1\n", "empty"),
    CSV("a,\n1,2\n", "empty"),     CSV("a,a\n1,2\n", "two columns called a"),
    CSV("\"a\"\n1\n", "quote"),    CSV("a,b\n1\n", "fewer columns than the header's 2"),
    CSV("a\n1,2\n", "more"),       CSV("a,b\n1,2\n3,x\n", "b is no number"),
    CSV("a,b\n1,\n", "no number"), CSV("a,b\n,1\n", "a is no number"),
    CSV("a\n\n1\n", "no number"),  CSV("a\n1 \n", "no number"),
    CSV("a\n 1\n", "no number"),   CSV("a\n1,5\n", "more"),
    CSV("a\n1\0\n", "NUL"),        CSV("a\n1e5x\n", "no number"),
};

START_TEST(history_bad_csv) {
    const char *path = in_dir("h.csv");
    put(path, bad_csv[_i].text, bad_csv[_i].size);
    ck_assert_ptr_null(reel_history_read(path));
    ck_assert_msg(strstr(reel_error(), path) != NULL, "%s", reel_error());
    expect_failure(REEL_ERR_FORMAT, bad_csv[_i].says);
}
END_TEST

START_TEST(history_names_the_line) {
    put(in_dir("h.csv"), "a,b\r\n1,2\r\n3,4\r\n5,?", 18);
    ck_assert_ptr_null(reel_history_read(in_dir("h.csv")));
    expect_failure(REEL_ERR_FORMAT, "h.csv:4");
    put(in_dir("h.csv"), "a,b\r\n1,2\r\n3,4\r\n5,6", 18);
    reel_history *h = reel_history_read(in_dir("h.csv"));
    expect_fine();
    ck_assert_int_eq(reel_history_rows(h), 3);
    ck_assert_double_eq(reel_history_get(h, 2, "b"), 6);
    reel_history_free(h);
}
END_TEST

/* Each compared with each would take minutes. */
START_TEST(history_of_many_columns) {
    enum { MANY = 200000 };
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    for (int i = 0; i < MANY; i++) fprintf(f, "%sc%d", i > 0 ? "," : "", i);
    fclose(f);
    put(in_dir("wide.csv"), text, size);
    reel_history *h = reel_history_read(in_dir("wide.csv"));
    expect_fine();
    ck_assert_int_eq(reel_history_rows(h), 0);
    reel_history_free(h);
    memcpy(text + size - 8, ",c123456", 8);
    put(in_dir("wide.csv"), text, size);
    ck_assert_ptr_null(reel_history_read(in_dir("wide.csv")));
    expect_failure_at(REEL_ERR_FORMAT, "two columns called c123456", in_dir("wide.csv"));
    free(text);
}
END_TEST

START_TEST(history_bad_call) {
    static const char *const bad[][2] = {
        {"a", "a"}, {"a", ""}, {"a", NULL}, {"a,b", "c"}, {"a", "b\n"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_ptr_null(reel_history_new(bad[i], 2));
        expect_failure(REEL_ERR_ARGUMENT, "history: ");
    }
    ck_assert_ptr_null(reel_history_new(columns, 0));
    expect_failure(REEL_ERR_ARGUMENT, "no columns");
    ck_assert_ptr_null(reel_history_new(NULL, 1));
    expect_failure(REEL_ERR_ARGUMENT, "no columns");
    ck_assert_ptr_null(reel_history_read(in_dir("missing")));
    expect_failure(REEL_ERR_IO, "No such file");
    reel_history_add(NULL, rows[0]);
    expect_failure(REEL_ERR_ARGUMENT, "no history");
    reel_history_write(NULL, in_dir("h.csv"));
    expect_failure(REEL_ERR_ARGUMENT, "no history");
    reel_history *h = history_of_rows();
    reel_history_add(h, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no row");
    reel_history_write(h, in_dir("missing/h.csv"));
    expect_failure(REEL_ERR_IO, "No such file");
    reel_fail(REEL_ERR_SHAPE, NULL, "kept");
    ck_assert_int_eq(reel_history_write(h, in_dir("h.csv")), REEL_ERR_SHAPE);
    reel_clear_error();
    ck_assert(!reel_file_exists(in_dir("h.csv")));
    reel_history_free(h), reel_history_free(NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("history");
    TCase *c = add_dir_case(s, "history");
    tcase_add_test(c, history_round_trip);
    tcase_add_test(c, history_text);
    tcase_add_test(c, history_goes_on);
    tcase_add_test(c, history_in_a_locale_of_commas);
    tcase_add_loop_test(c, history_bad_csv, 0, sizeof bad_csv / sizeof bad_csv[0]);
    tcase_add_test(c, history_names_the_line);
    tcase_add_test(c, history_of_many_columns);
    tcase_add_test(c, history_bad_call);
    return run_suite(s);
}
