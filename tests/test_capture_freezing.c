/* Steps that freeze leaves and track them again, as where two models train against each other, and
 * hosts that do so between replays: as if each step had been run as it is, bit for bit.
 *
 * What a step does, what happens between replays, and how often it is replayed, comes of a seed. A
 * failure names it, and REEL_SEED=NUMBER build/tests/test_capture_freezing runs it alone. */
#include "tests/capture_rig.h"

#include <stdlib.h>

enum { ITEMS = 11, BATCH = 4, WIDTH = 3, PLANS = 2, MOST_DEEDS = 14, ROUNDS = 14 };
enum { FAST = 400, SLOW = 8000, CHUNKS = 20 };

typedef struct world world;

typedef struct {
    const char *name;
    void (*act)(world *w, unsigned choice);
} deed;

typedef struct {
    deed deed;
    unsigned choice;
} turn;

/* What a plan's step does. */
typedef struct {
    world *of;
    turn turn[MOST_DEEDS];
    int turns;
    reel_plan *plan;
} script;

/* Two models: the first makes, the second judges. */
struct world {
    reel_module *model[2];
    reel_state *params[2];
    reel_optim *optim[2];
    reel_schedule *schedule;
    reel_tensor *rows, *index; /* owned */
    reel_tensor *last;         /* owned: the loss of the last step */
    reel_tensor *x;            /* the batch at hand */
    reel_dataset *set;
    reel_loader *loader;
    script script[PLANS];
    int calls; /* of steps' functions */
};

/* ---- numbers of a seed ---- */

static uint64_t state;
static bool described; /* as it goes */

static unsigned below(unsigned n) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

/* ---- worlds ---- */

static void open_models(world *w, reel_generator *g) {
    const reel_linear_options o = {.generator = g};
    w->model[0] = reel_sequential(reel_linear_new(WIDTH, 5, o), reel_tanh_new(),
                                  reel_dropout_new(0.3, 5), reel_linear_new(5, WIDTH, o));
    w->model[1] =
        reel_sequential(reel_linear_new(WIDTH, 4, o), reel_tanh_new(), reel_linear_new(4, 1, o));
    for (int i = 0; i < 2; i++) {
        reel_module_to(w->model[i], test_device());
        w->params[i] = reel_module_params(w->model[i]);
        w->optim[i] = reel_adam_new(w->params[i], (reel_adam_options){.lr = 0.05});
    }
    w->schedule =
        reel_exponential_schedule_new(w->optim[0], (reel_exponential_options){.gamma = 0.9});
}

static void open_world(world *w) {
    *w = (world){0};
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(3, test_device());
    open_models(w, g);
    w->rows = reel_retain(reel_randn(reel_shape(ITEMS, WIDTH), REEL_F32, g));
    w->index = reel_retain(reel_randint(0, ITEMS, reel_shape(5), REEL_I64, g));
    w->set = reel_tensor_dataset_new(w->rows, NULL);
    w->loader = reel_loader_new(
        w->set, (reel_loader_options){.batch_size = BATCH, .device = test_device()});
    reel_generator_free(g);
    expect_fine();
}

static void close_world(world *w) {
    for (int i = 0; i < PLANS; i++) reel_plan_free(w->script[i].plan);
    reel_loader_free(w->loader);
    reel_dataset_free(w->set);
    reel_schedule_free(w->schedule);
    for (int i = 0; i < 2; i++) {
        reel_optim_free(w->optim[i]);
        reel_state_free(w->params[i]);
        reel_module_free(w->model[i]);
    }
    reel_release(w->rows);
    reel_release(w->index);
    reel_release(w->last);
}

static reel_tensor *leaf_of(const world *w, unsigned choice) {
    const reel_state *s = w->params[choice & 1];
    return reel_state_at(s, (int)(choice >> 1) % reel_state_count(s));
}

/* Weights, generators, moments and rates, and where schedule and loader are. */
static reel_state *saved(world *w) {
    reel_state *s = reel_state_new();
    for (int m = 0; m < 2; m++) {
        reel_module_save(w->model[m], s, m ? "judge" : "maker");
        reel_optim_save(w->optim[m], s, m ? "judge optim" : "maker optim");
    }
    reel_schedule_save(w->schedule, s, "schedule");
    reel_loader_save(w->loader, s, "loader");
    return s;
}

static void expect_same_leaves(const world *a, const world *b, int m, const char *what) {
    for (int i = 0; i < reel_state_count(a->params[m]); i++) {
        reel_tensor *x = reel_state_at(a->params[m], i), *y = reel_state_at(b->params[m], i);
        const char *name = reel_state_name(a->params[m], i);
        ck_assert_msg(reel_is_tracked(x) == reel_is_tracked(y), "%s: model %d, %s: eager %s", what,
                      m, name, reel_is_tracked(x) ? "tracked" : "frozen");
        expect_same_bits(reel_grad(x), reel_grad(y), "%s: model %d, gradient of %s", what, m, name);
    }
}

