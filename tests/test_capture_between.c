/* What happens between replays, and what a step leaves behind that goes meanwhile: as if each step
 * had been run as it is. */
#include "tests/capture_rig.h"

enum { ITEMS = 11, BATCH = 4 };

typedef struct {
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_tensor *rows, *last; /* owned; last: the loss of the last step */
    reel_dataset *set;
    reel_loader *loader;
    reel_plan *plan;
} trainer;

static void open_trainer(trainer *t) {
    *t = (trainer){0};
    reel_generator *g = reel_generator_new(3, test_device());
    REEL_SCOPE;
    const reel_linear_options o = {.generator = g};
    t->model = reel_sequential(reel_linear_new(3, 5, o), reel_dropout_new(0.4, 7),
                               reel_linear_new(5, 3, o));
    reel_module_to(t->model, test_device());
    t->params = reel_module_params(t->model);
    t->optim = reel_adam_new(t->params, (reel_adam_options){.lr = 0.05});
    t->schedule = reel_exponential_schedule_new(t->optim, (reel_exponential_options){.gamma = 0.9});
    t->rows = reel_retain(reel_randn(reel_shape(ITEMS, 3), REEL_F32, g));
    t->set = reel_tensor_dataset_new(t->rows, NULL);
    t->loader = reel_loader_new(
        t->set, (reel_loader_options){.batch_size = BATCH, .device = test_device()});
    reel_generator_free(g);
    expect_fine();
}

static void close_trainer(trainer *t) {
    reel_plan_free(t->plan);
    reel_loader_free(t->loader);
    reel_dataset_free(t->set);
    reel_release(t->rows);
    reel_release(t->last);
    reel_schedule_free(t->schedule);
    reel_optim_free(t->optim);
    reel_state_free(t->params);
    reel_module_free(t->model);
}

static bool step(void *user) {
    trainer *t = user;
    reel_batch b;
    if (!reel_loader_next(t->loader, &b)) return false;
    reel_tensor *loss = reel_mse_loss(reel_forward(t->model, b.x), b.x);
    reel_backward(loss);
    reel_optim_step(t->optim);
    reel_schedule_step(t->schedule);
    reel_release(t->last);
    t->last = reel_retain(reel_detach(loss));
    return true;
}

static void expect_same_trainers(const trainer *a, const trainer *b, const char *what) {
    expect_same_states(a->params, b->params, what);
    for (int i = 0; i < reel_state_count(a->params); i++)
        expect_same_bits(reel_grad(reel_state_at(a->params, i)),
                         reel_grad(reel_state_at(b->params, i)), "%s: gradient", what);
    expect_same_bits(a->last, b->last, "%s: last", what);
    ck_assert_msg(reel_optim_lr(a->optim) == reel_optim_lr(b->optim), "%s: %g, captured %g", what,
                  reel_optim_lr(a->optim), reel_optim_lr(b->optim));
    ck_assert_int_eq(reel_optim_steps(a->optim), reel_optim_steps(b->optim));
}

/* ---- what is done between replays ---- */

static void let_last_go(trainer *t, int replay) {
    if (replay % 2 == 0) return;
    reel_release(t->last);
    t->last = NULL;
}

static void set_rate(trainer *t, int replay) {
    reel_optim_set_lr(t->optim, 0.01 * (replay + 1));
}

static void step_eagerly(trainer *t, int replay) {
    REEL_SCOPE;
    if (replay % 3 == 1) step(t);
}

static void switch_mode(trainer *t, int replay) {
    if (replay % 2)
        reel_train(t->model);
    else
        reel_eval(t->model);
}

static void evaluate(trainer *t, int replay) {
    REEL_SCOPE;
    REEL_NO_GRAD;
    reel_eval(t->model);
    reel_forward(t->model, reel_scale(t->rows, replay));
    reel_train(t->model);
}

static void freeze(trainer *t, int replay) {
    reel_module *first = reel_module_child_at(t->model, 0);
    if (replay % 3 == 0) reel_module_freeze(first);
    if (replay % 3 == 1) reel_module_unfreeze(first);
    if (replay == 8) reel_untrack(reel_module_get(t->model, "2.bias"));
}

/* Others' modules and leaves. */
static void make_another(trainer *t, int replay) {
    REEL_SCOPE;
    reel_module *other = reel_linear_new(3, 2, (reel_linear_options){0});
    reel_module_to(other, test_device());
    reel_backward(reel_sum(reel_forward(other, t->rows)));
    reel_eval(other);
    if (replay % 2) reel_train(other);
    reel_module_free(other);
}

