/* io/'s ground: whole files read, and replaced whole or not at all. */
#include "io/io_internal.h"
#include "tests/temp_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/file.h>
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

/* One whose writer is at it, in another process or here. */
static int open_locked(const char *path) {
    const int fd = open(path, O_WRONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    return fd;
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
    put(leftover("a.", dead, "-1.tmp"), "x", 1);
    const int living[] = {open_locked(leftover("a.", getppid(), "-0.tmp")),
                          open_locked(leftover("a.", dead, "-1.tmp"))}; /* of another container */
    for (int i = 0; i < OTHERS; i++) put(leftover(others[i][0], dead, others[i][1]), "x", 1);
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert_int_eq(reel_file_write("a", "new", 3), REEL_OK);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert(!reel_file_exists(leftover("a.", dead, "-0.tmp")));
    ck_assert(!reel_file_exists(leftover("a.", dead, "-17.tmp")));
    ck_assert(reel_file_exists(leftover("a.", getppid(), "-0.tmp")));
    ck_assert(reel_file_exists(leftover("a.", dead, "-1.tmp")));
    ck_assert_int_eq(entries(dir), OTHERS + 3);
    put(leftover("a.", dead, "-0.tmp"), "x", 1);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "new", 3), REEL_OK); /* by its whole path too */
    ck_assert_int_eq(entries(dir), OTHERS + 3);
    close(living[0]), close(living[1]);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "new", 3), REEL_OK);
    ck_assert_int_eq(entries(dir), OTHERS + 1);
}
END_TEST

/* In a container every run has the same process number. */
START_TEST(file_write_clears_up_after_its_namesake) {
    put(leftover("a.", getpid(), "-0.tmp"), "x", 1);
    put(leftover("a.", getpid(), "-999.tmp"), "x", 1);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "new", 3), REEL_OK);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

