#ifndef REEL_TESTS_PARITY_LOSSES_H
#define REEL_TESTS_PARITY_LOSSES_H

#include "tests/parity/parity_case.h"

typedef struct {
    const char *name;
    const op_case *c;
} named_case;

extern const named_case parity_losses[]; /* ends with a NULL */

#endif
