/* What a transformer's layers and its stacks of them share. */
#ifndef REEL_NN_TRANSFORMER_INTERNAL_H
#define REEL_NN_TRANSFORMER_INTERNAL_H

#include "nn/module_internal.h"
#include "nn/transformer.h"

/* Seeds that a layer has for itself: of two attentions and four dropouts. */
#define REEL__LAYER_SEEDS 6
/* The one that is `skipped` behind the one given; 0 if none was. */
static inline uint64_t reel__transformer_seed(const reel_transformer_options *o, int64_t skipped) {
    return o->seed ? o->seed + (uint64_t)skipped : 0;
}

/* REEL_OK, or a failure of `what`. */
reel_status reel__transformer_check(const char *what, int64_t d_model, int64_t nhead,
                                    const reel_transformer_options *o);
/* Owned by the caller. */
reel_module *reel__transformer_norm(int64_t width, const reel_transformer_options *o,
                                    reel_device device);

#endif
