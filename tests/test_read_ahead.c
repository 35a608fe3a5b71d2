/* What is read before it is asked for: by workers, and by the queue of uploads, which a GPU has and
 * which these tests have on the CPU too. */
#include "cuda/cuda.h"
#include "data/data_internal.h"
#include "tests/expect.h"
#include "tests/numbers.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

/* ---- workers ---- */

typedef struct {
    atomic_int calls, unblocked, threads;
} observed;

static reel_status observe(reel_sample *s, int64_t i, void *user) {
    (void)s, (void)i;
    observed *o = user;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    atomic_fetch_add(&o->unblocked, !sigismember(&mask, SIGINT) || !sigismember(&mask, SIGTERM));
    atomic_fetch_add(&o->threads, reel_threads());
    atomic_fetch_add(&o->calls, 1);
    return REEL_OK;
}

START_TEST(workers_read_ahead_so_far_and_no_signals) {
    numbers d = numbers_of(100);
    observed o = {0};
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    reel_dataset *m = reel_map_dataset_new(&d.base, observe, &o);
    reel_loader *l = reel_loader_new(m, (reel_loader_options){.workers = 2, .prefetch = 3});
    reel_batch b;
    ck_assert(reel_loader_next(l, &b));
    for (int tries = 0; tries < 500 && atomic_load(&o.calls) < 7; tries++) usleep(10000);
    usleep(20000);
    ck_assert_int_eq(atomic_load(&o.calls), 7); /* one taken, six ahead */
    ck_assert_int_eq(atomic_load(&o.unblocked), 0);
    ck_assert_int_eq(atomic_load(&o.threads), 7); /* each of one thread */
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ck_assert_int_eq(sigismember(&after, SIGINT), sigismember(&before, SIGINT));
    reel_loader_free(l);
    reel_dataset_free(m);
}
END_TEST

#ifdef __GLIBC__
START_TEST(threads_that_do_not_start_are_an_error) {
    numbers d = numbers_of(10);
    pthread_attr_t usual, huge;
    ck_assert_int_eq(pthread_getattr_default_np(&usual), 0);
    ck_assert_int_eq(pthread_attr_init(&huge), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&huge, (size_t)1 << 56), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&huge), 0);
    reel_loader *l = reel_loader_new(&d.base, (reel_loader_options){.workers = 3});
    reel_batch b;
    ck_assert(!reel_loader_next(l, &b));
    expect_failure(REEL_ERR_IO, "can't start worker 1 of 3");
    ck_assert_int_eq(pthread_setattr_default_np(&usual), 0);
    ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(b.index[0], 0);
    reel_loader_free(l);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&usual);
}
END_TEST
#endif

/* ---- uploads ---- */

/* Batches of one item for the device under test, uploaded ahead. */
static reel_loader *uploader_of(reel_dataset *d, int workers) {
    reel_loader *l =
        reel_loader_new(d, (reel_loader_options){.workers = workers, .device = test_device()});
    expect_fine();
    l->read_ahead = true;
    return l;
}

static void expect_batch(reel_loader *l, int64_t number) {
    reel_batch b;
    ck_assert_msg(reel_loader_next(l, &b), "%s", reel_error());
    ck_assert_int_eq(b.number, number);
    ck_assert_int_eq(b.index[0], number);
    ck_assert(reel_device_equal(reel_device_of(b.x), test_device()));
    ck_assert_double_eq(element(b.x, 0), (double)number);
    ck_assert_double_eq(element(b.y, 0), (double)number);
    ck_assert_int_eq(reel_loader_position(l), number + 1);
}

static void expect_no_batch(reel_loader *l) {
    reel_batch b;
    ck_assert(!reel_loader_next(l, &b));
    ck_assert_ptr_null(b.x);
}

START_TEST(two_batches_are_read_ahead) {
    numbers d = numbers_of(8);
    observed o = {0};
    reel_dataset *m = reel_map_dataset_new(&d.base, observe, &o);
    reel_loader *l = uploader_of(m, 0);
    static const int read[] = {3, 4, 5, 6, 7, 8, 8, 8};
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int k = 0; k < 8; k++) {
            expect_batch(l, k);
            ck_assert_int_eq(atomic_load(&o.calls), 8 * epoch + read[k]);
        }
        expect_no_batch(l);
        expect_fine();
        ck_assert_int_eq(atomic_load(&o.calls), 8 * (epoch + 1)); /* not beyond its end */
    }
    reel_loader_free(l);
    reel_dataset_free(m);
}
END_TEST

static reel_status wait_for_it(reel_sample *s, int64_t i, void *user) {
    (void)s;
    while (i > 0 && !atomic_load((atomic_int *)user)) usleep(1000);
    return REEL_OK;
}

/* The first batch does not wait for those behind it, where workers have yet to make them. */
START_TEST(what_is_there_is_handed_over) {
    numbers d = numbers_of(9);
    atomic_int go = 0;
    reel_dataset *m = reel_map_dataset_new(&d.base, wait_for_it, &go);
    reel_loader *l = uploader_of(m, _i);
    expect_batch(l, 0);
    atomic_store(&go, 1);
    for (int k = 1; k < 9; k++) expect_batch(l, k);
    expect_no_batch(l);
    reel_loader_free(l);
    reel_dataset_free(m);
}
END_TEST

