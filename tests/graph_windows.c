/* Rows of convolutions, pools, padding, resampling and columns. Windows are as large along each
 * axis as v->shape says, or as the weight is; what else there is stands in v->i. */
#include "tests/graph_gen.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

enum { AXES, STRIDE, PADDING, DILATION, LAST, LAST2 }; /* in v->i */

static int64_t size_of(reel_shape s) {
    int64_t n = 1;
    for (int i = 0; i < s.ndim; i++) n *= s.dim[i];
    return n;
}

static reel_shape once(int64_t n) {
    return reel_shape(n);
}

/* One, two or three spatial axes, of images with a batch or, where that may be, without. */
static void draw_images(graph *g, graph_value *v, int most, bool unbatched) {
    v->i[AXES] = 1 + graph_below(g, most);
    const int front = unbatched && graph_below(g, 4) == 0 ? 1 : 2;
    v->inputs = 1;
    v->in[0] =
        graph_operand(g, graph_with_axes(g, graph_any(g), (int)v->i[AXES] + front), v->op->domain);
}

/* Kernels of up to 3 in v->shape that fit into the padded images. */
static void draw_kernel(graph *g, graph_value *v) {
    const reel_shape s = graph_shape(g, v->in[0]);
    const int axes = (int)v->i[AXES];
    v->shape.ndim = axes;
    for (int i = 0; i < axes; i++) {
        const int64_t k = 1 + graph_below(g, 3), n = s.dim[s.ndim - axes + i] + 2 * v->i[PADDING];
        v->shape.dim[i] = v->i[DILATION] * (k - 1) + 1 <= n ? k : 1;
    }
}

/* ---- convolutions: i[LAST] groups ---- */

static void draw_groups(graph *g, graph_value *v, int64_t channels) {
    v->i[LAST] = channels % 2 == 0 && graph_below(g, 3) == 0 ? 2
                 : channels < 5 && graph_below(g, 4) == 0    ? channels
                                                             : 1;
}

/* w[from,to,K...], and now and then a bias. */
static void draw_weights(graph *g, graph_value *v, int64_t from, int64_t to, int64_t out) {
    reel_shape w = {v->shape.ndim + 2, {from, to}};
    for (int i = 0; i < v->shape.ndim; i++) w.dim[i + 2] = v->shape.dim[i];
    for (int i = 2; i < w.ndim && size_of(w) > GRAPH_MOST; i++) w.dim[i] = 1;
    v->in[1] = graph_of_shape(g, w, GRAPH_SMALL);
    v->inputs = 2;
    if (graph_below(g, 2)) v->in[v->inputs++] = graph_of_shape(g, once(out), GRAPH_ANY);
}

static int64_t channels_of(const graph *g, const graph_value *v) {
    const reel_shape s = graph_shape(g, v->in[0]);
    return s.dim[s.ndim - (int)v->i[AXES] - 1];
}

static void draw_steps(graph *g, graph_value *v) {
    v->i[STRIDE] = 1 + graph_below(g, 2);
    v->i[PADDING] = graph_below(g, 2);
    v->i[DILATION] = 1 + graph_below(g, 2);
}

/* i[LAST2]: same */
static void draw_conv(graph *g, graph_value *v) {
    draw_images(g, v, 3, true);
    if (g->broken) return;
    draw_steps(g, v);
    draw_kernel(g, v);
    const int64_t channels = channels_of(g, v);
    draw_groups(g, v, channels);
    if (graph_below(g, 4) == 0) v->i[LAST2] = v->i[STRIDE] = 1, v->i[PADDING] = 0;
    const int64_t out = v->i[LAST] * (channels <= 6 ? 1 + graph_below(g, 2) : 1);
    if (v->i[LAST2]) draw_kernel(g, v);
    draw_weights(g, v, out, channels / v->i[LAST], out);
}
static reel_tensor *call_conv(const graph_value *v, reel_tensor *const *in) {
    const bool same = v->i[LAST2];
    return reel_conv_at(REEL_HERE, (int)v->i[AXES], in[0], in[1], v->inputs > 2 ? in[2] : NULL,
                        (reel_conv_options){.stride = once(v->i[STRIDE]),
                                            .padding = same ? REEL_SCALAR : once(v->i[PADDING]),
                                            .dilation = once(v->i[DILATION]),
                                            .groups = v->i[LAST],
                                            .same = same});
}

