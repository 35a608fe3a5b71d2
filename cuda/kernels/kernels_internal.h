/* Between the backend's C files and its kernels: one launcher for each kernel, in C's linkage.
 *
 * A launcher enqueues a kernel, or a few, and returns whether that could be done: what CUDA says of
 * a launch comes out when the queue sends it off. It allocates nothing, takes any size but none at
 * all that a GPU has memory for, and waits for nothing. Sums are added up in an order that the
 * sizes alone decide. */
#ifndef REEL_CUDA_KERNELS_KERNELS_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_INTERNAL_H

#include "cuda/kernels/both_sides_internal.h"
#include "tensor/formulas/recurrent_step_internal.h"
#include "tensor/ops/update_internal.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the queue (cuda_queue.c) ---- */

/* Where launches go. */
typedef struct reel__cuda_queue reel__cuda_queue;

#define REEL__CUDA_ARGUMENTS 8

typedef struct {
    const void *function;
    unsigned blocks, x, y, cluster, shared; /* blocks of x * y threads; of a cluster; bytes */
    int count;                              /* of arguments, which are copied */
    const void *argument[REEL__CUDA_ARGUMENTS];
    size_t size[REEL__CUDA_ARGUMENTS];
} reel__cuda_launch;
cudaError_t reel__cuda_enqueue(reel__cuda_queue *q, const reel__cuda_launch *l);
/* The queue, after all that was enqueued: for what is no kernel of ours. */
cudaStream_t reel__cuda_stream(reel__cuda_queue *q);

/* ---- elementwise (map*.cu, cast.cu, copy.cu) ---- */

#define REEL__CUDA_OPERANDS (1 + REEL__MOST_MAPPED)
#define REEL__CUDA_VECTOR 16 /* bytes, of the widest operand, that a thread moves at once */

/* Division by a number that the kernel does not know: n / d = (high(n magic) + n) >> shift, for
 * n, d < 2^31. Source: Granlund and Montgomery, PLDI 1994. */
typedef struct {
    uint32_t d, magic, shift;
} reel__cuda_divisor;
static inline reel__cuda_divisor reel__cuda_divisor_of(int64_t d) {
    uint32_t shift = 0;
    while (((int64_t)1 << shift) < d) shift++;
    const uint64_t magic =
        (((uint64_t)1 << 32) * (((uint64_t)1 << shift) - (uint64_t)d)) / (uint64_t)d + 1;
    const reel__cuda_divisor by = {(uint32_t)d, (uint32_t)magic, shift};
    return by;
}

/* Elements in units of `vector`, counted along axes of which the innermost comes first. Operand 0
 * is the result; an operand whose stride along axis 0 is 0 is one element for all of a unit. */
typedef struct {
    uint32_t units;
    int ndim;
    reel__cuda_divisor dim[REEL_MAX_DIMS];
    int64_t stride[REEL__CUDA_OPERANDS][REEL_MAX_DIMS]; /* in elements, a unit or index apart */
    void *data[REEL__CUDA_OPERANDS];
    double constants[2];
} reel__cuda_map;

/* By row of ops_map.def and dtype; NULL where the row does not take the dtype. vector: elements
 * a unit has, REEL__CUDA_VECTOR / size or 1. */
typedef cudaError_t (*reel__cuda_map_launcher)(const reel__cuda_map *m, int vector,
                                               reel__cuda_queue *queue);
extern const reel__cuda_map_launcher reel__cuda_map_f32[REEL__MAPS], reel__cuda_map_f64[REEL__MAPS],
    reel__cuda_map_i64[REEL__MAPS], reel__cuda_map_u8[REEL__MAPS];

/* From one dtype to another; with constants[0] a factor if `scaled`. Units of 4 elements or 1. */
cudaError_t reel__cuda_launch_cast(const reel__cuda_map *m, reel_dtype to, reel_dtype from,
                                   bool scaled, int vector, reel__cuda_queue *queue);
/* Elements of `size` bytes as they are. Units of 16 bytes or 1 element. */
cudaError_t reel__cuda_launch_copy(const reel__cuda_map *m, int size, int vector,
                                   reel__cuda_queue *queue);
