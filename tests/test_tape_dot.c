/* The tape as a graph: read back by a parser of this file's own. */
#include "tests/call_site.h"

#include "autograd/autograd.h"

#include <ctype.h>
#include <stdlib.h>

#define DEVICE test_device()

/* ---- the graph as read ----------------------------------------------------------------------- */

enum { MOST = 64 };

typedef struct {
    char id[32], label[512];
    bool is_box, is_dashed;
} dot_node;

typedef struct {
    int nodes, edges;
    dot_node node[MOST];
    int from[MOST], to[MOST];
} dot_graph;

typedef struct {
    const char *at;
    char text[512]; /* of the token that was read */
    bool quoted;
} reader;

/* The next token: a word, a quoted string without its quotes and escapes, "->", or a sign. */
static bool next(reader *r) {
    size_t n = 0;
    while (isspace((unsigned char)*r->at)) r->at++;
    r->quoted = *r->at == '"';
    if (!*r->at) return false;
    if (r->quoted) {
        for (r->at++; *r->at != '"'; r->at++) {
            ck_assert_msg(*r->at && (unsigned char)*r->at >= ' ', "a string that does not end");
            if (*r->at == '\\') {
                r->at++;
                ck_assert_msg(strchr("n\"\\", *r->at), "\\%c", *r->at);
                r->text[n++] = *r->at == 'n' ? '\n' : *r->at;
            } else {
                r->text[n++] = *r->at;
            }
        }
        r->at++;
    } else if (isalnum((unsigned char)*r->at)) {
        while (isalnum((unsigned char)*r->at)) r->text[n++] = *r->at++;
    } else if (strncmp(r->at, "->", 2) == 0) {
        r->text[n++] = *r->at++;
        r->text[n++] = *r->at++;
    } else {
        ck_assert_msg(strchr("{}[]=;,", *r->at), "'%c' at: %.40s", *r->at, r->at);
        r->text[n++] = *r->at++;
    }
    ck_assert(n < sizeof r->text);
    r->text[n] = '\0';
    return true;
}

static bool is(const reader *r, const char *text) {
    return !r->quoted && strcmp(r->text, text) == 0;
}

static void expect_token(reader *r, const char *text) {
    ck_assert_msg(next(r) && is(r, text), "\"%s\" instead of %s", r->text, text);
}

static int node_of(const dot_graph *g, const char *id) {
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i].id, id) == 0) return i;
    return -1;
}

/* "[key=value, key=value]", of which the bracket has been read. */
static void read_attributes(reader *r, dot_node *n) {
    do {
        char key[32];
        ck_assert(next(r));
        snprintf(key, sizeof key, "%.31s", r->text);
        expect_token(r, "=");
        ck_assert(next(r));
        if (strcmp(key, "label") == 0) snprintf(n->label, sizeof n->label, "%s", r->text);
        if (strcmp(key, "shape") == 0) n->is_box = is(r, "box");
        if (strcmp(key, "style") == 0) n->is_dashed = is(r, "dashed");
        ck_assert(next(r));
    } while (is(r, ","));
    ck_assert(is(r, "]"));
}

static void read_edge(reader *r, dot_graph *g, const char *from) {
    ck_assert(g->edges < MOST && next(r));
    g->from[g->edges] = node_of(g, from);
    g->to[g->edges] = node_of(g, r->text);
    ck_assert_msg(g->from[g->edges] >= 0 && g->to[g->edges] >= 0, "%s -> %s", from, r->text);
    g->edges++;
}

/* Nodes come before the edges that name them. */
static dot_graph read_graph(const char *text) {
    dot_graph g = {0};
    reader r = {.at = text};
    expect_token(&r, "digraph");
    expect_token(&r, "tape");
    expect_token(&r, "{");
    while (ck_assert(next(&r)), !is(&r, "}")) {
        char id[32];
        snprintf(id, sizeof id, "%.31s", r.text);
        ck_assert(next(&r));
        if (is(&r, "=")) {
            ck_assert(next(&r));
        } else if (is(&r, "->")) {
            read_edge(&r, &g, id);
        } else {
            dot_node n = {0};
            ck_assert(is(&r, "["));
            snprintf(n.id, sizeof n.id, "%s", id);
            read_attributes(&r, &n);
            ck_assert(g.nodes < MOST && node_of(&g, id) < 0);
            if (strcmp(id, "node") != 0) g.node[g.nodes++] = n;
        }
        expect_token(&r, ";");
    }
    ck_assert(!next(&r));
    return g;
}

/* The graph of t's tape. */
static dot_graph graph_of(reel_tensor *t) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert(f && reel_tape_dot(f, t) == REEL_OK);
    fclose(f);
    dot_graph g = read_graph(text);
    free(text);
    return g;
}

/* The node whose label begins with this line and this one, and has a third with the site. */
static int find(const dot_graph *g, const char *first, const char *second, int line) {
    char label[600];
    snprintf(label, sizeof label, "%s\n%s\n%s:%d", first, second, file_name(__FILE__), line);
    for (int i = 0; i < g->nodes; i++)
        if (strcmp(g->node[i].label, label) == 0) return i;
    ck_abort_msg("no node %s", label);
    return -1;
}

static int edges(const dot_graph *g, int from, int to) {
    int n = 0;
    for (int i = 0; i < g->edges; i++) n += g->from[i] == from && g->to[i] == to;
    return n;
}

