/* Gradients of slices: the first one of a tensor's is put into zeros, the others are added to what
 * is there. Where together they are all of the tensor, and are added before anybody reads it, zeros
 * and sums are for nothing: each is copied to its place. A -0 stays one then, which 0 + -0 is not;
 * so it is done where bits may differ from those of ops one by one. */
#include "capture/capture_internal.h"

#include <stdlib.h>

/* A tensor that is filled slice by slice. */
typedef struct {
    int value;
    reel__layout layout; /* all of it, contiguous */
    int axis;
    int64_t filled; /* entries along the axis */
    bool *is_there; /* of each of them */
} tensor;

static bool is_loose(const reel__trace *t, int value) {
    const reel_tensor *base = t->value[value].base;
    const reel__fusing *how = base ? base->storage->backend->fusing : NULL;
    return how && how->reach > 0;
}

/* Entries first..first + count - 1 of it, as a layout; its own where these are marked. */
static bool mark(tensor *whole, int64_t first, int64_t count) {
    const int64_t size = whole->layout.shape.dim[whole->axis];
    if (first < 0 || count < 1 || first + count > size) return false;
    for (int64_t i = first; i < first + count; i++) {
        if (whole->is_there[i]) return false;
        whole->is_there[i] = true;
    }
    whole->filled += count;
    return true;
}

/* Whether the operand is such a slice, not yet there, which is marked. */
static bool mark_slice(tensor *whole, const reel__layout *l) {
    const reel__layout *all = &whole->layout;
    const int axis = whole->axis;
    if (l->dtype != all->dtype || l->shape.ndim != all->shape.ndim) return false;
    for (int i = 0; i < all->shape.ndim; i++) {
        if (i != axis && l->shape.dim[i] != all->shape.dim[i]) return false;
        if (l->shape.dim[i] > 1 && l->stride[i] != all->stride[i]) return false;
    }
    const int64_t by = l->offset - all->offset, stride = all->stride[axis];
    return by % stride == 0 && mark(whole, by / stride, l->shape.dim[axis]);
}

/* slice_put: what the tensor begins with. */
static bool begins(const reel__trace *t, const reel__entry *e, const int *value, tensor *whole) {
    if (e->call.op != REEL_OP_slice_put || e->section >= 0 || e->call.with.slice.step != 1)
        return false;
    const reel__operand *out = &e->operand[1];
    whole->value = value[out->value];
    whole->layout = out->layout;
    whole->axis = e->call.with.slice.axis;
    const reel__value *v = &t->value[whole->value];
    const int64_t bytes =
        reel__shape_numel(out->layout.shape) * (int64_t)reel_dtype_size(out->layout.dtype);
    return v->inner && (int64_t)v->bytes == bytes && bytes > 0 && out->layout.offset == 0 &&
           reel__layout_is_contiguous(&out->layout) && is_loose(t, whole->value);
}

static bool touches(const reel__entry *e, const int *value, int v) {
    for (int i = 0; i < e->call.nin + e->call.nout; i++)
        if (value[e->operand[i].value] == v) return true;
    return false;
}

/* slice = slice + y: which input y is; -1: it is something else. */
static int added(const reel__entry *e, const int *value, int v) {
    if (e->call.op != REEL_OP_add || e->section >= 0 || value[e->operand[2].value] != v) return -1;
    for (int y = 0; y < 2; y++) {
        const reel__operand *o = &e->operand[y];
        if (value[e->operand[1 - y].value] == v && value[o->value] != v &&
            reel__same_layout(&e->operand[1 - y].layout, &e->operand[2].layout, false) &&
            reel_shape_equal(o->layout.shape, e->operand[2].layout.shape) &&
            o->layout.dtype == e->operand[2].layout.dtype)
            return y;
    }
    return -1;
}

/* The entry becomes a copy of its input `from` to `to`. */
static reel_status become_copy(reel__entry *e, int from, const reel__operand *to) {
    reel__operand *o = malloc(2 * sizeof *o);
    if (!o) return reel__capture_no_memory(e->call.at);
    o[0] = e->operand[from];
    o[1] = *to;
    e->call = (reel__call){
        .op = REEL_OP_copy, .nin = 1, .nout = 1, .at = e->call.at, .device = e->call.device};
    e->operand = o;
    return REEL_OK;
}

static reel__operand slice_of(const tensor *whole, int operand_value, int64_t first,
                              int64_t count) {
    reel__operand o = {.value = operand_value, .layout = whole->layout};
    o.layout.shape.dim[whole->axis] = count;
    o.layout.offset += first * whole->layout.stride[whole->axis];
    return o;
}

/* The entry by which the tensor that entry k begins is all there; -1: it is read before, or never
 * is. */
static int last_of(const reel__program *p, int k, const bool *stays, const int *value,
                   tensor *whole) {
    const reel__with *with = &p->entry[k].call.with;
    if (!mark(whole, with->slice.start, with->slice.count)) return -1;
    const int64_t size = whole->layout.shape.dim[whole->axis];
    for (int i = k + 1; i < p->trace->count && whole->filled < size; i++) {
        const reel__entry *e = &p->entry[i];
        if (!stays[i] || !touches(e, value, whole->value)) continue;
        if (added(e, value, whole->value) < 0 || !mark_slice(whole, &e->operand[2].layout))
            return -1;
        k = i;
    }
    return whole->filled == size ? k : -1;
}

static reel_status replace(reel__program *p, int first, int last, const bool *stays,
                           const int *value, const tensor *whole) {
    const reel__with with = p->entry[first].call.with;
    const reel__operand to =
        slice_of(whole, p->entry[first].operand[1].value, with.slice.start, with.slice.count);
    REEL_TRY(become_copy(&p->entry[first], 0, &to));
    for (int i = first + 1; i <= last; i++) {
        reel__entry *e = &p->entry[i];
        if (!stays[i] || !touches(e, value, whole->value)) continue;
        const reel__operand out = e->operand[2];
        REEL_TRY(become_copy(e, added(e, value, whole->value), &out));
    }
    return REEL_OK;
}

reel_status reel__pass_slices(reel__program *p, const bool *stays, const int *value) {
    reel_status status = REEL_OK;
    if (p->without & REEL_PASS_FUSE) return REEL_OK;
    for (int k = 0; k < p->trace->count && status == REEL_OK; k++) {
        tensor whole = {0};
        if (!stays[k] || !begins(p->trace, &p->entry[k], value, &whole)) continue;
        whole.is_there = calloc((size_t)whole.layout.shape.dim[whole.axis], 1);
        if (!whole.is_there) return reel__capture_no_memory(NULL);
        const int last = last_of(p, k, stays, value, &whole);
        if (last >= 0) status = replace(p, k, last, stays, value, &whole);
        free(whole.is_there);
    }
    return status;
}
