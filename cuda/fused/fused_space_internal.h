/* What the files that find a group's space share. */
#ifndef REEL_CUDA_FUSED_FUSED_SPACE_INTERNAL_H
#define REEL_CUDA_FUSED_FUSED_SPACE_INTERNAL_H

#include "cuda/fused/cuda_fused_internal.h"

static inline bool folds(const reel__call *c) {
    return reel__ops[c->op].kind == REEL__REDUCE;
}

/* What a node goes over: its result or, of a fold, its input. */
static inline reel_shape shape_of(const reel__group_node *n) {
    return folds(&n->call) ? n->call.in[0]->layout.shape : n->call.out[0]->layout.shape;
}

/* ---- the space, and where nodes are in it (fused_places.c) ---- */

/* Axes that all nodes of as many elements as the space can be told by; false: there are none. */
bool reel__fused_make_axes(reel__fused_space *s);
/* A node of as many elements as the space: in the same order. */
void reel__fused_place_whole(const reel__fused_space *s, reel__fused_step *t);
/* A node of a result of folds, its input k: along the axes that the result which it reads has. */
void reel__fused_place_behind(const reel__fused_space *s, reel__fused_step *t, int k,
                              const reel__fused_step *maker);
/* A node that no other has placed, since none reads it: if it is a single number. False: it has no
 * place. */
bool reel__fused_place_number(reel__fused_space *s, int i);
/* Whether node p's result, read by these steps from `offset` on, is what p computes there. */
bool reel__fused_demand(const reel__fused_space *s, reel__fused_step *p, int64_t offset,
                        const int64_t along[REEL__FUSED_AXES]);
/* Strides of a node's result along the axes that it goes over. */
void reel__fused_result_strides(const reel__group_node *n, int64_t stride[REEL_MAX_DIMS]);
/* What lies along the node's axes, with these strides, along the space's. */
void reel__fused_spread(const reel__fused_space *s, const reel__fused_step *t,
                        const int64_t *stride, int64_t along[REEL__FUSED_AXES]);
/* The node before `i` that makes input k, and which of its results it is; -1: none in the group. */
int reel__fused_maker_of(const reel__fused_space *s, int i, int k, int *which);

/* ---- words and operands (fused_operands.c); false, -1: there is no room, or it can't be ---- */

int reel__fused_add_word(reel__fused_space *s, reel__fused_word_kind kind, int of, int which);
bool reel__fused_add_words(reel__fused_space *s, int i); /* what node i is told */
bool reel__fused_find_inputs(reel__fused_space *s, int i);
bool reel__fused_find_result(reel__fused_space *s, int i);
/* Memory that is written is read by nobody but the thread that writes it. */
bool reel__fused_is_safe(const reel__fused_space *s);

/* ---- folds (fused_levels.c) ---- */

/* Which axes they go along; false: one kernel can't do them all. */
bool reel__fused_find_folds(reel__fused_space *s);
/* Levels, and nodes that stand behind folds. */
void reel__fused_find_levels(reel__fused_space *s);
/* Where each node is computed; false: what one reads is not there. */
bool reel__fused_find_scopes(reel__fused_space *s);

/* ---- how it is launched (fused_shape.c) ---- */

void reel__fused_choose_vector(reel__fused_space *s);

#endif
