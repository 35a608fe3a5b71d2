/* Operands as backends see them. */
#include "tensor/ops/nest_internal.h"

#include "tensor/ops.h"

/* ---- elementwise ---- */

/* Two neighbouring axes are one if every operand steps through them as through one. */
static bool joins(const reel__nest *n, int axis) {
    for (int k = 0; k < n->operands; k++)
        if (n->stride[k][axis] != n->stride[k][axis + 1] * n->dim[axis + 1]) return false;
    return true;
}

static void drop_axis(reel__nest *n, int axis) {
    n->ndim--;
    for (int i = axis; i < n->ndim; i++) {
        n->dim[i] = n->dim[i + 1];
        for (int k = 0; k < n->operands; k++) n->stride[k][i] = n->stride[k][i + 1];
    }
}

static void collapse(reel__nest *n) {
    for (int i = n->ndim - 1; i >= 0 && n->ndim > 1; i--)
        if (n->dim[i] == 1) drop_axis(n, i);
    for (int i = n->ndim - 2; i >= 0; i--) {
        if (!joins(n, i)) continue;
        n->dim[i + 1] *= n->dim[i];
        drop_axis(n, i);
    }
}

void reel__nest_make(reel__nest *n, const reel_tensor *out, int nin, reel_tensor *const *in) {
    const reel_shape shape = out->layout.shape;
    n->operands = nin + 1;
    n->ndim = shape.ndim;
    for (int k = 0; k <= nin; k++)
        reel__broadcast_strides(k ? &in[k - 1]->layout : &out->layout, shape, n->stride[k]);
    for (int i = 0; i < shape.ndim; i++) n->dim[i] = shape.dim[i];
    if (n->ndim == 0) {
        n->ndim = 1;
        n->dim[0] = 1;
        for (int k = 0; k <= nin; k++) n->stride[k][0] = 1;
    }
    collapse(n);
}

/* ---- reductions ---- */

/* Axes of one kind (reduced or kept) that follow each other and step as one. */
typedef struct {
    int64_t size, stride;
    bool reduced;
} block;

static int make_blocks(const reel__layout *l, int64_t axes, block *b) {
    int n = 0;
    for (int i = 0; i < l->shape.ndim; i++) {
        if (l->shape.dim[i] == 1) continue;
        bool reduced = axes >> i & 1;
        if (n && b[n - 1].reduced == reduced && b[n - 1].stride == l->stride[i] * l->shape.dim[i]) {
            b[n - 1].size *= l->shape.dim[i];
            b[n - 1].stride = l->stride[i];
        } else {
            b[n++] = (block){l->shape.dim[i], l->stride[i], reduced};
        }
    }
    return n;
}

/* Recognises [kept] reduced [kept] with the last of them contiguous. */
static bool recognise(const reel__layout *l, int64_t axes, reel__reduction *r) {
    block b[REEL_MAX_DIMS];
    int n = make_blocks(l, axes, b), k = 0;
    r->outer = r->rows = r->columns = 1;
    r->outer_stride = r->row_stride = 1;
    if (k < n && !b[k].reduced && (n > 1 || b[k].stride != 1)) {
        r->outer = b[k].size;
        r->outer_stride = b[k++].stride;
    }
    if (k < n && b[k].reduced) {
        r->rows = b[k].size;
        r->row_stride = b[k++].stride;
    }
    if (k < n && !b[k].reduced && b[k].stride == 1) {
        r->columns = b[k++].size;
        if (r->rows == 1) r->row_stride = r->columns;
    }
    return k == n && (r->columns > 1 || r->row_stride == 1 || r->rows == 1);
}

/* x with the kept axes first and the reduced ones last, contiguous: always recognised. */
static reel_tensor *rearranged(const char *at, reel_tensor *x, int64_t *axes) {
    int ndim = x->layout.shape.ndim, k = 0;
    reel_shape order = {ndim, {0}};
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < ndim; i++)
            if ((*axes >> i & 1) == pass) order.dim[k++] = i;
    int reduced = __builtin_popcountll((unsigned long long)*axes);
    *axes = (((int64_t)1 << reduced) - 1) << (ndim - reduced);
    return reel_contiguous_at(at, reel_permute_at(at, x, order));
}

static reel_status make(reel__reduction *r, const char *at, reel_tensor *x, int64_t axes) {
    if (!recognise(&x->layout, axes, r)) {
        x = rearranged(at, x, &axes);
        if (!x) return reel_error_status();
        recognise(&x->layout, axes, r);
    }
    r->x = x;
    return REEL_OK;
}

reel_status reel__reduction_make(reel__reduction *r, const reel__call *c, int64_t axes) {
    return make(r, c->at, c->in[0], axes);
}

reel_status reel__reduction_make_both(reel__reduction *r, const reel_tensor **second,
                                      const reel__call *c, int64_t axes) {
    for (int i = 1; i >= 0; i--) {
        reel_tensor *x = reel_contiguous_at(c->at, c->in[i]);
        if (!x) return reel_error_status();
        REEL_TRY(make(r, c->at, x, axes));
        if (i) *second = r->x;
    }
    return REEL_OK;
}

