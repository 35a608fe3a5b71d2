/* A whole step as one kernel, which does many of them and keeps what it can in shared memory from
 * one to the next (resident_internal.cuh has what it is made of).
 *
 * Axes that calls bring together are one. One axis, the longest of the batch's rows, is cut over
 * the blocks of a cluster; what has it is shared out among them, all else is there in each. A
 * product over that axis is a sum over the cluster. Another axis, the batch's or that of a layer
 * within, is cut over several clusters in the same way; a product over that one is a sum over the
 * clusters. Products are units; elementwise ops belong to the unit whose numbers they take, and are
 * done where these are.
 *
 * Where a cluster's rows of the batch are too many for its memory, it takes them turn by turn, and
 * adds up what becomes gradients; updates are behind the last turn. */
#ifndef REEL_CUDA_FUSED_CUDA_RESIDENT_INTERNAL_H
#define REEL_CUDA_FUSED_CUDA_RESIDENT_INTERNAL_H

#include "cuda/fused/cuda_fused_internal.h"

#define REEL__RESIDENT_NODES 64
#define REEL__RESIDENT_VALUES 160
#define REEL__RESIDENT_UNITS 16
#define REEL__RESIDENT_PARAMS 12
#define REEL__RESIDENT_WORDS 120
#define REEL__RESIDENT_TOTALS 4
#define REEL__RESIDENT_STEPS 64 /* of a launch */
#define REEL__RESIDENT_THREADS 256
#define REEL__RESIDENT_BYTES (227 * 1024) /* of shared memory, of a block */
#define REEL__RESIDENT_COUNTER 32         /* words from one rank's counter to the next */
#define REEL__RESIDENT_SPARE 2            /* how many times what is told its messages may be */

/* ---- what is found out (resident_find.c) ---- */

typedef enum {
    REEL__NO_FLOATS, /* bytes, indices, counts */
    REEL__A_TILE,    /* f32, two axes */
    REEL__A_VECTOR,  /* f32, one */
    REEL__A_NUMBER   /* one element, f32 or f64 */
} reel__resident_kind;

typedef struct {
    int value; /* in the plan */
    reel__resident_kind kind;
    reel_dtype dtype;
    int64_t offset, dim[2];
    int axis[2];   /* of each dimension */
    int node;      /* that makes it, -1: none */
    int unit;      /* in which, -1: none */
    int param;     /* that it is, -1: none */
    bool stored;   /* a tile */
    int same;      /* the value that it is a copy of, or itself */
    int kept_node; /* whose result must be in memory at the end, -1: none */
} reel__resident_value;

typedef enum {
    REEL__GATHER,   /* rows of bytes */
    REEL__PRODUCT,  /* of two tiles */
    REEL__ELEMENT,  /* a tile's elements */
    REEL__TOTAL,    /* a sum over all elements */
    REEL__COLUMNS,  /* a sum over the first axis */
    REEL__CONSTANT, /* a number that is known */
    REEL__RATE,     /* the rate of the next update, fed */
    REEL__COPY,     /* the same elements */
    REEL__COUNTED,  /* of numbers */
    REEL__UPDATED
} reel__resident_role;

typedef enum {
    REEL__EXCHANGED, /* a sum over the cluster */
    REEL__LOCAL,
    REEL__GRADIENT /* what an update takes; stays in registers */
} reel__resident_unit_kind;

typedef struct {
    reel__resident_unit_kind kind;
    int node[2], products; /* whose results are added up */
    int value;
    int m, n, k; /* axes: rows and columns of its tile, and what it is a sum over */
    bool joined; /* a sum over the clusters */
    bool owned;  /* a gradient joined: each cluster updates a share of the parameter */
    int result;  /* of those exchanged: the value that all blocks get */
    int param;   /* of gradients */
} reel__resident_unit;

typedef struct {
    int p, gradient, moment[3]; /* values */
    int moments;
    int first;     /* its tensors in the update's list */
    int unit;      /* of a tile's gradient */
    int at, count; /* of vectors and numbers: where they begin among all of them, and how many */
} reel__resident_param;

typedef struct {
    int node, unit;
    bool joined;
} reel__resident_total;

