/* Ops of the user's own: two functions and what passes between them, one node of the tape. */
#include "autograd/context_internal.h"

/* ---- what it asks of its context ---- */

bool reel_context_needs(const reel_context *c, int i) {
    if (!c || i < 0 || i >= c->nin) return false;
    return c->node ? reel__needs(c->node, i) : c->in[i].tracked;
}

reel_tensor *reel_context_saved(reel_context *c, int i) {
    if (!c) {
        reel__no_context("context_saved");
        return NULL;
    }
    if (i < 0 || i >= c->saved_count) {
        reel_fail(REEL_ERR_ARGUMENT, c->at, "%s: no saved tensor %d: there are %d", c->f.name, i,
                  c->saved_count);
        return NULL;
    }
    const reel__context_saved *s = &c->saved[i];
    if (atomic_load_explicit(&s->t->storage->version, memory_order_relaxed) != s->version) {
        reel_fail(REEL_ERR_STATE, c->at,
                  "gradient of %s: saved tensor %d was changed in place after it was saved",
                  c->f.name, i);
        return NULL;
    }
    return s->is_result && c->node ? reel__node_result(c->node, s->t) : s->t;
}

/* ---- backward ---- */

static reel_status check_gradient(const reel_context *c, int i, reel_tensor *g) {
    const reel__context_input *k = &c->in[i];
    const reel_shape s = c->node->in_shape[i];
    if (!reel__live(c->at, c->f.name, "a gradient", g)) return reel_error_status();
    const bool moved = !reel_device_equal(g->storage->device, k->device);
    if (!reel_shape_equal(g->layout.shape, s) || g->layout.dtype != k->dtype || moved) {
        char is[200], was[200];
        reel__describe(is, sizeof is, "", g, true, moved);
        reel__shape_text(was, sizeof was, s);
        return reel_fail(moved ? REEL_ERR_DEVICE : REEL_ERR_SHAPE, c->at,
                         "gradient of %s: input %d is %s %s, its gradient %s", c->f.name, i, was,
                         reel_dtype_name(k->dtype), is);
    }
    if (reel__self()->anomaly && !reel__is_finite(g))
        return reel_fail(REEL_ERR_STATE, c->at,
                         "gradient of %s: anomaly: that of input %d holds NaN or infinity",
                         c->f.name, i);
    return REEL_OK;
}

static void apply_backward(reel__node *n, reel_tensor *g) {
    reel_context *c = n->context;
    if (n->pass->recorded && c->f.once_differentiable) {
        reel_fail(REEL_ERR_STATE, n->at, "gradient of %s: can't be differentiated again", n->name);
        return;
    }
    for (int i = 0; i < c->nin; i++) c->gradient[i] = NULL;
    c->f.backward(c, g, c->gradient);
    for (int i = 0; i < c->nin; i++) {
        if (reel_failed()) return;
        if (!c->gradient[i] || !reel__needs(n, i)) continue;
        if (check_gradient(c, i, c->gradient[i]) == REEL_OK) reel__give(n, i, c->gradient[i]);
    }
}

/* ---- forward ---- */

static reel_status check_call(const char *at, const reel_function *f, reel_tensor *const *inputs,
                              int count) {
    if (!f || !f->name || !f->forward || !f->backward)
        return reel_fail(REEL_ERR_ARGUMENT, at, "apply: the function lacks %s",
                         !f            ? "everything"
                         : !f->name    ? "a name"
                         : !f->forward ? "its forward"
                                       : "its backward");
    if (count < 0 || (count && !inputs))
        return reel_fail(REEL_ERR_ARGUMENT, at, "%s: no inputs", f->name);
    for (int i = 0; i < count; i++)
        if (!inputs[i])
            return reel_failed()
                       ? reel_error_status()
                       : reel_fail(REEL_ERR_ARGUMENT, at, "%s: input %d is NULL", f->name, i);
        else if (!reel__live(at, f->name, "an input", inputs[i]))
            return reel_error_status();
    return REEL_OK;
}

static bool is_recorded(const reel_context *c, const reel_tensor *y) {
    for (int i = 0; i < c->nin; i++)
        if (c->in[i].tracked) return reel_dtype_is_float(y->layout.dtype);
    return false;
}

static bool contains(reel_tensor *const *inputs, int count, const reel_tensor *t) {
    for (int i = 0; i < count; i++)
        if (inputs[i] == t) return true;
    return false;
}

/* What forward gives, as a tensor of its own: it may be an input, or something of the user's. */
static reel_tensor *run_forward(reel_context *c, reel_tensor *const *inputs) {
    reel_tensor *y = NULL;
    const char *outer = reel__caller_push(c->at);
    {
        REEL_SCOPE;
        REEL_NO_GRAD;
        c->forward = true;
        reel_tensor *given = c->f.forward(c, inputs);
        c->forward = false;
        if (!given && !reel_failed())
            reel_fail(REEL_ERR_STATE, c->at, "%s: its forward gave NULL", c->f.name);
        for (int i = 0; i < c->saved_count && given; i++)
            c->saved[i].is_result = c->saved[i].t == given && !contains(inputs, c->nin, given);
        if (given && reel__live(c->at, c->f.name, "its result", given))
            y = reel__tensor_view(c->at, c->f.name, given, &given->layout);
    }
    reel__caller_pop(outer);
    return y;
}

/* The node takes the context over. */
static reel_status record(reel_context *c, reel_tensor *const *inputs, reel_tensor *y) {
    reel__node *n = reel__node_new(c->f.name, c->at, inputs, c->nin);
    if (!n) return reel_fail(REEL_ERR_MEMORY, c->at, "%s: out of memory", c->f.name);
    n->rule = apply_backward;
    reel_status status = reel__node_attach(n, y);
    if (status == REEL_OK) {
        n->context = c;
        c->node = n;
    }
    reel__node_release(n);
    return status;
}

reel_tensor *reel_apply_at(const char *at, const reel_function *f, reel_tensor *const *inputs,
                           int count, void *user) {
    reel_context *c = check_call(at, f, inputs, count) == REEL_OK
                          ? reel__context_new(at, f, inputs, count, user)
                          : NULL;
    if (!c) {
        if (f && f->free) f->free(user);
        return NULL;
    }
    reel_tensor *y = run_forward(c, inputs);
    reel_status status = y ? REEL_OK : reel_error_status();
    if (y && reel__self()->anomaly && !reel__is_finite(y))
        status =
            reel_fail(REEL_ERR_STATE, at, "%s: anomaly: its result holds NaN or infinity", f->name);
    else if (y && is_recorded(c, y))
        status = record(c, inputs, y);
    if (status != REEL_OK) {
        reel_release(y);
        y = NULL;
    }
    if (!c->node) reel__context_free(c);
    return reel__scope_give(y);
}
