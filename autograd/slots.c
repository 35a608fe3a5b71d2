/* Slots: the tensors whose gradients a pass is asked for, and what must be worked out for them. */
#include "autograd/autograd_internal.h"

#include <stdlib.h>

reel__slot *reel__slot_of(const reel__pass *p, const reel_tensor *t) {
    if (!t->track) return NULL;
    reel__slot *s = t->track->node ? t->track->node->slot : t->track->slot;
    return s && s->pass == p ? s : NULL;
}

reel__slot *reel__slot_make(reel__pass *p, reel_tensor *t) {
    struct reel__track *k = t->track;
    reel__slot *s = reel__slot_of(p, t);
    if (s) return s;
    if (k->node && k->node->slot) {
        reel_fail(REEL_ERR_STATE, p->at, "%s: another pass over the same tape is under way",
                  p->what);
        return NULL;
    }
    s = calloc(1, sizeof *s);
    if (!s) {
        reel_fail(REEL_ERR_MEMORY, p->at, "%s: out of memory", p->what);
        return NULL;
    }
    *s = (reel__slot){.pass = p, .tensor = reel_retain(t), .outer = k->slot, .next = p->slots};
    p->slots = s;
    *(k->node ? &k->node->slot : &k->slot) = s;
    return s;
}

void reel__slot_free(reel__slot *s) {
    struct reel__track *k = s->tensor->track; /* NULL: frozen meanwhile */
    if (k && k->node && k->node->slot == s) k->node->slot = NULL;
    if (k && k->slot == s) k->slot = s->outer;
    reel_release(s->sum);
    reel_release(s->tensor);
    free(s);
}

/* In a pass that goes to some tensors alone: whether the edge leads to one of them. */
static bool leads_somewhere(const reel__pass *p, const reel__edge *e) {
    return e->node ? e->node->slot || e->node->wanted : reel__slot_of(p, e->leaf) != NULL;
}

bool reel__needs(const reel__node *n, int i) {
    const reel__edge *e = &n->edge[i];
    if (!e->node && !e->leaf) return false;
    return !n->pass || !n->pass->selective || leads_somewhere(n->pass, e);
}
