/* What is a thread's own: scopes and the references they hold, the first failure and what it says,
 * the number of threads; and the caller's floating-point mode. */
#include "tests/call_site.h"

#include "autograd/autograd.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/random.h"

#include <fenv.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define CPU reel_cpu()

/* ---- references and scopes ------------------------------------------------------------------- */

static reel_tensor *one(void) {
    return reel_ones(reel_shape(2), REEL_F32, CPU);
}

static int leaves_by_return(void) {
    REEL_SCOPE;
    one();
    REEL_SCOPE;
    one();
    return (int)reel_tensors_alive();
}

START_TEST(scopes_close_however_left) {
    const size_t before = reel_tensors_alive();
    ck_assert_int_eq(leaves_by_return(), (int)before + 2);
    ck_assert_uint_eq(reel_tensors_alive(), before);
    {
        REEL_SCOPE;
        one();
        REEL_SCOPE;
        one();
        goto out;
    }
out:
    ck_assert_uint_eq(reel_tensors_alive(), before);
    int rounds = 0, after = 0;
    for (int i = 0; i < 4; i++) {
        REEL_SCOPE;
        rounds++;
        ck_assert_uint_eq(reel_tensors_alive(), before);
        one();
        if (i == 1) continue;
        if (i == 2) break; /* out of the loop, as anywhere */
        one();
        after++;
    }
    ck_assert_uint_eq(reel_tensors_alive(), before);
    ck_assert_int_eq(rounds, 3);
    ck_assert_int_eq(after, 1);
    reel_scope none = {0};
    reel_scope_close(&none); /* not open: nothing */
}
END_TEST

START_TEST(scopes_nest_and_keep_what_is_retained) {
    const size_t before = reel_tensors_alive();
    reel_tensor *kept = NULL;
    {
        REEL_SCOPE;
        reel_tensor *outer = one();
        {
            REEL_SCOPE;
            kept = reel_retain(one());
            reel_t(reel_ones(reel_shape(2, 2), REEL_F32, CPU));
            ck_assert_uint_eq(reel_tensors_alive(), before + 4);
        }
        ck_assert_uint_eq(reel_tensors_alive(), before + 2);
        ck_assert_double_eq(element(outer, 0), 1);
    }
    ck_assert_uint_eq(reel_tensors_alive(), before + 1);
    ck_assert_double_eq(element(kept, 1), 1);
    reel_release(kept);
    ck_assert_uint_eq(reel_tensors_alive(), before);
}
END_TEST

/* A view keeps the storage of what it views. */
START_TEST(views_outlive_what_they_view) {
    reel_tensor *row = NULL;
    {
        REEL_SCOPE;
        row = reel_retain(reel_select(counting(reel_shape(2, 3)), 0, 1));
    }
    expect_values(row, (double[]){3, 4, 5}, 3);
    reel_release(row);
}
END_TEST

static reel_tensor *two_levels(reel_tensor **dropped) {
    reel_tensor *y = NULL;
    REEL_SCOPE;
    *dropped = one();
    {
        REEL_SCOPE;
        one();
        reel_tensor *t = one();
        one();
        y = reel_scope_return(t);
    }
    ck_assert_uint_eq(reel_tensors_alive(), 2);
    return reel_scope_return(y);
    return NULL;
}

START_TEST(scope_return_lifts_a_level) {
    {
        REEL_SCOPE;
        reel_tensor *dropped, *y = two_levels(&dropped);
        ck_assert_uint_eq(reel_tensors_alive(), 1);
        ck_assert_double_eq(element(y, 0), 1);
        {
            REEL_SCOPE;
            ck_assert_ptr_eq(reel_scope_return(y), y); /* of the outer scope already */
        }
        ck_assert_double_eq(element(y, 0), 1);
        {
            REEL_SCOPE;
            reel_tensor *a = one(), *b = one();
            reel_scope_return(a);
            reel_scope_return(b);
        }
        ck_assert_uint_eq(reel_tensors_alive(), 3);
    }
    ck_assert_uint_eq(reel_tensors_alive(), 0);
    reel_tensor *unscoped = reel_scope_return(reel_retain(one()));
    ck_assert_ptr_nonnull(unscoped);
    reel_release(unscoped);
    reel_release(reel__self()->held[--reel__self()->held_count]); /* the thread's own */
}
END_TEST

