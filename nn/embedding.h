/* Embeddings: rows of a table by number, alone or summed in bags. Names and defaults are PyTorch's;
 * in index and offsets numbers are i64. Left out are max_norm, scale_grad_by_freq and sparse
 * gradients.
 *
 *     reel_module *words = reel_embedding_new(10000, 650, (reel_embedding_layer_options){0});
 *     reel_tensor *x = reel_forward(words, tokens);                  // i64[T,B] -> x[T,B,650]
 *
 * A number outside 0..N-1 is an error, which comes late on a GPU. Results are borrowed. */
#ifndef REEL_NN_EMBEDDING_H
#define REEL_NN_EMBEDDING_H

#include "../tensor/random.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* ---- functions ---- */

/* pads: the row padding_idx gets no gradient, and is passed over in bags; below 0 it is counted
 * from the end. */
typedef struct {
    bool pads;
    int64_t padding_idx;
} reel_embedding_options;

/* y[...,:] = weight[index[...],:]: weight[N,D], index of any shape. The gradient of a row is added
 * up in the order of the index, whatever the number of threads. */
REEL_API reel_tensor *reel_embedding_at(const char *at, reel_tensor *weight, reel_tensor *index,
                                        reel_embedding_options options);
#define reel_embedding(weight, index, ...)                                                         \
    reel_embedding_at(REEL_AT(weight, index), weight, index, __VA_ARGS__)

typedef enum { REEL_BAG_MEAN = 0, REEL_BAG_SUM, REEL_BAG_MAX } reel_bag_mode;

/* offsets: i64[B], where bags of index[n] begin, in order, the first of them at 0; NULL: index is
 *     [B,L], a bag a row. Borrowed, as per_sample_weights is: of index's shape and weight's dtype,
 *     what each row is multiplied by; of REEL_BAG_SUM alone. NULL: 1. */
typedef struct {
    reel_bag_mode mode;
    reel_tensor *offsets, *per_sample_weights;
    bool pads;
    int64_t padding_idx;
} reel_embedding_bag_options;

/* y[B,D]: of each bag the mean of its rows, their sum, or by column their greatest; 0 of an empty
 * one. REEL_BAG_MAX takes no offsets; of equals the first gets the gradient. */
REEL_API reel_tensor *reel_embedding_bag_at(const char *at, reel_tensor *weight, reel_tensor *index,
                                            reel_embedding_bag_options options);
#define reel_embedding_bag(weight, index, ...)                                                     \
    reel_embedding_bag_at(REEL_AT(weight, index), weight, index, __VA_ARGS__)

/* ---- layers ---- */

/* weight[num,dim] from N(0, 1), the row padding_idx zeros; or a copy of from_pretrained[num,dim] as
 * it is, on its device and of its dtype. freeze: registered, but not tracked. */
typedef struct {
    bool pads;
    int64_t padding_idx;
    reel_tensor *from_pretrained; /* borrowed; NULL: none */
    bool freeze;
    reel_dtype dtype;          /* f32 or f64 */
    reel_generator *generator; /* says the device as well; NULL: one of reel_next_seed */
} reel_embedding_layer_options;
/* y[...,D] = m(index[...]) */
REEL_API reel_module *reel_embedding_new(int64_t num, int64_t dim,
                                         reel_embedding_layer_options options);
/* y[B,D] of index[B,L]; or, by reel_run(m, reel_results(&y), index, offsets, per_sample_weights),
 * of index[n] and offsets[B]. */
REEL_API reel_module *reel_embedding_bag_new(int64_t num, int64_t dim, reel_bag_mode mode,
                                             reel_embedding_layer_options options);

/* ---- call sites: see error.h ---- */

#define reel_embedding_new(...) REEL__CALL(reel_embedding_new(__VA_ARGS__))
#define reel_embedding_bag_new(...) REEL__CALL(reel_embedding_bag_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
