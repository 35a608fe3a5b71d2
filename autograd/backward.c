/* Backward: nodes in the order of their depth, deepest first; each hands its inputs their
 * gradients. */
#include "autograd/autograd_internal.h"

#include <stdlib.h>

#define GRAD(name) reel__grad_##name
#define CONST(name) NULL
#define NONE(name) NULL
const reel__rule reel__rules[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient)                                 \
    [REEL_OP_##name] = gradient(name),
#include "tensor/ops.def"
};
#undef GRAD
#undef CONST
#undef NONE

/* ---- what rules ask and answer ---- */

bool reel__needs(const reel__node *n, int i) {
    return n->edge[i].node || n->edge[i].leaf;
}

reel_tensor *reel__saved(const reel__node *n, int bit) {
    int i = __builtin_ctz((unsigned)bit);
    reel_tensor *t = n->saved[i];
    if (t && atomic_load_explicit(&t->storage->version, memory_order_relaxed) != n->version[i]) {
        reel_fail(REEL_ERR_STATE, n->at,
                  "gradient of %s: %s %d was changed in place after it was saved",
                  reel__ops[n->op].name, i < 3 ? "input" : "result", i < 3 ? i + 1 : i - 2);
        return NULL;
    }
    return t;
}

/* The slot of an intermediate result's gradient. */
static void add_pending(const reel__edge *e, reel_tensor *g, bool fresh) {
    reel_tensor **slot = &e->node->pending;
    bool *owned = &e->node->owned;
    if (!*slot) {
        *slot = reel_retain(g);
        *owned = fresh;
    } else if (*owned) {
        reel_add_(*slot, g);
    } else {
        reel_tensor *sum = reel_retain(reel_add(*slot, g));
        reel_release(*slot);
        *slot = sum;
        *owned = true;
    }
}

/* Ours alone: this scope's reference is the only one, the memory is not shared with a view, and it
 * is not the node's own gradient, which the rule may hand to its other input too. */
static bool can_take(const reel__node *n, const reel_tensor *g) {
    return g != n->pending && atomic_load(&g->refs) == 1 && atomic_load(&g->storage->refs) == 1 &&
           reel_is_contiguous(g);
}

/* A leaf's gradient as memory of its own, to be written or added to. */
static reel_tensor *leaf_buffer(reel_tensor *leaf) {
    struct reel__track *k = leaf->track;
    const reel_device now = leaf->storage->device;
    if (k->grad && !reel_device_equal(k->grad->storage->device, now)) {
        reel_release(k->grad); /* the leaf has moved since */
        k->grad = NULL;
    }
    if (!k->grad)
        k->grad = reel_retain(reel_empty_at(leaf->at, leaf->layout.shape, leaf->layout.dtype, now));
    return k->grad;
}

/* fresh: g may become the leaf's gradient itself. */
static void add_leaf(reel_tensor *leaf, reel_tensor *g, bool fresh) {
    struct reel__track *k = leaf->track;
    if (!k) return; /* frozen since */
    if (k->has_grad)
        reel_add_(k->grad, g);
    else if (fresh && (!k->grad || atomic_load(&k->grad->refs) == 1)) {
        reel_release(k->grad); /* memory that nobody else looks at */
        k->grad = reel_retain(g);
    } else if (!reel_copy_(leaf_buffer(leaf), g))
        return;
    k->has_grad = true;
}

void reel__give(reel__node *n, int i, reel_tensor *gradient) {
    const reel__edge *e = &n->edge[i];
    if (!gradient || !reel__needs(n, i)) return;
    reel_tensor *g = reel__sum_to(n->at, gradient, n->in_shape[i]);
    if (!g) return;
    if (e->leaf)
        add_leaf(e->leaf, g, can_take(n, g));
    else
        add_pending(e, g, can_take(n, g));
}

static bool is_transpose(const reel__node *n) {
    return n->op == REEL_OP_permute && n->in_shape[0].ndim == 2 && n->attr.shape.dim[0] == 1;
}

void reel__give_matmul(reel__node *n, int i, reel_tensor *x, reel_tensor *y) {
    const reel__edge *e = &n->edge[i];
    if (e->leaf && e->leaf->track) {
        struct reel__track *k = e->leaf->track;
        reel_tensor *sum = leaf_buffer(e->leaf);
        if (sum && reel__matmul_into(n->at, sum, x, y, k->has_grad) == REEL_OK) k->has_grad = true;
    } else if (e->node && is_transpose(e->node)) {
        /* (x y)^T = y^T x^T, straight to what was transposed: a flag of the GEMM, not a copy */
        reel__give_matmul(e->node, 0, reel_t_at(n->at, y), reel_t_at(n->at, x));
    } else if (e->node && e->node->pending && e->node->owned) {
        reel__matmul_into(n->at, e->node->pending, x, y, true);
    } else {
        reel__give(n, i, reel_matmul_at(n->at, x, y));
    }
}