/* More than the first allotment of what a scope holds. */
START_TEST(scopes_hold_many) {
    {
        REEL_SCOPE;
        for (int i = 0; i < 1000; i++) one();
        reel_tensor *lifted = NULL;
        {
            REEL_SCOPE;
            for (int i = 0; i < 1000; i++) lifted = one();
            reel_scope_return(lifted);
        }
        ck_assert_uint_eq(reel_tensors_alive(), 1001);
    }
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}
END_TEST

START_TEST(leak_report_names_op_and_site) {
    char *text = NULL;
    size_t size = 0, n = 0;
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(2, 3), REEL_F32, CPU);
        const int line = __LINE__ + 1;
        reel_tensor *y = reel_retain(reel_exp(x));
        reel_set_name(y, "leak");
        FILE *f = open_memstream(&text, &size);
        n = reel_leak_report(f);
        fclose(f);
        char want[256];
        snprintf(want, sizeof want, "exp -> leak[2, 3] f32, 2 references, made at %s:%d\n",
                 file_name(__FILE__), line);
        ck_assert_msg(strstr(text, want), "no \"%s\" in \"%s\"", want, text);
        ck_assert_ptr_nonnull(strstr(text, "fill -> [2, 3] f32, 1 reference, made at "));
        reel_release(y);
    }
    ck_assert_uint_eq(n, 2);
    free(text);
}
END_TEST

static void *makes_tensors(void *kept) {
    *(reel_tensor **)kept = reel_retain(one());
    for (int i = 0; i < 100; i++) one();
    reel_scope_open(NULL); /* left open */
    one();
    reel_fail(REEL_ERR_STATE, NULL, "of this thread alone");
    return NULL;
}

START_TEST(a_thread_lets_its_tensors_go) {
    pthread_t thread;
    reel_tensor *kept = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, makes_tensors, &kept), 0);
    pthread_join(thread, NULL);
    expect_fine();
    ck_assert_uint_eq(reel_tensors_alive(), 1);
    ck_assert_double_eq(element(kept, 0), 1);
    reel_release(kept);
}
END_TEST

static void *makes_and_drops(void *shared) {
    for (int i = 0; i < 500; i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_retain(shared);
        reel_release(reel_add(reel_t(t), t) ? t : NULL);
    }
    return NULL;
}

START_TEST(threads_share_tensors) {
    pthread_t thread[4];
    reel_tensor *x = NULL;
    {
        REEL_SCOPE;
        x = reel_retain(reel_ones(reel_shape(3, 3), REEL_F32, CPU));
    }
    for (int i = 0; i < 4; i++) pthread_create(&thread[i], NULL, makes_and_drops, x);
    for (int i = 0; i < 4; i++) pthread_join(thread[i], NULL);
    ck_assert_uint_eq(reel_tensors_alive(), 1);
    ck_assert_int_eq(atomic_load(&x->refs), 1);
    reel_release(x);
}
END_TEST

/* ---- tapes ----------------------------------------------------------------------------------- */

enum { THREADS = 4, STEPS = 20 };

static void in_threads(void *(*work)(void *), void *argument[THREADS]) {
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, work, argument[i]), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
}

typedef struct {
    reel_tensor *x; /* everyone's */
    uint64_t seed;
    double loss;
    bool failed;
} training;

/* Gradient descent on parameters of its own, drawn from its seed. */
static void *trains(void *argument) {
    training *t = argument;
    reel_tensor *W = NULL;
    reel_set_threads(2);
    {
        REEL_SCOPE;
        reel_generator *g = reel_generator_new(t->seed, CPU);
        W = reel_retain(reel_track(reel_randn(reel_shape(30, 20), REEL_F64, g)));
        reel_generator_free(g);
    }
    for (int i = 0; i < STEPS; i++) {
        REEL_SCOPE;
        reel_tensor *y = reel_tanh(reel_matmul(t->x, W));
        reel_tensor *loss = reel_mean(reel_square(reel_sub(reel_matmul(y, reel_t(W)), t->x)));
        reel_backward(loss);
        {
            REEL_NO_GRAD;
            reel_in_place(add, W, reel_scale(reel_grad(W), -0.1));
        }
        reel_zero_grad(W);
        t->loss = reel_item(loss);
    }
    t->failed = reel_failed();
    reel_release(W);
    return NULL;
}

