/* conv, conv_input_grad, conv_weight_grad: by cuDNN where it is there and takes the convolution
 * (f32), else by kernels of our own: by tiles, or directly where a group has few channels. Which
 * one depends on shapes and alignment alone. */
#include "cuda/kernels/cuda_conv_internal.h"

#include <string.h>

static atomic_int way;

void reel__cuda_conv_by(reel__conv_way w) {
    atomic_store(&way, (int)w);
}

/* ---- what is to be done ---- */

/* Axes that a convolution of fewer lacks come first. */
static void spread(int64_t to[3], const int64_t *from, int dims, int64_t lacking) {
    for (int i = 0; i < 3; i++) to[i] = i < 3 - dims ? lacking : from[i - (3 - dims)];
}

static void spread_steps(int64_t to[3], const int32_t *from, int dims, int64_t lacking) {
    for (int i = 0; i < 3; i++) to[i] = i < 3 - dims ? lacking : from[i - (3 - dims)];
}

/* big[N,C,S...] and small[N,O,P...] of w[O,C/groups,K...]. */
static reel__cuda_conv_shape describe(const reel__call *c, const reel_tensor *big,
                                      const reel_tensor *small, const reel_tensor *w) {
    const int dims = c->with.conv.dims;
    const int64_t *s = big->layout.shape.dim, *p = small->layout.shape.dim,
                  *k = w->layout.shape.dim;
    reel__cuda_conv_shape v;
    memset(&v, 0, sizeof v); /* it is compared as bytes */
    v.images = s[0];
    v.groups = c->with.conv.groups;
    v.big_channels = s[1] / v.groups;
    v.small_channels = p[1] / v.groups;
    spread(v.size, s + 2, dims, 1);
    spread(v.small_size, p + 2, dims, 1);
    spread(v.kernel, k + 2, dims, 1);
    spread_steps(v.stride, c->with.conv.stride, dims, 1);
    spread_steps(v.before, c->with.conv.padding, dims, 0);
    spread_steps(v.dilation, c->with.conv.dilation, dims, 1);
    return v;
}

/* ---- which way ---- */

#define MOST_STEPS ((int64_t)1 << 28)    /* along an axis, */
#define MOST_ELEMENTS ((int64_t)1 << 30) /* and of an image's channel, or of a channel's taps */

/* At most `most`, and not negative. */
static bool is_below(int64_t n, int64_t most) {
    return n >= 0 && n <= most;
}

static bool has_short_axes(const reel__cuda_conv_shape *v) {
    for (int i = 0; i < 3; i++) {
        const int64_t before = v->before[i] < 0 ? -v->before[i] : v->before[i];
        if (!is_below(v->size[i], MOST_STEPS) || !is_below(v->small_size[i], MOST_STEPS) ||
            !is_below(v->kernel[i], MOST_STEPS) || !is_below(before, MOST_STEPS) ||
            !is_below(v->stride[i], MOST_STEPS) || !is_below(v->dilation[i], MOST_STEPS) ||
            !is_below(v->small_size[i] * v->stride[i], MOST_STEPS) ||
            !is_below(v->kernel[i] * v->dilation[i], MOST_STEPS))
            return false;
    }
    return true;
}

/* What a stride cuts the result of a transposed one into. */
static int64_t phases_of(const reel__cuda_conv_shape *v) {
    int64_t phases = 1;
    for (int i = 0; i < 3; i++) phases *= v->stride[i] < v->size[i] ? v->stride[i] : v->size[i];
    return phases;
}

/* Whether the kernels that count in 32 bits can do it. */
static bool is_short(const reel__cuda_conv_shape *v) {
    if (!has_short_axes(v)) return false;
    const int64_t taps = reel__cuda_volume(v->kernel),
                  most = v->big_channels > v->small_channels ? v->big_channels : v->small_channels;
    return is_below(reel__cuda_volume(v->size), MOST_ELEMENTS) &&
           is_below(reel__cuda_volume(v->small_size), MOST_ELEMENTS) &&
           is_below(taps, MOST_STEPS) && is_below(most, MOST_STEPS) &&
           is_below(v->groups, MOST_STEPS) && is_below(most * taps, MOST_ELEMENTS) &&
           is_below(most * v->groups, MOST_STEPS) &&
           is_below((most / 16 + 1) * v->groups * phases_of(v), MOST_STEPS);
}

/* Whether the direct kernels can count an image's elements, of all phases. */
static bool is_small(const reel__cuda_conv_shape *v) {
    const int64_t big = v->big_channels * reel__cuda_volume(v->size),
                  small = v->small_channels * reel__cuda_volume(v->small_size);
    return is_below((big > small ? big : small) * v->groups, MOST_STEPS);
}

