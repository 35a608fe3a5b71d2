/* The set of living objects: what is in it, what is said of what is not, and what a fork leaves. */
#include "tests/expect.h"

#include "tensor/core/alive_internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char thing[4096]; /* addresses to put in: nothing is read there */

START_TEST(what_was_added_is_there_until_it_ends) {
    ck_assert(!reel__alive_is(thing, "a loader"));
    ck_assert_int_eq(reel__alive_add(thing, "a loader", "loader_new"), REEL_OK);
    ck_assert_int_eq(reel__alive_check(thing, "a loader", "loader_next", NULL), REEL_OK);
    ck_assert(!reel__alive_is(thing, "a module"));
    ck_assert(!reel__alive_is(thing + 1, "a loader"));
    ck_assert(!reel__alive_is(NULL, "a loader"));
    ck_assert_int_eq(reel__alive_end(thing, "a loader", "loader_free", NULL), REEL_OK);
    ck_assert(!reel__alive_is(thing, "a loader"));
    ck_assert(!reel_failed());
}
END_TEST

START_TEST(what_is_not_there_is_refused) {
    ck_assert_int_ne(reel__alive_check(thing, "a loader", "loader_next", NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "loader_next: not a loader, or freed already");
    ck_assert_int_ne(reel__alive_end(thing, "an optimizer", "optim_free", "a.c:3"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_free: not an optimizer, or freed already (a.c:3)");
    ck_assert_int_ne(reel__alive_check(NULL, "an optimizer", "optim_step", NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "optim_step: optimizer is NULL");
    reel__alive_add(thing, "a schedule", "schedule_new");
    ck_assert_int_ne(reel__alive_end(thing, "a loader", "loader_free", NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "loader_free: not a loader, or freed already");
    ck_assert(reel__alive_is(thing, "a schedule")); /* still */
    reel__alive_end(thing, "a schedule", "schedule_free", NULL);
}
END_TEST

/* Beside a plain array: adds and takes out at random, so that runs of entries form and close. */
START_TEST(it_agrees_with_an_array) {
    enum { MANY = sizeof thing };
    static bool there[MANY];
    unsigned word = 1;
    for (int round = 0; round < 200000; round++) {
        word = word * 1664525u + 1013904223u;
        const int span = round % 50000 < 25000 ? MANY : 40, i = (int)((word >> 8) % (unsigned)span);
        if (there[i])
            ck_assert_int_eq(reel__alive_end(thing + i, "a thing", "end", NULL), REEL_OK);
        else
            ck_assert_int_eq(reel__alive_add(thing + i, "a thing", "add"), REEL_OK);
        there[i] = !there[i];
        const int other = (int)((word >> 4) % MANY);
        ck_assert_int_eq(reel__alive_is(thing + other, "a thing"), there[other]);
    }
    for (int i = 0; i < MANY; i++) ck_assert_int_eq(reel__alive_is(thing + i, "a thing"), there[i]);
    for (int i = 0; i < MANY; i++)
        if (there[i]) reel__alive_end(thing + i, "a thing", "end", NULL);
    ck_assert(!reel__alive_is(thing, "a thing"));
}
END_TEST

/* ---- threads ---- */

enum { THREADS = 4, TURNS = 20000 };

static void *add_and_end(void *first) {
    for (int i = 0; i < TURNS; i++) {
        char *object = (char *)first + i % 64;
        reel__alive_add(object, "a thing", "add");
        if (!reel__alive_is(object, "a thing")) return first;
        if (reel__alive_end(object, "a thing", "end", NULL) != REEL_OK) return first;
    }
    return NULL;
}

START_TEST(threads_share_it) {
    pthread_t thread[THREADS];
    void *wrong = NULL;
    for (int i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, add_and_end, thing + i * 64);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], &wrong);
        ck_assert_ptr_null(wrong);
    }
}
END_TEST

/* Children of a process whose other threads hold the lock most of the time. */
START_TEST(a_forked_child_looks_up) {
    pthread_t thread;
    static char own;
    reel__alive_add(&own, "a thing", "add");
    pthread_create(&thread, NULL, add_and_end, thing);
    for (int i = 0; i < 100; i++) {
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) _exit(reel__alive_is(&own, "a thing") ? 0 : 1);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    pthread_join(thread, NULL);
    reel__alive_end(&own, "a thing", "end", NULL);
}
END_TEST

int main(void) {
    Suite *s = suite_create("alive");
    TCase *c = add_cpu_case(s, "set");
    tcase_add_test(c, what_was_added_is_there_until_it_ends);
    tcase_add_test(c, what_is_not_there_is_refused);
    tcase_add_test(c, it_agrees_with_an_array);
    tcase_add_test(c, threads_share_it);
    c = add_cpu_case(s, "fork");
    tcase_set_tags(c, "fork"); /* ThreadSanitizer starts no threads after one */
    tcase_add_test(c, a_forked_child_looks_up);
    return run_suite(s);
}