/* What the others do changes no bit. */
START_TEST(each_thread_has_a_tape) {
    const int threads = reel_threads();
    training alone[THREADS], beside[THREADS];
    void *argument[THREADS];
    reel_tensor *x = NULL;
    {
        REEL_SCOPE;
        x = reel_retain(reel_affine(reel_cast(counting(reel_shape(400, 30)), REEL_F64), 1e-4, -1));
    }
    for (int i = 0; i < THREADS; i++) {
        alone[i] = beside[i] = (training){x, (uint64_t)i + 1, NAN, false};
        argument[i] = &beside[i];
        trains(&alone[i]);
    }
    in_threads(trains, argument);
    for (int i = 0; i < THREADS; i++) {
        ck_assert(!alone[i].failed && !beside[i].failed);
        ck_assert(isfinite(alone[i].loss) && alone[i].loss == beside[i].loss);
    }
    reel_release(x);
    reel_set_threads(threads);
}
END_TEST

static void *goes_forward(void *W) {
    for (int i = 0; i < 200; i++) {
        REEL_SCOPE;
        reel_tensor *y = reel_exp(reel_mul(W, W));
        if (!reel_is_tracked(y)) reel_fail(REEL_ERR_STATE, NULL, "not recorded");
        REEL_NO_GRAD;
        if (reel_is_tracked(reel_exp(W))) reel_fail(REEL_ERR_STATE, NULL, "recorded");
    }
    return (void *)(intptr_t)reel_failed();
}

/* A parameter may stand at the root of several threads' tapes. */
START_TEST(threads_share_a_parameter) {
    pthread_t thread[THREADS];
    reel_tensor *W = NULL;
    {
        REEL_SCOPE;
        W = reel_retain(reel_track(counting(reel_shape(3, 3))));
    }
    for (int i = 0; i < THREADS; i++) pthread_create(&thread[i], NULL, goes_forward, W);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(thread[i], &failed);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(atomic_load(&W->refs), 1);
    reel_release(W);
}
END_TEST

static void *goes_back(void *loss) {
    return (void *)(intptr_t)reel_backward(loss);
}

/* A tape belongs to its tensors, not to the thread that made it. */
START_TEST(a_tape_is_handed_over) {
    REEL_SCOPE;
    pthread_t thread;
    void *status;
    reel_tensor *x = reel_track(counting(reel_shape(3)));
    reel_tensor *loss = reel_sum(reel_square(x));
    ck_assert_int_eq(pthread_create(&thread, NULL, goes_back, loss), 0);
    pthread_join(thread, &status);
    ck_assert_int_eq((intptr_t)status, REEL_OK);
    expect_values(reel_grad(x), (double[]){0, 2, 4}, 3);
}
END_TEST

static void *fails_by_itself(void *number) {
    char text[64];
    for (int i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "failure %d of thread %d", i, *(int *)number);
        reel_fail(REEL_ERR_STATE, NULL, "%s", text);
        reel_fail(REEL_ERR_IO, NULL, "a later one");
        if (strcmp(reel_error(), text) != 0) *(int *)number = -1;
        reel_clear_error();
    }
    return NULL;
}

START_TEST(each_thread_has_its_failures) {
    int number[THREADS] = {0, 1, 2, 3};
    void *argument[THREADS] = {&number[0], &number[1], &number[2], &number[3]};
    reel_fail(REEL_ERR_SHAPE, NULL, "the main thread's");
    in_threads(fails_by_itself, argument);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(number[i], i);
    expect_failure(REEL_ERR_SHAPE, "the main thread's");
}
END_TEST