/* Tiles of so few channels would be empty. */
static bool has_few_channels(const reel__cuda_conv_shape *v) {
    return v->groups > 1 && v->small_channels < 8 && v->big_channels < 8;
}

static reel__conv_way own_way(const reel__cuda_conv_shape *v) {
    const reel__conv_way asked = (reel__conv_way)atomic_load_explicit(&way, memory_order_relaxed);
    if (!is_short(v) || asked == REEL__CONV_PLAIN) return REEL__CONV_PLAIN;
    if (asked == REEL__CONV_TILES || !is_small(v)) return REEL__CONV_TILES;
    if (asked == REEL__CONV_DIRECT) return REEL__CONV_DIRECT;
    return has_few_channels(v) ? REEL__CONV_DIRECT : REEL__CONV_TILES;
}

/* ---- by cuDNN ---- */

/* It is told of one padding, for both ends, and works out the small sizes by itself. */
static bool has_equal_ends(const reel__cuda_conv_shape *v) {
    for (int i = 0; i < 3; i++) {
        const int64_t reach = (v->kernel[i] - 1) * v->dilation[i] + 1,
                      room = v->size[i] + 2 * v->before[i] - reach;
        if (v->before[i] < 0 || room < 0 || room / v->stride[i] + 1 != v->small_size[i])
            return false;
    }
    return true;
}

static bool is_aligned(const reel_tensor *t) {
    return (uintptr_t)reel__data(t) % 16 == 0;
}

static bool suits_cudnn(const reel__cuda_conv_shape *v, const reel_tensor *x,
                        const reel_tensor *y) {
    const reel__conv_way asked = (reel__conv_way)atomic_load_explicit(&way, memory_order_relaxed);
    if (asked != REEL__CONV_CUDNN && (asked != REEL__CONV_BEST || has_few_channels(v)))
        return false;
    if (x->layout.dtype != REEL_F32 || !is_short(v) || !has_equal_ends(v)) return false;
    const int64_t channels = v->images * v->groups,
                  big = channels * v->big_channels * reel__cuda_volume(v->size),
                  small = channels * v->small_channels * reel__cuda_volume(v->small_size),
                  w = v->groups * v->big_channels * v->small_channels *
                      reel__cuda_volume(v->kernel);
    return big > 0 && small > 0 && w > 0 && big < INT32_MAX && small < INT32_MAX && w < INT32_MAX &&
           is_aligned(x) && is_aligned(y);
}

static double flops_of(const reel__cuda_conv_shape *v) {
    return 2.0 * (double)v->images * (double)v->groups * (double)v->small_channels *
           (double)v->big_channels * (double)reel__cuda_volume(v->small_size) *
           (double)reel__cuda_volume(v->kernel);
}

/* *done: whether it was cuDNN that did it. */
static reel_status by_cudnn(const reel__call *c, const reel__cuda_device *d, reel__conv_kind kind,
                            const reel__cuda_conv_shape *v, const reel_tensor *x,
                            const reel_tensor *y, bool *done) {
    reel__cuda_cudnn_conv of;
    size_t bytes;
    *done = false;
    if (!suits_cudnn(v, x, y)) return REEL_OK;
    memset(&of, 0, sizeof of);
    of.device = d->index;
    of.kind = (int32_t)kind;
    of.precision = (int32_t)reel__self()->precision;
    of.of = *v;
    reel__cuda_library_call call = {.send = reel__cuda_cudnn_send,
                                    .plan = reel__cuda_cudnn_plan(&of, &bytes),
                                    .x = reel__data(x),
                                    .y = reel__data(y),
                                    .z = reel__data(c->out[0])};
    if (!call.plan) return REEL_OK;
    if (bytes > 0) {
        call.workspace = reel__cuda_scratch(c, bytes);
        if (!call.workspace) return reel_error_status();
    }
    reel__cuda_enqueue_library(d->queue, &call, flops_of(v));
    if (bytes > 0) reel__cuda_free(d->index, call.workspace, bytes);
    *done = true;
    return REEL_OK;
}

/* ---- conv, conv_input_grad ---- */

static cudaError_t launch_add(const reel__cuda_map *m, int vector, const void *how,
                              reel__cuda_queue *q) {
    const reel__cuda_map_launcher *add = how;
    return (*add)(m, vector, q);
}

