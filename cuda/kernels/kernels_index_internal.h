/* What goes by numbers of places, and sorting: launchers, of which kernels_internal.h says what
 * they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_INDEX_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_INDEX_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

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

#ifdef __cplusplus
}
#endif
#endif
