/* A captured step's nodes, for those who look at them without running it. */
#ifndef REEL_TESTS_CAPTURED_STEP_H
#define REEL_TESTS_CAPTURED_STEP_H

#include "tensor/ops/group_internal.h"

typedef enum { TIED_STEP, CLASSIC_STEP, DEEP_STEP } step_kind;

typedef struct captured_step captured_step;
/* Of an autoencoder of 784 pixels on the CPU. */
captured_step *captured_step_new(step_kind kind, int64_t latent, int64_t batch);
reel__group captured_step_nodes(captured_step *s);
void captured_step_free(captured_step *s);

#endif