/* Every name that a temporary file may have is taken, by what is no file. */
START_TEST(file_write_finds_no_name) {
    for (int i = 0; i < 1000; i++) {
        char after[32];
        snprintf(after, sizeof after, "-%d.tmp", i);
        ck_assert_int_eq(mkdir(leftover("a.", getpid(), after), 0777), 0);
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

/* One whose size is not known beforehand. */
START_TEST(file_read_without_a_size) {
    void *bytes = NULL;
    size_t size;
    ck_assert_int_eq(reel_file_read("/proc/self/status", &bytes, &size), REEL_OK);
    ck_assert_uint_gt(size, 100);
    ck_assert_uint_eq(size, strlen(bytes));
    free(bytes);
}
END_TEST

/* ---- what a file is written over ---- */

static mode_t mode_of(const char *path) {
    struct stat info;
    ck_assert_int_eq(lstat(path, &info), 0);
    return info.st_mode;
}

START_TEST(file_write_through_links) {
    ck_assert_int_eq(mkdir(in_dir("far"), 0777), 0);
    put(in_dir("far/a"), "old", 3);
    ck_assert_int_eq(symlink("far/b", in_dir("c")), 0);
    ck_assert_int_eq(symlink("a", in_dir("far/b")), 0);
    ck_assert_int_eq(reel_file_write(in_dir("c"), "new", 3), REEL_OK);
    ck_assert(S_ISLNK(mode_of(in_dir("c"))) && S_ISLNK(mode_of(in_dir("far/b"))));
    ck_assert(S_ISREG(mode_of(in_dir("far/a"))));
    expect_content(in_dir("far/a"), "new", 3);
    ck_assert_int_eq(entries(in_dir("far")), 2);

    ck_assert_int_eq(symlink(in_dir("far/d"), in_dir("to d")), 0); /* to nothing, by a whole path */
    ck_assert_int_eq(reel_file_write(in_dir("to d"), "d", 1), REEL_OK);
    ck_assert(S_ISLNK(mode_of(in_dir("to d"))));
    expect_content(in_dir("far/d"), "d", 1);
    ck_assert_int_eq(chdir(dir), 0);
    ck_assert_int_eq(reel_file_write("c", "newer", 5), REEL_OK);
    ck_assert_int_eq(chdir("/"), 0);
    expect_content(in_dir("far/a"), "newer", 5);
}
END_TEST

START_TEST(file_write_through_bad_links) {
    ck_assert_int_eq(symlink("loop", in_dir("loop")), 0);
    ck_assert_int_eq(symlink("missing/a", in_dir("lost")), 0);
    ck_assert_int_eq(symlink(".", in_dir("here")), 0);
    ck_assert_int_eq(symlink("/dev/null", in_dir("null")), 0);
    reel_file_write(in_dir("loop"), "x", 1);
    expect_failure_at(REEL_ERR_IO, "symbolic links", in_dir("loop"));
    reel_file_write(in_dir("lost"), "x", 1);
    expect_failure_at(REEL_ERR_IO, "No such file", in_dir("lost"));
    reel_file_write(in_dir("here"), "x", 1);
    expect_failure_at(REEL_ERR_IO, "directory", in_dir("here"));
    reel_file_write(in_dir("null"), "x", 1);
    expect_failure_at(REEL_ERR_IO, "regular file", in_dir("null"));
    ck_assert_int_eq(entries(dir), 4);
}
END_TEST

START_TEST(file_write_keeps_the_mode) {
    static const mode_t modes[] = {0600, 0640, 0644, 0666, 0755, 0700};
    mode_t old = umask(027);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        put(in_dir("a"), "old", 3);
        ck_assert_int_eq(chmod(in_dir("a"), modes[i]), 0);
        ck_assert_int_eq(reel_file_write(in_dir("a"), "new", 3), REEL_OK);
        ck_assert_uint_eq(mode_of(in_dir("a")) & 07777, modes[i]);
    }
    umask(old);
    expect_content(in_dir("a"), "new", 3);
}
END_TEST

/* As root: the file stays its owner's. */
START_TEST(file_write_keeps_the_owner) {
    struct stat info;
    put(in_dir("a"), "old", 3);
    if (chown(in_dir("a"), 12345, 23456) != 0) {
        puts("skipped: may not give a file away");
        return;
    }
    ck_assert_int_eq(chmod(in_dir("a"), 0640), 0);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "new", 3), REEL_OK);
    ck_assert_int_eq(stat(in_dir("a"), &info), 0);
    ck_assert_uint_eq(info.st_uid, 12345);
    ck_assert_uint_eq(info.st_gid, 23456);
    ck_assert_uint_eq(info.st_mode & 0777, 0640);
}
END_TEST

