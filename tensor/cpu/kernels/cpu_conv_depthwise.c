/* Depthwise convolutions: of one channel a group, which may have several filters. A plane of x at a
 * time is copied with its zeros around each row, so that all of a row of y is made alike. */
#include "tensor/cpu/kernels/cpu_conv_internal.h"

#include <stdatomic.h>
#include <string.h>

enum { MOST_TAPS = 256, VECTORS = 64 /* elements that a loop may read behind a row */ };

bool reel__conv_is_depthwise(const reel__conv_job *j) {
    return j->groups == j->channels && j->groups > 1 && j->kernel[0] * j->kernel[1] <= MOST_TAPS;
}

typedef struct {
    const reel__conv_job *j;
    const char *x, *w, *bias;
    char *y;
    size_t size;
    int64_t each;  /* filters of a channel */
    int64_t width; /* of a row of x with its zeros */
    atomic_bool failed;
} planes;

static planes planes_of(const reel__conv_job *j) {
    return (planes){.j = j,
                    .size = j->f64 ? 8 : 4,
                    .each = j->filters / j->channels,
                    .width = (j->out[2] - 1) * j->stride[2] + (j->kernel[2] - 1) * j->dilation[2] +
                             1 + VECTORS * j->stride[2]};
}

static int64_t grain_of(const reel__conv_job *j, int64_t images) {
    return reel__conv_grain(2.0 * (double)(j->taps * j->out_size) * (double)images);
}

/* A plane's rows, each from `before` zeros on. */
static void pad(const planes *p, int64_t n, int64_t c, char *to) {
    const reel__conv_job *j = p->j;
    const char *from = p->x + (size_t)((n * j->channels + c) * j->in_size) * p->size;
    const int64_t skip = j->before[2] < 0 ? -j->before[2] : 0,
                  left = j->before[2] > 0 ? reel__least(j->before[2], p->width) : 0,
                  most = j->in[2] > skip ? j->in[2] - skip : 0,
                  count = reel__least(most, p->width - left);
    for (int64_t row = 0; row < j->in[0] * j->in[1]; row++) {
        char *at = to + (size_t)(row * p->width) * p->size;
        memset(at, 0, (size_t)left * p->size);
        memcpy(at + (size_t)left * p->size, from + (size_t)(row * j->in[2] + skip) * p->size,
               (size_t)count * p->size);
        memset(at + (size_t)(left + count) * p->size, 0,
               (size_t)(p->width - left - count) * p->size);
    }
}

static int list_taps(const planes *p, int64_t row, reel__tap *tap) {
    const reel__conv_job *j = p->j;
    int count = 0;
    for (int64_t r = 0; r < j->kernel[0] * j->kernel[1]; r++) {
        const int64_t at = reel__conv_met(j, row, r / j->kernel[1], r % j->kernel[1]);
        if (at >= 0) tap[count++] = (reel__tap){.w = r * j->kernel[2], .x = at * p->width};
    }
    return count;
}

static char *room_for_plane(planes *p, size_t *bytes) {
    *bytes = (size_t)(p->j->in[0] * p->j->in[1] * p->width) * p->size;
    char *room = reel__cpu_alloc(0, *bytes);
    if (!room) p->failed = true;
    return room;
}

/* ---- forward: the planes of y that a plane of x makes ---- */

static void forward_plane(const planes *p, const char *x, int64_t n, int64_t o) {
    const reel__conv_job *j = p->j;
    reel__tap tap[MOST_TAPS];
    reel__taps line = {.tap = tap,
                       .width = j->out[2],
                       .kernel = j->kernel[2],
                       .stride = j->stride[2],
                       .dilation = j->dilation[2],
                       .x = x,
                       .w = p->w + (size_t)(o * j->taps) * p->size,
                       .bias = p->bias ? p->bias + (size_t)o * p->size : NULL};
    char *y = p->y + (size_t)((n * j->filters + o) * j->out_size) * p->size;
    for (int64_t row = 0; row < j->out[0] * j->out[1]; row++) {
        line.count = list_taps(p, row, tap);
        reel__cpu_loops()->taps[j->f64](&line, y + (size_t)(row * j->out[2]) * p->size);
    }
}

static void forward_work(void *context, int64_t begin, int64_t end) {
    planes *p = context;
    size_t bytes;
    char *x = room_for_plane(p, &bytes);
    for (int64_t i = begin; x && i < end; i++) {
        const int64_t n = i / p->j->channels, c = i % p->j->channels;
        pad(p, n, c, x);
        for (int64_t k = 0; k < p->each; k++) forward_plane(p, x, n, c * p->each + k);
    }
    if (x) reel__cpu_free(0, x, bytes);
}

