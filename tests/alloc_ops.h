/* Every op while memory runs out, forward and backward. */
#ifndef REEL_TESTS_ALLOC_OPS_H
#define REEL_TESTS_ALLOC_OPS_H

#include <check.h>

void add_alloc_op_tests(TCase *c);

#endif
