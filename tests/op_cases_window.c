/* Cases of ops over windows. param: as each says. */
#include "tests/op_cases.h"

#include "tensor/ops/call_internal.h"
#include "tensor/windows.h"

#include <math.h>

#define UNUSED (void)made

/* ---- references by the public functions' own formulas: x's [outer, plane] ---- */

static int64_t digit(int64_t number, int axes, int axis) {
    for (int i = axes - 1; i > axis; i--) number /= 10;
    return number % 10;
}

static reel_shape digits(int64_t number, int axes) {
    reel_shape s = {.ndim = axes};
    for (int i = 0; i < axes; i++) s.dim[i] = digit(number, axes, i);
    return s;
}

/* Places of a row-major shape's last axes. */
static int64_t place(const int64_t *at, const reel_shape *s, int axes, int64_t outer) {
    for (int i = 0; i < axes; i++) outer = outer * s->dim[s->ndim - axes + i] + at[i];
    return outer;
}

static int64_t outer_of(reel_shape s, int axes) {
    int64_t n = 1;
    for (int i = 0; i < s.ndim - axes; i++) n *= s.dim[i];
    return n;
}

static reel_shape last_axes(reel_shape s, int axes) {
    reel_shape r = {.ndim = axes};
    for (int i = 0; i < axes; i++) r.dim[i] = s.dim[s.ndim - axes + i];
    return r;
}

/* ---- max_pool: param kernel, stride, padding, dilation, a digit an axis; two in front: axes,
 * ceil_mode ---- */

static reel_pool_options pool_options(const int64_t *param, int axes) {
    return (reel_pool_options){.stride = digits(param[1], axes),
                               .padding = digits(param[2], axes),
                               .dilation = digits(param[3] % 1000, axes),
                               .ceil_mode = param[3] / 1000 % 10 == 1,
                               .exclude_pad = param[3] / 10000 == 1,
                               .divisor = param[3] / 10000 == 2 ? 3 : 0};
}

static reel_shape pooled(reel_shape s, const int64_t *param, int axes) {
    const reel_pool_options o = pool_options(param, axes);
    const reel_shape k = digits(param[0], axes);
    for (int i = 0; i < axes; i++) {
        int64_t *n = &s.dim[s.ndim - axes + i], out = 0;
        for (int64_t j = 0;; j++) {
            const int64_t begin = j * o.stride.dim[i],
                          stop = begin + o.dilation.dim[i] * (k.dim[i] - 1) + 1;
            if (stop <= *n + 2 * o.padding.dim[i])
                out = j + 1;
            else if (o.ceil_mode && begin < *n + o.padding.dim[i] &&
                     stop - o.stride.dim[i] < *n + 2 * o.padding.dim[i])
                out = j + 1;
            else
                break;
        }
        *n = out;
    }
    return s;
}

static reel_tensor *run_max_pool(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    const int axes = in[0] ? reel_ndim(in[0]) - 2 : 1;
    return reel_max_pool_at(REEL_HERE, axes, in[0], digits(param[0], axes),
                            pool_options(param, axes), NULL);
}

/* Steps through windows' taps; false where one is outside, or beyond the padding too: *beyond. */
static bool tap_of(const int64_t *param, int axes, const int64_t *j, const int64_t *k, reel_shape x,
                   int64_t *to, bool *beyond) {
    const reel_pool_options o = pool_options(param, axes);
    bool is_inside = true;
    *beyond = false;
    for (int i = 0; i < axes; i++) {
        to[i] = j[i] * o.stride.dim[i] - o.padding.dim[i] + k[i] * o.dilation.dim[i];
        is_inside = is_inside && to[i] >= 0 && to[i] < x.dim[i];
        *beyond = *beyond || to[i] >= x.dim[i] + o.padding.dim[i];
    }
    return is_inside;
}

