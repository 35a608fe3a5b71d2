/* Loaders that go on: from a checkpoint, and in a forked child. */
#include "tests/loader_rig.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- checkpoints ---- */

#define CALLS 24

/* Stops after each call in turn and goes on in a new loader, which works another way. */
START_TEST(a_resumed_loader_goes_on) {
    int kind = _i;
    static trace expected, got;
    rig r;
    expected.count = 0;
    rig_open(&r, kind, ways[0]);
    run(r.loader, CALLS, &expected);
    rig_close(&r);
    for (int stop = 0; stop <= CALLS; stop++) {
        reel_state *s = reel_state_new();
        got.count = 0;
        rig_open(&r, kind, ways[stop % WAYS]);
        run(r.loader, stop, &got);
        ck_assert_int_eq(reel_loader_save(r.loader, s, "train"), REEL_OK);
        rig_close(&r);
        rig_open(&r, kind, ways[(3 * stop + kind + 1) % WAYS]);
        run(r.loader, stop % 3, &(trace){.count = 0}); /* where it stood before doesn't matter */
        ck_assert_int_eq(reel_loader_load(r.loader, s, "train"), REEL_OK);
        run(r.loader, CALLS - stop, &got);
        rig_close(&r);
        reel_state_free(s);
        check_same(&expected, &got);
    }
}
END_TEST

START_TEST(a_saved_state_is_a_copy) {
    rig r;
    trace t = {.count = 0};
    reel_state *s = reel_state_new();
    rig_open(&r, SHUFFLE, ways[6]);
    run(r.loader, 2, &t);
    ck_assert_int_eq(reel_loader_save(r.loader, s, NULL), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 3);
    run(r.loader, 7, &t);
    int64_t progress[7];
    ck_assert_int_eq(reel_read(reel_state_get(s, "progress"), progress, sizeof progress), REEL_OK);
    ck_assert(progress[0] == 0 && progress[1] == 2 && progress[2] == ITEMS);
    ck_assert(progress[3] == 1 && progress[4] == 4);                /* shuffled, by this seed */
    ck_assert_int_ne(reel_loader_save(r.loader, s, NULL), REEL_OK); /* the names are there */
    expect_failure(REEL_ERR_ARGUMENT, "progress");
    rig_close(&r);
    reel_state_free(s);
}
END_TEST

typedef struct {
    const char *message;
    int64_t progress[3], order[4], starts[4];
    int order_count, starts_count;
} saved;

static reel_state *state_of(const saved *c) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put_in(s, "l", "progress", reel_from(c->progress, reel_shape(3), REEL_I64));
        reel_state_put_in(s, "l", "order",
                          reel_from(c->order, reel_shape(c->order_count), REEL_I64));
        reel_state_put_in(s, "l", "starts",
                          reel_from(c->starts, reel_shape(c->starts_count), REEL_I64));
    }
    expect_fine();
    return s;
}

/* Loads s, which must fail, and checks that the loader stands where it did. */
static void check_refused(const reel_state *s, const char *message) {
    rig r;
    static trace expected, got;
    expected.count = got.count = 0;
    rig_open(&r, SHUFFLE, ways[0]);
    run(r.loader, 9, &expected);
    rig_close(&r);
    rig_open(&r, SHUFFLE, ways[6]);
    run(r.loader, 3, &got);
    ck_assert_int_ne(reel_loader_load(r.loader, s, "l"), REEL_OK);
    ck_assert_msg(strstr(reel_error(), message), "%s, not %s", reel_error(), message);
    reel_clear_error();
    run(r.loader, 6, &got);
    check_same(&expected, &got);
    rig_close(&r);
}

