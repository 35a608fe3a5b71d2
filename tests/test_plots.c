/* io/: plots, their scripts, and gnuplot run on them. */
#include "io/io_internal.h"
#include "tests/temp_dir.h"

#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- plots ---- */

static char *old_path;

/* PATH is this test's directory alone: only a gnuplot that it writes there is found. */
static void hide_gnuplot(void) {
    old_path = strdup(getenv("PATH") != NULL ? getenv("PATH") : "");
    setenv("PATH", in_dir("bin"), 1);
    ck_assert_int_eq(mkdir(in_dir("bin"), 0777), 0);
    put(in_dir("h.csv"), "epoch,train,test\n1,3,4\n2,2,3\n3,1,2\n", 35);
}

static void show_gnuplot(void) {
    setenv("PATH", old_path, 1);
    free(old_path);
}

static void fake_gnuplot(const char *script) {
    put(in_dir("bin/gnuplot"), script, strlen(script));
    ck_assert_int_eq(chmod(in_dir("bin/gnuplot"), 0755), 0);
}

static reel_status plot(const char *path, bool *drawn) {
    reel_plot_line line = {.csv = in_dir("h.csv"), .x = "epoch", .y = "train", .label = "train"};
    return reel_plot_write(path, &line, 1, (reel_plot_options){.title = "Loss"}, drawn);
}

static void expect_in(const char *text, const char *part) {
    ck_assert_msg(strstr(text, part) != NULL, "no %s in:\n%s", part, text);
}

START_TEST(plot_without_gnuplot) {
    const char *csv = in_dir("h.csv");
    const reel_plot_line lines[] = {{csv, "epoch", "train", "it's, train", 1, 0},
                                    {csv, "epoch", "test", NULL, 0, 9}};
    bool drawn = true;
    ck_assert_int_eq(
        reel_plot_write(in_dir("p.png"), lines, 2,
                        (reel_plot_options){"Loss 'by' `epoch`", "epoch", "loss_x", true}, &drawn),
        REEL_OK);
    expect_fine();
    ck_assert(!drawn && !reel_file_exists(in_dir("p.png")));
    size_t size;
    char *script = contents(in_dir("p.gp"), &size), part[600];
    expect_in(script, "set title \"Loss 'by' \\140epoch\\140\"");
    expect_in(script, "set xlabel 'epoch'");
    expect_in(script, "set ylabel 'loss_x'");
    expect_in(script, "set logscale y");
    expect_in(script, " noenhanced ");
    snprintf(part, sizeof part, "'%s' using 1:2 skip 1 title \"it's, train\" with linespoints",
             csv);
    expect_in(script, part);
    snprintf(part, sizeof part, "'%s' using 1:3 skip 1 notitle with", csv);
    expect_in(script, part);
    expect_in(script, "'#1f77b4' dashtype (");
    expect_in(script, "'#ff7f0e' dashtype solid");
    free(script);
    ck_assert_int_eq(entries(dir), 3); /* bin, h.csv, p.gp */
    ck_assert_int_eq(plot(in_dir("q.jpeg"), NULL), REEL_OK);
    ck_assert(reel_file_exists(in_dir("q.jpeg.gp")));
}
END_TEST

/* Whether the plot of h.csv by a column has its ticks at whole numbers set. */
static bool has_whole_ticks(const char *x, const char *csv) {
    put(in_dir("h.csv"), csv, strlen(csv));
    const reel_plot_line lines[] = {{in_dir("h.csv"), "i", "y", NULL, 0, 0},
                                    {in_dir("h.csv"), x, "y", NULL, 0, 0}};
    ck_assert_int_eq(reel_plot_write(in_dir("p.png"), lines, 2, (reel_plot_options){0}, NULL),
                     REEL_OK);
    size_t size;
    char *script = contents(in_dir("p.gp"), &size);
    bool has = strstr(script, "set xtics 1\n") != NULL;
    free(script);
    return has;
}