static array pool_reference(const array *x, const int64_t *param, bool is_max) {
    const int axes = x->shape.ndim - 2;
    const reel_shape kernel = digits(param[0], axes), xs = last_axes(x->shape, axes);
    const reel_pool_options o = pool_options(param, axes);
    array y = array_new(pooled(x->shape, param, axes));
    const reel_shape ys = last_axes(y.shape, axes);
    for (int64_t outer = 0; outer < outer_of(x->shape, axes); outer++) {
        int64_t j[REEL_MAX_DIMS] = {0};
        do {
            int64_t k[REEL_MAX_DIMS] = {0}, to[REEL_MAX_DIMS];
            double best = -INFINITY, sum = 0, count = 0;
            do {
                bool beyond;
                const bool is_inside = tap_of(param, axes, j, k, xs, to, &beyond);
                if (is_inside ? true : !o.exclude_pad && !beyond) count++;
                if (!is_inside) continue;
                const double v = x->v[place(to, &x->shape, axes, outer)];
                best = v > best ? v : best;
                sum += v;
            } while (array_next(kernel, k));
            if (o.divisor) count = (double)o.divisor;
            y.v[place(j, &y.shape, axes, outer)] = is_max ? best : sum / count;
        } while (array_next(ys, j));
    }
    return y;
}

static array ref_max_pool(const array *in, const int64_t *param) {
    return pool_reference(in, param, true);
}

static const op_shapes max_pooled[] = {{{S(2, 3, 6, 6)}, {22, 22, 0, 11}},
                                       {{S(2, 1, 7, 5)}, {33, 22, 11, 11}},
                                       {{S(1, 2, 9)}, {3, 2, 1, 1001}},
                                       {{S(1, 2, 7, 8)}, {23, 11, 1, 21}},
                                       {{S(1, 1, 4, 5, 3)}, {222, 121, 101, 111}},
                                       {{S(0, 2, 4)}, {2, 2, 0, 1}},
                                       {{S(1, 2, 8, 9)}, {32, 33, 10, 1011}},
                                       {{S(2, 1, 5, 700)}, {33, 12, 11, 11}}};
static const op_shapes pooled_bad[] = {{{S(2, 3, 6)}, {7, 1, 0, 1}},
                                       {{S(2, 3, 6)}, {2, 0, 0, 1}},
                                       {{S(2, 3, 6)}, {2, 1, 2, 1}},
                                       {{S(2, 3)}, {2, 1, 0, 1}},
                                       {{S(2, 3, 0)}, {2, 1, 1, 1}}};
const op_case case_max_pool = {.inputs = 1,
                               .run = run_max_pool,
                               .reference = ref_max_pool,
                               .shapes = max_pooled,
                               .shape_count = COUNT(max_pooled),
                               .bad = pooled_bad,
                               .bad_count = COUNT(pooled_bad)};

/* ---- max_pool_grad: param the length of x, kernel, stride; the indices are in x ---- */

static reel__with grad_with(const int64_t *param, int64_t out) {
    return (reel__with){.window = {.dims = 1,
                                   .times = 1,
                                   .axis[0] = {.in = param[3],
                                               .out = out,
                                               .kind = REEL__WINDOWS,
                                               .kernel = (int32_t)param[3],
                                               .stride = 1,
                                               .dilation = 1,
                                               .before = (int32_t)param[0]}}};
}

static reel_tensor *run_max_pool_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    const reel__with with =
        grad_with(param, in[0] && reel_ndim(in[0]) ? reel_dim(in[0], -1) - param[1] : 1);
    return reel__max_pool_grad(REEL_HERE, in[0], in[1], &with);
}

/* Windows of all of x, and more: every index is in every window. */
static array ref_max_pool_grad(const array *in, const int64_t *param) {
    const int last = in[0].shape.ndim - 1;
    const int64_t n = in[0].shape.dim[last];
    array y = with_axis(in[0].shape, last, param[3]);
    for (int64_t i = 0; i < array_size(in[0]); i++)
        y.v[i / n * param[3] + (int64_t)in[1].v[i]] += in[0].v[i];
    return y;
}
static const op_shapes max_back[] = {{{S(2, 1), S(2, 1)}, {0, 0, 0, 5}},
                                     {{S(3, 2, 1), S(3, 2, 1)}, {0, 0, 0, 3}},
                                     {{S(1), S(1)}, {0, 0, 0, 9}},
                                     {{S(0, 1), S(0, 1)}, {0, 0, 0, 4}}};
static const op_shapes max_back_bad[] = {{{S(2, 3), S(2, 4)}, {0, 0, 0, 5}},
                                         {{S(2, 3), S(3, 3)}, {0, 0, 0, 5}},
                                         {{S(2, 3), S(2, 3)}, {0, 1, 0, 5}}};