START_TEST(a_failure_ahead_waits_for_its_turn) {
    numbers d = numbers_of(6);
    d.bad = 2;
    reel_loader *l = uploader_of(&d.base, _i);
    reel_state *s = reel_state_new();
    expect_batch(l, 0); /* by now, it has failed */
    expect_fine();
    ck_assert_int_eq(reel_loader_save(l, s, NULL), REEL_OK);
    expect_batch(l, 1);
    expect_no_batch(l);
    ck_assert_ptr_nonnull(
        strstr(reel_error(), "loader: epoch 0, batch 2: item 2: numbers: can't read ("));
    ck_assert_int_eq(reel_error_status(), REEL_ERR_IO);
    expect_no_batch(l);
    reel_clear_error();
    expect_no_batch(l); /* tried again */
    expect_failure(REEL_ERR_IO, "batch 2: item 2");
    d.bad = -1;
    for (int k = 2; k < 6; k++) expect_batch(l, k);
    expect_no_batch(l);
    expect_fine();

    d.bad = 2;
    ck_assert_int_eq(reel_loader_load(l, s, NULL), REEL_OK);
    expect_batch(l, 1);
    ck_assert_int_eq(reel_loader_load(l, s, NULL), REEL_OK); /* forgets what lay ahead */
    d.bad = -1;
    for (int k = 1; k < 6; k++) expect_batch(l, k);
    reel_loader_free(l);
    reel_state_free(s);
}
END_TEST

/* What fails on the device is not kept back: nobody knows what it has to do with. No batch is lost.
 */
START_TEST(a_failing_upload_is_said_at_once) {
    numbers d = numbers_of(8);
    reel_loader *l = uploader_of(&d.base, _i);
    expect_batch(l, 0);
    while (l->crew && !reel__crew_ready(l->crew)) usleep(1000);
    l->options.device = reel_cuda(99);
    expect_no_batch(l);
    expect_failure(REEL_ERR_DEVICE, "loader: epoch 0, batch ");
    ck_assert_int_eq(reel_loader_position(l), 1);
    l->options.device = test_device();
    for (int k = 1; k < 8; k++) expect_batch(l, k);
    expect_no_batch(l);
    reel_loader_free(l);
}
END_TEST

/* Nor does a collate of one's own turn it off, be there a GPU or not. */
START_TEST(batches_for_a_gpu_are_read_ahead) {
    numbers d = numbers_of(8);
    const reel_collate_fn collates[] = {NULL, reel_collate_default};
    for (int k = 0; k < 2; k++) {
        reel_loader *l = reel_loader_new(
            &d.base, (reel_loader_options){.collate = collates[k], .device = test_device()});
        ck_assert_int_eq(l->read_ahead, test_device().type == REEL_CUDA);
        l->options.device = reel_cuda(0);
        ck_assert_int_eq(reel__rows_look(l), REEL_OK);
        ck_assert(l->read_ahead);
        l->options.device = test_device();
        for (int i = 0; i < 8; i++) expect_batch(l, i);
        expect_no_batch(l);
        reel_loader_free(l);
    }
}
END_TEST

/* After an epoch that made all the memory there is to make; with a collate and without. */
START_TEST(a_gpu_is_not_waited_for) {
    if (test_device().type != REEL_CUDA) return;
    const int index = test_device().index;
    reel_cuda_counts before, after;
    reel_dataset *d = NULL;
    {
        REEL_SCOPE;
        d = reel_tensor_dataset_new(reel_zeros(reel_shape(50, 784), REEL_U8, reel_cpu()), NULL);
    }
    reel_loader *l =
        reel_loader_new(d, (reel_loader_options){.batch_size = 5,
                                                 .collate = _i ? reel_collate_default : NULL,
                                                 .scale = 0.5,
                                                 .device = test_device()});
    reel_batch b;
    while (reel_loader_next(l, &b)) continue;
    ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(reel_cuda_count_calls(index, &before), REEL_OK);
    for (int k = 0; k < 7; k++) ck_assert(reel_loader_next(l, &b));
    ck_assert_int_eq(reel_cuda_count_calls(index, &after), REEL_OK);
    ck_assert_int_eq(after.launches - before.launches, 7);
    ck_assert_int_eq(after.copies_from_host - before.copies_from_host, 7);
    ck_assert_int_eq(after.copies_to_host, before.copies_to_host);
    ck_assert_int_eq(after.waits, before.waits);
    ck_assert_int_eq(after.device_allocs, before.device_allocs);
    reel_loader_free(l);
    reel_dataset_free(d);
}
END_TEST

int main(void) {
    Suite *s = suite_create("read ahead");
    TCase *c = add_case(s, "workers");
    tcase_add_test(c, workers_read_ahead_so_far_and_no_signals);
#ifdef __GLIBC__
    tcase_add_test(c, threads_that_do_not_start_are_an_error);
#endif

    c = add_case(s, "uploads");
    tcase_add_test(c, two_batches_are_read_ahead);
    tcase_add_loop_test(c, what_is_there_is_handed_over, 1, 4);
    tcase_add_loop_test(c, a_failure_ahead_waits_for_its_turn, 0, 4);
    tcase_add_loop_test(c, a_failing_upload_is_said_at_once, 0, 4);
    tcase_add_test(c, batches_for_a_gpu_are_read_ahead);
    tcase_add_loop_test(c, a_gpu_is_not_waited_for, 0, 2);
    return run_suite(s);
}
