/* Gradients of random graphs (graph_gen.h) against central differences, and the ways to ask for
 * them against each other.
 *
 * Of each graph the tape's gradients are taken all at once, output after output, and once more on
 * the same tape; of every second they are differentiated again. A failure names its graph, which
 * REEL_GRAPH=NUMBER build/tests/test_graphs checks alone, and describes. */
#include "tests/expect.h"
#include "tests/graph_gen.h"

#include <stdarg.h>
#include <stdlib.h>

enum { FAST = 200, SLOW = 10000, CHUNKS = 20 };

/* A tracked leaf: which value it is, its numbers, and what the tape says of them. */
typedef struct {
    int leaf;
    int64_t n;
    double first[GRAPH_MOST], gradient[GRAPH_MOST];
} numbers;

typedef struct {
    graph g;
    int count, leaf[GRAPH_VALUES];
    numbers of[GRAPH_VALUES];
    double (*function)(const graph *g, reel_tensor **t); /* of the leaves in t */
} checked;

#define FAIL_IN(g, ...) fail_in(g, __LINE__, __VA_ARGS__)
static void fail_in(const graph *g, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fail_in(const graph *g, int line, const char *format, ...) {
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ck_abort_msg("line %d: %s; alone: REEL_GRAPH=%llu build/tests/test_graphs", line, text,
                 (unsigned long long)g->seed);
}

static void expect_whole(const graph *g) {
    if (reel_failed()) FAIL_IN(g, "%s", reel_error());
}

/* ---- differences ----------------------------------------------------------------------------- */

/* The function with element i of a leaf changed. */
static double at(const checked *c, const numbers *of, int64_t i, double value) {
    double result = NAN, v[GRAPH_MOST];
    memcpy(v, of->first, sizeof v);
    v[i] = value;
    REEL_SCOPE;
    reel_tensor *t[GRAPH_VALUES] = {NULL};
    const reel_shape shape = graph_shape(&c->g, of->leaf);
    t[of->leaf] = reel_track(to_device(reel_from(v, shape, REEL_F64)));
    result = c->function(&c->g, t);
    return result;
}

static double central(const checked *c, const numbers *of, int64_t i, double h) {
    const double x = of->first[i];
    return (at(c, of, i, x + h) - at(c, of, i, x - h)) / (2 * h);
}

/* By two steps, so that the error is of the fourth order (Richardson). */
static double slope(const checked *c, const numbers *of, int64_t i, double h) {
    return (4 * central(c, of, i, h / 2) - central(c, of, i, h)) / 3;
}

#define RELATIVE 1e-6
#define ABSOLUTE 1e-8 /* of the function's value, at least 1 */

/* Close at one of three steps: long ones suffer from what is curved, short ones from rounding. A
 * wrong gradient is close at none. */
static void check_element(const checked *c, const numbers *of, int64_t i, double value) {
    const double g = of->gradient[i];
    double h = 0x1p-9, d = NAN;
    for (int tries = 0; tries < 3; tries++, h /= 16) {
        d = slope(c, of, i, h);
        if (fabs(g - d) <= RELATIVE * fabs(d) + ABSOLUTE * fmax(1, fabs(value))) return;
    }
    FAIL_IN(&c->g, "leaf %d, element %lld: tape %.12g, differences %.12g", of->leaf, (long long)i,
            g, d);
}

static void check_all(const checked *c) {
    const double value = at(c, &c->of[0], 0, c->of[0].first[0]);
    for (int k = 0; k < c->count; k++)
        for (int64_t i = 0; i < c->of[k].n; i++) check_element(c, &c->of[k], i, value);
    expect_whole(&c->g);
}

/* ---- gradients by the tape ------------------------------------------------------------------- */

static void begin(checked *c, uint64_t seed, double (*function)(const graph *, reel_tensor **)) {
    graph_grow(&c->g, seed);
    expect_whole(&c->g);
    c->function = function;
    c->count = graph_tracked_leaves(&c->g, c->leaf);
    for (int k = 0; k < c->count; k++) {
        numbers *of = &c->of[k];
        reel_tensor *t = c->g.value[c->leaf[k]].made;
        of->leaf = c->leaf[k];
        of->n = reel_numel(t);
        reel_read(t, of->first, (size_t)of->n * sizeof(double));
    }
}

/* NULL: zeros */
static void read_gradient(reel_tensor *gradient, const numbers *of, double v[GRAPH_MOST]) {
    memset(v, 0, GRAPH_MOST * sizeof *v);
    if (gradient) reel_read(gradient, v, (size_t)of->n * sizeof *v);
}

static void expect_gradients(const checked *c, double times, const char *way) {
    expect_whole(&c->g);
    for (int k = 0; k < c->count; k++) {
        const numbers *of = &c->of[k];
        double v[GRAPH_MOST];
        read_gradient(reel_grad(c->g.value[of->leaf].made), of, v);
        for (int64_t i = 0; i < of->n; i++)
            if (fabs(v[i] - times * of->gradient[i]) > 1e-11 * (1 + fabs(v[i])))
                FAIL_IN(&c->g, "leaf %d, element %lld: %s: %.17g, not %g times %.17g", of->leaf,
                        (long long)i, way, v[i], times, of->gradient[i]);
        reel_zero_grad(c->g.value[of->leaf].made);
    }
}

/* On the leaves, with a pass for each output, and twice in one pass; then the tape is gone. */
static void compare_ways(const checked *c, reel_tensor *const *t) {
    const graph *g = &c->g;
    for (int i = 0; i < g->outputs; i++)
        reel_backward_with(t[g->output[i]], .gradient = t[g->weight[i]], .retain_graph = true);
    expect_gradients(c, 1, "output after output");
    reel_tensor *sum = graph_objective(g, t);
    reel_backward_with(sum, .retain_graph = true);
    reel_backward(sum);
    expect_gradients(c, 2, "twice on one tape");
}

static double objective(const graph *g, reel_tensor **t) {
    REEL_NO_GRAD;
    graph_run(g, t);
    return reel_item(graph_objective(g, t));
}

static void check_first(uint64_t seed) {
    static checked c;
    REEL_SCOPE;
    reel_tensor *t[GRAPH_VALUES] = {NULL}, *gradient[GRAPH_VALUES];
    begin(&c, seed, objective);
    graph_run(&c.g, t);
    graph_gradients(&c.g, t, c.leaf, c.count, gradient,
                    (reel_grad_of_options){.retain_graph = true});
    expect_whole(&c.g);
    for (int k = 0; k < c.count; k++) read_gradient(gradient[k], &c.of[k], c.of[k].gradient);
    compare_ways(&c, t);
    check_all(&c);
}

/* ---- second derivatives ---------------------------------------------------------------------- */

static double gradient_sum(const graph *g, reel_tensor **t) {
    int leaf[GRAPH_VALUES];
    const int n = graph_tracked_leaves(g, leaf);
    graph_run(g, t);
    reel_tensor *sum = graph_gradient_sum(g, t, leaf, n, (reel_grad_of_options){0});
    return sum ? reel_item(sum) : 0;
}

static void check_second(uint64_t seed) {
    static checked c;
    REEL_SCOPE;
    reel_tensor *t[GRAPH_VALUES] = {NULL};
    begin(&c, seed, gradient_sum);
    graph_run(&c.g, t);
    reel_tensor *sum =
        graph_gradient_sum(&c.g, t, c.leaf, c.count, (reel_grad_of_options){.create_graph = true});
    if (sum && reel_is_tracked(sum)) reel_backward(sum); /* else it is constant */
    expect_whole(&c.g);
    for (int k = 0; k < c.count; k++) {
        reel_tensor *leaf = c.g.value[c.leaf[k]].made;
        read_gradient(reel_grad(leaf), &c.of[k], c.of[k].gradient);
        reel_zero_grad(leaf);
    }
    check_all(&c);
}

/* ---- all graphs ------------------------------------------------------------------------------ */

static void check_graph(uint64_t seed) {
    check_first(seed);
    if (seed % 2 == 0) check_second(seed);
}

/* The one graph that is asked for. */
static bool only_one(uint64_t *seed) {
    const char *name = getenv("REEL_GRAPH");
    if (name && *name) *seed = strtoull(name, NULL, 10);
    return name && *name;
}

static void check_chunk(uint64_t first, uint64_t count, int chunk) {
    uint64_t seed;
    if (!only_one(&seed)) {
        for (seed = first; seed < first + count; seed++) {
            check_graph(seed);
            ck_assert_uint_eq(reel_tensors_alive(), 0);
        }
    } else if (chunk == 0) {
        {
            REEL_SCOPE;
            graph g;
            graph_grow(&g, seed);
            graph_describe(stderr, &g);
        }
        check_first(seed);
        check_second(seed);
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

/* Those of the fast tier have seen all that graphs are made of. */
START_TEST(every_row_is_grown) {
    int seen[500] = {0}, rows = 0;
    for (uint64_t seed = 0; seed < FAST; seed++) {
        REEL_SCOPE;
        static graph g;
        graph_grow(&g, seed);
        for (int k = 0; graph_op_at(k); k++)
            for (int i = 0; i < g.count; i++) seen[k] += g.value[i].op == graph_op_at(k);
    }
    for (; graph_op_at(rows); rows++)
        ck_assert_msg(seen[rows] > 0, "%s is in no graph", graph_op_at(rows)->name);
    ck_assert(rows > 30 && rows < 500);
}
END_TEST

int main(void) {
    Suite *s = suite_create("graphs");
    TCase *c = add_case(s, "graphs");
    tcase_set_tags(c, "gradients");
    tcase_add_loop_test(c, some_graphs, 0, 4);
    c = add_case(s, "rows");
    tcase_add_test(c, every_row_is_grown);
    c = add_case(s, "many graphs");
    tcase_set_tags(c, "slow gradients");
    tcase_set_timeout(c, 600);
    tcase_add_loop_test(c, many_graphs, 0, CHUNKS);
    return run_suite(s);
}
