/* What the convolutions of the CPU share: the geometry, and how a convolution is cut into columns.
 *
 * A convolution is a product of matrices whose second operand is never whole in memory,
 *     y[o, column] = sum over rows of w[o, row] patches[row, column],
 * a row of patches being a channel and a place in the kernel, a column a position of y in an image.
 * Blocks of columns are packed one after the other, and multiplied where they lie, in the cache.
 *
 * Source: Chetlur et al., "cuDNN: efficient primitives for deep learning" (2014), section 3.3 */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_CONV_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_CONV_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"

/* Of x[N,C,in...], w[O,C/groups,kernel...] and y[N,O,out...], all contiguous; fewer than three
 * axes are preceded by ones of length 1. */
typedef struct {
    int64_t images, channels, filters, groups; /* N, C, O */
    int64_t in[3], kernel[3], out[3], stride[3], before[3], dilation[3];
    int64_t taps, in_size, out_size; /* elements of a kernel, of a plane of x and of y */
    bool f64;
} reel__conv_job;

static inline reel_status reel__conv_out_of_memory(const reel__call *c) {
    return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory for patches");
}

reel__conv_job reel__conv_job_of(const reel__call *c, reel_shape x, reel_shape w, reel_shape y);

/* Columns: positions [w0,w1) of rows [row0,row1) of y, rows being all axes but the last; of images
 * [n0,n1), more than one only where their planes are whole. */
typedef struct {
    int64_t n0, n1, row0, row1, w0, w1;
} reel__conv_columns;

/* How columns are cut: by the shape alone. */
typedef struct {
    int64_t images, rows, width;                    /* of a block, at most */
    int64_t image_blocks, row_blocks, width_blocks; /* how many */
} reel__conv_cut;

#define REEL__CONV_COLUMNS 192 /* about so many are a block */
#define REEL__CONV_ROWS 512    /* and so many rows are packed at a time, but for a channel whole */

reel__conv_cut reel__conv_cut_of(const reel__conv_job *j, bool merge); /* merge: small images */
reel__conv_cut reel__conv_cut_by(const reel__conv_job *j, bool merge, int64_t most);
int64_t reel__conv_blocks(const reel__conv_cut *cut);
reel__conv_columns reel__conv_block(const reel__conv_job *j, const reel__conv_cut *cut, int64_t i);
int64_t reel__conv_most_columns(const reel__conv_cut *cut);
static inline int64_t reel__conv_count(const reel__conv_columns *b) {
    return (b->n1 - b->n0) * (b->row1 - b->row0) * (b->w1 - b->w0);
}
/* Where the first of the columns of one image lies in a plane of y. */
static inline int64_t reel__conv_position(const reel__conv_job *j, const reel__conv_columns *b) {
    return b->row0 * j->out[2] + b->w0;
}
/* The row of a plane of x that row (kd, kh) of the kernel meets at a row of y; -1: none. */
static inline int64_t reel__conv_met(const reel__conv_job *j, int64_t row, int64_t kd, int64_t kh) {
    const int64_t d = row / j->out[1] * j->stride[0] - j->before[0] + kd * j->dilation[0],
                  h = row % j->out[1] * j->stride[1] - j->before[1] + kh * j->dilation[1];
    return d < 0 || d >= j->in[0] || h < 0 || h >= j->in[1] ? -1 : d * j->in[1] + h;
}
/* How many things of so many flops each are worth a part of the work. */
static inline int64_t reel__conv_grain(double flops) {
    return (int64_t)(200000.0 / (flops + 1)) + 1;
}
/* Channels whose rows are packed at a time. */
static inline int64_t reel__conv_channels(const reel__conv_job *j) {
    const int64_t n = REEL__CONV_ROWS / j->taps;
    return n > 1 ? n : 1;
}

/* to[row][column] of channels c0..c1-1 of x, rows `width` elements apart. */
void reel__conv_pack(const reel__conv_job *j, const void *x, int64_t c0, int64_t c1,
                     const reel__conv_columns *b, void *to, int64_t width);
/* The transpose: x += what is in from[row][column], for the columns of one image. */
void reel__conv_unpack(const reel__conv_job *j, void *x, int64_t c0, int64_t c1,
                       const reel__conv_columns *b, const void *from, int64_t width);

/* y = conv(x, w) + bias (NULL: none), on memory that is there. REEL_ERR_MEMORY without a failure
 * where scratch memory is not to be had. */
reel_status reel__conv_forward(const reel__conv_job *j, const void *x, const void *w,
                               const void *bias, void *y);

/* ---- 3 x 3 of f32 (cpu_conv_winograd.c); REEL_ERR_MEMORY as above ---- */

bool reel__conv_is_winograd(const reel__conv_job *j);
reel_status reel__conv_winograd(const reel__conv_job *j, const void *x, const void *w,
                                const void *bias, void *y);
reel_status reel__conv_winograd_weight(const reel__conv_job *j, const void *g, const void *x,
                                       void *dw); /* cpu_conv_winograd_weight.c */
/* The convolution whose patches are those of tiles. */
reel__conv_job reel__conv_tiles_of(const reel__conv_job *j);

/* ---- depthwise: one channel a group (cpu_conv_depthwise.c); REEL_ERR_MEMORY as above ---- */

bool reel__conv_is_depthwise(const reel__conv_job *j);
reel_status reel__conv_depthwise(const reel__conv_job *j, const void *x, const void *w,
                                 const void *bias, void *y);
/* turned: room for as many elements as w has. */
reel_status reel__conv_depthwise_input(const reel__conv_job *j, const void *g, const void *w,
                                       void *turned, void *dx);
reel_status reel__conv_depthwise_weight(const reel__conv_job *j, const void *g, const void *x,
                                        void *dw);

#endif
