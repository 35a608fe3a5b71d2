/* Backward: nodes in the order of their depth, deepest first; each hands its inputs their
 * gradients. */
#include "autograd/autograd_internal.h"
#include "tensor/core/profile_internal.h"

#include <stdlib.h>
#include <string.h>

/* ---- which nodes ---- */

static reel_status push(reel__pass *p, reel__node *n) {
    if (!n || n->pass == p) return REEL_OK;
    if (n->pass)
        return reel_fail(REEL_ERR_STATE, p->at, "%s: another pass over the same tape is under way",
                         p->what);
    if (p->count == p->capacity) {
        size_t capacity = p->capacity ? 2 * p->capacity : 64;
        reel__node **grown = realloc(p->node, capacity * sizeof *grown);
        if (!grown) return reel_fail(REEL_ERR_MEMORY, p->at, "%s: out of memory", p->what);
        p->node = grown;
        p->capacity = capacity;
    }
    n->pass = p;
    n->wanted = false;
    p->node[p->count++] = n;
    return REEL_OK;
}

/* A leaf with hooks gathers its gradient in a slot: they see it whole. */
static reel_status note_leaf(reel__pass *p, reel_tensor *leaf) {
    const struct reel__track *k = leaf->track;
    if (!k || !(k->hooks.first || k->slot)) return REEL_OK;
    reel__slot *s = k->hooks.first && !p->selective ? reel__slot_make(p, leaf) : NULL;
    if (s)
        s->apart = true;
    else if (reel_failed())
        return reel_error_status();
    else
        s = reel__slot_of(p, leaf);
    if (s) s->awaited++;
    return REEL_OK;
}

/* The list serves as its own queue. */
reel_status reel__pass_collect(reel__pass *p, const reel_tensor *t) {
    size_t i = p->count;
    REEL_TRY(push(p, t->track->node));
    for (; i < p->count; i++)
        for (int k = 0; k < p->node[i]->nin; k++) {
            const reel__edge *e = &p->node[i]->edge[k];
            REEL_TRY(e->leaf ? note_leaf(p, e->leaf) : push(p, e->node));
        }
    return REEL_OK;
}

static int deepest_first(const void *a, const void *b) {
    const reel__node *m = *(reel__node *const *)a, *n = *(reel__node *const *)b;
    return (m->depth < n->depth) - (m->depth > n->depth);
}

/* Those that lead to a tensor with a slot; what they point at has been marked before. */
static void mark_wanted(const reel__pass *p) {
    for (size_t i = p->count; i-- > 0;)
        for (int k = 0; k < p->node[i]->nin && !p->node[i]->wanted; k++)
            p->node[i]->wanted = reel__needs(p->node[i], k);
}

void reel__pass_end(reel__pass *p) {
    for (size_t i = 0; i < p->count; i++) {
        reel__node *n = p->node[i];
        reel_release(n->pending);
        n->pending = NULL;
        n->owned = false;
        n->pass = NULL;
    }
    while (p->slots) {
        reel__slot *s = p->slots;
        p->slots = s->next;
        reel__slot_free(s);
    }
    free(p->node);
    p->node = NULL;
    p->count = p->capacity = 0;
}

/* ---- one node ---- */

static void forget(reel__node *n) {
    reel__node_forget(n);
    if (n->context) reel__context_forget(n->context);
    n->spent = true;
}

static void run_rule(const reel__pass *p, reel__node *n) {
    if (n->spent) {
        reel_fail(REEL_ERR_STATE, n->at,
                  "%s: the tape of %s was let go by an earlier call (see retain_graph)", p->what,
                  n->name);
        return;
    }
    {
        REEL_SCOPE;
        n->rule(n, reel__seen(n, n->pending));
    }
    if (!p->retain) forget(n);
}

/* All of its gradient has arrived. */
static void take_turn(const reel__pass *p, reel__node *n) {
    if (!n->pending || reel_failed()) return;
    reel__self()->context = n->name;
    reel__self()->context_at = n->at;
    if (n->hooks.first) reel__hooks_run(NULL, n, &n->pending);
    if (n->slot) n->slot->sum = reel_retain(n->pending);
    if (n->pending && !reel_failed() && (!p->selective || n->wanted)) run_rule(p, n);
}

/* ---- leaves with slots ---- */

static void finish(const reel__pass *p, reel__slot *s) {
    if (s->finished) return;
    s->finished = true;
    if (!s->sum || reel_failed()) return;
    reel__hooks_run(s->tensor, NULL, &s->sum);
    if (!s->sum || reel_failed() || p->selective) return;
    REEL_SCOPE;
    reel__accumulate(p, s->tensor->at, s->tensor, s->sum, reel__is_fresh(s->sum));
}

/* Those that nothing more will come to. */
static void finish_leaves(const reel__pass *p, const reel__node *n) {
    for (int i = 0; i < n->nin; i++) {
        if (!n->edge[i].leaf) continue;
        reel__slot *s = reel__slot_of(p, n->edge[i].leaf);
        if (s && --s->awaited == 0) finish(p, s);
    }
}

/* ---- the pass ---- */

static void go_through(reel__pass *p) {
    if (p->count) qsort(p->node, p->count, sizeof *p->node, deepest_first);
    if (p->selective) mark_wanted(p);
    for (size_t i = 0; i < p->count; i++) {
        reel__node *n = p->node[i];
        take_turn(p, n);
        reel_release(n->pending); /* as soon as it has been used */
        n->pending = NULL;
        if (p->slots) finish_leaves(p, n);
    }
    for (reel__slot *s = p->slots; s; s = s->next) /* leaves that are outputs */
        if (!s->tensor->track || !s->tensor->track->node) finish(p, s);
}

