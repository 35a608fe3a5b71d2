/* Parts of a kernel's text, for what puts them together (fused_kernel.c). Of what they say, by
 * name: e is the number of an element of the space, i<j> its coordinates, u<o> a unit of operand o,
 * v<n> what node n gives. */
#ifndef REEL_CUDA_FUSED_FUSED_TEXT_INTERNAL_H
#define REEL_CUDA_FUSED_FUSED_TEXT_INTERNAL_H

#include "cuda/fused/cuda_fused_internal.h"

/* Nodes of one level and scope. */
typedef struct {
    int level;
    reel__fused_scope scope;
    int vector; /* elements of a unit: 1 but where each element is gone over */
    const char *indent;
} reel__fused_place;

/* The type of what a node gives. */
const char *reel__fused_type(const reel__fused_space *s, int n);
/* i<first>, ... i<end - 1> from a number, `of`, of elements along these axes. */
void reel__fused_add_coordinates(reel__text *t, const reel__fused_space *s, int first, int end,
                                 const char *of, const char *indent);
/* What its nodes read from memory. */
void reel__fused_add_loads(reel__text *t, const reel__fused_space *s, const reel__fused_place *p);
/* What they give, of one element. */
void reel__fused_add_nodes(reel__text *t, const reel__fused_space *s, const reel__fused_place *p);
/* A fold's result, of what was joined, t<n>. */
void reel__fused_add_result(reel__text *t, const reel__fused_space *s, int n, const char *indent);
/* Units for what is written, and the writing, if `guard` says so (NULL: always). */
void reel__fused_add_units(reel__text *t, const reel__fused_space *s, const reel__fused_place *p);
void reel__fused_add_stores(reel__text *t, const reel__fused_space *s, const reel__fused_place *p,
                            const char *guard);
/* The type F<n> of each fold, and what it is told. */
void reel__fused_add_folds(reel__text *t, const reel__fused_space *s);

/* Whether a node draws words of its own, in the stream stream<n>. */
bool reel__fused_draws(const reel__fused_space *s, int n);

#endif
