/* Models of each kind, trained captured and as they are, to the same bits: with every optimizer and
 * every schedule, averages of weights, gradients that are clipped, or gathered over two batches,
 * and groups of parameters. The loss is read between replays. */
#include "tests/bench/models/zoo.h"
#include "tests/capture_rig.h"
#include "tests/optimizer_table.h"

enum { CLASSES = 7, BATCH = 4, LENGTH = 5, WIDTH = 6, REPLAYS = 5, COMBINATIONS = 72 };

/* ---- models ---- */

/* x[B,1,8,8] -> y[B,CLASSES] */
static reel_module *cnn(reel_generator *g) {
    const reel_conv_layer_options o = {.padding = reel_shape(1), .generator = g};
    return reel_sequential(reel_conv2d_new(1, 3, reel_shape(3), o),
                           reel_batch_norm2d_new(3, (reel_batch_norm_options){0}), reel_relu_new(),
                           reel_max_pool2d_new(reel_shape(2), (reel_pool_options){0}),
                           reel_dropout2d_new(0.3, 3), reel_flatten_new((reel_flatten_options){0}),
                           reel_dropout_new(0.4, 4),
                           reel_linear_new(48, CLASSES, (reel_linear_options){.generator = g}));
}

static reel_module *embedding(reel_generator *g) {
    return reel_embedding_new(CLASSES, WIDTH, (reel_embedding_layer_options){.generator = g});
}

/* x[B,T] (i64) -> y[B,T,CLASSES] */
static reel_module *recurrent(reel_generator *g) {
    const reel_recurrent_options o = {
        .num_layers = 2, .dropout = 0.4, .seed = 5, .batch_first = true, .generator = g};
    return reel_sequential(embedding(g), reel_dropout_new(0.2, 6), reel_lstm_new(WIDTH, WIDTH, o),
                           reel_linear_new(WIDTH, CLASSES, (reel_linear_options){.generator = g}));
}

static reel_module *attention(reel_generator *g) {
    const reel_transformer_options o = {.dim_feedforward = 8,
                                        .dropout = 0.25,
                                        .seed = 7,
                                        .activation = reel_gelu_at,
                                        .norm_first = true,
                                        .batch_first = true,
                                        .is_causal = true,
                                        .generator = g};
    return reel_sequential(embedding(g), reel_transformer_encoder_new(WIDTH, 2, 2, true, o),
                           reel_linear_new(WIDTH, CLASSES, (reel_linear_options){.generator = g}));
}

/* x[B,8] -> y[B,CLASSES] */
static reel_module *norms(reel_generator *g) {
    const reel_linear_options o = {.generator = g};
    reel_module *last = reel_linear_new(12, CLASSES, o);
    reel_weight_norm(last, "weight", (reel_weight_norm_options){0});
    return reel_sequential(
        reel_linear_new(8, 12, o),
        reel_batch_norm1d_new(12, (reel_batch_norm_options){.cumulative = true}), reel_silu_new(),
        reel_layer_norm_new(reel_shape(12), (reel_layer_norm_options){0}),
        reel_linear_new(12, 12, o), reel_group_norm_new(3, 12, (reel_layer_norm_options){0}),
        reel_mish_new(), last);
}

typedef struct {
    const char *name;
    reel_module *(*make)(reel_generator *g);
    reel_shape x;
    bool text;
} kind;

static const kind kinds[] = {
    {"cnn", cnn, {.ndim = 4, .dim = {BATCH, 1, 8, 8}}, false},
    {"recurrent", recurrent, {.ndim = 2, .dim = {BATCH, LENGTH}}, true},
    {"attention", attention, {.ndim = 2, .dim = {BATCH, LENGTH}}, true},
    {"norms", norms, {.ndim = 2, .dim = {BATCH, 8}}, false},
};
enum { MODELS = sizeof kinds / sizeof *kinds };

/* ---- schedules ---- */

static double wave(int64_t step, void *user) {
    (void)user;
    return 1 + 0.5 * (double)(step % 3);
}

enum { SCHEDULES = 14 };