/* i[LAST2]: output_padding */
static void draw_conv_transpose(graph *g, graph_value *v) {
    draw_images(g, v, 3, true);
    if (g->broken) return;
    draw_steps(g, v);
    draw_kernel(g, v);
    for (int i = 0; i < v->shape.ndim; i++)
        if (v->i[DILATION] * (v->shape.dim[i] - 1) < 2) v->i[PADDING] = 0;
    const int64_t channels = channels_of(g, v);
    draw_groups(g, v, channels);
    v->i[LAST2] = graph_below(g, (int)v->i[STRIDE]);
    if (v->i[PADDING] && channels > 2) v->i[PADDING] = 0; /* the kernel may become smaller */
    draw_weights(g, v, channels, 1, v->i[LAST]);
}
static reel_tensor *call_conv_transpose(const graph_value *v, reel_tensor *const *in) {
    return reel_conv_transpose_at(REEL_HERE, (int)v->i[AXES], in[0], in[1],
                                  v->inputs > 2 ? in[2] : NULL,
                                  (reel_conv_transpose_options){.stride = once(v->i[STRIDE]),
                                                                .padding = once(v->i[PADDING]),
                                                                .output_padding = once(v->i[LAST2]),
                                                                .dilation = once(v->i[DILATION]),
                                                                .groups = v->i[LAST]});
}

/* ---- pools: i[LAST] ceil_mode ---- */

static void draw_pool(graph *g, graph_value *v) {
    draw_images(g, v, 3, true);
    if (g->broken) return;
    draw_steps(g, v);
    v->i[PADDING] = 0;
    draw_kernel(g, v);
    v->i[PADDING] = graph_below(g, 2);
    for (int i = 0; i < v->shape.ndim; i++)
        if (v->shape.dim[i] < 2) v->i[PADDING] = 0;
    v->i[LAST] = graph_below(g, 2);
}
static reel_pool_options pool_options(const graph_value *v) {
    return (reel_pool_options){
        .stride = once(v->i[STRIDE]), .padding = once(v->i[PADDING]), .ceil_mode = v->i[LAST] != 0};
}
static reel_tensor *call_max_pool(const graph_value *v, reel_tensor *const *in) {
    reel_pool_options o = pool_options(v);
    o.dilation = once(v->i[DILATION]);
    return reel_max_pool_at(REEL_HERE, (int)v->i[AXES], in[0], v->shape, o, NULL);
}
/* i[LAST2]: exclude_pad */
static void draw_avg_pool(graph *g, graph_value *v) {
    draw_pool(g, v);
    v->i[LAST2] = graph_below(g, 2);
}
static reel_tensor *call_avg_pool(const graph_value *v, reel_tensor *const *in) {
    reel_pool_options o = pool_options(v);
    o.exclude_pad = v->i[LAST2] != 0;
    return reel_avg_pool_at(REEL_HERE, (int)v->i[AXES], in[0], v->shape, o);
}
/* f: p */
static void draw_lp_pool(graph *g, graph_value *v) {
    draw_images(g, v, 2, false);
    if (g->broken) return;
    draw_steps(g, v);
    v->i[PADDING] = 0;
    v->i[DILATION] = 1;
    draw_kernel(g, v);
    v->f[0] = graph_between(g, 1.5, 3);
}
static reel_tensor *call_lp_pool(const graph_value *v, reel_tensor *const *in) {
    return reel_lp_pool_at(REEL_HERE, (int)v->i[AXES], in[0], v->f[0], v->shape,
                           (reel_pool_options){.stride = once(v->i[STRIDE])});
}
/* shape: what is asked for */
static void draw_adaptive(graph *g, graph_value *v) {
    draw_images(g, v, 3, true);
    v->shape.ndim = (int)v->i[AXES];
    for (int i = 0; i < v->shape.ndim; i++) v->shape.dim[i] = 1 + graph_below(g, 3);
}
static reel_tensor *call_adaptive_avg(const graph_value *v, reel_tensor *const *in) {
    return reel_adaptive_avg_pool_at(REEL_HERE, (int)v->i[AXES], in[0], v->shape);
}
static reel_tensor *call_adaptive_max(const graph_value *v, reel_tensor *const *in) {
    return reel_adaptive_max_pool_at(REEL_HERE, (int)v->i[AXES], in[0], v->shape, NULL);
}

/* ---- padding: i[0] the mode, shape the padding ---- */

