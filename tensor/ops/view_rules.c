/* View rules: shape rules whose result shares its input's storage, so they give strides and offset
 * too. */
#include "tensor/ops/shape_rules_internal.h"

static void like(reel__layout *out, const reel__call *c) {
    *out = c->in[0]->layout;
}

/* Walks both shapes from the front: a run of x's axes that are one block in memory can be cut into
 * any axes of the same product. */
bool reel__reshape_strides(const reel__layout *x, reel_shape shape, int64_t stride[REEL_MAX_DIMS]) {
    if (reel__shape_numel(shape) == 0 || reel__layout_is_contiguous(x)) {
        reel__layout l = {.shape = shape};
        reel__layout_contiguous(&l);
        for (int i = 0; i < shape.ndim; i++) stride[i] = l.stride[i];
        return true;
    }
    int from[REEL_MAX_DIMS], n = 0; /* x's axes without those of size 1 */
    for (int i = 0; i < x->shape.ndim; i++)
        if (x->shape.dim[i] != 1) from[n++] = i;
    int to = shape.ndim - 1;
    for (int last = n - 1; last >= 0;) {
        int first = last;
        int64_t block = x->shape.dim[from[last]];
        while (first > 0 &&
               x->stride[from[first - 1]] == x->shape.dim[from[first]] * x->stride[from[first]])
            block *= x->shape.dim[from[--first]];
        int64_t step = x->stride[from[last]], made = 1;
        for (; to >= 0 && (made < block || shape.dim[to] == 1); to--) {
            stride[to] = step * made;
            made *= shape.dim[to];
        }
        if (made != block) return false;
        last = first - 1;
    }
    for (; to >= 0; to--) stride[to] = 1;
    return true;
}

reel_status reel__rule_reshape(const reel__call *c, reel__layout *out) {
    like(out, c);
    out->shape = c->with.shape;
    if (reel__reshape_strides(&c->in[0]->layout, out->shape, out->stride)) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "its strides allow no view");
}

/* The axes were checked by the public function. */
reel_status reel__rule_permute(const reel__call *c, reel__layout *out) {
    const reel__layout *x = &c->in[0]->layout;
    like(out, c);
    for (int i = 0; i < x->shape.ndim; i++) {
        out->shape.dim[i] = x->shape.dim[c->with.axes.dim[i]];
        out->stride[i] = x->stride[c->with.axes.dim[i]];
    }
    return REEL_OK;
}

/* All was checked by the public function. */
reel_status reel__rule_slice(const reel__call *c, reel__layout *out) {
    like(out, c);
    const int axis = c->with.slice.axis;
    out->offset += c->with.slice.start * out->stride[axis];
    out->shape.dim[axis] = c->with.slice.count;
    out->stride[axis] *= c->with.slice.step;
    return REEL_OK;
}

reel_status reel__rule_expand(const reel__call *c, reel__layout *out) {
    reel_shape s;
    like(out, c);
    if (reel__shape_numel(c->with.shape) < 0 || !reel__broadcast(out->shape, c->with.shape, &s) ||
        !reel_shape_equal(s, c->with.shape)) {
        char text[200];
        reel__shape_text(text, sizeof text, c->with.shape);
        return reel__fail_call(REEL_ERR_SHAPE, c, "does not broadcast to %s", text);
    }
    out->shape = s;
    reel__broadcast_strides(&c->in[0]->layout, s, out->stride);
    return REEL_OK;
}