static reel_schedule *schedule_new(reel_optim *o, int which) {
    static const int64_t milestones[] = {2, 5};
    switch (which % SCHEDULES) {
    case 0:
        return reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 9, .floor = 1e-4});
    case 1:
        return reel_cosine_restarts_schedule_new(
            o, (reel_cosine_restarts_options){.steps = 3, .multiply = 2});
    case 2:
        return reel_step_schedule_new(o, (reel_step_options){.every = 2});
    case 3:
        return reel_multi_step_schedule_new(
            o, (reel_multi_step_options){.milestones = milestones, .count = 2});
    case 4:
        return reel_exponential_schedule_new(o, (reel_exponential_options){.gamma = 0.9});
    case 5:
        return reel_constant_schedule_new(o, (reel_constant_options){.steps = 4});
    case 6:
        return reel_linear_schedule_new(o, (reel_linear_schedule_options){.steps = 6});
    case 7:
        return reel_polynomial_schedule_new(o, (reel_polynomial_options){.steps = 8, .power = 2});
    case 8:
        return reel_lambda_schedule_new(o, (reel_lambda_options){.factor = wave});
    case 9:
        return reel_one_cycle_schedule_new(o,
                                           (reel_one_cycle_options){.steps = 12, .max_lr = 0.02});
    case 10:
        return reel_warmup_schedule_new(
            o, (reel_warmup_options){.steps = 3, .after = schedule_new(o, 0)});
    case 11: {
        reel_schedule *const parts[] = {schedule_new(o, 5), schedule_new(o, 4), schedule_new(o, 0)};
        return reel_sequential_schedule_new(
            o, (reel_sequential_options){.parts = parts, .milestones = milestones, .count = 3});
    }
    case 12:
        return reel_chained_schedule(o, schedule_new(o, 4), schedule_new(o, 2));
    default:
        return NULL;
    }
}

/* ---- training ---- */

typedef struct {
    const kind *kind;
    const zoo_model *zoo; /* NULL: of `kinds` */
    int number;
    reel_module *model;
    reel_state *params;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_ema *ema;
    reel_generator *data;
    reel_meter loss;
    reel_tensor *last;
} trainer;

static reel_tensor *loss_of(trainer *t) {
    reel_tensor *x, *target;
    if (t->zoo) {
        zoo_draw(t->zoo, 2, REEL_F32, t->data, &x, &target);
        return zoo_loss(t->zoo, reel_forward(t->model, x), target);
    }
    const reel_shape s = t->kind->x;
    x = t->kind->text ? reel_randint(0, CLASSES, s, REEL_I64, t->data)
                      : reel_randn(s, REEL_F32, t->data);
    target =
        reel_randint(0, CLASSES, t->kind->text ? reel_shape(BATCH * LENGTH) : reel_shape(BATCH),
                     REEL_I64, t->data);
    reel_tensor *y = reel_forward(t->model, x);
    return reel_cross_entropy_loss(reel_reshape(y, reel_shape(-1, CLASSES)), target);
}

static bool step(void *user) {
    trainer *t = user;
    reel_tensor *loss = loss_of(t);
    reel_backward(loss);
    if (t->number % 5 == 3) reel_backward(reel_scale(loss_of(t), 0.5));
    if (t->number % 3 == 1) reel_clip_grad_norm(t->optim, 0.5);
    if (t->number % 3 == 2) reel_clip_grad_value(t->optim, 0.01);
    reel_optim_step(t->optim);
    if (t->schedule) reel_schedule_step(t->schedule);
    if (t->ema) reel_ema_update(t->ema);
    reel_meter_add_weighted(&t->loss, loss, 3);
    REEL_NO_GRAD;
    reel_copy_(t->last, loss);
    return true;
}

static bool is_in_head(const char *name, reel_tensor *t, void *user) {
    (void)t;
    return (strstr(name, "bias") != NULL) == (user != NULL);
}

/* All parameters, or weights and biases apart. */
static reel_optim *optim_new(const reel_state *params, int number) {
    static int yes;
    const int row = number % ROWS;
    if (number % 2 == 0) return rows[row].f->make(params, &rows[row].c);
    reel_state *rest = reel_state_filter(params, is_in_head, NULL),
               *head = reel_state_filter(params, is_in_head, &yes);
    reel_optim *o = rows[row].f->make(rest, &rows[row].c);
    reel_optim_add_group(o, head, (reel_group_options){.lr = 3e-3, .weight_decay = 0.1});
    reel_state_free(rest);
    reel_state_free(head);
    return o;
}

