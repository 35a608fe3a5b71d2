/* What the files that write a resident kernel's text share. */
#ifndef REEL_CUDA_FUSED_RESIDENT_TEXT_INTERNAL_H
#define REEL_CUDA_FUSED_RESIDENT_TEXT_INTERNAL_H

#include "cuda/fused/cuda_resident_internal.h"

typedef reel__resident resident;
typedef reel__resident_value value;
typedef reel__resident_unit unit;

/* How far the text is. Accesses to shared memory are numbered, so that it is known where all
 * threads of a block have to meet. */
typedef struct {
    resident *r;
    reel__text *t;
    int clock, met; /* of the last access, and of those before which all threads have met */
    int read[REEL__RESIDENT_VALUES], written[REEL__RESIDENT_VALUES];
    int vectors_read, vectors_written, picks_read;
    bool done[REEL__RESIDENT_UNITS], held[REEL__RESIDENT_UNITS], updated[REEL__RESIDENT_PARAMS];
    int begun[REEL__RESIDENT_UNITS]; /* halves of a gradient's products */
    bool fetched, put;
    bool summed; /* over all turns: what gradients are made of is there */
    int order[REEL__RESIDENT_UNITS], exchanges; /* so far */
    bool failed;
} writer;

/* What all threads do in a step, into w->t; w->failed: it can't be said. (resident_step.c) */
void reel__resident_step(writer *w);

/* ---- words (resident_words.c) ---- */

/* The word that says where a node's tensor lies: of its inputs or, behind these, results. */
int reel__resident_word(writer *w, int node, int slot);
/* The one that says where an outer value lies: as it is first seen. */
int reel__resident_word_of(writer *w, const value *v);
/* Elements from one to the next, along a dimension as it lies in memory. */
int64_t reel__resident_stride(const value *v, int dimension);
/* Where this block's part of a value begins in memory. */
void reel__resident_memory(writer *w, const value *v);

#define add(...) reel__text_add(w->t, __VA_ARGS__)
#define LINE(...) (add("        "), add(__VA_ARGS__), add("\n"))

static inline const reel__call *call_of(const resident *r, int node) {
    return &r->group->node[node].call;
}
static inline const value *input(const resident *r, int node, int k) {
    return &r->value[r->in[node][k]];
}
static inline int index_of(const resident *r, const value *v) {
    return (int)(v - r->value);
}
static inline bool is_gathered(const resident *r, const value *v) {
    return v->node == r->gather;
}

static inline int column_axis(const resident *r, const value *v) {
    return v->axis[1 - reel__resident_rows(r, v)];
}
static inline int row_axis(const resident *r, const value *v) {
    return v->axis[reel__resident_rows(r, v)];
}

/* The operands of product p: a has the tile's rows, b its columns. */
static inline void operands(const resident *r, const unit *u, int p, const value **a,
                            const value **b) {
    const value *x = input(r, u->node[p], 0), *y = input(r, u->node[p], 1);
    const bool first =
        reel__resident_axis(r, x->axis[0]) == u->m || reel__resident_axis(r, x->axis[1]) == u->m;
    *a = first ? x : y;
    *b = first ? y : x;
}

/* Numbers that outlive steps: those that are added to, and those that are left behind. */
static inline bool is_cell(const resident *r, const value *v) {
    if (v->kind != REEL__A_NUMBER || v->node < 0 || v->param >= 0) return false;
    const reel__resident_role role = r->role[v->node];
    return v->kept_node >= 0 && (role == REEL__COUNTED || role == REEL__TOTAL);
}

static inline const char *type_of(const value *v) {
    return v->dtype == REEL_F64 ? "double" : "float";
}

static inline const char *optimizer_of(const resident *r) {
    return reel__ops[call_of(r, r->update)->op].name;
}

#endif
