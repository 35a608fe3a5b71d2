/* Neighbours as one kernel: each group grows as long as the backend can make one kernel of it. */
#include "capture/capture_internal.h"

const reel__fusing *reel__fusing_of(const reel__group_node *n) {
    const reel__call *c = &n->call;
    const reel_tensor *x = c->nout ? c->out[0] : c->nin ? reel__input(c, 0) : NULL;
    return x ? x->storage->backend->fusing : NULL;
}

/* The nodes from `first` on that are one kernel. */
static int grow(const reel__program *p, int first) {
    const reel__fusing *how = reel__fusing_of(&p->node[first]);
    int count = 1;
    if (!how || !how->takes(&p->node[first])) return 1;
    while (first + count < p->count && reel__fusing_of(&p->node[first + count]) == how &&
           how->takes(&p->node[first + count])) {
        const reel__group more = {&p->node[first], count + 1};
        if (!how->joins(&more)) break;
        count++;
    }
    return count;
}

void reel__pass_fuse(const reel__program *p, int *item_of, int *items) {
    *items = 0;
    for (int k = 0; k < p->count;) {
        const int count = grow(p, k);
        for (int i = 0; i < count; i++) item_of[k + i] = *items;
        k += count;
        ++*items;
    }
}

void reel__mark_kept(reel__program *p, const int *item_of) {
    for (int k = 0; k < p->count; k++) {
        reel__group_node *n = &p->node[k];
        n->kept = 0;
        for (int i = 0; i < n->call.nout; i++) {
            const reel__memory *m = &p->memory[n->out[i]];
            if (m->outer || m->last > item_of[k] || m->first < item_of[k]) n->kept |= 1u << i;
        }
    }
}
