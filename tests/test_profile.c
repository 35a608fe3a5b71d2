/* Profiles: what is recorded, how it nests, what there is no room for, what is refused; the trace
 * and the table made of it. */
#include "tests/call_site.h"
#include "tests/trace_reader.h"

#include "autograd/autograd.h"
#include "capture/capture.h"
#include "data/data.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tensor/core/profile_internal.h"
#include "tensor/random.h"

#include <pthread.h>
#include <setjmp.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(reel_profile_options o) {
    ck_assert_int_eq(reel_profile_start(o), REEL_OK);
}

static const reel_profile_options plain = {0};

/* After a test that failed on the way. */
static void end_profile(void) {
    if (reel__profile_does() & REEL__PROFILE_EVENTS) reel_profile_stop();
    reel_clear_error();
}

static TCase *add_profile_case(Suite *s, const char *name) {
    TCase *c = add_dir_case(s, name);
    tcase_add_checked_fixture(c, NULL, end_profile);
    return c;
}

/* ---- calls ---- */

START_TEST(calls_say_what_they_are) {
    char site[64];
    REEL_SCOPE;
    reel_tensor *x = to_device(reel_ones(reel_shape(3, 4), REEL_F32, reel_cpu())),
                *y = to_device(reel_ones(reel_shape(4, 5), REEL_F32, reel_cpu()));
    start(plain);
    snprintf(site, sizeof site, "%s:%d", file_name(__FILE__), __LINE__ + 1);
    reel_tensor *z = reel_matmul(x, y);
    for (int i = 0; i < 3; i++) reel_relu(reel_t(z)); /* a view is no event */
    reel_masked_fill(x, reel_gt(x, x), 1);
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "matmul", "forward"), 1);
    ck_assert_int_eq(trace_count(&t, "relu", "forward"), 3);
    ck_assert_int_eq(trace_count(&t, NULL, NULL), (int)t.events);
    const trace_event *e = trace_find(&t, "matmul", NULL);
    ck_assert_str_eq(e->at, site);
    ck_assert_str_eq(e->in, "");
    ck_assert_str_eq(e->inputs, "[3, 4] f32, [4, 5] f32");
    ck_assert_int_eq(e->bytes, 4 * (12 + 20 + 15));
    ck_assert_str_eq(trace_find(&t, "where", NULL)->in, "masked_fill");
    ck_assert_int_eq(t.dropped, 0);
    trace_free(&t);
}
END_TEST

START_TEST(bytes_are_those_that_move) {
    const int64_t picks[] = {1, 3};
    REEL_SCOPE;
    reel_tensor *table = to_device(reel_ones(reel_shape(100, 8), REEL_F64, reel_cpu())),
                *index = to_device(reel_from(picks, reel_shape(2), REEL_I64)),
                *row = to_device(reel_ones(reel_shape(1, 8), REEL_F64, reel_cpu()));
    start(plain);
    reel_index_select(table, 0, index);
    reel_exp(reel_expand(row, reel_shape(100, 8)));
    trace t = trace_end();
    ck_assert_int_eq(trace_find(&t, "index_select", NULL)->bytes, 8 * (16 + 16) + 16);
    ck_assert_int_eq(trace_find(&t, "exp", NULL)->bytes, 8 * (8 + 800));
    trace_free(&t);
}
END_TEST

/* Of inputs with many axes, those are listed that there is room for. */
START_TEST(many_axes_are_cut) {
    REEL_SCOPE;
    reel_tensor *x = to_device(reel_ones(reel_shape(1, 2, 1, 2, 1, 2, 1, 2), REEL_F32, reel_cpu()));
    start(plain);
    reel_add(x, reel_t(reel_t(x)));
    trace t = trace_end();
    ck_assert_str_eq(trace_find(&t, "add", NULL)->inputs, "[1, 2, 1, 2, 1, 2, 1, 2] f32");
    trace_free(&t);
}
END_TEST

/* ---- a training step ---- */

typedef struct {
    reel_module *model;
    reel_state *params;
    reel_optim *adam;
} trainer;

static trainer trainer_new(void) {
    trainer r = {.model = reel_sequential(reel_linear_new(6, 4, (reel_linear_options){0}),
                                          reel_sigmoid_new())};
    reel_module_to(r.model, test_device());
    r.params = reel_module_params(r.model);
    r.adam = reel_adam_new(r.params, (reel_adam_options){.lr = 1e-2});
    return r;
}

