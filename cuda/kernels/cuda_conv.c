/* conv, conv_input_grad, conv_weight_grad: by cuDNN where it is there and good at it, in f32, else
 * by kernels of our own: cuda_conv_way.c says which. */
#include "cuda/kernels/cuda_conv_internal.h"

#include <string.h>

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

/* ---- by cuDNN ---- */

/* What a gather, or a weight's gradient, reads and makes: x and y in the order of the op. */
typedef struct {
    reel__conv_kind kind;
    reel__cuda_conv_shape v;
    reel_dtype dtype;
    const void *x, *y;
    void *out;
} job;

static bool is_aligned(const void *data) {
    return (uintptr_t)data % 16 == 0;
}

static double flops_of(const reel__cuda_conv_shape *v) {
    return 2.0 * (double)v->images * (double)v->groups * (double)v->small_channels *
           (double)v->big_channels * (double)reel__cuda_volume(v->small_size) *
           (double)reel__cuda_volume(v->kernel);
}

static reel__cuda_cudnn_plan plan_of(const reel__cuda_device *d, const job *j) {
    reel__cuda_cudnn_conv of;
    const bool suits = j->dtype == REEL_F32 && is_aligned(j->x) && is_aligned(j->y) &&
                       reel__cuda_conv_suits_cudnn(j->kind, &j->v);
    if (!suits) return (reel__cuda_cudnn_plan){.plan = NULL};
    memset(&of, 0, sizeof of);
    of.device = d->index;
    of.kind = (int32_t)j->kind;
    of.precision = (int32_t)reel__cuda_precision();
    of.of = j->v;
    return reel__cuda_cudnn_plan_of(&of);
}

/* more: a weight's gradient is added to that of other images. */
static reel_status send(const reel__call *c, const reel__cuda_device *d, const job *j,
                        reel__cuda_cudnn_plan p, bool more) {
    reel__cuda_library_call call = {.send =
                                        more ? reel__cuda_cudnn_send_more : reel__cuda_cudnn_send,
                                    .plan = p.plan,
                                    .x = j->x,
                                    .y = j->y,
                                    .z = j->out};
    if (p.workspace > 0) {
        call.workspace = reel__cuda_scratch(c, p.workspace);
        if (!call.workspace) return reel_error_status();
    }
    reel__cuda_enqueue_library(d->queue, &call, flops_of(&j->v));
    if (call.workspace) reel__cuda_free(d->index, call.workspace, p.workspace);
    return REEL_OK;
}

/* ---- a part of the images after the other, where all of them want much memory ---- */

#define MUCH ((size_t)192 << 20) /* of workspace */

/* Images first..first + count - 1 of the job. */
static job part_of(const job *j, int64_t first, int64_t count) {
    const size_t big = (size_t)(first * j->v.groups * j->v.big_channels *
                                reel__cuda_volume(j->v.size)) *
                       sizeof(float),
                 small = (size_t)(first * j->v.groups * j->v.small_channels *
                                  reel__cuda_volume(j->v.small_size)) *
                         sizeof(float);
    job part = *j;
    part.v.images = count;
    part.x = (const char *)j->x + (j->kind == REEL__CONV_FORWARD ? big : small);
    if (j->kind == REEL__CONV_WEIGHT_GRAD)
        part.y = (const char *)j->y + big;
    else
        part.out = (char *)j->out + (j->kind == REEL__CONV_FORWARD ? small : big);
    return part;
}

/* How many images a call has: all, unless each part has a plan. Parts are multiples of 4, so that
 * all of them are aligned. */
static int64_t images_at_once(const reel__cuda_device *d, const job *j, reel__cuda_cudnn_plan p) {
    const int64_t images = j->v.images, parts = (int64_t)((p.workspace + MUCH - 1) / MUCH);
    if (parts < 2 || !reel__cuda_conv_is_for_fourier(&j->v)) return images;
    const int64_t each = ((images + parts - 1) / parts + 3) / 4 * 4, rest = images % each;
    const job first = part_of(j, 0, each), last = part_of(j, images - rest, rest);
    const bool good = each < images && plan_of(d, &first).plan && (!rest || plan_of(d, &last).plan);
    return good ? each : images;
}

