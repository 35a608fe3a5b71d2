/* Cases of nn/transformer.h, for parity_nn. */
#ifndef REEL_TESTS_PARITY_TRANSFORMER_H
#define REEL_TESTS_PARITY_TRANSFORMER_H

#include "tests/parity/parity_record.h"

void parity_transformers(record *r);

#endif
