/* Kernels under way: launches gathered, and sent as graphs; memory used again and given back while
 * they run; threads that share a device; failures that are found late. */
#include "tests/gpu_suite.h"

#include "nn/nn.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- graphs ---- */

static int64_t graphs_sent(void) {
    reel_cuda_counts c;
    ck_assert_int_eq(reel_cuda_count_calls(test_device().index, &c), REEL_OK);
    return c.graphs;
}

/* x[rows,columns] of small whole numbers, others for each k: sums of them are exact. */
static reel_tensor *whole_numbers(int64_t rows, int64_t columns, int k, reel_dtype dtype,
                                  reel_device d) {
    static double v[8192];
    ck_assert_int_le(rows * columns, 8192);
    for (int64_t i = 0; i < rows * columns; i++) v[i] = (double)((i * 7 + k * 13) % 11 - 4);
    reel_tensor *x = reel_from(v, reel_shape(rows, columns), REEL_F64);
    return reel_to(reel_cast(x, dtype), d);
}

/* The k-th turn of a loop: the same eight launches on other numbers, constants and sizes, and now
 * and then on a size that takes other kernels. */
static reel_tensor *turn(int k, reel_dtype dtype, reel_device d) {
    const int64_t rows = 25 + k % 3, columns = k % 10 == 9 ? 203 : 64 + 4 * (k % 2);
    int64_t picks[24];
    for (int64_t i = 0; i < 24; i++) picks[i] = (i * 5 + k) % rows;
    reel_tensor *x = whole_numbers(rows, columns, k, dtype, d),
                *w = whole_numbers(columns, 8, k + 1, dtype, d),
                *index = reel_to(reel_from(picks, reel_shape(24), REEL_I64), d);
    reel_tensor *y = reel_relu(reel_affine(x, 1 + k % 4, k - 15));
    reel_tensor *z = reel_matmul(reel_add(y, x), w);
    reel_tensor *sums = reel_sum_over(reel_mul(x, y), reel_axes(1), true);
    return reel_index_select(reel_add(z, sums), 0, index);
}

/* In f32, where the product is a kernel like the others, results are kept, so that memory moves on;
 * in f64, cuBLAS's products make another batch of one that lies elsewhere. */
START_TEST(graphs_are_brought_up_to_date) {
    enum { TURNS = 30 };
    const reel_dtype dtype = _i ? REEL_F64 : REEL_F32;
    const int64_t before = graphs_sent();
    {
        REEL_SCOPE;
        for (int k = 0; k < TURNS; k++) {
            REEL_SCOPE;
            reel_tensor *there = turn(k, dtype, test_device());
            expect_fine();
            ck_assert_msg(same_bits(there, turn(k, dtype, reel_cpu())), "turn %d", k);
            if (dtype == REEL_F32 && k % 3 == 0) reel_scope_return(there);
        }
    }
    const int64_t sent = graphs_sent() - before, fewest = _i ? 5 : 15;
    ck_assert_msg(sent >= fewest && sent <= TURNS, "%lld graphs in %d turns", (long long)sent,
                  TURNS);
}
END_TEST

/* One of KINDS chains of ops on x; *v becomes what it makes of the number *v. */
enum { FEWEST = 3, LENGTHS = 58, KINDS = 2 * LENGTHS };
static reel_tensor *chain(reel_tensor *x, int kind, double *v) {
    const int length = FEWEST + kind / 2;
    for (int i = 0; i < length; i++) {
        const bool negate = i == 1 && kind % 2;
        x = negate ? reel_neg(x) : reel_affine(x, -1, kind + i);
        *v = negate ? -*v : kind + i - *v;
    }
    return x;
}

/* More kinds of batches than there are graphs kept, so that graphs make room for others and are
 * made again. Nothing waits meanwhile: the copy of the next batch's input sends this one off. */
START_TEST(graphs_make_room_for_others) {
    enum { TIMES = 4, ROUNDS = 2, ALL = ROUNDS * KINDS * TIMES };
    static reel_tensor *got[ALL];
    static double expected[ALL];
    const int64_t before = graphs_sent();
    for (int k = 0; k < ALL; k++) {
        REEL_SCOPE;
        expected[k] = k;
        reel_tensor *x = f64(reel_shape(3), (double[]){k, k, k});
        got[k] = reel_retain(chain(x, k / TIMES % KINDS, &expected[k]));
    }
    expect_fine();
    for (int k = 0; k < ALL; k++) {
        const double e = expected[k];
        expect_values(got[k], (double[]){e, e, e}, 3);
        reel_release(got[k]);
    }
    ck_assert_int_ge(graphs_sent() - before, ROUNDS * KINDS);
}
END_TEST

/* ---- memory, while kernels are under way ---- */

