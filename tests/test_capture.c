/* Captured steps against the same steps run as they are: bits, whatever changes between replays. */
#include "capture/capture_internal.h"
#include "tests/expect.h"
#include "tests/same_bits.h"

#include "reel.h"

/* ---- a small autoencoder and what trains it ---- */

typedef struct {
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_tensor *images;
    reel_dataset *set;
    reel_loader *loader;
    reel_meter loss;
    int runs; /* of the function */
} trainer;

enum { ITEMS = 50, PIXELS = 40, BATCH = 8 }; /* a batch is large enough for fused kernels */

static reel_tensor *digits(void) {
    unsigned char byte[ITEMS * PIXELS];
    for (int i = 0; i < ITEMS * PIXELS; i++) byte[i] = (unsigned char)(i * 37 % 251);
    return reel_retain(to_device(reel_from(byte, reel_shape(ITEMS, PIXELS), REEL_U8)));
}

static reel_module *model_new(reel_generator *g, double dropout) {
    const reel_linear_options o = {.generator = g};
    return reel_sequential(reel_linear_new(PIXELS, 7, o), reel_relu_new(),
                           reel_dropout_new(dropout, 5), reel_linear_new(7, PIXELS, o),
                           reel_sigmoid_new());
}

static trainer trainer_new(double dropout, reel_loader_options o) {
    trainer t = {0};
    reel_generator *g = reel_generator_new(3, reel_cpu());
    REEL_SCOPE;
    t.model = model_new(g, dropout);
    reel_generator_free(g);
    reel_module_to(t.model, test_device());
    t.params = reel_module_params(t.model);
    t.optim = reel_adam_new(t.params, (reel_adam_options){.lr = 1e-2});
    t.schedule = reel_cosine_schedule_new(t.optim, (reel_cosine_options){.steps = 40});
    t.images = digits();
    t.set = reel_tensor_dataset_new(t.images, NULL);
    if (!o.batch_sampler) {
        o.batch_size = BATCH;
        o.shuffle = true;
    }
    o.scale = 1 / 255.0;
    o.device = test_device();
    t.loader = reel_loader_new(t.set, o);
    return t;
}

static void trainer_free(trainer *t) {
    reel_meter_reset(&t->loss);
    reel_loader_free(t->loader);
    reel_dataset_free(t->set);
    reel_release(t->images);
    reel_schedule_free(t->schedule);
    reel_optim_free(t->optim);
    reel_state_free(t->params);
    reel_module_free(t->model);
}

