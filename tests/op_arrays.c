/* Dense arrays for the references. */
#include "tests/op_cases.h"

#include <stdlib.h>

int64_t array_size(array a) {
    return reel__shape_numel(a.shape);
}

array array_new(reel_shape shape) {
    array a = {shape, NULL};
    a.v = calloc((size_t)array_size(a) + 1, sizeof *a.v);
    if (!a.v) abort();
    return a;
}

void array_free(array a) {
    free(a.v);
}

double array_get(array a, const int64_t *at, int ndim) {
    int64_t i = 0;
    for (int k = 0; k < a.shape.ndim; k++) {
        int64_t n = a.shape.dim[k];
        i = i * n + (n == 1 ? 0 : at[ndim - a.shape.ndim + k]);
    }
    return a.v[i];
}

bool array_next(reel_shape shape, int64_t *at) {
    for (int i = shape.ndim - 1; i >= 0; i--) {
        if (++at[i] < shape.dim[i]) return true;
        at[i] = 0;
    }
    return false;
}

void around(reel_shape s, int64_t axis, int64_t *outer, int64_t *n, int64_t *inner) {
    if (axis < 0) axis += s.ndim;
    *outer = *inner = 1;
    for (int i = 0; i < axis; i++) *outer *= s.dim[i];
    for (int i = (int)axis + 1; i < s.ndim; i++) *inner *= s.dim[i];
    *n = s.dim[axis];
}

array with_axis(reel_shape s, int64_t axis, int64_t n) {
    s.dim[axis < 0 ? axis + s.ndim : axis] = n;
    return array_new(s);
}