START_TEST(plot_ticks_at_whole_numbers) {
    ck_assert(has_whole_ticks("x", "i,x,y\n1,1,2\n2,3,3\n"));
    ck_assert(has_whole_ticks("x", "i,x,y\r\n1,-5,2\r\n2,5,3"));
    ck_assert(has_whole_ticks("x", "i,y,x\n5,2,15\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,1,2\n2,1.5,3\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,1e3,3\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,nan,3\n"));
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,11,3\n")); /* gnuplot's own will do */
    ck_assert(!has_whole_ticks("x", "i,x,y\n1,0,2\n2,99999999999999999999,3\n"));
}
END_TEST

/* gnuplot would take these file names for commands. */
START_TEST(plot_paths_are_no_commands) {
    char before[512];
    ck_assert_ptr_nonnull(getcwd(before, sizeof before));
    ck_assert_int_eq(chdir(dir), 0);
    put("< touch 'owned'", "x,y\n1,2\n", 8);
    const reel_plot_line line = {"< touch 'owned'", "x", "y", NULL, 0, 0};
    fake_gnuplot("#!/bin/sh\nprintf '%s' \"$2\"\n");
    ck_assert_int_eq(reel_plot_write("-p.png", &line, 1, (reel_plot_options){0}, NULL), REEL_OK);
    size_t size;
    char *script = contents("-p.gp", &size), *png = contents("-p.png", &size);
    expect_in(script, "\"./< touch 'owned'\" using");
    ck_assert(size == 7 && memcmp(png, "./-p.gp", 7) == 0);
    free(script), free(png);
    ck_assert_int_eq(chdir(before), 0);
}
END_TEST

START_TEST(plot_by_gnuplot) {
    bool drawn = false;
    setenv("PATH", old_path, 1);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    if (!drawn) {
        puts("skipped: no gnuplot here");
        return;
    }
    size_t size;
    char *png = contents(in_dir("p.png"), &size);
    ck_assert_uint_gt(size, 1000);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x03\xe8\0\0\x02\x58", 24);
    free(png);

    put(in_dir("h.csv"), "epoch,train\n", 12);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_ERR_IO);
    ck_assert(!drawn);
    expect_failure(REEL_ERR_IO, "no valid points");
}
END_TEST

/* What gnuplot says of the title in p.gp, as it reads it. */
static void expect_read_as(const char *title) {
    char said[600], command[1200];
    const reel_plot_line line = {in_dir("h.csv"), "epoch", "train", title, 0, 0};
    ck_assert_int_eq(
        reel_plot_write(in_dir("p.png"), &line, 1, (reel_plot_options){.title = title}, NULL),
        REEL_OK);
    expect_fine();
    snprintf(command, sizeof command,
             "cd %s && sed -n 's/^set title \\(.*\\) font .*/print \\1/p' p.gp >t.gp && "
             "gnuplot --default-settings t.gp 2>said",
             dir);
    ck_assert_int_eq(system(command), 0);
    snprintf(said, sizeof said, "%s\n", title);
    expect_content(in_dir("said"), said, strlen(said));
}

START_TEST(plot_texts_are_drawn_as_they_are) {
    static const char *const texts[] = {
        "'a",        "a'",     "'",   "''",   "a''b",   "''a''", "'; set output 'x",
        "\"a'",      "a\\'b'", "a\\", "\\n'", "'`ls`'", "`ls`",  "{a'",
        "a}",        "@x'",    "%s'", "#'",   "$x'",    "^_'",   "it's \"so\"",
        "\xc3\xa9'", "!ls"};
    bool drawn = false;
    setenv("PATH", old_path, 1);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    for (size_t i = 0; drawn && i < sizeof texts / sizeof *texts; i++) expect_read_as(texts[i]);
    if (!drawn) puts("skipped: no gnuplot here");
}
END_TEST