/* ---- failures -------------------------------------------------------------------------------- */

typedef struct {
    reel_tensor *W, *b;
} layer;

START_TEST(failures_name_the_operands) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(40, 784), REEL_F32, CPU);
    layer l = {reel_ones(reel_shape(100, 784), REEL_F32, CPU), reel_arange(7, REEL_I64, CPU)};
    layer *m = &l;
    reel_tensor *W = m->W, *list[] = {W};
    FAILS(reel_matmul(x, W), REEL_ERR_SHAPE,
          "matmul: inner dimensions differ: x[40, 784] @ W[100, 784]");
    FAILS(reel_matmul(x, m->W), REEL_ERR_SHAPE,
          "matmul: inner dimensions differ: x[40, 784] @ W[100, 784]");
    FAILS(reel_add(l.W, x), REEL_ERR_SHAPE,
          "add: shapes do not broadcast: W[100, 784], x[40, 784]");
    FAILS(reel_add(reel_neg(x), list[0]), REEL_ERR_SHAPE,
          "add: shapes do not broadcast: [40, 784], [100, 784]");
    FAILS(reel_matmul(reel_add(x, x), (W)), REEL_ERR_SHAPE,
          "matmul: inner dimensions differ: [40, 784] @ [100, 784]");
    reel_set_name(W, "encoder.W");
    FAILS(reel_matmul(x, list[0]), REEL_ERR_SHAPE,
          "matmul: inner dimensions differ: x[40, 784] @ encoder.W[100, 784]");
    FAILS(reel_mul(x, m->b), REEL_ERR_DTYPE, "mul: dtypes differ: x[40, 784] f32, b[7] i64");
    FAILS(reel_exp(m->b), REEL_ERR_DTYPE, "exp: takes floats: b[7] i64");
    FAILS(reel_matmul(l.b, l.b), REEL_ERR_DTYPE, "matmul: takes floats: b[7] i64 @ b[7] i64");
    FAILS(reel_matmul(x, reel_ones(reel_shape(40), REEL_F32, CPU)), REEL_ERR_SHAPE,
          "matmul: inner dimensions differ: x[40, 784] @ [40]");
    FAILS(reel_matmul(x, reel_ones(REEL_SCALAR, REEL_F32, CPU)), REEL_ERR_SHAPE,
          "matmul: takes no 0-d tensor: x[40, 784] @ []");
    FAILS(reel_matmul(reel_ones(reel_shape(2, 3, 4), REEL_F32, CPU),
                      reel_ones(reel_shape(3, 4, 5), REEL_F32, CPU)),
          REEL_ERR_SHAPE, "matmul: batches do not broadcast: [2, 3, 4] @ [3, 4, 5]");
    FAILS(reel_sum_over(x, reel_axes(0, -2), false), REEL_ERR_SHAPE,
          "sum: axis -2 listed twice: x[40, 784]");
    FAILS(reel_mean_over(x, reel_axes(2), true), REEL_ERR_SHAPE, "mean: no axis 2: x[40, 784]");
    FAILS(reel_softmax(x, 2), REEL_ERR_SHAPE, "softmax: no such axis: x[40, 784]");
    FAILS(reel_index_select(x, 0, W), REEL_ERR_DTYPE,
          "index_select: the index must be i64: x[40, 784] f32, W[100, 784] f32");
    const reel_shape nine = {9, {0}};
    FAILS(reel_sum_over(x, nine, false), REEL_ERR_SHAPE, "sum: 9 axes listed: x[40, 784]");
    reel_tensor *cell = reel_ones(reel_shape(1, 1), REEL_F32, CPU);
    reel_tensor *tall = reel_expand(cell, reel_shape(INT64_C(1) << 31, 1));
    FAILS(reel_matmul(tall, cell), REEL_ERR_SHAPE,
          "matmul: a dimension is beyond what BLAS counts: tall[2147483648, 1] @ cell[1, 1]");
}
END_TEST

