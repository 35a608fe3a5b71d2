/* Between the backend's C files and its kernels: one launcher for each kernel, in C's linkage.
 *
 * A launcher puts a kernel into a stream and returns what CUDA said of that; it allocates nothing,
 * takes any size but none at all, and waits for nothing. Sums are added up in an order that the
 * sizes alone decide. */
#ifndef REEL_CUDA_KERNELS_INTERNAL_H
#define REEL_CUDA_KERNELS_INTERNAL_H

#include "tensor/backend.h"

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- elementwise (map*.cu, cast.cu, fill.cu) ---- */

#define REEL__CUDA_OPERANDS (1 + REEL__MOST_INPUTS)
#define REEL__CUDA_VECTOR 16 /* bytes, of the widest operand, that a thread moves at once */

/* Division by a number that the kernel does not know: n / d = (high(n magic) + n) >> shift, for
 * n, d < 2^31. Source: Granlund and Montgomery, PLDI 1994. */
typedef struct {
    uint32_t d, magic, shift;
} reel__cuda_divisor;

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

/* By op and dtype; NULL where the row is none of MAP, or does not take the dtype. vector: elements
 * a unit has, REEL__CUDA_VECTOR / size or 1. */
typedef cudaError_t (*reel__cuda_map_launcher)(const reel__cuda_map *m, int vector,
                                               cudaStream_t stream);
extern const reel__cuda_map_launcher reel__cuda_map_f32[REEL_OP_COUNT],
    reel__cuda_map_f64[REEL_OP_COUNT], reel__cuda_map_i64[REEL_OP_COUNT],
    reel__cuda_map_u8[REEL_OP_COUNT];

/* From one dtype to another; with constants[0] a factor if `scaled`. Units of 4 elements or 1. */
cudaError_t reel__cuda_launch_cast(const reel__cuda_map *m, reel_dtype to, reel_dtype from,
                                   bool scaled, int vector, cudaStream_t stream);
/* Elements of `size` bytes as they are. Units of 16 bytes or 1 element. */
cudaError_t reel__cuda_launch_copy(const reel__cuda_map *m, int size, int vector,
                                   cudaStream_t stream);
/* constants[0] cast as cast casts. Units of 16 bytes or 1 element. */
cudaError_t reel__cuda_launch_fill(const reel__cuda_map *m, reel_dtype dtype, int vector,
                                   cudaStream_t stream);
/* 0, 1, 2, ... */
cudaError_t reel__cuda_launch_arange(void *out, int64_t n, reel_dtype dtype, cudaStream_t stream);

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
                                        cudaStream_t stream);

/* ---- reductions (reduce.cu) ---- */

/* out[outer, columns] = (sum over rows of x[outer, rows, columns]) / divisor, in f64; integers are
 * added in i64, and not divided. With y, of (x - y)^2, where outer and columns are 1. If parts > 1
 * the sum of each result is cut into as many, which meet in `partial` (8 bytes for each part of
 * each result), and the last block to end adds them up in their order; `tickets` are 0 before and
 * after. */
typedef struct {
    const void *x, *y;
    void *out;
    int64_t outer, rows, columns, outer_stride, row_stride;
    double divisor;
    int parts;
    void *partial;
    unsigned *tickets;
} reel__cuda_sum_work;
#define REEL__CUDA_TICKETS 4096
/* How many parts are worth while, at most 1024. */
int reel__cuda_sum_parts(int64_t outer, int64_t rows, int64_t columns);
cudaError_t reel__cuda_launch_sum(const reel__cuda_sum_work *s, reel_dtype dtype,
                                  cudaStream_t stream);

/* y[outer, n, inner] = softmax of x over n; contiguous. */
cudaError_t reel__cuda_launch_softmax(void *y, const void *x, int64_t outer, int64_t n,
                                      int64_t inner, reel_dtype dtype, cudaStream_t stream);

/* ---- indexing (index.cu) ---- */

/* What a kernel says of the first index out of range. The host reads `code`, in its own memory. */
typedef struct {
    volatile unsigned code; /* 0: none; else 1 + the op */
    const char *at;
    int64_t index, position, size;
} reel__cuda_complaint;

/* Where it says so: `claimed` is 0 until a kernel has said something, on the device. */
typedef struct {
    unsigned *claimed;
    reel__cuda_complaint *complaint;
    unsigned code;
    const char *at;
} reel__cuda_witness;

/* All contiguous, seen around the axis: x[outer, entries, inner], out[outer, size, inner]. */
typedef struct {
    void *out;
    const void *x;
    const int64_t *index;
    int64_t outer, inner, entries, size;
    reel__cuda_witness witness;
} reel__cuda_move;

/* out[o, i, :] = x[o, index[i], :]; an index out of range gives zeros. */
cudaError_t reel__cuda_launch_index_select(const reel__cuda_move *m, int size, cudaStream_t stream);
/* The same from one dtype to another, scaled; outer is 1. */
cudaError_t reel__cuda_launch_dequantize_rows(const reel__cuda_move *m, double scale, reel_dtype to,
                                              reel_dtype from, cudaStream_t stream);
