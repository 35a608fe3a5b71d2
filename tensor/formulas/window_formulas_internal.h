/* One axis of pooling, padding or resampling: an element of the result is a sum, with weights, of
 * elements that lie side by side in the input, its taps. Over several axes the weights multiply.
 *
 *     y[j] = sum over t < count of weight[t] x[clamp(first + t)]
 *
 * The transposed sum, x[p] from y, goes over the j that have p among their taps: up to three ranges
 * of them. Both are sums in a fixed order, so that no two threads ever add to one place. */
#ifndef REEL_TENSOR_FORMULAS_WINDOW_FORMULAS_INTERNAL_H
#define REEL_TENSOR_FORMULAS_WINDOW_FORMULAS_INTERNAL_H

#include "tensor/ops/window_internal.h"

#include <math.h>

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

#define REEL__TAPS 4 /* that have weights of their own */
#define REEL__TAP_RANGES 3

typedef struct {
    int64_t first, count;
    double weight[REEL__TAPS]; /* even: weight[0] is that of each */
    bool even;
} reel__taps_of;

REEL_FORMULA int64_t reel__clamped(int64_t i, int64_t n) {
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* ---- windows ---- */

/* Elements first..end - 1 of the input that window j has; of a dilated one each `dilation`th. */
REEL_FORMULA void reel__window(const reel__span *a, int64_t j, int64_t *first, int64_t *end) {
    if (a->kind == REEL__ADAPTIVE) { /* floor(j in / out), ceil((j + 1) in / out) */
        *first = j * a->in / a->out;
        *end = ((j + 1) * a->in + a->out - 1) / a->out;
        return;
    }
    int64_t begin = j * a->stride - a->before;
    const int64_t stop = begin + (int64_t)(a->kernel - 1) * a->dilation + 1;
    if (begin < 0) begin += (-begin + a->dilation - 1) / a->dilation * a->dilation;
    *first = begin;
    *end = stop < a->in ? stop : a->in;
}

/* The windows *first..*end - 1 are all that can have element p. */
REEL_FORMULA void reel__windows_with(const reel__span *a, int64_t p, int64_t *first, int64_t *end) {
    if (a->kind == REEL__ADAPTIVE) { /* floor(p out / in), floor(((p + 1) out - 1) / in) */
        *first = p * a->out / a->in;
        *end = ((p + 1) * a->out - 1) / a->in + 1;
        return;
    }
    const int64_t to = p + a->before, reach = (int64_t)(a->kernel - 1) * a->dilation;
    *first = to > reach ? (to - reach + a->stride - 1) / a->stride : 0;
    *end = to / a->stride + 1;
    if (*end > a->out) *end = a->out;
}

/* ---- taps ---- */

/* Where element j of the result lies among those of the input, centres or corners aligned. */
REEL_FORMULA double reel__source(const reel__span *a, int64_t j) {
    return a->corners ? a->scale * (double)j : a->scale * ((double)j + 0.5) - 0.5;
}

/* In f32, whatever the dtype, as PyTorch has it: which element is nearest depends on it. */
REEL_FORMULA int64_t reel__nearest(const reel__span *a, int64_t j) {
    const float scale = (float)a->scale;
    const float at = a->kind == REEL__NEAREST ? (float)j * scale : ((float)j + 0.5f) * scale;
    return reel__clamped((int64_t)floorf(at), a->in);
}

REEL_FORMULA double reel__cubic_near(double x) {
    const double a = -0.75;
    return ((a + 2) * x - (a + 3)) * x * x + 1;
}
REEL_FORMULA double reel__cubic_far(double x) {
    const double a = -0.75;
    return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* Which element a padded one is; outside 0..in-1: none. */
REEL_FORMULA int64_t reel__padded_from(const reel__span *a, int64_t j) {
    const int64_t i = j - a->before;
    switch (a->kind) {
    case REEL__REFLECT:
        return i < 0 ? -i : i >= a->in ? 2 * (a->in - 1) - i : i;
    case REEL__REPLICATE:
        return reel__clamped(i, a->in);
    case REEL__CIRCULAR:
        return i < 0 ? i + a->in : i >= a->in ? i - a->in : i;
    default:
        return i;
    }
}

/* Keys, "Cubic convolution interpolation" (1981), with a = -0.75 */
REEL_FORMULA void reel__cubic_taps(const reel__span *a, int64_t j, reel__taps_of *t) {
    const double at = reel__source(a, j), whole = floor(at), rest = at - whole;
    t->first = (int64_t)whole - 1;
    t->count = 4;
    t->even = false;
    t->weight[0] = reel__cubic_far(rest + 1);
    t->weight[1] = reel__cubic_near(rest);
    t->weight[2] = reel__cubic_near(1 - rest);
    t->weight[3] = reel__cubic_far(2 - rest);
}

REEL_FORMULA void reel__linear_taps(const reel__span *a, int64_t j, reel__taps_of *t) {
    const double source = reel__source(a, j), at = source > 0 ? source : 0;
    t->first = reel__clamped((int64_t)floor(at), a->in);
    const double rest = at - (double)t->first;
    t->count = 2;
    t->even = false;
    t->weight[1] = rest < 1 ? rest : 1;
    t->weight[0] = 1 - t->weight[1];
}

REEL_FORMULA void reel__average_taps(const reel__span *a, int64_t j, reel__taps_of *t) {
    int64_t end;
    reel__window(a, j, &t->first, &end);
    t->count = end > t->first ? end - t->first : 0;
    int64_t all = t->count; /* or with the padding, as far as it goes */
    if (a->kind == REEL__AVERAGE && !a->exclude) {
        const int64_t begin = j * a->stride - a->before, stop = begin + a->kernel,
                      last = a->in + a->before;
        all = (stop < last ? stop : last) - begin;
    }
    t->weight[0] = a->sums || all < 1 ? 1 : 1 / (double)all;
}

REEL_FORMULA reel__taps_of reel__taps_at(const reel__span *a, int64_t j) {
    reel__taps_of t;
    t.even = true;
    t.count = 1;
    t.weight[0] = 1;
    switch (a->kind) {
    case REEL__WINDOWS:
    case REEL__AVERAGE:
    case REEL__ADAPTIVE:
        reel__average_taps(a, j, &t);
        return t;
    case REEL__NEAREST:
    case REEL__NEAREST_EXACT:
        t.first = reel__nearest(a, j);
        return t;
    case REEL__LINEAR:
        reel__linear_taps(a, j, &t);
        return t;
    case REEL__CUBIC:
        reel__cubic_taps(a, j, &t);
        return t;
    default:
        t.first = reel__padded_from(a, j);
        if (t.first < 0 || t.first >= a->in) t.count = 0;
        return t;
    }
}

/* Of element p in element j. */
REEL_FORMULA double reel__tap_weight(const reel__span *a, int64_t j, int64_t p) {
    const reel__taps_of t = reel__taps_at(a, j);
    if (t.even) return p >= t.first && p < t.first + t.count ? t.weight[0] : 0;
    double sum = 0;
    for (int k = 0; k < REEL__TAPS; k++)
        if (k < t.count && reel__clamped(t.first + k, a->in) == p) sum += t.weight[k];
    return sum;
}

/* ---- the transposed sum ---- */

/* The least j of 0..out whose last tap, or first, is at p or behind it. */
REEL_FORMULA int64_t reel__first_reaching(const reel__span *a, int64_t p, bool by_last) {
    int64_t low = 0, high = a->out;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        const reel__taps_of t = reel__taps_at(a, middle);
        const int64_t tap = reel__clamped(by_last ? t.first + t.count - 1 : t.first, a->in);
        if (tap >= p)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

REEL_FORMULA void reel__only(const reel__span *a, int64_t j, int64_t *first, int64_t *end) {
    *first = j;
    *end = j >= 0 && j < a->out ? j + 1 : j;
}

/* Range 0, 1 or 2 of those elements j of the result that can have p among their taps. */
REEL_FORMULA void reel__tap_range(const reel__span *a, int64_t p, int range, int64_t *first,
                                  int64_t *end) {
    *first = *end = 0;
    const int64_t last = 2 * (a->in - 1);
    switch (a->kind) {
    case REEL__WINDOWS:
    case REEL__AVERAGE:
    case REEL__ADAPTIVE:
        if (range == 0) reel__windows_with(a, p, first, end);
        return;
    case REEL__KEPT:
        if (range == 0) reel__only(a, p + a->before, first, end);
        return;
    case REEL__REFLECT: /* before it, it, behind it; an edge is its own reflection */
        if (range == 1)
            reel__only(a, p + a->before, first, end);
        else if (range == 0 && p > 0)
            reel__only(a, a->before - p, first, end);
        else if (range == 2 && p < a->in - 1)
            reel__only(a, a->before + last - p, first, end);
        return;
    case REEL__CIRCULAR:
        reel__only(a, p + a->before + (range - 1) * a->in, first, end);
        return;
    default: /* taps move on with j */
        if (range > 0) return;
        *first = reel__first_reaching(a, p, true);
        *end = reel__first_reaching(a, p + 1, false);
        return;
    }
}

#endif