reel_status reel__conv_depthwise(const reel__conv_job *j, const void *x, const void *w,
                                 const void *bias, void *y) {
    planes p = planes_of(j);
    p.x = x;
    p.w = w;
    p.bias = bias;
    p.y = y;
    reel__cpu_parallel(j->images * j->channels, grain_of(j, p.each), forward_work, &p);
    return p.failed ? REEL_ERR_MEMORY : REEL_OK;
}

/* ---- the gradient to x ---- */

/* Each element of g adds to those of dx that it came from. */
#define BACK(T)                                                                                    \
    for (int64_t k = 0; k < j->kernel[2]; k++)                                                     \
        for (int64_t i = 0; i < j->out[2]; i++) {                                                  \
            const int64_t to = i * j->stride[2] - j->before[2] + k * j->dilation[2];               \
            if (to >= 0 && to < j->in[2]) ((T *)dx)[to] += ((const T *)w)[k] * ((const T *)g)[i];  \
        }
static void back_row(const reel__conv_job *j, char *dx, const char *w, const char *g) {
    if (j->f64)
        BACK(double)
    else
        BACK(float)
}

static void back_work(void *context, int64_t begin, int64_t end) {
    const planes *p = context;
    const reel__conv_job *j = p->j;
    for (int64_t i = begin; i < end; i++) {
        const int64_t n = i / j->channels, c = i % j->channels,
                      kernel_rows = j->kernel[0] * j->kernel[1];
        char *dx = p->y + (size_t)((n * j->channels + c) * j->in_size) * p->size;
        memset(dx, 0, (size_t)j->in_size * p->size);
        for (int64_t o = c * p->each; o < (c + 1) * p->each; o++) {
            const char *g = p->x + (size_t)((n * j->filters + o) * j->out_size) * p->size;
            for (int64_t row = 0; row < j->out[0] * j->out[1]; row++)
                for (int64_t r = 0; r < kernel_rows; r++) {
                    const int64_t at = reel__conv_met(j, row, r / j->kernel[1], r % j->kernel[1]);
                    if (at >= 0)
                        back_row(j, dx + (size_t)(at * j->in[2]) * p->size,
                                 p->w + (size_t)(o * j->taps + r * j->kernel[2]) * p->size,
                                 g + (size_t)(row * j->out[2]) * p->size);
                }
        }
    }
}

#define TURN(T)                                                                                    \
    for (int64_t i = 0; i < j->filters * j->taps; i++)                                             \
    ((T *)to)[i] = ((const T *)w)[i / j->taps * j->taps + j->taps - 1 - i % j->taps]
static void turn(const reel__conv_job *j, const void *w, void *to) {
    if (j->f64)
        TURN(double);
    else
        TURN(float);
}

/* A stride of 1, and one filter a channel: the convolution of g by the kernels turned round. */
static bool back_is_forward(const reel__conv_job *j) {
    return j->filters == j->channels && j->stride[0] == 1 && j->stride[1] == 1 && j->stride[2] == 1;
}

reel_status reel__conv_depthwise_input(const reel__conv_job *j, const void *g, const void *w,
                                       void *turned, void *dx) {
    if (back_is_forward(j)) {
        reel__conv_job back = *j;
        for (int i = 0; i < 3; i++) {
            back.in[i] = j->out[i];
            back.out[i] = j->in[i];
            back.before[i] = j->dilation[i] * (j->kernel[i] - 1) - j->before[i];
        }
        back.in_size = j->out_size;
        back.out_size = j->in_size;
        turn(j, w, turned);
        return reel__conv_depthwise(&back, g, turned, NULL, dx);
    }
    planes p = planes_of(j);
    p.x = g;
    p.w = w;
    p.y = dx;
    reel__cpu_parallel(j->images * j->channels, grain_of(j, p.each), back_work, &p);
    return REEL_OK;
}

/* ---- the gradient to w: all images of a channel, one after the other ---- */

/* The rows of y that row r of the kernel meets in x lie together, an axis at a time: from *lo up to
 * *hi, of axis i. */
static void rows_that_meet(const reel__conv_job *j, int i, int64_t k, int64_t *lo, int64_t *hi) {
    const int64_t stride = j->stride[i], from = j->before[i] - k * j->dilation[i],
                  last = from + j->in[i] - 1;
    *lo = from > 0 ? (from + stride - 1) / stride : 0;
    *hi = last < 0 ? 0 : reel__least(last / stride + 1, j->out[i]);
}