static void draw_pad(graph *g, graph_value *v) {
    v->inputs = 1;
    v->in[0] = graph_with_axes(g, graph_any(g), 3);
    v->i[0] = graph_below(g, 4);
    v->f[0] = graph_between(g, -1, 1);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, v->in[0]);
    v->shape.ndim = 2 + 2 * graph_below(g, 2);
    for (int i = 0; i < v->shape.ndim; i++) {
        const int64_t n = s.dim[s.ndim - 1 - i / 2];
        int most = 2;
        if (v->i[0] == REEL_PAD_REFLECT && n <= most) most = (int)n - 1;
        if (v->i[0] == REEL_PAD_CIRCULAR && n < most) most = (int)n;
        v->shape.dim[i] = graph_below(g, most + 1);
        if (v->i[0] == REEL_PAD_CONSTANT && i % 2 && n > 1 && graph_below(g, 3) == 0)
            v->shape.dim[i] = -1;
    }
}
static reel_tensor *call_pad(const graph_value *v, reel_tensor *const *in) {
    return reel_pad(in[0], v->shape, (reel_pad_mode)v->i[0],
                    v->i[0] == REEL_PAD_CONSTANT ? v->f[0] : 0);
}

/* ---- resampling: i: axes, mode, align_corners; shape: the size; or f[0]: a scale ---- */

static void draw_interpolate(graph *g, graph_value *v) {
    draw_images(g, v, 3, false);
    if (g->broken) return;
    const int axes = (int)v->i[AXES];
    const reel_shape s = graph_shape(g, v->in[0]);
    v->i[1] = graph_below(g, 5);
    if (v->i[1] == REEL_INTERPOLATE_BICUBIC && axes != 2) v->i[1] = REEL_INTERPOLATE_LINEAR;
    if (v->i[1] == REEL_INTERPOLATE_LINEAR || v->i[1] == REEL_INTERPOLATE_BICUBIC)
        v->i[2] = graph_below(g, 2);
    if (graph_below(g, 2)) v->f[0] = graph_between(g, 1, 2.3);
    if (v->f[0] > 0) return;
    v->shape.ndim = axes;
    for (int i = 0; i < axes; i++) v->shape.dim[i] = 1 + graph_below(g, 2 + (int)s.dim[2 + i]);
}
static reel_tensor *call_interpolate(const graph_value *v, reel_tensor *const *in) {
    return reel_interpolate(in[0],
                            (reel_interpolate_options){.size = v->shape,
                                                       .scale = {v->f[0]},
                                                       .mode = (reel_interpolate_mode)v->i[1],
                                                       .align_corners = v->i[2] != 0});
}

/* ---- columns: i[LAST], i[LAST2] the size that fold gives ---- */

static reel_unfold_options column_options(const graph_value *v) {
    return (reel_unfold_options){.dilation = once(v->i[DILATION]),
                                 .padding = once(v->i[PADDING]),
                                 .stride = once(v->i[STRIDE])};
}
static void draw_unfold(graph *g, graph_value *v) {
    v->i[AXES] = 2;
    v->inputs = 1;
    v->in[0] = graph_with_axes(g, graph_any(g), 4);
    if (g->broken) return;
    draw_steps(g, v);
    draw_kernel(g, v);
}
static reel_tensor *call_unfold(const graph_value *v, reel_tensor *const *in) {
    return reel_unfold(in[0], v->shape, column_options(v));
}
static void draw_fold(graph *g, graph_value *v) {
    v->i[STRIDE] = 1 + graph_below(g, 2);
    v->i[DILATION] = 1;
    v->inputs = 1;
    int64_t windows = 1;
    v->shape.ndim = 2;
    for (int i = 0; i < 2; i++) {
        const int64_t n = v->i[LAST + i] = 2 + graph_below(g, 2),
                      k = v->shape.dim[i] = 1 + graph_below(g, 2);
        windows *= (n - k) / v->i[STRIDE] + 1;
    }
    const int64_t batch = 1 + graph_below(g, 2);
    v->in[0] = graph_of_shape(g, reel_shape(batch, size_of(v->shape), windows), v->op->domain);
}
static reel_tensor *call_fold(const graph_value *v, reel_tensor *const *in) {
    return reel_fold(in[0], reel_shape(v->i[LAST], v->i[LAST2]), v->shape, column_options(v));
}

/* ---- all of them ---- */

#define ROW(op, in)                                                                                \
    { .name = #op, .draw = draw_##op, .call = call_##op, .domain = GRAPH_##in }
#define OF(op, family, in)                                                                         \
    { .name = #op, .draw = draw_##family, .call = call_##op, .domain = GRAPH_##in }

static const graph_op rows[] = {
    ROW(conv, SMALL),
    ROW(conv_transpose, SMALL),
    OF(max_pool, pool, APART),
    ROW(avg_pool, ANY),
    ROW(lp_pool, POSITIVE),
    OF(adaptive_avg, adaptive, ANY),
    OF(adaptive_max, adaptive, APART),
    ROW(pad, ANY),
    ROW(interpolate, ANY),
    ROW(unfold, ANY),
    ROW(fold, ANY),
};

const graph_family graph_windows = {rows, COUNT(rows), 4};