static void expect_same_worlds(world *a, world *b, const char *what) {
    reel_state *x = saved(a), *y = saved(b);
    expect_same_states(x, y, what);
    reel_state_free(x);
    reel_state_free(y);
    for (int m = 0; m < 2; m++) {
        expect_same_leaves(a, b, m, what);
        ck_assert_msg(a->model[m]->training == b->model[m]->training, "%s: mode %d", what, m);
    }
    expect_same_bits(a->last, b->last, "%s: last", what);
}

/* ---- what steps do, and hosts between them ---- */

static void freeze(world *w, unsigned choice) {
    reel_module_freeze(w->model[choice & 1]);
}

static void thaw(world *w, unsigned choice) {
    reel_module_unfreeze(w->model[choice & 1]);
}

static void freeze_one(world *w, unsigned choice) {
    reel_untrack(leaf_of(w, choice));
}

static void track_one(world *w, unsigned choice) {
    reel_track(leaf_of(w, choice));
}

static void keep(world *w, reel_tensor *loss) {
    reel_release(w->last);
    w->last = reel_retain(reel_detach(loss));
    if (loss && reel_is_tracked(loss)) reel_backward(loss);
}

static void train(world *w, unsigned choice) {
    reel_tensor *made = reel_forward(w->model[0], w->x);
    if (choice & 1) made = reel_detach(made);
    keep(w,
         reel_mean(reel_square(reel_shift(reel_forward(w->model[1], made), choice & 2 ? 1 : -1))));
}

static void copy(world *w, unsigned choice) {
    keep(w, reel_mse_loss(reel_forward(w->model[0], w->x), choice & 1 ? w->x : reel_neg(w->x)));
}

/* By a leaf of the step's own, which is a view of what was there before it, or new. */
static void penalize(world *w, unsigned choice) {
    reel_tensor *x = reel_track(choice & 1 ? reel_scale(w->rows, 0.5) : reel_detach(w->rows)), *g;
    reel_tensor *y = reel_sum(reel_forward(w->model[1], x));
    if (choice & 2) {
        keep(w, y);
        return;
    }
    reel_grad_of(&y, 1, &x, 1, &g, (reel_grad_of_options){.create_graph = true});
    keep(w, reel_mean(reel_square(g)));
}

/* Fails where an index is out of range. */
static void pick(world *w, unsigned choice) {
    reel_tensor *some = reel_index_select(w->rows, 0, w->index);
    keep(w, reel_mean(reel_square(reel_forward(w->model[choice & 1], some))));
}

static void update(world *w, unsigned choice) {
    reel_optim_step(w->optim[choice & 1]);
}

static void forget(world *w, unsigned choice) {
    reel_optim_zero_grad(w->optim[choice & 1]);
}

static void forget_one(world *w, unsigned choice) {
    reel_zero_grad(leaf_of(w, choice));
}

static void cool(world *w, unsigned choice) {
    (void)choice;
    reel_schedule_step(w->schedule);
}

static void switch_mode(world *w, unsigned choice) {
    if (choice & 1)
        reel_eval(w->model[0]);
    else
        reel_train(w->model[0]);
}

