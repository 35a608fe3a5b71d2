/* Groups of nodes made by hand: each op runs eagerly first, which gives what the group's kernel is
 * to give to the bit (sums apart). Without a GPU the kernel is compiled alone. */
#ifndef REEL_TESTS_FUSED_RIG_H
#define REEL_TESTS_FUSED_RIG_H

#include "tests/gpu_suite.h"

#include "cuda/fused/cuda_fused_internal.h"
#include "tensor/ops/call_internal.h"

#define RIG_NODES REEL__FUSED_NODES
#define RIG_VALUES 200

typedef struct {
    int count, values;
    reel__group_node node[RIG_NODES];
    int in[RIG_NODES][REEL__MOST_INPUTS];
    reel_tensor *wanted[RIG_NODES][REEL__MOST_RESULTS];
    reel_tensor *value[RIG_VALUES]; /* by number, as the eager ops see it */
} rig;

/* Memory from before the group. */
int rig_value(rig *r, reel_tensor *t);
/* A node: c, told its inputs as values, each seen as it lies or as `seen`, which may be NULL. Its
 * first result's value. */
int rig_node(rig *r, reel__call c, const int *in, reel_tensor *const *seen, bool kept);
int rig_unary(rig *r, reel__op op, int x, bool kept);
int rig_binary(rig *r, reel__op op, int x, int y, bool kept);
/* Compiles it; on a GPU runs it and compares what is kept. */
void rig_check(rig *r);
/* The same of what must not be one kernel. */
void rig_refuse(rig *r);
/* On a GPU: the kernel, made; NULL elsewhere. */
reel__fused *rig_fuse(rig *r);
void rig_free(reel__fused *f);
void rig_compare(const rig *r);
bool rig_on_gpu(void);

/* Numbers of all kinds, of a dtype: from `seed` on. */
reel_tensor *rig_numbers(reel_shape shape, reel_dtype dtype, int seed);
/* The same without infinities and NaN. */
reel_tensor *rig_tame(reel_shape shape, reel_dtype dtype, int seed);
/* A reduction over the axes in the mask. */
int rig_fold(rig *r, reel__op op, int x, int64_t axes, int64_t kept);

#endif
