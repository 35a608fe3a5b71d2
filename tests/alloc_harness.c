/* One process for each n, and what it says to its parent. */
#include "tests/alloc_harness.h"

#include "tensor/core/handles_internal.h"
#include "tests/failing_alloc.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RUNS = 3 };

/* Shared by the processes. */
static struct {
    char text[1500];       /* what is wrong; "": nothing */
    bool failed;           /* an allocation did */
    long blocks;           /* alive at the end */
    long most;             /* that may be */
    double expected[RUNS]; /* what the runs came to where no allocation failed */
    int known;
} * report;

/* ---- in the child ---- */

void alloc_wrong(const char *format, ...) {
    va_list args;
    stop_failing();
    va_start(args, format);
    vsnprintf(report->text, sizeof report->text, format, args);
    va_end(args);
    _exit(1);
}

void alloc_settle(void) {
    if (stop_failing()) report->failed = true;
}

void alloc_outcome(double value) {
    static int at;
    const double *e = report->expected;
    if (report->known < RUNS)
        report->expected[report->known++] = value;
    else if (at < RUNS && e[at] == value)
        at++;
    else if (at + 1 < RUNS && e[at + 1] == value)
        at += 2;
    else
        alloc_wrong("run %d came to %.17g, not to %.17g", at + 1, value, e[at < RUNS ? at : 0]);
}

/* One line, that says what was wanted and why it was not to be had. (The system says of a thread
 * that it has no room for, that it is temporarily unavailable.) */
static void check_failure(void) {
    const char *says = reel_error();
    const bool thread = reel_error_status() == REEL_ERR_IO && strstr(says, "can't start worker");
    if (!thread && reel_error_status() != REEL_ERR_MEMORY)
        alloc_wrong("status %d: \"%s\"", reel_error_status(), says);
    if (!thread && !strstr(says, "memory")) alloc_wrong("not clear: \"%s\"", says);
    if (strchr(says, '\n') || strlen(says) > 300) alloc_wrong("no short line: \"%s\"", says);
}

static void run_first(const alloc_scenario *s, long n, long more) {
    fail_allocations(n, more);
    const bool done = s->run();
    alloc_settle();
    if (done && reel_failed()) alloc_wrong("done, and yet \"%s\"", reel_error());
    if (done) return;
    if (!reel_failed()) alloc_wrong("failed, and says nothing");
    if (!report->failed) alloc_wrong("no allocation failed, and yet \"%s\"", reel_error());
    check_failure();
    reel_clear_error();
    if (s->recover) s->recover();
}

/* What ran is written down by a process that exits, which these do not. */
static void write_coverage(void) {
#ifdef REEL_COVERAGE
    extern void __gcov_dump(void);
    __gcov_dump();
#endif
}

/* Without the handle pool's own blocks, whose number differs from run to run. */
static long blocks(void) {
    return blocks_alive() - (long)reel__handles_blocks();
}

/* A thread that BLAS or the pool has just started may hold something for a moment. */
static long settled_blocks(void) {
    for (int i = 0; i < 200 && blocks() > report->most; i++) usleep(5000);
    return blocks();
}

static void child(const alloc_scenario *s, long n, long more) {
    alarm(60);
    setenv("PATH", "/nonexistent", 1); /* no gnuplot */
    s->setup();
    NEED(!reel_failed());
    run_first(s, n, more);
    for (int i = 1; i < RUNS; i++)
        if (!s->run()) alloc_wrong("fails afterwards too: \"%s\"", reel_error());
    s->teardown();
    NEED(!reel_failed());
    NEED(reel_tensors_alive() == 0);
    report->blocks = settled_blocks();
    write_coverage();
}

/* ---- in the parent ---- */

/* True if there were that many allocations. */
static bool survives(const alloc_scenario *s, long n, long more) {
    *report->text = '\0';
    report->failed = false;
    const pid_t process = fork();
    ck_assert_int_ge(process, 0);
    if (process == 0) {
        child(s, n, more);
        _exit(0);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(process, &status, 0), process);
    const char *which = more ? "all allocations from" : "allocation";
    ck_assert_msg(!WIFSIGNALED(status), "%s %ld: signal %d", which, n, WTERMSIG(status));
    ck_assert_msg(status == 0, "%s %ld: %s", which, n, report->text);
    return report->failed;
}

void fails_everywhere(const alloc_scenario *s) {
    report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert(report != MAP_FAILED);
    report->most = LONG_MAX;
    ck_assert(!survives(s, LONG_MAX, 0));
    report->most = report->blocks + s->spare;
    for (int all = 0; all <= 1; all++) {
        long n;
        for (n = 1; survives(s, n, all ? LONG_MAX : 0); n++)
            ck_assert_msg(report->blocks <= report->most, "allocation %ld: %ld blocks leak", n,
                          report->blocks - report->most);
        ck_assert_int_gt(n, s->least);
    }
    munmap(report, sizeof *report);
}
