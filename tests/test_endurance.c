/* Training for long: what a process holds after the first steps it holds after the last; and memory
 * that was let go is used again. */
#include "data/data.h"
#include "nn/nn.h"
#include "optim/optim.h"
#include "tensor/core/tensor_internal.h"
#include "tests/expect.h"

#include <unistd.h>

enum { ITEMS = 16, BATCH = 4, WIDTH = 8, CODE = 4 };

/* Bytes of memory that the process has in use. */
static double resident(void) {
    long pages = 0, all = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL) return 0; /* not Linux: only the tensors are counted */
    ck_assert_int_eq(fscanf(f, "%ld %ld", &all, &pages), 2);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

typedef struct {
    reel_module *model;
    reel_optim *adam;
    reel_schedule *schedule;
    reel_dataset *set;
    reel_loader *loader;
    reel_meter meter;
} run;

static reel_module *autoencoder(void) {
    reel_generator *g = reel_generator_new(1, test_device());
    const reel_linear_options o = {.generator = g};
    reel_module *m = reel_sequential(reel_linear_new(WIDTH, CODE, o), reel_relu_new(),
                                     reel_linear_new(CODE, WIDTH, o), reel_sigmoid_new());
    reel_generator_free(g);
    return m;
}

static void start(run *r, int64_t steps) {
    *r = (run){.model = autoencoder()};
    reel_state *params = reel_module_params(r->model);
    r->adam = reel_adam_new(params, (reel_adam_options){.lr = 1e-3});
    r->schedule = reel_cosine_schedule_new(r->adam, (reel_cosine_options){.steps = steps});
    reel_state_free(params);
    {
        REEL_SCOPE;
        reel_generator *g = reel_generator_new(2, reel_cpu());
        reel_tensor *x = reel_rand(reel_shape(ITEMS, WIDTH), REEL_F32, g);
        r->set = reel_tensor_dataset_new(to_device(x), NULL);
        reel_generator_free(g);
    }
    r->loader = reel_loader_new(
        r->set,
        (reel_loader_options){.batch_size = BATCH, .shuffle = true, .device = test_device()});
    expect_fine();
}

/* One epoch; its mean loss. */
static double epoch(run *r) {
    for (reel_batch b; reel_loader_next(r->loader, &b);) {
        REEL_SCOPE;
        reel_tensor *loss = reel_mse_loss(reel_forward(r->model, b.x), b.x);
        reel_backward(loss);
        reel_optim_step(r->adam);
        reel_schedule_step(r->schedule);
        reel_meter_add(&r->meter, loss);
    }
    const double mean = reel_meter_mean(&r->meter);
    reel_meter_reset(&r->meter);
    return mean;
}

static void end(run *r) {
    reel_loader_free(r->loader);
    reel_dataset_free(r->set);
    reel_schedule_free(r->schedule);
    reel_optim_free(r->adam);
    reel_module_free(r->model);
}

static void endure(int64_t early, int64_t steps) {
    run r;
    start(&r, steps);
    const double first = epoch(&r);
    const int64_t an_epoch = ITEMS / BATCH;
    int64_t done = an_epoch;
    for (; done < early; done += an_epoch) epoch(&r);
    const double bytes = resident();
    const size_t tensors = reel_tensors_alive();
    double last = first;
    for (; done < steps; done += an_epoch) last = epoch(&r);
    expect_fine();
    ck_assert_int_eq(reel_optim_steps(r.adam), steps);
    ck_assert_uint_eq(reel_tensors_alive(), tensors);
    const double more = resident() - bytes;
    ck_assert_msg(more < 1 << 20 && more > -(1 << 20), "%g bytes more", more);
    ck_assert_msg(last < first, "loss %g, then %g", first, last);
    end(&r);
}

START_TEST(ten_thousand_steps) {
    endure(2000, 10000);
}
END_TEST

START_TEST(a_million_steps) {
    endure(100000, 1000000);
}
END_TEST

/* Whether a new block is one that was marked before: what the system gives is 0. Leaves it marked.
 */
static bool is_marked(int64_t megabytes) {
    bool marked = false;
    REEL_SCOPE;
    uint8_t *x = reel__data(reel_empty(reel_shape(megabytes << 20), REEL_U8, reel_cpu()));
    marked = x[4096] == 77;
    x[4096] = 77;
    return marked;
}

/* All that is kept is of one size, and then another is asked for again and again. */
START_TEST(blocks_make_room_for_others) {
    {
        REEL_SCOPE;
        for (int i = 0; i < 16; i++) reel_empty(reel_shape((int64_t)8 << 20), REEL_U8, reel_cpu());
    }
    ck_assert(!is_marked(64));
    for (int i = 0; i < 3; i++) ck_assert(is_marked(64));
    ck_assert(!is_marked(32));
    ck_assert(is_marked(32));
    expect_fine();
}
END_TEST

int main(void) {
    Suite *s = suite_create("endurance");
    TCase *c = add_case(s, "short");
    tcase_set_tags(c, "rss"); /* sanitizers and valgrind hold on to what was freed */
    tcase_add_test(c, ten_thousand_steps);
    tcase_add_test(c, blocks_make_room_for_others);
    c = add_case(s, "long");
    tcase_set_tags(c, "slow rss");
    tcase_add_test(c, a_million_steps);
    return run_suite(s);
}