/* Names with quotes in them, for gnuplot and, in the comment, for a shell. */
START_TEST(plot_names_with_quotes) {
    static const char csv[] = "it's ''a\"`\\.csv", rows[] = "epoch,train\n1,2\n2,3\n";
    setenv("PATH", old_path, 1);
    ck_assert_int_eq(chdir(dir), 0);
    put(csv, rows, strlen(rows));
    const reel_plot_line line = {csv, "epoch", "train", NULL, 0, 0};
    bool drawn = false;
    ck_assert_int_eq(reel_plot_write("it's ''p.png", &line, 1, (reel_plot_options){0}, &drawn),
                     REEL_OK);
    expect_fine();
    size_t size;
    char *text = contents("it's ''p.gp", &size);
    expect_in(text, "gnuplot 'it'\\''s '\\'''\\''p.gp' > 'it'\\''s '\\'''\\''p.png'\n");
    free(text);
    ck_assert(!drawn || reel_file_exists("it's ''p.png"));
    ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

/* ---- gnuplot under odd parents ---- */

/* Whose children nobody can wait for. */
START_TEST(plot_with_sigchld_ignored) {
    static const char whole[] = "whole\0\0\0\0IEND\xae\x42\x60\x82";
    bool drawn = false;
    signal(SIGCHLD, SIG_IGN);
    fake_gnuplot("#!/bin/sh\nprintf 'whole\\000\\000\\000\\000IEND\\256\\102\\140\\202'\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    ck_assert(drawn);
    expect_content(in_dir("p.png"), whole, sizeof whole - 1);
    fake_gnuplot("#!/bin/sh\nprintf half\necho 'out of ink' >&2\nexit 1\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure_at(REEL_ERR_IO, "gnuplot: out of ink", in_dir("p.png"));
    ck_assert(!drawn);
    setenv("PATH", old_path, 1); /* the real one, where there is one */
    ck_assert_int_eq(plot(in_dir("q.png"), &drawn), REEL_OK);
    signal(SIGCHLD, SIG_DFL);
    expect_fine();
}
END_TEST

/* Closed ones are not gnuplot's to use: what it says does not go into the picture, and what the
 * program has open it does not get. */
START_TEST(plot_without_standard_descriptors) {
    bool drawn = false;
    int saved[3], other = open(in_dir("h.csv"), O_RDONLY), high = fcntl(other, F_DUPFD, 77);
    char script[256];
    snprintf(
        script, sizeof script,
        "#!/bin/sh\necho careful >&2\n[ -e /dev/fd/%d ] && echo leaked\nprintf new\n/bin/cat\n",
        high);
    fake_gnuplot(script);
    fflush(NULL);
    for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10), close(i);
    const reel_status status = plot(in_dir("p.png"), &drawn);
    const bool stayed = fcntl(0, F_GETFD) < 0 && fcntl(1, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0;
    for (int i = 0; i < 3; i++) dup2(saved[i], i), close(saved[i]);
    close(other), close(high);
    ck_assert_int_eq(status, REEL_OK);
    ck_assert(drawn && stayed);
    expect_content(in_dir("p.png"), "new", 3);
}
END_TEST

/* What the program blocks and ignores is not handed on. */
START_TEST(plot_with_signals_blocked) {
    bool drawn = false;
    sigset_t all, before;
    sigfillset(&all);
    fake_gnuplot("#!/bin/sh\n/bin/grep -E '^Sig(Blk|Ign)' /proc/self/status\n");
    signal(SIGPIPE, SIG_IGN);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const reel_status status = plot(in_dir("p.png"), &drawn);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    signal(SIGPIPE, SIG_DFL);
    ck_assert_int_eq(status, REEL_OK);
    size_t size;
    char *said = contents(in_dir("p.png"), &size);
    unsigned long long blocked = 1, ignored = 0;
    ck_assert_int_eq(sscanf(said, "SigBlk: %llx SigIgn: %llx", &blocked, &ignored), 2);
    ck_assert_uint_eq(blocked, 0);
    ck_assert_uint_eq(ignored >> (SIGPIPE - 1) & 1, 0);
    free(said);
}
END_TEST

static void on_alarm(int number) {
    (void)number;
}

/* Signals that interrupt every wait. */
START_TEST(plot_interrupted) {
    bool drawn = false;
    const struct sigaction quick = {.sa_handler = on_alarm}; /* no SA_RESTART */
    const struct itimerval often = {{0, 2000}, {0, 2000}}, never = {{0, 0}, {0, 0}};
    fake_gnuplot("#!/bin/sh\ni=0\nwhile [ $i -lt 20 ]; do echo x; echo y >&2; /bin/sleep 0.01; "
                 "i=$((i + 1)); done\n");
    sigaction(SIGALRM, &quick, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    const reel_status status = plot(in_dir("p.png"), &drawn);
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_DFL);
    ck_assert_int_eq(status, REEL_OK);
    size_t size;
    free(contents(in_dir("p.png"), &size));
    ck_assert(drawn && size == 40);
}
END_TEST

START_TEST(plot_picture_is_replaced_whole) {
    bool drawn = false;
    put(in_dir("p.png"), "old", 3);
    fake_gnuplot("#!/bin/sh\nprintf half\nexit 3\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, "gnuplot: drew nothing");
    fake_gnuplot("#!/bin/sh\nexit 0\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure(REEL_ERR_IO, "gnuplot: drew nothing");
    fake_gnuplot("#!/bin/sh\nkill -9 $$\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure(REEL_ERR_IO, "gnuplot: drew nothing");
    fake_gnuplot("#!/bin/sh\necho >&2; echo 'first line' >&2; echo second >&2; exit 1\n");
    plot(in_dir("p.png"), &drawn);
    expect_failure(REEL_ERR_IO, "gnuplot: first line: ");
    ck_assert(!drawn);
    size_t size;
    char *png = contents(in_dir("p.png"), &size);
    ck_assert_str_eq(png, "old");
    free(png);

    fake_gnuplot("#!/bin/sh\necho careful >&2\nprintf new\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    ck_assert(drawn);
    png = contents(in_dir("p.png"), &size);
    ck_assert_str_eq(png, "new");
    free(png);
    ck_assert_int_eq(entries(dir), 4);
}
END_TEST

START_TEST(plot_much_is_said) {
    bool drawn = false;
    fake_gnuplot("#!/bin/sh\ni=0\nwhile [ $i -lt 4000 ]; do\n"
                 "echo 0123456789012345678901234567890123456789; echo $i 1234567890123456789 >&2\n"
                 "i=$((i + 1)); done\n");
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    size_t size;
    free(contents(in_dir("p.png"), &size));
    ck_assert(drawn && size == 4000 * 41);
}
END_TEST

/* One that is asleep before, while or after it draws is killed, and says no more. */
START_TEST(plot_gnuplot_hangs) {
    static const char *const asleep[] = {"", "printf half\n", "printf half\nexec >&- 2>&-\n"};
    const time_t before = time(NULL);
    put(in_dir("p.png"), "old", 3);
    for (int i = 0; i < 3; i++) {
        char script[128];
        bool drawn = false;
        snprintf(script, sizeof script, "#!/bin/sh\n%sexec /bin/sleep 1000\n", asleep[i]);
        fake_gnuplot(script);
        ck_assert_int_eq(reel__gnuplot(in_dir("p.gp"), in_dir("p.png"), 300, &drawn), REEL_ERR_IO);
        expect_failure_at(REEL_ERR_IO, "plot: gnuplot: killed after 0.3 s of silence",
                          in_dir("p.png"));
        ck_assert(!drawn);
        ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* it is gone */
    }
    ck_assert_int_lt(time(NULL) - before, 20);
    expect_content(in_dir("p.png"), "old", 3);
    /* bytes now and then are no silence */
    fake_gnuplot("#!/bin/sh\nfor i in 1 2 3 4 5 6 7 8; do echo x; /bin/sleep 0.25; done\n");
    bool drawn = false;
    ck_assert_int_eq(reel__gnuplot(in_dir("p.gp"), in_dir("p.png"), 1500, &drawn), REEL_OK);
    ck_assert(drawn);
}
END_TEST

START_TEST(plot_gnuplot_may_not_run) {
    bool drawn = true;
    fake_gnuplot("#!/bin/sh\n");
    ck_assert_int_eq(chmod(in_dir("bin/gnuplot"), 0), 0);
    ck_assert_int_eq(plot(in_dir("p.png"), &drawn), REEL_OK);
    ck_assert(!drawn);
}
END_TEST

START_TEST(plot_bad_call) {
    bool drawn = true;
    const char *path = in_dir("p.png"), *csv = in_dir("h.csv");
    const reel_plot_options none = {0};
    const struct {
        reel_plot_line line;
        reel_status status;
        const char *says;
    } bad[] = {
        {{NULL, "epoch", "train", NULL, 0, 0}, REEL_ERR_ARGUMENT, "no csv"},
        {{csv, NULL, "train", NULL, 0, 0}, REEL_ERR_ARGUMENT, "no x column"},
        {{csv, "epoch", NULL, NULL, 0, 0}, REEL_ERR_ARGUMENT, "no y column"},
        {{csv, "epoch", "train", "a\nset output", 0, 0}, REEL_ERR_ARGUMENT, "label has a control"},
        {{csv, "epoch", "trai", NULL, 0, 0}, REEL_ERR_FORMAT, "no column trai: "},
        {{csv, "", "train", NULL, 0, 0}, REEL_ERR_FORMAT, "no column : "},
        {{"missing.csv", "epoch", "train", NULL, 0, 0}, REEL_ERR_IO, "missing.csv"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_int_eq(reel_plot_write(path, &bad[i].line, 1, none, &drawn), bad[i].status);
        expect_failure(bad[i].status, bad[i].says);
    }
    const reel_plot_line good = {csv, "epoch", "train", NULL, 0, 0};
    reel_plot_write(path, &good, 1, (reel_plot_options){.title = "a\tb"}, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "title has a control");
    reel_plot_write(path, &good, 0, none, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no lines");
    reel_plot_write(path, NULL, 1, none, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no lines");
    reel_plot_write(NULL, &good, 1, none, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no path");
    reel_plot_write(in_dir("missing/p.png"), &good, 1, none, NULL);
    expect_failure(REEL_ERR_IO, "No such file");
    reel_fail(REEL_ERR_SHAPE, NULL, "kept");
    ck_assert_int_eq(reel_plot_write(path, &good, 1, none, &drawn), REEL_ERR_SHAPE);
    reel_clear_error();
    ck_assert(!drawn);
    ck_assert_int_eq(entries(dir), 2); /* bin, h.csv */
}
END_TEST

/* ---- panels, logarithmic axes ---- */

/* The script of one line's plot on a logarithmic axis. */
static char *log_script(const char *csv) {
    put(in_dir("h.csv"), csv, strlen(csv));
    const reel_plot_line line = {.csv = in_dir("h.csv"), .x = "x", .y = "y"};
    ck_assert_int_eq(
        reel_plot_write(in_dir("p.png"), &line, 1, (reel_plot_options){.log_y = true}, NULL),
        REEL_OK);
    size_t size;
    return contents(in_dir("p.gp"), &size);
}

START_TEST(plot_log_axis_fits) {
    static const struct {
        const char *csv, *ticks;
    } cases[] = {
        {"x,y\n1,0.05\n2,0.03\n",
         "('0.03' 0.03, '0.035' 0.035, '0.04' 0.04, '0.045' 0.045, '0.05' 0.05)"},
        {"x,y\n1,0.028\n2,0.0049\n",
         "('0.005' 0.005, '0.007' 0.007, '0.01' 0.01, '0.02' 0.02, '0.03' 0.03)"},
        {"x,y\n1,0.0124\n2,0.00055\n",
         "('0.0005' 0.0005, '0.001' 0.001, '0.002' 0.002, '0.005' 0.005, '0.01' 0.01)"},
        {"x,y\n1,1\n2,10000\n3,0\n4,-5\n5,nan\n6,inf\n7,\n",
         "('1' 1, '10' 10, '100' 100, '1000' 1000, '10000' 10000)"},
        {"x,y\n1,1e-20\n2,1\n", "('1e-19' 1e-19, '1e-16' 1e-16, '1e-13' 1e-13, "},
        {"x,y\n1,7\n", "('6.92' 6.92, '6.94' 6.94, '6.96' 6.96, '6.98' 6.98, '7' 7, "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *script = log_script(cases[i].csv), *range = strstr(script, "set yrange [");
        expect_in(script, "set logscale y\n");
        expect_in(script, cases[i].ticks);
        double low, high;
        ck_assert(range != NULL && sscanf(range, "set yrange [%lf:%lf]", &low, &high) == 2);
        ck_assert(low > 0 && low < high);
        free(script);
    }
    char *script = log_script("x,y\n1,0.05\n2,0.03\n"); /* six hundredths of the height to spare */
    expect_in(script, "set yrange [0.0290");
    expect_in(script, ":0.0515");
    free(script);
    script = log_script("x,y\n1,0\n2,-1\n"); /* nothing that it can show: gnuplot's own */
    expect_in(script, "set yrange [*:*]");
    free(script);
}
END_TEST

START_TEST(plot_numbers_are_c_s) {
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8"};
    for (int i = 0; i < 3; i++)
        if (setlocale(LC_NUMERIC, names[i]) != NULL) {
            char *script = log_script("x,y\n1,0.05\n2,0.03\n");
            setlocale(LC_NUMERIC, "C");
            expect_in(script, "'0.035' 0.035");
            free(script);
            return;
        }
    puts("skipped: no locale with a decimal comma here");
}
END_TEST

START_TEST(plot_panels) {
    const char *csv = in_dir("h.csv");
    const reel_plot_line first[] = {{csv, "epoch", "train", "it's faint", 2, 0},
                                    {csv, "epoch", "test", "test", 0, 0}},
                         second[] = {{csv, "epoch", "test", "no legend", 1, 1}};
    const reel_plot_panel panels[] = {{"L = 1", first, 2}, {"L = 2", second, 1}, {NULL, first, 1}};
    const reel_plot_options options = {"All", "epoch", "MSE", true};
    ck_assert_int_eq(reel_plot_panels_write(in_dir("p.png"), panels, 3, options, NULL), REEL_OK);
    size_t size;
    char *script = contents(in_dir("p.gp"), &size), *at = script;
    const char *const in_order[] = {"unset key\nset multiplot layout 2,2 margins screen",
                                    "set label 'All' at screen 0.5,",
                                    "set arrow from screen ",
                                    "nohead linewidth 2.5 linecolor rgb '#a5c8e1' dashtype solid\n",
                                    "s faint", /* the legend's */
                                    "set label 'test' at screen",
                                    "set title 'L = 1'",
                                    "set ylabel 'MSE'",
                                    "set yrange [0.92",
                                    "set xrange [1:3]\nset xtics 1\nplot \\\n",
                                    "using 1:2 skip 1 notitle with linespoints",
                                    "'#a5c8e1'",
                                    "using 1:3 skip 1 notitle with linespoints",
                                    "'#1f77b4'",
                                    "unset arrow\nunset label\n",
                                    "unset title\nunset xlabel\nunset ylabel\nset title 'L = 2'",
                                    "set xlabel 'epoch'",
                                    "set yrange [1.9",
                                    "dashtype (12, 6)",
                                    "unset title",
                                    "set xlabel 'epoch'",
                                    "set ylabel 'MSE'",
                                    "unset multiplot\n"};
    for (size_t i = 0; i < sizeof in_order / sizeof in_order[0]; i++) {
        at = strstr(at, in_order[i]);
        ck_assert_msg(at != NULL, "no %s there in:\n%s", in_order[i], script);
    }
    ck_assert(strstr(script, "no legend") == NULL);
    free(script);

    reel_plot_panels_write(in_dir("p.png"), panels, 0, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "not 1..100 panels");
    reel_plot_panels_write(in_dir("p.png"), NULL, 1, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "panels");
    const reel_plot_panel bad[] = {{"L = 1", first, 2}, {"L\n2", first, 1}}, none = {"L", first, 0};
    reel_plot_panels_write(in_dir("p.png"), bad, 2, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "panel's title has a control");
    reel_plot_panels_write(in_dir("p.png"), &none, 1, options, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no lines");
}
END_TEST

/* Any number of panels, of labels and of rows is a script that gnuplot draws without a word. */
START_TEST(plot_panels_by_gnuplot) {
    enum { MOST = 4 };
    static const char *const csv[] = {"epoch,train,test\n1,2,3\n",
                                      "epoch,train,test\n1,2,3\n2,3,4\n5,6,7\n",
                                      "epoch,train,test\n0.5,4e-324,1.7e308\n1,1,1\n"};
    reel_plot_line lines[MOST];
    reel_plot_panel panels[MOST];
    bool drawn = false;
    char path[512];
    snprintf(path, sizeof path, "%s", in_dir("h.csv"));
    setenv("PATH", old_path, 1);
    for (int i = 0; i < MOST; i++) {
        lines[i] = (reel_plot_line){path, "epoch", i % 2 ? "test" : "train", "a 'label'", i % 3, i};
        panels[i] =
            (reel_plot_panel){i % 4 ? "it's \\ \"a\" {title} %d" : NULL, lines, 1 + i % MOST};
    }
    panels[0].count = MOST;
    for (int n = 1; n <= MOST; n += n)
        for (int i = 0; i < 3; i++) {
            put(in_dir("h.csv"), csv[i], strlen(csv[i]));
            const reel_plot_options options = {.log_y = i != 1, .title = "t"};
            reel_plot_panels_write(in_dir("p.png"), panels, n, options, &drawn);
            ck_assert_msg(!reel_failed(), "%d panels, csv %d: %s", n, i, reel_error());
            if (!drawn) {
                puts("skipped: no gnuplot here");
                return;
            }
        }
}
END_TEST

/* ---- the suite ---- */

int main(void) {
    Suite *s = suite_create("plots");
    TCase *c = add_dir_case(s, "plots");
    tcase_add_checked_fixture(c, hide_gnuplot, show_gnuplot);
    tcase_add_test(c, plot_without_gnuplot);
    tcase_add_test(c, plot_ticks_at_whole_numbers);
    tcase_add_test(c, plot_paths_are_no_commands);
    tcase_add_test(c, plot_by_gnuplot);
    tcase_add_test(c, plot_texts_are_drawn_as_they_are);
    tcase_add_test(c, plot_names_with_quotes);
    tcase_add_test(c, plot_with_sigchld_ignored);
    tcase_add_test(c, plot_without_standard_descriptors);
    tcase_add_test(c, plot_with_signals_blocked);
    tcase_add_test(c, plot_interrupted);
    tcase_add_test(c, plot_picture_is_replaced_whole);
    tcase_add_test(c, plot_much_is_said);
    tcase_add_test(c, plot_gnuplot_hangs);
    tcase_add_test(c, plot_gnuplot_may_not_run);
    tcase_add_test(c, plot_bad_call);
    tcase_add_test(c, plot_log_axis_fits);
    tcase_add_test(c, plot_numbers_are_c_s);
    tcase_add_test(c, plot_panels);
    tcase_add_test(c, plot_panels_by_gnuplot);
    return run_suite(s);
}