const reel__fold_name reel__fold_of[REEL_OP_COUNT] = {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    [REEL_OP_##name] = REEL__FOLD_##fold,
#include "tensor/ops/ops_reduce.def"
};

reel__left reel__left_of(const reel__call *c) {
    const int64_t count = reel__count_over(c->in[0]->layout.shape, c->with.reduce.axes);
    return (reel__left){.count = (double)count * reel__times(c),
                        .correction = c->with.reduce.correction,
                        .p = c->with.reduce.p};
}

int64_t reel__expanded_axes(const reel__call *c) {
    const reel__layout *l = &c->in[0]->layout;
    const int ndim = l->shape.ndim;
    const bool counts = reel__is_position(reel__fold_of[c->op]);
    const bool in_front =
        counts && __builtin_popcountll((unsigned long long)c->with.reduce.axes) > 1;
    int64_t axes = 0;
    for (int i = 0; i < ndim; i++) {
        if (l->shape.dim[i] > 1 && l->stride[i] == 0)
            axes |= (int64_t)1 << i;
        else if (in_front && l->shape.dim[i] > 1)
            break;
    }
    return axes;
}

/* c's result with one entry along the kept ones of these axes. */
static reel_tensor *narrow_result(const reel__call *c, int64_t expanded) {
    reel_shape shape = REEL_SCALAR;
    const reel_shape in = c->in[0]->layout.shape, out = c->out[0]->layout.shape;
    for (int i = 0; i < in.ndim; i++) {
        const bool reduced = c->with.reduce.axes >> i & 1;
        if (reduced && !(c->with.reduce.kept >> i & 1)) continue;
        shape.dim[shape.ndim] = !reduced && expanded >> i & 1 ? 1 : out.dim[shape.ndim];
        shape.ndim++;
    }
    return reel_empty_at(c->at, shape, c->out[0]->layout.dtype, c->out[0]->storage->device);
}

reel_status reel__reduce_narrow(const reel__call *c, int64_t expanded) {
    const reel__backend *backend = c->in[0]->storage->backend;
    const bool spreads = expanded & ~c->with.reduce.axes;
    reel_status status = REEL_ERR_MEMORY;
    REEL_SCOPE;
    reel__layout layout = c->in[0]->layout;
    double times = reel__times(c);
    for (int i = 0; i < layout.shape.ndim; i++) {
        if (!(expanded >> i & 1)) continue;
        if (c->with.reduce.axes >> i & 1) times *= (double)layout.shape.dim[i];
        layout.shape.dim[i] = 1;
    }
    reel_tensor *x = reel__scope_give(reel__tensor_view(c->at, "expand", c->in[0], &layout));
    reel_tensor *y = spreads ? narrow_result(c, expanded) : c->out[0];
    if (!x || !y) return reel_error_status();
    reel__call narrow = *c;
    narrow.in[0] = x;
    narrow.out[0] = y;
    narrow.with.reduce.times = times;
    status = backend->kernels[c->op](&narrow);
    if (status == REEL_OK && spreads && !reel_copy_at_(c->at, c->out[0], y))
        status = reel_error_status();
    return status;
}

/* ---- around an axis ---- */

void reel__around_axis(reel_shape s, int axis, int64_t *outer, int64_t *inner) {
    *outer = *inner = 1;
    for (int i = 0; i < axis; i++) *outer *= s.dim[i];
    for (int i = axis + 1; i < s.ndim; i++) *inner *= s.dim[i];
}

/* ---- parts ---- */

reel_tensor reel__sliced(const reel_tensor *t, int axis, int64_t start, int64_t count,
                         int64_t step) {
    reel_tensor part = {.refs = 1, .layout = t->layout, .storage = t->storage};
    part.layout.shape.dim[axis] = count;
    part.layout.offset += start * part.layout.stride[axis];
    part.layout.stride[axis] *= step;
    return part;
}

reel_tensor reel__flipped(const reel_tensor *t, int axis) {
    const int64_t n = t->layout.shape.dim[axis];
    return reel__sliced(t, axis, n > 0 ? n - 1 : 0, n, -1);
}

int64_t reel__joined_entries(const reel__call *c, int i) {
    return c->op == REEL_OP_stack ? 1 : c->list[i]->layout.shape.dim[c->with.axis];
}

reel_tensor reel__joined_part(const reel__call *c, int i, int64_t before) {
    const int axis = c->with.axis;
    const reel_shape shape = c->list[i]->layout.shape;
    reel_tensor part = reel__sliced(c->out[0], axis, before, reel__joined_entries(c, i), 1);
    if (c->op != REEL_OP_stack) return part;
    part.layout.shape = shape;
    for (int k = axis; k < shape.ndim; k++) part.layout.stride[k] = part.layout.stride[k + 1];
    return part;
}
