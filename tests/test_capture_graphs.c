/* Random graphs (graph_gen.h) as training steps: captured, they give the bits that they give when
 * they run as they are, whatever changes between replays.
 *
 * A step runs a graph on its leaves, of which the tracked ones are parameters, makes a loss of its
 * outputs, differentiates, and does something with the gradients: what, and with which passes the
 * plan is made, comes of the graph's number. A failure names it, and REEL_GRAPH=NUMBER
 * build/tests/test_capture_graphs checks that one alone, and describes it. */
#include "tests/capture_rig.h"
#include "tests/graph_gen.h"
#include "tests/optimizer_table.h"

enum { FAST = 240, SLOW = 10000, CHUNKS = 20, MOST_REPLAYS = 6 };

/* What a step does with gradients: */
typedef enum {
    UPDATES, /* an optimizer's step */
    CLIPS,   /* their norm is bounded, and then an optimizer's step */
    SUMS,    /* they are added up, and let go */
    LEAVES,  /* they are let go when the next step begins */
    GATHERS, /* they are not let go: what the program does now and then */
    WAYS
} way;

typedef struct {
    const graph *g;
    way way;
    bool noisy, twice; /* a random factor; the graph runs on its first result's numbers too */
    reel_tensor *leaf[GRAPH_VALUES], *sum[GRAPH_VALUES]; /* owned */
    int tracked[GRAPH_VALUES], count;
    reel_state *params;
    reel_optim *optim;
    reel_generator *noise;
    reel_meter loss;
    reel_tensor *last; /* the loss's value, where the step copies it to */
} side;

/* ---- a step ---- */

static void use_gradients(side *s) {
    if (s->way == CLIPS) reel_clip_grad_norm(s->optim, 0.7);
    if (s->way == CLIPS || s->way == UPDATES) reel_optim_step(s->optim);
    if (s->way != SUMS) return;
    REEL_NO_GRAD;
    for (int i = 0; i < s->count; i++) {
        reel_tensor *p = s->leaf[s->tracked[i]], *g = reel_grad(p);
        if (g) reel_in_place(add, s->sum[i], g);
        reel_zero_grad(p);
    }
}

static reel_tensor *loss_of(side *s) {
    reel_tensor *t[GRAPH_VALUES];
    memcpy(t, s->leaf, sizeof t);
    graph_run(s->g, t);
    reel_tensor *loss = graph_objective(s->g, t);
    if (s->twice) { /* the same calls again: common subexpressions */
        memcpy(t, s->leaf, sizeof t);
        graph_run(s->g, t);
        loss = reel_add(loss, reel_scale(graph_objective(s->g, t), 0.25));
    }
    if (s->noisy) loss = reel_mul(loss, reel_rand(REEL_SCALAR, REEL_F64, s->noise));
    return loss;
}

static bool step(void *user) {
    side *s = user;
    if (s->way == LEAVES)
        for (int i = 0; i < s->count; i++) reel_zero_grad(s->leaf[s->tracked[i]]);
    reel_tensor *loss = loss_of(s);
    reel_backward(loss);
    use_gradients(s);
    reel_meter_add(&s->loss, loss);
    REEL_NO_GRAD;
    reel_copy_(s->last, loss);
    return true;
}

/* ---- sides ---- */

static reel_tensor *copied(reel_tensor *t) {
    return reel_copy_(reel_empty_like(t), t);
}

static reel_optim *optimizer(const reel_state *params, uint64_t seed) {
    const int row = (int)(seed % ROWS);
    return rows[row].f->make(params, &rows[row].c);
}

static void open_side(side *s, const graph *g, uint64_t seed) {
    *s =
        (side){.g = g, .way = (way)(seed % WAYS), .noisy = seed / WAYS % 2, .twice = seed / 10 % 2};
    REEL_SCOPE;
    s->params = reel_state_new();
    s->noise = reel_generator_new(seed, test_device());
    s->last = reel_retain(reel_zeros(REEL_SCALAR, REEL_F64, test_device()));
    s->count = graph_tracked_leaves(g, s->tracked);
    for (int k = 0; k < g->count; k++)
        if (!g->value[k].op) s->leaf[k] = reel_retain(copied(reel_detach(g->value[k].made)));
    for (int i = 0; i < s->count; i++) {
        char name[20];
        snprintf(name, sizeof name, "p%d", i);
        reel_state_put(s->params, name, reel_track(s->leaf[s->tracked[i]]));
        s->sum[i] = reel_retain(reel_zeros_like(reel_detach(s->leaf[s->tracked[i]])));
    }
    s->optim = optimizer(s->params, seed);
    expect_fine();
}

static void close_side(side *s) {
    reel_meter_reset(&s->loss);
    reel_optim_free(s->optim);
    reel_state_free(s->params);
    reel_generator_free(s->noise);
    reel_release(s->last);
    for (int k = 0; k < GRAPH_VALUES; k++) reel_release(s->leaf[k]), reel_release(s->sum[k]);
}