static void add_group(trainer *t, int replay) {
    if (replay % 4 != 1) return;
    REEL_SCOPE;
    char name[20];
    reel_state *more = reel_state_new();
    snprintf(name, sizeof name, "more%d", replay);
    reel_tensor *leaf = reel_track(reel_ones(reel_shape(3), REEL_F32, test_device()));
    reel_state_put(more, name, leaf);
    reel_optim_add_group(t->optim, more, (reel_group_options){.lr = 0.02});
    reel_state_put(t->params, name, leaf);
    reel_state_free(more);
    reel_backward(reel_sum(reel_square(leaf)));
    expect_fine();
}

static const struct {
    const char *name;
    void (*change)(trainer *t, int replay);
} between[] = {
#define BETWEEN(name)                                                                              \
    { #name, name }
    BETWEEN(let_last_go), BETWEEN(set_rate), BETWEEN(step_eagerly), BETWEEN(switch_mode),
    BETWEEN(evaluate),    BETWEEN(freeze),   BETWEEN(make_another), BETWEEN(add_group),
};

/* By replays of so few steps that each kind of batch begins one at some time. */
START_TEST(changes) {
    trainer a, b;
    char what[80];
    open_trainer(&a);
    open_trainer(&b);
    a.plan = eager_plan(step, &a);
    b.plan = plan_with_bits(step, &b, 0);
    for (int replay = 0; replay < 12; replay++) {
        snprintf(what, sizeof what, "%s, replay %d", between[_i].name, replay);
        replay_both(a.plan, b.plan, 1 + replay % 3);
        expect_same_trainers(&a, &b, what);
        between[_i].change(&a, replay);
        between[_i].change(&b, replay);
    }
    close_trainer(&a);
    close_trainer(&b);
}
END_TEST

/* ---- a step that leaves modes other than it found them ---- */

static bool ends_in_evaluation(void *user) {
    trainer *t = user;
    const bool more = step(user);
    if (more) reel_eval(t->model);
    return more;
}

static bool trains_and_evaluates(void *user) {
    trainer *t = user;
    reel_train(t->model);
    if (!step(user)) return false;
    reel_eval(t->model);
    REEL_NO_GRAD;
    reel_copy_(t->last, reel_mse_loss(reel_forward(t->model, t->rows), t->rows));
    return true;
}

static bool takes_turns(void *user) {
    trainer *t = user;
    const bool more = step(user);
    if (more && t->model->training)
        reel_eval(t->model);
    else if (more)
        reel_train(t->model);
    return more;
}

/* Of a module of its own, which goes. */
static bool with_another(void *user) {
    reel_module *other = reel_relu_new();
    reel_eval(other);
    reel_module_free(other);
    return step(user);
}

/* Each half of the model by itself, as two that train against each other do: the other one is
 * frozen meanwhile, and the second one stays so. */
static bool by_halves(void *user) {
    trainer *t = user;
    reel_module *first = reel_module_child_at(t->model, 0),
                *second = reel_module_child_at(t->model, 2);
    reel_module_unfreeze(first);
    reel_module_freeze(second);
    if (!step(user)) return false;
    reel_module_freeze(first);
    reel_module_unfreeze(second);
    reel_backward(reel_mean(reel_square(reel_forward(t->model, t->rows))));
    reel_optim_step(t->optim);
    return true;
}

/* Frozen for a while; a leaf of it that was frozen before is tracked from here on. */
static bool thaws(void *user) {
    trainer *t = user;
    reel_module *first = reel_module_child_at(t->model, 0);
    reel_module_freeze(first);
    const bool more = step(user);
    reel_module_unfreeze(first);
    return more;
}

static const reel_step switching[] = {
    by_halves, thaws, ends_in_evaluation, trains_and_evaluates, takes_turns, with_another};

START_TEST(modes_in_a_step) {
    trainer a, b;
    char what[80];
    open_trainer(&a);
    open_trainer(&b);
    a.plan = eager_plan(switching[_i], &a);
    b.plan = plan_with_bits(switching[_i], &b, 0);
    for (int replay = 0; replay < 10; replay++) {
        snprintf(what, sizeof what, "step %d, replay %d", _i, replay);
        replay_both(a.plan, b.plan, 1 + replay % 3);
        expect_same_trainers(&a, &b, what);
        ck_assert_msg(a.model->training == b.model->training, "%s: mode", what);
        if (replay == 6) reel_train(a.model), reel_train(b.model);
        if (replay == 4) {
            reel_untrack(reel_module_get(a.model, "0.weight"));
            reel_untrack(reel_module_get(b.model, "0.weight"));
        }
    }
    close_trainer(&a);
    close_trainer(&b);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_between");
    TCase *c = add_case(s, "replays");
    tcase_add_loop_test(c, changes, 0, sizeof between / sizeof *between);
    c = add_case(s, "modes");
    tcase_add_loop_test(c, modes_in_a_step, 0, sizeof switching / sizeof *switching);
    return run_suite(s);
}