const op_case case_max_pool_grad = {.inputs = 2,
                                    .run = run_max_pool_grad,
                                    .reference = ref_max_pool_grad,
                                    .indexed = true,
                                    .shapes = max_back,
                                    .shape_count = COUNT(max_back),
                                    .bad = max_back_bad,
                                    .bad_count = COUNT(max_back_bad)};

/* ---- resample: an average, by the parameters of max_pool; param[0] below 0: -mode - 1 of pad, or
 * -11 - mode of interpolate, to the lengths param[1], param[2], corners param[3] ---- */

static reel_tensor *run_resample(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    const int axes = in[0] ? reel_ndim(in[0]) - 2 : 1;
    if (param[0] >= 0)
        return reel_avg_pool_at(REEL_HERE, axes, in[0], digits(param[0], axes),
                                pool_options(param, axes));
    if (param[0] > -10)
        return reel_pad(in[0],
                        axes == 1 ? reel_shape(param[1], param[2])
                                  : reel_shape(param[1], param[2], param[2], param[3]),
                        (reel_pad_mode)(-1 - param[0]), 0.5);
    return reel_interpolate(
        in[0], (reel_interpolate_options){.size = axes == 1 ? reel_shape(param[1])
                                                            : reel_shape(param[1], param[2]),
                                          .mode = (reel_interpolate_mode)(-11 - param[0]),
                                          .align_corners = param[3] != 0});
}

