/* The tape: a node for each recorded op, pointing at the nodes its inputs came from. */
#ifndef REEL_AUTOGRAD_AUTOGRAD_INTERNAL_H
#define REEL_AUTOGRAD_AUTOGRAD_INTERNAL_H

#include "autograd/autograd.h"
#include "tensor/core/handles_internal.h"
#include "tensor/ops/ops_internal.h"

/* The inputs, then the results: the bits of the saves column. */
#define REEL__NODE_SAVED (REEL__MOST_INPUTS + REEL__MOST_RESULTS)

typedef struct reel__node reel__node;
typedef struct reel__pass reel__pass;
typedef struct reel__slot reel__slot;

/* One rule an op: g is the gradient of output 0. */
typedef void (*reel__gradient_rule)(reel__node *n, reel_tensor *g);

/* Where an input's gradient goes: to the node that made it, to a leaf, or, if both are NULL,
 * nowhere. Of an op's results the first alone has a gradient; a second one is an index. */
typedef struct {
    reel__node *node;
    reel_tensor *leaf;
} reel__edge;

/* Hooks of a tensor, in the order of their ids. */
typedef struct reel__hook {
    int id;
    reel_hook_fn fn;
    void *user;
    const char *at; /* where it was registered */
    struct reel__hook *next;
} reel__hook;

typedef struct {
    reel__hook *first;
    int made; /* the id of the last one */
} reel__hook_list;

struct reel__node {
    atomic_int refs;
    reel__op op; /* REEL_OP_COUNT: a function of the user's */
    const char *name, *at;
    reel__gradient_rule rule;
    int nin, depth;       /* depth: greater than that of every node it points at */
    reel__with with;      /* the call's */
    reel__edge *edge;     /* [nin] */
    reel_shape *in_shape; /* [nin] */
    reel_dtype dtype;     /* of the first input */
    unsigned saves;       /* which of these are kept: bits REEL__IN(i), REEL__OUT(i) */
    reel_tensor *saved[REEL__NODE_SAVED];
    unsigned version[REEL__NODE_SAVED];
    reel_context *context; /* of a function of the user's; else NULL */
    reel__hook_list hooks; /* of its result */
    bool spent;            /* backward went through and let go what was saved */

    /* of the pass under way */
    reel__pass *pass;
    reel_tensor *pending; /* the gradient of its result, as far as it has arrived */
    bool owned;           /* nobody else sees pending: it may be added to in place */
    bool wanted;          /* by a pass that goes to some tensors alone: it leads to one */
    reel__slot *slot;     /* its result's gradient is asked for */
    size_t index;         /* in the pass */
    reel__node *next;     /* of those waiting to be freed */
};

/* What a tracked tensor carries. */
struct reel__track {
    reel__node *node;  /* that made it; NULL: a leaf */
    reel_tensor *grad; /* a leaf's; NULL: none has arrived */
    reel__slot *slot;  /* a leaf's, of the innermost pass under way that has one for it */
    reel__hook_list hooks;
};

/* ---- nodes (node.c) ---- */

/* A node of nin inputs with its edges and its depth, and one reference; NULL, and no failure, when
 * out of memory. */
reel__node *reel__node_new(const char *name, const char *at, reel_tensor *const *in, int nin);
/* Makes t the result of n. */
reel_status reel__node_attach(reel__node *n, reel_tensor *t);
void reel__node_release(reel__node *n);
/* Lets go what was saved. */
void reel__node_forget(reel__node *n);
/* n's result again, of which a view was saved: borrowed, and tracked if the pass is recorded. */
reel_tensor *reel__node_result(const reel__node *n, reel_tensor *saved);

/* ---- a pass: nodes in the order of their depth, deepest first (backward.c) ---- */

/* A tensor's gradient where a pass does more with it than to add it to a leaf's: it is asked for by
 * reel_grad_of, or seen by hooks, or missed if it does not come. */
struct reel__slot {
    reel__pass *pass;
    reel_tensor *tensor;
    bool apart;       /* gathered here, in sum, not on the leaf */
    reel_tensor *sum; /* NULL: nothing has arrived */
    bool owned;       /* as a node's */
    bool reached, finished;
    int awaited;       /* edges from which more may come */
    size_t index;      /* for reel_tape_dot */
    reel__slot *outer; /* the leaf's in a pass around this one */
    reel__slot *next;
};

struct reel__pass {
    const char *what, *output; /* for messages: "backward", "loss" */
    const char *at;
    bool recorded;  /* create_graph */
    bool retain;    /* the tape stays */
    bool selective; /* only towards tensors with slots */
    reel__slot *slots;
    reel__node **node;
    size_t count, capacity;
};

/* ---- slots (slots.c) ---- */

/* A leaf's or an intermediate result's slot, made where there is none; NULL on failure. */
reel__slot *reel__slot_make(reel__pass *p, reel_tensor *t);
/* NULL where there is none. */
reel__slot *reel__slot_of(const reel__pass *p, const reel_tensor *t);
void reel__slot_free(reel__slot *s);
/* Whether the pass wants the gradient of input i; outside one, whether it has any. */
bool reel__needs(const reel__node *n, int i);

