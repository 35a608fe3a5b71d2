/* Groups of a plan's nodes as one kernel each: what is found out of a group, and the text that is
 * made of it.
 *
 * A kernel goes over a *space*: the elements of the group's largest results, along the axes that
 * all of its operands can be told by. Each node is computed once for each of these elements; one
 * whose result is smaller, and broadcast, is computed again wherever it is read. What goes from
 * node to node stays in registers. An operand is memory that is read or written: its element for a
 * place in the space is a sum of strides. */
#ifndef REEL_CUDA_FUSED_CUDA_FUSED_INTERNAL_H
#define REEL_CUDA_FUSED_CUDA_FUSED_INTERNAL_H

#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_fold_internal.h"
#include "tensor/ops/group_internal.h"
#include "tensor/text/text_buffer_internal.h"

#define REEL__FUSED_NODES 48
#define REEL__FUSED_AXES REEL_MAX_DIMS
#define REEL__FUSED_OPERANDS 64
#define REEL__FUSED_WORDS 120
#define REEL__FUSED_THREADS 128      /* of a block */
#define REEL__FUSED_FOLD_THREADS 256 /* of one that folds */

/* ---- what is found out (fused_space.c, and what fused_space_internal.h lists) ---- */

/* What a kernel does beside going over elements: nothing more; folds all of them; folds columns,
 * over the first axes, and all; folds rows, over the last axes, whose results the row's elements
 * may need. */
typedef enum {
    REEL__FUSED_MAP,
    REEL__FUSED_ALL,
    REEL__FUSED_COLUMNS,
    REEL__FUSED_ROWS
} reel__fused_kind;

/* Where a node is computed: for each element; once for a result of a fold of rows or columns; once.
 */
typedef enum { REEL__EACH, REEL__LINE_OF, REEL__ONCE } reel__fused_scope;

typedef struct {
    int node, slot; /* of the node's inputs or, from REEL__MOST_INPUTS on, results */
    reel_dtype dtype;
    int64_t offset;                   /* in its memory */
    int64_t stride[REEL__FUSED_AXES]; /* along the space's axes, in elements */
    bool written;
    int level; /* of its node: there it is read */
    /* A row of it is read, by an index: that one's operand, -1 if there is none; elements from row
     * to row, rows, and where in the space an index's number among the indices comes from. */
    int index;
    int64_t row, rows, along[REEL__FUSED_AXES];
    int word; /* the kernel's word that says where it lies */
} reel__fused_operand;

#define REEL__FUSED_SOURCES REEL__MOST_MAPPED

typedef struct {
    const reel__group_node *node;
    bool placed, whole; /* whole: computed once for each place of the space */
    /* Its coordinates, of a place in the space: a sum for each of its axes. */
    int64_t along[REEL_MAX_DIMS][REEL__FUSED_AXES];
    int sources;
    int source[REEL__FUSED_SOURCES]; /* an earlier node or, as ~n, an operand */
    int result;                      /* the operand it is written to, -1: none */
    int drawn;                       /* dropout_again: the dropout whose words it uses, -1: none */
    int state, used;                 /* dropout: operands of its state, and of what was used */
    int word;                        /* its first constant */
    bool folds;                      /* a reduction: its coordinates are its input's */
    unsigned kept;                   /* bits of the space's axes that its result still has */
    int level;                       /* folds that it waits for, one behind the other */
    reel__fused_scope scope;
    int scratch;  /* the word that says where a fold's parts lie */
    bool crosses; /* a later level reads what it gives */
    bool moved;   /* it waits for no fold, and is read behind some */
} reel__fused_step;

/* A word of a kernel's arguments, found anew before each run. */
typedef enum {
    REEL__WORD_ZERO,
    REEL__WORD_CLAIMED, /* of the device's error slot */
    REEL__WORD_ERROR,
    REEL__WORD_TICKETS,
    REEL__WORD_DATA,     /* of operand `of` */
    REEL__WORD_CONSTANT, /* number `which` of node `of` */
    REEL__WORD_NAME,     /* of node `of`: in messages of errors */
    REEL__WORD_SITE,
    REEL__WORD_SCRATCH, /* of fold `of`: `which` bytes behind the scratch memory's beginning */
} reel__fused_word_kind;
typedef struct {
    reel__fused_word_kind kind;
    int of, which;
} reel__fused_word;

typedef struct {
    const reel__group *group;
    int ndim;
    int64_t dim[REEL__FUSED_AXES], count; /* the space, outermost axis first */
    int steps, operands, words;
    reel__fused_step step[REEL__FUSED_NODES];
    reel__fused_operand operand[REEL__FUSED_OPERANDS];
    reel__fused_word word[REEL__FUSED_WORDS];
    int vector; /* elements that a thread takes at once, where operands are aligned */
    reel__fused_kind kind;
    int split;            /* rows, columns: the first axis of those behind */
    int64_t outer, inner; /* elements of the axes before it, and from it on */
    int levels;
    size_t scratch; /* bytes */
} reel__fused_space;

/* How a kernel is launched, and what its text has to know of that. */
typedef struct {
    int64_t blocks;
    int threads;
    int lanes;                  /* side by side: of columns, or of a row */
    int64_t tiles, parts, each; /* columns: tiles beside each other, parts of `each` rows */
    int64_t units, items;       /* rows: of a row, and of those a lane's */
} reel__fused_shape;
reel__fused_shape reel__fused_shape_of(const reel__fused_space *s, int vector);

/* How many numbers an elementwise formula is told; -1: the op has no formula that can be called as
 * it is. */
int reel__fused_constants(reel__op op);
/* False: the group can't be one kernel. */
bool reel__fused_find(reel__fused_space *s, const reel__group *g);

/* ---- the text (fused_text.c, fused_kernel.c) ---- */

/* How N elements of an operand lie along the last axis. */
typedef enum { REEL__SAME, REEL__LINE, REEL__APART } reel__fused_how;
reel__fused_how reel__fused_how_of(const reel__fused_space *s, const reel__fused_operand *o,
                                   int vector);

/* Of the kernel `fused`, in units of `vector` elements; the caller's to free, NULL: out of memory.
 */
char *reel__fused_text(const reel__fused_space *s, int vector);

/* ---- for the plan (cuda_fused.c) ---- */

/* Whether a node can be part of a group. */
bool reel__cuda_fuses(const reel__group_node *n);
/* Whether these nodes can be one kernel: nothing is compiled. */
bool reel__cuda_joins(const reel__group *g);
/* The kernel, compiled or found, freed by its `free` and then by free(); NULL: there is none, and
 * no failure is kept. The group's nodes and their tensors must live, and stay where they are, as
 * long as it does; what a node is told, and where its tensors lie, may change between runs. Results
 * that are not kept are not written. Memory that is written must be no other operand's, but for an
 * operand of the same value that is seen by the same layout. */
reel__fused *reel__cuda_fuse(const reel__group *g);
/* As reel__cuda_fuse, of all of a step's nodes: one kernel that does many steps (cuda_resident.c).
 */
reel__fused *reel__cuda_resident(const reel__group *g, bool beside);
/* Its text: for people. */
const char *reel__cuda_fused_text(const reel__fused *f);

#endif