/* Of an axis of n elements: the weight of element i in element j. */
static double cubic(double d) {
    const double a = -0.75, x = fabs(d);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static double padded_weight(int64_t mode, int64_t n, int64_t before, int64_t j, int64_t i) {
    int64_t from = j - before;
    if (mode == REEL_PAD_REFLECT) from = from < 0 ? -from : from >= n ? 2 * n - 2 - from : from;
    if (mode == REEL_PAD_REPLICATE) from = from < 0 ? 0 : from >= n ? n - 1 : from;
    if (mode == REEL_PAD_CIRCULAR) from = (from + n) % n;
    return from == i;
}

static double resampled_weight(int64_t mode, bool corners, int64_t n, int64_t to, int64_t j,
                               int64_t i) {
    const double scale =
        corners ? (to > 1 ? (double)(n - 1) / (double)(to - 1) : 0) : (double)n / (double)to;
    double at = corners ? scale * (double)j : scale * ((double)j + 0.5) - 0.5;
    if (mode == REEL_INTERPOLATE_NEAREST) return j * n / to == i;
    if (mode == REEL_INTERPOLATE_NEAREST_EXACT) return (2 * j + 1) * n / (2 * to) == i;
    if (mode == REEL_INTERPOLATE_AREA) {
        const int64_t first = j * n / to, end = ((j + 1) * n + to - 1) / to;
        return i >= first && i < end ? 1 / (double)(end - first) : 0;
    }
    if (mode == REEL_INTERPOLATE_LINEAR) {
        if (at < 0) at = 0;
        if (at > (double)(n - 1)) at = (double)(n - 1);
        const double d = fabs(at - (double)i);
        return d < 1 ? 1 - d : 0;
    }
    double sum = 0;
    for (int64_t k = (int64_t)floor(at) - 1; k <= (int64_t)floor(at) + 2; k++)
        if ((k < 0 ? 0 : k >= n ? n - 1 : k) == i) sum += cubic(at - (double)k);
    return sum;
}

/* The weights of an axis as a matrix [to, n], and what sums to nothing. */
static array weights_of(const int64_t *param, int axis, int axes, int64_t n) {
    if (param[0] < -10) {
        array w = array_new(reel_shape(axis == 0 ? param[1] : param[2], n));
        for (int64_t i = 0; i < array_size(w); i++)
            w.v[i] =
                resampled_weight(-11 - param[0], param[3] != 0, n, w.shape.dim[0], i / n, i % n);
        return w;
    }
    const bool is_last = axis == axes - 1;
    const int64_t before = is_last ? param[1] : param[2], after = is_last ? param[2] : param[3];
    array w = array_new(reel_shape(n + before + after, n));
    for (int64_t i = 0; i < array_size(w); i++)
        w.v[i] = padded_weight(-1 - param[0], n, before, i / n, i % n);
    return w;
}

/* x [outer, A, B], by matrices of both axes, or back by their transposes. */
static array by_matrices(const array *x, const array *a, const array *b, bool back, double value) {
    const int64_t ni = back ? a->shape.dim[0] : a->shape.dim[1],
                  no = back ? a->shape.dim[1] : a->shape.dim[0],
                  mi = back ? b->shape.dim[0] : b->shape.dim[1],
                  mo = back ? b->shape.dim[1] : b->shape.dim[0];
    reel_shape s = x->shape;
    s.dim[s.ndim - 1] = mo;
    if (s.ndim > 3) s.dim[s.ndim - 2] = no;
    array y = array_new(s);
    for (int64_t k = 0; k < array_size(y); k++) {
        const int64_t j = k % mo, i = k / mo % no, o = k / mo / no;
        double any = 0;
        for (int64_t p = 0; p < ni; p++)
            for (int64_t q = 0; q < mi; q++) {
                const double w = (back ? a->v[p * no + i] : a->v[i * ni + p]) *
                                 (back ? b->v[q * mo + j] : b->v[j * mi + q]);
                y.v[k] += w * x->v[(o * ni + p) * mi + q];
                any += fabs(w);
            }
        if (any == 0) y.v[k] = value;
    }
    return y;
}

static array resample_reference(const array *x, const int64_t *param, bool back, reel_shape of) {
    const int axes = of.ndim - 2;
    array one = array_new(reel_shape(1, 1));
    one.v[0] = 1;
    array a = axes > 1 ? weights_of(param, 0, axes, of.dim[2]) : one;
    array b = weights_of(param, axes - 1, axes, of.dim[of.ndim - 1]);
    array y = by_matrices(x, &a, &b, back, back || param[0] != -1 ? 0 : 0.5);
    if (axes > 1) array_free(a);
    array_free(one);
    array_free(b);
    return y;
}

static array ref_resample(const array *in, const int64_t *param) {
    return param[0] >= 0 ? pool_reference(in, param, false)
                         : resample_reference(in, param, false, in->shape);
}

static const op_shapes resampled[] = {
    {{S(2, 3, 6, 6)}, {22, 22, 0, 11}},     {{S(2, 1, 7, 5)}, {33, 22, 11, 11}},
    {{S(2, 1, 7, 5)}, {33, 22, 11, 11011}}, {{S(2, 1, 7, 5)}, {32, 21, 11, 21011}},
    {{S(1, 2, 9)}, {3, 2, 1, 1001}},        {{S(1, 2, 3, 4, 3)}, {222, 121, 101, 111}},
    {{S(0, 2, 4)}, {2, 2, 0, 1}},           {{S(2, 1, 3, 4)}, {-1, 1, 2, 1}},
    {{S(1, 2, 5)}, {-1, -2, 3, 0}},         {{S(1, 2, 5, 4)}, {-1, -1, -1, 2}},
    {{S(2, 1, 4, 4)}, {-2, 2, 3, 1}},       {{S(2, 1, 4, 4)}, {-3, 3, 5, -1}},
    {{S(2, 1, 4, 3)}, {-4, 3, 2, 4}},       {{S(1, 2, 3)}, {-2, 2, 2, 0}},
    {{S(1, 2, 3, 4)}, {-11, 6, 8, 0}},      {{S(1, 2, 5, 7)}, {-11, 8, 4, 0}},
    {{S(1, 2, 5)}, {-12, 8, 0, 0}},         {{S(1, 2, 3, 4)}, {-13, 6, 8, 0}},
    {{S(1, 2, 3, 4)}, {-13, 5, 3, 1}},      {{S(2, 1, 5)}, {-13, 1, 0, 1}},
    {{S(1, 1, 5, 4)}, {-14, 8, 3, 0}},      {{S(1, 1, 3, 4)}, {-14, 4, 9, 1}},
    {{S(1, 2, 7, 5)}, {-15, 3, 8, 0}},      {{S(1, 1, 2, 3000)}, {22, 11, 0, 11}}};
static const op_shapes resampled_bad[] = {
    {{S(2, 3, 6)}, {7, 1, 0, 1}},   {{S(2, 3, 6)}, {2, 1, 2, 1}},    {{S(2, 3, 6)}, {2, 1, 0, 2}},
    {{S(2, 3, 6)}, {-2, 6, 0, 0}},  {{S(2, 3, 6)}, {-1, -4, -3, 0}}, {{S(2, 3, 6)}, {-4, 7, 0, 0}},
    {{S(2, 3, 6)}, {-11, 0, 0, 0}}, {{S(2, 3, 6)}, {-11, 4, 0, 1}},  {{S(2, 3, 6)}, {-14, 4, 0, 0}},
    {{S(2, 3)}, {-11, 4, 0, 0}}};
const op_case case_resample = {.inputs = 1,
                               .run = run_resample,
                               .reference = ref_resample,
                               .shapes = resampled,
                               .shape_count = COUNT(resampled),
                               .bad = resampled_bad,
                               .bad_count = COUNT(resampled_bad)};

/* ---- resample_grad: interpolate's, of one axis: param mode, the length of x, corners ---- */

static reel_tensor *run_resample_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    static const uint8_t kinds[] = {REEL__NEAREST, REEL__NEAREST_EXACT, REEL__LINEAR, REEL__CUBIC,
                                    REEL__ADAPTIVE};
    UNUSED;
    const int64_t n = param[1], to = in[0] && reel_ndim(in[0]) ? reel_dim(in[0], -1) : 1;
    const bool corners = param[2] != 0;
    reel__with with = {.window = {.dims = 1, .times = 1}};
    with.window.axis[0] = (reel__span){
        .in = n,
        .out = to - param[3],
        .kind = kinds[-11 - param[0]],
        .corners = corners,
        .scale = corners && to > 1 ? (double)(n - 1) / (double)(to - 1) : (double)n / (double)to};
    return reel__resample_grad(REEL_HERE, in[0], &with);
}
static array ref_resample_grad(const array *in, const int64_t *param) {
    reel_shape of = in[0].shape;
    const int64_t as[] = {param[0], of.dim[of.ndim - 1], of.dim[of.ndim - 1], param[2]};
    of.dim[of.ndim - 1] = param[1];
    return resample_reference(in, as, true, of);
}
static const op_shapes resampled_back[] = {
    {{S(1, 2, 8)}, {-11, 4, 0, 0}}, {{S(2, 1, 5)}, {-11, 8, 0, 0}}, {{S(1, 2, 7)}, {-12, 3, 0, 0}},
    {{S(2, 1, 7)}, {-13, 3, 0, 0}}, {{S(1, 1, 7)}, {-13, 3, 1, 0}}, {{S(1, 1, 3)}, {-13, 8, 0, 0}},
    {{S(1, 2, 9)}, {-14, 4, 0, 0}}, {{S(1, 2, 4)}, {-14, 9, 1, 0}}, {{S(1, 2, 4)}, {-15, 7, 0, 0}},
    {{S(0, 2, 4)}, {-15, 7, 0, 0}}};