/* y[N,O,P...] += bias[O] */
static reel_status add_bias(const reel__call *c, const reel_tensor *bias) {
    reel_tensor *y = c->out[0], b = *bias;
    const int64_t stride = bias->layout.stride[0];
    b.layout.shape = y->layout.shape;
    for (int i = 0; i < b.layout.shape.ndim; i++) {
        if (i != 1) b.layout.shape.dim[i] = 1;
        b.layout.stride[i] = i == 1 ? stride : 0;
    }
    const reel__cuda_kernel k = {launch_add, &reel__cuda_map_f32[REEL_OP_add],
                                 REEL__CUDA_VECTOR / (int)sizeof(float)};
    return reel__cuda_map_with(c, k, y, 2, (reel_tensor *const[]){y, &b}, NULL);
}

static reel_status gather_by_ours(const reel__call *c, const reel__cuda_device *d,
                                  const reel__cuda_conv_gather *g, reel_dtype dtype) {
    switch (own_way(&g->of)) {
    case REEL__CONV_PLAIN:
        return reel__cuda_launched(c, reel__cuda_launch_conv_plain(g, dtype, d->queue));
    case REEL__CONV_DIRECT:
        return reel__cuda_launched(c, reel__cuda_launch_conv_direct(g, dtype, d->queue));
    default:
        return reel__cuda_launched(c, reel__cuda_launch_conv_tiles(g, dtype, d->queue));
    }
}

static reel_status gather(const reel__call *c, reel__conv_kind kind) {
    reel_tensor *out = c->out[0];
    bool done;
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *in = reel_contiguous_at(c->at, c->in[0]),
                      *w = reel_contiguous_at(c->at, c->in[1]),
                      *bias = c->nin > 2 ? reel_contiguous_at(c->at, c->in[2]) : NULL;
    if (!in || !w || (c->nin > 2 && !bias)) return reel_error_status();
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    const bool transposed = kind == REEL__CONV_INPUT_GRAD;
    const reel__cuda_conv_shape v = transposed ? describe(c, out, in, w) : describe(c, in, out, w);
    REEL_TRY(by_cudnn(c, d, kind, &v, in, w, &done));
    if (done) return bias ? add_bias(c, bias) : REEL_OK;
    const reel__cuda_conv_gather g = {.of = v,
                                      .transposed = transposed,
                                      .out = reel__data(out),
                                      .in = reel__data(in),
                                      .w = reel__data(w),
                                      .bias = bias ? reel__data(bias) : NULL};
    return gather_by_ours(c, d, &g, in->layout.dtype);
}

reel_status reel__cuda_conv(const reel__call *c) {
    return gather(c, REEL__CONV_FORWARD);
}

reel_status reel__cuda_conv_input_grad(const reel__call *c) {
    return gather(c, REEL__CONV_INPUT_GRAD);
}

/* ---- conv_weight_grad ---- */

/* With memory for the parts, if there are several. */
static reel_status add_parts(const reel__call *c, const reel__cuda_device *d,
                             reel__cuda_conv_weight *g, reel_dtype dtype) {
    reel__cuda_conv_weight_parts(g);
    const int64_t parts = g->pieces * g->parts;
    const size_t bytes = (size_t)parts * (size_t)reel_numel(c->out[0]) * reel_dtype_size(dtype);
    if (parts > 1) {
        g->partial = reel__cuda_scratch(c, bytes);
        if (!g->partial) return reel_error_status();
    }
    const reel_status status =
        reel__cuda_launched(c, reel__cuda_launch_conv_weight(g, dtype, d->queue));
    if (g->partial) reel__cuda_free(d->index, g->partial, bytes);
    return status;
}

reel_status reel__cuda_conv_weight_grad(const reel__call *c) {
    reel_tensor *out = c->out[0];
    bool done;
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *small = reel_contiguous_at(c->at, c->in[0]),
                      *big = reel_contiguous_at(c->at, c->in[1]);
    if (!small || !big) return reel_error_status();
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    const reel_dtype dtype = small->layout.dtype;
    const reel__cuda_conv_shape v = describe(c, big, small, out);
    REEL_TRY(by_cudnn(c, d, REEL__CONV_WEIGHT_GRAD, &v, small, big, &done));
    if (done) return REEL_OK;
    reel__cuda_conv_weight g = {
        .of = v, .out = reel__data(out), .big = reel__data(big), .small = reel__data(small)};
    const reel__conv_way by = own_way(&v);
    g.direct = by == REEL__CONV_DIRECT;
    if (by == REEL__CONV_PLAIN)
        return reel__cuda_launched(c, reel__cuda_launch_conv_weight_plain(&g, dtype, d->queue));
    return add_parts(c, d, &g, dtype);
}