typedef struct {
    const reel__group *group;
    int values;
    reel__resident_value value[REEL__RESIDENT_VALUES];
    reel__resident_role role[REEL__RESIDENT_NODES];
    /* Of each node, which values: one that is written again is another one from then on. */
    int in[REEL__RESIDENT_NODES][REEL__MOST_INPUTS], out[REEL__RESIDENT_NODES];
    int unit_of[REEL__RESIDENT_NODES]; /* of elements, totals and products */
    int parent[2 *
               REEL__RESIDENT_VALUES]; /* axes that are one: each points at another, or itself */
    int64_t size[2 * REEL__RESIDENT_VALUES];
    int axes;
    int cut, batch,
        across;           /* axes: over a cluster's blocks; the batch's; over clusters, -1: none */
    int clusters, blocks; /* how many; blocks of one */
    int clusters_at_once; /* of so many blocks, that the GPU has room for (resident_choice.c) */
    int turns;            /* in which a cluster does its rows of the batch */
    bool shares;          /* of updates, which clusters have: gradients that are joined are owned */
    bool one_place;       /* for the batch, and none beside it for the next rows */
    int gather, update, rate; /* nodes; rate -1: it stays */
    int units, params, totals;
    reel__resident_unit unit[REEL__RESIDENT_UNITS];
    reel__resident_param param[REEL__RESIDENT_PARAMS];
    reel__resident_total total[REEL__RESIDENT_TOTALS];
    int vectors; /* elements of all vectors and numbers of a block */
    int words;
    struct {
        int node, slot; /* of its inputs or, behind them, its results */
    } word[REEL__RESIDENT_WORDS];
} reel__resident;

/* False: the group can't be one such kernel. */
bool reel__resident_find(reel__resident *r, const reel__group *g);
/* Cuts `axis`, -1: none, over so many clusters; false if it can't be. How many blocks of one and
 * turns there are, is there already. */
bool reel__resident_cut(reel__resident *r, int axis, int clusters);
int reel__resident_axis(const reel__resident *r, int axis); /* the one that stands for all */
/* How much of an axis a block has, in a turn; of the batch, a multiple of 4. */
int64_t reel__resident_part(const reel__resident *r, int axis);
/* The batch's rows that a cluster has in a turn, at most. */
int64_t reel__resident_rows_of_turn(const reel__resident *r);
/* Which dimension of a tile comes first in shared memory. */
int reel__resident_rows(const reel__resident *r, const reel__resident_value *v);
/* Messages that a block sends to other clusters in a step, but for those of threads that have none
 * of a tile's numbers. */
int64_t reel__resident_told(const reel__resident *r);
/* Floats for moments of shares of updates, of all blocks, at most. */
int64_t reel__resident_moments(const reel__resident *r);

/* Floats from one row of a tile to the next. */
int64_t reel__resident_pitch(int64_t columns);
/* Whether a value has a place of its own in shared memory, and how much all of them take at least.
 */
bool reel__resident_is_tile(const reel__resident *r, const reel__resident_value *v);
int64_t reel__resident_bytes(const reel__resident *r);

/* ---- products (resident_ways.c) ---- */

/* What becomes of a product's numbers: sent to their owners in the cluster; put into a tile; that,
 * when other clusters' are added; kept for an update; given to clusters that own shares of it. */
typedef enum {
    REEL__SENT_OFF,
    REEL__PUT_DOWN,
    REEL__JOINED_FIRST,
    REEL__KEPT_HERE,
    REEL__SHARED_OUT
} reel__resident_after;

typedef struct {
    int m, n, k;
    bool along[2]; /* whether k is the columns of A[m,k], B[k,n] as they lie */
    int pitch[2];  /* floats from one row to the next */
    int room;      /* registers that a thread has for it */
    reel__resident_after after;
} reel__resident_product;

/* A thread has a tm x tn tile of the result, or the share of it that ks lanes make, which cut k. */
typedef struct {
    int tm, tn, ks;
} reel__resident_way;

/* The quickest, as far as is known. */
reel__resident_way reel__resident_way_of(const reel__resident_product *p);
/* Copies of the code of a turn with so many multiplications. */
#define REEL__RESIDENT_COPIES(fma) ((fma) > 64 ? 1 : (fma) > 32 ? 2 : 4)

/* ---- how it is cut (resident_choice.c) ---- */

/* The kernel, of the device that is used, in that way of cutting the step in which it takes least
 * time, as far as is known; r is cut so. NULL: there is none, or calls take less. */
const void *reel__resident_choose(reel__resident *r);

/* ---- the text (resident_text.c) ---- */

/* Of the kernel `resident`, the caller's to free; fills in words. NULL: it can't be written. */
char *reel__resident_text(reel__resident *r);

#endif