static const op_shapes resampled_back_bad[] = {{{S(1, 2, 8)}, {-11, 4, 0, 1}},
                                               {{S0}, {-11, 4, 0, 0}}};
const op_case case_resample_grad = {.inputs = 1,
                                    .run = run_resample_grad,
                                    .reference = ref_resample_grad,
                                    .shapes = resampled_back,
                                    .shape_count = COUNT(resampled_back),
                                    .bad = resampled_back_bad,
                                    .bad_count = COUNT(resampled_back_bad)};

/* ---- unfold, and fold to param[3] = H * 100 + W: kernel, stride, padding and dilation ---- */

static reel_unfold_options unfold_options(const int64_t *param) {
    return (reel_unfold_options){.stride = digits(param[1], 2),
                                 .padding = digits(param[2] / 100, 2),
                                 .dilation = digits(param[2] % 100, 2)};
}

static reel_tensor *run_unfold(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_unfold(in[0], digits(param[0], 2), unfold_options(param));
}
static reel_tensor *run_fold(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_fold(in[0], reel_shape(param[3] / 100, param[3] % 100), digits(param[0], 2),
                     unfold_options(param));
}

/* From image to columns, or back. */
static array columns_reference(const array *in, const int64_t *param, int64_t n, int64_t c,
                               int64_t h, int64_t w, bool back) {
    const reel_unfold_options o = unfold_options(param);
    const reel_shape k = digits(param[0], 2);
    const int64_t lh = (h + 2 * o.padding.dim[0] - o.dilation.dim[0] * (k.dim[0] - 1) - 1) /
                           o.stride.dim[0] +
                       1,
                  lw = (w + 2 * o.padding.dim[1] - o.dilation.dim[1] * (k.dim[1] - 1) - 1) /
                           o.stride.dim[1] +
                       1;
    const int64_t rows = c * k.dim[0] * k.dim[1], places = lh * lw;
    array y = array_new(back ? reel_shape(n, c, h, w) : reel_shape(n, rows, places));
    for (int64_t i = 0; i < n * rows * places; i++) {
        const int64_t place1 = i % places, row = i / places % rows, image = i / places / rows;
        const int64_t kj = row % k.dim[1], ki = row / k.dim[1] % k.dim[0],
                      channel = row / k.dim[1] / k.dim[0];
        const int64_t p = place1 / lw * o.stride.dim[0] - o.padding.dim[0] + ki * o.dilation.dim[0],
                      q = place1 % lw * o.stride.dim[1] - o.padding.dim[1] + kj * o.dilation.dim[1];
        if (p < 0 || p >= h || q < 0 || q >= w) continue;
        const int64_t at = ((image * c + channel) * h + p) * w + q;
        if (back)
            y.v[at] += in->v[i];
        else
            y.v[i] = in->v[at];
    }
    return y;
}

