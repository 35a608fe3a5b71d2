/* Steps that take batches, captured: every kind of loader and every way in which batches are made,
 * over epochs, with partial batches, two loaders at once, states saved and loaded in the middle. */
#include "tests/capture_rig.h"
#include "tests/loader_rig.h"

/* ---- what trains on numbers ---- */

typedef struct {
    reel_loader *loader, *other; /* other: of a second batch, or NULL */
    bool cycles;                 /* other begins again where it ends */
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_meter loss;
    int ends; /* of the first loader's epochs, that the step saw */
} trainer;

static void trainer_open(trainer *t, reel_loader *loader, reel_loader *other) {
    REEL_SCOPE;
    *t = (trainer){.loader = loader, .other = other};
    reel_generator *g = reel_generator_new(2, test_device());
    t->model = reel_linear_new(2, ITEMS, (reel_linear_options){.generator = g});
    reel_generator_free(g);
    t->params = reel_module_params(t->model);
    t->optim = reel_adam_new(t->params, (reel_adam_options){.lr = 1e-2});
    expect_fine();
}

static void trainer_close(trainer *t) {
    reel_meter_reset(&t->loss);
    reel_optim_free(t->optim);
    reel_state_free(t->params);
    reel_module_free(t->model);
}

static reel_tensor *loss_of(trainer *t, const reel_batch *b) {
    reel_tensor *x = reel_cast(b->x, REEL_F32);
    x = reel_slice(reel_scale(x, 1.0 / ITEMS), 1, 0, 2, 1);
    return reel_cross_entropy_loss(reel_forward(t->model, x), b->y);
}

static bool step(void *user) {
    trainer *t = user;
    reel_batch b, c;
    if (!reel_loader_next(t->loader, &b)) {
        t->ends++;
        return false;
    }
    reel_tensor *loss = loss_of(t, &b);
    if (t->other) {
        if (!reel_loader_next(t->other, &c) && !(t->cycles && reel_loader_next(t->other, &c)))
            return false;
        loss = reel_add(loss, loss_of(t, &c));
    }
    reel_backward(loss);
    reel_optim_step(t->optim);
    reel_meter_add_weighted(&t->loss, loss, (double)b.n);
    return true;
}

static void expect_same_trainers(trainer *a, trainer *b, const char *what) {
    expect_same_states(a->params, b->params, what);
    expect_same_bits(a->loss.sum, b->loss.sum, "%s: meter", what);
    ck_assert_msg(a->loss.weight == b->loss.weight, "%s: weights", what);
    ck_assert_int_eq(reel_loader_epoch(a->loader), reel_loader_epoch(b->loader));
    ck_assert_int_eq(reel_loader_position(a->loader), reel_loader_position(b->loader));
    if (!a->other) return;
    ck_assert_int_eq(reel_loader_epoch(a->other), reel_loader_epoch(b->other));
    ck_assert_int_eq(reel_loader_position(a->other), reel_loader_position(b->other));
}

/* Both for so many calls of so many steps each. */
static void train_both(trainer *a, trainer *b, int calls, int64_t steps, const char *what) {
    reel_plan *eager = eager_plan(step, a), *plan = plan_with_bits(step, b, 0);
    for (int i = 0; i < calls; i++) {
        const int64_t n = reel_replay(eager, steps), m = reel_replay(plan, steps);
        ck_assert_msg(!reel_failed(), "%s, call %d: %s", what, i, reel_error());
        ck_assert_msg(n == m, "%s, call %d: %d steps, captured %d", what, i, (int)n, (int)m);
        expect_same_trainers(a, b, what);
    }
    reel_plan_free(eager);
    reel_plan_free(plan);
}

/* ---- every kind of loader ---- */

START_TEST(kinds_of_loaders) {
    static rig r, q;
    for (int w = 0; w < WAYS; w++)
        for (int64_t steps = 2; steps < 100; steps += 90) {
            trainer a, b;
            char what[60];
            snprintf(what, sizeof what, "kind %d, %d workers%s, by %d", _i, ways[w].workers,
                     ways[w].ahead ? ", ahead" : "", (int)steps);
            rig_open(&r, _i, ways[w]);
            rig_open(&q, _i, ways[w]);
            trainer_open(&a, r.loader, NULL);
            trainer_open(&b, q.loader, NULL);
            train_both(&a, &b, steps == 2 ? 12 : 4, steps, what);
            trainer_close(&a);
            trainer_close(&b);
            rig_close(&r);
            rig_close(&q);
        }
}
END_TEST

/* ---- rows of tensors, where these lie ---- */

