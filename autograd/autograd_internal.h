/* The tape: a node for each recorded op, pointing at the nodes its inputs came from. */
#ifndef REEL_AUTOGRAD_AUTOGRAD_INTERNAL_H
#define REEL_AUTOGRAD_AUTOGRAD_INTERNAL_H

#include "autograd/autograd.h"
#include "tensor/ops_internal.h"
#include "tensor/tensor_internal.h"

#define REEL__NODE_SAVED 5 /* in0, in1, in2, out0, out1: the bits of the saves column */

typedef struct reel__node reel__node;

/* Where an input's gradient goes: to the node that made it, to a leaf, or, if both are NULL,
 * nowhere. Of an op's results the first alone has a gradient; a second one is an index. */
typedef struct {
    reel__node *node;
    reel_tensor *leaf;
} reel__edge;

struct reel__node {
    atomic_int refs;
    reel__op op;
    const char *at;
    int nin, depth; /* depth: greater than that of every node it points at */
    reel__attrs attr;
    reel__edge edge[REEL__MOST_INPUTS];
    reel_shape in_shape[REEL__MOST_INPUTS];
    reel_dtype dtype; /* of the first input */
    reel_tensor *saved[REEL__NODE_SAVED];
    unsigned version[REEL__NODE_SAVED];
    bool spent; /* backward went through and let go what was saved */

    /* of the pass under way */
    bool visited;
    reel_tensor *pending; /* the gradient of its result, as far as it has arrived */
    bool owned;           /* nobody else sees pending: it may be added to in place */
    reel__node *next;     /* of those waiting to be freed */
};

/* What a tracked tensor carries. */
struct reel__track {
    reel__node *node;  /* that made it; NULL: a leaf */
    reel_tensor *grad; /* a leaf's; kept, for its memory, while has_grad is false */
    bool has_grad;
};

void reel__node_release(reel__node *n);
extern const reel__hooks reel__autograd_hooks;

/* ---- for gradient rules (rules_*.c): n is the node, i one of its inputs ---- */

bool reel__needs(const reel__node *n, int i);
/* What the row's saves column kept: bit REEL__IN0, ... NULL, and a failure kept, if it was changed
 * in place since. */
reel_tensor *reel__saved(const reel__node *n, int bit);
/* Hands input i its gradient (borrowed), summed to the input's shape where it was broadcast. NULL
 * is passed over. */
void reel__give(reel__node *n, int i, reel_tensor *gradient);
/* The same for a gradient x y, which is accumulated by the GEMM itself where there is something to
 * add to. */
void reel__give_matmul(reel__node *n, int i, reel_tensor *x, reel_tensor *y);

/* One rule an op: g is the gradient of output 0. */
typedef void (*reel__rule)(reel__node *n, reel_tensor *g);
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient)                                 \
    void reel__grad_##name(reel__node *n, reel_tensor *g);
#include "tensor/ops.def"
extern const reel__rule reel__rules[REEL_OP_COUNT];

#endif