static void step(const trainer *r) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(5, 6), REEL_F32, test_device()),
                *y = reel_zeros(reel_shape(5, 4), REEL_F32, test_device());
    reel_backward(reel_mse_loss(reel_forward(r->model, x), y));
    reel_optim_step(r->adam);
    expect_fine();
}

static void trainer_free(trainer *r) {
    reel_optim_free(r->adam);
    reel_state_free(r->params);
    reel_module_free(r->model);
}

static bool is_inside(const trace_event *e, const trace_event *outer) {
    return e->thread == outer->thread && e->begin >= outer->begin && e->end <= outer->end;
}

START_TEST(a_step_has_its_parts) {
    trainer r = trainer_new();
    step(&r);
    start(plain);
    for (int i = 0; i < 3; i++) {
        REEL_PROFILE_RANGE("step");
        step(&r);
    }
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "step", "range"), 3);
    ck_assert_int_eq(trace_count(&t, "adam", "optimizer"), 3);
    ck_assert_int_eq(trace_count(&t, "mse", "forward"), 3);
    ck_assert_int_eq(trace_count(&t, "mse_grad", "backward"), 3);
    ck_assert_str_eq(trace_find(&t, "mse_grad", NULL)->gradient, "mse");
    ck_assert_str_eq(trace_find(&t, "sigmoid_grad", "backward")->gradient, "sigmoid");
    const trace_event *whole = trace_find(&t, "step", NULL), *adam = trace_find(&t, "adam", NULL),
                      *back = trace_find(&t, "backward", "pass");
    ck_assert(is_inside(adam, trace_find(&t, "optim_step", "pass")) && is_inside(adam, whole));
    ck_assert(is_inside(trace_find(&t, "mse_grad", NULL), back) && is_inside(back, whole));
    ck_assert(is_inside(trace_find(&t, "matmul", "forward"), trace_find(&t, "linear", "pass")));
    ck_assert_ptr_nonnull(strstr(adam->at, "test_profile.c:"));
    const trace_event *product = trace_find(&t, "matmul", "forward"),
                      *slope = trace_find(&t, "sigmoid_grad", NULL);
    ck_assert_ptr_nonnull(strstr(product->at, "linear.c:"));
    ck_assert_ptr_nonnull(strstr(product->from, "test_profile.c:"));
    ck_assert_ptr_nonnull(strstr(slope->at, "test_profile.c:"));
    ck_assert_str_eq(slope->from, "");
    /* W[4,6] and b[4]: parameter and moments read and written, gradient read; steps taken, rate,
     * count */
    ck_assert_int_ge(adam->bytes, 4 * 28 * 7);
    ck_assert_int_le(adam->bytes, 4 * 28 * 7 + 64);
    trace_free(&t);
    trainer_free(&r);
}
END_TEST

/* Any two of one thread are apart, or one is in the other. */
START_TEST(events_nest) {
    trainer r = trainer_new();
    start(plain);
    for (int i = 0; i < 2; i++) {
        REEL_PROFILE_RANGE("outer");
        REEL_PROFILE_RANGE("inner");
        step(&r);
    }
    trace t = trace_end();
    for (int i = 0; i < t.count; i++)
        for (int k = 0; k < i; k++) {
            const trace_event *e = &t.event[i], *f = &t.event[k];
            if (*e->phase != 'X' || *f->phase != 'X') continue;
            ck_assert_msg(e->begin >= f->end || f->begin >= e->end || is_inside(e, f) ||
                              is_inside(f, e),
                          "%s and %s", e->name, f->name);
            ck_assert_double_ge(e->end, e->begin);
        }
    ck_assert(is_inside(trace_find(&t, "inner", NULL), trace_find(&t, "outer", NULL)));
    trace_free(&t);
    trainer_free(&r);
}
END_TEST

/* ---- replays of a captured step ---- */

static bool captured(void *user) {
    step(user);
    return true;
}

