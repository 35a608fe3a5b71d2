/* conv: a product over blocks of columns, and what the gradient to x makes of it. */
#include "tensor/cpu/kernels/cpu_conv_internal.h"

#include <stdatomic.h>
#include <string.h>

/* ---- scratch memory of one part of the work ---- */

typedef struct {
    char *panel, *patches, *result; /* of the product; the packed block; y of merged images */
    size_t bytes;
} scratch;

static size_t rounded(int64_t elements, size_t size) {
    return ((size_t)elements * size + 63) / 64 * 64;
}

static bool scratch_new(scratch *s, size_t patches, size_t result) {
    s->bytes = REEL__GEMM_ROOM + patches + result;
    s->panel = reel__cpu_alloc(0, s->bytes);
    if (!s->panel) return false;
    s->patches = s->panel + REEL__GEMM_ROOM;
    s->result = s->patches + patches;
    return true;
}

static void scratch_free(const scratch *s) {
    reel__cpu_free(0, s->panel, s->bytes);
}

/* ---- forward ---- */

typedef struct {
    const reel__conv_job *j;
    reel__conv_cut cut;
    const char *x, *w, *bias;
    char *y;
    int64_t in_group, out_group; /* channels and filters of a group */
    size_t size;
    bool packs; /* else x is the matrix of patches already */
    atomic_bool failed;
} forward;

/* y = the result of merged images, each plane where it belongs. */
static void put_planes(const forward *f, const reel__conv_columns *b, int64_t group,
                       const char *from) {
    const reel__conv_job *j = f->j;
    const size_t plane = (size_t)j->out_size * f->size;
    for (int64_t o = 0; o < f->out_group; o++)
        for (int64_t n = b->n0; n < b->n1; n++, from += plane)
            memcpy(f->y + (size_t)(n * j->filters + group * f->out_group + o) * plane, from, plane);
}

#define ADD_BIAS(T)                                                                                \
    for (int64_t o = 0; o < filters; o++)                                                          \
        for (int64_t i = 0; i < n; i++) ((T *)y)[o * row + i] += ((const T *)bias)[o]
static void add_bias(void *y, int64_t row, int64_t filters, int64_t n, const void *bias, bool f64) {
    if (f64)
        ADD_BIAS(double);
    else
        ADD_BIAS(float);
}

static void multiply_block(const forward *f, const scratch *s, int64_t group,
                           const reel__conv_columns *b) {
    const reel__conv_job *j = f->j;
    const int64_t columns = reel__conv_count(b),
                  step = f->packs ? reel__conv_channels(j) : f->in_group,
                  first = group * f->in_group, filter = group * f->out_group;
    const bool merged = b->n1 - b->n0 > 1;
    char *y = merged ? s->result
                     : f->y + (size_t)((b->n0 * j->filters + filter) * j->out_size +
                                       reel__conv_position(j, b)) *
                                  f->size;
    reel__gemm g = {.z = y,
                    .m = f->out_group,
                    .n = columns,
                    .x_row = f->in_group * j->taps,
                    .x_step = 1,
                    .y_step = f->packs ? columns : j->in_size,
                    .y_column = 1,
                    .z_row = merged ? columns : j->out_size};
    for (int64_t c = 0; c < f->in_group; c += step) {
        const int64_t end = reel__least(c + step, f->in_group);
        g.k = (end - c) * j->taps;
        g.x = f->w + (size_t)((filter * f->in_group + c) * j->taps) * f->size;
        g.y = s->patches;
        if (f->packs)
            reel__conv_pack(j, f->x, first + c, first + end, b, s->patches, columns);
        else
            g.y = f->x +
                  (size_t)((b->n0 * j->channels + first) * j->in_size + reel__conv_position(j, b)) *
                      f->size;
        g.accumulate = c > 0;
        reel__cpu_loops()->gemm[j->f64](&g, s->panel);
    }
    if (f->bias)
        add_bias(y, g.z_row, f->out_group, columns, f->bias + (size_t)filter * f->size, j->f64);
    if (merged) put_planes(f, b, group, y);
}

static void forward_work(void *context, int64_t begin, int64_t end) {
    forward *f = context;
    const reel__conv_job *j = f->j;
    const int64_t columns = reel__conv_most_columns(&f->cut),
                  rows = reel__least(reel__conv_channels(j), f->in_group) * j->taps;
    scratch s;
    if (!scratch_new(&s, f->packs ? rounded(rows * columns, f->size) : 0,
                     f->cut.images > 1 ? rounded(f->out_group * columns, f->size) : 0)) {
        f->failed = true;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        const reel__conv_columns b = reel__conv_block(j, &f->cut, i / j->groups);
        multiply_block(f, &s, i % j->groups, &b);
    }
    scratch_free(&s);
}

