/* Between the backend's C files and its kernels: one launcher for each kernel, in C's linkage.
 *
 * A launcher enqueues a kernel, or a few, and returns whether that could be done: what CUDA says of
 * a launch comes out when the queue sends it off. It allocates nothing, takes any size but none at
 * all that a GPU has memory for, and waits for nothing. Sums are added up in an order that the
 * sizes alone decide. Families with more of their own have a header each, kernels_*_internal.h. */
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
/* By which the blocks of a kernel count themselves. */
#define REEL__CUDA_TICKETS 4096

/* A kernel that ends when *open, in memory of the host, has reached `turn`, or after a few
 * milliseconds. Into the stream at once. */
cudaError_t reel__cuda_launch_gate(const unsigned *open, unsigned turn, cudaStream_t stream);

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
    unsigned long long *turns; /* scratch of the gradient */
} reel__cuda_attention_work;
/* y and lse. */
cudaError_t reel__cuda_launch_attention(const reel__cuda_attention_work *w, reel_dtype dtype,
                                        reel__cuda_queue *queue);
/* delta, dq, dk and dv, with so many turns. */
int64_t reel__cuda_attention_turns(const reel__cuda_attention_work *w, reel_dtype dtype);
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

/* ---- products by tensor cores (gemm_split.cu) ---- */

#define REEL__CUDA_SPLIT_PARTS 16 /* of k, at most */
/* By tiles of 128 rows and 64, 104 or 128 columns; k is cut into so many parts. */
cudaError_t reel__cuda_launch_gemm_split(const reel__cuda_product *p, int columns, int parts,
                                         reel__cuda_queue *queue);
/* How many tiles, cut into 1, 2, ... parts, the current device makes at a time: 0 where that can't
 * be, so all 0 on devices that are not Hopper's. */
void reel__cuda_gemm_split_room(int room[REEL__CUDA_SPLIT_PARTS + 1]);

/* ---- probabilities (bce.cu) ---- */

/* As reel__cuda_map_f32[REEL_OP_bce], or _f64's, and a p outside 0..1 is reported. */
cudaError_t reel__cuda_launch_bce_checked(const reel__cuda_map *m, const reel__cuda_error_slot *w,
                                          reel_dtype dtype, int vector, reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