/* ---- tests ----------------------------------------------------------------------------------- */

START_TEST(a_small_model) {
    REEL_SCOPE;
    const int line = __LINE__;
    reel_tensor *x = reel_ones(reel_shape(5, 3), REEL_F32, DEVICE);
    reel_tensor *W = reel_track(reel_ones(reel_shape(3, 2), REEL_F32, DEVICE));
    reel_tensor *b = reel_track(reel_ones(reel_shape(2), REEL_F32, DEVICE));
    reel_tensor *h = reel_add(reel_matmul(x, W), b);
    reel_tensor *y = reel_mul(h, h);
    reel_tensor *loss = reel_add(reel_mean(y), reel_mean(W));
    reel_set_name(W, "encoder.\"W\"\\");
    for (int i = 0; i < 2; i++) {
        dot_graph g = graph_of(loss);
        ck_assert_int_eq(g.nodes, 8);
        const int matmul = find(&g, "matmul", "[5, 2]", line + 4),
                  add = find(&g, "add", "[5, 2]", line + 4),
                  mul = find(&g, "mul", "[5, 2]", line + 5),
                  mean = find(&g, "mean", "[]", line + 6), sum = find(&g, "add", "[]", line + 6),
                  leaf_W = find(&g, "encoder.\"W\"\\", "[3, 2]", line + 2),
                  leaf_b = find(&g, "leaf", "[2]", line + 3);
        ck_assert_int_eq(g.edges, 9);
        ck_assert(edges(&g, leaf_W, matmul) == 1 && edges(&g, matmul, add) == 1);
        ck_assert(edges(&g, leaf_b, add) == 1 && edges(&g, add, mul) == 2);
        ck_assert(edges(&g, mul, mean) + edges(&g, leaf_W, mean) == 1);
        ck_assert(edges(&g, mean, sum) == 1);
        for (int k = 0; k < g.nodes; k++) {
            ck_assert(g.node[k].is_box == (k == leaf_W || k == leaf_b));
            ck_assert(g.node[k].is_dashed == (i == 1 && !g.node[k].is_box));
        }
        ck_assert_int_eq(reel_backward(loss), i ? REEL_ERR_STATE : REEL_OK);
    }
    reel_clear_error();
}
END_TEST

static reel_tensor *twice_forward(reel_context *c, reel_tensor *const *in) {
    (void)c;
    return reel_scale(in[0], 2);
}

static void twice_backward(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    (void)c;
    grads[0] = reel_scale(g, 2);
}

START_TEST(functions_and_leaves) {
    REEL_SCOPE;
    static const reel_function twice = {"twice", twice_forward, twice_backward, NULL, false};
    const int line = __LINE__;
    reel_tensor *x = reel_track(reel_ones(reel_shape(2), REEL_F32, DEVICE));
    reel_tensor *y = reel_apply(&twice, &x, 1, NULL);
    reel_set_name(x, "line\nbreak");
    dot_graph g = graph_of(y);
    ck_assert_int_eq(g.nodes, 2);
    ck_assert_int_eq(
        edges(&g, find(&g, "line?break", "[2]", line + 1), find(&g, "twice", "[2]", line + 2)), 1);
    g = graph_of(x); /* a tape of nothing */
    ck_assert_int_eq(g.nodes, 1);
    ck_assert(g.node[0].is_box && g.edges == 0);
}
END_TEST

START_TEST(a_recorded_pass) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_ones(reel_shape(2), REEL_F32, DEVICE)), *g = NULL;
    reel_tensor *y = reel_sum(reel_exp(x));
    reel_grad_of(&y, 1, &x, 1, &g, (reel_grad_of_options){.create_graph = true});
    dot_graph d = graph_of(g); /* mul of ones and e^x */
    ck_assert_int_eq(d.nodes, 3);
    ck_assert_int_eq(d.edges, 2);
}
END_TEST

START_TEST(what_can_not_be_drawn) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, DEVICE);
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size), *full = fopen("/dev/full", "w");
    reel_tape_dot(f, x);
    expect_failure(REEL_ERR_ARGUMENT, "tape_dot: the tensor is not tracked (");
    reel_tape_dot(f, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "tape_dot: the tensor is NULL (");
    fclose(f);
    ck_assert_uint_eq(size, 0);
    free(text);
    reel_tape_dot(NULL, reel_neg(reel_track(x)));
    expect_failure(REEL_ERR_ARGUMENT, "tape_dot: the file is NULL (");
    for (int buffered = 0; full && buffered <= 1; buffered++) { /* written, or kept for later */
        if (!buffered) setvbuf(full, NULL, _IONBF, 0);
        ck_assert_int_eq(reel_tape_dot(full, reel_neg(reel_track(x))), REEL_ERR_IO);
        expect_failure(REEL_ERR_IO, buffered ? "tape_dot: can't write: No space left on device"
                                             : "tape_dot: can't write");
        fclose(full);
        full = buffered ? NULL : fopen("/dev/full", "w");
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("tape_dot");
    TCase *c = add_case(s, "graphs");
    tcase_add_test(c, a_small_model);
    tcase_add_test(c, functions_and_leaves);
    tcase_add_test(c, a_recorded_pass);
    tcase_add_test(c, what_can_not_be_drawn);
    return run_suite(s);
}
