/* What passes between the two functions of an op of the user's: made, filled, let go. */
#include "autograd/context_internal.h"

#include <stdlib.h>

reel_context *reel__context_new(const char *at, const reel_function *f, reel_tensor *const *inputs,
                                int nin, void *user) {
    reel_context *c = calloc(1, sizeof *c + (size_t)nin * sizeof *c->in);
    if (c) c->gradient = calloc((size_t)nin + 1, sizeof *c->gradient);
    if (!c || !c->gradient) {
        free(c);
        reel_fail(REEL_ERR_MEMORY, at, "%s: out of memory", f->name);
        return NULL;
    }
    c->f = *f;
    c->at = at;
    c->nin = nin;
    c->user = user;
    const bool no_grad = reel__self()->no_grad;
    for (int i = 0; i < nin; i++)
        c->in[i] = (reel__context_input){inputs[i]->layout.dtype, inputs[i]->storage->device,
                                         inputs[i]->track && !no_grad};
    return c;
}

void reel__context_forget(reel_context *c) {
    while (c->saved_count > 0) reel_release(c->saved[--c->saved_count].t);
}

void reel__context_free(reel_context *c) {
    if (!c) return;
    reel__context_forget(c);
    if (c->f.free) c->f.free(c->user);
    free(c->saved);
    free(c->gradient);
    free(c);
}

void *reel_context_user(const reel_context *c) {
    return c ? c->user : NULL;
}

reel_status reel__no_context(const char *what) {
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: the context is NULL", what);
}

reel_status reel_context_save(reel_context *c, reel_tensor *t) {
    if (!c) return reel__no_context("context_save");
    if (!t)
        return reel_failed() ? reel_error_status()
                             : reel_fail(REEL_ERR_ARGUMENT, c->at, "%s: saves NULL", c->f.name);
    if (!reel__live(c->at, c->f.name, "what is to be saved", t)) return reel_error_status();
    if (!c->forward)
        return reel_fail(REEL_ERR_STATE, c->at, "%s: saves outside its forward", c->f.name);
    if (c->saved_count == c->saved_capacity) {
        int capacity = c->saved_capacity ? 2 * c->saved_capacity : 4;
        reel__context_saved *grown = realloc(c->saved, (size_t)capacity * sizeof *grown);
        if (!grown) return reel_fail(REEL_ERR_MEMORY, c->at, "%s: out of memory", c->f.name);
        c->saved = grown;
        c->saved_capacity = capacity;
    }
    const unsigned version = atomic_load_explicit(&t->storage->version, memory_order_relaxed);
    c->saved[c->saved_count++] = (reel__context_saved){reel_retain(t), version, false};
    return REEL_OK;
}