START_TEST(bad_states_are_refused) {
    static const saved cases[] = {
        {"a dataset of 24 items", {0, 0, 24}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"progress is not", {-1, 0, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"progress is not", {INT64_MAX, 0, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"position -1", {0, -1, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"position 3 of an epoch of 2", {0, 3, 23}, {1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"item 23", {0, 0, 23}, {1, 2, 3, 23}, {0, 2, 4}, 4, 3},
        {"item -1", {0, 0, 23}, {-1, 2, 3, 4}, {0, 2, 4}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 2, 3}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 4, 4}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {1, 2, 4}, 4, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 9, 4}, 4, 3},
        {"don't cut 3 items", {0, 0, 23}, {1, 2, 3, 4}, {0, 2, 4}, 3, 3},
        {"don't cut 4 items", {0, 0, 23}, {1, 2, 3, 4}, {0}, 4, 0},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        reel_state *s = state_of(&cases[k]);
        check_refused(s, cases[k].message);
        reel_state_free(s);
    }
}
END_TEST

START_TEST(states_of_the_wrong_kind_are_refused) {
    reel_state *s = reel_state_new();
    check_refused(s, "l.progress is not in the state");
    {
        REEL_SCOPE;
        reel_state_put(s, "l.progress",
                       reel_from(((int64_t[]){0, 0, 23}), reel_shape(3), REEL_I64));
        check_refused(s, "l.order is not in the state");
        reel_state_put(s, "l.order", reel_zeros(reel_shape(2), REEL_F32, reel_cpu()));
    }
    check_refused(s, "l.order is not a list of i64");
    rig r;
    rig_open(&r, SHUFFLE, ways[0]);
    ck_assert_int_ne(reel_loader_load(NULL, s, "l"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "loader is NULL");
    ck_assert_int_ne(reel_loader_load(r.loader, NULL, "l"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "state is NULL");
    ck_assert_int_ne(reel_loader_save(r.loader, NULL, "l"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "state is NULL");
    reel_fail(REEL_ERR_IO, NULL, "an earlier failure");
    ck_assert_int_eq(reel_loader_save(r.loader, s, "m"), REEL_ERR_IO);
    ck_assert_int_eq(reel_state_count(s), 2);
    reel_clear_error();
    rig_close(&r);
    reel_state_free(s);
}
END_TEST

/* What the epochs to come are made of must be what those before were. */
START_TEST(a_state_of_other_settings_is_refused) {
    numbers d = numbers_of(23);
    reel_sampler *sampler = reel_sequential_sampler_new(23);
    const struct {
        const char *message;
        reel_loader_options options;
    } cases[] = {
        {"saved with seed 4, and here it is 5", {.batch_size = 4, .shuffle = true, .seed = 5}},
        {"saved with seed 4, and here it is 18446744073709551615",
         {.batch_size = 4, .shuffle = true, .seed = UINT64_MAX}},
        {"saved with batch_size 4, and here it is 5",
         {.batch_size = 5, .shuffle = true, .seed = 4}},
        {"saved with drop_last 0, and here it is 1",
         {.batch_size = 4, .shuffle = true, .seed = 4, .drop_last = true}},
        {"saved shuffled, and here it is in order", {.batch_size = 4, .seed = 4}},
        {"saved shuffled, and here it is by a sampler", {.batch_size = 4, .sampler = sampler}},
        {NULL, {.batch_size = 4, .shuffle = true, .seed = 4, .prefetch = 5}},
    };
    reel_state *s = reel_state_new();
    const reel_loader_options o = {.batch_size = 4, .shuffle = true, .seed = 4};
    reel_loader *from = loader_of(&d.base, o, ways[2]);
    reel_batch b;
    ck_assert(reel_loader_next(from, &b));
    ck_assert_int_eq(reel_loader_save(from, s, NULL), REEL_OK);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        reel_loader *l = loader_of(&d.base, cases[k].options, ways[0]);
        const reel_status status = reel_loader_load(l, s, NULL);
        ck_assert_int_eq(status, cases[k].message ? REEL_ERR_ARGUMENT : REEL_OK);
        ck_assert_int_eq(reel_loader_position(l), !cases[k].message);
        if (cases[k].message) expect_failure(REEL_ERR_ARGUMENT, cases[k].message);
        reel_loader_free(l);
    }
    reel_loader_free(from);
    reel_sampler_free(sampler);
    reel_state_free(s);
}
END_TEST

/* The epoch behind it would have no number, and its state would not load. */
START_TEST(the_last_epoch_is_the_last) {
    const saved c = {"", {INT64_MAX - 1, 1, 23}, {5, 6, 22, 0}, {0, 1, 4}, 4, 3};
    reel_state *s = state_of(&c), *t = reel_state_new();
    rig r;
    rig_open(&r, SHUFFLE, ways[_i]);
    ck_assert_int_eq(reel_loader_load(r.loader, s, "l"), REEL_OK);
    reel_batch b;
    ck_assert(reel_loader_next(r.loader, &b));
    for (int k = 0; k < 2; k++) {
        ck_assert(!reel_loader_next(r.loader, &b));
        ck_assert_int_eq(reel_loader_save(r.loader, t, "l"), REEL_ERR_STATE);
        expect_failure(REEL_ERR_STATE, "loader: no epoch after 9223372036854775806");
    }
    ck_assert_int_eq(reel_loader_epoch(r.loader), INT64_MAX - 1);
    ck_assert_int_eq(reel_loader_save(r.loader, t, "l"), REEL_OK);
    ck_assert_int_eq(reel_loader_load(r.loader, t, "l"), REEL_OK);
    rig_close(&r);
    reel_state_free(s);
    reel_state_free(t);
}
END_TEST

/* ---- forks ---- */

/* What a child comes to: the rest of the trace, a loader freed, and no failure. */
static bool goes_on(rig *r, int calls, const trace *expected) {
    static trace got;
    got.count = 0;
    alarm(20); /* one that waits for a thread that is not there does so for ever */
    if (calls > 0) run(r->loader, calls, &got);
    reel_loader_free(r->loader);
    const int64_t *rest = expected->v + expected->count - got.count;
    return !reel_failed() && memcmp(rest, got.v, (size_t)got.count * sizeof *got.v) == 0;
}

/* In the middle of an epoch, when the workers have made what they may: parent and child both go on,
 * and the child may free its loader at once. */
START_TEST(a_forked_child_goes_on) {
    static trace expected, got;
    for (int calls = 0; calls <= 8; calls += 8) {
        rig r;
        expected.count = got.count = 0;
        rig_open(&r, SHUFFLE, ways[0]);
        run(r.loader, 11, &expected);
        rig_close(&r);
        rig_open(&r, SHUFFLE, ways[_i]);
        run(r.loader, 3, &got);
        usleep(50000);
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) _exit(goes_on(&r, calls, &expected) ? 0 : 1);
        int status;
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child: %x", status);
        run(r.loader, 8, &got);
        check_same(&expected, &got);
        rig_close(&r);
    }
}
END_TEST

/* The user's own order, of another length and with items twice, is taken as it is. */
START_TEST(an_order_need_not_be_a_permutation) {
    const saved c = {"", {6, 1, 23}, {5, 5, 22, 0}, {0, 1, 4}, 4, 3};
    reel_state *s = state_of(&c);
    rig r;
    rig_open(&r, SHUFFLE, ways[5]);
    ck_assert_int_eq(reel_loader_load(r.loader, s, "l"), REEL_OK);
    reel_batch b;
    ck_assert(reel_loader_next(r.loader, &b));
    ck_assert_int_eq(b.n, 3);
    ck_assert_mem_eq(b.index, ((int64_t[]){5, 22, 0}), 3 * sizeof(int64_t));
    ck_assert(!reel_loader_next(r.loader, &b));
    expect_fine();
    ck_assert_int_eq(reel_loader_epoch(r.loader), 7);
    ck_assert_int_eq(reel_loader_batches(r.loader), 5);
    rig_close(&r);
    reel_state_free(s);
}
END_TEST

int main(void) {
    Suite *s = suite_create("loader state");
    TCase *c = add_case(s, "checkpoints");
    tcase_add_loop_test(c, a_resumed_loader_goes_on, 0, KINDS);
    tcase_add_test(c, a_saved_state_is_a_copy);
    tcase_add_test(c, bad_states_are_refused);
    tcase_add_test(c, states_of_the_wrong_kind_are_refused);
    tcase_add_test(c, an_order_need_not_be_a_permutation);
    tcase_add_test(c, a_state_of_other_settings_is_refused);
    tcase_add_loop_test(c, the_last_epoch_is_the_last, 0, WAYS);

    c = add_cpu_case(s, "fork");
    tcase_set_tags(c, "fork"); /* ThreadSanitizer starts no threads after one */
    tcase_add_loop_test(c, a_forked_child_goes_on, 0, WAYS);
    return run_suite(s);
}
