/* io/'s ground: whole files read, and replaced whole or not at all. */
#include "io/io_internal.h"
#include "tests/temp_dir.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(file_round_trip) {
    const char *path = in_dir("a");
    static char bytes[100000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
    const size_t sizes[] = {0, 1, 2, 4096, sizeof bytes, 3};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        ck_assert_int_eq(reel_file_write(path, bytes, sizes[i]), REEL_OK);
        expect_content(path, bytes, sizes[i]);
    }
    ck_assert_int_eq(reel_file_write(path, NULL, 0), REEL_OK);
    expect_content(path, "", 0);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

START_TEST(file_write_obeys_umask) {
    mode_t old = umask(027);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "x", 1), REEL_OK);
    umask(old);
    struct stat info;
    ck_assert_int_eq(stat(in_dir("a"), &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
}
END_TEST

START_TEST(file_write_in_working_directory) {
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert_int_eq(reel_file_write("plain-name", "x", 1), REEL_OK);
    ck_assert_int_eq(chdir("/"), 0);
    expect_content(in_dir("plain-name"), "x", 1);
}
END_TEST

START_TEST(file_write_fails) {
    reel_file_write(in_dir("missing/a"), "x", 1);
    expect_failure_at(REEL_ERR_IO, "No such file", in_dir("missing/a"));
    reel_file_write(dir, "x", 1);
    expect_failure_at(REEL_ERR_IO, "directory", dir);
    reel_file_write("/dev/null", "x", 1);
    expect_failure_at(REEL_ERR_IO, "regular file", "/dev/null");
    reel_file_write(NULL, "x", 1);
    expect_failure(REEL_ERR_ARGUMENT, "no path");
    reel_file_write("", "x", 1);
    expect_failure(REEL_ERR_ARGUMENT, "no path");
    reel_file_write(in_dir("a"), NULL, 1);
    expect_failure_at(REEL_ERR_ARGUMENT, "bytes", in_dir("a"));
    ck_assert_int_eq(entries(dir), 0);
}
END_TEST

/* A disk that fills up: the old file stays, the temporary one goes. */
START_TEST(file_write_cut_off) {
    const char *path = in_dir("a");
    static const char large[20000];
    ck_assert_int_eq(reel_file_write(path, "old", 3), REEL_OK);
    struct rlimit old, tight;
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 8192;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    reel_file_write(path, large, sizeof large);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, handler);
    expect_failure_at(REEL_ERR_IO, "too large", path);
    expect_content(path, "old", 3);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

START_TEST(file_write_after_failure_does_nothing) {
    const char *path = in_dir("a");
    ck_assert_int_eq(reel_file_write(path, "old", 3), REEL_OK);
    reel__replacement *r = reel__replace_open(path);
    ck_assert_int_eq(reel__replace_write(r, "half", 4), REEL_OK);
    reel_fail(REEL_ERR_SHAPE, NULL, "a bad run");
    ck_assert_int_eq(reel__replace_commit(r), REEL_ERR_SHAPE);
    ck_assert_int_eq(reel_file_write(path, "new", 3), REEL_ERR_SHAPE);
    ck_assert_ptr_null(reel__replace_open(path));
    expect_failure(REEL_ERR_SHAPE, "a bad run");
    expect_content(path, "old", 3);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

START_TEST(file_replacements_at_once) {
    const char *path = in_dir("a");
    reel__replacement *one = reel__replace_open(path), *two = reel__replace_open(path);
    ck_assert_int_eq(reel__replace_write(one, "one, ", 5), REEL_OK);
    ck_assert_int_eq(reel__replace_write(two, "two", 3), REEL_OK);
    ck_assert_int_eq(reel__replace_write(one, "in parts", 8), REEL_OK);
    ck_assert(!reel_file_exists(path));
    ck_assert_int_eq(reel__replace_commit(one), REEL_OK);
    expect_content(path, "one, in parts", 13);
    reel__replace_abort(two);
    reel__replace_abort(NULL);
    expect_content(path, "one, in parts", 13);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

static pid_t dead_process(void) {
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    return pid;
}

/* The path of dir/<before>PID<after>. */
static const char *leftover(const char *before, pid_t pid, const char *after) {
    char name[64];
    snprintf(name, sizeof name, "%s%ld%s", before, (long)pid, after);
    return in_dir(name);
}

START_TEST(file_write_clears_up_after_the_dead) {
    static const char *const others[][2] = {
        /* not what a writer of a leaves */
        {"b.", "-0.tmp"},  {"xa.", "-0.tmp"}, {"a.", "-0.tmp~"},
        {"a.", ".tmp"},    {"a.0", "-0.tmp"}, {"a.", "-00.tmp"},
        {"a.-", "-0.tmp"}, {"a. ", "-0.tmp"}, {"a.x", "-0.tmp"}};
    enum { OTHERS = sizeof others / sizeof *others };
    pid_t dead = dead_process();
    put(leftover("a.", dead, "-0.tmp"), "x", 1);
    put(leftover("a.", dead, "-17.tmp"), "x", 1);
    put(leftover("a.", getppid(), "-0.tmp"), "x", 1);
    for (int i = 0; i < OTHERS; i++) put(leftover(others[i][0], dead, others[i][1]), "x", 1);
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert_int_eq(reel_file_write("a", "new", 3), REEL_OK);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert(!reel_file_exists(leftover("a.", dead, "-0.tmp")));
    ck_assert(!reel_file_exists(leftover("a.", dead, "-17.tmp")));
    ck_assert(reel_file_exists(leftover("a.", getppid(), "-0.tmp"))); /* that writer lives */
    ck_assert_int_eq(entries(dir), OTHERS + 2);
    put(leftover("a.", dead, "-0.tmp"), "x", 1);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "new", 3), REEL_OK); /* by its whole path too */
    ck_assert_int_eq(entries(dir), OTHERS + 2);
}
END_TEST

/* Every name that a temporary file may have is taken, by a writer that lives: this one. */
START_TEST(file_write_finds_no_name) {
    for (int i = 0; i < 1000; i++) {
        char after[32];
        snprintf(after, sizeof after, "-%d.tmp", i);
        put(leftover("a.", getpid(), after), "", 0);
    }
    reel_file_write(in_dir("a"), "x", 1);
    expect_failure_at(REEL_ERR_IO, "File exists", in_dir("a"));
    ck_assert_int_eq(entries(dir), 1000);
    ck_assert_int_eq(remove(leftover("a.", getpid(), "-999.tmp")), 0);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "x", 1), REEL_OK);
}
END_TEST