/* Tensors of many sizes, made, used and let go at once; whole numbers, so that sums are exact. */
static double churn(reel_device d, unsigned state, int rounds) {
    enum { MOST = 60000 };
    double total = NAN, *v = malloc(MOST * sizeof *v);
    if (!v) return NAN;
    {
        REEL_SCOPE;
        reel_tensor *sum = reel_zeros(REEL_SCALAR, REEL_F64, d);
        for (int k = 0; k < rounds; k++) {
            REEL_SCOPE;
            state = state * 1664525u + 1013904223u;
            const int64_t n = 1 + (int64_t)((state >> 8) % MOST);
            for (int64_t i = 0; i < n; i++) v[i] = (double)((i + k) % 97);
            reel_tensor *x = reel_to(reel_from(v, reel_shape(n), REEL_F64), d);
            reel_tensor *y = reel_affine(x, 3, k % 7);
            reel_tensor *z = reel_add(y, reel_full(reel_shape(n), k, REEL_F64, d));
            reel_in_place(add, sum, reel_sum(reel_slice(z, 0, 0, INT64_MAX, 2)));
        }
        total = reel_item(sum);
    }
    free(v);
    return total;
}

START_TEST(memory_is_used_again_in_order) {
    const double expected = churn(reel_cpu(), 1, 1000);
    ck_assert_double_eq(churn(test_device(), 1, 1000), expected);
    ck_assert_double_eq(churn(test_device(), 1, 1000), expected);
    ck_assert_double_ne(churn(test_device(), 2, 1000), expected);
}
END_TEST

/* ---- threads ---- */

static pthread_t started(void *(*run)(void *), void *user) {
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, run, user), 0);
    return thread;
}

typedef struct {
    unsigned state;
    int rounds;
    double total;
    char failure[300];
} churner;

static void *churns(void *user) {
    churner *c = user;
    c->total = churn(test_device(), c->state, c->rounds);
    snprintf(c->failure, sizeof c->failure, "%s", reel_error());
    return NULL;
}

static void expect_right(const churner *c) {
    ck_assert_str_eq(c->failure, "");
    ck_assert_double_eq(c->total, churn(reel_cpu(), c->state, c->rounds));
}

START_TEST(threads_share_a_device) {
    enum { THREADS = 3 };
    churner c[THREADS] = {{1, 1000, 0, ""}, {2, 1000, 0, ""}, {3, 1000, 0, ""}};
    pthread_t thread[THREADS];
    for (int k = 0; k < THREADS; k++) thread[k] = started(churns, &c[k]);
    for (int k = 0; k < THREADS; k++) pthread_join(thread[k], NULL);
    for (int k = 0; k < THREADS; k++) expect_right(&c[k]);
}
END_TEST

typedef struct {
    atomic_bool stop;
    int times;
    char failure[300];
} giver;

static void *gives_back(void *user) {
    giver *g = user;
    for (; !atomic_load(&g->stop); g->times++) reel_cuda_release_kept(test_device().index);
    snprintf(g->failure, sizeof g->failure, "%s", reel_error());
    return NULL;
}

/* What one thread lets go and another gives back, kernels may still have to read. */
START_TEST(memory_is_given_back_under_way) {
    giver g = {false, 0, ""};
    churner c[] = {{4, 300, 0, ""}, {5, 300, 0, ""}};
    pthread_t giving = started(gives_back, &g), first = started(churns, &c[0]),
              second = started(churns, &c[1]);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    atomic_store(&g.stop, true);
    pthread_join(giving, NULL);
    ck_assert_str_eq(g.failure, "");
    ck_assert_int_gt(g.times, 0);
    expect_right(&c[0]);
    expect_right(&c[1]);
}
END_TEST

/* ---- failures of kernels ---- */

/* It names the op and where it was called, though it is found later, and nothing is lost by it. */
START_TEST(a_late_failure_names_its_call) {
    const int64_t bad[] = {0, 7, 1};
    char site[64];
    REEL_SCOPE;
    reel_tensor *x = reel_arange(3, REEL_F64, test_device());
    reel_tensor *index = to_device(reel_from(bad, reel_shape(3), REEL_I64));
    snprintf(site, sizeof site, "gpu_queue.c:%d", __LINE__ + 1);
    reel_tensor *y = reel_gather(x, 0, index);
    const double value = reel_item(reel_sum(reel_affine(y, 2, 1)));
    ck_assert(isnan(value) || reel_failed());
    ck_assert_msg(strstr(reel_error(), site), "\"%s\" not in \"%s\"", site, reel_error());
    expect_failure(REEL_ERR_ARGUMENT, "gather: index 7 at position 1 ");
    ck_assert_int_eq(reel_synchronize(test_device()), REEL_OK); /* said once */
    expect_values(x, (double[]){0, 1, 2}, 3);
    expect_values(reel_gather(x, 0, reel_arange(3, REEL_I64, test_device())), (double[]){0, 1, 2},
                  3);
}
END_TEST

