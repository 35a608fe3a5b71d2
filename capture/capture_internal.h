/* What the files of capture/ share. A step's way: trace.c writes down its calls; two traces that
 * agree become a plan (plan.c), which passes make shorter (passes.c), whose memory is planned
 * (plan_memory.c), and which is run (run.c); what the host does anew before each run is answered
 * from it (refresh.c). */
#ifndef REEL_CAPTURE_CAPTURE_INTERNAL_H
#define REEL_CAPTURE_CAPTURE_INTERNAL_H

#include "capture/capture.h"
#include "tensor/core/handles_internal.h"
#include "tensor/ops/group_internal.h"
#include "tensor/ops/record_internal.h"

/* ---- a growing array ---- */

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
    reel_tensor *base; /* all of it, as bytes; keeps it alive. NULL: let go by a plan, inner */
    size_t bytes;
    reel_device device;
    bool inner;    /* made in the step */
    bool outlives; /* inner, and somebody holds it at the step's end */
    bool fed;      /* a section takes it in or hands it over: it may be another each time */
} reel__value;

typedef struct {
    reel__call call;        /* its tensors are gone; a list is NULL */
    reel__operand *operand; /* of nin inputs, then nout results; owned */
    bool in_place;          /* the result was there before */
    int section;            /* -1: in none */
    const char *function;   /* the composite that it is part of; NULL: none */
    const char *context;    /* the op whose gradient it is part of; NULL: none */
} reel__entry;

typedef struct {
    reel__section is;
    reel__operand result[REEL__SECTION_RESULTS];
    int first, end; /* its entries */
    bool more;
} reel__part;

typedef struct reel__trace {
    reel__recorder recorder; /* first: what the thread points at */
    uint64_t number;
    reel__entry *entry;
    int count, entry_room;
    reel__value *value;
    int values, value_room;
    reel__part *part;
    int parts, part_room;
    int open; /* sections that are open; what is inside another is part of that */
    reel_status status;
} reel__trace;

/* Runs the step, which is written down; *did: what it returned. NULL on failure. */
reel__trace *reel__trace_record(reel_step step, void *user, bool *did);
void reel__trace_free(reel__trace *t);
/* Lets the memory go that a plan does not use. */
void reel__trace_let_go(reel__trace *t);
/* Whether the same calls were made of the same outer tensors, those apart that only the traces
 * still hold. Else *why says what differs. */
bool reel__trace_agrees(const reel__trace *a, const reel__trace *b, char *why, size_t size);

/* ---- plans (plan.c) ---- */

typedef enum { REEL__RUN_NODE, REEL__RUN_GROUP, REEL__RUN_PART } reel__what;

typedef struct {
    reel__what what;
    int first, count; /* nodes; of a part: its number */
    reel__fused *fused;
} reel__item;

/* A value in a plan. */
typedef struct {
    reel_tensor *base; /* its memory, as bytes; NULL: it needs none */
    size_t bytes;
    bool outer;      /* somebody else's, or outlives the step */
    int own;         /* references to its storage that the plan and the trace have */
    int first, last; /* the nodes that touch it; first > last: none */
    size_t offset;   /* in the arena, of inner ones */
} reel__memory;

struct reel_plan {
    reel_step step;
    void *user;
    reel_capture_options options;
    reel__trace *last; /* the last trace: what the next is compared with */
    int tries;         /* recordings that did not agree, in a row */
    bool ready;

    reel__node *node;
    reel_tensor ***tensors;  /* of each node: its operands' handles, owned; inputs, then results */
    reel__operand **operand; /* of each node, the same: the trace's */
    int count;
    reel__memory *memory; /* by value */
    int values;
    reel__part *part; /* the trace's */
    int parts;
    int *node_of; /* of each entry of the trace; -1: left out */
    reel__item *item;
    int items;
    reel_tensor *arena;
    reel__recorder refresh; /* see refresh.c */
    int now;                /* the part that is done again */
    int next;               /* its next entry */
    int depth;
    enum { REEL__SAME, REEL__OVER, REEL__OTHER } outcome;
};

/* REEL_OK for a plan that lives (capture.c). */
reel_status reel__plan_check(const reel_plan *p, const char *who);
/* Makes plan->last a plan. */
reel_status reel__plan_build(reel_plan *p);
/* Forgets it, and the trace if `all`. */
void reel__plan_clear(reel_plan *p, bool all);
/* Whether somebody else still holds what the plan uses. */
bool reel__plan_holds(const reel_plan *p);

/* Of each entry, whether it stays (passes.c). A node that repeats another has its results' values
 * replaced by the other's in `value`, a map of all values. */
reel_status reel__pass_dead(const reel__trace *t, bool *stays);
reel_status reel__pass_common(const reel__trace *t, bool *stays, int *value);

/* Offsets of inner values, and how many bytes they need (plan_memory.c). */
reel_status reel__plan_memory(reel_plan *p, size_t *bytes);

/* One replay. REEL_OK and *outcome; a failure is kept else. */
reel_status reel__plan_run(reel_plan *p);
/* Does part k again, and replaces what its nodes are told. */
void reel__plan_refresh(reel_plan *p, int k);

#endif