static trainer trainer_new(const kind *k, const zoo_model *zoo, int number) {
    trainer t = {.kind = k, .zoo = zoo, .number = number};
    REEL_SCOPE;
    t.data = reel_generator_new(11, test_device());
    reel_generator *g = reel_generator_new(3, test_device());
    reel_manual_seed(9); /* of modules that ask for one */
    t.model =
        zoo ? zoo->make((model_options){.dropout = zoo->dropout, .generator = g}) : k->make(g);
    reel_generator_free(g);
    ck_assert_msg(t.model != NULL, "%s", reel_error());
    reel_module_to(t.model, test_device());
    t.params = reel_module_params(t.model);
    t.optim = optim_new(t.params, number);
    t.schedule = schedule_new(t.optim, number);
    if (number % 3)
        t.ema = reel_ema_new(t.params, (reel_ema_options){.decay = 0.9, .equal = number % 3 == 2});
    t.last = reel_retain(reel_zeros(REEL_SCALAR, REEL_F32, test_device()));
    expect_fine();
    return t;
}

static void trainer_free(trainer *t) {
    reel_meter_reset(&t->loss);
    reel_release(t->last);
    reel_ema_free(t->ema);
    reel_schedule_free(t->schedule);
    reel_optim_free(t->optim);
    reel_state_free(t->params);
    reel_module_free(t->model);
    reel_generator_free(t->data);
}

/* All that a checkpoint has. */
static reel_state *saved(trainer *t) {
    reel_state *s = reel_state_new();
    reel_module_save(t->model, s, "model");
    reel_optim_save(t->optim, s, "optim");
    if (t->schedule) reel_schedule_save(t->schedule, s, "schedule");
    if (t->ema) reel_ema_save(t->ema, s, "ema");
    expect_fine();
    return s;
}

static void expect_same_trainers(trainer *a, trainer *b, const char *what) {
    reel_state *x = saved(a), *y = saved(b);
    expect_same_states(x, y, what);
    expect_same_bits(a->last, b->last, "%s: loss", what);
    expect_same_bits(a->loss.sum, b->loss.sum, "%s: meter", what);
    ck_assert(a->loss.weight == b->loss.weight);
    ck_assert_msg(reel_optim_lr(a->optim) == reel_optim_lr(b->optim), "%s: rates", what);
    reel_state_free(x);
    reel_state_free(y);
}

static void compare(const kind *k, const zoo_model *zoo, int number, int replays,
                    unsigned without) {
    trainer a = trainer_new(k, zoo, number), b = trainer_new(k, zoo, number);
    char what[100];
    reel_plan *eager = eager_plan(step, &a), *plan = plan_with_bits(step, &b, without);
    for (int i = 0; i < replays; i++) {
        snprintf(what, sizeof what, "%s, number %d, replay %d", k ? k->name : zoo->name, number, i);
        const int64_t n = reel_replay(eager, 2), m = reel_replay(plan, 2);
        ck_assert_msg(n == 2 && m == 2, "%s: %s", what, reel_error());
        expect_same_trainers(&a, &b, what);
        ck_assert(reel_meter_mean(&a.loss) == reel_meter_mean(&b.loss));
    }
    ck_assert_int_eq(reel_plan_programs(plan), b.ema ? 2 : 1); /* its first update copies */
    reel_plan_free(eager);
    reel_plan_free(plan);
    trainer_free(&a);
    trainer_free(&b);
}

static const unsigned passes[] = {0,
                                  REEL_PASS_DEAD,
                                  REEL_PASS_COMMON,
                                  REEL_PASS_FUSE,
                                  REEL_PASS_MEMORY,
                                  15,
                                  0,
                                  REEL_PASS_DEAD | REEL_PASS_COMMON};

START_TEST(small_models) {
    for (int i = _i; i < COMBINATIONS; i += 4)
        compare(&kinds[i % MODELS], NULL, i, REPLAYS, passes[i / 3 % 8]);
}
END_TEST

START_TEST(models_of_the_zoo) {
    compare(NULL, zoo_at(_i), _i + 30, 5, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_models");
    TCase *c = add_case(s, "models");
    tcase_add_loop_test(c, small_models, 0, 4);
    c = add_case(s, "zoo");
    tcase_set_tags(c, "slow");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, models_of_the_zoo, 0, 6);
    return run_suite(s);
}
