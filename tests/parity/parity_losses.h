#ifndef REEL_TESTS_PARITY_LOSSES_H
#define REEL_TESTS_PARITY_LOSSES_H

#include "tests/parity/parity_case.h"

extern const parity_subject parity_losses[]; /* ends with one without a name */

#endif
