/* What a resident kernel is told: words, each of which says where a tensor lies, and where in it a
 * block's part begins. */
#include "cuda/fused/resident_text_internal.h"

#include <inttypes.h>

int reel__resident_word(writer *w, int node, int slot) {
    resident *r = w->r;
    for (int i = 0; i < r->words; i++)
        if (r->word[i].node == node && r->word[i].slot == slot) return i;
    if (r->words >= REEL__RESIDENT_WORDS) {
        w->failed = true;
        return 0;
    }
    r->word[r->words].node = node;
    r->word[r->words].slot = slot;
    return r->words++;
}

int reel__resident_word_of(writer *w, const value *v) {
    const reel__group *g = w->r->group;
    for (int i = 0; i < g->count; i++) {
        for (int k = 0; k < g->node[i].call.nin; k++)
            if (g->node[i].in[k] == v->value) return reel__resident_word(w, i, k);
        for (int k = 0; k < g->node[i].call.nout; k++)
            if (g->node[i].out[k] == v->value)
                return reel__resident_word(w, i, g->node[i].call.nin + k);
    }
    w->failed = true;
    return 0;
}

int64_t reel__resident_stride(const value *v, int axis) {
    return v->kind == REEL__A_TILE && axis == 0 ? v->dim[1] : 1;
}

void reel__resident_memory(writer *w, const value *v) {
    const resident *r = w->r;
    add("data<float>(a, %d)", reel__resident_word_of(w, v));
    for (int d = 0; d < (v->kind == REEL__A_TILE ? 2 : v->kind == REEL__A_VECTOR ? 1 : 0); d++) {
        const int axis = reel__resident_axis(r, v->axis[d]);
        if (axis == r->cut)
            add(" + rank * S%d * (int64_t)%" PRId64, axis, reel__resident_stride(v, d));
        if (axis == r->across && axis != r->batch)
            add(" + cluster * S%d * (int64_t)%" PRId64, axis, reel__resident_stride(v, d));
    }
}
