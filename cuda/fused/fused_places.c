/* The space that a group's kernel goes over, and where in it each node is. */
#include "cuda/fused/fused_space_internal.h"

#include <string.h>

void reel__fused_result_strides(const reel__group_node *n, int64_t stride[REEL_MAX_DIMS]) {
    const reel__layout *l = &n->call.out[0]->layout;
    const reel_shape shape = shape_of(n);
    for (int b = 0, k = 0; b < shape.ndim; b++) {
        const bool reduced = folds(&n->call) && n->call.with.reduce.axes >> b & 1;
        stride[b] = reduced ? 0 : l->stride[k];
        k += !reduced || n->call.with.reduce.kept >> b & 1;
    }
}

/* ---- its axes ---- */

/* Elements behind each axis: a shape is told by these products, and shapes of as many elements can
 * be told by axes of all of them together if each divides the next. */
typedef struct {
    int count;
    int64_t of[REEL__FUSED_AXES + REEL_MAX_DIMS];
} products;

static bool put_product(products *p, int64_t n) {
    int at = 0;
    while (at < p->count && p->of[at] < n) at++;
    if (at < p->count && p->of[at] == n) return true;
    if (p->count >= REEL__FUSED_AXES + 1) return false;
    memmove(p->of + at + 1, p->of + at, (size_t)(p->count - at) * sizeof *p->of);
    p->of[at] = n;
    p->count++;
    return true;
}

static bool put_products(products *p, reel_shape s) {
    int64_t behind = 1;
    if (!put_product(p, 1)) return false;
    for (int i = s.ndim - 1; i >= 0; i--) {
        behind *= s.dim[i];
        if (!put_product(p, behind)) return false;
    }
    return true;
}

bool reel__fused_make_axes(reel__fused_space *s) {
    products p = {0};
    for (int i = 0; i < s->steps; i++) {
        const reel_shape shape = shape_of(s->step[i].node);
        if (reel__shape_numel(shape) == s->count && !put_products(&p, shape)) return false;
    }
    s->ndim = p.count > 1 ? p.count - 1 : 1;
    s->dim[0] = 1;
    for (int i = 0; i + 1 < p.count; i++) {
        if (p.of[i + 1] % p.of[i] != 0) return false;
        s->dim[s->ndim - 1 - i] = p.of[i + 1] / p.of[i];
    }
    return true;
}

/* ---- where nodes are in it ---- */

void reel__fused_place_whole(const reel__fused_space *s, reel__fused_step *t) {
    const reel_shape shape = shape_of(t->node);
    int64_t behind = 1;
    t->placed = t->whole = true;
    for (int b = shape.ndim - 1; b >= 0; behind *= shape.dim[b--]) {
        int64_t inner = 1;
        for (int j = s->ndim - 1; j >= 0; inner *= s->dim[j--])
            if (s->dim[j] > 1 && behind <= inner && inner * s->dim[j] <= behind * shape.dim[b])
                t->along[b][j] = inner / behind;
    }
}

void reel__fused_spread(const reel__fused_space *s, const reel__fused_step *t,
                        const int64_t *stride, int64_t along[REEL__FUSED_AXES]) {
    const int ndim = shape_of(t->node).ndim;
    for (int j = 0; j < s->ndim; j++) {
        along[j] = 0;
        for (int b = 0; b < ndim && s->dim[j] > 1; b++) along[j] += stride[b] * t->along[b][j];
    }
}

/* The axis of l that steps of so many elements go along, -1: none. */
static int axis_of(const reel__layout *l, int64_t step, int64_t count) {
    int best = -1;
    for (int b = 0; b < l->shape.ndim; b++)
        if (l->shape.dim[b] > 1 && l->stride[b] > 0 && step % l->stride[b] == 0 &&
            step / l->stride[b] * (count - 1) < l->shape.dim[b] &&
            (best < 0 || l->stride[b] > l->stride[best]))
            best = b;
    return best;
}

/* A smaller node, whose result is read by these steps: which of its axes each goes along. */
static bool place_small(const reel__fused_space *s, reel__fused_step *t,
                        const int64_t along[REEL__FUSED_AXES]) {
    const reel__layout *l = &t->node->call.out[0]->layout;
    for (int j = 0; j < s->ndim; j++) {
        if (along[j] == 0) continue;
        const int b = along[j] > 0 ? axis_of(l, along[j], s->dim[j]) : -1;
        if (b < 0) return false;
        t->along[b][j] = along[j] / l->stride[b];
    }
    t->placed = true;
    return true;
}

bool reel__fused_demand(const reel__fused_space *s, reel__fused_step *p, int64_t offset,
                        const int64_t along[REEL__FUSED_AXES]) {
    const reel__layout *l = &p->node->call.out[0]->layout;
    int64_t made[REEL__FUSED_AXES], stride[REEL_MAX_DIMS];
    if (offset != l->offset) return false;
    if (!p->placed && !place_small(s, p, along)) return false;
    reel__fused_result_strides(p->node, stride);
    reel__fused_spread(s, p, stride, made);
    return memcmp(made, along, (size_t)s->ndim * sizeof *made) == 0;
}

void reel__fused_place_behind(const reel__fused_space *s, reel__fused_step *t, int k,
                              const reel__fused_step *maker) {
    const reel_shape shape = shape_of(t->node);
    const reel__layout *l = &t->node->call.in[k]->layout;
    reel__layout seen = {.shape = shape};
    int64_t stride[REEL_MAX_DIMS], made[REEL__FUSED_AXES];
    reel__fused_result_strides(maker->node, stride);
    reel__fused_spread(s, maker, stride, made);
    reel__broadcast_strides(l, shape, seen.stride);
    for (int j = 0; j < s->ndim; j++) {
        const int b = made[j] > 0 ? axis_of(&seen, made[j], s->dim[j]) : -1;
        if (b >= 0) t->along[b][j] = made[j] / seen.stride[b];
    }
    t->placed = true;
}

bool reel__fused_place_number(reel__fused_space *s, int i) {
    reel__fused_step *t = &s->step[i];
    if (!t->placed && reel__shape_numel(shape_of(t->node)) == 1) t->placed = true;
    return t->placed;
}

/* ---- who makes what ---- */

int reel__fused_maker_of(const reel__fused_space *s, int i, int k, int *which) {
    const int value = s->step[i].node->in[k];
    for (int j = i - 1; j >= 0; j--)
        for (int r = 0; r < s->step[j].node->call.nout; r++)
            if (s->step[j].node->out[r] == value) {
                *which = r;
                return j;
            }
    return -1;
}
