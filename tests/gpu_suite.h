/* The parts of the suite test_cuda. Each adds its cases, which run on the GPU that test_device
 * names; main sees to it that it is one. */
#ifndef REEL_TESTS_GPU_SUITE_H
#define REEL_TESTS_GPU_SUITE_H

#include "tests/expect.h"

#include "cuda/cuda.h"

void add_training_cases(Suite *s);
void add_random_cases(Suite *s);
void add_large_cases(Suite *s);

#endif