static reel_status by_cudnn(const reel__call *c, const reel__cuda_device *d, const job *j,
                            reel__cuda_cudnn_plan p) {
    const int64_t images = j->v.images, each = images_at_once(d, j, p);
    for (int64_t i = 0; i < images; i += each) {
        const job part = part_of(j, i, i + each < images ? each : images - i);
        REEL_TRY(send(c, d, &part, each < images ? plan_of(d, &part) : p, i > 0));
    }
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

static reel_status gather_by_ours(const reel__call *c, const reel__cuda_device *d, const job *j,
                                  const reel_tensor *bias) {
    const reel__cuda_conv_gather g = {.of = j->v,
                                      .transposed = j->kind == REEL__CONV_INPUT_GRAD,
                                      .out = j->out,
                                      .in = j->x,
                                      .w = j->y,
                                      .bias = bias ? reel__data(bias) : NULL};
    switch (reel__cuda_conv_own_way(j->kind, &j->v)) {
    case REEL__CONV_PLAIN:
        return reel__cuda_launched(c, reel__cuda_launch_conv_plain(&g, j->dtype, d->queue));
    case REEL__CONV_DIRECT:
        return reel__cuda_launched(c, reel__cuda_launch_conv_direct(&g, j->dtype, d->queue));
    default:
        return reel__cuda_launched(c, reel__cuda_launch_conv_tiles(&g, j->dtype, d->queue));
    }
}

/* bias: of c's result, or NULL. */
static reel_status gather(const reel__call *c, const reel__cuda_device *d, const job *j,
                          const reel_tensor *bias) {
    const reel__cuda_cudnn_plan p = plan_of(d, j);
    if (!p.plan) return gather_by_ours(c, d, j, bias);
    REEL_TRY(by_cudnn(c, d, j, p));
    return bias ? add_bias(c, bias) : REEL_OK;
}

/* ---- a gradient to x as a convolution of g ---- */

static job turned_of(const job *j) {
    job to = *j;
    to.kind = REEL__CONV_FORWARD;
    to.v.big_channels = j->v.small_channels;
    to.v.small_channels = j->v.big_channels;
    for (int i = 0; i < 3; i++) {
        to.v.size[i] = j->v.small_size[i];
        to.v.small_size[i] = j->v.size[i];
        to.v.before[i] = j->v.dilation[i] * (j->v.kernel[i] - 1) - j->v.before[i];
    }
    return to;
}

/* *done is false, and nothing has happened, where it is not to go so. */
static reel_status gather_turned(const reel__call *c, const reel__cuda_device *d, const job *j,
                                 bool *done) {
    *done = false;
    if (j->dtype != REEL_F32 || !reel__cuda_conv_is_better_turned(&j->v)) return REEL_OK;
    job to = turned_of(j);
    const reel__cuda_cudnn_plan p = plan_of(d, &to);
    if (!p.plan) return REEL_OK;
    *done = true;
    reel_tensor *w = reel_empty_at(c->at, reel_shape(reel_numel(c->in[1])), REEL_F32, c->device);
    if (!w) return reel_error_status();
    to.y = reel__data(w);
    REEL_TRY(
        reel__cuda_launched(c, reel__cuda_launch_conv_turn(reel__data(w), j->y, &j->v, d->queue)));
    return by_cudnn(c, d, &to, p);
}

/* ---- patches: a kernel as long as its stride, so that none of them overlap ---- */

static bool has_patches(const reel__cuda_conv_shape *v) {
    const reel__conv_way asked = reel__cuda_conv_asked();
    if (asked != REEL__CONV_BEST && asked != REEL__CONV_CUDNN) return false;
    for (int i = 0; i < 3; i++)
        if (v->kernel[i] != v->stride[i] || v->before[i] != 0 ||
            (v->kernel[i] > 1 && v->dilation[i] != 1) ||
            v->size[i] != v->small_size[i] * v->kernel[i])
            return false;
    return reel__cuda_volume(v->kernel) > 1;
}

/* Each tap of each channel is a channel of its own. */
static reel__cuda_conv_shape taps_as_channels(const reel__cuda_conv_shape *v) {
    reel__cuda_conv_shape w = *v;
    w.big_channels *= reel__cuda_volume(v->kernel);
    for (int i = 0; i < 3; i++) {
        w.size[i] = v->small_size[i];
        w.kernel[i] = w.stride[i] = w.dilation[i] = 1;
    }
    return w;
}

/* out[NC, P0 K0, P1 K1, P2 K2] = taps[NC, K0, K1, K2, P0, P1, P2] */
static reel_status put_taps(const reel__call *c, const reel__cuda_conv_shape *v,
                            const reel_tensor *taps) {
    reel_tensor to = *c->out[0], from = *taps;
    const int64_t *p = v->small_size, *k = v->kernel, volume = reel__cuda_volume(p);
    to.layout.shape = (reel_shape){
        .ndim = 7,
        .dim = {v->images * v->groups * v->big_channels, p[0], k[0], p[1], k[1], p[2], k[2]}};
    reel__layout_contiguous(&to.layout);
    to.layout.offset = c->out[0]->layout.offset;
    const int64_t stride[] = {volume * reel__cuda_volume(k),
                              p[1] * p[2],
                              volume * k[1] * k[2],
                              p[2],
                              volume * k[2],
                              1,
                              volume};
    from.layout.shape = to.layout.shape;
    for (int i = 0; i < 7; i++) from.layout.stride[i] = stride[i];
    return reel__cuda_copy_into(c, &to, &from);
}

/* A product for all taps, and a copy: each phase by itself would be a product too small. */
static reel_status gather_patches(const reel__call *c, const reel__cuda_device *d, const job *j) {
    reel_tensor *taps =
        reel_empty_at(c->at, reel_shape(reel_numel(c->out[0])), j->dtype, c->device);
    if (!taps) return reel_error_status();
    job of_taps = *j;
    of_taps.v = taps_as_channels(&j->v);
    of_taps.out = reel__data(taps);
    REEL_TRY(gather(c, d, &of_taps, NULL));
    return put_taps(c, &j->v, taps);
}

/* ---- the ops ---- */

static reel_status gather_op(const reel__call *c, reel__conv_kind kind) {
    reel_tensor *out = c->out[0];
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *in = reel_contiguous_at(c->at, c->in[0]),
                      *w = reel_contiguous_at(c->at, c->in[1]),
                      *bias = c->nin > 2 ? reel_contiguous_at(c->at, c->in[2]) : NULL;
    if (!in || !w || (c->nin > 2 && !bias)) return reel_error_status();
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    const bool back = kind == REEL__CONV_INPUT_GRAD;
    const job j = {.kind = kind,
                   .v = back ? describe(c, out, in, w) : describe(c, in, out, w),
                   .dtype = in->layout.dtype,
                   .x = reel__data(in),
                   .y = reel__data(w),
                   .out = reel__data(out)};
    bool done = false;
    if (back && has_patches(&j.v)) return gather_patches(c, d, &j);
    if (back) REEL_TRY(gather_turned(c, d, &j, &done));
    return done ? REEL_OK : gather(c, d, &j, bias);
}

reel_status reel__cuda_conv(const reel__call *c) {
    return gather_op(c, REEL__CONV_FORWARD);
}

reel_status reel__cuda_conv_input_grad(const reel__call *c) {
    return gather_op(c, REEL__CONV_INPUT_GRAD);
}

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
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *small = reel_contiguous_at(c->at, c->in[0]),
                      *big = reel_contiguous_at(c->at, c->in[1]);
    if (!small || !big) return reel_error_status();
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    const job j = {.kind = REEL__CONV_WEIGHT_GRAD,
                   .v = describe(c, big, small, out),
                   .dtype = small->layout.dtype,
                   .x = reel__data(small),
                   .y = reel__data(big),
                   .out = reel__data(out)};
    const reel__cuda_cudnn_plan p = plan_of(d, &j);
    if (p.plan) return by_cudnn(c, d, &j, p);
    const reel__conv_way by = reel__cuda_conv_own_way(j.kind, &j.v);
    reel__cuda_conv_weight g = {
        .of = j.v, .out = j.out, .big = j.y, .small = j.x, .direct = by == REEL__CONV_DIRECT};
    if (by == REEL__CONV_PLAIN)
        return reel__cuda_launched(c, reel__cuda_launch_conv_weight_plain(&g, j.dtype, d->queue));
    return add_parts(c, d, &g, j.dtype);
}
