/* What embeddings alone and in bags share. */
#ifndef REEL_NN_EMBEDDING_INTERNAL_H
#define REEL_NN_EMBEDDING_INTERNAL_H

#include "nn/module_internal.h"

/* Fails with the composite under way unless weight is a table of floats, index i64 and *padding,
 * where there is one, a row of it; counts *padding from the front. */
reel_status reel__embedding_check(const reel_tensor *weight, const reel_tensor *index, bool pads,
                                  int64_t *padding);
/* weight[index], [...,D]. */
reel_tensor *reel__embedding_rows(const char *at, reel_tensor *weight, reel_tensor *index);
/* u8 of index's shape: 1 where it is `padding`. */
reel_tensor *reel__embedding_padded(const char *at, reel_tensor *index, int64_t padding);

typedef struct {
    reel_module base;
    reel_tensor *weight;
    bool pads;
    int64_t padding_idx;
    reel_bag_mode mode;
} reel__embedding_layer;
/* A layer of `type`; NULL, and a failure. */
reel__embedding_layer *reel__embedding_layer_new(const char *type, int64_t num, int64_t dim,
                                                 const reel_embedding_layer_options *options);

#endif
