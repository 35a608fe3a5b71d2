/* What targets do with a state that they got out of a file. */
#ifndef REEL_TESTS_FUZZ_FUZZ_STATE_H
#define REEL_TESTS_FUZZ_FUZZ_STATE_H

#include "tensor/state.h"
#include "tests/fuzz/fuzz.h"

/* It can be written, and what is read of that is the same. */
void fuzz_round_trip(const reel_state *s);

#endif
