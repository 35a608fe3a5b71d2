/* What the files of capture/ share. A step's way: it is rehearsed, which trace.c (memory in
 * operands.c, gradients in gradients.c) writes down and undoes; two traces that agree become a
 * program (program.c), which passes make shorter (passes.c, pass_slices.c, pass_fuse.c), whose
 * memory is planned (program_memory.c), and which is run (run.c); what the host does anew before
 * each run is answered from it (refresh.c). A plan has a program for each shape of batches that it
 * met (capture.c), and shows what it costs (costs.c, dump.c). */
#ifndef REEL_CAPTURE_CAPTURE_INTERNAL_H
#define REEL_CAPTURE_CAPTURE_INTERNAL_H

#include "capture/capture.h"
#include "tensor/core/handles_internal.h"
#include "tensor/ops/group_internal.h"
#include "tensor/ops/record_internal.h"

/* ---- memory (operands.c) ---- */

/* A view of t's memory with one reference, which its storage counts as a captured step's. */
reel_tensor *reel__hold(reel_tensor *t, const reel__layout *layout, const char *at);
/* Lets it go. Takes NULL. */
void reel__let_go(reel_tensor *view);
/* Whether anybody but captured steps holds the storage. */
bool reel__is_held(const reel_tensor *view);

/* Whether both are of the same elements of a memory; anywhere: of alike ones, wherever they begin.
 */
bool reel__same_layout(const reel__layout *a, const reel__layout *b, bool anywhere);

/* The failure. */
reel_status reel__capture_no_memory(const char *at);
/* Room for one more element of `size` bytes; false, and a failure, without memory. */
bool reel__grow(void **array, int count, int *room, size_t size);

/* ---- traces (trace.c) ---- */

/* Elements of a value; value -1: none. */
typedef struct {
    int value;
    reel__layout layout;
} reel__operand;

/* A storage that a step's calls used. */
typedef struct {
    reel_tensor *base; /* all of it, as bytes; keeps it alive. NULL: let go for a program, inner */
    size_t bytes;
    reel_device device;
    bool inner;    /* made in the step */
    bool outlives; /* inner, and somebody holds it at the step's end */
    bool fed;      /* a section takes it in or hands it over: it may be another each time */
    bool gradient; /* of a leaf, before the step: it may be let go, and come back */
} reel__value;

typedef struct {
    reel__call call;        /* its tensors are gone; a list is NULL */
    reel__operand *operand; /* of nin inputs, then nout results; owned */
    int section;            /* -1: in none */
    const char *function;   /* the composite that it is part of; NULL: none */
    const char *context;    /* the op whose gradient it is part of; NULL: none */
} reel__entry;

typedef struct {
    reel__section is;
    reel__operand result[REEL__SECTION_RESULTS];
    int first, end; /* its entries */
    bool more;      /* it went on */
    uint64_t alive; /* the number of what it is of (alive_internal.h); 0: it is none of these */
    bool did;       /* it did the last time, and was not undone since */
    const char *at; /* where the step called it; NULL: not known */
    int life;       /* the value that it goes with; -1: none */
    const reel__storage *memory; /* of what it is of, where that is a tensor; else NULL */
    bool gone;                   /* at the step's end: it was the step's own */
} reel__host_part;

/* A leaf whose gradient the step looked at or changed: what it was before and after. */
typedef struct {
    reel_tensor *leaf;           /* borrowed: may be gone */
    reel_tensor *elements;       /* the leaf's memory, held */
    bool gone;                   /* at the step's end: it was the step's own */
    bool seen;                   /* what it was before matters */
    reel_tensor *was;            /* during a rehearsal, retained */
    reel__operand before, after; /* value -1: none */
} reel__leaf;

/* What an outer storage held before the step changed it. */
typedef struct {
    reel_tensor *base, *copy;
} reel__backup;

