/* Cases of layers, by family: each list ends with a name that is NULL. */
#ifndef REEL_TESTS_PARITY_LAYERS_H
#define REEL_TESTS_PARITY_LAYERS_H

#include "tests/parity/parity_case.h"

extern const parity_subject parity_activations[], parity_functions[];

#endif
