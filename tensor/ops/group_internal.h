/* A captured step's calls, as a plan has them (capture/), and what a backend may make of several.
 *
 * Its tensors are handles of the plan's: a layout, and memory that stays where it is from replay to
 * replay. Which memory an operand is, is said by its value: a number in the plan's list. Two
 * operands of one value may be seen by different layouts. */
#ifndef REEL_TENSOR_OPS_GROUP_INTERNAL_H
#define REEL_TENSOR_OPS_GROUP_INTERNAL_H

#include "tensor/backend.h"

typedef struct reel__group_node {
    reel__call call;
    int *in;                     /* the values of its inputs, call.nin of them */
    int out[REEL__MOST_RESULTS]; /* and of its results */
    unsigned kept;               /* bits of results that are read after the group: they must be in
                                  * memory; others need not */
    bool fed;                    /* constants or outer inputs are replaced before each replay */
    const char *function;        /* that it is part of, in messages; NULL: none */
    const char *context;         /* the op whose gradient it is part of; NULL: none */
} reel__group_node;

/* Nodes that follow each other in a plan, or are to do so. */
typedef struct reel__group {
    reel__group_node *node;
    int count;
} reel__group;

/* What a backend makes of a group: fewer kernels than nodes. `of` is its own. */
typedef struct reel__fused {
    reel_status (*run)(void *of);
    void (*free)(void *of);
    /* One line for people: what it is. */
    void (*describe)(const void *of, char *to, size_t size);
    /* Of a whole step, where a run is several of them, up to `most`: called before it for each one,
     * once its nodes are told what they are then. NULL: a run is one step. */
    void (*note)(void *of);
    int most;
    void *of;
} reel__fused;

/* How a backend makes them. */
typedef struct reel__fusing {
    /* Whether a node can be part of a group, and whether these nodes can be one kernel. */
    bool (*takes)(const reel__group_node *n);
    bool (*joins)(const reel__group *g);
    /* How many nodes may stand between those of a group, and step aside; 0: none. Where some may,
     * bits need not be those of ops one by one. */
    int reach;
    /* The kernel, owned, freed by its `free` and then by free(); NULL: none, and no failure. The
     * nodes and their tensors stay where they are as long as it lives; what nodes are told, and the
     * memory of their tensors, may change. Results that are not kept are not written. */
    reel__fused *(*fuse)(const reel__group *g);
    /* The same of all of a step's nodes: one kernel that does many steps, and has `note`. Beside:
     * it may run while other calls do that have nothing to do with its memory. */
    reel__fused *(*whole)(const reel__group *step, bool beside);
} reel__fusing;

#endif