/* ---- the walk (backward.c) ---- */

/* Puts all nodes that t came from into the pass. */
reel_status reel__pass_collect(reel__pass *p, const reel_tensor *t);
/* Checks outputs and their gradients (NULL, or NULL in it: ones), and goes through. */
reel_status reel__pass_run(reel__pass *p, reel_tensor *const *outputs,
                           reel_tensor *const *gradients, int count);
/* Takes it off nodes and leaves. */
void reel__pass_end(reel__pass *p);

/* ---- where gradients are added up (accumulate.c) ---- */

/* fresh: nobody else sees g, which may be kept and added to in place. */
void reel__deliver(reel__pass *p, const char *at, const reel__edge *e, reel_tensor *g, bool fresh);
/* To the leaf's own gradient. */
void reel__accumulate(const reel__pass *p, const char *at, reel_tensor *leaf, reel_tensor *g,
                      bool fresh);
/* Nobody but one holder, and captured steps, look at t and its memory. */
bool reel__is_fresh(const reel_tensor *t);

/* ---- hooks (gradient_hooks.c) ---- */

/* Hands *g, a reference, to t's hooks, and what they return instead takes its place. */
void reel__hooks_run(reel_tensor *leaf, reel__node *n, reel_tensor **g);
void reel__hooks_free(reel__hook_list *l);

/* ---- functions of the user's (context.c) ---- */

void reel__context_forget(reel_context *c); /* what was saved */
void reel__context_free(reel_context *c);

/* ---- anomaly mode (anomaly.c) ---- */

/* Whether all elements are finite; waits. */
bool reel__is_finite(reel_tensor *t);
reel_status reel__check_results(const reel__call *c);

/* ---- for gradient rules (rules_*.c): n is the node, i one of its inputs ---- */

/* t, a gradient or what was saved, as n's rule sees it: in f32 where the rule computes in it. */
reel_tensor *reel__seen(const reel__node *n, reel_tensor *t);
/* What the row's saves column kept: REEL__IN(i) or REEL__OUT(i). NULL, and a failure kept, if it
 * was changed in place since. */
reel_tensor *reel__saved(const reel__node *n, unsigned bit);
/* Input i, and the result, that it kept. */
static inline reel_tensor *reel__in(const reel__node *n, int i) {
    return reel__saved(n, REEL__IN(i));
}
static inline reel_tensor *reel__out(const reel__node *n) {
    return reel__saved(n, REEL__OUT(0));
}
/* It is let go before the rule ends, unless the tape stays. */
void reel__let_go_saved(reel__node *n, unsigned bit);
/* A number in the dtype and on the device of `like`. */
static inline reel_tensor *reel__constant(const reel__node *n, double value,
                                          const reel_tensor *like) {
    return reel_full_at(n->at, REEL_SCALAR, value, reel_dtype_of(like), reel_device_of(like));
}
/* Hands input i its gradient (borrowed), summed to the input's shape where it was broadcast. NULL
 * is passed over. */
void reel__give(reel__node *n, int i, reel_tensor *gradient);
/* g, if it is n's gradient and nobody else has it: the rule's own from now on, to be written over
 * once it has been read. Else NULL. */
reel_tensor *reel__take_gradient(reel__node *n, reel_tensor *g);
/* Hands the first input zeros: the result is flat almost everywhere. g: the result's gradient. */
void reel__give_zero(reel__node *n, reel_tensor *g);
/* The same for a gradient x y, which is accumulated by the GEMM itself where there is something to
 * add to. */
void reel__give_matmul(reel__node *n, int i, reel_tensor *x, reel_tensor *y);
/* The same for the gradient of a slice, with.slice, whose other entries are 0: it is added to those
 * it was taken from, where there is a sum, so that all parts of a tensor cost one of its size. */
void reel__give_slice(reel__node *n, int i, reel_tensor *g);

#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    void reel__grad_##name(reel__node *n, reel_tensor *g);
#include "tensor/ops/ops.def"
extern const reel__gradient_rule reel__rules[REEL_OP_COUNT]; /* (gradient_rules.c) */

/* Of y = f(x) whose gradient is one formula, and of that gradient z = g' f'(x): a formula of x, or
 * of y, which then is meant by x. */
void reel__grad_fused_x(reel__node *n, reel_tensor *g);
void reel__grad_fused_y(reel__node *n, reel_tensor *g);
void reel__grad_second(reel__node *n, reel_tensor *g);
/* g f''(x), or, of a formula of y, g times its derivative by y. */
typedef reel_tensor *(*reel__second_rule)(const reel__node *n, reel_tensor *g, reel_tensor *x);
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)
#define REEL_MAP_GRAD(name, form, from, second)                                                    \
    reel_tensor *reel__second_##name(const reel__node *n, reel_tensor *g, reel_tensor *x);
#include "tensor/ops/ops_map.def"

#endif