static reel_status check_output(const reel__pass *p, const reel_tensor *output,
                                const reel_tensor *gradient) {
    char operand[200];
    if (!output)
        return reel_fail(REEL_ERR_ARGUMENT, p->at, "%s: the %s is NULL", p->what, p->output);
    if (!reel__live(p->at, p->what, p->output, output) ||
        (gradient && !reel__live(p->at, p->what, "the gradient", gradient)))
        return reel_error_status();
    reel__describe(operand, sizeof operand, reel_name(output), output, false, false);
    if (!output->track)
        return reel_fail(REEL_ERR_ARGUMENT, p->at, "%s: %s does not come from a tracked tensor",
                         p->what, operand);
    if (!gradient && reel_numel(output) != 1)
        return reel_fail(REEL_ERR_SHAPE, p->at, "%s: %s has not one element: give its gradient",
                         p->what, operand);
    if (gradient && (!reel_shape_equal(gradient->layout.shape, output->layout.shape) ||
                     gradient->layout.dtype != output->layout.dtype))
        return reel_fail(REEL_ERR_SHAPE, p->at,
                         "%s: the gradient given is not of the shape and dtype of %s", p->what,
                         operand);
    return REEL_OK;
}

/* The gradient it begins with: the caller's own, or ones. */
static reel_status seed(reel__pass *p, reel_tensor *output, reel_tensor *gradient) {
    reel_tensor *g = gradient;
    if (!g)
        g = reel_full_at(p->at, output->layout.shape, 1, output->layout.dtype,
                         output->storage->device);
    else if (g->track && !p->recorded)
        g = reel_detach_at(p->at, g);
    if (!g) return reel_error_status();
    const reel__node *n = output->track->node;
    const reel__edge to = {output->track->node, n ? NULL : output};
    reel__deliver(p, p->at, &to, g, !gradient);
    return reel_error_status();
}

static reel_status collect_all(reel__pass *p, reel_tensor *const *outputs, int count) {
    for (int i = 0; i < count; i++) {
        if (outputs[i]->track->node)
            REEL_TRY(reel__pass_collect(p, outputs[i]));
        else if (outputs[i]->track->hooks.first && !p->selective) {
            reel__slot *s = reel__slot_make(p, outputs[i]);
            if (!s) return reel_error_status();
            s->apart = true;
        }
    }
    return REEL_OK;
}

reel_status reel__pass_run(reel__pass *p, reel_tensor *const *outputs,
                           reel_tensor *const *gradients, int count) {
    for (int i = 0; i < count; i++)
        REEL_TRY(check_output(p, outputs[i], gradients ? gradients[i] : NULL));
    REEL_TRY(collect_all(p, outputs, count));
    REEL__PROFILE_PASS_OF(p->what, p->at);
    reel__thread *self = reel__self();
    const bool no_grad = self->no_grad;
    const char *context = self->context, *context_at = self->context_at;
    self->no_grad = !p->recorded;
    {
        REEL_SCOPE;
        for (int i = 0; i < count && !reel_failed(); i++)
            seed(p, outputs[i], gradients ? gradients[i] : NULL);
        if (!reel_failed()) go_through(p);
    }
    self->context = context;
    self->context_at = context_at;
    self->no_grad = no_grad;
    return reel_error_status();
}

/* ---- parameters that must be reached ---- */

static reel_status expect_params(reel__pass *p, const reel_state *params) {
    for (int i = 0; i < reel_state_count(params); i++) {
        reel_tensor *t = reel_state_at(params, i);
        if (t->track && !t->track->node && !reel__slot_make(p, t)) return reel_error_status();
    }
    return REEL_OK;
}

/* Names those that no gradient came to, as many as a line holds. */
static reel_status check_params(const reel__pass *p, const reel_state *params) {
    char names[600] = "";
    size_t used = 0;
    int missed = 0, named = 0;
    for (int i = 0; i < reel_state_count(params); i++) {
        const reel_tensor *t = reel_state_at(params, i);
        const reel__slot *s = reel__slot_of(p, t);
        if (!s || s->reached) continue;
        const char *name = reel_state_name(params, i);
        missed++;
        if (used + strlen(name) + 3 > sizeof names) continue;
        used +=
            (size_t)snprintf(names + used, sizeof names - used, "%s%s", named ? ", " : "", name);
        named++;
    }
    if (!missed) return REEL_OK;
    if (named < missed)
        return reel_fail(REEL_ERR_STATE, p->at, "%s: no gradient comes to %s and %d more", p->what,
                         names, missed - named);
    return reel_fail(REEL_ERR_STATE, p->at, "%s: no gradient comes to %s", p->what, names);
}

reel_status reel_backward_with_at(const char *at, reel_tensor *output,
                                  reel_backward_options options) {
    if (reel_failed()) return reel_error_status();
    reel__pass p = {.what = "backward",
                    .output = "loss",
                    .at = at,
                    .recorded = options.create_graph,
                    .retain = options.retain_graph || options.create_graph};
    reel_status status = options.params ? expect_params(&p, options.params) : REEL_OK;
    if (status == REEL_OK) status = reel__pass_run(&p, &output, &options.gradient, 1);
    if (status == REEL_OK && options.params) status = check_params(&p, options.params);
    reel__pass_end(&p);
    return status;
}

reel_status reel_backward_at(const char *at, reel_tensor *loss) {
    return reel_backward_with_at(at, loss, (reel_backward_options){0});
}
