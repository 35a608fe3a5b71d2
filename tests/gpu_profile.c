/* Profiles of a GPU's work: what each launch took there, and which call it is of. */
#include "tests/gpu_suite.h"
#include "tests/trace_reader.h"

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "optim/optim.h"

static reel_tensor *ones(int64_t rows, int64_t columns) {
    return reel_ones(reel_shape(rows, columns), REEL_F32, test_device());
}

static int64_t graphs_sent(void) {
    reel_cuda_counts c;
    ck_assert_int_eq(reel_cuda_count_calls(test_device().index, &c), REEL_OK);
    return c.graphs;
}

static bool is_there(const trace_event *e) {
    return strcmp(e->phase, "X") == 0 && strcmp(e->cat, "device") == 0;
}

/* Launches of one device come one after the other, from a few nanoseconds on. */
static void expect_in_order(const trace *t) {
    double last = 0;
    for (int i = 0; i < t->count; i++) {
        const trace_event *e = &t->event[i];
        if (!is_there(e)) continue;
        ck_assert_int_eq(e->process, 100 + test_device().index);
        ck_assert_msg(e->begin >= last - 0.01, "%s begins at %f, the one before ends at %f",
                      e->name, e->begin, last);
        ck_assert_double_gt(e->end, e->begin);
        last = e->end;
    }
}

/* A large product takes what the machine takes for it, and small ones far less. */
START_TEST(launches_are_timed) {
    {
        REEL_SCOPE;
        reel_tensor *x = ones(2048, 2048), *y = ones(8, 8);
        for (int i = 0; i < 3; i++) reel_matmul(x, x), reel_relu(y);
        reel_synchronize(test_device());
        ck_assert_int_eq(reel_profile_start((reel_profile_options){.device_times = true}), REEL_OK);
        for (int i = 0; i < 20; i++) reel_matmul(x, x), reel_relu(y);
    }
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "matmul", "forward"), 20);
    ck_assert_int_ge(trace_count(&t, "matmul", "device"), 20);
    ck_assert_int_eq(trace_count(&t, "relu", "device"), 20);
    expect_in_order(&t);
    double large = 0, small = 0;
    for (int i = 0; i < t.count; i++) {
        const trace_event *e = &t.event[i];
        if (is_there(e)) *(strcmp(e->name, "relu") == 0 ? &small : &large) += e->end - e->begin;
    }
    printf("a product of 2048: %.1f us, relu of 64 elements: %.2f us\n", large / 20, small / 20);
    ck_assert_msg(large / 20 > 50 && large / 20 < 5000, "a product took %f us", large / 20);
    ck_assert_msg(small / 20 < 20, "relu of a few elements took %f us", small / 20);
    trace_free(&t);
}
END_TEST

/* Arrows lead from the call to its launch, which begins later. */
START_TEST(launches_know_their_calls) {
    int arrows = 0;
    ck_assert_int_eq(reel_profile_start((reel_profile_options){.device_times = true}), REEL_OK);
    {
        REEL_SCOPE;
        reel_tensor *x = ones(64, 64);
        for (int i = 0; i < 5; i++) x = reel_tanh(reel_matmul(x, x));
    }
    trace t = trace_end();
    for (int i = 0; i + 1 < t.count; i++) {
        const trace_event *from = &t.event[i], *to = &t.event[i + 1];
        if (strcmp(from->phase, "s") != 0) continue;
        ck_assert_str_eq(to->phase, "f");
        ck_assert_int_eq(from->id, to->id);
        ck_assert_msg(to->begin > from->begin - 50, "launched %f, begun %f", from->begin,
                      to->begin);
        arrows++;
    }
    ck_assert_int_ge(arrows, 11);
    ck_assert_ptr_nonnull(strstr(trace_find(&t, "tanh", "device")->at, "gpu_profile.c:"));
    ck_assert_str_eq(trace_find(&t, "tanh", "forward")->device,
                     test_device().index ? "cuda:1" : "cuda:0");
    trace_free(&t);
}
END_TEST

/* ---- a training loop ---- */

