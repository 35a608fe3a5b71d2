/* What the process does around Reel: forks while other threads are inside it, exits while they
 * compute, and loads and unloads the library. */
#include "tests/expect.h"

#include "autograd/autograd.h"
#include "data/data.h"
#include "tensor/random.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CPU reel_cpu()

enum { OTHERS = 3, CHILDREN = 60, LIMIT = 60 };

static atomic_bool stop;

/* A step of training: tensors made and let go, products, the tape. */
static double step(reel_tensor *x) {
    REEL_SCOPE;
    reel_tensor *W = reel_track(reel_full(reel_shape(32, 32), 0.5, REEL_F32, CPU));
    reel_tensor *loss = reel_mean(reel_square(reel_matmul(x, W)));
    reel_backward(loss);
    return reel_item(loss);
}

static void *compute(void *x) {
    reel_set_threads(2);
    while (!atomic_load(&stop)) step(x);
    return NULL;
}

static void start_others(pthread_t *thread, reel_tensor *x) {
    atomic_store(&stop, false);
    for (int i = 0; i < OTHERS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, compute, x), 0);
}

/* How a child of fork ended that had LIMIT seconds: 0, or what waitpid says. */
static int wait_for(pid_t child) {
    int status = -1;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return status;
}

START_TEST(forks_while_others_compute) {
    pthread_t thread[OTHERS];
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(64, 32), REEL_F32, CPU);
    start_others(thread, x);
    for (int i = 0; i < CHILDREN; i++) {
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            alarm(LIMIT); /* ends one that waits for a lock for ever */
            _exit(step(x) == 256 && !reel_failed() ? 0 : 1);
        }
        ck_assert_int_eq(wait_for(child), 0);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < OTHERS; i++) pthread_join(thread[i], NULL);
}
END_TEST

/* The main thread's tensors are in use, memory is taken and given, jobs are under way. */
static void exits_while_others_compute(int i) {
    pthread_t thread;
    reel_tensor *x = reel_ones(reel_shape(64, 32), REEL_F32, CPU); /* until the thread ends */
    reel_set_threads(2);
    for (int k = 0; k < OTHERS; k++)
        if (pthread_create(&thread, NULL, compute, x) != 0) _exit(2);
    usleep((useconds_t)(100 * (i % 20)));
    step(x);
    exit(0);
}

START_TEST(exits_with_others_at_work) {
    for (int i = 0; i < CHILDREN; i++) {
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            alarm(LIMIT);
            exits_while_others_compute(i);
        }
        ck_assert_int_eq(wait_for(child), 0);
    }
}
END_TEST

/* Enough for the pool, and for the loops that need the most stack. */
static void *use_pool(void *unused) {
    (void)unused;
    REEL_SCOPE;
    reel_set_threads(2);
    reel_tensor *x = reel_ones(reel_shape(200, 500), REEL_F32, CPU);
    for (int i = 0; i < 50; i++) {
        REEL_SCOPE;
        if (reel_item(reel_sum(reel_matmul(x, reel_t(x)))) != 200 * 200 * 500) _exit(1);
    }
    return NULL;
}

/* Its status; -1 if it had to be killed, since signals are none of the pool's. */
static int end_of(pid_t child) {
    int status = -1;
    for (int i = 0; i < 100 * LIMIT; i++, usleep(10000))
        if (waitpid(child, &status, WNOHANG) == child) return status;
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}

/* Before LeakSanitizer looks, to whom what the main thread's stack led to is lost. */
static void exit_at_once(void) {
    _exit(0);
}

/* The main one, or another that outlives it; the first call from a thread that ended before. */
START_TEST(ends_with_its_last_thread) {
    for (int way = 0; way < 3; way++) {
        pthread_t thread;
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            if (atexit(exit_at_once) != 0) _exit(2);
            if (way > 0 && pthread_create(&thread, NULL, use_pool, NULL) != 0) _exit(2);
            if (way == 2) pthread_join(thread, NULL);
            if (way != 1) use_pool(NULL);
            pthread_exit(NULL);
        }
        ck_assert_msg(end_of(child) == 0, "way %d", way);
    }
}
END_TEST

static int64_t ten(reel_dataset *d) {
    (void)d;
    return 10;
}
static reel_status get_product(reel_dataset *d, int64_t i, reel_sample *out) {
    (void)d;
    (void)i;
    use_pool(NULL);
    out->x = reel_ones(reel_shape(2), REEL_F32, CPU);
    return reel_error_status();
}