/* Its calls are those of the step, and name the step's lines. */
START_TEST(replays_record) {
    enum { STEPS = 3 };
    trainer r = trainer_new();
    reel_plan *plan = reel_capture(captured, &r, (reel_capture_options){.without = REEL_PASS_FUSE});
    ck_assert_int_eq(reel_replay(plan, 10), 10);
    ck_assert_int_gt(reel_plan_programs(plan), 0);
    start(plain);
    ck_assert_int_eq(reel_replay(plan, STEPS), STEPS);
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "replay", "pass"), STEPS);
    ck_assert_int_eq(trace_count(&t, "adam", "optimizer"), STEPS);
    ck_assert_int_eq(trace_count(&t, "mse_grad", "backward"), STEPS);
    ck_assert_str_eq(trace_find(&t, "mse_grad", NULL)->gradient, "mse");
    ck_assert_int_eq(trace_count(&t, "matmul", "forward"), STEPS);
    ck_assert_str_eq(trace_find(&t, "matmul", "forward")->in, "linear");
    ck_assert(is_inside(trace_find(&t, "adam", NULL), trace_find(&t, "replay", NULL)));
    ck_assert_ptr_nonnull(strstr(trace_find(&t, "adam", NULL)->at, "test_profile.c:"));
    ck_assert_ptr_nonnull(strstr(trace_find(&t, "matmul", NULL)->at, "linear.c:"));
    trace_free(&t);
    reel_plan_free(plan);
    trainer_free(&r);
}
END_TEST

/* ---- ranges ---- */

START_TEST(names_are_escaped_and_cut) {
    char name[100];
    start(plain);
    {
        REEL_PROFILE_RANGE("a \"quoted\"\\\n\x01 range");
        REEL_PROFILE_RANGE("no \xff character");
        memset(name, 'x', sizeof name);
        memcpy(name + 46, "\xc3\xa9", 2); /* a character at the cut */
        name[99] = '\0';
        REEL_PROFILE_RANGE(name);
        memset(name, 'y', sizeof name - 1); /* the profile has a copy */
        REEL_PROFILE_RANGE(NULL);
    }
    trace t = trace_end();
    trace_find(&t, "a \"quoted\"\\\n\x01 range", "range");
    trace_find(&t, "no ? character", "range");
    memset(name, 'x', 46);
    memcpy(name + 46, "?", 2);
    trace_find(&t, name, "range");
    trace_find(&t, "NULL", "range");
    trace_free(&t);
}
END_TEST

static jmp_buf back;

static void jumps(void) {
    REEL_PROFILE_RANGE("left by a jump");
    REEL_PROFILE_RANGE("inside that");
    longjmp(back, 1);
}

/* What a jump passed by ends with what is around it. */
START_TEST(jumps_end_ranges) {
    start(plain);
    {
        REEL_PROFILE_RANGE("around");
        if (setjmp(back) == 0) jumps();
    }
    { REEL_PROFILE_RANGE("after"); }
    trace t = trace_end();
    const trace_event *around = trace_find(&t, "around", NULL);
    ck_assert(is_inside(trace_find(&t, "left by a jump", NULL), around));
    ck_assert(is_inside(trace_find(&t, "inside that", NULL), around));
    ck_assert(!is_inside(trace_find(&t, "after", NULL), around));
    trace_free(&t);
}
END_TEST

/* One that is open when the profile stops ends there; one from before it, or from a profile before,
 * has no part in it. */
START_TEST(ranges_across_start_and_stop) {
    {
        REEL_PROFILE_RANGE("before");
        start(plain);
        REEL_PROFILE_RANGE("open");
        reel_profile_range closed = reel_profile_range_open("here", "closed");
        reel_profile_range_close(&closed);
        reel_profile_range_close(&closed); /* does nothing */
        reel_profile_range_close(NULL);
        trace t = trace_end();
        ck_assert_int_eq(trace_count(&t, NULL, NULL), 2);
        ck_assert(is_inside(trace_find(&t, "closed", NULL), trace_find(&t, "open", NULL)));
        trace_free(&t);
        start(plain);
        REEL_PROFILE_RANGE("second");
    }
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, NULL, NULL), 1);
    trace_find(&t, "second", NULL);
    trace_free(&t);
}
END_TEST

static int deep(int levels) {
    REEL_PROFILE_RANGE("deep");
    return levels > 1 ? 1 + deep(levels - 1) : 1;
}

START_TEST(deep_ranges_are_dropped) {
    int64_t dropped;
    start(plain);
    ck_assert_int_eq(deep(100), 100);
    ck_assert_int_eq(deep(10), 10);
    trace t = trace_end();
    const int64_t events = reel_profile_events(&dropped);
    ck_assert_int_eq(events + dropped, 110);
    ck_assert_int_ge(events, 42);
    ck_assert_int_gt(dropped, 0);
    ck_assert_int_eq(t.events, events);
    ck_assert_int_eq(t.dropped, dropped);
    trace_free(&t);
}
END_TEST