/* A tap of rows of g and x where x is met at every stride-th element. */
static double dot_apart(const reel__dots *d, int64_t k, int64_t stride, bool f64) {
    double sum = 0;
    for (int64_t h = 0; h < d->rows; h++)
        for (int64_t w = 0; w < d->width; w++) {
            const int64_t i = h * d->g_row + w, m = h * d->x_row + w * stride + k * d->dilation;
            sum += f64 ? ((const double *)d->g)[i] * ((const double *)d->x)[m]
                       : (double)(((const float *)d->g)[i] * ((const float *)d->x)[m]);
        }
    return sum;
}

/* Row (kd, kh) of the kernel, of one image: over all rows of y that meet x by it. */
static void sum_taps(const planes *p, const char *g, const char *x, int64_t kd, int64_t kh,
                     double *sums) {
    const reel__conv_job *j = p->j;
    int64_t d0, d1, h0, h1;
    rows_that_meet(j, 0, kd, &d0, &d1);
    rows_that_meet(j, 1, kh, &h0, &h1);
    for (int64_t d = d0; d < d1 && h0 < h1; d++) {
        const int64_t in = (d * j->stride[0] - j->before[0] + kd * j->dilation[0]) * j->in[1] +
                           h0 * j->stride[1] - j->before[1] + kh * j->dilation[1];
        const reel__dots dots = {.g = g + (size_t)((d * j->out[1] + h0) * j->out[2]) * p->size,
                                 .x = x + (size_t)(in * p->width) * p->size,
                                 .rows = h1 - h0,
                                 .width = j->out[2],
                                 .g_row = j->out[2],
                                 .x_row = j->stride[1] * p->width,
                                 .taps = j->kernel[2],
                                 .dilation = j->dilation[2]};
        if (j->stride[2] == 1)
            reel__cpu_loops()->dot_taps[j->f64](&dots, sums);
        else
            for (int64_t k = 0; k < dots.taps; k++)
                sums[k] += dot_apart(&dots, k, j->stride[2], j->f64);
    }
}

static void add_image(const planes *p, int64_t n, int64_t o, const char *x, double *sums) {
    const reel__conv_job *j = p->j;
    const char *g = p->w + (size_t)((n * j->filters + o) * j->out_size) * p->size;
    for (int64_t r = 0; r < j->kernel[0] * j->kernel[1]; r++)
        sum_taps(p, g, x, r / j->kernel[1], r % j->kernel[1], sums + r * j->kernel[2]);
}

/* All images of filter o were added up in f64. */
static void put_weights(const planes *p, int64_t o, const double *sums) {
    for (int64_t k = 0; k < p->j->taps; k++)
        if (p->j->f64)
            ((double *)p->y)[o * p->j->taps + k] = sums[k];
        else
            ((float *)p->y)[o * p->j->taps + k] = (float)sums[k];
}

static void weight_work(void *context, int64_t begin, int64_t end) {
    planes *p = context;
    const reel__conv_job *j = p->j;
    const size_t plane = (size_t)(j->in[0] * j->in[1] * p->width) * p->size,
                 sums_at = (plane + 63) / 64 * 64,
                 bytes = sums_at + (size_t)(p->each * j->taps) * sizeof(double);
    char *x = reel__cpu_alloc(0, bytes);
    if (!x) {
        p->failed = true;
        return;
    }
    double *sums = (double *)(void *)(x + sums_at);
    for (int64_t c = begin; c < end; c++) {
        memset(sums, 0, (size_t)(p->each * j->taps) * sizeof *sums);
        for (int64_t n = 0; n < j->images; n++) {
            pad(p, n, c, x);
            for (int64_t k = 0; k < p->each; k++)
                add_image(p, n, c * p->each + k, x, sums + k * j->taps);
        }
        for (int64_t k = 0; k < p->each; k++) put_weights(p, c * p->each + k, sums + k * j->taps);
    }
    reel__cpu_free(0, x, bytes);
}

reel_status reel__conv_depthwise_weight(const reel__conv_job *j, const void *g, const void *x,
                                        void *dw) {
    planes p = planes_of(j);
    p.x = x;
    p.w = g;
    p.y = dw;
    reel__cpu_parallel(j->channels, grain_of(j, j->images * p.each), weight_work, &p);
    return p.failed ? REEL_ERR_MEMORY : REEL_OK;
}