/* What has become a directory since the writing began cannot be replaced: it stays, and nothing
 * else does. */
START_TEST(file_write_meets_a_directory) {
    const char *path = in_dir("a");
    reel__replacement *r = reel__replace_open(path);
    ck_assert_int_eq(reel__replace_write(r, "x", 1), REEL_OK);
    ck_assert_int_eq(mkdir(path, 0777), 0);
    ck_assert_int_eq(reel__replace_commit(r), REEL_ERR_IO);
    expect_failure_at(REEL_ERR_IO, "directory", path);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

START_TEST(file_read_fails) {
    void *bytes = NULL;
    size_t size;
    reel_file_read(in_dir("missing"), &bytes, &size);
    expect_failure_at(REEL_ERR_IO, "No such file", in_dir("missing"));
    reel_file_read(dir, &bytes, &size);
    expect_failure_at(REEL_ERR_IO, "directory", dir);
    reel_file_read(NULL, &bytes, &size);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    ck_assert_ptr_null(bytes);
}
END_TEST

static void *feed(void *path) {
    static const char bytes[50000] = "fifo";
    put(path, bytes, sizeof bytes);
    return NULL;
}

/* One whose size is not known beforehand. */
START_TEST(file_read_fifo) {
    static const char bytes[50000] = "fifo";
    char path[512];
    snprintf(path, sizeof path, "%s", in_dir("fifo"));
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, feed, path), 0);
    expect_content(path, bytes, sizeof bytes);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(make_dirs) {
    ck_assert_int_eq(reel_make_dirs(in_dir("a/b/c")), REEL_OK);
    ck_assert_int_eq(reel_make_dirs(in_dir("a/b/c")), REEL_OK);
    ck_assert_int_eq(reel_make_dirs(in_dir("a//d/")), REEL_OK);
    ck_assert(reel_file_exists(in_dir("a/b/c")) && reel_file_exists(in_dir("a/d")));
    ck_assert_int_eq(reel_make_dirs("/"), REEL_OK);
    put(in_dir("a/file"), "", 0);
    reel_make_dirs(in_dir("a/file"));
    expect_failure_at(REEL_ERR_IO, "Not a directory", in_dir("a/file"));
    reel_make_dirs(in_dir("a/file/below"));
    expect_failure_at(REEL_ERR_IO, "Not a directory", in_dir("a/file"));
    reel_make_dirs("");
    expect_failure(REEL_ERR_ARGUMENT, "no path");
    reel_make_dirs(NULL);
    expect_failure(REEL_ERR_ARGUMENT, "no path");
}
END_TEST

START_TEST(file_exists) {
    ck_assert(reel_file_exists(dir));
    ck_assert(!reel_file_exists(in_dir("missing")));
    ck_assert(!reel_file_exists(""));
    ck_assert(!reel_file_exists(NULL));
    expect_fine();
}
END_TEST

int main(void) {
    Suite *s = suite_create("disk");
    TCase *files = add_dir_case(s, "files");
    tcase_add_test(files, file_round_trip);
    tcase_add_test(files, file_write_obeys_umask);
    tcase_add_test(files, file_write_in_working_directory);
    tcase_add_test(files, file_write_fails);
    tcase_add_test(files, file_write_cut_off);
    tcase_add_test(files, file_write_after_failure_does_nothing);
    tcase_add_test(files, file_replacements_at_once);
    tcase_add_test(files, file_write_clears_up_after_the_dead);
    tcase_add_test(files, file_write_finds_no_name);
    tcase_add_test(files, file_write_meets_a_directory);
    tcase_add_test(files, file_read_fails);
    tcase_add_test(files, file_read_fifo);
    tcase_add_test(files, make_dirs);
    tcase_add_test(files, file_exists);
    return run_suite(s);
}