/* The library's own threads have room for its kernels, whatever the program gives its own. */
START_TEST(threads_by_default_small) {
    const reel_dataset_class products = {.length = ten, .get = get_product};
    const pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        pthread_attr_t a;
        reel_dataset set = {&products};
        int64_t n = 0;
        pthread_attr_init(&a);
        pthread_attr_setstacksize(&a, 1 << 16);
        if (pthread_setattr_default_np(&a) != 0) _exit(2);
        use_pool(NULL);
        reel_loader *l = reel_loader_new(&set, (reel_loader_options){.workers = 2});
        for (reel_batch b; reel_loader_next(l, &b);) n += b.n;
        _exit(n == 10 ? 0 : 3);
    }
    ck_assert_int_eq(end_of(child), 0);
}
END_TEST

/* ---- loading and unloading, where a shared library was built ---- */

#ifdef REEL_LIBRARY
typedef struct {
    reel_tensor *(*full_at)(const char *, reel_shape, double, reel_dtype, reel_device);
    double (*item_at)(const char *, reel_tensor *);
} functions;

static void *uses(void *f) {
    const functions *reel = f;
    const double v = reel->item_at("here", reel->full_at("here", REEL_SCALAR, 7, REEL_F32, CPU));
    return v == 7 ? f : NULL;
}

static bool load_use_unload(void) {
    void *library = dlopen(REEL_LIBRARY, RTLD_NOW | RTLD_LOCAL), *good = NULL;
    functions reel;
    pthread_t thread;
    if (!library) return false;
    *(void **)&reel.full_at = dlsym(library, "reel_full_at");
    *(void **)&reel.item_at = dlsym(library, "reel_item_at");
    if (!reel.full_at || !reel.item_at) return false;
    if (pthread_create(&thread, NULL, uses, &reel) != 0) return false;
    pthread_join(thread, &good);
    return uses(&reel) && good && dlclose(library) == 0;
}

/* More often than the system has keys for threads (1,024), or in the fast tier a few times, with
 * most of the keys in use. */
static void loads(int times, int keys) {
    pthread_key_t key;
    for (int i = 0; i < keys; i++)
        if (pthread_key_create(&key, NULL) != 0) break;
    for (int i = 0; i < times; i++) ck_assert_msg(load_use_unload(), "load %d of %d", i, times);
}

START_TEST(is_loaded_and_unloaded) {
    loads(20, 1024 - 40);
}
END_TEST

START_TEST(is_loaded_and_unloaded_often) {
    loads(1100, 0);
}
END_TEST

static void add_loads(Suite *s) {
    TCase *c = add_case(s, "load");
    tcase_set_tags(c, "fork");
    tcase_add_test(c, is_loaded_and_unloaded);

    c = add_case(s, "load often");
    tcase_set_tags(c, "slow fork");
    tcase_add_test(c, is_loaded_and_unloaded_often);
}
#else
static void add_loads(Suite *s) {
    (void)s;
}
#endif

/* A thread that can have no key is told so, and nothing is lost or crashes. */
static void *without_a_key(void *unused) {
    (void)unused;
    return reel_full(REEL_SCALAR, 7, REEL_F32, CPU) ? (void *)1 : NULL;
}

START_TEST(without_a_key_for_threads) {
    pthread_t thread;
    pthread_key_t key;
    void *made = NULL;
    while (pthread_key_create(&key, NULL) == 0) continue;
    ck_assert_ptr_null(without_a_key(NULL));
    expect_failure(REEL_ERR_MEMORY, "scope: out of the system's keys for threads");
    ck_assert_int_eq(pthread_create(&thread, NULL, without_a_key, NULL), 0);
    pthread_join(thread, &made);
    ck_assert_ptr_null(made);
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}
END_TEST

static Suite *process_suite(void) {
    Suite *s = suite_create("process");
    TCase *c = add_case(s, "fork");
    tcase_set_tags(c, "fork");
    tcase_add_test(c, forks_while_others_compute);
    tcase_add_test(c, exits_with_others_at_work);
    tcase_add_test(c, ends_with_its_last_thread);
    tcase_add_test(c, threads_by_default_small);
    tcase_add_test(c, without_a_key_for_threads); /* in a process that ends with it */
    add_loads(s);
    return s;
}

int main(void) {
    return run_suite(process_suite());
}