/* ---- no room ---- */

START_TEST(the_first_ones_are_kept) {
    int64_t dropped;
    start((reel_profile_options){.most_events = 5});
    for (int i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "range %d", i);
        REEL_PROFILE_RANGE(name);
    }
    trace t = trace_end();
    ck_assert_int_eq(reel_profile_events(&dropped), 5);
    ck_assert_int_eq(dropped, 7);
    ck_assert_int_eq(trace_count(&t, NULL, NULL), 5);
    ck_assert_int_eq(t.dropped, 7);
    trace_find(&t, "range 0", NULL);
    trace_find(&t, "range 4", NULL);
    trace_free(&t);
}
END_TEST

START_TEST(many_blocks_fill) {
    start((reel_profile_options){.most_events = 5000});
    for (int i = 0; i < 6000; i++) {
        REEL_PROFILE_RANGE("one of many");
    }
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "one of many", "range"), 5000);
    ck_assert_int_eq(t.dropped, 1000);
    trace_free(&t);
}
END_TEST

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 200 };

static void *works(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        REEL_SCOPE;
        REEL_PROFILE_RANGE("round");
        reel_tensor *x = reel_ones(reel_shape(3), REEL_F32, test_device());
        reel_mul(reel_add(x, x), x);
    }
    return NULL;
}

START_TEST(threads_record_at_once) {
    pthread_t thread[THREADS];
    int of[THREADS + 1] = {0};
    start(plain);
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, works, NULL), 0);
    for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "add", NULL), THREADS * ROUNDS);
    for (int i = 0; i < t.count; i++) {
        const trace_event *e = &t.event[i];
        if (strcmp(e->name, "mul") != 0) continue;
        ck_assert_int_le(e->thread, THREADS);
        of[e->thread]++;
    }
    for (int i = 0, seen = 0; i <= THREADS; i++) {
        ck_assert(of[i] == 0 || of[i] == ROUNDS);
        seen += of[i] > 0;
        if (i == THREADS) ck_assert_int_eq(seen, THREADS);
    }
    trace_free(&t);
}
END_TEST

static atomic_bool enough;

static void *works_on(void *unused) {
    while (!atomic_load(&enough)) works(unused);
    return NULL;
}

/* Profiles begin and end while threads record; what was recorded is whole. */
START_TEST(stop_while_threads_record) {
    pthread_t thread[2];
    atomic_store(&enough, false);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, works_on, NULL), 0);
    for (int round = 0; round < 8; round++) {
        start((reel_profile_options){.most_events = round % 2 ? 700 : 5000});
        usleep(2000);
        trace t = trace_end();
        ck_assert_int_eq(trace_count(&t, NULL, NULL), (int)t.events);
        for (int i = 0; i < t.count; i++)
            if (*t.event[i].phase == 'X') ck_assert_double_ge(t.event[i].end, t.event[i].begin);
        trace_free(&t);
    }
    atomic_store(&enough, true);
    for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
}
END_TEST

/* A loader's workers are threads of their own. */
START_TEST(workers_record) {
    reel_dataset *set;
    {
        REEL_SCOPE;
        set = reel_tensor_dataset_new(reel_ones(reel_shape(40, 3), REEL_U8, reel_cpu()), NULL);
    }
    reel_loader *loader =
        reel_loader_new(set, (reel_loader_options){.batch_size = 4, .scale = 0.5, .workers = 2});
    start(plain);
    for (reel_batch b; reel_loader_next(loader, &b);) ck_assert_ptr_nonnull(b.x);
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "loader_next", "pass"), 11);
    ck_assert_int_eq(trace_count(&t, "batch", "pass"), 10);
    ck_assert_int_eq(trace_count(&t, "dequantize_rows", "forward"), 10);
    const trace_event *e = trace_find(&t, "dequantize_rows", NULL);
    ck_assert_int_ne(e->thread, trace_find(&t, "loader_next", NULL)->thread);
    ck_assert(is_inside(e, trace_find(&t, "batch", NULL)) || e->thread > 0);
    trace_free(&t);
    reel_loader_free(loader);
    reel_dataset_free(set);
}
END_TEST

/* ---- a fork ---- */

