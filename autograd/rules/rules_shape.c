/* Gradient rules of indexing and views: g = dL/d result. */
#include "autograd/autograd_internal.h"

static int64_t size_at(const reel__node *n) {
    return n->in_shape[0].dim[n->with.axis];
}

void reel__grad_index_select(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_index_add_at(n->at, g, n->with.index.axis, reel__in(n, 1), size_at(n)));
}

void reel__grad_index_add(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_index_select_at(n->at, g, n->with.index.axis, reel__in(n, 1)));
}

void reel__grad_gather(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_scatter_add_at(n->at, g, n->with.index.axis, reel__in(n, 1), size_at(n)));
}

void reel__grad_scatter_add(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_gather_at(n->at, g, n->with.index.axis, reel__in(n, 1)));
}

void reel__grad_topk(reel__node *n, reel_tensor *g) {
    reel__give(
        n, 0,
        reel_scatter_add_at(n->at, g, n->with.topk.axis, reel__saved(n, REEL__OUT(1)), size_at(n)));
}

void reel__grad_sort(reel__node *n, reel_tensor *g) {
    reel__grad_topk(n, g);
}

/* Each input's part of g: no copy. */
void reel__grad_concat(reel__node *n, reel_tensor *g) {
    const int axis = n->with.axis;
    for (int64_t i = 0, first = 0; i < n->nin; i++) {
        const int64_t end = first + n->in_shape[i].dim[axis];
        if (reel__needs(n, (int)i))
            reel__give(n, (int)i, reel_slice_at(n->at, g, axis, first, end, 1));
        first = end;
    }
}

void reel__grad_stack(reel__node *n, reel_tensor *g) {
    for (int i = 0; i < n->nin; i++)
        if (reel__needs(n, i)) reel__give(n, i, reel_select_at(n->at, g, n->with.axis, i));
}

void reel__grad_flip(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_flip_at(n->at, g, n->with.axis));
}

void reel__grad_tril(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_tril_at(n->at, g, n->with.triangle.diagonal));
}

void reel__grad_triu(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_triu_at(n->at, g, n->with.triangle.diagonal));
}

void reel__grad_slice(reel__node *n, reel_tensor *g) {
    reel__give_slice(n, 0, g);
}

void reel__grad_slice_put(reel__node *n, reel_tensor *g) {
    const int64_t start = n->with.slice.start, count = n->with.slice.count,
                  step = n->with.slice.step;
    const int64_t stop = count ? start + (count - 1) * step + 1 : start;
    reel__give(n, 0, reel_slice_at(n->at, g, n->with.slice.axis, start, stop, step));
}

void reel__grad_reshape(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, reel_reshape_at(n->at, g, n->in_shape[0]));
}

void reel__grad_permute(reel__node *n, reel_tensor *g) {
    reel_shape back = n->with.axes;
    for (int i = 0; i < back.ndim; i++) back.dim[n->with.axes.dim[i]] = i;
    reel__give(n, 0, reel_permute_at(n->at, g, back));
}

void reel__grad_expand(reel__node *n, reel_tensor *g) {
    reel__give(n, 0, g);
}