static bool step(void *user) {
    trainer *t = user;
    reel_batch b;
    t->runs++;
    if (!reel_loader_next(t->loader, &b)) return false;
    reel_tensor *loss = reel_mse_loss(reel_forward(t->model, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(t->optim);
    reel_schedule_step(t->schedule);
    reel_meter_add_weighted(&t->loss, loss, (double)b.n);
    return true;
}

static void expect_equal_params(const trainer *a, const trainer *b) {
    for (int i = 0; i < reel_state_count(a->params); i++) {
        reel_tensor *x = reel_state_at(a->params, i), *y = reel_state_at(b->params, i);
        ck_assert_int_eq(reel_numel(x), reel_numel(y));
        for (int64_t k = 0; k < reel_numel(x); k++)
            ck_assert_msg(element(x, k) == element(y, k), "%s: element %d is %.9g, not %.9g",
                          reel_state_name(a->params, i), (int)k, element(y, k), element(x, k));
    }
}

/* Epochs of both, eager and captured, to the same bits. */
static void expect_same_training(double dropout, reel_loader_options o, reel_capture_options how) {
    trainer a = trainer_new(dropout, o), b = trainer_new(dropout, o);
    reel_plan *eager = reel_capture(step, &a, (reel_capture_options){.eager = true}),
              *plan = reel_capture(step, &b, how);
    for (int epoch = 0; epoch < 4; epoch++) {
        const int64_t n = reel_replay(eager, INT64_MAX), m = reel_replay(plan, INT64_MAX);
        ck_assert_msg(!reel_failed(), "%s", reel_error());
        ck_assert_int_eq(n, m);
        ck_assert_int_eq(n, (ITEMS + BATCH - 1) / BATCH);
        const double x = reel_meter_mean(&a.loss), y = reel_meter_mean(&b.loss);
        ck_assert_msg(x == y, "epoch %d: %.9g, captured %.9g", epoch, x, y);
        ck_assert(reel_optim_lr(a.optim) == reel_optim_lr(b.optim));
        ck_assert_int_eq(reel_optim_steps(a.optim), reel_optim_steps(b.optim));
        ck_assert_int_eq(reel_loader_epoch(a.loader), reel_loader_epoch(b.loader));
        expect_equal_params(&a, &b);
        if (epoch == 1) reel_meter_reset(&a.loss), reel_meter_reset(&b.loss);
    }
    ck_assert_int_eq(reel_plan_programs(plan), 2); /* one for the last batch of an epoch */
    ck_assert_int_lt(b.runs, a.runs);
    reel_plan_free(eager);
    reel_plan_free(plan);
    trainer_free(&a);
    trainer_free(&b);
}

START_TEST(training_is_the_same) {
    expect_same_training(0, (reel_loader_options){0}, (reel_capture_options){0});
}
END_TEST

START_TEST(with_dropout) {
    expect_same_training(0.4, (reel_loader_options){0}, (reel_capture_options){0});
}
END_TEST

START_TEST(with_workers) {
    expect_same_training(0, (reel_loader_options){.workers = 2}, (reel_capture_options){0});
}
END_TEST

START_TEST(without_each_pass) {
    for (unsigned without = 1; without < 16; without++)
        expect_same_training(0.2, (reel_loader_options){0},
                             (reel_capture_options){.without = without});
}
END_TEST

/* ---- more shapes than a plan has programs ---- */

enum { SHAPES = 9 }; /* and one that comes twice: 1, 2, ... 9 items, 5 */

static int64_t all_items(reel_batch_sampler *s) {
    (void)s;
    return ITEMS;
}

static reel_status growing(reel_batch_sampler *s, int64_t epoch, int64_t *index, int64_t *sizes,
                           int64_t *batches) {
    (void)s, (void)epoch;
    for (int i = 0; i < ITEMS; i++) index[i] = i;
    for (int i = 0; i < SHAPES; i++) sizes[i] = i + 1;
    sizes[SHAPES] = ITEMS - SHAPES * (SHAPES + 1) / 2;
    *batches = SHAPES + 1;
    return REEL_OK;
}

START_TEST(the_ninth_program_takes_the_place_of_another) {
    static const reel_batch_sampler_class class = {.length = all_items, .plan = growing};
    reel_batch_sampler sampler = {&class};
    const reel_loader_options o = {.batch_sampler = &sampler};
    trainer a = trainer_new(0, o), b = trainer_new(0, o);
    const reel_capture_options how = {.without = passes_of_other_bits()};
    reel_plan *eager = reel_capture(step, &a, (reel_capture_options){.eager = true}),
              *plan = reel_capture(step, &b, how);
    for (int epoch = 0; epoch < 3; epoch++) {
        ck_assert_int_eq(reel_replay(eager, INT64_MAX), SHAPES + 1);
        ck_assert_int_eq(reel_replay(plan, INT64_MAX), SHAPES + 1);
        expect_fine();
        ck_assert_int_eq(reel_plan_programs(plan), 8);
        expect_equal_params(&a, &b);
    }
    reel_plan_free(eager);
    reel_plan_free(plan);
    trainer_free(&a);
    trainer_free(&b);
}
END_TEST

/* ---- what calls are told ---- */

static void tell_fill(reel__with *w) {
    w->fill.shape.ndim = 1;
    w->fill.shape.dim[0] = 5;
    w->fill.dtype = REEL_F32;
    w->fill.value = 2;
}

static void tell_slice(reel__with *w) {
    w->slice.axis = 1;
    w->slice.start = w->slice.count = w->slice.step = 1;
    w->slice.shape.ndim = 0;
}

static void tell_window(reel__with *w) {
    w->window.dims = 1;
    for (int i = 0; i < REEL__WINDOW_AXES; i++) {
        reel__span *s = &w->window.axis[i];
        s->in = s->out = i;
        s->scale = 1;
        s->kernel = s->stride = s->dilation = s->before = 2;
        s->kind = REEL__WINDOWS;
        s->exclude = s->sums = s->corners = i == 1;
    }
    w->window.value = w->window.times = 3;
}

static void tell_update(reel__with *w) {
    reel__rule *r = &w->update.rule;
#define SET(name) r->name = 0.5;
    REEL__RULE(SET, SET)
#undef SET
    r->nesterov = r->decoupled = r->maximize = true;
    w->update.moments = 3;
    w->update.carries = false;
}

static void tell_triangle(reel__with *w) {
    w->triangle.diagonal = -1;
}

static void tell_nothing(reel__with *w) {
    (void)w;
}

static const struct {
    reel__op op;
    void (*tell)(reel__with *w);
} told[] = {{REEL_OP_fill, tell_fill},       {REEL_OP_slice_put, tell_slice},
            {REEL_OP_resample, tell_window}, {REEL_OP_adam, tell_update},
            {REEL_OP_tril, tell_triangle},   {REEL_OP_matmul, tell_nothing}};

/* Calls that are told the same are alike byte by byte, whatever was there before. */
START_TEST(what_calls_are_told) {
    reel__call a = {.op = told[_i].op}, b = {.op = told[_i].op};
    memset(&a.with, 0xAA, sizeof a.with);
    memset(&b.with, 0x55, sizeof b.with);
    told[_i].tell(&a.with);
    told[_i].tell(&b.with);
    reel__tidy_told(&a);
    reel__tidy_told(&b);
    ck_assert_mem_eq(&a.with, &b.with, sizeof a.with);
    const reel__with kept = a.with;
    told[_i].tell(&a.with); /* all that was told is there still */
    ck_assert_mem_eq(&a.with, &kept, sizeof kept);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture");
    TCase *c = add_case(s, "steps");
    tcase_add_loop_test(c, what_calls_are_told, 0, sizeof told / sizeof *told);
    tcase_add_test(c, training_is_the_same);
    tcase_add_test(c, with_dropout);
    tcase_add_test(c, with_workers);
    tcase_add_test(c, without_each_pass);
    tcase_add_test(c, the_ninth_program_takes_the_place_of_another);
    return run_suite(s);
}