START_TEST(null_makes_null_and_keeps_the_first_failure) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3)), *W = NULL, *values;
    FAILS(reel_matmul(x, W), REEL_ERR_ARGUMENT, "matmul: W is NULL: x[2, 3] @ W");
    FAILS(reel_exp(NULL), REEL_ERR_ARGUMENT, "exp: input 0 is NULL: NULL");
    const int line = __LINE__ + 1;
    reel_tensor *y = reel_matmul(x, x);
    ck_assert_ptr_null(y);
    ck_assert_ptr_null(reel_relu(reel_add(x, reel_sum(y))));
    ck_assert_ptr_null(reel_t(y));
    ck_assert_ptr_null(reel_select(y, 0, 0));
    ck_assert_ptr_null(reel_slice(y, 3, 0, 0, 0));
    ck_assert_ptr_null(reel_reshape(y, reel_shape(-1, -1)));
    ck_assert_ptr_null(reel_expand(y, reel_shape(-1)));
    ck_assert_ptr_null(reel_permute(y, reel_axes(5)));
    ck_assert_ptr_null(reel_contiguous(y));
    ck_assert_ptr_null(reel_cast(y, REEL_U8));
    ck_assert_ptr_null(reel_sum_over(y, reel_axes(9), false));
    ck_assert_ptr_null(reel_topk(y, 1, 0, true, &values));
    ck_assert_ptr_null(values);
    ck_assert_ptr_null(reel_copy_(y, x));
    ck_assert_ptr_null(reel_fill_(y, 1));
    ck_assert(isnan(reel_item(y)));
    ck_assert_int_eq(reel_set_name(y, "y"), REEL_ERR_SHAPE);
    ck_assert_ptr_null(reel_zeros(reel_shape(-1), REEL_F32, CPU)); /* fails too: not kept */
    expect_text(REEL_ERR_SHAPE, "matmul: inner dimensions differ: x[2, 3] @ x[2, 3]", __FILE__,
                line);
    /* what does not depend on it goes on */
    expect_values(reel_sum(x), (double[]){15}, 1);
}
END_TEST

START_TEST(failures_are_kept_reported_and_cleared) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert_int_eq(reel_report(f), 0);
    ck_assert_str_eq(reel_error(), "");
    ck_assert_int_eq(reel_error_status(), REEL_OK);
    ck_assert_int_eq(reel_fail(REEL_ERR_IO, NULL, "can't read: %s", "a.png"), REEL_ERR_IO);
    ck_assert_int_eq(reel_fail(REEL_ERR_MEMORY, NULL, "later"), REEL_ERR_MEMORY);
    ck_assert(reel_failed());
    ck_assert_int_eq(reel_error_status(), REEL_ERR_IO);
    ck_assert_str_eq(reel_error(), "can't read: a.png");
    ck_assert_int_eq(reel_report(f), 1);
    fclose(f);
    ck_assert_str_eq(text, "reel: can't read: a.png\n");
    free(text);
    reel_clear_error();
    ck_assert(!reel_failed());
    reel_fail(REEL_ERR_FORMAT, "../../a/b.c:12\tx, y", "bad");
    ck_assert_str_eq(reel_error(), "bad (a/b.c:12)");
    reel_clear_error();
    char *longer = malloc(5000);
    ck_assert_ptr_nonnull(longer);
    memset(longer, 'x', 4999);
    longer[4999] = '\0';
    reel_fail(REEL_ERR_FORMAT, REEL_HERE, "%s", longer);
    ck_assert_uint_lt(strlen(reel_error()), 1100); /* cut, not overrun */
    reel_clear_error();
    free(longer);
}
END_TEST

START_TEST(failures_name_the_caller_of_a_module) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3));
    const char *none = reel__caller_push("../apps/model.c:31\tm, x");
    const char *outer = reel__caller_push("nn/linear.c:9"); /* the outermost is the user's */
    const int line = __LINE__ + 1;
    ck_assert_ptr_null(reel_matmul(x, x));
    reel__caller_pop(outer);
    reel__caller_pop(none);
    char site[300];
    snprintf(site, sizeof site, "%s:%d, called from apps/model.c:31)", file_name(__FILE__), line);
    expect_failure(REEL_ERR_SHAPE, site);
    ck_assert_ptr_null(reel_matmul(x, x));
    ck_assert_ptr_null(strstr(reel_error(), "called from"));
    expect_failure(REEL_ERR_SHAPE, "inner dimensions differ");
}
END_TEST

