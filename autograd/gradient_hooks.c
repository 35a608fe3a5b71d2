/* Hooks: what the caller does with a tensor's gradient on its way. */
#include "autograd/autograd_internal.h"

#include <stdlib.h>

static reel__hook_list *list_of(const reel_tensor *t) {
    if (!t || !t->track) return NULL;
    return t->track->node ? &t->track->node->hooks : &t->track->hooks;
}

int reel_register_hook_at(const char *at, reel_tensor *t, reel_hook_fn fn, void *user) {
    if (t && !reel__live(at, "register_hook", NULL, t)) return 0;
    reel__hook_list *l = list_of(t);
    if (!t && reel_failed()) return 0;
    if (!l || !fn) {
        char operand[200] = "the tensor";
        if (t) reel__describe(operand, sizeof operand, reel_name(t), t, false, false);
        reel_fail(REEL_ERR_ARGUMENT, at, "register_hook: %s is %s", fn ? operand : "the hook",
                  t && fn ? "not tracked" : "NULL");
        return 0;
    }
    reel__hook *h = malloc(sizeof *h), **end = &l->first;
    if (!h) {
        reel_fail(REEL_ERR_MEMORY, at, "register_hook: out of memory");
        return 0;
    }
    *h = (reel__hook){++l->made, fn, user, at, NULL};
    while (*end) end = &(*end)->next;
    *end = h;
    return h->id;
}

void reel_remove_hook(reel_tensor *t, int hook) {
    reel__hook_list *l = t && reel__live(NULL, "remove_hook", NULL, t) ? list_of(t) : NULL;
    if (!l) return;
    for (reel__hook **h = &l->first; *h; h = &(*h)->next) {
        if ((*h)->id != hook) continue;
        reel__hook *gone = *h;
        *h = gone->next;
        free(gone);
        return;
    }
}

void reel__hooks_free(reel__hook_list *l) {
    while (l->first) {
        reel__hook *gone = l->first;
        l->first = gone->next;
        free(gone);
    }
}

static reel_status check_replacement(const reel__hook *h, const reel_tensor *g,
                                     const reel_tensor *other) {
    if (!reel__live(h->at, "hook", "its result", other)) return reel_error_status();
    const bool moved = !reel_device_equal(g->storage->device, other->storage->device);
    if (reel_shape_equal(g->layout.shape, other->layout.shape) &&
        g->layout.dtype == other->layout.dtype && !moved)
        return REEL_OK;
    char was[200], is[200];
    reel__describe(was, sizeof was, "", g, true, moved);
    reel__describe(is, sizeof is, "", other, true, moved);
    return reel_fail(REEL_ERR_SHAPE, h->at, "hook: gives %s for a gradient that is %s", is, was);
}

/* By id, since a hook may remove any, itself included, or make the leaf one no more. */
static const reel__hook *hook_after(const reel_tensor *leaf, const reel__node *n, int id) {
    const reel__hook *h = n ? n->hooks.first : leaf->track ? leaf->track->hooks.first : NULL;
    while (h && h->id <= id) h = h->next;
    return h;
}

void reel__hooks_run(reel_tensor *leaf, reel__node *n, reel_tensor **g) {
    const char *context = reel__self()->context;
    reel__self()->context = NULL; /* failures inside are about the hook's own ops */
    const reel__hook *h = hook_after(leaf, n, 0);
    for (reel__hook now; h && !reel_failed(); h = hook_after(leaf, n, now.id)) {
        now = *h;
        REEL_SCOPE;
        reel_tensor *other = now.fn(*g, now.user);
        if (!other || other == *g || check_replacement(&now, *g, other) != REEL_OK) continue;
        reel_retain(other);
        reel_release(*g);
        *g = other;
    }
    reel__self()->context = context;
}