/* Operand 2 where operand 1, of bytes, is not 0, else operand 3. */
cudaError_t reel__cuda_launch_where(const reel__cuda_map *m, int size, int vector,
                                    reel__cuda_queue *queue);
/* constants[0] cast as cast casts. Units of 16 bytes or 1 element. */
cudaError_t reel__cuda_launch_fill(const reel__cuda_map *m, reel_dtype dtype, int vector,
                                   reel__cuda_queue *queue);

/* out[i] = first + i step, i < half; last - (n-1-i) step, from there on (ramp.cu). */
typedef struct {
    void *out;
    int64_t n, half;
    double first, last, step;
} reel__cuda_ramp;
cudaError_t reel__cuda_launch_ramp(const reel__cuda_ramp *r, reel_dtype dtype,
                                   reel__cuda_queue *queue);

/* out[i_0 ..., a, b] = x[...]: axis a of length `rows` is contiguous in x, axis b of length
 * `columns` in out. The other axes are `axes`, outermost last, as in reel__cuda_map. */
typedef struct {
    void *out;
    const void *x;
    int64_t rows, columns, out_stride, x_stride; /* out's along a, x's along b */
    uint32_t batches, tiles_a, tiles_b;
    int ndim;
    reel__cuda_divisor dim[REEL_MAX_DIMS];
    int64_t out_step[REEL_MAX_DIMS], x_step[REEL_MAX_DIMS];
} reel__cuda_transpose;
#define REEL__CUDA_TILE 32
cudaError_t reel__cuda_launch_transpose(const reel__cuda_transpose *t, int size,
                                        reel__cuda_queue *queue);

/* ---- concat, stack, tril, triu (join.cu) ---- */

/* Each of `outer` rows of out, `row` bytes long, has from byte before[i] on the width[i] bytes of
 * x[i]'s row; no width is 0, and x[i] is contiguous. */
#define REEL__CUDA_JOINED 64 /* tensors in one launch */
typedef struct {
    void *out;
    int64_t outer, row;
    int count;
    uint32_t first_block[REEL__CUDA_JOINED]; /* the launcher's own */
    const void *x[REEL__CUDA_JOINED];
    int64_t before[REEL__CUDA_JOINED], width[REEL__CUDA_JOINED];
} reel__cuda_join;
cudaError_t reel__cuda_launch_join(const reel__cuda_join *j, reel__cuda_queue *queue);

/* out = x, n elements in matrices of so many rows and columns, where the column is at most, or at
 * least, the row plus `diagonal`; else 0. Contiguous. */
typedef struct {
    void *out;
    const void *x;
    int64_t n, rows, columns, diagonal;
    bool lower;
} reel__cuda_triangle;
cudaError_t reel__cuda_launch_triangle(const reel__cuda_triangle *t, int size,
                                       reel__cuda_queue *queue);

/* ---- reductions (reduce.cu, extremes.cu, moments.cu) ---- */

/* out[outer, columns] from x[outer, rows, columns], over rows, and y, of pairs. If parts > 1 each
 * result comes from as many, which meet in `partial` (REEL__CUDA_FOLD_BYTES for each part of each
 * result), and the last block to end joins them in their order; `tickets` are 0 before and after.
 */
typedef struct {
    const void *x, *y;
    void *out;
    int64_t outer, rows, columns, outer_stride, row_stride;
    double times;    /* each element counts so often */
    reel__left left; /* what the end is told */
    reel__op op;     /* its map and end */
    bool flip;       /* folds of the least, and of all instead of any */
    int parts;
    void *partial;
    unsigned *tickets;
} reel__cuda_fold_work;
#define REEL__CUDA_TICKETS 4096
#define REEL__CUDA_FOLD_BYTES 32
/* How many parts are worth while. */
int reel__cuda_fold_parts(int64_t outer, int64_t rows, int64_t columns);

/* dtype is x's; sums, products, variances and exponentials are f64 (integers i64) until the end. */
typedef cudaError_t (*reel__cuda_fold_launcher)(const reel__cuda_fold_work *w, reel_dtype dtype,
                                                reel__cuda_queue *queue);