/* out[o, i, j] = x[o, index[o, i, j], j] */
cudaError_t reel__cuda_launch_gather(const reel__cuda_move *m, int size, cudaStream_t stream);

/* Sums of what an index sends to the same place, in the order of the entries.
 *   keys:  key[k] is where entry k goes, `beyond` if the index is out of range; value[k] = k
 *   sums:  out[place] = sum of x over the entries that a stable sort brought together
 * For index_add a place is a row of `inner` elements; for scatter_add it is an element. */
cudaError_t reel__cuda_launch_index_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                         cudaStream_t stream);
cudaError_t reel__cuda_launch_scatter_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                           cudaStream_t stream);
cudaError_t reel__cuda_launch_index_sums(const reel__cuda_move *m, const uint64_t *key,
                                         const int64_t *value, reel_dtype dtype,
                                         cudaStream_t stream);
cudaError_t reel__cuda_launch_scatter_sums(const reel__cuda_move *m, const uint64_t *key,
                                           const int64_t *value, reel_dtype dtype,
                                           cudaStream_t stream);

/* ---- sorting (sort.cu) ---- */

/* Sorts pairs by key, least first, keeping the order of equal keys; only bits 0..bits-1 count. The
 * pairs end up in key and value. First call it with temporary NULL: *bytes is what it needs. */
cudaError_t reel__cuda_sort_pairs(void *temporary, size_t *bytes, uint64_t *key,
                                  uint64_t *other_key, int64_t *value, int64_t *other_value,
                                  int64_t n, int bits, cudaStream_t stream);

/* key[outer, inner, n] from x[outer, n, inner]: numbers whose order is x's, NaN greatest, in the
 * order wanted; value[k] = k. */
cudaError_t reel__cuda_launch_order_keys(uint64_t *key, int64_t *value, const void *x,
                                         int64_t outer, int64_t n, int64_t inner, bool largest,
                                         reel_dtype dtype, cudaStream_t stream);
/* key[k] = value[k] / n: the row that a pair came from. */
cudaError_t reel__cuda_launch_row_keys(uint64_t *key, const int64_t *value, int64_t count,
                                       int64_t n, cudaStream_t stream);
/* best and index [outer, k, inner] from the first k of each row of sorted values. */
cudaError_t reel__cuda_launch_take_best(void *best, int64_t *index, const int64_t *value,
                                        const void *x, int64_t outer, int64_t n, int64_t inner,
                                        int64_t k, int size, cudaStream_t stream);

/* ---- random numbers (random.cu) ---- */

/* state {seed, offset} moves on by the blocks used; `ticket` is 0 before and after. */
cudaError_t reel__cuda_launch_random(void *out, int64_t n, reel_dtype dtype, bool normal, double a,
                                     double b, int64_t *state, unsigned *ticket,
                                     cudaStream_t stream);

/* ---- updates over lists (update.cu) ---- */

#define REEL__CUDA_LIST 64 /* tensors in one launch */

/* data[k][i]: list k's tensor i, of n[i] elements. */
typedef struct {
    int count;
    uint32_t first_block[REEL__CUDA_LIST + 1];
    int64_t n[REEL__CUDA_LIST];
    void *data[4][REEL__CUDA_LIST];
} reel__cuda_lists;
#define REEL__CUDA_LIST_BLOCK 1024 /* elements of a tensor that a block takes */

typedef struct {
    double beta1, beta2, eps, weight_decay;
    bool decoupled;
    const double *lr;
    int64_t *step; /* steps done before; increased if `last`, when all blocks have read it */
    bool last;
    unsigned *ticket;
} reel__cuda_adam_work;
typedef struct {
    double momentum, dampening, weight_decay;
    bool nesterov, has_velocity;
    const double *lr;
    int64_t *step;
    bool last;
    unsigned *ticket;
} reel__cuda_sgd_work;

/* p, g, m, v */
cudaError_t reel__cuda_launch_adam(const reel__cuda_lists *l, const reel__cuda_adam_work *a,
                                   reel_dtype dtype, cudaStream_t stream);
/* p, g, v */
cudaError_t reel__cuda_launch_sgd(const reel__cuda_lists *l, const reel__cuda_sgd_work *s,
                                  reel_dtype dtype, cudaStream_t stream);
/* squares[block] = sum of squares of a block's elements. */
cudaError_t reel__cuda_launch_list_squares(const reel__cuda_lists *l, double *squares,
                                           reel_dtype dtype, cudaStream_t stream);
/* *norm = sqrt of the sum of squares[0..n-1], also as f64 behind the squares. */
cudaError_t reel__cuda_launch_norm(void *norm, double *squares, int64_t n, reel_dtype dtype,
                                   cudaStream_t stream);
/* data[0] *= min(1, most / (*norm + 1e-6)) */
cudaError_t reel__cuda_launch_list_scale(const reel__cuda_lists *l, const double *norm, double most,
                                         reel_dtype dtype, cudaStream_t stream);
/* data[0] clamped to -limit..limit; NaN stays NaN. */
cudaError_t reel__cuda_launch_list_clamp(const reel__cuda_lists *l, double limit, reel_dtype dtype,
                                         cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