static reel_dataset *rows_new(bool on_device) {
    unsigned char x[ITEMS * 2];
    int64_t y[ITEMS];
    for (int i = 0; i < 2 * ITEMS; i++) x[i] = (unsigned char)(i * 41 % 251);
    for (int i = 0; i < ITEMS; i++) y[i] = i;
    const reel_device d = on_device ? test_device() : reel_cpu();
    REEL_SCOPE;
    return reel_tensor_dataset_new(reel_to(reel_from(x, reel_shape(ITEMS, 2), REEL_U8), d),
                                   reel_to(reel_from(y, reel_shape(ITEMS), REEL_I64), d));
}

static reel_loader *rows_loader(reel_dataset *d, int variant, int64_t batch) {
    return loader_of(d,
                     (reel_loader_options){.batch_size = batch,
                                           .shuffle = variant & 1,
                                           .drop_last = variant & 2,
                                           .scale = variant & 4 ? 1.0 / 255 : 0,
                                           .seed = 3},
                     ways[variant % WAYS]);
}

START_TEST(rows_of_tensors) {
    for (int variant = 0; variant < 16; variant++) {
        reel_dataset *d = rows_new(variant & 8);
        trainer a, b;
        char what[40];
        snprintf(what, sizeof what, "rows, variant %d", variant);
        trainer_open(&a, rows_loader(d, variant, 6), NULL);
        trainer_open(&b, rows_loader(d, variant, 6), NULL);
        train_both(&a, &b, 9, 3, what);
        train_both(&a, &b, 2, INT64_MAX, what);
        reel_loader_free(a.loader);
        reel_loader_free(b.loader);
        trainer_close(&a);
        trainer_close(&b);
        reel_dataset_free(d);
    }
}
END_TEST

/* ---- items that are changed on the way, and batches that a function makes ---- */

static reel_status doubled(reel_sample *sample, int64_t i, void *user) {
    (void)i, (void)user;
    sample->x = reel_scale(sample->x, 2);
    return reel_error_status();
}

static reel_status padded(const reel_sample *samples, int64_t n, reel_sample *out, void *user) {
    ++*(int *)user;
    REEL_TRY(reel_collate_default(samples, n, out, NULL));
    out->x = reel_concat(1, out->x, out->x);
    return reel_error_status();
}

START_TEST(mapped_and_collated) {
    for (int k = 0; k < 8; k++) {
        numbers set = numbers_of(ITEMS);
        int calls = 0;
        reel_dataset *d = reel_map_dataset_new(&set.base, doubled, NULL);
        const reel_loader_options o = {.batch_size = 5,
                                       .shuffle = true,
                                       .collate = k & 4 ? padded : NULL,
                                       .user = &calls,
                                       .seed = 9};
        trainer a, b;
        trainer_open(&a, loader_of(d, o, (way){k & 1, k & 2}), NULL);
        trainer_open(&b, loader_of(d, o, (way){k & 1, k & 2}), NULL);
        train_both(&a, &b, 8, 2, "mapped");
        reel_loader_free(a.loader);
        reel_loader_free(b.loader);
        trainer_close(&a);
        trainer_close(&b);
        reel_dataset_free(d);
    }
}
END_TEST

/* ---- two loaders in a step ---- */

static void expect_same_pairs(int64_t first, int64_t second, bool cycles, int variant) {
    reel_dataset *d = rows_new(variant & 8);
    trainer a, b;
    char what[80];
    snprintf(what, sizeof what, "batches of %d and %d%s, variant %d", (int)first, (int)second,
             cycles ? " that begin again" : "", variant);
    trainer_open(&a, rows_loader(d, variant, first), rows_loader(d, variant, second));
    trainer_open(&b, rows_loader(d, variant, first), rows_loader(d, variant, second));
    a.cycles = b.cycles = cycles;
    train_both(&a, &b, 12, variant % 2 ? 2 : INT64_MAX, what);
    reel_loader_free(a.loader);
    reel_loader_free(a.other);
    reel_loader_free(b.loader);
    reel_loader_free(b.other);
    trainer_close(&a);
    trainer_close(&b);
    reel_dataset_free(d);
}

START_TEST(two_loaders) {
    for (int variant = 0; variant < 6; variant++) {
        expect_same_pairs(4, 6, false, variant);
        expect_same_pairs(6, 4, false, variant);
        expect_same_pairs(5, 5, false, variant);
        expect_same_pairs(4, 6, true, variant);
        expect_same_pairs(4, 11, true, variant);
    }
}
END_TEST

/* ---- states ---- */

static void load_into(trainer *t, trainer *from) {
    reel_state *s = reel_state_new();
    reel_loader_save(from->loader, s, "loader");
    reel_module_save(from->model, s, "model");
    reel_optim_save(from->optim, s, "optim");
    reel_loader_load(t->loader, s, "loader");
    reel_module_load(t->model, s, "model");
    reel_optim_load(t->optim, s, "optim");
    reel_state_free(s);
    expect_fine();
}

