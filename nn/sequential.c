/* Children by number: one after the other, or as a list. */
#include "nn/module_internal.h"
#include "tensor/core/tensor_internal.h"

#include <stdlib.h>

/* What came out of a child is let go as soon as the next has used it. */
static reel_tensor *forward(reel_module *m, reel_tensor *x) {
    reel_tensor *held = NULL;
    for (int i = 0; i < m->count && x; i++) {
        reel_tensor *y = NULL;
        {
            REEL_SCOPE;
            y = reel_retain(reel_forward_at(NULL, m->entries[i].child, x));
        }
        reel_release(held);
        held = x = y;
    }
    return held ? reel__scope_give(held) : x;
}

/* Of these children, which are ours even after a failure; in its message the function is `what`. */
static reel_module *of_children(const char *what, const char *type, reel_forward_fn f,
                                reel_module **children, int count) {
    reel_module *m = reel__module_new(sizeof *m, type, f, NULL);
    bool whole = m != NULL;
    if (count < 0 || (count && !children)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no modules: %d of them", what, count);
        count = 0;
        whole = false;
    }
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (!reel__module_adopt(what, m, name, children[i])) whole = false;
    }
    return reel__module_made(m, whole);
}

reel_module *reel_sequential_new(reel_module **children, int count) {
    return of_children("sequential_new", "sequential", forward, children, count);
}

reel_module *reel_module_list_new(reel_module **children, int count) {
    return of_children("module_list_new", "module_list", NULL, children, count);
}