typedef struct reel__trace {
    reel__recorder recorder; /* first: what the thread points at */
    uint64_t number;
    uint64_t switches; /* what they were when the step began */
    reel__entry *entry;
    int count, entry_room;
    reel__value *value;
    int values, value_room;
    reel__host_part *part;
    int parts, part_room;
    reel__leaf *leaf;
    int leaves, leaf_room;
    reel__backup *saved;
    int saves, saved_room;
    int open; /* sections that are open; what is inside another is part of that */
    reel_status status;
} reel__trace;

/* All of a tensor's memory, as bytes, held. */
reel_tensor *reel__whole(reel_tensor *t);
/* Which of the trace's values a storage is; -1: none. */
int reel__value_of(const reel__trace *t, const reel__storage *s);
/* The operand that a tensor is, and its value a new one where it is none; -1 without memory. */
reel__operand reel__trace_operand(reel__trace *t, reel_tensor *x);
/* Copies the elements of one tensor into another's, whatever is recorded. */
reel_status reel__copy_elements(reel_tensor *to, reel_tensor *from);
/* What a call was told, so that two can be compared byte by byte (told.c). */
void reel__tidy_told(reel__call *c);
/* Whether what a part is of is there, as far as that can be known. */
bool reel__part_lives(const reel__host_part *part);
/* Undoes what it did last, if that is there to be undone. */
void reel__part_back(reel__host_part *part);
/* What it did last stays. */
void reel__part_forget(reel__host_part *part);
/* Runs the step, writes it down, and undoes what it did to tensors and to what the host keeps of
 * loaders, schedules and meters. *did: what it returned; if false, it is not undone. NULL on
 * failure, which is undone as far as the step came. */
reel__trace *reel__trace_rehearse(reel_step step, void *user, bool *did);
void reel__trace_free(reel__trace *t);
/* Lets the memory go that a program does not use. */
void reel__trace_let_go(reel__trace *t);
/* Whether the same calls were made of the same outer tensors, those apart that only the traces
 * still hold. Else *why says what differs. */
bool reel__trace_agrees(const reel__trace *a, const reel__trace *b, char *why, size_t size);
/* Whether those that agree are of the very same tensors from outside. */
bool reel__trace_same_outer(const reel__trace *a, const reel__trace *b);
/* What the thread's calls depend on besides tensors, as a number (reel__switch). */
uint64_t reel__switches(void);

/* ---- gradients of leaves (gradients.c) ---- */

/* A recorder's. */
reel_status reel__gradient_noted(reel__recorder *r, reel_tensor *leaf, bool seen);
/* At a rehearsal's end: which leaves are there, and what they have now; and undoes it. */
reel_status reel__gradients_after(reel__trace *t);
void reel__gradients_undo(reel__trace *t);
void reel__gradients_free(reel__trace *t);
bool reel__gradients_agree(const reel__trace *a, const reel__trace *b);

typedef struct reel__program reel__program;
/* Whether leaves have what a program was made for, and what they have after it. */
bool reel__gradients_fit(const reel__program *p);
reel_status reel__gradients_put(const reel__program *p);

/* ---- programs (program.c) ---- */

/* Of a replay: it can be done; not a step of this program, and nothing is done. */
typedef enum { REEL__FITS, REEL__OTHER } reel__outcome;

/* What runs at once: a node, or a group of them. */
typedef struct {
    int first, count;   /* nodes */
    reel__fused *fused; /* owned; NULL: it is one node */
    int64_t part;       /* what profiles call it: a number of its own among all programs' */
    int64_t bytes;      /* that it reads and writes */
} reel__item;

/* A value in a program. */
typedef struct {
    reel_tensor *base; /* its memory, as bytes; NULL: it needs none */
    size_t bytes;
    bool outer;      /* somebody else's, or outlives the step */
    int first, last; /* the items that touch it; first > last: none */
    bool passing;    /* made and used up within one kernel: it needs no memory */
    size_t offset;   /* in the arena, of inner ones */
} reel__memory;