/* ---- the pass ---- */

typedef struct {
    reel__node **at;
    size_t count, capacity;
} node_list;

static bool push(node_list *l, reel__node *n) {
    if (!n || n->visited) return true;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity ? 2 * l->capacity : 64;
        reel__node **at = realloc(l->at, capacity * sizeof *at);
        if (!at) return false;
        l->at = at;
        l->capacity = capacity;
    }
    n->visited = true;
    l->at[l->count++] = n;
    return true;
}

static int deepest_first(const void *a, const void *b) {
    const reel__node *m = *(reel__node *const *)a, *n = *(reel__node *const *)b;
    return (m->depth < n->depth) - (m->depth > n->depth);
}

/* All nodes that `root` came from, deepest first; the list serves as its own queue. */
static bool collect(node_list *l, reel__node *root) {
    bool ok = push(l, root);
    for (size_t i = 0; ok && i < l->count; i++)
        for (int k = 0; ok && k < l->at[i]->nin; k++) ok = push(l, l->at[i]->edge[k].node);
    if (ok) qsort(l->at, l->count, sizeof *l->at, deepest_first);
    return ok;
}

static void forget(reel__node *n) {
    for (int i = 0; i < REEL__NODE_SAVED; i++) {
        reel_release(n->saved[i]);
        n->saved[i] = NULL;
    }
    n->spent = true;
}

static void run_rule(reel__node *n, bool retain_graph) {
    if (!n->pending || reel_failed()) return;
    if (n->spent) {
        reel_fail(REEL_ERR_STATE, n->at,
                  "backward: the tape of %s was let go by an earlier call (see retain_graph)",
                  reel__ops[n->op].name);
        return;
    }
    reel__self()->context = reel__ops[n->op].name;
    REEL_SCOPE {
        reel__rules[n->op](n, n->pending);
    }
    if (!retain_graph) forget(n);
}

static void clear_pass(reel__node *n) {
    reel_release(n->pending);
    n->pending = NULL;
    n->visited = n->owned = false;
}

static void run_pass(reel_tensor *output, reel_tensor *gradient, bool retain_graph) {
    node_list list = {0};
    if (collect(&list, output->track->node)) {
        output->track->node->pending = reel_retain(gradient);
        for (size_t i = 0; i < list.count; i++) {
            run_rule(list.at[i], retain_graph);
            reel_release(list.at[i]->pending); /* as soon as it has been used */
            list.at[i]->pending = NULL;
        }
    } else {
        reel_fail(REEL_ERR_MEMORY, NULL, "backward: out of memory");
    }
    for (size_t i = 0; i < list.count; i++) clear_pass(list.at[i]);
    free(list.at);
}

static reel_status check_output(const char *at, reel_tensor *output, reel_tensor *gradient) {
    char operand[200] = "NULL";
    if (output) reel__describe(operand, sizeof operand, reel_name(output), output, false, false);
    if (!output) return reel_fail(REEL_ERR_ARGUMENT, at, "backward: the loss is NULL");
    if (!output->track)
        return reel_fail(REEL_ERR_ARGUMENT, at, "backward: %s does not come from a tracked tensor",
                         operand);
    if (!gradient && reel_numel(output) != 1)
        return reel_fail(REEL_ERR_SHAPE, at, "backward: %s has not one element: give its gradient",
                         operand);
    if (gradient && (!reel_shape_equal(gradient->layout.shape, output->layout.shape) ||
                     gradient->layout.dtype != output->layout.dtype))
        return reel_fail(REEL_ERR_SHAPE, at,
                         "backward: the gradient given is not of the shape and dtype of %s",
                         operand);
    return REEL_OK;
}

reel_status reel_backward_with_at(const char *at, reel_tensor *output,
                                  reel_backward_options options) {
    if (reel_failed()) return reel_error_status();
    REEL_TRY(check_output(at, output, options.gradient));
    reel__thread *self = reel__self();
    REEL_SCOPE REEL_NO_GRAD {
        reel_tensor *g = options.gradient;
        if (!g)
            g = reel_full_at(at, output->layout.shape, 1, output->layout.dtype,
                             output->storage->device);
        if (g && output->track->node)
            run_pass(output, g, options.retain_graph);
        else if (g)
            add_leaf(output, g, g != options.gradient);
    }
    self->context = NULL;
    return reel_error_status();
}

reel_status reel_backward_at(const char *at, reel_tensor *loss) {
    return reel_backward_with_at(at, loss, (reel_backward_options){0});
}