#define DEED(name)                                                                                 \
    { #name, name }
static const deed in_a_step[] = {
    DEED(freeze),     DEED(freeze), DEED(thaw),       DEED(thaw),   DEED(freeze_one),
    DEED(track_one),  DEED(train),  DEED(train),      DEED(train),  DEED(copy),
    DEED(penalize),   DEED(pick),   DEED(update),     DEED(update), DEED(forget),
    DEED(forget_one), DEED(cool),   DEED(switch_mode)};

static bool step(void *user) {
    const script *s = user;
    world *w = s->of;
    reel_batch b;
    w->calls++;
    if (!reel_loader_next(w->loader, &b)) return false;
    w->x = b.x;
    for (int i = 0; i < s->turns && !reel_failed(); i++) s->turn[i].deed.act(w, s->turn[i].choice);
    return true;
}

/* ---- what happens between replays ---- */

static void let_last_go(world *w, unsigned choice) {
    (void)choice;
    reel_release(w->last);
    w->last = NULL;
}

static void step_eagerly(world *w, unsigned choice) {
    REEL_SCOPE;
    step(&w->script[choice % PLANS]);
}

static void set_rate(world *w, unsigned choice) {
    reel_optim_set_lr(w->optim[choice & 1], 0.01 * (1 + choice % 5));
}

/* Gradients that are there when the step comes to freeze. */
static void gather(world *w, unsigned choice) {
    REEL_SCOPE;
    w->x = reel_affine(w->rows, 0.5, 0.25);
    train(w, choice);
}

static const deed between[] = {DEED(freeze),    DEED(thaw),         DEED(freeze_one),
                               DEED(track_one), DEED(step_eagerly), DEED(let_last_go),
                               DEED(set_rate),  DEED(gather),       DEED(gather),
                               DEED(forget),    DEED(forget_one),   DEED(switch_mode)};

static void put_index(world *w, double value) {
    REEL_SCOPE;
    reel_fill_(reel_select(w->index, 0, 2), value);
}

static void forget_all(world *w, bool gradients) {
    let_last_go(w, 0);
    for (int i = 0; gradients && i < 2; i++) reel_optim_zero_grad(w->optim[i]);
}

/* A step that fails while it is rehearsed is undone, but for what it keeps of itself. In a replay
 * what came before the failure is done, but for gradients of leaves. */
static void fail_once(world *a, world *b, int plan, const char *what) {
    const int calls = b->calls;
    put_index(a, ITEMS);
    put_index(b, ITEMS);
    reel_replay(b->script[plan].plan, 1);
    const bool failed = reel_failed(), undone = failed && b->calls > calls;
    reel_clear_error();
    if (described)
        fprintf(stderr, "  an index: %s\n", undone ? "undone" : failed ? "fails" : "none");
    if (!undone) {
        reel_replay(a->script[plan].plan, 1);
        ck_assert_msg(reel_failed() == failed, "%s: eager: %s", what, reel_error());
        reel_clear_error();
    }
    if (failed) {
        forget_all(a, !undone);
        forget_all(b, !undone);
    }
    expect_same_worlds(a, b, what);
    put_index(a, 0);
    put_index(b, 0);
}

/* ---- a seed ---- */

static void write_script(script *s, world *w) {
    *s = (script){.of = w, .turns = 2 + (int)below(MOST_DEEDS - 1)};
    for (int i = 0; i < s->turns; i++)
        s->turn[i] = (turn){in_a_step[below(sizeof in_a_step / sizeof *in_a_step)], below(64)};
}

static void describe(const script *s, int plan) {
    fprintf(stderr, "plan %d:", plan);
    for (int i = 0; i < s->turns; i++)
        fprintf(stderr, " %s %u;", s->turn[i].deed.name, s->turn[i].choice);
    fputc('\n', stderr);
}

static void write_scripts(world *a, world *b) {
    for (int i = 0; i < PLANS; i++) {
        write_script(&a->script[i], a);
        b->script[i] = a->script[i];
        if (described) describe(&a->script[i], i);
        b->script[i].of = b;
        a->script[i].plan = eager_plan(step, &a->script[i]);
        b->script[i].plan = plan_with_bits(step, &b->script[i], below(4) ? 0 : below(16));
    }
}

static void go_on(world *a, world *b, int round, uint64_t seed) {
    char what[80];
    snprintf(what, sizeof what, "REEL_SEED=%" PRIu64 ", round %d", seed, round);
    const int plan = (int)below(PLANS);
    if (below(8) == 0 && test_device().type == REEL_CPU) fail_once(a, b, plan, what);
    const int64_t steps = 1 + below(3);
    if (described) fprintf(stderr, "round %d: plan %d, %d steps\n", round, plan, (int)steps);
    const int64_t n = reel_replay(a->script[plan].plan, steps);
    ck_assert_msg(!reel_failed(), "%s: eager: %s", what, reel_error());
    const int64_t m = reel_replay(b->script[plan].plan, steps);
    ck_assert_msg(!reel_failed() && n == m, "%s: %d steps, captured %d: %s", what, (int)n, (int)m,
                  reel_error());
    expect_same_worlds(a, b, what);
    for (unsigned i = below(4); i-- > 0;) {
        const turn t = {between[below(sizeof between / sizeof *between)], below(64)};
        if (described) fprintf(stderr, "  %s %u\n", t.deed.name, t.choice);
        t.deed.act(a, t.choice);
        t.deed.act(b, t.choice);
    }
    ck_assert_msg(!reel_failed(), "%s: between: %s", what, reel_error());
}

static void run_seed(uint64_t seed) {
    static world a, b;
    state = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
    open_world(&a);
    open_world(&b);
    write_scripts(&a, &b);
    for (int round = 0; round < ROUNDS; round++) go_on(&a, &b, round, seed);
    close_world(&a);
    close_world(&b);
}

static void run_chunk(int chunk, uint64_t first, uint64_t count) {
    const char *alone = getenv("REEL_SEED");
    described = alone != NULL;
    if (alone && chunk == 0) run_seed(strtoull(alone, NULL, 10));
    for (uint64_t seed = first; !alone && seed < first + count; seed++) run_seed(seed);
}

START_TEST(some_seeds) {
    run_chunk(_i, (uint64_t)_i * (FAST / 4), FAST / 4);
}
END_TEST

START_TEST(many_seeds) {
    run_chunk(_i, FAST + (uint64_t)_i * (SLOW / CHUNKS), SLOW / CHUNKS);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_freezing");
    TCase *c = add_case(s, "seeds");
    tcase_add_loop_test(c, some_seeds, 0, 4);
    c = add_case(s, "many seeds");
    tcase_set_tags(c, "slow");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, many_seeds, 0, CHUNKS);
    return run_suite(s);
}
