/* A step of a recurrent layer, for the CPU and CUDA both: cells, and what of them lies where. Names
 * and gates are those of recurrent_internal.h. */
#ifndef REEL_TENSOR_FORMULAS_RECURRENT_STEP_INTERNAL_H
#define REEL_TENSOR_FORMULAS_RECURRENT_STEP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    REEL__CELL_TANH,
    REEL__CELL_RELU,
    REEL__CELL_LSTM,
    REEL__CELL_GRU
} reel__recurrent_cell;

static inline int reel__cell_gates(int cell) {
    return cell == REEL__CELL_LSTM ? 4 : cell == REEL__CELL_GRU ? 3 : 1;
}
/* Planes [T,B,H] that the gradient needs, of each step: the last is the state before it.
 *     tanh, relu   h' h       of a GRU   r z n q h, q what r weighs
 *     of an LSTM   i f g o c h */
static inline int reel__cell_planes(int cell) {
    return cell == REEL__CELL_LSTM ? 6 : cell == REEL__CELL_GRU ? 5 : 2;
}
/* States [B,H] that lie behind y. */
static inline int reel__cell_states(int cell) {
    return cell == REEL__CELL_LSTM ? 2 : 1;
}
/* Step t: rows of B, all contiguous. */
typedef struct {
    int cell;
    int64_t batch, hidden, t;
    int64_t plane;          /* elements from plane to plane */
    const int64_t *lengths; /* NULL: none */
    void *planes;           /* at t */
    /* forward: gates x + z + b */
    const void *x, *z, *b; /* b NULL: none */
    void *y, *h, *c;       /* h and c after the step */
    /* backward */
    const void *g; /* y's */
    void *dh, *dc; /* those that come from the steps behind it, and leave */
    bool keeps;    /* dh is written: what does not go through the gates */
    void *dx, *dz; /* dz NULL: the same */
} reel__recurrent_step;

#endif