static reel_status forwards(reel_status status, int *went_on) {
    REEL_TRY(status);
    ++*went_on;
    return REEL_OK;
}

START_TEST(try_forwards) {
    int went_on = 0;
    ck_assert_int_eq(forwards(REEL_ERR_IO, &went_on), REEL_ERR_IO);
    ck_assert_int_eq(went_on, 0);
    ck_assert_int_eq(forwards(REEL_OK, &went_on), REEL_OK);
    ck_assert_int_eq(went_on, 1);
}
END_TEST

/* ---- the machine ----------------------------------------------------------------------------- */

static void *threads_of_a_thread(void *unused) {
    (void)unused;
    return (void *)(intptr_t)reel_threads();
}

START_TEST(threads_are_the_calling_threads) {
    const int first = reel_threads(), other = first == 2 ? 3 : 2;
    ck_assert_int_ge(first, 1);
    ck_assert_int_eq(reel_set_threads(other), REEL_OK);
    ck_assert_int_eq(reel_threads(), other);
    const int bad[] = {0, -4, INT_MIN, INT_MAX};
    for (int i = 0; i < 4; i++) {
        char text[32];
        snprintf(text, sizeof text, "threads: %d", bad[i]);
        ck_assert_int_eq(reel_set_threads(bad[i]), REEL_ERR_ARGUMENT);
        expect_failure(REEL_ERR_ARGUMENT, text);
    }
    ck_assert_int_eq(reel_threads(), other);
    pthread_t thread;
    void *found = NULL;
    pthread_create(&thread, NULL, threads_of_a_thread, NULL);
    pthread_join(thread, &found);
    ck_assert_int_eq((intptr_t)found, first);
    reel_set_threads(first);
}
END_TEST

static void many_ops(reel_tensor *x) {
    reel_tensor *y = reel_exp(reel_matmul(reel_sigmoid(x), reel_t(x)));
    reel_softmax(reel_contiguous(reel_t(y)), 0);
    reel_mean_over(y, reel_axes(0), false);
    reel_sum(y);
    expect_fine();
}

START_TEST(keeps_the_callers_floating_point_mode) {
    reel_set_threads(2);
    REEL_SCOPE;
    reel_tensor *x = reel_affine(reel_cast(counting(reel_shape(300, 300)), REEL_F32), 1e-5, 0);
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    const unsigned before = _mm_getcsr();
#endif
    many_ops(x);
#if defined(__x86_64__)
    ck_assert_uint_eq(_mm_getcsr() & ~0x3fu, before & ~0x3fu); /* but for what was raised */
#endif
    ck_assert_int_eq(fegetround(), FE_UPWARD);
    fesetround(FE_TONEAREST);
    volatile float tiny = 1e-40f, half = 0.5f;
    many_ops(x);
    ck_assert(tiny * half > 0);
}
END_TEST

static double shared_sum(void) {
    REEL_SCOPE;
    reel_tensor *x = reel_cast(counting(reel_shape(300, 300)), REEL_F32);
    return reel_item(reel_sum(reel_matmul(x, x)));
}

static void *sums(void *wanted) {
    reel_set_threads(3);
    for (int i = 0; i < 50; i++)
        if (shared_sum() != *(double *)wanted) *(double *)wanted = NAN;
    return NULL;
}

/* The pool serves one caller; the others, meanwhile, do their work themselves. */
START_TEST(threads_share_the_pool) {
    const int threads = reel_threads();
    double wanted[THREADS];
    void *argument[THREADS];
    reel_set_threads(3);
    for (int i = 0; i < THREADS; i++) {
        wanted[i] = shared_sum();
        argument[i] = &wanted[i];
    }
    in_threads(sums, argument);
    for (int i = 0; i < THREADS; i++) ck_assert(wanted[i] == wanted[0]);
    reel_set_threads(threads);
}
END_TEST

