/* Nodes of the tape: made, given their result, let go. */
#include "autograd/autograd_internal.h"

#include <stdlib.h>

static _Thread_local reel__node *doomed; /* waiting to be freed: a long tape must not recurse */
static _Thread_local bool draining;

void reel__node_forget(reel__node *n) {
    for (; n->saves; n->saves &= n->saves - 1) reel_release(n->saved[__builtin_ctz(n->saves)]);
}

static void free_node(reel__node *n) {
    for (int i = 0; i < n->nin; i++) {
        reel__node_release(n->edge[i].node);
        reel_release(n->edge[i].leaf);
    }
    reel__node_forget(n);
    reel_release(n->pending);
    reel__hooks_free(&n->hooks);
    reel__context_free(n->context);
    free(n);
}

void reel__node_release(reel__node *n) {
    if (!n || atomic_fetch_sub_explicit(&n->refs, 1, memory_order_acq_rel) != 1) return;
    n->next = doomed;
    doomed = n;
    if (draining) return;
    draining = true;
    while (doomed) {
        n = doomed;
        doomed = n->next;
        free_node(n);
    }
    draining = false;
}

static void connect(reel__node *n, int i, reel_tensor *input) {
    n->in_shape[i] = input->layout.shape;
    if (!input->track) return;
    if (!input->track->node) {
        n->edge[i].leaf = reel_retain(input);
        return;
    }
    n->edge[i].node = input->track->node;
    atomic_fetch_add_explicit(&n->edge[i].node->refs, 1, memory_order_relaxed);
    if (n->edge[i].node->depth >= n->depth) n->depth = n->edge[i].node->depth + 1;
}

reel__node *reel__node_new(const char *name, const char *at, reel_tensor *const *in, int nin) {
    const size_t inputs = (size_t)nin * (sizeof(reel__edge) + sizeof(reel_shape));
    reel__node *n = calloc(1, sizeof *n + inputs);
    if (!n) return NULL;
    atomic_init(&n->refs, 1);
    n->op = REEL_OP_COUNT;
    n->name = name;
    n->at = at;
    n->nin = nin;
    n->edge = (reel__edge *)(n + 1);
    n->in_shape = (reel_shape *)(n->edge + nin);
    for (int i = 0; i < nin; i++) connect(n, i, in[i]);
    return n;
}

reel_status reel__node_attach(reel__node *n, reel_tensor *t) {
    struct reel__track *track = calloc(1, sizeof *track);
    if (!track) return reel_fail(REEL_ERR_MEMORY, n->at, "%s: out of memory", n->name);
    track->node = n;
    atomic_fetch_add_explicit(&n->refs, 1, memory_order_relaxed);
    t->track = track;
    return REEL_OK;
}

reel_tensor *reel__node_result(const reel__node *n, reel_tensor *saved) {
    if (!saved || !n->pass || !n->pass->recorded) return saved;
    reel_tensor *t = reel__scope_give(reel__tensor_view(n->at, "saved", saved, &saved->layout));
    /* a node is counted, whoever only looks at it */
    return t && reel__node_attach((reel__node *)n, t) == REEL_OK ? t : NULL;
}
