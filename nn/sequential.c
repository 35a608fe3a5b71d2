/* Sequential: children one after the other. */
#include "nn/module_internal.h"
#include "tensor/tensor_internal.h"

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

reel_module *reel_sequential_new(reel_module **children, int count) {
    reel_module *m = reel__module_new(sizeof *m, "sequential", forward, NULL);
    bool whole = m != NULL;
    if (count < 0 || (count && !children)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "sequential_new: no modules: %d of them", count);
        count = 0;
        whole = false;
    }
    for (int i = 0; i < count; i++) { /* to the end even after a failure: all of them are ours */
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (!reel_module_child(m, name, children[i])) whole = false;
    }
    if (whole) return m;
    reel_module_free(m);
    return NULL;
}