static bool is_pointwise(const reel__conv_job *j) {
    for (int i = 0; i < 3; i++)
        if (j->kernel[i] != 1 || j->stride[i] != 1 || j->before[i] != 0 || j->in[i] != j->out[i])
            return false;
    return true;
}

reel_status reel__conv_forward(const reel__conv_job *j, const void *x, const void *w,
                               const void *bias, void *y) {
    if (reel__conv_is_depthwise(j)) return reel__conv_depthwise(j, x, w, bias, y);
    if (reel__conv_is_winograd(j)) return reel__conv_winograd(j, x, w, bias, y);
    const bool pointwise = is_pointwise(j) && j->out_size >= 32;
    forward f = {.j = j,
                 .cut = reel__conv_cut_of(j, !pointwise),
                 .x = x,
                 .w = w,
                 .bias = bias,
                 .y = y,
                 .in_group = j->channels / j->groups,
                 .out_group = j->filters / j->groups,
                 .size = j->f64 ? 8 : 4,
                 .packs = !pointwise};
    const double flops = 2.0 * (double)(f.in_group * j->taps) * (double)f.out_group *
                         (double)reel__conv_most_columns(&f.cut);
    reel__cpu_parallel(reel__conv_blocks(&f.cut) * j->groups, reel__conv_grain(flops), forward_work,
                       &f);
    return f.failed ? REEL_ERR_MEMORY : REEL_OK;
}

reel_status reel__cpu_conv(const reel__call *c) {
    reel_tensor *out = c->out[0];
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *x = reel_contiguous_at(c->at, c->in[0]), *w = reel_contiguous_at(c->at, c->in[1]),
                *bias = c->nin > 2 ? reel_contiguous_at(c->at, c->in[2]) : NULL, *y = out;
    if (!reel_is_contiguous(out)) y = reel_empty_like_at(c->at, out);
    if (!x || !w || !y || (c->nin > 2 && !bias)) return reel_error_status();
    const reel__conv_job j =
        reel__conv_job_of(c, x->layout.shape, w->layout.shape, out->layout.shape);
    if (reel__conv_forward(&j, reel__data(x), reel__data(w), bias ? reel__data(bias) : NULL,
                           reel__data(y)) != REEL_OK)
        return reel__conv_out_of_memory(c);
    if (y != out && !reel_copy_at_(c->at, out, y)) return reel_error_status();
    return REEL_OK;
}

/* ---- the gradient to x ---- */

/* The kernels of each group turned round, [C/groups][O/groups][taps] or, transposed alone,
 * [C/groups taps][O/groups]. */
typedef struct {
    const reel__conv_job *j;
    const char *w;
    char *to;
    bool turns;
} turning;

#define TURN(T)                                                                                    \
    for (int64_t o = 0; o < out; o++) {                                                            \
        const T *from = (const T *)t->w + ((group * out + o) * in + c) * j->taps;                  \
        if (t->turns) {                                                                            \
            T *to = (T *)t->to + ((group * in + c) * out + o) * j->taps;                           \
            for (int64_t k = 0; k < j->taps; k++) to[k] = from[j->taps - 1 - k];                   \
        } else {                                                                                   \
            T *to = (T *)t->to + (group * in + c) * j->taps * out + o;                             \
            for (int64_t k = 0; k < j->taps; k++) to[k * out] = from[k];                           \
        }                                                                                          \
    }
static void turn_work(void *context, int64_t begin, int64_t end) {
    const turning *t = context;
    const reel__conv_job *j = t->j;
    const int64_t in = j->channels / j->groups, out = j->filters / j->groups;
    for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / in, c = i % in;
        if (j->f64)
            TURN(double)
        else
            TURN(float)
    }
}

static void turn(const reel__conv_job *j, const void *w, void *to, bool turns) {
    turning t = {j, w, to, turns};
    reel__cpu_parallel(j->channels, 16384 / (j->filters / j->groups * j->taps + 1) + 1, turn_work,
                       &t);
}

/* A stride of 1 goes back as a convolution of g by the kernels turned round. */
static reel_status back_by_conv(const reel__conv_job *j, const void *g, const void *turned,
                                void *dx) {
    reel__conv_job back = *j;
    back.channels = j->filters;
    back.filters = j->channels;
    for (int i = 0; i < 3; i++) {
        back.in[i] = j->out[i];
        back.out[i] = j->in[i];
        back.before[i] = j->dilation[i] * (j->kernel[i] - 1) - j->before[i];
    }
    back.in_size = j->out_size;
    back.out_size = j->in_size;
    return reel__conv_forward(&back, g, turned, NULL, dx);
}

/* Others: patches of dx are products, added where they belong; an image and some channels at a
 * time, so that no two threads add to one element, and each is added to in the order of columns. */
