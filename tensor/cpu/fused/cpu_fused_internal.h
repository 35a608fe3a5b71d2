/* Groups of a captured step's elementwise calls, run tile by tile: what cpu_group.c finds out about
 * one, and cpu_fused.c runs.
 *
 * The calls of a group have results of as many elements, whose tiles are made one call after the
 * other while they are in the nearest cache; calls on a few elements come before all tiles, or
 * after them. Reductions of all elements are cut as the kernel by itself cuts them. The loops are
 * those of the kernels, and so are the bits. */
#ifndef REEL_TENSOR_CPU_FUSED_CPU_FUSED_INTERNAL_H
#define REEL_TENSOR_CPU_FUSED_CPU_FUSED_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/group_internal.h"

enum { REEL__TILE = 2048, REEL__FEW = 1024, REEL__MOST_FUSED = 48 };

/* When a call runs: before all tiles, with each, at the end of each part, after all of them. */
typedef enum { REEL__BEFORE, REEL__TILED, REEL__FOLDED, REEL__AFTER } reel__when;

/* Element i of a result meets entry i / inner % count of an operand. */
typedef struct {
    bool whole; /* as many entries as elements */
    int64_t inner, count;
} reel__along;

typedef struct {
    int64_t n; /* elements of those that are tiled */
    reel__when when[REEL__MOST_FUSED];
    bool folds; /* one of all elements is among them */
} reel__tiled;

bool reel__cpu_takes(const reel__group_node *n);
bool reel__cpu_joins(const reel__group *g);
reel__fused *reel__cpu_fuse(const reel__group *g);

/* When each runs; false: it is no group. */
bool reel__cpu_tiled(reel__tiled *t, const reel__group *g);
static inline bool reel__is_fold(const reel__call *c) {
    return reel__ops[c->op].kind == REEL__REDUCE;
}
static inline bool reel__is_drop(const reel__call *c) {
    return c->op == REEL_OP_dropout || c->op == REEL_OP_dropout_again;
}
/* How many elements it goes along. */
static inline int64_t reel__elements(const reel__call *c) {
    return reel_numel(reel__is_fold(c) ? c->in[0] : c->out[0]);
}
/* False: in another way, which tiles don't follow. */
bool reel__cpu_along(reel__along *a, const reel__call *c, const reel_tensor *in);

#endif
