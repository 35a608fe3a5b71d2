/* What a transformer's layers and its stacks of them share. */
#ifndef REEL_NN_TRANSFORMER_INTERNAL_H
#define REEL_NN_TRANSFORMER_INTERNAL_H

#include "nn/module_internal.h"
#include "nn/transformer.h"

/* REEL_OK, or a failure of `what`. */
reel_status reel__transformer_check(const char *what, int64_t d_model, int64_t nhead,
                                    const reel_transformer_options *o);
/* Owned by the caller. */
reel_module *reel__transformer_norm(int64_t width, const reel_transformer_options *o,
                                    reel_device device);

#endif
