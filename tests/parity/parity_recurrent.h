/* Cases of recurrent layers, cells and embeddings. */
#ifndef REEL_TESTS_PARITY_RECURRENT_H
#define REEL_TESTS_PARITY_RECURRENT_H

#include "tests/parity/parity_record.h"

void parity_recurrent(record *r);

#endif