static int in_child(void) {
    int64_t dropped = 1;
    { REEL_PROFILE_RANGE("in the child"); }
    if (reel_profile_events(&dropped) != 0 || dropped != 0) return 1;
    if (reel_profile_stop() != REEL_ERR_STATE) return 2;
    reel_clear_error();
    if (reel_profile_start(plain) != REEL_OK) return 3;
    { REEL_PROFILE_RANGE("the child's own"); }
    if (reel_profile_stop() != REEL_OK || reel_profile_events(NULL) != 1) return 4;
    return reel_profile_write(in_dir("child.json")) == REEL_OK ? 0 : 5;
}

START_TEST(a_child_begins_anew) {
    int status = -1;
    start(plain);
    {
        REEL_PROFILE_RANGE("the parent's");
        const pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) _exit(in_child());
        ck_assert_int_eq(waitpid(child, &status, 0), child);
    }
    ck_assert_int_eq(status, 0);
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, NULL, NULL), 1);
    trace_free(&t);
    t = trace_read(in_dir("child.json"));
    trace_find(&t, "the child's own", "range");
    ck_assert_int_eq(trace_count(&t, NULL, NULL), 1);
    trace_free(&t);
}
END_TEST

/* ---- what is refused ---- */

START_TEST(calls_at_the_wrong_time) {
    const char *path = in_dir("trace.json");
    reel_profile_clear();
    ck_assert_int_eq(reel_profile_events(NULL), 0);
    ck_assert_int_eq(reel_profile_stop(), REEL_ERR_STATE);
    expect_text(REEL_ERR_STATE, "profile_stop: no profile is under way", __FILE__, __LINE__ - 1);
    ck_assert_int_eq(reel_profile_write(path), REEL_ERR_STATE);
    expect_text(REEL_ERR_STATE, "profile_write: there is no profile", __FILE__, __LINE__ - 1);
    ck_assert_int_eq(reel_profile_report(stderr), REEL_ERR_STATE);
    expect_text(REEL_ERR_STATE, "profile_report: there is no profile", __FILE__, __LINE__ - 1);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(
            reel_profile_start((reel_profile_options){.most_events = i ? -1 : 1LL << 33}),
            REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT,
                   "profile_start: most_events must lie in 0..2^32: 8589934592 (");
    start(plain);
    ck_assert_int_eq(reel_profile_start(plain), REEL_ERR_STATE);
    expect_text(REEL_ERR_STATE, "profile_start: a profile is under way", __FILE__, __LINE__ - 1);
    ck_assert_int_eq(reel_profile_write(path), REEL_ERR_STATE);
    expect_failure(REEL_ERR_STATE, "profile_write: a profile is under way: stop it first");
    reel_profile_clear(); /* does nothing */
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    ck_assert_int_eq(reel_profile_stop(), REEL_ERR_STATE);
    reel_clear_error();
    ck_assert(!reel_file_exists(path));
    trace t = {0};
    ck_assert_int_eq(reel_profile_write(path), REEL_OK); /* nothing was recorded */
    t = trace_read(path);
    ck_assert_int_eq(trace_count(&t, NULL, NULL), 0);
    trace_free(&t);
    reel_profile_clear();
    ck_assert_int_eq(reel_profile_write(path), REEL_ERR_STATE);
    reel_clear_error();
}
END_TEST

START_TEST(files_that_cannot_be_written) {
    start(plain);
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    ck_assert_int_eq(reel_profile_write(NULL), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "profile_write: no path");
    ck_assert_int_eq(reel_profile_report(NULL), REEL_ERR_ARGUMENT);
    expect_failure(REEL_ERR_ARGUMENT, "profile_report: no file");
    const char *path = in_dir("no/trace.json");
    ck_assert_int_eq(reel_profile_write(path), REEL_ERR_IO);
    expect_failure_at(REEL_ERR_IO, "", path);
    ck_assert_int_eq(reel_profile_write(dir), REEL_ERR_IO);
    expect_failure_at(REEL_ERR_IO, "", dir);
    FILE *full = fopen("/dev/full", "w");
    if (full) {
        ck_assert_int_eq(reel_profile_report(full), REEL_ERR_IO);
        expect_failure(REEL_ERR_IO, "profile_report: ");
        fclose(full);
    }
    reel_fail(REEL_ERR_STATE, NULL, "a failure that is kept");
    ck_assert_int_eq(reel_profile_write(in_dir("trace.json")), REEL_ERR_STATE);
    reel_clear_error();
    ck_assert(!reel_file_exists(in_dir("trace.json")));
}
END_TEST

