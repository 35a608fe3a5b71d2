/* Random tensors: their values, and how they lie in memory. */
#ifndef REEL_TESTS_PARITY_INPUTS_H
#define REEL_TESTS_PARITY_INPUTS_H

#include "tests/op_cases.h"
#include "tests/parity/parity_dice.h"
#include "tests/parity/parity_record.h"

/* USUAL   from the case's domain, with 0, 1, halves and the like among them
 * WIDE    of all magnitudes but denormal ones
 * SPECIAL as usual, with NaN and infinities strewn in */
typedef enum { PARITY_USUAL, PARITY_WIDE, PARITY_SPECIAL } parity_kind;
extern const char *const parity_kind_name[];
parity_kind parity_some_kind(dice *d);

typedef struct {
    parity_kind kind;
    reel_dtype dtype;   /* of inputs that are no indices */
    bool smooth;        /* second derivatives will be looked at: not where there are none */
    bool probabilities; /* inputs that the case has from within 0..1 stay there */
} parity_values;

/* Input i of a case, on the device under test and of a random layout: tracked if it is of floats
 * and that is wanted. Its values, "in<i>", are recorded from where they were drawn. */
reel_tensor *parity_input(record *r, dice *d, const op_case *c, int i, const op_shapes *s,
                          parity_values values, bool tracked);

/* On the CPU. */
reel_tensor *parity_tensor(array a, reel_dtype dtype);

/* Something of the shape and dtype of t, in -2..2. */
reel_tensor *parity_weight(dice *d, reel_tensor *t);

#endif
