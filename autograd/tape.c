/* Recording: leaves, nodes, and when they are let go. */
#include "autograd/autograd_internal.h"

#include <stdlib.h>

/* ---- leaves ---- */

reel_tensor *reel_track_at(const char *at, reel_tensor *t) {
    if (!t || !reel__live(at, "track", NULL, t)) return NULL;
    if (t->track && !t->track->node) return t;
    if (t->track || !reel__has_gradients(t->layout.dtype)) {
        char operand[200];
        reel__describe(operand, sizeof operand, reel_name(t), t, true, false);
        reel_fail(REEL_ERR_ARGUMENT, at, "%s: %s: %s", reel__called(at, "track"),
                  t->track ? "is the result of an op" : "takes floats", operand);
        return NULL;
    }
    t->track = calloc(1, sizeof *t->track);
    if (!t->track) {
        reel_fail(REEL_ERR_MEMORY, at, "track: out of memory");
        return NULL;
    }
    if (!reel__hooks_get()) reel__hooks_set(&reel__autograd_hooks);
    return t;
}

static void release_track(reel_tensor *t) {
    reel__node_release(t->track->node);
    reel_release(t->track->grad);
    reel__hooks_free(&t->track->hooks);
    free(t->track);
    t->track = NULL;
}

void reel_untrack(reel_tensor *leaf) {
    if (leaf && reel__live(NULL, "untrack", NULL, leaf) && leaf->track && !leaf->track->node)
        release_track(leaf);
}

bool reel_is_tracked(const reel_tensor *t) {
    return t && reel__live(NULL, "is_tracked", NULL, t) && t->track;
}

reel_tensor *reel_grad(const reel_tensor *leaf) {
    return leaf && reel__live(NULL, "grad", NULL, leaf) && leaf->track ? leaf->track->grad : NULL;
}

void reel_zero_grad(reel_tensor *leaf) {
    if (!leaf || !reel__live(NULL, "zero_grad", NULL, leaf) || !leaf->track) return;
    struct reel__track *k = leaf->track;
    reel_tensor *grad = k->grad;
    k->grad = NULL;
    reel_release(grad);
}

reel_tensor *reel_detach_at(const char *at, reel_tensor *t) {
    if (!t || !reel__live(at, "detach", NULL, t)) return NULL;
    return reel__scope_give(reel__tensor_view(at, "detach", t, &t->layout));
}

reel_grad_mode reel_grad_mode_enter(bool recording) {
    reel_grad_mode mode = {reel__self()->no_grad, true};
    reel__self()->no_grad = !recording;
    return mode;
}

void reel_grad_mode_leave(reel_grad_mode *mode) {
    if (mode->entered) reel__self()->no_grad = mode->before;
    mode->entered = false;
}

/* ---- nodes ---- */

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

/* CROSS: an input is needed for the gradient of the other. */
static unsigned what_to_save(const reel__node *n) {
    const unsigned saves = reel__ops[n->op].saves;
    if (!(saves & REEL__CROSS)) return saves;
    return (reel__needs(n, 1) ? REEL__IN(0) : 0) | (reel__needs(n, 0) ? REEL__IN(1) : 0);
}

/* An output is saved as a view without a track of its own: it would keep its own node alive for
 * ever. */
static reel_status save(reel__node *n, const reel__call *c) {
    for (unsigned left = what_to_save(n); left; left &= left - 1) {
        const int i = __builtin_ctz(left);
        const bool is_input = i < REEL__MOST_INPUTS;
        reel_tensor *t = is_input ? reel__input(c, i) : c->out[i - REEL__MOST_INPUTS];
        n->saved[i] = is_input ? reel_retain(t) : reel__tensor_view(c->at, "saved", t, &t->layout);
        if (!n->saved[i]) return reel_error_status();
        n->saves |= 1u << i;
        n->version[i] = atomic_load_explicit(&t->storage->version, memory_order_relaxed);
    }
    return REEL_OK;
}

static reel_status record(const reel__call *c) {
    const reel_dtype dtype = c->out[0]->layout.dtype;
    if (dtype == REEL_I64 || dtype == REEL_U8) return REEL_OK; /* integers have no gradient */
    reel__node *n = reel__node_new(reel__ops[c->op].name, c->at, reel__inputs(c), c->nin);
    if (!n) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    n->op = c->op;
    n->rule = reel__rules[c->op];
    n->with = c->with;
    n->dtype = reel__input(c, 0)->layout.dtype;
    reel_status status = save(n, c);
    if (status == REEL_OK) status = reel__node_attach(n, c->out[0]);
    reel__node_release(n);
    return status;
}

static reel_status before_inplace(const reel__call *c, reel_tensor *t) {
    char operand[200];
    reel__describe(operand, sizeof operand, reel_name(t), t, false, false);
    return reel__fail_call(REEL_ERR_STATE, c, "%s is tracked: change it inside REEL_NO_GRAD",
                           operand);
}

const reel__hooks reel__autograd_hooks = {
    .record = record,
    .before_inplace = before_inplace,
    .release = release_track,
    .check_results = reel__check_results,
};
