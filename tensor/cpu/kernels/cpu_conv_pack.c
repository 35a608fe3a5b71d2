/* The geometry of convolutions, and patches of x as the columns of a matrix. */
#include "tensor/cpu/kernels/cpu_conv_internal.h"

#include <string.h>

static int64_t product(const int64_t n[3]) {
    return n[0] * n[1] * n[2];
}

reel__conv_job reel__conv_job_of(const reel__call *c, reel_shape x, reel_shape w, reel_shape y) {
    reel__conv_job j = {.images = x.dim[0],
                        .channels = x.dim[1],
                        .filters = w.dim[0],
                        .groups = c->with.conv.groups,
                        .in = {1, 1, 1},
                        .kernel = {1, 1, 1},
                        .out = {1, 1, 1},
                        .stride = {1, 1, 1},
                        .dilation = {1, 1, 1},
                        .f64 = c->in[0]->layout.dtype == REEL_F64};
    for (int i = 0; i < c->with.conv.dims; i++) {
        const int to = 3 - c->with.conv.dims + i;
        j.in[to] = x.dim[i + 2];
        j.kernel[to] = w.dim[i + 2];
        j.out[to] = y.dim[i + 2];
        j.stride[to] = c->with.conv.stride[i];
        j.before[to] = c->with.conv.padding[i];
        j.dilation[to] = c->with.conv.dilation[i];
    }
    j.taps = product(j.kernel);
    j.in_size = product(j.in);
    j.out_size = product(j.out);
    return j;
}

/* ---- blocks of columns ---- */

static int64_t up(int64_t n, int64_t by) {
    return (n + by - 1) / by;
}

/* In so many even parts that none is longer than `most`. */
static int64_t even(int64_t n, int64_t most) {
    return n > 0 ? up(n, up(n, most)) : 1;
}

reel__conv_cut reel__conv_cut_by(const reel__conv_job *j, bool merge, int64_t most) {
    const int64_t width = j->out[2], rows = j->out[0] * j->out[1];
    reel__conv_cut cut = {1, rows, width, j->images, 1, 1};
    if (merge && j->out_size <= most / 2) {
        cut.images = even(j->images, most / j->out_size);
        cut.image_blocks = up(j->images, cut.images);
        return cut;
    }
    cut.width = width < 2 * most ? width : even(width, most);
    cut.rows = cut.width >= most ? 1 : even(rows, most / cut.width);
    cut.width_blocks = up(width, cut.width);
    cut.row_blocks = up(rows, cut.rows);
    return cut;
}

reel__conv_cut reel__conv_cut_of(const reel__conv_job *j, bool merge) {
    return reel__conv_cut_by(j, merge, REEL__CONV_COLUMNS);
}

int64_t reel__conv_blocks(const reel__conv_cut *cut) {
    return cut->image_blocks * cut->row_blocks * cut->width_blocks;
}

int64_t reel__conv_most_columns(const reel__conv_cut *cut) {
    return cut->images * cut->rows * cut->width;
}

reel__conv_columns reel__conv_block(const reel__conv_job *j, const reel__conv_cut *cut, int64_t i) {
    const int64_t w = i % cut->width_blocks, row = i / cut->width_blocks % cut->row_blocks,
                  n = i / cut->width_blocks / cut->row_blocks, rows = j->out[0] * j->out[1];
    return (reel__conv_columns){n * cut->images, reel__least((n + 1) * cut->images, j->images),
                                row * cut->rows, reel__least((row + 1) * cut->rows, rows),
                                w * cut->width,  reel__least((w + 1) * cut->width, j->out[2])};
}

/* ---- between x and its patches ---- */

/* Where along the last axis tap k of positions w0..w1-1 meets x: from *lo up to *hi. */
static void range_of(const reel__conv_job *j, int64_t k, int64_t w0, int64_t w1, int64_t *lo,
                     int64_t *hi) {
    const int64_t stride = j->stride[2], from = j->before[2] - k * j->dilation[2],
                  last = from + j->in[2] - 1;
    *lo = from > w0 * stride ? up(from, stride) : w0;
    *hi = last < 0 ? w0 : last / stride + 1;
    if (*hi > w1) *hi = w1;
    if (*lo > w1) *lo = w1;
    if (*hi < *lo) *hi = *lo;
}

/* The row of x that a tap of a row of y meets, within a plane: counted from row to row, since a
 * division of each would be felt where rows are short. */
typedef struct {
    int64_t d, h, h_first; /* of x */
    int64_t left;          /* rows of y until the next d */
} conv_row;

static conv_row row_begin(const reel__conv_job *j, int64_t row, const int64_t tap[3]) {
    const int64_t h = row % j->out[1], first = tap[1] * j->dilation[1] - j->before[1];
    return (conv_row){.d = row / j->out[1] * j->stride[0] - j->before[0] + tap[0] * j->dilation[0],
                      .h = first + h * j->stride[1],
                      .h_first = first,
                      .left = j->out[1] - h};
}

static inline void row_next(const reel__conv_job *j, conv_row *r) {
    r->h += j->stride[1];
    if (--r->left > 0) return;
    r->d += j->stride[0];
    r->h = r->h_first;
    r->left = j->out[1];
}

static inline bool is_inside(const reel__conv_job *j, const conv_row *r) {
    return r->d >= 0 && r->d < j->in[0] && r->h >= 0 && r->h < j->in[1];
}

static inline int64_t row_of(const reel__conv_job *j, const conv_row *r) {
    return r->d * j->in[1] + r->h;
}

#define F(name) name##_f32
#define T float
#include "tensor/cpu/kernels/cpu_conv_pack_of_internal.h"
#undef F
#undef T
#define F(name) name##_f64
#define T double
#include "tensor/cpu/kernels/cpu_conv_pack_of_internal.h"

void reel__conv_pack(const reel__conv_job *j, const void *x, int64_t c0, int64_t c1,
                     const reel__conv_columns *b, void *to, int64_t width) {
    (j->f64 ? pack_f64 : pack_f32)(j, x, c0, c1, b, to, width);
}

void reel__conv_unpack(const reel__conv_job *j, void *x, int64_t c0, int64_t c1,
                       const reel__conv_columns *b, const void *from, int64_t width) {
    (j->f64 ? unpack_f64 : unpack_f32)(j, x, c0, c1, b, from, width);
}