/* One for each fold, and for its mirror image. */
cudaError_t reel__cuda_launch_sum(const reel__cuda_fold_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_product(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_truth(const reel__cuda_fold_work *w, reel_dtype dtype,
                                    reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_extreme(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_position(const reel__cuda_fold_work *w, reel_dtype dtype,
                                       reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_moments(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_squares(const reel__cuda_fold_work *w, reel_dtype dtype,
                                      reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_exponentials(const reel__cuda_fold_work *w, reel_dtype dtype,
                                           reel__cuda_queue *queue);

/* ---- standardize (norm.cu), and its gradient (norm_grad.cu) ---- */

/* x as [outer, groups, channels, inner], contiguous; none of them 0. Statistics are those of a
 * group, or `across` of a channel over outer and inner. */
typedef struct {
    void *y;                   /* or dx */
    const void *x, *w, *b, *g; /* w, b: NULL without; g: backward alone */
    void *mean, *var;          /* one each of a statistic; backward they are read */
    void *dw, *db;             /* NULL: not wanted */
    int64_t outer, groups, channels, inner;
    double eps;
    bool across, uncentred;
    double *sums;        /* scratch: two numbers for each part of each set of elements */
    double *slopes;      /* scratch: two numbers a statistic */
    int64_t sets, parts; /* what sums are taken of, and in how many parts each */
} reel__cuda_norm_work;

/* In place, of n channels: see reel__track_statistics. */
typedef struct {
    void *running_mean, *running_var;
    const void *mean, *var;
    int64_t *count, n;
    double share, factor;
    bool cumulative;
} reel__cuda_track_work;
cudaError_t reel__cuda_launch_track(const reel__cuda_track_work *t, reel_dtype dtype,
                                    reel__cuda_queue *queue);

/* Fills in sets and parts, of which there are none where the kernels need no sums. */
void reel__cuda_norm_plan(reel__cuda_norm_work *n);
void reel__cuda_norm_grad_plan(reel__cuda_norm_work *n);
cudaError_t reel__cuda_launch_standardize(const reel__cuda_norm_work *n, reel_dtype dtype,
                                          reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_standardize_grad(const reel__cuda_norm_work *n, reel_dtype dtype,
                                               reel__cuda_queue *queue);

/* ---- softmax, log_softmax (softmax.cu) ---- */

/* y[outer, n, inner] = softmax of x over n, or its logarithm; contiguous. If parts > 1, n is cut
 * into as many, which meet in `tallies`: two elements of y's dtype a part and softmax. */
typedef struct {
    void *y;
    const void *x;
    int64_t outer, n, inner;
    bool log;
    int parts;
    void *tallies;
} reel__cuda_softmax_work;
/* How many parts are worth while. */
int reel__cuda_softmax_parts(int64_t outer, int64_t n, int64_t inner);
cudaError_t reel__cuda_launch_softmax(const reel__cuda_softmax_work *s, reel_dtype dtype,
                                      reel__cuda_queue *queue);

/* ---- attention (attention.cu, attention_grad.cu) ---- */

/* Element (b, h, i, e) lies at data + b batch + h head + i row + e, in elements. */
typedef struct {
    void *data;
    int64_t batch, head, row;
} reel__cuda_attention_operand;

/* As attention_internal.h says; lse and delta[B,H,T] are contiguous. dq, dk and dv are written all
 * over. */
typedef struct {
    int64_t batch, heads, groups, queries, keys, width, value_width;
    double scale, kept; /* kept: 1 / (1 - p) */
    bool causal, drops;
    bool units, units_out; /* rows that are read, that are written, are whole units */
    uint32_t threshold;    /* words below it say: dropped */
    reel__cuda_attention_operand q, k, v, y, g, dq, dk, dv;
    const void *bias; /* NULL: none */
    int64_t bias_step[4];
    const int64_t *seed;
    int64_t seed_step;
    void *lse, *delta;
} reel__cuda_attention_work;
/* y and lse. */
cudaError_t reel__cuda_launch_attention(const reel__cuda_attention_work *w, reel_dtype dtype,
                                        reel__cuda_queue *queue);
/* delta, dq, dk and dv. */
cudaError_t reel__cuda_launch_attention_grad(const reel__cuda_attention_work *w, reel_dtype dtype,
                                             reel__cuda_queue *queue);
/* out[rows, keys] = kept, or 0 where dropped; contiguous. */
cudaError_t reel__cuda_launch_attention_kept(void *out, int64_t rows, int64_t keys,
                                             const int64_t *seed, int64_t seed_step,
                                             uint32_t threshold, double kept, reel_dtype dtype,
                                             reel__cuda_queue *queue);

/* ---- recurrent layers (recurrent.cu) ---- */

/* A step, forward or back. */
cudaError_t reel__cuda_launch_recurrent(const reel__recurrent_step *s, bool back, reel_dtype dtype,
                                        reel__cuda_queue *queue);

/* ---- cumsum (scan.cu) ---- */

/* y[outer, n, inner] = running sums of x over n, from the end if reverse; contiguous, y of u8 is
 * i64. n is cut into parts of `each`; if there are several, `sums` has 8 bytes for each part of
 * each sum. */
typedef struct {
    void *y;
    const void *x;
    int64_t outer, n, inner, each;
    int parts;
    bool reverse;
    void *sums;
} reel__cuda_scan_work;
/* How many parts are worth while. */
int reel__cuda_scan_parts(int64_t outer, int64_t n, int64_t inner);
cudaError_t reel__cuda_launch_scan(const reel__cuda_scan_work *s, reel_dtype dtype,
                                   reel__cuda_queue *queue);

/* ---- products of small matrices (gemm.cu) ---- */

/* z[M,N] (+)= x[M,K] y[K,N], z contiguous; a transposed operand lies along its first axis. */
typedef struct {
    const float *x, *y;
    float *z;
    int64_t m, n, k, ldx, ldy;
    bool transpose_x, transpose_y, accumulate;
} reel__cuda_product;
/* By tiles of so many rows and columns; k is cut into 1, 2, 4 or 8 parts. */
enum { REEL__CUDA_TILES_16X32, REEL__CUDA_TILES_32X16, REEL__CUDA_TILES_32X64 };
cudaError_t reel__cuda_launch_gemm(const reel__cuda_product *p, int tiling, int parts,
                                   reel__cuda_queue *queue);

/* ---- convolutions (conv_gather.cu, conv_direct.cu, conv_weight.cu, conv_plain.cu,
 * conv_turn.cu) ---- */

/* A convolution of 3 axes in space; those that a smaller one lacks come first and are 1 long. All
 * contiguous: big[images, groups, big_channels, size...] is what a forward one reads,
 * small[images, groups, small_channels, small_size...] what it makes, of
 * w[groups, small_channels, big_channels, kernel...].
 *
 * The kernels but the plain ones count an image's elements in 32 bits. */
typedef struct {
    int64_t images, groups, big_channels, small_channels; /* channels of a group */
    int64_t size[3], small_size[3], kernel[3];
    int64_t stride[3], before[3], dilation[3];
} reel__cuda_conv_shape;

static inline int64_t reel__cuda_volume(const int64_t size[3]) {
    return size[0] * size[1] * size[2];
}

/* Forward: out is small, in is big. Transposed: the other way round. bias, of out's channels, may
 * be NULL. By tiles, as products of matrices; element by element, which is good for few channels of
 * a group; and element by element in 64 bits and f64. */
typedef struct {
    reel__cuda_conv_shape of;
    bool transposed;
    void *out;
    const void *in, *w, *bias;
} reel__cuda_conv_gather;
cudaError_t reel__cuda_launch_conv_tiles(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                         reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_conv_direct(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                          reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_conv_plain(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                         reel__cuda_queue *queue);

/* out[groups, big_channels, small_channels, taps] = w[groups, small_channels, big_channels, taps],
 * the taps in reverse. */
cudaError_t reel__cuda_launch_conv_turn(float *out, const float *w, const reel__cuda_conv_shape *v,
                                        reel__cuda_queue *queue);

/* out, of w's shape, from big and small. What is added up is cut into `parts`, of `pieces` of the
 * images each, whose sums meet in `partial`, [pieces parts, out's elements] of the dtype, if there
 * are several. */
typedef struct {
    reel__cuda_conv_shape of;
    void *out, *partial;
    const void *big, *small;
    bool direct; /* good for few channels of a group */
    int64_t pieces, parts;
} reel__cuda_conv_weight;
/* Fills in pieces and parts. */
void reel__cuda_conv_weight_parts(reel__cuda_conv_weight *g);
cudaError_t reel__cuda_launch_conv_weight(const reel__cuda_conv_weight *g, reel_dtype dtype,
                                          reel__cuda_queue *queue);
/* Element by element in 64 bits and f64. */
cudaError_t reel__cuda_launch_conv_weight_plain(const reel__cuda_conv_weight *g, reel_dtype dtype,
                                                reel__cuda_queue *queue);

/* ---- probabilities (bce.cu) ---- */

/* As reel__cuda_map_f32[REEL_OP_bce], or _f64's, and a p outside 0..1 is reported. */
cudaError_t reel__cuda_launch_bce_checked(const reel__cuda_map *m, const reel__cuda_error_slot *w,
                                          reel_dtype dtype, int vector, reel__cuda_queue *queue);

/* ---- indexing (index.cu) ---- */

/* All contiguous, seen around the axis: x[outer, entries, inner], out[outer, size, inner]. */
typedef struct {
    void *out;
    const void *x;
    const int64_t *index;
    int64_t outer, inner, entries, size;
    reel__cuda_error_slot errors;
} reel__cuda_move;

/* out[o, i, :] = x[o, index[i], :]; an index out of range gives zeros. */
cudaError_t reel__cuda_launch_index_select(const reel__cuda_move *m, int size,
                                           reel__cuda_queue *queue);
/* The same from one dtype to another, scaled; outer is 1. */
cudaError_t reel__cuda_launch_dequantize_rows(const reel__cuda_move *m, double scale, reel_dtype to,
                                              reel_dtype from, reel__cuda_queue *queue);
/* out[o, i, j] = x[o, index[o, i, j], j] */
cudaError_t reel__cuda_launch_gather(const reel__cuda_move *m, int size, reel__cuda_queue *queue);
/* out[o, c] = c == index[o] ? one : 0, of elements of `size` bytes, of which `one` has the bits; o
 * below `outer`, c below `size` of m. */
cudaError_t reel__cuda_launch_one_hot(const reel__cuda_move *m, uint64_t one, int size,
                                      reel__cuda_queue *queue);

/* ---- losses of a class (nll.cu) ---- */

/* x[outer, classes, inner], target and z [outer, inner], contiguous; weight[classes], its elements
 * weight_stride apart. */
typedef struct {
    const void *from, *weight;
    const int64_t *target;
    void *out, *weights;
    int64_t outer, classes, inner, weight_stride, ignored;
    reel__cuda_error_slot errors;
} reel__cuda_nll_work;
/* From x: out = z, z = -weight[target] x[target], and weights = those that took part; 0 where the
 * target is `ignored`, or out of range. */
cudaError_t reel__cuda_launch_nll(const reel__cuda_nll_work *w, reel_dtype dtype,
                                  reel__cuda_queue *queue);
/* From g, of z's shape: out, of x's, = -weight[target] g at target, else 0. */
cudaError_t reel__cuda_launch_nll_grad(const reel__cuda_nll_work *w, reel_dtype dtype,
                                       reel__cuda_queue *queue);

/* ---- sums by index (index_add.cu) ---- */

/* Sums of what an index sends to the same place, in the order of the entries. For index_add a place
 * is a row of `inner` elements; for scatter_add it is an element.
 *
 * Of few entries along the axis, in one launch: */
#define REEL__CUDA_FEW_ROWS 4096 /* the most that index_add_few takes */
cudaError_t reel__cuda_launch_index_add_few(const reel__cuda_move *m, reel_dtype dtype,
                                            reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_scatter_add_few(const reel__cuda_move *m, reel_dtype dtype,
                                              reel__cuda_queue *queue);

/* Of many, by a stable sort.
 *   keys:  key[k] is where entry k goes, or the number of places if its index is out of range;
 *          value[k] = k
 *   runs:  where in the sorted pairs a place's entries are; an empty run if it has none
 *   sums:  out[place] = sum of x over the place's run of values */
typedef struct {
    int64_t begin, end;
} reel__cuda_run;
cudaError_t reel__cuda_launch_index_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                         reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_scatter_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                           reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_runs(reel__cuda_run *run, int64_t places, const uint64_t *key,
                                   int64_t n, reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_index_sums(const reel__cuda_move *m, const reel__cuda_run *run,
                                         const int64_t *value, reel_dtype dtype,
                                         reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_scatter_sums(const reel__cuda_move *m, const reel__cuda_run *run,
                                           const int64_t *value, reel_dtype dtype,
                                           reel__cuda_queue *queue);

/* ---- windows (window.cu) ---- */

/* x[outer, A, B, C] and y[outer, A', B', C'], contiguous; axis[i].in and .out are their lengths. */
typedef struct {
    const void *x; /* going back: of y's lengths */
    void *y;       /* of x's */
    int64_t *index;
    int64_t outer;
    reel__span axis[3];
    double value, times;
} reel__cuda_windows;
cudaError_t reel__cuda_launch_resample(const reel__cuda_windows *w, bool back, reel_dtype dtype,
                                       reel__cuda_queue *queue);
/* With the places in index; back: from them. */
cudaError_t reel__cuda_launch_max_pool(const reel__cuda_windows *w, bool back, reel_dtype dtype,
                                       reel__cuda_queue *queue);
/* x[N,C,A,B] to its columns, of elements of so many bytes, and back; outer is N C, axis[0] A. */
cudaError_t reel__cuda_launch_unfold(const reel__cuda_windows *w, int size,
                                     reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_fold(const reel__cuda_windows *w, reel_dtype dtype,
                                   reel__cuda_queue *queue);

/* ---- sorting (sort.cu) ---- */

/* Sorts pairs by key, least first, keeping the order of equal keys; only bits 0..bits-1 count. The
 * pairs end up in key and value. First call it with temporary NULL: *bytes is what it needs. */
cudaError_t reel__cuda_sort_pairs(void *temporary, size_t *bytes, uint64_t *key,
                                  uint64_t *other_key, int64_t *value, int64_t *other_value,
                                  int64_t n, int bits, cudaStream_t stream);

/* Keys alone, by bits from..63. */
cudaError_t reel__cuda_sort_keys(void *temporary, size_t *bytes, uint64_t *key,
                                 const uint64_t *other_key, int64_t n, int from,
                                 cudaStream_t stream);

/* key[outer, inner, n] from x[outer, n, inner]: numbers whose order is x's, NaN greatest, in the
 * order wanted; value[k] = k. */
cudaError_t reel__cuda_launch_order_keys(uint64_t *key, int64_t *value, const void *x,
                                         int64_t outer, int64_t n, int64_t inner, bool largest,
                                         reel_dtype dtype, reel__cuda_queue *queue);
/* key[k] = value[k] / n: the row that a pair came from. */
cudaError_t reel__cuda_launch_row_keys(uint64_t *key, const int64_t *value, int64_t count,
                                       int64_t n, reel__cuda_queue *queue);
/* best and index [outer, k, inner] from the first k of each row of sorted values. */
cudaError_t reel__cuda_launch_take_best(void *best, int64_t *index, const int64_t *value,
                                        const void *x, int64_t outer, int64_t n, int64_t inner,
                                        int64_t k, int size, reel__cuda_queue *queue);

/* ---- random numbers (random.cu) ---- */

/* state {seed, offset} moves on by the blocks used; `ticket` is 0 before and after. */
cudaError_t reel__cuda_launch_random(void *out, int64_t n, reel_dtype dtype, bool normal, double a,
                                     double b, int64_t *state, unsigned *ticket,
                                     reel__cuda_queue *queue);

/* Contiguous results. low + 0..count-1. */
cudaError_t reel__cuda_launch_randint(int64_t *out, int64_t n, int64_t low, uint64_t count,
                                      int64_t *state, unsigned *ticket, reel__cuda_queue *queue);
/* Words of 64 bits, the low ones of which say where each stands; and, in place, what they say. */
cudaError_t reel__cuda_launch_placed_words(uint64_t *word, int64_t n, int bits, int64_t *state,
                                           unsigned *ticket, reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_places(int64_t *word, int64_t n, int bits, reel__cuda_queue *queue);
/* 1 with probability p, else 0. `one`: the bits of 1 in elements of `size` bytes. */
cudaError_t reel__cuda_launch_bernoulli_fill(void *out, int64_t n, int size, double p, uint64_t one,
                                             int64_t *state, unsigned *ticket,
                                             reel__cuda_queue *queue);
/* The same with a probability of its own for each element. */
cudaError_t reel__cuda_launch_bernoulli(void *out, const void *p, int64_t n, reel_dtype dtype,
                                        const reel__cuda_error_slot *errors, int64_t *state,
                                        unsigned *ticket, reel__cuda_queue *queue);

/* y = word i is below `least` ? 0 : scale x, of n contiguous elements (dropout.cu). By the words of
 * `state`, which is moved on, after it was copied to `used`; state NULL: by those of `used`. */
cudaError_t reel__cuda_launch_dropout(void *y, const void *x, int64_t n, reel_dtype dtype,
                                      unsigned least, double scale, int64_t *state, int64_t *used,
                                      unsigned *ticket, reel__cuda_queue *queue);

/* Draws by weights (multinomial.cu): weights[rows, n] to out[rows, draws], contiguous. */
typedef struct {
    const void *weights;
    int64_t rows, n, draws;
    int64_t length, chunks; /* of a row, as in multinomial_internal.h */
    double *sum, *base;     /* [rows, n], [rows, chunks + 1] */
    double *time;           /* [rows, n] */
    int64_t *out;
    reel__cuda_error_slot errors;
} reel__cuda_lots;
/* With replacement, by sum and base. */
cudaError_t reel__cuda_launch_lots(const reel__cuda_lots *l, reel_dtype dtype, int64_t *state,
                                   unsigned *ticket, reel__cuda_queue *queue);
/* Without: fills in time; then, from the draws least of them and their places [rows, draws], out.
 */
cudaError_t reel__cuda_launch_race(const reel__cuda_lots *l, reel_dtype dtype, int64_t *state,
                                   unsigned *ticket, reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_winners(const reel__cuda_lots *l, const double *best,
                                      const int64_t *index, reel__cuda_queue *queue);

/* ---- updates over lists (update.cu) ---- */

/* In one launch, whose arguments have room for no more: */
#define REEL__CUDA_LIST 64         /* tensors of a list, */
#define REEL__CUDA_LIST_TOTAL 320  /* of all lists together, */
#define REEL__CUDA_LIST_BLOCK 1024 /* elements of a tensor that a block takes */

/* `width` lists side by side: data[i * width + k] is list k's tensor i, of n[i] elements. */
typedef struct {
    int count;
    uint32_t first_block[REEL__CUDA_LIST + 1];
    int64_t n[REEL__CUDA_LIST];
    void *data[REEL__CUDA_LIST_TOTAL];
} reel__cuda_lists;

/* An optimizer's step over p, g, the moments whose bits are set in `has`, what an op carries, if
 * it does, and the steps taken. */
typedef struct {
    reel__rule rule;
    const double *lr;
    int64_t *step; /* increased if `last` */
    bool last;
    unsigned *ticket;
} reel__cuda_update_work;
cudaError_t reel__cuda_launch_update(reel__op op, unsigned has, const reel__cuda_lists *l,
                                     const reel__cuda_update_work *u, reel_dtype dtype,
                                     reel__cuda_queue *queue);
/* Of one list, x. squares[block] = sum of squares of a block's elements, each times scales[block],
 * which is written too; NULL, and 1, where x is f32. */
cudaError_t reel__cuda_launch_list_squares(const reel__cuda_lists *l, double *squares,
                                           double *scales, reel_dtype dtype,
                                           reel__cuda_queue *queue);
/* *norm = sqrt of the sum of squares[0..n-1] / scales^2, also as f64 behind the squares. */
cudaError_t reel__cuda_launch_norm(void *norm, double *squares, const double *scales, int64_t n,
                                   reel_dtype dtype, reel__cuda_queue *queue);
/* x *= min(1, most / (*norm + 1e-6)) */
cudaError_t reel__cuda_launch_list_scale(const reel__cuda_lists *l, const double *norm, double most,
                                         reel_dtype dtype, reel__cuda_queue *queue);
/* x clamped to -limit..limit; NaN stays NaN. */
cudaError_t reel__cuda_launch_list_clamp(const reel__cuda_lists *l, double limit, reel_dtype dtype,
                                         reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
