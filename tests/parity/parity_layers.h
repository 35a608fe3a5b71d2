/* Cases of layers, by family: each list ends with a name that is NULL. */
#ifndef REEL_TESTS_PARITY_LAYERS_H
#define REEL_TESTS_PARITY_LAYERS_H

#include "tests/parity/parity_case.h"

extern const parity_subject parity_activations[];
extern const parity_subject parity_functions[];
extern const parity_subject parity_convolutions[];
extern const parity_subject parity_norms[];
extern const parity_subject parity_windows[];

/* Layers of convolutions, with what their parameters get. */
void parity_convolution_layers(record *r);

#endif