struct reel__program {
    unsigned without; /* passes, as bits */
    reel__trace *trace;
    reel__entry *entry; /* the trace's, but for those that a pass put in their place */
    reel__group_node *node;
    reel_tensor ***tensors;  /* of each node: its operands' handles, owned; inputs, then results */
    reel__operand **operand; /* of each node, the same: the trace's */
    int count;
    reel__memory *memory; /* by value */
    int values;
    int *node_of; /* of each entry of the trace; -1: left out */
    reel__item *item;
    int items;
    reel_tensor *arena;
    reel__recorder refresh; /* see refresh.c */
    int now;                /* the part that is done again */
    int next;               /* its next entry */
    int depth;
    reel__outcome outcome;
};

/* A program of the trace, which it takes over. NULL on failure. */
reel__program *reel__program_new(reel__trace *trace, unsigned without);
/* Frees it, and returns its trace. */
reel__trace *reel__program_end(reel__program *p);
/* Whether somebody else still holds what it uses of others'. */
bool reel__program_holds(const reel__program *p);

/* Of each entry, whether it stays (passes.c). A node that repeats another has its results' values
 * replaced by the other's in `value`, a map of all values. */
reel_status reel__pass_dead(const reel__trace *t, bool *stays, const int *value);
reel_status reel__pass_common(const reel__trace *t, bool *stays, int *value);

/* What puts slices into a tensor of zeros, one after the other, until it is full, becomes copies
 * into a tensor without any (pass_slices.c): entries that are replaced get operands of their own.
 */
reel_status reel__pass_slices(reel__program *p, const bool *stays, const int *value);

/* How a node's backend makes several nodes one; NULL: it doesn't (pass_fuse.c). */
const reel__fusing *reel__fusing_of(const reel__group_node *n);
/* Whether it is run for what it may fail on alone: before items are joined, when first and last are
 * places of nodes. */
bool reel__is_mere_check(const reel__program *p, const reel__group_node *n);
/* Which nodes become one kernel, with some stepping aside: `place` says where each node goes,
 * item_of, of each place, which item it is part of, and *items how many there are. */
reel_status reel__pass_fuse(const reel__program *p, int *place, int *item_of, int *items);
/* Marks the results that are read behind their item. */
void reel__mark_kept(reel__program *p, const int *item_of);

/* Offsets of inner values, and how many bytes they need (program_memory.c). */
reel_status reel__program_memory(reel__program *p, size_t *bytes);

/* What an item costs. */
typedef struct {
    int64_t bytes;
    double flops;
    double ns;    /* of a run, on average, in the profile that was stopped last */
    int64_t runs; /* that it has timed; 0: ns is not known */
} reel__cost;
/* Gives items their parts and bytes (costs.c). */
void reel__program_number(reel__program *p);
/* Of each item. */
void reel__program_costs(const reel__program *p, reel__cost *costs);

/* Up to so many replays; *done: how many it was, *outcome: what became of the next one. */
reel_status reel__program_run(reel__program *p, int64_t steps, int64_t *done,
                              reel__outcome *outcome);
/* Does part k again, and replaces what its nodes are told. Where it is none of this program's, the
 * outcome says so; it does nothing if it would have nothing to give where it had something, or the
 * other way round. */
void reel__program_refresh(reel__program *p, int k);

/* ---- plans (capture.c) ---- */

enum { REEL__MOST_PROGRAMS = 8 };

struct reel_plan {
    reel_step step;
    void *user;
    reel_capture_options options;
    reel__program *program[REEL__MOST_PROGRAMS]; /* the one used last comes first */
    int programs;
    bool busy;         /* it replays */
    reel__trace *last; /* what the next rehearsal may agree with */
};

/* REEL_OK for a plan that lives. */
reel_status reel__plan_check(const reel_plan *p, const char *who);

#endif