static array ref_unfold(const array *in, const int64_t *param) {
    const int64_t *d = in[0].shape.dim;
    return columns_reference(in, param, d[0], d[1], d[2], d[3], false);
}
static array ref_fold(const array *in, const int64_t *param) {
    const int64_t *d = in[0].shape.dim;
    return columns_reference(in, param, d[0], d[1] / (param[0] / 10 * (param[0] % 10)),
                             param[3] / 100, param[3] % 100, true);
}

static const op_shapes unfolded[] = {{{S(2, 3, 4, 5)}, {22, 11, 11, 0}},
                                     {{S(1, 2, 5, 4)}, {32, 21, 1011, 0}},
                                     {{S(1, 1, 6, 7)}, {23, 22, 1121, 0}},
                                     {{S(0, 2, 3, 3)}, {33, 11, 1111, 0}},
                                     {{S(2, 1, 3, 40)}, {13, 11, 111, 0}}};
static const op_shapes unfolded_bad[] = {{{S(2, 3, 4, 5)}, {52, 11, 11, 0}},
                                         {{S(2, 3, 4, 5)}, {22, 10, 11, 0}},
                                         {{S(2, 3, 4, 5)}, {22, 11, 10, 0}},
                                         {{S(2, 3, 4, 5)}, {2, 11, 11, 0}},
                                         {{S(2, 3)}, {22, 11, 11, 0}}};
const op_case case_unfold = {.inputs = 1,
                             .run = run_unfold,
                             .reference = ref_unfold,
                             .shapes = unfolded,
                             .shape_count = COUNT(unfolded),
                             .bad = unfolded_bad,
                             .bad_count = COUNT(unfolded_bad)};

static const op_shapes folded[] = {{{S(2, 12, 12)}, {22, 11, 11, 405}},
                                   {{S(1, 12, 6)}, {32, 22, 1011, 504}},
                                   {{S(1, 4, 8)}, {22, 11, 21, 405}},
                                   {{S(0, 9, 9)}, {33, 11, 1111, 303}}};
static const op_shapes folded_bad[] = {{{S(2, 12, 11)}, {22, 11, 11, 405}},
                                       {{S(2, 11, 12)}, {22, 11, 11, 405}},
                                       {{S(2, 12, 12, 1)}, {22, 11, 11, 405}},
                                       {{S(2, 12, 12)}, {22, 11, 11, 5}}};
const op_case case_unfold_grad = {.inputs = 1,
                                  .run = run_fold,
                                  .reference = ref_fold,
                                  .shapes = folded,
                                  .shape_count = COUNT(folded),
                                  .bad = folded_bad,
                                  .bad_count = COUNT(folded_bad)};
