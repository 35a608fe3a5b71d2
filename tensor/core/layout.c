/* Shapes and strides: the arithmetic of views. */
#include "tensor/core/tensor_internal.h"

int64_t reel__shape_numel(reel_shape s) {
    int64_t n = 1;
    bool empty = false;
    if (s.ndim < 0 || s.ndim > REEL_MAX_DIMS) return -1;
    for (int i = 0; i < s.ndim; i++) {
        if (s.dim[i] == 0)
            empty = true; /* the strides of the other axes must not overflow either */
        else if (s.dim[i] < 0 || __builtin_mul_overflow(n, s.dim[i], &n))
            return -1;
    }
    return empty ? 0 : n;
}

int64_t reel__count_over(reel_shape s, int64_t axes) {
    int64_t n = 1;
    for (int i = 0; i < s.ndim; i++)
        if (axes >> i & 1) n *= s.dim[i];
    return n;
}

void reel__layout_contiguous(reel__layout *l) {
    int64_t stride = 1;
    for (int i = l->shape.ndim - 1; i >= 0; i--) {
        l->stride[i] = stride;
        stride *= l->shape.dim[i] > 0 ? l->shape.dim[i] : 1;
    }
    l->offset = 0;
}

bool reel__layout_is_contiguous(const reel__layout *l) {
    int64_t stride = 1;
    for (int i = l->shape.ndim - 1; i >= 0; i--) {
        if (l->shape.dim[i] == 0) return true;
        if (l->shape.dim[i] != 1 && l->stride[i] != stride) return false;
        stride *= l->shape.dim[i];
    }
    return true;
}

bool reel__layout_overlaps(const reel__layout *l) {
    for (int i = 0; i < l->shape.ndim; i++)
        if (l->shape.dim[i] > 1 && l->stride[i] == 0) return true;
    return false;
}

int reel__axis(int axis, int ndim) {
    if (axis < 0) axis += ndim;
    return axis >= 0 && axis < ndim ? axis : -1;
}

bool reel_shape_equal(reel_shape a, reel_shape b) {
    if (a.ndim != b.ndim || a.ndim > REEL_MAX_DIMS) return false;
    for (int i = 0; i < a.ndim; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

bool reel__broadcast(reel_shape a, reel_shape b, reel_shape *out) {
    reel_shape s = a.ndim >= b.ndim ? a : b;
    for (int i = 1; i <= s.ndim; i++) {
        int64_t m = i <= a.ndim ? a.dim[a.ndim - i] : 1;
        int64_t n = i <= b.ndim ? b.dim[b.ndim - i] : 1;
        if (m != n && m != 1 && n != 1) return false;
        s.dim[s.ndim - i] = m == 1 ? n : m;
    }
    *out = s;
    return true;
}

void reel__broadcast_strides(const reel__layout *l, reel_shape shape,
                             int64_t stride[REEL_MAX_DIMS]) {
    int missing = shape.ndim - l->shape.ndim;
    for (int i = 0; i < shape.ndim; i++)
        stride[i] = i < missing || l->shape.dim[i - missing] == 1 ? 0 : l->stride[i - missing];
}
