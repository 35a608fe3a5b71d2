/* Random graphs of ops, each grown from a number of its own: for finite differences (test_graphs.c)
 * and for comparison with PyTorch (parity/parity_graphs.c).
 *
 * A graph is a list of values: leaves, and what ops made of values before them. It grows by running
 * each op as it is chosen, so that shapes and numbers are known, and brings operands into the op's
 * domain by further values: between bounds, by a sigmoid; away from kinks and from each other, by
 * adding constants that put each element into a cell of its own. Then it can be run again on other
 * numbers in its tracked leaves. What has been detached, or made in place, stays what it was when
 * the graph grew: a constant, as its gradient has it.
 *
 *     {
 *         REEL_SCOPE;
 *         graph g;
 *         graph_grow(&g, 17);                         // values belong to the scope
 *         reel_tensor *t[GRAPH_VALUES] = {NULL};
 *         graph_run(&g, t);                           // t[g.output[0]], ...
 *     }
 *
 * Ops are rows in graph_ops.c, graph_windows.c and graph_layers.c: one more is one line there, and
 * one in parity/graphs_check.py. */
#ifndef REEL_TESTS_GRAPH_GEN_H
#define REEL_TESTS_GRAPH_GEN_H

#include <reel.h>

enum {
    GRAPH_VALUES = 600,
    GRAPH_OPERANDS = 7,
    GRAPH_NUMBERS = 8,
    GRAPH_OUTPUTS = 5,
    GRAPH_LEAVES = 8, /* tracked or constant; those that ops need come on top */
    GRAPH_MOST = 48,  /* elements that a value has */
};

/* Where an op can be differentiated, and stays small. */
typedef enum {
    GRAPH_ANY,         /* -4..4 */
    GRAPH_SMALL,       /* -2..2 */
    GRAPH_POSITIVE,    /* 0.3..4 */
    GRAPH_PROBABILITY, /* 0.1..0.9 */
    GRAPH_OPEN,        /* -0.9..0.9 */
    GRAPH_NONZERO,     /* a kink at 0 */
    GRAPH_STEPS,       /* kinks at multiples of 1/2: of rounding, of bounds that are such */
    GRAPH_APART,       /* no two elements alike: of sorting */
    GRAPH_BESIDE,      /* of the second operand: no element like what it is compared with */
} graph_domain;

typedef struct graph graph;
typedef struct graph_op graph_op;

typedef struct {
    const graph_op *op; /* NULL: a leaf */
    int in[GRAPH_OPERANDS], inputs;
    double f[2]; /* the op's constants */
    int64_t i[GRAPH_NUMBERS];
    reel_shape shape;
    reel_tensor *made; /* when the graph grew; of a leaf, its numbers */
    bool tracked, frozen;
} graph_value;

struct graph {
    uint64_t seed, state;
    graph_value value[GRAPH_VALUES];
    int count, leaves;
    int pool[GRAPH_VALUES], pooled; /* values that ops take */
    int output[GRAPH_OUTPUTS], weight[GRAPH_OUTPUTS], outputs;
    bool broken; /* reel_error() says why */
};

void graph_grow(graph *g, uint64_t seed);
/* All values again, t[0..count-1], with the leaves that t has already, and its own where t has
 * NULL.
 */
void graph_run(const graph *g, reel_tensor **t);
/* The tracked leaves; returns how many. */
int graph_tracked_leaves(const graph *g, int leaf[GRAPH_VALUES]);
/* sum over outputs and their elements of weight * output */
reel_tensor *graph_objective(const graph *g, reel_tensor *const *t);
/* Its gradients with respect to n leaves, by reel_grad_of: NULL where none comes. */
void graph_gradients(const graph *g, reel_tensor *const *t, const int *leaf, int n,
                     reel_tensor **gradient, reel_grad_of_options options);
/* What is differentiated once more: the sum over leaves and their elements of weight * gradient,
 * with weights 1, 1.5, 2, 1, 1.5, ... NULL if no gradient comes. */
reel_tensor *graph_gradient_sum(const graph *g, reel_tensor *const *t, const int *leaf, int n,
                                reel_grad_of_options options);
/* One line of JSON: the values with ops, operands and constants, and which of them are outputs. */
void graph_describe(FILE *f, const graph *g);

/* ---- rows ---- */

struct graph_op {
    const char *name;
    /* Chooses operands and constants: v->in, v->inputs, v->f, v->i, v->shape. */
    void (*draw)(graph *g, graph_value *v);
    reel_tensor *(*call)(const graph_value *v, reel_tensor *const *in);
    graph_domain domain, second;
    int constants;
    double low[2], high[2]; /* of the constants */
    bool frozen;            /* the result is a constant */
    union {
        reel_tensor *(*unary)(const char *, reel_tensor *);
        reel_tensor *(*unary1)(const char *, reel_tensor *, double);
        reel_tensor *(*unary2)(const char *, reel_tensor *, double, double);
        reel_tensor *(*binary)(const char *, reel_tensor *, reel_tensor *);
        reel_tensor *(*axis)(const char *, reel_tensor *, int);
        reel_tensor *(*reduction)(const char *, reel_tensor *, reel_shape, bool);
        reel_tensor *(*take)(const char *, reel_tensor *, int, reel_tensor *);
        reel_tensor *(*put)(const char *, reel_tensor *, int, reel_tensor *, int64_t);
    } of;
};

typedef struct {
    const graph_op *row;
    int count, weight; /* how often one of the family is taken */
} graph_family;
extern const graph_family graph_windows, graph_layers;

const graph_op *graph_any_op(graph *g);
const graph_op *graph_op_named(const char *name);
/* Row k in some order; NULL after the last. */
const graph_op *graph_op_at(int k);

/* ---- for the rows' draw (graph_gen.c): values are known by their numbers ---- */

int graph_below(graph *g, int n);
double graph_between(graph *g, double low, double high);
reel_shape graph_shape(const graph *g, int k);
/* A value that there is, of floats. */
int graph_any(graph *g);
/* One that broadcasts with k; a new leaf if need be. */
int graph_partner(graph *g, int k);
/* k in the domain of an op: itself, or what was made of it. */
int graph_operand(graph *g, int k, graph_domain d);
/* y, so that no element is like x's where they are broadcast to each other; x may change. */
int graph_beside(graph *g, int *x, int y);
/* An axis of k, counted from either end; k gets one if it has none. */
int graph_axis(graph *g, int *k);
int graph_leaf(graph *g, reel_shape shape, bool tracked);
/* Whole numbers below bound, constant. */
int graph_indices(graph *g, reel_shape shape, int64_t bound);
/* k as so many axes: those in front joined, or more of size 1. */
int graph_with_axes(graph *g, int k, int ndim);
/* A value of a shape, in a domain: part of one that there is, or a new leaf. */
int graph_of_shape(graph *g, reel_shape shape, graph_domain d);
/* Another op on the way. */
int graph_apply(graph *g, const char *op, int x, int y, graph_value constants);

#endif