/* A forked child has none of the pool's threads, and gets its own. */
START_TEST(a_forked_child_computes) {
    reel_set_threads(3);
    const double wanted = shared_sum();
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) exit(shared_sum() == wanted && shared_sum() == wanted ? 0 : 1);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    ck_assert(shared_sum() == wanted);
}
END_TEST

/* What the caller's rounding is makes no difference to results. */
START_TEST(kernels_have_a_mode_of_their_own) {
    enum { N = 200000 };
    float *nearest = malloc(N * sizeof *nearest), *upward = malloc(N * sizeof *upward);
    ck_assert(nearest && upward);
    reel_set_threads(2);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_affine(reel_arange(N, REEL_F32, CPU), 1e-5, -1);
        reel_read(reel_exp(x), nearest, N * sizeof *nearest);
        fesetround(FE_UPWARD);
        reel_read(reel_exp(x), upward, N * sizeof *upward);
        fesetround(FE_TONEAREST);
        ck_assert_mem_eq(nearest, upward, N * sizeof *nearest);
    }
    free(nearest);
    free(upward);
}
END_TEST

#if defined(__x86_64__)
/* Not under valgrind. */
static bool machine_flushes(void) {
    const unsigned before = _mm_getcsr();
    volatile float tiny = 1e-40f, half = 0.5f;
    _mm_setcsr(before | 0x8040);
    const bool flushed = tiny * half == 0;
    _mm_setcsr(before);
    return flushed;
}

START_TEST(kernels_flush_denormals) {
    const float tiny[] = {1e-40f, 1e-30f};
    if (!machine_flushes()) return;
    REEL_SCOPE;
    reel_tensor *x = reel_from(tiny, reel_shape(2), REEL_F32);
    float y[2];
    reel_read(reel_mul(x, reel_full(reel_shape(2), 0.5, REEL_F32, CPU)), y, sizeof y);
    ck_assert(y[0] == 0 && y[1] == 0.5f * 1e-30f);
    reel_read(reel_affine(x, 1e-12, 0), y, sizeof y);
    ck_assert(y[0] == 0 && y[1] == 0);
}
END_TEST
#endif

/* ---- the suite ------------------------------------------------------------------------------- */

static Suite *thread_suite(void) {
    Suite *s = suite_create("thread");
    TCase *c = add_case(s, "scopes");
    tcase_add_test(c, scopes_close_however_left);
    tcase_add_test(c, scopes_nest_and_keep_what_is_retained);
    tcase_add_test(c, views_outlive_what_they_view);
    tcase_add_test(c, scope_return_lifts_a_level);
    tcase_add_test(c, scopes_hold_many);
    tcase_add_test(c, leak_report_names_op_and_site);
    tcase_add_test(c, a_thread_lets_its_tensors_go);
    tcase_add_test(c, threads_share_tensors);

    c = add_case(s, "tapes");
    tcase_add_test(c, each_thread_has_a_tape);
    tcase_add_test(c, threads_share_a_parameter);
    tcase_add_test(c, a_tape_is_handed_over);
    tcase_add_test(c, each_thread_has_its_failures);

    c = add_case(s, "failures");
    tcase_add_test(c, failures_name_the_operands);
    tcase_add_test(c, null_makes_null_and_keeps_the_first_failure);
    tcase_add_test(c, failures_are_kept_reported_and_cleared);
    tcase_add_test(c, failures_name_the_caller_of_a_module);
    tcase_add_test(c, try_forwards);

    c = add_case(s, "machine");
    tcase_add_test(c, threads_are_the_calling_threads);
    tcase_add_test(c, keeps_the_callers_floating_point_mode);
    tcase_add_test(c, threads_share_the_pool);
    tcase_add_test(c, kernels_have_a_mode_of_their_own);
#if defined(__x86_64__)
    tcase_add_test(c, kernels_flush_denormals);
#endif

    c = add_case(s, "fork");
    tcase_set_tags(c, "fork"); /* ThreadSanitizer starts no threads after one */
    tcase_add_test(c, a_forked_child_computes);
    return s;
}

int main(void) {
    return run_suite(thread_suite());
}