/* Runs f in a process of its own, as a user without rights where this one is root. */
static void as_nobody(void (*f)(void)) {
    const pid_t pid = fork();
    int status;
    if (pid == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(1);
        f();
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}

#define MUST(x) ((x) ? (void)0 : _exit(__LINE__ % 250 + 1))

static void write_what_may_not_be(void) {
    MUST(reel_file_write(in_dir("locked"), "new", 3) == REEL_ERR_IO);
    MUST(strstr(reel_error(), "Permission denied") && strstr(reel_error(), in_dir("locked")));
    reel_clear_error();
}

/* As a plain write is refused, though a rename would do. */
START_TEST(file_write_respects_a_read_only_file) {
    put(in_dir("locked"), "old", 3);
    ck_assert_int_eq(chmod(in_dir("locked"), 0444), 0);
    ck_assert_int_eq(chmod(dir, 0777), 0);
    as_nobody(write_what_may_not_be);
    expect_content(in_dir("locked"), "old", 3);
    ck_assert_int_eq(entries(dir), 1);
}
END_TEST

static void write_to_a_group_not_mine(void) {
    MUST(reel_file_write(in_dir("shared"), "new", 3) == REEL_OK);
}

/* What a group might read that is not the writer's is not given to the writer's own. */
START_TEST(file_write_gives_no_group_more) {
    struct stat info;
    put(in_dir("shared"), "old", 3);
    if (geteuid() != 0 || chown(in_dir("shared"), 65534, 23456) != 0) {
        puts("skipped: may not give a file away");
        return;
    }
    ck_assert_int_eq(chmod(in_dir("shared"), 0664), 0);
    ck_assert_int_eq(chmod(dir, 0777), 0);
    as_nobody(write_to_a_group_not_mine);
    ck_assert_int_eq(stat(in_dir("shared"), &info), 0);
    ck_assert_uint_eq(info.st_gid, 65534);
    ck_assert_uint_eq(info.st_mode & 0777, 0644);
    expect_content(in_dir("shared"), "new", 3);
}
END_TEST

/* ---- under odd parents ---- */

/* The signal's default is to end the process. */
START_TEST(file_write_past_the_limit_does_not_kill) {
    static const char large[20000];
    struct rlimit old, tight;
    sigset_t pending, blocked;
    ck_assert_int_eq(reel_file_write(in_dir("a"), "old", 3), REEL_OK);
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 8192;
    setrlimit(RLIMIT_FSIZE, &tight);
    reel_file_write(in_dir("a"), large, sizeof large);
    setrlimit(RLIMIT_FSIZE, &old);
    expect_failure_at(REEL_ERR_IO, "too large", in_dir("a"));
    expect_content(in_dir("a"), "old", 3);
    ck_assert_int_eq(entries(dir), 1);
    sigpending(&pending);
    pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    ck_assert(!sigismember(&pending, SIGXFSZ) && !sigismember(&blocked, SIGXFSZ));
}
END_TEST

/* One that the program kept waiting still waits. */
START_TEST(a_signal_held_before_stays) {
    sigset_t only, before, pending;
    sigemptyset(&only);
    sigaddset(&only, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &only, &before);
    raise(SIGXFSZ);
    ck_assert_int_eq(reel_file_write(in_dir("a"), "x", 1), REEL_OK);
    sigpending(&pending);
    ck_assert(sigismember(&pending, SIGXFSZ));
    int taken;
    sigwait(&only, &taken);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}
END_TEST

/* What others print to descriptors that the parent closed does not go into files. */
START_TEST(file_write_without_standard_descriptors) {
    int saved[3], said[3];
    uint64_t size;
    fflush(NULL);
    for (int i = 0; i < 3; i++) saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10), close(i);
    reel__replacement *r = reel__replace_open(in_dir("a"));
    const reel_status written = reel__replace_write(r, "right", 5);
    for (int i = 0; i < 3; i++) said[i] = (int)write(i, "wrong", 5);
    const reel_status committed = reel__replace_commit(r);
    const int fd = reel__open_to_read(in_dir("a"), &size);
    for (int i = 0; i < 3; i++) dup2(saved[i], i), close(saved[i]);
    for (int i = 0; i < 3; i++) ck_assert_int_eq(said[i], -1);
    ck_assert(written == REEL_OK && committed == REEL_OK);
    ck_assert_int_gt(fd, 2);
    ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
    expect_content(in_dir("a"), "right", 5);
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
    expect_failure_at(REEL_ERR_IO, "Not a directory", in_dir("a/file/below"));
    reel_fail(REEL_ERR_SHAPE, NULL, "kept");
    reel_make_dirs(in_dir("a/file/below"));
    expect_failure(REEL_ERR_SHAPE, "kept");
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
    tcase_add_test(files, file_write_clears_up_after_its_namesake);
    tcase_add_test(files, file_write_finds_no_name);
    tcase_add_test(files, file_write_meets_a_directory);
    tcase_add_test(files, file_read_fails);
    tcase_add_test(files, file_read_without_a_size);
    tcase_add_test(files, make_dirs);
    tcase_add_test(files, file_exists);
    files = add_dir_case(s, "targets");
    tcase_add_test(files, file_write_through_links);
    tcase_add_test(files, file_write_through_bad_links);
    tcase_add_test(files, file_write_keeps_the_mode);
    tcase_add_test(files, file_write_keeps_the_owner);
    tcase_add_test(files, file_write_respects_a_read_only_file);
    tcase_add_test(files, file_write_gives_no_group_more);
    files = add_dir_case(s, "parents");
    tcase_add_test(files, file_write_past_the_limit_does_not_kill);
    tcase_add_test(files, a_signal_held_before_stays);
    tcase_add_test(files, file_write_without_standard_descriptors);
    return run_suite(s);
}