/* A run that goes on in another program's place, and one whose state is loaded between replays of
 * the same plan: both are where one that was not stopped is. */
START_TEST(resumed_in_the_middle) {
    for (int variant = 0; variant < 8; variant++) {
        reel_dataset *d = rows_new(variant & 4);
        trainer a, b, c;
        trainer_open(&a, rows_loader(d, variant, 4), NULL);
        trainer_open(&b, rows_loader(d, variant, 4), NULL);
        trainer_open(&c, rows_loader(d, variant, 4), NULL);
        reel_plan *eager = eager_plan(step, &a), *first = plan_with_bits(step, &b, 0),
                  *second = plan_with_bits(step, &c, 0);
        replay_both(eager, first, 3);
        reel_replay(second, 1); /* elsewhere, before it is loaded */
        load_into(&c, &b);
        ck_assert_int_eq(reel_replay(second, 2), reel_replay(eager, 2));
        expect_same_states(a.params, c.params, "another plan");
        load_into(&b, &c);
        replay_both(eager, first, INT64_MAX);
        expect_same_states(a.params, b.params, "the same plan");
        ck_assert_int_eq(reel_loader_epoch(a.loader), reel_loader_epoch(b.loader));
        reel_plan_free(eager);
        reel_plan_free(first);
        reel_plan_free(second);
        trainer *all[] = {&a, &b, &c};
        for (int i = 0; i < 3; i++) reel_loader_free(all[i]->loader), trainer_close(all[i]);
        reel_dataset_free(d);
    }
}
END_TEST

/* ---- what fails ---- */

/* An item that can't be read fails in its batch, with eager's message, and may be read later. */
START_TEST(an_item_that_fails) {
    for (int w = 0; w < WAYS; w++)
        for (int bad = 0; bad < ITEMS; bad += 7) {
            numbers p = numbers_of(ITEMS), q = p;
            trainer a, b;
            char says[300];
            trainer_open(&a, loader_of(&p.base, (reel_loader_options){.batch_size = 4}, ways[w]),
                         NULL);
            trainer_open(&b, loader_of(&q.base, (reel_loader_options){.batch_size = 4}, ways[w]),
                         NULL);
            reel_plan *eager = eager_plan(step, &a), *plan = plan_with_bits(step, &b, 0);
            replay_both(eager, plan, INT64_MAX); /* an epoch in which all is well */
            p.bad = q.bad = bad;
            const int64_t n = reel_replay(eager, INT64_MAX);
            snprintf(says, sizeof says, "%s", reel_error());
            char *behind = strstr(says, ", called from"); /* the replay's own line */
            if (behind) *behind = '\0';
            reel_clear_error();
            ck_assert_int_eq(reel_replay(plan, INT64_MAX), n);
            expect_failure(REEL_ERR_IO, says);
            expect_same_trainers(&a, &b, "failed");
            p.bad = q.bad = -1;
            replay_both(eager, plan, INT64_MAX);
            expect_same_trainers(&a, &b, "went on");
            reel_plan_free(eager);
            reel_plan_free(plan);
            reel_loader_free(a.loader);
            reel_loader_free(b.loader);
            trainer_close(&a);
            trainer_close(&b);
        }
}
END_TEST

/* A loader that was freed between replays. */
START_TEST(a_freed_loader) {
    reel_dataset *d = rows_new(true);
    trainer t;
    trainer_open(&t, rows_loader(d, _i, 4), NULL);
    reel_plan *plan = plan_with_bits(step, &t, 0);
    ck_assert_int_eq(reel_replay(plan, 3), 3);
    reel_loader *was = t.loader;
    if (_i & 1) t.loader = rows_loader(d, _i, 4); /* elsewhere */
    reel_loader_free(was);
    if (_i & 1) {
        ck_assert_int_eq(reel_replay(plan, 3), 3);
        reel_loader_free(t.loader);
    }
    ck_assert_int_eq(reel_replay(plan, 1), 0);
    expect_failure(REEL_ERR_ARGUMENT, "loader_next: not a loader, or freed already");
    t.loader = rows_loader(d, _i, 4);
    ck_assert_int_eq(reel_replay(plan, 2), 2);
    expect_fine();
    reel_plan_free(plan);
    reel_loader_free(t.loader);
    trainer_close(&t);
    reel_dataset_free(d);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_loaders");
    TCase *c = add_case(s, "batches");
    tcase_add_loop_test(c, kinds_of_loaders, 0, KINDS);
    tcase_add_test(c, rows_of_tensors);
    tcase_add_test(c, mapped_and_collated);
    tcase_add_test(c, two_loaders);
    tcase_add_test(c, resumed_in_the_middle);
    c = add_case(s, "failures");
    tcase_add_test(c, an_item_that_fails);
    tcase_add_loop_test(c, a_freed_loader, 0, 4);
    return run_suite(s);
}
