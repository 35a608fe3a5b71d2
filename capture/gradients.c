/* Gradients of leaves, which the host hands on from step to step: a step that begins with other
 * ones than a program's is another step, and a replay leaves what the step would. */
#include "capture/capture_internal.h"

#include "autograd/gradient_internal.h"

#include <stdlib.h>

/* ---- in a rehearsal ---- */

static reel_status note(reel__trace *t, reel_tensor *leaf, bool seen) {
    if (!reel__grow((void **)&t->leaf, t->leaves, &t->leaf_room, sizeof *t->leaf))
        return reel_error_status();
    reel_tensor *g = reel__gradient_of(leaf), *elements = reel__hold(leaf, &leaf->layout, NULL);
    if (!elements) return reel_error_status();
    reel__leaf *l = &t->leaf[t->leaves++];
    *l = (reel__leaf){.leaf = leaf,
                      .elements = elements,
                      .seen = seen,
                      .was = reel_retain(g),
                      .before.value = -1,
                      .after.value = -1};
    if (!g || !seen) return REEL_OK;
    l->before = reel__trace_operand(t, g);
    if (l->before.value < 0) return reel_error_status();
    t->value[l->before.value].gradient = true;
    return REEL_OK;
}

reel_status reel__gradient_noted(reel__recorder *r, reel_tensor *leaf, bool seen) {
    reel__trace *t = (reel__trace *)r;
    if (t->status != REEL_OK) return t->status;
    for (int i = 0; i < t->leaves; i++)
        if (t->leaf[i].leaf == leaf) return REEL_OK;
    return t->status = note(t, leaf, seen);
}

static bool is_there(const reel__leaf *l) {
    return reel__is_alive(l->leaf) && l->leaf->storage == l->elements->storage;
}

static bool is_tracked(const reel__leaf *l) {
    return !l->gone && is_there(l) && reel__has_gradient(l->leaf);
}

reel_status reel__gradients_after(reel__trace *t) {
    for (int i = 0; i < t->leaves; i++) {
        reel__leaf *l = &t->leaf[i];
        l->gone = !is_there(l);
        if (!is_tracked(l) || !reel__gradient_of(l->leaf)) continue;
        l->after = reel__trace_operand(t, reel__gradient_of(l->leaf));
        if (l->after.value < 0) return reel_error_status();
    }
    return REEL_OK;
}

static void let_go_of_what_was(reel__trace *t) {
    for (int i = 0; i < t->leaves; i++) {
        reel_release(t->leaf[i].was);
        t->leaf[i].was = NULL;
    }
}

void reel__gradients_undo(reel__trace *t) {
    for (int i = 0; i < t->leaves; i++)
        if (is_tracked(&t->leaf[i])) reel__put_gradient(t->leaf[i].leaf, t->leaf[i].was);
    let_go_of_what_was(t);
}

void reel__gradients_free(reel__trace *t) {
    let_go_of_what_was(t);
    for (int i = 0; i < t->leaves; i++) reel__let_go(t->leaf[i].elements);
    free(t->leaf);
}

static bool same_gradient(const reel__operand *a, const reel__operand *b) {
    return a->value == b->value &&
           (a->value < 0 || reel__same_layout(&a->layout, &b->layout, false));
}

bool reel__gradients_agree(const reel__trace *a, const reel__trace *b) {
    if (a->leaves != b->leaves) return false;
    for (int i = 0; i < a->leaves; i++) {
        const reel__leaf *x = &a->leaf[i], *y = &b->leaf[i];
        if ((x->leaf != y->leaf && !x->gone) || x->gone != y->gone || x->seen != y->seen ||
            !same_gradient(&x->before, &y->before) || !same_gradient(&x->after, &y->after))
            return false;
    }
    return true;
}

/* ---- in a replay ---- */

static bool is(const reel__program *p, const reel__operand *o, const reel_tensor *g) {
    if (o->value < 0 || !g) return o->value < 0 && !g;
    return g->storage == p->memory[o->value].base->storage &&
           reel__same_layout(&g->layout, &o->layout, false);
}

bool reel__gradients_fit(const reel__program *p) {
    const reel__trace *t = p->trace;
    for (int i = 0; i < t->leaves; i++) {
        const reel__leaf *l = &t->leaf[i];
        if (l->gone) continue;
        if (!is_there(l)) return false;
        const reel_tensor *g = is_tracked(l) ? reel__gradient_of(l->leaf) : NULL;
        if (l->seen && !is(p, &l->before, g)) return false;
    }
    return true;
}

static reel_tensor *view_of(const reel__program *p, const reel__operand *o) {
    return reel__tensor_view(NULL, "backward", p->memory[o->value].base, &o->layout);
}

static bool moves_back(const reel__leaf *l) {
    return l->before.value >= 0 && l->before.value != l->after.value &&
           reel__same_layout(&l->before.layout, &l->after.layout, true);
}

/* A gradient that the step takes in the place of another goes where that was, so that the next
 * replay finds it there. */
static reel_status put(const reel__program *p, const reel__leaf *l) {
    const reel__operand *o = &l->after;
    if (moves_back(l)) {
        REEL_SCOPE;
        o = &l->before;
        reel_tensor *to = reel__scope_give(view_of(p, o)),
                    *from = reel__scope_give(view_of(p, &l->after));
        if (!to || !from) return reel_error_status();
        REEL_TRY(reel__copy_elements(to, from));
    }
    if (is(p, o, reel__gradient_of(l->leaf))) return REEL_OK;
    reel_tensor *g = view_of(p, o);
    if (!g) return reel_error_status();
    reel__put_gradient(l->leaf, g);
    reel_release(g);
    return REEL_OK;
}

reel_status reel__gradients_put(const reel__program *p) {
    const reel__trace *t = p->trace;
    for (int i = 0; i < t->leaves; i++) {
        const reel__leaf *l = &t->leaf[i];
        if (!is_tracked(l)) continue;
        if (l->after.value < 0)
            reel__put_gradient(l->leaf, NULL);
        else
            REEL_TRY(put(p, l));
    }
    return REEL_OK;
}