/* Of bce_loss in any form of its kernel; reel_bce alone asks for nothing. */
START_TEST(late_failures_of_probabilities) {
    static const double wrong[] = {1.5, -0.25, NAN};
    static const int64_t rows[] = {1, 7, 4096};
    for (int k = 0; k < 3; k++)
        for (int n = 0; n < 3; n++)
            for (int form = 0; form < 4; form++) {
                char site[64], says[64];
                REEL_SCOPE;
                const reel_dtype dtype = form % 2 ? REEL_F32 : REEL_F64;
                reel_tensor *p = reel_full(reel_shape(rows[n], 64), 0.5, dtype, test_device()),
                            *t = p;
                reel_fill_(reel_select(reel_select(p, 0, rows[n] - 1), 0, 63), wrong[k]);
                if (form > 1) p = reel_t(p), t = reel_contiguous(p);
                ck_assert_ptr_nonnull(reel_bce(p, t));
                ck_assert_int_eq(reel_synchronize(test_device()), REEL_OK);
                snprintf(site, sizeof site, "gpu_queue.c:%d", __LINE__ + 1);
                reel_tensor *loss = reel_bce_loss_with(p, t, (reel_reduction)(k % 3));
                ck_assert_ptr_nonnull(loss);
                reel_synchronize(test_device());
                ck_assert_msg(strstr(reel_error(), site), "\"%s\" not in \"%s\"", site,
                              reel_error());
                snprintf(says, sizeof says, "bce_loss: a probability is outside 0..1: %g",
                         wrong[k]);
                expect_failure(REEL_ERR_ARGUMENT, says);
                ck_assert_int_eq(reel_synchronize(test_device()), REEL_OK); /* said once */
                const reel_tensor *fine =
                    reel_bce_loss(reel_full_like(t, 1), reel_full_like(t, 0.5));
                ck_assert(fine && reel_synchronize(test_device()) == REEL_OK);
            }
}
END_TEST

/* Asks for an entry that there is none of, again and again. */
typedef struct {
    bool gathers;
    int failures;
    char strange[300]; /* one that says something else */
} offender;

static const char *const offences[] = {"index_select: index -6 at position 3 is not in 0..4",
                                       "gather: index 7 at position 1 is not in 0..2"};

static void offend(bool gathers) {
    const int64_t low[] = {4, 1, 0, -6, 2}, high[] = {0, 7, 1};
    REEL_SCOPE;
    reel_tensor *x = reel_arange(gathers ? 3 : 5, REEL_F64, test_device());
    reel_tensor *index = to_device(gathers ? reel_from(high, reel_shape(3), REEL_I64)
                                           : reel_from(low, reel_shape(5), REEL_I64));
    reel_item(reel_sum(gathers ? reel_gather(x, 0, index) : reel_index_select(x, 0, index)));
}

static void *offends(void *user) {
    offender *o = user;
    for (int k = 0; k < 300; k++) {
        offend(o->gathers);
        if (!reel_failed()) continue; /* the other thread has it */
        o->failures++;
        if (!strstr(reel_error(), offences[0]) && !strstr(reel_error(), offences[1]))
            snprintf(o->strange, sizeof o->strange, "%s", reel_error());
        reel_clear_error();
    }
    return NULL;
}

/* A failure is kept by whichever thread comes by, whole, and leaves nothing behind. */
START_TEST(late_failures_of_two_threads) {
    offender o[] = {{false, 0, ""}, {true, 0, ""}};
    pthread_t first = started(offends, &o[0]), second = started(offends, &o[1]);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    ck_assert_str_eq(o[0].strange, "");
    ck_assert_str_eq(o[1].strange, "");
    ck_assert_int_gt(o[0].failures + o[1].failures, 0);
    reel_synchronize(test_device());
    reel_clear_error();
    ck_assert_int_eq(reel_synchronize(test_device()), REEL_OK);
    ck_assert_double_eq(churn(test_device(), 6, 20), churn(reel_cpu(), 6, 20));
    for (int k = 0; k < 2; k++) { /* and the next one is told again */
        offend(k == 1);
        expect_failure(REEL_ERR_ARGUMENT, offences[k]);
    }
}
END_TEST

void add_queue_cases(Suite *s) {
    TCase *c = add_case(s, "graphs");
    tcase_add_loop_test(c, graphs_are_brought_up_to_date, 0, 2);
    tcase_add_test(c, graphs_make_room_for_others);

    c = add_case(s, "threads");
    tcase_add_test(c, memory_is_used_again_in_order);
    tcase_add_test(c, threads_share_a_device);
    tcase_add_test(c, memory_is_given_back_under_way);

    c = add_case(s, "late failures");
    tcase_add_test(c, a_late_failure_names_its_call);
    tcase_add_test(c, late_failures_of_probabilities);
    tcase_add_test(c, late_failures_of_two_threads);
}