/* Steps from a model of fixed numbers; the parameters' sum. */
static double train(int steps) {
    reel_module *m =
        reel_sequential(reel_linear_new(32, 16, (reel_linear_options){0}), reel_relu_new(),
                        reel_linear_new(16, 8, (reel_linear_options){0}));
    reel_module_to(m, test_device());
    reel_state *params = reel_module_params(m);
    double sum = 0;
    for (int i = 0; i < reel_state_count(params); i++) {
        REEL_NO_GRAD;
        reel_fill_(reel_state_at(params, i), 0.01 * (i + 1));
    }
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){.lr = 1e-3});
    for (int k = 0; k < steps; k++) {
        REEL_SCOPE;
        REEL_PROFILE_RANGE("step");
        reel_tensor *x = reel_affine(ones(20, 32), 0.01 * (k + 1), 0);
        reel_backward(reel_mse_loss(reel_forward(m, x), ones(20, 8)));
        reel_optim_step(adam);
    }
    for (int i = 0; i < reel_state_count(params); i++) {
        REEL_SCOPE;
        sum += reel_item(reel_sum(reel_detach(reel_state_at(params, i))));
    }
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
    expect_fine();
    return sum;
}

/* Times or not, the same bits; graphs are sent as before once the profile is over. */
START_TEST(profiled_steps_have_the_same_bits) {
    const double expected = train(20);
    for (int round = 0; round < 2; round++) {
        const bool timed = round == 1;
        const int64_t before = graphs_sent();
        ck_assert_int_eq(
            reel_profile_start((reel_profile_options){.device_times = timed, .nvtx = timed}),
            REEL_OK);
        ck_assert_double_eq(train(20), expected);
        trace t = trace_end();
        ck_assert_int_eq(trace_count(&t, "adam", "optimizer"), 20);
        ck_assert_int_eq(trace_count(&t, "adam", "device"), timed ? 20 : 0);
        ck_assert_int_eq(graphs_sent() == before, timed);
        expect_in_order(&t);
        trace_free(&t);
    }
    const int64_t before = graphs_sent();
    ck_assert_double_eq(train(20), expected);
    ck_assert_int_gt(graphs_sent(), before);
}
END_TEST

START_TEST(the_table_has_device_times) {
    char *text = NULL;
    size_t size = 0;
    ck_assert_int_eq(reel_profile_start((reel_profile_options){.device_times = true}), REEL_OK);
    train(50);
    ck_assert_int_eq(reel_profile_stop(), REEL_OK);
    FILE *f = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(reel_profile_report(f), REEL_OK);
    fclose(f);
    printf("%s", text);
    ck_assert_ptr_nonnull(strstr(text, "device ms"));
    const char *line = strstr(text, "\nadam ");
    ck_assert_ptr_nonnull(line);
    int calls = 0;
    double ms = 0;
    ck_assert_int_eq(sscanf(line + 5, "%d %lf", &calls, &ms), 2);
    ck_assert_int_eq(calls, 50);
    ck_assert_double_gt(ms, 0);
    free(text);
}
END_TEST

/* More launches on their way than are kept track of, and fewer places than launches. */
START_TEST(many_launches) {
    int64_t dropped = 0;
    ck_assert_int_eq(reel_profile_start((reel_profile_options){.device_times = true}), REEL_OK);
    {
        REEL_SCOPE;
        reel_tensor *x = ones(3, 3);
        for (int i = 0; i < 5000; i++) {
            REEL_SCOPE;
            reel_relu(x);
        }
    }
    trace t = trace_end();
    ck_assert_int_eq(trace_count(&t, "relu", "device"), 5000);
    expect_in_order(&t);
    trace_free(&t);
    ck_assert_int_eq(
        reel_profile_start((reel_profile_options){.device_times = true, .most_events = 100}),
        REEL_OK);
    {
        REEL_SCOPE;
        reel_tensor *x = ones(3, 3);
        for (int i = 0; i < 300; i++) reel_relu(x);
    }
    t = trace_end();
    ck_assert_int_eq(reel_profile_events(&dropped), 100);
    ck_assert_int_ge(dropped, 500);
    trace_free(&t);
}
END_TEST

static void end_profile(void) {
    reel_profile_stop();
    reel_clear_error();
}

void add_profile_cases(Suite *s) {
    TCase *c = add_case(s, "profiles");
    tcase_add_checked_fixture(c, make_dir, remove_dir);
    tcase_add_checked_fixture(c, NULL, end_profile);
    tcase_add_test(c, launches_are_timed);
    tcase_add_test(c, launches_know_their_calls);
    tcase_add_test(c, profiled_steps_have_the_same_bits);
    tcase_add_test(c, the_table_has_device_times);
    tcase_add_test(c, many_launches);
}
