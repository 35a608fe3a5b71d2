#include "tests/parity/parity_layout.h"

#include <math.h>
#include <string.h>

static parity_layout dense(int ndim) {
    parity_layout l = {0};
    for (int i = 0; i < ndim; i++) l.order[i] = i, l.step[i] = 1;
    return l;
}

static void shuffle(dice *d, parity_layout *l, int ndim) {
    for (int i = ndim - 1; i > 0; i--) {
        const int j = (int)dice_int(d, 0, i), at_j = l->order[j];
        l->order[j] = l->order[i], l->order[i] = at_j;
    }
}

parity_layout parity_some_layout(dice *d, int ndim) {
    parity_layout l = dense(ndim);
    if (ndim == 0 || dice_one_in(d, 4)) return l;
    if (dice_one_in(d, 2)) shuffle(d, &l, ndim);
    for (int cuts = (int)dice_int(d, 0, 2); cuts > 0; cuts--) {
        const int i = (int)dice_int(d, 0, ndim - 1);
        l.start[i] = dice_int(d, 0, 3);
        l.step[i] = dice_int(d, 1, 3);
        l.rest[i] = dice_int(d, 0, 2);
    }
    if (dice_one_in(d, 3)) l.same[dice_int(d, 0, ndim - 1)] = true;
    return l;
}

static bool is_cut(const parity_layout *l, int i) {
    return l->start[i] || l->rest[i] || l->step[i] > 1;
}

static bool is_moved(const parity_layout *l, int ndim) {
    for (int i = 0; i < ndim; i++)
        if (l->order[i] != i) return true;
    return false;
}

/* Appends " I" to `to`, and before the first of a kind what it is. */
static void say(char *to, size_t size, const char *what, int i, bool *said) {
    const size_t at = strlen(to);
    snprintf(to + at, size - at, "%s%s %d", *said ? "" : at ? ", " : "", *said ? "" : what, i);
    *said = true;
}

void parity_layout_text(char *to, size_t size, const parity_layout *l, int ndim) {
    bool moved = false, cut = false, same = false;
    to[0] = 0;
    for (int i = 0; i < ndim && is_moved(l, ndim); i++)
        say(to, size, "permuted", l->order[i], &moved);
    for (int i = 0; i < ndim; i++)
        if (is_cut(l, i)) say(to, size, "sliced", i, &cut);
    for (int i = 0; i < ndim; i++)
        if (l->same[i]) say(to, size, "expanded", i, &same);
    if (!to[0]) snprintf(to, size, "dense");
}

void parity_stretch(array a, const parity_layout *l) {
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(a); k++, array_next(a.shape, at)) {
        int64_t from = 0;
        for (int i = 0; i < a.shape.ndim; i++)
            from = from * a.shape.dim[i] + (l->same[i] ? 0 : at[i]);
        a.v[k] = a.v[from];
    }
}

/* Entries of the base along the tensor's axis i, which has n. */
static int64_t base_length(const parity_layout *l, int i, int64_t n) {
    const int64_t used = l->same[i] && n ? 1 : n;
    return l->start[i] + (used ? (used - 1) * l->step[i] + 1 : 0) + l->rest[i];
}

array parity_base(const parity_layout *l, array a, reel_dtype dtype) {
    const int ndim = a.shape.ndim;
    reel_shape s = a.shape;
    int64_t at[REEL_MAX_DIMS] = {0}, stride[REEL_MAX_DIMS], next = 1;
    for (int i = 0; i < ndim; i++) s.dim[l->order[i]] = base_length(l, i, a.shape.dim[i]);
    for (int i = ndim - 1; i >= 0; i--) stride[i] = next, next *= s.dim[i];
    array b = array_new(s);
    for (int64_t k = 0; k < array_size(b); k++) b.v[k] = parity_is_integer(dtype) ? 99 : NAN;
    for (int64_t k = 0; k < array_size(a); k++, array_next(a.shape, at)) {
        int64_t to = 0;
        for (int i = 0; i < ndim; i++)
            to += stride[l->order[i]] * (l->start[i] + (l->same[i] ? 0 : at[i] * l->step[i]));
        b.v[to] = a.v[k];
    }
    return b;
}

reel_tensor *parity_view(reel_tensor *base, const parity_layout *l, reel_shape shape) {
    reel_shape order = {shape.ndim, {0}};
    bool same = false;
    for (int i = 0; i < shape.ndim; i++) order.dim[i] = l->order[i], same |= l->same[i];
    reel_tensor *t = shape.ndim ? reel_permute(base, order) : base;
    for (int i = 0; i < shape.ndim; i++) {
        const int64_t used = l->same[i] && shape.dim[i] ? 1 : shape.dim[i];
        if (is_cut(l, i))
            t = reel_slice(t, i, l->start[i],
                           used ? l->start[i] + (used - 1) * l->step[i] + 1 : l->start[i],
                           l->step[i]);
    }
    return same ? reel_expand(t, shape) : t;
}