typedef struct {
    const reel__conv_job *j;
    reel__conv_cut cut; /* of one image */
    const char *g, *w;
    char *dx;
    int64_t in_group, out_group, step, steps; /* channels at a time; how many times in a group */
    size_t size;
    atomic_bool failed;
} scattering;

static void scatter_channels(const scattering *s, const scratch *m, int64_t n, int64_t group,
                             int64_t c0, int64_t c1) {
    const reel__conv_job *j = s->j;
    const int64_t first = group * s->in_group, per_image = s->cut.row_blocks * s->cut.width_blocks;
    memset(s->dx + (size_t)((n * j->channels + first + c0) * j->in_size) * s->size, 0,
           (size_t)((c1 - c0) * j->in_size) * s->size);
    for (int64_t i = 0; i < per_image; i++) {
        const reel__conv_columns b = reel__conv_block(j, &s->cut, n * per_image + i);
        const int64_t columns = reel__conv_count(&b);
        const reel__gemm g = {.x = s->w + (size_t)((first + c0) * j->taps * s->out_group) * s->size,
                              .y = s->g +
                                   (size_t)((n * j->filters + group * s->out_group) * j->out_size +
                                            reel__conv_position(j, &b)) *
                                       s->size,
                              .z = m->patches,
                              .m = (c1 - c0) * j->taps,
                              .n = columns,
                              .k = s->out_group,
                              .x_row = s->out_group,
                              .x_step = 1,
                              .y_step = j->out_size,
                              .y_column = 1,
                              .z_row = columns};
        reel__cpu_loops()->gemm[j->f64](&g, m->panel);
        reel__conv_unpack(j, s->dx, first + c0, first + c1, &b, m->patches, columns);
    }
}

static void scatter_work(void *context, int64_t begin, int64_t end) {
    scattering *s = context;
    const reel__conv_job *j = s->j;
    scratch m;
    if (!scratch_new(&m, rounded(s->step * j->taps * reel__conv_most_columns(&s->cut), s->size),
                     0)) {
        s->failed = true;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        const int64_t c = i % s->steps * s->step, group = i / s->steps % j->groups;
        scatter_channels(s, &m, i / s->steps / j->groups, group, c,
                         reel__least(c + s->step, s->in_group));
    }
    scratch_free(&m);
}

static reel_status back_by_scattering(const reel__conv_job *j, const void *g, const void *w,
                                      void *dx) {
    scattering s = {.j = j,
                    .cut = reel__conv_cut_of(j, false),
                    .g = g,
                    .w = w,
                    .dx = dx,
                    .in_group = j->channels / j->groups,
                    .out_group = j->filters / j->groups,
                    .size = j->f64 ? 8 : 4};
    s.step = reel__least(reel__conv_channels(j), s.in_group);
    s.steps = (s.in_group + s.step - 1) / s.step;
    const double flops = 2.0 * (double)(s.step * j->taps) * (double)(s.out_group * j->out_size);
    reel__cpu_parallel(j->images * j->groups * s.steps, reel__conv_grain(flops), scatter_work, &s);
    return s.failed ? REEL_ERR_MEMORY : REEL_OK;
}

static bool has_stride(const reel__conv_job *j) {
    return j->stride[0] > 1 || j->stride[1] > 1 || j->stride[2] > 1;
}

static reel_status back(const reel__conv_job *j, const void *g, const void *w, void *turned,
                        void *dx) {
    if (reel__conv_is_depthwise(j)) return reel__conv_depthwise_input(j, g, w, turned, dx);
    turn(j, w, turned, !has_stride(j));
    return (has_stride(j) ? back_by_scattering : back_by_conv)(j, g, turned, dx);
}

reel_status reel__cpu_conv_input_grad(const reel__call *c) {
    reel_tensor *out = c->out[0];
    if (reel_numel(out) == 0) return REEL_OK;
    REEL_SCOPE;
    reel_tensor *g = reel_contiguous_at(c->at, c->in[0]), *w = reel_contiguous_at(c->at, c->in[1]),
                *dx = out;
    if (!reel_is_contiguous(out)) dx = reel_empty_like_at(c->at, out);
    reel_tensor *turned = w ? reel_empty_like_at(c->at, w) : NULL;
    if (!g || !w || !dx || !turned) return reel_error_status();
    const reel__conv_job j =
        reel__conv_job_of(c, out->layout.shape, w->layout.shape, g->layout.shape);
    if (back(&j, reel__data(g), reel__data(w), reel__data(turned), reel__data(dx)) != REEL_OK)
        return reel__conv_out_of_memory(c);
    if (dx != out && !reel_copy_at_(c->at, out, dx)) return reel_error_status();
    return REEL_OK;
}
