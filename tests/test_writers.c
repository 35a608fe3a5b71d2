/* Several writers of one checkpoint at once: threads, processes, a child in the middle of a write.
 */
#include "tests/saved.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    char path[512];
    int times, failures;
} saver;

static void *save_often(void *argument) {
    saver *w = argument;
    for (int i = 0; i < w->times; i++) {
        w->failures += save(i, 2, w->path, 4) != REEL_OK;
        reel_clear_error();
    }
    return NULL;
}

/* All writes succeed, and leave the four newest, each of them whole, and nothing else. */
START_TEST(checkpoint_by_threads_and_processes) {
    enum { THREADS = 4, TIMES = 60 };
    static saver savers[THREADS];
    pthread_t thread[THREADS];
    const pid_t child = fork();
    for (int i = 0; i < THREADS; i++) {
        savers[i] = (saver){.times = TIMES};
        strcpy(savers[i].path, in_dir("c"));
        ck_assert_int_eq(pthread_create(&thread[i], NULL, save_often, &savers[i]), 0);
    }
    int failures = 0, status = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        failures += savers[i].failures;
    }
    if (child == 0) _exit(failures);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(failures, 0);
    static const char *const names[] = {"c", "c.1", "c.2", "c.3"};
    for (int i = 0; i < 4; i++) ck_assert_int_ge(epoch_of(in_dir(names[i])), 0);
    ck_assert_int_eq(entries(dir), 4);
}
END_TEST

/* A child has the descriptors of the write that it was forked in, and holds up none after it: a
 * turn is waited for ten seconds. */
START_TEST(checkpoint_under_way_at_a_fork) {
    enum { CHILDREN = 5 };
    pid_t child[CHILDREN];
    pthread_t thread;
    static saver w = {.times = 60};
    strcpy(w.path, in_dir("c"));
    const time_t begun = time(NULL);
    ck_assert_int_eq(pthread_create(&thread, NULL, save_often, &w), 0);
    for (int i = 0; i < CHILDREN; i++) {
        usleep(3000);
        child[i] = fork();
        while (child[i] == 0) pause();
    }
    pthread_join(thread, NULL);
    const double seconds = difftime(time(NULL), begun);
    for (int i = 0; i < CHILDREN; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    ck_assert_int_eq(w.failures, 0);
    ck_assert_msg(seconds < 9, "%.0f s", seconds);
}
END_TEST

/* Nothing is there whose lock they could take turns by; none is lost all the same. */
START_TEST(checkpoint_by_first_writers) {
    enum { ROUNDS = 50, WRITERS = 2 };
    static saver savers[WRITERS];
    pthread_t thread[WRITERS];
    for (int round = 0; round < ROUNDS; round++) {
        char name[16], older[16];
        snprintf(name, sizeof name, "c%d", round);
        snprintf(older, sizeof older, "c%d.1", round);
        for (int i = 0; i < WRITERS; i++) {
            savers[i] = (saver){.times = 1};
            strcpy(savers[i].path, in_dir(name));
            ck_assert_int_eq(pthread_create(&thread[i], NULL, save_often, &savers[i]), 0);
        }
        for (int i = 0; i < WRITERS; i++) pthread_join(thread[i], NULL);
        ck_assert_int_eq(savers[0].failures + savers[1].failures, 0);
        ck_assert_int_eq(epoch_of(in_dir(name)), 0);
        ck_assert_msg(epoch_of(in_dir(older)) == 0, "round %d lost one", round);
        ck_assert_int_eq(entries(dir), 2 * (round + 1));
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("writers");
    TCase *c = add_dir_case(s, "checkpoints");
    tcase_add_test(c, checkpoint_by_threads_and_processes);
    tcase_add_test(c, checkpoint_under_way_at_a_fork);
    tcase_add_test(c, checkpoint_by_first_writers);
    return run_suite(s);
}