static void expect_same_sides(const side *a, const side *b, int replay) {
    const unsigned long long n = a->g->seed;
    for (int i = 0; i < a->count; i++) {
        reel_tensor *p = a->leaf[a->tracked[i]], *q = b->leaf[b->tracked[i]];
        expect_same_bits(p, q, "graph %llu, replay %d: parameter %d", n, replay, i);
        expect_same_bits(reel_grad(p), reel_grad(q), "graph %llu, replay %d: gradient %d", n,
                         replay, i);
        expect_same_bits(a->sum[i], b->sum[i], "graph %llu, replay %d: sum %d", n, replay, i);
    }
    expect_same_bits(a->last, b->last, "graph %llu, replay %d: loss", n, replay);
    expect_same_bits(a->loss.sum, b->loss.sum, "graph %llu, replay %d: meter", n, replay);
    expect_same_bits(reel_generator_state(a->noise), reel_generator_state(b->noise),
                     "graph %llu, replay %d: generator", n, replay);
    ck_assert(a->loss.weight == b->loss.weight);
}

/* ---- what changes between replays ---- */

/* Other numbers, that are made of those there are: indices turn around, reals move. */
static void move_leaf(reel_tensor *t, int replay) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    reel_tensor *flat = reel_reshape(copied(t), reel_shape(-1));
    if (reel_dtype_of(t) == REEL_I64)
        flat = reel_flip(flat, 0);
    else
        flat = reel_affine(flat, 1 - 0.03125 * replay, 0.015625);
    reel_copy_(t, reel_reshape(flat, reel_shape_of(t)));
}

static void change(side *s, uint64_t seed, int replay) {
    const int what = (int)((seed / 3 + (uint64_t)replay) % 5);
    for (int k = 0; k < s->g->count; k++)
        if (s->leaf[k] && (what == 0 || (what == 1 && !s->g->value[k].tracked)))
            move_leaf(s->leaf[k], replay);
    if (what == 2) reel_optim_set_lr(s->optim, 0.01 * (replay + 1));
    if (what == 3) {
        REEL_SCOPE;
        reel_generator *other = reel_generator_new(seed + 100, test_device());
        reel_copy_(reel_generator_state(s->noise), reel_generator_state(other));
        reel_generator_free(other);
    }
    if (what == 4 && s->way == GATHERS) reel_optim_step(s->optim);
    if (what == 4 && s->way == LEAVES) reel_meter_reset(&s->loss);
    expect_fine();
}

/* ---- all graphs ---- */

static const unsigned passes[] = {0,
                                  REEL_PASS_DEAD,
                                  REEL_PASS_COMMON,
                                  REEL_PASS_FUSE,
                                  REEL_PASS_MEMORY,
                                  15,
                                  0,
                                  REEL_PASS_DEAD | REEL_PASS_COMMON};

/* By the graph's number, unless it is asked for: REEL_WITHOUT=31 leaves all out. */
static unsigned passes_left_out(uint64_t seed) {
    const char *asked = getenv("REEL_WITHOUT");
    return asked ? (unsigned)atoi(asked) : passes[seed / 7 % 8];
}

static void check_graph(uint64_t seed) {
    static graph g;
    static side a, b;
    REEL_SCOPE;
    graph_grow(&g, seed);
    ck_assert_msg(!reel_failed(), "%s", reel_error());
    open_side(&a, &g, seed);
    open_side(&b, &g, seed);
    reel_plan *eager = eager_plan(step, &a),
              *plan = plan_with_bits(step, &b, passes_left_out(seed));
    for (int replay = 0; replay < MOST_REPLAYS; replay++) {
        const int64_t steps = 1 + (int64_t)(seed + (uint64_t)replay) % 3;
        const int64_t n = reel_replay(eager, steps), m = reel_replay(plan, steps);
        ck_assert_msg(n == steps && m == steps, "graph %llu, replay %d: %s",
                      (unsigned long long)seed, replay, reel_error());
        expect_same_sides(&a, &b, replay);
        change(&a, seed, replay);
        change(&b, seed, replay);
    }
    reel_plan_free(eager);
    reel_plan_free(plan);
    close_side(&a);
    close_side(&b);
}

/* The one graph that is asked for. */
static bool only_one(uint64_t *seed) {
    const char *name = getenv("REEL_GRAPH");
    if (name && *name) *seed = strtoull(name, NULL, 10);
    return name && *name;
}

static void check_chunk(uint64_t first, uint64_t count, int chunk) {
    uint64_t seed;
    const size_t before = reel_tensors_alive();
    if (!only_one(&seed)) {
        for (seed = first; seed < first + count; seed++) {
            check_graph(seed);
            ck_assert_msg(reel_tensors_alive() == before, "graph %llu leaks",
                          (unsigned long long)seed);
        }
    } else if (chunk == 0) {
        {
            REEL_SCOPE;
            static graph g;
            graph_grow(&g, seed);
            graph_describe(stderr, &g);
        }
        check_graph(seed);
    }
}

START_TEST(some_graphs) {
    check_chunk((uint64_t)_i * (FAST / 4), FAST / 4, _i);
}
END_TEST

START_TEST(many_graphs) {
    check_chunk(FAST + (uint64_t)_i * (SLOW / CHUNKS), SLOW / CHUNKS, _i);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_graphs");
    TCase *c = add_case(s, "graphs");
    tcase_add_loop_test(c, some_graphs, 0, 4);
    c = add_case(s, "many graphs");
    tcase_set_tags(c, "slow");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, many_graphs, 0, CHUNKS);
    return run_suite(s);
}