/* ---- the table ---- */

static char *report(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(reel_profile_report(f), REEL_OK);
    fclose(f);
    return text;
}

/* Calls of the line that begins with `name`; -1: there is none. */
static int calls_of(const char *text, const char *name) {
    const size_t n = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, n) == 0 && line[n] == ' ') return atoi(line + 32);
    return -1;
}

START_TEST(the_table_adds_up) {
    trainer r = trainer_new();
    start(plain);
    for (int i = 0; i < 3; i++) {
        REEL_PROFILE_RANGE("step");
        step(&r);
    }
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    char *text = report();
    ck_assert_int_eq(calls_of(text, "mse"), 3);
    ck_assert_int_eq(calls_of(text, "mse_grad backward"), 3);
    ck_assert_int_eq(calls_of(text, "adam"), 3);
    ck_assert_int_eq(calls_of(text, "step"), 3);
    ck_assert_int_eq(calls_of(text, "no such op"), -1);
    ck_assert_ptr_nonnull(strstr(text, " 1 thread, "));
    ck_assert_ptr_nonnull(strstr(text, "and 0 more dropped"));
    free(text);
    trainer_free(&r);
}
END_TEST

/* Numbers that are known: shares of what each took without what was inside it. */
START_TEST(shares_are_of_own_times) {
    start(plain);
    const reel__profile_mark outer = reel__profile_begin("outer group", "here", 0);
    const reel__profile_mark inner = reel__profile_begin("inner group", "here", 1000);
    usleep(30000);
    reel__profile_end(inner);
    reel__profile_end(outer);
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    char *text = report();
    double ms, us, share, mb;
    const char *line = strstr(text, "inner group");
    ck_assert_int_eq(sscanf(line + 41, "%lf %lf %lf%% %lf", &ms, &us, &share, &mb), 4);
    ck_assert(ms >= 29 && us >= 29e3 && share > 90);
    line = strstr(text, "outer group");
    ck_assert_int_eq(sscanf(line + 41, "%lf %lf %lf%%", &ms, &us, &share), 3);
    ck_assert_msg(share < 10, "%s", text);
    free(text);
}
END_TEST

/* ---- off ---- */

START_TEST(nothing_is_recorded_when_off) {
    reel_profile_clear();
    {
        REEL_SCOPE;
        REEL_PROFILE_RANGE("no profile");
        reel_relu(reel_ones(reel_shape(2), REEL_F32, test_device()));
    }
    ck_assert_int_eq(reel_profile_events(NULL), 0);
    ck_assert_uint_eq(reel__profile_does() & REEL__PROFILE_EVENTS, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("profile");
    TCase *c = add_profile_case(s, "calls");
    tcase_add_test(c, calls_say_what_they_are);
    tcase_add_test(c, bytes_are_those_that_move);
    tcase_add_test(c, many_axes_are_cut);
    tcase_add_test(c, a_step_has_its_parts);
    tcase_add_test(c, events_nest);
    tcase_add_test(c, replays_record);
    tcase_add_test(c, nothing_is_recorded_when_off);

    c = add_profile_case(s, "ranges");
    tcase_add_test(c, names_are_escaped_and_cut);
    tcase_add_test(c, jumps_end_ranges);
    tcase_add_test(c, ranges_across_start_and_stop);
    tcase_add_test(c, deep_ranges_are_dropped);
    tcase_add_test(c, the_first_ones_are_kept);
    tcase_add_test(c, many_blocks_fill);

    c = add_profile_case(s, "threads");
    tcase_add_test(c, threads_record_at_once);
    tcase_add_test(c, stop_while_threads_record);
    tcase_add_test(c, workers_record);

    c = add_cpu_case(s, "fork");
    tcase_add_checked_fixture(c, make_dir, remove_dir);
    tcase_set_tags(c, "fork");
    tcase_add_test(c, a_child_begins_anew);

    c = add_profile_case(s, "refusals");
    tcase_add_test(c, calls_at_the_wrong_time);
    tcase_add_test(c, files_that_cannot_be_written);

    c = add_profile_case(s, "table");
    tcase_add_test(c, the_table_adds_up);
    tcase_add_test(c, shares_are_of_own_times);
    return run_suite(s);
}
